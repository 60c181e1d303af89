"""The one file of each table that is published: its own, or all of its partitions below each other.

One file is what every reader of a data package opens, and what the keys of its Table Schema hold
in. Its rows stand in the order of the partitions' keys, so equal partitions give equal bytes.
"""

import threading
from pathlib import Path

from data_package.engine.package.codes import Published
from data_package.engine.storage import make_private_folder, remove, replacing
from data_package.engine.tables.table import Table

_ROW_GROUP_ROWS = 1 << 18


class Files:
    """The files of the tables of one publication; partitions are put together when asked for."""

    def __init__(self, folder: Path) -> None:
        """`folder`: where files are put together; it need not exist."""
        self._folder = folder
        self._lock = threading.Lock()
        self._made: dict[str, Path] = {}

    def of(self, table: Published) -> Path:
        """The file that holds all rows of a table."""
        if not isinstance(table, Table) or not table.partitioned:
            return table.path
        with self._lock:
            if table.resource not in self._made:
                path = make_private_folder(self._folder) / f"{table.resource}.parquet"
                with replacing(path) as temporary:
                    table.scan().sink_parquet(temporary, row_group_size=_ROW_GROUP_ROWS)
                self._made[table.resource] = path
            return self._made[table.resource]

    def remove(self) -> None:
        """Remove what was put together."""
        remove(self._folder)
