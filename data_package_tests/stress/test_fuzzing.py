"""What is made wrong at random ends in words: `DATA_PACKAGE_MINUTES=60 make stress` tries an hour.

A failure names its kind and its seed; `fuzzing.one(kind, bench, seed)` repeats it.
"""

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

MINUTES = float(os.environ.get("DATA_PACKAGE_MINUTES", "3"))
_SECONDS_OF_A_CASE = 900
# In these a library may end the process: see what is not promised in docs/explanation/survived.md.
_PANICS = ("Parquet, bytes",)


@dataclass
class Figures:
    """The outcomes of the cases of one kind."""

    read: int = 0
    refused: int = 0
    seconds: float = 0
    megabytes: int = 0
    ended: list[int] = field(default_factory=list)
    faults: dict[int, str] = field(default_factory=dict)

    def __str__(self) -> str:
        cases = self.read + self.refused + len(self.ended) + len(self.faults)
        return (
            f"{cases} cases, {self.read} read, {len(self.ended)} ended the process, "
            f"{len(self.faults)} faults, {self.seconds:.0f} s, {self.megabytes} MB"
        )


def fuzz(kind: str, first: int, seconds: float) -> Figures:
    """Try cases of a kind from a seed on; a process that ends, or hangs, is replaced."""
    figures, seed, end = Figures(), first, time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        words = [
            sys.executable,
            "-m",
            "data_package_tests.stress.fuzzing",
            kind,
            str(seed),
            str(left),
        ]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            used = 0.0
            for line in _lines(process):
                case = json.loads(line)
                seed, used = case["seed"] + 1, case["seconds"]
                figures.megabytes = max(figures.megabytes, case["megabytes"])
                match case["outcome"]:
                    case "read":
                        figures.read += 1
                    case "refused":
                        figures.refused += 1
                    case fault:
                        figures.faults[seed - 1] = fault
            figures.seconds += used
        if process.returncode:
            figures.ended.append(seed)
            seed += 1
    return figures


def _lines(process: "subprocess.Popen[str]") -> "Iterator[str]":
    """What a process prints, until it ends or is silent for too long, which ends it."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while waiting.select(_SECONDS_OF_A_CASE) and (line := process.stdout.readline()):
            yield line
    process.kill()


@pytest.mark.stress
def test_whatever_is_damaged_ends_with_a_message() -> None:
    from data_package_tests.stress.fuzzing import KINDS

    found = {kind: fuzz(kind, 0, 60 * MINUTES / len(KINDS)) for kind in KINDS}
    for kind, figures in found.items():
        print(f"{kind}: {figures}")
    assert {kind: one.faults for kind, one in found.items() if one.faults} == {}
    ended = {kind: one.ended for kind, one in found.items() if one.ended}
    assert ended.keys() <= set(_PANICS), ended
