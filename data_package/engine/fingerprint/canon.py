"""The canonical text of syntax: what code does, whatever its layout.

Comments, docstrings and formatting leave no trace in it. The serialisation is our own and not
`ast.dump`, because that one differs between Python versions.
"""

import ast
import hashlib
from typing import Final

_UNWRITTEN: Final = {"ctx", "type_comment", "kind", "type_params", "type_ignores", "simple"}

# The fields of each kind of node that are written, last first, each with its prefix.
_FIELDS: dict[type[ast.AST], tuple[tuple[str, str], ...]] = {}


def module_digest(source: str | bytes) -> str:
    """A hash of a module's source, without comments, docstrings and formatting.

    Type hints, names and the order of definitions count: two sources of equal digest give every
    table the same fingerprint. Raises `SyntaxError` as `compile` does.
    """
    out: list[str] = []
    stack: list[object] = [ast.parse(source)]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            out.append(item)
        elif isinstance(item, ast.Constant):
            out.append(constant(item.value))
        elif isinstance(item, ast.Pass) or says_nothing(item):
            pass
        elif isinstance(item, ast.AST):
            push_fields(item, stack, out)
    return digest("\n".join(out))


def digest(text: str) -> str:
    """The sha256 of a text, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def constant(value: object) -> str:
    """A literal, by its type and exact value; equal on every Python version."""
    if isinstance(value, str):
        return f"s{len(value)}:{value}"
    if isinstance(value, bytes):
        return f"b{value.hex()}"
    if isinstance(value, bool) or value is None or value is Ellipsis:
        return f"c{value}"
    if isinstance(value, int):
        return f"i{value:x}"
    return f"{type(value).__name__}{value!r}"


def says_nothing(node: object) -> bool:
    """A docstring, an ellipsis or another literal as a statement."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def push_fields(node: ast.AST, stack: list[object], out: list[str]) -> None:
    """Open a node in `out`, and push its fields onto the stack of what is still to be written."""
    kind = type(node)
    fields = _FIELDS.get(kind)
    if fields is None:
        names = [name for name in kind._fields if name not in _UNWRITTEN]
        fields = tuple((name, f"{name}=") for name in reversed(names))
        _FIELDS[kind] = fields
    out.append(f"({kind.__name__}")
    stack.append(")")
    for name, label in fields:
        value = getattr(node, name, None)
        if value is None:
            continue
        if isinstance(value, list):
            if value:
                stack.append("]")
                stack.extend("~" if item is None else item for item in reversed(value))
                stack.append(f"{label}[")
        elif isinstance(value, ast.AST):
            stack.append(value)
            stack.append(label)
        else:
            stack.append(f"{label}{value}")
