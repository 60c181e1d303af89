"""`codebook.csv`: every field of every table in one sheet, from the contracts alone."""

import csv
import io
import json
from collections.abc import Iterator

from data_package.engine.package.facts import Facts
from data_package.engine.schema import Contract, Field

COLUMNS = (
    *("table", "position", "field", "title", "description", "type", "required", "unique"),
    *("primary_key", "references", "constraints", "categories", "example"),
)
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def codebook_csv(facts: Facts) -> str:
    """The text of `codebook.csv`: UTF-8, RFC 4180."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for table in facts.tables:
        for row in rows_of(table.name, table.contract):
            writer.writerow([_safe(cell) for cell in row.values()])
    return out.getvalue()


def rows_of(table: str, contract: Contract) -> Iterator[dict[str, str]]:
    """The fields of a table, by the names of `COLUMNS`."""
    for position, field in enumerate(contract.fields, start=1):
        rules = {
            name: value
            for name, value in field.constraints.items()
            if name not in ("required", "unique", "enum")
        }
        listed = field.constraints.get("enum")
        if isinstance(listed, list) and field.categories is None:
            rules["enum"] = listed
        cells = [
            table,
            str(position),
            field.name,
            field.title,
            " ".join(field.description.split()),
            field.type,
            _yes(field.required or field.name in contract.primary_key),
            _yes(field.unique),
            _yes(field.name in contract.primary_key),
            "; ".join(
                f"{key.resource or table}.{target}"
                for key in contract.foreign_keys
                for name, target in zip(key.fields, key.reference_fields, strict=False)
                if name == field.name
            ),
            "; ".join(f"{name}: {_plain(value)}" for name, value in rules.items()),
            "; ".join(categories(field)),
            _plain(field.descriptor["example"]) if "example" in field.descriptor else "",
        ]
        yield dict(zip(COLUMNS, cells, strict=True))


def categories(field: Field) -> list[str]:
    """A field's categories as `value = label`."""
    labels = field.category_labels
    return [
        f"{value} = {label}" if label else str(value)
        for value, label in zip(field.categories or (), labels, strict=False)
    ]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _yes(value: bool) -> str:
    return "yes" if value else ""


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
