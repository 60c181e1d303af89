"""The canonical form of syntax trees: what code says, without how it is written.

Comments, docstrings, formatting, type hints and the style of imports leave no trace in a form;
names that belong to the module become references, which the caller resolves. The serialisation
is our own and not `ast.dump`, because that one differs between Python versions. Every walk keeps
its own stack, so no depth of code meets the interpreter's recursion limit.
"""

import ast
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from data_package.engine.tables.fingerprint.names import (
    ImportedName,
    captured_name,
    chain_of,
    hint,
    imported_names,
    is_main_guard,
    is_typing_guard,
)

MODULE, FUNCTION, CLASS, COMPREHENSION = "module", "function", "class", "comprehension"

_UNWRITTEN: Final = {"ctx", "type_comment", "kind", "type_params", "type_ignores", "simple"}

# Decorators which certainly do not read the annotations of what they decorate.
_BLIND_TO_HINTS: Final = {
    "staticmethod", "classmethod", "property", "setter", "getter", "deleter", "cache", "lru_cache",
    "cached_property", "wraps", "abstractmethod", "contextmanager", "overload", "override",
    "final", "singledispatch", "total_ordering",
}  # fmt: skip

# Arguments of Dagster's decorators and specs that describe or schedule a table and cannot change
# what its function does. An argument that is not listed counts.
_DESCRIPTIVE: Final = {
    "automation_condition", "auto_materialize_policy", "backfill_policy", "check_specs",
    "code_version", "compute_kind", "deps", "description", "freshness_policy", "group_name",
    "hooks", "internal_freshness_policy", "key", "key_prefix", "kinds",
    "legacy_freshness_policy", "metadata", "name", "op_tags", "output_required", "owners", "pool",
    "retry_policy", "tags",
}  # fmt: skip
_DAGSTER_DECORATORS: Final = {
    "asset", "multi_asset", "graph_asset", "graph_multi_asset", "observable_source_asset",
    "multi_observable_source_asset", "asset_check", "multi_asset_check", "op",
}  # fmt: skip
_DAGSTER_SPECS: Final = {"AssetSpec", "AssetOut", "SourceAsset"}


@dataclass
class Scope:
    """The names of one function, class, comprehension or module body."""

    kind: str
    parent: "Scope | None" = None
    bound: set[str] = field(default_factory=set)
    params: set[str] = field(default_factory=set)
    receiver: str = ""
    declared_global: set[str] = field(default_factory=set)
    declared_nonlocal: set[str] = field(default_factory=set)
    imports: dict[str, "ImportedName"] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)
    aliases: list[tuple[tuple[str, ...], ast.expr]] = field(default_factory=list)
    fields_matter: bool = False

    def at_import(self) -> bool:
        """Whether code of this scope runs when its module is imported."""
        scope: Scope | None = self
        while scope is not None:
            if scope.kind == FUNCTION:
                return False
            scope = scope.parent
        return True

    def bind(self, name: str) -> None:
        """Record an assignment to a name, by whatever statement."""
        self.bound.add(name)
        self.assigned.add(name)

    def owner(self, name: str) -> "Scope | None":
        """The scope a name belongs to when used here; None is the module or a builtin."""
        scope: Scope | None = self
        while scope is not None and scope.kind != MODULE:
            visible = scope.kind != CLASS or scope is self
            if visible:
                if name in scope.declared_global:
                    return None
                if name in scope.bound and name not in scope.declared_nonlocal:
                    return scope
            scope = scope.parent
        return None


@dataclass(frozen=True)
class Use:
    """A name of the module that code uses, with the attributes that follow it directly."""

    chain: tuple[str, ...]
    imported: ImportedName | None = None


@dataclass(frozen=True)
class Hole:
    """A place in a form that only the module can fill."""

    use: Use
    line: int
    shallow: bool = False
    prefix: str = ""


@dataclass
class Site:
    """A call, or a change to an object, at one line."""

    node: ast.expr
    scope: Scope
    line: int
    method: str = ""
    bare: bool = False
    chain: tuple[str, ...] | None = None


@dataclass
class Form:
    """The canonical text of some code around its holes, and what happens in it."""

    texts: list[str] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)
    calls: list[Site] = field(default_factory=list)
    changes: list[Site] = field(default_factory=list)
    attributes: set[str] = field(default_factory=set)
    global_names: set[str] = field(default_factory=set)
    decorators: list[Site] = field(default_factory=list)
    bases: list[Site] = field(default_factory=list)
    scopes: dict[int, Scope] = field(default_factory=dict)


LibraryName = Callable[[tuple[str, ...]], str | None]
"""The dotted name of a library's object that a chain of names of the module stands for."""


@dataclass(frozen=True)
class Reading:
    """How code is to be read: which of its names are a library's, and which hints count."""

    library: LibraryName
    hints_are_read: bool = False


def form(
    nodes: Sequence[ast.AST],
    reading: Reading,
    *,
    scope: Scope | None = None,
) -> Form:
    """The canonical form of statements or expressions that stand in `scope`."""
    return _Walk(reading, scope or Scope(MODULE)).run(nodes)


def module_digest(source: str | bytes) -> str:
    """A hash of all that a module's source says, blind to comments, docstrings and formatting.

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
            _push_fields(item, stack, out)
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


def is_dagster_decorator(node: ast.expr, library: LibraryName) -> bool:
    """Whether a decorator is one of those that turn a function into an asset, a check or an op."""
    chain = chain_of(node.func if isinstance(node, ast.Call) else node)
    return _dagster_name(chain, library) in _DAGSTER_DECORATORS


def _dagster_name(chain: tuple[str, ...] | None, library: LibraryName) -> str:
    dotted = library(chain) if chain else None
    if dotted is None or not dotted.startswith("dagster."):
        return ""
    return dotted.rpartition(".")[2]


def says_nothing(node: object) -> bool:
    """A docstring, an ellipsis or another literal that stands alone."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


_FIELDS: dict[type[ast.AST], tuple[tuple[str, str], ...]] = {}


def _push_fields(node: ast.AST, stack: list[object], out: list[str]) -> None:
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


class _Walk:
    """One walk over code that writes its form and notes the names of every scope."""

    def __init__(self, reading: Reading, scope: Scope) -> None:
        self._reading = reading
        self._scope = scope
        self._out: list[str] = []
        self._open: list[tuple[int, Scope, tuple[str, ...], int, bool]] = []
        self._open_imports: list[tuple[int, Scope, str, ImportedName, int]] = []
        self._form = Form()
        self._stack: list[object] = []
        self._top: set[int] = set()
        self._bare_calls: set[int] = set()
        self._shallow = False

    def run(self, nodes: Sequence[ast.AST]) -> Form:
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
                    _push_fields(item, stack, out)
        return self._close()

    def _close(self) -> Form:
        """Decide, now that every scope is complete, which names are the module's."""
        out, done = self._out, self._form
        holes: dict[int, Hole] = {}
        for index, scope, chain, line, shallow in self._open:
            owner = scope.owner(chain[0])
            attributes = "".join(f".{name}" for name in chain[1:])
            if owner is None:
                holes[index] = Hole(Use(chain), line, shallow)
            elif chain[0] in owner.imports and chain[0] not in owner.assigned:
                holes[index] = Hole(Use(chain, owner.imports[chain[0]]), line, shallow)
            elif owner.kind == CLASS:
                # A class body reads a name from the module until it has bound it itself.
                holes[index] = Hole(Use(chain), line, shallow, prefix=f"class {chain[0]}")
            else:
                out[index] = f"{attributes} {chain[0]}"
        for index, scope, name, imported, line in self._open_imports:
            if scope.kind == MODULE or name in scope.assigned or scope.kind == CLASS:
                holes[index] = Hole(Use((name,), imported), line, prefix=f"import {name}")
        start = 0
        for index in sorted(holes):
            done.texts.append("\n".join(filter(None, out[start:index])))
            done.holes.append(holes[index])
            start = index + 1
        done.texts.append("\n".join(filter(None, out[start:])))
        return done

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
        self._open.append((len(self._out), self._scope, chain, line, self._shallow))
        self._out.append("")

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
            self._open_imports.append((len(self._out), scope, name, imported, node.lineno))
            self._out.append("")

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
        outer = self._scope
        self._bind(node.name)
        decorators = self._decorators(node.decorator_list)
        own_name = "" if id(node) in self._top else f" {node.name}"
        self._out.append(f"({type(node).__name__}{own_name}")
        inner = self._enter(node, outer)
        is_method = outer.kind == CLASS and "staticmethod" not in map(_last_name, decorators)
        self._stack += [")", outer, *reversed(node.body), inner]
        self._arguments(node.args, inner, is_method, self._hints_count(decorators))
        for decorator in reversed(decorators):
            # Dagster's own arguments name other assets; they do not run them.
            shallow = is_dagster_decorator(decorator, self._library)
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

    def _hints_count(self, decorators: Sequence[ast.expr]) -> bool:
        """Whether a decorator may read the annotations (`@parse.register`, `@validate_call`)."""
        for decorator in decorators:
            callee = decorator.func if isinstance(decorator, ast.Call) else decorator
            chain = chain_of(callee)
            if chain is None or chain[-1] == "register":
                return True
            if chain[-1] in _BLIND_TO_HINTS or is_dagster_decorator(decorator, self._library):
                continue
            if self._library(chain) is not None or self._reading.hints_are_read:
                return True
        return False

    @property
    def _library(self) -> LibraryName:
        return self._reading.library

    def _decorators(self, decorators: Sequence[ast.expr]) -> list[ast.expr]:
        """The decorators without what only describes a table; notes each for its effects."""
        kept: list[ast.expr] = []
        for decorator in decorators:
            site = Site(decorator, self._scope, decorator.lineno)
            self._form.decorators.append(site)
            if not is_dagster_decorator(decorator, self._library):
                kept.append(decorator)
            elif isinstance(decorator, ast.Call):
                keywords = [k for k in decorator.keywords if k.arg not in _DESCRIPTIVE]
                if keywords or decorator.args:
                    call = ast.Call(decorator.func, decorator.args, keywords)
                    ast.copy_location(call, decorator)
                    kept.append(call)
        return kept

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
        _push_fields(node, self._stack, self._out)

    def _nothing(self, node: ast.AST) -> None:
        """Code that has no effect."""

    def _if(self, node: ast.If) -> None:
        if is_typing_guard(node) or (self._scope.kind == MODULE and is_main_guard(node)):
            self._stack.extend(reversed(node.orelse))
        else:
            _push_fields(node, self._stack, self._out)

    def _assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._target(target, node.value)
        _push_fields(node, self._stack, self._out)

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
        _push_fields(node, self._stack, self._out)

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._target(target, None)
        _push_fields(node, self._stack, self._out)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self._target(node.target, node.iter)
        _push_fields(node, self._stack, self._out)

    def _with_item(self, node: ast.withitem) -> None:
        if node.optional_vars is not None:
            self._target(node.optional_vars, node.context_expr)
        _push_fields(node, self._stack, self._out)

    def _match(self, node: ast.Match) -> None:
        captured = tuple(
            name
            for case in node.cases
            for inner in ast.walk(case)
            if (name := captured_name(inner))
        )
        self._scope.aliases.append((captured, node.subject))
        _push_fields(node, self._stack, self._out)

    def _target(self, target: ast.expr, value: ast.expr | None) -> None:
        """Note what an assignment changes inside an object, and what its names may share."""
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
                self._form.changes.append(Site(inner, self._scope, target.lineno))

    def _call(self, node: ast.Call) -> None:
        bare = id(node) in self._bare_calls
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        chain = chain_of(node.func)
        self._form.calls.append(Site(node, self._scope, node.lineno, method, bare, chain))
        name = _dagster_name(chain, self._library) if chain else ""
        if name in _DAGSTER_SPECS:
            kept = [keyword for keyword in node.keywords if keyword.arg not in _DESCRIPTIVE]
            self._out.append("(Call")
            self._stack += ["func=", node.func, *node.args, *kept, ")"][::-1]
        else:
            _push_fields(node, self._stack, self._out)


def _targets(target: ast.AST) -> tuple[str, ...]:
    return tuple(
        inner.id
        for inner in ast.walk(target)
        if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load)
    )


def _last_name(node: ast.expr) -> str:
    chain = chain_of(node)
    return chain[-1] if chain else ""


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
