"""How each state is drawn, in every form of the graph: by more than its colour."""

from dataclasses import dataclass
from typing import assert_never

from data_package.engine.graph.nodes import FILE, MARKS
from data_package.engine.states import State

_QUIET = "#5a656d"


@dataclass(frozen=True)
class Look:
    """A box.

    Attributes:
        fill: its colour on paper.
        ink: the colour of its border and its mark.
        on_page: the page's variables for both, which know the dark.
        width: of the border.
        dashes: of the border; empty for a whole one.
    """

    fill: str
    ink: str
    on_page: tuple[str, str]
    width: float
    dashes: str = ""

    @property
    def border(self) -> str:
        """The border's kind, as DOT and CSS call it."""
        if self.dashes:
            return "dotted" if int(self.dashes.split()[0]) < 3 else "dashed"
        return "solid"


def _of(state: State) -> Look:
    match state:
        case State.FRESH:
            return Look("#e3f1f0", "#0b6e6b", ("soft", "accent"), 1.2)
        case State.NOT_CHECKED:
            return Look("#e3f1f0", "#8a4b08", ("soft", "warm"), 1.4, "7 3")
        case State.STALE:
            return Look("#fbeedd", "#8a4b08", ("warm-soft", "warm"), 1.4, "7 3")
        case State.CHANGED_OUTSIDE:
            return Look("#fbeedd", "#8a4b08", ("warm-soft", "warm"), 2.2)
        case State.MISSING:
            return Look("#ffffff", _QUIET, ("card", "quiet"), 1.4, "2 3")
        case State.FAILED:
            return Look("#fbe4e2", "#a3201a", ("bad-soft", "bad"), 2.8)
        case _:
            assert_never(state)


LOOKS = {
    **{str(state): _of(state) for state in State},
    FILE: Look("#f3f4f5", _QUIET, ("code", "quiet"), 1.0),
}


def name_of(state: str) -> str:
    """A state as a class of Mermaid and CSS."""
    return state.replace(" ", "-")


def style_sheet() -> str:
    """The rules of the page for each state."""
    return "\n".join(rule for state in MARKS for rule in _rules(name_of(state), LOOKS[state]))


def _rules(name: str, look: Look) -> list[str]:
    fill, ink = (f"var(--{variable})" for variable in look.on_page)
    dashes = f";stroke-dasharray:{look.dashes}" if look.dashes else ""
    bold = ";font-weight:650" if name == State.FAILED else ""
    return [
        f".node.{name} rect{{fill:{fill};stroke:{ink};stroke-width:{look.width}{dashes}}}",
        f".node.{name} .mark{{fill:{ink}}}",
        f".share.{name},#states .{name}{{color:{ink};border-style:{look.border}{bold}}}",
        f".state.{name}{{color:{ink};background:{fill};border-style:{look.border}{bold}}}",
    ]
