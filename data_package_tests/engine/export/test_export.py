"""A data package in other forms: the same values, keys and checks declared, never half a file."""

import datetime as dt
import errno
import gc
import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import polars as pl
import pytest
from click.testing import CliRunner
from frictionless import Package
from xlsxwriter.exceptions import FileCreateError

from data_package.engine.cli.export import command
from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.export import Exported, ExportFormat, export, sheets, xlsx
from data_package_tests.engine.tables.running import temporary_files
from data_package_tests.engine.test_unusable import disk, needs_root
from data_package_tests.engine.versions.packages import Tables, write_package

SEEN = dt.datetime.fromisoformat("2020-01-02T03:04:05.600000")
PEOPLE = pl.DataFrame(
    {
        "id": [1, 2],
        "name": ["=1+1", "b'o\"x"],
        "age": [40, None],
        "born": [dt.date(1850, 1, 2), dt.date(2000, 3, 4)],
        "seen": [SEEN, None],
        "at": [dt.time(1, 2, 3), None],
        "sex": pl.Series(["F", "M"], dtype=pl.Enum(["F", "M"])),
        "well": [True, None],
        "tags": [["a", "b"], None],
        "raw": [b"\x00\xff", None],
        "big": pl.Series([2**53 + 1, None], dtype=pl.Int64),
        "weight": [1.5, float("inf")],
    }
)
FIELDS: list[dict[str, Any]] = [
    {"name": "id", "type": "integer", "title": "It's", "constraints": {"minimum": 1}},
    {"name": "name", "type": "string", "constraints": {"required": True, "maxLength": 9}},
    {"name": "age", "type": "integer", "constraints": {"exclusiveMaximum": 120}},
    {"name": "born", "type": "date", "constraints": {"minimum": "1800-01-01"}},
    {"name": "seen", "type": "datetime", "constraints": {"minimum": "2000-01-01T00:00:00"}},
    {"name": "at", "type": "time"},
    {"name": "sex", "type": "string", "categories": ["F", {"value": "M", "label": "male"}]},
    {"name": "well", "type": "boolean"},
    *({"name": name} for name in ("tags", "raw", "big", "weight")),
]
VISITS = pl.DataFrame({"who": [1, 1], "number": [1, 2]})
V2 = "https://datapackage.org/profiles/2.0/datapackage.json"
TABLES: Tables = {
    "visits": (
        VISITS,
        {
            "primaryKey": ["who", "number"],
            "foreignKeys": [
                {"fields": "who", "reference": {"resource": "people", "fields": "id"}},
                {"fields": "number", "reference": {"resource": "people", "fields": "age"}},
            ],
        },
    ),
    "people": (PEOPLE, {"primaryKey": "id", "uniqueKeys": [["name"]], "fields": FIELDS}),
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_package(tmp_path / "a [package]*", TABLES, title="It's ours", **{"$schema": V2})


def made(package: Path, form: ExportFormat) -> Exported:
    done = export(form, package.parent / f"out.{form}", package)
    assert done.tables == {"people": 2, "visits": 2}
    files = [path for path in [done.path, *done.path.rglob("*")] if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert temporary_files(package.parent) == []
    return done


def test_sqlite_holds_the_values_keys_and_checks(package: Path) -> None:
    done = made(package, ExportFormat.SQLITE)
    assert len(done.notes) == 1
    assert "visits: the foreign key number → people is not declared" in done.notes[0]
    with closing(sqlite3.connect(done.path, isolation_level=None)) as base:
        first, second = base.execute("SELECT * FROM people ORDER BY id").fetchall()
        assert first == (
            *(1, "=1+1", 40, "1850-01-02", "2020-01-02T03:04:05.600", "01:02:03"),
            *("F", 1, '["a","b"]', b"\x00\xff", 2**53 + 1, 1.5),
        )
        assert second[1:3] == ("b'o\"x", None)
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert [row[3:5] for row in base.execute("PRAGMA foreign_key_list(visits)")] == [
            ("who", "id")
        ]
        labels = "SELECT title, categories FROM datapackage_fields WHERE field IN ('id', 'sex')"
        assert base.execute(labels).fetchall()[0][0] == "It's"
        assert "male" in base.execute(labels).fetchall()[1][1]
        assert ("title", "It's ours") in base.execute("SELECT * FROM datapackage_properties")
        base.execute("PRAGMA foreign_keys = ON")
        refused(base, sqlite3.IntegrityError)


def test_duckdb_holds_the_values_keys_checks_and_comments(package: Path) -> None:
    done = made(package, ExportFormat.DUCKDB)
    with duckdb.connect(str(done.path)) as base:
        rows = base.execute("SELECT * FROM people ORDER BY id").fetchall()
        # DuckDB gives the time of a day as a text of its own type.
        plain = [tuple(v for at, v in enumerate(row) if at != 5) for row in rows]
        assert plain == [tuple(v for at, v in enumerate(r) if at != 5) for r in PEOPLE.rows()]
        kinds = base.execute("SELECT DISTINCT constraint_type FROM duckdb_constraints()")
        assert {kind for (kind,) in kinds.fetchall()} == {
            *("CHECK", "NOT NULL", "PRIMARY KEY", "FOREIGN KEY", "UNIQUE")
        }
        comment = "SELECT comment FROM duckdb_columns() WHERE column_name = 'id'"
        assert base.execute(comment).fetchall()[0] == ("It's",)
        refused(base, duckdb.ConstraintException)
    assert sorted(path.name for path in package.parent.iterdir()) == ["a [package]*", "out.duckdb"]


def test_hostile_names_of_tables_lead_nowhere(tmp_path: Path) -> None:
    package = write_package(tmp_path / "p", {"a": (VISITS, {}), "b": (VISITS, {})})
    path = package / "datapackage.json"
    document = json.loads(path.read_text())
    document["resources"][0]["name"], document["resources"][1]["name"] = "../up", ".._up"
    path.write_text(json.dumps(document))
    done = export("csv", tmp_path / "out", package)
    assert sorted(p.name for p in done.path.glob("*.csv")) == ["_up-2.csv", "_up.csv"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "p"]


def refused(base: Any, error: type[Exception]) -> None:
    """Rows that break each declared rule do not get in."""
    for change in (
        "UPDATE people SET age = 120 WHERE id = 2",
        "UPDATE people SET name = NULL WHERE id = 2",
        "UPDATE people SET name = 'far too long' WHERE id = 2",
        "UPDATE people SET sex = 'X' WHERE id = 2",
        "UPDATE people SET born = '1799-12-31' WHERE id = 2",
        "INSERT INTO visits VALUES (1, 1)",
        "INSERT INTO visits VALUES (7, 1)",
    ):
        with pytest.raises(error):
            base.execute(change)


def test_a_workbook_has_typed_cells_and_no_formula(package: Path) -> None:
    done = made(package, ExportFormat.XLSX)
    book = openpyxl.load_workbook(done.path)
    assert book.sheetnames == ["properties", "tables", "fields", "codes", "people", "visits"]
    head, first, second = list(book["people"].iter_rows())
    assert [cell.value for cell in head] == PEOPLE.columns
    values = {name: cell.value for name, cell in zip(PEOPLE.columns, first, strict=True)}
    assert values == {
        **{"id": 1, "name": "=1+1", "age": 40, "born": "1850-01-02", "sex": "F", "well": True},
        **{"seen": SEEN, "at": dt.time(1, 2, 3)},
        **{"tags": '["a","b"]', "raw": "AP8=", "big": str(2**53 + 1), "weight": 1.5},
    }
    assert first[1].data_type == "s"
    # LibreOffice shows a truth value without a format as a number.
    assert (first[7].data_type, first[7].number_format) == ("b", '"TRUE";"TRUE";"FALSE"')
    assert second[3].value == dt.datetime.fromisoformat("2000-03-04")
    assert second[11].value == "INF"
    assert second[2].value is None
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds


def test_a_workbook_can_be_read_without_the_codebook(package: Path) -> None:
    done = made(package, ExportFormat.XLSX)
    assert done.notes == [
        "people: 1 value of born, before 1900-03-01, where Excel has no dates: written as text.",
        "people: 1 value of big, beyond 2^53, where Excel does not have every integer: written as "
        "text.",
        "people: 1 value of weight, NaN or infinite, which Excel does not have: written as text.",
    ]
    book = openpyxl.load_workbook(done.path)
    people = book["people"]
    # Dates are as wide as they are written, and not a row of #.
    assert people.column_dimensions["D"].width >= len("2000-03-04")
    assert people.column_dimensions["E"].width >= len("2020-01-02 03:04:05")
    assert people.freeze_panes == "B2"
    assert people.auto_filter.ref == "A1:L3"
    assert people["A1"].comment.text == "It's"
    codes = [[cell.value for cell in row] for row in book["codes"].iter_rows()]
    assert codes == [
        ["table", "field", "value", "label"],
        ["people", "sex", "F", None],
        ["people", "sex", "M", "male"],
    ]
    (rule,) = people.data_validations.dataValidation
    assert (str(rule.sqref), rule.formula1) == ("G2:G3", "codes!$C$2:$C$3")
    assert rule.prompt == "F\nM = male"


def test_codes_are_of_the_type_of_their_cells(tmp_path: Path) -> None:
    fields = [
        {"name": "sex", "type": "integer", "categories": [{"value": 1, "label": "m"}, {"value": 2}]}
    ]
    frame = pl.DataFrame({"sex": [1, 2]})
    package = write_package(tmp_path / "p", {"codes": (frame, {"fields": fields})})
    book = openpyxl.load_workbook(export("xlsx", tmp_path / "x.xlsx", package).path)
    assert [row[2].value for row in book["codes"].iter_rows(min_row=2)] == [1, 2]
    assert [row[0].value for row in book["codes_2"].iter_rows(min_row=2)] == [1, 2]


def test_words_that_xml_does_not_have_spoil_no_workbook(tmp_path: Path) -> None:
    reported = "a\x00\x1b\x08\ufffe<&>\u202e" * 3
    fields = [
        {"name": "x", "title": reported, "description": reported, "categories": [reported, "b"]}
    ]
    frame = pl.DataFrame({"x": [reported]})
    package = write_package(tmp_path / "p", {"t": (frame, {"fields": fields})}, title=reported)
    book = openpyxl.load_workbook(export("xlsx", tmp_path / "x.xlsx", package).path)
    assert "<&>" in book["t"]["A1"].comment.text


def test_a_workbook_is_the_same_each_time(package: Path) -> None:
    first = made(package, ExportFormat.XLSX).path.read_bytes()
    (package.parent / "out.xlsx").unlink()
    assert made(package, ExportFormat.XLSX).path.read_bytes() == first


def test_a_table_that_does_not_fit_into_excel_is_refused(
    tmp_path: Path,
) -> None:
    long = pl.DataFrame({"text": ["x" * (sheets.MOST_CHARACTERS + 1)]})
    with pytest.raises(BuildError, match="1 text in text of more than 32,767 characters"):
        export("xlsx", tmp_path / "x.xlsx", write_package(tmp_path / "1", {"a": (long, {})}))
    tall = pl.select(pl.int_range(xlsx.MOST_ROWS).alias("n"))
    with pytest.raises(BuildError, match="it has 1,048,576 rows"):
        export("xlsx", tmp_path / "x.xlsx", write_package(tmp_path / "2", {"a": (tall, {})}))
    wide = pl.DataFrame({f"c{at}": [1] for at in range(xlsx.MOST_COLUMNS + 1)})
    with pytest.raises(BuildError, match="16,385 fields"):
        export("xlsx", tmp_path / "x.xlsx", write_package(tmp_path / "3", {"a": (wide, {})}))
    assert not (tmp_path / "x.xlsx").exists()


def test_sheets_have_names_that_excel_takes(tmp_path: Path) -> None:
    names = ["a" * 40, "A" * 40, "x[y]z", "history", "fields"]
    tables: Tables = {name: (VISITS, {}) for name in names}
    done = export("xlsx", tmp_path / "x.xlsx", write_package(tmp_path / "p", tables))
    found = openpyxl.load_workbook(done.path).sheetnames[3:]
    assert found == ["a" * 31, "A" * 29 + "_2", "x_y_z", "history_2", "fields_2"]


def test_csv_files_are_a_data_package_and_formulas_are_reported(package: Path) -> None:
    done = made(package, ExportFormat.CSV)
    assert any("people.csv: 1 texts of name begin with =" in note for note in done.notes)
    assert "1+1" not in " ".join(done.notes)
    document = json.loads((done.path / "datapackage.json").read_text())
    assert [one["path"] for one in document["resources"]] == ["people.csv", "visits.csv"]
    visits = Package(str(done.path / "datapackage.json")).get_resource("visits")
    assert [row.to_dict()["number"] for row in visits.read_rows()] == ["1", "2"]


@pytest.mark.parametrize("form", [ExportFormat.SQLITE, ExportFormat.DUCKDB])
def test_a_table_that_breaks_its_contract_leaves_no_file_and_no_value(
    tmp_path: Path, form: ExportFormat
) -> None:
    people = pl.DataFrame({"name": ["secret", "secret"]})
    package = write_package(tmp_path / "p", {"people": (people, {"primaryKey": "name"})})
    with pytest.raises(BuildError, match="people breaks its contract") as caught:
        export(form, tmp_path / "out", package)
    assert "secret" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


@pytest.mark.parametrize("form", [ExportFormat.SQLITE, ExportFormat.DUCKDB])
def test_keys_in_circles_and_hostile_names_are_exported(tmp_path: Path, form: ExportFormat) -> None:
    evil = 'x"); DROP TABLE y; --'
    tables: Tables = {
        name: (
            pl.DataFrame({evil: [2, 1], "to": [1, 2]}),
            {
                "primaryKey": evil,
                "foreignKeys": [
                    {"fields": "to", "reference": {"resource": target, "fields": evil}}
                ],
            },
        )
        for name, target in (("a'b", "y"), ("y", "a'b"), ("self", ""))
    }
    done = export(form, tmp_path / "out", write_package(tmp_path / "p", tables))
    assert done.tables == {"self": 2, "a'b": 2, "y": 2}
    assert bool(done.notes) == (form is ExportFormat.DUCKDB)


def test_what_is_there_is_replaced_only_on_request(package: Path, tmp_path: Path) -> None:
    words = ["--to", "sqlite", "--out", str(tmp_path / "precious"), str(package)]
    (tmp_path / "precious").write_text("precious")
    done = CliRunner().invoke(command, words)
    assert isinstance(done.exception, ProjectError)
    assert (tmp_path / "precious").read_text() == "precious"
    done = CliRunner().invoke(command, [*words, "--force", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["tables"] == {"people": 2, "visits": 2}


@pytest.mark.parametrize("form", ExportFormat)
def test_what_is_not_an_export_is_never_replaced(
    package: Path, tmp_path: Path, form: ExportFormat
) -> None:
    folder, device = tmp_path / "deliveries", tmp_path / "device"
    folder.mkdir()
    (folder / "precious.csv").write_text("precious")
    device.symlink_to("/dev/null")
    for target in (folder, device):
        with pytest.raises(ProjectError, match=r"is a (folder|device)"):
            export(form, target, package, replace=True)
    assert (folder / "precious.csv").read_text() == "precious"
    assert device.is_char_device()


def test_a_folder_of_an_earlier_export_is_replaced(package: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    for _ in range(2):
        export("csv", target, package, replace=True)
    (target / "own.txt").write_text("precious")
    with pytest.raises(ProjectError, match="with other files than an export"):
        export("csv", target, package, replace=True)
    assert (target / "own.txt").read_text() == "precious"


def test_a_missing_library_is_named_with_what_to_install(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    monkeypatch.delitem(sys.modules, "data_package.engine.export.xlsx")
    with pytest.raises(ProjectError, match=r"needs the package 'xlsxwriter'.*\n.*\[xlsx\]"):
        export("xlsx", tmp_path / "x.xlsx", package)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (ExportFormat.SQLITE, sqlite3.OperationalError("database or disk is full")),
        (ExportFormat.DUCKDB, duckdb.IOException("Could not write: No space left on device")),
        (ExportFormat.XLSX, FileCreateError(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))),
        (ExportFormat.CSV, OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))),
    ],
)
def test_a_full_disk_is_reported_in_a_line_and_leaves_nothing_behind(
    package: Path, tmp_path: Path, form: ExportFormat, error: Exception
) -> None:
    def full(_: str) -> None:
        raise error

    target = tmp_path / "out" / "x"
    target.parent.mkdir()
    with pytest.raises(BuildError, match=f"{target} cannot be written: .*(space|quota)"):
        export(form, target, package, report=full)
    assert list(target.parent.iterdir()) == []


HOLD_ROWS = [one for one in ExportFormat if one not in ("markdown", "quarto")]


# xlsxwriter leaves files open that cannot be written to their end.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@needs_root
@pytest.mark.parametrize("form", HOLD_ROWS)
def test_a_full_disk_is_named_whatever_the_library_says(tmp_path: Path, form: ExportFormat) -> None:
    texts = pl.Series([f"{number * 7919:x}" * 9 for number in range(20_000)])
    package = write_package(tmp_path / "p", {"t": (texts.to_frame("text"), {})})
    with disk(tmp_path / "disk", "size=320k") as folder:
        with pytest.raises(BuildError) as answer:
            export(form, folder / "x", package)
        assert list(folder.iterdir()) == []
    assert f"The disk that holds {folder} is full.\nMake room on it" in str(answer.value)
    assert "cannot be read" not in str(answer.value)
    del answer
    gc.collect()


@pytest.mark.parametrize("form", list(ExportFormat))
def test_names_that_differ_in_case_only_are_reported_together_before_anything_is_written(
    tmp_path: Path, form: ExportFormat
) -> None:
    tables: Tables = {"Visits": (VISITS, {}), "visits": (pl.DataFrame({"ID": [1], "id": [2]}), {})}
    package = write_package(tmp_path / "p", tables)
    target = tmp_path / "out" / "x"
    target.parent.mkdir()
    heard: list[str] = []
    databases = (ExportFormat.SQLITE, ExportFormat.DUCKDB)
    if form in (*databases, ExportFormat.SAV, ExportFormat.XPT):
        with pytest.raises(BuildError) as answer:
            export(form, target, package, report=heard.append)
        assert ("the tables 'Visits' and 'visits'" in str(answer.value)) is (form in databases)
        assert "the fields 'ID' and 'id' of 'visits'" in str(answer.value)
        assert heard == []
        assert list(target.parent.iterdir()) == []
    elif form is ExportFormat.CSV:
        names = [path.name.lower() for path in export(form, target, package).path.iterdir()]
        assert len(names) == len(set(names)) == 3
    else:
        assert len(export(form, target, package).tables) == 2


@pytest.mark.parametrize("name", ["sqlite_master", "SQLITE_x", "", "a\0b"])
def test_a_name_that_sqlite_does_not_take_is_reported(tmp_path: Path, name: str) -> None:
    package = write_package(tmp_path / "p", {"a": (VISITS, {})})
    path = package / "datapackage.json"
    document = json.loads(path.read_text())
    document["resources"][0]["name"] = name
    path.write_text(json.dumps(document))
    with pytest.raises(BuildError, match="SQLite cannot hold the package, and nothing was written"):
        export("sqlite", tmp_path / "x", package)


def test_more_columns_than_sqlite_holds_are_counted(tmp_path: Path) -> None:
    frame = pl.DataFrame({f"a{at}": [1] for at in range(2_001)})
    package = write_package(tmp_path / "p", {"t": (frame, {})})
    with pytest.raises(BuildError, match="2,001 fields; SQLite holds 2,000"):
        export("sqlite", tmp_path / "x", package)
    assert export("duckdb", tmp_path / "y", package).tables == {"t": 1}


def test_nan_is_reported_where_there_is_none(tmp_path: Path) -> None:
    rules = {"required": True, "minimum": 0, "maximum": 9}
    fields = [{"name": "m", "type": "number", "constraints": rules}]
    frame = pl.DataFrame({"m": [1.0, float("nan")]})
    package = write_package(tmp_path / "p", {"t": (frame, {"fields": fields})})
    done = export("sqlite", tmp_path / "x.sqlite", package)
    assert done.notes == [
        "t: 1 value of m, NaN, which SQLite does not have: NULL there, and the field is not "
        "declared NOT NULL."
    ]
    done = export("duckdb", tmp_path / "x.duckdb", package)
    assert done.notes == []
    with duckdb.connect(str(done.path)) as base:
        assert base.execute("SELECT isnan(m) FROM t").fetchall() == [(False,), (True,)]


def test_types_that_parquet_does_not_have_are_kept_in_duckdb(tmp_path: Path) -> None:
    second = dt.timedelta(seconds=1)
    frame = pl.DataFrame(
        {
            "*": [1, 2],
            "^ns$": pl.Series([second, -second], dtype=pl.Duration("ns")),
            "us": pl.Series([second, None], dtype=pl.Duration("us")),
            "ms": pl.Series([second, None], dtype=pl.Duration("ms")),
            "huge": pl.Series([2**100, None], dtype=pl.Int128),
            "half": pl.Series([float("inf"), 0.5], dtype=pl.Float32),
            "nothing": pl.Series([None, None], dtype=pl.Null),
        }
    )
    package = write_package(tmp_path / "p", {"t": (frame, {})})
    done = export("duckdb", tmp_path / "x", package)
    assert done.notes == []
    with duckdb.connect(str(done.path)) as base:
        kinds = {row[0]: row[1] for row in base.execute("DESCRIBE t").fetchall()}
        assert [kinds[name] for name in ("^ns$", "us", "ms")] == ["INTERVAL"] * 3
        assert kinds["huge"] == "HUGEINT"
        assert base.execute("SELECT * FROM t").fetchall() == frame.rows()
    for form in (ExportFormat.SQLITE, ExportFormat.XLSX, ExportFormat.CSV):
        assert export(form, tmp_path / f"y.{form}", package).tables == {"t": 2}
    lines = (tmp_path / "y.csv" / "t.csv").read_text().splitlines()
    assert lines[1] == f"1,PT1S,PT1S,PT1S,{2**100},INF,"


def test_an_export_is_replaced_whole(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    export("csv", target, package)
    before = sorted(path.name for path in target.iterdir())
    seen: list[list[str]] = []

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if looking and event in ("os.rename", "os.remove", "os.rmdir", "shutil.rmtree"):
            seen.append(sorted(path.name for path in target.iterdir()))

    looking = True
    sys.addaudithook(look)
    try:
        export("csv", target, package, replace=True)
    finally:
        looking = False
    assert seen
    assert all(names == before for names in seen)


def test_leftovers_of_a_killed_export_are_swept_by_the_next(package: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = tmp_path / f".out.{gone.pid}.0a1b2c3d.tmp"
    (left / "new").mkdir(parents=True)
    (left / "new" / "rows.csv").write_text("rows")
    other = tmp_path / f".precious.{gone.pid}.0a1b2c3d.tmp"
    other.mkdir()
    export("csv", target, package)
    assert not left.exists()
    assert other.exists()


def test_dates_that_python_does_not_have_are_text_in_a_workbook(tmp_path: Path) -> None:
    days = pl.Series([-(10**7), 0, None], dtype=pl.Int32).cast(pl.Date)
    moments = pl.Series([9 * 10**17, 0, None], dtype=pl.Int64).cast(pl.Datetime("us"))
    frame = pl.DataFrame({"day": days, "at": moments, "fine": [dt.date(2020, 1, 2)] * 3})
    package = write_package(tmp_path / "far", {"t": (frame, {})})
    done = export(ExportFormat.XLSX, tmp_path / "out.xlsx", package)
    assert [note.partition(",")[0] for note in done.notes] == [
        "t: 1 value of day",
        "t: 1 value of at",
    ]
    rows = list(openpyxl.load_workbook(tmp_path / "out.xlsx")["t"].iter_rows(values_only=True))
    assert rows[1][0] == "-25410-12-06"
    assert str(rows[1][1]).startswith("+30489-11-11")
    assert rows[2][:2] == ("1970-01-01", "1970-01-01 00:00:00.000000")
    assert rows[1][2] == dt.datetime.fromisoformat("2020-01-02")
