"""Sheets of workbooks as delimited text.

fastexcel gives each cell as text. What that would lose is put right here: the digits of numbers,
errors such as `#N/A`, and times.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import polars as pl

from data_package.engine.schema.delimiting.grid import in_cells, written
from data_package.engine.schema.delimiting.source import Delimited, Pieces
from data_package.engine.schema.delimiting.values import as_text
from data_package.engine.schema.dialect import Dialect
from data_package.engine.schema.unreadable import CheckError, one_of

if TYPE_CHECKING:
    from fastexcel import CellError, DType, ExcelReader

T = TypeVar("T")
State: TypeAlias = Literal["shown", "hidden", "empty"]
_ROWS = 20_000
_NAMED = 20
# A workbook of Excel has at most this many bytes of XML; a few bytes can unpack to any number.
_MOST_BYTES = 4 << 30
# No zip archive unpacks to more than this many bytes for each of its own.
_MOST_FOR_ONE = 1040
# Where a part of a workbook would declare entities: before its first element.
_HEAD_BYTES = 1 << 16
_ENTITY = tuple("<!ENTITY".encode(each) for each in ("utf-8", "utf-16-le", "utf-16-be"))
_BINARY_SHEET = re.compile(r"xl/worksheets/[^/]*\.bin$", re.IGNORECASE)
_BINARY_CHART = re.compile(r"xl/chartsheets/[^/]*\.bin$", re.IGNORECASE)
_SHORT_CELLS = range(12, 19)
# BrtCellError and BrtFmlaError: a cell, its error, and of the second a formula behind.
_ERROR_CELL, _ERROR_OF_FORMULA = 3, 11
# A length has at most four bytes of seven bits.
_LENGTH_BITS = 28
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLD = b"\x09\x08"
_MOMENT = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$"
_MIDNIGHT = " 00:00:00"
# A time without a date is a part of the day before the first one.
_NO_DATE = r"^1899-12-3[01] "
_NO_DATE_OF_1904 = r"^1904-01-01 "
# Durations of a day or more are moments of these years, and so are dates of long ago.
_LONG_AGO = r"^190\d-\d\d-\d\d \d\d:"
_DAY = 24 * 60 * 60
# The last day of 9999, counted from 1900.
_MOST_DAYS = 2_958_465
# What fastexcel rounds: decimals, numbers of many digits, and what is too small or large.
_ROUNDED = r"^-?\d+\.\d+$|^-?\d{16,}$|^-?0$|^-?inf$|^NaN$"
_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}
# What the library says of white space between cells.
_NO_CELL = "Expecting 'table-cell'"
_BETWEEN_CELLS = re.compile(rb"(</?table:[^>]*>)\s+(?=</?table:)")
_CONTENT = "content.xml"
_SHOWN_ERROR = re.compile(
    rb"(<table:table-cell\b(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)"
    rb"(>\s*<text:p>(?:#(?:N/A|DIV/0!|VALUE!|REF!|NAME\?|NUM!|NULL!)|Err:[0-9]{3})</text:p>)"
)
_VALUE_OF_CELL = re.compile(
    rb"\s(?:office:(?:value-type|value|string-value|boolean-value|currency)|calcext:value-type)"
    rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')"
)
# What the library says of a number that it does not take, such as ` 41`.
_NO_NUMBER = "invalid float literal"
_BLANK_NUMBER = re.compile(
    rb'(<c(?:\s+(?!t="str")[^\s>]+)*\s*><v(?:\s[^>]*)?>)\s*([-+.0-9eE]+)\s*(</v>)'
)
_WORKBOOK, _SHEETS = "xl/workbook.xml", "xl/worksheets/"
_OF_1904 = re.compile(rb"<(?:\w+:)?workbookPr\b[^>]*?\bdate1904\s*=\s*[\"'](?:1|true)[\"'][^>]*>")
_PROPERTIES = re.compile(rb"<(?:\w+:)?workbookPr\b[^>]*/>")
_ERROR = re.compile(r"Error\((\w+)\)")
# A time in OpenDocument, which the library takes for an error where texts are asked for.
_PERIOD = re.compile(r'DurationIso\("(-?P[\w.,]*)"\)')
_CLOCK = re.compile(r"PT([01]?\d|2[0-3])H([0-5]?\d)M([0-5]?\d)(?:[.,](\d+))?S")


def sheet(path: Path, dialect: Dialect) -> Delimited:
    """Return a sheet as delimited text.

    Its rows are those of the sheet, from the first; empty ones at the end are left out, and so are
    empty columns at both sides. Raises CheckError for a file that is not a workbook, and for a
    sheet that is not in it.
    """
    reader = _reader(path)
    names: list[str] = reader.sheet_names
    at = _place(path, names, dialect)
    part = f"sheet {names[at]!r}" if len(names) > 1 else ""
    cells = _trimmed(_cells(path, reader, at))
    if dialect.footer_rows:
        cells = _trimmed(cells.head(-dialect.footer_rows))

    def pieces() -> Iterator[bytes]:
        for start in range(0, cells.height, _ROWS):
            yield written(cells.slice(start, _ROWS))

    return Delimited(Pieces(pieces()), in_cells(dialect), part, is_grid=True)


def sheets(path: Path) -> dict[str, State]:
    """Return the names of the sheets, and whether they have cells and are shown."""

    def states(reader: "ExcelReader") -> dict[str, State]:
        found: dict[str, State] = {}
        charts = _charts(path)
        for name in reader.sheet_names:
            try:
                one = reader.load_sheet(name, header_row=None, n_rows=1, dtypes="string")
            except Exception:
                # Of a binary workbook the library takes a sheet that is a chart for damaged.
                charts -= 1
                if charts < 0:
                    raise
                found[str(name)] = "empty"
                continue
            shown: State = "shown" if one.visible == "visible" else "hidden"
            found[str(name)] = shown if one.width else "empty"
        return found

    return _loaded(path, _reader(path), states)


def _charts(path: Path) -> int:
    """How many sheets of a binary workbook are a chart and nothing else."""
    if not zipfile.is_zipfile(path):
        return 0
    with zipfile.ZipFile(path) as archive:
        return sum(bool(_BINARY_CHART.match(name)) for name in archive.namelist())


def _place(path: Path, names: list[str], dialect: Dialect) -> int:
    listed = ", ".join(map(repr, names[:_NAMED])) + (", …" if len(names) > _NAMED else "")
    if dialect.sheet_name is not None:
        if dialect.sheet_name not in names:
            raise CheckError(
                f"{path}: it has no sheet {dialect.sheet_name!r}; its sheets are {listed}"
            )
        return names.index(dialect.sheet_name)
    if dialect.sheet_number is not None:
        if dialect.sheet_number > len(names):
            raise CheckError(
                f"{path}: it has no sheet {dialect.sheet_number}; its sheets are {listed}"
            )
        return dialect.sheet_number - 1
    if len(names) > 1:
        raise one_of(path, "sheets", "sheetName", names)
    if not names:
        raise CheckError(f"{path}: the workbook has no sheet")
    return 0


def _reader(path: Path) -> "ExcelReader":
    with path.open("rb") as file:
        beginning = file.read(8)
    if not beginning:
        raise CheckError(f"{path}: the file is empty")
    packed = beginning.startswith(_ZIP)
    if not packed and not beginning.startswith((_OLE, _OLD)):
        raise CheckError(
            f"{path}: it is not a workbook, as its name says; give it the ending that it should "
            "have, or open it in a spreadsheet program and save it as .xlsx"
        )
    if packed:
        _refuse_bombs(path)
        _refuse_entities(path)
    has_errors = packed and _has_errors_of_formulas(path)
    from fastexcel import read_excel

    # The content decides what it is: programs name a web page or an .xlsx file .xls.
    honest = (path.suffix.lower() == ".xls") != packed
    with _judged(path):
        if _is_of_1904(path):
            return read_excel(_rewritten(path, _WORKBOOK, _with_one_epoch))
        if has_errors:
            return read_excel(_rewritten(path, _BINARY_SHEET.pattern, _with_plain_errors))
        if packed and _shows_errors(path):
            return read_excel(_rewritten(path, _CONTENT, _with_shown_errors))
        try:
            return read_excel(path if honest else path.read_bytes())
        except Exception as error:
            if _NO_CELL not in str(error) or not packed:
                raise
            return read_excel(_rewritten(path, _CONTENT, _without_lines))
    raise AssertionError


@contextmanager
def _judged(path: Path) -> Iterator[None]:
    """Report what the library raises in words without values."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, MemoryError, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001  a panic of the library is one
        raise _damaged(path, error) from None


def _loaded(path: Path, reader: "ExcelReader", load: "Callable[[ExcelReader], T]") -> T:
    """What is loaded from a workbook; the library does not take numbers with blanks around them."""
    with _judged(path):
        try:
            return load(reader)
        except Exception as error:
            if _NO_NUMBER not in str(error) or not zipfile.is_zipfile(path):
                raise
            from fastexcel import read_excel

            return load(read_excel(_rewritten(path, _SHEETS, _without_blanks)))
    raise AssertionError


def _rewritten(path: Path, parts: str, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook with a change of the parts whose names begin like this regular expression."""
    made = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(made, "w") as copy:
        for each in archive.infolist():
            content = archive.read(each)
            copy.writestr(
                each.filename,
                change(content) if re.match(parts, each.filename, re.IGNORECASE) else content,
            )
    return made.getvalue()


def _without_blanks(sheet: bytes) -> bytes:
    """A sheet without blanks around numbers, which XML allows and some programs write."""
    return _BLANK_NUMBER.sub(rb"\1\2\3", sheet)


def _without_lines(content: bytes) -> bytes:
    """A sheet of OpenDocument without the white space between cells that makes XML readable."""
    return _BETWEEN_CELLS.sub(rb"\1", content)


def _shows_errors(path: Path) -> bool:
    """Whether a workbook of OpenDocument has cells that show an error and hold something else."""
    with zipfile.ZipFile(path) as archive:
        return _CONTENT in archive.namelist() and bool(_SHOWN_ERROR.search(archive.read(_CONTENT)))


def _with_shown_errors(content: bytes) -> bytes:
    """A sheet of OpenDocument in which a cell that shows an error is that text.

    Excel writes the number 0 for it, LibreOffice an empty text.
    """

    def as_text(cell: re.Match[bytes]) -> bytes:
        rest = _VALUE_OF_CELL.sub(b"", cell[1])
        return rest + b' office:value-type="string"' + cell[2]

    return _without_lines(_SHOWN_ERROR.sub(as_text, content))


def _is_of_1904(path: Path) -> bool:
    """Whether a workbook counts days from 1904, as programs for the Macintosh did.

    https://learn.microsoft.com/openspecs/office_standards/ms-oi29500, 18.2.28, has `date1904`.
    """
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return _WORKBOOK in archive.namelist() and bool(_OF_1904.search(archive.read(_WORKBOOK)))


def _with_one_epoch(workbook: bytes) -> bytes:
    """A workbook without the extension of its properties, which hides them from the library."""
    first = _OF_1904.search(workbook)
    assert first is not None
    return workbook[: first.end()] + _PROPERTIES.sub(b"", workbook[first.end() :])


def _refuse_bombs(path: Path) -> None:
    """Refuse a workbook that unpacks to more than any workbook needs."""
    if path.stat().st_size * _MOST_FOR_ONE < _MOST_BYTES:
        return
    with zipfile.ZipFile(path) as archive:
        left = _MOST_BYTES
        for each in archive.infolist():
            left -= max(each.file_size, 0)
        if left < 0:
            raise CheckError(f"{path}: unpacked it is larger than a workbook can be")


def _refuse_entities(path: Path) -> None:
    """Refuse a workbook that declares entities, which would be read as empty cells."""
    with _judged(path), zipfile.ZipFile(path) as archive:
        parts = [each for each in archive.namelist() if each.endswith((".xml", ".rels"))]
        for part in parts:
            with archive.open(part) as file:
                head = file.read(_HEAD_BYTES)
            if any(mark in head for mark in _ENTITY):
                break
        else:
            return
    raise CheckError(
        f"{path}: it declares XML entities, which no spreadsheet program does; open it in one and "
        "save it"
    )


def _has_errors_of_formulas(path: Path) -> bool:
    """Whether a binary workbook has cells that the library passes over, and that can be rewritten.

    Refused are cells that are written without their column, since they follow another cell:
    https://learn.microsoft.com/openspecs/office_file_formats/ms-xlsb, 2.3.2 (BrtShortBlank to
    BrtShortIsst).
    """
    found = False
    with _judged(path), zipfile.ZipFile(path) as archive:
        for each in filter(_BINARY_SHEET.match, archive.namelist()):
            has_short, errors = _passed_over(archive.read(each))
            found |= bool(errors)
            if has_short:
                break
        else:
            return found
    raise CheckError(
        f"{path}: it has cells in a short form that cannot be read; open it in a spreadsheet "
        "program and save it as .xlsx"
    )


def _with_plain_errors(sheet: bytes) -> bytes:
    """A sheet in which the errors of formulas are errors without a formula, which begin alike."""
    _, errors = _passed_over(sheet)
    made = bytearray(sheet)
    for at in errors:
        made[at] = _ERROR_CELL
    return bytes(made)


def _passed_over(sheet: bytes) -> tuple[bool, list[int]]:
    """Whether a sheet has short cells, and where errors of formulas begin.

    A sheet is made of records, which are a number, a length and so many bytes.
    """
    at = 0
    errors: list[int] = []
    while at < len(sheet):
        kind = sheet[at]
        if kind & 0x80:
            at += 1
            kind = kind & 0x7F | (sheet[at] & 0x7F) << 7
        if kind in _SHORT_CELLS:
            return True, errors
        if kind == _ERROR_OF_FORMULA:
            errors.append(at)
        size = shift = 0
        more = True
        while more:
            at += 1
            size |= (sheet[at] & 0x7F) << shift
            shift += 7
            more = bool(sheet[at] & 0x80) and shift < _LENGTH_BITS
        at += 1 + size
    return False, errors


def _damaged(path: Path, error: BaseException) -> CheckError:
    if "assword" in str(error):
        why = "it is locked with a password; save it without one"
    else:
        why = "the workbook is damaged or not one; open it in a spreadsheet program and save it"
    return CheckError(f"{path}: the file cannot be read: {why}")


def _cells(path: Path, reader: "ExcelReader", at: int) -> pl.DataFrame:
    """Return all cells of a sheet as text, in columns "0", "1", …."""
    found = _loaded(path, reader, lambda one: _Texts.loaded(one, at))
    cells, numbers = found.cells, _Kind(path, reader, at, "boolean")
    cells = cells.with_columns(
        _exact(column, found.typed[column.name], partial(numbers.cells, place))
        for place, column in zip(found.places, cells, strict=True)
        if found.rounded(column.name)
    )
    cells = cells.with_columns(
        made
        for place, column in zip(found.places, cells, strict=True)
        if column.str.contains(_LONG_AGO).any()
        and (made := _durations(path, reader, at, place, column)) is not None
    )
    no_date = _NO_DATE_OF_1904 if _is_of_1904(path) else _NO_DATE
    moments = _Kind(path, reader, at, "datetime")

    def are_moments(column: pl.Series, place: int) -> pl.Series:
        # The library stops at a number that is no day; then each such text counts as a moment.
        if found.dated(column.name):
            return found.typed[column.name].is_not_null()
        if _within_days(column) or _within_days(column.filter(numbers.cells(place))):
            return moments.cells(place)
        return column.is_not_null()

    cells = cells.with_columns(
        _iso(column, no_date, are_moments(column, place))
        for place, column in zip(found.places, cells, strict=True)
        if column.str.contains(_MOMENT).any()
    )
    return _with_errors(cells, found.errors)


def _within_days(column: pl.Series) -> bool:
    """Whether all numbers of a column can be days; the library breaks off with others."""
    return not (column.cast(pl.Float64, strict=False).abs() > _MOST_DAYS).any()


@dataclass(frozen=True, slots=True)
class _Texts:
    """All cells of a sheet as text, and what tells texts from numbers and moments.

    `typed` has the columns with decimals or many digits, as numbers, and others with date-times, as
    these. `places` are the columns' places in the sheet, which may begin with empty ones.
    """

    cells: pl.DataFrame
    typed: pl.DataFrame
    places: list[int]
    errors: "list[CellError]"

    @classmethod
    def loaded(cls, reader: "ExcelReader", at: int) -> "_Texts":
        """Load a sheet, twice where text alone does not tell."""
        sheet = reader.load_sheet(at, header_row=None, skip_rows=0, dtypes="string")
        batch, errors = sheet.to_arrow_with_errors()
        cells = pl.DataFrame(batch)
        cells.columns = [str(i) for i in range(cells.width)]
        places = [each.absolute_index for each in sheet.selected_columns]
        kinds: dict[str | int, DType] = {}
        for place, each in zip(places, cells, strict=True):
            if each.str.contains(_ROUNDED).any():
                kinds[place] = "float"
            elif each.str.contains(_MOMENT).any() and _within_days(each):
                kinds[place] = "datetime"
        typed = pl.DataFrame()
        if kinds:
            typed = reader.load_sheet(
                at, header_row=None, skip_rows=0, use_columns=[*map(int, kinds)], dtypes=kinds
            ).to_polars()
            typed.columns = [str(places.index(int(place))) for place in kinds]
        return cls(cells, typed, places, errors.errors if errors else [])

    def rounded(self, name: str) -> bool:
        """Whether the digits of numbers may be missing in a column."""
        return name in self.typed.columns and self.typed[name].dtype.is_float()

    def dated(self, name: str) -> bool:
        """Whether it is known which cells of a column are date-times."""
        return name in self.typed.columns and self.typed[name].dtype.is_temporal()


@dataclass(frozen=True, slots=True)
class _Kind:
    """Which cells of a sheet can be of a type: numbers are true or false, and texts are not."""

    path: Path
    reader: "ExcelReader"
    at: int
    kind: Literal["boolean", "datetime"]

    def cells(self, place: int) -> pl.Series:
        """Which cells of the column at this place are of the type."""

        def load(reader: "ExcelReader") -> pl.DataFrame:
            return reader.load_sheet(
                self.at, header_row=None, skip_rows=0, use_columns=[place], dtypes=self.kind
            ).to_polars()

        return _loaded(self.path, self.reader, load).to_series().is_not_null()


def _durations(
    path: Path, reader: "ExcelReader", at: int, place: int, text: pl.Series
) -> pl.Series | None:
    """A column of durations as ISO 8601 writes them, where one has a day or more; else None.

    As text, the library gives a duration as a moment so long after the first day.
    """
    first = text.str.contains(_MOMENT).arg_max() or 0

    def typed(one: "ExcelReader") -> pl.DataFrame:
        return one.load_sheet(
            at, header_row=None, skip_rows=first, use_columns=[place], schema_sample_rows=None
        ).to_polars()

    try:
        found = _loaded(path, reader, typed)
    except CheckError:
        # What has cells of several kinds has no type.
        return None
    column = found.to_series() if found.width else pl.Series([], dtype=pl.Null)
    if column.dtype != pl.Duration or len(column) != len(text) - first:
        return None
    rows = column.is_not_null().arg_true()
    seconds = column.gather(rows).dt.total_milliseconds() / 1000
    if not (seconds >= _DAY).any():
        return None
    words = [f"PT{each // 3600:.0f}H{each % 3600 // 60:.0f}M{each % 60:g}S" for each in seconds]
    return text.scatter(rows + first, words)


def _exact(text: pl.Series, numbers: pl.Series, are_numbers: Callable[[], pl.Series]) -> pl.Series:
    """Put in the digits that were rounded away; what was text stays as it is.

    The library gives numbers that are stored as text (`numbers`), too: `250.00` is the code of a
    disease, and not 250. A number whose digits are lost differs from its text; others are asked
    for, where they would be written in another way.
    """
    rounded = text.str.contains(_ROUNDED)
    if not rounded.any():
        return text
    at = rounded.arg_true()
    words, numbers = text.gather(at), numbers.gather(at)
    near = (numbers - words.cast(pl.Float64, strict=False)).abs() <= 1e-9 + numbers.abs() * 1e-15
    far = words.str.contains("inf", literal=True) & numbers.is_not_null()
    changes = (near | far) & (as_text(numbers) != words)
    if (changes & (words.cast(pl.Float64, strict=False) == numbers)).any():
        changes &= are_numbers().gather(at)
    return text.scatter(at.filter(changes), as_text(numbers.filter(changes)))


def _iso(column: pl.Series, no_date: str, moments: pl.Series) -> pl.Series:
    """Write dates, times and date-times, which these cells are, as ISO 8601 has them.

    A column in which every date-time is at midnight holds dates. Texts stay as they are.
    """
    dated = column.str.contains(_MOMENT) & moments
    if not dated.any():
        return column
    timeless = column.str.contains(no_date) & dated
    midnight = column.str.ends_with(_MIDNIGHT)
    dates = not (dated & ~timeless & ~midnight).any()
    moment = column.str.replace(" ", "T", literal=True)
    made = (
        pl.when(timeless)
        .then(column.str.slice(11))
        .when(dated)
        .then(column.str.slice(0, 10) if dates else moment)
        .otherwise(column)
    )
    return pl.select(made.alias(column.name)).to_series()


def _with_errors(cells: pl.DataFrame, errors: "list[CellError]") -> pl.DataFrame:
    """Put in errors as Excel shows them, and times: an empty cell would hide them."""
    by_column: dict[int, dict[int, str]] = {}
    for each in errors:
        row, column = each.offset_position
        by_column.setdefault(column, {})[row] = _shown(each.detail)
    return cells.with_columns(
        cells.to_series(at).scatter(list(words), list(words.values()))
        for at, words in by_column.items()
    )


def _shown(detail: str) -> str:
    """What a cell that is not read as text has: a time, a duration, or an error."""
    if period := _PERIOD.search(detail):
        clock = _CLOCK.fullmatch(period[1])
        if clock is None:
            return period[1]
        hours, minutes, seconds, fraction = clock.groups()
        part = f".{fraction}" if fraction and fraction.strip("0") else ""
        return f"{hours:0>2}:{minutes:0>2}:{seconds:0>2}{part}"
    found = _ERROR.search(detail)
    return _ERRORS.get(found[1], "#ERROR!") if found else "#ERROR!"


def _trimmed(cells: pl.DataFrame) -> pl.DataFrame:
    """Leave out empty rows at the end, and empty columns at both sides."""
    if not cells.height or not cells.width:
        return cells.clear()
    filled = cells.select((pl.all().is_not_null() & (pl.all() != "")).fill_null(value=False))
    rows = filled.select(pl.any_horizontal(pl.all())).to_series().arg_true()
    columns = [i for i, column in enumerate(filled) if column.any()]
    if not columns:
        return cells.clear()
    return cells[:, columns[0] : columns[-1] + 1].head(rows[-1] + 1)
