"""First contracts of a project's tables and raw files, from what is there already.

The room `schema` says what data look like; here that is combined with what the project
knows: the function's docstring, the words of the contracts that columns come from, and the keys of
other tables. Nothing here writes a file.
"""

from data_package.engine.describing.drafts import Draft, FileOptions, describe

__all__ = ["Draft", "FileOptions", "describe"]
