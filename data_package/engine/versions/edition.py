"""One version of a data package, opened for reading: a folder, a zip file or a release.

What is read here may come from anybody: paths that lead out of the package are not followed, and
of a zip file nothing is unpacked but the descriptor and the files that it names.
"""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from data_package.engine.errors import ProjectError
from data_package.engine.project import Project
from data_package.engine.schema.contract import Contract
from data_package.engine.storage import make_private_folder, temporary_beside
from data_package.engine.versions.level import Version

DESCRIPTOR = "datapackage.json"
BUILT = "the built package"
_MOST_BYTES = 64 * 1024 * 1024
_PARQUET = ("parquet", "application/vnd.apache.parquet")


@dataclass(frozen=True)
class EditionTable:
    """A table of a data package.

    Attributes:
        descriptor: its Data Resource.
        path: its Parquet file; None where the table has none.
    """

    name: str
    descriptor: Mapping[str, object]
    contract: Contract
    path: Path | None


@dataclass(frozen=True)
class Edition:
    """A version of a data package.

    Attributes:
        label: what people call it.
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
        for resource in parquet or _mappings(resources):
            name = str(resource.get("name") or "")
            path = _inside(self.folder, resource.get("path")) if _is_parquet(resource) else None
            contract = Contract.from_descriptor(resource, name=name)
            found.setdefault(name, EditionTable(name, resource, contract, path))
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
    """What the zip file of a release is called."""
    safe = "".join(char if char.isalnum() or char in "-_." else "-" for char in package)
    return f"{safe.lstrip('.') or 'data-package'}-{version}.zip"


def release_zip(project: Project, version: Version | str) -> Path | None:
    """The zip file of a release, whatever the package was called then; None where there is none."""
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

    Raises ProjectError when it is not there or cannot be read.
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
    path = folder / DESCRIPTOR
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ProjectError(f"{path} is too large for a descriptor.")
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ProjectError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise ProjectError(f"{path} is not JSON.") from None
    if not isinstance(document, dict):
        raise ProjectError(f"{path} is not a descriptor: it holds no properties.")
    return Edition(label, folder, document)


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
        with zipfile.ZipFile(archive) as packed:
            _unpack(packed, DESCRIPTOR, folder)
            resources = _mappings(_read(archive.name, folder).document.get("resources"))
            for resource in filter(_is_parquet, resources):
                if _inside(folder, resource.get("path")) is not None:
                    _unpack(packed, str(resource["path"]), folder)
        yield folder
    except KeyError as error:
        raise ProjectError(f"{archive} is not a whole data package: {error.args[0]}") from None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        raise ProjectError(f"{archive} is not a zip file that can be read.") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(packed: zipfile.ZipFile, name: str, folder: Path) -> None:
    target = folder / name
    make_private_folder(target.parent)
    with packed.open(name) as source, target.open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)


def _inside(folder: Path, path: object) -> Path | None:
    """The file that a resource's path names; None for a path that the standard forbids."""
    if not isinstance(path, str) or not path or "\\" in path or ":" in path or "\0" in path:
        return None
    steps = PurePosixPath(path)
    if steps.is_absolute() or ".." in steps.parts:
        return None
    return folder / steps


def _is_parquet(resource: Mapping[str, object]) -> bool:
    return resource.get("format") == _PARQUET[0] or resource.get("mediatype") == _PARQUET[1]


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
