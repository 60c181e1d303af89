"""What importing the project changes: statements that fill, patch or rebind another's object.

A dict filled by `@register("x")` in another module, `SETTINGS["limit"] = 5`, a class patched
after its definition: such a statement belongs to the object it changes, wherever it is.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from data_package.engine.fingerprint.decorators import is_dagster_decorator
from data_package.engine.fingerprint.forms import CodeForm
from data_package.engine.fingerprint.modules import Definition, Module, Modules, Outside
from data_package.engine.fingerprint.syntax_names import defaults_of, root_chain
from data_package.engine.fingerprint.touches import (
    EVERY_MODULE,
    FOUND_MODULES,
    Touched,
    Touches,
)

# Effects on these cannot change a table.
_QUIET: Final = {
    "dagster", "data_package", "logging", "warnings", "sys", "atexit", "typing", "importlib",
    "pkgutil",
}  # fmt: skip
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
    an attribute of that name is affected. Empty: all code is.
    """

    statement: Statement
    dotted: str
    attribute: str


class Effects:
    """For every object of the project, the statements elsewhere that change it at import."""

    def __init__(self, modules: Modules) -> None:
        """`modules`: all of the project's, since any of them may change any object."""
        self._modules = modules
        self._touches = Touches(modules)
        self.on: dict[Definition, list[Statement]] = {}
        self.on_modules: dict[str, list[Statement]] = {}
        self.on_libraries: list[LibraryEffect] = []
        self.rebound_by: dict[Definition, list[Definition]] = {}
        self.changed_with: dict[Definition, set[Definition]] = {}
        self._held: set[Definition] = set()
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
                return any(
                    not is_dagster_decorator(d, library) for d in statement.decorator_list
                ) or any(
                    isinstance(n, ast.Call) for d in defaults_of(statement) for n in ast.walk(d)
                )
            case ast.Expr(value=ast.Constant()):
                return False
            case ast.Assign(targets=[ast.Name()], value=ast.Constant()):
                return False
        return True

    def _note_rebinding(self, module: Module) -> None:
        """A function that declares `global X` is part of what X can be."""
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
        for definition in shared:
            touched.outside |= {
                (dotted, "") for dotted in self._touches.sharing.library_behind(definition)
            }
        if any(self._holds_a_module(definition) for definition in shared):
            touched.modules.add(EVERY_MODULE)
        for definition in shared - self._held:
            # Its own statements count for what it holds, so one reference is enough.
            self._held.add(definition)
            for held in self._with_shared(self._touches.sharing.held_by(definition)) - shared:
                self.changed_with.setdefault(held, set()).add(definition)
        for definition in shared:
            binders = self._modules.binders(definition)
            if definition.module != module.name or index not in binders:
                self.on.setdefault(definition, []).append(statement)
        for name in touched.modules:
            self.on_modules.setdefault(name, []).append(statement)
        for dotted, attribute in sorted(touched.outside):
            if dotted.partition(".")[0] not in _QUIET:
                self.on_libraries.append(LibraryEffect(statement, dotted, attribute))

    def _at_import(self, module: Module, form: CodeForm) -> Touched:
        """What a statement changes when its module is imported."""
        touched = Touched()
        for site in form.changes:
            if site.scope.at_import():
                touched.add(self._touches.change(module, site))
        for site in form.calls:
            if site.scope.at_import():
                touched.add(self._touches.call(module, site))
                for called in self._touches.callees(module, site):
                    touched.add(self._touches.summary(called))
        for site in form.decorators:
            if site.scope.at_import():
                touched.add(self._touches.decorator(module, site))
        if self._class_hooks:
            for site in form.bases:
                base = self._touches.named(module, site.scope, root_chain(site.node))
                touched.definitions |= base.definitions
                for definition in base.definitions:
                    touched.add(self._touches.summary(definition))
        return touched

    def _for_its_effect(self, module: Module, form: CodeForm) -> Touched:
        """What an expression statement may change: it has no other purpose.

        `STEPS["fill"](1)`, `queue >> 1`, a lambda that is called on the spot.
        """
        touched = Touched()
        for site in form.calls:
            if not site.scope.at_import():
                touched.add(self._touches.call(module, site))
        for target, _ in self._modules.targets(module, form):
            if isinstance(target, Definition):
                touched.add(self._touches.summary(target))
        return touched

    def _with_shared(self, definitions: Iterable[Definition]) -> set[Definition]:
        """The definitions, and the objects that they may be another name of."""
        found: set[Definition] = set()
        queue = list(definitions)
        while queue:
            definition = queue.pop()
            if definition in found:
                continue
            found.add(definition)
            queue += self._touches.sharing.with_it(definition)
        return found

    def _holds_a_module(self, definition: Definition) -> bool:
        """Whether a constant may be a module, found by its name while the project is loaded."""
        return self._modules.is_data(definition) and any(
            isinstance(target, Outside) and target.dotted.startswith(FOUND_MODULES)
            for module, form in self._modules.forms(definition)
            for target, _ in self._modules.targets(module, form)
        )
