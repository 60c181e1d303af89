"""The labels of a file's header against the fields of a contract.

https://datapackage.org/standard/table-schema/#fieldsMatch
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from data_package.engine.schema.contract import Contract, Field
from data_package.engine.schema.report import Hint, Total
from data_package.engine.schema.sniffing import other_delimiter
from data_package.engine.schema.split import MARK

_LONGEST_LABEL = 60


@dataclass(frozen=True, slots=True)
class Header:
    """Which field every column of a file is, None for no field, and what is wrong with that."""

    columns: tuple[Field | None, ...]
    errors: tuple[Total, ...]
    hint: Hint | None = None


def without_header(contract: Contract) -> Header:
    """Return the columns of a file that has no header by its dialect: the fields in their order."""
    return Header(contract.fields, ())


def match_labels(labels: Sequence[str], contract: Contract, delimiter: str, row: int) -> Header:
    """Return the fields of a file's columns by the labels in its header, which ends with `row`.

    Under `exact` a column is the field in its place whatever its label says, under every other
    mode the field of that name. `delimiter` is empty where the file has none.
    """
    match = _by_position if contract.fields_match == "exact" else _by_name
    header = match(labels, contract)
    if any(MARK in label for label in labels):
        # The labels are not known yet.
        note = "the header has bytes that are not of the encoding"
        return replace(header, errors=(Total("encoding-error", "encoding", None, 1, (), note),))
    hint = _hint(labels, contract, delimiter, row) if header.errors else None
    return replace(header, hint=hint)


def _hint(labels: Sequence[str], contract: Contract, delimiter: str, row: int) -> Hint | None:
    """Return how the file may be meant."""
    names = [each.name for each in contract.fields]
    if delimiter and labels[:1] and labels[0].lower().startswith("sep=") and not any(labels[1:]):
        what = f"row {row} names the delimiter and is not the header"
        also = f"delimiter: {json.dumps(labels[0][4:])}, " if labels[0][4:] else ""
        return Hint(what, f"dialect: {{{also}commentRows: [{row}]}}")
    if not set(names) & set(labels):
        other = other_delimiter(labels, delimiter) if delimiter else ""
        if other and len(names) > 1:
            what = f"the cells of row {row} seem to be separated by {other!r}"
            written = '"\\t"' if other == "\t" else f'"{other}"'
            option = f"--delimiter {'tab' if other == chr(9) else repr(other)}"
            return Hint(what, f"dialect: {{delimiter: {written}}}", option)
        what = f"row {row} is taken for the header and none of its labels is a field"
        return Hint(f"{what}; if there is no header", "dialect: {header: false}")
    if contract.fields_match == "exact" and len(set(labels)) == len(labels):
        if set(labels) == set(names):
            what = "the columns are the fields in another order; if that may be"
            return Hint(what, "fieldsMatch: equal")
    elif len(labels) == len(names) and (not all(labels) or len(set(labels)) < len(labels)):
        what = f"to take the columns by their places, whatever their labels in row {row} say"
        return Hint(what, f"dialect: {{header: false, commentRows: [{row}]}}")
    return None


def _shown(label: str, labels: Sequence[str], contract: Contract) -> str:
    """Return a label for people; nothing where row 1 may be data and not a header."""
    known = {each.name for each in contract.fields}
    if 2 * sum(each in known for each in labels) < len(labels):
        return ""
    return repr(label if len(label) <= _LONGEST_LABEL else label[:_LONGEST_LABEL] + "…")


def _by_position(labels: Sequence[str], contract: Contract) -> Header:
    fields = contract.fields
    found = [
        _total("extra-label", None, f"{_column(i, labels, contract)} is beyond the fields")
        for i in range(len(fields), len(labels))
    ]
    found.extend(
        _total("missing-label", each.name, "a field without a column")
        for each in fields[len(labels) :]
    )
    for i, (each, label) in enumerate(zip(fields, labels, strict=False)):
        if not label:
            found.append(_total("blank-label", each.name, "a column without a label"))
        elif label in labels[:i]:
            note = "a column with the label of an earlier one"
            found.append(_total("duplicate-label", each.name, note))
        elif label != each.name:
            note = "a column with another label than the field's name"
            if shown := _shown(label, labels, contract):
                note = f"a column with the label {shown} and not the field's name"
            found.append(_total("incorrect-label", each.name, note))
    columns = [*fields[: len(labels)], *[None] * (len(labels) - len(fields))]
    return Header(tuple(columns), tuple(found))


def _by_name(labels: Sequence[str], contract: Contract) -> Header:
    by_name = {each.name: each for each in reversed(contract.fields)}
    columns: list[Field | None] = []
    found: list[Total] = []
    seen: set[str] = set()
    for i, label in enumerate(labels):
        field = by_name.get(label)
        if label in seen:
            note = "a column with the label of an earlier one, where fields match by name"
            found.append(_total("duplicate-label", field.name if field else None, note))
            field = None
        elif field is None and contract.fields_match in ("equal", "superset"):
            note = f"{_column(i, labels, contract)} is not a field"
            found.append(_total("extra-label", None, note))
        seen.add(label)
        columns.append(field)
    if contract.fields_match == "partial" and contract.fields and not any(columns):
        found.append(_total("unmatched-header", None, "no column is a field of the contract"))
    tolerant = contract.fields_match in ("superset", "partial")
    needed = {each.name for each in contract.fields if each.required} | set(contract.primary_key)
    found.extend(
        _total("missing-label", each.name, "a field without a column")
        for each in contract.fields
        if each.name not in seen and (not tolerant or each.name in needed)
    )
    return Header(tuple(columns), tuple(found))


def _column(i: int, labels: Sequence[str], contract: Contract) -> str:
    shown = _shown(labels[i], labels, contract) if labels[i] else ""
    return f"column {i + 1}, {shown}," if shown else f"column {i + 1}"


def _total(code: str, field: str | None, note: str) -> Total:
    return Total(code, "fieldsMatch", field, 1, (), note)
