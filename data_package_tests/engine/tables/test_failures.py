"""A failure says what kind it is, where it is in the user's code, and what is known to be safe."""

from collections.abc import Callable
from typing import Any, cast

import dagster as dg
import polars as pl
import pytest
from dagster_shared.error import SerializableErrorInfo

from data_package.engine.project import Project
from data_package.engine.tables import internals
from data_package.engine.tables.failures import value_free
from data_package_tests.conftest import Make

Query = Callable[[pl.LazyFrame], pl.LazyFrame]


@pytest.fixture
def project(study: Make) -> Project:
    return study({}).project


def failure(function: Callable[..., object], project: Project, *inputs: object) -> dg.Failure:
    with pytest.raises(dg.Failure) as caught:
        value_free(function, name="t", project=project)(*inputs)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def output(function: Callable[..., object], project: Project, *inputs: object) -> str:
    return failure(function, project, *inputs).description or ""


def test_a_column_that_an_input_nearly_has_is_guessed(project: Project) -> None:
    def table(people: pl.DataFrame) -> pl.DataFrame:
        return people.select("hight")

    words = output(table, project, pl.DataFrame({"height": [1], "name": ["a"]}))
    assert "no column 'hight'. Did you mean 'height'?" in words
    assert "people: height Int64, name String" in words


def test_a_conversion_names_the_types_and_the_column(project: Project) -> None:
    def table(people: pl.DataFrame) -> pl.DataFrame:
        return people.with_columns(pl.col("born").cast(pl.Int64))

    words = output(table, project, pl.DataFrame({"born": ["010190-1234", "b"]}))
    assert "2 values cannot be converted from str to i64 in column 'born'" in words
    assert "010190" not in words


def from_csv(content: bytes, **how: Any) -> Query:
    return lambda _: pl.scan_csv(content, **how)


NAME = "SECRET"[::-1]
QUERIES: dict[str, tuple[Query, str]] = {
    "another encoding": (from_csv(b"a\nSECRE\xe9\n", infer_schema=False), "encoding='cp1252'"),
    "an encoding that is not had": (
        lambda _: pl.scan_csv(b"a\n", encoding=cast("Any", "cp1252")),
        "reads only UTF-8",
    ),
    "a long line": (from_csv(b"a,b\n1,SECRET,3\n"), "more cells than its header"),
    "a cell of another type": (
        from_csv(
            b"n,age\n1,SECRET` as dtype `i8` at column 'age'\n", schema_overrides=[pl.Int64] * 2
        ),
        "a cell of column 2 of the file, 'age' cannot be read as i64",
    ),
    "a column that may be a value": (
        from_csv(f"n,{NAME}\n1,x\n".encode(), schema_overrides=[pl.Int64] * 2),
        "a cell of column 2 of the file cannot be read as i64",
    ),
    "an unknown code": (lambda f: f.select(pl.col("age").replace_strict({"x": 1})), "default="),
    "no integer": (lambda f: f.select(pl.col("age").str.to_integer()), "a text is not an integer"),
    "repeated keys": (lambda f: f.join(f, on="n", validate="1:1"), "keys of the join repeat"),
    "keys of two types": (
        lambda f: f.join(pl.LazyFrame({"age": [1]}), on="age"),
        "the keys of the join differ in type in column 'age'",
    ),
    "unequal frames": (lambda f: pl.concat([f, f.select("n")]), "how='diagonal_relaxed'"),
    "text and number": (lambda f: f.filter(pl.col("age") > 3), "compared with a number"),
    "a sum of text and number": (lambda f: f.select(pl.col("age") + 1), "str and dyn int"),
    "a column twice": (lambda f: f.select("n", pl.col("n") + 1), "two columns are called 'n'"),
    "dates of no form": (lambda f: f.select(pl.col("age").str.to_datetime()), "'%d.%m.%Y'"),
    "no Parquet": (lambda _: pl.scan_parquet(b"SECRET is none"), "not a Parquet file"),
    "no pattern": (lambda f: f.select(pl.col("age").str.contains("(")), "not a regular expression"),
    "no content": (from_csv(b""), "the file is empty"),
    "no JSON": (
        lambda f: f.select(pl.col("age").str.json_decode(pl.Struct({"x": pl.Int64}))),
        "is not the JSON",
    ),
}


@pytest.mark.parametrize("what", QUERIES)
def test_messages_of_polars_are_passed_on_without_values(what: str, project: Project) -> None:
    query, answer = QUERIES[what]

    def table(people: pl.LazyFrame) -> pl.DataFrame:
        return query(people).collect()

    words = output(table, project, pl.LazyFrame({"n": [1, 1], "age": ["SECRET", "{SECRET"]}))
    assert answer in words
    assert "SECRET" not in words
    assert NAME not in words


def test_the_words_of_the_user_on_a_failure_stay(project: Project) -> None:
    def table() -> None:
        raise dg.Failure("no delivery today", metadata={"day": "Monday"}, allow_retries=False)

    kept = failure(table, project)
    assert kept.description == "no delivery today"
    assert kept.metadata["day"].value == "Monday"
    assert kept.allow_retries is False


def test_an_input_may_have_the_name_of_a_parameter_of_ours(project: Project) -> None:
    def table(function: pl.DataFrame, error: int) -> object:
        return function.select("nothing") if error else None

    with pytest.raises(dg.Failure, match="function: id Int64"):
        value_free(table, name="t", project=project)(function=pl.DataFrame({"id": [1]}), error=1)


def test_a_retry_that_is_asked_for_is_asked_for(project: Project) -> None:
    def table() -> None:
        try:
            int("010190-1234")
        except ValueError as error:
            raise dg.RetryRequested(max_retries=3, seconds_to_wait=2) from error

    with pytest.raises(dg.RetryRequested) as caught:
        value_free(table, name="t", project=project)()
    assert (caught.value.max_retries, caught.value.seconds_to_wait) == (3, 2)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("end", [KeyboardInterrupt, dg.DagsterExecutionInterruptedError])
def test_an_interruption_is_not_a_failure(project: Project, end: type[BaseException]) -> None:
    def table() -> None:
        raise end

    with pytest.raises(end):
        value_free(table, name="t", project=project)()


def test_what_ends_a_run_of_dagster_is_reported_without_its_path() -> None:
    error = SerializableErrorInfo(
        "OSError: [Errno 28] No space left on device: 'SECRET'", [], "OSError"
    )
    assert internals._kind_of(error) == "OSError (No space left on device)"
    assert (
        internals._kind_of(SerializableErrorInfo("ValueError: SECRET", [], "ValueError"))
        == "ValueError"
    )


def test_a_full_disk_and_a_missing_right_are_reported(project: Project) -> None:
    def table(number: int) -> None:
        raise OSError(number, "010190-1234", "010190-1234")

    assert "No space left on device." in output(table, project, 28)
    assert "Permission denied." in output(table, project, 13)


def test_a_call_that_does_not_fit_is_reported(project: Project) -> None:
    def helper(frame: object) -> None:
        del frame

    def table() -> None:
        helper()  # type: ignore[call-arg]

    assert "missing 1 required positional argument: 'frame'" in output(table, project)


def test_an_input_of_many_columns_does_not_fill_the_screen(project: Project) -> None:
    def table(wide: pl.DataFrame) -> pl.DataFrame:
        return wide.select("nope")

    words = output(table, project, pl.DataFrame({f"c{n}": [1] for n in range(5000)}))
    assert "and 4960 more" in words
    assert len(words) < 2000
