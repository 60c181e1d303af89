"""The report for a sender: counts, rows and rules; cells only where they are asked for."""

import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

import openpyxl
import pytest

from data_package.engine.project import find_project
from data_package.engine.schema import Contract
from data_package.engine.sender.page import page_of
from data_package.engine.sender.report import SenderReport, report_of
from data_package.engine.sender.workbook import write_workbook
from data_package.engine.sources.delivered import Delivered
from data_package.engine.sources.files import Bad, RawFile
from data_package_tests.conftest import Make

CONTRACT = {
    "fields": [
        {"name": "id", "type": "integer"},
        {"name": "day", "title": "Day of the <visit>", "type": "date"},
        {"name": "note", "type": "string", "constraints": {"maxLength": 30}},
        {"name": "weight", "type": "number", "constraints": {"maximum": 300}},
    ],
    "primaryKey": ["id"],
}
HEAD = "id,day,note,weight\n"
EVIL = "=cmd|' /C calc'!A0<script>alert(1)</script>{{7*7}}\u202eabc"
FIRST = HEAD + f'1,2024-01-02,a,60\n2,02.01.2024,"{EVIL}",999\n3,2024-01-04,,\n'
SECOND = HEAD + "2,2024-01-02,a,61\n4,2024-01-05,b,6x\n5,2024-01-06\n"


def report(
    folder: Path, files: Mapping[str, str], *, values: bool = False, bad: Bad = "reject"
) -> SenderReport:
    (folder / "pyproject.toml").write_text('[tool.data-package]\npackage = "study"\n')
    (folder / "study").mkdir(exist_ok=True)
    (folder / "study" / "__init__.py").touch()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    file = RawFile(
        "visits", ("v*.csv",), bad=bad, worst=1, newest_per=("id",), order=r"v(?P<number>\d+)"
    )
    contract = Contract.from_descriptor(CONTRACT, name="visits")
    delivered = Delivered(find_project(folder), {"visits": file}, {"visits": contract})
    return report_of(delivered, "visits", [folder / name for name in files], values=values)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> SenderReport:
    return report(tmp_path_factory.mktemp("plain"), {"v1.csv": FIRST, "v2.csv": SECOND})


@pytest.fixture(scope="module")
def with_values(tmp_path_factory: pytest.TempPathFactory) -> SenderReport:
    files = {"v1.csv": FIRST, "v2.csv": SECOND}
    return report(tmp_path_factory.mktemp("values"), files, values=True)


def test_each_delivery_is_reported_by_field_rule_count_and_rows(plain: SenderReport) -> None:
    assert plain.render().splitlines() == [
        "v1.csv: 3 rows, 1 with errors, 1 left out",
        "  day: not a value of type date (type), 1: row 3",
        "  note: longer than 30 (maxLength), 1: row 3",
        "  weight: above the maximum 300 (maximum), 1: row 3",
        "v2.csv: 3 rows, 2 with errors, 2 left out",
        "  note: a row that ends before it (missing-cell), 1: row 4",
        "  weight: a row that ends before it (missing-cell), 1: row 4",
        "  weight: not a value of type number (type), 1: row 3",
        "  id: a row that may replace any earlier one: its key cannot be read (newest_per), 1: "
        "row 4",
        "  1 in the place of an earlier row: row 2",
        "  2 of the delivery before without its key in this one: rows 2, 4",
    ]
    assert plain.errors == 7


def test_no_cell_is_in_a_report_that_is_not_asked_for_cells(
    plain: SenderReport, tmp_path: Path
) -> None:
    write_workbook(plain, tmp_path / "r.xlsx")
    with zipfile.ZipFile(tmp_path / "r.xlsx") as book:
        texts = [book.read(name).decode() for name in book.namelist()]
    for text in (plain.render(), page_of(plain), repr(plain.to_dict()), *texts):
        for cell in ("C calc", "02.01.2024", "999", "6x"):
            assert cell not in text


def test_cells_are_as_they_were_delivered_with_the_key_of_their_row(
    with_values: SenderReport,
) -> None:
    found = {
        (file.file, fault.field, fault.rule): (row.row, row.key, row.value)
        for file, fault, row in with_values.listed()
    }
    assert found == {
        ("v1.csv", "day", "type"): (3, ("2",), "02.01.2024"),
        ("v1.csv", "note", "maxLength"): (3, ("2",), EVIL),
        ("v1.csv", "weight", "maximum"): (3, ("2",), "999"),
        ("v2.csv", "id", "newest_per"): (4, ("5",), "5"),
        ("v2.csv", "note", "missing-cell"): (4, ("5",), None),
        ("v2.csv", "weight", "missing-cell"): (4, ("5",), None),
        ("v2.csv", "weight", "type"): (3, ("4",), "6x"),
    }
    assert "calc" not in with_values.render()


def test_nothing_in_a_page_is_markup_or_turns_the_direction(with_values: SenderReport) -> None:
    text = page_of(with_values)
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text
    assert "Day of the &lt;visit&gt;" in text
    assert "{{7*7}}" in text
    assert "\u202e" not in text
    assert "default-src &#39;none&#39;" in text


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@a", "\t=1", EVIL, "http://a.b", "x" * 40_000]
)
def test_nothing_in_a_workbook_is_a_formula_or_a_link(tmp_path: Path, cell: str) -> None:
    made = report(tmp_path, {"v1.csv": HEAD + f'1,"{cell}",,\n'}, values=True)
    write_workbook(made, tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    assert book.sheetnames == ["files", "errors", "rows"]
    header, row = book["rows"].iter_rows()
    assert [each.value for each in header][-2:] == ["cell", "id"]
    assert row[5].data_type == "s"
    assert row[5].hyperlink is None
    if len(cell) < 100:
        assert row[5].value == cell
    assert [row[1].value, row[6].value] == [2, "1"]


def test_of_a_kind_a_thousand_rows_are_listed_and_all_are_counted(tmp_path: Path) -> None:
    rows = "".join(f"{i},x,,\n" for i in range(2_500))
    made = report(tmp_path, {"v1.csv": HEAD + rows}, bad="null")
    ((fault,),) = (file.faults for file in made.files)
    assert (fault.count, len(fault.rows)) == (2_500, 1_000)
    assert made.files[0].rows_with_errors == 2_500
    assert "2,500" in page_of(made)


def test_a_file_that_is_not_as_agreed_has_no_rows(tmp_path: Path) -> None:
    made = report(tmp_path, {"v1.csv": "a,b\n1,2\n"}, values=True)
    assert made.files[0].errors
    assert not list(made.listed())
    assert "fieldsMatch" in page_of(made)


def test_the_command_writes_private_files_and_no_file_of_the_package(study: Make) -> None:
    made = study(
        {
            "raw/__init__.py": "",
            "raw/visits.py": """
                import dagster as dg
                import polars as pl
                from data_package import source_file

                visits_file = source_file("visits_file", "visits.csv")
                notes_file = source_file("notes_file", "notes.csv")

                @dg.asset
                def visits(visits_file: pl.LazyFrame) -> pl.LazyFrame:
                    return visits_file
                """,
            "raw/visits_file.yaml": "fields: [{name: id, type: integer}]",
            "/visits.csv": "id\n1\nSecret\n",
            "/notes.csv": "id\n1\n",
        }
    )
    answer = made.verb("report", "visits_file")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.splitlines() == [
        "visits.csv: 2 rows, 1 with errors, 0 left out",
        "  id: not a value of type integer (type), 1: row 3",
    ]
    assert '"rows_with_errors": 1' in made.verb("report", "visits_file", "--json").stdout
    done = made.verb("report", "visits_file", "--values", "--output", "to send.html")
    assert done.stdout == "1 error: to send.html\n"
    page = made.root / "to send.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "Secret" in page.read_text()
    for words, what in (
        (["nobody"], "There is no raw file 'nobody'"),
        (["notes_file"], "has no contract"),
        (["visits_file", "-o", "to send.html"], "exists already"),
        (["visits_file", "-o", "visits.csv"], "name it visits.html"),
        (["visits_file", "--values"], "--values needs --output"),
        (["visits_file", "-o", "storage/package/r.html"], "is published"),
        (["visits_file", "-o", "none/r.html"], "There is no folder"),
    ):
        refused = made.verb("report", *words)
        assert refused.returncode == 2
        assert what in refused.stderr
