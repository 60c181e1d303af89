"""A wire between a browser and a server, on which everything that the server sends is kept."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Wire:
    port: int
    sent: bytearray = field(default_factory=bytearray)


@contextmanager
def relay(port: int) -> Iterator[Wire]:
    """Pass every connection on to a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        wire = Wire(door.getsockname()[1])

        def enter() -> None:
            with suppress(OSError):
                while True:
                    near, _ = door.accept()
                    far = socket.create_connection(("127.0.0.1", port))
                    pass_on(near, far, None)
                    pass_on(far, near, wire.sent)

        threading.Thread(target=enter, daemon=True).start()
        yield wire


def pass_on(one: socket.socket, other: socket.socket, kept: bytearray | None) -> None:
    def run() -> None:
        with suppress(OSError):
            while part := one.recv(1 << 16):
                if kept is not None:
                    kept.extend(part)
                other.sendall(part)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)

    threading.Thread(target=run, daemon=True).start()
