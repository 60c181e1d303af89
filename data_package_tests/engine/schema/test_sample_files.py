"""Files that other programs wrote, from file to contract to typed rows, beside other readers.

`.ci/samples` fetches the samples of R's packages haven 2.5.1, foreign 0.8.84 and readxl 1.4.2, and
SheetJS, which writes workbooks. In CI they must be there.
"""

import datetime as dt
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pyreadstat
import pytest
import xlrd

from data_package.engine.schema import infer_file, parts_of, read
from data_package_tests.conftest import Make

pytestmark = pytest.mark.slow

HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "data-package-samples"
R = HOME / "usr" / "lib" / "R"
HAVEN, READXL = R / "site-library" / "haven" / "examples", R / "site-library" / "readxl" / "extdata"
FOREIGN = R / "library" / "foreign" / "files"
READERS = {
    ".sav": pyreadstat.read_sav,
    ".dta": pyreadstat.read_dta,
    ".sas7bdat": pyreadstat.read_sas7bdat,
}
STATISTICAL = [
    HAVEN / "iris.dta",
    HAVEN / "iris.sas7bdat",
    HAVEN / "iris.sav",
    FOREIGN / "electric.sav",
    FOREIGN / "testdata.sav",
]
# The sheets with a dialect of their own: titles above the header and a footer, an empty corner.
DIALECTS: dict[str, dict[str, Any]] = {
    "deaths": {"headerRows": [5], "footerRows": 4},
    "geometry": {"headerRows": [4]},
    "two-row-header": {"headerRows": [1], "commentRows": [2]},
}
WORKBOOKS = ["clippy", "datasets", "deaths", "geometry", "type-me"]
LEGACY = ["iris", "type-me"]


@pytest.fixture(scope="module", autouse=True)
def samples() -> None:
    if not (HOME / "complete").exists():
        assert not os.environ.get("CI"), "`.ci/samples` has not fetched the sample files"
        pytest.skip("`.ci/samples` fetches the sample files")


def plain(value: object) -> str | None:
    """A value as text, alike from every reader."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    # In a column of texts, a day among date-times is written as one.
    return str(value).removesuffix("T00:00:00")


@pytest.mark.parametrize("path", STATISTICAL, ids=lambda path: path.name)
def test_a_statistical_file_has_the_values_that_pyreadstat_reads(path: Path) -> None:
    inference = infer_file(path)
    ours = read(path, {"fields": inference.fields}, bad="stop").frame.collect()
    theirs, known = READERS[path.suffix](path, output_format="polars")
    assert ours.columns == theirs.columns
    for name in ours.columns:
        assert [*map(plain, ours[name])] == [
            None if value != value else plain(value) for value in theirs[name]
        ], name
    titles = {str(one["name"]): one["title"] for one in inference.fields}
    for name, title in known.column_names_to_labels.items():
        assert titles[name] == " ".join((title or "").split())


def sheet_by_xlrd(path: Path, name: str) -> list[list[object]]:
    """The cells of a sheet, as xlrd reads them from a workbook of the old kind."""
    book = xlrd.open_workbook(path)
    sheet = book.sheet_by_name(name)

    def value(cell: Any) -> object:
        if cell.ctype == xlrd.XL_CELL_DATE:
            return xlrd.xldate_as_datetime(cell.value, book.datemode)
        if cell.ctype == xlrd.XL_CELL_BOOLEAN:
            return bool(cell.value)
        return xlrd.error_text_from_code[cell.value] if cell.ctype == 5 else cell.value

    return [[value(cell) for cell in row] for row in sheet.get_rows()]


def sheets() -> Iterator[Any]:
    for stem in WORKBOOKS:
        for suffix in (".xls", ".xlsx"):
            yield pytest.param(READXL / f"{stem}{suffix}", id=f"{stem}{suffix}")


@pytest.mark.parametrize("path", list(sheets()))
def test_a_workbook_has_the_values_that_another_reader_reads(path: Path) -> None:
    # Both workbooks of a name have the same cells; xlrd reads the old one.
    for part in parts_of(path).dialects:
        name = (
            part.get("sheetName") or xlrd.open_workbook(path.with_suffix(".xls")).sheet_names()[0]
        )
        found = DIALECTS.get(path.stem) or DIALECTS.get(str(name), {})
        dialect = {**part, **found}
        inference = infer_file(path, dialect=dialect)
        frame = read(
            path, {"fields": inference.fields}, dialect=dialect, bad="stop"
        ).frame.collect()
        cells = sheet_by_xlrd(path.with_suffix(".xls"), str(name))
        header = found.get("headerRows", [1])[0]
        skipped = header + len(found.get("commentRows", ()))
        rows = cells[skipped : len(cells) - found.get("footerRows", 0)]
        filled = [i for i in range(len(cells[header - 1])) if any(plain(row[i]) for row in rows)]
        theirs = [[plain(row[i]) for i in filled] for row in rows]
        ours = [[*map(plain, row)] for row in frame.rows()]
        assert ours == theirs, name
        if path.suffix == ".xlsx" and path.stem != "datasets":
            sheet = openpyxl.load_workbook(path, data_only=True)[str(name)]
            again = [[*map(plain, row)] for row in sheet.iter_rows(values_only=True)][skipped:]
            again = [row[len(row) - len(sheet[1]) :] for row in again]
            shown = [[cell for cell in row if cell is not None] for row in again[: len(ours)]]
            assert shown == [[cell for cell in row if cell is not None] for row in ours], name


SCRIPT = """
const XLSX = require(process.argv[2]);
const sheet = XLSX.utils.aoa_to_sheet(JSON.parse(process.argv[3]));
const book = XLSX.utils.book_new();
XLSX.utils.book_append_sheet(book, sheet, "Visits");
for (const name of process.argv.slice(4)) XLSX.writeFile(book, name);
"""


def test_workbooks_that_sheetjs_writes_have_its_values(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["id", "word", "kg", "ok", "large"],
        [1, "é & <b>", 0.1, True, 123456789012345],
        [2, None, -1e-7, False, 0],
        [3, " x ", 1 / 3, None, -5],
        [4, "=1+1", 1e15, True, 2**53],
    ]
    names = [str(tmp_path / f"t{suffix}") for suffix in (".xls", ".ods", ".xlsx")]
    script = tmp_path / "write.cjs"
    script.write_text(SCRIPT)
    library = HOME / "node_modules" / "xlsx"
    subprocess.run(["node", script, library, json.dumps(rows), *names], check=True)
    for name in names:
        inference = infer_file(Path(name))
        frame = read(Path(name), {"fields": inference.fields}, bad="stop").frame.collect()
        assert frame.columns == rows[0]
        assert [*map(list, frame.rows())] == rows[1:], name


def test_labels_of_a_sample_are_in_the_data_dictionary(study: Make) -> None:
    made = study(
        {
            "tables.py": """\
                import dagster as dg
                import polars as pl
                from data_package import source_file

                electric_file = source_file("electric_file", "deliveries/electric.sav")

                @dg.asset(group_name="final")
                def electric(electric_file: pl.LazyFrame) -> pl.LazyFrame:
                    \"\"\"Men who were followed for heart disease.\"\"\"
                    return electric_file
                """,
            "/deliveries/.keep": "",
        }
    )
    shutil.copy(FOREIGN / "electric.sav", made.root / "deliveries")
    described = made.verb("describe", "electric_file", "--write")
    assert described.returncode == 0, described.stderr
    contract = made.root / made.package / "electric_file.yaml"
    shutil.copy(contract, contract.with_name("electric.yaml"))
    result = made.build()
    assert result.ok, result.explain()
    dictionary = (made.storage / "package" / "codebook.csv").read_text()
    assert "FIRST CHD EVENT" in dictionary
    assert "NONFATALMI" in dictionary
