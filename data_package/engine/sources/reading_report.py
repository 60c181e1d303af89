"""What was wrong in a raw file that was read by its contract: as data, which is stored.

The report goes from the reader into the metadata of the tables that were made of the file, or of
the failure, and from there into results, `--json` and text. No value of any row is in it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from pydantic import TypeAdapter

from data_package.engine.schema import Report, Total
from data_package.engine.schema.report import render
from data_package.engine.sources.newest import DeliveryReport
from data_package.engine.storage import recalled, remember

# Dagster's metadata with it: the reports on the files with errors, and the number of errors, which
# is 0 where files were read and nothing was wrong.
_FILES = "raw_files"
_ERRORS = "raw_file_errors"
_DELIVERIES = "deliveries"
# The same as text, for Dagster's pages.
_TEXT = "raw_file_report"


@dataclass(frozen=True)
class FileReport:
    """What was wrong in one file.

    `totals` has the rule, the field, the count and up to ten rows of each kind of error.
    `left_out` counts the rows that its table does not get, and `rejects` is where they are kept.
    """

    file: str
    rows_checked: int
    error_count: int
    totals: tuple[Total, ...]
    skipped: tuple[str, ...] = ()
    what_next: str = ""
    left_out: int = 0
    rejects: str = ""

    @classmethod
    def of(cls, report: Report, left_out: int, rejects: str) -> "FileReport":
        """The report of a check, and what was done with the rows."""
        return cls(
            report.name,
            report.rows_checked,
            report.error_count,
            report.totals,
            report.skipped,
            report.what_next,
            left_out,
            rejects if left_out else "",
        )

    def render(self) -> str:
        """The report as lines of plain text."""
        text = render(self.file, self.rows_checked, self.totals, self.skipped, self.what_next)
        if not self.left_out:
            return text
        rows = "1 row is" if self.left_out == 1 else f"{self.left_out:,} rows are"
        return f"{text}\n  {rows} left out, and kept in {self.rejects}"


@dataclass(frozen=True)
class ReadingReport:
    """What was wrong in the raw files whose rows one call of a function was to receive.

    `files` are those with errors, `deliveries` all that correct one another, in their order.
    """

    files: tuple[FileReport, ...] = ()
    deliveries: tuple[DeliveryReport, ...] = ()

    @property
    def error_count(self) -> int:
        """How many errors there were in all files."""
        return sum(file.error_count for file in self.files)

    def render(self) -> str:
        """The report as text, file by file; empty without errors."""
        return "\n".join(file.render() for file in self.files)

    def to_metadata(self) -> dict[str, dg.MetadataValue]:
        """The report as Dagster keeps it."""
        metadata: dict[str, dg.MetadataValue] = {_ERRORS: dg.MetadataValue.int(self.error_count)}
        if self.files:
            metadata[_FILES] = dg.MetadataValue.json(_STORED.dump_python(self.files, mode="json"))
            metadata[_TEXT] = dg.MetadataValue.text(self.render())
        if self.deliveries:
            metadata[_DELIVERIES] = dg.MetadataValue.json(
                _DELIVERED.dump_python(self.deliveries, mode="json")
            )
        return metadata

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, dg.MetadataValue]) -> "ReadingReport | None":
        """The report in the metadata of a table or of a failure; None where nothing was read."""
        if _ERRORS not in metadata:
            return None
        stored, delivered = metadata.get(_FILES), metadata.get(_DELIVERIES)
        return cls(
            _STORED.validate_python(stored.value) if stored is not None else (),
            _DELIVERED.validate_python(delivered.value) if delivered is not None else (),
        )


def keep(path: Path, content: str, deliveries: Sequence[DeliveryReport]) -> None:
    """Keep what deliveries brought to a table, whose content has this hash; nothing if none."""
    if not deliveries:
        path.unlink(missing_ok=True)
        return
    found = _DELIVERED.dump_python(tuple(deliveries), mode="json")
    remember(path, json.dumps({"content": content, "deliveries": found}))


def kept(path: Path, content: str) -> tuple[DeliveryReport, ...]:
    """What deliveries brought to a table that has this content; empty where that is not known."""

    def read(found: Mapping[str, object]) -> tuple[DeliveryReport, ...]:
        same = found["content"] == content
        return _DELIVERED.validate_python(found["deliveries"]) if same else ()

    return recalled(path, read, ())


def together(reports: Iterable["ReadingReport | None"]) -> ReadingReport | None:
    """What was wrong in the files of several calls; None where none received any."""
    known = [report for report in reports if report is not None]
    if not known:
        return None
    return ReadingReport(
        tuple(file for one in known for file in one.files),
        tuple(delivery for one in known for delivery in one.deliveries),
    )


_STORED = TypeAdapter(tuple[FileReport, ...])
_DELIVERED = TypeAdapter(tuple[DeliveryReport, ...])
