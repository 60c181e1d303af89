"""A directed graph as SVG: boxes in layers, each layer ordered to keep the lines short.

For pictures, which are made without a browser, and for the drawings of the data dictionary. The
graph's page lays out again each time a group is folded, without a server, so `templates/graph.js`
has the same layout in JavaScript, and a test compares the two. One for both would need JavaScript
in every build (QuickJS or V8, as binary wheels) or Python in the page (Pyodide, 10 MB); dagre and
Graphviz each serve one of the two.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from data_package.engine.reach import reached

_WIDTH, _HEIGHT = 180, 34
_ALONG, _ASIDE = 56, 14
_LANE = 6
_MARGIN = 12
_LETTERS = 24
_SWEEPS = 8
_MOST_LANES = 400

Spot = tuple[str, ...]
"""One place in a layer: a node, or the lane of an edge that passes by."""


@dataclass(frozen=True)
class Box:
    """A node: its position, its text cut to fit, and the full text."""

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
        edges: those with an end that is not among these nodes are left out.
        title: what the drawing shows.
        reduced: leave out edges that are implied by a longer path.
    """
    names = [name for name, _ in nodes]
    known = set(names)
    kept = sorted({(a, b) for a, b in edges if a in known and b in known and a != b})
    kept = _reduced(kept) if reduced else kept
    layers, ways = _with_lanes(_layers(names, kept), kept)
    place = _places(_ordered(layers, [pair for way in ways for pair in pairwise(way)]))
    boxes = [Box(*place[name,], _short(name), name, kind) for name, kind in nodes]
    return Drawing(
        title=title,
        width=max((box.x for box in boxes), default=0) + _WIDTH + _MARGIN,
        height=max((y for _, y in place.values()), default=0) + _HEIGHT + _MARGIN,
        boxes=boxes,
        paths=[_path([place[spot] for spot in way]) for way in ways],
    )


def _layers(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Each node one layer after the last of its inputs; a cycle is cut where it is entered."""
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


def _with_lanes(
    layers: Sequence[Sequence[str]], edges: Sequence[tuple[str, str]]
) -> tuple[list[list[Spot]], list[list[Spot]]]:
    """The layers, and the path of each edge through them, in a lane past the nodes between.

    Where there would be too many lanes to distinguish, edges go straight.
    """
    depth = {name: i for i, layer in enumerate(layers) for name in layer}
    spots: list[list[Spot]] = [[(name,) for name in layer] for layer in layers]
    spans = {(a, b): range(depth[a] + 1, depth[b]) for a, b in edges}
    if sum(map(len, spans.values())) > _MOST_LANES:
        spans = dict.fromkeys(spans, range(0))
    ways: list[list[Spot]] = []
    for (a, b), between in spans.items():
        lanes: list[Spot] = [(a, b, str(i)) for i in between]
        for i, lane in zip(between, lanes, strict=True):
            spots[i].append(lane)
        ways.append([(a,), *lanes, (b,)])
    return spots, ways


def _ordered(layers: list[list[Spot]], edges: Sequence[tuple[Spot, Spot]]) -> list[list[Spot]]:
    """Order each layer by the positions of its nodes' neighbours."""
    near: defaultdict[Spot, list[Spot]] = defaultdict(list)
    for a, b in edges:
        near[a].append(b)
        near[b].append(a)
    at = {spot: float(i) for layer in layers for i, spot in enumerate(layer)}
    for _ in range(_SWEEPS):
        for layer in (*layers, *reversed(layers)):
            layer.sort(key=lambda spot: (_mean([at[n] for n in near[spot]], at[spot]), spot))
            middle = (len(layer) - 1) / 2
            for i, spot in enumerate(layer):
                at[spot] = i - middle
    return layers


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _places(layers: Sequence[Sequence[Spot]]) -> dict[Spot, tuple[float, float]]:
    def high(spot: Spot) -> int:
        return _ASIDE + (_HEIGHT if len(spot) == 1 else _LANE)

    tallest = max((sum(map(high, layer)) for layer in layers), default=0)
    place: dict[Spot, tuple[float, float]] = {}
    for i, layer in enumerate(layers):
        y = _MARGIN + (tallest - sum(map(high, layer))) / 2
        for spot in layer:
            place[spot] = _MARGIN + i * (_WIDTH + _ALONG), y
            y += high(spot)
    return place


def _path(points: Sequence[tuple[float, float]]) -> str:
    """From the right of the first box to the left of the last, straight through lanes between."""
    (x, y), *lanes, (end, last) = points
    x, y = x + _WIDTH, y + _HEIGHT / 2
    path = f"M{x:g} {y:g}"
    for left, top in lanes:
        path += _bend(x, y, left, top + _LANE / 2) + f"H{left + _WIDTH:g}"
        x, y = left + _WIDTH, top + _LANE / 2
    return path + _bend(x, y, end, last + _HEIGHT / 2)


def _bend(x1: float, y1: float, x2: float, y2: float) -> str:
    bend = max(30.0, (x2 - x1) / 2)
    return f"C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"


def _reduced(edges: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without the edges that are implied by a longer path."""
    after: defaultdict[str, set[str]] = defaultdict(set)
    for a, b in edges:
        after[a].add(b)

    def beyond(start: str) -> set[str]:
        """What two or more steps lead to."""
        return reached(chain.from_iterable(after[one] for one in after[start]), after.__getitem__)

    implied = {a: beyond(a) for a, _ in edges}
    return [(a, b) for a, b in edges if b not in implied[a] or b == a]


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
