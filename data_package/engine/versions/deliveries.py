"""How two deliveries of a raw file differ: the rows that its contract reads, by their key."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.versions.rows import RowDifference, compare_rows
from data_package.engine.versions.wording import cells_of, columns, counts, plain

if TYPE_CHECKING:
    from data_package.engine.sources.delivered import Delivered
    from data_package.engine.sources.files import Deliveries


@dataclass(frozen=True)
class DeliveryDifference:
    """How the rows of two deliveries differ.

    Attributes:
        name: the raw file that they belong to.
        old: the name of the old delivery.
        new: the name of the new one.
        rows: the counts.
        errors: of the cells and rows that break the contract, in the old and in the new one.
        words: why rows were not matched by the key; may be empty.
    """

    name: str
    old: str
    new: str
    rows: RowDifference
    errors: tuple[int, int]
    words: str = ""

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types; counts only."""
        return {
            "raw_file": self.name,
            "old": self.old,
            "new": self.new,
            "rows": self.rows.to_dict(),
            "errors": {"old": self.errors[0], "new": self.errors[1]},
            "words": self.words,
        }

    def render(self) -> str:
        """The report as lines of plain text, without values."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{plain(self.old)} → {plain(self.new)}"
        yield ""
        head = ("raw file", "rows", "added", "removed", "changed", "matched by")
        row = cells_of(self.name, self.rows)
        yield from columns(head, [row], right=range(1, 5))
        if self.rows.fields:
            yield f"values changed: {plain(counts(self.rows.fields.items()))}"
        if self.rows.not_compared:
            yield f"the types of {plain(', '.join(self.rows.not_compared))} cannot be compared"
        if self.words:
            yield plain(self.words)
        for label, count in zip((self.old, self.new), self.errors, strict=True):
            if count:
                errors = f"{count:,} error{'' if count == 1 else 's'}"
                yield f"{plain(label)} has {errors}: a cell of another type counts as empty."


def raw_file_of(deliveries: "Deliveries", paths: list[Path]) -> str:
    """The raw file that all these files belong to. Raises ProjectError where there is not one."""
    wanted = {path.resolve() for path in paths}
    found = []
    for name in deliveries.files:
        try:
            of_it = {path.resolve() for path in deliveries.paths(name)}
        except ProjectError:
            continue
        if wanted <= of_it:
            found.append(name)
    if len(found) == 1:
        return found[0]
    what = "are not files of one raw file" if not found else f"belong to {' and '.join(found)}"
    raise ProjectError(
        f"{' and '.join(map(str, paths))} {what}.\n"
        "Name the raw file whose contract reads them: data-package diff --raw NAME OLD NEW"
    )


def diff_deliveries(
    delivered: "Delivered",
    deliveries: "Deliveries",
    name: str,
    old: Path | None = None,
    new: Path | None = None,
    *,
    rows: int = 0,
    report: Callable[[str], None] = lambda _: None,
) -> DeliveryDifference:
    """Compare two deliveries of a raw file that has a contract.

    Args:
        delivered: how raw files are read.
        deliveries: where they are.
        name: the raw file.
        old: the old delivery; by default the one before the newest.
        new: the new delivery; by default the newest.
        rows: how many differing rows of each kind to keep, with their values.
        report: is called with what is being read.

    Raises ProjectError where there are no two deliveries in a known order, BuildError where one
    cannot be read.
    """
    delivered.require(name)
    if old is None or new is None:
        old, new = _last_two(delivered, deliveries, name, old)
    frames, errors = [], []
    for path in (old, new):
        report(f"reading {path.name}")
        one = delivered.read_alone(name, path)
        if one.frame is None:
            raise BuildError(f"{one.report.render()}\n\nIts rows cannot be compared.")
        frames.append(one.frame.filter(~pl.all_horizontal(pl.all().is_null())))
        errors.append(one.report.error_count)
    key = delivered.files[name].newest_per or delivered.contracts[name].primary_key
    report(f"comparing {name}")
    found = compare_rows(frames[0], frames[1], key, show=rows)
    words = ""
    if not key:
        words = "the contract has no primary key: whole rows are counted"
    elif not found.key:
        words = f"{', '.join(key)} is not unique in both: whole rows are counted"
    labels = [delivered.label(name, path) for path in (old, new)]
    return DeliveryDifference(name, labels[0], labels[1], found, (errors[0], errors[1]), words)


def _last_two(
    delivered: "Delivered", deliveries: "Deliveries", name: str, old: Path | None
) -> tuple[Path, Path]:
    paths = delivered.in_order(name, deliveries.paths(name))
    if not delivered.files[name].order:
        raise ProjectError(
            f"'{name}' is declared without order=: which of its files is the newest is unknown.\n"
            f"Name both: data-package diff --raw {name} OLD NEW"
        )
    if old is not None:
        return old, paths[-1]
    if len(paths) < 2:
        raise ProjectError(f"'{name}' has one delivery, and nothing to compare it with.")
    return paths[-2], paths[-1]
