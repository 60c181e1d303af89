"""What a package does not say yet is counted, listed with its place, and asked for by a release."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_package.engine.cli.todo import listing
from data_package.engine.package.completeness import Gap, GapKind, gaps_in, gaps_of, summary_of
from data_package.engine.package.todo import Todo, todo_of
from data_package_tests.conftest import Make
from data_package_tests.engine.package.test_publish import STUDY_FILES, descriptor, package_of
from data_package_tests.engine.tables.running import HEADER

WHOLE: dict[str, Any] = {
    "title": "T",
    "description": "D",
    "licenses": [{"name": "CC0-1.0"}],
    "contributors": [{"title": "A"}],
}


def table(*fields: dict[str, Any], **output: object) -> dict[str, Any]:
    return {"title": "T", **output, "schema": {"fields": list(fields)}}


def test_a_package_that_says_everything_lacks_nothing() -> None:
    codes = [{"value": 1, "label": "one"}]
    fields: list[dict[str, Any]] = [
        {"name": "a", "description": "A"},
        {"name": "b", "title": "B", "type": "integer", "categories": codes},
        {"name": "c", "title": "C", "type": "string", "categories": ["F", "M"]},
    ]
    assert gaps_of(WHOLE, {"t": table(*fields)}) == []
    assert summary_of([]) == ""


def test_everything_that_is_empty_is_missing_and_counted() -> None:
    contracts = {
        "t": table({"name": "a", "title": " ", "description": ""}, {"name": "b"}, title=""),
        "u": table({"name": "a", "title": "A"}),
        "v": None,
    }
    found = gaps_of({"name": "x", "title": "", "licenses": []}, contracts)
    assert [(gap.kind, gap.place) for gap in found] == [
        *((GapKind.PACKAGE, "package"),) * 4,
        (GapKind.TABLE, "t"),
        (GapKind.FIELD, "t.a"),
        (GapKind.FIELD, "t.b"),
        (GapKind.CONTRACT, "v"),
    ]
    assert summary_of(found) == (
        "the package's title, the package's description, licence, contributors, "
        "a table without a contract, a table without title or description, "
        "2 fields without title or description"
    )


@pytest.mark.parametrize(
    ("kind", "categories", "lacks"),
    [
        ("integer", [1, 2], True),
        ("integer", [{"value": 1, "label": ""}, {"value": 2, "label": "b"}], True),
        ("integer", [{"value": 1}], True),
        ("string", ["F", "M"], False),
        ("string", [{"value": "F", "label": ""}], True),
        ("string", [{"value": "F"}], False),
    ],
)
def test_codes_without_labels_are_missing(kind: str, categories: list[Any], lacks: bool) -> None:
    field = {"name": "a", "title": "A", "type": kind, "categories": categories}
    found = gaps_of(WHOLE, {"t": table(field)})
    assert [gap.kind for gap in found] == [GapKind.LABEL] * lacks
    assert all(gap.is_advice for gap in found)


def test_names_that_differ_in_case_only_are_advised_against_with_both() -> None:
    fields = [{"name": name, "title": "A"} for name in ("ID", "id")]
    found = gaps_of(WHOLE, {"Visits": table(*fields), "visits": table()})
    assert all(gap.is_advice for gap in found)
    assert [gap.what.split(" differ")[0] for gap in found] == [
        "the fields 'ID' and 'id'",
        "the tables 'Visits' and 'visits'",
    ]


def test_a_package_is_published_without_empty_words_and_without_a_false_author(study: Make) -> None:
    contract = {
        "title": "",
        "description": "",
        "schema": {
            "fields": [
                {"name": "name", "type": "string", "title": "", "description": " "},
                {
                    **{"name": "age", "type": "integer", "title": ""},
                    "categories": [{"value": 1, "label": ""}, {"value": 2, "label": "two"}],
                },
            ]
        },
    }
    people = {name: STUDY_FILES[name] for name in ("final/__init__.py", "final/people.py")}
    made = study({**people, "final/people.yaml": yaml.safe_dump(contract)})
    assert made.build().ok
    document = descriptor(made)
    assert '""' not in json.dumps(document)
    assert document["resources"][0]["schema"]["fields"][1]["categories"] == [
        {"value": 1},
        {"value": 2, "label": "two"},
    ]
    folder = package_of(made)
    assert not (folder / "CITATION.cff").exists()
    assert "CITATION.cff" not in (folder / "README.md").read_text()
    assert "creators" not in json.loads((folder / "datacite.json").read_text())
    cited = (folder / "README.md").read_text().split("## Cite\n\n")[1].splitlines()[0]
    title = f"{document['name']} \\[data set\\]."
    assert cited == f"> {title}"
    assert len(gaps_in(document)) == 8
    assert made.verb("build", "--force").stdout.endswith(
        "Still missing: the package's title, the package's description, licence, contributors, "
        "a table without title or description, 2 fields without title or description, "
        "a field with codes without labels. See where: data-package todo\n"
    )


def test_todo_lists_what_is_left_with_file_and_line(study: Make) -> None:
    made = study(STUDY_FILES)
    listed = made.verb("todo").stdout.splitlines()
    folder = Path(made.package)
    assert listed == [
        f"{folder}/datapackage.yaml:1:1: the package has no description: what is in it, of whom, "
        "from when",
        f"{folder}/final/people.yaml:7:7: people.age: neither title nor description",
        f"{folder}/final/visits.yaml:6:7: visits.who: neither title nor description",
        f"{folder}/final/visits.yaml:7:7: visits.day: neither title nor description",
        "",
        "4 things are left to write or to decide.",
    ]
    done = made.verb("todo", "--json", "--check")
    assert done.returncode == 1
    assert json.loads(done.stdout)["todo"][1] == {
        **{"kind": "field", "table": "people", "field": "age", "line": 7, "column": 7},
        "what": "neither title nor description",
        "file": f"{folder}/final/people.yaml",
    }


def test_todo_asks_who_is_counted_where_several_keys_could_tell(study: Make) -> None:
    code = HEADER + "".join(
        f"@dg.asset\ndef {name}() -> pl.LazyFrame: return pl.LazyFrame()\n"
        for name in ("people", "clinics", "visits")
    )
    key = "schema: {fields: [{name: id, type: string}], primaryKey: [id]}\n"
    visits = """
    schema:
      fields: [{name: person, type: string}, {name: clinic, type: string}]
      foreignKeys:
        - {fields: [person], reference: {resource: people, fields: [id]}}
        - {fields: [clinic], reference: {resource: clinics, fields: [id]}}
    """
    contracts = {"final/people.yaml": key, "final/clinics.yaml": key, "final/visits.yaml": visits}
    made = study({"final/__init__.py": "", "final/tables.py": code, **contracts})
    asked = todo_of(made.project)[0]
    settings = (made.root / "pyproject.toml").read_text()
    assert settings.splitlines()[asked.line - 1] == "[tool.data-package]"
    assert (asked.gap.kind, asked.file) == (GapKind.SUBJECT, "pyproject.toml")
    assert asked.gap.is_advice
    assert "set `subject` to one of clinics.id, people.id, or to" in str(asked)
    made.write({"/pyproject.toml": f'{settings}\nsubject = "people.id"\n'})
    assert todo_of(made.project)[0].gap.kind is GapKind.PACKAGE


@pytest.mark.parametrize(("fields", "has_advice"), [(9, False), (10, True)])
def test_todo_advises_a_codebook_where_many_fields_have_no_words(
    fields: int, has_advice: bool
) -> None:
    gap = Gap(GapKind.FIELD, "people", "age", (), "neither title nor description")
    shown = listing([Todo(gap, "people.yaml", 1, 1)] * fields)
    assert ("--codebook" in shown) == has_advice


@pytest.mark.parametrize(
    "empty", ["\u200b", "\u00a0\u2060", [{}], [{"title": " "}], [[]], {"a": ""}]
)
def test_what_shows_nothing_says_nothing(empty: object) -> None:
    found = gaps_of(dict.fromkeys(WHOLE, empty), {})
    assert [gap.kind for gap in found] == [GapKind.PACKAGE] * 4
