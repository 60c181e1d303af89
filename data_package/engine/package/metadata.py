"""The package's own properties, `datapackage.yaml`: title, contributors, licences, sources."""

from pathlib import Path

import yaml

from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.project import Project

FILE_NAME = "datapackage.yaml"

# https://datapackage.org/standard/data-package/#properties, less what the build writes itself.
_PROPERTIES = (
    "name",
    "id",
    "title",
    "description",
    "homepage",
    "version",
    "licenses",
    "contributors",
    "sources",
    "keywords",
    "image",
)
_WRITTEN_BY_THE_BUILD = ("$schema", "resources", "created")


def read_metadata(project: Project) -> dict[str, object]:
    """The properties in `datapackage.yaml`, checked; the name alone where there is no such file.

    Raises ProjectError with the file and line.
    """
    path = project.package_folder / FILE_NAME
    if not path.is_file():
        return {"name": project.package.replace("_", "-")}
    properties = _load(path, project)
    problems = [
        f"{project.relative(path)}: there is no property '{name}' of a data package."
        f"{did_you_mean(name, _PROPERTIES)}"
        for name in properties
        if name not in (*_PROPERTIES, *_WRITTEN_BY_THE_BUILD)
    ]
    problems += [
        f"{project.relative(path)}: '{name}' is written by the build. Remove it here."
        for name in properties
        if name in _WRITTEN_BY_THE_BUILD
    ]
    if problems:
        raise ProjectError("\n".join(problems))
    return {"name": project.package.replace("_", "-"), **properties}


def _load(path: Path, project: Project) -> dict[str, object]:
    try:
        document = yaml.load(path.read_bytes(), Loader=_TextLoader)  # noqa: S506 (a safe loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not readable"
        raise ProjectError(f"{project.relative(path)}{line}: not valid YAML: {problem}.") from None
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise ProjectError(f"{project.relative(path)}: must be a mapping of properties.")
    return document


class _TextLoader(yaml.CSafeLoader):
    """Reads dates as the text that they are in a descriptor."""


_TextLoader.yaml_implicit_resolvers = {
    letter: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
