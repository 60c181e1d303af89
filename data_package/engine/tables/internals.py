"""Uses of Dagster that its public API does not offer, each behind one of our names.

`dagster` is pinned to a minor version; no table can be built if one of these has changed.
"""

import copy
import hashlib
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import Field, IAttachDifferentObjectToOpContext
from dagster._config import process_config
from dagster._core.definitions.decorators.op_decorator import DecoratedOpFunction
from dagster._core.definitions.dependency import NodeHandle
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.job_definition import (
    default_job_io_manager_with_fs_io_manager_schema,
)
from dagster._core.definitions.partitions.partitioned_schedule import (
    UnresolvedPartitionedAssetScheduleDefinition,
)
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.definitions.scoped_resources_builder import Resources, ScopedResourcesBuilder
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._core.execution.api import create_execution_plan, execute_run
from dagster._core.execution.plan.handle import ResolvedFromDynamicStepHandle
from dagster._core.execution.resources_init import resource_initialization_manager
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.snap import snapshot_from_execution_plan
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._utils import EventGenerationManager
from dagster_shared.error import SerializableErrorInfo

from data_package.engine.errors import DataPackageError
from data_package.engine.own_code import is_library
from data_package.engine.reach import reached
from data_package.engine.tables import python_errors
from data_package.engine.tables.own_words import OwnWords, names_known, read_source

# What `dg.define_asset_job` returns, and `dg.build_schedule_from_partitioned_job` of one.
UnresolvedJob = UnresolvedAssetJobDefinition
UnresolvedSchedule = UnresolvedPartitionedAssetScheduleDefinition

# The tag of a run that names the verb that started it.
STARTED_BY = "data-package/started_by"


def function_of(assets: dg.AssetsDefinition) -> Callable[..., object] | None:
    """The Python function under `@dg.asset`, `@dg.multi_asset` or `@dg.asset_check`."""
    if not isinstance(assets.node_def, dg.OpDefinition):
        return None
    compute = assets.node_def.compute_fn
    return compute.decorated_fn if isinstance(compute, DecoratedOpFunction) else None


def resources_of(assets: dg.AssetsDefinition) -> list[str]:
    """The resources that an asset's own function takes."""
    op = assets.node_def
    return sorted(op.required_resource_keys) if isinstance(op, dg.OpDefinition) else []


def asked_for(assets: dg.AssetsDefinition) -> dict[dg.AssetKey, object]:
    """The type in which the function asks for each of its inputs."""
    op = assets.node_def
    inputs = op.input_dict if isinstance(op, dg.OpDefinition) else {}
    return {
        key: inputs[name].dagster_type.typing_type
        for name, key in assets.keys_by_input_name.items()
        if name in inputs
    }


def partition_of(context: dg.OutputContext) -> str | None:
    """The key of the partition that is being written; None for a table without partitions."""
    return str(context.asset_partition_keys[0]) if context.has_asset_partitions else None


def is_made_whole(context: dg.InputContext) -> bool:
    """Whether the table that takes an input is made as a whole, not partition by partition."""
    made = context.step_context.assets_def
    return made is None or made.partitions_def is None


def partitions_taken(
    mapping: dg.PartitionMapping,
    reader: dg.PartitionsDefinition | None,
    source: dg.PartitionsDefinition,
    partition: str | None,
) -> tuple[list[str], list[str]]:
    """The partitions of an input that a partition of a table, or a whole table, takes.

    By Dagster's own rules, including keys that it would need and the input does not have.
    """
    subset = None
    if reader is not None:
        assert partition is not None
        subset = reader.subset_with_partition_keys([partition])
    result = mapping.get_upstream_mapped_partitions_result_for_partitions(subset, reader, source)
    lacking = result.required_but_nonexistent_subset.get_partition_keys()
    return list(map(str, result.partitions_subset.get_partition_keys())), sorted(lacking)


def outputs_of(assets: dg.AssetsDefinition) -> dict[dg.AssetKey, object]:
    """The type that the function is annotated to return for each asset, in output order."""
    op = assets.node_def
    outputs = op.output_dict if isinstance(op, dg.OpDefinition) else {}
    keys = assets.keys_by_output_name
    return {
        keys[name]: output.dagster_type.typing_type
        for name, output in outputs.items()
        if name in keys
    }


def may_be_left_out(assets: dg.AssetsDefinition, key: dg.AssetKey) -> bool:
    """Whether the function need not give an asset each time: `is_required=False`."""
    op = assets.node_def
    outputs = op.output_dict if isinstance(op, dg.OpDefinition) else {}
    names = {key: name for name, key in assets.keys_by_output_name.items()}
    return key in names and names[key] in outputs and not outputs[names[key]].is_required


def with_function(
    assets: dg.AssetsDefinition, function: Callable[..., object]
) -> dg.AssetsDefinition:
    """The same asset with another function; the old one is unchanged."""
    attributes = {**assets.get_attributes_dict(), "node_def": _op_with(assets, function)}
    return dg.AssetsDefinition.dagster_internal_init(**attributes)


def without_default_io_manager(assets: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """The same assets without the IO manager that `dg.with_resources` adds where none is given."""
    others = dict(assets.resource_defs)
    added = others.pop("io_manager", None)
    if added is not default_job_io_manager_with_fs_io_manager_schema:
        return assets
    attributes = {**assets.get_attributes_dict(), "resource_defs": others}
    return dg.AssetsDefinition.dagster_internal_init(**attributes)


def check_with_function(
    check: dg.AssetChecksDefinition, function: Callable[..., object]
) -> dg.AssetChecksDefinition:
    """The same asset check with another function."""
    made = dg.AssetChecksDefinition.create(
        keys_by_input_name=check.node_keys_by_input_name,
        node_def=_op_with(check, function),
        check_specs_by_output_name=check.node_check_specs_by_output_name,
        can_subset=check.can_subset,
        resource_defs=check.resource_defs,
    )
    assert isinstance(made, dg.AssetChecksDefinition)
    return made


def _op_with(assets: dg.AssetsDefinition, function: Callable[..., object]) -> dg.OpDefinition:
    op = assets.node_def
    assert isinstance(op, dg.OpDefinition)
    replaced = copy.copy(op)
    replaced._compute_fn = DecoratedOpFunction(decorated_fn=function)
    return replaced


def set_data_version(context: dg.OutputContext, version: str) -> None:
    """Give this data version to the materialization that is being written.

    A function can state it before it returns; an IO manager knows it only after it has written.
    """
    context.step_context.set_data_version(context.asset_key, dg.DataVersion(version))


def config_digest(context: dg.OutputContext) -> str | None:
    """A hash of the configuration of a run that differs from the defaults and concerns this table.

    That is the config of its function and of the resources it requires. None where a run was given
    none, as in every run of `data-package build`, or the defaults, as the web pages fill them in.
    """
    step = context.step_context
    given = step.dagster_run.run_config
    operations: Any = given.get("ops") or {}
    resources: Any = given.get("resources") or {}
    own = dict(operations.get(step.step.node_handle.name) or {})
    fields = {"": (step.op_def.config_field, own.pop("config", None))}
    known = step.job_def.resource_defs
    for key in _required(step.op_def.required_resource_keys, known):
        report = resources.get(key) or {}
        fields[key] = (known[key].config_schema.as_field(), report.get("config"))
    differing = {
        name: config for name, (field, config) in fields.items() if _differs(field, config)
    }
    if not differing and not own:
        return None
    text = json.dumps([differing, own], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _required(keys: Set[str], known: Mapping[str, dg.ResourceDefinition]) -> list[str]:
    """Resources, and those that they require themselves."""
    begin = keys & known.keys()
    return sorted(reached(begin, lambda key: known[key].required_resource_keys & known.keys()))


def _differs(field: Field | None, config: Any) -> bool:
    """Whether a configuration, with defaults filled in, differs from the defaults."""
    if field is None or config is None:
        return False
    default: Any = field.default_value if field.default_provided else {}
    report, stock = (
        process_config(field.config_type, config),
        process_config(field.config_type, default),
    )
    return not (report.success and stock.success and report.value == stock.value)


def entities_of_steps(job: dg.JobDefinition) -> Mapping[str, list[dg.AssetKey | dg.AssetCheckKey]]:
    """The assets and the checks that each step of a job makes, steps in the order of the run."""
    layer = job.asset_layer
    return {
        node.name: sorted(
            layer.get_selected_entity_keys_for_node(NodeHandle(name=node.name, parent=None)),
            key=str,
        )
        for node in job.nodes_in_topological_order
    }


def entities_of_step(job: dg.JobDefinition, step: str) -> list[dg.AssetKey]:
    """The assets that one step of a job makes."""
    made = job.asset_layer.get_selected_entity_keys_for_node(NodeHandle(name=step, parent=None))
    return [key for key in made if isinstance(key, dg.AssetKey)]


def partitions_of_node(job: dg.JobDefinition, node: str) -> dg.PartitionsDefinition:
    """The partitions of what a step of a job makes or checks."""
    layer = job.asset_layer
    keys = layer.get_selected_entity_keys_for_node(NodeHandle(name=node, parent=None))
    assets = (key.asset_key if isinstance(key, dg.AssetCheckKey) else key for key in keys)
    return next(d for key in assets if (d := layer.get(key).partitions_def) is not None)


def step_of(event: dg.DagsterEvent, tags: Mapping[str, str]) -> tuple[str, str | None]:
    """The name of an event's step, and the partition that it makes.

    `tags`: of the run, which may name one partition for all of its steps.
    """
    handle = event.step_handle
    if isinstance(handle, ResolvedFromDynamicStepHandle):
        return handle.node_handle.name, handle.mapping_key
    return event.step_key or "", tags.get("dagster/partition")


def run_job(
    module: str,
    attribute: str,
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    run_config: Mapping[str, object],
    prepare: Callable[[str], AbstractContextManager[None]],
    recording: AbstractContextManager[None] = nullcontext(),  # noqa: B008 (it has no state)
) -> str:
    """Run a job with its own executor, and return the run's id.

    `prepare` gets the id of the run before it starts; `recording` is open while the run is put into
    the history. The run is recorded as one of the module's, as `dagster asset materialize -m`
    records it, so that the web pages can open and repeat it.
    """
    repository = ReconstructableRepository.for_module(module, attribute)
    origin = repository.get_reconstructable_job(job.name)
    tags = {STARTED_BY: "build"}
    reference = instance.get_ref() if instance.is_persistent else None
    if (lacking_variable := _unset_within(job)) is not None:
        raise UnsetError(*lacking_variable)
    try:
        plan = create_execution_plan(job, run_config=run_config, instance_ref=reference, tags=tags)
    except dg.DagsterInvalidConfigError as refusal:
        if unset := _UNSET.search(str(refusal)):
            raise UnsetError(*unset.groups()) from None
        lacking = [
            node.name for node in job.nodes_in_topological_order if _lacks_config(node.definition)
        ]
        raise ConfigError(", ".join(lacking)) from None
    # The public `create_run_for_job` drops the selection of checks.
    with recording:
        run = instance.create_run(
            job_name=job.name,
            run_id=None,
            run_config=run_config,
            status=None,
            tags=tags,
            root_run_id=None,
            parent_run_id=None,
            step_keys_to_execute=plan.step_keys_to_execute,
            execution_plan_snapshot=snapshot_from_execution_plan(plan, job.get_job_snapshot_id()),
            job_snapshot=job.get_job_snapshot(),
            parent_job_snapshot=job.get_parent_job_snapshot(),
            asset_selection=job.asset_selection,
            asset_check_selection=job.asset_check_selection,
            resolved_op_selection=None,
            op_selection=None,
            remote_job_origin=_remote_origin(module, attribute, job.name),
            job_code_origin=origin.get_python_origin(),
            asset_graph=job.asset_layer.asset_graph,
        )
    with prepare(run.run_id):
        result = execute_run(_Chosen(job), run, instance, raise_on_error=False)
    failed_steps = [event for event in result.all_events if event.is_step_failure]
    if any(map(was_interrupted, result.all_events)):
        raise KeyboardInterrupt
    for event in [] if failed_steps else result.all_events:
        if event.event_type is dg.DagsterEventType.RUN_FAILURE:
            error = event.job_failure_data.error
            raise RunError(_kind_of(error), _own_words(error))
    return run.run_id


def code_location(
    module: str, attribute: str, working_directory: str | None = None
) -> InProcessCodeLocationOrigin:
    """Where the web pages find a project's definitions; the location is named after the module."""
    target = LoadableTargetOrigin(
        executable_path=sys.executable,
        module_name=module,
        attribute=attribute,
        working_directory=working_directory,
    )
    return InProcessCodeLocationOrigin(target, location_name=module)


def _remote_origin(module: str, attribute: str, job: str) -> RemoteJobOrigin:
    """The tags by which the pages' timeline and re-execution recognise a project's run."""
    location = code_location(module, attribute)
    repository = dg.Definitions().get_repository_def().name
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, repository), job)


class _Chosen(InMemoryJob):
    """A job that holds only what is to run."""

    def get_subset(self, **_selection: object) -> "_Chosen":
        """The job is selected already, so this returns it unchanged."""
        return self


def resources_made_once(**asked: Any) -> EventGenerationManager[ScopedResourcesBuilder]:
    """Set up the resources of a run as Dagster does, but make each step's view of them once.

    Dagster makes a class for every step, each of its inputs and each of its outputs: a fifteenth of
    what a small table takes.
    """
    stock = resource_initialization_manager(**asked)

    def generate() -> Iterator[dg.DagsterEvent | ScopedResourcesBuilder]:
        for made in stock.generator:
            yield _KeptResources(*made) if isinstance(made, ScopedResourcesBuilder) else made

    return EventGenerationManager(generate(), ScopedResourcesBuilder)


class _KeptResources(ScopedResourcesBuilder):
    def build(self, required_resource_keys: Set[str] | None) -> Resources:
        """The resources of these names; a resource that is made anew each time still is."""
        names = frozenset(required_resource_keys or ())
        given = map(self.resource_instance_dict.get, names)
        if any(isinstance(resource, IAttachDifferentObjectToOpContext) for resource in given):
            return super().build(names)
        kept: dict[frozenset[str], Resources] = vars(self).setdefault("kept", {})
        if names not in kept:
            kept[names] = super().build(names)
        return kept[names]


def was_interrupted(event: dg.DagsterEvent) -> bool:
    """Whether an event reports an interruption by the user."""
    interrupts = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")
    if event.is_step_failure:
        error = event.step_failure_data.error
    elif event.event_type is dg.DagsterEventType.RUN_CANCELED:
        return True
    elif event.event_type is dg.DagsterEventType.RUN_FAILURE:
        error = event.job_failure_data.error
    elif event.is_step_up_for_retry:
        # A retry policy turns it into a request to retry.
        asked = event.step_retry_data.error
        error = asked.cause if asked else None
    else:
        return False
    return error is not None and error.cls_name in interrupts


class ConfigError(Exception):
    """Functions, named by the message, have a config without defaults."""


class UnsetError(Exception):
    """A resource takes a value from an environment variable that is not set."""

    def __init__(self, resource: str, variable: str) -> None:
        """The name of each."""
        super().__init__(variable)
        self.resource = resource
        self.variable = variable


_UNSET = re.compile(r"root:resources:(\w+):\S* of original value \{'env': '(\w+)'\} failed")


def _unset_within(job: dg.JobDefinition) -> tuple[str, str] | None:
    """A resource that a job needs, and a variable that resources within it lack.

    Dagster resolves those while it starts the run, and its message may quote values.
    """
    for name in sorted(job.required_resource_keys):
        for variable in _variables_within(job.resource_defs.get(name)):
            if variable not in os.environ:
                return name, variable
    return None


def _variables_within(resource: object) -> Iterator[str]:
    for inner in getattr(resource, "nested_resources", {}).values():
        yield from _variables(getattr(inner, "_resolved_config_dict", {}))
        yield from _variables_within(inner)


def _variables(config: object) -> Iterator[str]:
    match config:
        case {"env": str(name), **others} if not others:
            yield name
        case dict():
            for value in config.values():
                yield from _variables(value)
        case list():
            for value in config:
                yield from _variables(value)


def _lacks_config(op: object) -> bool:
    field = op.config_field if isinstance(op, dg.OpDefinition) and op.has_config_field else None
    return field is not None and field.is_required


def _kind_of(error: SerializableErrorInfo | None) -> str:
    """What ended a run: the kind of the error, and the operating system's message."""
    if error is None:
        return "unknown"
    reason = python_errors.of_machine(error.message)
    return f"{error.cls_name} ({reason})" if reason else str(error.cls_name)


_TOLD_IN_FULL = (dg.Failure, DataPackageError, KeyboardInterrupt)
# Their message is complete: the place in Dagster does not help.
_NEED_NO_PLACE = (
    *_TOLD_IN_FULL,
    dg.DagsterExecutionInterruptedError,
    DagsterAssetCheckFailedError,
)
_ENGINE = Path(__file__).resolve().parents[1]
_COUNT_OF_CHECKS = re.compile(r"^\d+(?= blocking asset check)")


def keep_errors_value_free() -> None:
    """Let Dagster keep only the kind and the place of an exception, wherever it was raised.

    The functions of tables and checks are guarded one by one, with fuller reports. What else may
    fail in a run (a resource, a hook, an IO manager of the user's) passes here, on its way to the
    event log and to the terminal. Dagster's own words stay as far as they are literal in its code
    or are names of the project. Of the lines of code that an exception came through, the user's
    stay.
    """
    stock = SerializableErrorInfo.from_traceback.__func__  # type: ignore[attr-defined]
    if stock.__module__ == __name__:
        return
    _tell_a_failure_once()

    def from_traceback(
        cls: type[SerializableErrorInfo], tb: traceback.TracebackException
    ) -> SerializableErrorInfo:
        info: SerializableErrorInfo = stock(cls, tb)
        kind: type[BaseException] | None = tb.exc_type
        if kind is None:
            return info
        info = info._replace(stack=_lines_shown(tb, kind))
        if issubclass(kind, _TOLD_IN_FULL) and _is_installed_kind(kind):
            return info._replace(message=f"{tb}\n") if issubclass(kind, dg.Failure) else info
        files = {f.filename for f in tb.stack if issubclass(kind, dg.DagsterError)}
        words = OwnWords(tuple(read_source(name) for name in sorted(files)), names_known())
        name = python_errors.kind_of(kind, words)
        reason = words.of(_COUNT_OF_CHECKS.sub("", str(tb))) or python_errors.of_machine(str(tb))
        message = f"{name}: {reason or 'its message may quote values and is not kept.'}\n"
        return info._replace(message=message, cls_name=name)

    SerializableErrorInfo.from_traceback = classmethod(from_traceback)  # type: ignore[method-assign, assignment]


def _lines_shown(tb: traceback.TracebackException, kind: type[BaseException]) -> list[str]:
    """The lines of the user's own code; where there are none, all, unless the message says it."""
    frames = [f for f in tb.stack if not _is_of_machinery(f.filename)]
    if not frames and not issubclass(kind, _NEED_NO_PLACE):
        frames = list(tb.stack)
    return traceback.StackSummary.from_list(frames).format()


def _is_of_machinery(file: str) -> bool:
    return Path(file).is_relative_to(_ENGINE) or is_library(file)


def _tell_a_failure_once() -> None:
    """Let the end of a run name the steps that failed; their own events give the reason."""
    stock = dg.DagsterEvent.job_failure

    def job_failure(
        job_context_or_name: Any,
        context_msg: str,
        failure_reason: Any,
        error_info: SerializableErrorInfo | None = None,
        first_step_failure_event: dg.DagsterEvent | None = None,
    ) -> dg.DagsterEvent:
        del first_step_failure_event
        return stock(job_context_or_name, context_msg, failure_reason, error_info)

    dg.DagsterEvent.job_failure = staticmethod(job_failure)  # type: ignore[method-assign]


def _is_installed_kind(kind: type[BaseException]) -> bool:
    return python_errors.kind_of(kind, OwnWords()) == kind.__name__


class RunError(Exception):
    """Dagster ended a run, and none of its tables is the cause.

    Attributes:
        reason: the engine's own message, for the user of the command; empty otherwise.
    """

    def __init__(self, kind: str, reason: str = "") -> None:
        """`kind`: of the error."""
        super().__init__(kind)
        self.reason = reason


def _own_words(error: SerializableErrorInfo | None) -> str:
    if error is None or error.cls_name not in ("ProjectError", "BuildError"):
        return ""
    return error.message.partition(": ")[2].strip()


def failure_message(event: dg.DagsterEvent) -> str:
    """The message of a step's failure: that of a `dg.Failure`, else of the root exception."""
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else "It failed without a message."


def failure_metadata(event: dg.DagsterEvent) -> Mapping[str, dg.MetadataValue]:
    """The metadata of a `dg.Failure`."""
    data = event.step_failure_data.user_failure_data
    return data.metadata if data is not None else {}


def hook_error(event: dg.DagsterEvent) -> tuple[str, str, str]:
    """Where a hook failed, file and line, and the message, without a value."""
    data = event.hook_errored_data
    places = re.findall(r'File "([^"\n]+)", line (\d+)', "".join(data.error.stack))
    file, line = places[-1] if places else ("", "")
    return file, line, data.error.message.strip()
