"""What is read of a raw file is followed to its columns."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from data_package.engine.lineage.column_lineage import TableLineage
from data_package.engine.lineage.derive import Input, derive
from data_package_tests.engine.lineage.deriving import answer


def of_file(path: Path, query: Callable[[Path], object]) -> TableLineage:
    path.write_text("id,age\n1,2\n")

    def table(raw: Path) -> pl.LazyFrame:
        return query(path if False else raw)  # type: ignore[return-value]

    return derive(table, {"raw": Input("raw", paths=(path,))}, __name__)


def test_a_scan_is_followed_to_the_columns_of_the_raw_file(tmp_path: Path) -> None:
    path = tmp_path / "raw.csv"
    for query in (
        lambda p: pl.scan_csv(p).select(n="age"),
        lambda p: pl.scan_csv(str(p)).select(n="age"),
        lambda p: pl.scan_csv([p], row_index_name="i", include_file_paths="f").select(
            "i", "f", n="age"
        ),
    ):
        found = of_file(path, query)
        assert found.reason is None
        assert {name: answer(refs) for name, refs in found.columns.items()} in (
            {"n": "raw.age"},
            {"i": "", "f": "", "n": "raw.age"},
        )


def test_a_raw_file_that_is_read_in_other_ways_is_not_reported(tmp_path: Path) -> None:
    path = tmp_path / "raw.csv"
    other = "it reads raw in other ways than a lazy Polars scan"
    assert of_file(path, lambda p: pl.read_csv(p).lazy()).reason == other
    assert of_file(path, lambda p: pl.read_csv(str(p)).lazy()).reason == other

    def header(p: Path) -> pl.LazyFrame:
        return pl.scan_csv(p).select(p.read_text().splitlines()[0].split(",")[0])

    assert of_file(path, header).reason == other
    assert of_file(path, lambda _: pl.LazyFrame({"x": [1]})).reason == (
        "it does not read raw by a lazy Polars scan"
    )
