"""Building: what runs, in which order, how it is told, what came of it."""

from data_package.engine.build.result import BuildResult, TableResult
from data_package.engine.build.run import BuildFailed, build

__all__ = ["BuildFailed", "BuildResult", "TableResult", "build"]
