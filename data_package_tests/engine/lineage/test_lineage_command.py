"""`data-package lineage`, and the lineage of a project's tables that it rests on."""

import json
from datetime import UTC, datetime

import dagster as dg
import jsonschema  # type: ignore[import-untyped]
import pytest
from click.testing import CliRunner, Result

from data_package.engine.cli.verbs import command
from data_package.engine.errors import ProjectError
from data_package.engine.lineage.column_lineage import TableLineage
from data_package.engine.lineage.lookup import inputs_of
from data_package.engine.lineage.openlineage import events
from data_package.engine.lineage.tables import lineage_of_tables
from data_package.engine.runs.instance import project_instance
from data_package.engine.runs.run import run_build
from data_package.engine.staleness.plan import Request
from data_package.engine.staleness.survey import in_order
from data_package.engine.tables.loading import open_project
from data_package_tests.conftest import Make, Study

pytestmark = pytest.mark.slow

TABLES = """
from pathlib import Path

import dagster as dg
import polars as pl

from data_package import source_file

people_file = source_file("people_file", "people.csv")
calls = Path(__file__).with_name("calls")


@dg.asset(group_name="raw")
def people(people_file: Path) -> pl.LazyFrame:
    calls.open("a").write("people ")
    return pl.scan_csv(people_file)


@dg.asset(group_name="intermediate")
def grown(people: pl.LazyFrame) -> pl.LazyFrame:
    calls.open("a").write("grown ")
    return people.filter(pl.col("age") >= 18).select("id", years="age")


@dg.asset(group_name="final")
def decades(grown: pl.LazyFrame) -> pl.LazyFrame:
    return grown.select(decade=pl.col("years") // 10).sort("decade")


@dg.asset(group_name="intermediate")
def eager(grown: pl.DataFrame) -> pl.DataFrame:
    return grown
"""
DECADES = """
title: Decades
description: A decade of life for each of the grown up.
schema:
  fields:
    - {name: decade, type: integer, title: Decade, description: Of life.}
"""


@pytest.fixture
def people(study: Make, monkeypatch: pytest.MonkeyPatch) -> Study:
    made = study({"tables.py": TABLES, "decades.yaml": DECADES, "/people.csv": "id,age\n1,41\n"})
    assert made.build().ok
    (made.root / made.package / "calls").unlink()
    monkeypatch.chdir(made.root)
    return made


def ask(*words: str) -> Result:
    return CliRunner().invoke(command, ["lineage", *words], catch_exceptions=True)


def called(people: Study) -> list[str]:
    path = people.root / people.package / "calls"
    return sorted(set(path.read_text().split())) if path.is_file() else []


def test_a_field_is_followed_up_to_the_raw_file_and_down(people: Study) -> None:
    text = ask("grown.years").output
    assert "people.age\n    └── people_file.age" in text
    assert "└── decades.decade" in text
    assert "The rows of grown and their order depend on:\n  people.age\n" in text
    assert "eager is followed at table level only: it takes grown as something other than" in text
    facts = json.loads(ask("decades.decade", "--json").output)
    assert facts["raw_columns"] == [{"table": "people_file", "field": "age"}]
    assert facts["rows_shaped_by"] == [{"table": "grown", "field": "years"}]


def test_a_raw_column_is_followed_down(people: Study) -> None:
    text = ask("people_file.age").output
    assert text.startswith("people_file.age\nis part of\n└── people.age\n    └── grown.years\n")


def test_a_table_shows_each_field(people: Study) -> None:
    assert "decade  grown.years  people_file.age" in ask("decades").output
    facts = json.loads(ask("decades", "--json").output)
    assert [field["field"] for field in facts["fields"]] == ["decade"]
    assert "eager is followed at table level only" in ask("eager").output
    assert json.loads(ask("eager", "--json").output)["inputs"] == ["grown"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["grow.years"], "There is no table or raw file 'grow'. Did you mean 'grown'?"),
        (["grown.yeers"], "'grown' has no field 'yeers'. Did you mean 'years'?"),
        (["eager.id"], "The fields of 'eager' cannot be followed: it takes grown as something"),
        (["people_file.ages"], "'people_file' has no field 'ages'. Did you mean 'age'?"),
    ],
)
def test_a_name_that_is_not_there_is_reported(
    people: Study, words: list[str], expected: str
) -> None:
    problem = ask(*words).exception
    assert isinstance(problem, ProjectError)
    assert expected in str(problem)


def test_a_damaged_input_is_reported(people: Study) -> None:
    (people.storage / "raw" / "people.parquet").write_bytes(b"PAR1")
    assert "it takes people, whose file is damaged" in ask("grown").output


def test_what_is_only_named_in_deps_is_reported(people: Study) -> None:
    code = "import dagster as dg\nimport polars as pl\n\n@dg.asset(deps=['grown'])\n"
    code += "def after() -> pl.LazyFrame:\n    return pl.LazyFrame({'n': [1]})\n"
    people.write({"after.py": code})
    assert people.build().ok
    assert "it names grown in `deps` and takes it in no parameter" in ask("after").output


def test_an_unchanged_function_is_not_called_again(people: Study) -> None:
    ask("decades")
    assert called(people) == []
    (people.storage / ".state" / "lineage.json").unlink()
    ask("decades")
    assert called(people) == ["grown", "people"]
    (people.root / people.package / "calls").unlink()
    people.write({"tables.py": TABLES.replace(">= 18", ">= 21")})
    ask("decades")
    assert called(people) == ["grown"]


def test_new_columns_of_an_input_are_followed(people: Study) -> None:
    ask("decades")
    people.write({"/people.csv": "id,age,name\n1,41,A\n"})
    assert people.build().ok
    assert [f["field"] for f in json.loads(ask("people", "--json").output)["fields"]] == [
        "id",
        "age",
        "name",
    ]


def test_what_is_kept_is_private_and_may_be_broken(people: Study) -> None:
    before = ask("decades", "--json").output
    path = people.storage / ".state" / "lineage.json"
    assert path.stat().st_mode & 0o077 == 0
    for text in ("", "[]", '{"decades": {"of": "x"}}', '{"decades": 3}'):
        path.write_text(text)
        assert ask("decades", "--json").output == before


def test_an_input_that_is_not_built_is_reported(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = study({"tables.py": TABLES, "decades.yaml": DECADES, "/people.csv": "id,age\n1,41\n"})
    monkeypatch.chdir(made.root)
    assert "it takes people, which has not been built yet" in ask("grown").output


TRANSFORMATIONS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": ["DIRECT", "INDIRECT"]}},
    },
}
FIELDS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["namespace", "name", "field"],
        "properties": {
            **{key: {"type": "string"} for key in ("namespace", "name", "field")},
            "transformations": TRANSFORMATIONS,
        },
    },
}
DATASET = {
    "type": "object",
    "required": ["namespace", "name"],
    "properties": {
        "facets": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["_producer", "_schemaURL", "fields"],
                "properties": {
                    "_producer": {"type": "string", "format": "uri"},
                    "_schemaURL": {"type": "string", "format": "uri"},
                    "fields": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "required": ["inputFields"],
                            "properties": {"inputFields": FIELDS},
                        },
                    },
                    "dataset": FIELDS,
                },
            },
        }
    },
}
# What OpenLineage asks of a job event and of the column lineage facet, in our own words.
JOB_EVENT = {
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL", "job"],
    "not": {"required": ["run"]},
    "properties": {
        "eventTime": {"type": "string", "format": "date-time"},
        "producer": {"type": "string", "format": "uri"},
        "schemaURL": {"type": "string", "format": "uri"},
        "job": {"type": "object", "required": ["namespace", "name"]},
        "inputs": {"type": "array", "items": DATASET},
        "outputs": {"type": "array", "items": DATASET},
    },
}


def test_events_are_those_of_openlineage(people: Study) -> None:
    lines = [json.loads(line) for line in ask("--openlineage").output.splitlines()]
    assert {line["job"]["name"] for line in lines} == {"people", "grown", "decades", "eager"}
    for line in lines:
        jsonschema.validate(line, JOB_EVENT)
        assert datetime.fromisoformat(line["eventTime"]).tzinfo is not None
    (grown,) = [line["outputs"][0] for line in lines if line["job"]["name"] == "grown"]
    facet = grown["facets"]["columnLineage"]
    assert [f["field"] for f in facet["fields"]["years"]["inputFields"]] == ["age"]
    assert [(f["field"], f["transformations"]) for f in facet["dataset"]] == [
        ("age", [{"type": "INDIRECT"}])
    ]
    (eager,) = [line for line in lines if line["job"]["name"] == "eager"]
    assert "facets" not in eager["outputs"][0]
    assert [one["name"] for one in eager["inputs"]] == ["grown"]


def test_the_same_lineage_gives_the_same_events() -> None:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    tables = {"t": TableLineage({"c": frozenset({("a", "x"), ("a", "y")})}, frozenset())}
    first, second = (
        events(tables, {"t": ["a", "a"]}, namespace="study", when=when) for _ in range(2)
    )
    assert first == second
    assert first[0]["inputs"] == [{"namespace": "study", "name": "a"}]


def test_hostile_names_pass_through_unharmed(study: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    name = '[bold]x[/bold] "</script>'
    made = study(
        {
            "tables.py": f"""
            import dagster as dg
            import polars as pl


            @dg.asset(group_name="raw")
            def odd() -> pl.LazyFrame:
                return pl.LazyFrame({{{name!r}: [1]}})


            @dg.asset(group_name="intermediate")
            def odder(odd: pl.LazyFrame) -> pl.LazyFrame:
                return odd.with_columns(pl.all().name.suffix("!"))
            """
        }
    )
    assert made.build().ok
    monkeypatch.chdir(made.root)
    assert f"odd.{name}" in ask("odder").output
    assert f"odd.{name}" in ask(f"odder.{name}!").output
    catalogue, _ = open_project(made.project)
    found = lineage_of_tables(catalogue, in_order(catalogue))
    assert found["odder"].columns[f"{name}!"] == {("odd", name)}
    assert inputs_of(catalogue) == {"odd": [], "odder": ["odd"]}


def test_a_materialization_carries_the_lineage_that_is_known(people: Study) -> None:
    def noted(*select: str) -> dict[str, list[str]] | None:
        people.forget()
        assert run_build(Request(select, force=True), people.project).ok
        with project_instance(people.project) as instance:
            event = instance.get_latest_materialization_event(dg.AssetKey("grown"))
        assert event is not None
        assert event.asset_materialization is not None
        value = event.asset_materialization.metadata.get("dagster/column_lineage")
        if value is None:
            return None
        assert isinstance(value, dg.TableColumnLineageMetadataValue)
        return {
            column: [f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in deps]
            for column, deps in value.column_lineage.deps_by_column.items()
        }

    (people.storage / ".state" / "lineage.json").unlink()
    assert noted("grown") is None
    ask("decades")
    assert noted("grown") == {"id": ["people.id"], "years": ["people.age"]}


def test_the_dictionary_says_what_a_field_is_made_of(people: Study) -> None:
    page = people.storage / "package" / "index.html"
    assert '"o":"people_file.age"' in page.read_text()
    assert "Its rows and their order depend on people_file.age." in page.read_text()
    before = page.read_bytes()
    (people.storage / ".state" / "lineage.json").unlink()
    people.build("data_package")
    assert page.read_bytes() == before


def test_without_column_lineage_a_build_calls_no_function_for_it(people: Study) -> None:
    people.write(
        {
            "/pyproject.toml": '[tool.data-package]\npackage = "STUDY"\ncolumn-lineage = false\n',
            "tables.py": TABLES.replace(">= 18", ">= 21"),
        }
    )
    calls = people.root / people.package / "calls"
    assert people.build().ok
    assert calls.read_text().split() == ["grown"]
    assert '"o":' not in (people.storage / "package" / "index.html").read_text()


def test_columns_that_become_rows_are_counted_and_not_named(study: Make) -> None:
    header = ",".join(f"SUBJECT{i}" for i in range(9))
    made = study(
        {
            "/wide.csv": f"day,{header}\n" + ",".join(map(str, range(10))) + "\n",
            "tables.py": """
            from pathlib import Path

            import dagster as dg
            import polars as pl

            from data_package import source_file

            wide_file = source_file("wide_file", "wide.csv")


            @dg.asset(group_name="final")
            def decades(wide_file: Path) -> pl.LazyFrame:
                long = pl.scan_csv(wide_file).unpivot(index="day")
                return long.select(decade=pl.col("value") + pl.col("day"))
            """,
            "decades.yaml": DECADES,
        }
    )
    assert made.build().ok
    page = (made.storage / "package" / "index.html").read_text()
    assert '"o":"10 columns of wide_file"' in page
    assert "SUBJECT" not in page
