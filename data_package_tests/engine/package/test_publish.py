"""The data package: whole, described as the standard has it, the same wherever it is built."""

import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from frictionless import Package, resources

from data_package.engine.errors import ProjectError
from data_package.engine.storage import hash_file
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import HEADER, temporary_files

pytestmark = pytest.mark.slow

PEOPLE = (
    HEADER
    + """
@dg.asset
def people() -> pl.LazyFrame:
    return pl.LazyFrame({"name": ["ærø", "bo"], "age": [1, 2]})
"""
)
STUDY_FILES = {
    "final/__init__.py": "",
    "final/people.py": PEOPLE,
    "final/people.yaml": """\
title: People
description: One row per person.
schema:
  primaryKey: [name]
  fields:
    - {name: name, type: string, title: Name}
    - {name: age, type: integer, constraints: {minimum: 0}}
""",
    "final/visits.py": HEADER
    + """
@dg.asset
def visits(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select(who="name", day=pl.date(2020, 1, 1))
""",
    "final/visits.yaml": """\
title: Visits
schema:
  foreignKeys:
    - {fields: [who], reference: {resource: people, fields: [name]}}
  fields:
    - {name: who, type: string}
    - {name: day, type: date}
""",
    "datapackage.yaml": """\
name: my-study
title: My study
version: 1.0.0
licenses: [{name: CC-BY-4.0, title: Creative Commons Attribution 4.0}]
contributors: [{title: Ærlig Talt}]
""",
}


def package_of(study: Study) -> Path:
    return study.storage / "package"


def descriptor(study: Study) -> dict[str, Any]:
    document = json.loads((package_of(study) / "datapackage.json").read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_descriptor_has_the_properties_of_each_table_that_the_standard_requires(
    built_study: Make,
) -> None:
    project = built_study(STUDY_FILES)
    document = descriptor(project)
    assert document["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    assert document["name"] == "my-study"
    assert document["version"] == "1.0.0"
    assert not {"created", "id"} & set(document)
    people, visits = document["resources"]
    for resource in (people, visits):
        file = package_of(project) / resource["path"]
        assert resource["bytes"] == file.stat().st_size
        assert resource["hash"] == f"sha256:{hash_file(file)}"
        assert resource["format"] == "parquet"
        assert resource["mediatype"] == "application/vnd.apache.parquet"
        assert resource["type"] == "table"
        built = project.storage / "final" / f"{resource['name']}.parquet"
        assert pl.read_parquet(built).equals(pl.read_parquet(file))
    assert people["title"] == "People"
    assert people["schema"]["primaryKey"] == ["name"]
    assert [field["name"] for field in visits["schema"]["fields"]] == ["who", "day"]
    assert people["schema"]["$schema"].startswith("https://datapackage.org/profiles/2.0/")
    assert sorted(contents(package_of(project))) == [
        *("CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "SHA256SUMS", "codebook.csv"),
        *("datacite.json", "datapackage.json", "index.html", "provenance.json"),
        *("tables/people.parquet", "tables/visits.parquet", "zenodo.json"),
    ]


def test_of_several_parquet_files_of_one_resource_frictionless_reads_the_first_alone(
    tmp_path: Path,
) -> None:
    # Why a table in partitions is one file. Where this fails, frictionless reads them all.
    for number in (1, 2):
        pl.DataFrame({"id": [number]}).write_parquet(tmp_path / f"{number}.parquet")
    fields = [{"name": "id", "type": "integer"}]
    paths = {"path": ["1.parquet", "2.parquet"], "format": "parquet"}
    resource = {"name": "t", "type": "table", **paths, "schema": {"fields": fields}}
    descriptor = {"name": "p", "resources": [resource]}
    package = Package.from_descriptor(descriptor, basepath=str(tmp_path))
    assert package.validate().valid
    assert [row["id"] for row in package.get_resource("t").read_rows()] == [1]


def test_frictionless_accepts_the_descriptor_and_finds_the_files(built_study: Make) -> None:
    project = built_study(STUDY_FILES)
    errors = list(Package.metadata_validate(descriptor(project)))
    assert errors == []
    package = Package(str(package_of(project) / "datapackage.json"))
    names = [resource.name for resource in package.resources]
    assert names == ["people", "visits"]
    assert all(isinstance(resource, resources.TableResource) for resource in package.resources)


def test_two_folders_and_two_days_give_the_same_bytes(built_study: Make, tmp_path: Path) -> None:
    project = built_study(STUDY_FILES)
    first = contents(package_of(project))
    other = Study(tmp_path / "another folder", project.package)
    shutil.copytree(project.root, other.root, ignore=shutil.ignore_patterns("storage", "*.lock"))
    for file in other.root.rglob("*"):
        os.utime(file, (0, 0))
    done = other.verb("build")
    assert done.returncode == 0, done.stderr
    assert contents(package_of(other)) == first
    lock = "data-package.lock"
    assert (other.root / lock).read_text() == (project.root / lock).read_text()


def test_overwriting_a_built_table_in_place_leaves_what_is_published(built_study: Make) -> None:
    project = built_study(STUDY_FILES)
    before = contents(package_of(project))
    for table in ("people", "visits"):
        with (project.storage / "final" / f"{table}.parquet").open("r+b") as file:
            file.write(b"overwritten")
    assert contents(package_of(project)) == before
    assert project.build().ok
    assert contents(package_of(project)) == before


def test_overwriting_a_published_table_is_noticed_and_mended(built_study: Make) -> None:
    project = built_study(STUDY_FILES)
    before = contents(package_of(project))
    with (package_of(project) / "tables" / "people.parquet").open("r+b") as file:
        file.write(b"overwritten")
    assert project.build().ok
    assert contents(package_of(project)) == before


def test_a_table_that_is_final_no_longer_leaves_the_package(built_study: Make) -> None:
    project = built_study(STUDY_FILES)
    (project.root / project.package / "final" / "visits.py").unlink()
    (project.root / project.package / "final" / "visits.yaml").unlink()
    assert project.build().ok
    tables = [path for path in contents(package_of(project)) if path.startswith("tables/")]
    assert tables == ["tables/people.parquet"]


def test_a_project_without_a_final_table_any_more_has_no_package(built_study: Make) -> None:
    project = built_study(STUDY_FILES)
    for file in (project.root / project.package / "final").glob("*.*"):
        if file.name != "__init__.py":
            file.unlink()
    project.write({"intermediate/__init__.py": "", "intermediate/people.py": PEOPLE})
    assert project.build("people").ok
    assert package_of(project).exists()
    assert project.build().ok
    assert not package_of(project).exists()
    assert temporary_files(project.storage) == []


def test_changed_words_of_the_package_are_published(built_study: Make) -> None:
    project = built_study(STUDY_FILES)
    project.write({"datapackage.yaml": STUDY_FILES["datapackage.yaml"].replace("1.0.0", "1.0.1")})
    assert project.build().ok
    assert descriptor(project)["version"] == "1.0.1"


def test_changed_words_of_a_contract_are_published(built_study: Make) -> None:
    project = built_study(STUDY_FILES)
    text = STUDY_FILES["final/people.yaml"].replace("title: People", "title: Persons")
    project.write({"final/people.yaml": text})
    assert project.build().ok
    assert descriptor(project)["resources"][0]["title"] == "Persons"


def test_leftovers_of_a_killed_exchange_are_swept_and_others_read_a_whole_package(
    built_study: Make,
) -> None:
    project = built_study(STUDY_FILES)
    left = project.storage / ".package.99999999.abcdef01.tmp" / "tables"
    left.mkdir(parents=True)
    (left / "people.parquet").write_text("half")
    project.write({"final/people.py": PEOPLE.replace("[1, 2]", "[3, 4]")})
    assert project.build().ok
    assert temporary_files(project.storage) == []
    assert pl.read_parquet(package_of(project) / "tables/people.parquet")["age"].to_list() == [3, 4]


def test_a_package_folder_that_is_a_link_is_replaced_and_not_followed(
    study: Make, tmp_path: Path
) -> None:
    project = study(STUDY_FILES)
    other = tmp_path / "precious"
    other.mkdir()
    (other / "file").write_text("precious")
    project.storage.mkdir()
    package_of(project).symlink_to(other)
    result = project.build()
    assert result.ok, result.explain()
    assert (other / "file").read_text() == "precious"
    assert not package_of(project).is_symlink()
    assert "datapackage.json" in contents(package_of(project))
    assert stat.S_IMODE(package_of(project).stat().st_mode) == 0o700


def test_a_final_table_without_a_contract_is_reported_with_where_to_write_it(study: Make) -> None:
    files = {k: v for k, v in STUDY_FILES.items() if k != "final/visits.yaml"}
    project = study(files)
    with pytest.raises(ProjectError) as error:
        project.build()
    assert "'visits' has no contract" in str(error.value)
    assert f"{project.package}/final/visits.yaml" in str(error.value)
    assert not (project.storage / "final").exists()
    assert project.build("visits")["visits"].rows == 2
    assert not package_of(project).exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: x\ntitle: [\n", "datapackage.yaml:3"),
        ("name: x\ntitel: T\n", "Did you mean 'title'?"),
        ("name: x\nresources: []\n", "'resources' is written by the build"),
        ("- a\n- b\n", "must be a mapping"),
        ("name: x\n\tversion: 1\n", "datapackage.yaml:2"),
        (b"name: \xff\xfe\n", "datapackage.yaml"),
    ],
)
def test_a_wrong_package_file_is_reported_with_its_place(
    study: Make, text: str | bytes, expected: str
) -> None:
    project = study(STUDY_FILES)
    place = project.root / project.package / "datapackage.yaml"
    place.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ProjectError) as error:
        project.build()
    assert expected in str(error.value)
    assert f"{project.package}/datapackage.yaml" in str(error.value)
    assert not (project.storage / "final").exists()
    assert not package_of(project).exists()


def test_without_a_package_file_the_package_has_the_name_of_the_project(study: Make) -> None:
    files = {k: v for k, v in STUDY_FILES.items() if k != "datapackage.yaml"}
    project = study(files)
    assert project.build().ok
    assert descriptor(project)["name"] == project.package.replace("_", "-")
