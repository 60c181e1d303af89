"""The project's modules as they stand on disk, and what the names in them stand for."""

import ast
import builtins
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Final

from data_package.engine.tables.fingerprint.canon import (
    MODULE,
    Form,
    Reading,
    Scope,
    Use,
    form,
)
from data_package.engine.tables.fingerprint.names import (
    ImportedName,
    bound_names,
    chain_of,
)

_ENGINE: Final = __name__.rpartition(".tables.")[0]
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
    """A module of the project as a value, or one whose use cannot be told apart."""

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
    stars: list[ImportedName] = field(default_factory=list)
    forms: dict[int, Form] = field(default_factory=dict)
    resolved: dict[str, Target] = field(default_factory=dict)

    def absolute(self, imported: ImportedName) -> str:
        """The dotted name of the module an import statement of this module means."""
        if not imported.level:
            return imported.module
        parts = self.name.split(".")
        keep = len(parts) - imported.level + (1 if self.is_package else 0)
        return ".".join([*parts[: max(keep, 0)], *filter(None, [imported.module])])

    def position(self, index: int) -> str:
        """Where a statement stands, for people."""
        return f"{self.place}:{self.statements[index].lineno}"


class Modules:
    """Every module of the project, parsed once."""

    def __init__(self, packages: Sequence[str]) -> None:
        """`packages`: the import names of the project's packages."""
        self._packages = tuple(packages)
        self._files = dict(self._find_files())
        self._modules: dict[str, Module | None] = {}
        self._namespaces = {
            ".".join(name.split(".")[:end])
            for name in self._files
            for end in range(1, name.count(".") + 1)
        }
        self._root = self._find_root()
        self._hints_are_read: bool | None = None
        self._targets: dict[int, tuple[Form, list[tuple[Target, tuple[str, ...]]]]] = {}
        self._readings: dict[str, Reading] = {}

    @property
    def root(self) -> Path | None:
        """The folder that holds the project's first package."""
        return self._root

    @property
    def count(self) -> int:
        """How many files are the project's."""
        return len(self._files)

    def all(self) -> Iterator[Module]:
        """Every module whose source can be read, by name."""
        for name in sorted(self._files):
            module = self.get(name)
            if module is not None:
                yield module

    def get(self, name: str) -> Module | None:
        """A module of the project; None when it is not the project's or has no source."""
        if name not in self._modules:
            self._modules[name] = self._parse(name)
        return self._modules[name]

    def adopt(self, name: str, path: Path) -> Module | None:
        """Count a file among the project's, although it stands outside its packages."""
        if name not in self._files:
            self._files[name] = path
            self._modules.pop(name, None)
        return self.get(name)

    def content(self, name: str) -> bytes:
        """The bytes of a module that cannot be parsed; empty when there is no file."""
        path = self._files.get(name)
        try:
            return path.read_bytes() if path is not None else b""
        except OSError:
            return b""

    def owns(self, name: str) -> bool:
        """Whether a dotted name is a module of the project (with or without source)."""
        if name in self._files or name in self._namespaces:
            return True
        if name == _ENGINE or name.startswith(f"{_ENGINE}."):
            return _within(name, self._packages) and _within(_ENGINE, self._packages, proper=False)
        return _within(name, self._packages)

    def form(self, module: Module, index: int) -> Form:
        """The form of a statement of a module's body."""
        done = module.forms.get(index)
        if done is None:
            done = form([module.statements[index]], self.reading(module))
            module.forms[index] = done
        return done

    def targets(self, module: Module, form: Form) -> list[tuple[Target, tuple[str, ...]]]:
        """What fills each hole of a form, with the attributes that follow it."""
        known = self._targets.get(id(form))
        if known is None:
            known = form, [self.resolve(module, hole.use) for hole in form.holes]
            self._targets[id(form)] = known
        return known[1]

    def reading(self, module: Module) -> Reading:
        """How the code of a module is read."""
        if module.name in self._readings:
            return self._readings[module.name]
        if self._hints_are_read is None:
            self._hints_are_read = any(
                word.encode() in other.source for other in self.all() for word in _READS_HINTS
            )

        def library(chain: tuple[str, ...]) -> str | None:
            target, rest = self.resolve(module, Use(chain))
            if isinstance(target, Outside) and not target.builtin:
                return ".".join((target.dotted, *rest))
            return None

        reading = Reading(library, self._hints_are_read)
        self._readings[module.name] = reading
        return reading

    def resolve(self, module: Module, use: Use) -> tuple[Target, tuple[str, ...]]:
        """What a use stands for, and the attributes that are left over."""
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

    def name(self, module: Module, name: str) -> Target:
        """What a name of the module's top level stands for."""
        known = module.resolved.get(name)
        if known is None:
            # Imports can run in a circle; until it is known, the name is nobody's.
            module.resolved[name] = Unknown(module.name, name)
            known = self._name(module, name)
            module.resolved[name] = known
        return known

    def _name(self, module: Module, name: str) -> Target:
        if name in module.imports:
            return self._imported(module, module.imports[name])
        if name in module.binders:
            return Definition(module.name, name)
        starred = self._starred(module, name)
        if starred is not None:
            return starred
        if name in _BUILTINS or name in _MODULE_FACTS or name == "__builtins__":
            return Outside(name, builtin=True)
        return Unknown(module.name, name)

    def _starred(self, module: Module, name: str) -> Target | None:
        for star in reversed(module.stars):
            origin = module.absolute(star)
            source = self.get(origin)
            if source is not None:
                if name.startswith("_") and b"__all__" not in source.source:
                    continue
                target = self.name(source, name)
                builtin = isinstance(target, Outside) and target.builtin
                if not builtin and not isinstance(target, Unknown):
                    return target
            elif not self.owns(origin) and hasattr(sys.modules.get(origin), name):
                return Outside(f"{origin}.{name}")
        return None

    def _imported(self, module: Module, imported: ImportedName) -> Target:
        origin = module.absolute(imported)
        if not self.owns(origin):
            dotted = origin if imported.attribute is None else f"{origin}.{imported.attribute}"
            return Outside(dotted)
        if imported.attribute is None:
            return WholeModule(origin)
        return self._member(origin, imported.attribute)

    def _member(self, name: str, attribute: str) -> Target:
        """What an attribute of a module of the project stands for."""
        module = self.get(name)
        submodule = f"{name}.{attribute}"
        if module is not None:
            if attribute in module.imports or attribute in module.binders:
                target = self.name(module, attribute)
                if not (isinstance(target, Unknown) and self.owns_file(submodule)):
                    return target
            if self.owns_file(submodule):
                return WholeModule(submodule)
            starred = self._starred(module, attribute)
            if starred is not None:
                return starred
            if "__getattr__" in module.binders:
                return Definition(name, "__getattr__")
            if attribute in _MODULE_FACTS:
                return Outside(attribute, builtin=True)
        elif self.owns_file(submodule):
            return WholeModule(submodule)
        elif name == _ENGINE.partition(".")[0] and submodule == _ENGINE:
            return Outside(submodule)
        return Unknown(name, attribute)

    def owns_file(self, name: str) -> bool:
        """Whether a dotted name is a file or folder of the project."""
        return name in self._files or name in self._namespaces

    def _parse(self, name: str) -> Module | None:
        path = self._files.get(name)
        if path is None:
            return None
        try:
            source = path.read_bytes()
            tree = ast.parse(source)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        module = Module(name, self.place(path), path.name == "__init__.py", source, tree.body)
        imports: dict[str, ImportedName | None] = {}
        for index, statement in enumerate(tree.body):
            names, stars = bound_names(statement)
            module.stars += stars
            for bound, imported in names.items():
                module.binders.setdefault(bound, []).append(index)
                agrees = bound not in imports or imports[bound] == imported
                imports[bound] = imported if agrees else None
        module.imports = {bound: known for bound, known in imports.items() if known is not None}
        return module

    def place(self, path: Path) -> str:
        """A file's name as people know it: relative to the project."""
        if self._root is not None and path.is_relative_to(self._root):
            return path.relative_to(self._root).as_posix()
        return path.name

    def _find_files(self) -> Iterator[tuple[str, Path]]:
        for package in self._packages:
            for folder in _locations(package):
                if folder.is_file():
                    yield package, folder
                    continue
                for path in sorted(folder.rglob("*.py")):
                    parts = list(path.relative_to(folder).with_suffix("").parts)
                    if not all(part.isidentifier() for part in parts):
                        continue
                    if parts[-1] == "__init__":
                        parts.pop()
                    name = ".".join([package, *parts])
                    if not _within(name, (_ENGINE,)) or _within(_ENGINE, self._packages, False):
                        yield name, path

    def _find_root(self) -> Path | None:
        for package in self._packages:
            for location in _locations(package):
                depth = package.count(".") + (0 if location.is_file() else 1)
                folder = location.parent if location.is_file() else location
                for _ in range(depth):
                    folder = folder.parent
                return folder
        return None


Found = tuple[ast.AST, tuple[ast.AST, ...]]
"""The syntax of a function, and the functions and classes around it, outermost first."""


class Places:
    """Finds the syntax of functions that exist, by the line their code begins on."""

    def __init__(self) -> None:
        self._top: dict[str, dict[tuple[int, str], list[Found]]] = {}
        self._all: dict[str, dict[tuple[int, str], list[Found]]] = {}

    def find(self, module: Module, code: CodeType) -> Found | None:
        """The node of a function or lambda and the nodes around it; None when it is not there."""
        key = code.co_firstlineno, code.co_name
        if module.name not in self._top:
            self._top[module.name] = _top_places(module)
        candidates = self._top[module.name].get(key, [])
        if len(candidates) != 1:
            # Most functions stand at the top level, and the walk over all is long.
            if module.name not in self._all:
                self._all[module.name] = _places(module)
            candidates = self._all[module.name].get(key, [])
        if len(candidates) > 1:
            candidates = [found for found in candidates if _holds(found[0], code)]
        return candidates[0] if candidates else None


def _top_places(module: Module) -> dict[tuple[int, str], list[Found]]:
    found: dict[tuple[int, str], list[Found]] = {}
    for node in module.statements:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.setdefault((_first_line(node), node.name), []).append((node, ()))
    return found


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The line that a function's code object begins on: that of its first decorator."""
    return min([node.lineno, *[decorator.lineno for decorator in node.decorator_list]])


def _places(module: Module) -> dict[tuple[int, str], list[Found]]:
    found: dict[tuple[int, str], list[Found]] = {}
    stack: list[Found] = [(statement, ()) for statement in module.statements]
    while stack:
        node, around = stack.pop()
        inner = around
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found.setdefault((_first_line(node), node.name), []).append((node, around))
                inner = (*around, node)
            case ast.Lambda():
                found.setdefault((node.lineno, "<lambda>"), []).append((node, around))
                inner = (*around, node)
            case ast.ClassDef():
                inner = (*around, node)
        stack.extend((child, inner) for child in ast.iter_child_nodes(node))
    return found


def _holds(node: ast.AST, code: CodeType) -> bool:
    """Whether the code object's instructions lie in the body of a lambda or function."""
    body = node.body if isinstance(node, ast.Lambda) else node
    start = (getattr(body, "lineno", 0), getattr(body, "col_offset", 0))
    end = (getattr(body, "end_lineno", 0), getattr(body, "end_col_offset", 0))
    inside = [
        start <= (line, column) and (end_line, end_column) <= end
        for line, end_line, column, end_column in code.co_positions()
        if line and column and end_line and end_column
    ]
    spans_it = any(
        (line, column, end_line, end_column) == (*start, *end)
        for line, end_line, column, end_column in code.co_positions()
    )
    return spans_it if isinstance(node, ast.Lambda) else bool(inside) and all(inside)


def enclosing_scope(modules: Modules, module: Module, around: Sequence[ast.AST]) -> Scope:
    """The scope in which a nested function stands."""
    if not around:
        return Scope(MODULE)
    whole = form([around[0]], modules.reading(module))
    return whole.scopes[id(around[-1])]


def is_asset(module: Module, modules: Modules, name: str) -> bool:
    """Whether a name of a module is a function that Dagster's decorators made an asset of."""
    reading = modules.reading(module)
    for index in module.binders.get(name, ()):
        statement = module.statements[index]
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in statement.decorator_list:
                callee = decorator.func if isinstance(decorator, ast.Call) else decorator
                chain = chain_of(callee)
                if chain and (reading.library(chain) or "").startswith("dagster."):
                    return True
    return False


def _within(name: str, packages: Sequence[str], proper: bool = True) -> bool:
    if not proper:
        return name in packages
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _locations(package: str) -> list[Path]:
    module = sys.modules.get(package)
    paths = list(getattr(module, "__path__", []) or [])
    file = getattr(module, "__file__", None)
    if module is None:
        try:
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            spec = None
        paths = list(spec.submodule_search_locations or []) if spec else []
        file = spec.origin if spec else None
    if paths:
        return [Path(path) for path in paths]
    return [Path(file)] if file and file.endswith(".py") else []
