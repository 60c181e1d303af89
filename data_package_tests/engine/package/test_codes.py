"""Large vocabularies are published once, as tables of codes; small ones where people read them."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from data_package.engine.package.codes import Codes
from data_package.engine.schema import Contract, load_contract
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.package.test_profile import PROFILE
from data_package_tests.engine.package.test_publish import STUDY_FILES, descriptor, package_of
from data_package_tests.engine.tables.running import HEADER

LARGE = "value,label,chapter\n" + "".join(f"C{i:03},code {i},{i % 9}\n" for i in range(200))
FIELD = "{{name: {0}, type: string, categories: {{$ref: ../vocabularies/{1}.csv}}}}"
CODED = {
    "vocabularies/icd.csv": LARGE,
    "vocabularies/sex.csv": "value,label\nF,Female\nM,Male\n",
    "final/visits.yaml": "title: Visits\nschema:\n  fields:\n    - "
    + "\n    - ".join([FIELD.format("cause", "icd"), FIELD.format("other", "icd")])
    + "\n    - "
    + FIELD.format("sex", "sex")
    + "\n",
    "final/visits.py": HEADER
    + """
@dg.asset
def visits() -> pl.LazyFrame:
    return pl.LazyFrame({"cause": ["C001", "C199"], "other": ["C001", None], "sex": ["F", "M"]})
""",
}


def resources(study: Study) -> dict[str, Any]:
    return {one["name"]: one for one in descriptor(study)["resources"]}


@pytest.mark.slow
def test_a_large_vocabulary_is_a_table_that_fields_refer_to(study: Make) -> None:
    project = study(STUDY_FILES | CODED)
    result = project.build()
    assert result.ok, result.explain()
    assert [error.message for error in PROFILE.iter_errors(descriptor(project))] == []
    found = resources(project)
    assert list(found) == ["people", "visits", "icd"]
    schema = found["visits"]["schema"]
    assert schema["foreignKeys"] == [
        {"fields": [name], "reference": {"resource": "icd", "fields": ["value"]}}
        for name in ("cause", "other")
    ]
    fields = {field["name"]: field for field in schema["fields"]}
    assert "categories" not in fields["cause"]
    assert fields["sex"]["categories"] == [
        {"value": "F", "label": "Female"},
        {"value": "M", "label": "Male"},
    ]
    codes = pl.read_parquet(package_of(project) / found["icd"]["path"])
    assert codes.height == 200
    assert codes.row(1) == ("C001", "code 1", "1")
    assert found["icd"]["schema"]["primaryKey"] == ["value"]

    package = package_of(project)
    assert "C150" not in (package / "datapackage.json").read_text()
    assert "C150" not in (package / "codebook.csv").read_text()
    assert b"C150" not in (package / "tables" / "visits.parquet").read_bytes()
    assert "tables/icd.parquet" in (package / "SHA256SUMS").read_text()

    assert project.verb("build").stdout.startswith("Nothing to do")
    # A label is published, a code is checked: a change of either is noticed.
    vocabulary = next(project.root.rglob("icd.csv"))
    vocabulary.write_text(LARGE.replace("code 150", "another"))
    again = project.verb("build")
    assert again.returncode == 0, again.stdout + again.stderr
    assert not again.stdout.startswith("Nothing to do")
    codes = pl.read_parquet(package / found["icd"]["path"])
    assert codes.row(150)[1] == "another"
    vocabulary.write_text(LARGE.replace("C199", "C999"))
    failed = project.verb("build")
    assert failed.returncode == 1
    assert "cause" in failed.stdout + failed.stderr


@pytest.mark.slow
def test_the_size_is_a_setting_and_csv_twins_refer_to_each_other(study: Make) -> None:
    settings = '[tool.data-package]\npackage = "STUDY"\ncsv = true\nlargest-categories = 1\n'
    project = study(STUDY_FILES | CODED | {"/pyproject.toml": settings})
    result = project.build()
    assert result.ok, result.explain()
    found = resources(project)
    assert {"icd", "sex", "icd-csv", "sex-csv"} <= set(found)
    keys = found["visits-csv"]["schema"]["foreignKeys"]
    assert [key["reference"]["resource"] for key in keys] == ["icd-csv", "icd-csv", "sex-csv"]
    twin = pl.read_csv(package_of(project) / found["sex-csv"]["path"])
    assert twin.rows() == [("F", "Female"), ("M", "Male")]


@pytest.fixture
def loaded(tmp_path: Path) -> Contract:
    (tmp_path / "c.yaml").write_text(
        "fields:\n  - {name: a, type: integer, categories: {$ref: codes.csv}, categoriesOrdered: "
        "true, constraints: {required: true}}\n"
    )
    (tmp_path / "codes.csv").write_text("value,label\n1,one\n2,two\n")
    return load_contract(tmp_path / "c.yaml")


def test_a_code_table_has_the_type_of_its_field(study: Make, loaded: Contract) -> None:
    settings = '[tool.data-package]\npackage = "STUDY"\nlargest-categories = 1\n'
    project = study({"/pyproject.toml": settings}).project
    codes = Codes(project, frozenset())
    output = codes.apart(loaded)
    assert output.fields[0].categories is None
    assert output.fields[0].required
    assert output.references == ("codes",)
    ((table, contract),) = codes.tables()
    assert pl.read_parquet(table.path).rows() == [(1, "one"), (2, "two")]
    assert [field.type for field in contract.fields] == ["integer", "string"]


def test_a_vocabulary_and_a_table_of_one_name_are_distinguished(
    study: Make, loaded: Contract
) -> None:
    settings = '[tool.data-package]\npackage = "STUDY"\nlargest-categories = 1\n'
    project = study({"/pyproject.toml": settings}).project
    with pytest.raises(dg.Failure, match="Rename its file"):
        Codes(project, frozenset({"codes"})).apart(loaded)


@pytest.mark.slow
def test_a_foreign_key_to_nothing_is_reported_with_its_line(study: Make) -> None:
    wrong = STUDY_FILES["final/visits.yaml"].replace("resource: people", "resource: peopel")
    project = study(STUDY_FILES | {"final/visits.yaml": wrong})
    done = project.verb("status")
    assert done.returncode == 2
    output = done.stdout + done.stderr
    assert "visits.yaml:4:" in output
    assert "'peopel', which is not a table with a contract. Did you mean 'people'?" in output


@pytest.mark.slow
def test_a_vocabulary_with_the_name_of_a_table_is_refused_before_anything_is_built(
    study: Make,
) -> None:
    files = {name.replace("icd", "people"): text for name, text in CODED.items()}
    files["final/visits.yaml"] = CODED["final/visits.yaml"].replace("icd.csv", "people.csv")
    done = study(STUDY_FILES | files).verb("status")
    assert done.returncode == 2
    output = done.stdout + done.stderr
    assert "visits.yaml:4:" in output
    assert "The vocabulary 'people' is published as a table, and a table has this name" in output
