"""Every place in a project's `storage/`, named once.

A new place gets a property here. Which groups a table may not have, what `clean` may remove and
what it leaves alone follow from this module. Standard library only; creates and reads nothing.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from string import hexdigits

TABLE_SUFFIX = ".parquet"
# The name of the lock file, which is beside `pyproject.toml`.
LOCK = "data-package.lock"
# The name of the file beside it with the fetches that tables are made from.
SNAPSHOTS = "snapshots.toml"
# As much of a hash as is in the name of a file.
_DIGEST_IN_NAME = 16


class Folder(StrEnum):
    """The folders of `storage/` that are not a group of tables; no group may have their names."""

    PACKAGE = "package"
    RELEASES = "releases"
    EXPORTS = "exports"
    REJECTS = "rejects"
    SYNTHETIC = "synthetic"
    SNAPSHOTS = "snapshots"


class GraphFormat(StrEnum):
    """The formats of the graph, which are also the endings of its files."""

    HTML = "html"
    SVG = "svg"
    PNG = "png"
    MERMAID = "mermaid"
    DOT = "dot"


@dataclass(frozen=True)
class Places:
    """The places below one `storage/`."""

    storage: Path

    @property
    def package(self) -> Path:
        """The data package: the only folder in storage that is meant to leave the machine."""
        return self.storage / Folder.PACKAGE

    @property
    def releases(self) -> Path:
        """The released versions: a folder and a zip file each."""
        return self.storage / Folder.RELEASES

    @property
    def exports(self) -> Path:
        """The data package in other formats."""
        return self.storage / Folder.EXPORTS

    @property
    def synthetic(self) -> Path:
        """Made-up data: a data package, and deliveries."""
        return self.storage / Folder.SYNTHETIC

    @property
    def rejects(self) -> Path:
        """Rows of raw files that broke their contract and were left out, a file per table."""
        return self.storage / Folder.REJECTS

    def rejects_of(self, function: str, part: str | None) -> Path:
        """The rows that a function was not given, for the partition of a `part.name`."""
        name = function if part is None else f"{function}.{part}"
        return self.rejects / f"{name}{TABLE_SUFFIX}"

    @property
    def snapshots(self) -> Path:
        """What was fetched from databases, a folder per raw file."""
        return self.storage / Folder.SNAPSHOTS

    def snapshot(self, name: str, sha256: str) -> Path:
        """What was fetched for a raw file, by its content."""
        folder = self.snapshots / name.replace("/", "__")
        return folder / f"{sha256[:_DIGEST_IN_NAME]}{TABLE_SUFFIX}"

    def is_snapshot(self, path: Path) -> bool:
        """Whether a file has the place and the name of something fetched."""
        digest = path.name.removesuffix(TABLE_SUFFIX)
        return (
            path.parent.parent == self.snapshots
            and len(digest) == _DIGEST_IN_NAME
            and not set(digest) - set(hexdigits)
        )

    def graph(self, form: GraphFormat | str) -> Path:
        """The graph in one of its formats."""
        return self.storage / f"graph.{GraphFormat(form)}"

    @property
    def graphs(self) -> frozenset[Path]:
        """Every file that `data-package graph` writes unless another place is named."""
        return frozenset(self.graph(form) for form in GraphFormat)

    @property
    def history(self) -> Path:
        """Dagster's history of runs."""
        return self.storage / ".dagster"

    @property
    def state(self) -> Path:
        """What the engine keeps so as not to compute it again; may be deleted."""
        return self.storage / ".state"

    @property
    def hashes(self) -> Path:
        """Content hashes by path, size and change times."""
        return self.state / "hashes.json"

    @property
    def contracts(self) -> Path:
        """Contracts, and files that they name, as they were read, by their content."""
        return self.state / "contracts.txt"

    @property
    def failures(self) -> Path:
        """The failures of the last builds."""
        return self.state / "failures.jsonl"

    @property
    def made(self) -> Path:
        """Notes on assets that are not tables, a file per asset."""
        return self.state / "made"

    @property
    def outside(self) -> Path:
        """What functions were seen to use besides their inputs, a file per table."""
        return self.state / "outside"

    @property
    def readings(self) -> Path:
        """What deliveries brought to tables, a file per table."""
        return self.state / "readings"

    @property
    def codes(self) -> Path:
        """Large vocabularies as tables, to be published."""
        return self.state / "codes"

    @property
    def own_checks(self) -> Path:
        """The results of the checks that the user wrote."""
        return self.state / "own_checks.jsonl"

    @property
    def fresh(self) -> Path:
        """What the last build that left everything fresh depended on."""
        return self.state / "fresh.json"

    @property
    def lineage(self) -> Path:
        """Column lineage by the digest of what it was derived from."""
        return self.state / "lineage.json"

    @property
    def published(self) -> Path:
        """What the published data package was made from."""
        return self.state / "package.json"

    @property
    def verdicts(self) -> Path:
        """Results of checks, a file per check."""
        return self.state / "checks"

    @property
    def code(self) -> Path:
        """The code that tables were built with, to show what has changed in it."""
        return self.state / "code"

    @property
    def journal(self) -> Path:
        """Entries of the lock file that are not merged into it yet."""
        return self.state / "lock.journal"

    @property
    def lock_guard(self) -> Path:
        """Held while the lock file is written."""
        return self.state / "lock"

    @property
    def build_guard(self) -> Path:
        """Held while a build runs."""
        return self.state / "build"

    @property
    def build_lease(self) -> Path:
        """Which machine builds, where several share the file system."""
        return self.state / "build.lease"

    @property
    def fetch_guard(self) -> Path:
        """Held while a snapshot is put in its place."""
        return self.state / "fetch"

    @property
    def slurm(self) -> Path:
        """What a build and its jobs of Slurm pass to each other, and the logs of these."""
        return self.state / "slurm"

    @property
    def ui(self) -> Path:
        """The socket and the temporary files of the web pages."""
        return self.state / "ui"

    @property
    def unpacked(self) -> Path:
        """Where zip files are unpacked to be read; a new name is appended each time."""
        return self.state / "unpacked"
