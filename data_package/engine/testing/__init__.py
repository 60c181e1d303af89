"""Testing tables without data: rows made up from contracts, and contracts as assertions.

Made-up rows hold nothing of any delivery: they come from the contract and a seed alone.
"""

from data_package.engine.testing.keeping import assert_keeps_contract
from data_package.engine.testing.sampling import sample

__all__ = ["assert_keeps_contract", "sample"]
