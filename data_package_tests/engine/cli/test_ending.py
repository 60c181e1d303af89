"""The process ends at once, but not before what has to end in order has ended."""

import signal
import subprocess
import sys

import pytest

from data_package.engine import cli
from data_package_tests.conftest import Make, Study, new_study
from data_package_tests.engine.staleness.ward import finish, wait_until
from data_package_tests.engine.tables.running import HEADER

pytestmark = pytest.mark.slow

INTERRUPTED = "Interrupted. What was finished is kept.\n"
TABLE = (
    HEADER
    + """
import atexit, threading, time

def later() -> None:
    time.sleep(0.3)
    Path("thread").write_text("ended")

atexit.register(lambda: Path("function").write_text("called"))
threading.Thread(target=later).start()

@dg.asset
def people() -> pl.DataFrame:
    return pl.DataFrame({"n": [1 VALUES]})
"""
)


@pytest.mark.parametrize(("values", "code"), [("", 0), ("/ 0", 1)])
def test_threads_and_functions_registered_for_the_end_are_waited_for(
    study: Make, values: str, code: int
) -> None:
    project = study({"tables.py": TABLE.replace("VALUES", values)})
    assert project.command("build").returncode == code
    assert (project.root / "thread").read_text() == "ended"
    assert (project.root / "function").read_text() == "called"


def test_the_history_has_nothing_left_to_commit(study: Make) -> None:
    project = study({"tables.py": TABLE.replace("VALUES", "")})
    assert project.command("build").returncode == 0
    assert list(project.storage.rglob("*-wal")) == []


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Study:
    project = new_study(
        tmp_path_factory.mktemp("built"), {"tables.py": TABLE.replace("VALUES", "")}
    )
    assert project.verb("build").returncode == 0
    return project


@pytest.mark.parametrize("verb", ["status --json", "build", "--help"])
@pytest.mark.parametrize("where", ["> /dev/full", ">&-"])
def test_output_that_cannot_be_written_is_reported_in_a_line(
    built: Study, verb: str, where: str
) -> None:
    script = f'"$0" -m data_package.engine.cli {verb} {where}'
    done = built.run("sh", "-c", script, sys.executable)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == (where == "> /dev/full"), done.stderr
    assert (done.returncode != 0) == (where == "> /dev/full")


def test_no_file_of_a_build_gets_the_number_of_closed_output(study: Make) -> None:
    table = """
@dg.asset
def people() -> pl.DataFrame:
    Path("places").write_text(" ".join(str(Path(f"/proc/self/fd/{n}").readlink()) for n in (1, 2)))
    return pl.DataFrame({"n": [1]})
"""
    project = study({"tables.py": HEADER + table})
    script = '"$0" -m data_package.engine.cli build >&- 2>&-'
    assert project.run("sh", "-c", script, sys.executable).returncode == 0
    assert (project.root / "places").read_text() == "/dev/null /dev/null"


def test_an_interruption_that_an_import_turns_into_another_error_is_one(study: Make) -> None:
    cause = """
class Field:
    def __set_name__(self, owner: type, name: str) -> None:
        raise KeyboardInterrupt

class Owner:
    field = Field()
"""
    project = study({"tables.py": TABLE, "/dagster_code.py": cause})
    script = "import sys; from data_package.engine import cli; sys.argv = ['', 'build']; "
    script += "from data_package.engine.cli import verbs; import click; "
    script += "verbs.command.main = lambda **_: __import__('dagster_code'); cli.main()"
    done = project.run(sys.executable, "-c", script)
    assert done.returncode == 130
    assert done.stderr == "Interrupted. What was finished is kept.\n"


def begun(project: Study, *words: str) -> "subprocess.Popen[str]":
    """A build whose table has begun."""
    process = subprocess.Popen(
        [sys.executable, "-m", "data_package.engine.cli", "build", *words],
        cwd=project.root,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until((project.root / "began").exists, process)
    return process


def test_a_retry_policy_does_not_try_again_what_was_interrupted(study: Make) -> None:
    table = """
import time

@dg.asset(retry_policy=dg.RetryPolicy(max_retries=9, delay=3600))
def people() -> pl.DataFrame:
    Path("began").touch()
    time.sleep(3600)
"""
    project = study({"tables.py": HEADER + table})
    process = begun(project)
    process.send_signal(signal.SIGINT)
    assert finish(process).exit_code == 130


@pytest.mark.parametrize("words", [(), ("-j", "2")])
def test_who_waits_to_try_a_table_again_can_be_interrupted(
    study: Make, words: tuple[str, ...]
) -> None:
    table = """
@dg.asset(retry_policy=dg.RetryPolicy(max_retries=9, delay=3600))
def people() -> pl.DataFrame:
    Path("began").touch()
    raise OSError
"""
    project = study({"tables.py": HEADER + table})
    process = begun(project, *words)
    process.send_signal(signal.SIGINT)
    assert finish(process).exit_code == 130


@pytest.mark.parametrize(
    ("module", "ended_by", "code", "expected"),
    [
        ("data_package.engine.cli.shortcut", "SIGINT", -signal.SIGINT, ""),
        ("data_package.engine.cli.verbs", "SIGTERM", -signal.SIGTERM, ""),
        ("data_package.engine.cli.status", "SIGINT", 130, INTERRUPTED),
        ("data_package.engine.cli.status", "SIGTERM", 143, INTERRUPTED),
        ("data_package.engine.cli.status", "SIGHUP", 129, INTERRUPTED),
    ],
)
def test_a_command_that_is_ended_while_it_is_imported_shows_no_traceback(
    study: Make, module: str, ended_by: str, code: int, expected: str
) -> None:
    script = f"""
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.{ended_by})

sys.meta_path.insert(0, Interrupting())
sys.argv = ["data-package", "status"]
from data_package.engine.start import main
main()
"""
    done = study({"tables.py": TABLE}).run(sys.executable, "-c", script)
    assert (done.returncode, done.stderr.lstrip()) == (code, expected)


def test_a_process_that_crashes_leaves_no_memory_behind(study: Make) -> None:
    table = """
import resource

@dg.asset
def people() -> pl.DataFrame:
    Path("limit").write_text(str(resource.getrlimit(resource.RLIMIT_CORE)[0]))
    return pl.DataFrame({"n": [1]})
"""
    project = study({"tables.py": HEADER + table})
    script = 'ulimit -S -c unlimited; "$0" -m data_package.engine.cli build'
    assert project.run("sh", "-c", script, sys.executable).returncode == 0
    assert (project.root / "limit").read_text() == "0"


def test_a_closed_terminal_ends_what_a_shell_started_in_the_background(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cli, "_asked_by", None)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt):
            cli._hang_up(signal.SIGHUP, None)
    finally:
        signal.signal(signal.SIGINT, before)
    assert cli._asked_by == signal.SIGHUP
