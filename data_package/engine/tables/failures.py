"""What is said when a user's function fails: where and what kind of thing, never a value.

The messages of Polars and of Python quote cells (`could not convert string to float: '…'`), and
Dagster keeps them in its event log. So the original exception goes no further than this module:
a `dg.Failure` made of known-safe words takes its place.
"""

import asyncio
import functools
import inspect
import linecache
import os
import re
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from pathlib import Path

import dagster as dg
import polars as pl

from data_package.engine.errors import DataPackageError
from data_package.engine.project import Project
from data_package.engine.tables import polars_errors
from data_package.engine.tables.table import place_of

_COLUMNS_SHOWN = 40
_returned = threading.local()
_ENGINE_NAME = __name__.removesuffix("tables.failures")
_ENGINE = Path(__file__).resolve().parents[1]

# These end a run and are nobody's failure. Everything else is one: a panic of Polars and an exit
# with a message are no `Exception`, and may quote a cell as well.
INTERRUPTIONS = (
    KeyboardInterrupt,
    GeneratorExit,
    asyncio.CancelledError,
    dg.DagsterExecutionInterruptedError,
)

# Set by a command that the user told to show values on their own terminal; never stored.
show_original: Callable[[str, BaseException], None] | None = None


def value_free(  # noqa: C901
    function: Callable[..., object], *, name: str, project: Project
) -> Callable[..., object]:
    """The same function, whose exceptions come out as a `dg.Failure` that quotes no value."""

    def failure(error: BaseException, arguments: Mapping[str, object]) -> Exception:
        if isinstance(error, dg.RetryRequested):
            return dg.RetryRequested(error.max_retries, error.seconds_to_wait)
        return describe(error, name=name, project=project, function=function, inputs=arguments)

    def bind(args: tuple[object, ...], kwargs: Mapping[str, object]) -> Mapping[str, object]:
        return inspect.signature(function).bind(*args, **kwargs).arguments

    # A failure is raised after its `except` block has ended: inside it, Python would hang the
    # original exception, message and all, on the new one, and Dagster would store both.
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generate(*args: object, **kwargs: object) -> Generator[object, object, object]:
            try:
                return (yield from function(*args, **kwargs))
            except INTERRUPTIONS:
                raise
            except BaseException as error:  # noqa: BLE001
                clean = failure(error, bind(args, kwargs))
            raise clean

        return generate

    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def generate_later(*args: object, **kwargs: object) -> AsyncIterator[object]:
            try:
                async for item in function(*args, **kwargs):
                    yield item
                return
            except INTERRUPTIONS:
                raise
            except BaseException as error:  # noqa: BLE001
                clean = failure(error, bind(args, kwargs))
            raise clean

        return generate_later

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def later(*args: object, **kwargs: object) -> object:
            try:
                return await function(*args, **kwargs)
            except INTERRUPTIONS:
                raise
            except BaseException as error:  # noqa: BLE001
                clean = failure(error, bind(args, kwargs))
            raise clean

        return later

    @functools.wraps(function)
    def run(*args: object, **kwargs: object) -> object:
        try:
            result = function(*args, **kwargs)
        except INTERRUPTIONS:
            raise
        except BaseException as error:  # noqa: BLE001
            clean = failure(error, bind(args, kwargs))
        else:
            if isinstance(result, pl.LazyFrame):
                # Its errors come up when it is written, in this thread, and are told of inputs too.
                _returned.inputs = function, bind(args, kwargs)
            return result
        raise clean

    return run


def describe(
    error: BaseException,
    *,
    name: str,
    project: Project,
    function: Callable[..., object] | None = None,
    inputs: Mapping[str, object] | None = None,
) -> dg.Failure:
    """One screen on a failure: the kind of error, the user's line, the inputs' columns.

    `function` is the user's; the error of a lazy query comes up only when that has long returned.
    """
    if show_original is not None:
        show_original(name, error)
    # Words chosen by the user or by the engine pass; what hangs on the exception is left behind.
    if isinstance(error, dg.Failure):
        return dg.Failure(error.description, error.metadata, error.allow_retries)
    if isinstance(error, DataPackageError):
        return dg.Failure(str(error))
    inputs = inputs if inputs is not None else _inputs_of_query(function)
    schemas = {key: schema for key, value in inputs.items() if (schema := _schema(value))}
    kind = type(error).__name__
    line = users_line(error, project)
    # A column that the user's own code names, or that an input has, is no value of a row.
    names = {column for schema in schemas.values() for column in schema}
    said = spoken(error, names=names, source=_source(line, function))
    report = [f"{kind}{': ' + said if said else ''}"]
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


def _inputs_of_query(function: Callable[..., object] | None) -> Mapping[str, object]:
    """What the function was last called with in this thread, if it returned a query."""
    called, inputs = getattr(_returned, "inputs", (None, {}))
    same = function is not None and inspect.unwrap(called or len) is inspect.unwrap(function)
    return inputs if same else {}


def type_name(dtype: pl.DataType) -> str:
    """A dtype in words that hold no category: those of an Enum may come from the data."""
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
    """The file and the line of the user's own code that an error came out of, innermost."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if is_users(path, project) and frame.lineno:
            return path, frame.lineno
    return None


def is_users(path: Path, project: Project) -> bool:
    """Whether a source file is the user's own."""
    return path.is_relative_to(project.package_folder) and not path.is_relative_to(_ENGINE)


def _is_of_user(function: Callable[..., object] | None) -> bool:
    """Whether a function is not the one of ours that publishes the package."""
    return function is not None and not inspect.unwrap(function).__module__.startswith(_ENGINE_NAME)


def _source(line: tuple[Path, int] | None, function: Callable[..., object] | None) -> str:
    """The text of the user's modules that are known to be part of it."""
    code = getattr(inspect.unwrap(function), "__code__", None) if function else None
    files = {str(line[0])} if line else set()
    files |= {code.co_filename} if code else set()
    return "".join(text for name in sorted(files) for text in linecache.getlines(name))


def _schema(value: object) -> Mapping[str, pl.DataType] | None:
    if isinstance(value, pl.DataFrame):
        return value.schema
    if isinstance(value, pl.LazyFrame):
        try:
            return value.collect_schema()
        except pl.exceptions.PolarsError:
            return None
    return None


def _columns(schema: Mapping[str, pl.DataType]) -> str:
    shown = [f"{name} {type_name(dtype)}" for name, dtype in list(schema.items())[:_COLUMNS_SHOWN]]
    more = len(schema) - len(shown)
    return ", ".join(shown) + (f", … and {more} more" if more > 0 else "")


def spoken(error: BaseException, *, names: set[str], source: str) -> str:
    """The part of an exception's message that is known to hold no value.

    `names` are those of columns, `source` the user's own code: what stands there is no value.
    """

    def safe(word: str | None) -> bool:
        if not word:
            return False
        return word in names or bool(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", source))

    match error:
        case pl.exceptions.PolarsError():
            return polars_errors.spoken(error, names=names, safe=safe)
        case ValueError() if said := polars_errors.known(str(error)):
            return said
        case FileNotFoundError() if error.filename:
            return "a file that the function opens is not there."
        case OSError() if error.errno:
            return f"{os.strerror(error.errno)}."
        case ModuleNotFoundError() if safe(error.name):
            return f"No module named '{error.name}'."
        case NameError() if safe(error.name):
            return f"name '{error.name}' is not defined."
        case AttributeError() if safe(error.name):
            owner = type(error.obj).__name__ if error.obj is not None else "object"
            return f"{owner} has no attribute '{error.name}'."
        case SyntaxError():
            return error.msg
        case ImportError() | TypeError() | dg.DagsterError() if _is_of_code(error, safe):
            return str(error)
    return "its message may quote values and is not kept." if error.args else ""


_OF_CODE = re.compile(
    r"cannot import name '\w+' from .*"
    r"|[\w.<>]+\(\) (got|missing|takes) .*"
    r"|'\w+' object is not (callable|iterable|subscriptable)"
    r"|unsupported operand type\(s\) for .*",
)


def _is_of_code(error: Exception, safe: Callable[[str], bool]) -> bool:
    """Whether Python or Dagster speaks of code, and whatever it quotes stands in the user's."""
    if isinstance(error, dg.DagsterError):
        message = str(error)
        return all(safe(word) for word in re.findall(r"""["'`]([^"'`]+)["'`]""", message))
    match = type(error) in (ImportError, TypeError) and _OF_CODE.fullmatch(str(error))
    if not match:
        return False
    given = re.search(r"(?:keyword|for) argument '(\w+)'|import name '(\w+)'", str(error))
    return given is None or safe(given.group(1) or given.group(2))
