"""What a check found: complete totals, and the rows of the first errors of every rule.

Nothing in a report is a value of the data. Codes and row numbers are those of frictionless: the
header is row 1, the first row of data row 2.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import polars as pl

from data_package.engine.notebook import Parts, html_line, html_table

SHOWN_ROWS = 10

_OF_ENCODING = "encoding"
_UNCHECKED = "not-checked"

ERRORS_SCHEMA: dict[str, pl.DataType] = {
    "code": pl.String(),
    "rule": pl.String(),
    "field": pl.String(),
    "row": pl.Int64(),
}


@dataclass(frozen=True, slots=True)
class Total:
    """How often a rule was broken: always the full count, and up to ten of the rows.

    `field` is the field's name, the names of a key joined by ", ", or None; `note` says what is
    wrong.
    """

    code: str
    rule: str
    field: str | None
    count: int
    rows: tuple[int, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Hint:
    """What most likely makes many errors at once, and what to write so that there are none.

    `contract` is what the contract then says, `option` the same for a command that takes it.
    """

    what: str
    contract: str
    option: str = ""

    def advice(self, place: str | None = None, *, options: bool | None = None) -> str:
        """Return it as advice to somebody who can change the contract at `place`.

        `options` says whether the option can be given where this is read; None if unknown.
        """
        written = f"write `{self.contract}` in {place or 'the contract'}"
        if not self.option or options is False:
            return f"{self.what}: {written}"
        if options:
            return f"{self.what}: add {self.option}"
        return f"{self.what}: {written}, or add {self.option} to the command"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Report(Parts[Total]):
    """The outcome of one check: a collection of what is wrong. It is true when nothing is.

    A field's name is `in` it when something is wrong with the field.

    `errors` has one row per error, at most `limit` for each rule of each field: `code`, `rule`,
    `field` (String) and `row` (Int64, null for what concerns the whole table). `skipped` names
    what could not be checked, with the reason. `hint` says what may make many errors at once.
    `delivered` tells that what was checked is a file as it was delivered, and `place` where its
    contract can be changed; `options` whether a hint's option can be given where this is read.
    `part` is the part of the file that was read, such as a sheet.
    """

    name: str
    rows_checked: int
    totals: tuple[Total, ...]
    errors: pl.DataFrame
    limit: int
    skipped: tuple[str, ...] = ()
    hint: Hint | None = None
    delivered: bool = False
    place: str | None = None
    options: bool | None = None
    part: str = ""

    @property
    def title(self) -> str:
        """What was checked: the name, and the part of the file."""
        return f"{self.name}, {self.part}" if self.part else self.name

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.totals

    @property
    def parts(self) -> Sequence[Total]:
        """What is wrong, rule by rule."""
        return self.totals

    @classmethod
    def name_of(cls, part: Total) -> object:
        """The field that is wrong; None where it is the whole table."""
        return part.field

    def __bool__(self) -> bool:
        """Whether nothing was found."""
        return self.ok

    def __str__(self) -> str:
        """The report as text."""
        return self.render()

    def __eq__(self, other: object) -> bool:
        """Whether it is a report of the same check with the same outcome."""
        return isinstance(other, Report) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        """Of what equal reports have in common."""
        return hash((self.name, self.rows_checked, self.totals))

    @property
    def error_count(self) -> int:
        """How many errors there are, those beyond the limit too."""
        return sum(total.count for total in self.totals)

    def named(
        self, name: str, *, place: str | None = None, options: bool | None = None
    ) -> "Report":
        """Return the report under the name that people know the table or file by.

        `place` and `options`: see the class.
        """
        return replace(self, name=name, place=place, options=options)

    @property
    def of_whole(self) -> tuple[Total, ...]:
        """What is wrong with the table or the file as a whole, and not with cells and rows of it.

        Bytes of another encoding are: that some of them are letters in this one is chance.
        """
        return tuple(each for each in self.totals if not each.rows or each.rule == _OF_ENCODING)

    @property
    def capped(self) -> bool:
        """Whether some errors are counted and not itemised."""
        return self.error_count > self.errors.height

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON's types."""
        return {**self.summary(), "errors": self.errors.to_dicts()}

    def summary(self) -> dict[str, object]:
        """Return the report as JSON's types, without each single error."""
        return {
            "name": self.name,
            **({"part": self.part} if self.part else {}),
            "ok": self.ok,
            "rows_checked": self.rows_checked,
            "error_count": self.error_count,
            "limit": self.limit,
            "capped": self.capped,
            "skipped": list(self.skipped),
            "hint": self.hint.advice(self.place, options=self.options) if self.hint else "",
            "totals": [
                {
                    "code": total.code,
                    "rule": total.rule,
                    "field": total.field,
                    "count": total.count,
                    "rows": list(total.rows),
                    "note": total.note,
                }
                for total in self.totals
            ],
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, object]) -> "Report":
        """Return the report that `to_dict` made, without its hint.

        Raises ValueError, TypeError, LookupError, AttributeError or ArithmeticError for what it
        has not made.
        """
        totals = cast("list[dict[str, object]]", value["totals"])
        errors = cast("list[dict[str, object]]", value["errors"])
        try:
            frame = pl.DataFrame(errors, schema=ERRORS_SCHEMA)
        except pl.exceptions.PolarsError:
            raise ValueError("these are not the errors of a report") from None
        return cls(
            name=str(value["name"]),
            rows_checked=_count(value["rows_checked"]),
            totals=tuple(_total(item) for item in totals),
            errors=frame,
            limit=_count(value["limit"]),
            skipped=tuple(map(str, cast("list[str]", value.get("skipped") or []))),
            part=str(value.get("part") or ""),
        )

    def render(self) -> str:
        """Return the report as lines of plain text: what is wrong, how often, in which rows."""
        return render(self.title, self.rows_checked, self.totals, self.skipped, self.what_next)

    def _repr_html_(self) -> str:
        """The report as a table, for notebooks."""
        head, *_ = self.render().splitlines()
        rows = [
            (each.field or "", each.note, each.rule, f"{each.count:,}", _rows_of(each))
            for each in self.totals
        ]
        return (
            html_line(head)
            + html_table(("field", "what is wrong", "rule", "times", "rows"), rows)
            + "".join(html_line(f"not checked: {what}") for what in self.skipped)
            + html_line(f"next: {self.what_next}" if self.what_next else "")
        )

    @property
    def what_next(self) -> str:
        """What to do about it; empty where nothing was found."""
        if self.ok:
            return ""
        if any(each.code == _UNCHECKED for each in self.totals):
            return "data-package build"
        if self.delivered:
            advice = "ask for the file as it was agreed, or let the contract say what to expect"
        elif any(each.rows for each in self.totals):
            advice = "correct the rows where they are made, or the contract if it asks too much"
        else:
            advice = "correct the columns where they are made, or the contract"
        if self.hint:
            advice = f"{self.hint.advice(self.place, options=self.options)}; else {advice}"
        if self.capped:
            return f"{advice} (at most {self.limit:,} rows a rule are itemised)"
        return advice


def render(
    name: str, rows_checked: int, totals: Sequence[Total], skipped: Iterable[str], what_next: str
) -> str:
    """Return what a check found as lines of plain text: what is wrong, how often, in which rows."""
    head = f"{name}: {rows_checked:,} row{'' if rows_checked == 1 else 's'} checked"
    left = [f"  not checked: {what}" for what in skipped]
    if not totals:
        return "\n".join([f"{head}, no errors", *left])
    if any(total.code == _UNCHECKED for total in totals):
        return "\n".join([f"{name}: not checked", *map(_line, totals), f"  next: {what_next}"])
    count = sum(total.count for total in totals)
    head += f", {count:,} error{'' if count == 1 else 's'}"
    return "\n".join([head, *map(_line, totals), *left, f"  next: {what_next}"])


def unchecked(name: str, why: str) -> Report:
    """Return the report on the table `name` that cannot be checked before a build, and `why`.

    It is not ok.
    """
    total = Total(_UNCHECKED, "table", None, 1, (), why)
    return Report(name, 0, (total,), itemise([(total, [None])]), limit=1)


def with_rows(
    report: Report, code: str, rule: str, field: str | None, rows: pl.Series, note: str
) -> Report:
    """Return a report with errors of one kind added: one in each row of these numbers (`rows`).

    `code`, `rule`, `field` and `note` are those of the errors, see `Total`.
    """
    numbers = rows.sort().to_list()
    total = Total(code, rule, field, len(numbers), tuple(numbers[:SHOWN_ROWS]), note)
    errors = pl.concat([report.errors, itemise([(total, numbers[: report.limit])])])
    return replace(
        report,
        totals=(*report.totals, total),
        errors=errors.sort("row", nulls_last=False, maintain_order=True),
    )


def itemise(found: Iterable[tuple[Total, list[int | None]]]) -> pl.DataFrame:
    """Return one row per itemised error: those of the table first, then row by row."""
    codes: list[str] = []
    rules: list[str] = []
    fields: list[str | None] = []
    rows: list[int | None] = []
    for total, where in found:
        codes.extend([total.code] * len(where))
        rules.extend([total.rule] * len(where))
        fields.extend([total.field] * len(where))
        rows.extend(where)
    frame = pl.DataFrame([codes, rules, fields, rows], schema=ERRORS_SCHEMA)
    return frame.sort("row", nulls_last=False, maintain_order=True)


def _line(total: Total) -> str:
    where = f"{total.field}: " if total.field else ""
    line = f"  {where}{total.note} ({total.rule})"
    if not total.rows:
        return line if total.count == 1 else f"{line}, {total.count:,} times"
    line += f", {total.count:,} time{'' if total.count == 1 else 's'}"
    noun = "row" if total.count == 1 else "rows"
    return f"{line}: {noun} {_rows_of(total)}"


def _rows_of(total: Total) -> str:
    more = ", …" if total.count > len(total.rows) > 0 else ""
    return f"{', '.join(map(str, total.rows))}{more}"


def _total(item: dict[str, object]) -> Total:
    return Total(
        code=str(item["code"]),
        rule=str(item["rule"]),
        field=None if item["field"] is None else str(item["field"]),
        count=_count(item["count"]),
        rows=tuple(map(_count, cast("list[object]", item["rows"]))),
        note=str(item["note"]),
    )


def _count(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("this is not a number of rows, nor of one")
    return value
