"""Exceptions that nobody catches are reported without a value, and the terminal hears of each."""

import logging
import multiprocessing
import sys
import time
import traceback
from traceback import TracebackException

import dagster as dg
import pytest
from dagster_shared.error import SerializableErrorInfo
from sqlalchemy.pool import NullPool

from data_package.engine.runs import instance
from data_package.engine.tables import internals
from data_package.engine.tables.unraised import unraised_in_few_words
from data_package_tests.conftest import Make
from data_package_tests.engine.tables.running import HEADER, RAW_PEOPLE
from data_package_tests.engine.tables.test_privacy import command, traces

SECRET = "010190-1234"
ELSEWHERE = (
    HEADER
    + """
import asyncio, atexit, threading, warnings
from concurrent.futures import Future

def first(frame):
    return frame["identity"][0]

def number(text):
    return int(text)

class Closing:
    def __init__(self, text):
        self.text = text
    def __del__(self):
        raise ValueError(self.text)

async def forgotten(text):
    async def task():
        raise RuntimeError(text)
    asyncio.create_task(task())
    await asyncio.sleep(0)

@dg.asset
def elsewhere(people: pl.DataFrame) -> pl.DataFrame:
    text = first(people)
    thread = threading.Thread(target=number, args=(text,), name=text)
    thread.start()
    thread.join()
    Closing(text)
    asyncio.run(forgotten(text))
    future = Future()
    future.add_done_callback(lambda _: number(text))
    future.set_result(1)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"{text} is old", type(text, (UserWarning,), {}))
    atexit.register(number, text)
    return people

class Warehouse(dg.ConfigurableResource):
    def setup_for_execution(self, context):
        number((Path(__file__).parents[1] / "people.csv").read_text().split()[1])

@dg.asset(resource_defs={"warehouse": Warehouse()})
def connected(people: pl.DataFrame, warehouse: dg.ResourceParam[Warehouse]) -> pl.DataFrame:
    return people
"""
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["build", "materialize"])
def test_uncaught_errors_leave_no_trace_of_a_value(study: Make, kind: str) -> None:
    project = study(
        {"raw.py": RAW_PEOPLE, "t.py": ELSEWHERE, "/people.csv": f"identity\n{SECRET}\n"}
    )
    done = project.run(*command(project, kind))
    assert SECRET not in done.stdout + done.stderr
    assert traces(project) == []


@pytest.mark.slow
def test_uncaught_errors_are_reported_with_their_place(study: Make) -> None:
    source = ELSEWHERE.partition("class Warehouse")[0]
    project = study({"raw.py": RAW_PEOPLE, "t.py": source, "/people.csv": f"identity\n{SECRET}\n"})
    done = project.command("build")
    assert done.returncode == 0, done.stderr
    assert "A thread ended with an error: ValueError at" in done.stderr
    assert "An error that nothing can catch: ValueError at" in done.stderr
    assert "A task ended with an error: RuntimeError at" in done.stderr
    assert "… is old" in done.stderr
    assert SECRET not in done.stderr


def test_a_fork_and_a_library_that_logs_print_no_exception_in_full(
    study: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    project, before = study({}).project, traceback.print_exc
    with unraised_in_few_words(project):
        child = multiprocessing.get_context("fork").Process(target=int, args=(SECRET,))
        child.start()
        child.join()
        try:
            int(SECRET)
        except ValueError:
            error = sys.exc_info()
            record = logging.LogRecord("a", logging.ERROR, "", 1, "part %d failed", (7,), error)
        assert logging.lastResort is not None
        logging.lastResort.handle(record)
    assert child.exitcode == 1
    assert traceback.print_exc is before
    printed = capfd.readouterr().err
    assert SECRET not in printed
    # Python warns of forks beside threads since 3.12.
    lines = [line for line in printed.splitlines() if "DeprecationWarning" not in line]
    assert "A process ended with an error: ValueError" in lines[1]
    assert lines[2] == "part 7 failed"
    assert lines[3].startswith("ValueError")
    assert len(lines) == 4


class Interrupted:
    def __del__(self) -> None:
        raise KeyboardInterrupt


def goes_on() -> None:
    Interrupted()
    time.sleep(5)


def test_an_interrupt_that_comes_during_a_destructor_is_not_lost(
    study: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    project = study({}).project
    with pytest.raises(KeyboardInterrupt), unraised_in_few_words(project):
        goes_on()
    assert capsys.readouterr().err == ""


def test_dagster_keeps_of_an_error_its_kind_and_its_place() -> None:
    internals.keep_errors_value_free()
    try:
        int(SECRET)
    except ValueError as error:
        kept = SerializableErrorInfo.from_traceback(TracebackException.from_exception(error))
    assert kept.message == "ValueError: its message may quote values and is not kept.\n"
    assert "test_unraised.py" in kept.stack[-1]
    assert SECRET not in str(kept)


def test_dagsters_own_words_stay() -> None:
    internals.keep_errors_value_free()
    try:
        dg.asset(group_name=SECRET)(lambda: None)
    except dg.DagsterError as error:
        kept = SerializableErrorInfo.from_traceback(TracebackException.from_exception(error))
    assert "is not a valid asset group name" in kept.message
    assert SECRET not in str(kept)


def test_an_interruption_while_the_history_is_closed_prints_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Connection:
        def rollback(self) -> None: ...

        def close(self) -> None:
            raise KeyboardInterrupt

    assert instance
    connection = NullPool(Connection).connect()  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        connection.close()
    assert not caplog.records
