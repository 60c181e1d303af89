"""The JSON Schemas for editors: what they refuse, the checks of the engine refuse too."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from data_package.engine.cli.verbs import command
from data_package.engine.errors import ProjectError
from data_package.engine.needs import Needs
from data_package.engine.package.metadata import metadata_schema, read_metadata
from data_package.engine.project import Project, find_project, settings_schema
from data_package.engine.schema import infer, lint
from data_package.engine.schema.constraints import CONSTRAINTS
from data_package.engine.schema.editor import contract_schema
from data_package.engine.schema.lint_field import SPECIFIC
from data_package.engine.schema.types import FIELD_TYPES
from data_package.engine.schema.yaml_document import read_document
from data_package_tests.engine.schema.generate import tables
from data_package_tests.engine.schema.test_registries import CASES

ROOT = Path(__file__).parents[3]
CONTRACT = Draft7Validator(contract_schema())
METADATA = Draft7Validator(metadata_schema())
SETTINGS = Draft7Validator(settings_schema())
VALUES: dict[str, Any] = {
    **{name: 1 if value is None else value for name, (value, _) in CASES.items()}, "enum": ["1"],
    "categories": ["1"], "categoriesOrdered": True, "decimalChar": ",", "groupChar": " ",
    "bareNumber": True, "trueValues": ["y"], "falseValues": ["n"], "delimiter": ";",
    "itemType": "integer",
}  # fmt: skip
FIELD: dict[str, Any] = {"name": "a", "type": "integer"}


def contract(field: object, **schema: object) -> dict[str, Any]:
    return {"schema": {"fields": [field], **schema}}


@pytest.mark.parametrize("what", ["contract", "datapackage", "settings"])
def test_the_schemas_are_json_schemas(what: str) -> None:
    printed = CliRunner().invoke(command, ["schema", what])
    assert printed.exit_code == 0
    Draft7Validator.check_schema(json.loads(printed.output))


def test_every_contract_of_this_repository_is_valid() -> None:
    found = [p for p in (ROOT / "data_package").rglob("*.yaml") if p.parent.name != "engine"]
    contracts = [p for p in found if p.name not in ("datapackage.yaml", "releases.yaml")]
    assert len(contracts) >= 10
    for path in contracts:
        value = read_document(path.read_text()).value
        assert [error.message for error in CONTRACT.iter_errors(value)] == [], path
    METADATA.validate(read_document((ROOT / "data_package/datapackage.yaml").read_text()).value)


def test_each_type_has_its_own_constraints_and_properties() -> None:
    for kind in FIELD_TYPES.values():
        for name in sorted(CONSTRAINTS):
            value = contract({"name": "a", "type": kind.name, "constraints": {name: VALUES[name]}})
            assert CONTRACT.is_valid(value) == (name in kind.constraints), (kind.name, name)
        for name in sorted(SPECIFIC):
            value = contract({"name": "a", "type": kind.name, name: VALUES[name]})
            assert CONTRACT.is_valid(value) == (name in kind.properties), (kind.name, name)


@pytest.mark.parametrize(
    "value",
    [
        {"schema": "shared/subjects.yaml", "dialect": "shared/semicolon.yaml"},
        {"schema": {"fields": [{"$ref": "fields.yaml#/id"}]}},
        {"schema": {"fields": [{"name": "x", "type": "string", "categories": {"$ref": "c.csv"}}]}},
        {"schema": {"fields": [{"name": "x", "constraints": {"enum": {"$ref": "c.csv"}}}]}},
        {"$ref": "other.yaml"},
        {"fields": [{"name": "bare"}]},
        contract({"name": "own", "unit": "kg", "title_da": "vægt"}),
        contract({"name": "a", "type": "date", "format": "%d.%m.%Y"}),
        contract({"name": "a", "format": "default", "constraints": None, "missingValues": None}),
    ],
)
def test_what_may_be_written_is_valid(value: object) -> None:
    assert [error.message for error in CONTRACT.iter_errors(value)] == []


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"title": 1, "schema": {"fields": [FIELD]}},
        {"fields": []},
        {"schema": {"fields": [{"type": "integer"}]}},
        {"encoding": 8, **contract(FIELD)},
        {"dialect": {"delimiter": ""}, **contract(FIELD)},
        {"dialect": {"headerRows": [0]}, **contract(FIELD)},
        {"dialect": {"sheetNumber": 0}, **contract(FIELD)},
        {"dialect": {"widths": []}, **contract(FIELD)},
        {"dialect": {"positions": [[1]]}, **contract(FIELD)},
        {"licenses": [], **contract(FIELD)},
        {"sources": [{}], **contract(FIELD)},
        contract({"name": "a", "type": "int"}),
        contract({"name": "a", "type": "integer", "format": "%d"}),
        contract({"name": "a", "type": "date", "format": "iso"}),
        contract({"name": "a", "minimum": 1}),
        contract({"name": "a", "type": "integer", "constraints": {"minimun": 1}}),
        contract({"name": "a", "type": "string", "constraints": {"minLength": -1}}),
        contract({"name": "a", "constraints": {"required": "yes"}}),
        contract({"name": "a", "type": "string", "categories": []}),
        contract({"name": "a", "type": "list", "itemType": "any"}),
        contract({"name": "a", "missingValues": [-99]}),
        contract(FIELD, primaryKey=[]),
        contract(FIELD, uniqueKeys=["a"]),
        contract(FIELD, fieldsMatch="some"),
        contract(FIELD, foreignKeys=[{"fields": "a"}]),
    ],
)
def test_what_is_refused_the_linter_refuses_too(value: object) -> None:
    assert not CONTRACT.is_valid(value)
    assert lint(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["", "a", ";", "1", "%Y"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=3,
)


@st.composite
def descriptors(draw: st.DrawFn) -> dict[str, Any]:
    """Contracts with a few odd things at places where something is known."""
    kind = FIELD_TYPES[draw(st.sampled_from(sorted(FIELD_TYPES)))]
    field: dict[str, Any] = {"name": "a", "type": kind.name}
    for name in draw(st.lists(st.sampled_from(sorted(SPECIFIC)), max_size=2)):
        field[name] = draw(st.just(VALUES[name]) | JSON)
    rules = draw(st.lists(st.sampled_from(sorted(CONSTRAINTS)), max_size=2))
    if rules:
        field["constraints"] = {name: draw(st.just(VALUES[name]) | JSON) for name in rules}
    for name in draw(st.lists(st.sampled_from(["title", "format", "missingValues", "rdfType"]))):
        field[name] = draw(JSON)
    schema: dict[str, Any] = {"fields": [field, {"name": "b"}]}
    keys = ["primaryKey", "uniqueKeys", "foreignKeys", "fieldsMatch", "missingValues", "title"]
    for name in draw(st.lists(st.sampled_from(keys), max_size=2)):
        schema[name] = draw(JSON)
    made: dict[str, Any] = {"schema": schema}
    for name in draw(
        st.lists(st.sampled_from(["title", "homepage", "encoding", "sources", "licenses"]))
    ):
        made[name] = draw(JSON)
    if draw(st.booleans()):
        names = ["delimiter", "headerRows", "header", "quoteChar", "commentChar", "nullSequence"]
        made["dialect"] = {name: draw(JSON) for name in draw(st.lists(st.sampled_from(names)))}
    return made


@settings(max_examples=400, deadline=None)
@given(descriptors())
def test_a_contract_without_a_fault_is_valid(value: dict[str, Any]) -> None:
    if not lint(value):
        assert [error.message for error in CONTRACT.iter_errors(value)] == []


@settings(max_examples=50, deadline=None)
@given(tables())
def test_a_generated_contract_is_valid(table: tuple[dict[str, Any], str]) -> None:
    assert [error.message for error in CONTRACT.iter_errors(table[0])] == []


def test_an_inferred_contract_is_valid() -> None:
    frame = pl.DataFrame({"id": range(40), "sex": ["f", "m"] * 20, "x": [1.5, None] * 20})
    assert [error.message for error in CONTRACT.iter_errors(infer(frame).descriptor)] == []


GOOD = "title: T\nlicenses: [{name: CC0-1.0}]\ncontributors: [{title: A, roles: [Editor]}]\n"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (GOOD, True),
        ("version: 1.0.0\nkeywords: [a]\nsources: [{title: s}]\n", True),
        ("version: '1'\n", False),
        ("titel: T\n", False),
        ("resources: []\n", False),
        ("licenses: [{title: x}]\n", False),
        ("contributors: [{}]\n", False),
        ("contributors: [{title: A, roles: Editor}]\n", False),
        ("keywords: [1]\n", False),
        ("name: ''\n", False),
    ],
)
def test_the_package_s_own_properties(tmp_path: Path, text: str, good: bool) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "datapackage.yaml").write_text(text)
    project = Project(tmp_path, "study", tmp_path / "storage")
    assert METADATA.is_valid(read_document(text).value) == good
    if good:
        read_metadata(project)
    else:
        with pytest.raises(ProjectError):
            read_metadata(project)


@pytest.mark.parametrize(
    ("setting", "value", "good"),
    [
        *(("memory", "4GB", True), ("memory", "0GB", False), ("memory", "4 gb", False)),
        *(("memory", 4, False), ("time", "1.5 h", True), ("time", "0.0s", False)),
        *(("cores", 8, True), ("cores", 0, False), ("cores", True, False), ("cores", "x", False)),
        *(("partition", "long,short", True), ("partition", "-x", False), ("partition", "", False)),
        *(("account", "a b", False), ("qos", "low", True), ("queue", "long", False)),
    ],
)
def test_the_settings_of_slurm(tmp_path: Path, setting: str, value: object, good: bool) -> None:
    written = json.dumps(value)
    head = '[tool.data-package]\npackage = "study"\n[tool.data-package.slurm]\n'
    text = f"{head}{setting} = {written}\n"
    (tmp_path / "pyproject.toml").write_text(text)
    assert SETTINGS.is_valid({"package": "study", "slurm": {setting: value}}) == good
    if good:
        assert find_project(tmp_path).slurm != Needs()
    else:
        with pytest.raises(ProjectError, match=r"\[tool.data-package.slurm\]"):
            find_project(tmp_path)


@pytest.mark.parametrize(
    ("setting", "value", "good"),
    [
        *(("csv", True, True), ("csv", 1, False), ("small-cells", 0, False)),
        *(("small-cells", 10, True), ("small-cells", True, False), ("round-counts", 2, False)),
        *(("round-counts", 10, True), ("subject", "a.b", True), ("subject", "ab.", False)),
        *(("subject", "none", True), ("library-changes", "never", True), ("smallcells", 1, False)),
        *(("library-changes", "x", False), ("storage", 1, False), ("largest-categories", 0, True)),
        *(("at-once", 8, True), ("at-once", 0, False), ("at-once", 65, False)),
        *(("processes", True, True), ("processes", 4, False)),
    ],
)
def test_the_settings(tmp_path: Path, setting: str, value: object, good: bool) -> None:
    written = json.dumps(value)
    text = f'[tool.data-package]\npackage = "study"\n{setting} = {written}\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert SETTINGS.is_valid({"package": "study", setting: value}) == good
    if good:
        find_project(tmp_path)
    else:
        with pytest.raises(ProjectError):
            find_project(tmp_path)
