"""What a function returns, checked and converted before Dagster, which would quote it, sees it."""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import dagster as dg
import polars as pl

from data_package.engine.sources.frames import Frame, frame_of, is_frame
from data_package.engine.tables import measure, outside
from data_package.engine.tables.asset_notes import Kept
from data_package.engine.tables.table import Table

# Dagster's objects that describe a result, and are not one.
_TOLD = (dg.AssetMaterialization, dg.AssetObservation, dg.AssetCheckResult, dg.ObserveResult)
_NO_VALUE: object = dg.MaterializeResult[Any](metadata={}).value


@dataclass(frozen=True)
class Result:
    """One result of a function: its asset's name, and its annotated type."""

    name: str
    declared: object
    table: Table


def measured_and_fitted(
    function: Callable[..., object], results: Sequence[Result]
) -> Callable[..., object]:
    """The same function, with its table's time and memory measured from the call on.

    Its result is converted to the annotated type where possible, or else refused.
    """
    if all(result.table.kept is Kept.ELSEWHERE for result in results):
        return function
    tables = [result.table for result in results]
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def generate_later(*args: object, **kwargs: object) -> AsyncIterator[object]:
            with _looked_at(tables) as go_on:
                async for item in function(*args, **kwargs):
                    yield fitted(item, results)
                    go_on()

        return generate_later

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def later(*args: object, **kwargs: object) -> object:
            with _looked_at(tables, until_written=True):
                return _all_fitted(await function(*args, **kwargs), results)

        return later

    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generate(*args: object, **kwargs: object) -> Iterator[object]:
            with _looked_at(tables) as go_on:
                for item in function(*args, **kwargs):
                    yield fitted(item, results)
                    go_on()

        return generate

    @functools.wraps(function)
    def run(*args: object, **kwargs: object) -> object:
        with _looked_at(tables, until_written=True):
            return _all_fitted(function(*args, **kwargs), results)

    return run


@contextmanager
def _looked_at(
    tables: Sequence[Table], *, until_written: bool = False
) -> Iterator[Callable[[], None]]:
    """Measure a function, and look at what it goes to.

    Gives what begins anew for the next of several things, when the file of one is in place. What a
    function returns `until_written` is made by the IO manager, which ends both.
    """
    measure.start()
    watch = outside.begin(tables)

    def go_on() -> None:
        measure.start()
        outside.go_on(watch)

    done = False
    try:
        yield go_on
        done = True
    finally:
        if not (until_written and done):
            measure.stop()
            outside.end()


def _all_fitted(value: object, results: Sequence[Result]) -> object:
    if type(value) is not tuple:
        return fitted(value, results)
    places: Sequence[Sequence[Result]] = (
        [[result] for result in results] if len(results) == len(value) else [results] * len(value)
    )
    return tuple(fitted(item, place) for item, place in zip(value, places, strict=True))


def fitted(item: object, results: Sequence[Result]) -> object:
    """One result of a function, as its annotated type.

    Raises dg.Failure for a value that cannot be kept.
    """
    if isinstance(item, _TOLD) or not results:
        return item
    result = _meant(item, results)
    if isinstance(item, dg.MaterializeResult):
        if item.value is _NO_VALUE:
            _refuse_nothing(result)
            return item
        return item._replace(value=_fitted(item.value, result))
    if isinstance(item, dg.Output):
        value = _fitted(item.value, result)
        return item if value is item.value else _with_value(item, value)
    return _fitted(item, result)


def _meant(item: object, results: Sequence[Result]) -> Result:
    """Which of a function's results an item is; if that is open, the least demanding one."""
    if len(results) == 1:
        return results[0]
    named: str | None = None
    if isinstance(item, dg.MaterializeResult) and item.asset_key is not None:
        named = dg.AssetKey.from_coercible(item.asset_key).to_user_string()
    elif isinstance(item, dg.Output):
        named = item.output_name
    for result in results:
        if named in (result.name, result.name.replace("/", "__")):
            return result
    return Result(results[0].name, Any, results[0].table)


def _with_value(item: "dg.Output[Any]", value: object) -> "dg.Output[Any]":
    return dg.Output(
        value,
        item.output_name,
        metadata=item.metadata,
        data_version=item.data_version,
        tags=item.tags,
    )


def _fitted(value: object, result: Result) -> object:
    if result.table.kept is Kept.ELSEWHERE:
        return value
    if value is None:
        _refuse_nothing(result)
        return value
    declared = frame_of(result.declared)
    if declared is Frame.LAZY and isinstance(value, pl.DataFrame):
        return value.lazy()
    if declared is Frame.EAGER and isinstance(value, pl.LazyFrame):
        return value.collect()
    if isinstance(value, PurePath):
        if result.table.kept not in (Kept.FILE, Kept.BY_RESULT):
            raise dg.Failure(
                f"The function of '{result.name}' returned a path, but a table is expected.\n"
                "Return a frame; or write `-> Path`, and the file is kept unchanged."
            )
    elif result.table.kept is Kept.FILE or not is_frame(value):
        raise dg.Failure(_neither(value, result))
    elif declared is not None and frame_of(type(value)) is not declared:
        raise dg.Failure(
            f"The function of '{result.name}' is annotated to return "
            f"{_named(result.declared)}, but returned {_named(type(value))}.\n"
            "Correct the annotation after `->`, or what it returns."
        )
    return value


def _neither(value: object, result: Result) -> str:
    if result.table.kept is Kept.FILE:
        return (
            f"The function of '{result.name}' is annotated to return a Path, but returned "
            f"{_named(type(value))}."
        )
    return (
        f"A table's function must return a pl.LazyFrame or a pl.DataFrame, not "
        f"{_named(type(value))}.\nA pandas or Arrow frame works too. For a file, return its Path; "
        "for anything else, name the\nIO manager that keeps it: @dg.asset(io_manager_key=…)."
    )


def _refuse_nothing(result: Result) -> None:
    if result.table.kept is Kept.TABLE:
        why = (
            f"{result.table.project.relative(result.table.contract_path)} declares its columns"
            if result.table.contract is not None
            else f"it is annotated to return {_named(result.declared)}"
        )
        raise dg.Failure(
            f"The function of '{result.name}' returned nothing, but {why}.\nIs a `return` missing?"
        )
    if result.table.kept is Kept.FILE:
        raise dg.Failure(f"The function of '{result.name}' returned nothing instead of a Path.")


def _named(kind: object) -> str:
    """A type as it is usually written: `pandas.DataFrame`, `pl.LazyFrame`, `dict`."""
    if not isinstance(kind, type):
        return str(kind).replace("typing.", "")
    owner = kind.__module__.partition(".")[0]
    short = {"builtins": "", "polars": "pl."}.get(owner, f"{owner}.")
    return f"{short}{kind.__qualname__}"
