"""What a user installs: the engine, typed, with everything that it imports declared."""

import ast
import importlib
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from data_package.engine.places import Folder
from data_package.engine.scaffold.origin import origin

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def imported() -> set[str]:
    """The top-level names that the engine imports and that are not Python's own."""
    found = set()
    for path in (ROOT / "data_package" / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add((node.module or "").partition(".")[0])
    return found - sys.stdlib_module_names - {"data_package", "_typeshed"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_library_that_the_engine_imports_is_declared() -> None:
    declared = {
        normal(re.split(r"[\s\[<>=!~;]", requirement)[0])
        for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
        for requirement in group
    }
    owners = importlib.metadata.packages_distributions()
    missing = {
        name for name in imported() if declared.isdisjoint(map(normal, owners.get(name, [name])))
    }
    # Extras that this environment does not have go by the name of what is imported.
    assert missing == set()


def test_every_pinned_library_accepts_the_oldest_python_that_we_do() -> None:
    # A first patch release of Python 3.11 is what Debian has: a pin that asks for a later one makes
    # `make build` fail there, however well it works on this machine.
    oldest = PROJECT["requires-python"].removeprefix(">=") + ".0"
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    asked = {
        library.name: library.metadata["Requires-Python"] or ""
        for library in importlib.metadata.distributions()
        if pins.get(library.name) == library.version
    }
    assert asked
    assert [n for n, range_ in asked.items() if oldest not in SpecifierSet(range_)] == []


@pytest.mark.slow
def test_the_wheel_holds_the_engine_and_nothing_of_the_example(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    beside = {name for name in names if not name.startswith("data_package/engine/")}
    assert beside == {
        f"data_package/{name}" for name in ("__init__.py", "__main__.py", "py.typed", "testing.py")
    }
    engine = ROOT / "data_package" / "engine"
    tracked = {
        path.relative_to(ROOT).as_posix()
        for path in engine.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert tracked == names - beside


@pytest.mark.parametrize(
    ("came_from", "asks"),
    [
        (
            {"url": "file:///srv/engine", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
            "data-package @ git+file://localhost/srv/engine@c0ffee",
        ),
        (
            {
                "url": "https://git.example/engine",
                "vcs_info": {"vcs": "git", "commit_id": "c0ffee"},
            },
            "data-package @ git+https://git.example/engine@c0ffee",
        ),
        ({"url": "file:///srv/engine", "dir_info": {}}, "data-package @ file:///srv/engine"),
    ],
)
def test_a_project_asks_for_the_engine_in_words_that_every_pip_reads(
    came_from: dict[str, object], asks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "data_package-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: data-package\nVersion: 1\n")
    (installed / "direct_url.json").write_text(json.dumps(came_from))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert origin().requirement == asks
    # The pip that comes with Python 3.11 is the strictest of those in use.
    requirements = importlib.import_module("pip._vendor.packaging.requirements")
    assert requirements.Requirement(asks).url in asks


def test_no_group_of_the_example_has_the_name_of_a_folder_of_storage() -> None:
    groups = {path.name for path in (ROOT / "data_package").iterdir() if path.is_dir()}
    assert groups.isdisjoint(set(Folder))
