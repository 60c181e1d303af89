"""A contract inferred from typed files: from their values, and from what they say of themselves.

Labels of variables become titles, labels of values categories, and values that the file counts as
missing become missing values with their labels. What a label says is the sender's word and no
value of a row; a code without a label is proposed only where enough rows hold it.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from data_package.engine.schema.columns import column
from data_package.engine.schema.contract import Field
from data_package.engine.schema.damaged import DAMAGED
from data_package.engine.schema.formats.file_format import (
    FileFormat,
    Known,
    TypedFile,
    code_column,
)
from data_package.engine.schema.formats.opening import open_typed_file
from data_package.engine.schema.labels import distinct_labels
from data_package.engine.schema.typed_file import converted
from data_package.engine.schema.unreadable import CheckError

_EMPTY = {"value": "", "label": "empty"}
_NOT_GIVEN = "not given"
# Missing values of Stata and SAS besides the plain one.
_TAGGED = re.compile(r"\.[a-z_]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of typed files below one another.

    `frame` has the values with the types that a contract would give them; it is lazy where Polars
    scans the files. `codes` counts the rows with each code of a missing value, by column.
    """

    frame: pl.DataFrame | pl.LazyFrame
    known: Mapping[str, Known] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def columns_of_files(paths: Sequence[Path], form: FileFormat) -> Columns:
    """Return what is in typed files.

    Raises CheckError when one cannot be read, or has other columns than the first.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(open_typed_file(path, form)) for path in paths]
        scans = [file.scan for file in files if file.scan is not None]
        read = [] if scans else [_read(file) for file in files]
    try:
        if scans:
            scan = pl.concat(scans)
            scan.collect_schema()
            return Columns(scan, files[0].known, notes=files[0].notes)
        frame = pl.concat([one.frame.lazy() for one in read], how="vertical_relaxed").collect()
    except DAMAGED as error:
        raise CheckError(
            f"{paths[0]}: it and the files with it cannot be read as one table "
            f"({type(error).__name__})"
        ) from None
    codes: dict[str, dict[str, int]] = {}
    for one in read:
        for name, counts in one.codes.items():
            held = codes.setdefault(name, {})
            for code, rows in counts.items():
                held[code] = held.get(code, 0) + rows
    return replace(read[0], frame=frame, codes=codes)


def with_words(fields: list[dict[str, object]], columns: Columns, small_cells: int) -> list[str]:
    """Put what the files say into the fields that were inferred; return notes for a person."""
    notes = list(columns.notes)
    frame = columns.frame.lazy().collect()
    for one in fields:
        name = str(one["name"])
        known = columns.known.get(name, Known())
        one["title"] = known.title or one.get("title", "")
        one["description"] = known.description or one.get("description", "")
        missing = _missing(known, columns.codes.get(name, {}), small_cells)
        labels = {code: text for code, text in known.labels.items() if code not in missing}
        if missing:
            blank = [_EMPTY] if one.get("type") == "string" else []
            given = [{"value": code, "label": text} for code, text in missing.items()]
            one["missingValues"] = [*blank, *given]
        if labels:
            _put_labels(one, labels, frame[name])
        for low, high in known.missing_ranges:
            notes.append(f"{name}: values from {low:g} to {high:g} are missing in the file.")
    return notes


def _read(file: TypedFile) -> Columns:
    coded = [
        name
        for name, dtype in file.columns.items()
        if dtype.is_numeric() or file.known.get(name, Known()).missing
    ]
    parts = [pl.DataFrame(schema=file.columns)]
    codes: dict[str, dict[str, int]] = {}
    for batch in file.batches(list(file.columns), coded):
        given = set(batch.columns)
        for name in coded:
            if code_column(name) in given:
                counts = batch[code_column(name)].drop_nulls().value_counts(name="rows")
                held = codes.setdefault(name, {})
                for code, rows in counts.iter_rows():
                    held[code] = held.get(code, 0) + rows
        parts.append(batch.select(map(column, file.columns)))
    frame = pl.concat(parts)
    whole = [name for name, dtype in frame.schema.items() if dtype.is_float()]
    frame = frame.with_columns(map(_whole_as_integers, (frame[name] for name in whole)))
    lasting = [name for name, dtype in frame.schema.items() if dtype == pl.Duration]
    return Columns(
        frame.with_columns(map(_short_as_times, (frame[name] for name in lasting))),
        file.known,
        codes,
        file.notes,
    )


def _whole_as_integers(column: pl.Series) -> pl.Series:
    """A column of floats as integers where all are whole, as SPSS and SAS know no integers."""
    whole = column.cast(pl.Int64, strict=False)
    same = whole.null_count() == column.null_count() < len(column)
    return whole if same and bool((whole.cast(column.dtype) == column).all()) else column


def _short_as_times(column: pl.Series) -> pl.Series:
    """A column of durations as times where each is within a day: SPSS and SAS count in seconds."""
    table, bad = converted(column.to_frame(), [Field(name=column.name, type="time")])
    return column if bad else table.to_series()


def _missing(known: Known, codes: Mapping[str, int], small_cells: int) -> dict[str, str]:
    """The codes of missing values that may be written down, with their labels."""
    declared = {*known.missing, *(code for code in known.labels if _in_range(code, known))}
    found = {code for code, rows in codes.items() if code in known.labels or rows >= small_cells}
    tagged = {code for code in known.labels if _TAGGED.fullmatch(code)}
    order = [*known.labels, *known.missing, *sorted(found)]
    kept = [code for code in dict.fromkeys(order) if code in declared | found | tagged]
    return {code: known.labels.get(code) or _NOT_GIVEN for code in kept}


def _in_range(code: str, known: Known) -> bool:
    try:
        return any(low <= float(code) <= high for low, high in known.missing_ranges)
    except ValueError:
        return False


def _categories(labels: Mapping[object, str]) -> list[object]:
    return [
        {"value": code, "label": text} if text else {"value": code}
        for code, text in distinct_labels(labels).items()
    ]


def _put_labels(one: dict[str, object], labels: Mapping[str, str], column: pl.Series) -> None:
    """Put labels of values into a field: as categories if they name all values, else in words."""
    values: dict[object, str] | None = None
    if one.get("type") == "integer" and all(code.lstrip("-").isdigit() for code in labels):
        values = {int(code): text for code, text in labels.items()}
    elif one.get("type") == "string":
        values = dict(labels.items())
    held = column.drop_nulls()
    if held.dtype == pl.String:
        held = held.filter(held != "")
    if values is not None and held.is_in(list(values)).all():
        one["categories"] = _categories(values)
        return
    one.pop("categories", None)
    words = "; ".join(f"{code} = {text}" for code, text in labels.items())
    one["description"] = f"{one['description']} {words}".strip()
