"""Every type and every constraint is known to all that depends on it."""

import pkgutil
import tomllib
from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from frictionless import FrictionlessException, system

from data_package.engine.cli.options import Where
from data_package.engine.schema import (
    Contract,
    check,
    check_file,
    constraints,
    formats,
    infer,
    lint,
    types,
)
from data_package.engine.schema.constraints import CONSTRAINTS
from data_package.engine.schema.constraints.constraint import Constraint
from data_package.engine.schema.formats import FORMATS
from data_package.engine.schema.formats.file_format import FileFormat
from data_package.engine.schema.literals import logical
from data_package.engine.schema.types import FIELD_TYPES
from data_package.engine.schema.types.field_type import FieldType
from data_package.engine.schema.types.list import LIST_ITEM_TYPES
from data_package.engine.testing.values import _MAKERS
from data_package_tests.engine.schema import generate

ROOT = Path(__file__).resolve().parents[3]
# Three cells of each type, each more than the one before.
CELLS = {
    "string": ("a", "bb", "ccc"),
    "number": ("1.5", "2.5", "3.5"),
    "integer": ("1", "2", "3"),
    "boolean": ("true", "false", "1"),
    "object": ('{"a": 1}', '{"a": 1, "b": 2}', '{"a": 1, "b": 2, "c": 3}'),
    "array": ("[1]", "[1, 2]", "[1, 2, 3]"),
    "list": ("a", "a,b", "a,b,c"),
    "datetime": ("2024-01-01T00:00:00", "2024-01-02T00:00:00", "2024-01-03T00:00:00"),
    "date": ("2024-01-01", "2024-01-02", "2024-01-03"),
    "time": ("01:00:00", "02:00:00", "03:00:00"),
    "year": ("2001", "2002", "2003"),
    "yearmonth": ("2024-01", "2024-02", "2024-03"),
    "duration": ("P1D", "P2D", "P3D"),
    "geopoint": ("1, 1", "2, 2", "3, 3"),
    "geojson": tuple(f'{{"type": "Point", "coordinates": [{i}, 1]}}' for i in (1, 2, 3)),
    "any": ("a", "bb", "ccc"),
}
# What each constraint says of the middle cell, and which of the three break it.
CASES: dict[str, tuple[Any, list[int]]] = {
    "required": (True, [5]),
    "unique": (True, [6]),
    "enum": (None, [2, 4]),
    "minLength": (2, [2]),
    "maxLength": (2, [4]),
    "minimum": (None, [2]),
    "maximum": (None, [4]),
    "exclusiveMinimum": (None, [2, 3]),
    "exclusiveMaximum": (None, [3, 4]),
    "pattern": ("b+", [2, 4]),
    "jsonSchema": ({"minItems": 2, "minProperties": 2}, [2]),
}
PAIRS = [(kind, name) for kind in FIELD_TYPES for name in FIELD_TYPES[kind].constraints]


@pytest.mark.parametrize(
    ("package", "kind", "registry"),
    [
        (types, FieldType, FIELD_TYPES.values()),
        (constraints, Constraint, CONSTRAINTS.values()),
        (formats, FileFormat, FORMATS),
    ],
)
def test_no_value_in_the_modules_of_a_registry_is_left_out(
    package: ModuleType, kind: type, registry: Collection[object]
) -> None:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        values = vars(import_module(module.name)).items()
        found = [(name, one) for name, one in values if isinstance(one, kind)]
        assert [name for name, one in found if one not in registry] == [], module.name


def test_each_constraint_is_of_some_type_and_each_of_a_type_is_known() -> None:
    assert set(CONSTRAINTS) == {name for _, name in PAIRS} == set(CASES)
    assert set(FIELD_TYPES) == set(CELLS)
    # What frictionless judges too.
    assert set(generate.CELLS) == {kind for kind in FIELD_TYPES if _frictionless_has(kind)}


def _frictionless_has(kind: str) -> bool:
    try:
        system.select_field_class(kind)
    except FrictionlessException:
        return False
    return True


def test_the_reference_has_each_constraint_that_a_value_may_break() -> None:
    # Values that repeat are reported with the keys.
    names = [*(name for name in CONSTRAINTS if name != "unique"), "categories"]
    row = f"| `constraint-error` | {', '.join(f'`{name}`' for name in names)} |"
    assert row in (ROOT / "docs" / "reference" / "table-schema.md").read_text()


@pytest.mark.parametrize(("kind", "name"), sorted(PAIRS))
def test_a_constraint_that_a_type_allows_is_linted_and_checked(
    kind: str, name: str, tmp_path: Path
) -> None:
    value, broken = CASES[name]
    middle = CELLS[kind][1]
    value = value if value is not None else [middle] if name == "enum" else middle
    field = {"name": "v", "type": kind, "constraints": {name: value}}
    schema = {"fields": [field, {"name": "k", "type": "string"}]}
    assert lint(schema) == []
    wrong = {**schema, "fields": [{**field, "constraints": {name: "("}}]}
    if not (name in ("enum", "minimum", "maximum") and kind == "any"):
        assert lint(wrong) != []
    cells = [*CELLS[kind], "", *([middle] if name == "unique" else [])]
    quoted = ['"' + cell.replace('"', '""') + '",k' for cell in cells]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["v,k", *quoted]) + "\n")
    report = check_file(path, schema)
    assert report.skipped == ()
    assert {total.rule for total in report.totals} == {name}
    # There are only two booleans.
    repeated = [4] if (kind, name) == ("boolean", "unique") else []
    assert report.errors["row"].to_list() == repeated + broken


@pytest.mark.parametrize("name", sorted(CONSTRAINTS))
def test_a_constraint_has_a_rule_words_sql_and_a_level_or_its_own_form(name: str) -> None:
    constraint = CONSTRAINTS[name]
    assert constraint.name == name
    # Judged with the keys.
    assert (constraint.rule is None) == (name == "unique")
    # Badges, and lists of values, in the data dictionary.
    assert (constraint.words == "") == (name in ("required", "unique", "enum"))
    # Parts of a column, and what databases have no one form for.
    assert (constraint.sql == "") == (name in ("required", "unique", "pattern", "jsonSchema"))
    lower, upper = ([1], [1, 2]) if name == "enum" else (1, 2)
    loosens = constraint.loosens(lower, upper), constraint.loosens(upper, lower)
    asks_less = name in ("enum", "maxLength", "maximum", "exclusiveMaximum")
    asks_more = name in ("minLength", "minimum", "exclusiveMinimum")
    assert loosens == (asks_less, asks_more)


@pytest.mark.parametrize("kind", sorted(FIELD_TYPES))
def test_a_type_reads_its_cells_and_holds_them_as_text_or_not(kind: str) -> None:
    field = Contract.from_descriptor({"fields": [{"name": "v", "type": kind}]}).fields[0]
    values = [logical(field, cell) for cell in CELLS[kind]]
    assert None not in values
    column = pl.DataFrame({"v": CELLS[kind]})
    report = check(column, Contract.from_descriptor({"fields": [field.descriptor]}))
    held_as_text = FIELD_TYPES[kind].lexical or kind in ("string", "any")
    assert report.ok is held_as_text


def test_what_is_listed_of_types_elsewhere_are_types() -> None:
    assert set(LIST_ITEM_TYPES) <= set(FIELD_TYPES)
    assert set(_MAKERS) | {"string", "any"} == set(FIELD_TYPES)
    columns: dict[str, Any] = {"i": [1], "f": [1.5], "b": [True], "s": ["a"], "l": [[1]]}
    frame = pl.DataFrame(columns | {"o": [{"a": 1}], "n": [b"x"]})
    assert {field["type"] for field in infer(frame).fields} <= set(FIELD_TYPES)


def test_the_how_to_lists_each_format_of_raw_files_and_each_can_be_installed() -> None:
    page = (ROOT / "docs" / "how-to" / "formats.md").read_text()
    table = page.partition("|---|---|---|\n")[2].partition("\n\n")[0]
    rows = []
    for each in FORMATS:
        needs = f"`pip install 'data-package[{each.extra}]'`" if each.extra else "nothing more"
        rows.append(f"| {each.name} | {', '.join(f'`{end}`' for end in each.suffixes)} | {needs} |")
    assert table.splitlines() == rows
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for each in FORMATS:
        assert set(extras[each.extra] if each.extra else ()) <= set(extras["dev"])
        assert (each.library is None) == (each.extra is None)


def test_a_file_of_each_format_of_raw_files_is_read_by_some_test() -> None:
    tests = _texts_of_tests("engine")
    assert [each.name for each in FORMATS if f'{each.suffixes[0]}"' not in tests] == []


def test_each_launcher_is_run_by_some_test() -> None:
    tests = _texts_of_tests("engine", "runs")
    others = [where for where in Where if where is not Where.THREADS]
    assert [where for where in others if f'"--{where}"' not in tests] == []


def _texts_of_tests(*folder: str) -> str:
    """The tests of a folder, without these."""
    found = ROOT.joinpath("data_package_tests", *folder).rglob("test_*.py")
    return "".join(path.read_text() for path in found if path.name != Path(__file__).name)


def test_numbers_of_every_width_fit_the_types_of_numbers() -> None:
    kinds = [each for each in vars(pl).values() if isinstance(each, type)]
    numeric = [e for e in kinds if issubclass(e, pl.DataType) and e.is_numeric()]
    assert len(numeric) > 10
    for each in numeric:
        dtype = each()
        assert FIELD_TYPES["number"].fits(dtype)
        assert FIELD_TYPES["integer"].fits(dtype) == dtype.is_integer()
