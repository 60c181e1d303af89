"""What breaks its contract is reported with rule, field, count and rows, and is never published."""

from pathlib import Path

import pytest

from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import HEADER, execute, failure_of

pytestmark = pytest.mark.slow

PEOPLE = (
    HEADER
    + """
@dg.asset
def people() -> pl.LazyFrame:
    return pl.LazyFrame(
        {
            "identity": ["010190-1234", "020290-2345", "030390-3456"],
            "kind": ["patient", "control", "patient"],
            "height": [180, 170, 160],
        }
    )
"""
)
PEOPLE_CONTRACT = """\
title: People
schema:
  primaryKey: [identity]
  fields:
    - {name: identity, type: string, constraints: {pattern: '\\d{6}-\\d{4}'}}
    - {name: kind, type: string, constraints: {enum: [patient, control], required: true}}
    - {name: height, type: integer, constraints: {maximum: 250}}
"""
VISITS = (
    HEADER
    + """
@dg.asset
def visits() -> pl.DataFrame:
    return pl.DataFrame({"who": ["010190-1234", "020290-2345", "010190-1234"], "number": [1, 1, 2]})
"""
)
VISITS_CONTRACT = """\
title: Visits
schema:
  primaryKey: [who, number]
  foreignKeys:
    - {fields: [who], reference: {resource: people, fields: [identity]}}
  fields:
    - {name: who, type: string}
    - {name: number, type: integer}
"""
REPORT = (
    HEADER
    + """
@dg.asset
def tallest(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select(pl.col("height").max())
"""
)
STUDY = {
    "final/__init__.py": "",
    "final/people.py": PEOPLE,
    "final/people.yaml": PEOPLE_CONTRACT,
    "final/visits.py": VISITS,
    "final/visits.yaml": VISITS_CONTRACT,
    "report.py": REPORT,
}
SECRETS = ("010190-1234", "020290-2345", "030390-3456", "999999-9999", "nonsens", "47114711")


def published(study: Study) -> dict[str, bytes]:
    folder = study.storage / "package"
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


FIELDS = {
    "key": "{name: key, type: string, constraints: {pattern: '\\d{6}-\\d{4}'}}",
    "kind": "{name: kind, type: string, constraints: {enum: [patient, control], required: true}}",
    "height": "{name: height, type: integer, constraints: {maximum: 250}}",
}
CONTRACT = "schema:\n  primaryKey: [key]\n  fields:\n" + "".join(
    f"    - {field}\n" for field in FIELDS.values()
)
COLUMNS = {
    "key": '["010190-1234", "020290-2345", "030390-3456"]',
    "kind": '["patient", "control", "patient"]',
    "height": "[180, 170, 160]",
}

# The columns of a table that breaks its contract, and the words that the report must hold.
BROKEN = {
    "outside_the_enum": (
        COLUMNS | {"kind": '["patient", "nonsens", "nonsens"]'},
        ("enum", "kind", "2 times", "rows 3, 4"),
    ),
    "missing_value": (
        COLUMNS | {"kind": '["patient", None, "control"]'},
        ("required", "kind", "1 time", "row 3"),
    ),
    "duplicated_key": (
        COLUMNS | {"key": '["010190-1234", "010190-1234", "030390-3456"]'},
        ("primaryKey", "key", "row"),
    ),
    "missing_key": (
        COLUMNS | {"key": '["010190-1234", None, "030390-3456"]'},
        ("primaryKey", "key", "row 3"),
    ),
    "out_of_bounds": (COLUMNS | {"height": "[180, 47114711, 160]"}, ("maximum", "height", "row 3")),
    "does_not_match": (
        COLUMNS | {"key": '["010190-1234", "020290-2345", "nonsens"]'},
        ("pattern", "key", "row 4"),
    ),
    "another_type": (
        COLUMNS | {"height": "[180.5, 47114711.5, 160.5]"},
        ("type", "height", "Float64"),
    ),
    "missing_column": (
        {"key": COLUMNS["key"], "kind": COLUMNS["kind"]},
        ("fieldsMatch", "height", "field without a column"),
    ),
    "column_too_many": (COLUMNS | {"extra": "[1, 2, 3]"}, ("fieldsMatch", "extra")),
    "another_order": (
        {name: COLUMNS[name] for name in ("key", "height", "kind")},
        ("fieldsMatch", "kind", "not in its place"),
    ),
    "leads_nowhere": (
        COLUMNS | {"key": '["010190-1234", "020290-2345", "999999-9999"]'},
        ("foreignKey", "key", "1 time", "row 4"),
    ),
}


def module(columns: dict[str, dict[str, str]]) -> str:
    """A module with a table for each name, whose rows come from a file beside it."""
    tables = [
        f"@dg.asset\ndef {name}() -> pl.DataFrame:\n    return read('{name}')\n" for name in columns
    ]
    read = (
        "def read(name):\n"
        "    return eval((Path(__file__).parents[2] / name).read_text(), {'pl': pl})\n\n"
    )
    return HEADER + read + "\n".join(tables)


def rows(columns: dict[str, dict[str, str]]) -> dict[str, str]:
    return {
        f"/{name}": f"pl.DataFrame({{{', '.join(f'{k!r}: {v}' for k, v in each.items())}}})"
        for name, each in columns.items()
    }


def test_each_broken_rule_is_reported_with_its_field_its_count_and_its_rows(study: Make) -> None:
    good = dict.fromkeys([*BROKEN, "faultless"], COLUMNS)
    contracts = {f"final/{name}.yaml": CONTRACT for name in good}
    contracts["final/leads_nowhere.yaml"] += """\
  foreignKeys:
    - {fields: [key], reference: {resource: faultless, fields: [key]}}
"""
    project = study({"final/__init__.py": "", "final/t.py": module(good)} | contracts | rows(good))
    first = project.build()
    assert first.ok, first.explain()
    before = published(project)

    broken = {name: columns for name, (columns, _) in BROKEN.items()}
    project.write(rows(broken) | {"final/t.py": module(good).replace("eval(", "eval(''+")})
    result = project.build()

    assert not result.ok
    for name, (_, words) in BROKEN.items():
        answer = "\n".join(check.description for check in result[name].failed_checks)
        assert [word for word in words if word not in answer] == [], name
    output = result.explain() + result.to_json()
    assert [value for value in SECRETS if value in output] == []
    assert traces(project) == []
    assert published(project) == before


def traces(study: Study) -> list[Path]:
    return [
        path
        for path in study.storage.rglob("*")
        if path.is_file() and path.suffix not in (".parquet", ".py")
        for value in SECRETS
        if value.encode() in path.read_bytes()
    ]


def test_the_command_says_what_is_broken_and_leaves_what_is_published(study: Make) -> None:
    project = study(STUDY)
    assert project.build().ok
    before = published(project)
    project.write(
        {
            "final/people.py": PEOPLE.replace('"control", "patient"]', '"nonsens", "nonsens"]'),
            "other.py": HEADER
            + "@dg.asset\ndef other() -> pl.LazyFrame:\n    return pl.LazyFrame({'n': [1]})\n",
        }
    )
    done = project.verb("build")
    assert done.returncode == 1
    for word in ("enum", "kind", "2 times", "rows 3, 4", "unchanged"):
        assert word in done.stderr, word
    assert "Traceback" not in done.stderr
    assert "dagster" not in (done.stdout + done.stderr).lower()
    assert len((done.stdout + done.stderr).splitlines()) <= 40
    assert [value for value in SECRETS if value in done.stdout + done.stderr] == []
    assert published(project) == before
    assert (project.storage / "default" / "other.parquet").is_file()


def test_tables_that_use_a_table_that_breaks_its_contract_are_not_built(study: Make) -> None:
    project = study(STUDY | {"final/people.py": PEOPLE.replace("160]", "47114711]")})
    result = project.build()
    assert not result["people"].ok
    assert not (project.storage / "default" / "tallest.parquet").exists()
    assert result["visits"].rows == 3
    assert not (project.storage / "package").exists()


def test_a_contract_that_is_met_again_is_published(study: Make) -> None:
    project = study(STUDY | {"final/people.py": PEOPLE.replace("160]", "47114711]")})
    assert not project.build().ok
    project.write({"final/people.py": PEOPLE})
    assert project.build().ok
    assert set(published(project)) >= {
        "datapackage.json",
        "tables/people.parquet",
        "tables/visits.parquet",
    }


def test_a_failure_that_is_not_corrected_fails_the_next_build_too(study: Make) -> None:
    project = study(STUDY | {"final/people.py": PEOPLE.replace("160]", "47114711]")})
    assert not project.build().ok
    again = project.build()
    assert not again.ok
    assert "maximum" in again.explain()
    assert not (project.storage / "package").exists()


def test_a_key_into_a_table_made_from_this_one_is_checked_without_a_cycle(study: Make) -> None:
    files = {
        "final/__init__.py": "",
        "final/t.py": HEADER
        + """
@dg.asset
def people() -> pl.LazyFrame:
    return pl.LazyFrame({"name": ["anna", "bo"], "team": ["red", "blue"]})

@dg.asset
def teams(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select("team").unique().sort("team")
""",
        "final/people.yaml": """\
schema:
  foreignKeys:
    - {fields: [team], reference: {resource: teams, fields: [team]}}
  fields: [{name: name, type: string}, {name: team, type: string}]
""",
        "final/teams.yaml": "schema: {primaryKey: [team], fields: [{name: team, type: string}]}",
    }
    project = study(files)
    assert project.build().ok
    before = published(project)
    project.write({"final/t.py": files["final/t.py"].replace(".unique()", ".filter(team='red')")})
    result = project.build()
    assert not result.ok
    assert "foreignKey" in result.explain()
    assert "row 3" in result.explain()
    assert result["teams"].rows == 1
    assert published(project) == before


def test_a_table_that_points_to_itself_is_checked(study: Make) -> None:
    files = {
        "final/__init__.py": "",
        "final/units.py": HEADER
        + """
@dg.asset
def units() -> pl.LazyFrame:
    return pl.LazyFrame({"unit": ["a", "b"], "part_of": [None, "a"]})
""",
        "final/units.yaml": """\
schema:
  primaryKey: [unit]
  foreignKeys:
    - {fields: [part_of], reference: {resource: "", fields: [unit]}}
  fields: [{name: unit, type: string}, {name: part_of, type: string}]
""",
    }
    project = study(files)
    result = project.build()
    assert result.ok, result.explain()
    project.write({"final/units.py": files["final/units.py"].replace('[None, "a"]', '["a", "q"]')})
    result = project.build()
    assert "foreignKey" in result.explain()
    assert "row 3" in result.explain()


def test_a_changed_contract_is_checked_although_the_table_is_the_same(study: Make) -> None:
    project = study(STUDY)
    assert project.build().ok
    project.write({"final/people.yaml": PEOPLE_CONTRACT.replace("250", "175")})
    result = project.build()
    assert not result.ok
    assert "maximum" in result.explain()


def test_a_users_own_check_holds_back_the_data_package(study: Make) -> None:
    own = """
@dg.asset_check(asset="people", blocking=True)
def balanced(people: pl.LazyFrame) -> dg.AssetCheckResult:
    counts = people.group_by("kind").len().collect()["len"]
    return dg.AssetCheckResult(passed=counts.n_unique() == 1, description="the groups differ")
"""
    project = study(STUDY | {"final/people.py": PEOPLE + own})
    result = project.build()
    assert not result.ok
    assert "balanced" in result.explain()
    assert "the groups differ" in result.explain()
    assert not (project.storage / "package").exists()
    assert not (project.storage / "default" / "tallest.parquet").exists()


def test_a_partitioned_table_is_checked_with_all_the_partitions_there_are(study: Make) -> None:
    project = study(
        {
            "years.py": HEADER
            + """
@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["2019", "2020"]))
def visits(context) -> pl.LazyFrame:
    return pl.LazyFrame({"number": [1, 2], "year": [int(context.partition_key)] * 2})
""",
            "visits.yaml": """\
schema:
  primaryKey: [number]
  fields: [{name: number, type: integer}, {name: year, type: integer}]
""",
        }
    )
    execute(project, partition="2019")
    output = failure_of(execute(project, partition="2020", ok=False))
    assert "blocking asset check failed" in output
    assert "visits: contract_keys" in output
