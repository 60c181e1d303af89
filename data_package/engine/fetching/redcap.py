"""The records of one instrument of a REDCap project, batch by batch.

An export has a row for each record and event, and more for each instance of what repeats; in every
row the cells of other instruments are empty. Here is what belongs to one instrument.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_package.engine.errors import BuildError, did_you_mean
from data_package.engine.fetching.answers import CellKind, SourceAnswer
from data_package.engine.fetching.redcap_api import Api, Row
from data_package.engine.fetching.redcap_dictionary import (
    EVENT,
    FORM,
    INSTANCE,
    InstrumentColumns,
    columns_of,
)
from data_package.engine.schema.choices import plain
from data_package.engine.sources.snapshots import Redcap

if TYPE_CHECKING:
    import pyarrow as pa

# REDCap holds a whole answer in memory, as we do a batch.
_RECORDS = 500


@dataclass(frozen=True)
class _Plan:
    """What is asked of a project for one instrument.

    `events` are those that have it, with their labels; `repeats` those in which it repeats
    itself, and `repeating` those that repeat as a whole. Without events, there is one that is "".
    """

    instrument: str
    title: str
    columns: InstrumentColumns
    events: Mapping[str, str]
    repeats: frozenset[str]
    repeating: frozenset[str]

    def own(self, row: Row) -> bool:
        """Whether a row of an export is one of the instrument's."""
        event = _text(row.get(EVENT)) or ""
        if self.events and event not in self.events:
            return False
        form = _text(row.get(FORM)) or ""
        if event in self.repeats:
            return form == self.instrument
        if event in self.repeating:
            return not form and _text(row.get(INSTANCE)) is not None
        return not form and _text(row.get(INSTANCE)) is None

    def has_data(self, row: Row) -> bool:
        """Whether anything was entered in a row."""
        known = self.columns
        complete = f"{self.instrument}_complete"
        for name in known.fields:
            value = _text(row.get(name))
            if name in (known.record, EVENT, INSTANCE) or value is None:
                continue
            if value != "0" or (name not in known.checkboxes and name != complete):
                return True
        return False

    @property
    def keys(self) -> list[str]:
        """The columns that tell rows apart."""
        return [n for n in (self.columns.record, EVENT, INSTANCE) if n in self.columns.fields]


@contextmanager
def answered(
    origin: Redcap,
    token: str,
    *,
    pause: Callable[[float], object] = time.sleep,
    records: int = _RECORDS,
) -> Iterator[SourceAnswer]:
    """Ask REDCap for an instrument, and give its records while the block runs.

    `pause` waits between tries, and `records` are asked for at a time. Raises BuildError when there
    is no answer.
    """
    api = Api(origin.url, token, pause=pause)
    plan = _planned(api, origin.instrument)
    given: list[str] = []

    def kinds() -> dict[str, CellKind]:
        return {name: CellKind.BOOLEAN for name in given if name in plan.columns.checkboxes}

    def notes() -> tuple[str, ...]:
        lacking = [name for name in plan.columns.fields if name not in given]
        if not lacking:
            return ()
        return (f"Not exported, since the token's user may not: {', '.join(lacking)}.",)

    yield SourceAnswer(
        _batches(api, plan, given, records),
        kinds,
        contract=lambda: plan.columns.contract(plan.title, given, plan.keys),
        notes=notes,
    )


def _planned(api: Api, instrument: str) -> _Plan:
    project = api.facts("project")
    titles = {
        _text(row.get("instrument_name")) or "": plain(_text(row.get("instrument_label")) or "")
        for row in api.rows("instrument")
    }
    if instrument not in titles:
        raise BuildError(
            f"The project has no instrument '{instrument}'.{did_you_mean(instrument, titles)}"
        )
    events: dict[str, str] = {}
    if _is_on(project, "is_longitudinal"):
        labels = {_text(e.get("unique_event_name")) or "": e for e in api.rows("event")}
        for row in api.rows("formEventMapping"):
            name = _text(row.get("unique_event_name")) or ""
            if _text(row.get("form")) == instrument:
                events[name] = plain(_text(labels.get(name, {}).get("event_name")) or name)
        if not events:
            raise BuildError(f"No event of the project has the instrument '{instrument}'.")
    repeats, repeating = set(), set()
    if _is_on(project, "has_repeating_instruments_or_events"):
        for row in api.rows("repeatingFormsEvents"):
            event = _text(row.get("event_name")) or ""
            form = _text(row.get("form_name"))
            if form == instrument:
                repeats.add(event)
            elif form is None:
                repeating.add(event)
    here = events or {"": ""}
    dictionary = api.rows("metadata")
    if not dictionary:
        raise BuildError("The project has no field.")
    columns = columns_of(
        dictionary,
        api.rows("exportFieldNames"),
        instrument,
        events=events,
        repeats=bool((repeats | repeating) & here.keys()),
        missing=_text(project.get("missing_data_codes")) or "",
    )
    return _Plan(
        instrument, titles[instrument], columns, events, frozenset(repeats), frozenset(repeating)
    )


def _batches(api: Api, plan: _Plan, given: list[str], size: int) -> "Iterator[pa.RecordBatch]":
    """The rows; what columns there are is added to `given` before the first."""
    record = plan.columns.record
    asked = {"type": "flat", "rawOrLabel": "raw", "rawOrLabelHeaders": "raw"}
    listed = api.rows("record", **asked, **{"fields[0]": record})
    every = list(dict.fromkeys(_known(row.get(record)) for row in listed))
    asked |= {"fields[0]": record, "forms[0]": plan.instrument}
    asked |= {f"events[{i}]": event for i, event in enumerate(plan.events)}
    first = True
    for start in range(0, len(every), size):
        batch = every[start : start + size]
        rows = api.rows("record", **asked, **{f"records[{i}]": r for i, r in enumerate(batch)})
        _refuse_others(rows, record, batch)
        if not rows:
            continue
        if first:
            given += [name for name in plan.columns.fields if _is_given(name, rows)]
            first = False
        yield _as_arrow([row for row in rows if plan.own(row) and plan.has_data(row)], given)
    if first:
        given += plan.columns.fields
        yield _as_arrow([], given)


def _is_given(name: str, rows: Sequence[Row]) -> bool:
    return name in rows[0] or name == INSTANCE


def _refuse_others(rows: Sequence[Row], record: str, asked: Sequence[str]) -> None:
    """Raise BuildError for records that were not asked for: they would be there twice."""
    known = {one.casefold() for one in asked}
    if not all(_known(row.get(record)).casefold() in known for row in rows):
        raise BuildError("REDCap answers with other records than it was asked for.")


def _as_arrow(rows: Sequence[Row], names: Sequence[str]) -> "pa.RecordBatch":
    import pyarrow as pa

    schema = pa.schema([(name, pa.large_string()) for name in names])
    if any(name not in row for row in rows for name in names if name != INSTANCE):
        raise BuildError("REDCap answers with other fields in some records than in others.")
    columns = [
        pa.array(
            [_text(row.get(name)) or ("1" if name == INSTANCE else None) for row in rows],
            pa.large_string(),
        )
        for name in names
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _text(value: object) -> str | None:
    """A cell; None for an empty one."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise BuildError("REDCap answers with a cell that is neither text nor a number.")


def _known(value: object) -> str:
    found = _text(value)
    if found is None:
        raise BuildError("REDCap answers with a record that has no name.")
    return found


def _is_on(facts: Row, name: str) -> bool:
    return _text(facts.get(name)) not in (None, "0")
