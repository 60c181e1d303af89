"""Scopes: the names that functions, classes and comprehensions bind, and which one owns a name."""

import ast
from dataclasses import dataclass, field

from data_package.engine.fingerprint.syntax_names import ImportedName

MODULE, FUNCTION, CLASS, COMPREHENSION = "module", "function", "class", "comprehension"


@dataclass
class Scope:
    """The names of one function, class, comprehension or module body."""

    kind: str
    parent: "Scope | None" = None
    bound: set[str] = field(default_factory=set)
    params: set[str] = field(default_factory=set)
    receiver: str = ""
    receives_class: bool = False
    declared_global: set[str] = field(default_factory=set)
    declared_nonlocal: set[str] = field(default_factory=set)
    imports: dict[str, ImportedName] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)
    aliases: list[tuple[tuple[str, ...], ast.expr]] = field(default_factory=list)
    fields_matter: bool = False

    def at_import(self) -> bool:
        """Whether code of this scope runs when its module is imported."""
        scope: Scope | None = self
        while scope is not None:
            if scope.kind == FUNCTION:
                return False
            scope = scope.parent
        return True

    def bind(self, name: str) -> None:
        """Record an assignment to a name, by any statement."""
        self.bound.add(name)
        self.assigned.add(name)

    def import_of(self, name: str) -> ImportedName | None:
        """What a name of this scope is imported from, when nothing else binds it."""
        return None if name in self.assigned else self.imports.get(name)

    def owner(self, name: str) -> "Scope | None":
        """The scope a name belongs to when used here; None is the module or a builtin."""
        scope: Scope | None = self
        while scope is not None and scope.kind != MODULE:
            visible = scope.kind != CLASS or scope is self
            if visible:
                if name in scope.declared_global:
                    return None
                if name in scope.bound and name not in scope.declared_nonlocal:
                    return scope
            scope = scope.parent
        return None
