"""Tables built from deliveries that a test gives."""

from pathlib import Path

import polars as pl
import pytest

from data_package.engine.errors import ProjectError
from data_package.testing import build_table, build_tables, sample
from data_package_tests.conftest import Make, Study

_PERSONS = "id;born\nP1;1970\nP2;1980\n"


@pytest.fixture
def clinic(study: Make) -> Study:
    return study(
        {
            "tables.py": """\
                from pathlib import Path
                import dagster as dg
                import polars as pl
                from data_package import source_file

                persons_file = source_file("persons_file", "deliveries/persons.csv")
                visits_file = source_file("visits_file", "deliveries/visits-*.csv")
                scans_file = source_file("scans_file", "deliveries/scans.parquet")

                @dg.asset(group_name="final")
                def persons(persons_file: pl.LazyFrame) -> pl.LazyFrame:
                    return persons_file.filter(pl.col("born") > 0)

                @dg.asset(group_name="raw")
                def raw_visits(visits_file: list[Path]) -> pl.DataFrame:
                    return pl.concat(map(pl.read_csv, visits_file))

                @dg.asset(group_name="final")
                def visits(raw_visits: pl.LazyFrame, persons: pl.LazyFrame) -> pl.LazyFrame:
                    return raw_visits.join(persons, on="id", how="left")

                @dg.asset(group_name="final")
                def broken(persons: pl.LazyFrame) -> pl.LazyFrame:
                    raise KeyError("born")
                """,
            "persons_file.yaml": """\
                dialect: {delimiter: ";"}
                schema:
                  fields:
                    - {name: id, type: string, constraints: {pattern: "P[0-9]"}}
                    - {name: born, type: integer}
                  primaryKey: [id]
                """,
            "visits.yaml": """\
                schema:
                  fields:
                    - {name: id, type: string}
                    - {name: day, type: integer, constraints: {minimum: 1}}
                    - {name: born, type: integer}
                  foreignKeys:
                    - {fields: [id], reference: {resource: persons, fields: [id]}}
                """,
            "persons.yaml": "schema: {fields: [{name: id}, {name: born, type: integer}]}\n",
        }
    )


def test_a_table_is_built_from_deliveries_given_as_text(clinic: Study) -> None:
    given = {
        "persons_file": _PERSONS,
        "visits_file": {"visits-1.csv": "id,day\nP1,1\n", "visits-2.csv": "id,day\nP2,2\n"},
    }
    rows = build_table("visits", given, project=clinic.root)
    assert rows.rows() == [("P1", 1, 1970), ("P2", 2, 1980)]
    assert not (clinic.root / "deliveries").exists()
    assert not clinic.project.lock.exists()
    assert not list(clinic.storage.rglob("*.parquet"))


def test_made_up_rows_are_delivered_as_the_contract_says(clinic: Study, tmp_path: Path) -> None:
    rows = sample("persons_file", rows=5, project=clinic.project)
    both = build_tables(["persons"], {"persons_file": rows}, project=clinic.root)
    assert both["persons"].equals(rows.filter(pl.col("born") > 0))
    path = tmp_path / "some.csv"
    path.write_text(_PERSONS)
    assert build_table("persons", {"persons_file": path}, project=clinic.root).height == 2


def test_a_table_that_breaks_its_contract_fails_the_test_without_values(clinic: Study) -> None:
    given = {"persons_file": _PERSONS, "visits_file": "id,day\nP1,-77\nP9,1\n"}
    with pytest.raises(AssertionError, match="below the minimum 1") as raised:
        build_table("visits", given, project=clinic.root)
    assert "not found in persons" in str(raised.value)
    assert "-77" not in str(raised.value)


def test_an_error_of_a_function_reaches_the_test(clinic: Study) -> None:
    with pytest.raises(Exception, match="born"):
        build_table("broken", {"persons_file": _PERSONS}, project=clinic.root)


def test_a_delivery_that_breaks_its_contract_is_reported(clinic: Study) -> None:
    with pytest.raises(Exception, match="pattern"):
        build_table("persons", {"persons_file": "id;born\nX;1\n"}, project=clinic.root)


def test_what_is_not_given_or_not_known_is_named(clinic: Study) -> None:
    with pytest.raises(ProjectError, match='Add to deliveries: "visits_file"'):
        build_table("visits", {"persons_file": _PERSONS}, project=clinic.root)
    with pytest.raises(ProjectError, match="Did you mean 'persons_file'"):
        build_table("persons", {"person_file": _PERSONS}, project=clinic.root)
    with pytest.raises(ProjectError, match="Did you mean 'visits'"):
        build_table("visit", {}, project=clinic.root)
    given = {"persons_file": _PERSONS, "visits_file": pl.DataFrame({"id": []})}
    with pytest.raises(ProjectError, match="has no contract that says how rows are written"):
        build_table("visits", given, project=clinic.root)
