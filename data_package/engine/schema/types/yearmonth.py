"""https://datapackage.org/standard/table-schema/#yearmonth."""

import re
from typing import cast

from data_package.engine.schema.contract import Field
from data_package.engine.schema.types.field_type import BOUNDED, FieldType
from data_package.engine.schema.types.numbers import read_integer


def _read(text: str) -> int | None:
    """Return a month as months since year 0, so that months compare as they follow."""
    parts = text.split("-")
    if len(parts) != 2:
        return None
    year = read_integer(parts[0]) if "_" not in parts[0] else None
    month = read_integer(parts[1]) if re.fullmatch(r"\s*[0-9]{1,2}\s*", parts[1]) else None
    if year is None or month is None or not 1 <= month <= 12 or abs(year) > 999_999:
        return None
    return year * 12 + month - 1


def _json_value(_field: Field, meaning: object, _written: object) -> object:
    year, month = divmod(cast("int", meaning), 12)
    return f"{year:04d}-{month + 1:02d}"


YEARMONTH = FieldType(
    "yearmonth",
    "String as YYYY-MM",
    reader=lambda _: _read,
    holds=frozenset({"String"}),
    json_value=_json_value,
    values="Int64",
    constraints=BOUNDED,
    lexical=True,
)
