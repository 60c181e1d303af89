"""What code changes when it runs: the objects that a call, an assignment or a decorator touches."""

import ast
import sys
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
from data_package.engine.fingerprint.sharing import Sharing
from data_package.engine.fingerprint.syntax_names import (
    chain_of,
    defaults_of,
    given_to,
    names_in,
    root_chain,
)

_MUTATING: Final = {
    "__delitem__", "__ior__", "__setattr__", "__setitem__", "add", "append", "appendleft", "clear",
    "difference_update", "discard", "extend", "extendleft", "insert", "intersection_update",
    "move_to_end", "pop", "popitem", "popleft", "register", "remove", "reverse", "rotate",
    "setdefault", "sort", "symmetric_difference_update", "update",
    # Of libraries, which also return something.
    "add_argument", "drop_in_place", "fill", "insert_column", "put", "read_dict", "read_string",
    "replace_column", "scatter", "subtract", "write", "writelines", "writerow", "writerows",
}  # fmt: skip

_QUIET_BUILTINS: Final = {"print", "super", "isinstance", "len", "repr", "str"}
# Functions of libraries that change what they are given, whatever becomes of their result.
_CHANGES_ARGUMENTS: Final = {
    *(f"operator.{name}" for name in ("setitem", "delitem", "iadd", "iand", "iconcat", "ifloordiv",
      "ilshift", "imatmul", "imod", "imul", "ior", "ipow", "irshift", "isub", "itruediv", "ixor")),
    *(f"heapq.{name}" for name in ("heapify", "heappop", "heappush", "heappushpop", "heapreplace")),
    "bisect.insort", "bisect.insort_left", "bisect.insort_right", "next", "numpy.copyto",
    "numpy.fill_diagonal", "numpy.place", "numpy.put", "numpy.put_along_axis", "numpy.putmask",
    "numpy.random.shuffle", "random.shuffle",
}  # fmt: skip
# What they make changes whenever it is used.
_STATEFUL: Final = (
    "random.Random", "numpy.random.", "contextvars.ContextVar", "itertools.", "queue.", "io.",
    "csv.", "sqlite3.connect", "duckdb.connect", "configparser.",
)  # fmt: skip
_IN_PLACE: Final = {"inplace", "in_place", "out"}
# Functions that draw from a generator of the whole process, and those that set something for it.
_DRAWS: Final = ("random.", "numpy.random.")
_SETS: Final = (
    "set_", "seed", "seterr", "setlocale", "setcontext", "enable_", "disable_", "reset",
)  # fmt: skip
_SETTINGS: Final = {"polars.Config", "polars.config.Config", "matplotlib.use"}
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
        self.sharing = Sharing(modules)
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
        by_value = site.bare or not inside
        if isinstance(callee, Definition):
            may = inside or self.summary(callee).arguments or self._modules.is_data(callee)
            if not inside and may and self._keeps_defaults(callee):
                touched.definitions.add(callee)
        elif self._changes_arguments(module, site, call, callee, inside=inside):
            may = by_value = True
        else:
            may = site.bare
        if may:
            touched.add_all(self._arguments(module, site, call, by_value=by_value))
        if isinstance(callee, Outside) and not callee.builtin and _acts(callee.dotted, site.bare):
            touched.outside.add((callee.dotted, ""))
        return touched

    def _changes_arguments(
        self, module: Module, site: Site, call: ast.Call, callee: Target | None, *, inside: bool
    ) -> bool:
        """`heappop(X)`, `next(X)`, `dict.update(X, ...)`, `methodcaller("pop")(X)`."""
        if not isinstance(callee, Outside):
            return isinstance(call.func, ast.Call) and not site.bare
        if callee.builtin and len(site.chain or ()) > 1:
            return site.method in _MUTATING
        if not inside and self._handed_changes(module, site, call):
            return True
        if any(keyword.arg == "out" for keyword in call.keywords):
            return True
        if callee.dotted == "next":
            return any(chain_of(given) for given in call.args[:1])
        return callee.dotted in _CHANGES_ARGUMENTS

    def _handed_changes(self, module: Module, site: Site, call: ast.Call) -> bool:
        """`filter(keep, ROWS)`: whether a function that is passed on changes what it is given."""
        handed = (chain_of(given) for given in given_to(call))
        found = [self._modules.resolve_in(module, site.scope, chain) for chain in handed if chain]
        return any(
            isinstance(target, Definition)
            and not self._modules.is_data(target)
            and self.summary(target).arguments
            for target in found
        )

    def _keeps_defaults(self, definition: Definition) -> bool:
        """Whether a function has a default that its calls share."""
        return any(
            isinstance(default, ast.List | ast.Dict | ast.Set | ast.Call)
            for statement in self._modules.statements(definition)
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
            for default in defaults_of(statement)
        )

    def _patched(self, module: Module, site: Site, call: ast.Call) -> Touched:
        """`setattr(X, "a", 1)`, `delattr(X, "a")`."""
        chain = root_chain(call.args[0])
        if chain_of(call.args[0]) is None:
            return self._changed(module, site.scope, call.args[0])
        if len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
            name = str(call.args[1].value)
            touched = self.named(module, site.scope, (*chain, name) if chain else ())
            value = call.args[2] if len(call.args) > 2 else None
            touched.outside = {_narrowed(dotted, name, value) for dotted, _ in touched.outside}
            return touched
        return self.named(module, site.scope, chain)

    def _receiver(
        self, module: Module, site: Site, call: ast.Call, callee: Target | None
    ) -> Touched:
        """`CODES.append(1)`, `queue.put(1)`, `REGISTER(1)`: the object that is called."""
        if isinstance(call.func, ast.Attribute):
            in_place = any(keyword.arg in _IN_PLACE for keyword in call.keywords)
            if site.bare or site.method in _MUTATING or in_place:
                return self._changed(module, site.scope, call.func.value)
            receiver = self.named(module, site.scope, root_chain(call.func.value))
            return Touched({d for d in receiver.definitions if self._is_object(d)})
        if isinstance(callee, Definition) and self._modules.is_data(callee):
            return Touched({callee})
        if isinstance(call.func, ast.Call | ast.Subscript):
            # `HANDLERS["a"](1)`, `getattr(CODES, "append")(1)`, `register_expr_namespace("x")(X)`
            touched = self._changed(module, site.scope, call.func)
            if isinstance(call.func, ast.Subscript):
                # What it holds is called; it stays as it is.
                held = touched.definitions
                touched.definitions = {
                    d
                    for holder in held
                    for d in (*self.sharing.with_it(holder), *self.sharing.held_by(holder))
                } - held
            touched.outside = {
                (dotted, _literal(call.func))
                for dotted, _ in touched.outside
                if dotted.endswith("_namespace")
            }
            return touched
        return Touched()

    def _is_object(self, definition: Definition) -> bool:
        """Whether a constant is made by a call so that any method may change it."""
        return any(isinstance(maker, Definition) for _, maker in self._makers(definition)) or (
            self._is_stateful(definition)
        )

    def _is_stateful(self, definition: Definition) -> bool:
        """Whether a constant is one of a library's that changes whenever it is used."""
        return any(
            isinstance(maker, Outside) and maker.dotted.startswith(_STATEFUL)
            for _, maker in self._makers(definition)
        )

    def _makers(self, definition: Definition) -> Iterator[tuple[ast.Call, Target]]:
        """The calls whose value a constant is, each with what it calls."""
        module = self._modules.get(definition.module)
        if module is None:
            return
        for statement in self._modules.statements(definition):
            match statement:
                case ast.Assign(value=ast.Call() as call) | ast.AnnAssign(value=ast.Call() as call):
                    chain = chain_of(call.func)
                    if chain:
                        yield call, self._modules.resolve(module, Use(chain))[0]

    def _handed_on(self, module: Module, site: Site, call: ast.Call) -> Touched:
        """`map(CODES.append, ...)`: a mutating method, passed to be called."""
        touched = Touched()
        for given in given_to(call):
            chain = chain_of(given)
            if chain and len(chain) > 1 and chain[-1] in _MUTATING:
                touched.definitions |= self.named(module, site.scope, chain[:-1]).definitions
            elif chain and len(chain) == 1:
                # `sample(RNG)`: whoever draws from a generator changes it.
                handed = self.named(module, site.scope, chain).definitions
                touched.definitions |= {d for d in handed if self._is_stateful(d)}
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
            touched.outside = {
                _narrowed(dotted, site.node.attr, site.value) for dotted, _ in touched.outside
            }
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
                touched.definitions.update(self.sharing.given_out(callee))
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
                for call, maker in self._makers(target):
                    if isinstance(maker, Outside) and maker.dotted.endswith("_namespace"):
                        # `tidy = register_expr_namespace("tidy")`, `@tidy`
                        touched.outside.add((maker.dotted, _literal(call)))
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
                touched.definitions |= self.sharing.classes_changed(
                    definition, site, changes=site.bare or site.method in _MUTATING
                )
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


def _acts(dotted: str, bare: bool) -> bool:
    """Whether a call of a library's function changes that library for the whole process."""
    last = dotted.rpartition(".")[2]
    return (
        bare
        or dotted in _SETTINGS
        or last.startswith(_SETS)
        or (dotted.startswith(_DRAWS) and last.islower() and last != "default_rng")
    )


def _narrowed(dotted: str, name: str, value: ast.expr | None) -> tuple[str, str]:
    """What setting an attribute of a library's object changes, and the name that must be used.

    A function that is put into a class or a module counts where its name is used; a setting, such
    as `pandas.options.display.max_rows = 5`, for all code.
    """
    container = dotted.rpartition(".")[0] if dotted.endswith(f".{name}") else dotted
    of_object = container.rpartition(".")[2].islower() and container not in sys.modules
    is_setting = isinstance(value, ast.Constant | ast.UnaryOp | ast.List | ast.Dict | ast.Tuple)
    return (dotted, "" if of_object or is_setting else name)
