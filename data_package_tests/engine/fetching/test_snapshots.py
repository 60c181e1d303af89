"""Snapshots of databases: only `fetch` asks, and a build uses the pinned file."""

import json
import signal
import sqlite3
import stat
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package import source_query
from data_package.engine.cli import completing
from data_package.engine.cli import fetch as cli_fetch
from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.fetching import postgres, sqlite
from data_package.engine.fetching.fetch import Came, fetch, wanted
from data_package.engine.fetching.keeping import kept
from data_package.engine.fetching.refusals import not_answered, not_reached
from data_package.engine.sources.assets import raw_file
from data_package.engine.sources.pins import read_pins, write_pins
from data_package.engine.sources.snapshots import Pin
from data_package.engine.staleness.clean import find_leftovers
from data_package.engine.staleness.lock import lock_of
from data_package.engine.staleness.survey import survey
from data_package.engine.tables.catalogue import Catalogue, catalogue_of
from data_package_tests.conftest import Make, Study

HEADER = "import dagster as dg\nimport polars as pl\nfrom pathlib import Path\n"
FILES = {
    "tables.py": HEADER
    + """
from data_package import source_query

visits_file = source_query(
    "visits_file",
    "select id, weight from visits order by id",
    connection="CLINIC",
)

@dg.asset
def visits(visits_file: pl.LazyFrame) -> pl.LazyFrame:
    return visits_file

@dg.asset
def copies(visits_file: Path) -> pl.LazyFrame:
    return pl.scan_parquet(visits_file)
""",
    "visits_file.yaml": """\
        schema:
          fields:
            - {name: id, type: integer, constraints: {required: true}}
            - {name: weight, type: number}
        """,
}
SECRET = "sqlite:///planted77.db"


@pytest.fixture
def clinic(study: Make, monkeypatch: pytest.MonkeyPatch) -> Study:
    project = study(FILES)
    monkeypatch.setenv("CLINIC", SECRET)
    put(project, [(1, 61.5), (2, None)])
    return project


def put(project: Study, rows: list[tuple[Any, ...]]) -> None:
    with sqlite3.connect(project.root / "planted77.db") as database:
        database.execute("drop table if exists visits")
        database.execute("create table visits(id, weight)")
        database.executemany("insert into visits values (?, ?)", rows)
    database.close()


def loaded(project: Study) -> Catalogue:
    project.definitions()
    return catalogue_of(project.project)


def quiet(_on: str) -> AbstractContextManager[None]:
    """Show nothing while it is fetched."""
    return nullcontext()


def fetched(project: Study) -> list[Any]:
    files = loaded(project).deliveries.files
    return list(fetch(files, project.project, quiet))


def test_a_snapshot_is_fetched_pinned_built_and_fetched_again(clinic: Study) -> None:
    with pytest.raises(ProjectError) as reported:
        clinic.build()
    assert str(reported.value) == (
        "The raw file 'visits_file' is not there: it has not been fetched yet.\n"
        "Fetch it: data-package fetch visits_file"
    )
    [first] = fetched(clinic)
    assert (first.came, first.rows) == (Came.NEW, 2)
    pin = read_pins(clinic.project.snapshots)["visits_file"]
    file = clinic.project.places.snapshot("visits_file", pin.sha256)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert clinic.build().ok
    built = pl.read_parquet(next(clinic.storage.glob("*/visits.parquet")), glob=False)
    assert built.rows() == [(1, 61.5), (2, None)]
    assert lock_of(clinic.project).read().raw["visits_file"].sha256 == pin.sha256

    before = clinic.project.snapshots.read_bytes(), file.stat().st_mtime_ns
    [again] = fetched(clinic)
    assert again.came is Came.UNCHANGED
    assert (clinic.project.snapshots.read_bytes(), file.stat().st_mtime_ns) == before

    put(clinic, [(1, 61.5), (2, 70)])
    [changed] = fetched(clinic)
    assert (changed.came, changed.rows_before) == (Came.CHANGED, 2)
    catalogue = loaded(clinic)
    states = survey(catalogue, lock_of(clinic.project).read())
    assert {one.state.value for one in states.values()} == {"stale"}
    leftovers = find_leftovers(catalogue, lock_of(clinic.project).read())
    assert [orphan.path for orphan in leftovers.snapshots] == [file]

    for name in ("data-package.lock", "snapshots.toml"):
        assert b"planted77" not in (clinic.root / name).read_bytes()
    kept_files = [path for path in clinic.storage.rglob("*") if path.is_file()]
    assert not [path for path in kept_files if b"planted77" in path.read_bytes()]


UNUSED = """
from data_package import source_file
one_file = source_file("one_file", "nowhere.csv")
two_file = source_query("two_file", "select 1 as a", connection="NOWHERE")
"""


def test_what_no_table_uses_need_not_be_there(clinic: Study) -> None:
    clinic.write({"tables.py": FILES["tables.py"] + UNUSED})
    list(
        fetch(
            {"visits_file": loaded(clinic).deliveries.files["visits_file"]}, clinic.project, quiet
        )
    )
    assert clinic.build().ok


def test_what_does_not_answer_the_query_now_is_not_used(clinic: Study) -> None:
    fetched(clinic)
    pin = read_pins(clinic.project.snapshots)["visits_file"]
    file = clinic.project.places.snapshot("visits_file", pin.sha256)

    def fault() -> str:
        catalogue = loaded(clinic)
        with pytest.raises(ProjectError) as reported:
            catalogue.deliveries.content("visits_file")
        assert str(reported.value).endswith("\nFetch it: data-package fetch visits_file")
        return str(reported.value).splitlines()[0]

    content = file.read_bytes()
    file.write_bytes(content[:-1])
    assert fault().endswith("visits_file/" + file.name + " is damaged.")
    [mended] = fetched(clinic)
    assert mended.came is Came.UNCHANGED
    assert file.read_bytes() == content
    file.unlink()
    assert fault().endswith("is missing.")
    fetched(clinic)
    edited = FILES["tables.py"].replace("id, weight", "weight, id")
    clinic.write({"tables.py": edited})
    assert fault().endswith("what it asks for was edited after it was fetched.")


def test_only_fetch_reads_the_address_and_reports_the_result(
    clinic: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLINIC")
    lacking = clinic.verb("fetch")
    assert lacking.returncode == 2
    assert lacking.stderr.startswith("CLINIC is not set.")
    assert "sqlite" not in lacking.stderr
    failed = clinic.verb("fetch", env={"CLINIC": "sqlite:///elsewhere.db"})
    assert failed.returncode == 1
    assert "visits_file was not fetched. There is no database" in failed.stderr
    done = clinic.verb("fetch", "--json", env={"CLINIC": SECRET})
    assert done.returncode == 0
    [one] = json.loads(done.stdout)["snapshots"]
    assert (one["name"], one["came"], one["rows"]) == ("visits_file", "new", 2)


# In the user's own code, so that each verb loads it in its own process.
LISTENS = """
import sys

def listen(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "sqlite3.connect", "open"):
        place = arguments[1] if event == "socket.connect" else arguments[0]
        if isinstance(place, tuple) or event == "socket.getaddrinfo" or "planted77" in str(place):
            with open("opened.txt", "a") as file:
                print(event, file=file)

sys.addaudithook(listen)
"""
OFFLINE = [
    "build",
    "check",
    "check visits_file",
    "describe visits_file",
    "graph --output graph.html",
    "status",
    "why visits",
]


def test_nothing_but_a_fetch_connects(clinic: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic.write({"tables.py": LISTENS + FILES["tables.py"]})
    assert clinic.verb("fetch").returncode == 0
    log = clinic.root / "opened.txt"
    assert log.read_text() == "sqlite3.connect\n"
    log.unlink()
    # Without the address: nothing but `fetch` needs it.
    monkeypatch.delenv("CLINIC")
    for words in OFFLINE:
        done = clinic.verb(*words.split())
        assert done.returncode == 0, (words, done.stderr)
    assert not log.exists()


SEVERAL = """
last_file = source_query("last_file", "select id from visits", connection="CLINIC")
broken_file = source_query("broken_file", "select id from nowhere", connection="CLINIC")
"""


def test_what_fails_among_several_is_reported_and_the_others_are_kept(clinic: Study) -> None:
    fetched(clinic)
    before = read_pins(clinic.project.snapshots)["visits_file"]
    clinic.write({"tables.py": FILES["tables.py"] + SEVERAL})
    put(clinic, [(1, 61.5), (2, 70)])
    done = clinic.verb("fetch")
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["last_file", "visits_file"]
    assert done.stderr.startswith("broken_file was not fetched. The query failed: ")
    pins = read_pins(clinic.project.snapshots)
    assert sorted(pins) == ["last_file", "visits_file"]
    assert pins["visits_file"].sha256 != before.sha256


_KILLED = """
import os, signal, sys

def end(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith("snapshots.toml"):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(end)
from data_package.engine.start import main
sys.argv = ["data-package", "fetch"]
main()
"""


def test_a_fetch_that_is_killed_before_its_pin_is_written_loses_nothing(clinic: Study) -> None:
    fetched(clinic)
    pins = clinic.project.snapshots
    before = pins.read_bytes()
    file = clinic.project.places.snapshot("visits_file", read_pins(pins)["visits_file"].sha256)
    put(clinic, [(1, 61.5), (2, 70)])
    killed = clinic.run(sys.executable, "-c", _KILLED)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    # The new file is there, and the old one is still what counts.
    assert pins.read_bytes() == before
    assert len([path for path in file.parent.iterdir() if path.suffix == ".parquet"]) == 2
    assert clinic.build().ok
    assert lock_of(clinic.project).read().raw["visits_file"].sha256.startswith(file.stem)
    [again] = fetched(clinic)
    assert again.came is Came.CHANGED
    leftovers = find_leftovers(loaded(clinic), lock_of(clinic.project).read())
    assert [orphan.path for orphan in leftovers.snapshots] == [file]


# What hypothesis fills a column with.
CELLS = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.binary(),
)
OF_ONE_KIND = st.sampled_from(
    [st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text("aé'\n"), st.binary()]
)
COLUMNS = st.one_of(st.lists(CELLS, max_size=6), OF_ONE_KIND.flatmap(st.lists))


@settings(max_examples=25)
@given(COLUMNS)
def test_every_cell_of_sqlite_is_what_pythons_own_library_says(cells: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        database = sqlite3.connect(root / "a.db")
        database.execute("create table t(a)")
        database.executemany("insert into t values (?)", [(cell,) for cell in cells])
        database.commit()
        expected = [row[0] for row in database.execute("select a from t order by rowid")]
        database.close()
        sql = "select a from t order by rowid -- as they came"
        with sqlite.answered("sqlite:///a.db", sql, root) as answer, kept(answer, root) as made:
            column = pl.read_parquet(made.path, glob=False)["a"]
        assert [path.name for path in root.iterdir()] == ["a.db"]
    kinds = {type(cell) for cell in expected if cell is not None}
    if len(kinds) <= 1:
        assert column.to_list() == expected
    elif column.dtype == pl.Float64:
        assert kinds == {int, float}
        assert [v if v is None else float(v) for v in expected] == column.to_list()
        assert all(int(float(v)) == v for v in expected if isinstance(v, int))
    else:
        assert column.dtype == pl.String
        as_text = [
            v if v is None or isinstance(v, str) else v.hex() if isinstance(v, bytes) else repr(v)
            for v in expected
        ]
        assert column.to_list() == as_text


REFUSED = {
    "select nosuch from t": "there is no such column: nosuch",
    "select a from elsewhere": "there is no such table: elsewhere",
    "select a fro t": "not valid SQL",
    "select a from t; select 1": "not valid SQL",
    "delete from t": "may only read",
    "attach 'other.db' as o": "may only read",
    "select load_extension('x')": "may only read",
    "select a, a from t": "two columns with the name 'a'",
    'select a as "" from t': "a column without a name",
    "select abs(a) from t": "cannot be computed",
    "select cast(x'ff' as text)": "is not UTF-8",
    "select json_extract(a, 'planted') from (select 'planted88' as a)": "The query failed",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_a_query_that_fails_is_refused_in_words_of_ours(sql: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("create table t(a)")
        database.execute(f"insert into t values ({-(2**63)})")
    database.close()
    with (
        pytest.raises(BuildError) as reported,
        sqlite.answered("sqlite:///a.db", sql, tmp_path) as answer,
        kept(answer, tmp_path),
    ):
        pass
    assert REFUSED[sql] in str(reported.value)
    assert "planted88" not in str(reported.value)
    assert str(2**63) not in str(reported.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]


def test_a_name_is_repeated_only_if_the_user_wrote_it() -> None:
    words = 'ERROR:  column "weight" does not exist\nLINE 3:  select weight'
    known = not_answered(words, "42703", "select id,\n  weight\nfrom visits", lines_before=1)
    assert str(known) == (
        "The query failed: there is no such column: weight, line 2 of the query (SQLSTATE 42703)."
    )
    unknown = not_answered('column "P07" does not exist', "42703", "select id from visits")
    assert "P07" not in str(unknown)
    assert "planted" not in str(not_reached('FATAL: user "planted" is odd', "host:1"))


@pytest.mark.parametrize(
    "connection",
    [
        "postgresql://me:planted66@host/db",
        "postgresql://host/db?user=me&password=planted66",
        "postgresql://[planted66",
    ],
)
def test_an_address_with_a_password_is_refused_and_not_repeated(connection: str) -> None:
    with pytest.raises(ProjectError) as reported:
        source_query("visits_file", "select 1", connection=connection)
    assert "has a secret in its connection" in str(reported.value)
    assert "planted66" not in str(reported.value)


def test_an_address_that_cannot_be_read_is_not_repeated() -> None:
    assert postgres._place("postgresql://me:planted66@host:7/db") == "host:7"
    assert postgres._place("postgresql://me:a@b@host/db") == "host:5432"
    assert postgres._place("postgresql:///db?host=/run/postgres") == "/run/postgres:5432"
    for wrong in ("me:1/x@host/db", "me:1#x@host/db", "me:1?x@host/db", "[me:1", "me:x/y@h"):
        assert postgres._place(f"postgresql://{wrong}") == "the address that was given"


@pytest.mark.parametrize("connection", ["", "host db", "1"])
def test_a_connection_that_is_neither_address_nor_variable_is_refused(connection: str) -> None:
    with pytest.raises(ProjectError, match="neither an address nor the name of a variable"):
        source_query("visits_file", "select 1", connection=connection)


def test_a_name_that_is_not_a_snapshot_is_refused(clinic: Study) -> None:
    files = loaded(clinic).deliveries.files
    with pytest.raises(ProjectError, match="Did you mean 'visits_file'"):
        wanted(files, ["visit_file"])
    assert list(wanted(files, [])) == ["visits_file"]
    with pytest.raises(ProjectError, match="has no snapshot to fetch"):
        wanted({}, [])


def test_an_indented_query_is_the_same_query() -> None:
    def digest(sql: str) -> str:
        [spec] = source_query("visits_file", sql, connection="CLINIC").specs
        file = raw_file(spec)
        assert file is not None
        assert file.snapshot is not None
        return file.snapshot.origin.digest

    assert digest("select 1\nfrom t") == digest("\n    select 1\n    from t\n")
    assert digest("select 1\nfrom t") != digest("select 1\nfrom u")


PIN = Pin("0" * 64, 3, "2026-03-02T10:00:00+00:00", "abc")


def test_a_shell_completes_the_snapshots_that_were_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.data-package]\npackage = "p"\n')
    write_pins(tmp_path / "snapshots.toml", {"visits": PIN, "labs": PIN})
    monkeypatch.chdir(tmp_path)
    verb = cli_fetch.command
    offered = completing.snapshots(click.Context(verb), verb.params[0], "v")
    assert [item.value for item in offered] == ["visits"]


def test_pins_are_written_by_name_and_read_back(tmp_path: Path) -> None:
    pins = {"b/c": PIN, "a": PIN}
    write_pins(tmp_path / "snapshots.toml", pins)
    assert read_pins(tmp_path / "snapshots.toml") == pins
    assert (tmp_path / "snapshots.toml").read_text().index('["a"]') < 100


@pytest.mark.parametrize(
    "text",
    ["<<<<<<< ours\n", "a = 1\n", "[a]\nrows = 1\n", "\x00", "[a]\nsha256 = 1\nrows = 'x'\n"],
)
def test_a_file_of_pins_that_is_not_ours_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "snapshots.toml"
    path.write_text(text)
    with pytest.raises(ProjectError, match="is not what `data-package fetch` writes"):
        read_pins(path)
