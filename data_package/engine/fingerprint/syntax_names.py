"""Names in syntax trees: what statements bind, and what expressions start from."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ImportedName:
    """What one alias of an import statement binds: `module`, or `attribute` of it."""

    level: int
    module: str
    attribute: str | None


def bound_names(statement: ast.stmt) -> tuple[dict[str, ImportedName | None], list[ImportedName]]:
    """The names that a statement of a module's body can bind, and its star imports.

    The value is what an import binds the name to; None means that something else binds it.
    """
    names: dict[str, ImportedName | None] = {}
    stars: list[ImportedName] = []
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names[node.name] = None
                stack.extend(node.decorator_list)
            case ast.Import() | ast.ImportFrom():
                for alias, bound, imported in imported_names(node):
                    if alias.name == "*":
                        stars.append(imported)
                    else:
                        conflict = bound in names and names[bound] != imported
                        names[bound] = None if conflict else imported
            case ast.Name(ctx=ast.Store() | ast.Del()):
                names[node.id] = None
            case ast.Lambda():
                pass
            case ast.comprehension():
                # Its targets are local to it; only a walrus inside binds a name outside.
                stack.extend([node.iter, *node.ifs])
            case _:
                name = captured_name(node)
                if name:
                    names[name] = None
                if isinstance(node, ast.If) and is_main_guard(node):
                    stack.extend(node.orelse)
                else:
                    stack.extend(ast.iter_child_nodes(node))
    return names, stars


def imported_names(
    node: ast.Import | ast.ImportFrom,
) -> Iterator[tuple[ast.alias, str, ImportedName]]:
    """Each alias of an import, the name it binds, and to what."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            imported = ImportedName(node.level, node.module or "", alias.name)
            yield alias, alias.asname or alias.name, imported
        elif alias.asname:
            yield alias, alias.asname, ImportedName(0, alias.name, None)
        else:
            top = alias.name.partition(".")[0]
            yield alias, top, ImportedName(0, top, None)


def chain_of(node: ast.AST) -> tuple[str, ...] | None:
    """`a.b.c` as a tuple, or None when it does not start with a plain name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return (node.id, *reversed(names))


def root_chain(node: ast.AST) -> tuple[str, ...]:
    """The longest plain chain at the bottom of attributes, subscripts and method calls."""
    while True:
        chain = chain_of(node)
        if chain is not None:
            return chain
        match node:
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Starred(value=inner):
                node = inner
            case ast.Call(func=inner):
                node = inner
            case _:
                return ()


def given_to(call: ast.Call) -> list[ast.expr]:
    """The values of all arguments of a call."""
    return [*call.args, *[keyword.value for keyword in call.keywords]]


def defaults_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    """The values that parameters of a function have unless they are given."""
    arguments = function.args
    return [*arguments.defaults, *filter(None, arguments.kw_defaults)]


def names_in(node: ast.AST) -> Iterator[ast.Name]:
    """Every name that is read in an expression."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner


def is_main_guard(node: ast.If) -> bool:
    """`if __name__ == "__main__"`: dead code in a module that is imported."""
    match node.test:
        case ast.Compare(
            left=ast.Name(id="__name__"),
            ops=[ast.Eq()],
            comparators=[ast.Constant(value="__main__")],
        ):
            return True
    return False


def is_typing_guard(node: ast.If) -> bool:
    """`if TYPE_CHECKING`: code that never runs."""
    chain = chain_of(node.test)
    return chain is not None and chain[-1] == "TYPE_CHECKING"


def hint(annotation: ast.expr) -> ast.expr:
    """An annotation as an expression, also when it is written as a string."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return ast.parse(annotation.value.strip(), mode="eval").body
        except SyntaxError:
            return annotation
    return annotation


def captured_name(node: ast.AST) -> str | None:
    """The name that `except … as`, or a pattern of `match`, binds."""
    match node:
        case ast.ExceptHandler(name=name) | ast.MatchAs(name=name) | ast.MatchStar(name=name):
            return name
        case ast.MatchMapping(rest=name):
            return name
    return None
