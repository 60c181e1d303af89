"""Why a value is missing, as a separate field.

A field of a contract may name one with `missingReason`, which is ours: a table that is read by the
contract then has it, as text, after its other fields. It holds the label of the missing value that
a cell had (https://datapackage.org/standard/table-schema/#missingValues), or the value itself where
that has no label, and nothing where the cell has a value, is empty or is not of its type.
"""

import math
import re
from collections.abc import Iterator, Mapping

import polars as pl

from data_package.engine.schema.columns import TEXTS
from data_package.engine.schema.contract import Contract, Field

# A missing value that is a number where a column has numbers.
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BEYOND = 2**63


def reasons_of(contract: Contract) -> dict[str, Field]:
    """The fields that say why a value is missing, each with the field that it is about.

    One that the contract lists among its fields is in the file already.
    """
    listed = {each.name for each in contract.fields}
    return {
        each.missing_reason: each
        for each in contract.fields
        if each.missing_reason and each.missing_reason not in listed
    }


def reasons_by_value(field: Field, known: Mapping[str, str]) -> dict[str, str]:
    """What each missing value of a field means; `known` are the labels that its file has."""
    labelled = {word: label for word, label in known.items() if label}
    own = {word: labelled.get(word, word) for word in field.missing_values if word}
    return {**labelled, **own, **field.missing_labels}


def reasons(column: pl.Series, meanings: Mapping[str, str]) -> pl.Series:
    """Why the values of a column are missing, which has them as they are in the file."""
    values: Mapping[object, str] = {}
    if column.dtype.is_integer():
        whole = {int(one): why for one, why in _numbers(meanings) if one.is_integer()}
        values = {one: why for one, why in whole.items() if -_BEYOND <= one < _BEYOND}
        column = column.cast(pl.Int64, strict=False)
    elif column.dtype.is_numeric():
        values = dict(_numbers(meanings))
        column = column if column.dtype.is_float() else column.cast(pl.Float64)
    elif column.dtype in TEXTS:
        values = dict(meanings.items())
        column = column.cast(pl.String)
    if not values:
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(column))
    old = pl.Series(list(values)).cast(column.dtype)
    return column.replace_strict(old, list(values.values()), default=None, return_dtype=pl.String)


def _numbers(meanings: Mapping[str, str]) -> Iterator[tuple[float, str]]:
    for word, why in meanings.items():
        if NUMBER.fullmatch(word) and math.isfinite(float(word)):
            yield float(word), why
