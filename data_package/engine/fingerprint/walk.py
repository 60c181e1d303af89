"""From code to its form: one walk, which records every scope and every call or change.

Type hints and the style of imports leave no trace, unless something reads them; names that may be
the module's become holes. The walk keeps its own stack, so deeply nested code does not reach the
interpreter's recursion limit.
"""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from data_package.engine.fingerprint.canon import constant, push_fields, says_nothing
from data_package.engine.fingerprint.decorators import (
    LibraryName,
    counting_decorators,
    counting_keywords,
    hints_count,
    is_dagster_decorator,
    is_dagster_spec,
    makes_static,
)
from data_package.engine.fingerprint.forms import CodeForm, FormDraft, Site
from data_package.engine.fingerprint.scopes import (
    CLASS,
    COMPREHENSION,
    FUNCTION,
    MODULE,
    Scope,
)
from data_package.engine.fingerprint.syntax_names import (
    captured_name,
    chain_of,
    hint,
    imported_names,
    is_main_guard,
    is_typing_guard,
)

_OF_THE_CLASS: Final = {"__new__", "__init_subclass__", "__class_getitem__"}


@dataclass(frozen=True)
class ReadingRules:
    """How code is to be read: which of its names are a library's, and which hints count."""

    library: LibraryName
    hints_are_read: bool = False


def form(
    nodes: Sequence[ast.AST],
    reading: ReadingRules,
    *,
    scope: Scope | None = None,
) -> CodeForm:
    """The canonical form of statements or expressions in `scope`."""
    return _Walk(reading, scope or Scope(MODULE)).run(nodes)


class _Walk:
    """One walk over code that writes its form and records the names of every scope."""

    def __init__(self, reading: ReadingRules, scope: Scope) -> None:
        self._reading = reading
        self._scope = scope
        self._draft = FormDraft()
        self._out = self._draft.words
        self._form = CodeForm()
        self._stack: list[object] = []
        self._top: set[int] = set()
        self._bare_calls: set[int] = set()
        self._shallow = False

    def run(self, nodes: Sequence[ast.AST]) -> CodeForm:
        self._top = {id(node) for node in nodes}
        stack, out = self._stack, self._out
        stack.extend(reversed(nodes))
        while stack:
            item = stack.pop()
            kind = type(item)
            if kind is str:
                out.append(item)  # type: ignore[arg-type]
            elif kind is Scope:
                self._scope = item  # type: ignore[assignment]
            elif kind is bool:
                self._shallow = item  # type: ignore[assignment]
            else:
                handler = _HANDLERS.get(kind)
                if handler is not None:
                    handler(self, item)
                elif isinstance(item, ast.AST):
                    name = captured_name(item)
                    if name:
                        self._scope.bind(name)
                    push_fields(item, stack, out)
        self._form.texts, self._form.holes = self._draft.finish()
        return self._form

    # -- names

    def _name(self, node: ast.Name) -> None:
        scope = self._scope
        if type(node.ctx) is not ast.Load:
            if scope.kind == COMPREHENSION:
                scope.bound.add(node.id)
            elif scope.kind != MODULE:
                scope.bind(node.id)
            if scope.kind == MODULE:
                self._out.append(f"= {node.id}")
                return
        self._use((node.id,), node.lineno)

    def _use(self, chain: tuple[str, ...], line: int) -> None:
        self._draft.use(self._scope, chain, line, shallow=self._shallow)

    def _attribute(self, node: ast.Attribute) -> None:
        chain = chain_of(node)
        if chain is None:
            self._form.attributes.add(node.attr)
            self._out.append(f"(.{node.attr}")
            self._stack.append(")")
            self._stack.append(node.value)
            return
        self._form.attributes.update(chain[1:])
        self._use(chain, node.lineno)

    def _constant(self, node: ast.Constant) -> None:
        self._out.append(constant(node.value))

    def _global(self, node: ast.Global) -> None:
        if self._scope.kind != MODULE:
            self._scope.declared_global.update(node.names)
            self._form.global_names.update(node.names)

    def _nonlocal(self, node: ast.Nonlocal) -> None:
        self._scope.declared_nonlocal.update(node.names)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        scope = self._scope
        for alias, name, imported in imported_names(node):
            if alias.name == "*":
                continue
            if scope.kind != MODULE:
                if scope.imports.setdefault(name, imported) != imported:
                    scope.assigned.add(name)
                scope.bound.add(name)
            self._draft.bind_import(scope, name, imported, node.lineno)

    def _walrus(self, node: ast.NamedExpr) -> None:
        scope = self._scope
        while scope.kind == COMPREHENSION and scope.parent is not None:
            scope = scope.parent
        if scope.kind != MODULE:
            scope.bind(node.target.id)
            scope.aliases.append(((node.target.id,), node.value))
        self._out.append(f"(NamedExpr = {node.target.id}")
        self._stack += [")", node.value]

    # -- functions and classes

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer, library = self._scope, self._reading.library
        self._bind(node.name)
        decorators = self._decorators(node.decorator_list)
        own_name = "" if id(node) in self._top else f" {node.name}"
        self._out.append(f"({type(node).__name__}{own_name}")
        inner = self._enter(node, outer)
        is_method = outer.kind == CLASS and not makes_static(decorators)
        inner.receives_class = is_method and (
            node.name in _OF_THE_CLASS
            or any(chain_of(decorator) == ("classmethod",) for decorator in decorators)
        )
        self._stack += [")", outer, *reversed(node.body), inner]
        with_hints = hints_count(decorators, library, hints_are_read=self._reading.hints_are_read)
        self._arguments(node.args, inner, is_method, with_hints)
        for decorator in reversed(decorators):
            # Dagster's own arguments name other assets; they do not run them.
            shallow = is_dagster_decorator(decorator, library)
            self._stack += [False, decorator, True] if shallow else [decorator]

    def _lambda(self, node: ast.Lambda) -> None:
        outer = self._scope
        self._out.append("(Lambda")
        inner = self._enter(node, outer)
        self._stack += [")", outer, node.body, inner]
        self._arguments(node.args, inner, is_method=False, with_hints=False)

    def _enter(self, node: ast.AST, outer: Scope, kind: str = FUNCTION) -> Scope:
        inner = Scope(kind, outer)
        for parameter in getattr(node, "type_params", ()):
            inner.bind(parameter.name)
        self._form.scopes[id(node)] = inner
        return inner

    def _arguments(
        self, args: ast.arguments, inner: Scope, is_method: bool, with_hints: bool
    ) -> None:
        """Names and kinds of parameters, and their defaults, which the outer scope evaluates."""
        tokens: list[object] = []
        positional = [*args.posonlyargs, *args.args]
        padding: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
        groups: list[tuple[str, list[ast.arg], Sequence[ast.expr | None]]] = [
            ("/", args.posonlyargs, [*padding, *args.defaults][: len(args.posonlyargs)]),
            ("", args.args, [*padding, *args.defaults][len(args.posonlyargs) :]),
            ("*", [args.vararg] if args.vararg else [], [None]),
            ("k", args.kwonlyargs, args.kw_defaults),
            ("**", [args.kwarg] if args.kwarg else [], [None]),
        ]
        for mark, members, defaults in groups:
            for arg, default in zip(members, defaults, strict=False):
                inner.bind(arg.arg)
                inner.params.add(arg.arg)
                tokens.append(f"{mark}{arg.arg}")
                if with_hints and arg.annotation is not None:
                    tokens += [":", hint(arg.annotation)]
                if default is not None:
                    tokens += ["=", default]
        if is_method and positional:
            inner.receiver = positional[0].arg
        self._stack += ["(args", *tokens, ")"][::-1]

    def _decorators(self, decorators: Sequence[ast.expr]) -> list[ast.expr]:
        """The decorators that count; records each for its effects."""
        for decorator in decorators:
            self._form.decorators.append(Site(decorator, self._scope, decorator.lineno))
        return counting_decorators(decorators, self._reading.library)

    def _class(self, node: ast.ClassDef) -> None:
        outer = self._scope
        self._bind(node.name)
        decorators = self._decorators(node.decorator_list)
        for base in [*node.bases, *[keyword.value for keyword in node.keywords]]:
            self._form.bases.append(Site(base, outer, base.lineno))
        self._out.append(f"(ClassDef {node.name}")
        inner = self._enter(node, outer, CLASS)
        inner.fields_matter = bool(decorators or node.bases or node.keywords)
        self._stack += [")", outer, *reversed(node.body), inner]
        self._stack += [*reversed(node.keywords), *reversed(node.bases), *reversed(decorators)]

    def _bind(self, name: str) -> None:
        if self._scope.kind != MODULE:
            self._scope.bind(name)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> None:
        outer = self._scope
        inner = Scope(COMPREHENSION, outer)
        self._out.append(f"({type(node).__name__}")
        items: list[object] = [node.generators[0].iter, inner]
        for number, generator in enumerate(node.generators):
            inner.aliases.append((_targets(generator.target), generator.iter))
            items += [f"for{generator.is_async}", generator.target]
            if number:
                items.append(generator.iter)
            for condition in generator.ifs:
                items += ["if", condition]
        if isinstance(node, ast.DictComp):
            items += ["key", node.key, node.value]
        else:
            items += ["element", node.elt]
        self._stack += [*items, outer, ")"][::-1]

    # -- statements

    def _expression(self, node: ast.Expr) -> None:
        if says_nothing(node):
            return
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(call, ast.Call):
            self._bare_calls.add(id(call))
        push_fields(node, self._stack, self._out)

    def _nothing(self, node: ast.AST) -> None:
        """Code that has no effect."""

    def _if(self, node: ast.If) -> None:
        if is_typing_guard(node) or (self._scope.kind == MODULE and is_main_guard(node)):
            self._stack.extend(reversed(node.orelse))
        else:
            push_fields(node, self._stack, self._out)

    def _assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._target(target, node.value)
        push_fields(node, self._stack, self._out)

    def _annotated(self, node: ast.AnnAssign) -> None:
        if self._scope.kind == CLASS and self._scope.fields_matter:
            self._out.append("(Field")
            value: list[object] = [node.value] if node.value is not None else []
            self._stack += [node.target, ":", hint(node.annotation), *value, ")"][::-1]
            return
        if isinstance(node.target, ast.Name):
            self._bind(node.target.id)
        if node.value is not None:
            self._target(node.target, node.value)
            self._out.append("(Assign")
            self._stack += ["targets=[", node.target, "]", "value=", node.value, ")"][::-1]

    def _augmented(self, node: ast.AugAssign) -> None:
        self._form.changes.append(Site(node.target, self._scope, node.lineno))
        push_fields(node, self._stack, self._out)

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._target(target, None)
        push_fields(node, self._stack, self._out)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self._target(node.target, node.iter)
        push_fields(node, self._stack, self._out)

    def _with_item(self, node: ast.withitem) -> None:
        if node.optional_vars is not None:
            self._target(node.optional_vars, node.context_expr)
        push_fields(node, self._stack, self._out)

    def _match(self, node: ast.Match) -> None:
        captured = tuple(
            name
            for case in node.cases
            for inner in ast.walk(case)
            if (name := captured_name(inner))
        )
        self._scope.aliases.append((captured, node.subject))
        push_fields(node, self._stack, self._out)

    def _target(self, target: ast.expr, value: ast.expr | None) -> None:
        """Record what an assignment changes inside an object, and what its names may share."""
        if isinstance(target, ast.Name):
            if value is not None:
                self._scope.aliases.append(((target.id,), value))
            return
        if value is not None:
            self._scope.aliases.append((_targets(target), value))
        for inner in ast.walk(target):
            if isinstance(inner, ast.Attribute | ast.Subscript) and not isinstance(
                inner.ctx, ast.Load
            ):
                self._form.changes.append(Site(inner, self._scope, target.lineno, value=value))

    def _call(self, node: ast.Call) -> None:
        bare = id(node) in self._bare_calls
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        chain = chain_of(node.func)
        self._form.calls.append(Site(node, self._scope, node.lineno, method, bare, chain))
        if is_dagster_spec(node, self._reading.library):
            self._out.append("(Call")
            self._stack += ["func=", node.func, *node.args, *counting_keywords(node), ")"][::-1]
        else:
            push_fields(node, self._stack, self._out)


def _targets(target: ast.AST) -> tuple[str, ...]:
    return tuple(
        inner.id
        for inner in ast.walk(target)
        if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load)
    )


_HANDLERS: dict[type, Callable[[_Walk, Any], None]] = {
    ast.Name: _Walk._name,
    ast.Attribute: _Walk._attribute,
    ast.Constant: _Walk._constant,
    ast.Global: _Walk._global,
    ast.Nonlocal: _Walk._nonlocal,
    ast.Import: _Walk._import,
    ast.ImportFrom: _Walk._import,
    ast.NamedExpr: _Walk._walrus,
    ast.FunctionDef: _Walk._function,
    ast.AsyncFunctionDef: _Walk._function,
    ast.Lambda: _Walk._lambda,
    ast.ClassDef: _Walk._class,
    ast.ListComp: _Walk._comprehension,
    ast.SetComp: _Walk._comprehension,
    ast.GeneratorExp: _Walk._comprehension,
    ast.DictComp: _Walk._comprehension,
    ast.Expr: _Walk._expression,
    ast.Pass: _Walk._nothing,
    ast.If: _Walk._if,
    ast.Assign: _Walk._assign,
    ast.AnnAssign: _Walk._annotated,
    ast.AugAssign: _Walk._augmented,
    ast.Delete: _Walk._delete,
    ast.For: _Walk._for,
    ast.AsyncFor: _Walk._for,
    ast.withitem: _Walk._with_item,
    ast.Match: _Walk._match,
    ast.Call: _Walk._call,
}
