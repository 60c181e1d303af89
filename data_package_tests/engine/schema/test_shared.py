"""What contracts share is written once: vocabularies, fields, schemas and dialects."""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.schema import (
    Contract,
    ContractError,
    begun_contract,
    check_file,
    load_contract,
)
from data_package.engine.schema.code_list import Vocabulary


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("")
    for folder in ("shared", "final", "raw"):
        (tmp_path / folder).mkdir()
    (tmp_path / "shared" / "fields.yaml").write_text(
        "person_id:\n  name: person_id\n  type: string\n  title: Person\n"
        '  constraints: {required: true, pattern: "[0-9]{4}"}\n'
        "icd:\n  name: icd\n  type: string\n  categories: {$ref: codes.csv}\n"
    )
    (tmp_path / "shared" / "codes.csv").write_text("value,label\nA00,Cholera\nA01,Typhoid fever\n")
    return tmp_path


def load(project: Path, text: str, name: str = "final/visits.yaml") -> Contract:
    path = project / name
    path.write_text(text)
    return load_contract(path)


def faults(project: Path, text: str) -> list[str]:
    with pytest.raises(ContractError) as caught:
        load(project, text)
    return [message.replace(f"{project}{os.sep}", "") for message in caught.value.messages]


def test_a_field_and_a_vocabulary_are_named_and_not_copied(project: Path) -> None:
    contract = load(
        project,
        """\
schema:
  fields:
    - $ref: ../shared/fields.yaml#/person_id
    - $ref: ../shared/fields.yaml#/icd
    - name: cause
      type: string
      categories: {$ref: ../shared/codes.csv}
""",
    )
    assert [field.name for field in contract.fields] == ["person_id", "icd", "cause"]
    assert contract.field("person_id").required
    for name in ("icd", "cause"):
        assert contract.field(name).categories == ("A00", "A01")
        assert contract.field(name).category_labels == ("Cholera", "Typhoid fever")
    assert contract.field("icd").vocabulary is contract.field("cause").vocabulary
    assert {Path(file).name for file in contract.shared} == {"fields.yaml", "codes.csv"}


def test_what_is_beside_a_reference_wins_over_what_it_brings(project: Path) -> None:
    contract = load(
        project,
        "schema:\n  fields:\n    - $ref: ../shared/fields.yaml#/person_id\n"
        "      name: mother_id\n      title: Mother\n      constraints: {required: false}\n",
    )
    field = contract.field("mother_id")
    assert (field.title, field.type, field.required) == ("Mother", "string", False)
    assert "pattern" not in field.constraints


def test_a_schema_and_a_dialect_are_a_path_as_the_standard_has_it(project: Path) -> None:
    (project / "shared" / "visit.json").write_text(
        '{"fields": [{"name": "id", "type": "integer"}, {"name": "v", "type": "number"}]}'
    )
    (project / "shared" / "danish.yaml").write_text('delimiter: ";"\n')
    contract = load(
        project,
        "title: Visits\nschema: ../shared/visit.json\ndialect: ../shared/danish.yaml\n",
        "raw/visits.yaml",
    )
    assert contract.title == "Visits"
    (project / "visits.csv").write_text("id;v\n1;2.5\n")
    assert check_file(project / "visits.csv", contract).ok


def test_a_contract_of_nothing_but_a_dialect_may_name_it(project: Path) -> None:
    (project / "shared" / "danish.yaml").write_text('delimiter: ";"\n')
    path = project / "raw" / "visits.yaml"
    path.write_text("dialect: ../shared/danish.yaml\n")
    assert begun_contract(path) == {"dialect": {"delimiter": ";"}}


def test_a_change_of_a_vocabulary_is_a_change_of_what_is_checked(project: Path) -> None:
    text = "schema: {fields: [{name: a, type: string, categories: {$ref: ../shared/codes.csv}}]}\n"
    codes = project / "shared" / "codes.csv"
    before = load(project, text)
    codes.write_text("value,label\nA00,Cholera\nA01,Enteric fever\n")
    relabelled = load(project, text)
    codes.write_text("value,label\nA00,Cholera\nA02,Salmonella\n")
    other = load(project, text)
    assert relabelled.validation_digest() == before.validation_digest()
    assert relabelled.field("a").category_labels != before.field("a").category_labels
    assert other.validation_digest() != before.validation_digest()
    assert other.shared != before.shared


@pytest.mark.parametrize(
    ("text", "values", "labels"),
    [
        ("value\na\nb\n", ("a", "b"), (None, None)),
        ("label,value\nx,a\n,b\n", ("a", "b"), ("x", None)),
        ("value;label\na;x, y\n", ("a",), ("x, y",)),
        ("value\tlabel\na\tx\n", ("a",), ("x",)),
        ('value,label,chapter\na,"x, y",I\n', ("a",), ("x, y",)),
    ],
)
def test_a_list_of_codes_is_csv_with_a_column_value(
    project: Path, text: str, values: tuple[str, ...], labels: tuple[str | None, ...]
) -> None:
    (project / "shared" / "codes.csv").write_text(text)
    made = load(
        project,
        "schema: {fields: [{name: a, type: string, categories: {$ref: ../shared/codes.csv}}]}\n",
    )
    assert made.field("a").categories == values
    assert made.field("a").category_labels == labels


def test_a_vocabulary_may_be_yaml_or_a_part_of_it_and_codes_may_be_integers(project: Path) -> None:
    (project / "shared" / "lists.yaml").write_text(
        "yes_no:\n  - {value: 0, label: No}\n  - {value: 1, label: Yes}\n"
    )
    (project / "shared" / "numbers.csv").write_text("value,label\n1,one\n2,two\n")
    contract = load(
        project,
        "schema:\n  fields:\n"
        "    - {name: a, type: integer, categories: {$ref: ../shared/lists.yaml#/yes_no}}\n"
        "    - {name: b, type: integer, categories: {$ref: ../shared/numbers.csv}}\n"
        "    - {name: c, type: string, constraints: {enum: {$ref: ../shared/numbers.csv}}}\n",
    )
    first = contract.field("a").vocabulary
    assert first is not None
    assert first.name == "yes_no"
    assert contract.field("a").categories == (0, 1)
    assert contract.field("b").categories == ("1", "2")
    assert contract.field("c").constraints["enum"] == ["1", "2"]


def test_a_fault_in_a_shared_file_is_reported_there(project: Path) -> None:
    (project / "shared" / "fields.yaml").write_text("id:\n  name: id\n  tpye: integer\n")
    (project / "shared" / "codes.csv").write_text("value,label\nA,x\nB,y\nA,z\n")
    assert faults(
        project,
        "schema:\n  fields:\n    - $ref: ../shared/fields.yaml#/id\n"
        "    - {name: b, type: string, categories: {$ref: ../shared/codes.csv}, titel: B}\n",
    ) == [
        "final/visits.yaml:4:72: unknown property 'titel'. Did you mean 'title'?",
        "shared/codes.csv:4:1: this category is here twice; keep one",
        "shared/fields.yaml:3:3: unknown property 'tpye'. Did you mean 'type'?",
    ]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("../../etc/codes.yaml", "leads out of the project"),
        ("/etc/passwd", "not a path from this file"),
        ("~/codes.yaml", "not a path from this file"),
        ("https://example.org/codes.yaml", "not a path from this file"),
        ("file:///etc/codes.yaml", "not a path from this file"),
        ("..\\shared\\codes.csv", "not a path from this file"),
        ("../shared/nothing.yaml", "is not there"),
        ("%2e%2e/%2e%2e/codes.yaml", "leads out of the project"),
        ("..\0.yaml", "cannot be a path"),
        ("x" * 5000 + ".yaml", "cannot be a path"),
        ("../pyproject.toml", "not a file in YAML, JSON or CSV"),
        ("../shared/fields.yaml#/persn_id", "Did you mean 'person_id'?"),
        ("../shared/fields.yaml#person_id", "begins with /"),
        (5, "$ref must be the path of a file"),
        ("visits.yaml", "leads back to itself"),
        ("#/schema/fields/0", "leads back to itself"),
        ("../shared/outside.yaml", "leads out of the project"),
    ],
)
def test_a_reference_stays_within_the_project_and_ends(
    project: Path, tmp_path_factory: pytest.TempPathFactory, reference: object, expected: str
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "x.yaml"
    outside.write_text("name: a\n")
    (project / "shared" / "outside.yaml").symlink_to(outside)
    written = json.dumps(reference)
    found = faults(project, f"schema:\n  fields:\n    - $ref: {written}\n")
    assert len(found) == 1
    assert found[0].startswith("final/visits.yaml:3:7: ") or "itself" in found[0]
    assert expected in found[0]


def test_references_that_multiply_are_refused(project: Path) -> None:
    lines = ["a0: {x: 1}"]
    lines += [f"a{i}: [{', '.join([f'{{$ref: bomb.yaml#/a{i - 1}}}'] * 10)}]" for i in range(1, 10)]
    (project / "shared" / "bomb.yaml").write_text("\n".join(lines) + "\n")
    found = faults(project, "schema: {fields: [{name: a}]}\nx: {$ref: ../shared/bomb.yaml#/a9}\n")
    assert "unfolds" in found[0]


def test_json_of_the_publishers_own_keeps_its_references(project: Path) -> None:
    schema = '{$defs: {a: {type: string}}, items: {$ref: "#/$defs/a"}}'
    contract = load(
        project,
        f"schema: {{fields: [{{name: a, type: array, constraints: {{jsonSchema: {schema}}}}}]}}\n",
    )
    assert contract.field("a").constraints["jsonSchema"] == {
        "$defs": {"a": {"type": "string"}},
        "items": {"$ref": "#/$defs/a"},
    }


def test_a_contract_outside_a_project_names_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_text("value\na\n")
    contract = load(
        tmp_path, "fields: [{name: a, type: string, categories: {$ref: codes.csv}}]\n", "c.yaml"
    )
    assert contract.field("a").categories == ("a",)


def test_a_vocabulary_is_read_once_for_all_contracts(project: Path) -> None:
    lines = [f"C{i:05},code {i}" for i in range(2_000)]
    (project / "shared" / "codes.csv").write_text("value,label\n" + "\n".join(lines) + "\n")
    text = "schema: {fields: [{name: a, type: string, categories: {$ref: ../shared/codes.csv}}]}\n"
    first, *others = [load(project, text, f"final/t{i}.yaml") for i in range(10)]
    assert all(one.field("a").categories is first.field("a").categories for one in others)
    assert isinstance(first.field("a").vocabulary, Vocabulary)


def test_a_fault_of_every_code_does_not_fill_the_screen(project: Path) -> None:
    lines = [f"C{i:05},code {i}" for i in range(20_000)]
    (project / "shared" / "codes.csv").write_text("value,labels\n" + "\n".join(lines) + "\n")
    found = faults(
        project,
        "schema: {fields: [{name: a, type: string, categories: {$ref: ../shared/codes.csv}}]}\n",
    )
    assert len(found) == 41
    assert found[0] == "shared/codes.csv:2:1: unknown property 'labels'. Did you mean 'label'?"
    assert found[-1] == "final/visits.yaml: and 19,960 more faults"


def test_a_vocabulary_can_be_named_from_another_folder(project: Path) -> None:
    (project / "shared" / "my lists.yaml").write_text("sex:\n  - F\n  - M\n")
    text = "schema: {{fields: [{{name: a, type: string, categories: {0}}}]}}\n"
    first = load(project, text.format("{$ref: '../shared/my%20lists.yaml#/sex'}"))
    vocabulary = first.field("a").vocabulary
    assert vocabulary is not None
    (project / "raw" / "deep").mkdir()
    named = vocabulary.named_from(project / "raw" / "deep")
    assert named == {"$ref": "../../shared/my%20lists.yaml#/sex"}
    again = load(project, text.format(json.dumps(named)), "raw/deep/t.yaml")
    assert again.field("a").vocabulary is vocabulary
    assert Vocabulary(["a"], name="").named_from(project) == ["a"]


_REFERENCES = st.sampled_from(
    [
        *("", "#", "#/schema", "c.yaml", "c.yaml#/a", "c.yaml#/b/0", "codes.csv", "codes.csv#/1"),
        *("c.yaml#/a~1b", "x", "..", "/", "\0", "%", "c.yaml#", "c.yaml#/-1", "http://x/y.yaml"),
    ]
)
_PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | _REFERENCES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "type", "categories", "enum", "constraints", "schema"])
            | st.sampled_from(["fields", "dialect", "a", "b", "$ref", "jsonSchema"]),
            inner,
            max_size=3,
        )
        | st.fixed_dictionaries({"$ref": _REFERENCES | inner}, optional={"name": inner})
    ),
    max_leaves=15,
)


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(contract=_PARTS, other=_PARTS)
def test_whatever_refers_to_whatever_is_a_contract_or_is_refused(
    contract: object, other: object
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "c.yaml").write_text(json.dumps(other))
        (Path(folder) / "codes.csv").write_text("value\na\nb\n")
        path = Path(folder) / "contract.yaml"
        path.write_text(json.dumps(contract))
        with suppress(ContractError):
            load_contract(path)
