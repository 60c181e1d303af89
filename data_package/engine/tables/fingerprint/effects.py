"""What importing the project changes: statements which fill, patch or rebind another's object.

A dict filled by `@register("x")` in another module, `SETTINGS["limit"] = 5`, a class patched
after its definition: such a statement belongs to the object it changes, wherever it stands.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from data_package.engine.tables.fingerprint.canon import (
    CLASS,
    COMPREHENSION,
    Form,
    Scope,
    Site,
    Use,
    is_dagster_decorator,
)
from data_package.engine.tables.fingerprint.modules import (
    Definition,
    Module,
    Modules,
    Outside,
    Target,
    Unknown,
    WholeModule,
)
from data_package.engine.tables.fingerprint.names import (
    bound_names,
    chain_of,
    names_in,
    root_chain,
)

MUTATING: Final = {
    "__delitem__", "__ior__", "__setattr__", "__setitem__", "add", "append", "appendleft", "clear",
    "difference_update", "discard", "extend", "extendleft", "insert", "intersection_update",
    "move_to_end", "pop", "popitem", "popleft", "register", "remove", "reverse", "rotate",
    "setdefault", "sort", "symmetric_difference_update", "update",
}  # fmt: skip

# Effects on these leave no trace in a table.
_QUIET: Final = {
    "dagster",
    "logging",
    "warnings",
    "sys",
    "atexit",
    "typing",
    "importlib",
    "pkgutil",
}
_QUIET_BUILTINS: Final = {"print", "super", "isinstance", "len", "repr", "str"}
_ANY_MODULE: Final = ("sys.modules", "importlib.import_module", "importlib.__import__")
EVERY_MODULE: Final = "*"
_DYNAMIC: Final = {"globals", "vars", "locals", "exec", "eval"}
_CLASS_HOOKS: Final = ("__init_subclass__", "metaclass", "__subclasses__", "__set_name__")


@dataclass(frozen=True)
class Statement:
    """A statement of a module's body."""

    module: str
    index: int


@dataclass(frozen=True)
class LibraryEffect:
    """A statement that changes a library for the whole process.

    `attribute` is the name it adds (a Polars namespace, a patched method): only code that uses
    an attribute of that name can feel it. Empty: everyone can.
    """

    statement: Statement
    dotted: str
    attribute: str


@dataclass
class Touched:
    """What some code changes."""

    definitions: set[Definition] = field(default_factory=set)
    outside: set[tuple[str, str]] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    arguments: bool = False

    def add(self, other: "Touched") -> None:
        """Take in what other code changes, apart from the arguments it was given."""
        self.definitions |= other.definitions
        self.outside |= other.outside
        self.modules |= other.modules


class Effects:
    """For every object of the project, the statements elsewhere that change it at import."""

    def __init__(self, modules: Modules) -> None:
        """`modules`: all of the project's, since any of them may change any object."""
        self._modules = modules
        self._summaries: dict[Definition, Touched] = {}
        self._direct: dict[Definition, Touched] = {}
        self.on: dict[Definition, list[Statement]] = {}
        self.on_modules: dict[str, list[Statement]] = {}
        self.on_libraries: list[LibraryEffect] = []
        self.rebound_by: dict[Definition, list[Definition]] = {}
        every = list(modules.all())
        self._class_hooks = any(
            word.encode() in module.source for module in every for word in _CLASS_HOOKS
        )
        for module in every:
            if b"global " in module.source:
                self._note_rebinding(module)
            for index, statement in enumerate(module.statements):
                if self._may_act(module, statement):
                    self._note(module, index)

    def _may_act(self, module: Module, statement: ast.stmt) -> bool:
        match statement:
            case ast.Import() | ast.ImportFrom():
                return False
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                library = self._modules.reading(module).library
                return any(not is_dagster_decorator(d, library) for d in statement.decorator_list)
            case ast.Expr(value=ast.Constant()):
                return False
            case ast.Assign(targets=[ast.Name()], value=ast.Constant()):
                return False
        return True

    def _note_rebinding(self, module: Module) -> None:
        """A function that says `global X` is part of what X can be."""
        for index, statement in enumerate(module.statements):
            if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            for name in self._modules.form(module, index).global_names:
                owners = self.rebound_by.setdefault(Definition(module.name, name), [])
                owners.append(Definition(module.name, statement.name))

    def _note(self, module: Module, index: int) -> None:
        form = self._modules.form(module, index)
        touched = self._at_import(module, form)
        if isinstance(module.statements[index], ast.Expr):
            touched.add(self._for_its_effect(module, form))
        statement = Statement(module.name, index)
        shared = self._with_shared(touched.definitions)
        if any(self._holds_a_module(definition) for definition in shared):
            touched.modules.add(EVERY_MODULE)
        for definition in shared:
            binders = self._binders(definition)
            if definition.module != module.name or index not in binders:
                self.on.setdefault(definition, []).append(statement)
        for name in touched.modules:
            self.on_modules.setdefault(name, []).append(statement)
        for dotted, attribute in sorted(touched.outside):
            if dotted.partition(".")[0] not in _QUIET:
                self.on_libraries.append(LibraryEffect(statement, dotted, attribute))

    def _for_its_effect(self, module: Module, form: Form) -> Touched:
        """What an expression that stands alone may change: it is there for nothing else.

        `STEPS["fill"](1)`, `queue >> 1`, a lambda that is called on the spot.
        """
        touched = Touched()
        for site in form.calls:
            if not site.scope.at_import():
                touched.add(self._call(module, site))
        for target, _ in self._modules.targets(module, form):
            if isinstance(target, Definition):
                touched.add(self._summary(target))
        return touched

    def _binders(self, definition: Definition) -> list[int]:
        owner = self._modules.get(definition.module)
        return owner.binders.get(definition.name, []) if owner else []

    def _with_shared(self, definitions: Iterable[Definition]) -> set[Definition]:
        """The definitions, and the objects that they may be another name of."""
        found: set[Definition] = set()
        queue = list(definitions)
        while queue:
            definition = queue.pop()
            if definition in found:
                continue
            found.add(definition)
            module = self._modules.get(definition.module)
            for index in module.binders.get(definition.name, ()) if module else ():
                assert module is not None
                if isinstance(module.statements[index], ast.Assign | ast.AnnAssign | ast.For):
                    form = self._modules.form(module, index)
                    for target, _ in self._modules.targets(module, form):
                        if isinstance(target, Definition) and self._is_data(target):
                            queue.append(target)
                    # `register, look_up = make()`: they may share what they close over.
                    names, _ = bound_names(module.statements[index])
                    queue += [Definition(module.name, name) for name in names]
        return found

    def _holds_a_module(self, definition: Definition) -> bool:
        """Whether a constant may be a module, found by its name while the project is loaded."""
        return self._is_data(definition) and any(
            isinstance(target, Outside) and target.dotted.startswith(_ANY_MODULE)
            for module, form in self._forms(definition)
            for target, _ in self._modules.targets(module, form)
        )

    def _is_data(self, definition: Definition) -> bool:
        module = self._modules.get(definition.module)
        if module is None:
            return False
        return not any(
            isinstance(module.statements[i], ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            for i in module.binders.get(definition.name, ())
        )

    def _at_import(self, module: Module, form: Form) -> Touched:
        """What a statement changes when its module is imported."""
        touched = Touched()
        for site in form.changes:
            if site.scope.at_import():
                touched.add(self._change(module, site))
        for site in form.calls:
            if site.scope.at_import():
                touched.add(self._call(module, site))
                for called in self._callees(module, site):
                    touched.add(self._summary(called))
        for site in form.decorators:
            if site.scope.at_import():
                touched.add(self._decorator(module, site))
        if self._class_hooks:
            for site in form.bases:
                for target in self._named(module, site.scope, root_chain(site.node)).definitions:
                    touched.definitions.add(target)
                    touched.add(self._summary(target))
        return touched

    def _change(self, module: Module, site: Site) -> Touched:
        """`X["a"] = 1`, `X.a = 1`, `X += 1`, `del X["a"]`."""
        touched = self._changed(module, site.scope, site.node)
        if isinstance(site.node, ast.Attribute) and chain_of(site.node):
            touched.outside = {(dotted, site.node.attr) for dotted, _ in touched.outside}
        return touched

    def _changed(self, module: Module, scope: Scope, node: ast.expr) -> Touched:
        """What an expression whose value is changed may stand for.

        When it is what a call returns, that may be an argument, or an object that the function
        gives out.
        """
        touched = self._named(module, scope, root_chain(node))
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute | ast.Subscript | ast.Call):
            if not isinstance(inner, ast.Call):
                inner = inner.value
                continue
            for given in [*inner.args, *[keyword.value for keyword in inner.keywords]]:
                for name in names_in(given):
                    touched.add(self._named(module, scope, (name.id,)))
            chain = chain_of(inner.func)
            callee = self._resolve(module, scope, chain) if chain else None
            if isinstance(callee, Definition):
                for owner, form in self._forms(callee):
                    for target, _ in self._modules.targets(owner, form):
                        if isinstance(target, Definition) and self._is_data(target):
                            touched.definitions.add(target)
            inner = inner.func
        return touched

    def _call(self, module: Module, site: Site, *, inside: bool = False) -> Touched:
        """What a call changes: its receiver, its arguments, and by `setattr` or `globals()`.

        `inside` a function, a function that it hands its own arguments to may change them.
        """
        call = site.node
        assert isinstance(call, ast.Call)
        touched = Touched()
        chain = site.chain
        callee = self._resolve(module, site.scope, chain) if chain else None
        if isinstance(callee, Outside) and callee.builtin:
            if callee.dotted in {"setattr", "delattr"} and call.args:
                touched.add(self._patched(module, site, call))
                return touched
            if callee.dotted in _DYNAMIC and not (callee.dotted == "vars" and call.args):
                touched.modules.add(module.name)
                return touched
            if callee.dotted in _QUIET_BUILTINS:
                return touched
        if isinstance(call.func, ast.Attribute):
            changes = site.bare or site.method in MUTATING
            receiver = (
                self._changed(module, site.scope, call.func.value)
                if changes
                else self._named(module, site.scope, root_chain(call.func.value))
            )
            if changes:
                touched.add(receiver)
                touched.arguments |= receiver.arguments
            else:
                touched.definitions |= {d for d in receiver.definitions if self._is_object(d)}
        elif isinstance(callee, Definition) and self._is_data(callee):
            touched.definitions.add(callee)
        gives = [*call.args, *[keyword.value for keyword in call.keywords]]
        for given in gives:
            # `map(CODES.append, ...)`: a method that changes, handed on to be called.
            handed = chain_of(given)
            if handed and len(handed) > 1 and handed[-1] in MUTATING:
                touched.definitions |= self._named(module, site.scope, handed[:-1]).definitions
        if isinstance(callee, Definition) and not inside:
            changes_arguments = self._summary(callee).arguments or self._is_data(callee)
        elif isinstance(callee, Definition):
            changes_arguments = True
        else:
            changes_arguments = site.bare
        if changes_arguments:
            for given in gives:
                for name in names_in(given):
                    argument = self._named(module, site.scope, (name.id,))
                    if site.bare or not inside:
                        touched.definitions |= argument.definitions
                    touched.arguments |= argument.arguments
        return touched

    def _patched(self, module: Module, site: Site, call: ast.Call) -> Touched:
        chain = root_chain(call.args[0])
        if chain_of(call.args[0]) is None:
            return self._changed(module, site.scope, call.args[0])
        if len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
            name = str(call.args[1].value)
            touched = self._named(module, site.scope, (*chain, name) if chain else ())
            touched.outside = {(dotted, name) for dotted, _ in touched.outside}
            return touched
        touched = self._named(module, site.scope, chain)
        target = self._resolve(module, site.scope, chain) if chain else None
        if isinstance(target, WholeModule):
            touched.modules.add(target.module)
        return touched

    def _callees(self, module: Module, site: Site) -> Iterator[Definition]:
        """The project's functions that a call runs, or hands on to be run."""
        call = site.node
        assert isinstance(call, ast.Call)
        nodes = [call.func, *call.args, *[keyword.value for keyword in call.keywords]]
        for node in nodes:
            chain = chain_of(node)
            target = self._resolve(module, site.scope, chain) if chain else None
            if isinstance(target, Definition):
                yield target

    def _decorator(self, module: Module, site: Site) -> Touched:
        touched = Touched()
        node = site.node.func if isinstance(site.node, ast.Call) else site.node
        chain = root_chain(node)
        if not chain:
            return touched
        target, rest = self._resolve_fully(module, site.scope, chain)
        if isinstance(target, Definition):
            touched.add(self._summary(target))
            if rest or (self._is_data(target)):
                touched.definitions.add(target)
            if isinstance(site.node, ast.Call):
                touched.add(self._call(module, site))
        elif isinstance(target, Outside) and target.dotted.endswith("_namespace"):
            touched.outside.add((target.dotted, _literal(site.node)))
        return touched

    def _summary(self, start: Definition) -> Touched:
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
            direct = self._directly(definition)
            summary.add(direct)
            summary.arguments |= direct.arguments
            for module, form in self._forms(definition):
                for target, _ in self._modules.targets(module, form):
                    if isinstance(target, Definition):
                        queue.append(target)
        self._summaries[start] = summary
        return summary

    def _directly(self, definition: Definition) -> Touched:
        known = self._direct.get(definition)
        if known is not None:
            return known
        touched = self._direct[definition] = Touched()
        for module, form in self._forms(definition):
            sites = [*form.changes, *form.calls]
            for site in sites:
                if isinstance(site.node, ast.Call):
                    found = self._call(module, site, inside=True)
                else:
                    found = self._change(module, site)
                touched.add(found)
                touched.arguments |= found.arguments
            for name in form.global_names:
                touched.definitions.add(Definition(module.name, name))
        return touched

    def _forms(self, definition: Definition) -> Iterator[tuple[Module, Form]]:
        module = self._modules.get(definition.module)
        if module is not None:
            for index in module.binders.get(definition.name, ()):
                yield module, self._modules.form(module, index)

    def _is_object(self, definition: Definition) -> bool:
        """Whether a constant is made by a call of the project, so that any method may change it."""
        module = self._modules.get(definition.module)
        if module is None:
            return False
        for index in module.binders.get(definition.name, ()):
            match module.statements[index]:
                case (
                    ast.Assign(value=ast.Call(func=func)) | ast.AnnAssign(value=ast.Call(func=func))
                ):
                    chain = chain_of(func)
                    if chain is None:
                        continue
                    target, _ = self._modules.resolve(module, Use(chain))
                    if isinstance(target, Definition):
                        return True
        return False

    def _named(
        self,
        module: Module,
        scope: Scope,
        chain: tuple[str, ...],
        seen: frozenset[str] = frozenset(),
    ) -> Touched:
        """The objects that a chain of names may mean in a scope."""
        touched = Touched()
        if not chain or chain[0] in seen:
            return touched
        owner = scope.owner(chain[0])
        if owner is None or (chain[0] in owner.imports and chain[0] not in owner.assigned):
            target, _ = self._resolve_fully(module, scope, chain)
            if isinstance(target, Definition):
                touched.definitions.add(target)
            elif isinstance(target, Unknown) and target.name == "__dict__":
                touched.modules.add(target.module)
            elif isinstance(target, Unknown):
                touched.definitions.add(Definition(target.module, target.name))
            elif isinstance(target, Outside) and target.dotted.startswith(_ANY_MODULE):
                touched.modules.add(EVERY_MODULE)
            elif isinstance(target, Outside) and not target.builtin:
                touched.outside.add((target.dotted, ""))
            elif isinstance(target, Outside) and target.dotted in _DYNAMIC:
                touched.modules.add(module.name)
            elif isinstance(target, WholeModule):
                touched.modules.add(target.module)
            return touched
        if chain[0] in owner.params:
            touched.arguments = True
        if owner.kind in {CLASS, COMPREHENSION} or owner.params or owner.aliases:
            for names, value in owner.aliases:
                if chain[0] in names:
                    for name in names_in(value):
                        inner = self._named(module, owner, (name.id,), seen | {chain[0]})
                        touched.definitions |= inner.definitions
                        touched.arguments |= inner.arguments
                        touched.modules |= inner.modules
        return touched

    def _resolve(self, module: Module, scope: Scope, chain: tuple[str, ...]) -> Target | None:
        owner = scope.owner(chain[0])
        if owner is not None and not (chain[0] in owner.imports and chain[0] not in owner.assigned):
            return None
        return self._resolve_fully(module, scope, chain)[0]

    def _resolve_fully(
        self, module: Module, scope: Scope, chain: tuple[str, ...]
    ) -> tuple[Target, tuple[str, ...]]:
        owner = scope.owner(chain[0])
        imported = owner.imports.get(chain[0]) if owner is not None else None
        return self._modules.resolve(module, Use(chain, imported))


def _literal(node: ast.expr) -> str:
    match node:
        case ast.Call(args=[ast.Constant(value=str(text)), *_]):
            return text
    return ""
