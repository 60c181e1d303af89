"""Tables built in processes: equal to a build in one, and nothing is lost or left behind."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from data_package.engine.forks import may_fork
from data_package.engine.runs.instance import project_instance
from data_package.engine.runs.run import run_build
from data_package.engine.staleness.plan import Request
from data_package_tests import prepared
from data_package_tests.conftest import Make, Study

TABLES = '''
import os
from pathlib import Path

import dagster as dg
import polars as pl

from data_package.engine.sources.assets import source_file

YEARS = dg.StaticPartitionsDefinition([str(year) for year in range(2000, 2006)])
people_file = source_file("people_file", "in/people.csv", bad="reject")
visit_files = source_file("visit_files", "in/visits/*.csv")
HERE = Path(__file__).parent
ASIDE = HERE.parent / "aside.txt"


class Factor(dg.ConfigurableResource):
    by: int = 3


factor = Factor()


@dg.success_hook
def tells(context: dg.HookContext) -> None:
    print(f"hooked {context.op.name}")


@dg.asset
def people(people_file: pl.LazyFrame) -> pl.LazyFrame:
    """Everybody."""
    return people_file


@dg.asset(partitions_def=YEARS)
def visits(context: dg.AssetExecutionContext, visit_files: Path) -> pl.LazyFrame:
    context.log.info(f"made for {context.partition_key}")
    return pl.scan_csv(visit_files)


@dg.asset
def all_visits(visits: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    return pl.concat(frame.with_columns(year=pl.lit(key)) for key, frame in visits.items())


@dg.asset(hooks={tells})
async def multiplied(people: pl.DataFrame, factor: Factor) -> pl.DataFrame:
    print("printed by multiplied")
    return people.with_columns(pl.col("id") * factor.by)


@dg.asset
def aside() -> pl.DataFrame:
    return pl.DataFrame({"text": [ASIDE.read_text()]})


@dg.asset(retry_policy=dg.RetryPolicy(max_retries=2))
def third_time(context: dg.AssetExecutionContext) -> pl.DataFrame:
    if context.retry_number < 2:
        raise ValueError("a value")
    return pl.DataFrame({"n": [context.retry_number]})


@dg.multi_asset(outs={"low": dg.AssetOut(), "high": dg.AssetOut()})
def both(people: pl.DataFrame):
    return people.head(1), people.tail(1)


@dg.asset
def model(low: pl.DataFrame, tmp_note: None) -> Path:
    file = Path("model.txt").absolute()
    file.write_text(str(low.height))
    return file


@dg.asset
def tmp_note() -> None:
    return None


@dg.asset_check(asset=people)
def grown_up(people: pl.DataFrame):
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)
'''.replace("low: pl.DataFrame, tmp_note: None", "low: pl.DataFrame")

FINAL = '''
import dagster as dg
import polars as pl


@dg.asset
def everybody(people: pl.LazyFrame, multiplied: pl.LazyFrame) -> pl.LazyFrame:
    """Everybody, published."""
    return people.with_columns(multiplied.collect()["id"].alias("three"))
'''

CONTRACT = """
schema:
  primaryKey: [id]
  fields:
    - {name: id, type: integer}
    - {name: age, type: integer, constraints: {minimum: 0}}
"""

FILES = {
    "tables.py": TABLES,
    "people_file.yaml": CONTRACT,
    "final/__init__.py": "",
    "final/published.py": FINAL,
    "final/everybody.yaml": CONTRACT + "    - {name: three, type: integer}\n",
    "/in/people.csv": "id,age\n1,20\n2,x\n3,40\n",
    "/aside.txt": "beside",
} | {f"/in/visits/v_{year}.csv": f"id,n\n1,{year}\n" for year in range(2000, 2006)}

# What is different in every build.
_OF_A_RUN = {"seconds", "peak_memory_bytes"}
_VERSIONS = ("dagster/data_version", "dagster/input_data_version")


def copied(project: Study, name: str) -> Study:
    """The same project in another folder."""
    return Study(Path(shutil.copytree(project.root, project.root.with_name(name))), project.package)


def without_times(found: Any) -> Any:
    if isinstance(found, dict):
        return {k: without_times(v) for k, v in found.items() if k not in _OF_A_RUN}
    return [without_times(one) for one in found] if isinstance(found, list) else found


def facts_of(stdout: str) -> Any:
    """The facts that a build prints, behind what its functions print."""
    found = without_times(json.loads(stdout[stdout.index("{") :]))
    del found["package"]
    return found


def files_of(project: Study) -> dict[str, bytes]:
    """Every file that a build makes, but for the history and what a machine measured."""
    apart = (".dagster", ".state")
    return {
        str(path.relative_to(project.storage)): path.read_bytes()
        for path in sorted(project.storage.rglob("*"))
        if path.is_file() and path.relative_to(project.storage).parts[0] not in apart
    }


def events_of(project: Study) -> dict[str, list[object]]:
    """What the history says of each step: the kinds of events, and facts that do not vary."""
    answer: dict[str, list[object]] = {}
    with project_instance(project.project) as instance:
        run = instance.get_runs(limit=1)[0]
        assert run.status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
        for entry in instance.all_logs(run.run_id):
            event = entry.dagster_event
            # A resource is set up once in each process that takes it.
            of_resource = event and event.event_type_value.startswith("RESOURCE_INIT")
            if entry.step_key is None or of_resource:
                continue
            facts: list[object] = [event.event_type_value if event else entry.user_message]
            if event is not None and event.is_step_materialization:
                made = event.step_materialization_data.materialization
                metadata = {k: v.value for k, v in made.metadata.items() if k not in _OF_A_RUN}
                tags = {k: v for k, v in (made.tags or {}).items() if k.startswith(_VERSIONS)}
                text = str(metadata).replace(str(project.root), "")
                facts += [made.asset_key, made.partition, text, tags]
            answer.setdefault(entry.step_key, []).append(facts)
    return answer


def kept(project: Study, folder: str) -> dict[str, str]:
    """What the engine remembers of tables: verdicts, and uses beside the inputs."""
    place = project.project.state / folder
    return {str(p.relative_to(place)): p.read_text() for p in place.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Study, Any]]]:
    """One project built in this thread, in threads and in processes."""
    from data_package_tests.conftest import new_study

    one = new_study(tmp_path_factory.mktemp("processes"), FILES)
    ways = {
        "alone": (one, []),
        "threads": (copied(one, "threads"), ["-j3"]),
        "processes": (copied(one, "processes"), ["-j3", "--processes"]),
    }
    made = {}
    for name, (project, words) in ways.items():
        done = project.verb("build", *words, "--json")
        assert done.returncode == 0, done.stderr
        made[name] = project, done
    yield made
    one.forget()


def test_tables_and_the_lock_are_those_of_a_build_in_one_process(built: Any) -> None:
    alone, processes = built["alone"][0], built["processes"][0]
    assert (processes.root / "data-package.lock").read_text() == (
        alone.root / "data-package.lock"
    ).read_text()
    assert files_of(processes) == files_of(alone)
    assert any(name.startswith("package/") for name in files_of(alone))
    assert any("rejects" in name for name in files_of(alone))


def test_what_a_build_reports_is_the_same_in_processes(built: Any) -> None:
    done = {name: done for name, (_, done) in built.items()}
    assert facts_of(done["processes"].stdout) == facts_of(done["alone"].stdout)
    assert facts_of(done["threads"].stdout) == facts_of(done["alone"].stdout)
    for words in ("printed by multiplied", "hooked multiplied"):
        assert words in done["processes"].stdout + done["processes"].stderr
    (of_aside,) = (t for t in facts_of(done["processes"].stdout)["tables"] if t["name"] == "aside")
    assert "opens a file that is not an input (aside.txt)" in str(of_aside["uses"])


def test_the_history_and_what_is_remembered_are_the_same_in_processes(built: Any) -> None:
    alone, processes = built["alone"][0], built["processes"][0]
    assert events_of(processes) == events_of(alone)
    for folder in ("outside", "verdicts"):
        names = kept(alone, folder).keys()
        assert kept(processes, folder).keys() == names


def test_nothing_is_stale_after_a_build_in_processes(built: Any) -> None:
    done = built["processes"][0].verb("build", "--json")
    assert done.returncode == 0
    assert not json.loads(done.stdout)["tables"]


HARD = """
import os
import resource
import signal
import subprocess
import time

import dagster as dg
import polars as pl


@dg.asset
def killed() -> pl.DataFrame:
    os.kill(os.getpid(), signal.SIGKILL)


@dg.asset
def after(killed: pl.DataFrame) -> pl.DataFrame:
    return killed


@dg.asset
def ends_all() -> pl.DataFrame:
    os._exit(3)


@dg.asset(tags={"data_package/memory": "300MB"})
def eats() -> pl.DataFrame:
    kept = [bytearray(b"x" * 1_000_000) for _ in range(2_000) if not time.sleep(0.002)]
    return pl.DataFrame({"n": [len(kept)]})


@dg.asset(tags={"data_package/time": "0.5s"})
def sleeps() -> pl.DataFrame:
    subprocess.run(["sleep", "1000.25"])
    return pl.DataFrame({"n": [1]})


@dg.asset(tags={"data_package/memory": "900TB"})
def too_large() -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})


@dg.asset(retry_policy=dg.RetryPolicy(max_retries=1))
def second_time(context: dg.AssetExecutionContext) -> pl.DataFrame:
    if not context.retry_number:
        os.kill(os.getpid(), signal.SIGSEGV)
    return pl.DataFrame({"n": [1]})


@dg.asset
def asked_to_end() -> pl.DataFrame:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)


@dg.asset
def closes_all() -> pl.DataFrame:
    os.closerange(3, 200)
    return pl.DataFrame({"n": [1]})


@dg.asset
def comes_back_twice() -> pl.DataFrame:
    os.fork()
    return pl.DataFrame({"n": [1]})


@dg.asset
def spoils() -> pl.DataFrame:
    print("a word", flush=True)
    os.chdir("/")
    os.umask(0)
    os.close(1)
    resource.setrlimit(resource.RLIMIT_STACK, (2**20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    return pl.DataFrame({"n": [1]})


@dg.asset(deps=[spoils])
def goes_on() -> pl.DataFrame:
    print("another word")
    stack, _ = resource.getrlimit(resource.RLIMIT_STACK)
    return pl.DataFrame({"folder": [os.getcwd()], "umask": [os.umask(0o077)], "stack": [stack]})
"""


def test_a_process_that_ends_takes_its_table_along_and_no_other(study: Make) -> None:
    project = study({"tables.py": HARD})
    done = project.verb("build", "-j3", "--processes", "--json")
    assert done.returncode == 1
    tables = {table["name"]: table for table in json.loads(done.stdout)["tables"]}
    assert {name: table["status"] for name, table in tables.items()} == {
        **dict.fromkeys(("killed", "ends_all", "eats", "sleeps", "too_large"), "failed"),
        **dict.fromkeys(("asked_to_end", "closes_all"), "failed"),
        "after": "not built",
        **dict.fromkeys(("second_time", "comes_back_twice", "spoils", "goes_on"), "built"),
    }
    output = {name: table["error"] for name, table in tables.items()}
    assert "Its process was ended by SIGKILL; its memory had peaked at" in output["killed"]
    assert "Its process ended with code 3 before it was done" in output["ends_all"]
    assert "of memory and was ended: its tag data_package/memory allows 300.0 MB" in output["eats"]
    assert "its tag data_package/time allows 0.5 s. Its memory had peaked at" in output["sleeps"]
    assert "asks for 900.0 TB, and this machine allows" in output["too_large"]
    assert "It was interrupted, and not by this build" in output["asked_to_end"]
    assert "Its process" in output["closes_all"]
    # What a function changes of its process is not there for the next one.
    stack, _ = resource.getrlimit(resource.RLIMIT_STACK)
    assert pl.read_parquet(project.storage / "default" / "goes_on.parquet").row(0) == (
        *(str(project.root), 0o077, stack),
    )
    assert "a word" in done.stderr
    assert "another word" in done.stderr
    assert "1000.25" not in running_commands()
    left = [path.name for path in project.storage.rglob("*.tmp")]
    assert not left
    # What was lost is built again, and nothing else.
    right = HARD.replace("os.kill(os.getpid(), signal.SIGKILL)", 'return pl.DataFrame({"n": [1]})')
    project.write({"tables.py": right})
    again = project.verb("build", "-j2", "--processes", "after", "--json")
    assert again.returncode == 0, again.stderr
    made = {t["name"]: t["status"] for t in json.loads(again.stdout)["tables"]}
    assert made == {"killed": "built", "after": "built"}


TAKES_THE_NUMBER = """
import os
from data_package.engine.runs.surroundings import Surroundings

before = Surroundings()
os.close(1)
assert before.restore()
os.close(1)
(other, _), went_on = os.pipe(), before.restore()
os.write(2, f"{other} {went_on} {os.readlink('/proc/self/fd/1')[:4]}".encode())
"""


def test_a_closed_output_is_put_back_unless_its_number_is_taken() -> None:
    command = [sys.executable, "-c", TAKES_THE_NUMBER]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == "1 False pipe"


@pytest.mark.slow
def test_more_processes_than_may_be_started_are_reported(study: Make) -> None:
    table = "@dg.asset\ndef t{0}() -> pl.DataFrame:\n    time.sleep(9)\n    return pl.DataFrame()\n"
    head = "import time\nimport dagster as dg\nimport polars as pl\n"
    project = study({"tables.py": head + "".join(map(table.format, range(30)))})
    few = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))"
    words = ["build", "-j30", "--processes"]
    done = prepared.run(words, project.root, project.environment(), few)
    assert done.returncode == 1
    assert "Another process cannot be started. Too many files are open at once" in done.stderr
    assert "-j 2" in done.stderr


FORKS = """
import errno, os
fork, left = os.fork, [{0}]
def allowed():
    if not left[0]:
        raise BlockingIOError(errno.EAGAIN, "")
    left[0] -= 1
    return fork()
os.fork = allowed
"""


@pytest.mark.slow
@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_the_processes_that_the_system_allows_carry_out_all_tables(
    study: Make, allowed: int
) -> None:
    table = "@dg.asset\ndef t{0}() -> pl.DataFrame:\n    return pl.DataFrame({{'n': [{0}]}})\n"
    head = "import dagster as dg\nimport polars as pl\n"
    project = study({"tables.py": head + "".join(map(table.format, range(6)))})
    # One is that which starts the others.
    words = ["build", "-j4", "--processes"]
    done = prepared.run(words, project.root, project.environment(), FORKS.format(allowed))
    if allowed > 1:
        assert (done.returncode, done.stderr) == (0, "")
        assert "6 built" in done.stdout
    else:
        assert done.returncode == 1
        assert "as many processes and threads as you are allowed" in done.stderr


def running_commands() -> str:
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(place.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


FLAKY = """
import dagster as dg
import polars as pl


@dg.asset(retry_policy=dg.RetryPolicy(max_retries=3))
def fourth_time(context: dg.AssetExecutionContext) -> pl.DataFrame:
    if context.retry_number < 3:
        raise ValueError
    return pl.DataFrame({"n": [context.retry_number]})
"""


def test_a_table_is_tried_again_where_there_is_room_for_both_attempts(study: Make) -> None:
    project = study({"tables.py": FLAKY})
    result = run_build(Request(threads=3), project.project)
    assert result.ok, result.explain()


REGISTER = """
import dagster as dg
import polars as pl

YEARS = dg.StaticPartitionsDefinition([str(year) for year in range(1980, 2020)])


@dg.asset(partitions_def=YEARS)
def visits(context: dg.AssetExecutionContext) -> pl.LazyFrame:
    return pl.LazyFrame({"id": [1], "year": [int(context.partition_key)]})


@dg.asset
def whole(visits: pl.LazyFrame) -> pl.LazyFrame:
    return visits
"""


def test_the_partitions_of_a_register_are_handed_out_to_new_processes(study: Make) -> None:
    project = study({"tables.py": REGISTER, "visits.yaml": VISITS})
    # This process has run queries before, so it cannot be forked.
    pl.LazyFrame({"n": [1]}).select(pl.col("n").sum()).collect()
    assert not may_fork()
    result = run_build(Request(threads=2, processes=True), project.project)
    assert result.ok, result.explain()
    assert (result["whole"].rows, len(result["visits"].partitions)) == (40, 40)
    made_by = processes_of(project)
    assert len(made_by["visits"]) == 2
    assert os.getpid() not in made_by["visits"] | made_by["whole"]
    assert not project.build().tables


def processes_of(project: Study) -> dict[str, set[int | None]]:
    """The processes that the steps of a table ran in, as the history has them."""
    found: dict[str, set[int | None]] = {}
    with project_instance(project.project) as instance:
        for entry in instance.all_logs(instance.get_runs(limit=1)[0].run_id):
            event = entry.dagster_event
            if event is not None and event.is_step_start and event.step_key:
                found.setdefault(event.step_key.partition("[")[0], set()).add(event.pid)
    return found


VISITS = """
schema:
  primaryKey: [year]
  fields:
    - {name: id, type: integer}
    - {name: year, type: integer}
"""

WAITS = """
import subprocess
import time
from pathlib import Path

import dagster as dg
import polars as pl

HERE = Path(__file__).parents[1]


@dg.asset
def first() -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})


@dg.asset
def waits(first: pl.DataFrame) -> pl.DataFrame:
    if not (HERE / "go").exists():
        (HERE / "begun").touch()
        subprocess.run(["sleep", "20"])
    return first


@dg.asset
def waits_too(first: pl.DataFrame) -> pl.DataFrame:
    while not (HERE / "go").exists():
        time.sleep(0.05)
    return first
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_ended_leaves_no_process_and_nothing_wrong(
    study: Make, number: signal.Signals
) -> None:
    project = study({"tables.py": WAITS})
    words = [sys.executable, "-m", "data_package.engine.cli", "build", "-j2", "--processes"]
    build = subprocess.Popen(
        words,
        cwd=project.root,
        env=project.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert build.stderr is not None
    until(lambda: (project.root / "begun").exists() or build.poll() is not None)
    build.send_signal(number)
    output = "" if number == signal.SIGKILL else build.communicate(timeout=60)[1]
    build.wait(timeout=60)
    assert "Traceback" not in output
    # What a function had started itself outlives a kill, as it does without processes.
    until(lambda: not [name for name in working_in(project.root) if "sleep" not in name])
    if number != signal.SIGKILL:
        assert not working_in(project.root)
        assert not list(project.storage.rglob("*.tmp"))
    (project.root / "go").touch()
    again = project.verb("build", "--json")
    assert again.returncode == 0, again.stderr
    made = {t["name"] for t in json.loads(again.stdout)["tables"] if t["status"] == "built"}
    assert made == {"waits", "waits_too"}


FOREIGN = """
import dagster as dg
import STUDY
from data_package.engine.definitions import load_definitions

stock = dg.multiprocess_executor.configured({"start_method": {"forkserver": {}}})
defs = load_definitions(STUDY, executor=stock)
"""

FEW = """
import dagster as dg
import polars as pl


@dg.asset
def people() -> pl.DataFrame:
    return pl.DataFrame({"id": [1, 2], "age": [20, 40]})


@dg.asset
def old(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.filter(pl.col("age") > 30)


@dg.multi_asset(outs={"oldest": dg.AssetOut(is_required=False)})
def perhaps(people: pl.DataFrame):
    if people.height > 2:
        yield dg.Output(people)


@dg.asset
def broken(people: pl.DataFrame) -> pl.DataFrame:
    raise ValueError


@dg.asset_check(asset="people", blocking=True)
def grown_up(people: pl.DataFrame) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=people["age"].min() > 18)
"""


@pytest.mark.slow
def test_the_lock_and_checks_are_right_after_dagsters_multiprocess_executor(study: Make) -> None:
    own = study({"tables.py": FEW, "people.yaml": CONTRACT})
    foreign = copied(own, "foreign")
    foreign.write({"definitions.py": FOREIGN})
    command = ("asset", "materialize", "--select", "*", "-m", f"{foreign.package}.definitions")
    done = foreign.run(sys.executable, "-m", "dagster", *command)
    assert "STEP_FAILURE" in done.stderr
    assert own.verb("build").returncode == 1
    locks = [(one.root / "data-package.lock").read_text() for one in (foreign, own)]
    assert locks[0] == locks[1]
    assert not foreign.project.places.journal.exists()
    status = json.loads(foreign.verb("status", "--json").stdout)
    assert {(t["name"], t["state"], t["contract"]) for t in status["tables"]} == {
        ("people", "fresh", "passed"),
        ("old", "fresh", "none"),
        ("oldest", "fresh", "none"),
        ("broken", "failed", "none"),
    }
    assert status == json.loads(own.verb("status", "--json").stdout)


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that is about to be so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never was"
        time.sleep(0.05)


def working_in(folder: Path) -> list[str]:
    """The commands of the processes that work in a folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if (place / "cwd").readlink() == folder:
                found.append((place / "cmdline").read_text())
        except OSError:
            continue
    return found
