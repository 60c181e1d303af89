"""Made-up rows satisfy the row rules of their table, or are refused with the reason."""

from pathlib import Path

import polars as pl
import pytest

from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.project import Project, find_project
from data_package.engine.schema import Contract
from data_package.engine.schema.row_rules import AppliedRule
from data_package.engine.testing.sampling import Sampler
from data_package.testing import sample
from data_package_tests.conftest import Make

DATE = {"type": "date", "constraints": {"minimum": "2020-01-01", "maximum": "2020-12-31"}}
PERSONS = {
    "fields": [{"name": "person", "type": "integer"}, {"name": "first", **DATE}],
    "primaryKey": ["person"],
}
VISITS = {
    "fields": [
        {"name": "visit", "type": "integer"},
        {"name": "person", "type": "integer"},
        {"name": "start", **DATE},
        {"name": "end", **DATE},
        {"name": "before", "type": "integer"},
    ],
    "primaryKey": ["visit"],
    "foreignKeys": [
        {"fields": "person", "reference": {"resource": "persons", "fields": "person"}},
        {"fields": "before", "reference": {"fields": "visit"}},
    ],
}
RULES = """
import polars as pl

from data_package import Joined, row_rule


@row_rule("visits")
def end_not_before_start() -> pl.Expr:
    return pl.col("end") >= pl.col("start")


@row_rule("visits")
def begins_after_the_person(persons: Joined) -> pl.Expr:
    return pl.col("start") >= persons.col("first")
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "pyproject.toml").write_text('[tool.data-package]\npackage = "ruled"\n')
    folder = tmp_path / "ruled" / "final"
    folder.mkdir(parents=True)
    for name, descriptor in (("persons", PERSONS), ("visits", VISITS)):
        (folder / f"{name}.yaml").write_text(repr({"schema": descriptor}))
    (tmp_path / "ruled" / "__init__.py").touch()
    (folder / "__init__.py").touch()
    (folder / "rules.py").write_text(RULES)
    return find_project(tmp_path)


def test_the_rows_of_a_table_satisfy_its_rules_and_keys(project: Project) -> None:
    persons = sample("persons", rows=30, seed=2, project=project)
    visits = sample("visits", rows=30, seed=2, project=project)
    assert visits.height == 30
    assert visits.filter(pl.col("end") < pl.col("start")).is_empty()
    both = visits.join(persons, on="person")
    assert both.filter(pl.col("start") < pl.col("first")).is_empty()
    assert set(visits["before"].drop_nulls()) <= set(visits["visit"])
    assert visits["visit"].is_unique().all()
    assert visits.equals(sample("visits", rows=30, seed=2, project=project))
    # A contract alone knows no rules.
    alone = Contract.from_descriptor({"schema": {"fields": VISITS["fields"]}}, name="visits")
    apart = sample(alone, rows=30)
    assert not apart.filter(pl.col("end") < pl.col("start")).is_empty()


def test_a_rule_that_no_row_satisfies_is_named() -> None:
    contract = Contract.from_descriptor({"fields": [{"name": "n", "type": "integer"}]}, name="t")
    rules = [
        AppliedRule("never", "never", pl.col("n").is_null() & pl.col("n").is_not_null()),
        AppliedRule("always", "always", pl.col("n").is_null() | pl.col("n").is_not_null()),
    ]
    with pytest.raises(
        ProjectError, match=r"t: of 500 rows .* 0 satisfy its row rules; .*: 'never'"
    ):
        Sampler(20, 0, rules=lambda _: rules).table(contract)
    failing = [AppliedRule("bad", "bad", pl.col("n").str.len_chars() > 1)]
    with pytest.raises(ProjectError, match="the rule 'bad' cannot be applied"):
        Sampler(20, 0, rules=lambda _: failing).table(contract)
    lost = [AppliedRule("lost", "lost", pl.col("m") > 1)]
    with pytest.raises(BuildError, match="needs a column that is not there: 'm'"):
        Sampler(20, 0, rules=lambda _: lost).table(contract)


def test_keys_of_rows_that_break_a_rule_are_free_again() -> None:
    descriptor = {
        "fields": [
            {"name": "k", "type": "integer", "constraints": {"minimum": 1, "maximum": 12}},
            {"name": "n", "type": "boolean", "constraints": {"required": True}},
        ],
        "primaryKey": ["k"],
    }
    contract = Contract.from_descriptor(descriptor, name="t")
    made = Sampler(12, 0, rules=lambda _: [AppliedRule("n", "n", pl.col("n"))]).table(contract)
    assert made["k"].sort().to_list() == list(range(1, 13))
    assert made["n"].all()


def test_a_made_up_package_keeps_the_rules_that_can_be_judged(study: Make) -> None:
    made = study(
        {
            "final/__init__.py": "",
            "final/tables.py": """
                import dagster as dg
                import polars as pl
                from data_package import Joined, row_rule

                @dg.asset
                def spans() -> pl.LazyFrame:
                    return pl.LazyFrame({"start": [1], "end": [2]})

                @dg.asset
                def limits() -> pl.LazyFrame:
                    return pl.LazyFrame({"start": [1], "most": [2]})

                @row_rule("spans")
                def in_order() -> pl.Expr:
                    return pl.col("end") >= pl.col("start")

                @row_rule("spans", on="start")
                def within(limits: Joined) -> pl.Expr:
                    return pl.col("end") <= limits.col("most")
                """,
            "final/spans.yaml": "fields: [{name: start, type: integer}, "
            "{name: end, type: integer}]",
        }
    )
    answer = made.verb("synth", "--rows", "50")
    assert answer.returncode == 0, answer.stderr
    assert "rows may break the rule 'within', which needs limits" in answer.stdout + answer.stderr
    rows = pl.read_parquet(made.storage / "synthetic" / "package" / "tables" / "spans.parquet")
    assert rows.height == 50
    assert rows.filter(pl.col("end") < pl.col("start")).is_empty()
