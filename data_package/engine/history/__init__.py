"""The history of runs: Dagster's SQLite storage, with its slow steps done once.

The stock storage opens a database again for each of some ten events per table, asks it for its
columns and tables each time, waits for the disk at each commit, and runs a migration tool over
every new database. Here a database stays open, a commit goes to the write-ahead log, which survives
the end of the process in any case, and a database is made in one step. The files and tables are the
same: the stock web server reads them, and every event is committed before Dagster goes on. Where
steps run in processes, the events of a running one are committed within a tenth of a second, and
all of them before the next step begins in its place.

The details replaced here change with Dagster's versions. Under a version newer than the tested one,
Dagster's own storage is used: slower, and correct. What does not belong here: reading the history
for people, which is `runs.history`.
"""

import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Self

from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

from data_package.engine.errors import ProjectError

TESTED: Final = "1.13.27"
"""The newest Dagster that the tests of this room have passed with; `constraints.txt` pins it."""

# SQLite is addressed by a URL, which Dagster puts together without quoting.
_NOT_IN_ADDRESS = re.compile(r"\?|%[0-9A-Fa-f]{2}")


class HistoryStorage(DagsterSqliteStorage):
    """The storage class that `dagster.yaml` names."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """`base_dir`: the folder of the databases, laid out as Dagster's own."""
        if _NOT_IN_ADDRESS.search(base_dir):
            raise ProjectError(
                f"The history cannot be kept in {base_dir}: in the name of a folder, a question "
                "mark or a % before two digits means something else to its database.\n"
                "Rename the folder."
            )
        if not is_tested(version("dagster")):
            super().__init__(base_dir, inst_data)
            return
        # Under another version of Dagster, importing them may fail.
        from data_package.engine.history.events import EventLog
        from data_package.engine.history.runs import Runs, Schedules

        # The parent's __init__ is not called: it would make the stock storages, with all their
        # cost.
        self.base_dir = base_dir
        self._run_storage = Runs.from_local(str(Path(base_dir, "history")))
        self._event_log_storage = EventLog(str(Path(base_dir, "history", "runs")))
        self._schedule_storage = Schedules.from_local(str(Path(base_dir, "schedules")))
        self._inst_data = inst_data

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Make the storage from Dagster's configuration."""
        return cls.from_local(inst_data=inst_data, **config_value)


def is_tested(dagster: str) -> bool:
    """Whether a version of Dagster is not newer than the tested one."""

    def numbers(text: str) -> list[int]:
        return [int(part) for part in re.findall(r"\d+", text)[:3]]

    return numbers(dagster) <= numbers(TESTED)
