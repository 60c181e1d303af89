"""Finding the assets of a project: every module of its package is imported and searched.

Nothing is decided here about what is found; `wiring` and `definitions` do that.
"""

import importlib
import linecache
import pkgutil
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence, Set, Sized
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, MappingProxyType, ModuleType, SimpleNamespace
from typing import Any

import dagster as dg
import dagster_shared
import polars as pl
from dagster.components.component.component_loader import is_component_loader
from dagster.components.definitions import LazyDefinitions

from data_package.engine.errors import ProjectError
from data_package.engine.project import Project
from data_package.engine.sources.assets import of_project, raw_file
from data_package.engine.storage import is_file
from data_package.engine.tables import failures, python_errors
from data_package.engine.tables.internals import (
    UnresolvedJob,
    UnresolvedSchedule,
    without_default_io_manager,
)
from data_package.engine.tables.own_words import OwnWords, read_source
from data_package.engine.tables.row_rules import RowRule

_RESOURCES = (
    dg.ResourceDefinition,
    dg.ConfigurableResource,
    dg.ConfigurableIOManagerFactory,
    dg.IOManager,
    dg.PipesClient,
)
_MOST_HELD = 10_000
_DEEPEST = 4
_MERGE = (
    "merge it in definitions.py:\n"
    "defs = dg.Definitions.merge(load_definitions(my_study), dg.load_from_defs_folder(…))"
)
_COMPONENT = f"a component, which is not loaded here. To have it, {_MERGE}"
_NOT_TABLES = ("definitions", "conftest", "__main__", "tests")


@dataclass(frozen=True)
class Found:
    """What the modules of a project define, each with the module it was first seen in."""

    assets: list[tuple[dg.AssetsDefinition, str]] = field(default_factory=list)
    sources: list[tuple[dg.AssetSpec | dg.SourceAsset, str]] = field(default_factory=list)
    checks: list[dg.AssetChecksDefinition] = field(default_factory=list)
    rules: list[RowRule] = field(default_factory=list)
    jobs: list[dg.JobDefinition | UnresolvedJob] = field(default_factory=list)
    schedules: list[dg.ScheduleDefinition | UnresolvedSchedule] = field(default_factory=list)
    sensors: list[dg.SensorDefinition] = field(default_factory=list)
    resources: list[tuple[str, object, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def discover(project: Project) -> Found:
    """Import every module of the project's package and collect the Dagster objects in them.

    Raises ProjectError, with the user's file and line, when a module fails to import.
    """
    project.make_importable()
    package = import_module(project.package, project)
    found = Found()
    seen: set[int] = set()
    bare: set[int] = set()
    for name in [project.package, *_module_names(package, project)]:
        module = import_module(name, project)
        names = {n: v for n, v in vars(module).items() if not n.startswith("__")}
        bare.update(map(id, names.values()))
        for key, item in names.items():
            if isinstance(item, _RESOURCES):
                found.resources.append((key, item, name))
        for item in _dagster_objects(names.values(), name):
            _sort_in(item, name, found, seen, project)
    found.assets[:] = _as_given(found.assets, bare)
    found.sources[:] = _each_once(found.sources)
    checks = sorted(found.checks, key=lambda one: id(one) not in bare)
    found.checks[:] = {id(one.node_def): one for one in checks}.values()
    found.notes.extend(_components(project))
    return found


def _as_given(
    assets: Sequence[tuple[dg.AssetsDefinition, str]], bare: Set[int]
) -> list[tuple[dg.AssetsDefinition, str]]:
    """The assets, those of which a list or `Definitions` holds a copy as they are there.

    `dg.load_assets_from_modules` and its like copy assets, to give them a group or a prefix. The
    folder that an asset is in remains that of its function. `bare`: what modules hold by name.
    """
    copied = {id(one.node_def) for one, _ in assets if id(one) not in bare}
    homes = {id(one.node_def): module for one, module in assets if id(one) in bare}
    given: dict[tuple[object, ...], tuple[dg.AssetsDefinition, str]] = {}
    for one, module in assets:
        node = id(one.node_def)
        if id(one) in bare:
            if node not in copied:
                given[(id(one),)] = one, module
        else:
            given.setdefault((node, *sorted(one.keys)), (one, homes.get(node, module)))
    return list(given.values())


def _each_once(
    sources: Sequence[tuple[dg.AssetSpec | dg.SourceAsset, str]],
) -> list[tuple[dg.AssetSpec | dg.SourceAsset, str]]:
    """The sources, a raw file that a list holds a copy of once, with the attributes of the copy."""
    once: dict[object, tuple[dg.AssetSpec | dg.SourceAsset, str]] = {}
    for one, module in sources:
        file = raw_file(one) if isinstance(one, dg.AssetSpec) else None
        what = id(one) if file is None else file
        once[what] = one, once[what][1] if what in once else module
    return list(once.values())


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

    files = [path for path in project.package_folder.rglob("*.py") if path.stem.isidentifier()]
    for path in sorted(files):
        # Python passes over it, and its tables would be gone without a word.
        is_file(path)
    for folder in sorted({path.parent for path in files}):
        if not (folder / "__init__.py").is_file() and "__pycache__" not in folder.parts:
            place = project.relative(folder)
            raise ProjectError(
                f"{place} has Python files but no __init__.py, so its tables are not found.\n"
                f"Add an empty one: touch {place}/__init__.py"
            )
    yield from walk(package.__path__, f"{package.__name__}.")


def _dagster_objects(values: Iterable[object], module: str, depth: int = 0) -> Iterator[object]:
    """The values themselves, and those in containers and classes, as a factory may leave them."""
    for value in values:
        inner: Iterable[object] = ()
        if isinstance(value, dict | MappingProxyType):
            inner = value.values()
        elif isinstance(value, list | set | frozenset) or type(value) is tuple:
            inner = value
        elif isinstance(value, SimpleNamespace) or (
            isinstance(value, type) and value.__module__ == module
        ):
            inner = vars(value).values()
        else:
            yield value
            continue
        # Data at the top level of a module hold no definitions.
        few = len(inner) <= _MOST_HELD if isinstance(inner, Sized) else False
        if few and depth < _DEEPEST:
            yield from _dagster_objects(list(inner), module, depth + 1)


def _sort_in(item: object, module: str, found: Found, seen: set[int], project: Project) -> None:
    if id(item) in seen:
        return
    seen.add(id(item))
    match item:
        case dg.AssetChecksDefinition():
            found.checks.append(item)
        case RowRule():
            found.rules.append(item)
        case dg.AssetsDefinition() if not item.is_executable:
            # A raw file, or a copy of it or of an external asset that a list holds.
            found.sources.extend((of_project(spec), module) for spec in item.specs)
        case dg.AssetsDefinition():
            found.assets.append((_of_tables(item, module), module))
        case dg.AssetSpec() | dg.SourceAsset():
            found.sources.append((item, module))
        case dg.JobDefinition() | UnresolvedJob():
            found.jobs.append(item)
        case dg.ScheduleDefinition() | UnresolvedSchedule():
            found.schedules.append(item)
        case dg.SensorDefinition():
            found.sensors.append(item)
        case LazyDefinitions():
            _sort_in(_made(item, module, project), module, found, seen, project)
        case FunctionType() if is_component_loader(item) and not _are_merged(project):
            code = item.__code__
            place = f"{project.relative(Path(code.co_filename))}:{code.co_firstlineno}"
            found.notes.append(f"{place}: {_COMPONENT}")
        case dg.Definitions():
            _take(item, module, found, seen, project)


def _of_tables(assets: dg.AssetsDefinition, module: str) -> dg.AssetsDefinition:
    """Assets without the IO manager that `dg.with_resources` gives them."""
    ours = without_default_io_manager(assets)
    if "io_manager" in ours.resource_defs:
        names = ", ".join(sorted(key.to_user_string() for key in assets.keys))
        raise ProjectError(
            f"{module}: '{names}' is given an IO manager as the resource 'io_manager', which is "
            "that of the tables.\nGive it another name, and let the asset choose it: "
            '@dg.asset(io_manager_key="…").'
        )
    return ours


def _made(lazy: "LazyDefinitions[Any]", module: str, project: Project) -> dg.Definitions:
    """What a function under `@dg.definitions` returns."""
    if lazy.has_context_arg:
        raise ProjectError(
            f"{module}: '{lazy.load_fn.__name__}' under @dg.definitions takes a context, which "
            f"only Dagster's component loader has.\nWrite it without one, or {_MERGE}"
        )
    try:
        made = lazy.load_fn()
    except (ProjectError, *failures.INTERRUPTIONS):
        raise
    except BaseException as error:  # noqa: BLE001 (a user's function may raise anything)
        problem = _import_problem(error, module, project)
    else:
        assert isinstance(made, dg.Definitions)
        return made
    raise problem


def _take(
    definitions: dg.Definitions, module: str, found: Found, seen: set[int], project: Project
) -> None:
    """Everything that a `Definitions` in a module holds."""
    if definitions.executor is not None or definitions.loggers:
        what = "executor" if definitions.executor is not None else "loggers"
        raise ProjectError(
            f"{module}: its Definitions name {'an ' if what == 'executor' else ''}{what}, of which "
            f"a project has one.\nGive it to load_definitions({project.package}, {what}=…) in "
            f"{project.package}/definitions.py."
        )
    for key, resource in (definitions.resources or {}).items():
        found.resources.append((key, resource, module))
    held = [
        *(definitions.assets or ()),
        *(definitions.asset_checks or ()),
        *(definitions.jobs or ()),
        *(definitions.schedules or ()),
        *(definitions.sensors or ()),
    ]
    for item in held:
        _sort_in(item, module, found, seen, project)


def _components(project: Project) -> Iterator[str]:
    """A note on each component, which only Dagster loads, unless `definitions.py` does."""
    if _are_merged(project):
        return
    for name in ("defs.yaml", "component.yaml"):
        for path in sorted(project.package_folder.rglob(name)):
            yield f"{project.relative(path)}: {_COMPONENT}"


def _are_merged(project: Project) -> bool:
    own = project.package_folder / "definitions.py"
    return own.is_file() and "load_from_defs_folder" in own.read_text(errors="replace")


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
    if failures.show_original is not None:
        failures.show_original(name, error)
    words = OwnWords((source,), templates=_raised_in(error))
    reason = failures.spoken(error, words)
    if isinstance(error, SyntaxError) and line and failures.is_users(line[0], project):
        reason = error.msg
    if isinstance(error, FileNotFoundError) and (path := _missing_file(error, words)):
        reason = f"{path} does not exist. A relative path starts where the command is run."
    what = python_errors.kind_of(error, words)
    what = f"{what}: {reason}" if reason else what
    place = f"{project.relative(line[0])}:{line[1]}" if line else name
    hint = ""
    if isinstance(error, ModuleNotFoundError) and error.name and error.name in reason:
        hint = f"\nInstall {error.name.partition('.')[0]!r} into {sys.prefix}, or correct the name."
    if isinstance(error, ImportError):
        hint += (
            f"\nEvery module of {project.package} is imported: one that its tables do without "
            "belongs outside of the package."
        )
    return ProjectError(f"{place}: the module {name} cannot be imported.\n{what}{hint}")


def _raised_in(error: BaseException) -> tuple[str, ...]:
    """The source of the library that raised an error: its message is literal but for the holes."""
    frames = traceback.extract_tb(error.__traceback__)
    place = Path(frames[-1].filename) if frames else Path()
    known = [module.__file__ for module in (dg, dagster_shared, pl) if module.__file__]
    ours = any(place.is_relative_to(Path(file).parent) for file in known)
    return (read_source(place),) if ours else ()


def _missing_file(error: FileNotFoundError, words: OwnWords) -> str:
    """The path of a missing file, if it is written literally in the user's own code."""
    path = str(error.filename or str(error).rpartition(": ")[2])
    return path if words.have(path) else ""
