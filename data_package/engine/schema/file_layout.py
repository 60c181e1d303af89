"""How delivered files are laid out, and their cells as text: what a contract is inferred from.

A header is never guessed: where the first row may as well be data, the file is refused until
somebody says what it is, since a label becomes a name in a file that is committed.
"""

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import polars as pl

from data_package.engine.schema.contract import Descriptor
from data_package.engine.schema.dialect import Dialect, Form
from data_package.engine.schema.dialect_of_file import dialect_for
from data_package.engine.schema.formats import format_of
from data_package.engine.schema.formats.file_format import TextRecords
from data_package.engine.schema.formats.opening import open_records
from data_package.engine.schema.grammar import BLOCK_BYTES
from data_package.engine.schema.sniffing import gap_widths, other_delimiter, separator_line, sniffed
from data_package.engine.schema.split import MARK, Shape
from data_package.engine.schema.unreadable import OTHER_ENCODING, CheckError

_PEEK_BYTES = 1 << 16
# How many rows of a column are looked at to tell a label from a value.
_LOOKED_AT = 1000
# How many rows of titles a file may begin with.
_TITLES = 10
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*([eE][+-]?[0-9]+)?")
_TEMPORAL = re.compile(r"[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}([T ].*)?|[0-9]{1,2}:[0-9]{2}.*")


@dataclass(frozen=True, slots=True)
class Layout:
    """How files are written, and what they hold.

    `cells` has a column of text for each name, called "0", "1", …; an empty cell is null.
    `properties` are those of a resource that say how the files are written, as far as they are not
    what the standard takes for granted.
    """

    names: tuple[str, ...]
    cells: pl.DataFrame
    properties: dict[str, object] = field(default_factory=dict)
    fields_match: str | None = None
    notes: tuple[str, ...] = ()


def laid_out(
    paths: Sequence[Path],
    *,
    dialect: Descriptor | None,
    encoding: str | None,
    names: Sequence[str],
) -> Layout:
    """Return the layout and the cells of a delivered file, or of several below one another.

    `names` are what columns without a header are called, where that is known. Raises CheckError
    for a file that cannot be read, is not text in its encoding, may have no header, or has
    nothing in common with the others.
    """
    found = [_file(path, dialect, encoding, names) for path in paths]
    first = found[0]
    for path, other in zip(paths[1:], found[1:], strict=True):
        if other.properties != first.properties:
            raise CheckError(
                f"{path}: it is written otherwise than {paths[0]} (delimiter, header or encoding)"
            )
    if len(found) == 1:
        return first
    return _together(paths, found)


def _together(paths: Sequence[Path], found: Sequence[Layout]) -> Layout:
    """Put files below one another, by name where their headers differ."""
    first = found[0]
    every = list(dict.fromkeys(name for one in found for name in one.names))
    notes = tuple(dict.fromkeys(note for one in found for note in one.notes))
    if all(one.names == first.names for one in found):
        cells = pl.concat([one.cells for one in found])
        return replace(first, cells=cells, notes=notes)
    by_position = isinstance(first.properties.get("dialect"), Mapping) and not cast(
        "Descriptor", first.properties["dialect"]
    ).get("header", True)
    for path, one in zip(paths, found, strict=True):
        if by_position or not set(one.names) & set(first.names):
            raise CheckError(f"{path}: its columns are not those of {paths[0]}")
    at = {name: str(i) for i, name in enumerate(every)}
    parts = [
        one.cells.rename({str(i): f"of {at[name]}" for i, name in enumerate(one.names)})
        for one in found
    ]
    cells = pl.concat(parts, how="diagonal").select(
        pl.col(f"of {place}").alias(place) for place in at.values()
    )
    same = all(set(one.names) == set(every) for one in found)
    what = "in another order" if same else "not all of them"
    return Layout(
        tuple(every),
        cells,
        first.properties,
        "equal" if same else "superset",
        (*notes, f"The files have the same columns, but {what}: fields are matched by name."),
    )


def _file(
    path: Path, dialect: Descriptor | None, encoding: str | None, names: Sequence[str]
) -> Layout:
    form = format_of(path)
    settled = dialect_for(path, form, dialect, encoding=encoding)
    written: dict[str, object] = dict(dialect or {})
    if not dialect and settled.given:
        written["delimiter"] = settled.delimiter
    notes: list[str] = []
    if form.form is Form.DELIMITED and not dialect and (mark := separator_line(path, settled)):
        written |= {"commentRows": [1]} | ({} if mark == "," else {"delimiter": mark})
        settled = dialect_for(path, form, written, encoding=encoding)
        notes.append(f"Its first line names the delimiter, {mark!r}, and is left out.")
    labels = _labels(path, settled)
    is_delimited = form.form is Form.DELIMITED and not settled.columns
    if is_delimited and len(labels) == 1 and not dialect and (widths := gap_widths(path, settled)):
        written["widths"] = widths
        settled = dialect_for(path, form, written, encoding=encoding)
        labels = _labels(path, settled)
        notes.append(
            f"Its columns are taken to be of fixed width, {widths}; --dialect for other widths."
        )
    elif (
        is_delimited
        and "delimiter" not in written
        and (other := other_delimiter(labels, settled.delimiter))
    ):
        if sniffed(path, settled.member).delimiter == 2 * other:
            other *= 2
        settled = replace(settled, delimiter=other)
        written["delimiter"] = other
        labels = _labels(path, settled)
        notes.append(
            f"Its cells are taken to be separated by {other!r}, --delimiter for another one."
        )
    width = len(labels) if settled.header else _width(path, settled)
    cells, above, wider = _cells(path, settled, width)
    if not settled.header:
        named = _made_unique([*names[:width], *[""] * (width - len(names))])
    else:
        if not {"header", "headerRows"} & set(written):
            if 2 * wider > cells.height:
                raise CheckError(
                    f"{path}: most rows have more cells than its first one, so that the header "
                    "may be further down. Say where it is with --header-row, how many rows are "
                    "above it with --skip, or how comment lines begin with --comment"
                )
            _doubt_header(path, labels, cells)
            _doubt_title(path, labels, cells, above)
        named = _made_unique(labels)
        if named != labels:
            # A label that is blank or repeated names no field: fields are matched by position.
            written = {key: value for key, value in written.items() if key != "headerRows"}
            written |= {"header": False, "commentRows": list(range(1, above + 1))}
            notes.append(
                "Its header has blank or repeated labels: it is skipped, and fields are matched "
                "by position."
            )
    how: dict[str, object] = {"dialect": written, "encoding": encoding}
    return Layout(named, cells, {k: v for k, v in how.items() if v}, notes=tuple(notes))


def _records(path: Path, dialect: Dialect, block_bytes: int = BLOCK_BYTES) -> TextRecords:
    return open_records(path, format_of(path), dialect, block_bytes)


def _labels(path: Path, dialect: Dialect) -> tuple[str, ...]:
    with _records(path, dialect) as records:
        labels = records.labels
        is_empty = records.is_empty
    if is_empty:
        raise CheckError(f"{path}: the file is empty")
    if dialect.header and not any(labels):
        raise CheckError(
            f"{path}: there is no header to take field names from; say in which row it is with "
            "--header-row, or that there is none with --no-header"
        )
    if any(MARK in label for label in labels):
        raise _undecodable(path, "its header has", dialect)
    return labels


def _undecodable(path: Path, where: str, dialect: Dialect) -> CheckError:
    name = "UTF-8" if dialect.is_utf8 else dialect.encoding
    is_other = codecs.lookup(dialect.encoding).name == OTHER_ENCODING
    often = "mac_roman, cp850 or latin-1" if is_other else OTHER_ENCODING
    return CheckError(
        f"{path}: {where} bytes that are not {name}: say how the text is encoded, "
        f"often --encoding {often}"
    )


def _width(path: Path, dialect: Dialect) -> int:
    """Return how many cells the first row of a file without a header has."""
    with _records(path, dialect, _PEEK_BYTES) as records:
        for block, _ in records.blocks(Shape(1, empty_is_null=True), lambda block: block):
            return dict(block.widths).get(0, 1)
    raise CheckError(f"{path}: the file has no rows")


def _cells(path: Path, dialect: Dialect, width: int) -> tuple[pl.DataFrame, int, int]:
    """Return all cells as text, how many rows are above them, and how many have more cells."""
    shape = Shape(width, empty_is_null=True)
    frames = [pl.DataFrame(schema=shape.schema())]
    above = max(dialect.header_rows, default=0) if dialect.header else 0
    wider = 0
    with _records(path, dialect) as records:
        for block, _ in records.blocks(shape, lambda block: block):
            if block.undecodable:
                row = block.rows[block.undecodable[0]]
                raise _undecodable(path, f"row {row} has", dialect)
            if len(frames) == 1 and len(block.rows):
                above = int(block.rows[0]) - 1
            wider += sum(count > width for _, count in block.widths)
            frames.append(block.cells)
    cells = pl.concat(frames)
    if dialect.null_sequence is not None:
        null = dialect.null_sequence
        cells = cells.with_columns(pl.when(pl.all() != null).then(pl.all()))
    return cells, above, wider


def _made_unique(labels: Sequence[str]) -> tuple[str, ...]:
    """Return a name for every column: its label where that is one, or else its place."""
    labelled = set(labels)
    names: dict[str, None] = {}
    for i, label in enumerate(labels):
        stem = label or f"column {i + 1}"
        name, count = stem, 1
        while name in names or (name != label and name in labelled):
            count += 1
            name = f"{stem} {count}"
        names[name] = None
    return tuple(names)


def _doubt_header(path: Path, labels: Sequence[str], cells: pl.DataFrame) -> None:
    """Refuse a header that may as well be the first row of data."""
    looked_at = cells.head(_LOOKED_AT).get_columns()
    for i, label in enumerate(labels):
        held = [cell for cell in looked_at[i].to_list() if cell is not None]
        if label and (why := _like_values(label, held)):
            raise CheckError(
                f"{path}: row 1 may be data and not a header: the label of column {i + 1} {why}. "
                "If it is the header, say --header-row 1; if there is none, --no-header"
            )


def _doubt_title(path: Path, labels: Sequence[str], cells: pl.DataFrame, above: int) -> None:
    """Refuse a header with few labels where the next whole row may be the header instead."""
    labelled = sum(map(bool, labels))
    if len(labels) == 1 or (labelled > 1 and 2 * labelled >= len(labels)):
        return
    filled = (i for i, cells_of in enumerate(cells.head(_TITLES).iter_rows()) if all(cells_of))
    at = next(filled, cells.height)
    below = [str(cell) for cell in cells.row(at)] if at + 1 < cells.height else []
    looked_at = cells[at + 1 :].head(_LOOKED_AT).get_columns()
    held = [[cell for cell in column.to_list() if cell is not None] for column in looked_at]
    if below and len(set(below)) == len(below) and not any(map(_like_values, below, held)):
        row = above + at + 1
        raise CheckError(
            f"{path}: row {above} has {labelled} of {len(labels)} labels, and row {row} may be "
            f"the header instead. Say --header-row {row}, or else --header-row {above}"
        )


def _like_values(label: str, values: Sequence[str]) -> str:
    """Say what makes a label look like the values below it, or nothing."""
    if not values:
        return ""
    for kind, what in ((_NUMBER, "is a number"), (_TEMPORAL, "is a date or a time")):
        if kind.fullmatch(label) and any(kind.fullmatch(value.strip()) for value in values):
            return f"{what}, as cells below it are"
    if label in values:
        return "is found again below it"
    form = _form(label)
    if any(sign.isdigit() for sign in label) and all(_form(value) == form for value in values):
        return "has the form of the cells below it"
    return ""


def _form(text: str) -> str:
    """The kinds of signs that a text is made of."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"[0-9]", "9", text))
