"""Pages of Markdown about a data package: an index and a page for each table, words and rules only.

Whatever a descriptor says is plain text on these pages: a sign that any kind of Markdown could take
for markup is written as a character reference, which all of them show as the sign.
https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from data_package.engine.export.content import ExportedPackage, ExportedTable, file_name
from data_package.engine.package.codebook import rows_of
from data_package.engine.storage import make_private_folder, write_private

_SIGNS = re.compile(
    r"""
      [\\`*\[\]<>|~$&{}@^#!]
    | (?<![^\W_])_ | _(?![^\W_])            # those within words are text everywhere
    | (?<=[-+=.:/])[-+=.:/]                # as single ones are
    | (?<=\bwww)\.                         # some make a link of an address
    | :(?=[\w+-]+:)
    | ^[-+=?:%"/]
    | ^\(?[A-Za-z0-9]{1,9}[.)](?=\s|$)     # the begin of a list
    """,
    re.VERBOSE,
)
_ADDRESS = re.compile(r"https?://[^\s<>()\[\]{}\\`\"'|]+")
_MADE = "<!-- data-package export: "
_HEADS = ("field", "title", "description", "type", "rules", "values")
_MARKED = {"primary_key": "primary key", "required": "required", "unique": "unique"}

Head = Callable[[str], str]


def write_pages(
    content: ExportedPackage, folder: Path, ending: str, head: Head, report: Callable[[str], None]
) -> dict[str, int]:
    """Write a new folder of pages; `head` makes the beginning of one from its escaped title."""
    make_private_folder(folder)
    index = f"index.{ending}"
    taken = {index}
    places = {one.name: file_name(one.name, f".{ending}", taken) for one in content.tables}
    for table in content.tables:
        report(f"writing {table.name}")
        write_private(folder / places[table.name], "".join(_table(table, head, places)))
    made = json.dumps(sorted(places.values()))
    write_private(folder / index, "".join(_index(content, head, places)) + f"\n{_MADE}{made} -->\n")
    return {table.name: table.rows for table in content.tables}


def pages_listed(index: str) -> set[str]:
    """The pages that an index names in its last line. Raises ValueError if it names none."""
    last = index.rstrip().rpartition("\n")[2]
    return {str(name) for name in json.loads(last.removeprefix(_MADE).removesuffix(" -->"))}


def plain(text: object) -> str:
    """A text in one line that is not markup at any place in a line."""
    words = " ".join(str(text).split())
    shown = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in words)
    return _SIGNS.sub(lambda found: f"{found[0][:-1]}&#{ord(found[0][-1])};", shown)


def _index(content: ExportedPackage, head: Head, places: Mapping[str, str]) -> Iterator[str]:
    document = content.document
    title = document.get("title") or document.get("name") or "Data package"
    yield head(plain(title))
    yield from _paragraphs(document.get("description"))
    if version := document.get("version"):
        yield f"\nVersion {plain(version)}.\n"
    yield "\n## Tables\n\n"
    rows = (
        (f"[{plain(one.name)}]({places[one.name]})", plain(one.contract.title), _first(one))
        for one in sorted(content.tables, key=lambda one: one.name)
    )
    yield from _grid(("table", "title", "description"), rows)
    for name, key in (("Contributors", "contributors"), ("Licences", "licenses")):
        items = [_item(one) for one in _items(document.get(key))]
        if items:
            yield f"\n## {name}\n\n" + "".join(f"- {item}\n" for item in items)


def _table(table: ExportedTable, head: Head, places: Mapping[str, str]) -> Iterator[str]:
    contract = table.contract
    yield head(plain(contract.title or table.name))
    index = f"index{Path(places[table.name]).suffix}"
    yield f"\nThe table {plain(table.name)} of [the data package]({index}).\n"
    yield from _paragraphs(contract.description)
    yield "\n## Fields\n\n"
    yield from _grid(_HEADS, map(_field, rows_of(table.name, contract)))
    if contract.foreign_keys:
        yield "\n## Refers to\n\n"
    for key in contract.foreign_keys:
        target = key.resource or table.name
        shown = f"[{plain(target)}]({places[target]})" if target in places else plain(target)
        own, other = (plain(", ".join(names)) for names in (key.fields, key.reference_fields))
        yield f"- {own}: {other} of {shown}\n"


def _field(row: Mapping[str, str]) -> tuple[str, ...]:
    marks = [words for name, words in _MARKED.items() if row[name]]
    rules = "; ".join(filter(None, (*marks, row["constraints"])))
    shown = row["categories"] or (f"for example {row['example']}" if row["example"] else "")
    cells = (row["field"], row["title"], row["description"], row["type"], rules, shown)
    return tuple(map(plain, cells))


def _first(table: ExportedTable) -> str:
    return plain(table.contract.description.strip().partition("\n\n")[0])


def _grid(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    heads = list(heads)
    yield f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n"
    for row in rows:
        yield f"| {' | '.join(row)} |\n"


def _paragraphs(text: object) -> Iterator[str]:
    for one in re.split(r"\n\s*\n", str(text or "").strip()):
        if one.strip():
            yield f"\n{plain(one)}\n"


def _items(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _item(one: Mapping[str, object]) -> str:
    words = plain(one.get("title") or one.get("name") or one.get("path") or "")
    address = str(one.get("path") or "")
    return f"[{words}]({address})" if _ADDRESS.fullmatch(address) else words
