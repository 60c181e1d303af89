"""Writes a table into the lock as soon as its file is in place, whoever ran it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl

from data_package.engine.errors import ProjectError
from data_package.engine.schema.damaged import DAMAGED
from data_package.engine.sources.files import Content, combine_hashes
from data_package.engine.sources.shares import Share
from data_package.engine.staleness.lock import LockFile, RawEntry, TableEntry
from data_package.engine.staleness.own_checks import Outcome, OwnVerdicts, basis_of
from data_package.engine.staleness.survey import (
    OWN,
    Failures,
    basis,
    input_version,
    libraries_of,
    parts_of,
    present_of,
    shortened,
    shown,
)
from data_package.engine.storage import write_private
from data_package.engine.tables.asset_notes import LEFT_OUT, Kept, Note, put_note
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.io_manager import WrittenTable, columns_digest
from data_package.engine.tables.passing import passed_on
from data_package.engine.tables.table import Table


@dataclass(frozen=True)
class Recorder:
    """What the IO manager calls when it has written a table."""

    catalogue: Catalogue
    lock: LockFile

    def written(self, table: Table, facts: WrittenTable, part: str | None = None) -> None:
        """Put a table's, or a partition's, entry into the lock, with what it was made of."""
        self._keep_code(table)
        if not passed_on("written", table.name, facts, part):
            self.take_in(table, facts, part)
            self.lock.fold_now()

    def take_in(self, table: Table, facts: WrittenTable, part: str | None = None) -> None:
        """Put the entry of a table, or a partition, that another process may have written."""
        self._put(table, lambda _: facts, facts.config, part)

    def made(
        self,
        table: Table,
        version: str | None,
        files: Mapping[str, str],
        part: str | None = None,
    ) -> None:
        """Note that something was made of which no file is kept here.

        Its version is the one that its function gives; else the content of the `files` that
        another IO manager wrote, by their paths; else all that it was made of.
        """
        if table.partitioned and part is None:
            return
        if version is None and files:
            version = combine_hashes(sorted((Path(path).name, files[path]) for path in files))
        kept = Kept.ELSEWHERE if table.kept is Kept.ELSEWHERE else Kept.NOTHING
        self._keep_code(table)
        facts = self._put(
            table, lambda made_of: WrittenTable(0, 0, version or made_of, "", kept=kept), None, part
        )
        note = Note(facts.sha256, elsewhere=dict(files))
        put_note(self.catalogue.project, table.noted_as(part), note)

    def left_out(self, table: Table, part: str | None) -> None:
        """Note that a function that ran has not yielded a table that it need not yield.

        One with a contract is missing until it is made.
        """
        if table.kept in (Kept.TABLE, Kept.FILE):
            self.failed(table, LEFT_OUT, part)
        else:
            self.made(table, None, {}, part)

    def _put(
        self,
        table: Table,
        describe: Callable[[str], WrittenTable],
        config: str | None,
        part: str | None = None,
    ) -> WrittenTable:
        """Put an entry into the lock; `describe` gets a hash of all that it was made of."""
        lock = self.lock.read()
        raw, inputs = {}, {}
        for name in (key.to_user_string() for key in table.inputs.values()):
            if name in self.catalogue.deliveries.files:
                inputs[name], raw[name] = self._handed(name, table, part)
            else:
                version = input_version(name, self.catalogue, lock, table, part)
                inputs[name] = version or "unknown"
        fingerprint, parts = table.fingerprint.digest, parts_of(table)
        made_of = combine_hashes([("code", fingerprint), *sorted(inputs.items())])
        facts = describe(made_of)
        if config is not None:
            # The next build finds no entry, and so makes the table again.
            fingerprint = hashlib.sha256(f"{fingerprint} {config}".encode()).hexdigest()
            parts["the run's configuration"] = shown(config)
        self.lock.put_table(
            table.name,
            TableEntry(
                fingerprint=fingerprint,
                parts=parts,
                inputs=inputs,
                libraries=libraries_of(table),
                data_version=facts.sha256,
                rows=facts.rows,
                columns=facts.columns,
                size_bytes=facts.size_bytes,
                kept=str(facts.kept),
                raw_errors=facts.raw_errors,
            ),
            {name: RawEntry(c.sha256, c.size_bytes) for name, c in raw.items()},
            part,
        )
        Failures(self.catalogue.project).drop(table.labelled(part))
        return facts

    def accept(self, table: Table, part: str | None = None) -> None:
        """Take the file of a table, or of a partition, as what its function would make now.

        Raises ProjectError when there is no such file, or it is not a Parquet file.
        """
        self._keep_code(table)
        if not table.is_table:
            self._accept_file(table)
            return
        path = table.file(part)
        try:
            scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
            before = self.lock.read().entry(table.name, part)
            facts = WrittenTable(
                rows=int(scan.select(pl.len()).collect().item()),
                size_bytes=path.stat().st_size,
                sha256=self.catalogue.hashes.hash(path),
                columns=columns_digest(scan.collect_schema()),
                # What was wrong in its raw files is not right because it is accepted.
                raw_errors=before.raw_errors if before is not None else 0,
            )
        except (OSError, *DAMAGED):
            place = self.catalogue.project.relative(path)
            raise ProjectError(
                f"'{table.labelled(part)}' cannot be accepted: {place} is missing or not a whole "
                f"Parquet file.\nBuild it: data-package build {table.name}"
            ) from None
        self._put(table, lambda _: facts, None, part)

    def _accept_file(self, table: Table) -> None:
        if not table.files():
            raise ProjectError(
                f"'{table.name}' cannot be accepted: no file shows what its function made.\n"
                f"Build it: data-package build {table.name}"
            )
        size, digest = table.path.stat().st_size, self.catalogue.hashes.hash(table.path)
        self._put(table, lambda _: WrittenTable(0, size, digest, "", kept=Kept.FILE), None)

    def failed(self, table: Table, error: str, part: str | None = None) -> None:
        """Remember the message of a table, or a partition, that could not be built."""
        present = present_of(table, self.catalogue, self.lock.read(), part)
        Failures(self.catalogue.project).put(table.labelled(part), basis(present), error)

    def _handed(self, name: str, table: Table, part: str | None) -> tuple[str, Content]:
        """The version of what was taken of a raw file, and what the whole of it holds."""
        deliveries = self.catalogue.deliveries
        if part is None or table.partitions is None:
            content = deliveries.handed(name)
            return content.sha256, content
        taker, share = table.partitions.part(part), table.shares.get(name, Share.WHOLE)
        own = deliveries.own_share(name, taker) if share is Share.WHOLE else None
        version = OWN + own.sha256 if own else deliveries.handed(name, taker, share).sha256
        return shortened(version), deliveries.whole(name)

    def checked(self, key: dg.AssetCheckKey, outcome: Outcome, part: str | None = None) -> None:
        """Remember the outcome of a check of the user's own, made in the run of a partition."""
        if key in {item.key for item in self.catalogue.checks}:
            return
        table = self.catalogue.tables.get(key.asset_key)
        part = part if table is not None and table.partitioned else None
        parts = self.catalogue.parts_of_check(key)
        if part is not None and parts == (None,):
            # It is about all partitions, and may have looked at this one alone.
            return
        basis = basis_of(key, self.catalogue, self.lock.read(), part)
        OwnVerdicts(self.catalogue.project).put(key, basis, outcome, part)

    def _keep_code(self, table: Table) -> None:
        """Keep the code that a table was built by, so that `why` can show what changed in it."""
        for part in table.fingerprint.parts:
            path = code_path(self.catalogue, part.digest)
            if not path.exists() and part.code:
                write_private(path, part.code, synced=False)


def code_path(catalogue: Catalogue, digest: str) -> Path:
    """Where the code of a part of a fingerprint is kept, by the digest that the lock shows."""
    return catalogue.project.places.code / f"{digest[:16]}.py"
