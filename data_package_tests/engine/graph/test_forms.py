"""The graph in its forms: what it shows, folded and open, and what hostile names do to it."""

import json
import re
import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from html import unescape
from pathlib import Path

import pytest

from data_package.engine.graph.layout import diagram
from data_package.engine.graph.nodes import FILES, DrawnNode, Graph, folded
from data_package.engine.graph.page import html
from data_package.engine.graph.picture import png, svg
from data_package.engine.graph.text import dot, mermaid
from data_package.engine.graph.write import content_of, format_of
from data_package_tests.browser import CHROMIUM, browser, shown

HOSTILE = "</script><img src=x onerror=alert(1)>\"]; --> x & \\ ' \x07 #quot; %% {{1}}"
GRAPH = Graph(
    "study",
    [
        DrawnNode("people_file", FILES, "file", facts=(("path", "people.csv"),)),
        DrawnNode("people", "raw", "fresh", ("people_file",)),
        DrawnNode("visits", "raw", "stale", ("people_file",), (("why", "code changed"),)),
        DrawnNode("adults", "final", "failed", ("people", "visits"), (("error", "wrong\nhere"),)),
        DrawnNode("counts", "final", "missing", ("adults", "people")),
    ],
)


def test_a_folded_group_shows_the_number_of_its_tables_and_their_worst_state() -> None:
    found = folded(GRAPH, ["raw", FILES])
    nodes = {node.name: node for node in found.nodes}
    assert [*nodes] == [FILES, "raw", "adults", "counts"]
    assert nodes["raw"].state == "stale"
    assert nodes["raw"].folded == (("stale", 1), ("fresh", 1))
    assert nodes["raw"].label == "raw (2 tables)"
    assert nodes[FILES].label == "raw files (1 file)"
    assert found.edges == [
        (FILES, "raw"),
        ("raw", "adults"),
        ("adults", "counts"),
        ("raw", "counts"),
    ]


def test_a_group_with_the_name_of_a_table_is_distinguished_from_it() -> None:
    graph = Graph(
        "s", [DrawnNode("final", "raw", "fresh"), DrawnNode("x", "final", "fresh", ("final",))]
    )
    found = folded(graph, ["final"])
    assert [node.name for node in found.nodes] == ["final", "group final"]
    assert found.edges == [("final", "group final")]


def test_folding_groups_that_need_each_other_ends() -> None:
    graph = Graph(
        "s",
        [
            DrawnNode("a", "one", "fresh"),
            DrawnNode("b", "two", "fresh", ("a",)),
            DrawnNode("c", "one", "fresh", ("b",)),
        ],
    )
    found = folded(graph, ["one", "two"])
    assert sorted(found.edges) == [("one", "two"), ("two", "one")]
    assert "<svg" in svg(found)


def test_mermaid_has_every_table_line_and_state() -> None:
    text = mermaid(GRAPH)
    assert text.startswith("flowchart LR\n")
    assert '  subgraph g1["raw"]\n    n1("✓ people"):::fresh\n    n2("~ visits"):::stale' in text
    assert 'n0[("▤ people_file")]:::file' in text
    assert "  n3 --> n4\n" in text


def test_dot_has_every_table_line_and_state() -> None:
    text = dot(GRAPH)
    assert '"adults" [label="✗ adults"' in text
    assert '  "people" -> "adults";' in text
    assert text.startswith("digraph {\n")
    assert text.endswith("}\n")


def test_hostile_names_are_text_in_every_form() -> None:
    graph = Graph(HOSTILE, [DrawnNode(HOSTILE, HOSTILE, "fresh", (), (("why", HOSTILE),))])
    # In Mermaid every sign that could mean something is written as a number.
    labels = re.findall(r'"(.*?)"', mermaid(graph))
    assert len(labels) == 2
    assert all(re.fullmatch(r"[✓\w ./()-]*(#\d+;[\w ./()-]*)*", label) for label in labels)
    # In DOT a name is a quoted text, and nothing of it stands outside.
    assert dot(graph).count("\n") == dot(Graph("x", [DrawnNode("x", "x", "fresh")])).count("\n")
    unquoted = re.sub(r'"(?:[^"\\]|\\.)*"', "", dot(graph))
    assert "onerror" not in unquoted
    # In SVG it is text of elements that are known.
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(svg(graph)).iter()}
    assert tags <= {"svg", "title", "rect", "g", "text", "path"}
    # In the page it stands as JSON or escaped.
    page = html(graph, HOSTILE)
    assert page.count("</script>") == 2
    assert "<img" not in page


def test_the_page_is_closed_to_everything_else() -> None:
    page = html(GRAPH, "Study")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy.group(1).startswith("default-src &#39;none&#39;")
    assert policy.group(1).count("sha256-") == 2
    assert not re.search(r"""(?:src|href|action|url)\s*[=(]\s*["']?(?:https?:)?//""", page)
    assert " style=" not in page
    assert page == html(GRAPH, "Study")


def test_a_png_is_drawn() -> None:
    content = png(GRAPH)
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    # One that is larger than the largest picture is drawn at a pixel for each unit.
    many = png(Graph("s", [DrawnNode(f"t{i}", "raw", "fresh") for i in range(350)]))
    assert many[:4] == b"\x89PNG"
    assert struct.unpack(">I", many[20:24]) == (350 * 48 + 56,)


def test_many_tables_are_drawn_folded_unless_they_are_asked_for() -> None:
    many = Graph("s", [DrawnNode(f"t{i}", "raw", "fresh") for i in range(500)])
    assert "raw (500 tables)" in str(content_of(many, "mermaid", title="s"))
    assert "t499" in str(content_of(many, "mermaid", title="s", fold=False))
    assert '"fold":true' in str(content_of(many, "html", title="s"))
    assert '"fold":false' in html(GRAPH, "s")


def test_the_name_of_a_file_says_the_form() -> None:
    names = ["a.svg", "a.PNG", "a.mmd", "a.gv", "a.dot", "a.html", "a.txt", "a"]
    assert [format_of(Path(name)) for name in names] == [
        "svg",
        "png",
        "mermaid",
        "dot",
        "dot",
        "html",
        None,
        None,
    ]


def test_a_line_past_a_layer_crosses_no_box() -> None:
    names = ["a", "b", "c", "d"]
    drawing = diagram(
        [(name, "raw") for name in names],
        [("a", "b"), ("b", "d"), ("a", "c"), ("c", "d"), ("a", "d")],
        "x",
    )
    boxes = {box.name: box for box in drawing.boxes}
    long = drawing.paths[
        sorted([("a", "b"), ("b", "d"), ("a", "c"), ("c", "d"), ("a", "d")]).index(("a", "d"))
    ]
    heights = [float(y) for y in re.findall(r"([\d.]+)H", long)]
    assert len(heights) == 1
    for name in ("b", "c"):
        box = boxes[name]
        assert not box.y <= heights[0] <= box.y + box.height


def test_the_facts_are_json() -> None:
    text = json.dumps(GRAPH.to_dict())
    assert json.loads(text)["nodes"][3]["inputs"] == ["people", "visits"]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_draws_every_table_and_runs_nothing_else(tmp_path: Path) -> None:
    odd = DrawnNode(HOSTILE, "raw", "fresh", ("people",), (("description", HOSTILE),))
    path = tmp_path / "graph.html"
    graph = Graph("s", [*GRAPH.nodes, odd])
    path.write_text(html(graph, HOSTILE))
    done = shown(path, "--enable-logging=stderr", part="adults")
    assert "CONSOLE" not in done.stderr
    assert done.stdout.count('role="button"') == 6
    assert "<img" not in done.stdout.split("<script")[0]
    panel = done.stdout.split('<div id="about">')[1].split("</aside>")[0]
    assert "✗ failed" in panel
    assert '<div class="error" dir="auto">wrong\nhere</div>' in panel
    assert "Made from (2)" in panel
    # The page lays out with a script, the picture without one: both must come to the same.
    places = re.findall(
        r'aria-label="([^"]*), [^,"]+" transform="translate\((\S+) (\S+)\)', done.stdout
    )
    on_page = columns((unescape(name), float(x), float(y)) for name, x, y in places)
    drawing = diagram([(node.name, node.state) for node in graph.nodes], graph.edges, "s")
    assert on_page == columns((box.name, box.x, box.y) for box in drawing.boxes)


def columns(boxes: Iterable[tuple[str, float, float]]) -> list[list[str]]:
    """The names in each column, from above, columns from the left."""
    found: dict[float, list[str]] = {}
    for name, x, _ in sorted(boxes, key=lambda box: box[1:]):
        found.setdefault(x, []).append(name)
    return list(found.values())


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_graph_opens_folded_on_a_phone(tmp_path: Path) -> None:
    nodes = [DrawnNode(f"table_{at}", "raw", "fresh") for at in range(20)]
    page = tmp_path / "graph.html"
    page.write_text(html(Graph("study", nodes), "study"))
    drawn = "document.querySelectorAll('.node').length"
    with browser(tmp_path) as tab:
        for width, boxes in ((1280, 20), (390, 1)):
            tab.call(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=800,
                deviceScaleFactor=1,
                mobile=width == 390,
            )
            tab.open("about:blank")
            tab.open(page.as_uri())
            tab.wait_until(lambda boxes=boxes: tab.ask(drawn) == boxes)  # type: ignore[misc]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_printed_graph_has_every_table_and_the_screen_is_as_before(tmp_path: Path) -> None:
    nodes = [DrawnNode(f"table_{at}", "raw", "fresh") for at in range(70)]
    page = tmp_path / "graph.html"
    page.write_text(html(Graph("study", nodes), "study"))
    with browser(tmp_path) as tab:
        tab.open(page.as_uri())
        tab.wait_until(lambda: tab.ask("document.querySelectorAll('.node').length") == 1)
        tab.ask("window.dispatchEvent(new Event('beforeprint'))")
        assert tab.ask("document.querySelectorAll('.node').length") == 70
        wide, high = tab.ask("document.getElementById('graph').getAttribute('viewBox')").split()[2:]
        corners = "[...document.querySelectorAll('.node')].map((n) => n.getAttribute('transform'))"
        for found in tab.ask(corners):
            x, y = re.findall(r"[\d.]+", found)
            assert float(x) + 218 < float(wide)
            assert float(y) + 38 < float(high)
        assert "table_69 (raw, fresh)" in tab.ask("document.getElementById('printed').textContent")
        tab.ask("window.dispatchEvent(new Event('afterprint'))")
        assert tab.ask("document.querySelectorAll('.node').length") == 1
        assert tab.ask("document.getElementById('graph').hasAttribute('viewBox')") is False
        assert tab.ask("document.getElementById('printed').hidden") is True


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_name_that_is_cut_in_the_picture_is_whole_for_voice_control(tmp_path: Path) -> None:
    name = "a_table_with_a_name_of_many_letters"
    path = tmp_path / "graph.html"
    path.write_text(html(Graph("s", [DrawnNode(name, "raw", "fresh")]), "s"))
    box = shown(path).stdout.split('role="button"')[1].split("</g>")[0]
    assert f'aria-label="{name}, fresh"' in box
    assert f">{name}</text>" in box


def test_everything_on_the_page_of_a_graph_is_in_a_landmark() -> None:
    body = html(GRAPH, "study").split("<body>")[1].split("<noscript>")[0]
    outside = re.sub(r"<(header|main)>.*?</\1>", "", body, flags=re.DOTALL)
    assert outside.strip() == ""
