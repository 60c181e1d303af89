"""What is still missing in a data package, and only a person can write or decide.

Judged from what would be published. The build counts it, `release` asks for it, `todo` lists it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from unicodedata import category

from data_package.engine.errors import some
from data_package.engine.schema.document import Path


class GapKind(StrEnum):
    """What is missing; the order is that of the summary."""

    PACKAGE = "package"
    CONTRACT = "contract"
    TABLE = "table"
    FIELD = "field"
    LABEL = "label"
    NAME = "name"
    SUBJECT = "subject"


_SHOWN = 5
# A package can be used without these.
_ADVICE = (GapKind.LABEL, GapKind.NAME, GapKind.SUBJECT)
_COUNTED = {
    GapKind.CONTRACT: ("a table without a contract", "{} tables without a contract"),
    GapKind.TABLE: (
        "a table without title or description",
        "{} tables without title or description",
    ),
    GapKind.FIELD: (
        "a field without title or description",
        "{} fields without title or description",
    ),
    GapKind.LABEL: ("a field with codes without labels", "{} fields with codes without labels"),
}
_OF_THE_PACKAGE = {
    "title": "title",
    "description": "description: what is in it, of whom, from when",
    "licenses": "licence: who may use it, and how",
    "contributors": "contributors: who made it, and is cited",
}

_SHORT = {
    "title": "the package's title",
    "description": "the package's description",
    "licenses": "licence",
}


@dataclass(frozen=True)
class Gap:
    """One thing that is missing.

    Attributes:
        table: the table's name, None for the package itself.
        field: the field's name, None for what concerns the whole table.
        path: its place in `datapackage.yaml` or in the table's contract.
        what: what is missing, in words.
    """

    kind: GapKind
    table: str | None
    field: str | None
    path: Path
    what: str

    @property
    def place(self) -> str:
        """`table.field`, `table`, or `package`."""
        return ".".join(part for part in (self.table, self.field) if part) or "package"

    @property
    def is_advice(self) -> bool:
        """Whether a release may go without it."""
        return self.kind in _ADVICE


def gaps_of(
    properties: Mapping[str, object], contracts: Mapping[str, Mapping[str, object] | None]
) -> list[Gap]:
    """Everything that is missing.

    Args:
        properties: the package's own.
        contracts: the Data Resource of each published table; None where it has no contract.
    """
    found = list(_package(properties))
    for name, resource in contracts.items():
        found += _table(name, resource)
    found += _clashes("tables", None, list(contracts))
    return found


def gap_of_subjects(undecided: Sequence[str]) -> Gap:
    """The gap where it is not settled who is counted, and several keys, `table.field`, would do."""
    shown = some(undecided, _SHOWN)
    what = (
        "it is not settled who is counted, so the data dictionary shows no numbers; set `subject` "
        f'to one of {shown}, or to "none" where every row is a subject'
    )
    return Gap(GapKind.SUBJECT, None, None, (), what)


def gaps_in(document: Mapping[str, object]) -> list[Gap]:
    """Everything that is missing in a published descriptor."""
    resources = [one for one in _list(document.get("resources")) if isinstance(one, Mapping)]
    tables = {str(r.get("name")): r for r in resources if r.get("format") == "parquet"}
    return gaps_of(document, tables)


def summary_of(gaps: Sequence[Gap]) -> str:
    """What is missing in one line, with the counts; empty where nothing is."""
    own = [str(gap.path[0]) for gap in gaps if gap.kind is GapKind.PACKAGE]
    parts = [_SHORT.get(name, name) for name in own]
    counts = Counter(gap.kind for gap in gaps)
    for kind, (one, many) in _COUNTED.items():
        if counts[kind]:
            parts.append(one if counts[kind] == 1 else many.format(f"{counts[kind]:,}"))
    return ", ".join(parts)


def _package(properties: Mapping[str, object]) -> Iterator[Gap]:
    for name, what in _OF_THE_PACKAGE.items():
        if not _said(properties.get(name)):
            yield Gap(GapKind.PACKAGE, None, None, (name,), f"the package has no {what}")


def _table(name: str, resource: Mapping[str, object] | None) -> Iterator[Gap]:
    if resource is None:
        begin = f"data-package build {name} && data-package describe {name} --write"
        what = f"no contract; begin one: {begin}"
        yield Gap(GapKind.CONTRACT, name, None, (), what)
        return
    if not _is_described(resource):
        yield Gap(GapKind.TABLE, name, None, (), "neither title nor description")
    schema = resource.get("schema")
    fields = _list(schema.get("fields") if isinstance(schema, Mapping) else None)
    names = []
    for at, field in enumerate(fields):
        if isinstance(field, Mapping):
            names.append(str(field.get("name")))
            yield from _field(name, field, ("schema", "fields", at))
    yield from _clashes("fields", name, names)


def _field(table: str, field: Mapping[str, object], at: Path) -> Iterator[Gap]:
    name = str(field.get("name"))
    if not _is_described(field):
        yield Gap(GapKind.FIELD, table, name, at, "neither title nor description")
    categories = _list(field.get("categories"))
    codes = [one for one in categories if _is_code(one, field)]
    if codes:
        what = "its codes have no labels" if len(codes) > 1 else "one of its codes has no label"
        yield Gap(GapKind.LABEL, table, name, (*at, "categories"), what)


def _is_code(category: object, field: Mapping[str, object]) -> bool:
    """Whether a category has no label and needs one: a number, or where others have labels."""
    if isinstance(category, Mapping):
        is_left_out = "label" in category or field.get("type") == "integer"
        return is_left_out and not _said(category.get("label"))
    return field.get("type") == "integer"


def _clashes(kind: str, table: str | None, names: Sequence[str]) -> Iterator[Gap]:
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.lower(), name)
        if other != name:
            what = (
                f"the {kind} {other!r} and {name!r} differ in case only: databases, Windows and "
                "macOS do not distinguish them"
            )
            yield Gap(GapKind.NAME, table, None, (), what)


def _is_described(item: Mapping[str, object]) -> bool:
    return _said(item.get("title")) or _said(item.get("description"))


def _said(value: object) -> bool:
    """Whether a property says anything: a list of empty texts, or a blank of no width, does not."""
    if isinstance(value, str):
        return any(not char.isspace() and category(char) not in ("Cf", "Cc") for char in value)
    if isinstance(value, Mapping):
        return any(map(_said, value.values()))
    return any(map(_said, value)) if isinstance(value, list) else bool(value)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
