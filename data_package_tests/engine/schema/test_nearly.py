"""Notes on columns that a few values keep text, and on last rows that may be a footer."""

from pathlib import Path

import pytest

from data_package.engine.schema import infer_file

DAYS = [f"{1 + i % 28:02d}-03-2021" for i in range(40)]
WEIGHTS = [f"{50 + i},5" for i in range(40)]


def notes(folder: Path, *columns: list[str], below: str = "") -> str:
    header = ";".join(f"column_{letter}" for letter, _ in zip("abcdefgh", columns, strict=False))
    lines = [header, *map(";".join, zip(*columns, strict=True))]
    path = folder / "delivered.csv"
    path.write_text("\n".join(lines) + "\n" + below)
    return "\n".join(infer_file(path).notes)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            [*WEIGHTS[:-2], "unbekannt", "<3"],
            "column_b (38 of 40 are of type number, decimalChar ',')",
        ),
        ([*DAYS[:-1], "im Mai"], "column_b (39 of 40 are of type date, format '%d-%m-%Y')"),
        ([*map(str, range(39)), "zwölf"], "column_b (39 of 40 are of type integer)"),
        ([*map(str, range(10, 42)), *["x1"] * 8], "column_b (32 of 40 are of type integer)"),
    ],
)
def test_a_column_that_a_few_values_keep_text_is_noted_with_counts(
    tmp_path: Path, values: list[str], expected: str
) -> None:
    found = notes(tmp_path, [f"P{i}" for i in range(40)], values)
    assert f"Text because of a few values: {expected}. Write" in found
    assert not any(value in found for value in values if not value.isdigit())


@pytest.mark.parametrize(
    "values",
    [
        WEIGHTS,
        [f"Bed {i}" for i in range(40)],
        [*map(str, range(20)), *["many"] * 20],
        [*map(str, range(39)), "NA"],
        [f"{i:06d}" for i in range(40)],
        [""] * 40,
    ],
)
def test_other_columns_have_no_note_of_it(tmp_path: Path, values: list[str]) -> None:
    assert "a few values" not in notes(tmp_path, [f"P{i}" for i in range(40)], values)


def test_only_some_columns_are_named(tmp_path: Path) -> None:
    nearly = [*map(str, range(39)), "?!"]
    found = notes(tmp_path, *[nearly] * 8)
    assert "column_e (39 of 40 are of type integer) and 3 more. Write" in found


def test_a_last_row_of_fewer_values_may_be_a_footer(tmp_path: Path) -> None:
    full = [[f"P{i}" for i in range(40)], *[["yes", "no"] * 20] * 4]
    footer = "if it is a footer, leave it out with footerRows: {} in the dialect"
    assert footer.format(1) in notes(tmp_path, *full, below="40 rows;;;;\n")
    assert footer.format(2) in notes(tmp_path, *full, below="40 rows;;;;\nof March;;;;\n")
    assert "footer" not in notes(tmp_path, *full, below="P41;yes;yes;;\n")
    assert "footer" not in notes(tmp_path, *full)
    assert "footer" not in notes(tmp_path, full[0], *[["yes", *[""] * 39]] * 4)
