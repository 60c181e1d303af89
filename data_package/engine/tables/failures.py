"""The report on a failure of a user's function: where, and what kind of error; never a value.

The messages of Polars and of Python quote cells (`could not convert string to float: '…'`), and
Dagster keeps them in its event log. So the original exception goes no further than this module:
a `dg.Failure` with a message known to be safe is raised instead.
"""

import asyncio
import functools
import inspect
import linecache
import re
import sqlite3
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from data_package.engine.errors import DataPackageError
from data_package.engine.project import Project
from data_package.engine.schema.damaged import DAMAGED
from data_package.engine.tables import polars_errors, python_errors
from data_package.engine.tables.own_words import OwnWords, names_known, read_source
from data_package.engine.tables.table import place_of
from data_package.engine.unusable import OF_PROCESSES, lack_of_room, number_of, why, why_failed

_COLUMNS_SHOWN = 40
_Inputs = Mapping[str, object]
_Clean = Callable[[BaseException, Callable[[], _Inputs]], BaseException]
_returned = threading.local()
_ENGINE_NAME = __name__.removesuffix("tables.failures")
_ENGINE = Path(__file__).resolve().parents[1]

# These end a run and are not failures. Everything else is one: a panic of Polars and an exit with a
# message are not an `Exception`, and may quote a cell as well.
INTERRUPTIONS = (
    KeyboardInterrupt,
    GeneratorExit,
    asyncio.CancelledError,
    dg.DagsterExecutionInterruptedError,
)

# Set by a command that the user asked to show values on their own terminal; never stored.
show_original: Callable[[str, BaseException], None] | None = None


def wordless(error: BaseException) -> BaseException:
    """An interruption of the same kind without a message: a user's code may have raised it."""
    return next(kind for kind in INTERRUPTIONS if isinstance(error, kind))()


def value_free(
    function: Callable[..., object], *, name: str, project: Project
) -> Callable[..., object]:
    """The same function; its exceptions are replaced by a `dg.Failure` that quotes no value."""

    def clean(error: BaseException, inputs: Callable[[], _Inputs]) -> BaseException:
        if isinstance(error, INTERRUPTIONS):
            return wordless(error)
        if isinstance(error, dg.RetryRequested):
            return dg.RetryRequested(error.max_retries, error.seconds_to_wait)
        return describe(error, name=name, project=project, function=function, inputs=inputs())

    form = next((form for has_it, form in _FORMS.items() if has_it(function)), _returning)
    return functools.wraps(function)(form(function, clean))


def _bound(function: Callable[..., object], /, *args: object, **kwargs: object) -> _Inputs:
    return inspect.signature(function).bind(*args, **kwargs).arguments


# A failure is raised after its `except` block has ended: inside it, Python would attach the
# original exception with its message to the new one, and Dagster would store both.


def _returning(function: Callable[..., object], clean: _Clean) -> Callable[..., object]:
    def run(*args: object, **kwargs: object) -> object:
        inputs = functools.partial(_bound, function, *args, **kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001
            failure = clean(error, inputs)
        else:
            if isinstance(result, pl.LazyFrame):
                # Its errors occur when it is written, in this thread, and their reports name the
                # inputs too.
                _returned.inputs = function, inputs()
            return result
        raise failure

    return run


def _generating(function: Callable[..., Any], clean: _Clean) -> Callable[..., object]:
    def generate(*args: object, **kwargs: object) -> Generator[object, object, object]:
        try:
            return (yield from function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001
            failure = clean(error, functools.partial(_bound, function, *args, **kwargs))
        raise failure

    return generate


def _returning_later(function: Callable[..., Any], clean: _Clean) -> Callable[..., object]:
    async def run(*args: object, **kwargs: object) -> object:
        try:
            return await function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001
            failure = clean(error, functools.partial(_bound, function, *args, **kwargs))
        raise failure

    return run


def _generating_later(function: Callable[..., Any], clean: _Clean) -> Callable[..., object]:
    async def generate(*args: object, **kwargs: object) -> AsyncIterator[object]:
        try:
            async for item in function(*args, **kwargs):
                yield item
            return
        except BaseException as error:  # noqa: BLE001
            failure = clean(error, functools.partial(_bound, function, *args, **kwargs))
        raise failure

    return generate


_FORMS: Mapping[
    Callable[[object], bool], Callable[[Callable[..., Any], _Clean], Callable[..., object]]
] = {
    inspect.isgeneratorfunction: _generating,
    inspect.iscoroutinefunction: _returning_later,
    inspect.isasyncgenfunction: _generating_later,
}


def describe(
    error: BaseException,
    *,
    name: str,
    project: Project,
    function: Callable[..., object] | None = None,
    inputs: Mapping[str, object] | None = None,
) -> dg.Failure:
    """One screen on a failure: the kind of error, the user's line, the inputs' columns.

    `function` is the user's; the error of a lazy query occurs long after it has returned.
    """
    if show_original is not None:
        show_original(name, error)
    # A message written by the user or by the engine passes; attached exceptions are left behind.
    if isinstance(error, dg.Failure):
        return dg.Failure(error.description, error.metadata, error.allow_retries)
    if isinstance(error, DataPackageError) and _is_raised_here(error):
        return dg.Failure(str(error))
    inputs = inputs if inputs is not None else _inputs_of_query(function)
    schemas = {key: schema for key, value in inputs.items() if (schema := _schema(value))}
    line = users_line(error, project)
    words = OwnWords(
        sources=_sources(error, project, function),
        # A column that the user's own code names, or that an input has, is not a value of a row.
        names=names_known().union(*schemas.values()),
    )
    kind = python_errors.kind_of(error, words)
    message_shown = spoken(error, words)
    if not message_shown and not _is_of_user(function) and line is None:
        message_shown = _of_the_engine(error) or message_shown
    report = [f"{kind}{': ' + message_shown if message_shown else _nothing_kept(error)}"]
    if _may_lack_room(error):
        # The user's own code may write to any disk.
        of_ours = not _is_of_user(function) or line is None
        said = why_failed(error, project.storage) if of_ours else lack_of_room(project.storage)
        if isinstance(error, pl.exceptions.PanicException) and number_of(error) in OF_PROCESSES:
            # Polars starts its threads with the first query.
            said = why(OSError(number_of(error), ""))
        report += [f"  {one}" for one in said.splitlines()]
    if line:
        report.append(f"  at {project.relative(line[0])}:{line[1]}")
        report.append(f"     {linecache.getline(str(line[0]), line[1]).strip()}")
    elif _is_of_user(function) and (place := place_of(function, project)):
        report.append(f"  in the query that the function at {place} returns")
    if schemas:
        report.append("  inputs:")
        report.extend(f"    {key}: {_columns(schema)}" for key, schema in schemas.items())
    return dg.Failure(
        description="\n".join(report),
        metadata={"error": kind},
    )


def in_short(error: BaseException, project: Project, place: tuple[str, int] | None = None) -> str:
    """One line on an error that belongs to no table; `place` is where it occurred, if known."""
    line = (Path(place[0]), place[1]) if place else users_line(error, project)
    sources = _sources(error, project, None)
    if line and is_users(line[0], project):
        sources = (*sources, read_source(line[0]))
    words = OwnWords(sources, names_known())
    message_shown = spoken(error, words)
    at = f" at {project.relative(line[0])}:{line[1]}" if line else ""
    return (
        f"{python_errors.kind_of(error, words)}{at}{': ' + message_shown if message_shown else ''}"
    )


def _is_raised_here(error: BaseException) -> bool:
    """Whether the message is the engine's, and not from a user's function."""
    frames = traceback.extract_tb(error.__traceback__)
    return not frames or Path(frames[-1].filename).is_relative_to(_ENGINE)


def _inputs_of_query(function: Callable[..., object] | None) -> Mapping[str, object]:
    """The arguments of the function's last call in this thread, if it returned a query."""
    called, inputs = getattr(_returned, "inputs", (None, {}))
    same = function is not None and inspect.unwrap(called or len) is inspect.unwrap(function)
    return inputs if same else {}


def type_name(dtype: pl.DataType) -> str:
    """A dtype as text without categories: those of an Enum may come from the data."""
    if isinstance(dtype, pl.Enum | pl.Categorical):
        return type(dtype).__name__
    if isinstance(dtype, pl.List | pl.Array):
        return f"{type(dtype).__name__}({_inner(dtype.inner)})"
    if isinstance(dtype, pl.Struct):
        return f"Struct({', '.join(f'{f.name}: {_inner(f.dtype)}' for f in dtype.fields)})"
    return str(dtype)


def _inner(dtype: object) -> str:
    return type_name(dtype) if isinstance(dtype, pl.DataType) else str(dtype)


def users_line(error: BaseException, project: Project) -> tuple[Path, int] | None:
    """The file and line of the user's own code where an error occurred, innermost."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if is_users(path, project) and frame.lineno:
            return path, frame.lineno
    return None


def is_users(path: Path, project: Project) -> bool:
    """Whether a source file is the user's own."""
    below = path.is_relative_to(project.package_folder) or path.is_relative_to(project.root)
    installed = any(part.endswith("-packages") for part in path.parts)
    return below and not installed and not path.is_relative_to(_ENGINE) and path.is_file()


def _is_of_user(function: Callable[..., object] | None) -> bool:
    """Whether a function is the user's, and not ours that publishes the package."""
    return function is not None and not inspect.unwrap(function).__module__.startswith(_ENGINE_NAME)


def _sources(
    error: BaseException, project: Project, function: Callable[..., object] | None
) -> tuple[str, ...]:
    """The sources whose literal text may be shown: the user's, and Dagster's that failed."""
    code = getattr(inspect.unwrap(function), "__code__", None) if function else None
    files = {code.co_filename} if code else set()
    for frame in traceback.extract_tb(error.__traceback__):
        of_dagster = isinstance(error, dg.DagsterError) and _is_dagsters(frame.filename)
        if of_dagster or is_users(Path(frame.filename), project):
            files.add(frame.filename)
    return tuple(read_source(name) for name in sorted(files))


def _is_dagsters(file: str) -> bool:
    return bool(re.search(r"-packages/dagster(_shared)?/", file))


def _schema(value: object) -> Mapping[str, pl.DataType] | None:
    if isinstance(value, pl.DataFrame):
        return value.schema
    if isinstance(value, pl.LazyFrame):
        try:
            return value.collect_schema()
        except DAMAGED:
            return None
    return None


def _columns(schema: Mapping[str, pl.DataType]) -> str:
    shown = [f"{name} {type_name(dtype)}" for name, dtype in list(schema.items())[:_COLUMNS_SHOWN]]
    more = len(schema) - len(shown)
    return ", ".join(shown) + (f", … and {more} more" if more > 0 else "")


def spoken(error: BaseException, words: OwnWords) -> str:
    """The part of an exception's message that is known to hold no value; empty if there is none."""
    match error:
        case pl.exceptions.PolarsError():
            message_shown = polars_errors.spoken(error, words)
        case ValueError() if message_shown := polars_errors.known(_message(error)):
            pass
        case _:
            message_shown = python_errors.spoken(error, words)
    return message_shown or words.of(_message(error))


def _nothing_kept(error: BaseException) -> str:
    return ": its message may quote values and is not kept." if error.args else ""


def _message(error: BaseException) -> str:
    """An error's message, without its notes and the members of a group."""
    raised = error.message if isinstance(error, BaseExceptionGroup) else error
    try:
        return str(raised)
    except Exception:  # noqa: BLE001 (a user's class may raise anything in `__str__`)
        return ""


def _of_the_engine(error: BaseException) -> str:
    """A message that cannot come from a row, as where a library cannot be loaded."""
    return str(error) if type(error) in (ImportError, ModuleNotFoundError) else ""


def _may_lack_room(error: BaseException) -> bool:
    return isinstance(
        error, OSError | pl.exceptions.PolarsError | pl.exceptions.PanicException | sqlite3.Error
    )
