"""Which counts of a field may be shown, so that no other can be computed from them.

A count of fewer than k subjects, zero included, is hidden. The smallest of the other counts is
hidden with it, because a single hidden count could be computed from the total. The rule uses counts
only, never what they are counts of: if two hidden values are exchanged for each other in all rows,
what is shown stays the same, so nobody can tell which of them is rare.
"""

from collections.abc import Collection, Sequence

_SHARES = (1, 2, 5, 10, 25, 50)


def shown(counts: Sequence[int], k: int, *, bounds: Collection[int] = ()) -> list[int | None]:
    """The counts of a field's cells, None for each that must not be shown.

    Args:
        counts: the subjects in each cell; the cells cover all of the table's subjects.
        k: the fewest subjects that a count may be based on.
        bounds: the open-ended cells of a histogram. Their edges were chosen so that they are not
            small, which readers know, so hiding one does not protect a small one.
    """
    if k <= 1:
        return list(counts)
    small = {at for at, count in enumerate(counts) if count < k}
    if not small:
        return list(counts)
    company = [count for at, count in enumerate(counts) if at not in small and at not in bounds]
    if not company or small & set(bounds):
        return [None] * len(counts)
    least = min(company)
    return [
        None if at in small or (count == least and at not in bounds) else count
        for at, count in enumerate(counts)
    ]


def rounded(count: int, base: int) -> int:
    """A count rounded to a multiple of `base`, halves upwards; no positive count becomes 0."""
    return max(base, (2 * count + base) // (2 * base) * base) if count else 0


def rounded_rows(rows: int, subjects: int, base: int) -> int:
    """The rows of a table, rounded so coarsely that one subject's rows do not show."""
    return rows if base == 1 or not rows else rounded(rows, step_of(rows, subjects, base))


def step_of(rows: int, subjects: int, base: int) -> int:
    """The round number of rows that covers those of `base` subjects, given their spread."""
    least = base * -(-rows // max(1, subjects))
    steps: list[int] = [s * 10**n for n in range(20) for s in (1, 2, 5)]
    return next(step for step in steps if step >= least)


def coarse_rows(count: int, step: int) -> str:
    """A number of rows in words that do not change with one subject more or less."""
    if step == 1:
        return f"{count:,}"
    return f"fewer than {step:,}" if count < step else f"about {rounded(count, step):,}"


def coarse_share(part: int, whole: int, subjects: int, base: int) -> str:
    """A share in steps of at least `base` subjects: `about 15 %`."""
    step = next((s for s in _SHARES if s * subjects >= 100 * base and s >= 5), 50)
    percent = (200 * part // whole + step) // (2 * step) * step
    if percent <= 0:
        return f"under {step} %"
    return f"over {100 - step} %" if percent >= 100 else f"about {percent} %"
