"""Why a table that was built again differs: order, randomness, the clock, another library.

Reports names of columns and functions, and counts; never a value of any row.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from pathlib import Path

import polars as pl

from data_package.engine.errors import some
from data_package.engine.schema.columns import column
from data_package.engine.storage import hash_file
from data_package.engine.tables.table import Table

_NAMED = 6
_NEAR = timedelta(days=1)

_CLOCK = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time",
    "time.time_ns", "time.monotonic", "time.perf_counter", "time.localtime", "time.gmtime",
    "time.strftime",
}  # fmt: skip
_CHANCE_MODULES = {"random", "secrets", "uuid"}
_CHANCE = {"os.urandom", "uuid4", "uuid1", "urandom"}
# Methods of frames, columns and NumPy's generators: random, unless they are given a seed.
_CHANCE_METHODS = {"sample", "shuffle", "default_rng", "rand", "randn", "randint", "random"}
_SEEDS = {"seed", "random_state"}


class ReasonKind(StrEnum):
    """Why a table differs."""

    ORDER = "row order"
    ROWS = "number of rows"
    COLUMNS = "columns"
    VALUES = "other values"
    CHANCE = "random numbers"
    CLOCK = "the clock"
    LIBRARY = "library"
    OUTSIDE = "something that is not an input"
    BYTES = "other bytes"
    RECORD = "the lock file"


@dataclass(frozen=True)
class Reason:
    """One reason, in words for people."""

    kind: ReasonKind
    words: str


@dataclass(frozen=True)
class Comparison:
    """How two files of a table differ.

    Attributes:
        columns: names of columns that only one has, or that have another type.
        rows: the number of rows of each.
        same_rows: whether both hold the same rows, equally often, in any order.
        same_order: whether these are also in the same order.
        values: names of columns that do not hold the same values, in any order.
    """

    columns: tuple[str, ...]
    rows: tuple[int, int]
    same_rows: bool = False
    same_order: bool = False
    values: tuple[str, ...] = ()


def compare(one: Path, other: Path) -> Comparison:
    """Compare two Parquet files by hashes of their rows, with eight bytes a row in memory."""
    left, right = _scan(one), _scan(other)
    schemas = left.collect_schema(), right.collect_schema()
    rows = _rows(left), _rows(right)
    names = [*schemas[0], *(name for name in schemas[1] if name not in schemas[0])]
    columns = tuple(name for name in names if schemas[0].get(name) != schemas[1].get(name))
    if columns or not names:
        return Comparison(columns, rows, same_rows=not columns and rows[0] == rows[1])
    first, second = _hashes(left, names), _hashes(right, names)
    if first.equals(second):
        return Comparison((), rows, same_rows=True, same_order=True)
    if first.sort().equals(second.sort()):
        return Comparison((), rows, same_rows=True)
    del first, second
    values = tuple(
        name
        for name in names
        if not _hashes(left, [name]).sort().equals(_hashes(right, [name]).sort())
    )
    return Comparison((), rows, values=values)


def explain_difference(
    table: Table, *, made: Path, again: Path | None, kept: Path | None, libraries: Sequence[str]
) -> list[Reason]:
    """Find why a table differs from the lock, as far as possible.

    Args:
        table: whose function is examined.
        made: built again, and different.
        again: built once more from the same inputs; None when that failed.
        kept: the file that the lock records, if it still exists.
        libraries: whose version differs from the lock's, in words.
    """
    steady = again is not None and hash_file(made) == hash_file(again)
    if not table.is_table:
        each_time = "than before" if steady else "each time"
        bytes_ = Reason(ReasonKind.BYTES, f"the file has other bytes {each_time}")
        return [bytes_, *([] if steady else _of_chance(table))]
    other = kept if steady else again
    found = compare(other, made) if other is not None else None
    reasons = list(_of_rows(found, steady=steady)) if found else []
    if steady and libraries:
        reasons.append(
            Reason(ReasonKind.LIBRARY, f"built with another library: {some(libraries, _NAMED)}")
        )
    same_rows = found is not None and found.same_rows
    reasons += _of_clock(table, made, found)
    reasons += [] if steady else _of_chance(table)
    if again is None:
        reasons.append(Reason(ReasonKind.OUTSIDE, "built a third time, it failed"))
    if steady and not same_rows and not libraries and not _is_explained(reasons):
        words = (
            "built twice now, the result was the same: it depends on something that is not an input"
        )
        hidden = f" ({table.fingerprint.unseen[0]})" if table.fingerprint.unseen else ""
        reasons.append(Reason(ReasonKind.OUTSIDE, f"{words}{hidden}"))
    return reasons


def _is_explained(reasons: Sequence[Reason]) -> bool:
    return any(r.kind in (ReasonKind.CLOCK, ReasonKind.CHANCE) for r in reasons)


def _of_rows(found: Comparison, *, steady: bool) -> Iterator[Reason]:
    """What the rows show; `steady`: equal twice now, and different before."""
    each_time = "than before" if steady else "each time"
    if found.columns:
        yield Reason(ReasonKind.COLUMNS, f"other columns or types: {some(found.columns, _NAMED)}")
    elif found.same_order:
        yield Reason(ReasonKind.BYTES, "the same rows in the same order, written as other bytes")
    elif found.same_rows:
        hint = "sort them at the end, or use maintain_order=True"
        if steady:
            hint = "a set of strings has another order in every process; sort them at the end"
        yield Reason(ReasonKind.ORDER, f"the same rows in another order {each_time}: {hint}")
    elif found.rows[0] != found.rows[1]:
        before, now = found.rows
        yield Reason(ReasonKind.ROWS, f"another number of rows {each_time}: {before:,} and {now:,}")
    elif found.values:
        yield Reason(ReasonKind.VALUES, f"other values {each_time} in {some(found.values, _NAMED)}")
    else:
        same = "the same values as before" if steady else "the same values each time"
        yield Reason(ReasonKind.VALUES, f"{same}, but combined differently")


def _of_clock(table: Table, made: Path, found: Comparison | None) -> Iterator[Reason]:
    if found is not None and (found.same_rows or found.columns):
        return
    near = list(_near_now(made, found.values)) if found else []
    if near:
        yield Reason(ReasonKind.CLOCK, f"times close to now are in {some(near, _NAMED)}")
    for call, place in islice(_calls(table, _is_clock), 3):
        words = f"{place} calls {call}: take the time from a raw file or the code"
        yield Reason(ReasonKind.CLOCK, words)


def _of_chance(table: Table) -> Iterator[Reason]:
    for call, place in islice(_calls(table, _is_chance), 3):
        yield Reason(ReasonKind.CHANCE, f"{place} calls {call}: give it a fixed seed")


def _near_now(path: Path, names: Sequence[str]) -> Iterator[str]:
    scan = _scan(path)
    schema = scan.collect_schema()
    now = datetime.now(UTC).date()
    for name in names:
        if isinstance(schema[name], pl.Date | pl.Datetime):
            near = column(name).cast(pl.Date).is_between(now - _NEAR, now + _NEAR).any()
            if scan.select(near).collect().item():
                yield name


def _calls(
    table: Table, matches: Callable[[str, ast.Call, bool], bool]
) -> Iterator[tuple[str, str]]:
    """Calls in the code that the table's function reaches, each with the place of that code."""
    for part in table.fingerprint.parts:
        try:
            tree = ast.parse(part.code) if part.code else None
        except SyntaxError:
            continue
        reported = set()
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Call):
                name = _dotted(node.func)
                seeded = bool({keyword.arg for keyword in node.keywords} & _SEEDS)
                if name and name not in reported and matches(name, node, seeded):
                    reported.add(name)
                    where = f"{part.name} ({part.place})" if part.place else part.name
                    yield f"{name}()", where


def _is_clock(name: str, node: ast.Call, seeded: bool) -> bool:
    del seeded
    last_two = ".".join(name.split(".")[-2:])
    alone = name in {"time_ns", "perf_counter", "utcnow"} or (name == "time" and not node.args)
    method = name.rpartition(".")[2] in {"now", "utcnow", "today"} and "." in name
    return last_two in _CLOCK or alone or method


def _is_chance(name: str, node: ast.Call, seeded: bool) -> bool:
    del node
    first, _, last = name.partition(".")
    if seeded or name in {"random.seed", "random.Random"}:
        return False
    return (
        (first in _CHANCE_MODULES and bool(last))
        or name in _CHANCE
        or (name.rpartition(".")[2] in _CHANCE_METHODS and "." in name)
    )


def _dotted(node: ast.expr) -> str:
    """`a.b.c`; the object of a method is left out (`.sample`) where it is not a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    names.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(names))


def _scan(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path, glob=False, hive_partitioning=False)


def _rows(frame: pl.LazyFrame) -> int:
    return int(frame.select(pl.len()).collect().item())


def _hashes(frame: pl.LazyFrame, names: Sequence[str]) -> pl.Series:
    """A hash of each row; categories are hashed as text, whatever their codes in a file."""
    schema = frame.collect_schema()
    whole = [
        column(name).cast(pl.String) if isinstance(schema[name], pl.Categorical) else column(name)
        for name in names
    ]
    return frame.select(pl.struct(whole).hash(0).alias("hash")).collect().to_series()
