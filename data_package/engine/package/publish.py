"""Putting the data package in place: all of it in one step, or none of it."""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from data_package.engine.package import descriptor as d
from data_package.engine.package import record as r
from data_package.engine.package.ancestry import libraries_of, lineage_of
from data_package.engine.package.codes import Published
from data_package.engine.package.contents import (
    Contents,
    digest_of,
    engine,
    own_licence,
    said_of,
    version_of,
)
from data_package.engine.package.csvtwin import write_csv
from data_package.engine.package.documents import documents
from data_package.engine.package.facts import Facts, TableFacts
from data_package.engine.package.gathering import Files
from data_package.engine.package.origins import Origins, origins_of
from data_package.engine.package.parquet import copy_with_words
from data_package.engine.package.readme import sums
from data_package.engine.package.statistics import Subjects, Summary, subjects_of, summarise
from data_package.engine.staleness.lock import Lock, read_lock
from data_package.engine.storage import (
    PRIVATE_FILE,
    hash_file,
    make_private_folder,
    remove,
    replace_folder,
    temporary_beside,
    write_private,
)
from data_package.engine.tables.table import Table

_TABLES = "tables"
_CSV = "csv"
_FILES = "files"
_SUMS = "SHA256SUMS"
_GATHERED = ".gathered"


@dataclass(frozen=True)
class Written:
    """A data package that has been written.

    Attributes:
        document: its descriptor.
        record: what it is made of, and the hash of each of its files.
    """

    document: dict[str, object]
    record: r.PublicationRecord


def publish(contents: Contents, *, still_good: Callable[[], None]) -> dict[str, object]:
    """Write the data package beside the present one, then put it in its place.

    `still_good` is called after the tables are written and before the exchange, and raises if they
    must not be published. Returns the descriptor.
    """
    project = contents.project
    folder = project.published
    make_private_folder(folder.parent)
    new = temporary_beside(folder)
    try:
        written = write(contents, new)
        still_good()
        replace_folder(new, folder)
    except BaseException:
        remove(new)
        raise
    for path, digest in written.record.files.items():
        contents.hashes.remember(folder / path, digest)
    r.write_record(project, written.record)
    return written.document


def write(contents: Contents, new: Path) -> Written:
    """Write the data package into a new folder. Files that are already published are linked."""
    project = contents.project
    lock = read_lock(project)
    made_of = digest_of(contents, lock)
    subjects = _subjects(contents)
    make_private_folder(new)
    before = r.read_record(project)
    files = Files(new / _GATHERED)
    # Writing CSV uses one core, counting the others.
    with ThreadPoolExecutor(1) as counting:
        counted = counting.submit(_summaries, contents, subjects, before, files)
        tables, known = _write_tables(contents, new, before, files)
        hashes = _hash_tables(new, known)
        summaries = counted.result()
    files.remove()
    document = _describe(contents, new, hashes)
    facts = _facts(contents, new, document, summaries, lock)
    texts = documents(
        facts,
        document,
        project.packaging,
        own_licence=own_licence(project),
        changelog=contents.changelog,
    )
    for path, text in texts.items():
        content = text.encode("utf-8", "replace")
        write_private(new / path, content)
        hashes[path] = hashlib.sha256(content).hexdigest()
    write_private(new / _SUMS, sums(hashes))
    hashes[_SUMS] = hash_file(new / _SUMS)
    return Written(document, r.PublicationRecord(made_of, hashes, tables, summaries))


def _write_tables(
    contents: Contents, new: Path, before: r.PublicationRecord, files: Files
) -> tuple[dict[str, str], dict[str, str | None]]:
    """Write each table's files; returns what each was made of, and its hash if known."""
    made: dict[str, str] = {}
    known: dict[str, str | None] = {}
    make_private_folder(new / _TABLES)
    for table, contract in contents.published:
        words = d.words(table, contract)
        path = _path(table)
        made[path] = r.digest(engine(), version_of(table, contents.catalogue), words)
        known[path] = _link(contents, new, path, made[path], before)
        if not known[path]:
            copy_with_words(files.of(table), new / path, words)
    if contents.project.packaging.csv:
        make_private_folder(new / _CSV)
        for table, _ in contents.published:
            path = _csv_path(table)
            made[path] = r.digest(engine(), version_of(table, contents.catalogue))
            linked = _link(contents, new, path, made[path], before)
            known[path] = linked or write_csv(files.of(table), new / path)
    for one in contents.files:
        path = _file_path(one)
        made[path] = r.digest(engine(), contents.hashes.hash(one.path))
        known[path] = _link(contents, new, path, made[path], before)
        if not known[path]:
            shutil.copyfile(one.path, new / path)
            (new / path).chmod(PRIVATE_FILE)
    return made, known


def _link(
    contents: Contents, new: Path, path: str, made_of: str, before: r.PublicationRecord
) -> str | None:
    """Link the published file if it is what would be written; returns its hash.

    The table's own file is never linked: overwriting it in place would overwrite what is published.
    """
    present = contents.project.published / path
    make_private_folder((new / path).parent)
    with suppress(OSError):
        if (
            before.tables.get(path) == made_of
            and contents.hashes.hash(present) == before.files[path]
        ):
            (new / path).hardlink_to(present)
            return before.files[path]
    return None


def _hash_tables(new: Path, known: Mapping[str, str | None]) -> dict[str, str]:
    """The hash of each table's file, computed where linking or writing did not give it."""
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda path: known[path] or hash_file(new / path), known)
        return dict(zip(known, found, strict=True))


def _subjects(contents: Contents) -> Subjects:
    contracts = {table.resource: contract for table, contract in contents.published}
    return subjects_of(contracts, contents.project.packaging.subject)


def _summaries(
    contents: Contents, subjects: Subjects, before: r.PublicationRecord, files: Files
) -> dict[str, tuple[str, dict[str, object]]]:
    """The summary of each table, kept from before if everything it depends on is the same."""
    packaging = contents.project.packaging
    versions = {t.resource: version_of(t, contents.catalogue) for t, _ in contents.published}
    found = {}
    for table, contract in contents.published:
        rests_on = {name: versions[name] for name in (table.resource, *contract.references)}
        reached = [subjects.key, subjects.undecided, subjects.column(table.resource)]
        if subjects.column(table.resource) is None and subjects.reaches(table.resource):
            rests_on = versions
        digest = r.digest(engine(), repr(packaging), contract.descriptor, rests_on, reached)
        known = before.summaries.get(table.resource)
        if known is None or known[0] != digest:
            paths = {one.resource: files.of(one) for one, _ in contents.published}
            made = summarise(
                contract, subjects, paths, k=packaging.small_cells, rounding=packaging.round_counts
            )
            known = digest, made.to_dict()
        found[table.resource] = known
    return found


def _describe(contents: Contents, new: Path, hashes: dict[str, str]) -> dict[str, object]:
    """The descriptor of the files that have been written."""

    def file(path: str) -> d.PublishedFile:
        return d.PublishedFile(path, (new / path).stat().st_size, hashes[path])

    resources = [d.resource(t, contract, file(_path(t))) for t, contract in contents.published]
    if contents.project.packaging.csv:
        resources += [
            d.csv_resource(t, contract, file(_csv_path(t))) for t, contract in contents.published
        ]
    resources += [d.file_resource(one, file(_file_path(one))) for one in contents.files]
    return d.descriptor(contents.properties, resources)


def _facts(
    contents: Contents,
    new: Path,
    document: dict[str, object],
    summaries: dict[str, tuple[str, dict[str, object]]],
    lock: Lock,
) -> Facts:
    packaging = contents.project.packaging
    resources = document["resources"]
    assert isinstance(resources, list)
    published = [*(table for table, _ in contents.tables), *contents.files]
    lineage = lineage_of(contents.catalogue, published, lock)
    tables = [table for table, _ in contents.tables]
    origins = origins_of(contents.catalogue, tables) if packaging.column_lineage else {}
    return Facts(
        properties=contents.properties,
        tables=[
            TableFacts(
                name=table.resource,
                contract=contract,
                path=_path(table),
                csv_path=_csv_path(table) if packaging.csv else None,
                size_bytes=(new / _path(table)).stat().st_size,
                resource=resource,
                summary=Summary.from_dict(summaries[table.resource][1]),
                origins=origins.get(table.resource, Origins()),
            )
            for (table, contract), resource in zip(contents.published, resources, strict=False)
        ],
        lineage=lineage,
        libraries=libraries_of(lineage),
        files=[(_file_path(file), said_of(file) or "") for file in contents.files],
        k=packaging.small_cells,
        rounding=packaging.round_counts,
    )


def _path(table: Published) -> str:
    return f"{_TABLES}/{table.resource}.parquet"


def _file_path(file: Table) -> str:
    """A file's path in the package: its asset's name with the file's ending."""
    ending = file.path.name.removeprefix(file.key.path[-1])
    return f"{_FILES}/{file.resource}{ending}"


def _csv_path(table: Published) -> str:
    return f"{_CSV}/{table.resource}.csv"
