"""Who is at the other end of a connection, and how long they may take to ask.

The kernel knows which user opened the other end of a connection within the machine. Whoever is not
the owner of the server is hung up on before a byte is read; so another user can neither try links
nor use a stolen session, nor keep the server busy.
"""

import asyncio
import ipaddress
import os
import socket
from pathlib import Path
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_SECONDS_FOR_HEADERS = 15.0
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED = "01"
_ROOT = 0


class OwnersProtocol(H11Protocol):
    """HTTP/1.1 for the user who started the server, who must ask within some seconds."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Look who it is; hang up on others."""
        super().connection_made(transport)
        if is_stranger(transport):
            transport.abort()
        else:
            self._wait()

    def data_received(self, data: bytes) -> None:
        """Count the time from the first byte of a request to the end of its headers."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and self.transport.get_protocol() is self:
            self._wait()
        else:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(_SECONDS_FOR_HEADERS, self.transport.abort)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def is_stranger(transport: asyncio.Transport) -> bool:
    """Whether another user of this machine (root excepted) opened the connection.

    One from another machine is not judged by this, nor one through a Unix socket, whose folder
    lets nobody else in.
    """
    here, there = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
    family = transport.get_extra_info("socket").family
    if family not in (socket.AF_INET, socket.AF_INET6):
        return False
    if not ipaddress.ip_address(here[0]).is_loopback:
        return False
    return owner_of(there[:2], here[:2]) not in (os.getuid(), _ROOT)


def owner_of(there: tuple[str, int], here: tuple[str, int]) -> int | None:
    """The user who holds the end `there` of a TCP connection within this machine; None if nobody.

    Each end is an address and a port.
    """
    wanted = {
        (_spelt(*there, mapped=mapped), _spelt(*here, mapped=mapped)) for mapped in (False, True)
    }
    for table in _TABLES:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            parts = line.split()
            if (parts[1], parts[2]) in wanted and parts[3] == _ESTABLISHED:
                return int(parts[7])
    return None


def _spelt(address: str, port: int, *, mapped: bool) -> str:
    """An end of a connection as the kernel's table has it: words of four bytes, each reversed."""
    packed = ipaddress.ip_address(address).packed
    if mapped and len(packed) == 4:
        packed = bytes(10) + b"\xff\xff" + packed
    words = [packed[at : at + 4][::-1].hex().upper() for at in range(0, len(packed), 4)]
    return f"{''.join(words)}:{port:04X}"


def settings() -> dict[str, Any]:
    """What uvicorn is told: small, silent, and with nothing of a request in any log."""
    return {
        "http": OwnersProtocol,
        "ws": "websockets-sansio",
        "loop": "asyncio",
        "lifespan": "off",
        "log_config": None,
        "log_level": "critical",
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "date_header": False,
        "limit_concurrency": 200,
        "timeout_keep_alive": 30,
        "timeout_graceful_shutdown": 2,
        "ws_max_size": 1 << 20,
        "h11_max_incomplete_event_size": 1 << 15,
    }
