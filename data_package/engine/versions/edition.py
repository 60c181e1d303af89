"""One version of a data package, opened for reading: a folder, a zip file or a release.

What is read here may come from anybody: nothing outside the package is read, whatever its paths
and links point to, and only the descriptor and the files that it names are unpacked from a zip
file.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from data_package.engine.errors import ProjectError
from data_package.engine.project import Project
from data_package.engine.schema.contract import Contract
from data_package.engine.storage import make_private_folder, remove, temporary_beside
from data_package.engine.versions.level import Version
from data_package.engine.versions.strangers import is_relative, opened_zip, place_in

DESCRIPTOR = "datapackage.json"
BUILT = "the built package"
MOST_DESCRIPTOR_BYTES = 64 * 1024 * 1024
_PARQUET = ("parquet", "application/vnd.apache.parquet")


@dataclass(frozen=True)
class EditionTable:
    """A table of a data package.

    Attributes:
        descriptor: its Data Resource.
        path: its Parquet file, absolute and without links; None where the table has none.
        fault: why the file that its descriptor names cannot be used; empty if it can.
        unread: why the schema that its descriptor refers to is not read; empty if it is.
    """

    name: str
    descriptor: Mapping[str, object]
    contract: Contract
    path: Path | None
    fault: str = ""
    unread: str = ""

    def file(self) -> Path | None:
        """Its Parquet file; None where the table has none.

        Raises ProjectError when the package lacks the file that it names.
        """
        if self.fault:
            raise ProjectError(self.fault)
        return self.path


@dataclass(frozen=True)
class Edition:
    """A version of a data package.

    Attributes:
        label: its name for messages.
        folder: where its files can be read.
        document: its descriptor.
    """

    label: str
    folder: Path
    document: Mapping[str, object]

    @cached_property
    def tables(self) -> Mapping[str, EditionTable]:
        """Its tables by name; of a table in several formats, the Parquet one."""
        found: dict[str, EditionTable] = {}
        resources = self.document.get("resources")
        parquet = [r for r in _mappings(resources) if _is_parquet(r)]
        for written in parquet or _mappings(resources):
            name = str(written.get("name") or "")
            resource, unread = _with_schema(self.folder, written)
            contract = Contract.from_descriptor(resource, name=name)
            file = _file_of(self.folder, resource)
            path, fault = (None, file) if isinstance(file, str) else (file, "")
            found.setdefault(name, EditionTable(name, resource, contract, path, fault, unread))
        return found

    def text(self, name: str) -> str:
        """A property of the descriptor that is text, or an empty string."""
        value = self.document.get(name)
        return value if isinstance(value, str) else ""


def releases_folder(project: Project) -> Path:
    """Where the released versions are kept."""
    return project.places.releases


def release_folder(project: Project, version: Version | str) -> Path:
    """Where the files of a release are kept."""
    return releases_folder(project) / str(version)


def zip_name(package: str, version: Version | str) -> str:
    """The name of the zip file of a release."""
    safe = "".join(char if char.isalnum() or char in "-_." else "-" for char in package)
    return f"{safe.lstrip('.') or 'data-package'}-{version}.zip"


def release_zip(project: Project, version: Version | str) -> Path | None:
    """The zip file of a release, whatever the package's name was then; None where there is none."""
    with suppress(OSError):
        found = releases_folder(project).iterdir()
        ends = f"-{version}.zip"
        return next((p for p in sorted(found) if p.name.endswith(ends)), None)
    return None


def released_versions(project: Project) -> list[Version]:
    """The versions that are kept on this machine, oldest first."""
    with suppress(OSError):
        names = [path.name for path in releases_folder(project).iterdir() if path.is_dir()]
        names += [path.stem.rpartition("-")[2] for path in releases_folder(project).glob("*.zip")]
        return sorted({version for name in names if (version := Version.parse(name))})
    return []


@contextmanager
def open_built(project: Project) -> Iterator[Edition]:
    """The data package that was published last. Raises ProjectError when there is none."""
    if not (project.published / DESCRIPTOR).is_file():
        raise ProjectError(
            f"There is no data package in {project.relative(project.published)} yet.\n"
            "Build it: data-package build"
        )
    yield _read(BUILT, project.published)


@contextmanager
def open_edition(what: str | Path, project: Project | None) -> Iterator[Edition]:
    """A data package by its folder, its descriptor, its zip file or the version of a release.

    Raises ProjectError when it does not exist or cannot be read.
    """
    path = Path(what)
    if path.name == DESCRIPTOR and path.is_file():
        path = path.parent
    if (path / DESCRIPTOR).is_file():
        yield _read(str(what), path)
    elif path.is_file():
        with _unpacked(path, project) as folder:
            yield _read(str(what), folder)
    elif project is not None and (release_folder(project, path.name) / DESCRIPTOR).is_file():
        yield _read(str(what), release_folder(project, path.name))
    elif project is not None and (archive := release_zip(project, path.name)):
        with _unpacked(archive, project) as folder:
            yield _read(str(what), folder)
    else:
        raise ProjectError(f"There is no data package {str(what)!r}.\n{_known(project)}")


def _known(project: Project | None) -> str:
    known = "Name a folder with a datapackage.json or a zip file of one"
    if project is None:
        return f"{known}."
    versions = ", ".join(map(str, released_versions(project)))
    return f"{known}, or a release: {versions or 'there is none on this machine yet'}."


def _read(label: str, folder: Path) -> Edition:
    inside = place_in(folder, DESCRIPTOR)
    path = folder / DESCRIPTOR
    if isinstance(inside, str):
        raise ProjectError(f"{path} cannot be used: {inside}.")
    document, fault = _properties(inside)
    if document is None:
        raise ProjectError(f"{label}: {DESCRIPTOR} {fault}.")
    return Edition(label, folder, document)


def _properties(path: Path) -> tuple[dict[str, object] | None, str]:
    """What a JSON file of a package holds, or what is wrong with it."""
    try:
        if path.stat().st_size > MOST_DESCRIPTOR_BYTES:
            return None, "is too large for a descriptor"
        document = json.loads(path.read_bytes())
        json.dumps(document, ensure_ascii=False).encode()
    except OSError as error:
        return None, f"cannot be read: {error.strerror}"
    except UnicodeEncodeError:
        return None, "contains half of a surrogate pair, which is not text"
    except (ValueError, RecursionError):
        return None, "is not JSON"
    if not isinstance(document, dict):
        return None, "is not a descriptor: it has no properties"
    return document, ""


def _with_schema(folder: Path, resource: Mapping[str, object]) -> tuple[Mapping[str, object], str]:
    """A resource with the schema that it refers to in its place, or why that is not read.

    https://datapackage.org/standard/data-resource/#schema: a path is one in the package, and a URL
    is never fetched.
    """
    named = resource.get("schema")
    if not isinstance(named, str):
        return resource, ""
    place = place_in(folder, named)
    schema, fault = (None, place) if isinstance(place, str) else _properties(place)
    if schema is not None:
        return {**resource, "schema": schema}, ""
    others = {name: value for name, value in resource.items() if name != "schema"}
    why = fault if isinstance(place, str) else f"it {fault}"
    return others, f"its schema {named[:200]!r} is not read: {why}"


@contextmanager
def _unpacked(archive: Path, project: Project | None) -> Iterator[Path]:
    """A private folder with the descriptor and the Parquet files of a zipped package."""
    if project is not None:
        make_private_folder(project.state)
        folder = temporary_beside(project.places.unpacked)
        make_private_folder(folder)
    else:
        folder = Path(tempfile.mkdtemp(prefix="data-package-"))
    try:
        with opened_zip(archive, folder) as packed:
            packed.unpack(DESCRIPTOR, most=MOST_DESCRIPTOR_BYTES)
            resources = _mappings(_read(archive.name, folder).document.get("resources"))
            for resource in filter(_is_parquet, resources):
                path, schema = resource.get("path"), resource.get("schema")
                if isinstance(path, str) and is_relative(path):
                    packed.unpack(path)
                if isinstance(schema, str) and is_relative(schema) and packed.holds(schema):
                    packed.unpack(schema, most=MOST_DESCRIPTOR_BYTES)
        yield folder
    finally:
        remove(folder)


def _file_of(folder: Path, resource: Mapping[str, object]) -> Path | str | None:
    """The Parquet file of a resource, None where it has none, or why it cannot be used."""
    if not _is_parquet(resource):
        return None
    path = resource.get("path")
    found = place_in(folder, path) if isinstance(path, str) else "its path is not a string"
    if isinstance(found, Path):
        return found
    shown = f" {path[:200]!r}" if isinstance(path, str) else ""
    return f"The file{shown} of the table {resource.get('name')!r} cannot be read: {found}."


def _is_parquet(resource: Mapping[str, object]) -> bool:
    return resource.get("format") == _PARQUET[0] or resource.get("mediatype") == _PARQUET[1]


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
