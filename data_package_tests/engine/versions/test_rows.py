"""Rows are compared by key, or counted, whatever they hold and however few fit into memory."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_package.engine.errors import BuildError
from data_package.engine.versions.rows import RowDifference, compare_rows

NAN = float("nan")
SCHEMA: dict[str, pl.DataType] = {
    "site": pl.String(),
    "number": pl.Int64(),
    "weight": pl.Float64(),
    "tags": pl.List(pl.String),
}

rows_of_a_table = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 5)),
    st.tuples(
        st.sampled_from([None, 0.0, -0.0, 1.5, NAN]),
        st.sampled_from([None, [], ["x"], [None]]),
    ),
    max_size=12,
)
unkeyed = st.lists(st.tuples(st.sampled_from(["a", None]), st.integers(0, 2)), max_size=12)


def frame(rows: Sequence[Sequence[object]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


def difference(
    folder: Path, old: pl.DataFrame, new: pl.DataFrame, *key: str, show: int = 0
) -> RowDifference:
    """Compare in the smallest of shares: every row on its own, about."""
    paths = folder / "old.parquet", folder / "new.parquet"
    for path, one in zip(paths, (old, new), strict=True):
        one.write_parquet(path)
    return compare_rows(*paths, key, show=show, share_rows=3, share_bytes=200)


def same(one: object, other: object) -> bool:
    return one == other or (one != one and other != other)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(old=rows_of_a_table, new=rows_of_a_table)
def test_rows_are_matched_by_their_key(
    tmp_path: Path,
    old: dict[tuple[str, int], tuple[float, list[str]]],
    new: dict[tuple[str, int], tuple[float, list[str]]],
) -> None:
    found = difference(
        tmp_path,
        frame([(*key, *values) for key, values in old.items()]),
        frame([(*key, *values) for key, values in new.items()]),
        "site",
        "number",
    )
    both = [key for key in old if key in new]
    pairs = [(old[key], new[key]) for key in both]
    counts = {
        name: sum(not same(before[at], now[at]) for before, now in pairs)
        for at, name in enumerate(("weight", "tags"))
    }
    assert found.key == ("site", "number")
    assert (found.old, found.new) == (len(old), len(new))
    assert (found.added, found.removed) == (len(new) - len(both), len(old) - len(both))
    assert found.fields == {name: count for name, count in counts.items() if count}
    assert found.changed == sum(
        not all(same(one, other) for one, other in zip(before, now, strict=True))
        for before, now in pairs
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(old=unkeyed, new=unkeyed)
def test_rows_without_a_key_are_counted(
    tmp_path: Path, old: list[tuple[str, int]], new: list[tuple[str, int]]
) -> None:
    schema = {"site": pl.String, "number": pl.Int64}
    before, now = (pl.DataFrame(rows, schema=schema, orient="row") for rows in (old, new))
    found = difference(tmp_path, before, now)
    assert (found.key, found.changed) == ((), None)
    assert found.added == (Counter(new) - Counter(old)).total()
    assert found.removed == (Counter(old) - Counter(new)).total()


def test_a_key_that_does_not_identify_rows_is_not_a_key(tmp_path: Path) -> None:
    old = pl.DataFrame({"id": [1, 1, 2], "x": ["a", "b", "c"]})
    found = difference(tmp_path, old, old.head(2), "id")
    assert found.key == ()
    assert (found.added, found.removed, found.changed) == (0, 1, None)


def test_types_that_have_one_in_common_are_compared_and_others_are_reported(tmp_path: Path) -> None:
    old = pl.DataFrame({"id": [1, 2], "sex": ["F", "M"], "age": [30, 40], "day": ["1", "2"]})
    new = old.with_columns(
        pl.col("id").cast(pl.Int8),
        pl.col("sex").cast(pl.Enum(["M", "F"])),
        age=pl.Series([30.0, 40.5]),
        day=pl.Series([1, 2]),
    )
    found = difference(tmp_path, old, new, "id")
    assert (found.added, found.removed, found.changed) == (0, 0, 1)
    assert found.fields == {"age": 1}
    assert found.not_compared == ("day",)


def test_rows_are_shown_when_they_are_asked_for_and_never_otherwise(tmp_path: Path) -> None:
    old = pl.DataFrame({"id": [1, 2, 3], "name": ["ann", "bo", "cy"]})
    new = pl.DataFrame({"id": [2, 3, 4], "name": ["bob", "cy", "dee"]})
    found = difference(tmp_path, old, new, "id", show=5)
    assert found.shown["added"].rows() == [(4, "dee")]
    assert found.shown["removed"].rows() == [(1, "ann")]
    assert found.shown["changed"].rows() == [(2, "name", "bo", "bob")]
    counted = difference(tmp_path, old, new, show=5)
    assert sorted(counted.shown["added"].rows()) == [(2, "bob"), (4, "dee")]
    for answer in (repr(found), repr(counted), str(found.to_dict())):
        assert "bob" not in answer
    assert difference(tmp_path, old, new, "id").shown == {}


def test_no_more_rows_are_shown_than_wanted(tmp_path: Path) -> None:
    old = pl.DataFrame({"id": range(50), "x": 0})
    found = difference(tmp_path, old, old.with_columns(x=1), "id", show=7)
    assert found.changed == 50
    assert found.shown["changed"].height == 7


def test_tables_of_nothing_but_keys_or_nothing_in_common_are_compared(tmp_path: Path) -> None:
    one, other = pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [2, 3, 4]})
    found = difference(tmp_path, one, other, "a")
    assert (found.added, found.removed, found.changed) == (2, 1, 0)
    apart = difference(tmp_path, one, pl.DataFrame({"b": [1, 2, 3]}))
    assert (apart.added, apart.removed, apart.changed) == (1, 0, None)


def test_a_broken_file_is_reported_without_its_content(tmp_path: Path) -> None:
    (tmp_path / "old.parquet").write_bytes(b"PAR1 secret PAR1")
    (tmp_path / "new.parquet").write_bytes(b"PAR1 secret PAR1")
    with pytest.raises(BuildError) as caught:
        compare_rows(tmp_path / "old.parquet", tmp_path / "new.parquet", ())
    assert "secret" not in str(caught.value)
    assert "old.parquet" in str(caught.value)


@pytest.mark.parametrize("name", ["*", "^v$", "^.*$", "1"])
@pytest.mark.parametrize("key", ["odd", "other", None])
def test_a_field_may_have_any_name(tmp_path: Path, name: str, key: str | None) -> None:
    pl.DataFrame({name: [1, 2, 3], "o": [1, 2, 3]}).write_parquet(tmp_path / "old.parquet")
    pl.DataFrame({name: [1, 2, 4], "o": [1, 5, 3]}).write_parquet(tmp_path / "new.parquet")
    by = {"odd": [name], "other": ["o"], None: []}[key]
    found = compare_rows(tmp_path / "old.parquet", tmp_path / "new.parquet", by, show=9)
    counts = (found.added, found.removed, found.changed)
    assert counts == ((1, 1, 1) if by else (2, 2, None))
    assert set(found.fields) == ({name, "o"} - set(by) if by else set())
    assert found.shown["added"].columns == [name, "o"]
    if by:
        assert found.shown["changed"].rows()[0][1] in ({name, "o"} - set(by))


def test_values_of_every_type_are_shown(tmp_path: Path) -> None:
    far = pl.lit(-(10**18)).cast(pl.Datetime("us"))
    old = pl.DataFrame({"id": [1]}).select(
        "id",
        length=pl.lit(90_000_000).cast(pl.Duration("us")),
        seen=far,
        at=pl.lit(1).cast(pl.Time),
        bytes=pl.lit(b"\xff"),
        lengths=pl.concat_list(pl.lit(1).cast(pl.Duration("us"))),
    )
    new = old.with_columns(
        length=pl.lit(None, dtype=pl.Duration("us")),
        seen=far + pl.duration(days=1),
        at=pl.lit(2).cast(pl.Time),
        bytes=pl.lit(b"\xfe"),
        lengths=pl.concat_list(pl.lit(2).cast(pl.Duration("us"))),
    )
    shown = difference(tmp_path, old, new, "id", show=9).shown["changed"]
    assert shown.height == 5
    before = dict(shown.select("\0field", "\0before").iter_rows())
    assert before["length"] == "PT1M30S"
    assert before["seen"].startswith("-29719-04-05")
