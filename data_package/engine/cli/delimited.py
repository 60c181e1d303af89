"""What commands are told of how a delivered file is written."""

_TABS = ("\\t", "tab")


def dialect_of(delimiter: str | None) -> dict[str, object] | None:
    """The dialect that `--delimiter` stands for; `tab` and a backslash with a t are one, too."""
    if delimiter is None:
        return None
    return {"delimiter": "\t" if delimiter in _TABS else delimiter}
