"""Schemas and dirty CSV across all types and constraints, for comparison with frictionless."""

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

_POOLS: dict[str, dict[str, list[str]]] = json.loads(
    Path(__file__).with_name("cells.json").read_text(encoding="utf-8")
)
CELLS, FORMATTED = _POOLS["types"], _POOLS["formats"]

BOUNDS: dict[str, list[Any]] = {
    "integer": [0, 1, 2, "1", "3", -1, 1000],
    "number": [0, 1, 1.5, "1", "0.5", -2.25],
    "date": ["2024-01-03", "2000-01-01", "9999-12-31"],
    "datetime": ["2024-01-26T15:00:00", "2024-01-01T00:00:00"],
    "time": ["15:00:00", "00:00:01"],
    "year": [2000, "2024", 0],
    "yearmonth": ["2024-01", "2023-12"],
}
FORMATS: dict[str, list[str]] = {
    "string": ["email", "uuid", "uri", "binary"],
    "date": ["%d/%m/%Y", "%Y%m%d", "any"],
    "datetime": ["%d/%m/%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "any"],
    "time": ["%H:%M", "%H%M%S", "any"],
    "geopoint": ["array", "object"],
}
PATTERNS = [
    "a",
    "a|b",
    "[a-c]+",
    "^a.*$",
    r"\d+",
    r"(?!b).+",
    r"(.)\1?",
    r"\w{1,2}",
    ".{0,2}",
    r"[^,]*",
]
_BARE_TROUBLE = re.compile(r"(?i)inf|nan|(^|[^0-9])[.,][0-9]")
_BASE64 = re.compile("(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
UNHASHABLE = ("array", "object", "geojson", "list")

_SIZED = ("string", "array", "object", "list")


@st.composite
def fields(draw: st.DrawFn, name: str, *, types: list[str] | None = None) -> dict[str, Any]:
    """Draw a field descriptor that frictionless accepts."""
    kind = draw(st.sampled_from(types or list(CELLS)))
    field: dict[str, Any] = {"name": name, "type": kind}
    if kind in FORMATS and draw(st.integers(0, 3)) == 0:
        field["format"] = draw(st.sampled_from(FORMATS[kind]))
    formatted = "format" in field
    constraints: dict[str, Any] = {}
    if draw(st.integers(0, 2)) == 0:
        constraints["required"] = True
    if kind not in UNHASHABLE and draw(st.integers(0, 3)) == 0:
        constraints["unique"] = True
    if kind in BOUNDS and not formatted:
        for constraint in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if draw(st.integers(0, 4)) == 0:
                constraints[constraint] = draw(st.sampled_from(BOUNDS[kind]))
    if kind in _SIZED:
        for constraint in ("minLength", "maxLength"):
            if draw(st.integers(0, 3)) == 0:
                constraints[constraint] = draw(st.integers(0, 3))
    if kind == "string" and draw(st.integers(0, 3)) == 0:
        constraints["pattern"] = draw(st.sampled_from(PATTERNS))
    if kind not in ("list", "geojson") and not formatted and draw(st.integers(0, 3)) == 0:
        constraints["enum"] = draw(
            st.lists(st.sampled_from(CELLS[kind]), min_size=1, max_size=4, unique=True)
        )
    if constraints:
        field["constraints"] = constraints
    if kind in ("string", "integer") and draw(st.integers(0, 5)) == 0 and not formatted:
        field["categories"] = draw(
            st.lists(st.sampled_from(CELLS[kind][:6]), min_size=1, max_size=4, unique=True)
        )
    if kind == "boolean" and draw(st.integers(0, 2)) == 0:
        field["trueValues"], field["falseValues"] = ["yes", "1"], ["no", "0"]
    in_words = any(isinstance(value, str) for value in constraints.values())
    if kind == "number" and not in_words and draw(st.integers(0, 3)) == 0:
        field["decimalChar"] = ","
        field["groupChar"] = draw(st.sampled_from([".", " "]))
    words = [word for word in constraints.get("enum", []) if isinstance(word, str)]
    if (
        kind in ("number", "integer")
        and draw(st.integers(0, 5)) == 0
        and not any(map(_BARE_TROUBLE.search, words))
    ):
        field["bareNumber"] = False
    if kind == "list":
        field["itemType"] = draw(
            st.sampled_from(["string", "integer", "number", "boolean", "date"])
        )
        field["delimiter"] = draw(st.sampled_from([",", ";"]))
    if draw(st.integers(0, 5)) == 0:
        field["missingValues"] = draw(st.sampled_from([["NA"], ["", "NA", "-99"], [], ["-"]]))
    return field


@st.composite
def cells(draw: st.DrawFn, field: dict[str, Any]) -> str:
    """Draw a cell that may or may not be a value of its field, to frictionless as to us."""
    cell = draw(_cells(field))
    return "" if _is_read_otherwise(field, cell) else cell


def _is_read_otherwise(field: dict[str, Any], cell: str) -> bool:
    """Tell whether frictionless reads a cell otherwise than the standard: these are listed."""
    if field.get("bareNumber") is False:
        # It drops a leading decimal mark there, and the words of numbers.
        return field["type"] == "number" and _BARE_TROUBLE.search(cell) is not None
    return field.get("format") == "binary" and _BASE64.fullmatch(cell) is None


@st.composite
def _cells(draw: st.DrawFn, field: dict[str, Any]) -> str:
    roll = draw(st.integers(0, 11))
    if roll == 0:
        return ""
    if roll == 1:
        return draw(st.sampled_from(CELLS[draw(st.sampled_from(list(CELLS)))]))
    if "format" in field and field["format"] in FORMATTED and roll < 9:
        return draw(st.sampled_from(FORMATTED[field["format"]]))
    if field["type"] == "number" and field.get("bareNumber") is False:
        pool = ["€5", "95%", "EUR 1.5", "x", "-3 kg", "1.000,5", *CELLS["number"]]
        return draw(st.sampled_from(pool))
    return draw(st.sampled_from(CELLS[field["type"]]))


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, Any], str]:
    """Draw a schema and a CSV text for it: clean, dirty, ragged, blank, mislabelled."""
    columns = [draw(fields(name)) for name in ("a", "b", "c")[: draw(st.integers(1, 3))]]
    schema: dict[str, Any] = {"fields": columns}
    if draw(st.integers(0, 2)) == 0:
        schema["missingValues"] = draw(st.sampled_from([["NA"], ["", "NA", "-"], ["", "-99"], []]))
    hashable = [field["name"] for field in columns if field["type"] not in UNHASHABLE]
    if hashable and draw(st.integers(0, 2)) == 0:
        schema["primaryKey"] = draw(
            st.lists(st.sampled_from(hashable), min_size=1, max_size=2, unique=True)
        )
    if draw(st.integers(0, 5)) == 0:
        schema["fieldsMatch"] = draw(
            st.sampled_from(["exact", "equal", "subset", "superset", "partial"])
        )
    if len(hashable) > 1 and draw(st.integers(0, 5)) == 0:
        pair = draw(st.permutations(hashable))[:2]
    else:
        pair = []
    # To Python 0 equals False; to Table Schema a number is no boolean.
    if pair and len({_kinds(columns)[name] == "boolean" for name in pair}) == 1:
        schema["foreignKeys"] = [
            {"fields": [pair[0]], "reference": {"resource": "", "fields": [pair[1]]}}
        ]
    labels = [field["name"] for field in columns]
    if draw(st.integers(0, 7)) == 0:
        labels = draw(
            st.lists(st.sampled_from(["a", "b", "c", "d", " a", "A", ""]), min_size=1, max_size=4)
        )
    lines = [",".join(labels) or "a"]
    for _ in range(draw(st.integers(0, 8))):
        always = draw(st.integers(0, 4)) == 0
        row = [quoted(draw(cells(field)), always=always) for field in columns]
        shape = draw(st.integers(0, 24))
        if shape == 0:
            row = row[:-1]
        elif shape == 1:
            row = [*row, *["x", ""][: draw(st.integers(1, 2))]]
        elif shape == 2:
            row = [""] * len(row)
        lines.append(",".join(row))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return schema, newline.join(lines) + (newline if draw(st.booleans()) else "")


def _kinds(columns: list[dict[str, Any]]) -> dict[str, str]:
    return {field["name"]: field["type"] for field in columns}


def quoted(cell: str, *, always: bool = False) -> str:
    """Return a cell as CSV writes it, in quotes where it must be."""
    if always or any(mark in cell for mark in '",\n\r'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
