"""Frames of Polars, pandas and Arrow: which one a function takes or returns, and conversions.

Every conversion goes through Polars; pandas need not be installed.
"""

import types
from enum import Enum, auto
from typing import Any, Union, get_args, get_origin

import polars as pl

from data_package.engine.errors import BuildError

# The module of which the edition is that of the code that converts frames.
CONVERTER = __name__


class Frame(Enum):
    """The kinds of frame that a function may ask for."""

    LAZY = auto()
    EAGER = auto()
    PANDAS = auto()
    ARROW = auto()


# By the place where a library defines its frame, so that it need not be imported.
_PLACES = {("pandas", "DataFrame"): Frame.PANDAS, ("pyarrow", "Table"): Frame.ARROW}


def frame_of(annotation: object) -> Frame | None:
    """The frame that an annotation names, also as `Optional[...]`; None for anything else."""
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [part for part in get_args(annotation) if part is not type(None)]
        return frame_of(inner[0]) if len(inner) == 1 else None
    if not isinstance(annotation, type) or get_args(annotation):
        return None
    if issubclass(annotation, pl.LazyFrame):
        return Frame.LAZY
    if issubclass(annotation, pl.DataFrame):
        return Frame.EAGER
    return _PLACES.get((annotation.__module__.partition(".")[0], annotation.__name__))


def is_frame(value: object) -> bool:
    """Whether a value can be converted to a table."""
    return frame_of(type(value)) is not None or _is_arrow(value)


def handed(scan: pl.LazyFrame, frame: Frame) -> object:
    """The rows of a table as the kind of frame that a function asks for.

    Raises BuildError when pandas is asked for and not installed.
    """
    match frame:
        case Frame.LAZY:
            return scan
        case Frame.EAGER:
            return scan.collect()
        case Frame.ARROW:
            return scan.collect().to_arrow()
        case Frame.PANDAS:
            try:
                return scan.collect().to_pandas()
            except ModuleNotFoundError:
                raise BuildError(
                    "pandas is not installed. Install it: pip install pandas"
                ) from None


def to_polars(value: Any) -> pl.DataFrame | pl.LazyFrame:
    """A frame of Polars, pandas or Arrow as one of Polars.

    An index of pandas that has names becomes columns; one that only numbers the rows is left out.
    Raises BuildError for a pandas frame whose row labels have no column name, or
    with more than one row of column names.
    """
    if isinstance(value, pl.DataFrame | pl.LazyFrame):
        return value
    if frame_of(type(value)) is Frame.PANDAS:
        return _from_pandas(value)
    made = pl.from_arrow(value) if _is_arrow(value) else pl.DataFrame(value)
    assert isinstance(made, pl.DataFrame)
    return made


def _from_pandas(frame: Any) -> pl.DataFrame:
    index = frame.index
    has_names = [name is not None for name in index.names]
    if frame.columns.nlevels > 1:
        raise BuildError(
            "The pandas frame has several rows of column names, and a table has one.\n"
            'Join them: frame.columns = ["_".join(names) for names in frame.columns]'
        )
    if not all(has_names) and (len(has_names) > 1 or getattr(index.dtype, "kind", "O") not in "iu"):
        raise BuildError(
            "The rows of the pandas frame have labels without a name, which a table cannot keep.\n"
            'Give them one, frame.rename_axis("subject"), or drop them, '
            "frame.reset_index(drop=True)."
        )
    return pl.from_pandas(frame, include_index=all(has_names))


def _is_arrow(value: object) -> bool:
    """Whether a value is an Arrow table, or an object with the Arrow stream interface."""
    if type(value).__module__.startswith("pyarrow"):
        return type(value).__name__ in ("Table", "RecordBatch", "RecordBatchReader")
    return hasattr(value, "__arrow_c_stream__") and hasattr(value, "columns")
