"""Schemas and dirty CSV across all types and constraints, for comparison with frictionless."""

from typing import Any

from hypothesis import strategies as st

CELLS: dict[str, list[str]] = {
    "string": ["a", "b", "ab", "abc", "x y", " a", "a ", "é", "日本", "NA", "-", "a\nb", '"', "a,b", "1", "ß"],
    "integer": ["0", "1", "2", "-1", "+3", "007", " 4 ", "1_000", "1.0", "1e3", "abc", "٣", "0x1",
                "9", "10", "--1", "-", "+", "1 2", "NA", "-99", "９", "123456789012345"],
    "number": ["0", "1", "1.0", "1.5", "-2.25", "+.5", "5.", "1e3", "1E-2", "NaN", "nan", "INF", "-INF",
               "inf", "Infinity", " 2 ", "1_0", "abc", "1,5", ".", "e5", "1.2.3", "NA", "-99", "٣.5", "1e"],
    "boolean": ["true", "True", "TRUE", "1", "false", "False", "FALSE", "0", "yes", "no", "tRUE", " true", "NA"],
    "date": ["2024-01-03", "2024-1-3", " 2024-01-03", "2024-01-03 ", "20240103", "2024-13-01",
             "2024-02-30", "2024-02-29", "2023-02-29", "0001-01-01", "9999-12-31", "0000-01-01", "03/01/2024", "31/12/1999",
             "1/1/2024", "2024- 1-03", "+024-01-01", "x", "NA", "1999-12-31", "2024-01-03T00:00:00"],
    "datetime": ["2024-01-26T15:00:00", "2024-01-26 15:00:00", "2024-01-26T15:00", "2024-01-26",
                 "2024-01-26T25:00:00", "2024-01-26T24:00:00", "2024-01-26T15:00:60", "2024-01-26T15:00:00.5",
                 "2024-01-26T15:00:00.123456", "2024-01-26T15:00:00,5", "26/01/2024 15:00:00", "x", "NA",
                 "2023-12-31T23:59:59", "2024-01-26t15:00:00", "2024-W04-5T15:00:00", "20240126T150000", "2024-01-26T 5:00:00"],
    "time": ["15:00:00", "15:00", "9:00:00", "15:00:00.5", "25:00:00", "24:00:00", "15:00:60", "x",
             "NA", "00:00:00", "23:59:59", " 5:00:00", "150000"],
    "year": ["2024", "24", "0000", "9999", "-200", "02024", "12345", "2024.0", " 2024", "2_24", "+202", " 202", "NA", "٢٠٢٤"],
    "yearmonth": ["2024-01", "2024-1", "24-5", "2024-13", "2024-00", "2024", "2024-01-01", " 2024-02",
                  "2023-12", "x", "NA", "-200-05", "2024-", "+2024-01"],
    "duration": ["P1Y", "PT1H", "P1Y2M3DT4H5M6S", "P1W", "PT0.5S", "1 day", "P", "-P1D", "PT", "P1D", "PT24H",
                 "P1M", "P30D", "p1d", "P1.5D", "P1Y1W", "NA", "+P1D", "P1DT", "P-1D", "PT36H"],
    "geopoint": ["90.5,45.5", "90.5, 45.5", "181,0", "0,91", "-180,-90", "1", "1,2,3", "a,b", "[90.5, 45.5]",
                 "[1,2,3]", '{"lon": 90.5, "lat": 45.5}', '{"lat": 1}', "NA", "1.0,2", "1,2"],
    "geojson": ['{"type":"Point","coordinates":[1,2]}', '{"type":"Nope"}', "x", "[1]", "{}",
                '{"type":"Point","coordinates":["a",2]}', '{"type":"LineString","coordinates":[[1,2],[3,4]]}',
                '{"type":"LineString","coordinates":[[1,2]]}', '{"type":"Feature","geometry":null,"properties":null}',
                '{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":{"a":1}}',
                '{"type":"FeatureCollection","features":[]}', "NA", '{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}'],
    "object": ['{"a":1}', '{"a": 1}', '{"a":1,"b":2}', "[1]", "x", '"s"', "{}", "null", "1", "NA", '{"a":'],
    "array": ["[1]", "[1, 2]", "[]", '{"a":1}', "x", "null", '["a"]', "[1,2,3]", "NA", "[1"],
    "list": ["1,2", "1;2", "a,b,c", "1, 2", "", "x", "1", "NA", ",", "2024-01-01,2024-01-02", "true,false", "1.5,2"],
    "any": ["1", "x", "NA", " ", "2024-01-01", "-"],
}  # fmt: skip

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
FORMATTED: dict[str, list[str]] = {
    "email": ["a@b.co", "a@b", "nope", "a b@c.de", "A@B.CO", "a.b+c@d-e.org", "@b.co", "a@", "a@b..co", "a@-b.co"],
    "uuid": ["0b14e351-79ee-4790-a3d5-ba087e38b24f", "0B14E351-79EE-4790-A3D5-BA087E38B24F", "x", "0b14e351"],
    "uri": ["http://a.b/c", "ftp://x", "mailto:a@b.c", "nope", "a b", "urn:x:y", "http://", "//a.b", "http://a.b/c?d=e#f"],
    "binary": ["YQ==", "YWI=", "YWJj", "YQ=", "Y", "====", "é"],
    "any": ["2024-01-03", "3 January 2024", "Jan 3 2024 15:00", "15:00:30", "nonsense", "2024-01-03T10:11:12"],
}  # fmt: skip
PATTERNS = ["a", "a|b", "[a-c]+", "^a.*$", r"\d+", r"(?!b).+", r"(.)\1?", r"\w{1,2}", ".{0,2}", r"[^,]*"]
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
        constraints["enum"] = draw(st.lists(st.sampled_from(CELLS[kind]), min_size=1, max_size=4, unique=True))
    if constraints:
        field["constraints"] = constraints
    if kind in ("string", "integer") and draw(st.integers(0, 5)) == 0 and not formatted:
        field["categories"] = draw(st.lists(st.sampled_from(CELLS[kind][:6]), min_size=1, max_size=4, unique=True))
    if kind == "boolean" and draw(st.integers(0, 2)) == 0:
        field["trueValues"], field["falseValues"] = ["yes", "1"], ["no", "0"]
    in_words = any(isinstance(value, str) for value in constraints.values())
    if kind == "number" and not in_words and draw(st.integers(0, 3)) == 0:
        field["decimalChar"] = ","
        field["groupChar"] = draw(st.sampled_from([".", " "]))
    if kind in ("number", "integer") and draw(st.integers(0, 5)) == 0:
        field["bareNumber"] = False
    if kind == "list":
        field["itemType"] = draw(st.sampled_from(["string", "integer", "number", "boolean", "date"]))
        field["delimiter"] = draw(st.sampled_from([",", ";"]))
    if draw(st.integers(0, 5)) == 0:
        field["missingValues"] = draw(st.sampled_from([["NA"], ["", "NA", "-99"], [], ["-"]]))
    return field


@st.composite
def cells(draw: st.DrawFn, field: dict[str, Any]) -> str:
    """Draw a cell that may or may not be a value of its field."""
    roll = draw(st.integers(0, 11))
    if roll == 0:
        return ""
    if roll == 1:
        return draw(st.sampled_from(CELLS[draw(st.sampled_from(list(CELLS)))]))
    if "format" in field and field["format"] in FORMATTED and roll < 9:
        return draw(st.sampled_from(FORMATTED[field["format"]]))
    if field["type"] == "number" and field.get("bareNumber") is False and roll < 6:
        return draw(st.sampled_from(["€5", "95%", "EUR 1.5", "x", "-3 kg", "1.000,5"]))
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
        schema["primaryKey"] = draw(st.lists(st.sampled_from(hashable), min_size=1, max_size=2, unique=True))
    if draw(st.integers(0, 5)) == 0:
        schema["fieldsMatch"] = draw(st.sampled_from(["exact", "equal", "subset", "superset", "partial"]))
    if len(hashable) > 1 and draw(st.integers(0, 5)) == 0:
        pair = draw(st.permutations(hashable))[:2]
    else:
        pair = []
    # To Python 0 equals False; to Table Schema a number is no boolean.
    if pair and len({_kinds(columns)[name] == "boolean" for name in pair}) == 1:
        schema["foreignKeys"] = [{"fields": [pair[0]], "reference": {"resource": "", "fields": [pair[1]]}}]
    labels = [field["name"] for field in columns]
    if draw(st.integers(0, 7)) == 0:
        labels = draw(st.lists(st.sampled_from(["a", "b", "c", "d", " a", "A", ""]), min_size=1, max_size=4))
    lines = [",".join(labels) or "a"]
    for _ in range(draw(st.integers(0, 8))):
        row = [quoted(draw(cells(field))) for field in columns]
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


def quoted(cell: str) -> str:
    """Return a cell as CSV writes it."""
    if any(mark in cell for mark in '",\n\r'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
