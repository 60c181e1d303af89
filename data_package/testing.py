"""Testing tables without data: `from data_package.testing import sample, assert_keeps_contract`."""

from data_package.engine.testing import assert_keeps_contract, sample

__all__ = ["assert_keeps_contract", "sample"]
