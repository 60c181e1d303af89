"""SPSS, Stata and SAS transport files: read again by contract and by pyreadstat to equal values."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyreadstat
import pytest

from data_package.engine.errors import BuildError
from data_package.engine.export import Exported, export
from data_package.engine.schema import read
from data_package_tests.engine.versions.packages import write_package

READERS = {
    "sav": pyreadstat.read_sav,
    "dta": pyreadstat.read_dta,
    "xpt": pyreadstat.read_xport,
}
AT = dt.datetime.fromisoformat("1950-06-01T03:04:05")
PEOPLE = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "site": ["é site", None, "  b"],
        "sex": pl.Series([1, 2, None], dtype=pl.Int8),
        "arm": pl.Series(["A", "B", None], dtype=pl.Enum(["A", "B"])),
        "kg": [50.25, -0.1, None],
        "small": pl.Series([1.1, None, 3.0], dtype=pl.Float32),
        "large": [2**53, -(2**31) - 9, None],
        "well": [True, False, None],
        "born": [dt.date(1850, 1, 2), dt.date(1590, 3, 4), None],
        "at": [AT, dt.datetime.fromisoformat("2020-01-02T00:00:00"), None],
        "clock": [dt.time(1, 2, 3), dt.time(23, 59, 59), None],
        "tags": [["a", "b"], [], None],
        "price": pl.Series([Decimal("1.50"), Decimal("-2.25"), None], dtype=pl.Decimal(10, 2)),
        "none": pl.Series([None] * 3, dtype=pl.Null),
    }
)
FIELDS: list[dict[str, Any]] = [
    {"name": "id", "type": "integer", "title": "Number"},
    {"name": "site", "type": "string", "title": "A title of more than 80 characters " + "x" * 99},
    {
        "name": "sex",
        "type": "integer",
        "categories": [{"value": 1, "label": "male"}, {"value": 2, "label": "female"}],
    },
    {"name": "arm", "type": "string", "categories": [{"value": "A", "label": "active"}, "B"]},
    *({"name": name, "type": "number"} for name in ("kg", "small")),
    {"name": "large", "type": "integer"},
    {"name": "well", "type": "boolean"},
    {"name": "born", "type": "date"},
    {"name": "at", "type": "datetime"},
    {"name": "clock", "type": "time"},
    {"name": "tags", "type": "array"},
    {"name": "price", "type": "number"},
    {"name": "none", "type": "any"},
]


def exported(folder: Path, to: str, frame: pl.DataFrame, fields: list[dict[str, Any]]) -> Exported:
    package = write_package(folder / "package", {"people": (frame, {"fields": fields})})
    return export(to, folder / "out", package)


@pytest.mark.parametrize("to", READERS)
def test_values_titles_and_labels_are_read_again(tmp_path: Path, to: str) -> None:
    done = exported(tmp_path, to, PEOPLE, FIELDS)
    assert done.tables == {"people": 3}
    path = done.path / f"people.{to}"
    assert path.stat().st_mode & 0o777 == 0o600
    resource = json.loads((done.path / "datapackage.json").read_text())["resources"][0]
    assert (resource["path"], resource["format"]) == (path.name, to)

    ours = read(path, {"schema": resource["schema"]}, bad="stop").frame.collect()
    expected = PEOPLE.with_columns(tags=pl.Series(['["a","b"]', "[]", None]))
    for name in PEOPLE.columns:
        wanted = expected[name].cast(pl.Float64) if name == "price" else expected[name]
        assert ours[name].cast(wanted.dtype, strict=False).to_list() == wanted.to_list(), name

    theirs, known = READERS[to](path, output_format="polars")
    for name in ("id", "sex", "kg", "small", "large", "born", "at", "clock"):
        assert theirs[name].to_list() == PEOPLE[name].to_list(), name
    assert theirs["well"].to_list() == [1, 0, None]
    assert theirs["arm"].to_list() == ["A", "B", ""]
    assert known.column_names_to_labels["id"] == "Number"
    labels = known.variable_value_labels
    whole = {
        "sav": {
            "sex": {1: "male", 2: "female"},
            "arm": {"A": "active"},
            "well": {0: "false", 1: "true"},
        },
        "dta": {"sex": {1: "male", 2: "female"}, "well": {0: "false", 1: "true"}},
        "xpt": {},
    }
    assert labels == whole[to]
    title = known.column_names_to_labels["site"]
    assert FIELDS[1]["title"].startswith(title)
    assert len(title) == {"sav": 134, "dta": 80, "xpt": 134}[to]
    notes = "\n".join(done.notes)
    assert "people: written as text: tags." in notes
    assert ("1 title cut to the 80" in notes) is (to == "dta")
    assert ("labels of values are in datapackage.json only: arm" in notes) is (to == "dta")
    assert ("labels of values are in datapackage.json only: sex, arm" in notes) is (to == "xpt")


@pytest.mark.parametrize("to", READERS)
def test_values_that_a_format_cannot_hold_are_counted_and_the_rest_is_right(
    tmp_path: Path, to: str
) -> None:
    zone = pl.Datetime("us", "UTC")
    frame = pl.DataFrame(
        {
            "kg": [float("nan"), float("-inf"), 1.5],
            "huge": [1e308, 1e-300, 0.0],
            "key": [2**53 + 1, 1, None],
            "day": [dt.date(99, 1, 1), dt.date(2020, 1, 1), None],
            "past": pl.Series([4_000_000, 0, None], dtype=pl.Int32).cast(pl.Date),
            "at": [AT + dt.timedelta(microseconds=7), AT, None],
            "zone": pl.Series([AT, None, None]).dt.replace_time_zone("UTC").cast(zone),
            "word": ["", "a ", " "],
            "cost": pl.Series(["12345678901234567890.5", "1.5", None]).cast(pl.Decimal(30, 2)),
        }
    )
    kinds = ("number", "number", "integer", "date", "string", "datetime", "datetime", "string")
    fields = [
        {"name": name, "type": kind}
        for name, kind in zip(frame.columns, (*kinds, "number"), strict=True)
    ]
    done = exported(tmp_path, to, frame, fields)
    notes = "\n".join(done.notes)
    assert "2 values of kg, NaN, infinite or out of bounds" in notes
    lost = {"sav": "", "dta": "1 value of huge", "xpt": "2 values of huge"}[to]
    assert (lost or "values of huge") in notes if lost else "of huge" not in notes
    assert "1 value of key, beyond 2^53" in notes
    assert "1 value of day, before" in notes
    assert "1 value of past, before" in notes
    assert ("1 value of at, with fractions of a second" in notes) is (to != "xpt")
    assert "1 text of word, empty" in notes
    assert "1 text of word, with blanks at the end" in notes
    assert "1 value of cost, with more digits" in notes
    assert "written as text: key, day, past, zone, cost." in notes
    ours = read(done.path / f"people.{to}", {"fields": fields}, bad="stop").frame.collect()
    assert ours["kg"].to_list() == [None, None, 1.5]
    assert ours["key"].to_list() == frame["key"].to_list()
    assert ours["day"].to_list() == frame["day"].to_list()
    assert ours["past"][0].startswith("+12921-")
    assert ours["zone"][0] == AT
    # Stata ends a text with NUL bytes, the others fill it up with blanks.
    assert ours["word"].to_list() == ([None, "a ", " "] if to == "dta" else [None, "a", None])
    assert ours["at"][0] == (AT + dt.timedelta(microseconds=7) if to == "xpt" else AT)


@pytest.mark.parametrize(
    ("to", "names", "words"),
    [
        ("sav", ["Kg", "kg"], "'Kg' and 'kg' of 'people': their names differ in case only"),
        ("sav", ["é" * 33], "has more than 64 bytes"),
        ("sav", ["with"], "SPSS reserves the name"),
        ("sav", ["a b"], "'a b' of 'people' is not a name in SPSS"),
        ("sav", ["_a"], "is not a name in SPSS"),
        ("sav", ["a."], "is not a name in SPSS"),
        ("sav", [f"v{i}" for i in range(32_768)], "32,768 fields; SPSS holds 32,767"),
        ("dta", ["a" * 33], "has more than 32 characters"),
        ("dta", ["str9"], "Stata reserves the name"),
        ("dta", ["a.b"], "is not a name in Stata"),
        ("xpt", ["A", "a"], "differ in case only"),
        ("xpt", ["é"], "is not a name in SAS"),
        ("xpt", ["a" * 33], "has more than 32 bytes"),
        ("xpt", [], "it has no fields"),
    ],
)
def test_names_that_a_program_does_not_have_are_refused_before_anything_is_written(
    tmp_path: Path, to: str, names: list[str], words: str
) -> None:
    frame = pl.DataFrame({name: pl.Series([1.5]) for name in names})
    with pytest.raises(BuildError, match="nothing was written") as refused:
        exported(tmp_path, to, frame, [{"name": name} for name in names])
    assert words in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


@pytest.mark.parametrize("to", ["sav", "dta", "xpt"])
def test_names_at_the_limits_are_kept(tmp_path: Path, to: str) -> None:
    names = {
        "sav": ["é" * 32, "a.b$c", "byte"],
        "dta": ["é" * 32, "_a", "to", "A", "a"],
        "xpt": ["a" * 32, "_b1", "with"],
    }[to]
    frame = pl.DataFrame({name: [1.5, 2.5] for name in names})
    done = exported(tmp_path, to, frame, [{"name": name, "type": "number"} for name in names])
    assert READERS[to](done.path / f"people.{to}", output_format="polars")[0].equals(frame)


@pytest.mark.parametrize(
    ("to", "texts", "words"),
    [
        ("sav", ["x" * 32_768, "a"], "1 text of s, longer than the 32,767 bytes"),
        ("xpt", ["x" * 32_768, "a"], "1 text of s, longer than the 32,767 bytes"),
        ("dta", ["a\0b", "a"], "1 text of s, with the character NUL"),
        ("xpt", ["a", None, ""], "its last 2 rows are empty"),
    ],
)
def test_texts_that_would_not_be_whole_are_refused(
    tmp_path: Path, to: str, texts: list[str | None], words: str
) -> None:
    with pytest.raises(BuildError) as refused:
        exported(tmp_path, to, pl.DataFrame({"s": texts}), [{"name": "s", "type": "string"}])
    assert words in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


@pytest.mark.parametrize(("to", "length"), [("sav", 32_767), ("dta", 5_000), ("xpt", 32_767)])
def test_long_texts_are_kept(tmp_path: Path, to: str, length: int) -> None:
    fields = [{"name": "s", "type": "string"}, {"name": "n", "type": "integer"}]
    frame = pl.DataFrame({"s": ["x" * length, "y"], "n": [1, 2]})
    path = exported(tmp_path, to, frame, fields).path / f"people.{to}"
    assert read(path, {"fields": fields}).frame.collect().equals(frame)
    assert READERS[to](path, output_format="polars")[0]["s"].equals(frame["s"])


def test_a_transport_file_is_of_version_5_where_the_table_fits(tmp_path: Path) -> None:
    frame = pl.DataFrame({"kg": [1.5]})
    for name, column in (("five", "weight"), ("eight", "weight_kg")):
        done = exported(tmp_path / name, "xpt", frame.rename({"kg": column}), [{"name": column}])
        start = (done.path / "people.xpt").read_bytes()[:80]
        assert (b"LIBV8" in start) is (name == "eight")


@pytest.mark.parametrize("to", READERS)
def test_a_table_without_rows_has_its_columns(tmp_path: Path, to: str) -> None:
    fields = [{"name": "n", "type": "integer"}, {"name": "s", "type": "string"}]
    done = exported(tmp_path, to, pl.DataFrame(schema={"n": pl.Int64, "s": pl.String}), fields)
    theirs = READERS[to](done.path / f"people.{to}", output_format="polars")[0]
    assert (theirs.columns, theirs.height) == (["n", "s"], 0)


def reasons(count: int) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """A table in which numbers are missing for so many reasons."""
    words = [f"reason {i:02}" for i in range(count)]
    rows = count + 3
    nulls = [None] * (count + 1)
    frame = pl.DataFrame(
        {
            "score": [4, 2**40, *nulls],
            "kg": [-7.5, 1.25, *nulls],
            "why": [None, None, *words, None],
        }
    )
    assert frame.height == rows
    fields: list[dict[str, Any]] = [
        {
            "name": "score",
            "type": "integer",
            "missingReason": "why",
            "categories": [{"value": 4, "label": "four"}, {"value": 2**40}],
        },
        {"name": "kg", "type": "number", "missingReason": "why"},
        {"name": "why", "type": "string", "categories": words[::-1]},
    ]
    return frame, fields


@pytest.mark.parametrize(("to", "count"), [("sav", 1), ("sav", 26), ("dta", 26)])
def test_reasons_for_missing_numbers_are_missing_values_with_labels(
    tmp_path: Path, to: str, count: int
) -> None:
    frame, fields = reasons(count)
    done = exported(tmp_path, to, frame, fields)
    path = done.path / f"people.{to}"
    plain = READERS[to](path, output_format="polars")[0]
    assert plain["score"].to_list() == frame["score"].to_list()
    assert plain["kg"].to_list() == frame["kg"].to_list()
    kept, known = READERS[to](path, user_missing=True, output_format="pandas")
    for name in ("score", "kg"):
        labels = known.variable_value_labels.get(name, {})
        read_again = [labels.get(value) for value in kept[name]]
        four = "four" if name == "score" else None
        assert read_again == [four, None, *(f"reason {i:02}" for i in range(count)), None]
    assert read(path, {"fields": fields}).frame.collect().equals(frame)
    only = [{"name": "kg", "type": "number", "missingReason": "kg_why"}]
    again = read(path, {"fields": only, "fieldsMatch": "subset"}).frame.collect()
    assert again["kg_why"].to_list() == frame["why"].to_list()


def test_more_reasons_than_stata_has_letters_are_in_the_second_field_only(tmp_path: Path) -> None:
    frame, fields = reasons(27)
    path = exported(tmp_path, "dta", frame, fields).path / "people.dta"
    assert read(path, {"fields": fields}).frame.collect().equals(frame)
