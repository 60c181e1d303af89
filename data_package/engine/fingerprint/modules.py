"""The project's modules as they are on disk, and what the names in them refer to."""

import ast
import builtins
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from data_package.engine.fingerprint.forms import CodeForm, Use
from data_package.engine.fingerprint.scopes import Scope
from data_package.engine.fingerprint.source_files import ModuleFiles
from data_package.engine.fingerprint.syntax_names import ImportedName, bound_names, chain_of
from data_package.engine.fingerprint.walk import ReadingRules, form
from data_package.engine.own_code import ENGINE

_BUILTINS: Final = frozenset(dir(builtins))
_MODULE_FACTS: Final = {"__name__", "__file__", "__doc__", "__path__", "__package__", "__spec__"}
_READS_HINTS: Final = ("__annotations__", "get_type_hints", "get_annotations", "signature(",
                       "getfullargspec")  # fmt: skip


@dataclass(frozen=True)
class Definition:
    """A name at the top level of a module of the project."""

    module: str
    name: str


@dataclass(frozen=True)
class WholeModule:
    """A module of the project as a value, or one whose use is not known in detail."""

    module: str


@dataclass(frozen=True)
class Outside:
    """A library's object or a builtin, by its dotted name."""

    dotted: str
    builtin: bool = False


@dataclass(frozen=True)
class Unknown:
    """A name that nothing in the source binds."""

    module: str
    name: str


Target = Definition | WholeModule | Outside | Unknown


@dataclass(frozen=True)
class Starred:
    """What `import *` may bind a name to.

    Attributes:
        index: of the statement in its module's body.
        target: what the name refers to in the module it comes from.
        listed: the `__all__` that decides whether it is imported; None where there is none.
    """

    index: int
    target: Target
    listed: Definition | None


@dataclass(eq=False)
class Module:
    """One source file: its statements, and which of them bind which names."""

    name: str
    place: str
    is_package: bool
    source: bytes
    statements: list[ast.stmt]
    binders: dict[str, list[int]] = field(default_factory=dict)
    imports: dict[str, ImportedName] = field(default_factory=dict)
    stars: list[tuple[int, ImportedName]] = field(default_factory=list)
    forms: dict[int, CodeForm] = field(default_factory=dict)
    resolved: dict[str, Target] = field(default_factory=dict)

    def absolute(self, imported: ImportedName) -> str:
        """The dotted name of the module an import statement of this module means."""
        return self.origin(imported.level, imported.module)

    def origin(self, level: int, module: str) -> str:
        """The dotted name of `from ..module`, with as many dots as `level`."""
        if not level:
            return module
        parts = self.name.split(".")
        keep = len(parts) - level + (1 if self.is_package else 0)
        return ".".join([*parts[: max(keep, 0)], *filter(None, [module])])

    def position(self, index: int) -> str:
        """The place of a statement, for people."""
        return f"{self.place}:{self.statements[index].lineno}"


class Modules:
    """Every module of the project, parsed once."""

    def __init__(self, packages: Sequence[str]) -> None:
        """`packages`: the import names of the project's packages."""
        self.files: Final = ModuleFiles(packages)
        self._modules: dict[str, Module | None] = {}
        self._targets: dict[int, tuple[CodeForm, list[tuple[Target, tuple[str, ...]]]]] = {}
        self._readings: dict[str, ReadingRules] = {}

    def all(self) -> Iterator[Module]:
        """Every module whose source can be read, by name."""
        for name in self.files:
            module = self.get(name)
            if module is not None:
                yield module

    def get(self, name: str) -> Module | None:
        """A module of the project; None when it is not the project's or has no source."""
        if name not in self._modules:
            self._modules[name] = self._parse(name)
        return self._modules[name]

    def adopt(self, name: str, path: Path) -> Module | None:
        """Add a file outside the project's packages to the project's."""
        if self.files.adopt(name, path):
            self._modules.pop(name, None)
        return self.get(name)

    def form(self, module: Module, index: int) -> CodeForm:
        """The form of a statement of a module's body."""
        done = module.forms.get(index)
        if done is None:
            done = form([module.statements[index]], self.reading(module))
            module.forms[index] = done
        return done

    def targets(self, module: Module, form: CodeForm) -> list[tuple[Target, tuple[str, ...]]]:
        """What fills each hole of a form, with the attributes that follow it."""
        known = self._targets.get(id(form))
        if known is None:
            known = form, [self.resolve(module, hole.use) for hole in form.holes]
            self._targets[id(form)] = known
        return known[1]

    def binders(self, definition: Definition) -> list[int]:
        """The statements of its module that bind a name, by their places in the body."""
        module = self.get(definition.module)
        return module.binders.get(definition.name, []) if module is not None else []

    def statements(self, definition: Definition) -> list[ast.stmt]:
        """The statements that bind a name."""
        module = self.get(definition.module)
        return [module.statements[i] for i in self.binders(definition)] if module else []

    def forms(self, definition: Definition) -> Iterator[tuple[Module, CodeForm]]:
        """The form of each statement that binds a name, with its module."""
        module = self.get(definition.module)
        if module is not None:
            for index in self.binders(definition):
                yield module, self.form(module, index)

    def references(self, definition: Definition) -> Iterator[Definition]:
        """The project's definitions that the code of a definition names."""
        for starred in self.starred(definition):
            if isinstance(starred.target, Definition):
                yield starred.target
        for module, own in self.forms(definition):
            for target, _ in self.targets(module, own):
                if isinstance(target, Definition):
                    yield target

    def is_data(self, definition: Definition) -> bool:
        """Whether a name of the project is neither a function nor a class."""
        return self.get(definition.module) is not None and not any(
            isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            for statement in self.statements(definition)
        )

    def is_asset(self, definition: Definition) -> bool:
        """Whether a name is a function that Dagster's decorators turned into an asset."""
        module = self.get(definition.module)
        if module is None:
            return False
        library = self.reading(module).library
        for statement in self.statements(definition):
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                for decorator in statement.decorator_list:
                    callee = decorator.func if isinstance(decorator, ast.Call) else decorator
                    chain = chain_of(callee)
                    if chain and (library(chain) or "").startswith("dagster."):
                        return True
        return False

    def reading(self, module: Module) -> ReadingRules:
        """How the code of a module is read."""
        if module.name in self._readings:
            return self._readings[module.name]

        def library(chain: tuple[str, ...]) -> str | None:
            target, rest = self.resolve(module, Use(chain))
            if isinstance(target, Outside) and not target.builtin:
                return ".".join((target.dotted, *rest))
            return None

        reading = ReadingRules(library, self._hints_are_read)
        self._readings[module.name] = reading
        return reading

    @cached_property
    def _hints_are_read(self) -> bool:
        """Whether any code of the project reads annotations."""
        return any(word.encode() in other.source for other in self.all() for word in _READS_HINTS)

    def resolve(self, module: Module, use: Use) -> tuple[Target, tuple[str, ...]]:
        """What a use refers to, and the attributes that are left over."""
        chain, done = use.chain, 1
        if use.imported is not None:
            target = self._imported(module, use.imported)
        else:
            target = self.name(module, chain[0])
        while isinstance(target, WholeModule) and done < len(chain):
            target = self._member(target.module, chain[done])
            done += 1
        if isinstance(target, Outside) and not target.builtin:
            return Outside(".".join((target.dotted, *chain[done:]))), ()
        return target, chain[done:]

    def resolve_in(self, module: Module, scope: Scope, chain: tuple[str, ...]) -> Target | None:
        """What a chain of names means in a scope; None when it starts with a local name."""
        owner = scope.owner(chain[0])
        imported = owner.import_of(chain[0]) if owner is not None else None
        if owner is not None and imported is None:
            return None
        return self.resolve(module, Use(chain, imported))[0]

    def name(self, module: Module, name: str) -> Target:
        """What a name at the module's top level refers to."""
        known = module.resolved.get(name)
        if known is None:
            # Imports can be circular; until it is known, the name refers to nothing.
            module.resolved[name] = Unknown(module.name, name)
            known = self._name(module, name)
            module.resolved[name] = known
        return known

    def _name(self, module: Module, name: str) -> Target:
        stars = self._stars(module, name)
        targets = {star.target for star in stars}
        certain = any(star.listed is None for star in stars)
        if name in module.imports:
            targets.add(self._imported(module, module.imports[name]))
        elif name in module.binders:
            certain = not stars
            targets.add(Definition(module.name, name))
        if (name in module.imports or certain) and len(targets) == 1:
            return targets.pop()
        if targets:
            # Which of them wins depends on their order, and on what `__all__` holds.
            return Definition(module.name, name)
        if name in _BUILTINS or name in _MODULE_FACTS or name == "__builtins__":
            return Outside(name, builtin=True)
        return Unknown(module.name, name)

    def starred(self, definition: Definition) -> list[Starred]:
        """What `import *` may bind a name to, besides the statements that bind it, in order."""
        module = self.get(definition.module)
        return self._stars(module, definition.name) if module is not None else []

    def _stars(self, module: Module, name: str) -> list[Starred]:
        found = []
        first = module.binders.get(name, [len(module.statements)])[0]
        for index, star in module.stars:
            if index < first < len(module.statements) and _settles(module.statements[first], name):
                continue
            origin = module.absolute(star)
            source = self.get(origin)
            if source is not None:
                listed = Definition(origin, "__all__") if "__all__" in source.binders else None
                if name == "__all__" or (name.startswith("_") and listed is None):
                    continue
                target = self.name(source, name)
                if isinstance(target, Unknown) and listed and f"{origin}.{name}" in self.files:
                    target = WholeModule(f"{origin}.{name}")
                if not isinstance(target, Unknown) and not _is_builtin(target):
                    found.append(Starred(index, target, listed))
            elif not self.files.owns(origin) and hasattr(sys.modules.get(origin), name):
                found.append(Starred(index, Outside(f"{origin}.{name}"), None))
        return found

    def _imported(self, module: Module, imported: ImportedName) -> Target:
        origin = module.absolute(imported)
        if not self.files.owns(origin):
            dotted = origin if imported.attribute is None else f"{origin}.{imported.attribute}"
            return Outside(dotted)
        if imported.attribute is None:
            return WholeModule(origin)
        return self._member(origin, imported.attribute)

    def _member(self, name: str, attribute: str) -> Target:
        """What an attribute of a module of the project refers to."""
        module = self.get(name)
        submodule = f"{name}.{attribute}"
        if module is not None:
            if attribute in module.imports or attribute in module.binders:
                target = self.name(module, attribute)
                if not (isinstance(target, Unknown) and submodule in self.files):
                    return target
            if submodule in self.files:
                return WholeModule(submodule)
            if self._stars(module, attribute):
                return self.name(module, attribute)
            if "__getattr__" in module.binders:
                return Definition(name, "__getattr__")
            if attribute in _MODULE_FACTS:
                return Outside(attribute, builtin=True)
        elif submodule in self.files:
            return WholeModule(submodule)
        elif name == ENGINE.partition(".")[0] and submodule == ENGINE:
            return Outside(submodule)
        return Unknown(name, attribute)

    def _parse(self, name: str) -> Module | None:
        path = self.files.path(name)
        if path is None:
            return None
        try:
            source = path.read_bytes()
            tree = ast.parse(source)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        module = Module(name, self.files.place(path), path.name == "__init__.py", source, tree.body)
        imports: dict[str, ImportedName | None] = {}
        for index, statement in enumerate(tree.body):
            names, stars = bound_names(statement)
            module.stars += [(index, star) for star in stars]
            for bound, imported in names.items():
                module.binders.setdefault(bound, []).append(index)
                agrees = bound not in imports or imports[bound] == imported
                imports[bound] = imported if agrees else None
        module.imports = {bound: known for bound, known in imports.items() if known is not None}
        return module


def _is_builtin(target: Target) -> bool:
    return isinstance(target, Outside) and target.builtin


def _settles(statement: ast.stmt, name: str) -> bool:
    """Whether a statement binds a name in any case, whatever it was bound to before."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            read: list[ast.AST] = [*statement.decorator_list]
        case ast.Assign() | ast.AnnAssign(value=ast.expr()):
            read = [statement]
        case ast.Import() | ast.ImportFrom():
            read = []
        case _:
            return False
    return not any(
        isinstance(inner, ast.Name) and inner.id == name and isinstance(inner.ctx, ast.Load)
        for outer in read
        for inner in ast.walk(outer)
    )
