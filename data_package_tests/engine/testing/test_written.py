"""Made-up rows as delivered files: what reads deliveries gives the same rows back."""

import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from data_package.engine.errors import ProjectError
from data_package.engine.schema import Contract, lint, read
from data_package.engine.testing.written import delivery
from data_package.testing import sample
from data_package_tests.engine.schema import generate

DIALECTS = st.fixed_dictionaries(
    {},
    optional={
        "delimiter": st.sampled_from([";", "\t", "|"]),
        "quoteChar": st.sampled_from(['"', "'"]),
        "commentChar": st.just("#"),
        "nullSequence": st.sampled_from(["NULL", "\\N"]),
        "lineTerminator": st.sampled_from(["\n", "\r\n"]),
    },
)
HEADERS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {},
        {"commentRows": [2, 4]},
        {"headerRows": [3]},
        {"headerRows": [3], "commentRows": [1, 2]},
        {"header": False},
        {"header": False, "commentRows": [1, 3]},
    ]
)


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    fields = [draw(generate.fields(name)) for name in ("a", "b")[: draw(st.integers(1, 2))]]
    dialect = {**draw(DIALECTS), **draw(HEADERS)}
    descriptor: dict[str, Any] = {"schema": {"fields": fields}, "dialect": dialect}
    if draw(st.booleans()):
        descriptor["encoding"] = draw(st.sampled_from(["utf-16", "utf-8-sig", "latin-1"]))
    assume(not lint(descriptor))
    return Contract.from_descriptor(descriptor, name="table")


@settings(max_examples=25, deadline=None)
@given(contracts())
def test_a_delivery_is_read_back_as_the_rows_it_was_written_from(contract: Contract) -> None:
    try:
        rows = sample(contract, rows=6)
        content = delivery(rows, contract)
    except ProjectError:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.csv")
        path.write_bytes(content)
        found = read(path, contract)
        assert found.report.ok, (content, found.report.render())
        assert_frame_equal(found.frame.collect(), rows)


def test_a_delivery_is_written_as_its_contract_says() -> None:
    descriptor = {
        "dialect": {"delimiter": ";", "commentRows": [1], "headerRows": [2]},
        "encoding": "latin-1",
        "schema": {
            "missingValues": ["-9"],
            "fields": [
                {"name": "größe", "type": "number", "decimalChar": ","},
                {"name": "tag", "type": "date", "format": "%d.%m.%Y"},
                {"name": "roh", "type": "boolean", "trueValues": ["j"], "falseValues": ["n"]},
            ],
        },
    }
    rows = pl.DataFrame(
        {"größe": [1.5, None], "tag": ["0020-03-01", "2020-03-01"], "roh": [True, False]}
    ).with_columns(pl.col("tag").str.to_date())
    written = delivery(rows, Contract.from_descriptor(descriptor, name="t")).decode("latin-1")
    assert written == "MADE UP\ngröße;tag;roh\n1,5;01.03.0020;j\n-9;01.03.2020;n\n"


def test_a_file_that_is_not_text_is_refused() -> None:
    contract = Contract.from_descriptor({"fields": [{"name": "a"}]}, name="t")
    with pytest.raises(ProjectError, match=r"data\.sav is not delimited text"):
        delivery(pl.DataFrame({"a": ["x"]}), contract, "data.sav")
