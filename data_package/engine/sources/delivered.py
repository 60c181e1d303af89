"""Raw files read by their contracts, for parameters that ask for rows instead of paths."""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast
from weakref import WeakKeyDictionary

import polars as pl

from data_package.engine import schema
from data_package.engine.edition import edition
from data_package.engine.errors import BuildError
from data_package.engine.project import Project
from data_package.engine.sources.files import RawFile
from data_package.engine.sources.reading_report import FileReport, ReadingReport
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
class FileRows:
    """The result of reading one file: its report, its rows, those left out, and how many were bad.

    There are no rows where something is wrong with the whole file.
    """

    report: "Report"
    frame: pl.LazyFrame | None = None
    rejects: pl.DataFrame | None = None
    wrong: int = 0
    numbers: pl.Series | None = None

    @property
    def rejected(self) -> int:
        """How many rows are left out."""
        return 0 if self.rejects is None else self.rejects.height


class Misread(BuildError):
    """The rows of a raw file cannot be passed on. `report` says what is wrong, as data."""

    def __init__(self, problem: str, report: ReadingReport) -> None:
        super().__init__(problem)
        self.report = report


class Received:
    """What one call of a function receives of raw files that are read by their contracts.

    Between the loading of its inputs and the writing of its tables it belongs to the step of the
    run, Dagster's object that both share.
    """

    _by_step: ClassVar[WeakKeyDictionary[object, "Received"]] = WeakKeyDictionary()

    def __init__(self, rejects: Path, place: str) -> None:
        """`rejects`: where rows that are left out are kept, and `place` how messages name it."""
        self._rejects = rejects
        self._place = place
        self._files: dict[str, list[FileRows]] = {}

    @classmethod
    def for_step(cls, step: object, rejects: Path, place: str) -> "Received":
        """What a step has received so far, to add to it."""
        return cls._by_step.setdefault(step, cls(rejects, place))

    @classmethod
    def report_of(cls, step: object) -> ReadingReport | None:
        """What was wrong in the files that a step has received; None where none was read."""
        received = cls._by_step.get(step)
        return received.report if received is not None else None

    @property
    def report(self) -> ReadingReport:
        """What was wrong, file by file."""
        return ReadingReport(
            tuple(
                FileReport.of(one.report, one.rejected, self._place)
                for files in self._files.values()
                for one in files
                if not one.report.ok
            )
        )

    def add(self, name: str, files: Sequence[FileRows]) -> None:
        """Note the files of a raw file, and keep the rows that are left out."""
        # Without the rows: the file that they are scanned from is removed once nobody reads it.
        self._files[name] = [replace(one, frame=None, numbers=None) for one in files]
        left_out = [
            one.rejects
            for files in self._files.values()
            for one in files
            if one.rejects is not None
        ]
        if not left_out:
            self._rejects.unlink(missing_ok=True)
            return
        make_private_folder(self._rejects.parent)
        with replacing(self._rejects) as temporary:
            pl.concat(left_out, how="diagonal").write_parquet(temporary)


class Delivered:
    """The raw files of a project, and how those that have a contract are read."""

    def __init__(
        self, project: Project, files: Mapping[str, RawFile], contracts: Mapping[str, "Contract"]
    ) -> None:
        """`files` and `contracts`: by the name of the raw file; not every file has a contract."""
        self.files = files
        self.contracts = contracts
        self.project = project

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

    def read(self, name: str, paths: Sequence[Path], received: Received) -> pl.LazyFrame:
        """The rows of a raw file, several files below one another, for a function that takes them.

        What was wrong is added to what the function has received. Raises BuildError when there is
        no contract, and Misread when the file breaks it beyond what is allowed.
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
        files = self.examine(name, paths)
        received.add(name, files)
        if problem := self._problem(name, files):
            raise Misread(problem, received.report)
        return pl.concat([one.frame for one in files if one.frame is not None])

    def examine(self, name: str, paths: Sequence[Path]) -> list[FileRows]:
        """What reading the files of a raw file that has a contract gives, one after another.

        Keys are checked over all of them, unless something is wrong with a whole file.
        """
        several = len(paths) > 1
        files = [self._read(name, path, several=several) for path in paths]
        parts = [
            schema.Part(one.frame, one.report, one.numbers)
            for one in files
            if one.frame is not None and one.numbers is not None and not one.report.of_whole
        ]
        if not several or len(parts) < len(files):
            return files
        reports = schema.reports_across(parts, self.contracts[name])
        return [replace(one, report=r) for one, r in zip(files, reports, strict=True)]

    def _problem(self, name: str, files: Sequence[FileRows]) -> str:
        """Why the rows of a raw file cannot be passed on; empty where they can."""
        file, place = self.files[name], self.place(name)
        whole = [one for one in files if one.report.of_whole]
        if whole:
            return (
                f"{_reports(whole)}\n\n'{name}' is not written as its contract, {place}, describes."
                '\nCorrect one of the two: bad="null" and bad="reject" only apply to '
                "cells and rows."
            )
        if file.bad == "stop" and not all(one.report.ok for one in files):
            return (
                f"{_reports(files)}\n\n'{name}' breaks its contract, {place}. To continue "
                'anyway, declare it with\nbad="null", so that cells of another type are empty, or '
                'bad="reject", so that their rows are left out.'
            )
        if beyond := [one for one in files if one.wrong > _allowed(file, one)]:
            shares = "\n".join(
                f"{one.report.name}: {one.wrong:,} of {one.report.rows_checked:,} rows are bad."
                for one in beyond
            )
            return (
                f"{_reports(beyond)}\n\n{shares}\nSo many suggest one cause, such as another date "
                f"format: correct {place}.\nIf the rows themselves are bad, set the share that is "
                f"allowed, worst=, where '{name}' is declared."
            )
        if not file.may_be_empty and not any(one.report.rows_checked for one in files):
            return (
                f"'{name}' has no rows.\nAsk for the file again, or declare it with "
                "may_be_empty=True if there may be none."
            )
        return ""

    def _read(self, name: str, path: Path, *, several: bool) -> FileRows:
        contract, file, label = self.contracts[name], self.files[name], self.label(name, path)
        place = self.place(name)
        try:
            reading = self._reading(path, contract, file, several=several)
        except schema.BadDataError as error:
            return FileRows(error.report.named(label, place=place, options=False))
        except schema.CheckError as error:
            raise error.told(place, options=False) from None
        except OSError as error:
            raise BuildError(f"{label} cannot be read: {error.strerror}.") from None
        rejects = reading.rejects
        if rejects is not None:
            rejects = rejects.insert_column(0, pl.lit(label).alias("file"))
        return FileRows(
            reading.report.named(label, place=place, options=False),
            self._with_file(reading.frame, name, label),
            rejects,
            reading.wrong,
            reading.numbers,
        )

    def _with_file(self, frame: pl.LazyFrame, name: str, label: str) -> pl.LazyFrame:
        column = self.files[name].file_column
        return frame if column is None else frame.with_columns(pl.lit(label).alias(column))

    def _reading(
        self, path: Path, contract: "Contract", file: RawFile, *, several: bool
    ) -> "Reading":
        # A file without a name: it disappears as soon as nobody reads it, however this process
        # ends.
        with tempfile.TemporaryFile(dir=make_private_folder(self.project.state)) as into:
            # A file that must be correct is read to its end too: its report lists everything that
            # is wrong.
            bad = "null" if file.bad == "stop" else file.bad
            limit = _limit(several=several)
            return schema.read(path, contract, bad=bad, into=into, limit=limit, numbered=several)

    def place(self, name: str) -> str:
        """Where the contract of a raw file is, from the project's root."""
        return self.project.relative(self.files[name].contract_path or name)

    def label(self, name: str, path: Path) -> str:
        """How one of a raw file's files is named in messages."""
        return self.files[name].label(path, self.project.root)


def _limit(*, several: bool) -> int:
    """How many errors of each rule are itemised."""
    return _EVERY if several else schema.DEFAULT_LIMIT


def _allowed(file: RawFile, one: FileRows) -> float:
    """How many rows of a file may be bad."""
    rows = one.report.rows_checked
    return max(_WORST * rows, _FEW) if file.worst is None else file.worst * rows


def _reports(files: Sequence[FileRows]) -> str:
    return "\n".join(one.report.render() for one in files if not one.report.ok)
