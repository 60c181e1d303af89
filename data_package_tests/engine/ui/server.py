"""The real command `data-package ui`, in a process of its own, and what one can send to it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from data_package_tests import prepared
from data_package_tests.conftest import Study
from data_package_tests.engine.tables.running import HEADER

UI = (sys.executable, "-m", "data_package.engine.cli", "ui", "--json")

TABLES = {
    "raw/__init__.py": "",
    "raw/people.py": HEADER
    + """
from data_package import source_file

people_file = source_file("people_file", "people.csv")

@dg.asset(owners=["team:data"])
def people(people_file: Path) -> pl.LazyFrame:
    \"\"\"One row per person.\"\"\"
    return pl.scan_csv(people_file)
""",
    "final/__init__.py": "",
    "final/grown_ups.py": HEADER
    + """
@dg.asset
def grown_ups(people: pl.LazyFrame) -> pl.LazyFrame:
    \"\"\"One row per grown-up.\"\"\"
    return people.filter(pl.col("age") >= 18)
""",
    "final/grown_ups.yaml": "title: Grown-ups\nschema:\n  fields:\n"
    "    - {name: name, type: string, description: As told., constraints: {required: true}}\n"
    "    - {name: age, type: integer, constraints: {maximum: 120}}\n  primaryKey: [name]\n",
    "/people.csv": "name,age\nanna,20\nbo,7\n",
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_refused(self) -> bool:
        """Whether an operation was refused as a whole, in words that the pages show."""
        if self.status != 200:
            return False
        (error,) = self.json.get("errors") or [{}]
        nothing = self.json.keys() == {"data", "errors"} and self.json["data"] is None
        return nothing and error.get("extensions") == {"code": "FORBIDDEN"}


@dataclass
class Served:
    """A running server. `ask` is whoever knows the port; `cookie` makes them the owner."""

    study: Study
    process: subprocess.Popen[str] | prepared.Lasting
    facts: dict[str, Any]
    cookie: str = ""
    sent: list[bytes] = field(default_factory=list)

    @property
    def host(self) -> str:
        return urlsplit(str(self.facts["link"])).netloc

    @property
    def token_path(self) -> str:
        parts = urlsplit(str(self.facts["link"]))
        return f"{parts.path}?{parts.query}"

    def ask(
        self,
        method: str,
        path: str,
        body: str | bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request, with the Host of the link and nothing else that a browser would add."""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.facts["port"]), timeout=60)
        connection.sock = self.connect()
        # What is too long is answered, and hung up on, before all of it has been sent.
        with suppress(BrokenPipeError):
            connection.request(method, path, body, {"Host": self.host, **(headers or {})})
        response = connection.getresponse()
        answer = Answer(
            response.status, {k.lower(): v for k, v in response.headers.items()}, response.read()
        )
        connection.close()
        self.sent.append(repr(answer.headers).encode() + answer.body)
        return answer

    def connect(self) -> socket.socket:
        if self.facts["socket"]:
            made = socket.socket(socket.AF_UNIX)
            made.settimeout(60)
            made.connect(str(self.facts["socket"]))
            return made
        return socket.create_connection(("127.0.0.1", int(self.facts["port"])), timeout=60)

    def log_in(self) -> None:
        answer = self.ask("GET", self.token_path)
        assert answer.status == 200
        self.cookie = answer.headers["set-cookie"].split(";")[0]

    @property
    def owner(self) -> dict[str, str]:
        """The headers by which the pages of the logged-in browser ask."""
        return {
            "Cookie": self.cookie,
            "Origin": f"http://{self.host}",
            "Content-Type": "application/json",
        }

    def graphql(self, query: str, variables: object = None, **headers: str) -> Answer:
        """A GraphQL request as the pages send it."""
        body = json.dumps({"query": query, "variables": variables})
        return self.ask("POST", "/graphql", body, {**self.owner, **headers})

    def materialize(self, *tables: str, checks: tuple[tuple[str, str], ...] = ()) -> Answer:
        """What the button on a table's page sends."""
        params = {
            "mode": "default",
            "selector": {
                "repositoryLocationName": f"{self.study.package}.definitions",
                "repositoryName": "__repository__",
                "jobName": "__ASSET_JOB",
                "assetSelection": [{"path": [name]} for name in tables],
                "assetCheckSelection": [
                    {"assetKey": {"path": [table]}, "name": name} for table, name in checks
                ],
            },
            "executionMetadata": {"tags": [{"key": "dagster/from_ui", "value": "true"}]},
        }
        return self.graphql(LAUNCH, {"params": params})

    def end_of_run(self, run: str) -> str:
        """The status in which a run ends."""
        query = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
        for _ in range(120):
            status = str(self.graphql(query, {"run": run}).json["data"]["runOrError"]["status"])
            if status in ("SUCCESS", "FAILURE", "CANCELED"):
                return status
            time.sleep(0.25)
        raise AssertionError(f"the run {run} does not end")

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=60)


LAUNCH = """mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { id } }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
  }
}"""


# What the command imports when it serves; with it, a fork begins in a fifth of the time.
_SERVING = (
    "data_package.engine.cli.ui",
    "data_package.engine.ui.serving",
    "dagster_webserver.webserver",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
)
# As from a terminal, though whoever runs the tests may ignore the end of theirs.
_BEFORE = """
import signal
os.setsid()
signal.signal(signal.SIGHUP, signal.SIG_DFL)
if {umask} >= 0:
    os.umask({umask})
"""


@contextmanager
def served(
    study: Study, *options: str, prefix: tuple[str, ...] = (), umask: int = -1
) -> Iterator[Served]:
    """Serve a project's pages, and end that with the block.

    With `prefix`, which stands before the command, it begins as a process of its own.
    """
    words = (*(() if "--socket" in options else ("--port", "0")), *options)
    process: subprocess.Popen[str] | prepared.Lasting
    if prefix:
        process = subprocess.Popen(
            (*prefix, "env", "--default-signal=HUP", *UI, *words),
            cwd=study.root,
            env=study.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            umask=umask,
        )
    else:
        own = ("ui", "--json", *words)
        before = _BEFORE.format(umask=umask)
        process = prepared.start(own, study.root, study.environment(), before, _SERVING)
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    if not line:
        raise AssertionError(process.stderr.read())
    server = Served(study, process, json.loads(line))
    try:
        yield server
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        process.stderr.close()


def processes_in(folder: Path) -> list[str]:
    """The command lines of the processes that work in a folder, this one left out."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if (place / "cwd").resolve().is_relative_to(folder) and int(place.name) != os.getpid():
                found.append((place / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def rows_of(study: Study, table: str) -> int:
    return pl.read_parquet(next(study.storage.glob(f"*/{table}.parquet"))).height
