"""REDCap's data dictionary as rows of a codebook, as it is downloaded and as its API gives it."""

from collections.abc import Collection, Iterator, Mapping

from data_package.engine.schema.choices import choices, plain

_DOWNLOADED = {
    "variable / field name": "field_name",
    "form name": "form_name",
    "field type": "field_type",
    "field label": "field_label",
    "choices, calculations, or slider labels": "select_choices_or_calculations",
    "field note": "field_note",
}
_NEEDED = {"field_name", "field_type", "field_label"}
_CHOSEN = ("dropdown", "radio", "checkbox")
_ALWAYS = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}
_STATES = {"0": "Incomplete", "1": "Unverified", "2": "Complete"}
_TICKED = {"0": "Unchecked", "1": "Checked"}


def redcap_names(names: Collection[str]) -> list[str] | None:
    """The columns of a data dictionary as the API calls them; None for any other codebook."""
    found = [_DOWNLOADED.get(name, name) for name in names]
    return found if set(found) >= _NEEDED else None


def codebook_rows(row: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """What a field of the dictionary says of the columns that REDCap exports of it."""
    name, kind = row["field_name"], row["field_type"]
    title, description = plain(row["field_label"]), plain(row.get("field_note", ""))
    if form := row.get("form_name"):
        yield from _rows(f"{form}_complete", "Complete?", "", _STATES)
    if kind == "descriptive":
        return
    listed = choices(row.get("select_choices_or_calculations", "")) if kind in _CHOSEN else {}
    if kind == "checkbox":
        for code, label in listed.items():
            column = f"{name}___{code.lower().replace('-', '_')}"
            yield from _rows(column, f"{title}: {label}" if title else label, description, _TICKED)
    else:
        yield from _rows(name, title, description, _ALWAYS.get(kind, listed))


def _rows(
    name: str, title: str, description: str, labels: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    yield {"field": name, "title": title, "description": description}
    for value, label in labels.items():
        yield {"field": name, "value": value, "label": label}
