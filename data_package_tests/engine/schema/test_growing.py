"""A contract that is there already is given what it lacks, and nothing that is written changes."""

import difflib
import random
from typing import Any

import pytest
import yaml

from data_package.engine.schema import grown
from data_package.engine.schema.yaml_document import read_document

KNOWN: dict[str, Any] = {
    "title": "",
    "description": "One row per person.",
    "schema": {
        "fields": [
            {"name": "id", "type": "string", "title": "Person: the number", "description": ""},
            {
                "name": "arm",
                "type": "integer",
                "title": "Arm",
                "description": "As drawn # by lot",
                "categories": [{"value": 1, "label": "placebo"}, {"value": 2, "label": "active"}],
            },
            {"name": "ward", "type": "string", "title": "", "categories": ["north", "south"]},
        ],
        "primaryKey": ["id"],
        "foreignKeys": [{"fields": ["id"], "reference": {"resource": "p", "fields": ["id"]}}],
    },
}
BLOCK = """\
# what people know
title: People   # a title of their own
schema:
  fields:
    # the key
    - name: id
      title: ""   # not yet
      type: string
    - type: integer
      name: arm

    - {name: ward, type: string}  # last
# the end
"""


def added(text: str, made: str) -> list[str]:
    """The lines that are new, where no other line has changed."""
    lines = list(difflib.ndiff(text.splitlines(), made.splitlines()))
    return [line[2:] for line in lines if line.startswith("+ ")]


def test_a_contract_gets_missing_fields_and_keeps_the_rest() -> None:
    result = grown(BLOCK, KNOWN)
    assert result.left == ()
    assert result.added == (
        "the description",
        "the title of id",
        "the title of arm",
        "the description of arm",
        "the categories of arm",
        "a foreign key of id",
    )
    value = yaml.safe_load(result.text)
    assert value["title"] == "People"
    assert value["schema"]["foreignKeys"] == KNOWN["schema"]["foreignKeys"]
    fields = {one["name"]: one for one in value["schema"]["fields"]}
    assert fields["id"] == {"name": "id", "title": "Person: the number", "type": "string"}
    assert fields["arm"]["categories"][1] == {"value": 2, "label": "active"}
    assert fields["ward"] == {"name": "ward", "type": "string"}
    kept = [line for line in BLOCK.splitlines() if '""' not in line]
    assert [line for line in result.text.splitlines() if line in kept] == kept
    assert '      title: "Person: the number"   # not yet' in result.text.splitlines()
    assert grown(result.text, KNOWN).text == result.text


@pytest.mark.parametrize(
    "text",
    [
        "fields:\n  - name: id\n    type: string\n",
        "fields:\n- name: id\n  type: string",
        "fields: [{name: id, type: string}]\n",
        "schema: {fields: [{name: id, type: string, title: ''}]}\n",
        "schema:\n  fields:\n    - {name: id, type: string, }\n  primaryKey: [id]",
        "schema:\r\n  fields:\r\n    - name: id\r\n      type: string\r\n",
        '{"schema": {"fields": [{"name": "id", "type": "string"}]}}',
        "schema:\n  primaryKey: id\n  fields:\n    - name: id\n      type: string\ntitle: x\n",
        "schema:\n  fields:\n    - name: id\n      type: string\n      title:\n",
        "schema:\n  fields:\n    - name: id\n      type: string\n      rdfType: |\n"
        "        a\n        b\n",
        "a: &a {type: string}\nschema:\n  fields:\n    - <<: *a\n      name: id\n",
    ],
)
def test_a_contract_of_any_shape_grows_or_says_what_could_be_added(text: str) -> None:
    before = read_document(text).value
    result = grown(text, KNOWN)
    assert bool(result.added) != bool(result.left)
    after = read_document(result.text).value
    assert (after == before) is bool(result.left)
    if result.added:
        schema: Any = after
        schema = schema.get("schema", schema)
        assert schema["fields"][0]["title"] == "Person: the number"
        assert schema["foreignKeys"] == KNOWN["schema"]["foreignKeys"]
        assert ("\r\n" in text) is ("\r\n" in result.text)


def test_nothing_is_added_where_a_person_has_written_otherwise() -> None:
    field = "{name: arm, type: integer, title: A, description: B, constraints: {enum: [1, 2]}}"
    text = f"description: x\nschema:\n  fields: [{field}]\n  foreignKeys: []\n"
    assert grown(text, KNOWN).text == text
    text = "fields: [{name: arm, type: string, title: A, description: B}]\nforeignKeys: []\n"
    assert grown(text, KNOWN).text == text


@pytest.mark.parametrize("text", ["", "- a\n", "a: [\n", "schema: s.yaml\n", "fields: {}\n"])
def test_a_value_that_is_not_a_list_of_fields_stays_as_it_is(text: str) -> None:
    assert grown(text, KNOWN).text == text


def test_whatever_is_known_is_read_back() -> None:
    chooser = random.Random(5)
    signs = "ab: #'\"\n{}[],&*!|>-?%@`\\\u00e9\u2028\U0001f600"
    for _ in range(200):
        words = "".join(chooser.choice(signs) for _ in range(chooser.randint(1, 9)))
        known = {"schema": {"fields": [{"name": "id", "type": "string", "title": words}]}}
        for text in ("fields:\n  - name: id\n", "fields: [{name: id}]\n", "fields:\n- {name: id}"):
            result = grown(text, known)
            value: Any = read_document(result.text).value
            assert value["fields"][0].get("title") == (words if result.added else None)
            assert result.added or words == ""
