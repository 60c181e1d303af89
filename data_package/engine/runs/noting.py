"""What the events of a run say that the lock and the memory of checks need, whoever runs its steps.

A table that is written here is put into the lock by its IO manager, in the process that made it.
The deciding process notes the rest from the events: tables of which no file is kept, those that a
function has left out, outcomes of checks, and failures. So it does under an executor of Dagster's
own, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from data_package.engine.errors import ProjectError
from data_package.engine.runs.build_lock import building
from data_package.engine.runs.dagster_parts import (
    ExecutionPlan,
    PlanOrchestrationContext,
    RetryMode,
)
from data_package.engine.staleness.own_checks import Outcome
from data_package.engine.staleness.recorder import Recorder
from data_package.engine.tables import internals
from data_package.engine.tables import io_manager as facts

_DATA_VERSION = "dagster/data_version"
_OWN_VERSION = "dagster/data_version_is_user_provided"


@dataclass
class Noting:
    """Takes in the events of one run, one after another."""

    recorder: Recorder
    context: PlanOrchestrationContext
    # What each step has yielded.
    _yielded: set[tuple[str, dg.AssetKey]] = field(default_factory=set)

    def begin(self) -> None:
        """Record the content hashes of the run's raw files in Dagster, where they have changed.

        A table's provenance then names the content it was made from, and the web pages show the
        same tables as stale as `data-package status` does.
        """
        catalogue = self.recorder.catalogue
        instance = self.context.instance
        keys = self.context.job.get_definition().asset_layer.executable_asset_keys
        taken = {i for key in keys if (t := catalogue.tables.get(key)) for i in t.inputs.values()}
        for key in sorted(taken):
            name = key.to_user_string()
            if name not in catalogue.deliveries.files:
                continue
            try:
                content = catalogue.deliveries.content(name)
            except ProjectError:
                # The table that takes it reports this, and the others continue.
                continue
            tags = {_DATA_VERSION: content.sha256}
            known = instance.get_latest_materialization_event(key)
            if known and known.asset_materialization and known.asset_materialization.tags == tags:
                continue
            metadata = {"size_bytes": dg.MetadataValue.int(content.size_bytes)}
            instance.report_runless_asset_event(
                dg.AssetMaterialization(key, tags=tags, metadata=metadata)
            )

    def note(self, event: dg.DagsterEvent) -> None:
        """Note what an event says."""
        step, part = internals.step_of(event, self.context.dagster_run.tags)
        match event.event_type:
            case dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                evaluation = event.asset_check_evaluation_data
                outcome = Outcome.of(passed=evaluation.passed, severity=evaluation.severity)
                self.recorder.checked(evaluation.asset_check_key, outcome, part)
            case dg.DagsterEventType.ASSET_MATERIALIZATION:
                made = event.step_materialization_data.materialization
                self._yielded.add((event.step_key or "", made.asset_key))
                self._made(made)
            case dg.DagsterEventType.STEP_FAILURE if not internals.was_interrupted(event):
                self._failed(event, step, part)
            case dg.DagsterEventType.STEP_SUCCESS:
                self._left_out(event.step_key or "", step, part)
            case _:
                pass

    def _made(self, made: dg.AssetMaterialization) -> None:
        """Note an asset that is not kept here; our IO manager records the others itself."""
        table = self.recorder.catalogue.tables.get(made.asset_key)
        configured = {"ops", "resources"} & self.context.run_config.keys()
        if table is None or configured or {facts.HASH, facts.SIZE} <= made.metadata.keys():
            return
        tags = made.tags or {}
        version = tags.get(_DATA_VERSION) if tags.get(_OWN_VERSION) == "true" else None
        self.recorder.made(table, version, self._written_elsewhere(made), made.partition)

    def _written_elsewhere(self, made: dg.AssetMaterialization) -> dict[str, str]:
        """The hashes of local files that another IO manager reported, by their paths."""
        hashes = self.recorder.catalogue.hashes
        recorded = made.metadata.get("path")
        path = Path(str(recorded.value)) if isinstance(recorded, dg.PathMetadataValue) else None
        return {str(path): hashes.hash(path)} if path is not None and path.is_file() else {}

    def _failed(self, event: dg.DagsterEvent, step: str, part: str | None) -> None:
        made = internals.entities_of_steps(self.context.job.get_definition()).get(step, [])
        for key in made:
            if isinstance(key, dg.AssetKey) and (table := self.recorder.catalogue.tables.get(key)):
                own_part = part if table.partitioned else None
                if own_part is not None or not table.partitioned:
                    self.recorder.failed(table, internals.failure_message(event), own_part)

    def _left_out(self, key: str, step: str, part: str | None) -> None:
        """Note what a step that succeeded has not made."""
        for made in internals.entities_of_step(self.context.job.get_definition(), step):
            table = self.recorder.catalogue.tables.get(made)
            if table is not None and (key, made) not in self._yielded:
                self.recorder.left_out(table, part if table.partitioned else None)


def noted(executor: dg.ExecutorDefinition, recorder: Recorder) -> dg.ExecutorDefinition:
    """An executor of Dagster's own or of others, in whose runs the same is noted as in ours.

    No other build runs meanwhile.
    """
    create = executor.executor_creation_fn
    if create is None:
        return executor
    return dg.ExecutorDefinition(
        name=executor.name,
        config_schema=executor.config_schema,  # type: ignore[arg-type]
        requirements=executor.get_requirements,
        executor_creation_fn=lambda context: _Noted(create(context), recorder),
        description=executor.description,
    )


class _Noted(dg.Executor):
    """The executor itself, for all who ask it for something else than to run."""

    def __init__(self, executor: dg.Executor, recorder: Recorder) -> None:
        self._executor = executor
        self._recorder = recorder

    def __getattr__(self, name: str) -> object:
        return getattr(self._executor, name)

    @property
    def retries(self) -> RetryMode:
        """As the executor has it."""
        return self._executor.retries

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Run the plan as the executor does; yields every event."""
        project = self._recorder.catalogue.project
        with building(project, plan_context.log.info), self._recorder.lock.gathering():
            noting = Noting(self._recorder, plan_context)
            try:
                noting.begin()
                for event in self._executor.execute(plan_context, execution_plan):
                    noting.note(event)
                    yield event
            finally:
                self._recorder.catalogue.hashes.save()
