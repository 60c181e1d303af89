"""The column lineage of one function: followed operation by operation, and compared with Polars.

The function is called twice, each time on sources that have columns and no rows. The first time
every operation is followed. The second time only Polars is asked: the whole query must ask its
sources for exactly the columns that were found. Where the two differ, no lineage is reported.
"""

import contextlib
import inspect
import io
import typing
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import dagster as dg
import polars as pl

from data_package.engine.lineage.attention import attending
from data_package.engine.lineage.column_lineage import NOTHING, CannotFollow, Refs, TableLineage
from data_package.engine.lineage.followed_frames import Frames
from data_package.engine.lineage.following import following
from data_package.engine.lineage.pushdown import LOOKS, Asker
from data_package.engine.lineage.watched_files import RawFiles
from data_package.engine.tables.failures import INTERRUPTIONS

Function = Callable[..., object]

_CONTEXT = "context"
# So many frames are followed in a moment.
_MOST_KEYS = 64


@dataclass(frozen=True)
class Input:
    """What a parameter receives.

    Attributes:
        name: of the table or the raw file.
        schema: the columns of a table; None for a raw file.
        paths: the files of a raw file.
        several: whether a raw file arrives as a list.
        keys: of the partitions that a table arrives in, where it has any.
    """

    name: str
    schema: Mapping[str, pl.DataType] | None = None
    paths: tuple[Path, ...] = ()
    several: bool = False
    keys: tuple[str, ...] = ()


class PartitionContext:
    """What a function may ask of its context here: the partition that it makes."""

    has_partition_key = True

    def __init__(self, key: str) -> None:
        """`key`: as Dagster gives it; of several dimensions, a `MultiPartitionKey`."""
        self.partition_key = key
        self.partition_keys = [key]

    def __getattr__(self, name: str) -> object:
        """Raise CannotFollow: anything else is not known before a run."""
        raise CannotFollow(f"it asks its context for {name}")


def derive(
    function: Function,
    inputs: Mapping[str, Input],
    package: str,
    context: PartitionContext | None = None,
) -> TableLineage:
    """What the columns of a function's result are computed from.

    Args:
        function: the user's own.
        inputs: what each of its parameters receives.
        package: the project's package, whose modules the function may use.
        context: what it asks for the partition that it makes; None for a table without any.

    Returns:
        The lineage, or the reason why there is none; never a guess, and never an exception of the
        user's function.
    """
    try:
        _refuse_unfit(function, inputs, context)
        inputs = _as_asked(function, inputs)
        called: Function = function
        if context is not None and _CONTEXT in inspect.signature(function).parameters:
            called = partial(function, **{_CONTEXT: context})
        with following(package), _quiet():
            found, frames = _follow(called, inputs)
            _hold_against_polars(found, called, inputs, frames)
    except CannotFollow as reason:
        return TableLineage(reason=str(reason))
    except INTERRUPTIONS:
        raise
    except BaseException as error:  # noqa: BLE001 (a user's function may raise anything)
        return TableLineage(reason=f"it raises {type(error).__name__} on frames without rows")
    return found


def _follow(function: Function, inputs: Mapping[str, Input]) -> tuple[TableLineage, Frames]:
    frames = _frames(inputs)
    out = _call(function, inputs, frames)
    known = frames.known(out)
    return TableLineage.of(known.values, known.rows), frames


def _hold_against_polars(
    found: TableLineage, function: Function, inputs: Mapping[str, Input], followed: Frames
) -> None:
    """Raise CannotFollow where the query as a whole asks for other columns than were found."""
    frames = _frames(inputs, followed)
    out = _call(function, inputs, frames)
    names = out.collect_schema().names()
    if names != list(found.columns):
        raise CannotFollow("it makes other columns each time it is called")

    def asked(outputs: Collection[str]) -> Refs:
        answer = frames.asker.ask(out.select(outputs))
        return frozenset(
            (owner, column)
            for number, owner in frames.inputs.items()
            for column in answer.get(number, frozenset())
        )

    def values(outputs: Collection[str]) -> Refs:
        return NOTHING.union(*(found.columns[name] for name in outputs))

    whole = asked(names)
    # To count rows Polars reads some column, whichever is smallest, and to make a frame long all.
    unexplained = whole - values(names) - found.rows
    if unexplained and (not followed.reads_more or unexplained & followed.may_shape):
        raise CannotFollow("Polars reads a column whose role in it is not understood")
    halves: Sequence[list[str]] = (names[::2], names[1::2])
    if not values(names) <= whole or any(not values(h) <= asked(h) for h in halves if h):
        raise CannotFollow("Polars does not read a column that was thought to be part of it")


def _frames(inputs: Mapping[str, Input], followed: Frames | None = None) -> Frames:
    files = {one.name: one.paths for one in inputs.values() if one.schema is None}
    schemas = followed.files.schemas if followed else None
    return Frames(Asker(), RawFiles(files, schemas), follows=followed is None)


def _call(function: Function, inputs: Mapping[str, Input], frames: Frames) -> pl.LazyFrame:
    """Call the function on sources. Raises CannotFollow when its result cannot be followed."""
    arguments: dict[str, object] = {}
    for parameter, one in inputs.items():
        if one.schema is not None and one.keys:
            schema = one.schema
            arguments[parameter] = {key: frames.source(one.name, schema) for key in one.keys}
        elif one.schema is not None:
            arguments[parameter] = frames.source(one.name, one.schema)
        else:
            paths = [frames.files.watched(path) for path in one.paths]
            arguments[parameter] = paths if one.several else paths[0]
    try:
        with attending(frames):
            out = function(**arguments)
    except INTERRUPTIONS:
        raise
    except BaseException:  # the obstacle explains more than the resulting exception
        _refuse_obstacles(frames, inputs)
        raise
    _refuse_obstacles(frames, inputs)
    value = out.value if isinstance(out, dg.Output | dg.MaterializeResult) else out
    if not isinstance(value, pl.LazyFrame):
        raise CannotFollow(f"it returns a {type(value).__name__}, not a LazyFrame")
    return value


def _refuse_obstacles(frames: Frames, inputs: Mapping[str, Input]) -> None:
    if frames.obstacle is not None:
        raise CannotFollow(frames.obstacle)
    if frames.asker.looked:
        raise CannotFollow(LOOKS)
    for one in inputs.values():
        if one.name in frames.files.opened:
            raise CannotFollow(f"it reads {one.name} in other ways than a lazy Polars scan")
        if one.schema is None and one.name not in frames.files.scanned:
            raise CannotFollow(f"it does not read {one.name} by a lazy Polars scan")


def _refuse_unfit(
    function: Function, inputs: Mapping[str, Input], context: PartitionContext | None
) -> None:
    """Raise CannotFollow for a function that cannot be called like this."""
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise CannotFollow("its function is asynchronous")
    if inspect.isgeneratorfunction(function):
        raise CannotFollow("its function yields")
    lazy = _lazy_parameters(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if name == _CONTEXT and context is not None:
            continue
        if name not in inputs:
            if parameter.default is inspect.Parameter.empty:
                raise CannotFollow(
                    f"its function takes '{name}', which is neither a table nor a raw file"
                )
        elif inputs[name].schema is not None and name not in lazy:
            raise CannotFollow(f"it takes {inputs[name].name} as something other than a LazyFrame")


def _lazy_parameters(function: Function) -> set[str]:
    """The parameters annotated as lazy frames; judged by their text where a name is missing."""
    return {
        name for name, hint in _hints(function).items() if _is_lazy(hint) or _is_dict_of_lazy(hint)
    }


def _as_asked(function: Function, inputs: Mapping[str, Input]) -> dict[str, Input]:
    """The inputs with keys only where partitions are asked for one by one."""
    hints = _hints(function)
    asked = {}
    for name, one in inputs.items():
        by_key = bool(one.keys) and _is_dict_of_lazy(hints.get(name))
        if by_key and len(one.keys) > _MOST_KEYS:
            raise CannotFollow(
                f"it takes more than {_MOST_KEYS} partitions of {one.name} one by one"
            )
        asked[name] = one if by_key else replace(one, keys=())
    return asked


def _hints(function: Function) -> Mapping[str, object]:
    try:
        return typing.get_type_hints(inspect.unwrap(function))
    except NameError:
        return {n: p.annotation for n, p in inspect.signature(function).parameters.items()}


def _is_lazy(hint: object) -> bool:
    return hint is pl.LazyFrame or hint in ("pl.LazyFrame", "polars.LazyFrame", "LazyFrame")


def _is_dict_of_lazy(hint: object) -> bool:
    if isinstance(hint, str):
        return hint.replace(" ", "") in ("dict[str,pl.LazyFrame]", "dict[str,LazyFrame]")
    inner = typing.get_args(hint)
    return typing.get_origin(hint) in (dict, Mapping) and len(inner) == 2 and _is_lazy(inner[1])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What the function prints or warns of was shown when its table was built."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
