"""REDCap's data dictionary as a contract: fields, types, labels, bounds, and when they are asked.

What does not belong here: asking for it (`redcap_api`), and the records (`redcap`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from data_package.engine.schema.choices import choices, plain
from data_package.engine.schema.labels import distinct_labels

Row = Mapping[str, object]
Descriptor = dict[str, object]

EVENT, INSTANCE, FORM = (
    "redcap_event_name",
    "redcap_repeat_instance",
    "redcap_repeat_instrument",
)
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_TIMES = {
    "time": "%H:%M",
    "time_hh_mm_ss": "%H:%M:%S",
}
_MOMENTS = ("date", "datetime", "time")
_NOT_ENTERED = "Not entered"
_STATES = ("Incomplete", "Unverified", "Complete")
# Whose choices are in the column of choices.
_CHOSEN = ("dropdown", "radio")
# Of which REDCap exports nothing.
_SHOWN_ONLY = ("descriptive",)


@dataclass(frozen=True)
class InstrumentColumns:
    """The columns of an instrument, in order, with what the dictionary says of each.

    Attributes:
        record: the field that identifies a record.
        fields: descriptors by the name of the column.
        checkboxes: the columns that are choices of a checkbox.
        missing: codes that stand for a missing value in every field, with their labels.
    """

    record: str
    fields: Mapping[str, Descriptor]
    checkboxes: frozenset[str]
    missing: Mapping[str, str] = field(default_factory=dict)

    def contract(self, title: str, given: Sequence[str], keys: Sequence[str]) -> Descriptor:
        """A contract of the columns that are given, whose primary key is made of these."""
        schema: Descriptor = {"fields": [self.fields[name] for name in given]}
        if self.missing:
            labels = distinct_labels({"": _NOT_ENTERED, **self.missing})
            labelled = [{"value": code, "label": label} for code, label in labels.items()]
            schema["missingValues"] = labelled
        schema["primaryKey"] = list(keys)
        return {"title": title, "description": "", "schema": schema}


def columns_of(
    dictionary: Sequence[Row],
    exported: Sequence[Row],
    instrument: str,
    *,
    events: Mapping[str, str],
    repeats: bool,
    missing: str,
) -> InstrumentColumns:
    """The columns that an export of an instrument has.

    Args:
        dictionary: the fields of the project, the first of which identifies a record.
        exported: the names of exported columns, with the choices of checkboxes.
        instrument: whose fields are wanted.
        events: the labels of the events, by name; none in a project without.
        repeats: whether the instrument, or an event that has it, repeats.
        missing: the project's codes for missing values, as it writes choices.
    """
    record = _word(dictionary[0], "field_name")
    fields: dict[str, Descriptor] = {record: _record(dictionary[0])}
    if events:
        fields[EVENT] = _with_categories(
            {"name": EVENT, "title": "Event", "description": "", "type": "string"}, events
        ) | {"constraints": {"required": True}}
    if repeats:
        fields[INSTANCE] = {
            "name": INSTANCE,
            "title": "Instance",
            "description": "The first, second, … time; 1 where nothing repeats.",
            "type": "integer",
            "constraints": {"required": True, "minimum": 1},
        }
    names: dict[str, list[tuple[str, str]]] = {}
    for row in exported:
        found = _word(row, "choice_value"), _word(row, "export_field_name")
        names.setdefault(_word(row, "original_field_name"), []).append(found)
    checkboxes: set[str] = set()
    for row in dictionary:
        name, kind = _word(row, "field_name"), _word(row, "field_type")
        if _word(row, "form_name") != instrument or kind in _SHOWN_ONLY or name == record:
            continue
        if kind == "checkbox":
            labels = choices(_word(row, "select_choices_or_calculations"))
            for code, column in names.get(name, []):
                fields[column] = _checkbox(row, column, labels.get(code, code))
                checkboxes.add(column)
        else:
            fields[name] = _field(row)
    complete = f"{instrument}_complete"
    fields[complete] = _with_categories(
        {"name": complete, "title": "Complete?", "description": "", "type": "integer"},
        dict(zip("012", _STATES, strict=True)),
    )
    return InstrumentColumns(record, fields, frozenset(checkboxes), choices(missing))


def _word(row: Row, key: str) -> str:
    value = row.get(key)
    return "" if value is None else str(value).strip()


def _record(row: Row) -> Descriptor:
    return {
        "name": _word(row, "field_name"),
        "title": plain(_word(row, "field_label")),
        "description": _description(row),
        "type": "string",
        "constraints": {"required": True},
    }


def _checkbox(row: Row, column: str, label: str) -> Descriptor:
    question = plain(_word(row, "field_label"))
    return {
        "name": column,
        "title": f"{question}: {label}" if question else label,
        "description": _description(row),
        "type": "boolean",
    }


def _field(row: Row) -> Descriptor:
    made: Descriptor = {
        "name": _word(row, "field_name"),
        "title": plain(_word(row, "field_label")),
        "description": _description(row),
        **_type(row),
    }
    constraints = _bounds(row, str(made["type"]), str(made.get("format", "%Y-%m-%d")))
    if _word(row, "required_field").lower() == "y" and not _word(row, "branching_logic"):
        constraints = {"required": True, **constraints}
    if constraints:
        made["constraints"] = constraints
    if _word(row, "field_type") in _CHOSEN:
        return _with_categories(made, choices(_word(row, "select_choices_or_calculations")))
    return made


def _type(row: Row) -> Descriptor:
    """The type and the format: REDCap's validation, and dates as its API writes them."""
    kind = _word(row, "field_type")
    if kind in ("yesno", "truefalse"):
        return {"type": "boolean", "trueValues": ["1"], "falseValues": ["0"]}
    if kind == "slider":
        return {"type": "integer"}
    if kind == "calc":
        return {"type": "number"}
    if kind in _CHOSEN:
        codes = choices(_word(row, "select_choices_or_calculations"))
        return {"type": "integer" if codes and all(map(_WHOLE.fullmatch, codes)) else "string"}
    if kind != "text":
        return {"type": "string"}
    validation = _word(row, "text_validation_type_or_show_slider_number")
    if validation in ("integer", "int"):
        return {"type": "integer"}
    if validation.startswith("number") or validation == "float":
        comma = {"decimalChar": ","} if "comma" in validation else {}
        return {"type": "number", **comma}
    if validation.startswith("datetime_seconds_"):
        return {"type": "datetime", "format": "%Y-%m-%d %H:%M:%S"}
    if validation.startswith("datetime_"):
        return {"type": "datetime", "format": "%Y-%m-%d %H:%M"}
    if validation.startswith("date_"):
        return {"type": "date"}
    if validation in _TIMES:
        return {"type": "time", "format": _TIMES[validation]}
    return {"type": "string", "format": "email"} if validation == "email" else {"type": "string"}


def _bounds(row: Row, kind: str, form: str) -> Descriptor:
    """The bounds that are literal; REDCap also has `today`, and names of other fields.

    `form` is the format of dates and times. Bounds between which nothing is are none.
    """
    found: dict[str, int | float | str] = {}
    for key, name in (("min", "minimum"), ("max", "maximum")):
        bound = _word(row, f"text_validation_{key}")
        if "comma" in _word(row, "text_validation_type_or_show_slider_number"):
            bound = bound.replace(",", ".")
        if kind == "integer" and _WHOLE.fullmatch(bound):
            found[name] = int(bound)
        elif kind == "number" and _NUMBER.fullmatch(bound):
            found[name] = float(bound)
        elif kind in _MOMENTS and (moment := _moment(bound, form)):
            found[name] = moment
    low, high = found.get("minimum"), found.get("maximum")
    # Texts of moments in these formats are in the order of the moments.
    return {} if low is not None and high is not None and low > high else {**found}  # type: ignore[operator]


def _moment(text: str, form: str) -> str:
    """A date or a time as the format has it, with or without its seconds; empty for any other."""
    for each in (text, f"{text}:00", text.removesuffix(":00")):
        try:
            if datetime.strptime(each, form).strftime(form) == each:  # noqa: DTZ007
                return each
        except ValueError:
            continue
    return ""


def _description(row: Row) -> str:
    parts = [plain(_word(row, "field_note"))]
    if branching := _word(row, "branching_logic"):
        parts.append(f"Asked only if {' '.join(branching.split())}")
    if _word(row, "field_type") == "calc":
        formula = " ".join(_word(row, "select_choices_or_calculations").split())
        parts.append(f"Calculated: {formula}")
    if _word(row, "identifier").lower() == "y":
        parts.append("Identifies a person")
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def _with_categories(made: Descriptor, labels: Mapping[str, str]) -> Descriptor:
    whole = made["type"] == "integer"
    listed = [
        {"value": int(code) if whole else code, "label": label}
        for code, label in distinct_labels(labels).items()
    ]
    return {**made, "categories": listed} if listed else made
