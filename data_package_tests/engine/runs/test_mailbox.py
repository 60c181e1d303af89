"""Messages in files: what is there in part, or wrong, is read when it is whole."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_package.engine.runs.mailbox import Inbox, Outbox, new_mailbox


def test_messages_arrive_in_order_and_once(tmp_path: Path) -> None:
    place = new_mailbox(tmp_path / "box")
    assert place.stat().st_mode & 0o777 == 0o600
    out, inbox = Outbox(place), Inbox(place)
    assert list(inbox.take()) == []
    out.send("one")
    out.send(("two", 2))
    assert list(inbox.take()) == ["one", ("two", 2)]
    out.send(None)
    assert list(inbox.take()) == [None]
    assert list(inbox.take()) == []


@given(seen=st.integers(0, 200), hidden=st.integers(0, 200))
def test_what_is_there_in_part_or_shown_as_zeros_is_read_later(
    tmp_path_factory: pytest.TempPathFactory, seen: int, hidden: int
) -> None:
    folder = tmp_path_factory.mktemp("box")
    whole, shown = new_mailbox(folder / "whole"), new_mailbox(folder / "shown")
    messages = ["first", {"second": [2] * 20}]
    for message in messages:
        Outbox(whole).send(message)
    content = whole.read_bytes()
    inbox = Inbox(shown)
    # A client of a network file system may know the size before the content.
    shown.write_bytes(content[:seen] + bytes(min(hidden, max(0, len(content) - seen))))
    early = list(inbox.take())
    assert early == messages[: len(early)]
    shown.write_bytes(content)
    assert [*early, *inbox.take()] == messages


def test_one_that_waits_is_not_kept_for_ever(tmp_path: Path) -> None:
    place = new_mailbox(tmp_path / "box")
    with pytest.raises(EOFError):
        Inbox(place).wait(0)
    Outbox(place).send(1)
    assert Inbox(place).wait(0) == 1
    assert list(Inbox(tmp_path / "missing").take()) == []
