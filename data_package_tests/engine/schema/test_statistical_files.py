"""Files of SPSS, SAS and Stata by contract: pyreadstat writes them and is the other opinion."""

import datetime as dt
import io
import random
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyreadstat
import pytest

from data_package.engine.schema import (
    BadDataError,
    CheckError,
    check_file,
    infer_file,
    offending_rows,
    read,
)
from data_package.engine.schema.contract import Contract
from data_package.engine.schema.formats.clock_columns import in_numbers_of_sas

NONE = float("nan")
PERSONS = pd.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "sex": [1.0, 2.0, 1.0, 9.0],
        "kg": [50.5, NONE, -99.0, 98.0],
        "word": ["a", "bb", "", "c"],
        "day": [dt.date(2020, 1, 1), None, dt.date(2021, 5, 6), dt.date(1890, 1, 1)],
        "at": pd.to_datetime(
            ["2020-01-01 10:11:12", None, "2021-01-01 00:00:00", "1960-01-01 00:00:00"]
        ).astype("datetime64[us]"),
        "clock": [dt.time(1, 2, 3), None, dt.time(0, 0, 0), dt.time(23, 59, 59)],
    }
)
TITLES = ["Number", "Sex", "Weight (kg)", None, "Day", "Moment", "Clock"]
FIELDS = {
    "id": "integer",
    "sex": "integer",
    "kg": "number",
    "word": "string",
    "day": "date",
    "at": "datetime",
    "clock": "time",
}
SCHEMA = {"fields": [{"name": name, "type": kind} for name, kind in FIELDS.items()]}


def write_sav(path: Path) -> None:
    pyreadstat.write_sav(
        PERSONS,
        path,
        column_labels=TITLES,
        compress=path.suffix == ".zsav",
        variable_value_labels={"sex": {1: "male", 2: "female", 9: "refused"}},
        missing_ranges={"sex": [9], "kg": [{"lo": -99, "hi": -90}, 98]},
    )


def write_por(path: Path) -> None:
    pyreadstat.write_por(PERSONS.rename(columns=str.upper), path, column_labels=TITLES)


def write_dta(path: Path) -> None:
    frame = PERSONS.copy()
    frame["sex"] = pd.Series([1, 2, 1, "r"], dtype=object)
    pyreadstat.write_dta(
        frame,
        path,
        column_labels=TITLES,
        variable_value_labels={"sex": {1: "male", 2: "female"}},
        missing_user_values={"sex": ["r"]},
    )


def write_xpt(path: Path) -> None:
    version = 5 if path.stem == "five" else 8
    pyreadstat.write_xport(PERSONS, path, column_labels=TITLES, file_format_version=version)


WRITERS = {
    "t.sav": write_sav,
    "t.zsav": write_sav,
    "t.por": write_por,
    "t.dta": write_dta,
    "t.xpt": write_xpt,
    "five.xpt": write_xpt,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("statistical")
    for name, write in WRITERS.items():
        write(folder / name)
    return folder


def upper(schema: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    return {"fields": [{**one, "name": str(one["name"]).upper()} for one in schema["fields"]]}


@pytest.mark.parametrize("name", WRITERS)
def test_a_statistical_file_is_read_into_the_types_of_its_contract(files: Path, name: str) -> None:
    schema = upper(SCHEMA) if name == "t.por" else SCHEMA  # type: ignore[arg-type]
    reading = read(files / name, schema, bad="stop", numbered=True)
    frame = reading.frame.collect()
    frame = frame.rename({one: one.lower() for one in frame.columns})
    assert frame["id"].to_list() == [1, 2, 3, 4]
    assert frame.dtypes == [
        pl.Int64, pl.Int64, pl.Float64, pl.String, pl.Date, pl.Datetime("us"), pl.Time
    ]  # fmt: skip
    has_missing = name in ("t.sav", "t.zsav")
    assert frame["sex"].to_list()[:3] == [1, 2, 1]
    assert frame["sex"][3] == (None if has_missing or name == "t.dta" else 9)
    assert frame["kg"].to_list() == [50.5, None, *([None] * 2 if has_missing else [-99, 98])]
    assert frame["word"].to_list() == ["a", "bb", None, "c"]
    assert frame["day"].to_list() == PERSONS["day"].to_list()
    assert frame["at"].to_list() == [None if pd.isna(x) else x for x in PERSONS["at"]]
    assert frame["clock"].to_list() == PERSONS["clock"].to_list()
    assert reading.numbers is not None
    assert reading.numbers.to_list() == [2, 3, 4, 5]


def test_the_contract_overrides_the_types_of_the_file(files: Path) -> None:
    fields = [
        {"name": "id", "type": "string"},
        {
            "name": "sex",
            "type": "string",
            "categories": [{"value": "1", "label": "male"}, {"value": "2", "label": "female"}],
        },
        {"name": "kg", "type": "number", "missingValues": [{"value": "50.5", "label": "guess"}]},
        {"name": "word", "type": "string", "missingValues": ["bb"]},
        {"name": "day", "type": "datetime"},
        {"name": "at", "type": "datetime"},
        {"name": "clock", "type": "time"},
    ]
    frame = read(files / "t.sav", {"fields": fields}, bad="stop").frame.collect()
    assert frame["id"].to_list() == ["1", "2", "3", "4"]
    assert frame["sex"].to_list() == ["1", "2", "1", None]
    assert frame["kg"].to_list() == [None, None, None, None]
    assert frame["word"].to_list() == ["a", None, "", "c"]
    assert frame["day"][0] == dt.datetime(2020, 1, 1)  # noqa: DTZ001


def test_a_code_that_the_contract_lists_as_a_category_is_a_value(files: Path) -> None:
    schema = {"fields": [{"name": "sex", "type": "integer", "categories": [1, 2, 9]}]}
    frame = read(files / "t.sav", {**schema, "fieldsMatch": "subset"}).frame.collect()
    assert frame["sex"].to_list() == [1, 2, 1, 9]


@pytest.mark.parametrize("suffix", [".sav", ".parquet"])
def test_a_bad_cell_has_its_row_and_is_emptied_or_left_out(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame({"n": [1.0, 2.5, 3.0], "day": ["2020-01-01", "x", "2020-02-30"]})
    path = tmp_path / f"t{suffix}"
    if suffix == ".sav":
        pyreadstat.write_sav(frame, path)
    else:
        frame.to_parquet(path)
    schema = {"fields": [{"name": "n", "type": "integer"}, {"name": "day", "type": "date"}]}
    emptied = read(path, schema)
    assert emptied.report.errors.rows() == [
        ("type-error", "type", "n", 3),
        ("type-error", "type", "day", 3),
        ("type-error", "type", "day", 4),
    ]
    assert emptied.frame.collect().rows() == [(1, dt.date(2020, 1, 1)), (None, None), (3, None)]
    left_out = read(path, schema, bad="reject")
    assert left_out.frame.collect().rows() == [(1, dt.date(2020, 1, 1))]
    assert left_out.rejects is not None
    assert left_out.rejects.rows() == [(3, "2.5", "x"), (4, "3", "2020-02-30")]
    shown = offending_rows(path, emptied.report, contract=Contract.from_descriptor(schema))
    assert shown["row number"].to_list() == [3, 4]
    with pytest.raises(BadDataError):
        read(path, schema, bad="stop")


def test_a_column_of_a_type_that_no_cell_can_have_is_wrong_as_a_whole(files: Path) -> None:
    schema = {"fields": [{"name": "day", "type": "boolean"}], "fieldsMatch": "subset"}
    report = check_file(files / "t.sav", schema)
    assert [one.note for one in report.of_whole] == [
        "a column of type Date, where boolean needs Boolean"
    ]


def test_what_a_file_says_of_its_columns_is_in_the_first_contract(files: Path) -> None:
    inference = infer_file(files / "t.sav", small_cells=1)
    fields = {str(one["name"]): one for one in inference.fields}
    assert [one["title"] for one in inference.fields] == [one or "" for one in TITLES]
    assert {name: one["type"] for name, one in fields.items()} == FIELDS
    assert fields["sex"]["categories"] == [
        {"value": 1, "label": "male"},
        {"value": 2, "label": "female"},
    ]
    assert fields["sex"]["missingValues"] == [{"value": "9", "label": "refused"}]
    assert [one["value"] for one in fields["kg"]["missingValues"]] == ["98", "-99"]  # type: ignore[attr-defined]
    assert any("-99 to -90" in note for note in inference.notes)


def test_missing_values_of_stata_keep_their_labels(tmp_path: Path) -> None:
    path = tmp_path / "t.dta"
    frame = pd.DataFrame({"n": pd.Series([1, 2, "r", "s"] * 3, dtype=object)})
    pyreadstat.write_dta(
        frame,
        path,
        missing_user_values={"n": ["r", "s"]},
        variable_value_labels={"n": {1: "one", 2: "two", "r": "refused"}},
    )
    field = infer_file(path, small_cells=3).fields[0]
    assert field["missingValues"] == [
        {"value": ".r", "label": "refused"},
        {"value": ".s", "label": "not given"},
    ]
    assert [one["label"] for one in field["categories"]] == ["one", "two"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_breaks_off_or_is_damaged_ends_in_one_line(
    files: Path, tmp_path: Path, name: str
) -> None:
    whole = (files / name).read_bytes()
    path = tmp_path / name
    for content in (whole[: len(whole) // 3], whole[:100], whole[:60] + b"\xff" * 600):
        path.write_bytes(content)
        with pytest.raises(CheckError) as caught:
            read(path, SCHEMA)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


def test_labels_that_several_values_have_are_distinguished(tmp_path: Path) -> None:
    labels = {1: "A", 2: "A", 3: "B", 4: "A (1)"}
    path = tmp_path / "t.sav"
    frame = pd.DataFrame({"n": [1.0, 2.0, 3.0, 4.0]})
    for held in ({1: "A", 2: "A", 3: "B"}, labels):
        pyreadstat.write_sav(frame.head(len(held)), path, variable_value_labels={"n": held})
        inference = infer_file(path)
        assert check_file(path, {"fields": inference.fields}).ok
        shown = [one["label"] for one in inference.fields[0]["categories"]]  # type: ignore[attr-defined]
        assert len(set(shown)) == len(held)


def test_long_texts_of_stata_are_read_whole_or_refused_with_their_names(tmp_path: Path) -> None:
    path = tmp_path / "t.dta"
    frame = pd.DataFrame({"n": [1.0, 2.0], "s": ["x" * 3000, "y"]})
    schema = {"fields": [{"name": "n", "type": "number"}, {"name": "s", "type": "string"}]}
    for release in (117, 118, 119):
        frame.to_stata(path, version=release, write_index=False)
        if release < 119:
            assert read(path, schema).frame.collect()["s"].to_list() == ["x" * 3000, "y"]
            continue
        with pytest.raises(CheckError, match="release 119: s;"):
            read(path, schema)


def test_weeks_and_months_of_stata_are_the_numbers_that_it_counts(tmp_path: Path) -> None:
    path = tmp_path / "t.dta"
    values = {"w": 2600.0, "m": 700.0, "q": -200.0, "h": 100.0, "y": 2020.0, "tb": 5.0}
    frame = pd.DataFrame({name: [value, None] for name, value in values.items()})
    frame["day"] = [20000.0, None]
    formats = {name: f"%t{name}" for name in values} | {
        "m": "%-tmCCYY-NN",
        "tb": "%tbcal",
        "day": "%td",
    }
    pyreadstat.write_dta(frame, path, variable_format=formats)
    inference = infer_file(path)
    made = read(path, {"fields": inference.fields}, bad="stop").frame.collect()
    assert made.drop("day").rows() == [tuple(values.values()), (None,) * 6]
    assert made["day"].to_list() == [dt.date(2014, 10, 4), None]
    assert inference.fields[1]["description"] == "Months since January 1960."


@pytest.mark.parametrize("release", [114, 118])
def test_texts_of_stata_keep_the_blanks_at_their_end(tmp_path: Path, release: Any) -> None:
    path = tmp_path / "t.dta"
    texts = ["x  ", "  y", "z z", " ", "four", "ab  "]
    frame = pd.DataFrame({"n": [32] * 6, "a": texts, "b": ["no", "ne"] * 3})
    frame.to_stata(path, version=release, write_index=False)
    fields = [{"name": name, "type": "string"} for name in "ab"]
    made = read(path, {"fields": fields, "fieldsMatch": "subset"}).frame.collect()
    theirs = pd.read_stata(path)
    assert made["a"].to_list() == theirs["a"].to_list() == texts
    assert made["b"].to_list() == theirs["b"].to_list()


def test_texts_of_old_releases_of_stata_keep_their_letters(tmp_path: Path) -> None:
    path = tmp_path / "t.dta"
    texts = ["Zürich", "ö", "plain", "", "Äß"]
    frame = pd.DataFrame(
        {"n": [1, 2, 3, 4, 5], "s": texts, "x": [0.5] * 5, "one": ["é", "a", "", "ü", "b"]}
    )
    fields = [("n", "integer"), ("s", "string"), ("x", "number"), ("one", "string")]
    schema = {"fields": [{"name": name, "type": kind} for name, kind in fields]}
    for release in (114, 117, 118):
        frame.to_stata(path, version=release, write_index=False)
        theirs = pyreadstat.read_dta(path)[0]
        made = read(path, schema, bad="stop").frame.collect()
        for name in ("s", "one"):
            assert [text or "" for text in made[name]] == theirs[name].to_list(), release


def test_times_of_a_day_or_more_are_durations_and_not_missing(tmp_path: Path) -> None:
    frame = pd.DataFrame({"t": [1.0, 86399.25, None], "long": [5.0, 90000.5, -3.0]})
    frame["s"] = ["a", "b", "c"]
    forms = {"t": "TIME8", "long": "TIME8"}
    labels = ["Clock", "Lasts", "Word"]
    for name in ("t.sav", "t.zsav", "5.xpt", "8.xpt"):
        path = tmp_path / name
        if path.suffix == ".xpt":
            version = int(path.stem)
            pyreadstat.write_xport(
                frame,
                path,
                column_labels=labels,
                variable_format=forms,
                file_format_version=version,
            )
        else:
            compress = path.suffix == ".zsav"
            pyreadstat.write_sav(
                frame, path, column_labels=labels, variable_format=forms, compress=compress
            )
        inference = infer_file(path)
        assert [one["type"] for one in inference.fields] == ["time", "duration", "string"], name
        assert [one["title"] for one in inference.fields] == labels
        made = read(path, {"fields": inference.fields}, bad="stop").frame.collect()
        assert made["t"].to_list() == [dt.time(0, 0, 1), dt.time(23, 59, 59, 250_000), None]
        assert [one.total_seconds() for one in made["long"]] == frame["long"].to_list()
    fields = [("t", "time"), ("long", "time"), ("s", "string")]
    schema = {"fields": [{"name": name, "type": kind} for name, kind in fields]}
    reading = read(path, schema, bad="reject")
    assert [total.rows for total in reading.report.totals] == [(3, 4)]
    assert reading.rejects is not None
    assert reading.rejects["long"].to_list() == ["P1DT1H0.5S", "-PT3S"]


def test_reading_leaves_nothing_in_the_folder_of_temporary_files(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    infer_file(files / "t.sav")
    damaged = tmp_path / "t.sav"
    damaged.write_bytes((files / "t.sav").read_bytes()[:300])
    with pytest.raises(CheckError):
        read(damaged, SCHEMA)
    assert [one.name for one in tmp_path.iterdir()] == ["t.sav"]


_UTF8 = b"\x14\0\0\0\x01\0\0\0\x05\0\0\0UTF-8"


def in_code_page(path: Path, encoding: bytes = b"CP819") -> None:
    """Make a file of an old SPSS from one in UTF-8: each `q` in it becomes an `ü` of one byte."""
    whole = path.read_bytes()
    assert _UTF8 in whole
    named = _UTF8[:-9] + bytes([len(encoding), 0, 0, 0]) + encoding
    whole = whole.replace(_UTF8, named).replace(b"q", b"\xfc").replace(b"Q", b"\xdc")
    path.write_bytes(whole)


@pytest.mark.parametrize("name", ["t.sav", "t.zsav"])
def test_names_and_labels_of_old_code_pages_are_decoded(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    frame = pd.DataFrame({"sex": [1.0, 2.0], "town": ["x", "y"], "long": ["a" * 20, "b" * 300]})
    frame["gr_qsse_in_cm"], frame["mqde"] = [170.5, 168.0], [1.0, 9.0]
    pyreadstat.write_sav(
        frame,
        path,
        compress=name == "t.zsav",
        column_labels={"sex": "Geschlecht, fqr alle", "long": "q" * 100, "gr_qsse_in_cm": "Grq"},
        variable_value_labels={
            "sex": {1.0: "mqnnlich", 2.0: "weiblich"},
            "town": {"x": "Zqrich", "q": "?"},
            "long": {"a" * 20: "qq"},
        },
        missing_ranges={"mqde": [9.0], "town": ["y"]},
    )
    # A name as long as UTF-8, since the places of packed rows stay as they are.
    in_code_page(path)
    theirs, known = pyreadstat.read_sav(path, user_missing=True)
    inference = infer_file(path)
    fields = inference.fields
    assert [one["name"] for one in fields] == theirs.columns.to_list()
    assert "gr_üsse_in_cm" in theirs.columns
    assert [one["title"] or None for one in fields] == known.column_labels
    for field in fields:
        coded: Any = field.get("categories", [])
        labels = {one["value"]: one["label"] for one in coded}
        wanted = known.variable_value_labels.get(field["name"], {})
        assert labels.items() <= wanted.items(), field
    coded = {one["name"]: one["categories"] for one in fields if "categories" in one}
    assert coded["sex"][0] == {"value": 1, "label": "münnlich"}
    assert {"value": "x", "label": "Zürich"} in coded["town"]
    made = read(path, {"fields": fields}, bad="stop").frame.collect()
    assert made["gr_üsse_in_cm"].to_list() == [170.5, 168.0]
    assert made["müde"].to_list() == [1, None]
    assert made["town"].to_list() == ["x", None]
    assert made["long"].to_list() == theirs["long"].to_list()


@pytest.mark.parametrize("encoding", [b"CP850", b"KOI8R", b"12345", b"xy"])
def test_a_file_in_an_encoding_that_is_not_decoded_is_refused(
    tmp_path: Path, encoding: bytes
) -> None:
    path = tmp_path / "t.sav"
    pyreadstat.write_sav(pd.DataFrame({"town": ["Bern", "Zqrich"]}), path)
    in_code_page(path, encoding)
    with pytest.raises(CheckError, match=f"its texts are in '{encoding.decode()}'"):
        check_file(path, {"fields": [{"name": "town", "type": "string"}]})


LETTERS = ["voilà", "Å", "日本語", "ascii", "tail\u00a0", "é" * 200, "x" * 254 + "ü" * 90, "", "🙂"]


@pytest.mark.parametrize("way", ["plain", "zsav", "silent"])
def test_letters_of_spss_files_in_utf8_are_kept(tmp_path: Path, way: str) -> None:
    path = tmp_path / ("t.zsav" if way == "zsav" else "t.sav")
    rows = len(LETTERS)
    frame = pd.DataFrame({"größe": LETTERS, "short": ["é"] * rows, "n": [1.0] * rows})
    frame["clock"] = [30 * 3600.0] * rows
    pyreadstat.write_sav(
        frame,
        path,
        compress=way == "zsav",
        variable_format={"clock": "TIME11.2"},
        missing_ranges={"short": ["é"]},
    )
    if way == "silent":
        path.write_bytes(path.read_bytes().replace(b"\x07\0\0\0" + _UTF8, b""))
    fields = [{"name": name, "type": "string"} for name in ("größe", "short")]
    fields += [{"name": "n", "type": "integer"}, {"name": "clock", "type": "duration"}]
    made = read(path, {"fields": fields}, bad="stop").frame.collect()
    assert made["clock"].unique().to_list() == [dt.timedelta(hours=30)]
    assert made["größe"].to_list() == [text or None for text in LETTERS]
    assert made["short"].to_list() == [None] * rows
    if way == "plain":
        missing: Any = infer_file(path).fields[1]["missingValues"]
        assert [one["value"] for one in missing] == ["", "é"]


@pytest.mark.parametrize(
    ("suffix", "way"),
    [(".sav", "plain"), (".sav", "packed"), (".sav", "silent"), (".dta", "plain")],
)
def test_letters_that_are_not_in_the_encoding_of_their_file_are_refused(
    tmp_path: Path, suffix: str, way: str
) -> None:
    path = tmp_path / f"t{suffix}"
    frame = pd.DataFrame({"id": [1.0, 2.0], "town": ["Bern", "Zqrich"]})
    if suffix == ".dta":
        pyreadstat.write_dta(frame, path, version=15)
    else:
        pyreadstat.write_sav(frame, path, row_compress=way == "packed")
    whole = path.read_bytes().replace(b"Zq", b"Z\xfc")
    path.write_bytes(whole.replace(b"\x07\0\0\0" + _UTF8, b"") if way == "silent" else whole)
    with pytest.raises(CheckError, match="column town has letters that cannot be") as caught:
        check_file(path, {"fields": [{"name": "town", "type": "string"}], "fieldsMatch": "subset"})
    assert "rich" not in str(caught.value)


def test_half_of_a_letter_at_the_end_of_a_text_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.sav"
    pyreadstat.write_sav(pd.DataFrame({"a": ["x" * 7 + "q"]}), path)
    path.write_bytes(path.read_bytes().replace(b"xxq", b"xx\xc3"))
    made = read(path, {"fields": [{"name": "a", "type": "string"}]}).frame.collect()
    assert made["a"].to_list() == ["x" * 7]


@pytest.mark.parametrize("where", [8, 20, 40, None])
def test_the_format_of_times_of_sas_is_found_by_what_changes(where: int | None) -> None:
    content = b"DATETIMETIME a word TIME in a text of a TIME TIME"
    file = io.BytesIO(content)

    def schema() -> dict[str, pl.DataType]:
        held = file.getvalue()
        if held[:8] != b"DATETIME":
            raise ValueError
        # Another column is named by a word in which the name of the format is, too.
        other = pl.Date() if held[45:49] == b"TIME" else pl.Float64()
        is_time = where is None or held[where : where + 4] == b"TIME"
        return {"clock": pl.Time() if is_time else pl.Float64(), "day": other}

    found = in_numbers_of_sas(file, ["TIME"], schema)
    assert found == (where is not None)
    if where is not None:
        assert file.getvalue() == content[:where] + b"XXXX" + content[where + 4 :]


def test_a_transport_file_with_letters_of_an_old_code_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.xpt"
    pyreadstat.write_xport(pd.DataFrame({"TOWN": ["Bern", "Zqrich"]}), path)
    path.write_bytes(path.read_bytes().replace(b"Zq", b"Z\xfc"))
    with pytest.raises(
        CheckError, match="column TOWN has letters that cannot be decoded"
    ) as caught:
        check_file(path, {"fields": [{"name": "TOWN", "type": "string"}]})
    assert "rich" not in str(caught.value)


def test_a_transport_file_of_several_tables_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.xpt"
    for version in (5, 8):
        pyreadstat.write_xport(pd.DataFrame({"N": [1.0, 2.0]}), path, file_format_version=version)
        whole = path.read_bytes()
        path.write_bytes(whole + whole[3 * 80 :])
        with pytest.raises(CheckError, match="it holds several tables"):
            read(path, {"fields": [{"name": "N", "type": "number"}]})


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", WRITERS)
def test_a_file_with_any_damage_is_read_or_ends_in_one_line(
    files: Path, tmp_path: Path, name: str, seed: int
) -> None:
    draw = random.Random(f"{name} {seed}")
    content = bytearray((files / name).read_bytes())
    for _ in range(draw.choice((1, 4, 30))):
        start = draw.randrange(len(content))
        length = draw.choice((1, 1, 4, 200))
        content[start : start + length] = (
            draw.choice((b"", b"\xff", b"\0", draw.randbytes(1))) * length
        )
    path = tmp_path / name
    path.write_bytes(content[: draw.choice((len(content), draw.randrange(1, len(content))))])
    output = ""
    for look in (read, lambda path, _: infer_file(path)):
        try:
            look(path, SCHEMA)
        except CheckError as error:
            output = str(error)
        except BadDataError as error:
            output = error.report.totals[0].code
        assert len(output.splitlines()) < 2
