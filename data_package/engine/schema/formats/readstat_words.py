"""What files of SPSS, SAS and Stata say of their columns, in one form for all of them."""

import math
import re
from collections.abc import Mapping
from typing import cast

from data_package.engine.schema.formats.file_format import Known

Metadata = Mapping[str, object]

# The first release of Stata's files of which polars-readstat reads texts of the type strL as empty.
_NO_LONG_TEXTS = 119
_STATA_MISSING = "MISSING_"
_NAMED = 40

_PERIOD = re.compile(r"%-?t([wmqhy])")
_COUNTS = {
    "w": "Weeks since the first of 1960, 52 in each year.",
    "m": "Months since January 1960.",
    "q": "Quarters since the first of 1960.",
    "h": "Half-years since the first of 1960.",
    "y": "Year.",
}

_NOT_READ_OF_POR = (
    "Labels of values and missing values of an SPSS portable file are not read; "
    "save it as .sav to keep them."
)


def known_columns(metadata: Metadata) -> dict[str, Known]:
    """Return what is known of each column, from what the library says of a file."""
    columns = cast("list[Metadata]", metadata.get("variables") or metadata.get("columns") or [])
    return {str(one.get("name")): _known(one) for one in columns}


def notes_of(suffix: str) -> tuple[str, ...]:
    """What is not read of files of a format."""
    return (_NOT_READ_OF_POR,) if suffix == ".por" else ()


def not_read(metadata: Metadata) -> str:
    """What the library would lose of a file without a word; empty where there is nothing."""
    named = str(metadata.get("named_encoding") or "")
    if named and is_utf8(metadata.get("encoding")) and not is_utf8(named):
        return f"its texts are in {named[:_NAMED]!a}, which is not decoded; save it in Unicode"
    columns = cast("list[Metadata]", metadata.get("variables") or [])
    long = [str(one.get("name")) for one in columns if one.get("type") == "StrL"]
    release = metadata.get("version")
    if not long or not isinstance(release, int) or release < _NO_LONG_TEXTS:
        return ""
    return (
        f"its long texts (strL) cannot be read from a file of release {release}: "
        f"{', '.join(long)}; save it in Stata with `saveold`"
    )


def is_utf8(encoding: object) -> bool:
    """Whether this is a name of UTF-8."""
    return re.sub(r"[\W_]", "", str(encoding)).lower() == "utf8"


def as_code(value: object) -> str:
    """A number as it is written: whole numbers without a fraction."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return str(int(value))
    return str(value)


def _known(metadata: Metadata) -> Known:
    missing, ranges = _missing(metadata)
    is_text = str(metadata.get("type")).startswith(("Str", "Char"))
    labels = cast("Mapping[str, object]", metadata.get("value_labels") or {})
    return Known(
        title=_plain(metadata.get("label")),
        description=_counted(str(metadata.get("format"))),
        labels={
            code.rstrip() if is_text else _number(code): _plain(label)
            for code, label in labels.items()
        },
        missing=missing,
        missing_ranges=ranges,
    )


def _counted(form: str) -> str:
    """What a column of Stata counts that is displayed as weeks, months and so on."""
    found = _PERIOD.match(form)
    return _COUNTS[found[1]] if found else ""


def _number(code: str) -> str:
    """The code of a number; missing values of Stata are letters behind a dot."""
    try:
        return as_code(float(code))
    except ValueError:
        return f".{code.removeprefix(_STATA_MISSING)}" if code.startswith(_STATA_MISSING) else code


def _missing(metadata: Metadata) -> tuple[tuple[str, ...], tuple[tuple[float, float], ...]]:
    """The values that SPSS counts as missing, and the range of them, if there is one."""
    held = map(float, cast("list[float]", metadata.get("missing_doubles") or []))
    numbers = [one for one in held if not math.isnan(one)]
    texts = cast("list[object]", metadata.get("missing_strings") or [])
    if metadata.get("missing_range") and len(numbers) >= 2:
        low, high, *single = numbers
        return tuple(map(as_code, single)), ((min(low, high), max(low, high)),)
    return (*map(as_code, numbers), *(str(one).rstrip() for one in texts)), ()


def _plain(text: object) -> str:
    """A label on one line."""
    return " ".join(str(text or "").split())
