"""The nodes made from source code: definitions, whole modules, and what changes them."""

import ast
import functools
import sys
from bisect import bisect_left
from collections.abc import Hashable, Mapping, Sequence
from typing import Final

from data_package.engine.fingerprint.canon import module_digest
from data_package.engine.fingerprint.code_graph import Node
from data_package.engine.fingerprint.effects import Effects, LibraryEffect, Statement
from data_package.engine.fingerprint.forms import CodeForm
from data_package.engine.fingerprint.import_order import import_order
from data_package.engine.fingerprint.modules import (
    Definition,
    Module,
    Modules,
    Outside,
    Starred,
    Target,
    Unknown,
    WholeModule,
)
from data_package.engine.fingerprint.shown import bare_code
from data_package.engine.fingerprint.sight import Sight
from data_package.engine.fingerprint.syntax_names import root_chain
from data_package.engine.fingerprint.touches import EVERY_MODULE
from data_package.engine.libraries import behind

PROJECT: Final = "project"


class SourceNodes:
    """Makes the node of anything that the project's source defines, once."""

    def __init__(self, modules: Modules) -> None:
        """`modules`: the project's files as they are on disk."""
        self.modules = modules
        self.nodes: dict[Hashable, Node] = {}
        self._sight = Sight(modules)
        self._effects_known: Effects | None = None
        self._effects_of = 0
        self._order_known: Mapping[tuple[str, int], int] | None = None
        self._order_of = 0
        self._rebound_known: dict[str, dict[str, list[int]]] = {}

    @property
    def effects(self) -> Effects:
        """What importing the project changes; determined on first use."""
        if self._effects_known is None or self._effects_of != len(self.modules.files):
            self._effects_of = len(self.modules.files)
            self._effects_known = Effects(self.modules)
        return self._effects_known

    def node(self, key: Hashable) -> Node:
        """The node of a key."""
        node = self.nodes.get(key)
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
            self.nodes[key] = node
        return node

    def _definition(self, key: Definition) -> Node:
        module = self.modules.get(key.module)
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
        shown = self.fill(node, module, key, binders)
        node.source = functools.partial(bare_code, shown)
        return node

    def fill(
        self, node: Node, module: Module, key: Definition, binders: Sequence[int]
    ) -> list[ast.AST]:
        """Write what binds a name, and what changes it, into a node; return what is to be shown."""
        shown: list[ast.AST] = []
        changes = self.effects.on.get(key, [])
        own = dict.fromkeys(binders, "binds")
        own |= {s.index: "changes" for s in changes if s.module == key.module}
        stars = self.modules.starred(key)
        for index in sorted({*own, *(star.index for star in stars)}):
            if index in own:
                self._write_statement(node, module, index, own[index] == "changes", shown)
                self._write_moment(node, module, index, key)
            self._write_stars(node, [star for star in stars if star.index == index])
        elsewhere: list[tuple[Statement, Node]] = []
        for statement in changes:
            if statement.module != key.module:
                other = self.modules.get(statement.module)
                assert other is not None
                aside = Node(None, "", "", other.position(statement.index))
                self._write_statement(aside, other, statement.index, True, shown)
                elsewhere.append((statement, aside))
        elsewhere.sort(key=lambda one: one[1].text.flat())
        for _, aside in elsewhere:
            _absorb(node, aside)
        self._write_order(node, [statement for statement, _ in elsewhere])
        for function in self.effects.rebound_by.get(key, []):
            node.text.refer(function, function.name)
        for holder in sorted(
            self.effects.changed_with.get(key, ()), key=lambda d: (d.name, d.module)
        ):
            node.text.write("changed with")
            node.text.refer(holder, holder.name)
        everywhere = self.effects.on_modules.get(EVERY_MODULE, [])
        for statement in [*self.effects.on_modules.get(key.module, []), *everywhere]:
            self._write_dynamic(node, statement)
        return shown

    def _write_order(self, node: Node, statements: Sequence[Statement]) -> None:
        """In which order statements of several modules run, where it is not that of their names."""
        if len({statement.module for statement in statements}) < 2:
            return
        by_name = sorted(statements, key=lambda one: (one.module.split("."), one.index))
        as_run = sorted(statements, key=lambda one: self._import_order[one.module, one.index])
        if as_run != by_name:
            node.text.write(f"in the order {[statements.index(one) for one in as_run]}")

    @property
    def _import_order(self) -> Mapping[tuple[str, int], int]:
        if self._order_known is None or self._order_of != len(self.modules.files):
            self._order_of = len(self.modules.files)
            self._order_known = import_order(self.modules)
        return self._order_known

    def _write_statement(
        self, node: Node, module: Module, index: int, is_change: bool, shown: list[ast.AST]
    ) -> None:
        statement = module.statements[index]
        if is_change and isinstance(
            statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ):
            node.text.write("changed by")
            node.text.refer(Definition(module.name, statement.name), statement.name)
            return
        if is_change:
            node.text.write("change")
        self.write(node, module, self.modules.form(module, index))
        shown.append(statement)

    def _write_stars(self, node: Node, stars: Sequence[Starred]) -> None:
        for star in stars:
            node.text.write("star")
            self._write_target(node, star.target, (), shallow=False, may_be_local=False)
            if star.listed is not None:
                node.text.refer(star.listed, "__all__")

    def _write_moment(self, node: Node, module: Module, index: int, key: Definition) -> None:
        """Which of the values that another name has during import a statement sees."""
        statement = module.statements[index]
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        for name, moments in self._rebound(module).items():
            if name == key.name or not moments[0] < index < moments[-1]:
                continue
            done = self.modules.form(module, index)
            if self._form_reaches(module, done, Definition(module.name, name), {}):
                node.text.write(f"after {bisect_left(moments, index)} of {name}")

    def _rebound(self, module: Module) -> dict[str, list[int]]:
        """The names of a module that several of its statements bind or change, and which."""
        known = self._rebound_known.get(module.name)
        if known is None:
            moments = {name: set(indexes) for name, indexes in module.binders.items()}
            for definition, statements in self.effects.on.items():
                if definition.module == module.name:
                    own = {s.index for s in statements if s.module == module.name}
                    moments.setdefault(definition.name, set()).update(own)
            known = {name: sorted(own) for name, own in moments.items() if len(own) > 1}
            self._rebound_known[module.name] = known
        return known

    def _write_dynamic(self, node: Node, statement: Statement) -> None:
        module = self.modules.get(statement.module)
        assert module is not None
        node.unseen.append(
            f"names of the module are set by computed name at {module.position(statement.index)}: "
            "that statement is covered by everything the module defines"
        )
        self.write(node, module, self.modules.form(module, statement.index))

    def write(self, node: Node, module: Module, done: CodeForm) -> None:
        """Write a form into a node, each hole filled with what the module binds to it."""
        node.attributes |= done.attributes
        targets = self.modules.targets(module, done)
        for text, hole, (target, rest) in zip(done.texts, done.holes, targets, strict=False):
            node.text.write(text)
            if hole.prefix:
                node.text.write(hole.prefix)
            self._write_target(node, target, rest, hole.shallow, bool(hole.prefix))
        node.text.write(done.texts[-1])
        seen = self._sight.look(module, done, targets)
        node.unseen += seen.messages
        node.reads_given |= seen.reads_given
        node.handed += seen.handed
        for key in seen.covered:
            node.text.refer(key, "project" if key == PROJECT else self.node(key).label)

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
                node.text.write(f"builtin {dotted}{attributes}")
                node.attributes.add(dotted)
            case Outside(dotted=dotted):
                node.text.write(f"library {dotted}{attributes}")
                node.attributes.add(dotted.rpartition(".")[2])
                node.libraries |= library_of(dotted)
            case Definition(name=name):
                if shallow and self.modules.is_asset(target):
                    node.text.write(f"asset {name}{attributes}")
                else:
                    node.text.refer(target, name)
                    node.text.write(attributes)
            case WholeModule(module=name):
                if self.modules.get(name) is None and name not in self.modules.files:
                    node.text.write(f"module {name.rpartition('.')[2]}{attributes}")
                    return
                node.text.refer(target, name.rpartition(".")[2])
                node.text.write(attributes)
            case Unknown(name=name):
                if may_be_local:
                    node.text.write(f"unbound {name}")
                elif name in {"__class__", "__builtins__"} or target.module == "":
                    node.text.write(f"unbound {name}{attributes}")
                else:
                    node.text.refer(target, name)
                    node.text.write(attributes)

    def _unknown(self, key: Unknown) -> Node:
        """A name that no statement binds: anything in its module may define it."""
        node = Node(key, "name", key.name, "")
        node.is_part = False
        module = self.modules.get(key.module)
        if module is None:
            node.unseen.append(
                f"{key.name} comes from {key.module}, whose source cannot be read: its name and "
                "its file as it stands are covered"
            )
            node.text.write(f"unknown {key.module.rpartition('.')[2]}.{key.name}")
            node.text.write(self.modules.files.content(key.module).hex())
            return node
        node.place = module.place
        node.unseen.append(
            f"nothing in {module.place} binds {key.name}: the whole module is covered"
        )
        node.text.write(f"unknown {key.name}")
        node.text.refer(WholeModule(key.module), key.module.rpartition(".")[2])
        self.fill(node, module, Definition(key.module, key.name), [])
        return node

    def _whole_module(self, key: WholeModule) -> Node:
        """Everything that a module binds, whatever its order, and its other statements in order."""
        short = key.module.rpartition(".")[2]
        module = self.modules.get(key.module)
        node = Node(key, "module", short, module.place if module else "")
        if module is None:
            node.text.write(self.modules.files.content(key.module).hex())
            return node
        node.unseen.append(
            f"the module {module.place} is used as a value: all that it defines is covered"
        )
        for name in sorted(module.binders):
            node.text.write(f"name {name}")
            target = self.modules.name(module, name)
            self._write_target(node, target, (), shallow=False, may_be_local=False)
        for _, star in module.stars:
            origin = module.absolute(star)
            if self.modules.files.owns(origin):
                node.text.refer(WholeModule(origin), origin.rpartition(".")[2])
        bound = {index for indexes in module.binders.values() for index in indexes}
        for index in range(len(module.statements)):
            if index not in bound and not isinstance(
                module.statements[index], ast.Import | ast.ImportFrom
            ):
                self.write(node, module, self.modules.form(module, index))
        return node

    def _whole_project(self) -> Node:
        node = Node(PROJECT, "project", "", "")
        node.text.write("\n".join(sorted(module_digest(m.source) for m in self.modules.all())))
        return node

    def effect(self, effect: LibraryEffect) -> Hashable:
        """The node of a statement that changes a library."""
        module = self.modules.get(effect.statement.module)
        assert module is not None
        statement = module.statements[effect.statement.index]
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return Definition(module.name, statement.name)
        key = effect.statement
        if key not in self.nodes:
            node = Node(key, "effect on", effect.dotted, module.position(key.index))
            self.nodes[key] = node
            self.write(node, module, self.modules.form(module, key.index))
            node.source = functools.partial(bare_code, [statement])
        return key

    def callers(self, maker: Definition) -> list[Statement]:
        """The statements of all modules' bodies that reach a definition."""
        found = []
        reaches: dict[Definition, bool] = {}
        for module in self.modules.all():
            for index, statement in enumerate(module.statements):
                if isinstance(statement, ast.Import | ast.ImportFrom | ast.ClassDef):
                    continue
                if (
                    isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
                    and not statement.decorator_list
                ):
                    continue
                if statement in self.modules.statements(maker):
                    continue
                done = self.modules.form(module, index)
                if self._form_reaches(module, done, maker, reaches):
                    found.append(Statement(module.name, index))
        return found

    def _form_reaches(
        self, module: Module, done: CodeForm, maker: Definition, known: dict[Definition, bool]
    ) -> bool:
        queue = [t for t, _ in self.modules.targets(module, done) if isinstance(t, Definition)]
        seen: set[Definition] = set()
        while queue:
            target = queue.pop()
            if target == maker or known.get(target):
                return True
            if target in seen:
                continue
            seen.add(target)
            queue += self.modules.references(target)
        known.update(dict.fromkeys(seen, False))
        return False

    def call_site(self, statement: Statement) -> Hashable:
        """The node of a statement that calls a factory."""
        key = ("call site", statement)
        if key not in self.nodes:
            module = self.modules.get(statement.module)
            assert module is not None
            syntax = module.statements[statement.index]
            node = Node(key, "call", _first_words(syntax), module.position(statement.index))
            self.nodes[key] = node
            self.write(node, module, self.modules.form(module, statement.index))
            node.source = functools.partial(bare_code, [syntax])
        return key


def library_of(dotted: str) -> set[str]:
    """The packages behind a dotted name: its own and those that do its work; none for Python's."""
    top = dotted.partition(".")[0]
    return set() if top in sys.stdlib_module_names or not top else {top, *behind(dotted)}


def _absorb(node: Node, other: Node) -> None:
    node.text.extend(other.text)
    node.unseen += other.unseen
    node.libraries |= other.libraries
    node.attributes |= other.attributes
    node.handed += other.handed
    node.reads_given |= other.reads_given


def _first_words(statement: ast.stmt) -> str:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name), *_]):
            return name
        case ast.Expr(value=ast.Call(func=func)):
            return ".".join(root_chain(func))
    return type(statement).__name__.lower()
