"""A delivered Parquet file as rows: scanned by its exact name, and refused in words."""

from pathlib import Path

import polars as pl

from data_package.engine.schema.damaged import DAMAGED
from data_package.engine.schema.unpacking import UNREADABLE
from data_package.engine.schema.unreadable import CheckError, unreadable_file

_MAGIC = b"PAR1"


def scan_delivered(path: Path) -> pl.LazyFrame:
    """Return the rows of the Parquet file at `path`.

    Raises CheckError when it cannot be opened, or is not a whole Parquet file.
    """
    try:
        with path.open("rb") as file:
            begins = file.read(len(_MAGIC)) == _MAGIC
            file.seek(-len(_MAGIC) if begins else 0, 2)
            ends = file.read() == _MAGIC
        scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        if begins and ends:
            scan.collect_schema()
            return scan
    except UNREADABLE as error:
        raise unreadable_file(path, error, "") from None
    except DAMAGED:
        pass
    raise CheckError(f"{path}: it is not a whole Parquet file, as its name says; fetch it again")
