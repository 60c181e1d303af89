"""After an edit of the engine, the tables that the edited code made are stale, and no others."""

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_package.engine import engine_edition as module
from data_package.engine import libraries
from data_package.engine.engine_edition import CODE, ENGINE, CodeEdition, edition, imports
from data_package.engine.libraries import NO_VERSION, version_of
from data_package.engine.staleness import memo
from data_package.engine.staleness.lock import read_lock
from data_package.engine.staleness.status import status_of
from data_package.engine.tables.loading import open_project
from data_package_tests.conftest import Make, Study, new_study
from data_package_tests.engine.changed_engine import use_engine

FOLDER = Path(module.__file__).parent
READER, CHECKS = f"{ENGINE}.sources.delivered", f"{ENGINE}.tables.checks"
LINEAGE, PACKAGE = f"{ENGINE}.lineage.derive", f"{ENGINE}.package"
MAKERS = (READER, CHECKS, LINEAGE, PACKAGE)
SOURCES = sorted(FOLDER.rglob("*.py"))


def parsed(source: bytes) -> Iterator[str]:
    """What `imports` tells, as Python's own parser sees it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level
            assert node.module is not None
            yield node.module
            if node.module.startswith(ENGINE):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(FOLDER).as_posix())
def test_the_imports_of_every_module_are_seen(path: Path) -> None:
    source = path.read_bytes()
    assert set(parsed(source)) <= set(imports(source))


def test_every_kind_of_source_of_the_engine_is_covered_and_watched() -> None:
    kinds = {p.suffix for p in FOLDER.rglob("*") if p.is_file() and p.suffix != ".pyc"}
    assert kinds - {".typed", ""} <= set(CODE)
    assert set(CODE) <= set(memo._WATCHED)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("engine") / "engine"
    shutil.copytree(FOLDER, place, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def editions(folder: Path) -> dict[str, CodeEdition]:
    return {name: edition.__wrapped__(name, folder) for name in MAKERS}


@pytest.mark.parametrize(
    ("edited", "stale"),
    [
        ("schema/types/numbers.py", {READER, CHECKS, LINEAGE, PACKAGE}),
        ("schema/contract.py", {READER, CHECKS, LINEAGE, PACKAGE}),
        ("sources/files.py", {READER, PACKAGE}),
        ("tables/checks.py", {CHECKS, PACKAGE}),
        ("lineage/operations.py", {LINEAGE, PACKAGE}),
        ("package/citation.py", {PACKAGE}),
        ("package/dictionary/templates/page.js", {PACKAGE}),
        ("graph/layout.py", {PACKAGE}),
        ("pages/frame.html", {PACKAGE}),
        ("cli/status.py", set()),
        ("ui/guard.py", set()),
        ("export/sqlite.py", set()),
        ("runs/progress.py", set()),
        ("versions/difference.py", set()),
    ],
)
def test_an_edit_makes_another_edition_of_the_modules_that_use_it(
    copy: Path, edited: str, stale: set[str]
) -> None:
    before = editions(copy)
    path = copy / edited
    source = path.read_bytes()
    try:
        path.write_bytes(source + b"\n")
        after = editions(copy)
    finally:
        path.write_bytes(source)
    changed = {name for name in MAKERS if after[name] != before[name]}
    assert stale <= changed
    # What is imported on the way counts too; what is made before it and elsewhere does not.
    assert changed <= stale | ({LINEAGE, CHECKS} if READER in stale else set())
    assert editions(copy) == before


def test_a_new_module_counts_from_the_moment_that_it_is_imported(copy: Path) -> None:
    before = editions(copy)
    new, user = copy / "schema" / "newly_made.py", copy / "schema" / "types" / "numbers.py"
    source = user.read_bytes()
    new.write_text("X = 1\n")
    module._modules.cache_clear()
    try:
        assert editions(copy) == before
        user.write_bytes(source + f"from {ENGINE}.schema import newly_made\n".encode())
        with_it = editions(copy)
        new.write_text("X = 2\n")
        assert all(editions(copy)[n].sources != with_it[n].sources for n in (READER, CHECKS))
    finally:
        user.write_bytes(source)
        new.unlink()
        module._modules.cache_clear()


def test_all_that_reading_by_contract_loads_is_part_of_its_edition(tmp_path: Path) -> None:
    contract, data = tmp_path / "t.yaml", tmp_path / "t.csv"
    contract.write_text(
        "schema:\n  fields:\n    - {name: a, type: integer}\n    - {name: d, type: date}\n"
        "    - {name: g, type: geojson}\n    - {name: b, type: boolean}\n"
    )
    data.write_text('a,d,g,b\n1,2020-01-01,"{""type"": ""Point"", ""coordinates"": [1, 2]}",true\n')
    code = (
        "import sys; from pathlib import Path; from tempfile import TemporaryFile\n"
        f"from {ENGINE}.sources import delivered\n"
        f"from {ENGINE} import schema\n"
        f"contract = schema.load_contract(Path({str(contract)!r}))\n"
        f"read = schema.read(Path({str(data)!r}), contract, bad='null', into=TemporaryFile())\n"
        "assert read.report.ok and read.frame.collect().height == 1, read.report\n"
        "schema.check(read.frame, contract)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith(f"{ENGINE}.")}
    # The one that tells what an edition is makes nothing.
    assert loaded - {f"{ENGINE}.engine_edition", f"{ENGINE}.libraries"} <= edition(READER).modules


def test_the_libraries_of_an_edition_are_those_that_do_the_work() -> None:
    assert {"polars", "dateutil", "yaml"} <= edition(READER).libraries
    assert {"polars", "pyarrow", "jinja2"} <= edition(PACKAGE).libraries
    assert not {"dagster", "json", "data_package"} & edition(PACKAGE).libraries


def test_a_version_is_found_by_the_name_that_code_imports() -> None:
    assert version_of("polars") == importlib.metadata.version("polars")
    assert version_of("yaml") == importlib.metadata.version("PyYAML")
    assert version_of("dateutil") == importlib.metadata.version("python-dateutil")
    assert version_of("no_such_library_anywhere") is None
    # Slow, and what is to be right: every module that anything installed has.
    for name, owners in importlib.metadata.packages_distributions().items():
        # Folders of caches and of stubs are counted there, and nobody can import them.
        if name == "__pycache__" or not name.isidentifier():
            continue
        assert libraries._owners()[name].name == owners[0]


def test_a_library_without_a_version_is_marked_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "left_lying_about.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert version_of("left_lying_about") == NO_VERSION


FILES = {
    "/d/p.csv": "id,smoker\n1,true\n2,false\n",
    "/d/q.csv": "id\n1\n",
    "raw/p_file.yaml": """\
        schema:
          fields:
            - {name: id, type: integer}
            - {name: smoker, type: boolean}
        """,
    "final/t.yaml": """\
        title: The table
        schema:
          fields:
            - {name: id, type: integer}
            - {name: smoker, type: boolean}
        """,
    "tables.py": """\
        from pathlib import Path

        import dagster as dg
        import polars as pl
        """,
    "raw/__init__.py": "",
    "raw/r.py": """\
        from pathlib import Path

        import dagster as dg
        import polars as pl
        from data_package.engine.sources import source_file

        p_file = source_file("p_file", "d/p.csv")
        q_file = source_file("q_file", "d/q.csv")

        @dg.asset
        def raw_p(p_file: pl.LazyFrame) -> pl.LazyFrame:
            return p_file

        @dg.asset
        def raw_q(q_file: Path) -> pl.LazyFrame:
            return pl.scan_csv(q_file)
        """,
    "final/__init__.py": "",
    "final/f.py": """\
        import dagster as dg
        import polars as pl

        @dg.asset
        def t(raw_p: pl.LazyFrame) -> pl.LazyFrame:
            return raw_p.select(pl.all())
        """,
    "datapackage.yaml": "title: A study\n",
}


@pytest.fixture
def own_engine(tmp_path: Path) -> Study:
    """A built project with an engine of its own in its folder, which its commands then use."""
    made = new_study(tmp_path, FILES)
    # What Python has compiled of it is copied too, and what is edited is compiled again.
    shutil.copytree(
        FOLDER.parent, made.root / "data_package", ignore=_all_but_the_engine, dirs_exist_ok=True
    )
    done = made.command("build")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def _all_but_the_engine(folder: str, names: list[str]) -> set[str]:
    return set(names) - {"__init__.py", "engine"} if Path(folder) == FOLDER.parent else set()


@pytest.mark.slow
def test_a_corrected_reader_makes_the_tables_that_it_read_stale(own_engine: Study) -> None:
    with (own_engine.root / "data_package/engine/schema/types/numbers.py").open("a") as file:
        file.write("_CORRECTED = True\n")
    done = own_engine.command("build")
    assert re.search(r"raw_p\b", done.stdout), done.stdout
    assert "raw_q" not in done.stdout
    assert not re.search(r"✓ t\b", done.stdout), "nothing came out otherwise, so no reader runs"
    assert own_engine.command("build").stdout.startswith("Nothing to do")


@pytest.mark.parametrize(
    ("name", "table", "contract", "package"),
    [
        ("schema/types/numbers.py", "stale", "not checked", "out of date"),
        ("tables/checks.py", "fresh", "not checked", "out of date"),
        ("lineage/operations.py", "fresh", "passed", "out of date"),
        ("package/readme.py", "fresh", "passed", "out of date"),
        ("cli/status.py", "fresh", "passed", "up to date"),
    ],
)
def test_after_an_edit_of_a_room_its_results_are_stale(
    built_study: Make,
    copy: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    table: str,
    contract: str,
    package: str,
) -> None:
    project, source = built_study(FILES), (copy / name).read_bytes()
    use_engine(monkeypatch, copy)
    assert standing(project)["fresh"]
    try:
        (copy / name).write_bytes(source + b"_CORRECTED = True\n")
        use_engine(monkeypatch, copy)
        told = standing(project)
        states = {one["name"]: one for one in told["tables"]}
        assert states["t"]["state"] == table
        assert states["t"]["contract"] == contract
        why = str(states["raw_p"])
        assert ("engine that reads raw files changed" in why) is (table == "stale")
        assert told["package"] == package
        assert project.build().ok
        assert standing(project)["fresh"]
    finally:
        (copy / name).write_bytes(source)
        edition.cache_clear()


def standing(study: Study) -> dict[str, Any]:
    """What `status --json` prints."""
    study.forget()
    catalogue, _ = open_project(study.project)
    return status_of(catalogue, read_lock(study.project)).to_dict()
