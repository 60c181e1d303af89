"""JSON and databases, read by a contract as delimited text is; Python's own readers judge."""

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.schema import (
    BadDataError,
    CheckError,
    check_file,
    infer_file,
    parts_of,
    read,
)


def texts(*names: str) -> dict[str, Any]:
    return {"fields": [{"name": name, "type": "string"} for name in names]}


def rows_of(path: Path, names: str, dialect: dict[str, Any] | None = None) -> list[Any]:
    return read(path, texts(*names), dialect=dialect).frame.collect().rows()


@pytest.mark.parametrize(
    ("name", "text", "dialect", "rows"),
    [
        ("t.json", '[{"a": 1, "b": "x"}, {"b": null, "a": 1.50}]', None,
         [("1", "x"), ("1.50", None)]),
        ("t.json", '[["a", "b"], [true, [1, {"z": 2.0}]]]', None, [("true", '[1, {"z": 2.0}]')]),
        ("t.json", '{"n": {"a": []}, "rows": [{"a": 1, "b": 2}], "x": 1 }', {"property": "rows"},
         [("1", "2")]),
        ("t.json", '[{"b": 2, "c": 3, "a": 1}]', {"itemKeys": ["a", "b"]}, [("1", "2")]),
        ("t.json", "[[1, 2]]", {"header": False, "itemType": "array"}, [("1", "2")]),
        ("t.ndjson", '{"a": 1, "b": "é\\n"}\n\n{"a": 2}\n', None, [("1", "é\n"), ("2", None)]),
        ("t.jsonl", '\ufeff{"a": "", "b": 12345678901234567890.10}', None,
         [(None, "12345678901234567890.10")]),
    ],
)  # fmt: skip
def test_json_is_read_as_the_dialect_says(
    tmp_path: Path, name: str, text: str, dialect: Any, rows: object
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert rows_of(path, "ab", dialect) == rows
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert rows_of(packed, "ab", dialect) == rows


def test_a_typed_contract_of_json_has_the_numbers_of_its_items(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('[{"id": 1, "v": {"x": 1}}, {"id": "one"}, {}]')
    fields = [{"name": "id", "type": "integer"}, {"name": "v", "type": "object"}]
    reading = read(path, {"schema": {"fields": fields, "primaryKey": "id"}})
    assert reading.frame.collect().rows() == [(1, '{"x": 1}'), (None, None), (None, None)]
    found = {(total.rule, total.field): total.rows for total in reading.report.totals}
    assert found == {("type", "id"): (3,), ("primaryKey", "id"): (3, 4)}
    assert infer_file(tmp_path / "t.json").descriptor["schema"]["fields"][0]["name"] == "id"  # type: ignore[index]


# This one is no character, and stands for bytes that are not decoded.
LETTERS = st.characters(codec="utf-8", exclude_characters="\ufffe")
PLAIN = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(LETTERS, max_size=3)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": PLAIN, "b": PLAIN}), min_size=1, max_size=6))
def test_json_by_item_and_by_line_has_the_values_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, items: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("t")
    (folder / "t.json").write_text(json.dumps(items))
    lines = "\n".join(json.dumps(item, ensure_ascii=False) for item in items)
    (folder / "t.ndjson").write_bytes(lines.encode("utf-8", "surrogatepass"))

    def text(value: object) -> str | None:
        return (
            str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
        )

    wanted = [tuple(text(item[key]) or None for key in "ab") for item in items]
    for name in ("t.json", "t.ndjson"):
        reading = read(folder / name, {**texts("a", "b"), "fieldsMatch": "equal"})
        assert reading.frame.collect().rows() == wanted


def text_of(value: object) -> str | None:
    if value is None or value == "":
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


HARMED = {
    "cut": ('[{"a": 1}, {"a":', "item 2 is not JSON"),
    "twice": ('[{"a": 1, "a": 2}]', "item 1 has a key twice"),
    "deep": ("[" * 100_000, "nested too deeply"),
    "scalars": ("[1, 2]", "neither objects nor arrays"),
    "an object": ('{"a": [1], "b": 2}', 'dialect: {property: "a"}` in'),
    "two arrays": ('{"a": [1], "b c": [2]}', "it holds 2 arrays ('a', 'b c')"),
    "a value a line": ('{"a": 1}\n{"a": 2}', "the ending .ndjson"),
    "mixed": ('[{"a": 1}, [1]]', "item 2 is not an object"),
    "no property": ('{"a": 1}', "an object without an array"),
    "text": ("a,b\n1,2\n", "it is not JSON"),
    "nothing": ("", "it is not JSON"),
    "more": ('[{"a": 1}] x', "it is not whole, or has more than JSON"),
    "a comma": ('[{"a": 1},]', "it is not JSON after item 1"),
}


@pytest.mark.parametrize("what", HARMED)
def test_json_that_is_not_rows_is_refused_in_one_line(tmp_path: Path, what: str) -> None:
    path = tmp_path / "t.json"
    text, words = HARMED[what]
    path.write_text(text)
    with pytest.raises(CheckError) as caught:
        check_file(path, texts("a"))
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_what_follows_the_rows_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    for text in ('{"rows": [{"a": 1}]', '{"rows": [{"a": 1}], "b"}', '{"rows": [{"a": 1}]} {}'):
        path.write_text(text)
        with pytest.raises(CheckError, match="it is not whole, or has more than JSON"):
            check_file(path, texts("a"), dialect={"property": "rows"})


def test_an_array_without_items_is_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("[]")
    with pytest.raises(BadDataError, match="the file is empty"):
        read(tmp_path / "t.json", texts("a"))


TABLE = """
create table visits (a integer, b text);
create table "odd "" name" (a real, b blob);
create view doubled as select a * 2 as a, b from visits;
"""


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("db") / "t.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(TABLE)
        rows = [(1, 'x,"y"\n'), (2, ""), (None, None), (2**60, "ø")]
        connection.executemany("insert into visits values (?, ?)", rows)
        connection.execute("""insert into "odd "" name" values (0.1, x'01ff')""")
    return path


@pytest.fixture(scope="module")
def duck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("db") / "t.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create table t as select 1 as a, date '2024-05-31' as b, timestamp '2024-05-31 10:30' "
            "as c, 1.50::decimal(9, 2) as d, [1, 2] as e, true as f, "
            "1267650600228229401496703205376::hugeint as g"
        )
        connection.execute("insert into t (a) values (null)")
    return path


@pytest.mark.parametrize(
    ("dialect", "rows"),
    [
        ({"table": "visits"},
         [("1", 'x,"y"\n'), ("2", None), (None, None), ("1152921504606846976", "ø")]),
        ({"table": 'odd " name'}, [("0.1", "01ff")]),
        ({"table": "doubled"},
         [("2", 'x,"y"\n'), ("4", None), (None, None), ("2305843009213693952", "ø")]),
        ({"query": "select max(a) as a, 'n' as b from visits -- all;"},
         [("1152921504606846976", "n")]),
    ],
)  # fmt: skip
def test_a_table_a_view_and_a_query_of_sqlite_are_read(
    sqlite: Path, dialect: dict[str, Any], rows: object
) -> None:
    reading = read(sqlite, texts("a", "b"), dialect=dialect)
    assert reading.frame.collect().rows() == rows
    assert reading.report.ok
    part = "its query" if "query" in dialect else "table "
    assert reading.report.render().startswith(f"t, {part}")


def test_the_tables_of_a_database_are_listed(sqlite: Path, duck: Path) -> None:
    assert parts_of(sqlite).dialects == tuple(
        {"table": n} for n in ("visits", 'odd " name', "doubled")
    )
    assert parts_of(duck).dialects == ({},)
    with pytest.raises(CheckError, match=r"3 tables \('visits', .*--dialect table=visits"):
        check_file(sqlite, texts("a"))


def test_a_row_of_one_null_is_a_row(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "t.db")) as connection, connection:
        connection.execute("create table t (a text)")
        connection.executemany("insert into t values (?)", [("x",), (None,), ("",), ("y",)])
    with duckdb.connect(str(tmp_path / "t.duckdb")) as database:
        database.execute("create table t as select unnest(['x', null, '', 'y']) as a")
    (tmp_path / "t.json").write_text('[{"a": "x"}, {"a": null}, {"a": ""}, {"a": "y"}]')
    (tmp_path / "t.ndjson").write_text('{"a": "x"}\n{"a":  null}\n{"a":   ""}\n{"a": "y"}')
    for path in tmp_path.iterdir():
        for missing in ([""], ["-"]):
            reading = read(path, {**texts("a"), "missingValues": missing}, numbered=True)
            nothing = None if missing == [""] else ""
            assert reading.frame.collect()["a"].to_list() == ["x", nothing, nothing, "y"], path
            assert reading.report.ok
            assert reading.numbers is not None
            assert reading.numbers.to_list() == [2, 3, 4, 5]


def test_virtual_tables_of_sqlite_are_not_listed(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            "create table notes_extra (a); create table t (a);"
            "create virtual table notes using fts5(a);"
            "CREATE VIRTUAL TABLE boxes USING rtree(id, low, high)"
        )
    assert parts_of(path).dialects == (
        {"table": "notes_extra"},
        {"table": "t"},
    )
    with pytest.raises(CheckError, match="no table 'notes' that can be read; its tables are"):
        check_file(path, texts("a"), dialect={"table": "notes"})


def test_an_infinite_date_of_duckdb_is_a_bad_cell(tmp_path: Path) -> None:
    path = tmp_path / "t.duckdb"
    with duckdb.connect(str(path)) as database:
        for kind in ("date", "timestamp", "timestamptz"):
            database.execute(
                f"create table {kind}s as select unnest(['infinity'::{kind}, '-infinity'::{kind}, "
                f"'2024-05-06'::{kind}, null]) as a, 1 as n"
            )
    for kind, field in (("date", "date"), ("timestamp", "datetime"), ("timestamptz", "datetime")):
        schema = {"fields": [{"name": "a", "type": field}, {"name": "n", "type": "integer"}]}
        reading = read(path, schema, dialect={"table": f"{kind}s"})
        assert [one.rows for one in reading.report.totals] == [(2, 3)]
        assert [str(one)[:10] for one in reading.frame.collect()["a"]] == [
            "None", "None", "2024-05-06", "None",
        ]  # fmt: skip


def test_a_table_of_duckdb_is_read(duck: Path) -> None:
    assert rows_of(duck, "abcdefg") == [
        ("1", "2024-05-31", "2024-05-31T10:30:00", "1.50", "[1,2]", "true", str(2**100)),
        (None,) * 7,
    ]
    fields = infer_file(duck).descriptor["schema"]["fields"]  # type: ignore[index]
    assert [field["type"] for field in fields][:6] == [
        "integer",
        "date",
        "datetime",
        "number",
        "array",
        "boolean",
    ]


@pytest.mark.parametrize(
    "query",
    [
        "delete from visits",
        "select 1 as a; drop table visits",
        "attach 'other.db' as other",
        "pragma writable_schema = on",
        "select load_extension('x') as a",
        "select nothing from nowhere",
        "with recursive",
        "",
    ],
)
def test_a_query_of_sqlite_only_reads(sqlite: Path, query: str) -> None:
    before = sqlite.read_bytes()
    with pytest.raises(CheckError, match="its query cannot be run"):
        check_file(sqlite, texts("a"), dialect={"query": query or ";"})
    assert sqlite.read_bytes() == before
    assert [path.name for path in sqlite.parent.iterdir()] == ["t.db"]


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_csv('/etc/passwd')",
        "select content as a from read_text('/etc/hostname')",
        "copy t to 'out.csv'",
        "install httpfs",
        "select 1 as a; drop table t",
        "select getenv('HOME') as a",
        "set enable_external_access = true",
    ],
)
def test_a_query_of_duckdb_sees_nothing_but_the_file(duck: Path, query: str) -> None:
    before = duck.read_bytes()
    with pytest.raises(CheckError, match="its query cannot be run"):
        check_file(duck, texts("a"), dialect={"query": query})
    assert duck.read_bytes() == before


@pytest.mark.parametrize("harm", ["cut", "noise", "text", "empty"])
@pytest.mark.parametrize("name", ["sqlite", "duck"])
def test_a_damaged_database_ends_in_one_line(
    tmp_path: Path, request: pytest.FixtureRequest, name: str, harm: str
) -> None:
    whole = Path(request.getfixturevalue(name))
    data = whole.read_bytes()
    path = tmp_path / whole.name
    path.write_bytes(
        {
            "cut": data[: len(data) // 3],
            "noise": data[:100] + b"\xff" * (len(data) - 100),
            "text": b"a,b\n1,2\n",
            "empty": b"",
        }[harm]
    )
    with pytest.raises(CheckError) as caught:
        check_file(path, texts("a"), dialect={"table": "t" if name == "duck" else "visits"})
    assert len(str(caught.value).splitlines()) == 1


def test_changes_that_are_not_in_the_file_yet_are_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table t (a)")
        connection.commit()
        with pytest.raises(CheckError, match=r"t\.db-wal beside it has changes"):
            check_file(path, texts("a"))


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=3),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_sqlite_returns_the_values_that_were_stored(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]]
) -> None:
    path = tmp_path_factory.mktemp("t") / "t.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table t (a integer, b real, c text)")
        connection.executemany("insert into t values (?, ?, ?)", rows)
    fields = [
        {"name": name, "type": kind}
        for name, kind in zip("abc", ("integer", "number", "string"), strict=True)
    ]
    found = read(path, {"fields": fields}).frame.collect()
    assert found.schema == {"a": pl.Int64, "b": pl.Float64, "c": pl.String}
    assert found.rows() == [(a, b, c or None) for a, b, c in rows]
