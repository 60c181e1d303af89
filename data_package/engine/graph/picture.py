"""The graph as a picture: SVG, and PNG made of it."""

from html import escape

from data_package.engine.errors import ProjectError
from data_package.engine.graph.layout import Box, diagram
from data_package.engine.graph.looks import LOOKS, Look
from data_package.engine.graph.nodes import FILE, MARKS, DrawnNode, Graph

# Pixels of a PNG's longer side, and for each unit of the drawing.
_LARGEST = 16_000
_PIXELS = 2
_FONTS = "system-ui,'Noto Sans','DejaVu Sans',sans-serif"
_HEAD = 46
_WORDS = {FILE: "raw file"}


def svg(graph: Graph) -> str:
    """A self-contained drawing: no style sheet, no script, no font."""
    drawing = diagram([(node.name, node.state) for node in graph.nodes], graph.edges, graph.title)
    width, height = max(drawing.width, 640.0), drawing.height + _HEAD
    nodes = {node.name: node for node in graph.nodes}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" font-family="{_FONTS}">',
        f"<title>{_text(graph.title)}</title>",
        f'<rect width="{width:g}" height="{height:g}" fill="#fbfaf8"/>',
        _legend(graph),
        f'<g transform="translate(0 {_HEAD})">',
        '<g fill="none" stroke="#5a656d" stroke-opacity=".45" stroke-width="1.3">',
        *(f'<path d="{path}"/>' for path in drawing.paths),
        "</g>",
        *(_box(box, nodes[box.name]) for box in drawing.boxes),
        "</g></svg>",
    ]
    return "\n".join(parts) + "\n"


def png(graph: Graph) -> bytes:
    """The same as a PNG, two pixels for each unit, or one where it would be too large.

    Raises ProjectError when the library that draws it is not installed.
    """
    try:
        import resvg_py
    except ImportError:
        raise ProjectError(
            "A PNG is drawn by the library resvg-py, which is not installed.\n"
            "Install it: pip install 'data-package[png]', or use --format svg."
        ) from None
    text = svg(graph)
    longest = max(float(part) for part in text.split('viewBox="0 0 ')[1].split('"')[0].split())
    zoom = max(1, min(_PIXELS, int(_LARGEST / longest)))
    return bytes(resvg_py.svg_to_bytes(svg_string=text, zoom=zoom))


def _box(box: Box, node: DrawnNode) -> str:
    look = LOOKS[node.state]
    stack = "".join(
        f'<rect x="{box.x + by:g}" y="{box.y + by:g}" width="{box.width}" height="{box.height}" '
        f'rx="7" fill="{look.fill}" stroke="{look.ink}"/>'
        for by in ((6, 3) if node.folded else ())
    )
    label = box.text if not node.folded else node.label
    return (
        f"<g><title>{_text(f'{node.label}: {_WORDS.get(node.state, node.state)}')}</title>{stack}"
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width}" height="{box.height}" rx="7" '
        f"{_paint(look)}/>"
        f'<text x="{box.x + 10:g}" y="{box.y + 21.5:g}" font-size="12" fill="{look.ink}">'
        f"{MARKS[node.state]}</text>"
        f'<text x="{box.x + 27:g}" y="{box.y + 21.5:g}" font-size="11.5" fill="#1d2327">'
        f"{_text(label)}</text></g>"
    )


def _legend(graph: Graph) -> str:
    counts: dict[str, int] = {}
    for node in graph.nodes:
        for state, count in node.folded or ((node.state, 1),):
            counts[state] = counts.get(state, 0) + count
    parts, x = [], 12
    for state in (s for s in MARKS if s in counts):
        plural = "s" if state == FILE and counts[state] > 1 else ""
        words = f"{MARKS[state]} {counts[state]} {_WORDS.get(state, state)}{plural}"
        wide = 26 + 7 * len(words)
        parts.append(
            f'<rect x="{x}" y="11" width="{wide}" height="24" rx="7" '
            f"{_paint(LOOKS[state])}/>"
            f'<text x="{x + 12}" y="27.5" font-size="12" fill="#1d2327">{words}</text>'
        )
        x += wide + 8
    return "".join(parts)


def _paint(look: Look) -> str:
    dashed = f' stroke-dasharray="{look.dashes}"' if look.dashes else ""
    return f'fill="{look.fill}" stroke="{look.ink}" stroke-width="{look.width}"{dashed}'


def _text(text: str) -> str:
    """Text within markup; characters that XML does not allow are left out."""
    return escape("".join(sign for sign in text if sign.isprintable()))
