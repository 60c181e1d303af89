"""Building: what runs, in which order, how it is told, what came of it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_package.engine.build.result import BuildResult as BuildResult
    from data_package.engine.build.result import TableResult as TableResult
    from data_package.engine.build.run import BuildFailed as BuildFailed
    from data_package.engine.build.run import build as build

__all__ = ["BuildFailed", "BuildResult", "TableResult", "build"]


def __getattr__(name: str) -> object:
    """Import Dagster only for who builds: the memo that makes a build needless knows none."""
    if name in __all__:
        from data_package.engine.build import result, run

        return getattr(run if name in ("BuildFailed", "build") else result, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
