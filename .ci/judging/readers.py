"""DuckDB, pandas and pyarrow read the Parquet tables: python readers.py FOLDER."""

import hashlib
import json
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq

package = Path(sys.argv[1])
total = 0
for resource in json.loads((package / "datapackage.json").read_text())["resources"]:
    path = package / resource["path"]
    assert path.stat().st_size == resource["bytes"], path
    assert "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest() == resource["hash"], path
    if resource["format"] != "parquet":
        continue
    fields = [field["name"] for field in resource["schema"]["fields"]]
    counted = duckdb.sql(f"select count(*) from '{path}'").fetchall()[0][0]
    frame = pd.read_parquet(path)
    assert list(frame.columns) == fields == pq.read_schema(path).names, path
    assert len(frame) == counted == pq.read_metadata(path).num_rows, path
    total += counted
print(f"DuckDB, pandas and pyarrow read {total:,} rows of Parquet")
