"""In which order the statements of a project's modules run when it is loaded.

The package is imported first, then its modules by name; each imports others where it says so. So
the order follows from the source alone.
"""

import ast
from collections.abc import Iterator, Mapping

from data_package.engine.fingerprint.modules import Module, Modules
from data_package.engine.fingerprint.syntax_names import is_typing_guard


def import_order(modules: Modules) -> Mapping[tuple[str, int], int]:
    """The place of each statement of a module's body, by the module and the statement's index."""
    places: dict[tuple[str, int], int] = {}
    begun: set[str] = set()
    for name in modules.files.as_imported():
        waiting = [_begin(modules, name, begun)]
        while waiting:
            step = next(waiting[-1], None)
            if step is None:
                waiting.pop()
            elif isinstance(step, str):
                waiting.append(_begin(modules, step, begun))
            else:
                places[step] = len(places)
    return places


def _begin(modules: Modules, name: str, begun: set[str]) -> Iterator[str | tuple[str, int]]:
    """What importing a module does: it imports others, by name, and runs statements."""
    module = None if name in begun else modules.get(name)
    begun.add(name)
    if module is None:
        return
    for index, statement in enumerate(module.statements):
        yield from _imported(modules, module, statement)
        yield name, index


def _imported(modules: Modules, module: Module, statement: ast.AST) -> Iterator[str]:
    """The modules that a statement imports when it runs, each after the packages it is in."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            return
        case ast.Import(names=aliases):
            for alias in aliases:
                yield from _with_packages(alias.name)
        case ast.ImportFrom(level=level, module=text, names=aliases):
            origin = module.origin(level, text or "")
            yield from _with_packages(origin)
            for alias in aliases:
                if f"{origin}.{alias.name}" in modules.files:
                    yield f"{origin}.{alias.name}"
        case ast.If() if is_typing_guard(statement):
            for inner in statement.orelse:
                yield from _imported(modules, module, inner)
        case _:
            for node in ast.iter_child_nodes(statement):
                if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
                    yield from _imported(modules, module, node)


def _with_packages(name: str) -> Iterator[str]:
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])
