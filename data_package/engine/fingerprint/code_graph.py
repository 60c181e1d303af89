"""The graph of what functions are made of, and the digest of everything below a node."""

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from data_package.engine.fingerprint.canon import digest
from data_package.engine.fingerprint.canonical_values import Text
from data_package.engine.fingerprint.sight import Handed

# More rounds would only distinguish members of one cycle of calls that are equal, and call
# equal code, sixteen calls deep.
_ROUNDS: Final = 16


@dataclass(eq=False)
class Node:
    """One function, class, constant or value, and what it refers to."""

    key: Hashable
    kind: str
    label: str
    place: str
    text: Text = field(default_factory=Text)
    source: Callable[[], str] = lambda: ""
    unseen: list[str] = field(default_factory=list)
    libraries: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    reads_given: bool = False
    handed: list[Handed] = field(default_factory=list)
    is_part: bool = True

    @property
    def name(self) -> str:
        """The node's name among the parts of a fingerprint."""
        return f"{self.kind} {self.label}" if self.label else self.kind

    @cached_property
    def digest(self) -> str:
        """The hash of the node alone, with its references by name."""
        return digest(self.text.flat())

    @cached_property
    def code(self) -> str:
        """The node's code for people; made on first use."""
        return self.source()


class Digests:
    """The hash of a node together with everything it reaches.

    Functions that call one another in a cycle are distinguished as bisimulation does: each round
    hashes a member with the hashes that its neighbours had in the round before.
    """

    def __init__(self, node: Callable[[Hashable], Node]) -> None:
        """`node` finds or makes the node of a key."""
        self._node = node
        self._done: dict[Hashable, bytes] = {}

    def deep(self, start: Hashable) -> str:
        """The hash of a node and all below it, in hex."""
        if start not in self._done:
            self._search(start)
        return self._done[start].hex()

    def _search(self, start: Hashable) -> None:
        """Tarjan's strongly connected components, with its own stack."""
        order: dict[Hashable, int] = {}
        low: dict[Hashable, int] = {}
        open_nodes: list[Hashable] = []
        is_open: set[Hashable] = set()
        work: list[tuple[Hashable, int]] = [(start, 0)]
        while work:
            key, position = work.pop()
            refs = self._node(key).text.refs
            if position == 0:
                order[key] = low[key] = len(order)
                open_nodes.append(key)
                is_open.add(key)
            for number in range(position, len(refs)):
                target = refs[number][0]
                if target in self._done:
                    continue
                if target not in order:
                    work += [(key, number + 1), (target, 0)]
                    break
                if target in is_open:
                    low[key] = min(low[key], low[target])
            else:
                if low[key] == order[key]:
                    circle: list[Hashable] = []
                    while not circle or circle[-1] != key:
                        circle.append(open_nodes.pop())
                        is_open.discard(circle[-1])
                    self._close(circle)
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[key])

    def _close(self, circle: list[Hashable]) -> None:
        colours: dict[Hashable, bytes] = dict.fromkeys(circle, b"")
        rounds = 1 if len(circle) == 1 else min(len(circle), _ROUNDS)
        for _ in range(rounds):
            colours = {key: self._hash(self._node(key), colours) for key in circle}
        if len(circle) > 1:
            whole = hashlib.sha256(b"".join(sorted(colours.values()))).digest()
            colours = {
                key: hashlib.sha256(whole + colour).digest() for key, colour in colours.items()
            }
        self._done.update(colours)

    def _hash(self, node: Node, colours: dict[Hashable, bytes]) -> bytes:
        state = hashlib.sha256()
        texts = node.text.texts
        for text, (target, label) in zip(texts, node.text.refs, strict=False):
            known = self._done.get(target)
            state.update(f"{text}<{label}>".encode("utf-8", "surrogatepass"))
            state.update(colours[target] if known is None else known)
        state.update(texts[-1].encode("utf-8", "surrogatepass"))
        return state.digest()
