"""Finding the assets of a project: every module of its package is imported and looked through.

Decides nothing about what is found; that is `wiring`'s and `definitions`' business.
"""

import importlib
import linecache
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import dagster as dg

from data_package.engine.errors import ProjectError
from data_package.engine.project import Project
from data_package.engine.tables import failures, python_errors
from data_package.engine.tables.own_words import OwnWords

_NOT_TABLES = ("definitions", "conftest", "__main__", "tests")


@dataclass(frozen=True)
class Found:
    """What the modules of a project define, each with the module it was first seen in."""

    assets: list[tuple[dg.AssetsDefinition, str]] = field(default_factory=list)
    sources: list[tuple[dg.AssetSpec, str]] = field(default_factory=list)
    checks: list[dg.AssetChecksDefinition] = field(default_factory=list)
    others: list[dg.JobDefinition | dg.ScheduleDefinition | dg.SensorDefinition] = field(
        default_factory=list
    )


def discover(project: Project) -> Found:
    """Import every module of the project's package and collect the Dagster objects in them.

    Raises ProjectError, with the user's file and line, when a module fails to import.
    """
    project.make_importable()
    package = import_module(project.package, project)
    found = Found()
    seen: set[int] = set()
    for name in [project.package, *_module_names(package, project)]:
        names = vars(import_module(name, project))
        for item in _dagster_objects(v for n, v in names.items() if not n.startswith("__")):
            if id(item) not in seen:
                seen.add(id(item))
                _sort_in(item, name, found)
    return found


def _module_names(package: ModuleType, project: Project) -> Iterator[str]:
    def skip(name: str) -> bool:
        last = name.rpartition(".")[2]
        return name.startswith("data_package.engine") or last in _NOT_TABLES or last[:5] == "test_"

    def walk(paths: Iterable[str], prefix: str) -> Iterator[str]:
        for info in sorted(pkgutil.iter_modules(paths, prefix), key=lambda info: info.name):
            if skip(info.name):
                continue
            yield info.name
            if info.ispkg:
                yield from walk(import_module(info.name, project).__path__, f"{info.name}.")

    for folder in sorted({path.parent for path in project.package_folder.rglob("*.py")}):
        if not (folder / "__init__.py").is_file() and "__pycache__" not in folder.parts:
            place = project.relative(folder)
            raise ProjectError(
                f"{place} has Python files but no __init__.py, so its tables are not found.\n"
                f"Add an empty one: touch {place}/__init__.py"
            )
    yield from walk(package.__path__, f"{package.__name__}.")


def _dagster_objects(values: Iterable[object]) -> Iterator[object]:
    """The values themselves, and those in a list, tuple or dict that a factory was looped into."""
    for value in values:
        if isinstance(value, list | tuple) and type(value) in (list, tuple):
            yield from value
        elif isinstance(value, dict) and type(value) is dict:
            yield from value.values()
        else:
            yield value


def _sort_in(item: object, module: str, found: Found) -> None:
    if isinstance(item, dg.AssetChecksDefinition):
        found.checks.append(item)
    elif isinstance(item, dg.AssetsDefinition):
        found.assets.append((item, module))
    elif isinstance(item, dg.AssetSpec):
        found.sources.append((item, module))
    elif isinstance(item, dg.JobDefinition | dg.ScheduleDefinition | dg.SensorDefinition):
        found.others.append(item)


def import_module(name: str, project: Project) -> ModuleType:
    """Import a module of the project. Raises ProjectError, with the user's file and line."""
    try:
        return importlib.import_module(name)
    except (ProjectError, *failures.INTERRUPTIONS):
        raise
    except BaseException as error:  # noqa: BLE001 (a user's module may raise anything)
        problem = _import_problem(error, name, project)
    finally:
        importlib.invalidate_caches()
    raise problem


def _import_problem(error: BaseException, name: str, project: Project) -> ProjectError:
    line = failures.users_line(error, project)
    if isinstance(error, SyntaxError) and Path(error.filename or "").is_file():
        line = Path(str(error.filename)), error.lineno or 1
    source = "".join(linecache.getlines(str(line[0]))) if line else ""
    # A module may read data when it is imported, and fail on a cell of it.
    words = OwnWords((source,))
    said = failures.spoken(error, words)
    if isinstance(error, SyntaxError) and line and failures.is_users(line[0], project):
        said = error.msg
    what = python_errors.kind_of(error, words)
    what = f"{what}: {said}" if said else what
    place = f"{project.relative(line[0])}:{line[1]}" if line else name
    hint = ""
    if isinstance(error, ModuleNotFoundError) and error.name and error.name in said:
        hint = f"\nInstall {error.name.partition('.')[0]!r} into {sys.prefix}, or correct the name."
    return ProjectError(f"{place}: the module {name} cannot be imported.\n{what}{hint}")
