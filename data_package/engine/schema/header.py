"""The labels of a file's header against the fields of a contract.

https://datapackage.org/standard/table-schema/#fieldsMatch
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from data_package.engine.schema.contract import Contract, Field
from data_package.engine.schema.report import Total

_DELIMITERS = (";", "\t", "|", ",")


@dataclass(frozen=True, slots=True)
class Header:
    """Which field every column of a file is, None for no field, and what is wrong with that."""

    columns: tuple[Field | None, ...]
    errors: tuple[Total, ...]
    hint: str = ""


def match_labels(labels: Sequence[str], contract: Contract, delimiter: str = ",") -> Header:
    """Return the fields of a file's columns; without labels the columns are the fields in order.

    Under `exact` a column is the field in its place whatever its label says, under every other
    mode the field of that name.
    """
    if not labels:
        return Header(contract.fields, ())
    match = _by_position if contract.fields_match == "exact" else _by_name
    return replace(match(labels, contract), hint=_hint(labels, contract, delimiter))


def _hint(labels: Sequence[str], contract: Contract, delimiter: str) -> str:
    """Return how the file may be meant when no label is a field's name."""
    if {each.name for each in contract.fields} & set(labels):
        return ""
    if (other := other_delimiter(labels, delimiter)) and len(contract.fields) > 1:
        return f"the cells of row 1 seem to be separated by {other!r}; say so with --delimiter"
    return (
        "row 1 is taken for the header and none of its labels is a field; if there is no header, "
        "write `dialect: {header: false}` in the contract"
    )


def other_delimiter(labels: Sequence[str], delimiter: str) -> str:
    """Return what seems to separate the cells of a header that came out as one, or nothing."""
    if len(labels) != 1:
        return ""
    return next((each for each in _DELIMITERS if each != delimiter and each in labels[0]), "")


def _by_position(labels: Sequence[str], contract: Contract) -> Header:
    fields = contract.fields
    found = [
        _total("extra-label", None, f"a column beyond the fields, in place {i + 1}")
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
            note = f"a column that is no field, in place {i + 1}"
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


def _total(code: str, field: str | None, note: str) -> Total:
    return Total(code, "fieldsMatch", field, 1, (), note)
