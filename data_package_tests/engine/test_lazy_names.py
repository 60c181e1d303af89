"""Public names that are imported once somebody asks for them."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

import data_package

PACKAGES = ["", ".engine.runs", ".engine.export", ".engine.schema", ".engine.versions"]


@pytest.mark.parametrize("below", PACKAGES)
def test_a_package_gives_every_name_that_it_lists_and_no_other(below: str) -> None:
    package = import_module(f"data_package{below}")

    for name in package.__all__:
        # A constant does not know what it is called.
        assert getattr(getattr(package, name), "__name__", name) == name
    with pytest.raises(AttributeError, match=rf"module '{package.__name__}' has no attribute 'x'"):
        _ = package.x


def test_no_module_takes_the_name_of_what_its_package_imports() -> None:
    """Importing a module binds its name in the package, in the place of what was imported there."""
    taken = [
        f"{init.parent.name}: {alias.asname or alias.name}"
        for init in Path(data_package.__path__[0]).rglob("__init__.py")
        for node in ast.parse(init.read_text()).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        for name in [alias.asname or alias.name]
        if (init.with_name(f"{name}.py").exists() or (init.parent / name).is_dir())
        # Imported by then, it is not bound again.
        and node.module != f"{_dotted(init.parent)}.{name}"
    ]
    assert taken == []


def _dotted(folder: Path) -> str:
    return ".".join(folder.relative_to(Path(data_package.__path__[0]).parent).parts)
