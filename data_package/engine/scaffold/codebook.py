"""A codebook that came with the data: titles, descriptions and labels for a draft.

A CSV file with a header. `field` is needed; `table`, `title`, `description`, `value` and `label`
are used where they are there. A row for each value of a field gives its labels; so does the
column `categories` of the data package's own `codebook.csv`, `1 = yes; 2 = no`.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from data_package.engine.errors import ProjectError

_KNOWN = ("table", "field", "title", "description", "value", "label", "categories")
_OTHER_NAMES = {
    **{"variable": "field", "column": "field", "name": "field", "dataset": "table"},
    **{"code": "value", "meaning": "label", "variable label": "title", "value label": "label"},
}


@dataclass
class Words:
    """What a codebook says about one field."""

    title: str = ""
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Codebook:
    """What a codebook says about fields, by table and field; table `""` is any."""

    words: Mapping[tuple[str, str], Words]

    def of(self, table: str, field_name: str) -> Words:
        """The words of a field, those for its very table first."""
        for key in ((table.lower(), field_name.lower()), ("", field_name.lower())):
            if key in self.words:
                return self.words[key]
        return Words()


def read_codebook(path: Path) -> Codebook:
    """Read a codebook. Raises ProjectError when it is not one."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ProjectError(f"{path} is not UTF-8. Save the codebook as UTF-8.") from None
    except OSError as error:
        raise ProjectError(f"{path} cannot be read: {error.strerror}.") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [_column(name) for name in next(rows, [])]
        if "field" not in names:
            raise ProjectError(
                f"{path}:1: a codebook needs a column 'field'. Known columns: {', '.join(_KNOWN)}."
            )
        return _gathered(dict(zip(names, row, strict=False)) for row in rows)
    except csv.Error:
        raise ProjectError(f"{path}:{rows.line_num}: this is not CSV.") from None


def _column(name: str) -> str:
    name = name.strip().lower()
    return _OTHER_NAMES.get(name, name)


def _gathered(rows: Iterable[Mapping[str, str]]) -> Codebook:
    words: dict[tuple[str, str], Words] = {}
    for row in rows:
        cells = {name: cell.strip() for name, cell in row.items()}
        name = cells.get("field", "").lower()
        if not name:
            continue
        one = words.setdefault((cells.get("table", "").lower(), name), Words())
        one.title = one.title or _unescaped(cells.get("title", ""))
        one.description = one.description or _unescaped(cells.get("description", ""))
        if cells.get("value"):
            one.labels[_unescaped(cells["value"])] = _unescaped(cells.get("label", ""))
        for entry in filter(None, cells.get("categories", "").split("; ")):
            value, _, label = entry.partition(" = ")
            one.labels.setdefault(value.strip(), label.strip())
    return Codebook(words)


def _unescaped(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from taking a cell for a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in set("=+-@") else cell
