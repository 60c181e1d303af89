"""Forms: the result of reading code, its canonical text around the names of the module.

A name's place in the text stays open until every scope is complete; only then is it known whether
the name belongs to the module, to be resolved by the caller, or to the code itself.
"""

import ast
from dataclasses import dataclass, field

from data_package.engine.fingerprint.scopes import CLASS, MODULE, Scope
from data_package.engine.fingerprint.syntax_names import ImportedName


@dataclass(frozen=True)
class Use:
    """A name of the module that code uses, with the attributes that directly follow it."""

    chain: tuple[str, ...]
    imported: ImportedName | None = None


@dataclass(frozen=True)
class Hole:
    """A gap in a form that only the module can fill."""

    use: Use
    line: int
    shallow: bool = False
    prefix: str = ""


@dataclass
class Site:
    """A call, or a change to an object, at one line."""

    node: ast.expr
    scope: Scope
    line: int
    method: str = ""
    bare: bool = False
    chain: tuple[str, ...] | None = None
    value: ast.expr | None = None


@dataclass
class CodeForm:
    """The canonical text of some code around its holes, and what happens in it."""

    texts: list[str] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)
    calls: list[Site] = field(default_factory=list)
    changes: list[Site] = field(default_factory=list)
    attributes: set[str] = field(default_factory=set)
    global_names: set[str] = field(default_factory=set)
    decorators: list[Site] = field(default_factory=list)
    bases: list[Site] = field(default_factory=list)
    scopes: dict[int, Scope] = field(default_factory=dict)


class FormDraft:
    """The text of a form while it is being written."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._names: list[tuple[int, Scope, tuple[str, ...], int, bool]] = []
        self._imports: list[tuple[int, Scope, str, ImportedName, int]] = []

    def use(self, scope: Scope, chain: tuple[str, ...], line: int, *, shallow: bool) -> None:
        """Leave a gap for a name that is used in a scope."""
        self._names.append((len(self.words), scope, chain, line, shallow))
        self.words.append("")

    def bind_import(self, scope: Scope, name: str, imported: ImportedName, line: int) -> None:
        """Leave a gap for a name that an import statement binds in a scope."""
        self._imports.append((len(self.words), scope, name, imported, line))
        self.words.append("")

    def finish(self) -> tuple[list[str], list[Hole]]:
        """The texts and the holes between them, now that every scope is complete."""
        words = self.words
        holes: dict[int, Hole] = {}
        for index, scope, chain, line, shallow in self._names:
            name = chain[0]
            owner = scope.owner(name)
            if owner is None:
                holes[index] = Hole(Use(chain), line, shallow)
            elif imported := owner.import_of(name):
                holes[index] = Hole(Use(chain, imported), line, shallow)
            elif owner.kind == CLASS:
                # A class body reads a name from the module until it has bound it itself.
                holes[index] = Hole(Use(chain), line, shallow, prefix=f"class {name}")
            else:
                attributes = "".join(f".{attribute}" for attribute in chain[1:])
                words[index] = f"{attributes} {name}"
        for index, scope, name, imported, line in self._imports:
            if scope.kind == MODULE or name in scope.assigned or scope.kind == CLASS:
                holes[index] = Hole(Use((name,), imported), line, prefix=f"import {name}")
        texts: list[str] = []
        start = 0
        for index in sorted(holes):
            texts.append("\n".join(filter(None, words[start:index])))
            start = index + 1
        texts.append("\n".join(filter(None, words[start:])))
        return texts, [holes[index] for index in sorted(holes)]
