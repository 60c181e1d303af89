"""A directed graph as SVG: boxes in layers, each layer ordered to keep the lines short."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT = 180, 34
_ALONG, _ASIDE = 56, 14
_MARGIN = 12
_LETTERS = 24
_SWEEPS = 8


@dataclass(frozen=True)
class Box:
    """A node: its place, its text cut to fit, and the whole of it."""

    x: float
    y: float
    text: str
    name: str
    kind: str
    width: int = _WIDTH
    height: int = _HEIGHT


@dataclass(frozen=True)
class Drawing:
    """What the template draws."""

    title: str
    width: float
    height: float
    boxes: Sequence[Box]
    paths: Sequence[str]


def diagram(
    nodes: Sequence[tuple[str, str]],
    edges: Iterable[tuple[str, str]],
    title: str,
    *,
    reduced: bool = False,
) -> Drawing:
    """Lay out nodes (name and kind) and edges (from and to).

    Args:
        nodes: each once.
        edges: those between other nodes than these are left out.
        title: what the drawing shows.
        reduced: leave out the edges that a longer way says as well.
    """
    names = [name for name, _ in nodes]
    known = set(names)
    kept = sorted({(a, b) for a, b in edges if a in known and b in known and a != b})
    kept = _reduced(kept) if reduced else kept
    layers = _ordered(_layers(names, kept), kept)
    place = _places(layers)
    boxes = [Box(*place[name], _short(name), name, kind) for name, kind in nodes]
    return Drawing(
        title=title,
        width=max((box.x for box in boxes), default=0) + _WIDTH + _MARGIN,
        height=max((box.y for box in boxes), default=0) + _HEIGHT + _MARGIN,
        boxes=boxes,
        paths=[_path(place[a], place[b]) for a, b in kept],
    )


def _layers(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Each node one layer behind the last of its inputs; a circle ends where it is entered."""
    inputs: defaultdict[str, list[str]] = defaultdict(list)
    for a, b in edges:
        inputs[b].append(a)
    depth: dict[str, int] = {}
    for start in names:
        stack, on_way = [start], {start}
        while stack:
            name = stack[-1]
            rest = [one for one in inputs[name] if one not in depth and one not in on_way]
            if rest:
                stack.append(rest[0])
                on_way.add(rest[0])
                continue
            depth.setdefault(
                name, max((depth.get(one, -1) for one in inputs[name]), default=-1) + 1
            )
            on_way.discard(stack.pop())
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in names:
        layers[depth[name]].append(name)
    return layers


def _ordered(layers: list[list[str]], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Order each layer by where the neighbours of its nodes stand."""
    near: defaultdict[str, list[str]] = defaultdict(list)
    for a, b in edges:
        near[a].append(b)
        near[b].append(a)
    at = {name: float(i) for layer in layers for i, name in enumerate(layer)}
    for _ in range(_SWEEPS):
        for layer in (*layers, *reversed(layers)):
            layer.sort(key=lambda name: (_mean([at[n] for n in near[name]], at[name]), name))
            middle = (len(layer) - 1) / 2
            for i, name in enumerate(layer):
                at[name] = i - middle
    return layers


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _places(layers: Sequence[Sequence[str]]) -> dict[str, tuple[float, float]]:
    tallest = max((len(layer) for layer in layers), default=0)
    place: dict[str, tuple[float, float]] = {}
    for i, layer in enumerate(layers):
        shift = (tallest - len(layer)) * (_HEIGHT + _ASIDE) / 2
        for j, name in enumerate(layer):
            x = _MARGIN + i * (_WIDTH + _ALONG)
            place[name] = x, _MARGIN + shift + j * (_HEIGHT + _ASIDE)
    return place


def _path(start: tuple[float, float], end: tuple[float, float]) -> str:
    x1, y1, x2, y2 = start[0] + _WIDTH, start[1] + _HEIGHT / 2, end[0], end[1] + _HEIGHT / 2
    bend = max(30.0, (x2 - x1) / 2)
    return f"M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"


def _reduced(edges: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without the edges that a longer way says as well."""
    after: defaultdict[str, set[str]] = defaultdict(set)
    for a, b in edges:
        after[a].add(b)

    def beyond(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(after[start])
        while waiting:
            for one in after[waiting.pop()] - seen:
                seen.add(one)
                waiting.append(one)
        return seen

    implied = {a: beyond(a) for a, _ in edges}
    return [(a, b) for a, b in edges if b not in implied[a] or b == a]


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
