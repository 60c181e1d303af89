"""Annotations that cannot fit, whatever the data: reported before anything runs.

Only built-in types and those of Polars are judged. A type of the user's own may be made to fit.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PosixPath, PurePath
from typing import Any, get_args, get_origin

import dagster as dg
import polars as pl

from data_package.engine.sources.delivered import Delivered
from data_package.engine.sources.frames import frame_of
from data_package.engine.tables.asset_notes import Kept
from data_package.engine.tables.table import Table
from data_package.engine.tables.wiring import place_of_parameter

_PLAIN = (bool, int, float, complex, str, bytes, list, dict, tuple, set, frozenset)
_OF_POLARS = (pl.Series, pl.Expr)
_FRAMES = "pl.LazyFrame or pl.DataFrame"


def misfits(
    table: Table, tables: Mapping[dg.AssetKey, Table], delivered: Delivered
) -> Iterator[str]:
    """What a table's function says of its parameters and its result that cannot be."""
    for parameter, key in table.inputs.items():
        wanted = table.wanted.get(key, Any)
        name = key.to_user_string()
        if name in delivered.files:
            fault = _of_raw_file(name, wanted, delivered)
        elif (source := tables.get(key)) is not None:
            fault = _of_table(source, wanted)
        else:
            fault = ""
        if fault:
            place = place_of_parameter(table.function, parameter, table.project) or table.place
            yield f"{place}: '{table.name}' takes {fault}"
    if table.kept is Kept.TABLE and _never(table.returns):
        yield (
            f"{table.place}: '{table.name}' says that it returns {_named(table.returns)}, of which "
            f"no table can be made.\nLet it return a {_FRAMES}, and say so behind `->`."
        )


def _of_raw_file(name: str, wanted: object, delivered: Delivered) -> str:
    if frame_of(wanted) and name not in delivered.contracts:
        return (
            f"the rows of '{name}', and the raw file '{name}' has no contract to be read by.\n"
            f"Begin one with `data-package describe {name} --write`, or take the file as a Path."
        )
    paths = get_origin(wanted) is list and all(_may_be_path(one) for one in get_args(wanted))
    if paths or not _never(wanted):
        return ""
    forms = f"Path or list[Path], or {_FRAMES} where it has a contract"
    return f"the raw file '{name}' as {_named(wanted)}.\nTake it as {forms}."


def _of_table(source: Table, wanted: object) -> str:
    name = source.name
    is_path = isinstance(wanted, type) and issubclass(wanted, PurePath)
    by_key = source.partitioned and (wanted is dict or get_origin(wanted) is dict)
    if source.kept is Kept.FILE and frame_of(wanted):
        return f"'{name}' as {_named(wanted)}, and that is a file.\nTake it as a Path."
    if source.kept is Kept.NOTHING and frame_of(wanted):
        return (
            f"'{name}' as {_named(wanted)}, and its function says that it returns nothing.\n"
            f'To run after it without taking it: @dg.asset(deps=["{name}"])'
        )
    if source.kept is Kept.TABLE and not by_key and (is_path or _never(wanted)):
        forms = f"{_FRAMES}{', or dict[str, pl.LazyFrame]' if source.partitioned else ''}"
        return f"the table '{name}' as {_named(wanted)}.\nTake it as {forms}."
    return ""


def _never(annotation: object) -> bool:
    """Whether neither a frame nor a path can be what an annotation says."""
    kind = get_origin(annotation) or annotation
    return kind in (*_PLAIN, *_OF_POLARS)


def _may_be_path(annotation: object) -> bool:
    return not isinstance(annotation, type) or issubclass(PosixPath, annotation)


def _named(annotation: object) -> str:
    if get_origin(annotation) is None and isinstance(annotation, type):
        module = "pl." if annotation.__module__.startswith("polars") else ""
        return f"{module}{annotation.__name__}"
    text = re.sub(
        r"typing\.(Dict|List|Tuple|Set)\b", lambda found: found[1].lower(), str(annotation)
    )
    return re.sub(r"\bpolars\.[\w.]+\.(?=\w)", "pl.", re.sub(r"\b(typing|pathlib)\.", "", text))
