"""Another user of the same machine: reads nothing, reaches nothing, before and after the login.

A process under another user id stands for that user; only root can start one, so these tests are
left out elsewhere.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from data_package_tests.conftest import Make, Study, new_study
from data_package_tests.engine.ui.server import TABLES, Served, served

OTHER = 65534
_AS_OTHER = ("setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.getuid() != 0 or shutil.which("setpriv") is None,
        reason="only root can act as another user",
    ),
]

_LOOK = """
import json, os, sys
readable = []
for root in sys.argv[1:]:
    for place, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = os.path.join(place, name)
            try:
                os.scandir(path).close() if os.path.isdir(path) else open(path, "rb").close()
                readable.append(path)
            except OSError:
                pass
    try:
        os.scandir(root).close()
        readable.append(root)
    except OSError:
        pass
print(json.dumps(readable))
"""

# Whatever is sent, what comes back is printed.
_SEND = """
import socket, sys
family, place, text = sys.argv[1:]
one = socket.socket(getattr(socket, family))
one.settimeout(20)
try:
    one.connect(place if family == "AF_UNIX" else ("127.0.0.1", int(place)))
    one.sendall(text.encode())
    while part := one.recv(65536):
        sys.stdout.write(part.decode(errors="replace"))
except OSError as error:
    print("refused:", type(error).__name__)
"""


def as_other(script: str, *words: str) -> str:
    # The interpreter's own folder may be the owner's alone, so any other one will do.
    python = next(
        (one for one in ("/usr/bin/python3", sys.executable) if _can_run(one)), sys.executable
    )
    done = subprocess.run(
        [*_AS_OTHER, python, "-c", script, *words],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _can_run(python: str) -> bool:
    words = [*_AS_OTHER, python, "-c", ""]
    try:
        return subprocess.run(words, cwd="/", check=False, capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.fixture
def open_study() -> Iterator[Make]:
    """A project in a folder that everybody may enter: its own permissions are what counts.

    No folder of pytest's, which whoever starts pytest next closes to others.
    """
    if not _can_run("/usr/bin/python3") and not _can_run(sys.executable):
        pytest.skip("another user can run no Python here")
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield lambda files: new_study(Path(folder), files)


def everything_private(project: Study, *more: str) -> None:
    seen = json.loads(as_other(_LOOK, str(project.root / project.package)))
    assert str(project.root / project.package / "raw" / "people.py") in seen
    assert json.loads(as_other(_LOOK, str(project.storage), *more)) == []


def test_nothing_in_storage_can_be_read_by_another_user(open_study: Make) -> None:
    project = open_study(TABLES)
    with served(project, "--allow-runs", umask=0) as server:
        everything_private(project)
        server.log_in()
        answer = server.materialize("people", "grown_ups").json["data"]["launchRun"]
        assert server.end_of_run(answer["run"]["id"]) == "SUCCESS"
        everything_private(project)
    assert project.command("build").returncode == 0
    everything_private(project)


def request(server: Served, **headers: str) -> str:
    lines = {"Host": server.host, "Connection": "close", **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"GET {{path}} HTTP/1.1\r\n{head}\r\n"


def test_another_user_is_hung_up_on_at_the_port_whatever_they_know(open_study: Make) -> None:
    project = open_study(TABLES)
    with served(project, "--allow-runs") as server:
        port = str(server.facts["port"])

        def tried(path: str, **headers: str) -> str:
            return as_other(_SEND, "AF_INET", port, request(server, **headers).format(path=path))

        assert "HTTP/1.1" not in tried("/")
        # Even with the link in hand, and it is not used up by the attempt.
        assert "HTTP/1.1" not in tried(server.token_path)
        server.log_in()
        assert "HTTP/1.1" not in tried("/")
        # Even with the owner's cookie.
        assert "HTTP/1.1" not in tried("/", Cookie=server.cookie)
        body = '{"query": "{ version }"}'
        posted = (
            f"POST /graphql HTTP/1.1\r\nHost: {server.host}\r\nOrigin: http://{server.host}\r\n"
            f"Cookie: {server.cookie}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
        )
        assert "version" not in as_other(_SEND, "AF_INET", port, posted)
        # The same bytes, sent by the owner, are answered.
        with server.connect() as own:
            own.sendall(posted.encode())
            assert b'{"data":{"version"' in b"".join(iter(lambda: own.recv(65536), b""))


def test_another_user_does_not_get_to_the_socket(open_study: Make) -> None:
    project = open_study(TABLES)
    with served(project, "--socket", umask=0) as server:
        server.log_in()
        text = request(server, Cookie=server.cookie).format(path="/")
        output = as_other(_SEND, "AF_UNIX", str(server.facts["socket"]), text)
        assert output.strip() == "refused: PermissionError"


def sockets_of(process: int) -> Iterator[str]:
    """The inodes of a process's sockets."""
    for one in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # it has been closed meanwhile
            kind, _, inode = str(one.readlink()).partition(":")
            if kind == "socket":
                yield inode.strip("[]")


def test_there_is_no_other_door(open_study: Make) -> None:
    """The server listens at one place: no code server, and no socket in a shared folder."""
    project = open_study(TABLES)
    with served(project, "--allow-runs") as server:
        server.log_in()
        assert server.graphql("{ assetNodes { id } }").status == 200
        inodes = set(sockets_of(server.process.pid))
        listening = [
            line.split()[1]
            for table in ("/proc/net/tcp", "/proc/net/tcp6")
            for line in Path(table).read_text().splitlines()[1:]
            if line.split()[9] in inodes and line.split()[3] == "0A"
        ]
        assert listening == [f"0100007F:{int(server.facts['port']):04X}"]
        named = [
            line
            for line in Path("/proc/net/unix").read_text().splitlines()[1:]
            if line.split()[6] in inodes and len(line.split()) > 7
        ]
        assert named == []
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        assert children.read_text().split() == []
