"""A project's folders, and the settings in `[tool.data-package]`.

Paths and settings only, nothing about tables. Standard library only.
"""

import importlib.util
import os
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from data_package.engine import needs
from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.needs import Needs
from data_package.engine.own_code import ENGINE
from data_package.engine.places import LOCK, SNAPSHOTS, Places

_TABLE = "[tool.data-package]"
_TEXTS = ("package", "storage", "library-changes", "subject")
_SWITCHES = ("csv", "column-lineage", "ro-crate", "croissant", "processes")
# How many tables at most are built at once.
MOST_AT_ONCE = 64
# The least and the most that a whole number may be.
_BOUNDS: dict[str, tuple[int, int | None]] = {
    "small-cells": (1, None),
    "largest-categories": (0, None),
    "at-once": (1, MOST_AT_ONCE),
}
_NUMBERS = ("small-cells", "round-counts", "largest-categories", "at-once")
# What a job of a cluster gets by default.
_SLURM = "slurm"
_SETTINGS = (*_TEXTS, *_SWITCHES, *_NUMBERS, _SLURM)
_ROUNDINGS = (1, 5, 10)


class LibraryChanges(StrEnum):
    """The smallest change of a library's version that makes the tables that use it stale."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"
    NEVER = "never"


@dataclass(frozen=True)
class Packaging:
    """How the data package is made.

    Attributes:
        csv: whether each table is published as CSV as well.
        column_lineage: whether the data dictionary shows what fields are computed from.
        small_cells: the fewest subjects that a number in the data dictionary may be based on.
        round_counts: counts in the data dictionary are rounded to multiples of this.
        subject: `table.field`, the key that identifies subjects; `none` where every row is a
            subject; None to take it from the contracts' keys.
        largest_categories: a vocabulary with more values than this is published as a table.
        ro_crate: whether an RO-Crate description is written.
        croissant: whether a Croissant description is written.
    """

    csv: bool = False
    column_lineage: bool = True
    small_cells: int = 5
    round_counts: int = 5
    subject: str | None = None
    largest_categories: int = 100
    ro_crate: bool = False
    croissant: bool = False


@dataclass(frozen=True)
class Project:
    """A project on this machine.

    Attributes:
        root: the folder that holds `pyproject.toml`.
        package: the name of the Python package that holds the tables.
        storage: the folder that everything built is written to.
        library_changes: which updates of a library make tables stale.
        packaging: how the data package is made.
        at_once: how many tables are built at once.
        processes: whether each of those is built in its own process.
        slurm: what a job of Slurm gets for a table that does not say what it needs.
    """

    root: Path
    package: str
    storage: Path
    library_changes: LibraryChanges = LibraryChanges.MINOR
    packaging: Packaging = Packaging()
    at_once: int = 1
    processes: bool = False
    slurm: Needs = field(default_factory=Needs)

    @property
    def package_folder(self) -> Path:
        """The folder of the package that holds the tables. Raises ProjectError if it is missing."""
        for base in (self.root, self.root / "src"):
            folder = base.joinpath(*self.package.split("."))
            if (folder / "__init__.py").is_file() or folder.is_dir():
                return folder
        raise ProjectError(
            f"{self.root / 'pyproject.toml'}: {_TABLE} names the package {self.package!r}, but "
            f"there is no such folder in {self.root}.\n"
            f"Correct `package` there, or make the folder."
        )

    @property
    def import_root(self) -> Path:
        """The folder from which the package is imported."""
        return self.package_folder.parents[self.package.count(".")]

    @property
    def places(self) -> Places:
        """Every place in storage."""
        return Places(self.storage)

    @property
    def lock(self) -> Path:
        """The lock file."""
        return self.root / LOCK

    @property
    def snapshots(self) -> Path:
        """The file with the fetches that tables are made from."""
        return self.root / SNAPSHOTS

    @property
    def state(self) -> Path:
        """What the engine keeps so as not to compute it again; may be deleted."""
        return self.places.state

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps its history."""
        return self.places.history

    @property
    def published(self) -> Path:
        """The data package: the only folder in storage that is meant to leave the machine."""
        return self.places.package

    def relative(self, path: Path | str) -> str:
        """A path for messages: relative to the root where it is below it."""
        path = Path(path)
        return (
            path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)
        )

    def make_importable(self) -> None:
        """Make `import <package>` find this project's package and no other of that name.

        Raises ProjectError when another package of that name would be imported.
        """
        place = str(self.import_root)
        if sys.path[:1] != [place]:
            # Before those of other projects in this process, which may have modules of the same
            # names.
            sys.path[:] = [place, *(other for other in sys.path if other != place)]
        read_from_source([self.package])
        spec = importlib.util.find_spec(self.package)
        places = (
            [Path(p).resolve() for p in (spec.submodule_search_locations or [])] if spec else []
        )
        if self.package_folder.resolve() not in places:
            found = places[0] if places else "nowhere"
            raise ProjectError(
                f"The package {self.package!r} of the project {self.root} would be imported from "
                f"{found}.\nUse this project's own environment, or give the package another name."
            )


class _SourceLoader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        """Compile the source itself: cached code is matched by size and time only."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def read_from_source(tops: Iterable[str]) -> None:
    """Import these packages from their sources, never from cached code."""
    finder = next((one for one in sys.meta_path if isinstance(one, _FromSource)), None)
    if finder is None:
        finder = _FromSource()
        sys.meta_path.insert(0, finder)
    finder.tops.update(top.partition(".")[0] for top in tops)


class _FromSource(PathFinder):
    """Imports a user's modules from their sources, so that the code that runs is the code read."""

    def __init__(self) -> None:
        self.tops: set[str] = set()

    def find_spec(  # type: ignore[override]
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module of these packages; None for any other."""
        top = fullname.partition(".")[0]
        if top not in self.tops or f"{fullname}.".startswith(f"{ENGINE}."):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _SourceLoader(fullname, spec.loader.path)
        return spec


def find_project(start: Path | None = None) -> Project:
    """The project that contains a folder (by default the working directory).

    Raises ProjectError when there is none, or when its settings are wrong.
    """
    try:
        start = (start or Path.cwd()).resolve()
    except FileNotFoundError:
        raise ProjectError(
            "The working directory does not exist any more.\nGo to your project's folder."
        ) from None
    for folder in (start, *start.parents):
        settings = _read_settings(folder / "pyproject.toml")
        if settings is not None:
            return Project(
                root=folder,
                package=str(settings["package"]),
                storage=_storage(folder, settings),
                library_changes=LibraryChanges(str(settings.get("library-changes", "minor"))),
                packaging=_packaging(settings),
                at_once=int(str(settings.get("at-once", 1))),
                processes=bool(settings.get("processes", False)),
                slurm=_slurm(settings),
            )
    raise ProjectError(
        f"No data-package project here: no pyproject.toml with {_TABLE} in {start} or above.\n"
        f"Go to your project's folder, or add to its pyproject.toml:\n\n"
        f'    {_TABLE}\n    package = "my_study"'
    )


def project_of(package: ModuleType) -> Project:
    """The project that an imported package belongs to, wherever the command was started.

    Raises ProjectError when it has none, or one with another package.
    """
    place = next(iter(package.__path__))
    project = find_project(Path(place))
    if project.package != package.__name__:
        raise ProjectError(
            f"{project.root / 'pyproject.toml'}: {_TABLE} names the package {project.package!r}, "
            f"but the definitions are of {package.__name__!r}.\nMake the two agree."
        )
    return project


def _storage(root: Path, settings: Mapping[str, object]) -> Path:
    """The folder of all that is built: of its own, since a build sweeps and `clean` removes there.

    Raises ProjectError when it holds the project, or lies in its package.
    """
    # `Path.resolve` raises an error of its own where links lead in a circle.
    path = Path(os.path.realpath(root / str(settings.get("storage", "storage"))))
    code = [base.joinpath(*str(settings["package"]).split(".")) for base in (root, root / "src")]
    if root.is_relative_to(path) or any(path.is_relative_to(folder) for folder in code):
        raise ProjectError(
            f"{root / 'pyproject.toml'}: {_TABLE} storage is {path}, where files of yours lie.\n"
            'Name a folder for nothing else: storage = "storage"'
        )
    return path


def _packaging(settings: Mapping[str, object]) -> Packaging:
    subject = settings.get("subject")
    return Packaging(
        csv=bool(settings.get("csv", False)),
        column_lineage=bool(settings.get("column-lineage", True)),
        small_cells=int(str(settings.get("small-cells", 5))),
        round_counts=int(str(settings.get("round-counts", 5))),
        subject=str(subject) if subject is not None else None,
        largest_categories=int(str(settings.get("largest-categories", 100))),
        ro_crate=bool(settings.get("ro-crate", False)),
        croissant=bool(settings.get("croissant", False)),
    )


def _slurm(settings: Mapping[str, object]) -> Needs:
    found = settings.get(_SLURM, {})
    assert isinstance(found, dict)
    return needs.needs_of_settings(found)


def _read_settings(path: Path) -> dict[str, object] | None:
    if not path.is_file():
        return None
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ProjectError(f"{path}: not readable as TOML: it is nested too deeply.") from None
    except ValueError as error:
        raise ProjectError(f"{path}: not readable as TOML: {error}.") from None
    tool = document.get("tool", {})
    settings = tool.get("data-package") if isinstance(tool, dict) else None
    if settings is None:
        return None
    if not isinstance(settings, dict):
        raise ProjectError(f"{path}: [tool] data-package is not a table. Write {_TABLE}.")
    for name, value in settings.items():
        if name not in _SETTINGS:
            raise ProjectError(
                f"{path}: {_TABLE} has no setting {name!r}.{did_you_mean(name, _SETTINGS)}\n"
                f"Known settings: {', '.join(_SETTINGS)}."
            )
        if name == _SLURM:
            _refuse_wrong_slurm(path, value)
        elif problem := _problem_of(name, value):
            raise ProjectError(f"{path}: {_TABLE} {name} {problem}.")
    known = [level.value for level in LibraryChanges]
    if settings.get("library-changes", "minor") not in known:
        raise ProjectError(f"{path}: {_TABLE} library-changes is one of {', '.join(known)}.")
    if "package" not in settings:
        raise ProjectError(
            f"{path}: {_TABLE} does not name the package that holds the tables.\n"
            f'Add `package = "my_study"` there.'
        )
    return settings


def _refuse_wrong_slurm(path: Path, settings: object) -> None:
    place = f"{path}: [tool.data-package.{_SLURM}]"
    if not isinstance(settings, dict):
        raise ProjectError(f"{place} is not a table. Write its settings below this line.")
    for name, value in settings.items():
        if name not in needs.SETTINGS:
            raise ProjectError(
                f"{place} has no setting {name!r}.{did_you_mean(name, needs.SETTINGS)}\n"
                f"Known settings: {', '.join(needs.SETTINGS)}."
            )
        if problem := needs.problem_of(name, value):
            raise ProjectError(f"{place} {name} is {problem}.")


def settings_schema() -> dict[str, object]:
    """The JSON Schema of `[tool.data-package]`, for editors."""
    properties: dict[str, dict[str, object]] = {name: {"type": "string"} for name in _TEXTS}
    properties |= {name: {"type": "boolean"} for name in _SWITCHES}
    for name, (least, most) in _BOUNDS.items():
        above = {} if most is None else {"maximum": most}
        properties[name] = {"type": "integer", "minimum": least, **above}
    properties["round-counts"] = {"enum": list(_ROUNDINGS)}
    properties["library-changes"] = {"enum": [level.value for level in LibraryChanges]}
    properties[_SLURM] = needs.settings_schema()
    properties["subject"] = {
        "anyOf": [{"const": "none"}, {"type": "string", "pattern": r"[^.]\.[\s\S]*[^.]"}]
    }
    return {
        "title": _TABLE,
        "type": "object",
        "properties": properties,
        "required": ["package"],
        "additionalProperties": False,
    }


def _problem_of(name: str, value: object) -> str | None:
    """What is wrong with the value of a setting, or None."""
    if name in _SWITCHES:
        return None if isinstance(value, bool) else "is true or false"
    if name == "round-counts":
        return None if value in _ROUNDINGS and not isinstance(value, bool) else "is 1, 5 or 10"
    if name in _BOUNDS:
        least, most = _BOUNDS[name]
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= least
        if whole and (most is None or value in range(least, most + 1)):
            return None
        return f"is a whole number from {least} {'upwards' if most is None else f'to {most}'}"
    if not isinstance(value, str):
        return "must be a string"
    if not value.isprintable():
        return "holds a character that cannot be seen"
    if name == "storage" and "://" in value:
        return (
            "is an address, and a build can only write into a folder; mount the store, or build "
            "in a folder and copy storage/package afterwards"
        )
    if name == "storage" and value.startswith("~"):
        return "begins with ~, which only a shell knows; write the whole path"
    if name == "package" and not all(part.isidentifier() for part in value.split(".")):
        return 'is a name that Python can import, such as "my_study"'
    if name == "subject" and value != "none" and "." not in value.strip("."):
        return 'is "table.field", or "none" where every row is a subject'
    return None
