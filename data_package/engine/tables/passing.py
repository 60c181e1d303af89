"""What a process that only carries out steps passes on to the one that decides.

The deciding process alone writes the lock, its journal and what is remembered of tables. Code that
writes such a thing asks here first; in the deciding process itself, nothing is passed on.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Send = Callable[[str, tuple[object, ...]], None]

_send: Send | None = None


@contextmanager
def passing_on(send: Send) -> Iterator[None]:
    """Pass everything on while the block runs: `send` gets what it is, and the facts."""
    global _send
    before, _send = _send, send
    try:
        yield
    finally:
        _send = before


def passed_on(what: str, *facts: object) -> bool:
    """Whether another process writes it: then it has got it."""
    if _send is None:
        return False
    _send(what, facts)
    return True
