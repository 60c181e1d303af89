"""The contract that a snapshot's source proposes, in the metadata of its file."""

import json
from pathlib import Path

import polars as pl

from data_package.engine.sources.snapshots import CONTRACT_KEY


def proposed_contract(path: Path) -> dict[str, object] | None:
    """The descriptor that is kept with the rows of a snapshot; None where its source has none."""
    text = pl.read_parquet_metadata(path).get(CONTRACT_KEY)
    found = json.loads(text) if text is not None else None
    return found if isinstance(found, dict) else None
