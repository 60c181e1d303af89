"""What columns are made of, one operation after another, and held against Polars' own demands."""

import itertools
from collections.abc import Callable
from pathlib import Path

import polars as pl
import polars.selectors as cs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_package.engine.lineage.asking import Asker
from data_package.engine.lineage.derive import Input, derive
from data_package.engine.lineage.facts import TableLineage

A: dict[str, pl.DataType] = {
    "k": pl.String(),
    "x": pl.Int64(),
    "y": pl.Int64(),
    "b": pl.Boolean(),
    "d": pl.Date(),
    "l": pl.List(pl.Int64()),
    "s": pl.Struct({"p": pl.Int64(), "q": pl.String()}),
}
B: dict[str, pl.DataType] = {"k": pl.String(), "x": pl.Int64(), "z": pl.Int64(), "e": pl.Date()}
col, lit, when = pl.col, pl.lit, pl.when
Query = Callable[[pl.LazyFrame, pl.LazyFrame], pl.LazyFrame]


def lineage_of(query: Query) -> TableLineage:
    def table(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
        return query(a, b)

    return derive(table, {"a": Input("a", A), "b": Input("b", B)}, __name__)


def told(refs: object) -> str:
    assert isinstance(refs, frozenset)
    return " ".join(sorted(f"{table}.{column}" for table, column in refs))


def same(**more: str) -> dict[str, str]:
    """Every column of `a` made of itself, and these."""
    return {name: f"a.{name}" for name in A} | more


CASES: dict[str, tuple[Query, dict[str, str], str]] = {
    "nothing happens": (lambda a, b: a, same(), ""),
    "rename": (lambda a, b: a.select("x", "y").rename({"x": "n"}), {"n": "a.x", "y": "a.y"}, ""),
    "swapped names": (
        lambda a, b: a.select("x", "y").rename({"x": "y", "y": "x"}),
        {"y": "a.x", "x": "a.y"},
        "",
    ),
    "renamed by a function": (lambda a, b: a.select("x").rename(str.upper), {"X": "a.x"}, ""),
    "filter": (lambda a, b: a.filter(col("y") > 1).select("x"), {"x": "a.x"}, "a.y"),
    "filter by its own value": (
        lambda a, b: a.filter(col("x") > 1).select("x"),
        {"x": "a.x"},
        "a.x",
    ),
    "filter by keyword": (lambda a, b: a.filter(k="v").select("x"), {"x": "a.x"}, "a.k"),
    "filter on many": (
        lambda a, b: a.select("x", "y").filter(pl.any_horizontal(cs.numeric() > 1)),
        {"x": "a.x", "y": "a.y"},
        "a.x a.y",
    ),
    "filter on what is dropped": (
        lambda a, b: a.with_columns(t=col("x") + col("y")).filter(col("t") > 1).select("k"),
        {"k": "a.k"},
        "a.x a.y",
    ),
    "remove": (lambda a, b: a.remove(col("y") > 1).select("x"), {"x": "a.x"}, "a.y"),
    "a constant": (lambda a, b: a.select("x", c=lit(1)), {"x": "a.x", "c": ""}, ""),
    "only a constant": (lambda a, b: a.with_columns(c=lit(1)).select("c"), {"c": ""}, ""),
    "a count of rows": (lambda a, b: a.filter("b").select(n=pl.len()), {"n": ""}, "a.b"),
    "a row number": (
        lambda a, b: a.sort("y").with_row_index("n").select("n", "x"),
        {"n": "", "x": "a.x"},
        "a.y",
    ),
    "a condition": (
        lambda a, b: a.select(v=when(col("b")).then("x").otherwise(col("y"))),
        {"v": "a.b a.x a.y"},
        "",
    ),
    "overwritten": (
        lambda a, b: a.select("x", "y").with_columns(x=col("y"), y=col("x")),
        {"x": "a.y", "y": "a.x"},
        "",
    ),
    "over": (lambda a, b: a.select(v=col("x").sum().over("k")), {"v": "a.k a.x"}, ""),
    "struct fields": (
        lambda a, b: a.select(col("s").struct.field("p"), t=pl.struct("x", "y")).unnest("t"),
        {"p": "a.s", "x": "a.x a.y", "y": "a.x a.y"},
        "",
    ),
    "unnest in its place": (
        lambda a, b: a.select("x", "s", "y").unnest("s"),
        {"x": "a.x", "p": "a.s", "q": "a.s", "y": "a.y"},
        "",
    ),
    "selectors": (
        lambda a, b: a.with_columns(cs.integer() * 2).select(cs.integer() | cs.string()),
        {"k": "a.k", "x": "a.x", "y": "a.y"},
        "",
    ),
    "a selector and a name": (
        lambda a, b: a.select(cs.integer().fill_null(cs.integer().mean().over("k"))),
        {"x": "a.k a.x", "y": "a.k a.y"},
        "",
    ),
    "all together": (
        lambda a, b: a.select(v=pl.sum_horizontal(cs.integer())),
        {"v": "a.x a.y"},
        "",
    ),
    "a regular expression": (
        lambda a, b: a.select(col("^[xy]$").name.suffix("_2")),
        {"x_2": "a.x", "y_2": "a.y"},
        "",
    ),
    "the first column": (
        lambda a, b: a.select(v=pl.first(), w=pl.nth(2)),
        {"v": "a.k", "w": "a.y"},
        "",
    ),
    "exclude": (
        lambda a, b: a.select(pl.exclude("l", "s", "d", "b", "k")),
        {"x": "a.x", "y": "a.y"},
        "",
    ),
    "group keys": (
        lambda a, b: a.group_by("k").agg(col("x").sum(), n=pl.len()),
        {"k": "a.k", "x": "a.x", "n": ""},
        "a.k",
    ),
    "a computed key": (
        lambda a, b: a.group_by(g=col("x") + col("y")).agg(col("k").first()),
        {"g": "a.x a.y", "k": "a.k"},
        "a.x a.y",
    ),
    "a key that is aggregated": (
        lambda a, b: a.group_by("k", "x").agg(n=col("k").n_unique()),
        {"k": "a.k", "x": "a.x", "n": "a.k"},
        "a.k a.x",
    ),
    "a key under the name of a column": (
        lambda a, b: a.select("k", "x", "y").group_by(x="y").agg(pl.all().first()).select("x", "k"),
        {"x": "a.y", "k": "a.k"},
        "a.y",
    ),
    "keys by a selector": (
        lambda a, b: a.select("k", "x", "y").group_by(cs.string()).agg(cs.integer().sum()),
        {"k": "a.k", "x": "a.x", "y": "a.y"},
        "a.k",
    ),
    "a slice by brackets": (lambda a, b: a.select("x")[1:3], {"x": "a.x"}, ""),
    "frames that are aligned": (
        lambda a, b: pl.concat([a.select("k", "y"), b.select("k", "z")], how="align"),
        {"k": "a.k b.k", "y": "a.y", "z": "b.z"},
        "a.k b.k",
    ),
    "named by a function": (
        lambda a, b: a.select(col("x").name.map(str.upper), pl.col("y").name.suffix("_2")),
        {"X": "a.x", "y_2": "a.y"},
        "",
    ),
    "aggregating all": (
        lambda a, b: a.select("k", "x", "y").group_by("k").agg(pl.all().max().name.prefix("m_")),
        {"k": "a.k", "m_x": "a.x", "m_y": "a.y"},
        "a.k",
    ),
    "groups with sum": (
        lambda a, b: a.select("k", "x").group_by("k").sum(),
        {"k": "a.k", "x": "a.x"},
        "a.k",
    ),
    "groups with len": (
        lambda a, b: a.group_by("k").len("n"),
        {"k": "a.k", "n": ""},
        "a.k",
    ),
    "having": (
        lambda a, b: a.group_by("k").having(col("y").max() > 1).agg(col("x").max()),
        {"k": "a.k", "x": "a.x"},
        "a.k a.y",
    ),
    "first of groups": (
        lambda a, b: a.select("k", "x").group_by("k").head(1),
        {"k": "a.k", "x": "a.x"},
        "a.k",
    ),
    "a filter within an aggregation": (
        lambda a, b: a.group_by("k").agg(v=col("x").filter(col("b")).sum()),
        {"k": "a.k", "v": "a.b a.x"},
        "a.k",
    ),
    "windows in time": (
        lambda a, b: (
            a.sort("d").group_by_dynamic("d", every="1mo", group_by="k").agg(col("x").sum())
        ),
        {"k": "a.k", "d": "a.d", "x": "a.x"},
        "a.d a.k",
    ),
    "rolling windows": (
        lambda a, b: a.sort("d").rolling("d", period="3d").agg(m=col("x").mean()),
        {"d": "a.d", "m": "a.x"},
        "a.d",
    ),
    "sort": (
        lambda a, b: a.sort("y", col("d")).select("x", "y"),
        {"x": "a.x", "y": "a.y"},
        "a.d a.y",
    ),
    "top": (lambda a, b: a.top_k(3, by="y").select("x"), {"x": "a.x"}, "a.y"),
    "unique": (lambda a, b: a.unique("k").select("x"), {"x": "a.x"}, "a.k"),
    "unique in all": (
        lambda a, b: a.select("x", "y").unique().select("x"),
        {"x": "a.x"},
        "a.x a.y",
    ),
    "drop nulls": (lambda a, b: a.drop_nulls(["y"]).select("x"), {"x": "a.x"}, "a.y"),
    "drop": (
        lambda a, b: a.drop(cs.temporal() | cs.nested(), "b"),
        {"k": "a.k", "x": "a.x", "y": "a.y"},
        "",
    ),
    "explode": (
        lambda a, b: a.select("x", "l").explode("l"),
        {"x": "a.x", "l": "a.l"},
        "a.l",
    ),
    "head, tail and slice": (
        lambda a, b: a.select("x").head(9).tail(8).slice(1, 3).limit(2).reverse(),
        {"x": "a.x"},
        "",
    ),
    "fill with another column": (
        lambda a, b: a.select("x", "y").fill_null(col("y")),
        {"x": "a.x a.y", "y": "a.y"},
        "",
    ),
    "cast and fill": (
        lambda a, b: a.select("x", "y").cast({"x": pl.String}).fill_null(strategy="forward"),
        {"x": "a.x", "y": "a.y"},
        "",
    ),
    "sums of columns": (lambda a, b: a.select("x", "y").sum(), {"x": "a.x", "y": "a.y"}, ""),
    "unpivot": (
        lambda a, b: a.unpivot(["x", "y"], index="k"),
        {"k": "a.k", "variable": "", "value": "a.x a.y"},
        "",
    ),
    "pivot": (
        lambda a, b: a.pivot("k", on_columns=["u", "v"], index="y", values="x"),
        {"y": "a.y", "u": "a.k a.x", "v": "a.k a.x"},
        "a.y",
    ),
    "python on values": (
        lambda a, b: a.select(
            v=col("x").map_elements(lambda v: v, return_dtype=pl.Int64),
            w=pl.struct("x", "y").map_batches(lambda s: s, return_dtype=pl.Int64),
        ),
        {"v": "a.x", "w": "a.x a.y"},
        "",
    ),
    "inner join": (
        lambda a, b: a.join(b, on="k").select("k", "x", "x_right", "z"),
        {"k": "a.k", "x": "a.x", "x_right": "b.x", "z": "b.z"},
        "a.k b.k",
    ),
    "left join on other names": (
        lambda a, b: a.select("k", "y").join(b, left_on="y", right_on="x", how="left"),
        {"k": "a.k", "y": "a.y", "k_right": "b.k", "z": "b.z", "e": "b.e"},
        "a.y b.x",
    ),
    "left join, keys of both": (
        lambda a, b: a.select("k", "y").join(
            b.select("k", "z"), on="k", how="left", coalesce=False
        ),
        {"k": "a.k", "y": "a.y", "k_right": "b.k", "z": "b.z"},
        "a.k b.k",
    ),
    "right join": (
        lambda a, b: a.select("y", "x", "k").join(b, on="k", how="right"),
        {"y": "a.y", "x": "a.x", "k": "b.k", "x_right": "b.x", "z": "b.z", "e": "b.e"},
        "a.k b.k",
    ),
    "full join, one key": (
        lambda a, b: a.select("k", "y").join(b.select("k", "z"), on="k", how="full", coalesce=True),
        {"k": "a.k b.k", "y": "a.y", "z": "b.z"},
        "a.k b.k",
    ),
    "full join": (
        lambda a, b: a.select("k", "y").join(b.select("k", "z"), on="k", how="full"),
        {"k": "a.k", "y": "a.y", "k_right": "b.k", "z": "b.z"},
        "a.k b.k",
    ),
    "semi join": (
        lambda a, b: a.join(b.filter(col("z") > 1), on="k", how="semi").select("x"),
        {"x": "a.x"},
        "a.k b.k b.z",
    ),
    "cross join": (
        lambda a, b: a.select("x").join(b.select("z"), how="cross"),
        {"x": "a.x", "z": "b.z"},
        "",
    ),
    "join on expressions": (
        lambda a, b: a.select("x", "y").join(
            b.select("z"), left_on=col("x") + col("y"), right_on="z"
        ),
        {"x": "a.x", "y": "a.y", "z": "b.z"},
        "a.x a.y b.z",
    ),
    "join with itself": (
        lambda a, b: a.select("k", "x").join(a.group_by("k").agg(m=col("y").max()), on="k"),
        {"k": "a.k", "x": "a.x", "m": "a.y"},
        "a.k",
    ),
    "the nearest": (
        lambda a, b: (
            a.sort("d").join_asof(b.sort("e"), left_on="d", right_on="e", by="k").select("x", "z")
        ),
        {"x": "a.x", "z": "b.z"},
        "a.d a.k b.e b.k",
    ),
    "join where": (
        lambda a, b: a.join_where(b, col("y") > col("z")).select("x", "x_right"),
        {"x": "a.x", "x_right": "b.x"},
        "a.y b.z",
    ),
    "update": (
        lambda a, b: a.select("k", "x", "y").update(b, on="k"),
        {"k": "a.k", "x": "a.x b.x", "y": "a.y"},
        "a.k b.k",
    ),
    "one below the other": (
        lambda a, b: pl.concat([a.select("k", "x"), b.filter(col("z") > 1).select("k", x="z")]),
        {"k": "a.k b.k", "x": "a.x b.z"},
        "b.z",
    ),
    "one below the other, of different columns": (
        lambda a, b: pl.concat([a.select("k", "y"), b.select("k", "z")], how="diagonal"),
        {"k": "a.k b.k", "y": "a.y", "z": "b.z"},
        "",
    ),
    "side by side": (
        lambda a, b: pl.concat([a.select("x"), b.select("z")], how="horizontal"),
        {"x": "a.x", "z": "b.z"},
        "",
    ),
    "with labels": (
        lambda a, b: pl.concat([a.select("k", of=lit("a")), b.select("k", of=lit("b"))]).select(
            "of"
        ),
        {"of": ""},
        "",
    ),
    "merged": (
        lambda a, b: a.select("x", "y").merge_sorted(b.select("x", y="z"), "x"),
        {"x": "a.x b.x", "y": "a.y b.z"},
        "a.x b.x",
    ),
    "a lookup in the code": (
        lambda a, b: a.join(pl.LazyFrame({"k": ["u"], "name": ["U"]}), on="k", how="left").select(
            "x", "name"
        ),
        {"x": "a.x", "name": ""},
        "a.k",
    ),
    "a lookup that is looked at": (
        lambda a, b: a.select(
            *pl.LazyFrame({"n": ["x", "y"]}).filter(col("n") != "y").collect()["n"].to_list()
        ),
        {"x": "a.x"},
        "",
    ),
    "what a schema decides": (
        lambda a, b: a.select([n for n, t in a.collect_schema().items() if t.is_integer()]),
        {"x": "a.x", "y": "a.y"},
        "",
    ),
    "cached and piped": (
        lambda a, b: a.cache().pipe(lambda f: f.select("x")).clone().lazy(),
        {"x": "a.x"},
        "",
    ),
    "a total beside each row": (
        lambda a, b: a.select("x").join(b.select(total=col("z").sum(), n=pl.len()), how="cross"),
        {"x": "a.x", "total": "b.z", "n": ""},
        "",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_columns_are_followed_through(case: str) -> None:
    query, columns, rows = CASES[case]
    found = lineage_of(query)
    assert found.reason is None
    assert {name: told(refs) for name, refs in found.columns.items()} == columns
    assert told(found.rows) == rows


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
            "map_groups hands whole groups to a Python function",
        ),
        (
            lambda a, b: a.select(col("x").filter(col("y") > 1)).select(n=pl.len()),
            "Polars reads a column whose part in it is not understood",
        ),
        (lambda a, b: a.clear(), "it uses LazyFrame.clear"),
        (
            lambda a, b: a.select("x").match_to_schema(
                {"x": pl.Int64, "v": pl.Int64}, missing_columns={"v": col("x") * 2}
            ),
            "it gives expressions by the names of columns",
        ),
        (lambda a, b: pl.DataFrame({"x": [1]}), "it returns a DataFrame, no LazyFrame"),
        (lambda a, b: a.select("nowhere"), "it raises ColumnNotFoundError on frames without rows"),
        (lambda a, b: 1 / 0, "it raises ZeroDivisionError on frames without rows"),
        (lambda a, b: exit(3), "it raises SystemExit on frames without rows"),
    ],
)
def test_what_cannot_be_followed_is_not_told(query: Query, reason: str) -> None:
    assert lineage_of(query) == TableLineage(reason=reason)


def test_looking_at_data_is_noticed_though_the_function_hides_it() -> None:
    def hiding(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
        try:
            columns = a.collect().columns
        except Exception:  # noqa: BLE001
            columns = ["x"]
        return a.select(columns)

    assert lineage_of(hiding).reason == LOOKS


def test_a_function_that_chooses_anew_each_time_is_not_told() -> None:
    names = itertools.cycle(["x", "y"])
    assert lineage_of(lambda a, b: a.select(next(names))).reason == (
        "it makes other columns each time it is called"
    )
    turns = itertools.cycle([("x", "y"), ("y", "x")])

    def swapped(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
        one = next(turns)[0]
        return a.select(v=one, w=pl.lit(1)).with_columns(u=col("v")).select("u")

    assert lineage_of(swapped).reason is not None


def test_polars_is_as_it_was_afterwards() -> None:
    before = dict(vars(pl.LazyFrame)), pl.concat, pl.scan_csv
    lineage_of(lambda a, b: a.collect().lazy())
    assert (dict(vars(pl.LazyFrame)), pl.concat, pl.scan_csv) == before
    assert pl.LazyFrame({"x": [1, 2]}).filter(col("x") > 1).collect()["x"].to_list() == [2]


def test_other_threads_get_polars_as_it_is() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:

        def query(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
            frame = pl.LazyFrame({"x": [1, 2]})
            assert pool.submit(lambda: frame.filter(col("x") > 1).collect().height).result() == 1
            return a.filter("b").select("x")

        assert told(lineage_of(query).rows) == "a.b"


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


def test_what_a_function_prints_stays_away(capfd: pytest.CaptureFixture[str]) -> None:
    def loud(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
        print("here")
        return a.select(a.columns[1])

    assert lineage_of(loud).reason is None
    assert capfd.readouterr() == ("", "")


def test_frames_in_memory_and_other_parameters_are_not_followed() -> None:
    def eager(a: pl.DataFrame) -> pl.DataFrame:
        return a

    def resource(a: pl.LazyFrame, context) -> pl.LazyFrame:  # type: ignore[no-untyped-def]
        return a

    assert derive(eager, {"a": Input("a", A)}, __name__).reason == (
        "it takes a as something else than a LazyFrame"
    )
    assert derive(resource, {"a": Input("a", A)}, __name__).reason == (
        "its function takes 'context', which is no table and no raw file"
    )


def test_an_annotation_whose_name_is_not_there_is_taken_by_its_text() -> None:
    def table(a, raw):  # type: ignore[no-untyped-def]
        return a

    table.__annotations__ = {"a": "pl.LazyFrame", "return": "Missing"}
    table.__defaults__ = (None,)
    assert derive(table, {"a": Input("a", A)}, __name__).reason is None


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
        assert {name: told(refs) for name, refs in found.columns.items()} in (
            {"n": "raw.age"},
            {"i": "", "f": "", "n": "raw.age"},
        )


def test_a_raw_file_that_is_read_in_other_ways_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "raw.csv"
    other = "it reads raw in other ways than a lazy scan of Polars"
    assert of_file(path, lambda p: pl.read_csv(p).lazy()).reason == other
    assert of_file(path, lambda p: pl.read_csv(str(p)).lazy()).reason == other

    def header(p: Path) -> pl.LazyFrame:
        return pl.scan_csv(p).select(p.read_text().splitlines()[0].split(",")[0])

    assert of_file(path, header).reason == other
    assert of_file(path, lambda _: pl.LazyFrame({"x": [1]})).reason == (
        "it does not read raw by a lazy scan of Polars"
    )


def test_an_operation_on_thousands_of_columns_takes_few_questions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = 0
    ask = Asker.ask

    def counted(self: Asker, query: pl.LazyFrame) -> dict[int, frozenset[str]]:
        nonlocal asked
        asked += 1
        return ask(self, query)

    monkeypatch.setattr(Asker, "ask", counted)
    schema = {"k": pl.String(), **{f"x{i}": pl.Float64() for i in range(1000)}}

    def wide(a: pl.LazyFrame) -> pl.LazyFrame:
        filled = cs.float().fill_null(cs.float().mean().over("k"))
        return a.with_columns(filled).select("k", cs.float().round(1).name.suffix("_r"))

    found = derive(wide, {"a": Input("a", schema)}, __name__)
    assert {n: told(r) for n, r in found.columns.items()} == {
        "k": "a.k",
        **{f"x{i}_r": f"a.k a.x{i}" for i in range(1000)},
    }
    assert asked < 50


STEPS: dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
    "filter": lambda f: f.filter(col("x") > 0),
    "sort": lambda f: f.sort("y"),
    "over": lambda f: f.with_columns(x=col("x").sum().over("k")),
    "mix": lambda f: f.with_columns(y=col("x") + col("z"), z=when(col("x") > 1).then("z")),
    "swap": lambda f: f.rename({"x": "y", "y": "x"}),
    "all": lambda f: f.with_columns(cs.integer() * 2),
    "centred": lambda f: f.with_columns(cs.integer() - cs.integer().mean().over("k")),
    "groups": lambda f: f.group_by("k").agg(cs.numeric().sum()),
    "groups of two": lambda f: f.group_by("k", "x").agg(col("y").max(), z=col("z").min()),
    "unique": lambda f: f.unique(["k", "z"]),
    "drop nulls": lambda f: f.drop_nulls("z"),
    "head": lambda f: f.head(3),
    "twice": lambda f: pl.concat([f, f.with_columns(x="z")], how="vertical_relaxed"),
    "itself": lambda f: (
        f.join(f.group_by("k").agg(m=col("x").max()), on="k").with_columns(y="m").drop("m")
    ),
    "top": lambda f: f.top_k(5, by="y"),
    "long and wide": lambda f: (
        f.unpivot(["x", "y"], index=["k", "z"])
        .group_by("k", "z")
        .agg(x=col("value").first(), y=col("value").last())
    ),
    "nested": lambda f: f.with_columns(s=pl.struct("x", "y")).drop("x", "y").unnest("s"),
    "listed": lambda f: f.group_by("k").agg("x", "y", "z").explode("x", "y", "z"),
}


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=5), st.sampled_from(["left", "inner"]))
def test_each_column_alone_asks_polars_for_what_was_found_and_for_no_more(
    steps: list[str], how: str
) -> None:
    def query(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
        frame = a.select("k", "x", "y").join(b.select("k", "z"), on="k", how=how)  # type: ignore[arg-type]
        for step in steps:
            frame = STEPS[step](frame)
        return frame

    found = lineage_of(query)
    assert found.reason is None
    asker = Asker()
    (a, of_a), (b, of_b) = asker.source(A), asker.source(B)
    out = query(a, b)
    for name, refs in found.columns.items():
        answer = asker.ask(out.select(name))
        asked = {("a", n) for n in answer[of_a]} | {("b", n) for n in answer[of_b]}
        assert refs <= asked
        # For any column of a frame made long, Polars reads all of those that it is made from.
        assert asked <= refs | found.rows or "long and wide" in steps
