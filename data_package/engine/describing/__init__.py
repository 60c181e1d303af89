"""First contracts of a project's tables and raw files, from what is there already.

What data look like is combined with what the project knows: the function's docstring, the words of
the contracts that columns come from, and the keys of other tables. What does not belong here: what
data look like (`schema`), and writing a file (`cli.describe`).
"""

from data_package.engine.describing.drafts import Draft, describe

__all__ = ["Draft", "describe"]
