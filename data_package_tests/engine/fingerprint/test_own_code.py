"""The user's own code counts wherever it lies; what is installed counts by its version."""

import importlib
import importlib.util
import os
import py_compile
import sys
import time
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from textwrap import dedent

import pytest

from data_package.engine.fingerprint import Fingerprint, Fingerprinter
from data_package.engine.libraries import NO_VERSION
from data_package.engine.own_code import is_library, own_places
from data_package.engine.staleness.memo import count_if_fresh
from data_package_tests.conftest import Make

STUDY = "own_code_study"


class Code:
    """Some folders of code, and what one function of it is made of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: list[str] = []

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert old in text
        (self.folder / name).write_text(text.replace(old, new))

    def look(self) -> Fingerprint:
        for name in list(sys.modules):
            if name.partition(".")[0].startswith("own_"):
                del sys.modules[name]
        importlib.invalidate_caches()
        return Fingerprinter(STUDY).fingerprint(importlib.import_module(f"{STUDY}.tables").t)


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Code]:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Code(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "project")
    made.write(f"project/{STUDY}/__init__.py", "")
    yield made
    for name in list(sys.modules):
        if name.partition(".")[0].startswith("own_"):
            del sys.modules[name]


class Redirecting:
    """What a build tool puts in place for a package that is installed to be edited."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        del path, target
        if name != self._name:
            return None
        return importlib.util.spec_from_file_location(
            name, self._folder / "__init__.py", submodule_search_locations=[str(self._folder)]
        )


def by_path(code: Code, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sys, "path", [*sys.path, str(code.folder / "elsewhere")])


def by_finder(code: Code, patch: pytest.MonkeyPatch) -> None:
    finder = Redirecting("own_help", code.folder / "elsewhere" / "own_help")
    patch.setattr(sys, "meta_path", [*sys.meta_path, finder])


def beside(code: Code, patch: pytest.MonkeyPatch) -> None:
    """Nothing is to be done: it lies beside the package."""


IMPORTS = {
    "from": ("from own_help.rules import g", "g()"),
    "import": ("import own_help.rules", "own_help.rules.g()"),
    "as": ("import own_help.rules as r", "r.g()"),
    "among others": ("import os, own_help.rules as r", "r.g()"),
    "after a semicolon": ("import os; from own_help.rules import g", "g()"),
    "in the function": ("", "__import__('operator').call(later)"),
    "star": ("from own_help.rules import *", "g()"),
    "by name": ("import importlib\nr = importlib.import_module('own_help.rules')", "r.g()"),
}


@pytest.mark.parametrize("form", IMPORTS)
@pytest.mark.parametrize(
    ("place", "reach"),
    [("project", beside), ("elsewhere", by_path), ("elsewhere", by_finder)],
    ids=["beside the package", "on the path", "installed to be edited"],
)
def test_code_outside_of_the_package_counts(
    code: Code,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    reach: Callable[[Code, pytest.MonkeyPatch], None],
    form: str,
) -> None:
    reach(code, monkeypatch)
    code.write(f"{place}/own_help/__init__.py", "")
    code.write(f"{place}/own_help/rules.py", "LIMIT = 1\nOTHER = 1\ndef g(): return LIMIT\n")
    head, call = IMPORTS[form]
    if form == "in the function":
        head, call = "def later():\n    from own_help.rules import g\n    return g()\n", "later()"
    code.write(f"project/{STUDY}/tables.py", f"{head}\ndef t():\n    return {call}\n")
    before = code.look()
    assert "own_help" not in before.libraries
    code.edit(f"{place}/own_help/rules.py", "LIMIT = 1", "LIMIT = 2")
    after = code.look()
    assert after.digest != before.digest
    if form != "by name":
        code.edit(f"{place}/own_help/rules.py", "OTHER = 1", "OTHER = 2")
        assert code.look().digest == after.digest


def test_a_single_module_beside_the_package_counts_with_what_it_imports(code: Code) -> None:
    code.write("project/own_help.py", "from own_more import X\ndef g(): return X\n")
    code.write("project/own_more.py", "X = 1\n")
    code.write(f"project/{STUDY}/tables.py", "from own_help import g\ndef t(): return g()\n")
    before = code.look()
    assert {part.name for part in before.parts} == {"function", "helper g", "constant X"}
    assert {part.place for part in before.parts if part.name == "constant X"} == {"own_more.py:1"}
    code.edit("project/own_more.py", "X = 1", "X = 2")
    assert code.look().digest != before.digest


def test_what_own_code_elsewhere_changes_while_it_is_imported_counts(code: Code) -> None:
    code.write("project/own_help.py", f"from {STUDY}.codes import CODES\nCODES['a'] = 1\n")
    code.write(f"project/{STUDY}/codes.py", "CODES = {}\n")
    code.write(
        f"project/{STUDY}/tables.py",
        f"import own_help\nfrom {STUDY}.codes import CODES\ndef t(): return CODES\n",
    )
    before = code.look()
    code.edit("project/own_help.py", "= 1", "= 2")
    assert code.look().digest != before.digest


def test_a_class_of_own_code_elsewhere_counts_as_a_value(code: Code) -> None:
    code.write("project/own_help.py", "class Rule:\n    limit = 1\n")
    code.write(
        f"project/{STUDY}/tables.py",
        "import own_help\ndef make(rule):\n    def inner(): return rule.limit\n    return inner\n"
        "t = make(own_help.Rule)\n",
    )
    before = code.look()
    code.edit("project/own_help.py", "limit = 1", "limit = 2")
    assert code.look().digest != before.digest


def test_own_code_without_a_source_counts_by_its_file(code: Code) -> None:
    def compiled(value: int) -> None:
        source = code.folder / "own_help.py"
        source.write_text(f"def g(): return {value}\n")
        py_compile.compile(str(source), cfile=str(code.folder / "project" / "own_help.pyc"))
        source.unlink()

    code.write(f"project/{STUDY}/tables.py", "from own_help import g\ndef t(): return g()\n")
    compiled(1)
    before = code.look()
    assert any("own_help" in what for what in before.unseen)
    compiled(2)
    assert code.look().digest != before.digest


@pytest.mark.parametrize("kind", ["site-packages", "dist-packages", "target"])
def test_an_installed_library_counts_by_its_version(
    code: Code, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    code.write(f"{kind}/own_library.py", "def g(): return 1\n")
    code.write(
        f"{kind}/own_library-1.0.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: own_library\nVersion: 1.0\n",
    )
    monkeypatch.setattr(sys, "path", [*sys.path, str(code.folder / kind)])
    code.write(f"project/{STUDY}/tables.py", "from own_library import g\ndef t(): return g()\n")
    before = code.look()
    assert "own_library" in before.libraries
    code.edit(f"{kind}/own_library.py", "1", "2")
    assert code.look().digest == before.digest


@pytest.mark.parametrize(
    ("call", "reader"),
    [
        ("import polars as pl", "fastexcel"),
        ("import polars as pl", "openpyxl"),
        ("import pandas as pl", "openpyxl"),
        ("import pandas as pl", "xlrd"),
    ],
)
def test_the_library_that_does_the_reading_for_another_counts(
    code: Code, call: str, reader: str
) -> None:
    code.write(f"project/{STUDY}/tables.py", f"{call}\ndef t(p): return pl.read_excel(p)\n")
    assert reader in code.look().libraries


def test_python_and_installed_libraries_are_not_own_code() -> None:
    import json

    import polars

    assert is_library(str(json.__file__))
    assert is_library(polars.__file__)
    assert not is_library(__file__)
    assert "polars" not in own_places(["data_package_tests"])


def test_looking_for_own_code_imports_nothing(code: Code) -> None:
    code.write("project/own_help.py", "raise SystemExit('imported')\n")
    code.write(f"project/{STUDY}/tables.py", "from own_help import g\ndef t(): return g()\n")
    assert own_places([STUDY]) == {"own_help": (code.folder / "project" / "own_help.py",)}


TABLE = """\
    import dagster as dg
    import polars as pl
    from own_sibling import g

    @dg.asset
    def t() -> pl.DataFrame:
        return pl.DataFrame({"a": [g()]})
    """


def test_an_edit_beside_the_package_is_built_and_the_quickest_decision_sees_it(study: Make) -> None:
    made = study({"tables.py": TABLE, "/own_sibling.py": "def g(): return 1\n"})
    assert [table.name for table in made.build().tables] == ["t"]
    _settle()
    made.build()
    assert count_if_fresh(made.project) == 1
    made.write({"/own_sibling.py": "def g(): return 2\n"})
    assert count_if_fresh(made.project) is None
    assert [table.name for table in made.build().tables] == ["t"]
    import polars as pl

    assert pl.read_parquet(made.storage / "default" / "t.parquet")["a"].to_list() == [2]
    # An edit of equal length within the same second: cached code would be taken for its own.
    made.write({"/own_sibling.py": "def g(): return 3\n"})
    made.build()
    assert pl.read_parquet(made.storage / "default" / "t.parquet")["a"].to_list() == [3]


def test_two_projects_in_one_process_each_have_their_own_module_of_a_name(study: Make) -> None:
    import polars as pl

    one = study({"tables.py": TABLE, "/own_sibling.py": "def g(): return 1\n"})
    two = study({"tables.py": TABLE, "/own_sibling.py": "def g(): return 2\n"})
    for made, value in [(one, 1), (two, 2), (one, 1)]:
        made.build("t")
        found = pl.read_parquet(made.storage / "default" / "t.parquet")["a"].to_list()
        assert found == [value]
    one.write({"/own_sibling.py": "def g(): return 10\n"})
    assert [table.name for table in one.build().tables] == ["t"]
    assert pl.read_parquet(one.storage / "default" / "t.parquet")["a"].to_list() == [10]
    assert not two.build().tables


def test_a_new_module_that_may_hide_another_is_seen_by_the_quickest_decision(study: Make) -> None:
    made = study({"tables.py": TABLE, "/own_sibling.py": "def g(): return 1\n"})
    made.build()
    _settle()
    made.build()
    assert count_if_fresh(made.project) == 1
    made.write({"/polars.py": ""})
    assert count_if_fresh(made.project) is None
    (made.root / "polars.py").unlink()
    assert count_if_fresh(made.project) == 1
    made.write({"/notes.txt": ""})
    assert count_if_fresh(made.project) == 1


@pytest.mark.parametrize("by", ["PYTHONPATH", "a .pth file"])
def test_a_new_module_that_hides_one_found_later_is_seen_by_the_quickest_decision(
    by: str, study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    libraries = tmp_path / "site-packages"
    libraries.mkdir()
    listed = libraries / "edited.pth"
    monkeypatch.setattr(sys, "path", [*sys.path, str(libraries), *map(str, folders)])
    if by == "PYTHONPATH":
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, folders)))
    else:
        listed.write_text(f"{folders[0]}\n{folders[1]}\n")
    (folders[1] / "own_sibling.py").write_text("def g(): return 1\n")
    made = study({"tables.py": TABLE})
    made.build()
    _settle()
    made.build()
    assert count_if_fresh(made.project) == 1
    hiding = folders[0] / "own_sibling.py"
    hiding.write_text("def g(): return 2\n")
    assert count_if_fresh(made.project) is None
    hiding.unlink()
    assert count_if_fresh(made.project) == 1
    if by != "PYTHONPATH":
        with listed.open("a") as file:
            file.write(f"{tmp_path}\n")
        assert count_if_fresh(made.project) is None


def test_a_library_without_a_version_is_named(
    study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "own_sibling.py").write_text("def g(): return 1\n")
    monkeypatch.syspath_prepend(folder)
    made = study({"tables.py": TABLE})
    made.build()
    assert (
        f'libraries.own_sibling = "{NO_VERSION}"' in (made.root / "data-package.lock").read_text()
    )
    from data_package.engine.staleness.lock import read_lock
    from data_package.engine.staleness.status import explain
    from data_package.engine.tables.loading import open_project

    catalogue, _ = open_project(made.project)
    assert "own_sibling" in explain("t", catalogue, read_lock(made.project))


def _settle() -> None:
    """Let the files be old enough that a change would show."""
    time.sleep(0.06)
