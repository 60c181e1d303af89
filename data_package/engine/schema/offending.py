"""The rows that a report is about, with their values: for the user's own eyes only.

The one part of this room that gives values of the data. What it returns must not be logged or
stored; it is for the terminal of the person who holds the data.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from data_package.engine.schema.checker import FIRST_ROW
from data_package.engine.schema.columns import ROW_NUMBER, free_name
from data_package.engine.schema.contract import Contract, Descriptor
from data_package.engine.schema.damaged import DAMAGED
from data_package.engine.schema.dialect import Dialect
from data_package.engine.schema.dialect_of_file import dialect_of_file
from data_package.engine.schema.formats import format_of
from data_package.engine.schema.formats.file_format import FileFormat
from data_package.engine.schema.formats.opening import open_records, open_typed_file
from data_package.engine.schema.report import Report
from data_package.engine.schema.split import Shape
from data_package.engine.schema.unreadable import unreadable

_ERRORS = "errors"


def offending_rows(
    source: pl.DataFrame | pl.LazyFrame | Path,
    report: Report,
    *,
    contract: Contract | None = None,
    dialect: Descriptor | None = None,
    encoding: str | None = None,
    limit: int = 20,
) -> pl.DataFrame:
    """Return the first rows that a report itemises, as they are in a table or a file.

    At most `limit` rows are returned. A file is read as `dialect` and `encoding` say, or else as
    its contract does.
    The columns `row number` (Int64) and `errors` (String: field and rule of each) come first; they
    have other names where the table has these.
    Raises CheckError when the source cannot be read.
    """
    wanted = _wanted(report, limit)
    if isinstance(source, Path):
        form = format_of(source)
        settled = dialect_of_file(source, form, contract, dialect, encoding)
        try:
            if form.typed is not None:
                rows = _from_typed(source, form, wanted)
            else:
                rows = _from_file(source, form, wanted, settled)
        except DAMAGED as error:
            raise unreadable(report.name, error) from None
    else:
        frame = source.lazy()
        try:
            number = free_name(ROW_NUMBER, frame.collect_schema())
            numbered = frame.with_row_index(number, offset=FIRST_ROW)
            rows = numbered.filter(pl.col(number).is_in(list(wanted))).collect(engine="streaming")
        except DAMAGED as error:
            raise unreadable(report.name, error) from None
    numbers = rows.to_series(0).cast(pl.Int64)
    words = [wanted[number] for number in numbers]
    errors = pl.Series(free_name(_ERRORS, rows.columns), words, dtype=pl.String)
    return rows.replace_column(0, numbers).insert_column(1, errors)


def _wanted(report: Report, limit: int) -> Mapping[int, str]:
    found = report.errors.drop_nulls("row")
    reported = (
        found.with_columns(pl.concat_str("field", "rule", separator=": ", ignore_nulls=True))
        .group_by("row", maintain_order=True)
        .agg(pl.col("field").str.join("; "))
        .sort("row")
        .head(limit)
    )
    return dict(zip(reported["row"], reported["field"], strict=True))


def _from_typed(path: Path, form: FileFormat, wanted: Mapping[int, str]) -> pl.DataFrame:
    parts: list[pl.DataFrame] = []
    start = FIRST_ROW
    with open_typed_file(path, form) as file:
        number = free_name(ROW_NUMBER, file.columns)
        for batch in file.batches(list(file.columns)):
            numbered = batch.with_row_index(number, offset=start)
            parts.append(numbered.filter(pl.col(number).is_in(list(wanted))))
            start += batch.height
            if start > max(wanted, default=0):
                break
        empty = pl.DataFrame(schema={number: pl.UInt32(), **file.columns})
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
            parts.append(cells.insert_column(0, rows.alias(ROW_NUMBER)).filter(keep))
            if len(rows) and rows[-1] >= last:
                break
    names = [f"{i + 1} {label}".strip() for i, label in enumerate(labels)]
    names = list(labels) if len(set(labels)) == len(labels) and all(labels) else names
    empty = pl.DataFrame(schema={ROW_NUMBER: pl.Int64(), **shape.schema()})
    new = {
        ROW_NUMBER: free_name(ROW_NUMBER, names),
        **dict(zip(shape.schema(), names, strict=False)),
    }
    return pl.concat([empty, *parts]).rename(new)
