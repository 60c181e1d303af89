"""However a table fails, no value of a row is found outside the tables."""

import re
import sys
from pathlib import Path

import pytest

from data_package.engine.errors import ProjectError
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import HEADER, RAW_PEOPLE

pytestmark = pytest.mark.slow

# The raw file holds it; the modules don't, or a line of code that is shown would quote it.
SECRET = "010190-1234"

FAILING = (
    HEADER
    + """
import asyncio
import json

def number(text):
    return int(text)

class Unreadable(Exception):
    def __str__(self):
        raise ValueError(self.args[0])

def first(frame):
    return frame.lazy().collect()["identity"][0]

@dg.asset
def cast_eager(people: pl.DataFrame) -> pl.DataFrame:
    return people.with_columns(pl.col("identity").cast(pl.Int64))

@dg.asset
def cast_lazy(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.with_columns(pl.col("identity").cast(pl.Int64))

@dg.asset
def date_lazy(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.with_columns(pl.col("identity").str.to_date("%Y-%m-%d"))

@dg.asset
def enum_lazy(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.with_columns(pl.col("identity").cast(pl.Enum(["a"])))

@dg.asset
def json_lazy(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select(pl.col("identity").str.json_decode(pl.Struct({"a": pl.Int64})))

@dg.asset
def elements_eager(people: pl.DataFrame) -> pl.DataFrame:
    return people.with_columns(pl.col("identity").map_elements(number, return_dtype=pl.Int64))

@dg.asset
def elements_lazy(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.with_columns(pl.col("identity").map_elements(number, return_dtype=pl.Int64))

@dg.asset
def batches_lazy(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.map_batches(lambda frame: 1 / 0 if frame.height == 0 else number(first(frame)))

@dg.asset
def python_error(people: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame({"n": [number(cell) for cell in people["identity"]]})

@dg.asset
def chained_error(people: pl.DataFrame) -> pl.DataFrame:
    try:
        return number(first(people))
    except ValueError as error:
        raise RuntimeError("not a number: " + first(people)) from error

@dg.asset
def unchained_error(people: pl.DataFrame) -> pl.DataFrame:
    try:
        return number(first(people))
    except ValueError:
        return {}[first(people)]

@dg.asset
def grouped_errors(people: pl.DataFrame) -> pl.DataFrame:
    raise ExceptionGroup(first(people), [ValueError(first(people))])

@dg.asset
def noted_error(people: pl.DataFrame) -> pl.DataFrame:
    error = ValueError()
    error.add_note(first(people))
    raise error

@dg.asset
def own_failure(people: pl.DataFrame) -> pl.DataFrame:
    try:
        return people.with_columns(pl.col("identity").cast(pl.Int64))
    except pl.exceptions.PolarsError as error:
        raise dg.Failure("these are no numbers") from error

@dg.asset(retry_policy=dg.RetryPolicy(max_retries=1))
def retried(people: pl.DataFrame) -> pl.DataFrame:
    return number(first(people))

@dg.asset
def retry_asked_for(people: pl.DataFrame) -> pl.DataFrame:
    try:
        return number(first(people))
    except ValueError as error:
        raise dg.RetryRequested(max_retries=1) from error

@dg.asset
def unreadable_error(people: pl.DataFrame) -> pl.DataFrame:
    raise Unreadable(first(people))

@dg.asset
def exits(people: pl.DataFrame) -> pl.DataFrame:
    raise SystemExit(first(people))

@dg.asset
def panics(people: pl.DataFrame) -> pl.DataFrame:
    raise pl.exceptions.PanicException(first(people))

@dg.asset
def asks_for_an_attribute(people: pl.DataFrame) -> pl.DataFrame:
    return getattr(pl, first(people))

@dg.asset
def imports(people: pl.DataFrame) -> pl.DataFrame:
    return __import__(first(people))

@dg.asset
def evaluates(people: pl.DataFrame) -> pl.DataFrame:
    return eval("a" + first(people))

@dg.asset
def no_such_column(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select(first(people))

@dg.asset
def no_such_column_eager(people: pl.DataFrame) -> pl.DataFrame:
    return people.select(first(people))

@dg.asset
def no_such_file(people: pl.DataFrame) -> pl.DataFrame:
    return pl.read_csv(first(people))

@dg.asset
def opens_no_such_file(people: pl.DataFrame) -> pl.DataFrame:
    return open(first(people))

@dg.asset
def mixed_rows(people: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame([{"a": 1}] * 200 + [{"a": first(people)}])

@dg.asset
def bad_json(people: pl.DataFrame) -> pl.DataFrame:
    return json.loads("[" + first(people))

@dg.asset
def returns_text(people: pl.DataFrame):
    return first(people)

@dg.asset
def says_text(people: pl.DataFrame) -> str:
    return first(people)

@dg.asset
async def later(people: pl.DataFrame) -> pl.DataFrame:
    await asyncio.sleep(0)
    return number(first(people))

@dg.multi_asset(outs={"one": dg.AssetOut(), "two": dg.AssetOut()})
def generated(people: pl.DataFrame):
    yield dg.Output(people, "one")
    yield dg.Output(number(first(people)), "two")

@dg.multi_asset(specs=[dg.AssetSpec("specified", deps=["people"])])
def from_specs():
    yield dg.MaterializeResult("specified", value=number(first(pl.read_csv("people.csv"))))

@dg.asset
def checked(people: pl.DataFrame) -> pl.DataFrame:
    return people

@dg.asset_check(asset="checked")
def numbers_only(checked: pl.DataFrame) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=bool(number(first(checked))))

@dg.multi_asset_check(specs=[dg.AssetCheckSpec("cast_only", asset="checked")])
def several(checked: pl.LazyFrame):
    checked.select(pl.col("identity").cast(pl.Int64)).collect()
    yield dg.AssetCheckResult(passed=True)

@dg.asset(check_specs=[dg.AssetCheckSpec("inside", asset="checks_itself")])
def checks_itself(people: pl.DataFrame):
    yield dg.Output(people)
    yield dg.AssetCheckResult(passed=bool(number(first(people))))
"""
)
BUILT = {"people", "one", "checked", "checks_itself"}

# Dagster's own check of what a function returns quotes it.
TYPED = (
    HEADER
    + """
def first(frame):
    return frame["identity"][0]

@dg.asset
def says_number(people: pl.DataFrame) -> int:
    return first(people)

@dg.asset
def says_numbers(people: pl.DataFrame) -> list[int]:
    return [first(people)]

@dg.asset
def puts_number(people: pl.DataFrame) -> dg.Output[float]:
    return dg.Output(first(people))

@dg.asset
def results_in_a_flag(people: pl.DataFrame) -> dg.MaterializeResult[bool]:
    return dg.MaterializeResult(value=first(people))
"""
)

GRAPHS = (
    HEADER
    + """
@dg.op
def convert(people: pl.DataFrame):
    return people.with_columns(pl.col("identity").cast(pl.Int64))

@dg.op
def passed_on(converted):
    return converted

@dg.graph_asset
def graphed(people):
    return passed_on(convert(people))
"""
)


def traces(study: Study) -> list[str]:
    """Every file that holds the text, less those that are there to hold it."""
    return [
        str(path.relative_to(study.root))
        for path in study.root.rglob("*")
        if path.is_file()
        and path.suffix != ".parquet"
        and path.name != "people.csv"
        and SECRET.encode() in path.read_bytes()
    ]


def command(study: Study, kind: str) -> list[str]:
    if kind == "build":
        return [sys.executable, "-m", "data_package.engine.cli", "build"]
    dagster = str(Path(sys.executable).with_name("dagster"))
    return [dagster, "asset", "materialize", "--select", "*", "-m", f"{study.package}.definitions"]


@pytest.mark.parametrize("kind", ["build", "materialize"])
@pytest.mark.parametrize(
    "tables",
    [
        pytest.param(FAILING, id="failing"),
        pytest.param(TYPED, id="typed"),
    ],
)
def test_a_failing_table_leaves_no_trace_of_a_value(study: Make, kind: str, tables: str) -> None:
    # A build refuses such annotations before anything runs.
    tables = re.sub(r" -> [^:]+:", ":", tables) if kind == "build" else tables
    project = study({"raw.py": RAW_PEOPLE, "t.py": tables, "/people.csv": f"identity\n{SECRET}\n"})
    done = project.run(*command(project, kind))
    assert done.returncode == 1, done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert traces(project) == []
    built = {path.stem for path in project.storage.glob("*/*.parquet")}
    assert "people" in built, done.stderr
    assert built <= BUILT


def test_an_asset_that_cannot_be_guarded_is_refused(study: Make) -> None:
    project = study({"raw.py": RAW_PEOPLE, "t.py": GRAPHS, "/people.csv": f"identity\n{SECRET}\n"})
    done = project.command("build")
    assert done.returncode == 2
    assert "'graphed' is made by a graph" in done.stderr


def test_what_cannot_be_kept_free_of_values_is_refused(study: Make) -> None:
    project = study({"raw.py": RAW_PEOPLE, "t.py": GRAPHS})
    with pytest.raises(ProjectError, match="Write it as one function"):
        project.definitions()


IMPORTS = {
    "a conversion": "int(text)",
    "a cast": "pl.Series([text]).cast(pl.Int64)",
    "a chained error": "raised(text)",
    "a name that is not there": "getattr(pl, text)",
    "a type": "pl.DataFrame({'a': [1, text]})",
    "an exit": "raise SystemExit(text)",
    "a panic": "raise pl.exceptions.PanicException(text)",
    "an asset": "dg.asset(group_name=text)(lambda: None)",
    "a module": "__import__(text)",
}


@pytest.mark.parametrize("statement", IMPORTS.values(), ids=IMPORTS.keys())
def test_an_error_at_import_leaves_no_trace_of_a_value(study: Make, statement: str) -> None:
    project = study(
        {
            "t.py": HEADER
            + f"""
def raised(text):
    try:
        int(text)
    except ValueError as error:
        raise RuntimeError(text) from error

text = (Path(__file__).parents[1] / "people.csv").read_text().split()[1]
{statement}
""",
            "/people.csv": f"identity\n{SECRET}\n",
        }
    )
    with pytest.raises(ProjectError) as caught:
        project.definitions()
    assert SECRET not in str(caught.value)
    assert f"{project.package}/t.py" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("kind", ["build", "materialize"])
def test_an_error_at_import_leaves_no_trace_of_a_value_from_a_command(
    study: Make, kind: str
) -> None:
    project = study({"t.py": BAD_IMPORT, "/people.csv": f"identity\n{SECRET}\n"})
    done = project.run(*command(project, kind))
    assert done.returncode != 0
    assert "t.py:2" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert traces(project) == []


def test_an_error_in_the_package_itself_is_reported_like_any_other(study: Make) -> None:
    project = study({"__init__.py": BAD_IMPORT, "/people.csv": f"identity\n{SECRET}\n"})
    done = project.verb("build")
    assert done.returncode == 2
    assert "__init__.py:2" in done.stderr
    assert SECRET not in done.stdout + done.stderr


BAD_IMPORT = """\
from pathlib import Path
int((Path(__file__).parents[1] / "people.csv").read_text().split()[1])
"""
