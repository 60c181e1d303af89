"""Raw files read by their contracts, for parameters that ask for rows instead of paths."""

import errno
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
from data_package.engine.errors import BuildError, ProjectError, did_you_mean
from data_package.engine.project import Project
from data_package.engine.schema.unreadable import NotKeptError
from data_package.engine.sources.files import Bad, RawFile
from data_package.engine.sources.newest import (
    BAD,
    MARK,
    PLACE,
    ROW,
    Chosen,
    Delivery,
    DeliveryReport,
    key_columns,
    newest,
)
from data_package.engine.sources.one_type import one_type
from data_package.engine.sources.order import in_order
from data_package.engine.sources.reading_report import FileReport, ReadingReport
from data_package.engine.sources.shares import has_place
from data_package.engine.storage import make_private_folder, replacing
from data_package.engine.unusable import why

if TYPE_CHECKING:
    from data_package.engine.schema import Contract, Reading, Report
    from data_package.engine.schema.contract import Descriptor

# The module of which the edition is that of the code that reads raw files by their contracts.
READER = __name__
# Errors of one of several files are compared with those of all.
_EVERY = 1 << 40
# Every integer up to this one is a float, too.
_EXACT = 1 << 53
_NEWEST_PER = "newest_per"
# Rows whose cells may be those of other columns, so that what is their key is not certain.
_RAGGED = ("extra-cell", "missing-cell", "quote-error")
_BLANK = "blank-row"
_CODE = "primary-key"


@dataclass(frozen=True)
class FileRows:
    """The result of reading one file: its report, its rows, those left out, and how many were bad.

    There are no rows where something is wrong with the whole file. `rejects` are the rows left out
    as text, `left_out` the same as they would be in the table. `delivery` is what the file
    changed, where it is one of several deliveries.
    """

    report: "Report"
    frame: pl.LazyFrame | None = None
    rejects: pl.DataFrame | None = None
    left_out: pl.DataFrame | None = None
    wrong: int = 0
    numbers: pl.Series | None = None
    delivery: DeliveryReport | None = None

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
            ),
            tuple(
                one.delivery
                for files in self._files.values()
                for one in files
                if one.delivery is not None
            ),
        )

    def add(self, name: str, files: Sequence[FileRows]) -> None:
        """Note the files of a raw file, and keep the rows that are left out."""
        # Without the rows: the file they are scanned from is removed once it is no longer read.
        self._files[name] = [replace(one, frame=None, numbers=None, left_out=None) for one in files]
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


def no_contract(name: str) -> str:
    """The message on a table or raw file that would need a contract."""
    return f"'{name}' has no contract. `data-package describe {name} --write` makes a first one."


class Delivered:
    """The raw files of a project, and how those that have a contract are read."""

    def __init__(
        self, project: Project, files: Mapping[str, RawFile], contracts: Mapping[str, "Contract"]
    ) -> None:
        """`files` and `contracts`: by the name of the raw file; not every file has a contract."""
        self.files = files
        self.contracts = contracts
        self.project = project

    def require(self, name: str) -> None:
        """Raise ProjectError unless this is a raw file that has a contract."""
        if name not in self.files:
            raise ProjectError(f"There is no raw file '{name}'.{did_you_mean(name, self.files)}")
        if name not in self.contracts:
            raise ProjectError(no_contract(name))

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
        descriptor = self._descriptor(name)
        dialect, encoding = descriptor.get("dialect"), descriptor.get("encoding")
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
        how += [repr(each) for each in (file.newest_per, file.order) if each]
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
        self._check_keys(name)
        files = self.examine(name, paths)
        received.add(name, files)
        if problem := self._problem(name, files):
            raise Misread(problem, received.report)
        return pl.concat([one.frame for one in files if one.frame is not None])

    def examine(self, name: str, paths: Sequence[Path], *, every: bool = False) -> list[FileRows]:
        """What reading the files of a raw file that has a contract gives, one after another.

        Keys are checked over all of them, unless something is wrong with a whole file. Of several
        deliveries, in their order, the newest row of each key is kept. The reports of several
        files list every error, and with `every` that of a single one does, too.
        """
        keys = self.files[name].newest_per
        several = len(paths) > 1 or bool(keys)
        every = every or several
        files = [self._read(name, path, every=every) for path in self.in_order(name, paths)]
        if several:
            files = self._alike(name, files)
        if keys and not any(one.report.of_whole or one.frame is None for one in files):
            files = self._newest(name, files)
        parts = [
            schema.FilePart(one.frame, one.report, one.numbers)
            for one in files
            if one.frame is not None and one.numbers is not None and not one.report.of_whole
        ]
        if not several or len(parts) < len(files):
            return files
        reports = schema.reports_across(parts, self.contracts[name])
        return [replace(one, report=r) for one, r in zip(files, reports, strict=True)]

    def read_alone(self, name: str, path: Path) -> FileRows:
        """What reading one file gives, whatever becomes of bad cells in tables: they are empty."""
        return self._read(name, path, every=False, bad="null")

    def in_order(self, name: str, paths: Sequence[Path]) -> list[Path]:
        """Files of a raw file, deliveries from the oldest to the newest.

        Raises ProjectError where their order is not known.
        """
        order = self.files[name].order
        if not order:
            return list(paths)
        labels = {path: self.label(name, path) for path in paths}
        some = any(map(has_place, self.files[name].patterns))
        return in_order(name, order, labels, some=some)

    def _alike(self, name: str, files: Sequence[FileRows]) -> list[FileRows]:
        """Files with the same types: those of Parquet files that fit the contract may differ."""
        schemas = [one.frame.collect_schema() for one in files if one.frame is not None]
        if all(each == schemas[0] for each in schemas[1:]):
            return list(files)
        common = pl.Schema()
        for column in schemas[0]:
            kinds = {one[column] for one in schemas}
            known = one_type(kinds)
            if known is None or not all(
                _is_exact(one.frame, column, known) for one in files if one.frame is not None
            ):
                raise BuildError(
                    f"'{name}': its files have the field '{column}' in types that do not fit "
                    f"together: {', '.join(sorted(map(str, kinds)))}.\n"
                    "Ask for all of them in one type."
                )
            common[column] = known
        return [
            one if one.frame is None else replace(one, frame=one.frame.cast(common))
            for one in files
        ]

    def _check_keys(self, name: str) -> None:
        known = schema.columns_of(self.contracts[name])
        for key in self.files[name].newest_per:
            if key not in known:
                raise BuildError(
                    f"'{name}': newest_per names '{key}', which is not a field of its contract, "
                    f"{self.place(name)}.{did_you_mean(key, known)}"
                )

    def _newest(self, name: str, files: Sequence[FileRows]) -> list[FileRows]:
        """Files with the rows that no later one has in another edition, and what is wrong."""
        keys = self.files[name].newest_per
        chosen = newest([self._delivery(name, one) for one in files], keys)
        return [_chosen(one, what, keys) for one, what in zip(files, chosen, strict=True)]

    def _delivery(self, name: str, one: FileRows) -> Delivery:
        assert one.frame is not None
        assert one.numbers is not None
        names = self.files[name].newest_per
        keys = key_columns(names)
        columns = [schema.column(each) for each in names]
        columns = [each.alias(key) for each, key in zip(columns, keys, strict=True)]
        errors = one.report.errors
        of_row = {
            code: frame["row"].drop_nulls().unique() for (code,), frame in errors.group_by("code")
        }
        nobody = pl.Series("row", [], dtype=pl.Int64)
        ragged = pl.concat([of_row.get(code, nobody) for code in _RAGGED]).unique().implode()
        blank = of_row.get(_BLANK, nobody).implode()
        bad = errors["row"].drop_nulls().unique().implode()
        row = pl.struct(map(schema.column, schema.columns_of(self.contracts[name])))
        read = (
            one.frame.select(*columns, row.hash().alias(MARK))
            .collect(engine="streaming")
            .with_columns(one.numbers.alias(ROW))
            .with_row_index(PLACE)
            .with_columns(pl.col(ROW).is_in(bad).alias(BAD))
            .filter(~pl.col(ROW).is_in(blank))
        )
        unknown = read.filter(pl.col(ROW).is_in(ragged))[ROW]
        if one.rejects is not None and one.left_out is not None:
            left_out = one.left_out.select(
                *columns,
                one.rejects.to_series(1).cast(pl.Int64).alias(ROW),
                pl.lit(None, pl.UInt64).alias(MARK),
                pl.lit(None, read.schema[PLACE]).alias(PLACE),
                pl.lit(value=True).alias(BAD),
            ).filter(~pl.col(ROW).is_in(blank))
            certain = pl.all_horizontal(pl.col(keys).is_not_null()) & ~pl.col(ROW).is_in(ragged)
            unknown = pl.concat([unknown, left_out.filter(~certain)[ROW]])
            read = pl.concat(
                [read, left_out.filter(certain).select(read.columns)], how="vertical_relaxed"
            )
        return Delivery(name, one.report.name, read, unknown)

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
        unclear = [one for one in files if any(t.rule == _NEWEST_PER for t in one.report.totals)]
        if unclear:
            return (
                f"{_reports(unclear)}\n\nWhich rows of '{name}' are the newest is unknown.\n"
                f"Ask for these files again, or correct newest_per= where '{name}' is declared."
            )
        if file.bad == "stop" and not all(one.report.ok for one in files):
            anyway = (
                'To continue anyway, declare it with\nbad="null", so that cells of another type '
                'are empty, or bad="reject", so that their rows are left out.'
                if any(one.wrong for one in files)
                else 'To pass these rows on,\ndeclare it with bad="null"; they are still reported, '
                "and a table's function decides what becomes of them."
            )
            return f"{_reports(files)}\n\n'{name}' breaks its contract, {place}. {anyway}"
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

    def _read(self, name: str, path: Path, *, every: bool, bad: Bad | None = None) -> FileRows:
        contract, file, label = self.contracts[name], self.files[name], self.label(name, path)
        file = replace(file, bad=bad or file.bad)
        place = self.place(name)
        try:
            reading = self._reading(path, contract, file, every=every)
        except schema.BadDataError as error:
            return FileRows(error.report.named(label, place=place, options=False))
        except schema.CheckError as error:
            raise error.worded(place, options=False) from None
        except OSError as error:
            raise BuildError(f"{label} cannot be read: {error.strerror}.") from None
        rejects = reading.rejects
        if rejects is not None:
            files = pl.repeat(label, rejects.height, dtype=pl.String, eager=True)
            rejects = rejects.insert_column(
                0, files.alias(schema.free_name("file", rejects.columns))
            )
        return FileRows(
            reading.report.named(label, place=place, options=False),
            self._with_file(reading.frame, name, label),
            rejects,
            reading.left_out,
            reading.wrong,
            reading.numbers,
        )

    def _with_file(self, frame: pl.LazyFrame, name: str, label: str) -> pl.LazyFrame:
        column = self.files[name].file_column
        return frame if column is None else frame.with_columns(pl.lit(label).alias(column))

    def _reading(
        self, path: Path, contract: "Contract", file: RawFile, *, every: bool
    ) -> "Reading":
        # A file without a name: it disappears as soon as it is no longer read, however this process
        # ends.
        with tempfile.TemporaryFile(dir=make_private_folder(self.project.state)) as into:
            # A file that must be correct is read to its end too: its report lists everything that
            # is wrong.
            bad = "null" if file.bad == "stop" else file.bad
            limit = _EVERY if every else schema.DEFAULT_LIMIT
            try:
                return schema.read(path, contract, bad=bad, into=into, limit=limit, numbered=every)
            except NotKeptError as error:
                full = why(OSError(errno.ENOSPC, ""), self.project.state)
                raise BuildError(f"{error}.\n{full}") from None

    def place(self, name: str) -> str:
        """Where the contract of a raw file is, from the project's root."""
        return self.project.relative(self.files[name].contract_path or name)

    def label(self, name: str, path: Path) -> str:
        """How one of a raw file's files is named in messages."""
        return self.files[name].label(path, self.project.root)


def _chosen(one: FileRows, chosen: Chosen, keys: Sequence[str]) -> FileRows:
    """A file with its rows that are kept, and with what makes it unclear which they are."""
    assert one.frame is not None
    assert one.numbers is not None
    report = one.report
    for rows, note in (
        (chosen.repeated, "a key for the second time in one delivery"),
        (chosen.without_key, "a row without a key"),
        (chosen.unknown, "a row that may replace any earlier one: its key cannot be read"),
    ):
        if len(rows):
            report = schema.with_rows(report, _CODE, _NEWEST_PER, ", ".join(keys), rows, note)
    if len(chosen.places) < len(one.numbers):
        place = schema.free_name(PLACE, one.frame.collect_schema())
        places = chosen.places.alias(place).to_frame().lazy()
        frame = (
            one.frame.with_row_index(place)
            .join(places, on=place, how="semi", maintain_order="left")
            .drop(place)
        )
        one = replace(one, frame=frame, numbers=one.numbers.gather(chosen.places))
    return replace(one, report=report, delivery=chosen.report)


def _is_exact(frame: pl.LazyFrame, name: str, dtype: pl.DataType) -> bool:
    """Whether the values of a column are the same in another type."""
    if not (dtype.is_float() and frame.collect_schema()[name].is_integer()):
        return True
    values = schema.column(name)
    lowest, highest = (
        frame.select(values.min().alias("a"), values.max().alias("b")).collect().row(0)
    )
    return lowest is None or -_EXACT <= lowest <= highest <= _EXACT


def _allowed(file: RawFile, one: FileRows) -> float:
    """How many rows of a file may be bad."""
    rows = one.report.rows_checked
    return schema.bad_rows_allowed(rows) if file.worst is None else file.worst * rows


def _reports(files: Sequence[FileRows]) -> str:
    return "\n".join(one.report.render() for one in files if not one.report.ok)
