"""An end to regular expressions that have none: some take for ever on a short value."""

from collections.abc import Iterator
from contextlib import contextmanager

from data_package.engine.schema.contract import ContractError

SECONDS = 5.0
"""Processor time that a regular expression may take on one value."""


class EndlessPattern(ContractError):
    """A regular expression that has used up its time; names the field, and quotes no value."""

    def __init__(self, what: str) -> None:
        # Polars makes an error that it passes on again, with words of its own below.
        super().__init__((what.partition("\n\n")[0],))


@contextmanager
def ending(field: str, constraint: str) -> Iterator[None]:
    """Raise EndlessPattern for a regular expression that has used up its time."""
    try:
        yield
    except TimeoutError:
        what = (
            f"field {field!r}: a regular expression of its {constraint} is not done with one value "
            f"after {SECONDS:.0f} seconds; write it so that a value can match in one way only, "
            "without a repetition inside a repetition"
        )
        raise EndlessPattern(what) from None
