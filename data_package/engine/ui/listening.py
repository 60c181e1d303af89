"""Where the server is reached: a port of this machine, or a socket in a private folder."""

import getpass
import hashlib
import ipaddress
import os
import secrets
import shlex
import socket
import ssl
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from data_package.engine.errors import ProjectError
from data_package.engine.project import Project
from data_package.engine.storage import PRIVATE_FOLDER, make_private_folder
from data_package.engine.ui.guard import LOGIN, Address
from data_package.engine.ui.peer import OwnersSocket

PORT = 3000
_PORTS_TRIED = 20
_LONGEST_SOCKET_PATH = 107
_LOOPBACK = "127.0.0.1"
_WAITING = 2048


@dataclass(frozen=True)
class ListeningPlace:
    """What a user asks for.

    Attributes:
        host: the name or address that browsers use; None for a secret name of this machine.
        port: None for 3000, or the next that is free.
        socket: whether to listen on a Unix socket instead; `port` is then that of the browser.
        tls_cert, tls_key: files; without them only this machine is served.
    """

    host: str | None = None
    port: int | None = None
    socket: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None


@dataclass(frozen=True)
class Listening:
    """An open socket, the name under which browsers know it, and how they get there."""

    socket: socket.socket
    address: Address
    port: int
    path: Path | None

    def link(self, token: str) -> str:
        """The address to open in a browser."""
        return f"{self.address.scheme}://{self.address.host}:{self.port}{LOGIN}?token={token}"

    @property
    def ssh_line(self) -> str:
        """What to type on one's own machine when this one is elsewhere."""
        there = shlex.quote(str(self.path)) if self.path else f"{_LOOPBACK}:{self.port}"
        return f"ssh -N -L {self.port}:{there} {getpass.getuser()}@{socket.gethostname()}"


@contextmanager
def listening(place: ListeningPlace, project: Project) -> Iterator[Listening]:
    """Open what is asked for, and close it. Raises ProjectError where it cannot be had."""
    address, bound_to = _address(place)
    path = None
    if place.socket:
        path = _socket_path(project)
        opened, port = _open_unix(path), place.port or PORT
    else:
        opened = _open_tcp(bound_to, place.port)
        port = opened.getsockname()[1]
    try:
        yield Listening(opened, address, port, path)
    finally:
        opened.close()
        if path is not None:
            path.unlink(missing_ok=True)
            if not path.is_relative_to(project.storage):
                path.parent.rmdir()


def _address(place: ListeningPlace) -> tuple[Address, str]:
    """The name for browsers, and the address to listen on."""
    if (place.tls_cert is None) != (place.tls_key is None):
        raise ProjectError("--tls-cert and --tls-key go together.")
    scheme = "https" if place.tls_cert else "http"
    if place.tls_cert and place.tls_key:
        _check_certificate(place.tls_cert, place.tls_key)
    if place.host is None:
        # Browsers send cookies to every port of a name, so a name that nobody else on the machine
        # can know keeps ours from what others serve on theirs. Any name below localhost leads here.
        return Address(scheme, f"{secrets.token_hex(8)}.localhost"), _LOOPBACK
    host = place.host.lower().strip("[]")
    bound_to = _resolved(host)
    if bound_to.is_unspecified:
        raise ProjectError(
            f"--host {place.host} is every address of this machine.\n"
            "Name the one that browsers are to use."
        )
    if not bound_to.is_loopback and place.tls_cert is None:
        raise ProjectError(
            f"--host {place.host} can be reached from other machines, and what is sent could be "
            "read on the way.\nGive --tls-cert and --tls-key, or leave --host out and come "
            "through ssh: its line is printed."
        )
    return Address(scheme, f"[{host}]" if ":" in host else host), str(bound_to)


def _resolved(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if host == "localhost" or host.endswith(".localhost"):
        host = _LOOPBACK
    with suppress(ValueError):
        return ipaddress.ip_address(host)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        raise ProjectError(f"--host {host} is not a name of this machine.") from None
    return ipaddress.ip_address(found[0][4][0])


def _check_certificate(cert: Path, key: Path) -> None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror or "they do not fit together"
        raise ProjectError(f"--tls-cert {cert}, --tls-key {key}: not usable: {why}.") from None


def _open_tcp(host: str, port: int | None) -> socket.socket:
    wanted = [port] if port is not None else [*range(PORT, PORT + _PORTS_TRIED), 0]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for one in wanted:
        try:
            # The kernel holds whoever comes while others are disconnected, so that nobody is lost.
            opened = socket.create_server((host, one), family=family, backlog=_WAITING)
            return OwnersSocket.of(opened)
        except OSError as error:
            why = error.strerror or "unknown"
    raise ProjectError(
        f"Port {wanted[-1]} of {host} cannot be listened on: {why}.\n"
        "Give another with --port, or leave it out."
    )


def _open_unix(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with suppress(OSError):
        made.connect(str(path))
        made.close()
        raise ProjectError(
            f"The pages of this project are served already, at {path}.\nEnd that one first."
        )
    made.close()
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o077)
    try:
        made.bind(str(path))
    finally:
        os.umask(before)
    made.listen(128)
    return made


def _socket_path(project: Project) -> Path:
    """A path in a folder that only its owner can enter, short enough for a socket."""
    path = make_private_folder(project.places.ui) / "socket"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        path.parent.chmod(PRIVATE_FOLDER)
        return path
    # Named by the project, so that a second server finds the first.
    name = f"data-package-{os.getuid()}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir(), name)
    with suppress(FileExistsError):
        folder.mkdir(mode=PRIVATE_FOLDER)
    if not _is_private(folder):
        raise ProjectError(
            f"{folder} is not a folder that only you can enter, so no socket is put there.\n"
            "Remove it, or serve a port: leave --socket out."
        )
    return folder / "socket"


def _is_private(folder: Path) -> bool:
    found = folder.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return ours and stat.S_IMODE(found.st_mode) == PRIVATE_FOLDER
