"""From a function to its fingerprint: everything that it reaches, hashed and named."""

import functools
import types
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from data_package.engine.fingerprint.canon import digest
from data_package.engine.fingerprint.code_graph import Digests, Node
from data_package.engine.fingerprint.function_places import FunctionPlaces
from data_package.engine.fingerprint.inputs import Inputs
from data_package.engine.fingerprint.modules import Modules
from data_package.engine.fingerprint.objects import Objects
from data_package.engine.fingerprint.sight import Handed, by_hand
from data_package.engine.fingerprint.sources import SourceNodes

_LONGEST_PATH: Final = 24


class _Lazy:
    """A text that is made on first use: unparsing costs more than everything else."""

    def __get__(self, part: object, _: type) -> str:
        if part is None:
            return ""
        code = part.__dict__["code"]
        return code if isinstance(code, str) else code.code

    def __set__(self, part: object, value: object) -> None:
        # Without an argument, the field's default is this descriptor itself.
        part.__dict__["code"] = "" if value is self else value


@dataclass(frozen=True)
class Ingredient:
    """One thing that a function is made of."""

    name: str
    """A readable identity: `function`, `helper norm_sex`, `constant CODES`, `closure limit`."""
    digest: str
    """The sha256 of its own canonical form, which names what it reaches."""
    code: str = field(default=cast("str", _Lazy()), compare=False)
    """Its source without comments, docstrings and hints; empty for values."""
    path: tuple[str, ...] = ()
    """The names through which it was reached, starting at the function."""
    place: str = ""
    """`file.py:12`, relative to the project."""


@dataclass(frozen=True)
class Fingerprint:
    """What a function does, as a hash, and what that hash is made of."""

    digest: str
    parts: tuple[Ingredient, ...]
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
        modules = Modules(packages)
        places = FunctionPlaces(modules)
        self._sources = SourceNodes(modules)
        self._objects = Objects(self._sources, places)
        self._inputs = Inputs(self._sources, places, self._objects)
        self._digests = Digests(self._sources.node)

    def fingerprint(
        self,
        function: Callable[..., object],
        *,
        parameters: Mapping[str, object] = types.MappingProxyType({}),
        engine: Mapping[str, str] = types.MappingProxyType({}),
    ) -> Fingerprint:
        """The fingerprint of the function, with the values that were declared for it.

        `parameters` are values of the project's settings that the function is given; only their
        digests are kept. `engine` are digests of what works on the function's inputs before it
        does, by the words that name it.
        """
        roots = [self._objects.root(function)]
        roots += self._inputs.of(function)
        for name in sorted(parameters):
            roots.append(self._objects.value("parameter", name, parameters[name], "", None))
        for name in sorted(engine):
            roots.append(self._objects.value(name, "", engine[name], "", None))
        paths = self._reach(roots, _name_of(function))
        effects = self._library_effects(paths)
        nodes = [self._sources.node(key) for key in paths]
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
        """The root without the function's own name, which is not part of what it does."""
        labels = [("function", roots[0])]
        return labels + [(self._sources.node(key).name, key) for key in roots[1:]]

    def _reach(self, roots: Sequence[Hashable], first: str) -> dict[Hashable, tuple[str, ...]]:
        """Every node below the roots, with the shortest path of names to it."""
        paths: dict[Hashable, tuple[str, ...]] = {roots[0]: (first,)}
        for root in roots[1:]:
            # A value of the engine's has no name of its own.
            label = self._sources.node(root).label
            paths.setdefault(root, (first, label) if label else (first,))
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
            for target, label in self._sources.node(key).text.refs:
                if target not in paths:
                    paths[target] = (*path, label)
                    queue.append(target)

    def _library_effects(self, paths: dict[Hashable, tuple[str, ...]]) -> list[Hashable]:
        """Statements that change a library in a way that affects the given code."""
        included: list[Hashable] = []
        waiting = list(self._sources.effects.on_libraries)
        if not waiting:
            return included
        while True:
            used = set().union(*(self._sources.node(key).attributes for key in paths))
            felt = [e for e in waiting if not e.attribute or e.attribute in used]
            if not felt:
                return included
            for effect in felt:
                waiting.remove(effect)
                key = self._sources.effect(effect)
                if key not in paths:
                    included.append(key)
                    paths[key] = (next(iter(paths.values()))[0], self._sources.node(key).label)
                    self._spread(deque([key]), paths)

    def _parts(
        self, nodes: Sequence[Node], paths: Mapping[Hashable, tuple[str, ...]]
    ) -> tuple[Ingredient, ...]:
        names: dict[str, list[Node]] = {}
        for node in nodes:
            if node.is_part:
                names.setdefault(node.name, []).append(node)
        parts = []
        for name, members in names.items():
            stems = [_stem(node) for node in members] if len(members) > 1 else []
            for number, node in enumerate(sorted(members, key=lambda node: node.digest)):
                known = name
                if stems:
                    stem = _stem(node)
                    known = f"{name} ({stem})" if stem else name
                    known += f" #{number + 1}" if stems.count(stem) > 1 else ""
                parts.append(
                    Ingredient(known, node.digest, cast("str", node), paths[node.key], node.place)
                )
        return tuple(sorted(parts, key=lambda part: (part.name, part.digest)))

    def _read_through_helpers(self, nodes: Sequence[Node]) -> set[str]:
        """Files that a helper opens for its caller, where the caller names the file itself."""
        waiting = [node.key for node in nodes if node.reads_given]
        if not waiting:
            return set()
        calls: dict[Hashable, list[tuple[Hashable, Handed]]] = {}
        for node in nodes:
            for call in node.handed:
                calls.setdefault(call.callee, []).append((node.key, call))
        readers, warnings = set(waiting), set()
        while waiting:
            for caller, call in calls.get(waiting.pop(), ()):
                if not call.is_given:
                    warnings.add(by_hand(call.callee.name, call.place))
                elif caller not in readers:
                    readers.add(caller)
                    waiting.append(caller)
        return warnings


def _name_of(function: object) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def _stem(node: Node) -> str:
    return Path(node.place.rpartition(":")[0]).stem
