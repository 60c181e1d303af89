"""Two deliveries of a raw file are compared as its contract reads them, by its key."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.project import Project, find_project
from data_package.engine.schema import Contract
from data_package.engine.sources.delivered import Delivered
from data_package.engine.sources.files import Deliveries, RawFile
from data_package.engine.storage import HashCache
from data_package.engine.versions.deliveries import (
    DeliveryDifference,
    diff_deliveries,
    raw_file_of,
)
from data_package_tests.conftest import Make

DESCRIPTOR = {
    "schema": {
        "fields": [{"name": "id", "type": "integer"}, {"name": "weight", "type": "number"}],
        "primaryKey": ["id"],
    }
}
FILE = RawFile("visits", ("v*.csv",), newest_per=("id",), order=r"v(?P<number>\d+)")
HEAD = "id,weight\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("study")
    (root / "pyproject.toml").write_text('[tool.data-package]\npackage = "study"\n')
    (root / "study").mkdir()
    (root / "study" / "__init__.py").touch()
    return find_project(root)


def readers(
    project: Project, files: Mapping[str, str], file: RawFile = FILE, key: bool = True
) -> tuple[Delivered, Deliveries]:
    for old in project.root.glob("*.csv"):
        old.unlink()
    for name, text in files.items():
        (project.root / name).write_text(text)
    schema = {k: v for k, v in DESCRIPTOR["schema"].items() if key or k == "fields"}
    contract = Contract.from_descriptor({"schema": schema}, name="visits")
    declared = {"visits": file, "others": RawFile("others", ("o*.csv",))}
    hashes = HashCache(project.places.hashes)
    return (
        Delivered(project, declared, {"visits": contract}),
        Deliveries(project.root, declared, hashes),
    )


def difference(project: Project, files: Mapping[str, str], *named: str) -> DeliveryDifference:
    paths = [project.root / name for name in named]
    return diff_deliveries(*readers(project, files), "visits", *paths)


def test_the_last_two_in_the_order_of_their_numbers_are_compared(project: Project) -> None:
    files = {
        "v9.csv": HEAD + "1,60\n2,70\n3,80\n",
        "v10.csv": HEAD + "2,70.0\n3,81\n4,x\n5,\n",
        "v1.csv": "",
    }
    found = difference(project, files)
    assert found.render().splitlines() == [
        "v9.csv → v10.csv",
        "",
        "raw file   rows  added  removed  changed  matched by",
        "visits    3 → 4      2        1        1  id",
        "values changed: weight 1",
        "v10.csv has 1 error: a cell of another type counts as empty.",
    ]
    facts = json.loads(json.dumps(found.to_dict()))
    assert facts["rows"]["added"] == 2
    assert facts["errors"] == {"old": 0, "new": 1}
    # By name, in any direction, and a file that is not among those that are declared.
    assert difference(project, files, "v10.csv", "v9.csv").rows.added == 1
    assert difference(project, files | {"new.csv": HEAD}, "v9.csv", "new.csv").rows.removed == 3
    assert difference(project, files, "v9.csv").new == "v10.csv"


def test_rows_are_counted_where_the_key_is_not_one(project: Project) -> None:
    files = {"v1.csv": HEAD + "1,60\n1,61\n", "v2.csv": HEAD + "1,60\n"}
    found = difference(project, files)
    assert (found.rows.changed, found.rows.removed) == (None, 1)
    assert found.words == "id is not unique in both: whole rows are counted"
    without = diff_deliveries(
        *readers(project, files, replace(FILE, newest_per=()), key=False), "visits"
    )
    assert without.words == "the contract has no primary key: whole rows are counted"


def test_blank_rows_are_not_rows(project: Project) -> None:
    found = difference(project, {"v1.csv": HEAD + ",\n1,60\n,\n", "v2.csv": HEAD + "1,60\n"})
    assert found.rows.is_equal
    assert found.rows.key == ("id",)


def test_what_cannot_be_compared_is_refused_with_what_to_do(project: Project) -> None:
    files = {"v1.csv": HEAD + "1,60\n", "v2.csv": "other,header\n1,60\n", "other.csv": "a\n"}
    delivered, deliveries = readers(project, files)
    with pytest.raises(BuildError, match=r"fieldsMatch(.|\n)*cannot be compared"):
        diff_deliveries(delivered, deliveries, "visits")
    with pytest.raises(ProjectError, match="'others' has no contract"):
        diff_deliveries(delivered, deliveries, "others")
    with pytest.raises(ProjectError, match=r"no raw file 'visit'.*Did you mean 'visits'"):
        diff_deliveries(delivered, deliveries, "visit")
    with pytest.raises(ProjectError, match="are not files of one raw file"):
        raw_file_of(deliveries, [project.root / "v1.csv", project.root / "other.csv"])
    assert raw_file_of(deliveries, [project.root / "v1.csv"]) == "visits"
    with pytest.raises(ProjectError, match="without order="):
        diff_deliveries(*readers(project, files, replace(FILE, order=())), "visits")
    with pytest.raises(ProjectError, match="one delivery"):
        difference(project, {"v1.csv": HEAD})


ROWS = st.dictionaries(st.integers(1, 5), st.sampled_from(["", "1", "1.0", "2"]), max_size=5)


@settings(max_examples=25)
@given(ROWS, ROWS)
def test_counts_are_those_of_a_loop(
    project: Project, old: Mapping[int, str], new: Mapping[int, str]
) -> None:
    texts = ["".join(f"{key},{value}\n" for key, value in each.items()) for each in (old, new)]
    found = difference(project, {"v1.csv": HEAD + texts[0], "v2.csv": HEAD + texts[1]}).rows

    def number(text: str) -> float | None:
        return float(text) if text else None

    changed = sum(number(old[key]) != number(new[key]) for key in old.keys() & new.keys())
    counted = (found.added, found.removed, found.changed, found.old, found.new)
    assert counted == (len(new.keys() - old), len(old.keys() - new), changed, len(old), len(new))


def test_two_files_of_a_raw_file_are_recognised(study: Make) -> None:
    made = study(
        {
            "raw/__init__.py": "",
            "raw/visits.py": """
                import dagster as dg
                import polars as pl
                from data_package import source_file

                visits_file = source_file("visits_file", "v*.csv")

                @dg.asset
                def visits(visits_file: pl.LazyFrame) -> pl.LazyFrame:
                    return visits_file
                """,
            "raw/visits_file.yaml": "fields: [{name: id, type: integer}]\nprimaryKey: [id]",
            "/v1.csv": "id\n1\n",
            "/v2.csv": "id\n1\n2\n",
        }
    )
    answer = made.verb("diff", "v1.csv", "v2.csv", "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["rows"]["matched_by"] == ["id"]
    refused = made.verb("diff", "v1.csv", "--raw", "visits_file")
    assert "Name both: data-package diff --raw visits_file OLD NEW" in refused.stderr
