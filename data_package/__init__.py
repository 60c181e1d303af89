"""Raw tables in, a validated, documented, reproducible data package out.

>>> import data_package
>>> result = data_package.build()  # doctest: +SKIP
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_package.engine.build import build as build
    from data_package.engine.sources import source_file as source_file
    from data_package.engine.versions import diff as diff

__all__ = ["build", "diff", "source_file"]


def __getattr__(name: str) -> object:
    """Import what is asked for, and nothing else: a command that needs no Dagster loads none."""
    if name == "build":
        from data_package.engine.build import build

        return build
    if name == "source_file":
        from data_package.engine.sources import source_file

        return source_file
    if name == "diff":
        from data_package.engine.versions import diff

        return diff
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
