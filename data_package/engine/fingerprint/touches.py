"""What code changes when it runs: the objects that a call, an assignment or a decorator touches."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from data_package.engine.fingerprint.forms import Site, Use
from data_package.engine.fingerprint.modules import (
    Definition,
    Module,
    Modules,
    Outside,
    Target,
    Unknown,
    WholeModule,
)
from data_package.engine.fingerprint.scopes import Scope
from data_package.engine.fingerprint.syntax_names import chain_of, given_to, names_in, root_chain

_MUTATING: Final = {
    "__delitem__", "__ior__", "__setattr__", "__setitem__", "add", "append", "appendleft", "clear",
    "difference_update", "discard", "extend", "extendleft", "insert", "intersection_update",
    "move_to_end", "pop", "popitem", "popleft", "register", "remove", "reverse", "rotate",
    "setdefault", "sort", "symmetric_difference_update", "update",
}  # fmt: skip

_QUIET_BUILTINS: Final = {"print", "super", "isinstance", "len", "repr", "str"}
FOUND_MODULES: Final = ("sys.modules", "importlib.import_module", "importlib.__import__")
_DYNAMIC: Final = {"globals", "vars", "locals", "exec", "eval"}
EVERY_MODULE: Final = "*"


@dataclass
class Touched:
    """What some code changes."""

    definitions: set[Definition] = field(default_factory=set)
    outside: set[tuple[str, str]] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    arguments: bool = False

    def add(self, other: "Touched") -> None:
        """Add what other code changes, except its arguments."""
        self.definitions |= other.definitions
        self.outside |= other.outside
        self.modules |= other.modules

    def add_all(self, other: "Touched") -> None:
        """Add what other code changes, its arguments included."""
        self.add(other)
        self.arguments |= other.arguments


class Touches:
    """What the code of a project changes, determined once for each function."""

    def __init__(self, modules: Modules) -> None:
        """`modules`: the project, to look up what a name refers to."""
        self._modules = modules
        self._summaries: dict[Definition, Touched] = {}
        self._direct: dict[Definition, Touched] = {}

    def call(self, module: Module, site: Site, *, inside: bool = False) -> Touched:
        """What a call changes: its receiver, its arguments, and by `setattr` or `globals()`.

        `inside` a function, a function that it passes its own arguments to may change them.
        """
        call = site.node
        assert isinstance(call, ast.Call)
        callee = self._modules.resolve_in(module, site.scope, site.chain) if site.chain else None
        if isinstance(callee, Outside) and callee.builtin:
            touched = Touched()
            if callee.dotted in {"setattr", "delattr"} and call.args:
                touched.add(self._patched(module, site, call))
                return touched
            if callee.dotted in _DYNAMIC and not (callee.dotted == "vars" and call.args):
                touched.modules.add(module.name)
                return touched
            if callee.dotted in _QUIET_BUILTINS:
                return touched
        touched = self._receiver(module, site, call, callee)
        touched.add_all(self._handed_on(module, site, call))
        if isinstance(callee, Definition):
            may = inside or self.summary(callee).arguments or self._modules.is_data(callee)
        else:
            may = site.bare
        if may:
            touched.add_all(self._arguments(module, site, call, by_value=site.bare or not inside))
        return touched

    def _patched(self, module: Module, site: Site, call: ast.Call) -> Touched:
        """`setattr(X, "a", 1)`, `delattr(X, "a")`."""
        chain = root_chain(call.args[0])
        if chain_of(call.args[0]) is None:
            return self._changed(module, site.scope, call.args[0])
        if len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
            name = str(call.args[1].value)
            touched = self.named(module, site.scope, (*chain, name) if chain else ())
            touched.outside = {(dotted, name) for dotted, _ in touched.outside}
            return touched
        return self.named(module, site.scope, chain)

    def _receiver(
        self, module: Module, site: Site, call: ast.Call, callee: Target | None
    ) -> Touched:
        """`CODES.append(1)`, `queue.put(1)`, `REGISTER(1)`: the object that is called."""
        if isinstance(call.func, ast.Attribute):
            if site.bare or site.method in _MUTATING:
                return self._changed(module, site.scope, call.func.value)
            receiver = self.named(module, site.scope, root_chain(call.func.value))
            return Touched({d for d in receiver.definitions if self._is_object(d)})
        if isinstance(callee, Definition) and self._modules.is_data(callee):
            return Touched({callee})
        return Touched()

    def _is_object(self, definition: Definition) -> bool:
        """Whether a constant is made by a call of the project, so that any method may change it."""
        module = self._modules.get(definition.module)
        if module is None:
            return False
        for statement in self._modules.statements(definition):
            match statement:
                case (
                    ast.Assign(value=ast.Call(func=func)) | ast.AnnAssign(value=ast.Call(func=func))
                ):
                    chain = chain_of(func)
                    if chain and isinstance(
                        self._modules.resolve(module, Use(chain))[0], Definition
                    ):
                        return True
        return False

    def _handed_on(self, module: Module, site: Site, call: ast.Call) -> Touched:
        """`map(CODES.append, ...)`: a mutating method, passed to be called."""
        touched = Touched()
        for given in given_to(call):
            chain = chain_of(given)
            if chain and len(chain) > 1 and chain[-1] in _MUTATING:
                touched.definitions |= self.named(module, site.scope, chain[:-1]).definitions
        return touched

    def _arguments(self, module: Module, site: Site, call: ast.Call, *, by_value: bool) -> Touched:
        """The arguments of a call that may change them; the objects themselves if `by_value`."""
        touched = Touched()
        for given in given_to(call):
            for name in names_in(given):
                argument = self.named(module, site.scope, (name.id,))
                if by_value:
                    touched.definitions |= argument.definitions
                touched.arguments |= argument.arguments
        return touched

    def change(self, module: Module, site: Site) -> Touched:
        """`X["a"] = 1`, `X.a = 1`, `X += 1`, `del X["a"]`."""
        touched = self._changed(module, site.scope, site.node)
        if isinstance(site.node, ast.Attribute) and chain_of(site.node):
            touched.outside = {(dotted, site.node.attr) for dotted, _ in touched.outside}
        return touched

    def _changed(self, module: Module, scope: Scope, node: ast.expr) -> Touched:
        """What an expression whose value is changed may refer to.

        The result of a call may be one of its arguments, or an object that the function
        returns.
        """
        touched = self.named(module, scope, root_chain(node))
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute | ast.Subscript | ast.Call):
            if not isinstance(inner, ast.Call):
                inner = inner.value
                continue
            for given in given_to(inner):
                for name in names_in(given):
                    touched.add(self.named(module, scope, (name.id,)))
            chain = chain_of(inner.func)
            callee = self._modules.resolve_in(module, scope, chain) if chain else None
            if isinstance(callee, Definition):
                gives_out = self._modules.references(callee)
                touched.definitions |= {d for d in gives_out if self._modules.is_data(d)}
            inner = inner.func
        return touched

    def decorator(self, module: Module, site: Site) -> Touched:
        """What a decorator changes: it is called, and may register what it decorates."""
        touched = Touched()
        node = site.node.func if isinstance(site.node, ast.Call) else site.node
        chain = root_chain(node)
        if not chain:
            return touched
        owner = site.scope.owner(chain[0])
        imported = owner.imports.get(chain[0]) if owner is not None else None
        target, rest = self._modules.resolve(module, Use(chain, imported))
        if isinstance(target, Definition):
            touched.add(self.summary(target))
            if rest or self._modules.is_data(target):
                touched.definitions.add(target)
            if isinstance(site.node, ast.Call):
                touched.add(self.call(module, site))
        elif isinstance(target, Outside) and target.dotted.endswith("_namespace"):
            touched.outside.add((target.dotted, _literal(site.node)))
        return touched

    def callees(self, module: Module, site: Site) -> Iterator[Definition]:
        """The project's functions that a call runs, or passes on to be run."""
        call = site.node
        assert isinstance(call, ast.Call)
        for node in [call.func, *given_to(call)]:
            chain = chain_of(node)
            target = self._modules.resolve_in(module, site.scope, chain) if chain else None
            if isinstance(target, Definition):
                yield target

    def summary(self, start: Definition) -> Touched:
        """What running a function of the project may change, through all that it reaches."""
        known = self._summaries.get(start)
        if known is not None:
            return known
        summary = Touched(arguments=self._directly(start).arguments)
        seen: set[Definition] = set()
        queue = [start]
        while queue:
            definition = queue.pop()
            if definition in seen:
                continue
            seen.add(definition)
            summary.add_all(self._directly(definition))
            queue += self._modules.references(definition)
        self._summaries[start] = summary
        return summary

    def _directly(self, definition: Definition) -> Touched:
        known = self._direct.get(definition)
        if known is not None:
            return known
        touched = self._direct[definition] = Touched()
        for module, form in self._modules.forms(definition):
            for site in [*form.changes, *form.calls]:
                if isinstance(site.node, ast.Call):
                    found = self.call(module, site, inside=True)
                else:
                    found = self.change(module, site)
                touched.add_all(found)
            for name in form.global_names:
                touched.definitions.add(Definition(module.name, name))
        return touched

    def named(
        self,
        module: Module,
        scope: Scope,
        chain: tuple[str, ...],
        seen: frozenset[str] = frozenset(),
    ) -> Touched:
        """The objects that a chain of names may refer to in a scope."""
        touched = Touched()
        if not chain or chain[0] in seen:
            return touched
        target = self._modules.resolve_in(module, scope, chain)
        if target is not None:
            return _behind(target, module)
        owner = scope.owner(chain[0])
        assert owner is not None
        touched.arguments = chain[0] in owner.params
        for names, value in owner.aliases:
            if chain[0] in names:
                for name in names_in(value):
                    inner = self.named(module, owner, (name.id,), seen | {chain[0]})
                    touched.definitions |= inner.definitions
                    touched.arguments |= inner.arguments
                    touched.modules |= inner.modules
        return touched


def _behind(target: Target, module: Module) -> Touched:
    """The object that a name of the module refers to."""
    match target:
        case Definition():
            return Touched({target})
        case WholeModule(module=name) | Unknown(module=name, name="__dict__"):
            return Touched(modules={name})
        case Unknown(module=name, name=attribute):
            return Touched({Definition(name, attribute)})
        case Outside(dotted=dotted) if dotted.startswith(FOUND_MODULES):
            return Touched(modules={EVERY_MODULE})
        case Outside(dotted=dotted, builtin=False):
            return Touched(outside={(dotted, "")})
        case Outside(dotted=dotted) if dotted in _DYNAMIC:
            return Touched(modules={module.name})
    return Touched()


def _literal(node: ast.expr) -> str:
    match node:
        case ast.Call(args=[ast.Constant(value=str(text)), *_]):
            return text
    return ""
