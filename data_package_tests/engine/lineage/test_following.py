"""Following a function changes and shows nothing; what it cannot follow is not reported."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from data_package.engine.lineage.column_lineage import TableLineage
from data_package.engine.lineage.derive import Input, derive
from data_package_tests.engine.lineage.deriving import A, Query, answer, lineage_of

col = pl.col
LOOKS = "it looks at data while the query is planned"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (lambda a, b: a.collect().lazy(), LOOKS),
        (lambda a, b: a.filter("b").collect().lazy(), LOOKS),
        (lambda a, b: pl.collect_all([a])[0].lazy(), LOOKS),
        (lambda a, b: a.select("x") if a.select("x").head(1).collect().item() else a, LOOKS),
        (lambda a, b: a.map_batches(lambda f: f), "it uses LazyFrame.map_batches"),
        (lambda a, b: a.sql("select x from self"), "it uses LazyFrame.sql"),
        (
            lambda a, b: pl.SQLContext(a=a).execute("select x from a"),
            "it uses an operation that cannot be followed",
        ),
        (
            lambda a, b: a.group_by("k").map_groups(lambda g: g, schema=A),
            "map_groups passes whole groups to a Python function",
        ),
        (
            lambda a, b: a.select(col("x").filter(col("y") > 1)).select(n=pl.len()),
            "Polars reads a column whose role in it is not understood",
        ),
        (lambda a, b: a.clear(), "it uses LazyFrame.clear"),
        (
            lambda a, b: a.select("x").match_to_schema(
                {"x": pl.Int64, "v": pl.Int64}, missing_columns={"v": col("x") * 2}
            ),
            "it gives expressions by the names of columns",
        ),
        (lambda a, b: pl.DataFrame({"x": [1]}), "it returns a DataFrame, not a LazyFrame"),
        (lambda a, b: a.select("nowhere"), "it raises ColumnNotFoundError on frames without rows"),
        (lambda a, b: 1 / 0, "it raises ZeroDivisionError on frames without rows"),
        (lambda a, b: exit(3), "it raises SystemExit on frames without rows"),
    ],
)
def test_what_cannot_be_followed_is_not_reported(query: Query, reason: str) -> None:
    assert lineage_of(query) == TableLineage(reason=reason)


def test_looking_at_data_is_noticed_though_the_function_hides_it() -> None:
    def hiding(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
        try:
            columns = a.collect().columns
        except Exception:  # noqa: BLE001
            columns = ["x"]
        return a.select(columns)

    assert lineage_of(hiding).reason == LOOKS


def test_a_function_that_chooses_again_each_time_is_not_reported() -> None:
    names = itertools.cycle(["x", "y"])
    assert lineage_of(lambda a, b: a.select(next(names))).reason == (
        "it makes other columns each time it is called"
    )
    turns = itertools.cycle([("x", "y"), ("y", "x")])

    def swapped(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
        one = next(turns)[0]
        return a.select(v=one, w=pl.lit(1)).with_columns(u=col("v")).select("u")

    assert lineage_of(swapped).reason is not None


def test_frames_in_memory_and_other_parameters_are_not_followed() -> None:
    def eager(a: pl.DataFrame) -> pl.DataFrame:
        return a

    def resource(a: pl.LazyFrame, context) -> pl.LazyFrame:  # type: ignore[no-untyped-def]
        return a

    assert derive(eager, {"a": Input("a", A)}, __name__).reason == (
        "it takes a as something other than a LazyFrame"
    )
    assert derive(resource, {"a": Input("a", A)}, __name__).reason == (
        "its function takes 'context', which is neither a table nor a raw file"
    )


def test_an_annotation_whose_name_is_not_there_is_taken_by_its_text() -> None:
    def table(a, raw):  # type: ignore[no-untyped-def]
        return a

    table.__annotations__ = {"a": "pl.LazyFrame", "return": "Missing"}
    table.__defaults__ = (None,)
    assert derive(table, {"a": Input("a", A)}, __name__).reason is None


def test_polars_is_as_it_was_afterwards() -> None:
    before = dict(vars(pl.LazyFrame)), pl.concat, pl.scan_csv
    lineage_of(lambda a, b: a.collect().lazy())
    assert (dict(vars(pl.LazyFrame)), pl.concat, pl.scan_csv) == before
    assert pl.LazyFrame({"x": [1, 2]}).filter(col("x") > 1).collect()["x"].to_list() == [2]


def test_other_threads_get_polars_as_it_is() -> None:
    with ThreadPoolExecutor(1) as pool:

        def query(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
            frame = pl.LazyFrame({"x": [1, 2]})
            assert pool.submit(lambda: frame.filter(col("x") > 1).collect().height).result() == 1
            return a.filter("b").select("x")

        assert answer(lineage_of(query).rows) == "a.b"


def test_no_function_of_the_user_sees_a_row_or_an_empty_frame() -> None:
    called: list[object] = []

    def note(value: object) -> object:
        called.append(value)
        return value

    found = lineage_of(
        lambda a, b: a.with_columns(
            v=col("x").map_batches(note, return_dtype=pl.Int64),
            w=col("x").map_elements(note, return_dtype=pl.Int64),
        ).filter(col("v") > 1)
    )
    assert (found.reason, called) == (None, [])


def test_output_of_functions_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    def loud(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
        print("here")
        return a.select(a.columns[1])

    assert lineage_of(loud).reason is None
    assert capfd.readouterr() == ("", "")
