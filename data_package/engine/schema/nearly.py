"""Columns of text in which nearly all values are of another type, and rows that may be a footer.

One `unknown` among numbers makes text of a whole column, and the contract does not show why. A note
does, in counts: what a person does about it, and whether the word means no value, is not guessed.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from data_package.engine.errors import some
from data_package.engine.schema.text_types import CANDIDATES, Candidate, TextType

# Fewer values say little of a column, and with fewer of one type it is plainly text.
_ENOUGH_VALUES = 20
_SHARE = 0.8
# So many values choose the type to count.
_LOOKED_AT = 40
_SHOWN = 5
_LONGEST_FOOTER = 5
# A last row is like the others unless these have several times its values.
_TIMES = 3


def nearly_typed(
    names: Sequence[str], kinds: Sequence[TextType], cells: pl.DataFrame
) -> Iterator[str]:
    """Notes on columns that a few values keep text; `cells` has columns "0", "1", … of texts."""
    found = [
        f"{name} ({note})"
        for at, (name, kind) in enumerate(zip(names, kinds, strict=True))
        if kind.properties == {"type": "string"}
        and not kind.note
        and (note := _what_it_nearly_is(cells[str(at)], kind.missing))
    ]
    if found:
        yield (
            f"Text because of a few values: {some(found, _SHOWN)}. Write these values into "
            "missingValues or correct them, and give the field the type: data-package check then "
            "names the rows that are left."
        )


def _what_it_nearly_is(column: pl.Series, missing: Sequence[str]) -> str | None:
    values = column.drop_nulls()
    if missing:
        values = values.filter(~values.is_in(list(missing)))
    if len(values) < _ENOUGH_VALUES:
        return None
    # From all over the column: the first rows may be those of one month, or of one kind.
    looked_at = values.gather_every(max(len(values) // _LOOKED_AT, 1)).to_list()
    with_digits = sum(any(sign.isdigit() for sign in cell) for cell in looked_at)
    if with_digits < _SHARE * len(looked_at):
        return None
    best = max(CANDIDATES, key=lambda one: _fitting(one, looked_at))
    fitting = int(values.str.contains(f"^(?:{best.form.pattern})$").sum())
    if not _SHARE * len(values) <= fitting < len(values):
        return None
    kind, *others = best.properties
    written = "".join(f", {name} {best.properties[name]!r}" for name in others)
    return f"{fitting:,} of {len(values):,} are of type {best.properties[kind]}{written}"


def _fitting(candidate: Candidate, cells: Sequence[str]) -> int:
    return sum(candidate.form.fullmatch(cell) is not None for cell in cells)


def footer(cells: pl.DataFrame) -> Iterator[str]:
    """A note on last rows that hold a value or two, where the rows above hold many more."""
    if cells.height < _ENOUGH_VALUES or cells.width <= _TIMES:
        return
    held = cells.tail(_ENOUGH_VALUES).select(
        pl.sum_horizontal(pl.all().is_not_null().cast(pl.UInt32))
    )
    counts = held.to_series().to_list()
    usual = sorted(counts)[len(counts) // 2]
    rows = 0
    while rows < _LONGEST_FOOTER and counts[-1 - rows] * _TIMES < usual:
        rows += 1
    if 0 < rows < _LONGEST_FOOTER:
        what = "row holds" if rows == 1 else f"{rows} rows hold"
        yield (
            f"The last {what} far fewer values than those above: if it is a footer, leave it out "
            f"with footerRows: {rows} in the dialect."
        )
