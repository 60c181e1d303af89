"""One run for many partitions: a step of a partitioned table becomes one per partition.

Dagster's own run has one partition or one range, the same for all of its steps. A build needs only
the stale partitions of each table, and each partition must wait only for those that it takes. So
Dagster's plan is expanded by partition before it is run. The steps are named as Dagster names
mapped steps, `visits[2024]`.
"""

import os
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import dagster as dg

from data_package.engine.runs.dagster_parts import (
    ExecutionPlan,
    ExecutionStep,
    FromLoadableAsset,
    IExecutionStep,
    KnownExecutionState,
    PlanExecutionContext,
    ResolvedFromDynamicStepHandle,
    StepHandle,
    StepHandleUnion,
    StepInput,
    dagster_event_sequence_for_step,
    trigger_hooks,
)
from data_package.engine.runs.ending import FAILED

# The steps that a step, or its partition, waits for, by the step of the original plan.
Waits = Callable[[str, str | None, str], Sequence[str]]


def by_partition(
    plan: ExecutionPlan, parts: Mapping[str, Sequence[str]], waits: Waits
) -> ExecutionPlan:
    """The plan with a step for each partition that is to be made, by the name of the step."""
    steps: dict[StepHandleUnion, IExecutionStep] = {}
    executable: dict[str, StepHandle | ResolvedFromDynamicStepHandle] = {}
    for step in plan.step_dict.values():
        assert isinstance(step, ExecutionStep)
        for part in parts.get(step.key, (None,)):
            made = _step(step, part, waits)
            steps[made.handle] = made
            executable[made.key] = made.handle
    return ExecutionPlan(
        step_dict=steps,
        executable_map=executable,
        resolvable_map={},
        step_handles_to_execute=_Handles(steps),
        known_state=plan.known_state,
        artifacts_persisted=plan.artifacts_persisted,
        executor_name=plan.executor_name,
        repository_load_data=plan.repository_load_data,
    )


class _Handles(list[StepHandleUnion]):
    """Dagster looks each of them up among all of them, once in a run."""

    def __init__(self, handles: Iterable[StepHandleUnion]) -> None:
        super().__init__(handles)
        self._known = frozenset(self)

    def __contains__(self, one: object) -> bool:
        return one in self._known


def context_of(
    context: PlanExecutionContext,
    step: ExecutionStep,
    known: KnownExecutionState,
    tags: Mapping[str, str],
    loop: AbstractEventLoop,
    plan: ExecutionPlan | None = None,
) -> dg.StepExecutionContext:
    """The context of a step, in a run of these tags; `loop` runs what is asynchronous in it.

    `plan` is that of the step, where it is not that of the context.
    """
    run = context.plan_data.dagster_run
    tagged = run.with_tags({**run.tags, **tags}) if tags else run
    plan = plan or context.plan_data.execution_plan
    return dg.StepExecutionContext(
        plan_data=context.plan_data._replace(dagster_run=tagged, execution_plan=plan),
        execution_data=context._execution_data,
        log_manager=context.log.with_tags(**step.logging_tags),
        step=step,
        output_capture=context.output_capture,
        known_state=known,
        event_loop=loop,
    )


def carried_out(context: dg.StepExecutionContext) -> Iterator[dg.DagsterEvent]:
    """Carry out a step, then its hooks.

    A process that its function has forked, and that comes back from it as well, ends here.
    """
    events, process = [], os.getpid()
    for event in dagster_event_sequence_for_step(context):
        if os.getpid() != process:
            os._exit(FAILED)
        events.append(event)
        yield event
    yield from trigger_hooks(context, events)


def only(plan: ExecutionPlan, step: ExecutionStep, known: KnownExecutionState) -> ExecutionPlan:
    """The plan of a process that carries out one step, which may be that of a partition.

    It has those steps as well that this one takes something of.
    """
    by_key = plan.step_dict_by_key
    before = (by_key[key] for key in step.get_execution_dependency_keys() if key in by_key)
    return ExecutionPlan(
        step_dict={**{one.handle: one for one in before}, step.handle: step},
        executable_map={step.key: step.handle},
        resolvable_map={},
        step_handles_to_execute=[step.handle],
        known_state=known,
        artifacts_persisted=plan.artifacts_persisted,
        executor_name=plan.executor_name,
        repository_load_data=plan.repository_load_data,
    )


def step_key(step: str, part: str | None) -> str:
    """The name of the step that makes a partition."""
    return step if part is None else f"{step}[{part}]"


def part_of(step: ExecutionStep) -> str | None:
    """The partition that a step makes; None for a step that was not expanded."""
    handle = step.handle
    return handle.mapping_key if isinstance(handle, ResolvedFromDynamicStepHandle) else None


def _step(step: ExecutionStep, part: str | None, waits: Waits) -> ExecutionStep:
    return of_part(step, part, [_input(one, step.key, part, waits) for one in step.step_inputs])


def of_part(step: ExecutionStep, part: str | None, inputs: Sequence[StepInput]) -> ExecutionStep:
    """A step of the original plan as that of one partition, with other inputs."""
    if part is None and list(inputs) == list(step.step_inputs):
        return step
    return ExecutionStep(
        handle=step.handle
        if part is None
        else ResolvedFromDynamicStepHandle(step.node_handle, part),
        job_name=step.job_name,
        step_inputs=list(inputs),
        step_outputs=step.step_outputs,
        tags=step.tags,
        pool=step.pool,
    )


def _input(taken: StepInput, step: str, part: str | None, waits: Waits) -> StepInput:
    planned = taken.source.step_key_dependencies
    wanted = {one for before in planned for one in waits(step, part, before)}
    if wanted == planned:
        return taken
    # Inputs are loaded from storage, whether this run made them or another.
    source = FromLoadableAsset(ordering_step_keys=frozenset(wanted))
    return StepInput(name=taken.name, dagster_type_key=taken.dagster_type_key, source=source)
