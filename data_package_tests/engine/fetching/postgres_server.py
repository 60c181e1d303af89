"""A PostgreSQL of the tests' own, in a folder of its own, which ends with them."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PASSWORD = "planted55"
_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def is_installed() -> bool:
    """Whether a server can be started here."""
    if not _PROGRAMS:
        return False
    words = [*_as_another_user(), str(_PROGRAMS[-1] / "initdb"), "--version"]
    with suppress(OSError):
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    return False


def _as_another_user() -> list[str]:
    """A server refuses to be root: the same user has another number in a namespace of its own."""
    if os.geteuid() != 0:
        return []
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000"]


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Start a server in an empty folder; gives the address of a database, with the password."""
    words = _as_another_user()

    def run(program: str, *arguments: str) -> None:
        command = [*words, str(_PROGRAMS[-1] / program), *arguments]
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr.decode()

    data, secret = str(folder / "data"), folder / "password"
    secret.write_text(PASSWORD)
    options = ("--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256")
    run("initdb", "-D", data, *options, "--username=boss", f"--pwfile={secret}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", settings, "start")
    try:
        yield f"postgresql://boss:{PASSWORD}@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
