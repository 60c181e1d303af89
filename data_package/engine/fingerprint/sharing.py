"""What is changed together: objects that others hold, give out, or share with their class."""

import ast
from collections.abc import Iterator
from typing import Final

from data_package.engine.fingerprint.forms import Site, Use
from data_package.engine.fingerprint.modules import Definition, Module, Modules, Outside
from data_package.engine.fingerprint.syntax_names import (
    bound_names,
    chain_of,
    defaults_of,
    root_chain,
)

# Nothing changes what they make.
_FIXED: Final = (
    "polars.", "re.", "datetime.", "decimal.Decimal", "fractions.", "pathlib.", "uuid.",
)  # fmt: skip


class Sharing:
    """Which objects of a project change with which."""

    def __init__(self, modules: Modules) -> None:
        """`modules`: the project, to look up what a name refers to."""
        self._modules = modules
        self._given_out: dict[Definition, frozenset[Definition]] = {}
        self._with_it: dict[Definition, tuple[Definition, ...]] = {}
        self._held_by: dict[Definition, frozenset[Definition]] = {}

    def with_it(self, definition: Definition) -> tuple[Definition, ...]:
        """The constants that a constant may be another name of, or share a closure with."""
        known = self._with_it.get(definition)
        if known is None:
            known = self._with_it[definition] = tuple(dict.fromkeys(self._names_of(definition)))
        return known

    def _names_of(self, definition: Definition) -> Iterator[Definition]:
        for star in self._modules.starred(definition):
            if isinstance(star.target, Definition):
                yield star.target
        for statement, targets in self._bound_by(definition):
            if isinstance(statement, ast.Assign | ast.AnnAssign | ast.For):
                yield from (target for target in targets if self._modules.is_data(target))
                # `register, look_up = make()`: they may share a closure.
                names, _ = bound_names(statement)
                yield from (Definition(definition.module, name) for name in names)

    def held_by(self, definition: Definition) -> frozenset[Definition]:
        """What else may change with a constant or a class, through functions and classes.

        The constants that it holds or gives out, and its class, if its instances share something.
        """
        known = self._held_by.get(definition)
        if known is None:
            found: set[Definition] = set()
            for statement, targets in self._bound_by(definition):
                is_plain = isinstance(statement, ast.Assign | ast.AnnAssign | ast.For)
                for target in targets:
                    if not self._modules.is_data(target):
                        found |= self.given_out(target)
                    elif not is_plain and not self._is_fixed(target):
                        found.add(target)
            known = self._held_by[definition] = frozenset(found)
        return known

    def _bound_by(self, definition: Definition) -> Iterator[tuple[ast.stmt, list[Definition]]]:
        """The statements that bind a name, but for functions, and what of the project they use."""
        module = self._modules.get(definition.module)
        for index in self._modules.binders(definition):
            assert module is not None
            statement = module.statements[index]
            if not isinstance(
                statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.Import | ast.ImportFrom
            ):
                form = self._modules.form(module, index)
                targets = [target for target, _ in self._modules.targets(module, form)]
                yield statement, [one for one in targets if isinstance(one, Definition)]

    def library_behind(self, definition: Definition) -> Iterator[str]:
        """The libraries' objects that a constant is another name of, by their dotted names.

        `ENVIRONMENT = os.environ`, `CONTEXT = decimal.getcontext()`.
        """
        module = self._modules.get(definition.module)
        for statement in self._modules.statements(definition):
            match statement:
                case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                    chain = chain_of(value.func if isinstance(value, ast.Call) else value)
                    if module is None or chain is None:
                        continue
                    target, _ = self._modules.resolve(module, Use(chain))
                    if not isinstance(target, Outside) or target.builtin:
                        continue
                    last = target.dotted.rpartition(".")[2]
                    if not isinstance(value, ast.Call) or last.startswith(("get", "current")):
                        yield target.dotted

    def given_out(self, start: Definition) -> frozenset[Definition]:
        """The constants that a function or class may hand to its callers, and shared classes."""
        known = self._given_out.get(start)
        if known is not None:
            return known
        found: set[Definition] = set()
        seen, queue = {start}, [start]
        while queue:
            definition = queue.pop()
            if self._holds(definition):
                found.add(definition)
            for target in self._outgoing(definition):
                if target in seen:
                    continue
                seen.add(target)
                if not self._modules.is_data(target):
                    queue.append(target)
                elif not self._is_fixed(target):
                    found.add(target)
        self._given_out[start] = frozenset(found)
        return self._given_out[start]

    def _outgoing(self, definition: Definition) -> Iterator[Definition]:
        """What a function returns, and what a class or its instances hold."""
        module = self._modules.get(definition.module)
        if module is None:
            return
        for star in self._modules.starred(definition):
            if isinstance(star.target, Definition):
                yield star.target
        for statement in self._modules.statements(definition):
            for chain in _given_by(statement):
                target, _ = self._modules.resolve(module, Use(chain))
                if isinstance(target, Definition):
                    yield target

    def _is_fixed(self, definition: Definition) -> bool:
        """Whether nothing can change a constant: a number, a text, an expression of Polars."""
        module = self._modules.get(definition.module)
        statements = self._modules.statements(definition)
        return module is not None and all(
            isinstance(statement, ast.Assign | ast.AnnAssign)
            and statement.value is not None
            and self._is_fixed_value(module, statement.value)
            for statement in statements
        )

    def _is_fixed_value(self, module: Module, value: ast.expr) -> bool:
        match value:
            case ast.Constant() | ast.JoinedStr() | ast.Lambda():
                return True
            case ast.Tuple(elts=elements):
                return all(self._is_fixed_value(module, element) for element in elements)
            case ast.UnaryOp(operand=operand):
                return self._is_fixed_value(module, operand)
            case ast.BinOp(left=left, right=right) | ast.Compare(left=left, comparators=[right]):
                return self._is_fixed_value(module, left) and self._is_fixed_value(module, right)
        chain = root_chain(value)
        target = self._modules.resolve(module, Use(chain))[0] if chain else None
        return isinstance(target, Outside) and target.dotted.startswith(_FIXED)

    def _holds(self, definition: Definition, name: str = "") -> bool:
        """Whether a class has an object, or that of a name, which its instances share."""
        for module, form in self._modules.forms(definition):
            for statement in self._modules.statements(definition):
                scope = form.scopes.get(id(statement))
                if scope is None or not isinstance(statement, ast.ClassDef):
                    continue
                own = _set_on_instances(statement)
                for names, value in scope.aliases:
                    known = {name} & {*names} if name else {*names}
                    if known - own and (name or not self._is_fixed_value(module, value)):
                        return True
        return False

    def classes_changed(
        self, definition: Definition, site: Site, *, changes: bool
    ) -> set[Definition]:
        """The classes that code of a class changes: `cls.known[x] = 1`, `self.known.append(x)`.

        `changes`: whether the method that is called at the site changes its object.
        """
        match site.node:
            case ast.Call(func=ast.Attribute(value=changed)) if changes:
                pass
            case ast.Attribute(value=changed) | ast.Subscript(value=changed):
                pass
            case _:
                return set()
        for inner in ast.walk(changed):
            match inner:
                case (
                    ast.Call(func=ast.Name(id="type"), args=[ast.Name()])
                    | ast.Attribute(attr="__class__")
                ):
                    return {definition}
        chain = root_chain(changed)
        owner = site.scope.owner(chain[0]) if chain else None
        if owner is None or owner.receiver != chain[0]:
            return set()
        if owner.receives_class:
            return {definition}
        found, seen, queue = set(), {definition}, [definition] if len(chain) > 1 else []
        while queue:
            holder = queue.pop()
            if self._holds(holder, chain[1]):
                found.add(holder)
            bases = set(self._bases(holder))
            queue += bases - seen
            seen |= bases
        return found

    def _bases(self, definition: Definition) -> Iterator[Definition]:
        for module, form in self._modules.forms(definition):
            for site in form.bases:
                chain = root_chain(site.node)
                base = self._modules.resolve_in(module, site.scope, chain) if chain else None
                if isinstance(base, Definition):
                    yield base


def _set_on_instances(node: ast.ClassDef) -> set[str]:
    """The attributes that methods of a class assign to `self`."""
    found: set[str] = set()
    for method in node.body:
        if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = [argument.arg for argument in [*method.args.posonlyargs, *method.args.args][:1]]
        found |= {
            inner.attr
            for inner in ast.walk(method)
            if isinstance(inner, ast.Attribute)
            and isinstance(inner.ctx, ast.Store)
            and isinstance(inner.value, ast.Name)
            and inner.value.id in first
        }
    return found


def _given_by(statement: ast.stmt) -> Iterator[tuple[str, ...]]:
    """The names in what a function returns, in what a class holds, and in defaults."""
    if isinstance(statement, ast.ClassDef):
        for base in statement.bases:
            yield from _chains(base)
        for member in statement.body:
            if isinstance(member, ast.Assign | ast.AnnAssign) and member.value is not None:
                yield from _chains(member.value)
            yield from _given_by(member)
    elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        own, out = _results(statement)
        out += defaults_of(statement)
        seen: set[str] = set()
        while out:
            for chain in _chains(out.pop()):
                yield chain
                if chain[0] not in seen:
                    seen.add(chain[0])
                    out += own.get(chain[0], [])


def _results(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
) -> tuple[dict[str, list[ast.expr]], list[ast.expr]]:
    """What a function binds to each local name, and what it returns or puts into attributes."""
    own: dict[str, list[ast.expr]] = {}
    out: list[ast.expr] = []
    for node in ast.walk(function):
        match node:
            case (
                ast.Return(value=ast.expr() as value)
                | ast.Yield(value=ast.expr() as value)
                | ast.YieldFrom(value=value)
            ):
                out.append(value)
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for inner in (inner for target in targets for inner in ast.walk(target)):
                    if isinstance(inner, ast.Name):
                        own.setdefault(inner.id, []).append(value)
                    elif isinstance(inner, ast.Attribute):
                        out.append(value)
    return own, out


def _chains(node: ast.AST) -> Iterator[tuple[str, ...]]:
    for inner in ast.walk(node):
        chain = chain_of(inner) if isinstance(inner, ast.Attribute | ast.Name) else None
        if chain:
            yield chain
