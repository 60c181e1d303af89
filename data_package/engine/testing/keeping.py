"""A table checked against its contract, as an assertion."""

from pathlib import Path

import polars as pl

from data_package.engine import schema
from data_package.engine.project import Project
from data_package.engine.schema import Contract
from data_package.engine.testing.contracts import contract_of


def assert_keeps_contract(
    table: object, contract: str | Path | Contract, *, project: Project | Path | None = None
) -> pl.DataFrame:
    """Check a table against a contract; returns it, loaded.

    `table` is a pl.DataFrame or a pl.LazyFrame, as an asset's function returns it. The contract is
    given, or found by the name of its table in the `project`, by default that of the working
    directory. Foreign keys to other tables are not checked.

    Raises AssertionError with the report: rule, field and row numbers, and no value.
    """
    if not isinstance(table, pl.DataFrame | pl.LazyFrame):
        kind = type(table).__name__
        raise AssertionError(f"a table must be a pl.DataFrame or a pl.LazyFrame, not {kind}")
    frame = table.lazy().collect()
    report = schema.check(frame, contract_of(contract, project))
    assert report.ok, f"\n{report.render()}"
    return frame
