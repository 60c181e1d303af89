"""The project's default executor: only necessary steps, and every decision in this process.

Dagster's stock executor starts a process for each step, with some four seconds of imports each
time, and its loop supports neither threads nor skipping steps. A run that `data-package build`
starts has a `Plan`; any other (from the web pages, `dagster asset materialize`) runs its selection.
Steps run in this thread one after another, or where a launcher runs them.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from weakref import WeakSet

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from data_package.engine.needs import together
from data_package.engine.runs.build_lock import building
from data_package.engine.runs.dagster_parts import (
    ActiveExecution,
    ExecuteRunWithPlanIterable,
    ExecutionPlan,
    ExecutionStep,
    InstanceConcurrencyContext,
    IStepContext,
    KnownExecutionState,
    PlanExecutionContext,
    PlanExecutionContextManager,
    PlanOrchestrationContext,
    RetryMode,
    StepOutputHandle,
)
from data_package.engine.runs.expansion import (
    Waits,
    by_partition,
    carried_out,
    context_of,
    part_of,
)
from data_package.engine.runs.launching import Launcher, Over, Task, Threads
from data_package.engine.runs.noting import Noting
from data_package.engine.runs.nursery import Nursery
from data_package.engine.runs.processes import Processes
from data_package.engine.runs.ready_steps import known_to, started
from data_package.engine.staleness.lock import LockFile
from data_package.engine.staleness.recorder import Recorder
from data_package.engine.tables import internals
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.partitions import Partitions
from data_package.engine.tables.unraised import unraised_in_few_words

OUR_LOGGER: dict[str, object] = {"loggers": {"console": {}}}


LauncherOf = Callable[[Recorder, dg.DagsterInstance, dg.DagsterRun], Launcher]


@dataclass(frozen=True)
class Plan:
    """How a run of this process is carried out.

    Attributes:
        on_event: called with every event as it happens.
        needless: whether a step, when its turn comes, would make nothing new.
        parts: the partitions that are to be made, by the step that makes one.
        waits: what a step waits for, when steps are written out by partition.
        at_once: how many steps run at once.
        fail_fast: whether the first failure ends the run.
        launcher: makes what runs them elsewhere; None for threads of this process.
    """

    on_event: Callable[[dg.DagsterEvent], None]
    needless: Callable[[str], bool]
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    waits: Waits = lambda _step, _part, before: (before,)
    at_once: int = 1
    fail_fast: bool = False
    launcher: LauncherOf | None = None


ContextOf = Callable[
    [PlanExecutionContext, ExecutionStep, KnownExecutionState, asyncio.AbstractEventLoop],
    dg.StepExecutionContext,
]

# So many steps at most wait for memory while others, which need less, are asked for.
_HELD = 64

_plans: dict[str, Plan] = {}
_own: "WeakSet[dg.ExecutorDefinition]" = WeakSet()


@contextmanager
def planned(run_id: str, plan: Plan) -> Iterator[None]:
    """Run with a plan: applies to runs of this process in the block."""
    _plans[run_id] = plan
    try:
        yield
    finally:
        del _plans[run_id]


def in_processes(nursery: Nursery) -> LauncherOf:
    """Steps run in processes of this machine, all of them forks of one."""
    return lambda recorder, instance, run: Processes(nursery, recorder, instance, run)


def in_slurm(job: dg.JobDefinition, on_states: Callable[[Mapping[str, str]], None]) -> LauncherOf:
    """Steps run as jobs of Slurm; `on_states` gets their states in its queue."""
    from data_package.engine.runs.slurm import Slurm

    return lambda recorder, instance, run: Slurm(job, recorder, instance, run, on_states)


def in_process(recorder: Recorder) -> dg.ExecutorDefinition:
    """The executor of a project."""

    @dg.executor(name="in_process")
    def tables_in_process(_context: dg.InitExecutorContext) -> _Executor:
        """Run every table in this process."""
        return _Executor(recorder)

    _own.add(tables_in_process)
    return tables_in_process


def with_own_executor(
    job: dg.JobDefinition, catalogue: Catalogue, lock: LockFile
) -> dg.JobDefinition:
    """The same job with the engine's executor, which a build requires."""
    if job.executor_def in _own:
        return job
    return job.with_executor_def(in_process(Recorder(catalogue, lock)))


class _Executor(dg.Executor):
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    @property
    def retries(self) -> RetryMode:
        """Whether failed steps are tried again by their retry policy."""
        return RetryMode.ENABLED

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Run the plan; yields every event."""
        plan = _plans.get(plan_context.run_id) or self._plan_of_others(plan_context)
        catalogue = self._recorder.catalogue
        with (
            building(catalogue.project, plan_context.log.info),
            unraised_in_few_words(catalogue.project),
            self._recorder.lock.gathering(),
        ):
            noting = Noting(self._recorder, plan_context)
            try:
                noting.begin()
                for event in self._events(plan_context, execution_plan, plan):
                    noting.note(event)
                    plan.on_event(event)
                    yield event
                    if event.is_step_up_for_retry and internals.was_interrupted(event):
                        # Dagster would wait, and try the table again.
                        raise dg.DagsterExecutionInterruptedError
            finally:
                catalogue.hashes.save()

    def _plan_of_others(self, context: PlanOrchestrationContext) -> Plan:
        """How a run is carried out that no build has started: as the project sets it."""
        catalogue, job = self._recorder.catalogue, context.job.get_definition()
        ours = any(key in catalogue.tables for key in job.asset_layer.executable_asset_keys)
        project = catalogue.project
        launcher = None
        if project.processes and ours:
            launcher = in_processes(Nursery(job, catalogue, context.run_config))
        at_once = project.at_once if launcher is not None else 1
        return Plan(lambda _: None, lambda _: False, at_once=at_once, launcher=launcher)

    def _events(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan, plan: Plan
    ) -> Iterator[dg.DagsterEvent]:
        if plan.parts:
            execution_plan = by_partition(execution_plan, plan.parts, plan.waits)
        if plan.launcher is not None:
            launcher = plan.launcher(
                self._recorder, plan_context.instance, plan_context.dagster_run
            )
            try:
                yield from self._launched(plan_context, execution_plan, plan, launcher)
            finally:
                launcher.stop()
            return

        def iterate(
            job_context: PlanExecutionContext, execution_plan: ExecutionPlan
        ) -> Iterator[dg.DagsterEvent]:
            if plan.at_once == 1:
                with _started(job_context, execution_plan, job_context.retry_mode) as active:
                    yield from _one_by_one(job_context, active, plan, self._context)
                return

            def of_task(task: Task, loop: asyncio.AbstractEventLoop) -> dg.StepExecutionContext:
                return self._context(job_context, task.step, task.known, loop)

            yield from self._launched(job_context, execution_plan, plan, Threads(of_task))

        yield from ExecuteRunWithPlanIterable(
            execution_plan=execution_plan,
            iterator=iterate,
            execution_context_manager=PlanExecutionContextManager(
                job=plan_context.job,
                retry_mode=plan_context.retry_mode,
                execution_plan=execution_plan,
                run_config=plan_context.run_config,
                dagster_run=plan_context.dagster_run,
                instance=plan_context.instance,
                scoped_resources_builder_cm=internals.resources_made_once,
                raise_on_error=plan_context.raise_on_error,
                output_capture=plan_context.output_capture,
            ),
        )

    def _launched(
        self,
        context: PlanExecutionContext | PlanOrchestrationContext,
        execution_plan: ExecutionPlan,
        plan: Plan,
        launcher: Launcher,
    ) -> Iterator[dg.DagsterEvent]:
        """Hand the steps out to a launcher."""
        job = context.job.get_definition()
        made = internals.entities_of_steps(job)
        tables = self._recorder.catalogue.tables

        with _started(context, execution_plan, self.retries) as active:

            def task_of(step: ExecutionStep) -> Task:
                of = (key for key in made.get(step.node_handle.name, ()) if key in tables)
                needs = together(tables[key].needs for key in of if isinstance(key, dg.AssetKey))
                return Task(step, known_to(step, active), self._tags(job, step), needs)

            def broken_off(task: Task, problem: str) -> dg.DagsterEvent:
                step, known = context.for_step(task.step), known_to(task.step, active)
                error = SerializableErrorInfo(f"{problem}\n", [], Over.__name__)
                return self.log_failure_or_retry_event_after_error(step, error, known)

            yield from _side_by_side(context, active, plan, launcher, task_of, broken_off)

    def _context(
        self,
        context: PlanExecutionContext,
        step: ExecutionStep,
        known: KnownExecutionState,
        loop: asyncio.AbstractEventLoop,
    ) -> dg.StepExecutionContext:
        """The context of a step; for a partition's, that of a run of this partition alone."""
        return context_of(context, step, known, self._tags(context.job_def, step), loop)

    def _tags(self, job: dg.JobDefinition, step: ExecutionStep) -> Mapping[str, str]:
        """The tags of a run of a step's partition alone."""
        part = part_of(step)
        if part is None:
            return {}
        definition = internals.partitions_of_node(job, step.node_handle.name)
        return Partitions(definition).tags(part)


@contextmanager
def _started(
    context: PlanExecutionContext | PlanOrchestrationContext,
    plan: ExecutionPlan,
    retry_mode: RetryMode,
) -> Iterator[ActiveExecution]:
    with (
        InstanceConcurrencyContext(context.instance, context.dagster_run) as concurrency,
        started(plan, retry_mode, concurrency) as active,
    ):
        yield active


def _one_by_one(
    context: PlanExecutionContext, active: ActiveExecution, plan: Plan, context_of: ContextOf
) -> Iterator[dg.DagsterEvent]:
    while not active.is_complete:
        step = active.get_next_step()
        yield from active.concurrency_event_iterator(context)
        if step is None:
            with dg.raise_execution_interrupts():
                active.sleep_til_ready()
            continue
        step_context = context_of(context, step, known_to(step, active), context.event_loop)
        if plan.needless(step.key):
            yield _leave_out(step, step_context, active)
        else:
            failed = False
            for event in carried_out(step_context):
                failed = failed or event.is_step_failure
                yield event
                active.handle_event(event)
            active.verify_complete(context, step.key)
            if plan.fail_fast and failed:
                active.mark_interrupted()
                return
        yield from active.plan_events_iterator(context)


def _side_by_side(
    context: PlanExecutionContext | PlanOrchestrationContext,
    active: ActiveExecution,
    plan: Plan,
    launcher: Launcher,
    task_of: Callable[[ExecutionStep], Task],
    broken_off: Callable[[Task, str], dg.DagsterEvent],
) -> Iterator[dg.DagsterEvent]:
    """Several steps at once: a launcher runs them; decisions are made and events handled here."""
    running: dict[str, Task] = {}
    # What is ready and has no room yet.
    held: list[Task] = []
    stopping = False
    while running or not (active.is_complete or stopping):
        free = plan.at_once - len(running)
        if free and not stopping and len(held) < _HELD:
            held += map(task_of, active.get_steps_to_execute(limit=free))
        for task in [] if stopping else list(held):
            if task.key in running:
                # It is tried again, and its first attempt is not over yet.
                continue
            if plan.needless(task.key):
                held.remove(task)
                yield _leave_out(task.step, context.for_step(task.step), active)
            elif refusal := launcher.refusal(task):
                held.remove(task)
                refused = broken_off(task, refusal)
                yield refused
                active.handle_event(refused)
                active.verify_complete(context, task.key)
                stopping = stopping or plan.fail_fast
            elif len(running) < plan.at_once and launcher.has_room(task):
                held.remove(task)
                running[task.key] = task
                launcher.start(task)
        yield from active.concurrency_event_iterator(context)
        yield from active.plan_events_iterator(context)
        if not running:
            if not (active.is_complete or stopping):
                with dg.raise_execution_interrupts():
                    active.sleep_til_ready()
            continue
        key, what = launcher.wait()
        event = what if isinstance(what, dg.DagsterEvent) else None
        if isinstance(what, Over):
            task = running.pop(key)
            if what.error is not None:
                raise what.error
            event = broken_off(task, what.problem) if what.problem else None
        if event is not None:
            yield event
            active.handle_event(event)
            stopping = stopping or (plan.fail_fast and event.is_step_failure)
        if isinstance(what, Over) and key not in (task.key for task in held):
            active.verify_complete(context, key)
    if stopping:
        active.mark_interrupted()


def _leave_out(
    step: ExecutionStep, step_context: IStepContext, active: ActiveExecution
) -> dg.DagsterEvent:
    """Mark a step as done without running it: later steps use its present table."""
    for output in step.step_outputs:
        active.mark_step_produced_output(StepOutputHandle(step.key, output.name))
    active.mark_success(step.key)
    return dg.DagsterEvent.step_skipped_event(step_context)
