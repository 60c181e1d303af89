"""The command `data-package ui`: what it starts is this project's, and ends with it."""

import fcntl
import json
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.staleness.lock import read_lock
from data_package.engine.ui.listening import ListeningPlace, listening
from data_package_tests import prepared
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import HEADER
from data_package_tests.engine.ui.server import (
    TABLES,
    Served,
    processes_in,
    rows_of,
    served,
)

pytestmark = pytest.mark.slow

CONTRACT = ("grown_ups", "contract")

SLOW = {
    "t.py": HEADER
    + """
import time

@dg.asset
def endless() -> pl.LazyFrame:
    Path("begun").write_text("")
    while not Path("go_on").exists():
        time.sleep(0.05)
    return pl.LazyFrame({"n": [1]})
"""
}
EVENTS = """query($run: ID!) { runOrError(runId: $run) { ... on Run {
  eventConnection { events { __typename ... on MessageEvent { message } } } } } }"""


def launched(server: Served, *tables: str, checks: tuple[tuple[str, str], ...] = ()) -> str:
    reported = server.materialize(*tables, checks=checks).json["data"]["launchRun"]
    assert reported["__typename"] == "LaunchRunSuccess", reported
    return str(reported["run"]["id"])


def messages_of(server: Served, run: str) -> str:
    reported = server.graphql(EVENTS, {"run": run}).json["data"]["runOrError"]
    return "\n".join(one.get("message") or "" for one in reported["eventConnection"]["events"])


def wait_for(what: Callable[[], bool]) -> None:
    for _ in range(400):
        if what():
            return
        time.sleep(0.1)
    raise AssertionError("it does not come")


def test_a_run_from_the_pages_is_recorded_as_one_of_the_command(study: Make) -> None:
    project = study(TABLES)
    assert project.build().ok
    before = read_lock(project.project).tables
    project.write({"/people.csv": "name,age\nanna,20\nbo,7\ncaro,40\n"})
    with served(project, "--allow-runs") as server:
        server.log_in()
        run = launched(server, "people", "grown_ups", checks=(CONTRACT,))
        assert server.end_of_run(run) == "SUCCESS"
    after = read_lock(project.project).tables
    assert rows_of(project, "grown_ups") == 2
    assert after["grown_ups"].rows == 2
    assert after["grown_ups"].inputs["people"] == after["people"].data_version
    assert after["grown_ups"].inputs != before["grown_ups"].inputs
    status = project.verb("status", "--json")
    assert {one["state"] for one in json.loads(status.stdout)["tables"]} == {"fresh"}
    history = json.loads(project.verb("history", "--json", "-n", "1").stdout)
    assert history[0]["started_by"] == "web page"
    assert history[0]["built"] == ["people", "grown_ups"]


def test_a_run_from_the_pages_takes_the_code_as_it_is_now(study: Make) -> None:
    project = study(TABLES)
    with served(project, "--allow-runs") as server:
        server.log_in()
        project.write({"final/grown_ups.py": TABLES["final/grown_ups.py"].replace("18", "1")})
        assert server.end_of_run(launched(server, "people", "grown_ups")) == "SUCCESS"
    assert rows_of(project, "grown_ups") == 2
    # The lock says what was run, so that nothing is stale.
    status = json.loads(project.verb("status", "--json").stdout)
    assert {one["name"] for one in status["tables"] if one["state"] == "fresh"} >= {"grown_ups"}


def test_tables_that_use_a_table_with_a_broken_contract_are_not_built(study: Make) -> None:
    reader = HEADER + "\n@dg.asset\ndef reader(grown_ups: pl.LazyFrame) -> pl.LazyFrame:\n"
    project = study(TABLES | {"t.py": reader + "    return grown_ups\n"})
    project.write({"/people.csv": "name,age\nanna,999\n"})
    with served(project, "--allow-runs") as server:
        server.log_in()
        run = launched(server, "people", "grown_ups", "reader", checks=(CONTRACT,))
        assert server.end_of_run(run) == "FAILURE"
        assert "anna" not in messages_of(server, run)
        assert "999" not in messages_of(server, run)
    assert not list(project.storage.rglob("reader.parquet"))


def test_a_run_from_the_pages_waits_for_a_build(study: Make) -> None:
    project = study(TABLES)
    assert project.build().ok
    with served(project, "--allow-runs") as server:
        server.log_in()
        with (project.storage / ".state" / "build").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            run = launched(server, "grown_ups")
            wait_for(lambda: "Another build of this project" in messages_of(server, run))
            assert "Started execution of step" not in messages_of(server, run)
        assert server.end_of_run(run) == "SUCCESS"


def test_a_build_waits_for_a_run_from_the_pages(study: Make) -> None:
    project = study(SLOW)
    with served(project, "--allow-runs") as server:
        server.log_in()
        run = launched(server, "endless")
        wait_for((project.root / "begun").exists)
        build = project.storage / ".state" / "build"
        with build.open("r+") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (project.root / "go_on").touch()
        assert server.end_of_run(run) == "SUCCESS"


def test_a_run_can_be_ended_from_the_pages(study: Make) -> None:
    project = study(SLOW)
    with served(project, "--allow-runs") as server:
        server.log_in()
        run = launched(server, "endless")
        wait_for((project.root / "begun").exists)
        end = "mutation($run: String!) { terminateRun(runId: $run) { __typename } }"
        reported = server.graphql(end, {"run": run}).json
        assert reported["data"]["terminateRun"]["__typename"] == "TerminateRunSuccess"
        assert server.end_of_run(run) == "CANCELED"
        wait_for(lambda: len(processes_in(project.root)) == 1)


def test_a_run_that_cannot_start_fails_and_quotes_nothing(study: Make) -> None:
    project = study(TABLES)
    with served(project, "--allow-runs") as server:
        server.log_in()
        bad = 'int(open("people.csv").read())\n'
        project.write({"raw/people.py": bad + TABLES["raw/people.py"]})
        run = launched(server, "people")
        assert server.end_of_run(run) == "FAILURE"
        assert "raw/people.py:1" in messages_of(server, run)
        assert "anna" not in messages_of(server, run)


def test_no_run_starts_where_the_pages_are_for_reading(study: Make) -> None:
    project = study(TABLES)
    with served(project) as server:
        server.log_in()
        assert server.materialize("people").is_refused
        time.sleep(1)
    assert not list(project.storage.rglob("*.parquet"))


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_no_process_is_left_however_watch_ends(study: Make, how: str) -> None:
    project = study(SLOW)
    with served(project, "--allow-runs") as server:
        server.log_in()
        launched(server, "endless")
        wait_for((project.root / "begun").exists)
        assert len(processes_in(project.root)) == 2
        code = server.stop(signal.Signals[how])
        assert code == (-signal.SIGKILL if how == "SIGKILL" else 0)
        wait_for(lambda: processes_in(project.root) == [])
        if how != "SIGKILL":
            assert list((project.storage / ".state" / "ui").iterdir()) == []
    history = json.loads(project.verb("history", "--json").stdout)
    assert [one["status"] for one in history] == ["canceled"]


def test_everything_it_writes_is_private(study: Make) -> None:
    project = study(TABLES)
    with served(project, "--allow-runs", "--socket", umask=0) as server:
        server.log_in()
        assert server.end_of_run(launched(server, "people")) == "SUCCESS"
        path = Path(server.facts["socket"])
        assert stat.S_ISSOCK(path.lstat().st_mode)
        open_to_others = [
            str(one)
            for one in [path, path.parent, project.storage, *project.storage.rglob("*")]
            if one.lstat().st_mode & 0o077
        ]
        assert open_to_others == []
        assert server.stop() == 0
        assert not path.exists()


def test_a_socket_serves_one_at_a_time_and_is_taken_over_after_a_kill(study: Make) -> None:
    project = study(TABLES)
    with served(project, "--socket") as server:
        server.log_in()
        assert server.graphql("{ version }").status == 200
        again = project.verb("ui", "--socket")
        assert again.returncode == 2
        assert "served already" in again.stderr
        assert server.graphql("{ version }").status == 200
        server.stop(signal.SIGKILL)
    with served(project, "--socket") as server:
        server.log_in()
        assert server.graphql("{ version }").status == 200
        line = server.facts["ssh"]
        assert f"-L 3000:{server.facts['socket']} " in line


def test_a_socket_has_a_private_place_where_the_projects_path_is_too_long(
    study: Make, tmp_path: Path
) -> None:
    deep = study({}).root / ("d" * 100)
    project = Study(deep, "study_deep")
    project.write(
        {
            "/pyproject.toml": '[tool.data-package]\npackage = "STUDY"\n',
            "definitions.py": "import STUDY\n"
            "from data_package.engine.definitions import load_definitions\n"
            "defs = load_definitions(STUDY)\n",
            "__init__.py": "",
            "t.py": SLOW["t.py"],
        }
    )
    with served(project, "--socket") as server:
        path = Path(server.facts["socket"])
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        server.log_in()
        assert server.graphql("{ version }").status == 200
        again = project.verb("ui", "--socket")
        assert "served already" in again.stderr
        assert server.stop() == 0
        assert not path.parent.exists()
    # Somebody else has laid a trap where the socket would stand.
    path.parent.mkdir()
    path.parent.chmod(0o777)
    done = project.verb("ui", "--socket")
    assert done.returncode == 2
    assert "not a folder that only you can enter" in done.stderr
    path.parent.rmdir()


NO_CERTIFICATE = Path(__file__)


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (ListeningPlace("192.0.2.1"), "Give --tls-cert and --tls-key"),
        (ListeningPlace("0.0.0.0"), "every address"),
        (ListeningPlace("::"), "every address"),
        (ListeningPlace(tls_cert=NO_CERTIFICATE), "go together"),
        (ListeningPlace(tls_cert=NO_CERTIFICATE, tls_key=NO_CERTIFICATE), "not usable"),
    ],
)
def test_what_would_be_unsafe_is_refused(study: Make, place: ListeningPlace, says: str) -> None:
    with pytest.raises(ProjectError, match=says), listening(place, study(TABLES).project):
        raise AssertionError("it listens")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--host", "no such name"], "not a name of this machine"),
        (["--tls-cert", "people.csv", "--tls-key", "people.csv"], "not usable"),
    ],
)
def test_the_command_reports_what_it_refuses(study: Make, words: list[str], says: str) -> None:
    done = study(TABLES).verb("ui", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_port_that_is_taken_is_reported(study: Make) -> None:
    project = study(TABLES)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = project.verb("ui", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "cannot be listened on: Address already in use" in done.stderr


def test_a_project_that_does_not_load_is_reported_and_nothing_is_served(study: Make) -> None:
    done = study({"t.py": "import nothing_of_that_name\n"}).verb("ui")
    assert done.returncode == 2
    assert "t.py:1" in done.stderr
    assert done.stdout == ""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_another_host_is_served_with_tls(study: Make) -> None:
    project = study(TABLES)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
            *("-keyout", "key.pem", "-out", "cert.pem", "-days", "2"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        cwd=project.root,
        check=True,
        capture_output=True,
    )
    tls = ("--tls-cert", "cert.pem", "--tls-key", "key.pem")
    with served(project, "--host", "127.0.0.1", *tls) as server:
        assert server.facts["link"].startswith("https://127.0.0.1:")
        context = ssl.create_default_context(cafile=project.root / "cert.pem")
        with context.wrap_socket(server.connect(), server_hostname="127.0.0.1") as channel:
            channel.sendall(
                f"GET {server.token_path} HTTP/1.1\r\nHost: {server.host}\r\n"
                "Connection: close\r\n\r\n".encode()
            )
            answer = b"".join(iter(lambda: channel.recv(65536), b"")).decode()
        assert answer.startswith("HTTP/1.1 200")
        cookie = next(line for line in answer.splitlines() if line.startswith("set-cookie"))
        assert cookie.startswith("set-cookie: __Host-data-package-")
        assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict; Secure")


def test_the_words_name_the_link_and_the_way_from_elsewhere(study: Make) -> None:
    project = study(TABLES)
    words = ("ui", "--port", "0")
    process = prepared.start(words, project.root, project.environment())
    output = [process.stdout.readline() for _ in range(6)]
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert process.wait() == 0, errors
    assert "read-only; --allow-runs" in output[0]
    assert ".localhost:" in output[2]
    assert "/login?token=" in output[2]
    assert "ssh -N -L" in output[4]
    assert rest == "Stopped.\n"
    assert errors == ""


RELOAD = """mutation($location: String!) {
  reloadRepositoryLocation(repositoryLocationName: $location) {
    __typename
    ... on WorkspaceLocationEntry { locationOrLoadError { __typename } }
  }
}"""
NAMES = "query { assetNodes { assetKey { path } } }"


def test_definitions_are_read_again_when_asked(study: Make) -> None:
    project = study(TABLES)
    table = project.root / project.package / "final" / "grown_ups.py"
    text = table.read_text()

    def reloaded(changed: str) -> str:
        table.write_text(changed)
        reported = server.graphql(RELOAD, {"location": f"{project.package}.definitions"}).json
        entry = reported["data"]["reloadRepositoryLocation"]
        assert entry["__typename"] == "WorkspaceLocationEntry", reported
        return str(entry["locationOrLoadError"]["__typename"])

    def names() -> set[str]:
        nodes = server.graphql(NAMES).json["data"]["assetNodes"]
        return {node["assetKey"]["path"][0] for node in nodes}

    with served(project, "--allow-runs") as server:
        server.log_in()
        first = names()
        assert {"people", "grown_ups"} <= first
        another = text.replace("def grown_ups(", "def another(")
        assert reloaded(text + another[another.index("@dg.asset") :]) == "RepositoryLocation"
        assert names() == first | {"another"}
        run = launched(server, "people")
        assert server.end_of_run(run) == "SUCCESS"
        run = launched(server, "another")
        assert server.end_of_run(run) == "SUCCESS"
        assert rows_of(project, "another") == 1
        assert reloaded(text + "\nnot python\n") == "PythonError"
        assert reloaded(text) == "RepositoryLocation"
        assert names() == first
