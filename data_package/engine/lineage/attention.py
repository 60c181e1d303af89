"""Which frames this thread is following, if any."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_package.engine.lineage.followed_frames import Frames

_here = threading.local()


def current() -> "Frames | None":
    """The frames that are followed by this thread."""
    return getattr(_here, "frames", None)


@contextmanager
def attending(frames: "Frames | None") -> Iterator[None]:
    """Follow these frames."""
    before, _here.frames = current(), frames
    try:
        yield
    finally:
        _here.frames = before


@contextmanager
def paused() -> Iterator[None]:
    """Use Polars unchanged; what the block raises is remembered, as the function may catch it."""
    from data_package.engine.lineage.column_lineage import CannotFollow

    frames = current()
    try:
        with attending(None):
            yield
    except CannotFollow as error:
        if frames is not None:
            frames.stop(str(error))
        raise
