"""The verbs that look at a project and those that correct what is known of it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from data_package.engine.cli.verbs import command
from data_package.engine.errors import ProjectError
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import RAW_PEOPLE

pytestmark = pytest.mark.slow

TABLES = (
    RAW_PEOPLE
    + """
from STUDY.rules import grown_up

@dg.asset(group_name="final")
def adults(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.filter(grown_up()).sort("id")


@dg.asset(group_name="final")
def counts(adults: pl.LazyFrame) -> pl.LazyFrame:
    return adults.select(n=pl.len())
"""
)
RULES = """
import polars as pl


def grown_up() -> pl.Expr:
    return pl.col("age") >= 18
"""
ADULTS = """
title: Adults
description: Those who are grown up.
schema:
  fields:
    - {name: id, type: integer, title: Id, description: A number., constraints: {required: true}}
    - {name: age, type: integer, title: Age, description: In years., constraints: {minimum: 18}}
  primaryKey: [id]
"""
COUNTS = """
title: Counts
description: How many.
schema:
  fields:
    - {name: n, type: integer, title: Number, description: Of adults.}
"""


@pytest.fixture
def built(built_study: Make, monkeypatch: pytest.MonkeyPatch) -> Study:
    project = built_study(
        {
            "tables.py": TABLES,
            "rules.py": RULES,
            "adults.yaml": ADULTS,
            "counts.yaml": COUNTS,
            "/people.csv": "id,age\n1,20\n2,30\n3,5\n",
        }
    )
    monkeypatch.chdir(project.root)
    return project


def call(*words: str) -> Result:
    return CliRunner().invoke(command, list(words))


def states() -> dict[str, str]:
    document = json.loads(call("status", "--json").stdout)
    return {table["name"]: table["state"] for table in document["tables"]}


def change_rule(project: Study, text: str = "> 18") -> None:
    project.write({"rules.py": RULES.replace(">= 18", text)})


def test_status_of_a_project_that_has_just_been_built_is_fresh(built: Study) -> None:
    done = call("status", "--check")
    assert done.exit_code == 0
    assert "3 of 3 tables are fresh. The data package is up to date." in done.stdout


def test_status_check_fails_when_anything_is_stale(built: Study) -> None:
    change_rule(built)
    done = call("status", "--check")
    assert done.exit_code == 1
    assert states() == {"people": "fresh", "adults": "stale", "counts": "stale"}
    assert "helper grown_up changed" in done.stdout
    assert "adults is stale" in done.stdout


def test_status_distinguishes_missing_from_changed_outside(built: Study) -> None:
    (built.storage / "raw" / "people.parquet").unlink()
    (built.storage / "final" / "counts.parquet").write_bytes(b"else")
    assert states() == {"people": "missing", "adults": "stale", "counts": "changed outside"}


def test_status_remembers_a_failure_until_what_it_depends_on_changes(built: Study) -> None:
    built.write({"rules.py": "def grown_up():\n    raise RuntimeError\n"})
    assert not built.build().ok
    assert states()["adults"] == "failed"
    change_rule(built)
    assert states()["adults"] == "stale"


def test_why_shows_the_changed_lines_and_the_way_to_them(built: Study) -> None:
    change_rule(built)
    words = call("why", "adults").stdout
    assert "helper grown_up changed" in words
    assert f"{built.package}/rules.py" in words
    assert "adults → grown_up" in words
    assert "-    return pl.col('age') >= 18" in words
    assert "+    return pl.col('age') > 18" in words


def test_why_names_where_the_staleness_of_an_input_begins(built: Study) -> None:
    (built.root / "people.csv").write_text("id,age\n1,21\n")
    words = call("why", "counts").stdout
    assert "adults is stale; if its content does not change, counts is not built" in words
    assert "people: people_file has new content" in words


def test_why_of_an_unknown_table_guesses_what_was_meant(built: Study) -> None:
    done = call("why", "adult")
    assert isinstance(done.exception, ProjectError)
    assert "Did you mean 'adults'?" in str(done.exception)


def test_accept_takes_the_present_files_as_right(built: Study) -> None:
    change_rule(built, ">= 17 + 1")
    assert call("accept").stdout == "Accepted: adults, counts.\n"
    assert set(states().values()) == {"fresh"}
    assert built.build().tables == ()


def test_accept_refuses_a_table_without_a_file(built: Study) -> None:
    (built.storage / "final" / "counts.parquet").unlink()
    done = call("accept", "counts")
    assert "is missing or not a whole Parquet file" in str(done.exception)


def test_forget_lets_the_next_build_run_a_table_again(built: Study) -> None:
    assert call("forget", "adults").stdout == "Forgotten: adults.\n"
    assert states() == {"people": "fresh", "adults": "missing", "counts": "stale"}
    assert [t.name for t in built.build().tables if t.status == "built"] == ["adults"]


def test_check_passes_and_fails_as_the_contracts_say(built: Study) -> None:
    assert call("check").exit_code == 0
    built.write({"adults.yaml": ADULTS.replace("minimum: 18", "minimum: 25")})
    done = call("check", "adults", "--json")
    assert done.exit_code == 1
    (report,) = json.loads(done.stdout)
    assert [(t["rule"], t["field"], t["count"], t["rows"]) for t in report["totals"]] == [
        ("minimum", "age", 1, [2])
    ]


def test_check_of_a_delivered_file_needs_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("adults.yaml").write_text(ADULTS)
    Path("in.csv").write_text("id;age\n1;20\n1;secret\n")
    done = call("check", "in.csv", "--schema", "adults.yaml", "--delimiter", ";")
    assert done.exit_code == 1
    assert "age: not a value of type integer (type), 1 time: row 3" in done.stdout
    assert "secret" not in done.stdout


@pytest.mark.parametrize(
    ("content", "words", "expected"),
    [
        ("id;age\n1;2\n", [], "separated by ';', --delimiter"),
        ("id,größe\n1,2\n", [], "often --encoding cp1252"),
        ("id,age\n1,2\n", [], ""),
        ("id\tage\n1\t2\n", ["--delimiter", r"\t"], ""),
    ],
)
def test_describe_says_when_a_file_seems_to_be_written_otherwise(
    content: str, words: list[str], expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(content.encode("cp1252"))
    done = call("describe", str(path), *words)
    assert expected in done.stderr
    assert bool(expected) == bool(done.stderr)
    is_refused = "encoding" in expected
    assert done.exit_code == int(is_refused)
    assert ("- name: id\n" in done.stdout) != is_refused


def test_rows_are_shown_on_a_terminal_only(built: Study) -> None:
    done = call("check", "--rows")
    assert done.exit_code == 2
    assert "--rows needs a terminal" in done.stderr


def test_describe_writes_a_first_contract_and_then_only_adds_fields(built: Study) -> None:
    place = built.root / built.package / "people.yaml"
    assert "Written" in call("describe", "people", "--write").stdout
    first = place.read_text()
    assert "- name: age" in first
    assert built.build().ok
    place.write_text(first.replace('title: ""\n', "title: People  # mine\n", 1))
    (built.root / "people.csv").write_text("id,age,sex\n1,20,F\n2,30,M\n3,5,F\n")
    built.build("people")
    call("describe", "people", "--write")
    assert place.read_text().startswith("title: People  # mine\n")
    assert "- name: sex" in place.read_text()


def test_what_describe_infers_leaves_bounds_out_unless_asked(built: Study) -> None:
    assert "minimum" not in call("describe", "people").stdout
    assert "minimum: 5" in call("describe", "people", "--bounds").stdout
