"""Pages of Markdown and Quarto: complete, and without markup that the package brought."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import markdown  # type: ignore[import-untyped]
import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from data_package.engine.errors import ProjectError
from data_package.engine.export import export
from data_package.engine.export.documents import plain
from data_package_tests.engine.versions.packages import write_package

HOSTILE = [
    "<script>alert(1)</script>",
    "![x](http://a.example/p.png) [y](javascript:z)",
    "{{< include /etc/passwd >}} `{python} 1`",
    "a | b **c** _d_ ~~e~~ $f$ <!-- g -->",
    "# h {.i} :smile: @j [^k]: &amp; &#60;b&#62;",
    "1. one",
    "- - -",
    "::: note",
    "--- ... === +++ ++x++ ==y==",
    "!!! danger",
    "??? note /// details https://a.example www.a.example [[b]] {#c} ~~~ $$d$$",
    "/// note",
    "a_b __c__ visit_date",
]
ELEMENTS = {"h1", "h2", "p", "a", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}
MORE = [f"pymdownx.{name}" for name in ("details", "magiclink", "emoji", "blocks.admonition")]
FLAVOURS: dict[str, Callable[[str], str]] = {
    "commonmark": lambda text: MarkdownIt("commonmark", {"html": True}).render(text),
    "tables": lambda text: (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    ),
    "mkdocs": lambda text: markdown.markdown(
        text, extensions=["extra", "admonition", "attr_list", "toc", *MORE]
    ),
}


class Seen(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_are_text(text: str, flavour: str) -> None:
    seen = Seen(FLAVOURS[flavour](plain(text)))
    assert seen.elements == ["p"]
    assert seen.text.strip() == text


@settings(max_examples=60, deadline=None)
@given(st.text("ab1 -_*#|`<>&;:!.)(\\[]{}~$@^=+%'\"/\n", max_size=20), st.sampled_from([*FLAVOURS]))
def test_any_words_are_text(text: str, flavour: str) -> None:
    shown = " ".join(text.split())
    seen = Seen(FLAVOURS[flavour](plain(text)))
    assert seen.elements == (["p"] if shown else [])
    assert " ".join(seen.text.split()) == shown


def written(tmp_path: Path, words: str) -> Path:
    field = {"name": words, "title": words, "description": words, "type": "string"}
    coded = {"name": "sex", "type": "integer", "categories": [{"value": 1, "label": words}]}
    child = {"foreignKeys": [{"fields": "who", "reference": {"resource": "index", "fields": "id"}}]}
    folder = write_package(
        tmp_path / "package",
        {
            "index": (
                pl.DataFrame({"id": ["P777"], words: ["secret"], "sex": [1]}),
                {
                    "primaryKey": ["id"],
                    "fields": [{"name": "id", "constraints": {"required": True}}, field, coded],
                },
            ),
            "visits": (pl.DataFrame({"who": ["P777"]}), child),
        },
        title=words,
        description=words,
        version="1.2.0",
        licenses=[
            {"name": "CC0-1.0", "path": "https://creativecommons.org/publicdomain/zero/1.0/"}
        ],
        contributors=[{"title": words, "path": "javascript:alert(1)"}],
    )
    descriptor = folder / "datapackage.json"
    document = json.loads(descriptor.read_text())
    document["resources"][0] |= {"title": words, "description": f"{words}\n\n{words}"}
    descriptor.write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize(("form", "ending"), [("markdown", "md"), ("quarto", "qmd")])
def test_there_is_a_page_for_each_table_and_an_index(
    tmp_path: Path, form: str, ending: str
) -> None:
    words = " ".join(HOSTILE)
    done = export(form, tmp_path / "pages", written(tmp_path, words))
    pages = {path.name: path.read_text() for path in done.path.iterdir()}
    assert set(pages) == {f"index.{ending}", f"index-2.{ending}", f"visits.{ending}"}
    for page in pages.values():
        body = page
        if form == "quarto":
            _, head, body = page.split("---\n", 2)
            facts = yaml.safe_load(head)
            assert facts["engine"] == "markdown"
            assert facts["title"] in (plain(words), "visits")
            assert "{{<" not in page
        seen = Seen(FLAVOURS["mkdocs"](body))
        assert set(seen.elements) <= ELEMENTS
        assert "secret" not in page
        assert "P777" not in page
        assert set(re.findall(r"\]\(([^)]*)\)", body)) <= {
            *pages,
            "https://creativecommons.org/publicdomain/zero/1.0/",
        }
    table = Seen(FLAVOURS["mkdocs"](pages[f"index-2.{ending}"]))
    assert table.text.count(words) == 7
    assert "primary key; required" in table.text
    assert f"1 = {words}" in table.text
    assert f"who: id of [index](index-2.{ending})" in pages[f"visits.{ending}"]


def test_pages_are_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    package = written(tmp_path, "words")
    target = tmp_path / "pages"
    export("markdown", target, package)
    export("markdown", target, package, replace=True)
    (target / "mine.md").write_text("precious")
    with pytest.raises(ProjectError, match="other files than an export"):
        export("markdown", target, package, replace=True)
    assert (target / "mine.md").read_text() == "precious"
