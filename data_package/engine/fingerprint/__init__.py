"""Fingerprints: a hash of what a table's function does, and the parts it is made of.

What a fingerprint covers, and how it treats what cannot be seen, is explained in
`docs/explanation/fingerprints.md`. Nothing here imports Dagster or Polars.
"""

from data_package.engine.fingerprint.canon import module_digest
from data_package.engine.fingerprint.fingerprinter import (
    Fingerprint,
    Fingerprinter,
    Part,
    fingerprint,
)

__all__ = ["Fingerprint", "Fingerprinter", "Part", "fingerprint", "module_digest"]
