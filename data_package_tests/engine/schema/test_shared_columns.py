"""Columns of numbers that one process writes and another maps: the same, whatever Polars makes."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.schema.formats import shared_columns
from data_package.engine.schema.formats.shared_columns import is_fixed, mapped, put

DTYPES = (
    pl.Int8(), pl.UInt16(), pl.Int32(), pl.Int64(), pl.UInt64(), pl.Float32(), pl.Float64(),
    pl.Date(), pl.Time(), pl.Datetime("ms"), pl.Datetime("us", "UTC"), pl.Duration("us"),
)  # fmt: skip


@contextmanager
def in_memory() -> Iterator[tuple[IO[bytes], Path]]:
    number = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    with os.fdopen(number, "wb") as file:
        yield file, Path(f"/proc/self/fd/{number}")


@settings(max_examples=60)
@given(
    values=st.lists(st.one_of(st.none(), st.integers(0, 100)), min_size=1, max_size=40),
    dtypes=st.lists(st.sampled_from(DTYPES), max_size=4),
    first=st.integers(0, 9),
    pieces=st.integers(1, 3),
)
def test_columns_are_the_same_on_both_sides(
    values: list[int | None], dtypes: list[pl.DataType], first: int, pieces: int
) -> None:
    whole = pl.DataFrame(
        {f"{i}": pl.Series(values, dtype=pl.Int64).cast(one) for i, one in enumerate(dtypes)}
    )
    columns = pl.concat([whole.slice(first)] * pieces)
    assert all(map(is_fixed, dtypes))

    with in_memory() as (file, path):
        places = put(columns, file)
        file.flush()
        made = mapped(path, columns.schema, places, columns.height)

    assert made.schema == columns.schema
    assert made.equals(columns)


def test_a_file_is_let_go_with_the_last_column_of_it() -> None:
    columns = pl.DataFrame({"a": [1, None, 3], "b": [0.5, 1.5, None]})
    with in_memory() as (file, path):
        places = put(columns, file)
        file.flush()
        before = len(shared_columns._HELD)
        made = mapped(path, columns.schema, places, 3)
        with pytest.raises(OSError, match="not permitted"):
            os.truncate(path, 0)
    last = made["b"].slice(1)
    del made
    gc.collect()
    assert len(shared_columns._HELD) == before + 1
    assert last.to_list() == [1.5, None]
    del last
    assert len(shared_columns._HELD) == before


@pytest.mark.parametrize(
    "place", [(0, -1, 1 << 20), (1 << 40, -1, 0), (-8, -1, 0), (0, 1 << 30, 0)]
)
def test_places_that_are_not_in_the_file_are_refused(place: tuple[int, int, int]) -> None:
    columns = pl.DataFrame({"a": [1, 2, 3]})
    with in_memory() as (file, path):
        put(columns, file)
        file.flush()
        with pytest.raises(ValueError, match=r"\d"):
            mapped(path, columns.schema, [place], 3)


def test_texts_are_not_columns_of_numbers() -> None:
    assert not any(map(is_fixed, (pl.String(), pl.Boolean(), pl.Categorical(), pl.List(pl.Int8()))))
