"""How long the owner of the web pages waits while another user of the machine floods the server."""

import os
import shutil
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
_FLOOD = """
import socket, sys
print("floods", flush=True)
count = 0
while True:
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=1).close()
    except OSError:
        pass
"""
_HOLD = """
import resource, socket, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
held = []
for _ in range(1000):
    try:
        held.append(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=1))
    except OSError:
        pass
print("holds", flush=True)
time.sleep(600)
"""


def run(quick: bool) -> str:
    """Ask for a page again and again: before, under each kind of flood, and after."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        raise Unavailable("only root can act as another user.")
    times = 5 if quick else 40
    lines = ["| | median | slowest | not answered in 20 s |", "|---|--:|--:|--:|"]
    with (
        tempfile.TemporaryDirectory() as folder,
        served(new_study(Path(folder), TABLES)) as server,
    ):
        server.log_in()
        lines.append(_line("nobody else", server, times))
        for name, script, processes in (
            ("one process that connects and leaves", _FLOOD, 1),
            ("four of them", _FLOOD, 4),
            ("1,000 connections that are held", _HOLD, 1),
        ):
            others = [_as_other(script, str(server.facts["port"])) for _ in range(processes)]
            try:
                time.sleep(2 if quick else 10)
                lines.append(_line(name, server, times))
            finally:
                for one in others:
                    one.kill()
                    one.wait()
            lines.append(_line("right after", server, times))
    return "\n".join(lines)


def _as_other(script: str, *words: str) -> "subprocess.Popen[bytes]":
    python = next(one for one in ("/usr/bin/python3", sys.executable) if Path(one).exists())
    ids = (f"--reuid={_OTHER}", f"--regid={_OTHER}", "--clear-groups")
    process = subprocess.Popen(
        ["setpriv", *ids, python, "-c", script, *words], cwd="/", stdout=subprocess.PIPE
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
