"""The place of a function object in the project's source, found by the line it begins on."""

import ast
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, FunctionType

from data_package.engine.fingerprint.modules import Module, Modules
from data_package.engine.fingerprint.scopes import MODULE, Scope
from data_package.engine.fingerprint.walk import form
from data_package.engine.own_code import ENGINE, is_library

Found = tuple[ast.AST, tuple[ast.AST, ...]]
"""The syntax of a function, and the functions and classes around it, outermost first."""


class FunctionPlaces:
    """Finds the syntax of function objects, by the line their code begins on."""

    def __init__(self, modules: Modules) -> None:
        """`modules`: the project's; the file of a function outside them is added."""
        self._modules = modules
        self._top: dict[str, dict[tuple[int, str], list[Found]]] = {}
        self._all: dict[str, dict[tuple[int, str], list[Found]]] = {}

    def module_of(self, function: FunctionType) -> Module | None:
        """The module whose file holds the code; a project's function may be outside of it."""
        name = str(function.__globals__.get("__name__", ""))
        file = function.__code__.co_filename
        if self._modules.files.owns(name):
            return self._modules.get(name)
        if is_library(file) or not file.endswith(".py") or not Path(file).is_file():
            return None
        if name.startswith(f"{ENGINE}."):
            return None
        return self._modules.adopt(name or Path(file).stem, Path(file))

    def find(self, module: Module, code: CodeType) -> Found | None:
        """The node of a function or lambda and the nodes around it; None when it is not found."""
        key = code.co_firstlineno, code.co_name
        if module.name not in self._top:
            self._top[module.name] = _top_places(module)
        candidates = self._top[module.name].get(key, [])
        if len(candidates) != 1:
            # Most functions are at the top level, and walking the whole tree is slow.
            if module.name not in self._all:
                self._all[module.name] = _places(module)
            candidates = self._all[module.name].get(key, [])
        if len(candidates) > 1:
            candidates = [found for found in candidates if _holds(found[0], code)]
        return candidates[0] if candidates else None

    def scope(self, module: Module, around: Sequence[ast.AST]) -> Scope:
        """The scope that contains a nested function."""
        if not around:
            return Scope(MODULE)
        whole = form([around[0]], self._modules.reading(module))
        return whole.scopes[id(around[-1])]


def _top_places(module: Module) -> dict[tuple[int, str], list[Found]]:
    found: dict[tuple[int, str], list[Found]] = {}
    for node in module.statements:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.setdefault((_first_line(node), node.name), []).append((node, ()))
    return found


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The line that a function's code object begins on: that of its first decorator."""
    return min([node.lineno, *[decorator.lineno for decorator in node.decorator_list]])


def _places(module: Module) -> dict[tuple[int, str], list[Found]]:
    found: dict[tuple[int, str], list[Found]] = {}
    stack: list[Found] = [(statement, ()) for statement in module.statements]
    while stack:
        node, around = stack.pop()
        inner = around
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found.setdefault((_first_line(node), node.name), []).append((node, around))
                inner = (*around, node)
            case ast.Lambda():
                found.setdefault((node.lineno, "<lambda>"), []).append((node, around))
                inner = (*around, node)
            case ast.ClassDef():
                inner = (*around, node)
        stack.extend((child, inner) for child in ast.iter_child_nodes(node))
    return found


def _holds(node: ast.AST, code: CodeType) -> bool:
    """Whether the code object's instructions are in the body of a lambda or function."""
    body = node.body if isinstance(node, ast.Lambda) else node
    start = (getattr(body, "lineno", 0), getattr(body, "col_offset", 0))
    end = (getattr(body, "end_lineno", 0), getattr(body, "end_col_offset", 0))
    inside = [
        start <= (line, column) and (end_line, end_column) <= end
        for line, end_line, column, end_column in code.co_positions()
        if line and column and end_line and end_column
    ]
    spans_it = any(
        (line, column, end_line, end_column) == (*start, *end)
        for line, end_line, column, end_column in code.co_positions()
    )
    return spans_it if isinstance(node, ast.Lambda) else bool(inside) and all(inside)
