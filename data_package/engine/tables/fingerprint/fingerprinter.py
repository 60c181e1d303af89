"""From a function to its fingerprint: everything that it reaches, hashed and named."""

import ast
import functools
import sys
import sysconfig
import types
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import CodeType, FunctionType
from typing import Final, cast

from data_package.engine.tables.fingerprint.canon import (
    Form,
    Use,
    bare_code,
    chain_of,
    constant,
    digest,
    form,
    hint,
    module_digest,
    root_chain,
)
from data_package.engine.tables.fingerprint.effects import Effects, LibraryEffect, Statement
from data_package.engine.tables.fingerprint.graph import Digests, Node
from data_package.engine.tables.fingerprint.modules import (
    Definition,
    Module,
    Modules,
    Outside,
    Places,
    Target,
    Unknown,
    WholeModule,
    enclosing_scope,
    is_asset,
)
from data_package.engine.tables.fingerprint.sight import Sight, by_hand
from data_package.engine.tables.fingerprint.values import describe

PROJECT: Final = "project"
_LONGEST_PATH: Final = 24


class _Lazy:
    """A text that is made when it is first asked for: unparsing costs more than all the rest."""

    def __get__(self, part: object, _: type) -> str:
        if part is None:
            return ""
        code = part.__dict__["code"]
        return code if isinstance(code, str) else code.code

    def __set__(self, part: object, value: object) -> None:
        part.__dict__["code"] = value


@dataclass(frozen=True)
class Part:
    """One thing that a function is made of."""

    name: str
    """A readable identity: `function`, `helper norm_sex`, `constant CODES`, `closure limit`."""
    digest: str
    """The sha256 of its own canonical form, in which what it reaches stands by name."""
    code: str = field(default=cast("str", _Lazy()), compare=False)
    """Its source without comments, docstrings and hints; empty for values."""
    path: tuple[str, ...] = ()
    """The names through which it was reached, from the function on."""
    place: str = ""
    """`file.py:12`, relative to the project."""


@dataclass(frozen=True)
class Fingerprint:
    """What a function does, as a hash, and what that hash is made of."""

    digest: str
    parts: tuple[Part, ...]
    unseen: tuple[str, ...]
    libraries: tuple[str, ...]


def fingerprint(
    function: Callable[..., object],
    project_package: str | Sequence[str],
    *,
    parameters: Mapping[str, object] = types.MappingProxyType({}),
) -> Fingerprint:
    """The fingerprint of one function; for many, share a `Fingerprinter`."""
    return Fingerprinter(project_package).fingerprint(function, parameters=parameters)


class Fingerprinter:
    """Makes the fingerprints of a project's functions; reads each source file once.

    Make a new one whenever the project is loaded: it never reads a file again.
    """

    def __init__(self, project_package: str | Sequence[str]) -> None:
        """`project_package`: the import name, or names, of the packages that are the project."""
        packages = (project_package,) if isinstance(project_package, str) else project_package
        self._modules = Modules(tuple(packages))
        self._sight = Sight(self._modules)
        self._places = Places()
        self._nodes: dict[Hashable, Node] = {}
        self._objects: dict[int, object] = {}
        self._digests = Digests(self._node)
        self._numbers = count()
        self._effects_known: Effects | None = None
        self._rebound_known: dict[str, dict[str, list[int]]] = {}

    def fingerprint(
        self,
        function: Callable[..., object],
        *,
        parameters: Mapping[str, object] = types.MappingProxyType({}),
    ) -> Fingerprint:
        """What the function does, with the values that were declared for it.

        `parameters` are values of the project's settings that the function is given; only their
        digests are kept.
        """
        roots = [self._root(function)]
        roots += self._inputs(function)
        for name in sorted(parameters):
            roots.append(self._value("parameter", name, parameters[name], "", None))
        paths = self._reach(roots, _name_of(function))
        effects = self._library_effects(paths)
        nodes = [self._node(key) for key in paths]
        whole = [f"{key_label}={self._digests.deep(key)}" for key_label, key in self._labels(roots)]
        whole += sorted(self._digests.deep(key) for key in effects)
        unseen = {message for node in nodes for message in node.unseen}
        unseen |= self._read_through_helpers(nodes)
        return Fingerprint(
            digest=digest("\n".join(whole)),
            parts=self._parts(nodes, paths),
            unseen=tuple(sorted(unseen)),
            libraries=tuple(sorted(set().union(*(node.libraries for node in nodes)))),
        )

    def _labels(self, roots: Sequence[Hashable]) -> list[tuple[str, Hashable]]:
        """The function's own name is not part of what it does."""
        labels = [("function", roots[0])]
        return labels + [(self._node(key).name, key) for key in roots[1:]]

    def _reach(self, roots: Sequence[Hashable], first: str) -> dict[Hashable, tuple[str, ...]]:
        """Every node below the roots, with the shortest path of names to it."""
        paths: dict[Hashable, tuple[str, ...]] = {roots[0]: (first,)}
        for root in roots[1:]:
            paths.setdefault(root, (first, self._node(root).label))
        queue = deque(paths)
        self._spread(queue, paths)
        return paths

    def _spread(self, queue: deque[Hashable], paths: dict[Hashable, tuple[str, ...]]) -> None:
        while queue:
            key = queue.popleft()
            path = paths[key]
            if len(path) >= _LONGEST_PATH:
                half = _LONGEST_PATH // 2
                path = (*path[: half - 1], "…", *path[-half + 1 :])
            for target, label in self._node(key).text.refs:
                if target not in paths:
                    paths[target] = (*path, label)
                    queue.append(target)

    def _library_effects(self, paths: dict[Hashable, tuple[str, ...]]) -> list[Hashable]:
        """Statements that change a library in a way which the code at hand can feel."""
        included: list[Hashable] = []
        waiting = list(self._effects.on_libraries)
        if not waiting:
            return included
        while True:
            used = set().union(*(self._node(key).attributes for key in paths))
            felt = [e for e in waiting if not e.attribute or e.attribute in used]
            if not felt:
                return included
            for effect in felt:
                waiting.remove(effect)
                key = self._effect(effect)
                if key not in paths:
                    included.append(key)
                    paths[key] = (next(iter(paths.values()))[0], self._node(key).label)
                    self._spread(deque([key]), paths)

    def _parts(
        self, nodes: Sequence[Node], paths: Mapping[Hashable, tuple[str, ...]]
    ) -> tuple[Part, ...]:
        names: dict[str, list[Node]] = {}
        for node in nodes:
            if node.is_part:
                names.setdefault(node.name, []).append(node)
        parts = []
        for name, members in names.items():
            for number, node in enumerate(sorted(members, key=lambda node: node.digest)):
                known = name
                if len(members) > 1:
                    file = Path(node.place.rpartition(":")[0]).stem
                    known = f"{name} ({file})" if file else name
                    same = [other for other in members if _stem(other) == _stem(node)]
                    known += f" #{number + 1}" if len(same) > 1 else ""
                parts.append(
                    Part(known, node.digest, cast("str", node), paths[node.key], node.place)
                )
        return tuple(sorted(parts, key=lambda part: (part.name, part.digest)))

    # -- the nodes of the graph

    @property
    def _effects(self) -> Effects:
        if self._effects_known is None:
            self._effects_known = Effects(self._modules)
        return self._effects_known

    def _node(self, key: Hashable) -> Node:
        node = self._nodes.get(key)
        if node is None:
            if isinstance(key, Definition):
                node = self._definition(key)
            elif isinstance(key, WholeModule):
                node = self._whole_module(key)
            elif isinstance(key, Unknown):
                node = self._unknown(key)
            elif key == PROJECT:
                node = self._whole_project()
            else:
                msg = f"no node for {key!r}"
                raise KeyError(msg)
            self._nodes[key] = node
        return node

    def _definition(self, key: Definition) -> Node:
        module = self._modules.get(key.module)
        if module is None:
            return Node(key, "constant", key.name, "")
        binders = module.binders.get(key.name, [])
        statements = [module.statements[index] for index in binders]
        kind = "constant"
        if any(isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef) for s in statements):
            kind = "helper"
        elif any(isinstance(s, ast.ClassDef) for s in statements):
            kind = "class"
        node = Node(key, kind, key.name, module.position(binders[0]) if binders else module.place)
        shown = self._fill(node, module, key, binders)
        node.source = functools.partial(bare_code, shown)
        return node

    def _fill(
        self, node: Node, module: Module, key: Definition, binders: Sequence[int]
    ) -> list[ast.AST]:
        """Write what binds a name, and what changes it, into a node; give what is to be shown."""
        shown: list[ast.AST] = []
        changes = self._effects.on.get(key, [])
        own = dict.fromkeys(binders, "binds")
        own |= {s.index: "changes" for s in changes if s.module == key.module}
        for index in sorted(own):
            self._write_statement(node, module, index, own[index] == "changes", shown)
            self._write_moment(node, module, index, key)
        elsewhere = []
        for statement in changes:
            if statement.module != key.module:
                other = self._modules.get(statement.module)
                assert other is not None
                aside = Node(None, "", "", other.position(statement.index))
                self._write_statement(aside, other, statement.index, True, shown)
                elsewhere.append(aside)
        for aside in sorted(elsewhere, key=lambda aside: aside.text.flat()):
            _absorb(node, aside)
        for function in self._effects.rebound_by.get(key, []):
            node.text.refer(function, function.name)
        for statement in self._effects.on_modules.get(key.module, []):
            self._write_dynamic(node, statement)
        return shown

    def _write_statement(
        self, node: Node, module: Module, index: int, is_change: bool, shown: list[ast.AST]
    ) -> None:
        statement = module.statements[index]
        if is_change and isinstance(
            statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ):
            node.text.say("changed by")
            node.text.refer(Definition(module.name, statement.name), statement.name)
            return
        if is_change:
            node.text.say("change")
        self._write(node, module, self._modules.form(module, index))
        shown.append(statement)

    def _write_moment(self, node: Node, module: Module, index: int, key: Definition) -> None:
        """Which of the values that another name has during import a statement gets to see."""
        statement = module.statements[index]
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        for name, moments in self._rebound(module).items():
            if name == key.name or not moments[0] < index < moments[-1]:
                continue
            done = self._modules.form(module, index)
            if self._form_reaches(module, done, Definition(module.name, name), {}):
                node.text.say(f"after {bisect_left(moments, index)} of {name}")

    def _rebound(self, module: Module) -> dict[str, list[int]]:
        """The names of a module that several of its statements bind or change, and which."""
        known = self._rebound_known.get(module.name)
        if known is None:
            moments = {name: set(indexes) for name, indexes in module.binders.items()}
            for definition, statements in self._effects.on.items():
                if definition.module == module.name:
                    own = {s.index for s in statements if s.module == module.name}
                    moments.setdefault(definition.name, set()).update(own)
            known = {name: sorted(own) for name, own in moments.items() if len(own) > 1}
            self._rebound_known[module.name] = known
        return known

    def _write_dynamic(self, node: Node, statement: Statement) -> None:
        module = self._modules.get(statement.module)
        assert module is not None
        node.unseen.append(
            f"names of the module are set by computed name at {module.position(statement.index)}: "
            "that statement is covered by everything the module defines"
        )
        self._write(node, module, self._modules.form(module, statement.index))

    def _write(self, node: Node, module: Module, done: Form) -> None:
        """Write a form into a node, each of its holes filled with what the module means by it."""
        node.attributes |= done.attributes
        targets = self._modules.targets(module, done)
        for text, hole, (target, rest) in zip(done.texts, done.holes, targets, strict=False):
            node.text.say(text)
            if hole.prefix:
                node.text.say(hole.prefix)
            self._write_target(node, target, rest, hole.shallow, bool(hole.prefix))
        node.text.say(done.texts[-1])
        seen = self._sight.look(module, done, targets)
        node.unseen += seen.messages
        node.reads_given |= seen.reads_given
        node.handed += seen.handed
        for key in seen.covered:
            node.text.refer(key, "project" if key == PROJECT else self._node(key).label)

    def _write_target(
        self,
        node: Node,
        target: Target,
        rest: tuple[str, ...],
        shallow: bool,
        may_be_local: bool,
    ) -> None:
        attributes = "".join(f".{name}" for name in rest)
        match target:
            case Outside(dotted=dotted, builtin=True):
                node.text.say(f"builtin {dotted}{attributes}")
                node.attributes.add(dotted)
            case Outside(dotted=dotted):
                node.text.say(f"library {dotted}{attributes}")
                node.attributes.add(dotted.rpartition(".")[2])
                node.libraries |= _library(dotted)
            case Definition(module=owner, name=name):
                other = self._modules.get(owner)
                if shallow and other is not None and is_asset(other, self._modules, name):
                    node.text.say(f"asset {name}{attributes}")
                else:
                    node.text.refer(target, name)
                    node.text.say(attributes)
            case WholeModule(module=name):
                if self._modules.get(name) is None and not self._modules.owns_file(name):
                    node.text.say(f"module {name.rpartition('.')[2]}{attributes}")
                    return
                node.text.refer(target, name.rpartition(".")[2])
                node.text.say(attributes)
            case Unknown(name=name):
                if may_be_local:
                    node.text.say(f"unbound {name}")
                elif name in {"__class__", "__builtins__"} or target.module == "":
                    node.text.say(f"unbound {name}{attributes}")
                else:
                    node.text.refer(target, name)
                    node.text.say(attributes)

    def _unknown(self, key: Unknown) -> Node:
        """A name that no statement binds: everything that its module says may be behind it."""
        node = Node(key, "name", key.name, "")
        node.is_part = False
        module = self._modules.get(key.module)
        if module is None:
            node.unseen.append(
                f"{key.name} comes from {key.module}, whose source cannot be read: its name and "
                "its file as it stands are covered"
            )
            node.text.say(f"unknown {key.module.rpartition('.')[2]}.{key.name}")
            node.text.say(self._modules.content(key.module).hex())
            return node
        node.place = module.place
        node.unseen.append(
            f"nothing in {module.place} binds {key.name}: the whole module is covered"
        )
        node.text.say(f"unknown {key.name}")
        node.text.refer(WholeModule(key.module), key.module.rpartition(".")[2])
        self._fill(node, module, Definition(key.module, key.name), [])
        return node

    def _whole_module(self, key: WholeModule) -> Node:
        """Everything that a module binds, whatever its order, and its other statements in order."""
        short = key.module.rpartition(".")[2]
        module = self._modules.get(key.module)
        node = Node(key, "module", short, module.place if module else "")
        if module is None:
            node.text.say(self._modules.content(key.module).hex())
            return node
        node.unseen.append(
            f"the module {module.place} is used as a value: all that it defines is covered"
        )
        for name in sorted(module.binders):
            node.text.say(f"name {name}")
            target = self._modules.name(module, name)
            self._write_target(node, target, (), shallow=False, may_be_local=False)
        for star in module.stars:
            origin = module.absolute(star)
            if self._modules.get(origin) is not None:
                node.text.refer(WholeModule(origin), origin.rpartition(".")[2])
        bound = {index for indexes in module.binders.values() for index in indexes}
        for index in range(len(module.statements)):
            if index not in bound and not isinstance(
                module.statements[index], ast.Import | ast.ImportFrom
            ):
                self._write(node, module, self._modules.form(module, index))
        return node

    def _whole_project(self) -> Node:
        node = Node(PROJECT, "project", "", "")
        node.text.say("\n".join(sorted(module_digest(m.source) for m in self._modules.all())))
        return node

    def _effect(self, effect: LibraryEffect) -> Hashable:
        module = self._modules.get(effect.statement.module)
        assert module is not None
        statement = module.statements[effect.statement.index]
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return Definition(module.name, statement.name)
        key = effect.statement
        if key not in self._nodes:
            node = Node(key, "effect on", effect.dotted, module.position(key.index))
            self._nodes[key] = node
            self._write(node, module, self._modules.form(module, key.index))
            node.source = functools.partial(bare_code, [statement])
        return key

    # -- objects that exist

    def _root(self, function: object) -> Hashable:
        return self._object(function, is_root=True)

    def _keep(self, value: object) -> int:
        self._objects[id(value)] = value
        return id(value)

    def _object(self, value: object, *, is_root: bool = False) -> Hashable:
        """The node of something that can be called."""
        key = ("root" if is_root else "object", self._keep(value))
        if key in self._nodes:
            return key
        node = Node(key, "function" if is_root else "wrapped", "", "")
        self._nodes[key] = node
        if isinstance(value, FunctionType):
            self._function(node, value, is_root)
        elif isinstance(value, functools.partial):
            node.text.say("partial")
            self._refer_object(node, value.func, "function")
            for number, argument in enumerate(value.args, 1):
                self._refer_value(node, "partial argument", str(number), argument)
            for name in sorted(value.keywords):
                self._refer_value(node, "partial argument", name, value.keywords[name])
        elif isinstance(value, types.MethodType):
            node.text.say("method")
            self._refer_object(node, value.__func__, "function")
            self._refer_value(node, "receiver of", value.__func__.__name__, value.__self__)
        elif hasattr(value, "__wrapped__"):
            node.text.say(f"wrapper {type(value).__module__}.{type(value).__qualname__}")
            self._refer_object(node, value.__wrapped__, "wrapped")
        else:
            self._refer_value(node, "callable", type(value).__name__, value)
        return key

    def _refer_object(self, node: Node, value: object, label: str) -> None:
        known = self._refer(value)
        if known is None:
            inner = getattr(value, "__qualname__", type(value).__qualname__)
            node.text.say(f"library {getattr(value, '__module__', '')}.{inner}")
        else:
            node.text.refer(known[0], known[1] or label)

    def _function(self, node: Node, function: FunctionType, is_root: bool) -> None:
        code = function.__code__
        node.label = "" if is_root else code.co_name
        module = self._module_of(function)
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
            node.text.say(f"method {code.co_qualname.rpartition('.')[2]}")
            node.text.refer(Definition(module.name, owner.name), owner.name)
        else:
            scope = enclosing_scope(self._modules, module, around)
            done = form([syntax], self._modules.reading(module), scope=scope)
            self._write(node, module, done)
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
        shown = self._fill(node, module, Definition(module.name, name), own)
        if syntax not in shown:
            # It stands below an `if` or in a loop, of which only this branch is the function.
            self._write(node, module, form([syntax], self._modules.reading(module)))
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
        scope = enclosing_scope(self._modules, module, around)
        opaque: list[str] = []
        for name, cell in zip(names, function.__closure__ or (), strict=False):
            owner = scope.owner(name)
            if name == "__class__" or (
                owner is not None and name in owner.imports and name not in owner.assigned
            ):
                continue
            try:
                content = cell.cell_contents
            except ValueError:
                node.text.say(f"empty {name}")
                continue
            key = self._value("closure", name, content, node.place, opaque)
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
                key = self._value("default", name, default, node.place, opaque)
                node.text.refer(key, name)
        if opaque:
            self._cover_maker(node, module, around, opaque)

    def _cover_maker(
        self, node: Node, module: Module, around: Sequence[ast.AST], opaque: Sequence[str]
    ) -> None:
        """Cover the code that made a value which has no canonical form."""
        names = ", ".join(sorted(set(opaque)))
        outer = around[0] if around else None
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            maker = Definition(module.name, outer.name)
            node.text.refer(maker, outer.name)
            for statement in self._callers(maker):
                node.text.refer(self._call_site(statement), f"call of {outer.name}")
            covered = f"{outer.name} and the statements that call it are covered"
        else:
            node.text.refer(WholeModule(module.name), module.name.rpartition(".")[2])
            covered = "the whole module is covered"
        node.unseen.append(f"a value of type {names} held at {node.place}: {covered}")

    def _callers(self, maker: Definition) -> list[Statement]:
        """The statements of all modules' bodies that reach a definition."""
        found = []
        reaches: dict[Definition, bool] = {}
        for module in self._modules.all():
            for index, statement in enumerate(module.statements):
                if isinstance(statement, ast.Import | ast.ImportFrom | ast.ClassDef):
                    continue
                if (
                    isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
                    and not statement.decorator_list
                ):
                    continue
                if statement in self._statements_of(maker):
                    continue
                done = self._modules.form(module, index)
                if self._form_reaches(module, done, maker, reaches):
                    found.append(Statement(module.name, index))
        return found

    def _statements_of(self, key: Definition) -> list[ast.stmt]:
        module = self._modules.get(key.module)
        return [module.statements[i] for i in module.binders.get(key.name, [])] if module else []

    def _form_reaches(
        self, module: Module, done: Form, maker: Definition, known: dict[Definition, bool]
    ) -> bool:
        queue = [t for t, _ in self._modules.targets(module, done) if isinstance(t, Definition)]
        seen: set[Definition] = set()
        while queue:
            target = queue.pop()
            if target == maker or known.get(target):
                return True
            if target in seen:
                continue
            seen.add(target)
            owner = self._modules.get(target.module)
            for index in owner.binders.get(target.name, []) if owner else []:
                assert owner is not None
                inner = self._modules.targets(owner, self._modules.form(owner, index))
                queue += [t for t, _ in inner if isinstance(t, Definition)]
        known.update(dict.fromkeys(seen, False))
        return False

    def _call_site(self, statement: Statement) -> Hashable:
        key = ("call site", statement)
        if key not in self._nodes:
            module = self._modules.get(statement.module)
            assert module is not None
            syntax = module.statements[statement.index]
            node = Node(key, "call", _first_words(syntax), module.position(statement.index))
            self._nodes[key] = node
            self._write(node, module, self._modules.form(module, statement.index))
            node.source = functools.partial(bare_code, [syntax])
        return key

    def _value(
        self, kind: str, label: str, value: object, place: str, opaque: list[str] | None
    ) -> Hashable:
        """The node of a value; only its digest is kept."""
        text, without_form = describe(value, self._refer, self._modules.root)
        key = ("value", next(self._numbers))
        node = Node(key, kind, label, place, text)
        self._nodes[key] = node
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
        node.text.refer(self._value(kind, label, value, node.place, opaque), label)
        if opaque:
            node.text.refer(PROJECT, "project")
            node.unseen.append(
                f"{kind} {label} is of type {', '.join(sorted(set(opaque)))}, whose content "
                "cannot be seen: the whole project is covered"
            )

    def _refer(self, value: object) -> tuple[Hashable, str] | None:
        """The node of a function, class or module, when the project owns it."""
        if isinstance(value, types.ModuleType):
            if self._modules.get(value.__name__) is None:
                return None
            return WholeModule(value.__name__), value.__name__.rpartition(".")[2]
        if isinstance(value, type):
            module = self._modules.get(value.__module__)
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
        module = self._module_of(function)
        if module is not None and "<locals>" not in code.co_qualname:
            found = self._places.find(module, code)
            top = code.co_qualname.partition(".")[0]
            if found is not None and not isinstance(found[0], ast.Lambda):
                return Definition(module.name, top), code.co_qualname
        if module is None and not self._leads_back(function):
            return None
        return self._object(function), code.co_name

    def _leads_back(self, function: FunctionType) -> bool:
        """Whether a function of a library holds one of the project, or has no file at all."""
        if hasattr(function, "__wrapped__"):
            return True
        if not _is_library_file(function.__code__.co_filename):
            return True
        return any(
            isinstance(content, FunctionType) and self._module_of(content) is not None
            for content in _cells(function)
        )

    def _library_function(self, node: Node, function: FunctionType) -> None:
        """A library's wrapper: known by its name, and by what it wraps."""
        if not _is_library_file(function.__code__.co_filename):
            self._without_source(node, function)
            return
        name = function.__globals__.get("__name__", "")
        node.text.say(f"library {name}.{function.__code__.co_qualname}")
        node.libraries |= _library(str(name))
        wrapped = getattr(function, "__wrapped__", None)
        held = [content for content in _cells(function) if callable(content)]
        for content in [wrapped, *held]:
            known = self._refer(content)
            if known is not None:
                node.text.refer(*known)

    def _module_of(self, function: FunctionType) -> Module | None:
        """The module whose file holds the code; a project's function may stand outside of it."""
        name = str(function.__globals__.get("__name__", ""))
        file = function.__code__.co_filename
        if self._modules.owns(name):
            return self._modules.get(name)
        if _is_library_file(file) or not file.endswith(".py") or not Path(file).is_file():
            return None
        if name.startswith(_ENGINE_PREFIX):
            return None
        return self._modules.adopt(name or Path(file).stem, Path(file))

    def _without_source(self, node: Node, function: FunctionType) -> None:
        node.text.say(_bytecode(function.__code__))
        node.unseen.append(
            f"the source of {function.__code__.co_name} cannot be found: its compiled code is "
            "covered, which differs between Python versions"
        )
        for name in sorted(_global_names(function.__code__)):
            if name in function.__globals__:
                value = function.__globals__[name]
                if value is not function:
                    key = self._value("global", name, value, "", None)
                    node.text.refer(key, name)
        for name, content in zip(function.__code__.co_freevars, _cells(function), strict=False):
            node.text.refer(self._value("closure", name, content, "", None), name)
        defaults = [
            *(function.__defaults__ or ()),
            *sorted((function.__kwdefaults__ or {}).items()),
        ]
        if defaults:
            node.text.refer(self._value("default", "arguments", defaults, "", None), "defaults")

    # -- what the function receives

    def _inputs(self, function: object) -> list[Hashable]:
        """How each parameter of the function is handed over: scanned, loaded, a path, a config."""
        inner = function
        while True:
            if isinstance(inner, functools.partial):
                inner = inner.func
            elif isinstance(inner, types.MethodType):
                inner = inner.__func__
            elif hasattr(inner, "__wrapped__"):
                inner = inner.__wrapped__
            elif not isinstance(inner, FunctionType) and hasattr(type(inner), "__call__"):  # noqa: B004
                inner = getattr(type(inner), "__call__", None)  # noqa: B004
                if not isinstance(inner, FunctionType):
                    return []
            else:
                break
        if not isinstance(inner, FunctionType):
            return []
        module = self._module_of(inner)
        found = self._places.find(module, inner.__code__) if module else None
        if module is None or found is None:
            return [
                self._value("input", name, annotation, "", None)
                for name, annotation in sorted(inner.__annotations__.items())
                if name != "return"
            ]
        syntax, around = found
        if isinstance(syntax, ast.Lambda):
            return []
        assert isinstance(syntax, ast.FunctionDef | ast.AsyncFunctionDef)
        scope = enclosing_scope(self._modules, module, around)
        keys: list[Hashable] = []
        arguments = syntax.args
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            if argument.annotation is None:
                continue
            annotation = hint(argument.annotation)
            chain = chain_of(annotation)
            if chain and self._is_context(module, chain):
                continue
            key = ("input", next(self._numbers))
            node = Node(key, "input", argument.arg, f"{module.place}:{argument.lineno}")
            self._write(
                node, module, form([annotation], self._modules.reading(module), scope=scope)
            )
            node.source = functools.partial(bare_code, [annotation])
            self._nodes[key] = node
            keys.append(key)
        return keys

    def _is_context(self, module: Module, chain: tuple[str, ...]) -> bool:
        target, _ = self._modules.resolve(module, Use(chain))
        return (
            isinstance(target, Outside)
            and target.dotted.startswith("dagster.")
            and target.dotted.endswith("Context")
        )

    def _read_through_helpers(self, nodes: Sequence[Node]) -> set[str]:
        """Files that a helper opens for its caller, where the caller names the file itself."""
        readers = {node.key for node in nodes if node.reads_given}
        while True:
            more = {
                node.key
                for node in nodes
                if node.key not in readers
                and any(callee in readers and given for callee, _, _, given in node.handed)
            }
            if not more:
                break
            readers |= more
        return {
            by_hand(callee.name, place)
            for node in nodes
            for callee, _, place, given in node.handed
            if callee in readers and not given
        }


_ENGINE_PREFIX: Final = __name__.rpartition(".tables.")[0] + "."
_LIBRARY_FOLDERS: Final = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)


def _is_library_file(file: str) -> bool:
    return (
        file.startswith(("<frozen", *_LIBRARY_FOLDERS))
        or "site-packages" in file
        or "dist-packages" in file
    )


def _library(dotted: str) -> set[str]:
    top = dotted.partition(".")[0]
    return set() if top in sys.stdlib_module_names or not top else {top}


def _absorb(node: Node, other: Node) -> None:
    node.text.extend(other.text)
    node.unseen += other.unseen
    node.libraries |= other.libraries
    node.attributes |= other.attributes
    node.handed += other.handed
    node.reads_given |= other.reads_given


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


def _name_of(function: object) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def _stem(node: Node) -> str:
    return Path(node.place.rpartition(":")[0]).stem


def _cells(function: FunctionType) -> list[object]:
    contents = []
    for cell in function.__closure__ or ():
        try:
            contents.append(cell.cell_contents)
        except ValueError:
            contents.append(None)
    return contents


def _bytecode(code: CodeType) -> str:
    parts = [code.co_code.hex(), " ".join(code.co_names), " ".join(code.co_varnames)]
    for value in code.co_consts:
        if isinstance(value, CodeType):
            parts.append(_bytecode(value))
        elif isinstance(value, frozenset):
            parts.append(" ".join(sorted(map(constant, value))))
        else:
            parts.append(constant(value))
    return "\n".join(parts)


def _global_names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for value in code.co_consts:
        if isinstance(value, CodeType):
            names |= _global_names(value)
    return names


def _first_words(statement: ast.stmt) -> str:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name), *_]):
            return name
        case ast.Expr(value=ast.Call(func=func)):
            return ".".join(root_chain(func))
    return type(statement).__name__.lower()
