"""How each parameter of a table's function is passed: scanned, loaded, a path, a config.

The annotation decides that, so it counts, although other type hints do not.
"""

import ast
import functools
import types
from collections.abc import Hashable
from itertools import count
from types import FunctionType

from data_package.engine.fingerprint.code_graph import Node
from data_package.engine.fingerprint.forms import Use
from data_package.engine.fingerprint.function_places import FunctionPlaces
from data_package.engine.fingerprint.modules import Module, Outside
from data_package.engine.fingerprint.objects import Objects
from data_package.engine.fingerprint.scopes import Scope
from data_package.engine.fingerprint.shown import bare_code
from data_package.engine.fingerprint.sources import SourceNodes
from data_package.engine.fingerprint.syntax_names import chain_of, hint
from data_package.engine.fingerprint.walk import form


class Inputs:
    """Makes the nodes of the annotations of a function's parameters."""

    def __init__(self, sources: SourceNodes, places: FunctionPlaces, objects: Objects) -> None:
        """`objects` gives the nodes of annotations whose source is not available."""
        self._sources = sources
        self._places = places
        self._objects = objects
        self._numbers = count()

    def of(self, function: object) -> list[Hashable]:
        """The nodes, in the order of the parameters."""
        inner = _innermost(function)
        if inner is None:
            return []
        module = self._places.module_of(inner)
        found = self._places.find(module, inner.__code__) if module else None
        if module is None or found is None:
            return [
                self._objects.value("input", name, annotation, "", None)
                for name, annotation in sorted(inner.__annotations__.items())
                if name != "return"
            ]
        syntax, around = found
        if isinstance(syntax, ast.Lambda):
            return []
        assert isinstance(syntax, ast.FunctionDef | ast.AsyncFunctionDef)
        scope = self._places.scope(module, around)
        arguments = syntax.args
        keys = []
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            if argument.annotation is not None:
                annotation = hint(argument.annotation)
                if not self._is_context(module, annotation):
                    keys.append(self._annotation(module, scope, argument, annotation))
        return keys

    def _annotation(
        self, module: Module, scope: Scope, argument: ast.arg, annotation: ast.expr
    ) -> Hashable:
        key = ("input", next(self._numbers))
        node = Node(key, "input", argument.arg, f"{module.place}:{argument.lineno}")
        reading = self._sources.modules.reading(module)
        self._sources.write(node, module, form([annotation], reading, scope=scope))
        node.source = functools.partial(bare_code, [annotation])
        self._sources.nodes[key] = node
        return key

    def _is_context(self, module: Module, annotation: ast.expr) -> bool:
        """Whether the parameter receives Dagster's own context."""
        chain = chain_of(annotation)
        if not chain:
            return False
        target, _ = self._sources.modules.resolve(module, Use(chain))
        return (
            isinstance(target, Outside)
            and target.dotted.startswith("dagster.")
            and target.dotted.endswith("Context")
        )


def _innermost(function: object) -> FunctionType | None:
    """The function below partials, methods, wrappers and objects that can be called."""
    inner = function
    while not isinstance(inner, FunctionType) or hasattr(inner, "__wrapped__"):
        if isinstance(inner, functools.partial):
            inner = inner.func
        elif isinstance(inner, types.MethodType):
            inner = inner.__func__
        elif hasattr(inner, "__wrapped__"):
            inner = inner.__wrapped__
        else:
            inner = getattr(type(inner), "__call__", None)  # noqa: B004
            if not isinstance(inner, FunctionType):
                return None
    return inner
