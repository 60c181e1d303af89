"""How long the owner of the web pages waits while another user of the machine floods the server."""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from data_package_tests.bench import Unavailable
from data_package_tests.conftest import new_study
from data_package_tests.engine.ui.server import TABLES, Served, served

title = "The web pages under another user's flood"
long = True

_OTHER = 65534
# Another user from the start of the connections on; the interpreter need not be theirs to read.
_BECOME = f"""
import os, resource, socket, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
os.setgroups([])
os.setresgid({_OTHER}, {_OTHER}, {_OTHER})
os.setresuid({_OTHER}, {_OTHER}, {_OTHER})
def connected():
    made = socket.socket()
    made.settimeout(1)
    made.connect(("127.0.0.1", int(sys.argv[1])))
    return made
print("ready", flush=True)
"""
_AGAIN = """
while True:
    try:
        with connected() as one:
            {act}
    except OSError:
        pass
"""
_HELD = """
held = []
while True:
    try:
        if len(held) < 1000:
            held.append(connected())
        else:
            time.sleep(1)
            {act}
    except OSError:
        held = held[-900:]
"""
_FLOODS = {
    "one process that connects and leaves": (_AGAIN.format(act="pass"), 1),
    "four of them": (_AGAIN.format(act="pass"), 4),
    "1,000 connections that are held": (_HELD.format(act="pass"), 1),
    "1,000 that send a byte of a header a second": (
        _HELD.format(act="[one.send(b'G') for one in held]"),
        1,
    ),
    "half-closed connections": (
        _AGAIN.format(act="one.shutdown(socket.SHUT_WR); one.recv(1)"),
        1,
    ),
    "headers of 8 MB": (
        _AGAIN.format(act="one.sendall(b'GET / HTTP/1.1\\r\\nX: ' + b'x' * (8 << 20))"),
        1,
    ),
    "requests for a hundred thousand paths": (
        _AGAIN.format(act="one.sendall(b'GET /%d HTTP/1.1\\r\\n\\r\\n' % time.time_ns())"),
        1,
    ),
    "WebSockets": (
        _AGAIN.format(
            act="one.sendall(b'GET /graphql HTTP/1.1\\r\\nUpgrade: websocket\\r\\n\\r\\n')"
        ),
        1,
    ),
}


def run(quick: bool) -> str:
    """Ask for a page again and again: before, under each kind of flood, and after."""
    if os.getuid() != 0:
        raise Unavailable("only root can act as another user.")
    times = 5 if quick else 40
    lines = ["| | median | slowest | not answered in 20 s |", "|---|--:|--:|--:|"]
    with (
        tempfile.TemporaryDirectory() as folder,
        served(new_study(Path(folder), TABLES)) as server,
    ):
        server.log_in()
        lines.append(_line("nobody else", server, times))
        for name, (script, processes) in _FLOODS.items():
            others = [_as_other(script, str(server.facts["port"])) for _ in range(processes)]
            try:
                time.sleep(2 if quick else 10)
                lines.append(_line(name, server, times))
                assert all(one.poll() is None for one in others), "a flood has ended by itself"
            finally:
                for one in others:
                    one.kill()
                    one.wait()
            lines.append(_line("right after", server, times))
    return "\n".join(lines)


def _as_other(script: str, *words: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-c", _BECOME + script, *words], cwd="/", stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _line(name: str, server: Served, times: int) -> str:
    waited, lost = [], 0
    for _ in range(times):
        began = time.monotonic()
        try:
            with suppress(ConnectionError):
                assert _ask(server) == 200
        except TimeoutError:
            lost += 1
        waited.append(time.monotonic() - began)
    return f"| {name} | {statistics.median(waited):.3f} s | {max(waited):.3f} s | {lost} |"


def _ask(server: Served) -> int:
    with socket.create_connection(("127.0.0.1", int(server.facts["port"])), timeout=20) as one:
        head = f"GET /locations HTTP/1.1\r\nHost: {server.host}\r\nCookie: {server.cookie}\r\n\r\n"
        one.sendall(head.encode())
        return int(one.recv(1 << 12).split()[1])
