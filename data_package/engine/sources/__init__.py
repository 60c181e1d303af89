"""Raw files: what was delivered, how it is found and how its content is told apart.

Reading a raw file's cells belongs to the table's own function or, where the file has a contract, to
the room `schema`.
"""

from data_package.engine.sources.assets import source_file

__all__ = ["source_file"]
