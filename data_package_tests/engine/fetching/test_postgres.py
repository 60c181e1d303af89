"""Queries of a real PostgreSQL, and psycopg2 as the other opinion on every cell."""

import json
import os
from collections.abc import Iterator
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import psycopg2
import pytest
from psycopg2 import extensions

from data_package.engine.errors import BuildError
from data_package.engine.fetching import postgres
from data_package.engine.fetching.fetch import fetch
from data_package.engine.fetching.keeping import kept
from data_package.engine.tables.catalogue import catalogue_of
from data_package_tests.conftest import Make
from data_package_tests.engine.fetching.postgres_server import PASSWORD, is_installed, server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not is_installed() and "CI" not in os.environ, reason="no PostgreSQL can be started here"
    ),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with server(tmp_path_factory.mktemp("pg")) as found:
        yield found


@pytest.fixture(scope="module")
def judge(address: str) -> Iterator[extensions.connection]:
    connection = psycopg2.connect(address)
    with connection.cursor() as cursor:
        cursor.execute("set time zone 'UTC'; set intervalstyle = 'iso_8601'")
        cursor.execute("create type mood as enum ('good', 'bad')")
        cursor.execute("create domain weight as numeric(5, 1)")
        cursor.execute("create table visits(id int primary key, weight numeric(5, 1))")
        cursor.execute("insert into visits values (1, 61.5), (2, null)")
        cursor.execute("create sequence counter")
    connection.commit()
    yield connection
    connection.close()


def asked(address: str, sql: str, folder: Path) -> pl.DataFrame:
    with postgres.answered(address, sql) as answer, kept(answer, folder) as made:
        return pl.read_parquet(made.path, glob=False)


# Of each type: expressions, and what the judge's value is in the file, where it is another one.
TYPES: dict[str, tuple[list[str], Any]] = {
    "bool": (["true", "false"], None),
    "int2": (["-32768", "32767"], None),
    "int4": (["-2147483648", "2147483647"], None),
    "int8": (["-9223372036854775808", "9223372036854775807"], None),
    "float4": (["1.5", "'-Infinity'"], None),
    "float8": (["0.1", "1e-320", "'Infinity'", "-0.0"], None),
    "numeric": (["0.10", "-12345678901234567890.123456789", "1e10", "0"], None),
    "numeric(10, 3)": (["1.1", "-9999999.999"], None),
    "numeric(38, 0)": (["99999999999999999999999999999999999999"], None),
    "numeric(60, 30)": (["1e29", "1e-30"], lambda v: f"{v:.30f}"),
    "numeric(4, 1)": (["'NaN'", "1.5"], str),
    "money": (["12.5", "-0.01"], lambda v: Decimal(v.replace("$", "").replace(",", ""))),
    "text": (["''", "'aé\n\t\"\\'", "'NULL'"], None),
    "varchar(3)": (["'ab '"], None),
    "char(5)": (["'ab'"], None),
    "name": (["'n'"], None),
    "mood": (["'good'", "'bad'"], None),
    "weight": (["61.5"], None),
    "bytea": (["'\\x0001ff'", "''"], bytes),
    "date": (["'0001-01-01'", "'9999-12-31'", "'2024-02-29'"], None),
    "time": (["'00:00'", "'23:59:59.999999'"], None),
    "timestamp": (["'0001-01-01'", "'9999-12-31 23:59:59.999999'"], None),
    "timestamptz": (["'2024-03-31 02:30:00.5+02'", "'1900-01-01Z'"], None),
    "json": (["'{\"a\": [1, null]}'"], json.dumps),
    "jsonb": (["'{\"a\": [1, null]}'"], json.dumps),
    "uuid": (["'dee1b789-2949-4837-8412-96a225166d22'"], None),
    "xml": (["'<a>b</a>'"], None),
    "inet": (["'10.0.0.1'", "'10.0.0.0/8'"], None),
    "bit(3)": (["B'101'"], None),
    "oid": (["4294967295"], None),
    "point": (["'(1,2.5)'"], None),
    "int4[]": (["'{1,null}'", "'{}'", "'{{1,2},{3,4}}'"], lambda v: json.loads(json.dumps(v))),
    "text[]": (["array['a', null]"], lambda v: json.loads(json.dumps(v))),
}
# What psycopg2 makes a value of its own of is compared as PostgreSQL prints it.
PRINTED = {
    "interval": ["'1 month 2 days 03:04:05.5'", "'0'"],
    "timetz": ["'12:13:14+02'"],
    "int4range": ["'[1,5)'"],
}


@pytest.mark.parametrize("name", TYPES)
def test_every_cell_is_what_psycopg2_says(
    name: str, address: str, judge: extensions.connection, tmp_path: Path
) -> None:
    expressions, converted = TYPES[name]
    rows = ", ".join(f"({i}, ({e})::{name})" for i, e in enumerate([*expressions, "null"]))
    sql = f"select v as {json.dumps(name)} from (values {rows}) as t(i, v) order by i; "
    with judge.cursor() as cursor:
        cursor.execute(sql)
        expected = [row[0] for row in cursor.fetchall()]
    judge.rollback()
    found = asked(address, sql, tmp_path)[name].to_list()
    if name.endswith("[]"):
        found = [cell if cell is None else json.loads(cell) for cell in found]
    assert found == [
        cell if cell is None or not converted else converted(cell) for cell in expected
    ]
    kinds = {type(cell) for cell in found if cell is not None}
    assert len(kinds) == 1
    if name.startswith("numeric") and kinds == {Decimal}:
        assert list(map(str, found)) != []
        assert all(abs(a - b) == 0 for a, b in zip(found[:-1], expected[:-1], strict=True))


@pytest.mark.parametrize("name", PRINTED)
def test_other_types_are_what_postgresql_prints(
    name: str, address: str, judge: extensions.connection, tmp_path: Path
) -> None:
    for expression in PRINTED[name]:
        with judge.cursor() as cursor:
            cursor.execute(f"select format('%s', ({expression})::{name})")
            [expected] = cursor.fetchone() or [None]
        found = asked(address, f"select ({expression})::{name} as v", tmp_path)
        assert found["v"].to_list() == [expected]


@pytest.mark.parametrize(
    "sql",
    [
        "select 'infinity'::date as d",
        "select '-infinity'::timestamp as d",
        "select 'infinity'::timestamptz as d",
        "select '0044-03-15 BC'::date as d",
        "select '12000-01-01'::timestamp as d",
        "select '24:00'::time as d",
    ],
)
def test_what_no_table_can_hold_is_refused(sql: str, address: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="The column 'd' has a value that no table can hold"):
        asked(address, sql, tmp_path)
    assert list(tmp_path.iterdir()) == []


REFUSED = {
    "select nosuch from visits": "no such column: nosuch, line 1 of the query (SQLSTATE 42703)",
    "select 1\nfrom elsewhere": "no such table: elsewhere, line 2 of the query (SQLSTATE 42P01)",
    "select fro": "no such column: fro",
    "select from where": "not valid SQL",
    "select 1; select 2": "not valid SQL",
    "select nextval('counter')": "it may only read",
    "delete from visits returning id": "not valid SQL",
    "with d as (delete from visits returning id) select * from d": "cannot do this",
    "select 1 / (g - 99990) from generate_series(1, 100000) g": "cannot be computed",
    "select ('planted44' || g)::int from generate_series(1, 2) g": "cannot be computed",
    "select 1 as a, 2 as a": "two columns with the name 'a'",
    "select pg_sleep(9)": "longer than it allows",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_a_query_that_fails_is_refused_in_words_of_ours(
    sql: str,
    address: str,
    judge: extensions.connection,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(BuildError) as reported:
        asked(f"{address}?options=-c%20statement_timeout%3D900", sql, tmp_path)
    assert REFUSED[sql] in str(reported.value)
    assert "planted44" not in str(reported.value)
    assert PASSWORD not in str(reported.value)
    assert reported.value.__cause__ is None
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
    with judge.cursor() as cursor:
        cursor.execute("select count(*) from visits")
        assert cursor.fetchone() == (2,)
    judge.rollback()


def test_an_address_that_is_not_answered_is_refused_without_its_secrets(
    address: str, tmp_path: Path
) -> None:
    for wrong, words in {
        address.replace(PASSWORD, "planted33"): "it refuses the user or the password",
        address.replace(f":{PASSWORD}", ""): "it asks for a password",
        address.replace("/postgres", "/planted33").replace("planted33ql", ""): "no such user or",
        f"postgresql://boss:{PASSWORD}@127.0.0.1:1/postgres": "nothing answers there",
    }.items():
        with pytest.raises(BuildError) as reported:
            asked(wrong, "select 1", tmp_path)
        assert words in str(reported.value)
        assert "planted" not in str(reported.value)


def test_a_large_answer_is_kept_in_its_order(address: str, tmp_path: Path) -> None:
    sql = "select g as id, g::numeric / 8 as n from generate_series(1, 300000) g order by g desc"
    found = asked(address, sql, tmp_path)
    assert found["id"].to_list() == list(range(300_000, 0, -1))
    assert found["n"].cast(pl.Float64).to_list() == [g / 8 for g in range(300_000, 0, -1)]


FILES = {
    "tables.py": """
import dagster as dg
import polars as pl
from pathlib import Path
from data_package import source_query

visits_file = source_query("visits_file", "select * from visits order by id", connection="CLINIC")

@dg.asset
def visits(visits_file: Path) -> pl.LazyFrame:
    return pl.scan_parquet(visits_file)
"""
}


def test_a_password_is_written_nowhere(
    study: Make, address: str, judge: extensions.connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = study(FILES)
    monkeypatch.setenv("CLINIC", address)
    project.definitions()
    files = catalogue_of(project.project).deliveries.files
    [first] = fetch(files, project.project, lambda _: nullcontext())
    [second] = fetch(files, project.project, lambda _: nullcontext())
    assert (first.rows, second.came.value) == (2, "unchanged")
    assert project.build().ok
    assert pl.read_parquet(next(project.storage.glob("*/visits.parquet")), glob=False).rows() == [
        (1, Decimal("61.5")),
        (2, None),
    ]
    for path in project.root.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path
