"""The one published file of each table: its own, or all of its partitions concatenated.

Every program that reads data packages opens one file per table, and the keys of a Table Schema
apply to one file. Rows are in the order of the partitions' keys, so equal partitions give equal
bytes.
"""

import threading
from pathlib import Path

from data_package.engine.package.codes import Published
from data_package.engine.storage import make_private_folder, remove, replacing
from data_package.engine.tables.table import Table

_ROW_GROUP_ROWS = 1 << 18


class Files:
    """The files of one publication's tables; partitions are concatenated on first use."""

    def __init__(self, folder: Path) -> None:
        """`folder`: for concatenated files; it need not exist."""
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
        """Remove the concatenated files."""
        remove(self._folder)
