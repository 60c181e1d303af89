"""The order of deliveries: explicit, by numbers or dates in their names, or by a list.

Times of files decide nothing: a copy or a download changes them. Standard library only.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from data_package.engine.errors import ProjectError, did_you_mean

# Groups of these names are compared in this order, wherever in a name they are.
_UNITS = ("year", "month", "day", "hour", "minute", "second")
# Between the numbers of a date or a version.
_BETWEEN = re.compile(r"[-_./: T]*")
_DAY_FIRST = re.compile(r"\d{1,2}[-_./ ]\d{1,2}[-_./ ]\d{4}|(?!(?:19|20)\d{6})\d{4}(?:19|20)\d\d")

Order = str | tuple[str, ...]
_Rank = tuple[tuple[int, ...], ...]


def fault_of(order: Order) -> str:
    """What is wrong with an order as it is declared; empty where nothing is."""
    if not isinstance(order, str):
        repeated = sorted({name for name in order if order.count(name) > 1})
        return f"names {repeated[0]!r} twice" if repeated else ""
    try:
        groups = re.compile(order).groupindex
    except (re.error, RecursionError, OverflowError) as error:
        return f"is not a regular expression: {error}"
    return "" if groups else r"has no named group, such as (?P<number>\d+)"


def in_order(
    name: str, order: Order, labels: Mapping[Path, str], *, some: bool = False
) -> list[Path]:
    """The files of a raw file from the oldest to the newest.

    `labels` are their names as messages have them, below the project's root. With `some` they are
    those of a partition, and a list may name others. Raises ProjectError where the order does not
    give each file a different place.
    """
    if isinstance(order, str):
        ranks = _by_pattern(name, re.compile(order), labels)
    else:
        ranks = _by_list(name, order, labels, some=some)
    ordered = sorted(labels, key=lambda path: ranks[path])
    for _, same in groupby(ordered, key=lambda path: ranks[path]):
        if len(equal := [labels[path] for path in same]) > 1:
            raise ProjectError(
                f"'{name}': its order gives {_listed(equal)} the same place, so which of them is "
                "newer is unknown.\nLet the named groups of order= tell them apart, or list the "
                "files from the oldest to the newest."
            )
    return ordered


def _by_pattern(
    name: str, pattern: re.Pattern[str], labels: Mapping[Path, str]
) -> dict[Path, _Rank]:
    groups = sorted(
        pattern.groupindex, key=lambda one: _UNITS.index(one) if one in _UNITS else len(_UNITS)
    )
    ranks = {}
    for path, label in labels.items():
        found = pattern.search(label)
        if found is None or any(found[group] is None for group in groups):
            raise ProjectError(
                f"'{name}': its order {pattern.pattern!r} is not in the name of {label}.\n"
                "Rename the file, correct order=, or list the files from the oldest to the newest."
            )
        ranks[path] = tuple(_numbers(name, label, group, found[group]) for group in groups)
    shapes: dict[object, str] = {}
    for path, rank in ranks.items():
        parts = zip(groups, rank, strict=True)
        years = [len(str(part[0])) for group, part in parts if group == "year"]
        shapes.setdefault((tuple(map(len, rank)), *years), labels[path])
    if len(shapes) > 1:
        one, other, *_ = shapes.values()
        raise ProjectError(
            f"'{name}': {one} and {other} write their place in the order in different ways.\n"
            "Rename one of them, or list the files from the oldest to the newest: order=[…]"
        )
    return ranks


def _numbers(name: str, label: str, group: str, text: str) -> tuple[int, ...]:
    """The numbers in a group, which are compared one after another: 9 is before 10."""
    if _DAY_FIRST.fullmatch(text):
        raise ProjectError(
            f"'{name}': the order of {label} is a date that begins with its day.\nName the parts, "
            r"wherever they are: order=r'(?P<day>\d\d)-(?P<month>\d\d)-(?P<year>\d{4})'"
        )
    rest = re.split(r"\d+", text)
    if len(rest) < 2 or not all(_BETWEEN.fullmatch(part) for part in rest):
        raise ProjectError(
            f"'{name}': the group '{group}' of its order is not a number or a date in the name of "
            f"{label}.\nLet the group hold digits only, or list the files from the oldest to the "
            "newest: order=[…]"
        )
    return tuple(map(int, re.findall(r"\d+", text)))


def _by_list(
    name: str, listed: Sequence[str], labels: Mapping[Path, str], *, some: bool
) -> dict[Path, _Rank]:
    ranks: dict[Path, _Rank] = {}
    for place, entry in enumerate(listed):
        found = [path for path, label in labels.items() if entry in (label, Path(label).name)]
        if some and not found:
            continue
        if len(found) != 1:
            known = [Path(label).name for label in labels.values()]
            what = f"is the name of {_listed([labels[path] for path in found])}"
            raise ProjectError(
                f"'{name}': {entry!r} in its order {what if found else 'is not one of its files'}."
                f"{'' if found else did_you_mean(entry, known)}\n"
                "List each file once, by its name, or by its path below the project's root."
            )
        if found[0] in ranks:
            raise ProjectError(f"'{name}': its order lists {labels[found[0]]} twice.")
        ranks[found[0]] = ((place,),)
    if missing := [label for path, label in labels.items() if path not in ranks]:
        raise ProjectError(
            f"'{name}': its order does not list {_listed(missing)}.\n"
            "Add it at its place, from the oldest to the newest."
        )
    return ranks


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - 3} more" if len(every) > 3 else ""
    return ", ".join(every[:3]) + more if more else " and ".join(every)
