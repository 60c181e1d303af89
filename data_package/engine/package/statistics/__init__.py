"""What the data dictionary shows of a table's values: counts of subjects, never of fewer than k.

Why it is safe, and against whom, is written down in docs/reference/data-package.md.
"""

from data_package.engine.package.statistics.subjects import Subjects, subjects_of
from data_package.engine.package.statistics.summary import (
    SELF_EVIDENT,
    Bars,
    FieldSummary,
    Summary,
    summarise,
)

__all__ = [
    "SELF_EVIDENT",
    "Bars",
    "FieldSummary",
    "Subjects",
    "Summary",
    "subjects_of",
    "summarise",
]
