"""What is written about the modules of the engine names those that there are."""

import ast
import inspect
import pkgutil
import re
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path
from types import FunctionType

import grimp
import pytest

import data_package
from data_package import testing
from data_package.engine import schema
from data_package_tests.engine.test_dagster_versions import ENGINE, ROOT

# Every value that these can be given has an answer.
RAISES_NOTHING = {
    f"data_package.engine.schema.{name}"
    for name in (
        *(
            "bad_rows_allowed",
            "begun_contract",
            "column",
            "columns_of",
            "contract_text",
            "format_of",
            "free_name",
        ),
        *("grown", "link_of", "lint", "lint_references", "reports_across", "unchecked"),
        *("with_rows",),
    )
}
# A private one is seen in its module only.
_CLASS = re.compile(r"^class ([A-Za-z]\w*)", re.MULTILINE)
_ENTRY = re.compile(r"^    (\w+(?:, \w+)*)  +\S", re.MULTILINE)


@pytest.mark.parametrize("room", ["fingerprint", "ui"])
def test_the_map_of_a_room_has_its_modules_and_no_others(room: str) -> None:
    folder = ENGINE / room
    text = (folder / "__init__.py").read_text().split('"""')[1]
    named = [name for entry in _ENTRY.findall(text) for name in entry.split(", ")]
    assert sorted(named) == sorted(path.stem for path in folder.glob("[!_]*.py"))


def test_the_design_shows_every_room_in_the_order_that_imports_follow() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [layer.split(" | ") for layer in contract["contracts"][0]["layers"]]
    height = {room: -at for at, layer in enumerate(layers) for room in layer}
    page = (ROOT / "docs" / "explanation" / "design.md").read_text()
    rows = re.findall(r"^\| (`.+?`) \|", page.partition("## The rooms")[2], re.MULTILINE)
    shown = [
        room for row in rows for room in re.findall(r"`(\w+)`", row) if (ENGINE / room).is_dir()
    ]
    assert sorted(shown) == sorted(path.parent.name for path in ENGINE.glob("*/__init__.py"))
    assert shown == sorted(shown, key=height.__getitem__)


def test_a_room_names_rooms_modules_and_verbs_that_there_are() -> None:
    for room in ENGINE.glob("*/__init__.py"):
        text = ast.get_docstring(ast.parse(room.read_text())) or ""
        for name in re.findall(r"`(\w+(?:\.\w+)*)`", text):
            places = [
                one.joinpath(*name.split(".")) for one in (room.parent, ENGINE, ENGINE / "cli")
            ]
            there = [one.is_dir() or one.with_suffix(".py").exists() for one in places]
            assert any(there), (room.parent.name, name)


def test_the_reference_of_python_names_what_there_is() -> None:
    text = (ROOT / "docs" / "reference" / "python.md").read_text()
    assert [pkgutil.resolve_name(name) for name in re.findall(r"^::: (\S+)", text, re.MULTILINE)]


def test_no_module_imports_itself_through_others() -> None:
    """Imports in functions, and those that only type checkers see, count like any other."""
    graph = grimp.build_graph("data_package", cache_dir=None)
    imports = {one: graph.find_modules_directly_imported_by(one) for one in graph.modules}
    # `python -m` has the same entry as the command.
    imports["data_package.engine.cli.__main__"] = set()
    TopologicalSorter(imports).prepare()


def public_functions() -> dict[str, FunctionType]:
    """The functions that users call, by module and name."""
    named = {
        f"{module.__name__}.{name}": getattr(module, name)
        for module in (data_package, testing, schema)
        for name in module.__all__
    }
    return {name: one for name, one in named.items() if isinstance(one, FunctionType)}


def test_every_public_function_says_what_it_takes_and_raises() -> None:
    lacking = {}
    for name, function in public_functions().items():
        text = inspect.getdoc(function) or ""
        words = set(re.findall(r"\w+", text))
        parameters = {one.rstrip("_") for one in inspect.signature(function).parameters}
        raises = name in RAISES_NOTHING or re.search(r"\braises?\b", text, re.IGNORECASE)
        if not raises or not parameters <= words:
            lacking[name] = sorted(parameters - words)
    assert lacking == {}
    assert public_functions().keys() >= RAISES_NOTHING


@pytest.mark.parametrize(
    "package", sorted(ENGINE.glob("*/__init__.py")), ids=lambda p: p.parent.name
)
def test_a_room_says_what_it_is_for_and_what_does_not_belong_there(package: Path) -> None:
    text = ast.get_docstring(ast.parse(package.read_text())) or ""
    assert "not belong here" in " ".join(text.split())


def test_a_class_of_the_engine_has_a_name_that_no_other_has() -> None:
    places: dict[str, list[str]] = {}
    for path in ENGINE.rglob("*.py"):
        for name in _CLASS.findall(path.read_text()):
            places.setdefault(name, []).append(path.relative_to(ENGINE).as_posix())
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
