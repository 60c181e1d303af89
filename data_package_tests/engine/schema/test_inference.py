"""What is inferred from data, and what never is."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_package.engine.schema import CheckError, Contract, check_file, infer, infer_file, sniffed
from data_package.engine.schema.inference import UnsoundError


def write(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def column(folder: Path, cells: list[str], **options: Any) -> dict[str, Any]:
    """The field that is inferred for a column of cells, beside one that is never empty."""
    rows = "".join(f'k{i};"{cell}"\n' for i, cell in enumerate(cells))
    path = write(folder, f"row;v\n{rows}")
    inference = infer_file(path, dialect={"delimiter": ";"}, **options)
    assert check_file(path, Contract.from_descriptor(inference.descriptor)).ok
    return {
        k: v for k, v in inference.fields[1].items() if k not in ("name", "title", "description")
    }


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["1", "-2", "+3"], {"type": "integer"}),
        (["1.5", "2", "1e-3", ".5"], {"type": "number"}),
        (["13-02-2009", "01-12-2024"], {"type": "date", "format": "%d-%m-%Y"}),
        (["31.12.2024", "1.2.2024"], {"type": "date", "format": "%d.%m.%Y"}),
        (["13/02/2009"], {"type": "date", "format": "%d/%m/%Y"}),
        (["02/13/2009"], {"type": "date", "format": "%m/%d/%Y"}),
        (["01/02/2009", "03/04/2009"], {"type": "string"}),
        (["05/05/2009"], {"type": "date", "format": "%d/%m/%Y"}),
        (["01-02-2009"], {"type": "date", "format": "%d-%m-%Y"}),
        (["13FEB2009"], {"type": "date", "format": "%d%b%Y"}),
        (["13.02.09"], {"type": "string"}),
        (["2024-02-30"], {"type": "string"}),
        (["2024-02-28T10:00:00Z"], {"type": "datetime"}),
        (["2024-02-28 10:00"], {"type": "datetime", "format": "%Y-%m-%d %H:%M"}),
        (["28.02.2024 10:00:30"], {"type": "datetime", "format": "%d.%m.%Y %H:%M:%S"}),
        (["10:30", "23:59"], {"type": "time", "format": "%H:%M"}),
        (["25:30"], {"type": "string"}),
        (["53,1", "7", "-0,25"], {"type": "number", "decimalChar": ","}),
        (["1,234", "2,500"], {"type": "string"}),
        (["1,234", "2,5"], {"type": "number", "decimalChar": ","}),
        (["1.234.567,89", "5,5"], {"type": "number", "groupChar": ".", "decimalChar": ","}),
        (["1.234.567", "5"], {"type": "integer", "groupChar": "."}),
        (["1,234,567.5"], {"type": "number", "groupChar": ","}),
        (["1 234", "5"], {"type": "integer", "groupChar": " "}),
        (["5 %", "12 %"], {"type": "integer", "bareNumber": False}),
        (["5,5%", "12%"], {"type": "number", "decimalChar": ",", "bareNumber": False}),
        (["€ 5", "€ 7"], {"type": "integer", "bareNumber": False}),
        (["60.5 kg", "71 kg"], {"type": "number", "bareNumber": False}),
        (["<5", "<7"], {"type": "string"}),
        (["P1", "P2"], {"type": "string"}),
        (["007", "12"], {"type": "string"}),
        (["1_000"], {"type": "string"}),
        (["123456789012345678901234", "1"], {"type": "string"}),
        (["1e400"], {"type": "string"}),
        (["1", "NA", ".", "2"], {"type": "integer", "missingValues": ["", ".", "NA"]}),
        (["1.5", "NaN"], {"type": "number", "missingValues": ["", "NaN"]}),
        (["old", "NA", "new"], {"type": "string", "missingValues": ["", "NA"]}),
        (["None", "Mild", "-"], {"type": "string"}),
        (["NA", "NO", "DK", "SE", "FI", "DE", "FR"], {"type": "string"}),
        (["true", "false"], {"type": "boolean"}),
        (["", ""], {"type": "string"}),
    ],
)
def test_types_are_read_as_people_write_them(
    tmp_path: Path, cells: list[str], wanted: dict[str, Any]
) -> None:
    assert column(tmp_path, cells) == wanted


@pytest.mark.parametrize(
    ("cells", "categories"),
    [
        (["yes"] * 10 + ["no"] * 5, ["no", "yes"]),
        (["yes"] * 30 + ["no"] * 4, None),
        (["yes"] * 10 + ["no"] * 10 + ["NA"] * 2, ["no", "yes"]),
        (["Grade 1"] * 10 + ["Grade 2"] * 10, ["Grade 1", "Grade 2"]),
        (["NA"] * 9 + ["13-02-2009"], None),
        (["13 Feb 2009 late"] * 10 + ["no"] * 10, None),
        (["never"] * 10 + ["13-02-2009"] * 10, None),
        (["<5"] * 10 + [">9"] * 10, None),
        (["P01"] * 10 + ["P02"] * 10, None),
        (["AB 1234"] * 10 + ["AB 1235"] * 10, None),
        (["fell ill. went home"] * 10 + ["no"] * 10, None),
        (["one of more words than any category has"] * 10 + ["no"] * 10, None),
        (["a@example.org"] * 10 + ["no"] * 10, None),
        (["1"] * 10 + ["2"] * 10, [{"value": 1, "label": ""}, {"value": 2, "label": ""}]),
        (["1"] * 10 + ["2"] * 4, None),
        (["2019"] * 10 + ["2020"] * 10, None),
        (["only"] * 30, None),
    ],
)
def test_a_category_is_held_by_many_rows_and_identifies_nobody(
    tmp_path: Path, cells: list[str], categories: list[Any] | None
) -> None:
    assert column(tmp_path, cells).get("categories") == categories


def test_so_many_rows_as_the_setting_says_hold_a_category(tmp_path: Path) -> None:
    cells = ["yes"] * 40 + ["no"] * 9
    assert column(tmp_path, cells, small_cells=9)["categories"] == ["no", "yes"]
    assert "categories" not in column(tmp_path, cells, small_cells=10)


@pytest.mark.parametrize("name", ["id", "patient", "subject_id", "USUBJID", "personNr", "surname"])
def test_values_of_a_field_that_names_people_are_not_categories(name: str) -> None:
    frame = pl.DataFrame({"x": range(60), name: ["Ann", "Bo", "Carl"] * 20})
    assert "categories" not in infer(frame).fields[1]
    frame = pl.DataFrame({"x": range(60), name: [1, 2, 3] * 20})
    assert "categories" not in infer(frame).fields[1]


def test_values_of_a_key_are_not_categories() -> None:
    frame = pl.DataFrame({"who": ["Ann", "Bo", "Carl"] * 8, "at": [*range(8)] * 3}).sort("who")
    inference = infer(frame)
    assert inference.candidate_keys == (("who", "at"),)
    assert not any("categories" in field for field in inference.fields)


def test_three_of_the_first_columns_are_a_key_where_two_are_none() -> None:
    where = {"place": ["a", "b"] * 12, "day": [1, 1, 2, 2] * 6, "kind": [*"ppppqqqqrrrr"] * 2}
    frame = pl.DataFrame(where | {"value": [0.5, 1.5] * 12})
    assert infer(frame).candidate_keys == ()
    frame = pl.DataFrame(where | {"kind": [*"ppppqqqqrrrrssssttttuuuu"]})
    assert infer(frame).candidate_keys == (("place", "day", "kind"),)
    assert infer(frame.head(12)).candidate_keys == ()


def test_categories_of_an_enum_reveal_no_person() -> None:
    kind = pl.Enum(["low", "high", "never seen"])
    frame = pl.DataFrame({"x": pl.Series(["low", "high"] * 20, dtype=kind)})
    assert infer(frame).fields[0]["categories"] == ["low", "high", "never seen"]
    people = pl.DataFrame({"x": pl.Series(["low"] * 20 + ["high"], dtype=kind)})
    assert "categories" not in infer(people).fields[0]


@given(
    st.lists(st.sampled_from(["a", "b", "P1", "12", "1-1-2024", "Ann Bo", "NA", ""]), max_size=60),
    st.integers(1, 12),
)
def test_no_word_of_fewer_rows_than_the_smallest_cell_is_ever_given(
    words: list[str], small: int
) -> None:
    frame = pl.DataFrame({"v": words}, schema={"v": pl.String})
    (field,) = infer(frame, small_cells=small).fields
    listed = field.get("categories", [])
    assert isinstance(listed, list)
    assert all(words.count(word) >= small for word in listed)
    assert not {"P1", "12", "1-1-2024"} & set(listed)


def test_counts_of_a_few_rows_are_neither_unique_nor_required_nor_keys() -> None:
    frame = pl.DataFrame({"arm": ["a", "b"], "n": [12, 14], "died": [1, 2], "median": [3.5, 4.5]})
    inference = infer(frame)
    assert inference.candidate_keys == (("arm",),)
    assert [field.get("constraints") for field in inference.fields] == [
        {"required": True},
        None,
        None,
        None,
    ]


def test_numbers_that_all_differ_are_not_called_unique_beside_a_key() -> None:
    frame = pl.DataFrame({"id": range(50), "platelets": range(100, 150), "code": range(50)})
    frame = frame.with_columns(code="c" + pl.col("code").cast(pl.String))
    _, platelets, code = infer(frame).fields
    assert platelets["constraints"] == {"required": True}
    assert code["constraints"] == {"required": True, "unique": True}


def test_bounds_are_left_out_where_a_value_is_not_finite() -> None:
    frame = pl.DataFrame({"x": [1.0, float("inf")], "y": [1.0, float("nan")], "z": [1.0, None]})
    constraints = [field.get("constraints") for field in infer(frame, bounds=True).fields]
    assert constraints == [None, None, {"minimum": 1.0, "maximum": 1.0}]


def test_empty_text_is_a_missing_value_of_a_typed_table_too() -> None:
    frame = pl.DataFrame({"x": ["", *"abcdefghijklmnopqrstuvwxyz"]})
    assert infer(frame).fields[0].get("constraints") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,a\n2,b\n", "is a number"),
        ("a,2024-01-01\nb,2024-01-02\n", "is a date"),
        ("Ann,F\nBo,M\nCarl,F\n", "is found again below"),
        ("P00 60.5nej\nP01 71.0nej\n", "has the form of the cells"),
    ],
)
def test_a_first_row_that_may_be_data_is_refused_until_it_is_called_a_header(
    tmp_path: Path, text: str, why: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(CheckError, match=why) as refused:
        infer_file(path)
    assert not any(word in str(refused.value) for word in ("Ann", "P00", "2024"))
    first = text.partition("\n")[0].split(",")
    named = infer_file(path, dialect={"headerRows": [1]})
    assert [field["name"] for field in named.fields] == first


@pytest.mark.parametrize(
    ("dialect", "names"),
    [
        ({"commentChar": "#"}, ["id", "w"]),
        ({"headerRows": [3]}, ["id", "w"]),
        ({"header": False, "commentRows": [1, 2, 3]}, ["column 1", "column 2"]),
    ],
)
def test_a_header_further_down_is_asked_for_and_then_read(
    tmp_path: Path, dialect: dict[str, Any], names: list[str]
) -> None:
    path = write(tmp_path, "# export\n# of today\nid,w\na,1\nb,2\n")
    with pytest.raises(CheckError, match="--header-row, how many rows are above it with --skip"):
        infer_file(path)
    inference = infer_file(path, dialect=dialect)
    assert [field["name"] for field in inference.fields] == names
    report = check_file(path, Contract.from_descriptor(inference.descriptor))
    assert (report.ok, report.rows_checked) == (True, 2)


@pytest.mark.parametrize("titles", ["Export of 2024,,\n", "Export of 2024,,\n,,\n"])
def test_titles_as_wide_as_the_table_are_not_taken_for_its_header(
    tmp_path: Path, titles: str
) -> None:
    path = write(tmp_path, titles + "id,v,w\n1,2,a\n2,3,b\n")
    row = titles.count("\n") + 1
    with pytest.raises(CheckError, match=f"Say --header-row {row}, or else --header-row 1$"):
        infer_file(path)
    inference = infer_file(path, dialect={"headerRows": [row]})
    assert [field["name"] for field in inference.fields] == ["id", "v", "w"]


@pytest.mark.parametrize("text", [",v,w\n1,2,a\n2,3,b\n", "name,,w\nBo,x,1\nAl,y,2\n"])
def test_a_header_with_blank_labels_over_values_is_passed_over(tmp_path: Path, text: str) -> None:
    inference = infer_file(write(tmp_path, text))
    assert inference.descriptor["dialect"] == {"header": False, "commentRows": [1]}


@pytest.mark.parametrize("mark", [";", ",", "\t", "|"])
def test_a_first_line_that_names_the_delimiter_is_obeyed(tmp_path: Path, mark: str) -> None:
    path = write(tmp_path, f"sep={mark}\r\nid{mark}w\r\n1{mark}a\r\n2{mark}b\r\n")
    inference = infer_file(path)
    assert [field["name"] for field in inference.fields] == ["id", "w"]
    found = check_file(path, Contract.from_descriptor(inference.descriptor))
    assert (found.ok, found.rows_checked) == (True, 2)
    writing = sniffed(path)
    assert infer_file(path, dialect=writing.dialect).fields == inference.fields
    without = {"fields": [{"name": "id"}, {"name": "w"}]}
    assert "commentRows: [1]}" in check_file(path, without).render()


def test_without_a_header_nothing_of_the_first_row_becomes_a_name(tmp_path: Path) -> None:
    path = write(tmp_path, "Ann,1\nBo,2\n")
    inference = infer_file(path, dialect={"header": False})
    assert [field["name"] for field in inference.fields] == ["column 1", "column 2"]
    assert "Ann" not in str(inference.descriptor)
    named = infer_file(path, dialect={"header": False}, names=["who", "n"])
    assert [field["name"] for field in named.fields] == ["who", "n"]
    assert check_file(path, Contract.from_descriptor(named.descriptor)).ok


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (",id,,w", ["column 1", "id", "column 3", "w"]),
        ("w,w,w,w", ["w", "w 2", "w 3", "w 4"]),
        ("column 2,,w,w 2", ["column 2", "column 2 2", "w", "w 2"]),
    ],
)
def test_blank_and_repeated_labels_get_names_and_fields_go_by_position(
    tmp_path: Path, header: str, names: list[str]
) -> None:
    path = write(tmp_path, f"{header}\na,b,c,d\ne,f,g,h\n")
    inference = infer_file(path)
    assert [field["name"] for field in inference.fields] == names
    report = check_file(path, Contract.from_descriptor(inference.descriptor))
    assert (report.ok, report.rows_checked) == (True, 2)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_delimiter_is_seen_and_written_down(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path, f"id{delimiter}x\n1{delimiter}2\n")
    inference = infer_file(path)
    assert inference.descriptor["dialect"] == {"delimiter": delimiter}
    assert len(inference.fields) == 2


@pytest.mark.parametrize("text", [b"v,k\xf8n\n1,2\n", b"v,k\n1,k\xf8n\n"])
def test_text_of_another_encoding_is_refused(tmp_path: Path, text: bytes) -> None:
    path = write(tmp_path, text)
    with pytest.raises(CheckError, match=r"not UTF-8: .* --encoding cp1252"):
        infer_file(path)
    inference = infer_file(path, encoding="cp1252")
    assert inference.descriptor["encoding"] == "cp1252"
    assert check_file(path, Contract.from_descriptor(inference.descriptor)).ok


def test_rows_that_no_contract_can_allow_are_reported_with_the_inferred_rest(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, "id,x\n1,2\n3,4,5\n\n")
    with pytest.raises(UnsoundError) as refused:
        infer_file(path)
    assert "extra-cell" in str(refused.value)
    assert [field["type"] for field in refused.value.inference.fields] == ["integer", "integer"]


@pytest.mark.parametrize("text", ["", "\n", "\n\n", ",,\n1,2,3\n"])
def test_a_file_without_labels_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(CheckError):
        infer_file(write(tmp_path, text))


def test_files_of_a_set_are_looked_at_together(tmp_path: Path) -> None:
    first = write(tmp_path, "id,x\n1,2\n", "a.csv")
    second = write(tmp_path, "id,x\n1,NA\n", "b.csv")
    inference = infer_file([first, second])
    assert inference.candidate_keys == ()
    assert inference.fields[1]["missingValues"] == ["", "NA"]
    turned = write(tmp_path, "x,id\n3,4\n", "c.csv")
    more = write(tmp_path, "id,x,y\n3,4,5\n", "d.csv")
    other = write(tmp_path, "q,r\n3,4\n", "e.csv")
    for paths, match in (([first, turned], "equal"), ([first, more], "superset")):
        inference = infer_file(paths)
        assert inference.descriptor["schema"]["fieldsMatch"] == match  # type: ignore[index]
    with pytest.raises(CheckError, match=r"e\.csv: its columns are not those of"):
        infer_file([first, other])


@pytest.mark.parametrize("name", ["\x7f", "\x9b1m", "a\u2028b", "\U0001f600", "\u202e", "*", "^v$"])
def test_odd_names_are_named_or_refused_in_words(tmp_path: Path, name: str) -> None:
    typed = pl.DataFrame({name: ["a", "b"], "v": ["c", "d"]})
    path = write(tmp_path, f"{name},v\na,b\n")
    with suppress(CheckError):
        assert infer(typed).fields[0]["name"] == name
    with suppress(CheckError):
        assert infer_file(path).fields[0]["name"] == name


def _days(count: int) -> pl.Series:
    return pl.date_range(pl.date(2026, 1, 1), pl.date(2026, 1, count), eager=True)


def test_a_key_of_several_columns_holds_the_identifier_of_whom_the_rows_are_about() -> None:
    frame = pl.DataFrame({"day": [*_days(24), *_days(24)], "code": [7] * 24 + [9] * 24})
    assert infer(frame).candidate_keys == (("day", "code"),)
    people = frame.with_columns(patient=pl.Series(["a", "b", "c"] * 16))
    assert infer(people).candidate_keys == (("day", "code", "patient"),)
    visits = people.with_columns(visit=pl.int_range(pl.len()).over("patient"))
    assert infer(visits).candidate_keys[0] == ("patient", "visit")


def test_the_day_is_the_key_of_a_series_with_one_row_a_day() -> None:
    series = pl.DataFrame({"day": _days(24), "cases": [*range(5, 17)] * 2})
    assert infer(series).candidate_keys == (("day",),)
    measured = pl.DataFrame({"patient": ["a", "b"] * 12, "day": _days(24)})
    assert infer(measured).candidate_keys == (("patient", "day"),)


def test_a_column_with_one_value_is_not_part_of_a_key() -> None:
    series = pl.DataFrame({"land": ["00"] * 24, "day": _days(24), "n": [1, 2] * 12})
    assert infer(series).candidate_keys == (("day",),)
    places = pl.DataFrame({"country": ["x"] * 4, "district": ["a", "b", "c", "d"]})
    assert infer(places).candidate_keys == (("district",),)


def test_results_are_not_part_of_a_key_where_some_could_not_be_measured(tmp_path: Path) -> None:
    rows = [
        f"{n % 8};{'<3' if n % 4 == 0 else f'{n / 7:.1f}'.replace('.', ',')}" for n in range(40)
    ]
    path = write(tmp_path, "\n".join(["place;result", *rows]) + "\n")
    assert infer_file(path, dialect={"delimiter": ";"}).candidate_keys == ()


def test_times_of_day_with_a_full_stop_are_not_taken_for_numbers(tmp_path: Path) -> None:
    clock = [f"{n % 24}.{n * 7 % 60:02}" for n in range(48)]
    path = write(tmp_path, "\n".join(["at", *clock]) + "\n")
    found = infer_file(path)
    assert found.fields[0]["type"] == "string"
    assert found.notes == ("at: they may be numbers, or times of day (%H.%M); it is left as text.",)
    for numbers in (
        [f"7.{n:02}" for n in range(30, 60)],  # of few hours, such as a pH
        [f"{n % 24}.{n * 7 % 100:02}" for n in range(48)],
        [f"{n}.30" for n in range(10)],
    ):
        path = write(tmp_path, "\n".join(["at", *numbers]) + "\n")
        assert infer_file(path).fields[0]["type"] == "number"


def test_columns_without_a_value_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "id,stop,code\n1,,\n2,,\n")
    assert infer_file(path).notes == ("Without a value, and taken for text: stop, code.",)
    assert infer_file(write(tmp_path, "id,stop\n1,2024-01-01\n")).notes == ()


@pytest.mark.parametrize(
    ("labels", "places"),
    [
        ("gene,010190-1234,020291-2345", "2, 3"),
        ("gene,P000123,P000124,total", "2, 3"),
        ("gene,19900101-1234,19910202-2345", "2, 3"),
        ("gene,1234567890,2345678901", "2, 3"),
        ("country,1990,1991", ""),
        ("country,2024-01-01,2024-01-02", ""),
        ("country,20240101,20240102", ""),
        ("country,1/22/20,1/23/20", ""),
        ("id,718-7,2345-7", ""),
        ("id,ENSG00000139618,ENSG00000141510", ""),
        ("id,visit_1,result12,1234567", ""),
    ],
)
def test_labels_that_may_be_numbers_of_persons_are_noticed(
    tmp_path: Path, labels: str, places: str
) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(f"{labels}\n{','.join('x' for _ in labels.split(','))}\n")
    notes = [note for note in infer_file(path).notes if "numbers of persons" in note]
    assert len(notes) == bool(places)
    assert all(f"columns {places} may be" in note for note in notes)
    assert not any(label in note for note in notes for label in labels.split(",")[1:3])
    parquet = tmp_path / "wide.parquet"
    pl.DataFrame({label: ["x"] for label in labels.split(",")}).write_parquet(parquet)
    assert [note for note in infer_file(parquet).notes if "numbers of persons" in note] == notes


def test_cells_of_json_are_objects_and_arrays(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    rows = [{"who": {"p": "a}"}, "labs": [1, None], "text": "[sic]", "both": {}}, {"both": []}]
    path.write_text(json.dumps(rows))
    kinds = {str(one["name"]): one["type"] for one in infer_file(path).fields}
    assert kinds == {"who": "object", "labs": "array", "text": "string", "both": "string"}
