"""Building: what runs, in which order, how it is told, what came of it.

The memo that makes a build needless knows no Dagster, so names are loaded when they are asked for.
"""

from typing import TYPE_CHECKING

from data_package.engine.lazily import lazily

if TYPE_CHECKING:
    from data_package.engine.build.result import BuildResult, TableResult
    from data_package.engine.build.run import BuildFailed, build

__all__ = ["BuildFailed", "BuildResult", "TableResult", "build"]

__getattr__ = lazily(
    __name__,
    {"BuildFailed": "run", "BuildResult": "result", "TableResult": "result", "build": "run"},
)
