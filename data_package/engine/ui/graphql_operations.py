"""What a GraphQL document would do, and whether it may. The document is parsed, never searched."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
)

# Dagster's pages send up to a few thousand.
_MOST_TOKENS = 50_000

# Starting runs and ending them, trying schedules and sensors, and looking at the code again. What
# takes history away (deleteRun, wipeAssets) stays shut.
RUNS = frozenset(
    {
        "launchPartitionBackfill",
        "cancelPartitionBackfill",
        "resumePartitionBackfill",
        "scheduleDryRun",
        "sensorDryRun",
        "launchRun",
        "launchMultipleRuns",
        "launchPipelineExecution",
        "launchPipelineReexecution",
        "launchRunReexecution",
        "terminatePipelineExecution",
        "terminateRun",
        "terminateRuns",
        "reloadRepositoryLocation",
        "reloadWorkspace",
    }
)
# Turning schedules and sensors on and off, where there is a daemon that runs them.
AUTOMATION = frozenset(
    {
        "startSchedule",
        "stopRunningSchedule",
        "resetSchedule",
        "startSensor",
        "stopSensor",
        "resetSensor",
        "setSensorCursor",
    }
)


class Refused(Exception):
    """A request that is not let through; its words are for the sender."""

    def __init__(self, status: int, words: str) -> None:
        """`status`: of HTTP."""
        self.status = status
        self.words = words
        super().__init__(words)


class NotOpen(Refused):
    """An operation of the owner's that these pages do not offer, answered as GraphQL answers."""

    def __init__(self, words: str) -> None:
        super().__init__(403, words)


@dataclass(frozen=True)
class Operation:
    """A GraphQL request, read once: what was judged is what is passed on."""

    query: str
    variables: dict[str, object] | None
    name: str | None
    document: DocumentNode

    @classmethod
    def of(cls, payload: object, *, name_field: str = "operationName") -> "Operation":
        """Read a request's JSON object. Raises Refused when it is not one."""
        if not isinstance(payload, dict):
            raise Refused(400, "A request is one JSON object.")
        query, variables = payload.get("query"), payload.get("variables")
        name = payload.get(name_field)
        if not isinstance(query, str):
            raise Refused(400, "The request holds no GraphQL query.")
        if not (variables is None or isinstance(variables, dict)):
            raise Refused(400, "The variables are a JSON object.")
        if not (name is None or isinstance(name, str)):
            raise Refused(400, "The name of the operation is a text.")
        try:
            document = parse(query, no_location=True, max_tokens=_MOST_TOKENS)
        except (GraphQLError, RecursionError):
            raise Refused(400, "The query is not GraphQL.") from None
        return cls(query, variables, name, document)

    @property
    def kinds(self) -> set[OperationType]:
        """Of all operations in the document, whichever is asked for."""
        return {one.operation for one in self._operations()}

    def mutations(self) -> set[str]:
        """The fields of `Mutation` that any operation in the document asks for."""
        return {
            field
            for one in self._operations()
            if one.operation is OperationType.MUTATION
            for field in self._fields(one.selection_set, set())
        }

    def to_json(self, *, name_field: str = "operationName") -> dict[str, object]:
        """The request anew, with nothing in it that was not read."""
        return {"query": self.query, "variables": self.variables, name_field: self.name}

    def _operations(self) -> Iterator[OperationDefinitionNode]:
        for one in self.document.definitions:
            if isinstance(one, OperationDefinitionNode):
                yield one

    def _fields(self, selection: SelectionSetNode, seen: set[str]) -> Iterator[str]:
        for one in selection.selections:
            if isinstance(one, FieldNode):
                yield one.name.value
            elif isinstance(one, InlineFragmentNode):
                yield from self._fields(one.selection_set, seen)
            elif isinstance(one, FragmentSpreadNode) and one.name.value not in seen:
                seen.add(one.name.value)
                for fragment in self.document.definitions:
                    if (
                        isinstance(fragment, FragmentDefinitionNode)
                        and fragment.name.value == one.name.value
                    ):
                        yield from self._fields(fragment.selection_set, seen)


def read_request(body: bytes, allowed: frozenset[str]) -> Operation:
    """A request over HTTP: queries, and the mutations that are allowed. Raises Refused."""
    operation = Operation.of(_json(body))
    if OperationType.SUBSCRIPTION in operation.kinds:
        raise Refused(400, "Subscriptions come over the WebSocket.")
    if OperationType.MUTATION in operation.kinds and not allowed:
        raise NotOpen(
            "These pages are read-only. To start runs from them: data-package ui --allow-runs"
        )
    if shut := operation.mutations() - allowed:
        raise NotOpen(f"data-package ui does not offer this: {', '.join(sorted(shut))}.")
    return operation


def read_message(text: str) -> dict[str, object]:
    """A message over the WebSocket, made anew: subscriptions and no more. Raises Refused."""
    message = _json(text)
    if not isinstance(message, dict):
        raise Refused(400, "A message is one JSON object.")
    kind, name = message.get("type"), message.get("id")
    if not (name is None or isinstance(name, str | int)):
        raise Refused(400, "The id of a message is a text or a number.")
    if kind in ("connection_init", "connection_terminate", "stop"):
        return {"type": kind, "id": name}
    if kind != "start":
        raise Refused(400, "Unknown type of message.")
    operation = Operation.of(message.get("payload"), name_field="operation_name")
    if operation.kinds != {OperationType.SUBSCRIPTION}:
        raise Refused(403, "The WebSocket is for subscriptions.")
    payload = operation.to_json(name_field="operation_name")
    return {"type": kind, "id": name, "payload": payload}


def _json(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(400, "This is not JSON.") from None
