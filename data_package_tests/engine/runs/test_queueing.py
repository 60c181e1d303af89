"""What Slurm's commands say, and what is reported of it."""

from pathlib import Path

import pytest

from data_package.engine.needs import Needs
from data_package.engine.project import Project
from data_package.engine.runs.queueing import JobState, _parsed, in_words, name_of, prefix_of
from data_package.engine.runs.submitting import _is_answer, _parameters

PROJECT = Project(Path("/study"), "study", Path("/study/storage"))


def test_jobs_of_a_project_are_known_by_their_names() -> None:
    prefix = prefix_of(PROJECT)
    name = name_of(PROJECT, ["visits[2023]", "visits[2024]"])
    assert name == f"{prefix}visits"
    assert name_of(PROJECT, ["a", "b"]) == f"{prefix}2_tables"
    assert name_of(PROJECT, ["Bögen und|mehr"]) == f"{prefix}B_gen_und_mehr"
    output = f"12|PENDING|Priority||{name}\n7_1|RUNNING|None|n1|{name}\n8|RUNNING|None|n1|other|x\n"
    assert _parsed(output, prefix) == {
        "12": JobState("PENDING", "Priority", ""),
        "7_1": JobState("RUNNING", "None", "n1"),
    }


@pytest.mark.parametrize(
    ("state", "waits", "is_over", "shown"),
    [
        (JobState("PENDING", "Resources"), True, False, "waits (Resources)"),
        (JobState("PENDING", "None"), True, False, "waits"),
        (JobState("RUNNING", "None", "n1"), False, False, "on n1"),
        (JobState("COMPLETING", "None", "n1"), False, False, "on n1"),
        *((JobState(name, "", ""), False, True, name.lower()) for name in ("COMPLETED", "TIMEOUT")),
        # One that a later Slurm has is over: it is neither waiting nor at work.
        (JobState("EVAPORATED"), False, True, "evaporated"),
    ],
)
def test_a_job_waits_or_runs_or_is_over(
    state: JobState, waits: bool, is_over: bool, shown: str
) -> None:
    assert (state.waits, state.is_over, state.shown) == (waits, is_over, shown)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CANCELLED", "Its job 7 was cancelled on n1"),
        ("PREEMPTED", "was preempted on n1"),
        ("TIMEOUT", "at its time limit"),
        ("OUT_OF_MEMORY", "took more memory"),
        ("NODE_FAIL", "The node of its job 7 was lost on n1 (why)"),
        ("COMPLETED", ""),
    ],
)
def test_how_a_job_ended_is_reported_in_words(name: str, words: str) -> None:
    assert words in in_words(JobState(name, "why", "n1"), "7")
    assert "{" not in in_words(JobState(name, "why", "n1"), "7").replace('{"data_package', "")


def test_a_job_that_slurm_has_forgotten_is_reported() -> None:
    assert "no longer knows its job 7" in in_words(None, "7")


def test_what_a_table_needs_becomes_options_of_its_job() -> None:
    needs = Needs(4_000_000_000, 1800, 8, None, "study").or_else(Needs(1, 1, 1, "long", "x", "low"))
    found = _parameters(needs, "name", Path("/study"), 3)
    forced = found["additional_parameters"]
    assert (found["cpus_per_task"], found["partition"], found["qos"]) == (8, "long", "low")
    assert (found["time"], forced["mem"], forced["account"]) == (32, "3815M", "study")
    assert forced["no-requeue"] is True
    nothing = _parameters(Needs(), "name", Path("/study"), 1)
    assert nothing["time"] is None
    assert "mem" not in nothing["additional_parameters"]


@pytest.mark.parametrize(
    ("why", "code", "is_answer"),
    [
        ("Batch job submission failed: Invalid partition name specified", 1, True),
        ("Batch job submission failed: Unable to contact slurm controller", 1, False),
        ("Batch job submission failed: Socket timed out on send/recv operation", 1, False),
        # Ended by Ctrl-C, alone or in a shell script of the cluster.
        ("", -2, False),
        ("", 130, False),
    ],
)
def test_jobs_may_be_in_the_queue_unless_slurm_has_refused_them(
    why: str, code: int, is_answer: bool
) -> None:
    assert _is_answer(why, code) is is_answer
