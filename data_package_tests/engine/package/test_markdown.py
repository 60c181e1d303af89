"""Plain text is shown in Markdown as it is, by another's reading of Markdown."""

import re

import markdown  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from data_package.engine.package.markdown import line, paragraphs

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PARTS = [*"ab 1.)-+*_`#<>[]()!|\\~&;=:/\"'$ø", "&amp;", "http://x", "<!--", "]("]
TEXTS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=30).map("".join)


def shown(document: str) -> tuple[list[str], str]:
    """The kinds of blocks of a document, and the text of its first line of words."""
    tokens = MARKDOWN.parse(document)
    inline = [token for token in tokens if token.type == "inline"]
    parts = (inline[-1].children or []) if inline else []
    kinds = {part.type for part in parts} - {"text", "text_special"}
    assert not kinds, kinds
    return [token.type for token in tokens], "".join(part.content for part in parts)


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_plain_text_is_not_markup(text: str) -> None:
    plain = " ".join(text.split())
    if not plain:
        return
    assert shown(f"# {line(text)}\n") == (["heading_open", "inline", "heading_close"], plain)
    assert shown(f"{line(text)}\n") == (["paragraph_open", "inline", "paragraph_close"], plain)
    kinds, output = shown(f"> {line(text)}\n")
    assert output == plain
    assert kinds[0] == "blockquote_open"
    _, output = shown(f"| a |\n|---|\n| {line(text)} |\n")
    assert output == plain


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("subject_id of a_b", "subject_id of a_b"),
        ("HLA-A*02, dose <mg>, x_1_", r"HLA-A\*02, dose \<mg\>, x_1\_"),
        ("![i](http://x)", r"!\[i\](http\://x)"),
        ("<!-- a", r"\<!-- a"),
        ("- a\n  b", r"\- a b"),
        ("1. a", r"1\. a"),
        ("C#", r"C\#"),
        ("at 12:30, http status, w.w", "at 12:30, http status, w.w"),
        ("!", "!"),
        ("A & B &amp;", r"A & B \&amp;"),
    ],
)
def test_only_what_would_be_markup_is_escaped(text: str, escaped: str) -> None:
    assert line(text) == escaped


OTHERS = [
    *("!!! note", '!!! danger "x"', "??? note", "???+ note", "=== tab", "::: name", "/// note"),
    *("{#id}", "x {#id .c}", "{: .c}", "a{:.c}", "{++a++}", "{--a--}", "{==a==}", "{~~a~>b~~}"),
    *("[[page]]", "$$x$$", "$x$", "~~~", "~~~ py", "```", "<!-- a -->", "a[^1]", "[^1]: foot"),
    *("http://a.example", "https://a.example/x", "www.a.example", "ftp://a.example", ":smile:"),
    *("*[HTML]: x", ": definition", "a^b^", "^^a^^", "H~2~O", "[ ] task", "[x] task", "[TOC]"),
    *("<http://a.example>", "> [!NOTE]", "</td>", "- [ ] a"),
]
BY_OTHERS = ["extra", "admonition", "attr_list", "toc", "wikilinks"]
BY_OTHERS += [
    f"pymdownx.{name}"
    for name in ("details", "superfences", "tilde", "caret", "mark", "critic", "tasklist", "emoji")
]
BY_OTHERS += ["pymdownx.magiclink", "pymdownx.escapeall", "pymdownx.blocks.admonition"]


@pytest.mark.parametrize("text", OTHERS)
def test_plain_text_is_not_what_other_readers_take_for_markup(text: str) -> None:
    reader = markdown.Markdown(extensions=BY_OTHERS)
    for document, elements in (
        (f"{line(text)}\n", ["p"]),
        (f"a\n\n{line(text)}\n\nb\n", ["p", "p", "p"]),
        (f"- {line(text)}\n", ["ul", "li"]),
        (f"> {line(text)}\n", ["blockquote", "p"]),
    ):
        reader.reset()
        assert re.findall(r"<(\w+)[ >]", reader.convert(document)) == elements


@pytest.mark.parametrize(
    "text",
    [
        "~~~",
        "```",
        "a\n```py\nb",
        "~~~~\n~~~",
        "<!-- a",
        "<div>",
        "a <script>",
        "<?php",
        "<![CDATA[",
    ],
)
def test_what_follows_a_description_is_not_part_of_it(text: str) -> None:
    kinds = [token.type for token in MARKDOWN.parse(f"{paragraphs(text)}\n\n## Tables\n")]
    assert kinds[-3:] == ["heading_open", "inline", "heading_close"]
    assert not {"html_block", "html_inline"} & set(kinds)


def test_a_description_keeps_its_own_markup() -> None:
    text = "Of *people*, see <https://a.example>.\n\n```\nx <b> y\n```\n\n- 3 < 4"
    assert paragraphs(f"\n{text}\n") == text
