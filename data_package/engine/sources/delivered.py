"""Raw files read by their contracts, for parameters that ask for rows instead of paths."""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

import polars as pl

from data_package.engine import schema
from data_package.engine.edition import edition
from data_package.engine.errors import BuildError
from data_package.engine.project import Project
from data_package.engine.sources.files import RawFile
from data_package.engine.sources.shares import Part
from data_package.engine.storage import make_private_folder, replacing

if TYPE_CHECKING:
    from data_package.engine.schema import Contract, Reading, Report
    from data_package.engine.schema.contract import Descriptor

# The code that reads raw files by their contracts, and its libraries.
READER = edition(__name__)
# The default share of a file's rows that may be bad: typing errors are rarer, and a wrong format or
# a shifted column breaks more rows. In a small file a few rows can be any share.
_WORST = 0.05
_FEW = 10
# Errors of one of several files are compared with those of all.
_EVERY = 1 << 40


@dataclass(frozen=True)
class Outcome:
    """The result of reading one file: its report, its rows, those left out, and how many were bad.

    There are no rows where something is wrong with the whole file.
    """

    report: "Report"
    frame: pl.LazyFrame | None = None
    rejects: pl.DataFrame | None = None
    wrong: int = 0
    numbers: pl.Series | None = None


@dataclass(frozen=True)
class Reader:
    """A function that takes raw files, by its name in Dagster, and the partition that it makes."""

    function: str
    part: Part | None = None


class Delivered:
    """The raw files of a project that have a contract, and what reading them has shown."""

    def __init__(
        self, project: Project, files: Mapping[str, RawFile], contracts: Mapping[str, "Contract"]
    ) -> None:
        """`files` and `contracts`: by the name of the raw file; not every file has a contract."""
        self.files = files
        self.contracts = contracts
        self._project = project
        # By who took the raw file, and the raw file.
        self._outcomes: dict[Reader, dict[str, list[Outcome]]] = {}

    def columns(self, name: str) -> pl.Schema | None:
        """The columns that a raw file is read into; None where it has no contract."""
        if name not in self.contracts:
            return None
        columns = schema.columns_of(self.contracts[name])
        if (column := self.files[name].file_column) is not None:
            columns[column] = pl.String()
        return columns

    def written(self, name: str) -> tuple["Descriptor | None", str | None]:
        """How a raw file is written, according to its contract: its dialect and its encoding."""
        told = self._descriptor(name)
        dialect, encoding = told.get("dialect"), told.get("encoding")
        return (
            cast("Descriptor", dialect) if isinstance(dialect, dict) else None,
            encoding if isinstance(encoding, str) else None,
        )

    def _descriptor(self, name: str) -> "Descriptor":
        place = self.files[name].contract_path
        if name in self.contracts:
            return self.contracts[name].descriptor
        return (schema.begun_contract(place) if place is not None else None) or {}

    def digest(self, name: str) -> str | None:
        """A hash of everything that decides how a raw file is read; None without a contract."""
        if name not in self.contracts:
            return None
        file = self.files[name]
        how = [self.contracts[name].validation_digest(), *self.written(name), file.bad]
        how += [str(each) for each in (file.worst, file.file_column) if each is not None]
        text = json.dumps(how, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def read(self, name: str, paths: Sequence[Path], reader: Reader) -> pl.LazyFrame:
        """The rows of a raw file, several files below one another, for a function that takes them.

        Raises BuildError when there is no contract, or when the file breaks it beyond what is
        allowed.
        """
        if name not in self.contracts:
            raise BuildError(
                f"The raw file '{name}' has no contract to read it by.\nBegin one with "
                f"`data-package describe {name} --write`, or take the file as a Path."
            )
        column = self.files[name].file_column
        if column is not None and column in schema.columns_of(self.contracts[name]):
            raise BuildError(
                f"'{name}': its file_column {column!r} is a field of its contract too, "
                f"{self.place(name)}.\nGive the column another name."
            )
        outcomes = self.examine(name, paths)
        # Without the rows: the file that they are scanned from is removed once nobody reads it.
        self._outcomes.setdefault(reader, {})[name] = [
            replace(one, frame=None, numbers=None) for one in outcomes
        ]
        self._keep_rejects(reader)
        if problem := self._problem(name, outcomes):
            raise BuildError(problem)
        return pl.concat([one.frame for one in outcomes if one.frame is not None])

    def examine(self, name: str, paths: Sequence[Path]) -> list[Outcome]:
        """What reading the files of a raw file that has a contract gives, one after another.

        Keys are checked over all of them, unless something is wrong with a whole file.
        """
        several = len(paths) > 1
        outcomes = [self._read(name, path, several=several) for path in paths]
        parts = [
            schema.Part(one.frame, one.report, one.numbers)
            for one in outcomes
            if one.frame is not None and one.numbers is not None and not one.report.of_whole
        ]
        if not several or len(parts) < len(outcomes):
            return outcomes
        reports = schema.reports_across(parts, self.contracts[name])
        return [replace(o, report=r) for o, r in zip(outcomes, reports, strict=True)]

    def _problem(self, name: str, outcomes: Sequence[Outcome]) -> str:
        """Why the rows of a raw file cannot be passed on; empty where they can."""
        file, place = self.files[name], self.place(name)
        whole = [one for one in outcomes if one.report.of_whole]
        if whole:
            return (
                f"{_reports(whole)}\n\n'{name}' is not written as its contract, {place}, describes."
                '\nCorrect one of the two: bad="null" and bad="reject" only apply to '
                "cells and rows."
            )
        if file.bad == "stop" and not all(one.report.ok for one in outcomes):
            return (
                f"{_reports(outcomes)}\n\n'{name}' breaks its contract, {place}. To continue "
                'anyway, declare it with\nbad="null", so that cells of another type are empty, or '
                'bad="reject", so that their rows are left out.'
            )
        if beyond := [one for one in outcomes if one.wrong > _allowed(file, one)]:
            shares = "\n".join(
                f"{one.report.name}: {one.wrong:,} of {one.report.rows_checked:,} rows are bad."
                for one in beyond
            )
            return (
                f"{_reports(beyond)}\n\n{shares}\nSo many suggest one cause, such as another date "
                f"format: correct {place}.\nIf the rows themselves are bad, set the share that is "
                f"allowed, worst=, where '{name}' is declared."
            )
        if not file.may_be_empty and not any(one.report.rows_checked for one in outcomes):
            return (
                f"'{name}' has no rows.\nAsk for the file again, or declare it with "
                "may_be_empty=True if there may be none."
            )
        return ""

    def errors(self, reader: Reader) -> int | None:
        """How much was wrong in what a function received last; None where nothing was read."""
        outcomes = self._of(reader)
        return sum(one.report.error_count for one in outcomes) if outcomes else None

    def found(self, reader: Reader) -> list[dict[str, object]]:
        """What was wrong in it as plain data, per file with errors; no values of rows."""
        kept = ("rows_checked", "error_count", "totals")
        return [
            {
                "file": one.report.name,
                "left_out": 0 if one.rejects is None else one.rejects.height,
                **{name: one.report.summary()[name] for name in kept},
            }
            for one in self._of(reader)
            if not one.report.ok
        ]

    def report(self, reader: Reader) -> str:
        """What was wrong in it as text, file by file, without values; empty without errors."""
        outcomes = self._of(reader)
        lines = [_reports(outcomes)]
        if rejected := sum(one.rejects.height for one in outcomes if one.rejects is not None):
            rows = "1 row is" if rejected == 1 else f"{rejected:,} rows are"
            place = self._project.relative(self._rejects_path(reader))
            lines.append(f"  {rows} left out, and kept in {place}")
        return "\n".join(filter(None, lines))

    def _of(self, reader: Reader) -> list[Outcome]:
        return list(chain.from_iterable(self._outcomes.get(reader, {}).values()))

    def _read(self, name: str, path: Path, *, several: bool) -> Outcome:
        contract, file, label = self.contracts[name], self.files[name], self.label(name, path)
        place = self.place(name)
        if path.suffix == ".parquet":
            scan = schema.scan_delivered(path)
            report = schema.check(scan, contract, limit=_limit(several=several))
            rows = report.rows_checked
            return Outcome(
                report.named(label, place=place, options=False),
                self._with_file(scan, name, label),
                numbers=pl.int_range(2, rows + 2, eager=True) if several else None,
            )
        try:
            reading = self._read_text(path, contract, file, several=several)
        except schema.BadDataError as error:
            return Outcome(error.report.named(label, place=place, options=False))
        except schema.CheckError as error:
            raise error.told(place, options=False) from None
        except OSError as error:
            raise BuildError(f"{label} cannot be read: {error.strerror}.") from None
        rejects = reading.rejects
        if rejects is not None:
            rejects = rejects.insert_column(0, pl.lit(label).alias("file"))
        return Outcome(
            reading.report.named(label, place=place, options=False),
            self._with_file(reading.frame, name, label),
            rejects,
            reading.wrong,
            reading.numbers,
        )

    def _with_file(self, frame: pl.LazyFrame, name: str, label: str) -> pl.LazyFrame:
        column = self.files[name].file_column
        return frame if column is None else frame.with_columns(pl.lit(label).alias(column))

    def _read_text(
        self, path: Path, contract: "Contract", file: RawFile, *, several: bool
    ) -> "Reading":
        # A file without a name: it disappears as soon as nobody reads it, however this process
        # ends.
        with tempfile.TemporaryFile(dir=make_private_folder(self._project.state)) as into:
            # A file that must be correct is read to its end too: its report lists everything that
            # is wrong.
            bad = "null" if file.bad == "stop" else file.bad
            limit = _limit(several=several)
            return schema.read(path, contract, bad=bad, into=into, limit=limit, numbered=several)

    def place(self, name: str) -> str:
        """Where the contract of a raw file is, from the project's root."""
        return self._project.relative(self.files[name].contract_path or name)

    def label(self, name: str, path: Path) -> str:
        """How one of a raw file's files is named in messages."""
        return self.files[name].label(path, self._project.root)

    def _keep_rejects(self, reader: Reader) -> None:
        """Write the rows that a function does not get; if there are none, remove the file."""
        path = self._rejects_path(reader)
        left_out = [one.rejects for one in self._of(reader) if one.rejects is not None]
        if not left_out:
            path.unlink(missing_ok=True)
            return
        make_private_folder(path.parent)
        with replacing(path) as temporary:
            pl.concat(left_out, how="diagonal").write_parquet(temporary)

    def _rejects_path(self, reader: Reader) -> Path:
        part = reader.part.name if reader.part is not None else None
        return self._project.places.rejects_of(reader.function, part)


def _limit(*, several: bool) -> int:
    """How many errors of each rule are itemised."""
    return _EVERY if several else schema.DEFAULT_LIMIT


def _allowed(file: RawFile, outcome: Outcome) -> float:
    """How many rows of a file may be bad."""
    rows = outcome.report.rows_checked
    return max(_WORST * rows, _FEW) if file.worst is None else file.worst * rows


def _reports(outcomes: Sequence[Outcome]) -> str:
    return "\n".join(one.report.render() for one in outcomes if not one.report.ok)
