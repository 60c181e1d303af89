"""Each change of a descriptor has its level, by the recipe of the standard."""

import copy
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data_package.engine.versions.changes import CATEGORIES, Change, changes_of
from data_package.engine.versions.difference import ROWS
from data_package.engine.versions.edition import Edition
from data_package.engine.versions.level import Level, Version

DESCRIPTOR: dict[str, Any] = {
    "name": "study",
    "title": "Study",
    "licenses": [{"name": "CC0-1.0"}],
    "resources": [
        {
            "name": "people",
            "title": "People",
            "schema": {
                "primaryKey": ["id"],
                "foreignKeys": [
                    {"fields": ["site"], "reference": {"resource": "sites", "fields": ["site"]}}
                ],
                "rowRules": [{"name": "born_before", "description": "Born before the study."}],
                "fields": [
                    {"name": "id", "type": "integer"},
                    {"name": "site", "type": "string"},
                    {
                        "name": "age",
                        "type": "integer",
                        "title": "Age",
                        "constraints": {"minimum": 18, "maximum": 90, "required": True},
                    },
                    {
                        "name": "sex",
                        "type": "string",
                        "categories": [{"value": "F", "label": "female"}, {"value": "M"}],
                        "constraints": {"enum": ["F", "M"]},
                    },
                    {"name": "born", "type": "date", "constraints": {"minimum": "1900-01-01"}},
                ],
            },
        },
        {"name": "sites", "schema": {"fields": [{"name": "site", "type": "string"}]}},
    ],
}


def changes(change: str) -> list[Change]:
    """Run a statement on `package`, `people`, `schema`, `fields` and see what is reported."""
    package = copy.deepcopy(DESCRIPTOR)
    people = package["resources"][0]
    fields = people["schema"]["fields"]
    by_name = {field["name"]: field for field in fields}
    names = {"package": package, "people": people, "schema": people["schema"], "fields": fields}
    exec(change, names | by_name)
    old, new = (Edition("x", Path("/nowhere"), one) for one in (DESCRIPTOR, package))
    return changes_of(old, new)


def test_nothing_is_reported_that_did_not_change() -> None:
    assert changes("pass") == []
    assert changes("package.update(version='2.0.0', created='2020-01-01T00:00:00Z')") == []
    assert changes("people.update(bytes=1, hash='sha256:00', path='elsewhere')") == []
    assert changes("age['constraints']['unique'] = False") == []


# A statement, and the level, the place and some words of the one change that it makes.
CASES = [
    ("package['name'] = 'other'", Level.MAJOR, "package", "name changed"),
    ("package['id'] = 'x'", Level.MAJOR, "package", "id added"),
    ("package['title'] = 'T'", Level.PATCH, "package", "title changed"),
    ("del package['licenses']", Level.PATCH, "package", "licenses removed"),
    ("del package['resources'][1]", Level.MAJOR, "sites", "table removed"),
    ("package['resources'].append({'name': 'more'})", Level.MINOR, "more", "table added"),
    ("people['title'] = 'Persons'", Level.PATCH, "people", "title changed"),
    ("fields.append({'name': 'x'})", Level.MAJOR, "people.x", "field added"),
    ("del fields[3]", Level.MAJOR, "people.sex", "field removed"),
    ("fields.reverse()", Level.MAJOR, "people", "fields in another order"),
    ("age['type'] = 'number'", Level.MAJOR, "people.age", "retyped: integer → number"),
    ("born['format'] = '%Y'", Level.MAJOR, "people.born", "retyped: date → date (%Y)"),
    ("age['title'] = 'Years'", Level.PATCH, "people.age", "title changed"),
    ("age['constraints']['minimum'] = 16", Level.MINOR, "people.age", "minimum: 18 → 16"),
    ("age['constraints']['minimum'] = 21", Level.MAJOR, "people.age", "minimum: 18 → 21"),
    ("age['constraints']['maximum'] = 99", Level.MINOR, "people.age", "maximum: 90 → 99"),
    ("del age['constraints']['maximum']", Level.MINOR, "people.age", "maximum removed: 90"),
    ("age['constraints']['unique'] = True", Level.MAJOR, "people.age", "unique added: yes"),
    ("age['constraints']['required'] = False", Level.MINOR, "people.age", "required removed"),
    ("born['constraints']['minimum'] = '1850-01-01'", Level.MINOR, "people.born", "minimum"),
    ("born['constraints']['minimum'] = '1950-01-01'", Level.MAJOR, "people.born", "minimum"),
    ("site['constraints'] = {'pattern': 'A.*'}", Level.MAJOR, "people.site", "pattern added"),
    ("site['constraints'] = {'enum': ['a']}", Level.MAJOR, "people.site", "enum added: a"),
    ("del schema['primaryKey']", Level.MINOR, "people", "primary key: id → none"),
    ("schema['primaryKey'] = ['id', 'site']", Level.MAJOR, "people", "key: id → id, site"),
    ("schema['uniqueKeys'] = [['age']]", Level.MAJOR, "people", "unique key added: age"),
    ("schema['rowRules'].append({'name': 'x'})", Level.MAJOR, "people", "row rule added: x"),
    ("del schema['rowRules']", Level.MINOR, "people", "row rule removed: born_before"),
    (
        "schema['rowRules'][0]['description'] = 'Another.'",
        *(Level.PATCH, "people", "row rule born_before: description changed"),
    ),
    ("del schema['foreignKeys']", Level.MINOR, "people", "foreign key removed: site → sites"),
    (
        "schema['foreignKeys'][0]['reference']['resource'] = 'places'",
        *(Level.MINOR, "people", "foreign key now: site → places(site)"),
    ),
    (
        "schema['foreignKeys'].append({'fields': 'id', 'reference': {'fields': 'age'}})",
        *(Level.MAJOR, "people", "foreign key added: id → itself(age)"),
    ),
    (
        "sex['categories'].append('X'); sex['constraints']['enum'].append('X')",
        *(Level.MINOR, "people.sex", "categories added: X"),
    ),
    (
        "del sex['categories'][1]; del sex['constraints']['enum'][1]",
        *(Level.MAJOR, "people.sex", "categories removed: M"),
    ),
    (
        "sex['categories'].reverse(); sex['constraints']['enum'].reverse()",
        *(Level.MINOR, "people.sex", "categories in another order"),
    ),
    (
        "sex['categories'][1] = {'value': 'M', 'label': 'male'}",
        *(Level.PATCH, "people.sex", "labels of categories changed"),
    ),
]


@pytest.mark.parametrize(("change", "level", "place", "words"), CASES)
def test_a_change_has_its_level(change: str, level: Level, place: str, words: str) -> None:
    (found,) = changes(change)
    assert (found.level, found.place) == (level, place)
    assert words in found.words


def test_each_level_of_each_category_is_found_and_in_the_reference() -> None:
    found = {(made.kind, made.level) for case in CASES for made in changes(case[0])}
    assert found == {(each.name, level) for each in CATEGORIES for level in each.levels}
    reference = (Path(__file__).resolve().parents[3] / "docs/reference/versions.md").read_text()
    for level in Level:
        (row,) = [line for line in reference.splitlines() if line.startswith(f"| {level} |")]
        words = [each.levels[level] for each in CATEGORIES if level in each.levels]
        assert row == f"| {level} | {'; '.join([*words, ROWS[level]])} |"


@pytest.mark.parametrize(
    ("version", "level", "then"),
    [
        ("1.2.3", Level.PATCH, "1.2.4"),
        ("1.2.3", Level.MINOR, "1.3.0"),
        ("1.2.3", Level.MAJOR, "2.0.0"),
        ("0.2.3", Level.MINOR, "0.3.0"),
        ("0.2.3", Level.MAJOR, "0.3.0"),
    ],
)
def test_a_version_follows_from_the_largest_change(version: str, level: Level, then: str) -> None:
    before = Version.parse(version)
    assert before is not None
    assert str(before.after(level)) == then
    assert before < before.after(level) < before.next_major().next_major()


def test_values_are_compared_by_value_and_not_by_spelling() -> None:
    assert changes('age["constraints"].update(minimum="18", maximum=90.0)') == []
    old, new = copy.deepcopy(DESCRIPTOR), copy.deepcopy(DESCRIPTOR)
    for package, value in ((old, "1"), (new, 1)):
        field = package["resources"][0]["schema"]["fields"][2]
        field["categories"] = [{"value": value, "label": "adult"}]
        field["constraints"]["enum"] = [value]
        field["example"] = str(value)
    assert changes_of(*(Edition("x", Path("/nowhere"), one) for one in (old, new))) == []


def test_a_text_that_is_not_a_version_is_none() -> None:
    for text in ("1.0", "1.0.0-rc1", "01.0.0", "v1.0.0", "1.0.0\n", "١.0.0", ""):
        assert Version.parse(text) is None


def test_descriptors_of_any_shape_are_compared() -> None:
    strange: list[dict[str, Any]] = [
        {},
        {"resources": 5},
        {"resources": [1, None, {"name": ["x"]}, {"schema": [], "path": 3}]},
        {"resources": [{"name": "a", "schema": {"fields": [{}, 5, {"constraints": []}]}}]},
        {"resources": [{"name": "a", "schema": {"fields": "x", "foreignKeys": [{"fields": 1}]}}]},
    ]
    for one in strange:
        for other in strange:
            editions = [Edition("x", Path("/nowhere"), document) for document in (one, other)]
            assert isinstance(changes_of(*editions), list)


def test_tables_are_read_by_name_of_their_parquet_file_only(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet")
    paths = ["../a.parquet", "/etc/passwd", "https://example.org/a.parquet", "x\\a.parquet", ""]
    resources: list[dict[str, Any]] = [
        {"name": f"t{at}", "format": "parquet", "path": path} for at, path in enumerate(paths)
    ]
    resources += [
        {"name": "a", "format": "parquet", "path": "a.parquet"},
        {"name": "a-csv", "format": "csv", "path": "a.csv"},
    ]
    edition = Edition("x", tmp_path, {"resources": resources})
    readable = [name for name, table in edition.tables.items() if table.path is not None]
    assert readable == ["a"]
    assert "a-csv" not in edition.tables
