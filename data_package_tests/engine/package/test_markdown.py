"""Plain text is shown in Markdown as it is, by another's reading of Markdown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from data_package.engine.package.markdown import line

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


@given(TEXTS)
def test_plain_text_is_not_markup(text: str) -> None:
    plain = " ".join(text.split())
    if not plain:
        return
    assert shown(f"# {line(text)}\n") == (["heading_open", "inline", "heading_close"], plain)
    assert shown(f"{line(text)}\n") == (["paragraph_open", "inline", "paragraph_close"], plain)
    kinds, said = shown(f"> {line(text)}\n")
    assert said == plain
    assert kinds[0] == "blockquote_open"
    _, said = shown(f"| a |\n|---|\n| {line(text)} |\n")
    assert said == plain


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("subject_id of a_b", "subject_id of a_b"),
        ("HLA-A*02, dose <mg>, x_1_", r"HLA-A\*02, dose \<mg\>, x_1\_"),
        ("![i](http://x)", r"!\[i\](http://x)"),
        ("<!-- a", r"\<!-- a"),
        ("- a\n  b", r"\- a b"),
        ("1. a", r"1\. a"),
        ("C#", r"C\#"),
        ("A & B &amp;", r"A & B \&amp;"),
    ],
)
def test_only_what_would_be_markup_is_escaped(text: str, escaped: str) -> None:
    assert line(text) == escaped
