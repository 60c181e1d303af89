"""A directed graph as SVG: boxes in layers, each layer ordered to keep the lines short."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

_WIDTH, _HEIGHT = 190, 34
_ALONG, _ASIDE = 80, 14
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
    across: bool,
) -> Drawing:
    """Lay out nodes (name and kind) and edges (from and to).

    Args:
        nodes: each once.
        edges: those between other nodes than these are left out.
        title: what the drawing shows.
        across: layers from left to right; else from top to bottom.
    """
    names = [name for name, _ in nodes]
    known = set(names)
    kept = sorted({(a, b) for a, b in edges if a in known and b in known and a != b})
    layers = _ordered(_layers(names, kept), kept)
    place = _places(layers, across=across)
    boxes = [Box(*place[name], _short(name), name, kind) for name, kind in nodes]
    return Drawing(
        title=title,
        width=max((box.x for box in boxes), default=0) + _WIDTH + _MARGIN,
        height=max((box.y for box in boxes), default=0) + _HEIGHT + _MARGIN,
        boxes=boxes,
        paths=[_path(place[a], place[b], across=across) for a, b in kept],
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


def _places(layers: Sequence[Sequence[str]], *, across: bool) -> dict[str, tuple[float, float]]:
    side = (_HEIGHT if across else _WIDTH) + _ASIDE
    along = (_WIDTH if across else _HEIGHT) + _ALONG
    rows = [_row for layer in layers for _row in _wrapped(layer, across=across)]
    widest = max((len(row) for row in rows), default=0)
    place: dict[str, tuple[float, float]] = {}
    for i, row in enumerate(rows):
        shift = (widest - len(row)) * side / 2
        for j, name in enumerate(row):
            a, b = _MARGIN + i * along, _MARGIN + shift + j * side
            place[name] = (a, b) if across else (b, a)
    return place


def _wrapped(layer: Sequence[str], *, across: bool) -> list[Sequence[str]]:
    """A layer that is too wide for a page, in rows."""
    if across:
        return [layer]
    most = 5
    count = -(-len(layer) // most)
    cuts = [round(i * len(layer) / count) for i in range(count + 1)] if count else []
    return [layer[a:b] for a, b in pairwise(cuts)]


def _path(start: tuple[float, float], end: tuple[float, float], *, across: bool) -> str:
    if across:
        x1, y1, x2, y2 = start[0] + _WIDTH, start[1] + _HEIGHT / 2, end[0], end[1] + _HEIGHT / 2
        bend = max(30.0, (x2 - x1) / 2)
        return f"M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"
    x1, y1, x2, y2 = start[0] + _WIDTH / 2, start[1] + _HEIGHT, end[0] + _WIDTH / 2, end[1]
    bend = max(24.0, (y2 - y1) / 2)
    return f"M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
