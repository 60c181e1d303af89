"""What is written about the modules of the engine names those that there are."""

import re
from graphlib import TopologicalSorter

import grimp
import pytest

from data_package_tests.engine.test_dagster_versions import ENGINE

# A private one is seen in its module only.
_CLASS = re.compile(r"^class ([A-Za-z]\w*)", re.MULTILINE)
_ENTRY = re.compile(r"^    (\w+(?:, \w+)*)  +\S", re.MULTILINE)


@pytest.mark.parametrize("room", ["fingerprint", "ui"])
def test_the_map_of_a_room_has_its_modules_and_no_others(room: str) -> None:
    folder = ENGINE / room
    text = (folder / "__init__.py").read_text().split('"""')[1]
    named = [name for entry in _ENTRY.findall(text) for name in entry.split(", ")]
    assert sorted(named) == sorted(path.stem for path in folder.glob("[!_]*.py"))


def test_no_module_imports_itself_through_others() -> None:
    """Imports in functions, and those that only type checkers see, count like any other."""
    graph = grimp.build_graph("data_package", cache_dir=None)
    imports = {one: graph.find_modules_directly_imported_by(one) for one in graph.modules}
    # `python -m` has the same entry as the command.
    imports["data_package.engine.cli.__main__"] = set()
    TopologicalSorter(imports).prepare()


def test_a_class_of_the_engine_has_a_name_that_no_other_has() -> None:
    places: dict[str, list[str]] = {}
    for path in ENGINE.rglob("*.py"):
        for name in _CLASS.findall(path.read_text()):
            places.setdefault(name, []).append(path.relative_to(ENGINE).as_posix())
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
