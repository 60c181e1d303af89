"""Messages in files on a file system that several machines share.

One process appends whole messages to a file, another reads them. Each is preceded by its size and
its digest: what is not there in full, or is what a stale cache of a network file system shows in
its place, is read later. A file is there before anybody waits for it, since a client remembers for
a while that a file was missing; and it is opened anew for each look, since a client asks the
server again when a file is opened.
"""

import hashlib
import os
import pickle
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from data_package.engine.storage import PRIVATE_FILE

_SIZE_BYTES = 8
_DIGEST_BYTES = hashlib.sha256().digest_size
_HEAD_BYTES = _SIZE_BYTES + _DIGEST_BYTES


def new_mailbox(path: Path) -> Path:
    """Make an empty one, for its owner only."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
    return path


class Outbox:
    """The end that appends; one process at a time has it."""

    def __init__(self, path: Path) -> None:
        """`path`: a mailbox that is there."""
        self._path = path

    def send(self, message: Any) -> None:
        """Append a message; it is on the server when this returns. Raises OSError."""
        content = pickle.dumps(message)
        head = len(content).to_bytes(_SIZE_BYTES) + hashlib.sha256(content).digest()
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            left = memoryview(head + content)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        finally:
            os.close(handle)


class Inbox:
    """The end that reads."""

    def __init__(self, path: Path) -> None:
        """`path`: a mailbox that is there, or will be."""
        self._path = path
        # Of the messages that were read.
        self.read_bytes = 0

    def take(self) -> Iterator[Any]:
        """The messages that have come since."""
        with suppress(OSError), self._path.open("rb") as file:
            file.seek(self.read_bytes)
            while (content := _next(file.read)) is not None:
                self.read_bytes = file.tell()
                yield pickle.loads(content)  # noqa: S301 (it is in a folder of this user alone)

    def wait(self, seconds: float, pause: float = 0.05) -> Any:
        """The next message. Raises EOFError when there is none for so long."""
        until = time.monotonic() + seconds
        while True:
            for message in self.take():
                return message
            if time.monotonic() > until:
                raise EOFError
            time.sleep(pause)


def _next(read: Any) -> bytes | None:
    """The next whole message of a file; None where it is not there, or not in full."""
    head = read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES:
        return None
    size = int.from_bytes(head[:_SIZE_BYTES])
    content: bytes = read(size) if size < 1 << 40 else b""
    right = len(content) == size and hashlib.sha256(content).digest() == head[_SIZE_BYTES:]
    return content if right else None
