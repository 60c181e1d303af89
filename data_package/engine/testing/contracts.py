"""Contracts by the name of their table or raw file, found without importing the project."""

from pathlib import Path

from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.project import Project, find_project
from data_package.engine.schema import Contract, load_contract

_ENDINGS = (".yaml", ".yml", ".json")
# Names of the package itself do not belong to a function.
_OF_THE_PACKAGE = ("datapackage", "releases")


def contract_of(what: str | Path | Contract, project: Project | Path | None) -> Contract:
    """The contract of a table or a raw file, by its name or its path.

    Raises ProjectError when there is none of that name, or more than one.
    """
    if isinstance(what, Contract):
        return what
    if isinstance(what, Path):
        return load_contract(what)
    project = project if isinstance(project, Project) else find_project(project)
    folder = project.package_folder
    known: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        of_the_package = path.parent == folder and path.stem in _OF_THE_PACKAGE
        if path.suffix in _ENDINGS and not of_the_package:
            known.setdefault(path.stem, []).append(path)
    found = known.get(what, [])
    if len(found) == 1:
        return load_contract(found[0])
    if found:
        places = ", ".join(project.relative(path) for path in found)
        raise ProjectError(f"There are several contracts '{what}': {places}.\nGive a Path.")
    raise ProjectError(
        f"There is no contract '{what}' in {project.relative(folder)}.{did_you_mean(what, known)}"
    )
