"""The possible states of things: the only place that defines how each is shown and what it means.

Commands, pages, JSON and the reference take their words, signs and colours from here.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Self, assert_never


class Shown(StrEnum):
    """A state: its word, by default also the one in JSON, and its look.

    Attributes:
        symbol: one character, which shows the state without colour.
        colour: as terminals name it.
        meaning: for the reference.
    """

    symbol: str
    colour: str
    meaning: str

    def __new__(cls, word: str, symbol: str, colour: str, meaning: str) -> Self:
        """A member; one that lacks any of these does not come into being."""
        made = str.__new__(cls, word)
        made._value_ = word
        made.symbol, made.colour, made.meaning = symbol, colour, meaning
        return made


class State(Shown):
    """The state of a table, from the best to the worst."""

    FRESH = "fresh", "✓", "green", "its file is what its function would make now"
    NOT_CHECKED = "not checked", "–", "yellow", "its file is right, but a check of it did not run"
    STALE = (
        *("stale", "~", "yellow"),
        "its code, an input, or a library changed, or an input is not fresh",
    )
    CHANGED_OUTSIDE = "changed outside", "≠", "yellow", "its file is not the one that was built"
    MISSING = "missing", "○", "yellow", "never built, or its file is gone"
    FAILED = (
        *("failed", "✗", "red"),
        "the last attempt failed, and nothing has changed since; or it does not pass a check",
    )


def worst(states: Iterable[State]) -> State:
    """The worst of some states; fresh where there are none."""
    order = list(State)
    return max(states, key=order.index, default=State.FRESH)


class Verdict(Shown):
    """The result of a table's contract."""

    PASSED = "passed", "✓", "green", "it satisfies its contract"
    FAILED = "failed", "✗", "red", "it breaks its contract"
    NOT_CHECKED = "not checked", "–", "yellow", "not checked since it was built"
    NONE = "none", " ", "dim", "it has no contract"


class PackageState(Shown):
    """The state of the published data package."""

    NONE = "none", " ", "dim", "the project has no final table"
    UP_TO_DATE = "up to date", "✓", "green", "every table is fresh, and it contains them"
    OF_LAST_BUILD = (
        *("that of the last build", "~", "yellow"),
        "it contains the tables as they were built, but not all of them are fresh",
    )
    OUT_OF_DATE = "out of date", "~", "yellow", "publishing would change it, or is not possible yet"
    CHANGED_OUTSIDE = (
        "changed outside",
        "≠",
        "yellow",
        "its files are not those that were published",
    )
    NOT_PUBLISHED = "not published", "○", "yellow", "there is none yet"

    @property
    def in_json(self) -> str:
        """Its word in JSON: what is not up to date is out of date, whatever made it so."""
        last = self is PackageState.OF_LAST_BUILD
        return (PackageState.OUT_OF_DATE if last else self).value

    @property
    def sentence(self) -> str:
        """The sentence in `status`; empty where there is none."""
        match self:
            case PackageState.NONE:
                return ""
            case PackageState.CHANGED_OUTSIDE:
                return "The data package was changed outside of a build."
            case (
                PackageState.UP_TO_DATE
                | PackageState.OF_LAST_BUILD
                | PackageState.OUT_OF_DATE
                | PackageState.NOT_PUBLISHED
            ):
                return f"The data package is {self}."
            case _:
                assert_never(self)


class InPlace(StrEnum):
    """The content of the data package's folder, compared with what publishing now would write."""

    SAME = "same"
    OTHER = "other"
    CHANGED_OUTSIDE = "changed outside"
    NOTHING = "nothing"


def package_state(in_place: InPlace, *, all_fresh: bool) -> PackageState:
    """The state of the data package, from its folder and whether every table is fresh."""
    match in_place:
        case InPlace.NOTHING:
            return PackageState.NOT_PUBLISHED
        case InPlace.CHANGED_OUTSIDE:
            return PackageState.CHANGED_OUTSIDE
        case InPlace.OTHER:
            return PackageState.OUT_OF_DATE
        case InPlace.SAME:
            return PackageState.UP_TO_DATE if all_fresh else PackageState.OF_LAST_BUILD
        case _:
            assert_never(in_place)


class Status(Shown):
    """What a build did with a table, from the worst to the best."""

    FAILED = "failed", "✗", "red", "failed, or does not pass a check"
    NOT_BUILT = "not built", "–", "yellow", "not built, because something it needs failed"
    NOT_CHECKED = "not checked", "–", "yellow", "a check of it was due, but did not run"
    RUNNING = "running", "▸", "blue", "its function runs"
    WAITING = "waiting", "·", "dim", "its turn has not come"
    BUILT = "built", "✓", "green", "built, and its checks passed"
    CHECKED = "checked", "✓", "green", "not run; its checks ran again and passed"
    NOT_YIELDED = "not yielded", "–", "dim", "its function ran and left it out, which it may"
    FRESH = "fresh", "=", "dim", "not run after all: its inputs did not change"

    @property
    def is_good(self) -> bool:
        """Whether the table is what it should be."""
        match self:
            case Status.BUILT | Status.CHECKED | Status.NOT_YIELDED | Status.FRESH:
                return True
            case (
                Status.FAILED
                | Status.NOT_BUILT
                | Status.NOT_CHECKED
                | Status.RUNNING
                | Status.WAITING
            ):
                return False
            case _:
                assert_never(self)

    @property
    def counted(self) -> str:
        """How the last line of a build counts them, after a number."""
        match self:
            case Status.FRESH:
                return "not needed after all (their inputs did not change)"
            case Status.CHECKED:
                return "checked again"
            case (
                Status.FAILED
                | Status.NOT_BUILT
                | Status.NOT_CHECKED
                | Status.RUNNING
                | Status.WAITING
                | Status.BUILT
                | Status.NOT_YIELDED
            ):
                return str(self)
            case _:
                assert_never(self)
