"""Contracts in YAML: what is read, what is refused and in which words."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.errors import ProjectError
from data_package.engine.schema import Contract, ContractError, lint_references, load_contract
from data_package.engine.schema.contract_cache import ContractCache
from data_package.engine.schema.yaml_document import read_document
from data_package.engine.tables.table import contract_at

GOOD = """\
title: People
description: One row each.
sources:
  - title: A register
schema:
  fields:
    - name: id
      type: integer
      title: Identifier
    - name: answer
      type: string
      categories: [yes, no]
    - name: site
      type: string
      constraints: {enum: [007, "1"]}
    - name: born
      type: date
      constraints: {minimum: 1900-01-01}
  primaryKey: id
  foreignKeys:
    - fields: site
      reference: {resource: sites, fields: code}
  missingValues: ["", {value: "-9", label: refused}]
"""


def load(tmp_path: Path, text: str) -> Contract:
    path = tmp_path / "people.yaml"
    path.write_text(text, encoding="utf-8")
    return load_contract(path)


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ContractError) as caught:
        load(tmp_path, text)
    assert isinstance(caught.value, ProjectError)
    prefix = f"{tmp_path / 'people.yaml'}:"
    assert all(message.startswith(prefix) for message in caught.value.messages)
    return [message.removeprefix(prefix) for message in caught.value.messages]


def field_faults(tmp_path: Path, field: str) -> list[str]:
    return faults(tmp_path, f"schema:\n  fields:\n    - {{name: a, {field}}}\n")


def test_a_contract_has_the_properties_in_its_file(tmp_path: Path) -> None:
    contract = load(tmp_path, GOOD)
    assert contract.name == "people"
    assert contract.title == "People"
    assert contract.primary_key == ("id",)
    assert contract.references == ("sites",)
    assert contract.missing_values == ("", "-9")
    assert contract.descriptor["sources"] == [{"title": "A register"}]
    assert [field.name for field in contract.fields] == ["id", "answer", "site", "born"]


def test_words_dates_and_leading_zeros_stay_what_was_typed(tmp_path: Path) -> None:
    contract = load(tmp_path, GOOD)
    assert contract.field("answer").categories == ("yes", "no")
    assert contract.field("site").constraints["enum"] == ["007", "1"]
    assert contract.field("born").constraints["minimum"] == "1900-01-01"


def test_the_digest_changes_only_with_the_rules(tmp_path: Path) -> None:
    digest = load(tmp_path, GOOD).validation_digest()
    for same in (
        GOOD.replace("One row", "A row"),
        GOOD.replace("Identifier", "Number"),
        "# x\n" + GOOD,
    ):
        assert load(tmp_path, same).validation_digest() == digest
    for other in (
        GOOD.replace("1900", "1901"),
        GOOD.replace("yes, no", "no, yes"),
        GOOD.replace('"-9"', '"-8"'),
        GOOD.replace("primaryKey: id", "primaryKey: site"),
    ):
        assert load(tmp_path, other).validation_digest() != digest


def test_every_fault_is_reported_at_once_with_line_and_column(tmp_path: Path) -> None:
    text = GOOD.replace("title: People", "titel: People").replace(
        "primaryKey: id", "primaryKey: idd"
    )
    assert faults(tmp_path, text) == [
        "1:1: unknown property 'titel'. Did you mean 'title'?",
        "19:3: the primary key names 'idd', which is not a field. Did you mean 'id'?",
    ]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("type: integr", "Did you mean 'integer'?"),
        ("tpye: integer", "Did you mean 'type'?"),
        ("required: true", "move it under constraints"),
        ("constraints: {minimun: 3}", "Did you mean 'minimum'?"),
        ("type: string, constraints: {minimum: 3}", "does not fit the type string"),
        ("type: integer, constraints: {pattern: a}", "does not fit the type integer"),
        ("type: integer, constraints: {minimum: x}", "the minimum is not a value of type integer"),
        (
            "type: date, constraints: {maximum: 2020-02-30}",
            "the maximum is not a value of type date",
        ),
        ("type: integer, constraints: {minimum: 3, maximum: 2}", "above the maximum"),
        ("type: integer, constraints: {exclusiveMinimum: 3, maximum: 3}", "above the maximum"),
        ("type: duration, constraints: {minimum: P2Y, maximum: P1Y}", "above the maximum"),
        ("type: string, constraints: {minLength: 3, maxLength: 2}", "above maxLength"),
        ("type: string, constraints: {minLength: -1}", "zero or more"),
        ('type: string, constraints: {pattern: "("}', "not a regular expression"),
        ("type: string, constraints: {pattern: '[a-z-[aeiou]]'}", "is XML Schema's own"),
        ("type: string, constraints: {pattern: '[]-[b]]'}", "is XML Schema's own"),
        ("type: string, constraints: {pattern: 'a\\[[^x-[y]]'}", "is XML Schema's own"),
        ("type: string, constraints: {pattern: '\\i\\c*'}", "is XML Schema's own"),
        ("type: string, constraints: {pattern: '\\P{IsBasicLatin}'}", "is XML Schema's own"),
        ("type: number, constraints: {minimum: NaN}", "nothing can be right"),
        ("type: string, constraints: {enum: [1]}", "put it in quotes"),
        ("type: string, constraints: {enum: [true]}", "put it in quotes"),
        ("type: integer, constraints: {enum: [1, 1]}", "twice"),
        ("type: integer, constraints: {required: yes}", "required must be true or false"),
        ("type: integer, categories: [1, 1]", "twice"),
        ("type: integer, categories: [x]", "not a value of type integer"),
        ("type: string, categories: [a], constraints: {enum: [b]}", "not a category"),
        (
            "type: string, categories: [{value: a, label: x}, {value: b, label: x}]",
            "labels must differ",
        ),
        ("type: string, format: emial", "Did you mean 'email'?"),
        ("type: integer, format: dd", "has no format"),
        ("type: date, format: dd/mm", "neither a format of date nor a pattern"),
        ('type: date, format: "%Q"', "%Q"),
        ("type: string, decimalChar: x", "does not belong to the type string"),
        ("type: number, groupChar: .", "the same"),
        ("type: list, itemType: objekt", "itemType must be one of"),
        ("missingValues: [-9]", "put it in quotes"),
        ("title: 3", "title must be text"),
    ],
)
def test_a_fault_of_a_field_is_reported_with_what_to_do(
    field: str, expected: str, tmp_path: Path
) -> None:
    assert any(expected in message for message in field_faults(tmp_path, field))


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("fields: [{name: a}, {name: a}]", "taken by field 1"),
        ("fields: []", "no fields"),
        ("fields: [{type: string}]", "needs a name"),
        ("fields: [{name: a}], primaryKey: [b]", "not a field"),
        ("fields: [{name: a}], uniqueKeys: [a]", "put it in brackets"),
        ("fields: [{name: a}], fieldsMatch: same", "fieldsMatch must be one of"),
        ("fields: [{name: a}], foreignKeys: [{fields: a}]", "reference:"),
        (
            "fields: [{name: a}], "
            "foreignKeys: [{fields: a, reference: {resource: b, fields: [c, d]}}]",
            "the same number",
        ),
    ],
)
def test_a_fault_of_the_schema_is_reported_with_what_to_do(
    schema: str, expected: str, tmp_path: Path
) -> None:
    assert any(expected in message for message in faults(tmp_path, f"schema: {{{schema}}}\n"))


def test_references_between_contracts_must_lead_to_fields_that_exist() -> None:
    key = {"fields": ["s"], "reference": {"resource": "subjects", "fields": ["id"]}}
    visits = {"schema": {"fields": [{"name": "s"}], "foreignKeys": [key]}}
    subjects = {"schema": {"fields": [{"name": "id"}]}}
    assert lint_references({"visits": visits, "subjects": subjects}) == []
    other = {"schema": {"fields": [{"name": "ids"}]}}
    assert "not a field of subjects" in str(
        lint_references({"visits": visits, "subjects": other})[0][1]
    )
    assert "not a table with a contract" in str(lint_references({"visits": visits})[0][1])


def test_merged_properties_count_like_written_ones(tmp_path: Path) -> None:
    contract = load(
        tmp_path,
        """\
whole: &whole {type: integer, constraints: {required: true}}
number: &number {title: A number, type: string}
schema:
  fields:
    - {name: id, type: integer}
    - <<: *whole
      name: v
    - {name: w, <<: [*whole, *number], constraints: {minimum: 1}}
""",
    )
    assert contract.field("v").type == "integer"
    assert contract.field("v").required
    assert contract.field("w").descriptor == {
        "type": "integer",
        "constraints": {"minimum": 1},
        "title": "A number",
        "name": "w",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"title": "\\ud83d\\ude00"}', {"title": "\U0001f600"}),
        ('{"title"\n: "a\x7fb"}', {"title": "a\x7fb"}),
        ('{"title": "a\x85b"}', {"title": "a\x85b"}),
        ('{"a": [1, 1.5, true, null, "yes"]}', {"a": [1, 1.5, True, None, "yes"]}),
        ('{"<<": {"a": 1}}', {"<<": {"a": 1}}),
        ("{a: yes}", {"a": "yes"}),
    ],
)
def test_json_is_read_as_json_and_what_is_not_as_yaml(text: str, value: object) -> None:
    assert read_document(text).value == value
    assert read_document(text, spans=True).value == value


def test_a_fault_in_json_has_its_place(tmp_path: Path) -> None:
    text = '{"schema": {"fields": [\n  {"name": "a\x7f",\r\n   "type": "integr"}\n]}}'
    assert faults(tmp_path, text) == ["3:4: unknown type 'integr'. Did you mean 'integer'?"]
    assert faults(tmp_path, '{"title": 1,\n "title": 2}')[0].startswith("2:2: the key 'title'")
    assert "surrogate" in faults(tmp_path, '{"title": "\\ud800"}')[0]


def test_a_character_that_yaml_forbids_is_named_with_its_place(tmp_path: Path) -> None:
    expected = faults(tmp_path, 'title: A\ndescription: "x\x81"\n')
    assert expected == [
        "2:16: this is not YAML: U+0081 cannot be written in YAML as it is; use an escape in "
        "double quotes"
    ]


def test_a_contract_under_another_name_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "people.yml").write_text(GOOD)
    with pytest.raises(ProjectError, match=r"this contract must be named people\.yaml"):
        contract_at(tmp_path / "people.yaml", ContractCache.at(tmp_path / "contracts.json"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\n", "twice"),
        ("a: {<<: 5}\n", "must be a mapping"),
        ("a: {<<: {b: 1}, <<: {c: 1}}\n", "merge a list"),
        ("a: !!str {b: 1}\n", "tags"),
        ("a: !!int 5\n", "tags"),
        ("1: x\n", "not text"),
        ("a: !!python/object:os.system x\n", "tags"),
        ("a: [1\n", "not YAML"),
        ("a: 1\n---\nb: 2\n", "more than one"),
        ("[" * 100_000, "levels deep"),
        ("a: &x [*x]\n", "alias"),
        ("? [a]\n: b\n", "key must be text"),
        ("", "a contract must be a mapping"),
        ("- a\n", "a contract must be a mapping"),
    ],
)
def test_hostile_yaml_is_refused_in_one_line(text: str, expected: str, tmp_path: Path) -> None:
    assert expected in faults(tmp_path, text)[0]


def test_an_alias_bomb_is_refused_in_no_time() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
    )
    begun = time.monotonic()
    problems = read_document(bomb).problems
    assert "unfolds" in problems[0].what
    assert time.monotonic() - begun < 30


def test_a_huge_whole_number_is_read(tmp_path: Path) -> None:
    assert (
        "minimum"
        in field_faults(tmp_path, f"type: string, constraints: {{minimum: {'9' * 9000}}}")[0]
    )


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(text=st.text(alphabet="ab:-[]{}&*!#|>'\"%@ \n\t,?", max_size=60))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    document = read_document(text, spans=True)
    assert document.value is None or not isinstance(document.value, bytes)


def test_a_file_that_is_not_there_or_not_utf8_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="No such file"):
        load_contract(tmp_path / "none.yaml")
    (tmp_path / "x.yaml").write_bytes(b"title: S\xf8")
    with pytest.raises(ContractError, match="not UTF-8"):
        load_contract(tmp_path / "x.yaml")


def test_a_contract_is_read_and_digested_without_polars(tmp_path: Path) -> None:
    path = tmp_path / "people.yaml"
    path.write_text(GOOD, encoding="utf-8")
    code = (
        "import sys; from data_package.engine.schema import load_contract; "
        f"load_contract({str(path)!r}).validation_digest(); "
        "sys.exit(any(name in sys.modules for name in ('polars', 'dagster', 'frictionless')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
