"""What commands are told of how a delivered file is written."""

from collections.abc import Sequence

_TABS = ("\\t", "tab")


def dialect_of(delimiter: str | None) -> dict[str, object] | None:
    """The dialect that `--delimiter` stands for; `tab` and a backslash with a t are one, too."""
    if delimiter is None:
        return None
    return {"delimiter": "\t" if delimiter in _TABS else delimiter}


def doubts(labels: Sequence[str]) -> str:
    """What a header says of a file that was meant to be read otherwise, or nothing."""
    from data_package.engine.schema.header import other_delimiter
    from data_package.engine.schema.split import MARK

    if any(MARK in label for label in labels):
        return "Its header is not UTF-8: say how it is encoded, often --encoding cp1252."
    if other := other_delimiter(labels, ","):
        return f"It has a single column: its cells seem to be separated by {other!r}, --delimiter."
    return ""
