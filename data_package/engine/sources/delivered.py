"""Raw files read by their contracts, for parameters that ask for rows instead of paths."""

import dataclasses
import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

import polars as pl

from data_package.engine import schema
from data_package.engine.edition import edition
from data_package.engine.errors import BuildError
from data_package.engine.project import Project
from data_package.engine.sources.files import RawFile
from data_package.engine.storage import make_private_folder, replacing

if TYPE_CHECKING:
    from data_package.engine.schema import Contract, Reading, Report
    from data_package.engine.schema.contract import Descriptor

# The code that reads raw files by their contracts, and its libraries.
READER = edition(__name__)


@dataclass(frozen=True)
class Outcome:
    """What came of reading one file: the report under the file's name, and the rows left out."""

    report: "Report"
    rejects: pl.DataFrame | None = None


class Delivered:
    """The raw files of a project that have a contract, and what reading them has shown."""

    def __init__(
        self, project: Project, files: Mapping[str, RawFile], contracts: Mapping[str, "Contract"]
    ) -> None:
        """`files` and `contracts`: by the name of the raw file; not every file has a contract."""
        self.files = files
        self.contracts = contracts
        self._project = project
        # By the function that took the raw file, and the raw file.
        self._outcomes: dict[str, dict[str, list[Outcome]]] = {}

    def columns(self, name: str) -> pl.Schema | None:
        """The columns that a raw file is read into; None where it has no contract."""
        return schema.columns_of(self.contracts[name]) if name in self.contracts else None

    def written(self, name: str) -> tuple["Descriptor | None", str | None]:
        """How the contract of a raw file says that it is written: its dialect and its encoding."""
        told = self.contracts[name].descriptor if name in self.contracts else {}
        dialect, encoding = told.get("dialect"), told.get("encoding")
        return (
            cast("Descriptor", dialect) if isinstance(dialect, dict) else None,
            encoding if isinstance(encoding, str) else None,
        )

    def digest(self, name: str) -> str | None:
        """A hash of all that decides how a raw file is read; None where it has no contract."""
        if name not in self.contracts:
            return None
        how = [self.contracts[name].validation_digest(), *self.written(name), self.files[name].bad]
        text = json.dumps(how, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def read(self, name: str, paths: Sequence[Path], reader: str) -> pl.LazyFrame:
        """The rows of a raw file, several files below one another, for a function that takes them.

        Raises BuildError when there is no contract, or one that is broken and must not be.
        """
        file = self.files[name]
        if name not in self.contracts:
            raise BuildError(
                f"The raw file '{name}' has no contract to be read by.\nBegin one with "
                f"`data-package describe {name} --write`, or take the file as a Path."
            )
        frames, outcomes = [], []
        for path in paths:
            frame, outcome = self._read(name, path)
            frames.append(frame)
            outcomes.append(outcome)
        self._outcomes.setdefault(reader, {})[name] = outcomes
        self._keep_rejects(reader)
        if file.bad == "stop" and not all(outcome.report.ok for outcome in outcomes):
            place = self._project.relative(file.contract_path or name)
            raise BuildError(
                f"{_reports(outcomes)}\n\n'{name}' breaks its contract, {place}. To go on all the "
                'same, declare it with\nbad="null", so that cells of another type are empty, or '
                'bad="reject", so that their rows are left out.'
            )
        return pl.concat(frames)

    def errors(self, reader: str) -> int | None:
        """How much was wrong in what a function was handed last; None where nothing was read."""
        outcomes = self._of(reader)
        return sum(one.report.error_count for one in outcomes) if outcomes else None

    def told(self, reader: str) -> str:
        """What was wrong in it, file by file; without a value, and empty when nothing was."""
        outcomes = self._of(reader)
        lines = [_reports(outcomes)]
        if rejected := sum(one.rejects.height for one in outcomes if one.rejects is not None):
            rows = "1 row is" if rejected == 1 else f"{rejected:,} rows are"
            place = self._project.relative(self._rejects_path(reader))
            lines.append(f"  {rows} left out, and kept in {place}")
        return "\n".join(filter(None, lines))

    def _of(self, reader: str) -> list[Outcome]:
        return list(chain.from_iterable(self._outcomes.get(reader, {}).values()))

    def _read(self, name: str, path: Path) -> tuple[pl.LazyFrame, Outcome]:
        contract, file, label = self.contracts[name], self.files[name], self.label(name, path)
        if path.suffix == ".parquet":
            scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
            return scan, Outcome(dataclasses.replace(schema.check(scan, contract), name=label))
        try:
            reading = self._read_text(path, contract, file)
        except OSError as error:
            raise BuildError(f"{label} cannot be read: {error.strerror}.") from None
        rejects = reading.rejects
        if rejects is not None:
            rejects = rejects.insert_column(0, pl.lit(label).alias("file"))
        return reading.frame, Outcome(dataclasses.replace(reading.report, name=label), rejects)

    def _read_text(self, path: Path, contract: "Contract", file: RawFile) -> "Reading":
        # A file without a name: it is gone as soon as nobody reads it, however this process ends.
        with tempfile.TemporaryFile(dir=make_private_folder(self._project.state)) as into:
            # A file that must be right is read to its end too: its report names all that is wrong.
            bad = "null" if file.bad == "stop" else file.bad
            return schema.read(path, contract, bad=bad, into=into)

    def label(self, name: str, path: Path) -> str:
        """How one of a raw file's files is named to people."""
        return self.files[name].label(path, self._project.root)

    def _keep_rejects(self, reader: str) -> None:
        """Write the rows that a function does not get; without any, no file is left."""
        path = self._rejects_path(reader)
        left_out = [one.rejects for one in self._of(reader) if one.rejects is not None]
        if not left_out:
            path.unlink(missing_ok=True)
            return
        make_private_folder(path.parent)
        with replacing(path) as temporary:
            pl.concat(left_out, how="diagonal").write_parquet(temporary)

    def _rejects_path(self, reader: str) -> Path:
        return self._project.places.rejects_of(reader)


def _reports(outcomes: Sequence[Outcome]) -> str:
    return "\n".join(one.report.render() for one in outcomes if not one.report.ok)
