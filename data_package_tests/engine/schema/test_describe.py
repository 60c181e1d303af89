"""Contracts inferred from data, and added to what a person wrote."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_package.engine.schema import (
    Contract,
    add_fields,
    check,
    check_file,
    contract_text,
    infer,
    infer_file,
    lint,
    load_contract,
)
from data_package.engine.schema.unreadable import CheckError
from data_package.engine.schema.yaml_document import read_document

FRAME = pl.DataFrame(
    {
        "id": range(40),
        "sex": ["F", "M"] * 20,
        "weight": [60.5, None] * 20,
        "note": [f"n{i}" for i in range(40)],
    }
)


def fields(descriptor: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {field["name"]: field for field in descriptor["schema"]["fields"]}


def test_a_table_keeps_the_contract_inferred_from_it(tmp_path: Path) -> None:
    inference = infer(FRAME)
    path = tmp_path / "t.yaml"
    path.write_text(contract_text(inference.descriptor))
    assert check(FRAME, load_contract(path)).ok


def test_types_keys_and_small_vocabularies_are_seen_and_bounds_are_left_out() -> None:
    inference = infer(FRAME.lazy())
    seen = fields(inference.descriptor)
    assert [field["type"] for field in seen.values()] == ["integer", "string", "number", "string"]
    assert seen["sex"]["categories"] == ["F", "M"]
    assert seen["weight"].get("constraints") is None
    assert seen["id"]["constraints"] == {"required": True}
    assert inference.candidate_keys == (("id",), ("note",))
    assert inference.descriptor["schema"]["primaryKey"] == ["id"]  # type: ignore[index]
    assert seen["note"]["constraints"]["unique"] is True


def test_bounds_are_given_when_asked_for() -> None:
    seen = fields(infer(FRAME, bounds=True).descriptor)
    assert seen["id"]["constraints"] == {"required": True, "minimum": 0, "maximum": 39}


def test_two_fields_together_can_be_a_key() -> None:
    frame = pl.DataFrame({"subject": [1, 1, 2], "visit": [1, 2, 1]})
    assert infer(frame).candidate_keys == (("subject", "visit"),)


def test_types_are_read_from_delivered_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,when,n,code,flag\n1,2024-01-01,1.5,007,true\n2,2024-01-02,NA,008,false\n")
    inference = infer_file(path)
    seen = fields(inference.descriptor)
    kinds = {name: field["type"] for name, field in seen.items()}
    assert kinds == {
        "id": "integer",
        "when": "date",
        "n": "number",
        "code": "string",
        "flag": "boolean",
    }
    assert seen["n"]["missingValues"] == ["", "NA"]
    assert check_file(path, Contract.from_descriptor(inference.descriptor)).ok


def test_a_column_without_a_name_is_refused_because_no_contract_can_name_it() -> None:
    with pytest.raises(CheckError, match="Column 2 of the table has no name"):
        infer(pl.LazyFrame({"id": [1], "": [2]}))


WRITTEN = """\
# mine
title: 'X'   # keep
schema:
  fields:
    # first
    - name: id    # the id
      description: >
        folded
        text
    - {name: sex, type: string}   # tail
    # after
  primaryKey: [id]
"""


def test_missing_fields_are_added_and_nothing_else_is_touched() -> None:
    grown = add_fields(WRITTEN, infer(FRAME).fields)
    added = [line for line in grown.splitlines() if line not in WRITTEN.splitlines()]
    assert [line for line in grown.splitlines() if line not in added] == WRITTEN.splitlines()
    assert [line for line in added if "name:" in line] == ["    - name: weight", "    - name: note"]
    assert grown.index("# tail") < grown.index("weight") < grown.index("# after")
    assert add_fields(grown, infer(FRAME).fields) == grown


@pytest.mark.parametrize(
    "text",
    [
        "title: x\n",
        "",
        "title: x",
        "schema: {fields: [{name: id}]} # c\n",
        "schema:\n  fields: []\n",
        "schema:\n  fields:\n  - name: id\n",
        "schema:\n  fields:\n  - name: id",
        "schema:\n  fields:\n    - name: id\n      constraints:\n        enum:\n"
        "          - 1\n\n# end\n",
        "schema:\r\n  fields:\r\n  - name: id\r\n    title: |\r\n      a\r\n      b\r\n"
        "  primaryKey: id\r\n",
        '{"schema": {"fields": [{"name": "id"}]}}',
        "fields:\n- name: id\n",
    ],
)
def test_any_shape_of_contract_can_grow(text: str, tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(add_fields(text, infer(FRAME).fields), newline="")
    contract = load_contract(path)
    assert {field.name for field in contract.fields} == set(FRAME.columns)
    if text:
        assert path.read_bytes().decode().startswith(text[:6])


def test_five_thousand_fields_are_described_and_added() -> None:
    wide = pl.DataFrame({f"c{i}": [1, 2] for i in range(5000)})
    inference = infer(wide)
    text = add_fields("schema:\n  fields:\n    - name: c0\n", inference.fields)
    assert text.count("- name:") == 5000
    assert lint(inference.descriptor) == []


TEXTS = [
    *("yes", "No", "y", "null", "~", "true", "1e5", "007", "0o7", "0x1f", "12:30", "2024-01-01"),
    *("*a", "&b", "=", "<<", "- a", "? a", "a #b", "a: b", "'", '"q"', "%", "@", "`", "|", ">"),
    *(
        "",
        " ",
        "tab\t",
        "\r\n",
        "a\x85b",
        "\u2028",
        "\ufeffx",
        "\x7f",
        "\x9b",
        "\x00",
        "\U0001f600",
    ),
    *("1_000", "1.", ".5", "+1", "NaN", ".inf", "!tag", "{}", "[]", "Größe", "a" * 500),
]


@pytest.mark.parametrize("flow", [False, True])
def test_any_text_in_a_contract_is_read_back_as_it_was(flow: bool) -> None:
    fields = [{"name": text, "title": text, "missingValues": [text]} for text in TEXTS]
    written = "schema: {fields: []}\n" if flow else ""
    text = add_fields(written, fields) if flow else contract_text({"schema": {"fields": fields}})
    document = read_document(text)
    assert document.problems == ()
    assert document.value == {"schema": {"fields": fields}}


@given(st.text(max_size=20))
def test_whatever_a_column_is_called_its_name_is_written_so_that_it_is_read_back(
    name: str,
) -> None:
    document = read_document(contract_text({"schema": {"fields": [{"name": name}]}}))
    assert document.value == {"schema": {"fields": [{"name": name}]}}


def test_numbers_are_read_back_as_the_same_numbers() -> None:
    values = [0, -1, 1.5, 1e20, 1e-9, 123456789.125, -0.0, 10**18]
    document = read_document(contract_text({"x": values}))
    assert document.value == {"x": values}
