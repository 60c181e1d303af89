"""The parts of a run that Dagster's public API does not offer, imported in one place.

What each is needed for, and what the public way would take: docs/explanation/dagster-api.md.
"""

from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import (
    ExecuteRunWithPlanIterable,
    create_execution_plan,
)
from dagster._core.execution.context.system import (
    IStepContext,
    PlanExecutionContext,
    PlanOrchestrationContext,
)
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.execute_plan import _trigger_hook as trigger_hooks
from dagster._core.execution.plan.execute_plan import dagster_event_sequence_for_step
from dagster._core.execution.plan.handle import (
    ResolvedFromDynamicStepHandle,
    StepHandle,
)
from dagster._core.execution.plan.inputs import (
    FromLoadableAsset,
    StepInput,
)
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.outputs import StepOutputHandle
from dagster._core.execution.plan.plan import (
    ExecutionPlan,
    StepHandleUnion,
)
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.execution.plan.step import (
    ExecutionStep,
    IExecutionStep,
)
from dagster._core.execution.resources_init import get_required_resource_keys_to_init
from dagster._core.execution.retries import RetryMode
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager

__all__ = [
    "ActiveExecution",
    "ExecuteRunWithPlanIterable",
    "ExecutionPlan",
    "ExecutionStep",
    "FromLoadableAsset",
    "IExecutionStep",
    "IStepContext",
    "InMemoryJob",
    "InstanceConcurrencyContext",
    "InstanceRef",
    "KnownExecutionState",
    "NoOpComputeLogManager",
    "PlanExecutionContext",
    "PlanExecutionContextManager",
    "PlanOrchestrationContext",
    "ResolvedFromDynamicStepHandle",
    "RetryMode",
    "StepHandle",
    "StepHandleUnion",
    "StepInput",
    "StepOutputHandle",
    "create_execution_plan",
    "dagster_event_sequence_for_step",
    "get_required_resource_keys_to_init",
    "trigger_hooks",
]
