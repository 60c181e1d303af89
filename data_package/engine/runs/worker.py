"""A process that carries out steps of a run, one after another, and decides nothing.

It gets requests through a channel and sends back, in this order: what its functions took of raw
files, the tables that they wrote, the events of the step, and that the step is over. Where the
process comes from is the matter of a launcher. What does not belong here: which step is next,
limits, the lock and the history.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from data_package.engine.errors import DataPackageError
from data_package.engine.runs.dagster_parts import (
    ExecutionPlan,
    ExecutionStep,
    InMemoryJob,
    InstanceRef,
    KnownExecutionState,
    PlanExecutionContext,
    PlanExecutionContextManager,
    RetryMode,
    StepInput,
    create_execution_plan,
    get_required_resource_keys_to_init,
)
from data_package.engine.runs.expansion import carried_out, context_of, of_part, only, part_of
from data_package.engine.runs.launching import Task, close_loop
from data_package.engine.runs.remote_history import Asking, StepChannel, asking_instance
from data_package.engine.runs.surroundings import Surroundings
from data_package.engine.storage import Hashes
from data_package.engine.tables import internals
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.passing import passing_on
from data_package.engine.tables.unraised import unraised_in_few_words

# What a function took of raw files is passed on before the events that it belongs to.
_AFTER_TAKING = (
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.STEP_SUCCESS,
)
# No function of the user runs for long between these and the next event, with which they are passed
# on.
_SOON_FOLLOWED: Sequence[dg.DagsterEventType] = (
    dg.DagsterEventType.LOADED_INPUT,
    dg.DagsterEventType.STEP_INPUT,
    dg.DagsterEventType.STEP_OUTPUT,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.STEP_SUCCESS,
)
# The same of a table that takes others: Dagster asks for their versions before it goes on.
_SOON_FOLLOWED_BY_A_QUESTION: Sequence[dg.DagsterEventType] = (
    *_SOON_FOLLOWED,
    dg.DagsterEventType.STEP_START,
)
_INTERRUPTED = (
    "It was interrupted, and not by this build: its process got SIGINT or SIGTERM, or its code "
    "raised KeyboardInterrupt."
)


@dataclass(frozen=True)
class Begin:
    """What a process needs to know of a run.

    Attributes:
        run: as the history has it.
        reference: to the instance, for what Dagster asks of it beside the history.
        home: the folder of the history.
        as_text: whether the history takes an event as text, which is then written here.
    """

    run: dg.DagsterRun
    reference: InstanceRef
    home: Path
    as_text: bool = False


@dataclass(frozen=True)
class StepRequest:
    """One step of the run, as it is to be carried out now.

    Attributes:
        step: its name in the plan of the run, before it is expanded.
        part: the partition that is to be made; None for what has none.
        inputs: where it finds what it takes, of this partition.
        known: which attempt it is, and which outputs of earlier steps there are.
        tags: of the run of this partition.
        hashes: of files that the process has not seen yet.
    """

    step: str
    part: str | None
    inputs: Sequence[StepInput]
    known: KnownExecutionState
    tags: Mapping[str, str]
    hashes: Hashes

    @classmethod
    def of(cls, task: Task, hashes: Hashes) -> "StepRequest":
        """What a process needs to carry out a task."""
        step = task.step
        name, part = step.node_handle.name, part_of(step)
        return cls(name, part, step.step_inputs, task.known, task.tags, hashes)


def serve(
    channel: StepChannel,
    job: dg.JobDefinition,
    catalogue: Catalogue,
    plan: ExecutionPlan | None = None,
) -> None:
    """Carry out what is asked for, until the other end says None or is closed.

    `plan`: of the run, where it has been made already.
    """
    begin = channel.recv()
    if begin is None:
        return
    plan = plan or create_execution_plan(job, run_config=begin.run.run_config)
    worker = _Worker(Asking(channel), begin, job, catalogue, plan)
    with passing_on(worker.pass_on), unraised_in_few_words(catalogue.project):
        goes_on = True
        while goes_on and (request := channel.recv()) is not None:
            goes_on = worker.carry_out(request)
        worker.close()


class _Worker:
    def __init__(
        self,
        asking: Asking,
        begin: Begin,
        job: dg.JobDefinition,
        catalogue: Catalogue,
        plan: ExecutionPlan,
    ) -> None:
        self._asking = asking
        self._begin = begin
        self._job = job
        self._catalogue = catalogue
        self._plan = plan
        self._sent = catalogue.hashes.since(0)[1]
        self._instance = asking_instance(asking, self._store, begin.reference, begin.home)
        self._contexts: dict[frozenset[str], PlanExecutionContext] = {}
        self._open = ExitStack()
        self._soon_followed = _SOON_FOLLOWED
        self._surroundings = Surroundings()
        self._was_interrupted = False

    def carry_out(self, request: StepRequest) -> bool:
        """Carry out one step; what it does is sent while it does it.

        Returns whether the process can carry out another.
        """
        self._catalogue.hashes.take_in(request.hashes)
        self._catalogue.deliveries.begin_anew()
        problem = ""
        try:
            for _ in self._events(request):
                pass
        except _ResourceError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001
            # Its message may quote a row.
            problem = str(error) if isinstance(error, DataPackageError) else type(error).__name__
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
            self._was_interrupted = True
        if self._was_interrupted:
            problem = _INTERRUPTED
        goes_on = self._surroundings.restore() and not self._was_interrupted
        self._send_hashes()
        self._asking.tell("end", problem, goes_on)
        return goes_on

    def pass_on(self, what: str, facts: tuple[object, ...]) -> None:
        """Pass on what the deciding process writes."""
        self._send_taken()
        self._send_hashes()
        self._asking.tell(what, *facts, at_once=False)

    def close(self) -> None:
        """Let the resources of the run go."""
        self._open.close()

    def _events(self, request: StepRequest) -> Iterator[dg.DagsterEvent]:
        planned = self._plan.get_step_by_key(request.step)
        assert isinstance(planned, ExecutionStep)
        step = of_part(planned, request.part, request.inputs)
        plan = only(self._plan, step, request.known)
        asks = step.step_inputs and any(out.is_asset for out in step.step_outputs)
        self._soon_followed = _SOON_FOLLOWED_BY_A_QUESTION if asks else _SOON_FOLLOWED
        loop = asyncio.new_event_loop()
        try:
            context = context_of(self._context(plan), step, request.known, request.tags, loop, plan)
            yield from carried_out(context)
        finally:
            close_loop(loop)

    def _context(self, plan: ExecutionPlan) -> PlanExecutionContext:
        """With the resources that the step takes: set up by the first step that takes them."""
        keys = frozenset(get_required_resource_keys_to_init(plan, self._job))
        if keys not in self._contexts:
            manager = PlanExecutionContextManager(
                job=InMemoryJob(self._job),
                execution_plan=plan,
                run_config=self._begin.run.run_config,
                dagster_run=self._begin.run,
                instance=self._instance,
                retry_mode=RetryMode.ENABLED,
                scoped_resources_builder_cm=internals.resources_made_once,
                raise_on_error=False,
            )
            reported = list(manager.prepare_context())
            made: PlanExecutionContext | None = manager.get_context()
            if made is None:
                raise _ResourceError(_why_not_set_up(reported))
            self._open.callback(lambda: list(manager.shutdown_context()))
            self._contexts[keys] = made
        return self._contexts[keys]

    def _store(self, entry: dg.EventLogEntry) -> None:
        if entry.dagster_event and internals.was_interrupted(entry.dagster_event):
            # It is not the run that was interrupted: that one ends its processes.
            self._was_interrupted = True
            return
        kind = entry.dagster_event.event_type if entry.dagster_event else None
        if kind in _AFTER_TAKING:
            self._send_taken()
        text = dg.serialize_value(entry) if self._begin.as_text else None
        self._asking.tell("store", entry, text, at_once=kind not in self._soon_followed)

    def _send_taken(self) -> None:
        if taken := self._catalogue.deliveries.taken():
            self._asking.tell("taken", taken, at_once=False)

    def _send_hashes(self) -> None:
        news, self._sent = self._catalogue.hashes.since(self._sent)
        if news:
            self._asking.tell("hashes", news, at_once=False)


class _ResourceError(Exception):
    """A resource that a step takes could not be set up."""


def _why_not_set_up(events: list[dg.DagsterEvent]) -> str:
    for event in events:
        if event.is_resource_init_failure:
            error = event.engine_event_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            reported = error.message.strip() if error is not None else ""
            return f"A resource that it takes cannot be set up. {reported}".strip()
    return "A resource that it takes cannot be set up."
