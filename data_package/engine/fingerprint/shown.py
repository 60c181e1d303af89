"""Source code for people to read: without comments, docstrings and hints."""

import ast
from collections.abc import Sequence

from data_package.engine.fingerprint.canon import says_nothing


def bare_code(nodes: Sequence[ast.AST]) -> str:
    """Readable source of code without comments, docstrings and hints."""
    texts = []
    for node in nodes:
        try:
            texts.append(ast.unparse(_Bare().visit(ast.parse(ast.unparse(node)))))
        except (RecursionError, SyntaxError):
            texts.append("")
    return "\n".join(texts)


class _Bare(ast.NodeTransformer):
    """Removes docstrings and hints from a tree that is to be shown."""

    def __init__(self) -> None:
        self._in_class = False

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if says_nothing(node) else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._body(node, in_class=True)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if self._in_class:
            return node
        if node.value is None:
            return ast.Pass()
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        args = node.args
        optional = [arg for arg in (args.vararg, args.kwarg) if arg]
        for arg in [*args.posonlyargs, *args.args, *args.kwonlyargs, *optional]:
            arg.annotation = None
        return self._body(node, in_class=False)

    def _body(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, in_class: bool
    ) -> ast.AST:
        outer, self._in_class = self._in_class, in_class
        self.generic_visit(node)
        self._in_class = outer
        node.body = node.body or [ast.Pass()]
        return node
