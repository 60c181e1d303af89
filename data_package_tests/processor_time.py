"""Processor seconds of each test, with all processes that it starts.

`pytest -p data_package_tests.processor_time` prints them for the most expensive files and tests. What a fixture of the session costs counts for the test that needs it first.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest

_SHOWN = 40
_TICKS = os.sysconf("SC_CLK_TCK")
_before = 0.0
_spent: Counter[str] = Counter()


def _of_this_process_and_below() -> float:
    """Seconds of this process, of its descendants, and of those that have ended."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    seconds: dict[int, float] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        number = int(place.parent.name)
        children[int(fields[1])].append(number)
        seconds[number] = sum(map(int, fields[11:15])) / _TICKS
    total, waiting = 0.0, [os.getpid()]
    while waiting:
        number = waiting.pop()
        total += seconds.get(number, 0.0)
        waiting += children[number]
    return total


def pytest_sessionstart() -> None:
    global _before
    _before = _of_this_process_and_below()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    global _before
    report = yield
    if call.when == "teardown":
        now = _of_this_process_and_below()
        report.user_properties.append(("processor", now - _before))
        _before = now
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for name, seconds in report.user_properties:
        if name == "processor" and isinstance(seconds, float):
            _spent[report.nodeid] += seconds


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    files: Counter[str] = Counter()
    for name, seconds in _spent.items():
        files[name.partition("::")[0]] += seconds
    for title, counted in (("files", files), ("tests", _spent)):
        terminalreporter.write_line(
            f"Processor seconds of {title}, {sum(counted.values()):.0f} in all:"
        )
        for name, seconds in counted.most_common(_SHOWN):
            terminalreporter.write_line(f"{seconds:8.1f}  {name}")
