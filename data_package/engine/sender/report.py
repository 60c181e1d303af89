"""What is wrong in each delivery of a raw file, for its sender."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from data_package.engine import schema
from data_package.engine.schema import Contract, Report
from data_package.engine.sources.delivered import Delivered, FileRows
from data_package.engine.sources.newest import Rows

# Of each kind of error in a file so many rows are listed, and so many in a report; all are counted.
_MOST_OF_A_KIND = 1_000
MOST_LISTED = 100_000


@dataclass(frozen=True)
class WrongRow:
    """A row that has an error, by its number in the file.

    `value` is the cell as it was delivered, and `key` the cells of the key's fields; both only
    where values are asked for.
    """

    row: int
    value: str | None = None
    key: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Fault:
    """Errors of one kind in one file: of how many rows, and the first of them.

    `field` is a field's name, or the names of a key; empty for what concerns whole rows or the
    whole file, which has no rows.
    """

    field: str
    title: str
    what: str
    rule: str
    count: int
    rows: tuple[WrongRow, ...]


@dataclass(frozen=True)
class FileOfSender:
    """One file: its rows, how many of them have errors and are left out, and the kinds of errors.

    Of a file that is not written as agreed, how many rows have errors is not known (None).
    `changes` are the rows that replace those of other deliveries, or lack, in words.
    """

    file: str
    rows: int
    rows_with_errors: int | None
    left_out: int
    errors: int
    faults: tuple[Fault, ...]
    changes: Mapping[str, Rows]


@dataclass(frozen=True)
class SenderReport:
    """The report on all files of a raw file; `key` are the fields that tell its rows apart."""

    name: str
    files: tuple[FileOfSender, ...]
    key: tuple[str, ...]
    with_values: bool

    @property
    def errors(self) -> int:
        """How many errors there are in all files."""
        return sum(file.errors for file in self.files)

    def to_dict(self) -> dict[str, object]:
        """The report as JSON's types."""
        return asdict(self)

    def listed(self) -> Iterator[tuple[FileOfSender, Fault, WrongRow]]:
        """Each row that is listed."""
        for file in self.files:
            for fault in file.faults:
                for row in fault.rows:
                    yield file, fault, row

    def render(self) -> str:
        """The report as lines of plain text, without values."""
        return "\n".join(line for file in self.files for line in _lines(file))


def report_of(
    delivered: Delivered,
    name: str,
    paths: Sequence[Path],
    *,
    values: bool,
    progress: Callable[[str], None] = lambda _: None,
) -> SenderReport:
    """Read the files of a raw file that has a contract, and report what is wrong in them.

    Raises ProjectError and BuildError where they cannot be read.
    """
    contract = delivered.contracts[name]
    key = delivered.files[name].newest_per or contract.primary_key
    ordered = delivered.in_order(name, paths)
    room = MOST_LISTED
    files = []
    for path, one in zip(ordered, delivered.examine(name, paths, every=True), strict=True):
        progress(f"listing the errors of {one.report.name}")
        rows = _listed(one.report, room)
        room -= sum(map(len, rows.values()))
        cells = _cells(path, contract, rows) if values and any(map(len, rows.values())) else None
        files.append(_of_file(one, contract, rows, cells, key))
    return SenderReport(name, tuple(files), key, values)


def _listed(report: Report, room: int) -> dict[tuple[str, str | None], list[int]]:
    """The numbers of the rows that are listed, by rule and field."""
    found: dict[tuple[str, str | None], list[int]] = {}
    grouped = report.errors.drop_nulls("row").group_by("rule", "field", maintain_order=True)
    for (rule, field), errors in grouped:
        most = min(_MOST_OF_A_KIND, room - sum(map(len, found.values())))
        rows = errors["row"].unique().sort().head(max(most, 0)).to_list()
        found[str(rule), None if field is None else str(field)] = rows
    return found


def _cells(
    path: Path, contract: Contract, rows: Mapping[tuple[str, str | None], list[int]]
) -> dict[int, Mapping[str, object]]:
    """The rows that are listed, as they were delivered, by their numbers."""
    wanted = sorted({row for listed in rows.values() for row in listed})
    frame = schema.delivered_rows(path, contract, wanted)
    return {
        int(each[0]): dict(zip(frame.columns[1:], each[1:], strict=True)) for each in frame.rows()
    }


def _of_file(
    one: FileRows,
    contract: Contract,
    rows: Mapping[tuple[str, str | None], list[int]],
    cells: Mapping[int, Mapping[str, object]] | None,
    key: Sequence[str],
) -> FileOfSender:
    report = one.report
    titles = {field.name: field.title for field in contract.fields}
    faults = []
    for total in report.of_whole or report.totals:
        fields = _fields(total.field, titles)
        listed = rows.get((total.rule, total.field), []) if total.rows else []
        faults.append(
            Fault(
                total.field or "",
                "; ".join(titles[each] for each in fields if titles[each]),
                total.note,
                total.rule,
                total.count,
                tuple(_row(number, fields, key, cells) for number in listed),
            )
        )
    changes = one.delivery.changes if one.delivery is not None else ()
    return FileOfSender(
        report.name,
        report.rows_checked,
        None if report.of_whole else report.errors["row"].drop_nulls().n_unique(),
        one.rejected,
        sum(fault.count for fault in faults),
        tuple(faults),
        dict(changes),
    )


def _fields(names: str | None, titles: Mapping[str, str]) -> list[str]:
    """The fields that an error is about: one, or those of a key."""
    if names is None:
        return []
    return [names] if names in titles else [each for each in names.split(", ") if each in titles]


def _row(
    number: int,
    fields: Sequence[str],
    key: Sequence[str],
    cells: Mapping[int, Mapping[str, object]] | None,
) -> WrongRow:
    if cells is None:
        return WrongRow(number)
    row = cells.get(number, {})
    of_key = tuple(_text(row.get(each)) for each in key)
    found = [_text(row.get(each)) for each in fields]
    value = found[0] if len(found) == 1 else ", ".join(each or "" for each in found) or None
    return WrongRow(number, value, of_key)


def _text(cell: object) -> str | None:
    return None if cell is None else str(cell)


def _lines(file: FileOfSender) -> Iterator[str]:
    rows = f"{file.rows:,} row{'' if file.rows == 1 else 's'}"
    wrong = "an unknown number" if file.rows_with_errors is None else f"{file.rows_with_errors:,}"
    yield f"{file.file}: {rows}, {wrong} with errors, {file.left_out:,} left out"
    for fault in file.faults:
        numbers = ", ".join(str(each.row) for each in fault.rows[: schema.SHOWN_ROWS])
        more = ", …" if fault.count > schema.SHOWN_ROWS and numbers else ""
        where = f": row{'' if fault.count == 1 else 's'} {numbers}{more}" if numbers else ""
        field = f"{fault.field}: " if fault.field else ""
        yield f"  {field}{fault.what} ({fault.rule}), {fault.count:,}{where}"
    for words, some in file.changes.items():
        yield f"  {some.after(words)}"
