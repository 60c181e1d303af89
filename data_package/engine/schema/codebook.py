"""A codebook that came with the data: titles, descriptions and labels for a draft.

It is a descriptor in JSON, REDCap's data dictionary, or any CSV file with a header. There `field`
is needed; `table`, `title`, `description`, `value` and `label` are used where they are there. A row
without a field has the words of its table. A row for each value of a field gives its labels; so
does the column `categories` of the data package's own `codebook.csv`, `1 = yes; 2 = no`.
"""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from data_package.engine.errors import ProjectError
from data_package.engine.schema.codebook_of_descriptor import descriptor_rows
from data_package.engine.schema.codebook_of_redcap import codebook_rows, redcap_names
from data_package.engine.schema.contract import Descriptor
from data_package.engine.schema.labels import distinct_labels

_KNOWN = ("table", "field", "title", "description", "value", "label", "categories")
_MOST_NOTES = 10
_OTHER_NAMES = {
    **{"variable": "field", "column": "field", "name": "field", "dataset": "table"},
    **{"code": "value", "meaning": "label", "variable label": "title", "value label": "label"},
}


@dataclass
class Words:
    """What a codebook says about one field or table, and the line that names it first."""

    line: int
    named: str
    title: str = ""
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Codebook:
    """What a codebook says about fields, by table and field.

    Table `""` is any, and field `""` the table itself.
    """

    path: Path
    words: Mapping[tuple[str, str], Words]

    def of(self, table: str, field_name: str) -> Words | None:
        """The words of a field, those for its very table first."""
        name = field_name.lower()
        return self.words.get((_plain(table), name)) or self.words.get(("", name))

    def put_into(self, descriptor: Descriptor, table: str) -> dict[str, object]:
        """The contract of a table with the words of the codebook."""
        made = dict(descriptor)
        if own := self.words.get((_plain(table), "")):
            made["title"] = own.title or made.get("title", "")
            made["description"] = own.description or made.get("description", "")
        schema = dict(cast("Descriptor", made["schema"]))
        fields = cast("list[Descriptor]", schema["fields"])
        schema["fields"] = [self._with_words(one, table) for one in fields]
        return {**made, "schema": schema}

    def unused(self, tables: Mapping[str, Collection[str]], *, others: bool) -> list[str]:
        """What names no table or field of these, with its line.

        `others`: whether there are tables besides these.
        """
        fields = {_plain(name): {one.lower() for one in found} for name, found in tables.items()}
        every = set().union(*fields.values())
        notes: list[str] = []
        unknown: set[str] = set()
        for (table, name), words in self.words.items():
            if table in unknown or (others and table not in fields):
                continue
            if table and table not in fields:
                unknown.add(table)
            known = fields.get(table) if table else every
            if known is None or (name and name not in known):
                what = "field" if known is not None else "table for"
                notes.append(f"{self.path.name}:{words.line}: there is no {what} '{words.named}'")
        more = len(notes) - _MOST_NOTES
        if more > 1:
            notes[_MOST_NOTES:] = [f"{self.path.name}: {more:,} more are in none of the tables"]
        return notes

    def _with_words(self, one: Descriptor, table: str) -> dict[str, object]:
        made = dict(one)
        words = self.of(table, str(one["name"]))
        if words is None:
            return made
        made["title"] = words.title or one.get("title", "")
        made["description"] = words.description or one.get("description", "")
        if not words.labels:
            return made
        values = [
            item.get("value") if isinstance(item, dict) else item
            for item in cast("list[object]", one.get("categories", []))
        ] or [_as_type(value, str(one.get("type"))) for value in words.labels]
        labels = distinct_labels({value: words.labels.get(str(value), "") for value in values})
        made["categories"] = [{"value": value, "label": label} for value, label in labels.items()]
        return made


def read_codebook(path: Path) -> Codebook:
    """Read a codebook. Raises ProjectError when it is not one."""
    if path.suffix.lower() == ".json":
        return Codebook(path, _gathered(descriptor_rows(path)))
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ProjectError(f"{path} is not UTF-8. Save the codebook as UTF-8.") from None
    except OSError as error:
        raise ProjectError(f"{path} cannot be read: {error.strerror}.") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=delimiter, restval="", strict=True
    )
    try:
        found = [name.strip().lower() for name in rows.fieldnames or []]
        if (dictionary := redcap_names(found)) is not None:
            rows.fieldnames = dictionary
            cells = _cells(rows)
            return Codebook(
                path, _gathered((n, one) for n, row in cells for one in codebook_rows(row))
            )
        names = rows.fieldnames = [_OTHER_NAMES.get(name, name) for name in found]
        if "field" not in names:
            raise ProjectError(
                f"{path}:1: a codebook needs a column 'field'. Known columns: {', '.join(_KNOWN)}."
            )
        return Codebook(path, _gathered(_cells(rows)))
    except csv.Error:
        raise ProjectError(f"{path}:{rows.line_num}: this is not CSV.") from None


def _gathered(rows: Iterable[tuple[int, Mapping[str, str]]]) -> dict[tuple[str, str], Words]:
    words: dict[tuple[str, str], Words] = {}
    for line, cells in rows:
        key = _plain(cells.get("table", "")), cells.get("field", "").lower()
        if key == ("", ""):
            continue
        one = words.setdefault(key, Words(line, _named(cells)))
        one.title = one.title or _unescaped(cells.get("title", ""))
        one.description = one.description or _unescaped(cells.get("description", ""))
        if cells.get("value"):
            one.labels[_unescaped(cells["value"])] = _unescaped(cells.get("label", ""))
        for entry in filter(None, cells.get("categories", "").split("; ")):
            value, _, label = entry.partition(" = ")
            one.labels.setdefault(value.strip(), label.strip())
    return words


def _cells(rows: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str, str]]]:
    """The rows by the names of columns, each with the line that it begins in."""
    for row in rows:
        cells = {name: row[name] for name in rows.fieldnames or []}
        line = rows.line_num - sum(cell.count("\n") for cell in cells.values())
        yield line, {name: cell.strip() for name, cell in cells.items()}


def _named(cells: Mapping[str, str]) -> str:
    return ".".join(filter(None, (cells.get("table"), cells.get("field"))))


def _plain(table: str) -> str:
    """A table's name as it is compared: `TrialAdmit.csv` is the table `trial_admit`."""
    return re.sub(r"[\W_]+", "", re.sub(r"\.[a-z]\w*$", "", table.lower()))


def _as_type(value: str, kind: str) -> object:
    try:
        return int(value) if kind == "integer" else value
    except ValueError:
        return value


def _unescaped(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from taking a cell for a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in set("=+-@") else cell
