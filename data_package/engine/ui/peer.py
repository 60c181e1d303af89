"""Who is at the other end of a connection: the kernel knows which user opened it on this machine.

Whoever is not the owner of the server is disconnected before a byte is read; so another user can
neither try links nor use a stolen session. What that costs is the same for every connection however
many there are, and a few are looked at before the server goes on, so that a flood of them does not
keep it from its owner.
"""

import errno
import ipaddress
import os
import socket
import struct
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

Place = tuple[str, int]
# The end that the other side has, and ours.
Ends = tuple[Place, Place]

_ROOT = 0
_AT_ONCE = 64
_AT_ONCE_RESET = struct.pack("ii", 1, 0)

# What `linux/netlink.h`, `linux/inet_diag.h` and `net/tcp_states.h` have.
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_NLMSG_ERROR = 2
_HEADER = struct.Struct("=IHHII")
_QUESTION = struct.Struct("=BBBBI")
_ENDS = struct.Struct("!HH16s16s")
_NO_COOKIE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
_ANSWER = struct.Struct("=BBBB48xIIIII")
_ESTABLISHED = 1
_PATIENCE_SECONDS = 1.0

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


class OwnersSocket(socket.socket):
    """A listening socket that accepts the connections of its owner and of root, and no others.

    One from another machine is not judged by this, nor one through a Unix socket, whose folder lets
    nobody else in.
    """

    _known: deque[tuple[socket.socket, object]]

    @classmethod
    def of(cls, opened: socket.socket) -> "OwnersSocket":
        """The same socket; `opened` is used up."""
        made = cls(fileno=opened.detach())
        made._known = deque()
        return made

    def accept(self) -> tuple[socket.socket, object]:
        """The next connection of the owner. Raises BlockingIOError when there is none for now."""
        if not self._known:
            self._look()
        if not self._known:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return self._known.popleft()

    def _look(self) -> None:
        came: list[tuple[socket.socket, object]] = []
        # Others have their turn after these: the loop calls again while somebody waits.
        try:
            while len(came) < _AT_ONCE:
                came.append(super().accept())
        except BlockingIOError:
            pass
        except OSError:
            # Such as too many open files: those who came are not lost, and strangers among them
            # are disconnected.
            if not came:
                raise
        strange = are_strangers([one for one, _ in came])
        for (connection, address), is_strange in zip(came, strange, strict=True):
            if is_strange:
                _hang_up(connection)
            else:
                self._known.append((connection, address))

    def close(self) -> None:
        """Close it, and what was accepted and not asked for."""
        for connection, _ in self._known:
            connection.close()
        super().close()


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        # Nothing is kept of it, on this side not even a port that waits.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE_RESET)
    connection.close()


def are_strangers(connections: Sequence[socket.socket]) -> list[bool]:
    """Of each connection, whether another user of this machine (root excepted) opened it."""
    ends = [_ends(one) for one in connections]
    local = [pair for pair in ends if pair is not None and _is_local(*pair)]
    owners = dict(zip(local, owners_of(local), strict=True))
    trusted = (os.getuid(), _ROOT)
    return [
        (one.family != socket.AF_UNIX if pair is None else pair in owners)
        and (pair is None or owners[pair] not in trusted)
        for one, pair in zip(connections, ends, strict=True)
    ]


def _ends(connection: socket.socket) -> Ends | None:
    """Both ends; None for a Unix socket, or where the other side is gone."""
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    try:
        there, here = connection.getpeername(), connection.getsockname()
    except OSError:
        return None
    return (there[0], there[1]), (here[0], here[1])


def _is_local(there: Place, here: Place) -> bool:
    """Whether the other end is on this machine: whoever is can come by its outer address too."""
    address = ipaddress.ip_address(there[0])
    if ipaddress.ip_address(here[0]).is_loopback or address.is_loopback or there[0] == here[0]:
        return True
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as ours:
        try:
            ours.bind((there[0], 0))
        except OSError:
            return False
    return True


def owners_of(connections: Sequence[Ends]) -> list[int | None]:
    """The users who hold the other ends of TCP connections within this machine, or None."""
    if not connections:
        return []
    try:
        return _asked_of_kernel(connections)
    except OSError:
        # Some containers refuse to answer; there the table of all connections is read.
        return _read_from_table(connections)


def _asked_of_kernel(connections: Sequence[Ends]) -> list[int | None]:
    """Ask for these very connections. Raises OSError where that is not to be had."""
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_NETLINK, kind, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(_PATIENCE_SECONDS)
        return [_owner(kernel, *pair) for pair in connections]


def _owner(kernel: socket.socket, there: Place, here: Place) -> int | None:
    family = socket.AF_INET6 if ":" in there[0] else socket.AF_INET
    addresses = [socket.inet_pton(family, one[0]).ljust(16, b"\0") for one in (there, here)]
    question = (
        _QUESTION.pack(family, socket.IPPROTO_TCP, 0, 0, 1 << _ESTABLISHED)
        + _ENDS.pack(there[1], here[1], *addresses)
        + _NO_COOKIE
    )
    size = _HEADER.size + len(question)
    kernel.send(_HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0) + question)
    answer = kernel.recv(1 << 13)
    kind = _HEADER.unpack_from(answer)[1]
    if kind == _NLMSG_ERROR:
        number = -struct.unpack_from("=i", answer, _HEADER.size)[0]
        if number == errno.ENOENT:
            return None
        raise OSError(number, os.strerror(number))
    _, state, _, _, _, _, _, user, _ = _ANSWER.unpack_from(answer, _HEADER.size)
    # One that its program has closed is nobody's, and would count as root's.
    return int(user) if state == _ESTABLISHED else None


def _read_from_table(connections: Sequence[Ends]) -> list[int | None]:
    wanted = {
        (_spelt(*there, mapped=mapped), _spelt(*here, mapped=mapped)): (there, here)
        for there, here in connections
        for mapped in (False, True)
    }
    found: dict[Ends, int] = {}
    for table in _TABLES:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            parts = line.split(maxsplit=8)
            pair = wanted.get((parts[1], parts[2]))
            if pair is not None and int(parts[3], 16) == _ESTABLISHED:
                found[pair] = int(parts[7])
    return [found.get(pair) for pair in connections]


def _spelt(address: str, port: int, *, mapped: bool) -> str:
    """An end of a connection as the kernel's table has it: words of four bytes, each reversed."""
    packed = ipaddress.ip_address(address).packed
    if mapped and len(packed) == 4:
        packed = bytes(10) + b"\xff\xff" + packed
    words = [packed[at : at + 4][::-1].hex().upper() for at in range(0, len(packed), 4)]
    return f"{''.join(words)}:{port:04X}"
