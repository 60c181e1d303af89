"""The nodes of objects at run time: functions, wrappers, closures and what they hold."""

import ast
import functools
import types
from collections.abc import Hashable, Sequence
from itertools import count
from types import FunctionType
from typing import cast

from data_package.engine.fingerprint.canonical_values import describe
from data_package.engine.fingerprint.code_graph import Node
from data_package.engine.fingerprint.compiled import compiled_text, global_names
from data_package.engine.fingerprint.function_places import FunctionPlaces
from data_package.engine.fingerprint.modules import Definition, Module, WholeModule
from data_package.engine.fingerprint.shown import bare_code
from data_package.engine.fingerprint.sources import PROJECT, SourceNodes, library_of
from data_package.engine.fingerprint.walk import form
from data_package.engine.own_code import is_library


class Objects:
    """Makes the node of a function object: its source, found by its place, and its values."""

    def __init__(self, sources: SourceNodes, places: FunctionPlaces) -> None:
        """`sources` makes the nodes that the source defines; `places` finds functions in it."""
        self._sources = sources
        self._places = places
        self._kept: dict[int, object] = {}
        self._numbers = count()

    def root(self, function: object) -> Hashable:
        """The node of the function whose fingerprint is computed."""
        return self._object(function, is_root=True)

    def _keep(self, value: object) -> int:
        self._kept[id(value)] = value
        return id(value)

    def _object(self, value: object, *, is_root: bool = False) -> Hashable:
        """The node of a callable."""
        key = ("root" if is_root else "object", self._keep(value))
        if key in self._sources.nodes:
            return key
        node = Node(key, "function" if is_root else "wrapped", "", "")
        self._sources.nodes[key] = node
        if isinstance(value, FunctionType):
            self._function(node, value, is_root)
        elif isinstance(value, functools.partial):
            node.text.write("partial")
            self._refer_object(node, value.func, "function")
            for number, argument in enumerate(value.args, 1):
                self._refer_value(node, "partial argument", str(number), argument)
            for name in sorted(value.keywords):
                self._refer_value(node, "partial argument", name, value.keywords[name])
        elif isinstance(value, types.MethodType):
            node.text.write("method")
            self._refer_object(node, value.__func__, "function")
            self._refer_value(node, "receiver of", value.__func__.__name__, value.__self__)
        elif hasattr(value, "__wrapped__"):
            node.text.write(f"wrapper {type(value).__module__}.{type(value).__qualname__}")
            self._refer_object(node, value.__wrapped__, "wrapped")
        else:
            self._refer_value(node, "callable", type(value).__name__, value)
        return key

    def _refer_object(self, node: Node, value: object, label: str) -> None:
        known = self._refer(value)
        if known is None:
            inner = getattr(value, "__qualname__", type(value).__qualname__)
            node.text.write(f"library {getattr(value, '__module__', '')}.{inner}")
        else:
            node.text.refer(known[0], known[1] or label)

    def _function(self, node: Node, function: FunctionType, is_root: bool) -> None:
        code = function.__code__
        node.label = "" if is_root else code.co_name
        module = self._places.module_of(function)
        if module is None:
            self._library_function(node, function)
            return
        found = self._places.find(module, code)
        if found is None:
            self._without_source(node, function)
            return
        syntax, around = found
        node.place = f"{module.place}:{getattr(syntax, 'lineno', 0)}"
        if is_root and not around and not isinstance(syntax, ast.Lambda):
            self._top_level(node, module, syntax)
        elif any(isinstance(outer, ast.ClassDef) for outer in around):
            owner = around[0]
            assert isinstance(owner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            node.text.write(f"method {code.co_qualname.rpartition('.')[2]}")
            node.text.refer(Definition(module.name, owner.name), owner.name)
        else:
            scope = self._places.scope(module, around)
            done = form([syntax], self._sources.modules.reading(module), scope=scope)
            self._sources.write(node, module, done)
            node.source = functools.partial(bare_code, [syntax])
        self._values_of(node, module, function, syntax, around)
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            self._refer_object(node, wrapped, "wrapped")

    def _top_level(self, node: Node, module: Module, syntax: ast.AST) -> None:
        """The function's own definition; others of its name (`def _():`) are other functions."""
        name = cast("ast.FunctionDef", syntax).name
        own = [
            index
            for index in module.binders.get(name, [])
            if module.statements[index] is syntax
            or not _holds_definition(module.statements[index], name)
        ]
        shown = self._sources.fill(node, module, Definition(module.name, name), own)
        if syntax not in shown:
            # It is below an `if` or in a loop, and only this branch is the function.
            self._sources.write(node, module, form([syntax], self._sources.modules.reading(module)))
            shown.append(syntax)
        node.source = functools.partial(bare_code, shown)

    def _values_of(
        self,
        node: Node,
        module: Module,
        function: FunctionType,
        syntax: ast.AST,
        around: Sequence[ast.AST],
    ) -> None:
        """Closure cells, and the defaults of nested functions, which hold values of the factory."""
        names = function.__code__.co_freevars
        scope = self._places.scope(module, around)
        opaque: list[str] = []
        for name, cell in zip(names, function.__closure__ or (), strict=False):
            owner = scope.owner(name)
            if name == "__class__" or (owner is not None and owner.import_of(name)):
                continue
            try:
                content = cell.cell_contents
            except ValueError:
                node.text.write(f"empty {name}")
                continue
            key = self.value("closure", name, content, node.place, opaque)
            node.text.refer(key, name)
        if around:
            arguments = syntax.args  # type: ignore[attr-defined]
            positional = [*arguments.posonlyargs, *arguments.args]
            defaults = function.__defaults__ or ()
            named = [
                *zip(
                    [argument.arg for argument in positional[len(positional) - len(defaults) :]],
                    defaults,
                    strict=False,
                ),
                *sorted((function.__kwdefaults__ or {}).items()),
            ]
            for name, default in named:
                key = self.value("default", name, default, node.place, opaque)
                node.text.refer(key, name)
        if opaque:
            self._cover_maker(node, module, around, opaque)

    def _cover_maker(
        self, node: Node, module: Module, around: Sequence[ast.AST], opaque: Sequence[str]
    ) -> None:
        """Cover the code that made a value without a canonical form."""
        names = ", ".join(sorted(set(opaque)))
        outer = around[0] if around else None
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            maker = Definition(module.name, outer.name)
            node.text.refer(maker, outer.name)
            sites = [self._sources.call_site(s) for s in self._sources.callers(maker)]
            for site in sorted(sites, key=lambda site: self._sources.node(site).digest):
                node.text.refer(site, f"call of {outer.name}")
            covered = f"{outer.name} and the statements that call it are covered"
        else:
            node.text.refer(WholeModule(module.name), module.name.rpartition(".")[2])
            covered = "the whole module is covered"
        node.unseen.append(f"a value of type {names} held at {node.place}: {covered}")

    def value(
        self, kind: str, label: str, value: object, place: str, opaque: list[str] | None
    ) -> Hashable:
        """The node of a value; only its digest is kept."""
        text, without_form = describe(value, self._refer, self._sources.modules.files.root)
        key = ("value", next(self._numbers))
        node = Node(key, kind, label, place, text)
        self._sources.nodes[key] = node
        if without_form and opaque is not None:
            opaque += without_form
        elif without_form:
            node.unseen.append(
                f"{kind} {label} is of type {', '.join(sorted(set(without_form)))}, "
                "whose content cannot be seen: only the type is covered"
            )
        return key

    def _refer_value(self, node: Node, kind: str, label: str, value: object) -> None:
        opaque: list[str] = []
        node.text.refer(self.value(kind, label, value, node.place, opaque), label)
        if opaque:
            node.text.refer(PROJECT, "project")
            node.unseen.append(
                f"{kind} {label} is of type {', '.join(sorted(set(opaque)))}, whose content "
                "cannot be seen: the whole project is covered"
            )

    def _refer(self, value: object) -> tuple[Hashable, str] | None:
        """The node of a function, class or module of the project; None for any other."""
        if isinstance(value, types.ModuleType):
            if self._sources.modules.get(value.__name__) is None:
                return None
            return WholeModule(value.__name__), value.__name__.rpartition(".")[2]
        if isinstance(value, type):
            module = self._sources.modules.get(value.__module__)
            top = value.__qualname__.partition(".")[0]
            if module is None or top not in module.binders:
                return None
            return Definition(module.name, top), value.__qualname__
        if isinstance(value, FunctionType):
            return self._refer_function(value)
        wrapped = getattr(type(value), "__module__", "") in {"functools", "builtins"} and getattr(
            value, "__wrapped__", None
        )
        if wrapped or isinstance(value, staticmethod | classmethod):
            return self._object(value), getattr(value, "__name__", "wrapped")
        return None

    def _refer_function(self, function: FunctionType) -> tuple[Hashable, str] | None:
        code = function.__code__
        module = self._places.module_of(function)
        if module is not None and "<locals>" not in code.co_qualname:
            found = self._places.find(module, code)
            top = code.co_qualname.partition(".")[0]
            if found is not None and not isinstance(found[0], ast.Lambda):
                return Definition(module.name, top), code.co_qualname
        if module is None and not self._leads_back(function):
            return None
        return self._object(function), code.co_name

    def _leads_back(self, function: FunctionType) -> bool:
        """Whether a library's function holds one of the project, or has no file at all."""
        if hasattr(function, "__wrapped__"):
            return True
        if not is_library(function.__code__.co_filename):
            return True
        return any(
            isinstance(content, FunctionType) and self._places.module_of(content) is not None
            for content in _cells(function)
        )

    def _library_function(self, node: Node, function: FunctionType) -> None:
        """A library's wrapper: known by its name, and by what it wraps."""
        if not is_library(function.__code__.co_filename):
            self._without_source(node, function)
            return
        name = function.__globals__.get("__name__", "")
        node.text.write(f"library {name}.{function.__code__.co_qualname}")
        node.libraries |= library_of(str(name))
        wrapped = getattr(function, "__wrapped__", None)
        held = [content for content in _cells(function) if callable(content)]
        for content in [wrapped, *held]:
            known = self._refer(content)
            if known is not None:
                node.text.refer(*known)

    def _without_source(self, node: Node, function: FunctionType) -> None:
        node.text.write(compiled_text(function.__code__))
        node.unseen.append(
            f"the source of {function.__code__.co_name} cannot be found: its compiled code is "
            "covered, which differs between Python versions"
        )
        for name in sorted(global_names(function.__code__)):
            if name in function.__globals__:
                value = function.__globals__[name]
                if value is not function:
                    key = self.value("global", name, value, "", None)
                    node.text.refer(key, name)
        for name, content in zip(function.__code__.co_freevars, _cells(function), strict=False):
            node.text.refer(self.value("closure", name, content, "", None), name)
        defaults = [
            *(function.__defaults__ or ()),
            *sorted((function.__kwdefaults__ or {}).items()),
        ]
        if defaults:
            node.text.refer(self.value("default", "arguments", defaults, "", None), "defaults")


def _holds_definition(statement: ast.stmt, name: str) -> bool:
    """Whether a statement defines a function of that name, itself or in one of its branches."""
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name == name:
                return True
        elif not isinstance(node, ast.ClassDef | ast.expr):
            stack.extend(ast.iter_child_nodes(node))
    return False


def _cells(function: FunctionType) -> list[object]:
    contents = []
    for cell in function.__closure__ or ():
        try:
            contents.append(cell.cell_contents)
        except ValueError:
            contents.append(None)
    return contents
