"""Small projects in temporary folders, built by the real engine."""

import importlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import hypothesis
import pytest

from data_package.engine.project import Project, find_project
from data_package.engine.runs import BuildResult
from data_package.engine.runs.run import run_build
from data_package.engine.staleness.plan import Request
from data_package_tests import prepared

# The same cases on every machine and in every run; the campaigns behind `make stress` choose anew.
hypothesis.settings.register_profile("reproducible", derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("reproducible")


# Asking for the name of an address asks a name server, whatever the address.
_ASKS_A_NAME_SERVER = ("socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo")
_HERE = ("127.0.0.1", "::1", "::ffff:127.0.0.1", "localhost", None)


def _stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    """No test, and nothing a test calls, talks to another machine."""
    if event in _ASKS_A_NAME_SERVER:
        raise AssertionError(f"a test asks a name server ({event})")
    if event == "socket.getaddrinfo" and arguments[0] not in _HERE:
        raise AssertionError("a test looks up the address of another machine")
    if event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        assert arguments[1][0] in _HERE, "a test talks to another machine"


sys.addaudithook(_stay_here)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests in the upper folders take longest, so they begin first."""
    items.sort(key=lambda item: len(item.path.parts))


_numbers = itertools.count()


@dataclass
class Study:
    """A project of its own, with a package name that no other test uses."""

    root: Path
    package: str

    def write(self, files: dict[str, str]) -> "Study":
        """Write files of the package (`tables.py`, `final/x.yaml`) or, with `/` first, the root."""
        for name, text in files.items():
            path = self.root / name[1:] if name[0] == "/" else self.root / self.package / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text).replace("STUDY", self.package))
        return self

    @property
    def project(self) -> Project:
        return find_project(self.root)

    @property
    def storage(self) -> Path:
        return self.root / "storage"

    def build(self, *select: str) -> BuildResult:
        """Build in this process, with the modules read afresh."""
        self.forget()
        return run_build(Request(select), self.project)

    def definitions(self) -> dg.Definitions:
        self.forget()
        self.project.make_importable()
        defs = importlib.import_module(f"{self.package}.definitions").defs
        assert isinstance(defs, dg.Definitions)
        return defs

    def forget(self) -> None:
        importlib.invalidate_caches()
        for name in [n for n in sys.modules if n.split(".")[0] == self.package]:
            del sys.modules[name]

    def leave(self) -> None:
        """Let the next project be imported as if this one had never been."""
        self.forget()
        sys.path[:] = [place for place in sys.path if place != str(self.root)]
        # Each import looks at what is known of all folders, and a worker makes a thousand projects.
        for place in [p for p in sys.path_importer_cache if p.startswith(str(self.root))]:
            del sys.path_importer_cache[place]

    def command(self, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Run `data-package` as a user would."""
        return self.run(sys.executable, "-m", "data_package.engine.cli", *words)

    def verb(
        self, *words: str, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """As `command`, where it does not matter how the process begins: it takes half the time."""
        return prepared.run(words, self.root, self.environment() | (env or {}))

    def dagster(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Dagster's own command, as `verb` does ours."""
        return prepared.run(("dagster", *words), self.root, self.environment())

    def run(
        self, *words: str, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run any command in the project's folder."""
        return subprocess.run(
            words,
            cwd=self.root,
            env=self.environment() | (env or {}),
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        """Without what the surroundings of the test run would change."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER", "PYTEST"))}
        return kept | {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}


def new_study(folder: Path, files: dict[str, str]) -> Study:
    """A project in a folder of its own, with what every project has and the files given."""
    package = f"study_{os.getpid()}_{next(_numbers)}"
    return Study(folder / package, package).write(
        {
            "/pyproject.toml": '[tool.data-package]\npackage = "STUDY"\n',
            "/dagster.yaml": _DAGSTER_YAML,
            "__init__.py": "",
            "definitions.py": """\
                import STUDY
                from data_package.engine.definitions import load_definitions

                defs = load_definitions(STUDY)
                """,
        }
        | files
    )


Make = Callable[[dict[str, str]], Study]


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Make]:
    """Make a project: `study({"tables.py": "…"})`."""
    made: list[Study] = []

    def make(files: dict[str, str]) -> Study:
        made.append(new_study(tmp_path, files))
        return made[-1]

    yield make
    for one in made:
        one.leave()


@pytest.fixture(scope="session")
def originals() -> dict[str, Study]:
    """Built projects, by their files; nobody works in them."""
    return {}


@pytest.fixture
def built_study(
    originals: dict[str, Study], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Make]:
    """Copy a project that has been built: `built_study({"tables.py": "…"})`.

    Projects with the same files are built once in a process. The copies have one package name.
    """
    made: list[Study] = []

    def make(files: dict[str, str]) -> Study:
        key = json.dumps(files, sort_keys=True)
        if key not in originals:
            original = new_study(tmp_path_factory.mktemp("original"), files)
            result = original.build()
            original.leave()
            assert result.ok, result.explain()
            originals[key] = original
        root, package = originals[key].root, originals[key].package
        place = tmp_path / f"copy_{len(made)}" / package
        made.append(Study(Path(shutil.copytree(root, place, symlinks=True)), package))
        return made[-1]

    yield make
    for one in made:
        one.leave()


_DAGSTER_YAML = (Path(__file__).resolve().parents[1] / "dagster.yaml").read_text()
