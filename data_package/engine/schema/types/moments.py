"""What the types of days and times of day share: patterns, and readers of one moment."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

DIRECTIVES = {
    # The year 0 is none.
    "%Y": "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])",
    "%m": "[0-9]{2}",
    "%d": "[0-9]{2}",
    "%H": "[0-9]{2}",
    "%M": "[0-9]{2}",
    # Polars reads a 60th second as the next minute; Python does not.
    "%S": "[0-5][0-9]",
}


def guard(pattern: str) -> tuple[str, str] | None:
    """Return a regular expression for the padded form of a strptime pattern, and the pattern.

    None when it has directives that Polars and Python may read differently.
    """
    parts = re.split(r"(%.)", pattern)
    directives = parts[1::2]
    if not all(each in DIRECTIVES for each in directives) or len(set(directives)) < len(directives):
        return None
    form = "".join(DIRECTIVES.get(part) or re.escape(part) for part in parts)
    return f"^{form}$", pattern


def nothing(column: "pl.Expr", dtype: "pl.DataType") -> "pl.Expr":
    """Return nulls, as many as the column is long."""
    import polars as pl

    return pl.when(column.is_null() & column.is_not_null()).then(pl.lit(None, dtype=dtype))


def by_format(
    format_name: str, default: Callable[[str], datetime | None]
) -> Callable[[str], datetime | None]:
    """Return the reader of a moment in a format: the default one, any, or a strptime pattern."""
    if format_name == "default":
        return default
    if format_name == "any":
        return parse_any
    return lambda text: strptime(text, format_name)


def instant(value: datetime | None) -> datetime | None:
    """Return a moment without its offset, in UTC when it had one."""
    if value is None or value.tzinfo is None:
        return value
    try:
        return value.astimezone(UTC).replace(tzinfo=None)
    except (OverflowError, ValueError):
        return None


def isoparse(text: str) -> datetime | None:
    """Return the moment that ISO 8601 writes so."""
    from dateutil.parser import isoparse as parse

    try:
        return parse(text)
    except Exception:  # noqa: BLE001  dateutil raises what its parts raise, cell text included
        return None


def parse_any(text: str) -> datetime | None:
    """Return the moment that a person most likely means."""
    from dateutil.parser import parse

    try:
        # A fixed day in place of today's for what the text leaves out: the same file must read
        # the same tomorrow.
        return parse(text, default=datetime(2000, 1, 1))  # noqa: DTZ001
    except Exception:  # noqa: BLE001  as above
        return None


def strptime(text: str, pattern: str) -> datetime | None:
    """Return the moment that is written in a pattern."""
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007
    except (ValueError, OverflowError, re.error):
        return None
