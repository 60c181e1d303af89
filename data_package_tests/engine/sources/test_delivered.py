"""A raw file that has a contract arrives as typed rows, and its errors are reported."""

import json
import stat
import textwrap
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.lineage.tables import lineage_of_tables
from data_package.engine.runs.checking import check_each
from data_package.engine.staleness.lock import read_lock
from data_package.engine.staleness.status import status_of
from data_package.engine.states import Status
from data_package.engine.tables.loading import open_project
from data_package.engine.versions.release import NotReady, Wanted, propose
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import (
    HEADER,
    everything_reported,
    execute,
    failure_of,
    metadata_of,
)

CODE = (
    HEADER
    + """
from data_package import source_file

visits_file = source_file("visits_file", {paths}, bad="{bad}"{more})


@dg.asset
def visits(visits_file: {annotation}) -> {annotation}:
    return visits_file
"""
)
CONTRACT = """\
dialect: {delimiter: ";"}
encoding: cp1252
schema:
  missingValues: ["", "-99"]
  fields:
    - {name: id, type: integer, constraints: {required: true}}
    - {name: name, type: string}
    - {name: day, type: date, format: "%d.%m.%Y"}
    - {name: weight, type: number, decimalChar: ",", constraints: {maximum: 300}}
  primaryKey: [id]
"""
GOOD = "id;name;day;weight\n1;Ann;01.02.2020;61,5\n2;-99;03.02.2020;-99\n"
BAD = GOOD + "3;Q7Secret;31.02.2020;70\nx;Bo;01.03.2020;80\n4;Di;01.03.2020\n5;Ed;02.03.2020;999\n"


def project(
    study: Make,
    delivered: str = BAD,
    *,
    bad: str = "stop",
    annotation: str = "pl.LazyFrame",
    contract: str | None = CONTRACT,
    paths: str = "'visits.csv'",
    more: str = "",
) -> Study:
    files = {
        "raw/__init__.py": "",
        "raw/visits.py": CODE.format(bad=bad, annotation=annotation, paths=paths, more=more),
        "/visits.csv": delivered,
    }
    if contract is not None:
        files["raw/visits_file.yaml"] = contract
    return study(files)


def table(made: Study) -> pl.DataFrame:
    return pl.read_parquet(made.storage / "raw" / "visits.parquet")


def rejects(made: Study) -> Path:
    return made.storage / "rejects" / "visits.parquet"


@pytest.mark.parametrize("annotation", ["pl.LazyFrame", "pl.DataFrame"])
def test_rows_have_the_types_of_the_contract(study: Make, annotation: str) -> None:
    made = project(study, GOOD, annotation=annotation)
    result = made.build()
    assert result.ok
    assert result["visits"].raw_file_errors == 0
    assert table(made).schema == {
        "id": pl.Int64,
        "name": pl.String,
        "day": pl.Date,
        "weight": pl.Float64,
    }
    assert table(made)["name"].to_list() == ["Ann", None]
    assert table(made)["weight"].to_list() == [61.5, None]


def test_a_broken_file_stops_its_table_and_every_error_is_named(study: Make) -> None:
    made = project(study)
    result = made.build()
    assert result["visits"].status is Status.FAILED
    output = result.explain()
    for answer in (
        "visits.csv: 6 rows checked, 5 errors",
        "id: not a value of type integer (type), 1 time: row 5",
        "day: not a value of type date (%d.%m.%Y) (type), 1 time: row 4",
        "weight: above the maximum 300 (maximum), 1 time: row 7",
        "weight: a row that ends before it (missing-cell), 1 time: row 6",
        'bad="reject"',
    ):
        assert answer in output
    assert "Secret" not in output
    assert not rejects(made).exists()
    assert result["visits"].raw_file_errors == 5
    assert result.accepted() == ""
    facts = cast("dict[str, Any]", result.to_dict())
    (file,) = facts["tables"][0]["raw_files"]
    assert (file["file"], file["rows_checked"], file["left_out"]) == ("visits.csv", 6, 0)
    totals = {(t["field"], t["rule"]): (t["count"], t["rows"]) for t in file["totals"]}
    assert totals["id", "type"] == (1, (5,))
    assert totals["weight", "maximum"] == (1, (7,))
    assert json.loads(result.to_json())["tables"][0]["raw_files"][0]["what_next"]


def test_what_to_do_about_broken_rules_is_not_what_to_do_about_bad_cells(study: Make) -> None:
    answer = project(study, GOOD + "2;Bo;01.03.2020;80\n").build().explain()
    assert "id: the same as in an earlier row (primaryKey), 1 time: row 4" in answer
    assert "To pass these rows on," in answer
    assert 'bad="reject"' not in answer


def test_each_table_has_the_errors_of_the_files_that_it_receives_itself(study: Make) -> None:
    made = project(study, bad="null")
    code = CODE.format(bad="null", annotation="pl.LazyFrame", paths="'visits.csv'", more="")
    made.write(
        {
            "raw/visits.py": code
            + """
others_file = source_file("others_file", "others.csv", bad="reject")


@dg.asset
def both(visits_file: pl.LazyFrame, others_file: pl.LazyFrame) -> Path:
    path = Path(__file__).with_name("rows.txt")
    path.write_text(str(visits_file.collect().height + others_file.collect().height))
    return path


@dg.asset
def size(visits_file: Path) -> pl.LazyFrame:
    return pl.LazyFrame({"bytes": [visits_file.stat().st_size]})
""",
            "raw/others_file.yaml": CONTRACT,
            "/others.csv": GOOD + "5;Jo;x;1\n",
        }
    )
    result = made.build()
    assert result.ok, result.explain()
    assert {t.name: t.raw_file_errors for t in result} == {"visits": 5, "both": 6, "size": None}
    reading = result["both"].reading
    assert reading is not None
    assert sorted((f.file, f.left_out, f.rejects) for f in reading.files) == [
        ("others.csv", 1, "storage/rejects/both.parquet"),
        ("visits.csv", 0, ""),
    ]
    entries = read_lock(made.project).tables
    assert {name: entry.raw_errors for name, entry in entries.items()} == {
        **{"visits": 5, "both": 6},
        "size": 0,
    }


def test_bad_cells_can_be_empty(study: Make) -> None:
    made = project(study, bad="null")
    result = made.build()
    assert result.ok
    assert table(made)["day"].null_count() == 1
    assert table(made)["id"].to_list() == [1, 2, 3, None, 4, 5]
    assert result["visits"].raw_file_errors == 5
    head = "visits was built from a raw file with errors:\n  visits.csv: 6 rows checked"
    assert head in result.accepted()
    assert not rejects(made).exists()


def test_bad_rows_can_be_left_out_and_are_kept(study: Make) -> None:
    made = project(study, bad="reject")
    result = made.build()
    assert result.ok
    assert table(made)["id"].to_list() == [1, 2, 5]
    kept = pl.read_parquet(rejects(made))
    assert kept.columns == ["file", "row number", "id", "name", "day", "weight"]
    assert kept["row number"].to_list() == [4, 5, 6]
    assert kept["id"].to_list() == ["3", "x", "4"]
    assert stat.S_IMODE(rejects(made).stat().st_mode) == 0o600
    assert "3 rows are left out, and kept in storage/rejects/visits.parquet" in result.accepted()
    (made.root / "visits.csv").write_text(GOOD)
    assert made.build().ok
    assert not rejects(made).exists()


def test_several_files_are_read_below_one_another(study: Make) -> None:
    made = project(study, bad="reject", paths="'deliveries/*.csv'")
    made.write({"/deliveries/a.csv": GOOD, "/deliveries/b.csv": BAD.replace("\n1;", "\n7;")})
    result = made.build()
    assert result.ok
    assert table(made)["id"].to_list() == [1, 2, 7, 2, 5]
    assert set(pl.read_parquet(rejects(made))["file"]) == {"deliveries/b.csv"}
    assert "deliveries/b.csv: 6 rows checked" in result.accepted()
    assert "deliveries/a.csv" not in result.accepted()


def test_a_typed_file_is_checked_and_scanned(study: Make) -> None:
    made = project(study, GOOD, paths="'visits.parquet'")
    frame = pl.DataFrame({"id": [1, 1], "name": ["a", "b"], "day": [None] * 2, "weight": [1.0, 2]})
    frame.cast({"day": pl.Date}).write_parquet(made.root / "visits.parquet")
    output = made.build().explain()
    assert "id: the same as in an earlier row (primaryKey), 1 time: row 3" in output


def test_how_a_file_is_read_is_part_of_what_a_table_is(study: Make) -> None:
    made = project(study, GOOD)
    assert made.build().ok
    assert not made.build().tables
    made.write({"raw/visits_file.yaml": CONTRACT.replace("300", "60")})
    result = made.build()
    assert result["visits"].status is Status.FAILED
    # As it was, but for what only people read.
    made.write({"raw/visits_file.yaml": f"title: Visits\n{CONTRACT}# The end.\n"})
    assert not made.build().tables
    code = CODE.format(bad="null", annotation="pl.LazyFrame", paths="'visits.csv'", more="")
    made.write({"raw/visits.py": code})
    assert [t.name for t in made.build().tables] == ["visits"]


def test_a_schema_and_a_dialect_in_files_of_their_own_are_part_of_what_a_table_is(
    study: Make,
) -> None:
    _, _, schema = CONTRACT.partition("schema:\n")
    made = project(
        study,
        GOOD,
        contract="dialect: ../shared/d.yaml\nencoding: cp1252\nschema: ../shared/s.yaml\n",
    )
    shared = made.project.package_folder / "shared"
    shared.mkdir()
    (shared / "d.yaml").write_text('delimiter: ";"\n')
    (shared / "s.yaml").write_text(textwrap.dedent(schema))
    assert made.build().ok
    assert made.build().fresh == 1
    (shared / "s.yaml").write_text(textwrap.dedent(schema).replace("maximum: 300", "maximum: 30"))
    again = made.build()
    assert not again.ok
    assert "weight" in str(again.explain())


def test_a_file_without_a_contract_is_reported(study: Make) -> None:
    made = project(study, GOOD, contract=None)
    output = failure_of(execute(made, ok=False))
    assert "'visits_file' has no contract to read it by" in output
    assert "data-package describe visits_file --write" in output


def test_what_is_not_a_file_in_the_place_of_a_contract_is_reported(study: Make) -> None:
    made = project(study, GOOD, contract=None)
    (made.root / made.package / "raw" / "visits_file.yaml").mkdir()
    with pytest.raises(ProjectError, match=r"visits_file\.yaml is a folder"):
        made.definitions()


def test_the_bad_rows_of_a_typed_file_can_be_looked_at(study: Make) -> None:
    made = project(study, GOOD, paths="'visits.parquet'")
    frame = pl.DataFrame({"id": [7, 7], "name": ["a", "b"], "day": [None] * 2, "weight": [1.0, 2]})
    frame.cast({"day": pl.Date}).write_parquet(made.root / "visits.parquet")
    (checked,) = check_each(["visits_file"], made.project)
    assert checked.report.name == "visits.parquet"
    assert checked.offending()["row number"].to_list() == [3]


def test_what_cannot_be_read_is_reported_without_a_traceback(study: Make) -> None:
    made = project(study, contract=CONTRACT.replace("encoding: cp1252\n", ""))
    (made.root / "visits.csv").write_bytes(b"PK\x03\x04" + b"\0" * 50)
    output = failure_of(execute(made, ok=False))
    assert "it is a zip archive or a workbook" in output


def test_no_value_gets_into_the_history(study: Make) -> None:
    for bad in ("stop", "null", "reject"):
        result = execute(project(study, bad=bad), ok=bad != "stop")
        assert "Secret" not in everything_reported(result)
        if bad != "stop":
            answer = metadata_of(result, "visits")
            assert answer["raw_file_errors"] == 5
            assert "day: not a value of type date" in str(answer["raw_file_report"])
            (file,) = cast("list[dict[str, Any]]", answer["raw_files"])
            assert file["file"] == "visits.csv"
            assert file["left_out"] == (3 if bad == "reject" else 0)
            totals = {(t["rule"], t["field"]): t["rows"] for t in file["totals"]}
            assert totals["type", "day"] == [4]


def test_nothing_is_left_where_a_file_is_read_through(study: Make) -> None:
    made = project(study, bad="null")
    assert made.build().ok
    held = b"".join(path.read_bytes() for path in (made.storage / ".state").rglob("*.*"))
    assert b"Q7Secret" not in held


def test_fields_are_followed_to_the_columns_of_the_file(study: Make) -> None:
    made = project(study, GOOD)
    assert made.build().ok
    catalogue, _ = open_project(made.project)
    (found,) = lineage_of_tables(catalogue, catalogue.tables.values()).values()
    assert found.columns["day"] == {("visits_file", "day")}


@pytest.mark.slow
def test_a_contract_is_begun_and_the_file_checked_by_name(study: Make) -> None:
    made = project(study, GOOD.replace("-99", ""), contract=None)
    words = ("describe", "visits_file", "--write", "--delimiter", ";", "--encoding", "cp1252")
    assert made.verb(*words).returncode == 0
    begun = (made.root / made.package / "raw" / "visits_file.yaml").read_text()
    assert 'delimiter: ";"' in begun
    assert "encoding: cp1252" in begun
    assert made.verb("build").returncode == 0
    assert table(made).height == 2
    made.write({"raw/visits_file.yaml": CONTRACT, "/visits.csv": BAD})
    checked = made.verb("check", "visits_file", "--json")
    assert checked.returncode == 1
    (report,) = json.loads(checked.stdout)
    assert report["name"] == "visits.csv"
    assert report["error_count"] == 5
    built = made.verb("build", "--json")
    assert built.returncode == 1
    assert "Secret" not in built.stdout + built.stderr


def test_another_word_for_what_to_do_is_refused(study: Make) -> None:
    made = project(study, bad="ignore")
    with pytest.raises(Exception, match="bad='ignore'"):
        made.definitions()


@pytest.mark.parametrize("bad", ["null", "reject"])
@pytest.mark.parametrize(
    ("delivered", "words"),
    [
        (GOOD.replace("id;name", "name;id"), "fieldsMatch"),
        (GOOD.replace(";", ","), 'dialect: {delimiter: ","}'),
        ("", "the file is empty"),
        ("id;name;day;weight\n", "has no rows"),
    ],
)
def test_an_error_of_the_whole_file_stops_the_table_whatever_bad_says(
    study: Make, delivered: str, words: str, bad: str
) -> None:
    made = project(study, delivered, bad=bad)
    output = failure_of(execute(made, ok=False))
    assert words in output
    assert f"{made.package}/raw/visits_file.yaml" in output or words == "has no rows"
    assert "--" not in output


def bad_rows(rows: int, bad: int) -> str:
    days = ["31.02.2020"] * bad + ["01.02.2020"] * (rows - bad)
    return "id;name;day;weight\n" + "".join(f"{i};a;{day};1\n" for i, day in enumerate(days))


@pytest.mark.parametrize(
    ("rows", "bad", "more", "ok"),
    [
        (10, 10, "", True),
        (400, 20, "", True),
        (400, 21, "", False),
        (400, 21, ", worst=0.1", True),
        (4, 1, ", worst=0", False),
    ],
)
def test_too_many_bad_rows_stop_a_table(
    study: Make, rows: int, bad: int, more: str, ok: bool
) -> None:
    made = project(study, bad_rows(rows, bad), bad="reject", more=more)
    result = execute(made, ok=ok)
    if not ok:
        assert f"{bad} of {rows} rows are bad" in failure_of(result)


def test_a_file_may_be_without_rows_where_that_is_declared(study: Make) -> None:
    execute(project(study, "id;name;day;weight\n", more=", may_be_empty=True"))


def test_rows_of_several_files_can_have_their_file(study: Make) -> None:
    made = project(study, paths="'deliveries/*.csv'", more=", file_column='delivery'")
    made.write({"/deliveries/a.csv": GOOD, "/deliveries/b[1].csv": GOOD.replace("\n", "\n3")})
    made.write({"/deliveries/b[1].csv": "id;name;day;weight\n3;Cy;01.02.2020;1\n"})
    execute(made)
    assert table(made).select("id", "delivery").rows() == [
        (1, "deliveries/a.csv"),
        (2, "deliveries/a.csv"),
        (3, "deliveries/b[1].csv"),
    ]


def test_the_column_of_files_is_not_a_field_of_the_contract(study: Make) -> None:
    made = project(study, GOOD, more=", file_column='name'")
    assert "Give the column another name" in failure_of(execute(made, ok=False))


def test_keys_are_checked_over_all_files_of_a_set(study: Make) -> None:
    made = project(study, paths="'deliveries/*.csv'")
    head = "# one\nid;name;day;weight\n"
    contract = CONTRACT.replace('delimiter: ";"', 'delimiter: ";", commentChar: "#"')
    made.write(
        {
            "raw/visits_file.yaml": contract,
            "/deliveries/a.csv": head + "1;a;;1\n# two\n2;b;;1\n2;b;;1\n",
            "/deliveries/b.csv": head + "# three\n3;a;;1\n2;b;;1\n",
            "/deliveries/c.csv": head + "4;a;;1\n",
        }
    )
    output = failure_of(execute(made, ok=False))
    assert (
        "a.csv: 3 rows checked, 1 error\n  id: the same as in an earlier row (primaryKey)" in output
    )
    assert (
        "b.csv: 2 rows checked, 1 error\n  id: the same as in an earlier file (primaryKey)"
        in output
    )
    assert "1 time: row 6" in output
    assert "1 time: row 5" in output
    assert "c.csv" not in output
    counts = [one.report.error_count for one in check_each(["visits_file"], made.project)]
    assert counts == [1, 1, 0]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_that_refers_to_itself_is_found_in_any_of_its_files(
    study: Make, ending: str
) -> None:
    contract = """\
schema:
  fields: [{name: id, type: string}, {name: mother, type: string}]
  primaryKey: [id]
  foreignKeys: [{fields: [mother], reference: {resource: "", fields: [id]}}]
"""
    paths = f"'deliveries/*.{ending}'"
    made = project(study, paths=paths, contract=contract)
    (made.root / "deliveries").mkdir()
    for name, rows in (("a", [("1", None), ("2", "3")]), ("b", [("3", "1"), ("4", "9")])):
        frame = pl.DataFrame(rows, schema={"id": pl.String, "mother": pl.String}, orient="row")
        path = made.root / "deliveries" / f"{name}.{ending}"
        frame.write_csv(path) if ending == "csv" else frame.write_parquet(path)
    output = failure_of(execute(made, ok=False))
    assert "mother: not found in any of the files (foreignKeys), 1 time: row 3" in output
    assert f"a.{ending}" not in output


def test_a_raw_file_that_breaks_its_contract_is_shown_as_long_as_it_is_used(study: Make) -> None:
    made = project(study, bad="reject")
    assert made.build().ok
    catalogue, _ = open_project(made.project)
    (table_,) = status_of(catalogue, read_lock(made.project)).tables
    assert table_.is_fresh
    assert table_.reason == "5 errors in its raw files"
    assert table_.to_dict()["raw_errors"] == 5
    (made.root / "visits.csv").write_text(GOOD)
    assert made.build().ok
    catalogue, _ = open_project(made.project)
    (table_,) = status_of(catalogue, read_lock(made.project)).tables
    assert table_.reason == ""
    assert "raw_errors" not in made.project.lock.read_text()


def test_a_release_asks_about_raw_files_that_break_their_contracts(study: Make) -> None:
    made = project(study, bad="reject")
    final = CODE.format(bad="reject", annotation="pl.LazyFrame", paths="'visits.csv'", more="")
    final += """

@dg.asset(group_name="final")
def people(visits: pl.LazyFrame) -> pl.LazyFrame:
    \"\"\"Everybody.\"\"\"
    return visits.select("id")
"""
    contract = "schema: {fields: [{name: id, type: integer}], primaryKey: [id]}\n"
    made.write({"raw/visits.py": final, "raw/people.yaml": contract})
    assert made.build().ok
    with pytest.raises(NotReady, match="visits: 5 errors in its raw files"):
        propose(Wanted(without_git=True), made.project)
    assert propose(Wanted(without_git=True, with_raw_errors=True), made.project)


def test_a_name_that_is_a_pattern_to_polars_is_not_handed_to_it(study: Make) -> None:
    made = project(study, paths="'visits[1].csv'", annotation="Path", contract=None)
    made.write({"/visits[1].csv": GOOD, "/visits1.csv": GOOD})
    code = (made.root / made.package / "raw" / "visits.py").read_text()
    code = code.replace("-> Path:", "-> pl.LazyFrame:").replace(
        "return visits_file", "return pl.scan_csv(visits_file)"
    )
    made.write({"raw/visits.py": code})
    assert "takes for a pattern: it would read visits1.csv" in failure_of(execute(made, ok=False))
