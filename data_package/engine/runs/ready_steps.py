"""Which steps of a run may begin: by Dagster's rules, and looked for among few.

Dagster looks at all steps whenever one is over, so that a run of N steps looks at N² of them: an
hour for a hundred thousand partitions. Here only those are looked at that waited for what is over.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count

from data_package.engine.runs.dagster_parts import (
    ActiveExecution,
    ExecutionPlan,
    ExecutionStep,
    InstanceConcurrencyContext,
    KnownExecutionState,
    RetryMode,
    StepOutputHandle,
)


def started(
    plan: ExecutionPlan, retry_mode: RetryMode, concurrency: InstanceConcurrencyContext | None
) -> ActiveExecution:
    """The state of a run of a plan, which begins now."""
    if plan.resolvable_map:
        # Steps that come into being while it runs.
        return plan.start(retry_mode=retry_mode, instance_concurrency_context=concurrency)
    return _Active(plan, retry_mode, instance_concurrency_context=concurrency)


def known_to(step: ExecutionStep, active: ActiveExecution) -> KnownExecutionState:
    """What a step needs of the state of a run."""
    if isinstance(active, _Active):
        return active.known_to(step)
    return active.get_known_state()


class _Active(ActiveExecution):
    """Dagster's, which decides about the steps that this class lets it see."""

    # Of steps that wait: how many of those that they wait for are not over. None at the beginning.
    _open: dict[str, int] | None = None

    def __init__(
        self,
        plan: ExecutionPlan,
        retry_mode: RetryMode,
        instance_concurrency_context: InstanceConcurrencyContext | None,
    ) -> None:
        self._after: dict[str, list[str]] = {}
        self._due: list[str] = []
        # Steps that may begin, in order: urgent ones first, then as they came.
        self._ready: list[tuple[float, int, str]] = []
        self._numbers = count()
        self._made: dict[str, set[StepOutputHandle]] = {}
        super().__init__(
            plan, retry_mode, instance_concurrency_context=instance_concurrency_context
        )

    @property
    def is_complete(self) -> bool:
        return not self._ready and super().is_complete

    def get_steps_to_execute(self, limit: int | None = None) -> Sequence[ExecutionStep]:
        self._update()
        found: list[ExecutionStep] = []
        blocked: list[tuple[float, int, str]] = []
        while self._ready and (limit is None or len(found) < limit):
            one = heapq.heappop(self._ready)
            self._executable = [one[2]]
            if chosen := super().get_steps_to_execute():
                found += chosen
            else:
                # Others run in its pool.
                blocked.append(one)
        self._executable = []
        for one in blocked:
            heapq.heappush(self._ready, one)
        return found

    def mark_success(self, step_key: str) -> None:
        super().mark_success(step_key)
        self._over(step_key)

    def mark_failed(self, step_key: str) -> None:
        super().mark_failed(step_key)
        self._over(step_key)

    def mark_skipped(self, step_key: str) -> None:
        super().mark_skipped(step_key)
        self._over(step_key)

    def mark_abandoned(self, step_key: str) -> None:
        super().mark_abandoned(step_key)
        self._over(step_key)

    def mark_up_for_retry(self, step_key: str, at_time: float | None = None) -> None:
        super().mark_up_for_retry(step_key, at_time)
        if step_key in self._pending:
            self._due.append(step_key)
        elif step_key in self._abandoned:
            self._over(step_key)

    def mark_step_produced_output(self, step_output_handle: StepOutputHandle) -> None:
        super().mark_step_produced_output(step_output_handle)
        self._made.setdefault(step_output_handle.step_key, set()).add(step_output_handle)

    def known_to(self, step: ExecutionStep) -> KnownExecutionState:
        """What a step needs of this state."""
        known = self._plan.known_state
        attempts = self._retry_state.get_attempt_count(step.key)
        before = step.get_execution_dependency_keys()
        return known._replace(
            previous_retry_attempts={step.key: attempts} if attempts else {},
            ready_outputs=set().union(*(self._made.get(key, ()) for key in before)),
        )

    def _over(self, step_key: str) -> None:
        assert self._open is not None
        for key in self._after.get(step_key, ()):
            self._open[key] -= 1
            if not self._open[key]:
                self._due.append(key)

    def _update(self) -> None:
        if self._open is None:
            self._begin()
        if not self._due and not self._waiting_to_retry:
            return
        waiting, chosen = self._pending, self._executable
        self._pending = {key: waiting.pop(key) for key in self._due}
        self._due, self._executable = [], []
        with self._among(self._pending):
            super()._update()
        for key in self._executable:
            urgency = self._sort_key_fn(self.get_step_by_key(key))
            heapq.heappush(self._ready, (urgency, next(self._numbers), key))
        self._pending, self._executable = waiting, chosen

    def _begin(self) -> None:
        self._open = {key: len(before) for key, before in self._pending.items()}
        self._due = [key for key, before in self._pending.items() if not before]
        for key, before in self._pending.items():
            for one in before:
                self._after.setdefault(one, []).append(key)
        for handle in self._plan.known_state.ready_outputs:
            self._made.setdefault(handle.step_key, set()).add(handle)

    @contextmanager
    def _among(self, looked_at: Mapping[str, set[str]]) -> Iterator[None]:
        """Dagster joins the sets of what is over: here, of what these steps waited for."""
        before = set().union(*looked_at.values())
        names = ("_success", "_skipped", "_failed", "_abandoned")
        whole = {name: getattr(self, name) for name in names}
        try:
            for name, keys in whole.items():
                setattr(self, name, keys & before)
            yield
        finally:
            for name, keys in whole.items():
                setattr(self, name, keys)
