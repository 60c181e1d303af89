"""What goes into a data package, and whether the published one is up to date."""

import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from data_package.engine.engine_edition import edition
from data_package.engine.package import record as r
from data_package.engine.package.ancestry import libraries_of, lineage_of
from data_package.engine.package.codes import CodeTable, Published
from data_package.engine.project import Project
from data_package.engine.schema import Contract
from data_package.engine.sources.files import combine_hashes
from data_package.engine.staleness.lock import Lock, read_lock
from data_package.engine.storage import HashCache
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.first_sentence import first_sentence
from data_package.engine.tables.table import Table

# A file beside datapackage.yaml with the full terms; it takes precedence over the texts here.
OWN_TEXT = "LICENSE.data"
_ROOM = __name__.rpartition(".")[0]


@dataclass(frozen=True)
class Contents:
    """What goes into a data package.

    Attributes:
        properties: the package's own, with those of its release.
        codes: vocabularies that are tables of their own.
        files: assets that are files and not tables, published as they are.
        changelog: the text of `CHANGELOG.md`, None where nothing has been released.
    """

    catalogue: Catalogue
    tables: Sequence[tuple[Table, Contract]]
    properties: dict[str, object]
    changelog: str | None
    files: Sequence[Table] = ()
    codes: Sequence[tuple[CodeTable, Contract]] = ()

    @property
    def published(self) -> list[tuple[Published, Contract]]:
        """Everything that is published as a table."""
        return [*self.tables, *self.codes]

    @property
    def project(self) -> Project:
        """The project of the data package."""
        return self.catalogue.project

    @property
    def hashes(self) -> HashCache:
        """The hashes of files, tables and published ones alike."""
        return self.catalogue.hashes


def is_made_of(contents: Contents) -> bool:
    """Whether what was published last is what `publish` would make of the tables as built."""
    project = contents.project
    return r.read_record(project).made_of == digest_of(contents, read_lock(project))


def is_as_published(project: Project, hashes: HashCache) -> bool | None:
    """Whether every file in place is as it was published; None where there is none at all."""
    folder = project.published
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if not present:
        return None
    before = r.read_record(project).files
    return present == before.keys() and all(
        hashes.hash(folder / path) == digest for path, digest in before.items()
    )


def digest_of(contents: Contents, lock: Lock) -> str:
    """A digest of everything that determines the content of a publication."""
    project = contents.project
    published = [*(table for table, _ in contents.tables), *contents.files]
    catalogue = contents.catalogue
    lineage = lineage_of(catalogue, published, lock)
    return r.digest(
        engine(),
        repr(project.packaging),
        contents.properties,
        contents.changelog,
        own_licence(project),
        [
            [table.resource, contract.descriptor, _as_built(table, catalogue, lock)]
            for table, contract in contents.published
        ],
        [
            [file.resource, file.path.suffix, said_of(file), _as_built(file, catalogue, lock)]
            for file in contents.files
        ],
        [[one.name, one.group, one.inputs, one.versions, one.published] for one in lineage],
        libraries_of(lineage),
    )


def version_of(table: Published, catalogue: Catalogue) -> str:
    """The content of a table: the hash of its file, or one over those of its partitions."""
    if not isinstance(table, Table) or not table.partitioned:
        return catalogue.hashes.hash(table.path)
    return combine_hashes(
        (str(part), catalogue.hashes.hash(table.file(part))) for part in table.parts
    )


def _as_built(table: Published, catalogue: Catalogue, lock: Lock) -> str:
    """The content of a table as the lock has it: its file may be gone, or changed since."""
    if not isinstance(table, Table):
        return version_of(table, catalogue)
    entries = [(str(part), lock.entry(table.name, part)) for part in table.parts]
    versions = [(part, entry.data_version) for part, entry in entries if entry is not None]
    if len(versions) < len(entries):
        return version_of(table, catalogue)
    return combine_hashes(versions) if table.partitioned else versions[0][1]


def said_of(file: Table) -> str | None:
    """The description of a file: the first sentence of its function's docstring."""
    return first_sentence(file.function.__doc__ if file.function else None)


def engine() -> list[str]:
    """The edition of the code that writes data packages, and Python's version."""
    return [edition(_ROOM).digest(), platform.python_version()]


def own_licence(project: Project) -> str | None:
    """The text of the project's own licence file, None where there is none."""
    with suppress(OSError):
        return (project.package_folder / OWN_TEXT).read_text(encoding="utf-8", errors="replace")
    return None
