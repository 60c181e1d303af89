"""Whether a process may be forked: only without threads that would be missed."""

import sys
import threading
from collections.abc import Callable

import pytest

from data_package.engine import forks


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The names of all threads each time that they are looked at, the last ones for ever."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.delitem(sys.modules, "numpy", raising=False)

    def are(*looks: list[str]) -> None:
        left = list(looks)

        def names(of: str) -> list[str]:
            return ["python"] if of == "self" else left.pop(0) if len(left) > 1 else left[0]

        monkeypatch.setattr(forks, "_names", names)

    return are


def test_threads_that_only_do_housekeeping_are_no_hindrance(threads: Callable[..., None]) -> None:
    threads(["python", "jemalloc_bg_thd", "polars-ooc-clea"])
    assert forks.may_fork()


def test_a_thread_that_has_not_run_yet_is_given_the_time_to_say_its_name(
    threads: Callable[..., None],
) -> None:
    threads(["python", "python", "python"], ["python", "python", "jemalloc_bg_thd"], ["python"])
    assert forks.may_fork()
    threads(["python", "python"], ["python", "polars-0"])
    assert not forks.may_fork()


def test_a_thread_without_a_name_of_its_own_may_be_missed(threads: Callable[..., None]) -> None:
    threads(["python", "python"])
    assert not forks.may_fork()
