"""Keys over several files that are one table: a key may not repeat in another file either.

What repeats within one file is in the report on that file already.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from data_package.engine.schema.contract import Contract, Field, ForeignKey
from data_package.engine.schema.report import SHOWN_ROWS, Report, Total, itemise
from data_package.engine.schema.typed import check

_EVERY = 1 << 40


@dataclass(frozen=True, slots=True, eq=False)
class FilePart:
    """One of several files: its rows, the report on it alone, and its rows' numbers (Int64)."""

    rows: pl.LazyFrame
    report: Report
    numbers: pl.Series


def reports_across(parts: Sequence[FilePart], contract: Contract) -> list[Report]:
    """Return the reports on several files, with what their keys are to one another.

    `parts` are the files, and the report on each must itemise every error. `contract` is theirs. A
    key of the table that refers to itself may
    be found in any of the files.

    https://datapackage.org/standard/table-schema/#primaryKey
    """
    keys = _keys_only(contract)
    if len(parts) < 2 or not _has_keys(keys):
        return [part.report for part in parts]
    together = check(pl.concat([part.rows for part in parts]), keys, limit=_EVERY)
    reports = []
    start = 0
    for part in parts:
        # Row 2 is the first row of a table.
        positions = pl.col("row") - 2 - start
        here = together.errors.filter(positions.is_between(0, len(part.numbers) - 1))
        here = here.with_columns(
            pl.Series("row", part.numbers.gather(here.select(positions).to_series()))
        )
        reports.append(_with_keys(part.report, here, contract))
        start += len(part.numbers)
    return reports


def _with_keys(report: Report, found: pl.DataFrame, contract: Contract) -> Report:
    """Return a report with the errors that only the other files show, without those they clear."""
    selves = {", ".join(key.fields) for key in contract.foreign_keys if _is_self(key, contract)}
    own = [t for t in report.totals if not (t.rule == "foreignKeys" and t.field in selves)]
    cleared = pl.col("rule").eq("foreignKeys") & pl.col("field").is_in(list(selves))
    errors = report.errors.filter(~cleared.fill_null(value=False))
    new = found.join(errors, on=["code", "rule", "field", "row"], how="anti", maintain_order="left")
    added = []
    for (code, rule, field), rows in new.group_by("code", "rule", "field", maintain_order=True):
        note = "the same as in an earlier file"
        if rule == "foreignKeys":
            note = "not found in any of the files"
        where = tuple(rows["row"].to_list())
        total = Total(str(code), str(rule), str(field), len(where), where[:SHOWN_ROWS], note)
        added.append((total, list(where)))
    return replace(
        report,
        totals=(*own, *(total for total, _ in added)),
        errors=pl.concat([errors, itemise(added)]).sort("row", maintain_order=True),
    )


def _is_self(key: ForeignKey, contract: Contract) -> bool:
    return key.resource in (None, contract.name)


def _keys_only(contract: Contract) -> Contract:
    """Return a contract of nothing but keys within the table, for rows that are read already."""
    return replace(
        contract,
        fields=tuple(map(_bare, contract.fields)),
        foreign_keys=tuple(key for key in contract.foreign_keys if _is_self(key, contract)),
        fields_match="partial",
    )


def _bare(field: Field) -> Field:
    kept = {"unique": True} if field.unique else {}
    descriptor = {name: value for name, value in field.descriptor.items() if name != "categories"}
    return replace(
        field, constraints=kept, descriptor=descriptor, categories=None, missing_values=()
    )


def _has_keys(contract: Contract) -> bool:
    unique = any(field.unique for field in contract.fields)
    return bool(unique or contract.primary_key or contract.unique_keys or contract.foreign_keys)
