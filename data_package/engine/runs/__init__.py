"""One run: the executor, its progress, its result, and past runs in the history.

Names are imported on first use, since a build with nothing to do needs no Dagster. What does not
belong here: what has to run (`staleness`), and the storage of the history (`history`).
"""

from typing import TYPE_CHECKING

from data_package.engine.lazy_names import lazily

if TYPE_CHECKING:
    from data_package.engine.runs.fresh_table import read, scan
    from data_package.engine.runs.result import BuildResult, TableResult
    from data_package.engine.runs.run import BuildFailed, build

__all__ = ["BuildFailed", "BuildResult", "TableResult", "build", "read", "scan"]

__getattr__ = lazily(
    __name__,
    {
        "BuildFailed": "run",
        "BuildResult": "result",
        "TableResult": "result",
        "build": "run",
        "read": "fresh_table",
        "scan": "fresh_table",
    },
)
