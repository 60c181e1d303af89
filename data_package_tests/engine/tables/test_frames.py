"""A table is taken and given in the frames that its function asks for."""

import pytest

from data_package.engine.errors import ProjectError
from data_package_tests.conftest import Make

HEADER = """\
import dagster as dg
import pandas as pd
import polars as pl
import pyarrow as pa
from data_package import source_file

@dg.asset
def people() -> pl.LazyFrame:
    return pl.LazyFrame({"name": ["a", None, "c"], "age": [20, 30, None]})
"""


@pytest.mark.parametrize(
    ("function", "rows"),
    [
        ("def t(people: pd.DataFrame) -> pd.DataFrame: return people[people['age'] > 20]", 1),
        ("def t(people: 'pd.DataFrame') -> 'pd.DataFrame': return people", 3),
        ("def t(people: pd.DataFrame) -> pd.DataFrame: return people.set_index('name')", 3),
        ("def t(people: pa.Table) -> pa.Table: return people.slice(1)", 2),
        ("def t(people: pa.Table): return people.to_batches()[0]", 3),
        ("def t(people: pl.DataFrame) -> pl.DataFrame: return people.lazy()", 3),
        ("def t(people: pl.LazyFrame) -> pl.LazyFrame: return people.collect()", 3),
        ("def t(people) -> pl.LazyFrame: return people.filter(pl.col('age') > 20)", 1),
        (
            "def t(people) -> pl.LazyFrame:\n"
            "    assert isinstance(people, pl.LazyFrame)\n"
            "    return people",
            3,
        ),
        (
            "def t(people) -> pl.DataFrame:\n"
            "    assert isinstance(people, pl.DataFrame)\n"
            "    return people",
            3,
        ),
        ("def t(people: pl.LazyFrame): return dg.Output(people.collect(), metadata={'x': 1})", 3),
        (
            "def t(people: pl.LazyFrame) -> dg.Output[pl.LazyFrame]:"
            " return dg.Output(people.collect())",
            3,
        ),
        ("def t(people: pd.DataFrame): return dg.MaterializeResult(value=people)", 3),
        ("async def t(people: pl.DataFrame) -> pl.LazyFrame: return people", 3),
        ("def t(people: pl.DataFrame | None) -> pl.DataFrame | None: return people", 3),
    ],
)
def test_frames_of_other_libraries_and_of_the_other_kind_are_taken_and_given(
    study: Make, function: str, rows: int
) -> None:
    result = study({"tables.py": f"{HEADER}\n@dg.asset\n{function}\n"}).build()
    assert result.ok, result.explain()
    assert result["t"].rows == rows


def test_a_named_index_of_pandas_becomes_a_column_and_row_numbers_do_not(study: Make) -> None:
    project = study(
        {
            "tables.py": HEADER
            + """
@dg.asset
def means(people: pd.DataFrame) -> pd.DataFrame:
    return people.groupby("name").mean()

@dg.asset
def old(people: pd.DataFrame) -> pd.DataFrame:
    return people[people["age"] > 20]
"""
        }
    )
    result = project.build()
    assert result.ok, result.explain()
    import polars as pl

    def columns(name: str) -> list[str]:
        return pl.read_parquet(project.storage / "default" / f"{name}.parquet").columns

    assert columns("means") == ["name", "age"]
    assert columns("old") == ["name", "age"]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("def t() -> pd.DataFrame: return pl.DataFrame()", "but returned pl.DataFrame"),
        ("def t() -> pl.DataFrame: return pd.Series([1])", "not pandas.Series."),
        ("def t(): return pd.DataFrame({'a': [1]}, index=['x'])", "labels without a name"),
        ("def t(): return pl.Series([1])", "not pl.Series."),
        ("def t(): return pa.chunked_array([[1]])", "not pyarrow.ChunkedArray."),
    ],
)
def test_what_is_not_a_frame_is_reported_with_its_library(
    study: Make, function: str, expected: str
) -> None:
    result = study({"tables.py": f"{HEADER}\n@dg.asset\n{function}\n"}).build()
    assert not result.ok
    assert expected in result.explain()


@pytest.mark.parametrize("kind", ["int", "dict"])
def test_a_table_is_not_passed_on_as_anything_but_a_frame(study: Make, kind: str) -> None:
    function = f"def t(people: {kind}) -> pl.DataFrame: ..."
    with pytest.raises(ProjectError, match=f"'t' takes the table 'people' as {kind}."):
        study({"tables.py": f"{HEADER}\n@dg.asset\n{function}\n"}).build()


def test_a_raw_file_with_a_contract_arrives_as_a_pandas_frame(study: Make) -> None:
    project = study(
        {
            "tables.py": HEADER
            + """
visits_file = source_file("visits_file", "visits.csv")

@dg.asset
def visits(visits_file: pd.DataFrame) -> pd.DataFrame:
    assert visits_file["day"].sum() == 3
    return visits_file
""",
            "visits_file.yaml": "schema: {fields: [{name: day, type: integer}]}",
            "/visits.csv": "day\n1\n2\n",
        }
    )
    result = project.build()
    assert result.ok, result.explain()
    assert not project.build().tables
