"""Files of one table whose columns have different types: the type that loses nothing."""

from pathlib import Path

import polars as pl
import pytest

from data_package.engine.errors import BuildError
from data_package.engine.project import find_project
from data_package.engine.schema import Contract
from data_package.engine.sources.delivered import Delivered, Received
from data_package.engine.sources.files import RawFile
from data_package.engine.sources.one_type import one_type

MS, NS, UTC = pl.Datetime("ms"), pl.Datetime("ns"), pl.Datetime("us", "UTC")


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (pl.Int32(), pl.Int64(), pl.Int64()),
        (pl.Int64(), pl.UInt64(), pl.Int128()),
        (pl.UInt8(), pl.Int8(), pl.Int16()),
        (pl.Float32(), pl.Float64(), pl.Float64()),
        (pl.Int64(), pl.Float32(), pl.Float64()),
        (MS, NS, NS),
        (UTC, NS, None),
        (pl.Enum(["a"]), pl.Enum(["b"]), pl.String()),
        (pl.Categorical(), pl.String(), pl.String()),
        (pl.Date(), MS, None),
        (pl.Decimal(9, 2), pl.Float64(), None),
        (pl.Boolean(), pl.Int8(), None),
    ],
)
def test_the_type_of_two_holds_the_values_of_both(
    one: pl.DataType, other: pl.DataType, together: pl.DataType | None
) -> None:
    assert one_type((one, other)) == one_type((other, one)) == together
    assert one_type((one,)) == one


def test_files_of_different_types_are_one_table_unless_a_value_would_change(
    tmp_path: Path,
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.data-package]\npackage = "study"\n')
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "__init__.py").touch()
    contract = Contract.from_descriptor({"fields": [{"name": "n", "type": "number"}]}, name="v")
    file = RawFile("v", ("v*",))
    made = Delivered(find_project(tmp_path), {"v": file}, {"v": contract})
    whole, text = tmp_path / "v1.parquet", tmp_path / "v2.csv"
    text.write_text("n\n0.5\n")
    into = Received(tmp_path / "rejects.parquet", "rejects.parquet")
    pl.DataFrame({"n": [1, None]}).write_parquet(whole)
    assert made.read("v", [whole, text], into).collect()["n"].to_list() == [1.0, None, 0.5]
    pl.DataFrame({"n": [2**53 + 1]}).write_parquet(whole)
    with pytest.raises(BuildError, match="'n' in types that do not fit together: Float64, Int64"):
        made.read("v", [whole, text], into)
