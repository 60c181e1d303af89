"""The rows that a report is about, with their values: for the user's own eyes only.

The one part of this room that gives values of the data. What it returns must not be logged or
stored; it is for the terminal of the person who holds the data.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from data_package.engine.schema.checker import FIRST_ROW
from data_package.engine.schema.contract import Contract, Descriptor
from data_package.engine.schema.dialect import Dialect, dialect_of_file
from data_package.engine.schema.formats import format_of
from data_package.engine.schema.formats.file_format import FileFormat
from data_package.engine.schema.formats.opening import open_records, open_typed_file
from data_package.engine.schema.report import Report
from data_package.engine.schema.split import Shape
from data_package.engine.schema.unreadable import unreadable

ROW = "row number"
ERRORS = "errors"


def offending_rows(
    source: pl.DataFrame | pl.LazyFrame | Path,
    report: Report,
    *,
    contract: Contract | None = None,
    dialect: Descriptor | None = None,
    encoding: str | None = None,
    limit: int = 20,
) -> pl.DataFrame:
    """Return the first rows that a report itemises, as they stand in a table or a file.

    A file is read as `dialect` and `encoding` say, or else its contract's own.
    The columns `row number` (Int64) and `errors` (String: field and rule of each) come first.
    Raises CheckError when the source cannot be read.
    """
    wanted = _wanted(report, limit)
    if isinstance(source, Path):
        form = format_of(source)
        settled = dialect_of_file(source, form, contract, dialect, encoding)
        if form.typed is not None:
            rows = _from_typed(source, form, wanted)
        else:
            rows = _from_file(source, form, wanted, settled)
    else:
        numbered = source.lazy().with_row_index(ROW, offset=FIRST_ROW)
        try:
            rows = numbered.filter(pl.col(ROW).is_in(list(wanted))).collect(engine="streaming")
        except pl.exceptions.PolarsError as error:
            raise unreadable(report.name, error) from None
    words = [wanted[int(number)] for number in rows[ROW]]
    return rows.with_columns(pl.col(ROW).cast(pl.Int64)).insert_column(
        1, pl.Series(ERRORS, words, dtype=pl.String)
    )


def _wanted(report: Report, limit: int) -> Mapping[int, str]:
    found = report.errors.drop_nulls("row")
    told = (
        found.with_columns(pl.concat_str("field", "rule", separator=": ", ignore_nulls=True))
        .group_by("row", maintain_order=True)
        .agg(pl.col("field").str.join("; "))
        .sort("row")
        .head(limit)
    )
    return dict(zip(told["row"], told["field"], strict=True))


def _from_typed(path: Path, form: FileFormat, wanted: Mapping[int, str]) -> pl.DataFrame:
    parts: list[pl.DataFrame] = []
    start = FIRST_ROW
    with open_typed_file(path, form) as file:
        for batch in file.batches(list(file.columns), ()):
            numbered = batch.with_row_index(ROW, offset=start)
            parts.append(numbered.filter(pl.col(ROW).is_in(list(wanted))))
            start += batch.height
            if start > max(wanted, default=0):
                break
        empty = pl.DataFrame(schema={ROW: pl.UInt32(), **file.columns})
    return pl.concat([empty, *parts])


def _from_file(
    path: Path, form: FileFormat, wanted: Mapping[int, str], dialect: Dialect
) -> pl.DataFrame:
    parts: list[pl.DataFrame] = []
    last = max(wanted, default=0)
    with open_records(path, form, dialect) as records:
        labels = records.labels
        shape = Shape(len(labels) or 1, empty_is_null=False)
        for block, cells in records.blocks(shape, lambda block: block.cells):
            rows = block.rows
            keep = rows.is_in(list(wanted))
            parts.append(cells.insert_column(0, rows.alias(ROW)).filter(keep))
            if len(rows) and rows[-1] >= last:
                break
    names = [f"{i + 1} {label}".strip() for i, label in enumerate(labels)]
    names = list(labels) if len(set(labels)) == len(labels) and all(labels) else names
    empty = pl.DataFrame(schema={ROW: pl.Int64(), **shape.schema()})
    return pl.concat([empty, *parts]).rename(dict(zip(shape.schema(), names, strict=False)))
