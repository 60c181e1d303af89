"""Which steps may begin: what Dagster says, without looking at all of them each time."""

from collections import Counter
from collections.abc import Sequence

import dagster as dg
import pytest
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.outputs import StepOutputHandle
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.runs.expansion import by_partition
from data_package.engine.runs.ready_steps import _Active, known_to, started

_PRIORITY = "dagster/priority"


def plan_of(takes: Sequence[Sequence[int]], priorities: Sequence[int]) -> ExecutionPlan:
    """A plan of assets, each of which takes some of those before it."""

    def asset(number: int) -> dg.AssetsDefinition:
        @dg.asset(
            name=f"t{number}",
            ins={f"t{one}": dg.AssetIn() for one in takes[number]},
            op_tags={_PRIORITY: str(priorities[number])},
        )
        def made(**_taken: object) -> int:
            return number

        return made

    return create_execution_plan(_job([asset(n) for n in range(len(takes))]))


def _job(assets: Sequence[dg.AssetsDefinition]) -> dg.JobDefinition:
    return dg.Definitions(assets=assets, jobs=[dg.define_asset_job("all_of_them")]).resolve_job_def(
        "all_of_them"
    )


def keys(steps: Sequence[ExecutionStep]) -> list[str]:
    return [step.key for step in steps]


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[list[int]], list[int], list[tuple[int, str]], int]:
    count = draw(st.integers(1, 7))
    takes = [draw(st.lists(st.integers(0, n - 1), unique=True)) if n else [] for n in range(count)]
    priorities = draw(st.lists(st.integers(-1, 1), min_size=count, max_size=count))
    ends = st.sampled_from(["made", "made", "nothing", "fails", "again", "later", "lost"])
    # Which of those that run ends next, and how.
    outcomes = draw(st.lists(st.tuples(st.integers(0, 6), ends), min_size=30, max_size=30))
    return takes, priorities, outcomes, draw(st.integers(1, 4))


@settings(max_examples=25, deadline=None)
@given(runs())
def test_the_steps_that_may_begin_are_those_of_dagster(
    run: tuple[list[list[int]], list[int], list[tuple[int, str]], int],
) -> None:
    takes, priorities, outcomes, at_once = run
    plan = plan_of(takes, priorities)
    theirs = plan.start(retry_mode=RetryMode.ENABLED)
    ours = started(plan, RetryMode.ENABLED, None)
    assert type(ours) is _Active
    with pytest.MonkeyPatch.context() as patch, theirs, ours:
        patch.setattr("time.time", lambda: 0.0)
        running: list[str] = []
        for place, end in [*outcomes, *[(0, "made")] * 100]:
            if not running and theirs.is_complete:
                break
            free = at_once - len(running)
            begun = theirs.get_steps_to_execute(limit=free) if free else []
            assert keys(begun) == keys(ours.get_steps_to_execute(limit=free) if free else [])
            for step in begun:
                known = theirs.get_known_state()
                before = step.get_execution_dependency_keys()
                assert known_to(step, ours).ready_outputs == {
                    one for one in known.ready_outputs if one.step_key in before
                }
                attempts = known.previous_retry_attempts.get(step.key, 0)
                assert known_to(step, ours).previous_retry_attempts.get(step.key, 0) == attempts
            running += keys(begun)
            if running:
                key = running.pop(place % len(running))
                for each in (theirs, ours):
                    ended(each, key, end)
            for kind in ("skip", "abandon"):
                found = [getattr(one, f"get_steps_to_{kind}")() for one in (theirs, ours)]
                assert keys(found[0]) == keys(found[1])
                for key in keys(found[0]):
                    ended(theirs, key, kind)
                    ended(ours, key, kind)
            assert theirs.is_complete == ours.is_complete
        assert theirs.is_complete
        theirs._unknown_state = ours._unknown_state = set()


def ended(one: ActiveExecution, key: str, how: str) -> None:
    match how:
        case "made":
            one.mark_step_produced_output(StepOutputHandle(key, "result"))
            one.mark_success(key)
        case "nothing":
            one.mark_success(key)
        case "fails":
            one.mark_failed(key)
        case "again":
            one.mark_up_for_retry(key)
        case "later":
            # The clock stands still, and what has waited long enough begins at the next look.
            one.mark_up_for_retry(key, -1.0)
        case "skip":
            one.mark_skipped(key)
        case "abandon":
            one.mark_abandoned(key)
        case _:
            one.mark_unknown_state(key)


def test_the_steps_that_are_looked_at_are_as_many_as_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = 500
    parts = [f"k{number}" for number in range(many)]
    keyed = dg.StaticPartitionsDefinition(parts)

    @dg.asset(partitions_def=keyed)
    def first() -> None: ...

    @dg.asset(partitions_def=keyed, deps=[first])
    def second() -> None: ...

    plan = by_partition(
        create_execution_plan(_job([first, second])),
        {"first": parts, "second": parts},
        lambda _step, part, before: [f"{before}[{part}]"],
    )
    looks: Counter[str] = Counter()

    def look(self: ActiveExecution, key: str) -> ExecutionStep:
        looks[key] += 1
        return ActiveExecution.get_step_by_key(self, key)

    monkeypatch.setattr(_Active, "get_step_by_key", look, raising=False)
    begun = []
    with started(plan, RetryMode.ENABLED, None) as run:
        while not run.is_complete:
            (step,) = run.get_steps_to_execute(limit=1)
            begun.append(step.key)
            run.mark_success(step.key)
    assert len(set(begun)) == len(begun) == 2 * many
    assert set(looks.values()) <= {1, 2, 3, 4}
