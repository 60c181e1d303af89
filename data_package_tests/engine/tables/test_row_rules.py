"""Rules of rows in a project: found, checked with the contract, shown, and never of the table."""

import json

import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.tables.catalogue import catalogue_of
from data_package_tests.conftest import Make, Study

TABLES = """
import dagster as dg
import polars as pl

@dg.asset(group_name="final")
def subjects() -> pl.LazyFrame:
    return pl.LazyFrame({"subject": ["a", "b"], "last_day": [10, 20]})

@dg.asset(group_name="final")
def visits() -> pl.LazyFrame:
    return pl.LazyFrame({"subject": ["a", "b"], "day": [3, 25], "end": [4, 26]})
"""
RULES = """
import polars as pl
from data_package import Joined, row_rule

@row_rule("visits")
def ends_after_it_starts() -> pl.Expr:
    '''A visit ends after it starts.'''
    return pl.col("end") >= pl.col("day")

@row_rule("visits")
def within_the_study(subjects: Joined) -> pl.Expr:
    '''A visit is in the study of its subject.'''
    return pl.col("day") <= subjects.col("last_day") + 10
"""
SUBJECTS = """
title: Subjects
schema:
  primaryKey: [subject]
  fields:
    - {name: subject, type: string}
    - {name: last_day, type: integer}
"""
VISITS = """
title: Visits
schema:
  foreignKeys:
    - fields: [subject]
      reference: {resource: subjects, fields: [subject]}
  fields:
    - {name: subject, type: string}
    - {name: day, type: integer}
    - {name: end, type: integer}
"""
WITHOUT_KEY = VISITS.replace(VISITS[VISITS.index("  fore") : VISITS.index("  fields:")], "")
FILES = {
    "tables.py": TABLES,
    "rules.py": RULES,
    "subjects.yaml": SUBJECTS,
    "visits.yaml": VISITS,
    "datapackage.yaml": "name: study\ntitle: Study\n",
}


def refused(study: Study) -> str:
    with pytest.raises(ProjectError) as caught:
        study.definitions()
    return str(caught.value)


def test_a_rule_is_checked_shown_and_part_of_the_check_alone(study: Make) -> None:
    project = study(FILES)
    assert project.build().ok
    document = json.loads((project.storage / "package/datapackage.json").read_text())
    schema = next(r["schema"] for r in document["resources"] if r["name"] == "visits")
    assert schema["rowRules"] == [
        {"name": "ends_after_it_starts", "description": "A visit ends after it starts."},
        {"name": "within_the_study", "description": "A visit is in the study of its subject."},
    ]
    assert "A visit ends after it starts." in (project.storage / "package/index.html").read_text()

    # A stricter rule makes no table stale, and the check anew: the package is held back.
    project.write({"rules.py": RULES.replace("+ 10", "+ 0")})
    result = project.build()
    assert not result.ok
    assert result["visits"].rows is None
    assert "subjects" not in result
    expected = result.explain()
    assert (
        "breaks the rule 'A visit is in the study of its subject.' (within_the_study)" in expected
    )
    assert "row 3" in expected
    assert json.loads((project.storage / "package/datapackage.json").read_text()) == document


def test_a_rule_that_fails_says_where_and_lets_nothing_pass(study: Make) -> None:
    broken = """
import polars as pl
from data_package import row_rule

@row_rule("visits")
def odd() -> pl.Expr:
    return pl.col("subject").cast(pl.Int64) > 0
"""
    project = study(FILES | {"rules.py": broken})
    result = project.build()
    assert not result.ok
    expected = result.explain()
    assert "The rule 'odd' of 'visits'" in expected
    assert "rules.py:5" in expected
    assert not (project.storage / "package").exists()
    (item,) = catalogue_of(project.project).checks_of(catalogue_of(project.project).named["visits"])
    assert catalogue_of(project.project).verdicts.known(item) is None


def test_a_table_without_a_contract_may_have_rules(study: Make) -> None:
    project = study(
        {
            "tables.py": TABLES.replace('group_name="final"', 'group_name="raw"'),
            "rules.py": RULES.replace("(subjects: Joined)", "()").replace(
                'subjects.col("last_day") + 10', "20"
            ),
        }
    )
    result = project.build()
    assert not result.ok
    assert "(within_the_study), 1 time: row 3" in result.explain()


def test_a_rule_over_a_table_made_from_its_own_holds_back_the_package_only(study: Make) -> None:
    tables = TABLES.replace("def subjects()", "def subjects(visits: pl.LazyFrame)")
    rules = RULES.replace('("visits")\ndef within', '("visits", on="subject")\ndef within')
    project = study(FILES | {"tables.py": tables, "rules.py": rules.replace("+ 10", "")})
    project.write({"visits.yaml": WITHOUT_KEY})
    result = project.build()
    assert not result.ok
    assert {t.name for t in result.tables} >= {"visits", "subjects"}
    assert "(within_the_study), 1 time: row 3" in result.explain()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('row_rule("visits")', 'row_rule("visit")', "Did you mean 'visits'?"),
        ("(subjects: Joined)", "(subject: Joined)", "about 'subject', and no table"),
        ("(subjects: Joined)", "(visits: Joined)", "its own table"),
        ("def within_the_study", "def ends_after_it_starts", "another rule with the name"),
        ('@row_rule("visits")', "@row_rule", "needs the name of a table"),
        ('("visits")\ndef ends', '("visits", on="a")\ndef ends', "no parameter"),
    ],
)
def test_a_rule_that_is_declared_wrongly_is_refused(
    study: Make, before: str, after: str, expected: str
) -> None:
    rules = RULES.replace(before, after, 1)
    rules += "\nfirst = row_rule('visits')(ends_after_it_starts.function)\n" * (after in RULES)
    assert expected in refused(study(FILES | {"rules.py": rules}))


def test_without_a_foreign_key_a_join_needs_its_fields(study: Make) -> None:
    expected = refused(study(FILES | {"visits.yaml": WITHOUT_KEY}))
    assert "has no foreign key to 'subjects'" in expected
    assert 'on=["…"]' in expected
