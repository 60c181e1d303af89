"""One run: the executor, its progress, its result, and what past runs left in the history.

The memo that makes a build needless knows no Dagster, so names are loaded when they are asked for.
"""

from typing import TYPE_CHECKING

from data_package.engine.lazily import lazily

if TYPE_CHECKING:
    from data_package.engine.runs.result import BuildResult, TableResult
    from data_package.engine.runs.run import BuildFailed, build

__all__ = ["BuildFailed", "BuildResult", "TableResult", "build"]

__getattr__ = lazily(
    __name__,
    {"BuildFailed": "run", "BuildResult": "result", "TableResult": "result", "build": "run"},
)
