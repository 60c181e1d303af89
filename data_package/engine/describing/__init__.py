"""First contracts of a project's tables and raw files, from what is there already.

What data look like is told by the room `schema`; here it is put together with what the project
knows: the function's docstring, the words of the contracts that columns come from, and the keys of
other tables. Nothing here writes a file.
"""

from data_package.engine.describing.drafts import Draft, FileOptions, describe

__all__ = ["Draft", "FileOptions", "describe"]
