"""Every state has a word, a sign, a colour and a meaning, and every form of showing knows it."""

import itertools
import re
from pathlib import Path

import pytest

from data_package.engine.graph.looks import LOOKS, style_sheet
from data_package.engine.graph.nodes import FILE, MARKS, WORST, DrawnNode, Graph
from data_package.engine.graph.page import html
from data_package.engine.graph.picture import svg
from data_package.engine.graph.text import dot, mermaid
from data_package.engine.states import (
    InPlace,
    PackageState,
    Shown,
    State,
    Status,
    Verdict,
    package_state,
    worst,
)

KINDS: tuple[type[Shown], ...] = (State, Verdict, PackageState, Status)
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_has_all_that_is_shown_of_it(kind: type[Shown]) -> None:
    for state in kind:
        assert str(state) == state.value
        assert len(state.symbol) == 1
        assert state.colour in {"green", "yellow", "red", "blue", "dim"}
        assert state.meaning


def test_a_state_without_a_sign_cannot_be_written_down() -> None:
    with pytest.raises(TypeError):

        class Lacking(Shown):
            HELD = "held"


@pytest.mark.parametrize("kind", KINDS)
def test_a_tick_marks_only_success(kind: type[Shown]) -> None:
    for state in kind:
        assert (state.symbol == "✓") == (state.colour == "green")
    assert [s for s in Status if s.symbol == "✓"] == [Status.BUILT, Status.CHECKED]
    assert [s for s in State if s.symbol == "✓"] == [State.FRESH]


@pytest.mark.parametrize("state", [*map(str, State), FILE])
def test_every_form_of_the_graph_knows_every_state(state: str) -> None:
    graph = Graph("s", [DrawnNode("t", "raw", state)])
    name = state.replace(" ", "-")
    assert state in LOOKS
    assert f".node.{name} rect{{" in style_sheet()
    assert f"{MARKS[state]} t" in mermaid(graph)
    assert f"classDef {name} " in mermaid(graph)
    assert f"{MARKS[state]} t" in dot(graph)
    assert MARKS[state] in svg(graph)
    assert f'"s":"{state}"' in html(graph, "s")
    assert state in WORST


def test_the_marks_of_two_states_differ() -> None:
    assert len(set(MARKS.values())) == len(MARKS)
    looks = [(look.fill, look.ink, look.width, look.dashes) for look in LOOKS.values()]
    assert len(set(looks)) == len(looks)


def test_several_are_as_bad_as_the_worst_of_them() -> None:
    assert worst([]) is State.FRESH
    for one, other in itertools.combinations(State, 2):
        assert worst([one, other]) is worst([other, one]) is other


@pytest.mark.parametrize(
    ("in_place", "all_fresh", "word"),
    [
        (InPlace.SAME, True, "up to date"),
        (InPlace.SAME, False, "that of the last build"),
        (InPlace.OTHER, True, "out of date"),
        (InPlace.OTHER, False, "out of date"),
        (InPlace.CHANGED_OUTSIDE, True, "changed outside"),
        (InPlace.CHANGED_OUTSIDE, False, "changed outside"),
        (InPlace.NOTHING, True, "not published"),
        (InPlace.NOTHING, False, "not published"),
    ],
)
def test_a_data_package_is_up_to_date_only_above_fresh_tables(
    in_place: InPlace, all_fresh: bool, word: str
) -> None:
    found = package_state(in_place, all_fresh=all_fresh)
    assert found == word
    assert ("up to date" in found.sentence) == (found is PackageState.UP_TO_DATE)


@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_says_what_every_state_means(kind: type[Shown]) -> None:
    text = REFERENCE.read_text()
    for state in kind:
        if state in (Status.RUNNING, Status.WAITING):
            continue
        mark = re.escape(f"`{state.symbol}` ") if kind in (Status,) else ""
        row = rf"^\| {mark}`{state}` \| {re.escape(state.meaning)} \|$"
        assert re.search(row, text, re.MULTILINE), f"commands.md lacks: {state}: {state.meaning}"
