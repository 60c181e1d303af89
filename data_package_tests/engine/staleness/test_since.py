"""What has changed since a commit, by causes, from the lock files alone."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from click.testing import CliRunner

from data_package.engine import git
from data_package.engine.cli.status import command
from data_package.engine.errors import ProjectError
from data_package.engine.staleness.lock import Lock, RawEntry, TableEntry, render
from data_package.engine.staleness.since import difference
from data_package_tests.conftest import Make, Study


def entry(
    content: str,
    inputs: Mapping[str, str] | None = None,
    parts: Mapping[str, str] | None = None,
    rows: int = 1,
    polars: str = "2.1.0",
) -> TableEntry:
    parts = parts or {"function": "1"}
    code = "".join(f"{name}{text}" for name, text in sorted(parts.items()))
    libraries = {"polars": polars}
    return TableEntry(code, parts, inputs or {}, libraries, content, rows, "c", 1)


BEFORE = Lock(
    {"file": RawEntry("1", 1)},
    {
        "raw": entry("r1", {"file": "1"}),
        "clean": entry("c1", {"raw": "r1"}, {"function": "1", "constant WEIGHT": "5"}),
        "other": entry("o1", {"raw": "r1"}, {"function": "2", "constant WEIGHT": "5"}),
        "final": entry("f1", {"clean": "c1", "other": "o1"}, rows=10),
    },
)


def changed(lock: Lock, **entries: TableEntry) -> Lock:
    return replace(lock, tables={**lock.tables, **entries})


def causes(before: Lock, now: Lock) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return [(c.cause, c.tables, c.consequences) for c in difference(before, now).changes]


def test_a_constant_is_one_cause_with_its_tables_and_with_what_follows() -> None:
    weight = {"function": "1", "constant WEIGHT": "6"}
    now = changed(
        BEFORE,
        clean=entry("c2", {"raw": "r1"}, weight),
        other=entry("o2", {"raw": "r1"}, weight | {"function": "2"}),
        final=entry("f2", {"clean": "c2", "other": "o2"}, rows=12),
    )
    found = difference(BEFORE, now)
    assert causes(BEFORE, now) == [("constant WEIGHT changed", ("clean", "other"), ("final",))]
    assert found.rows == {"final": (10, 12)}
    assert found.describe("main").splitlines() == [
        "Since main: 3 tables changed.",
        "",
        "- constant WEIGHT changed → 2 tables: clean, other",
        "  - and so final",
        "",
        "| table | rows before | rows now |",
        "|---|---:|---:|",
        "| final | 10 | 12 |",
    ]


def test_a_raw_file_is_a_cause_and_the_tables_of_its_tables_follow() -> None:
    now = Lock(
        {"file": RawEntry("2", 2)},
        {
            **BEFORE.tables,
            "raw": entry("r2", {"file": "2"}),
            "clean": replace(BEFORE.tables["clean"], inputs={"raw": "r2"}, data_version="c2"),
            "other": replace(BEFORE.tables["other"], inputs={"raw": "r2"}),
            "final": entry("f2", {"clean": "c2", "other": "o1"}, rows=10),
        },
    )
    assert causes(BEFORE, now) == [
        ("file has new content", ("raw",), ("clean", "final", "other")),
    ]


def test_what_has_no_cause_in_the_lock_is_reported() -> None:
    now = changed(BEFORE, raw=entry("r9", {"file": "1"}))
    assert causes(BEFORE, now) == [("other content from the same code and inputs", ("raw",), ())]


def test_libraries_inputs_and_tables_come_and_go() -> None:
    tables = dict(BEFORE.tables)
    del tables["final"]
    tables["raw"] = entry("r1", {"file": "1"}, polars="2.1.1")
    tables["clean"] = replace(tables["clean"], inputs={"other": "o1"})
    tables["new"] = entry("n")
    found = difference(BEFORE, replace(BEFORE, tables=tables))
    assert {c.cause: c.tables for c in found.changes} == {
        "polars 2.1.0 → 2.1.1": ("raw",),
        "raw is no longer an input": ("clean",),
        "other is a new input": ("clean",),
    }
    assert (found.added, found.removed) == (("new",), ("final",))


def test_a_renamed_table_is_neither_new_nor_gone_and_changes_no_other() -> None:
    tables = dict(BEFORE.tables)
    tables["tidy"] = tables.pop("clean")
    tables["final"] = replace(tables["final"], inputs={"tidy": "c1", "other": "o1"})
    found = difference(BEFORE, replace(BEFORE, tables=tables))
    assert found.renamed == (("clean", "tidy"),)
    assert (found.changes, found.added, found.removed) == ((), (), ())


def test_partitions_are_named_where_they_come_and_the_table_where_they_change() -> None:
    one = entry("1", {"file": "1"})
    before = Lock(partitions={"visits": {"2020": one, "2021": one}})
    edited = replace(one, fingerprint="x", parts={"function": "2"})
    now = Lock(partitions={"visits": {"2020": edited, "2021": edited, "2022": edited}})
    found = difference(before, now)
    assert causes(before, now) == [("function changed", ("visits",), ())]
    assert found.added == ("visits[2022]",)


def test_nothing_is_nothing() -> None:
    assert difference(BEFORE, BEFORE).describe("v1") == "No table has changed since v1."


@pytest.fixture
def committed(study: Make, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A project in a folder of a repository, whose lock was another in the last commit."""
    made = study({})
    repository = made.root.parent
    lock = made.root / "data-package.lock"
    lock.write_text(render(BEFORE))
    name = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), ("add", "-f", str(lock)), (*name, "commit", "-qm", "built")):
        assert git.run(repository, *words).returncode == 0
    lock.write_text(render(changed(BEFORE, raw=entry("r9", {"file": "1"}))))
    monkeypatch.chdir(made.root)
    return made


def test_the_lock_file_is_compared_with_that_of_a_commit(committed: Study) -> None:
    done = CliRunner().invoke(command, ["--since", "HEAD"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Since HEAD: 1 table changed.\n\n- other content")
    done = CliRunner().invoke(command, ["--since", "HEAD", "--json"])
    assert json.loads(done.output)["changes"] == [
        {
            "cause": "other content from the same code and inputs",
            "tables": ["raw"],
            "consequences": [],
        }
    ]
    assert CliRunner().invoke(command, ["--since", "HEAD", "--check"]).exit_code == 2


@pytest.mark.parametrize(
    "revision",
    [
        "nowhere",
        "--output=made",
        "--help",
        "-h",
        "HEAD:x",
        "HEAD\x00",
        "",
        pytest.param("x" * 300_000, id="long"),
        "a b\n",
    ],
)
def test_a_revision_that_is_none_is_one_line(committed: Study, revision: str) -> None:
    done = CliRunner().invoke(command, ["--since", revision])
    assert isinstance(done.exception, ProjectError)
    assert str(done.exception).startswith("git knows no commit ")
    assert not (committed.root / "made").exists()


def test_without_git_or_a_repository_it_is_one_line(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = study({})
    monkeypatch.chdir(made.root)
    done = CliRunner().invoke(command, ["--since", "HEAD"])
    assert str(done.exception) == f"{made.root} is not in a git repository."
    monkeypatch.setenv("PATH", "/nowhere")
    done = CliRunner().invoke(command, ["--since", "HEAD"])
    assert str(done.exception) == "git is not installed, or not on the PATH."
