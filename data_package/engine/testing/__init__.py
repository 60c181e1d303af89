"""Testing tables without data: rows generated from contracts, and contracts as assertions.

Generated rows contain nothing from a delivery: they come from the contract and a seed only. What
does not belong here: checking (`schema`), and data for the project itself.
"""

from data_package.engine.testing.keeping import assert_keeps_contract
from data_package.engine.testing.sampling import sample

__all__ = ["assert_keeps_contract", "sample"]
