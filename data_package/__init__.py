"""Raw tables in, a validated, documented, reproducible data package out.

>>> import data_package
>>> result = data_package.build()  # doctest: +SKIP
"""

from typing import TYPE_CHECKING

from data_package.engine.lazy_names import lazily

if TYPE_CHECKING:
    from data_package.engine.graph.project_graph import graph
    from data_package.engine.runs import build, read, scan
    from data_package.engine.runs.checking import check
    from data_package.engine.sources import source_file, source_query, source_redcap
    from data_package.engine.tables.row_rules import Joined, row_rule
    from data_package.engine.versions import diff

__all__ = [
    "Joined",
    "build",
    "check",
    "diff",
    "graph",
    "read",
    "row_rule",
    "scan",
    "source_file",
    "source_query",
    "source_redcap",
]

__getattr__ = lazily(
    __name__,
    {
        "Joined": "engine.schema.row_rules",
        "build": "engine.runs",
        "check": "engine.runs.checking",
        "diff": "engine.versions",
        "graph": "engine.graph.project_graph",
        "read": "engine.runs",
        "row_rule": "engine.tables.row_rules",
        "scan": "engine.runs",
        "source_file": "engine.sources",
        "source_query": "engine.sources",
        "source_redcap": "engine.sources",
    },
)
