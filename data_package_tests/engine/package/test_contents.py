"""What is in the package beside the page: descriptor, CSV twins, Parquet words, provenance."""

import hashlib
import json
from pathlib import Path
from typing import Any

import frictionless
import polars as pl
import pyarrow.parquet as pq
import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.package.csvtwin import write_csv
from data_package.engine.package.metadata import read_metadata
from data_package.engine.package.parquet import RESOURCE_KEY, copy_with_words
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.package.test_publish import STUDY_FILES
from data_package_tests.engine.tables.running import HEADER

pytestmark = pytest.mark.slow

WITH_CSV = '[tool.data-package]\npackage = "STUDY"\ncsv = true\n'
TYPED = {
    "final/visits.yaml": """\
title: Visits
schema:
  fieldsMatch: [exact]
  missingValues: ["-99"]
  foreignKeys:
    - {fields: who, reference: {resource: people, fields: name}}
  fields:
    - {name: who, type: string, title: Who, description: The person.}
    - {name: day, type: date, missingValues: ["never"]}
    - {name: tags, type: list, itemType: string}
    - {name: kind, type: string, categories: &kinds [{value: a, label: Ay}, {value: b}]}
    - {name: other, type: string, categories: *kinds}
""",
    "final/visits.py": HEADER
    + """
@dg.asset
def visits(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select(
        who="name", day=pl.date(2020, 1, 1), tags=pl.lit(pl.Series([["x", 'y"']])),
        kind=pl.lit("a"), other=pl.lit(None, dtype=pl.String),
    )
""",
}


def described(study: Study) -> dict[str, Any]:
    text = (study.storage / "package" / "datapackage.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert isinstance(document, dict)
    return document


def test_the_descriptor_says_nothing_that_the_standard_contradicts(study: Make) -> None:
    project = study(STUDY_FILES | TYPED)
    result = project.build()
    assert result.ok, result.explain()
    _, visits = described(project)["resources"]
    text = json.dumps(visits)
    assert "fieldsMatch" not in text
    assert "missingValues" not in text
    fields = {field["name"]: field for field in visits["schema"]["fields"]}
    assert fields["tags"]["type"] == "array"
    assert fields["kind"]["categories"] == [{"value": "a", "label": "Ay"}, {"value": "b"}]
    assert fields["kind"]["constraints"]["enum"] == ["a", "b"]
    assert fields["other"]["constraints"]["enum"] == ["a", "b"]
    assert visits["schema"]["foreignKeys"][0]["fields"] == ["who"]


def test_csv_twins_are_valid_by_another_s_rules_and_hold_the_same(study: Make) -> None:
    project = study(STUDY_FILES | TYPED | {"/pyproject.toml": WITH_CSV})
    result = project.build()
    assert result.ok, result.explain()
    folder = project.storage / "package"
    document = described(project)
    twins = [one for one in document["resources"] if one["format"] == "csv"]
    assert [one["name"] for one in twins] == ["people-csv", "visits-csv"]
    assert twins[1]["schema"]["foreignKeys"][0]["reference"]["resource"] == "people-csv"
    package = frictionless.Package.from_descriptor(
        {**document, "resources": twins}, basepath=str(folder)
    )
    report = package.validate()
    assert report.valid, report.flatten(["type", "note"])
    text = (folder / "csv/visits.csv").read_bytes().decode()
    assert text.split("\r\n")[1] == 'ærø,2020-01-01,"[""x"",""y\\""""]",a,'


def test_the_sums_are_those_of_every_file(study: Make) -> None:
    project = study(STUDY_FILES | {"/pyproject.toml": WITH_CSV})
    assert project.build().ok
    folder = project.storage / "package"
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    expected = {path: digest for digest, path in (line.split("  ", 1) for line in lines)}
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert expected == found


def test_provenance_names_what_was_read_and_no_place_or_moment(study: Make) -> None:
    project = study(STUDY_FILES)
    assert project.build().ok
    text = (project.storage / "package/provenance.json").read_text()
    document = json.loads(text)
    assert [table["name"] for table in document["tables"]] == ["people", "visits"]
    assert set(document["tables"][1]["inputs"]) == {"people"}
    assert str(project.root) not in text
    assert "polars" in document["packages"]


def test_a_change_of_one_title_writes_no_other_table_again(built_study: Make) -> None:
    project = built_study(STUDY_FILES)
    tables = project.storage / "package" / "tables"
    before = {path.name: path.stat().st_ino for path in tables.iterdir()}
    built = (project.storage / "final/people.parquet").stat().st_mtime_ns
    text = STUDY_FILES["final/people.yaml"].replace("title: People", "title: Persons")
    project.write({"final/people.yaml": text})
    assert project.build().ok
    after = {path.name: path.stat().st_ino for path in tables.iterdir()}
    assert before["visits.parquet"] == after["visits.parquet"]
    assert before["people.parquet"] != after["people.parquet"]
    assert (project.storage / "final/people.parquet").stat().st_mtime_ns == built


@pytest.mark.parametrize("rows", [0, 1, 5000])
def test_words_are_added_to_parquet_and_no_value_is_touched(tmp_path: Path, rows: int) -> None:
    stored, copy = tmp_path / "stored.parquet", tmp_path / "copy.parquet"
    frame = pl.DataFrame(
        {
            "a": range(rows),
            "b": [None if at % 3 else [str(at)] for at in range(rows)],
            "^c$": [at % 2 == 0 for at in range(rows)],
        },
        schema={"a": pl.Int64, "b": pl.List(pl.String), "^c$": pl.Boolean},
    ).with_columns(pl.lit("x").cast(pl.Enum(["x", "y"])).alias("e"))
    frame.write_parquet(stored, row_group_size=1000)
    words = [{"name": "a", "title": "Ærø <b>", "description": "d"}, {"name": "e", "title": "E"}]
    copy_with_words(stored, copy, {"name": "t", "schema": {"fields": words}})
    assert pl.read_parquet(copy).equals(frame)
    assert pl.read_parquet(copy).schema == frame.schema
    assert pq.read_table(copy).equals(pq.read_table(stored))
    output = pq.read_schema(copy)
    assert output.field("a").metadata[b"title"].decode() == "Ærø <b>"
    assert json.loads(pq.read_metadata(copy).metadata[RESOURCE_KEY.encode()])["name"] == "t"
    assert copy.stat().st_mode & 0o777 == 0o600


def test_an_infinity_and_a_null_structure_have_one_form_each(tmp_path: Path) -> None:
    stored, twin = tmp_path / "stored.parquet", tmp_path / "twin.csv"
    pl.DataFrame(
        {"f": [1.5, float("inf"), -float("inf"), None], "s": [{"a": 1}, None, None, None]}
    ).write_parquet(stored)
    write_csv(stored, twin)
    assert twin.read_bytes() == b'f,s\r\n1.5,"{""a"":1}"\r\nINF,\r\n-INF,\r\n,\r\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("contributors:\n  - title: A\n    role: author\n", ":3:5: .*Did you mean 'roles'"),
        ("contributors:\n  - {title: A, roles: author}\n", "'roles' must be a list"),
        ("licenses:\n  - titel: X\n", ":2:5: .*Did you mean 'title'"),
        ("licenses: [{title: X}]\n", "needs a name"),
        ("sources:\n  - title: A\n  - pth: x\n", ":3:5: .*Did you mean 'path'"),
        ("version: 1.0\n", ":1:1: 'version' must be text"),
        ("version: 1.0.0.0\n", "three numbers"),
        ("created: yesterday\n", "date and time"),
        ("keywords: health\n", "must be a list"),
        ("homepage: javascript:alert(1)\n", "https://"),
        ("title: a\ntitle: b\n", ":2:1: .*twice"),
        ('licenses: [{name: X, path: "javascript:alert(1)"}]\n', ":1:22: .*https://"),
        ("sources:\n  - title: S\n    path: file:///home/a/raw.csv\n", ":3:5: 'path' of a source"),
        ("sources: [{title: S, path: /home/a/raw.csv}]\n", "a path on this machine"),
        ("sources: [{title: S, path: ../raw.csv}]\n", "within the package"),
        ("contributors: [{title: C, path: 'data:text/html,x'}]\n", ":1:27: .*https://"),
        ("contributors: [{title: C, email: 'a b@c'}]\n", "not an e-mail address"),
        ("homepage: https://a b\n", "no address has"),
        ("homepage: 'https://x.example/\"><script>'\n", "no address has"),
        ("homepage: https://me:secret@x.example\n", "would be published"),
        ("image: C:\\me.png\n", "'image' must be an address"),
        ('title: "a\\eb"\n', ":1:1: 'title' holds the control character U.001B"),
        ('keywords: [a, "b\\0"]\n', ":1:15: 'keywords' holds the control character U.0000"),
        ('contributors: [{title: "\\u202egnp.exe"}]\n', ":1:17: 'title' holds U.202E"),
    ],
)
def test_a_wrong_property_is_reported_with_its_line(study: Make, text: str, expected: str) -> None:
    project = study({"datapackage.yaml": text})
    with pytest.raises(ProjectError, match=expected):
        read_metadata(project.project)


def test_properties_in_a_file_of_another_name_are_not_passed_over(study: Make) -> None:
    project = study({"datapackage.yml": "title: A\n"})
    with pytest.raises(ProjectError, match=r"this file must be named datapackage\.yaml"):
        read_metadata(project.project)


def test_the_release_s_date_is_taken_as_written(study: Make) -> None:
    project = study({"datapackage.yaml": "version: 2.1.0\ncreated: 2024-05-17T09:30:00Z\n"})
    found = read_metadata(project.project)
    assert (found["version"], found["created"]) == ("2.1.0", "2024-05-17T09:30:00Z")
