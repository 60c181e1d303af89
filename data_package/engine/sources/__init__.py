"""Raw files: what was delivered, how it is found, and how a change of its content is noticed.

What does not belong here: reading cells, which is done by the table's own function or, where the
file has a contract, by the room `schema`.
"""

from data_package.engine.sources.assets import source_file
from data_package.engine.sources.snapshot_assets import source_query, source_redcap

__all__ = ["source_file", "source_query", "source_redcap"]
