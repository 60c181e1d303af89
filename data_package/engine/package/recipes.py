"""How to read a table of the package: a few lines for each language."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Lines that read one table."""

    language: str
    code: str


def recipes(path: str, name: str) -> list[Recipe]:
    """How to read the table at `path`, from the package's folder."""
    quoted = json.dumps(path, ensure_ascii=False)
    variable = name if name.isidentifier() else "table"
    escaped = path.replace("'", "''")
    return [
        Recipe("Python, Polars", f"import polars as pl\n\n{variable} = pl.read_parquet({quoted})"),
        Recipe("Python, pandas", f"import pandas as pd\n\n{variable} = pd.read_parquet({quoted})"),
        Recipe("R, arrow", f"{variable} <- arrow::read_parquet({quoted})"),
        Recipe("R, nanoparquet", f"{variable} <- nanoparquet::read_parquet({quoted})"),
        Recipe("DuckDB, SQL", f"FROM '{escaped}' LIMIT 10;"),
    ]
