"""Options for how a delivered file is written."""

_TABS = ("\\t", "tab")


def dialect_of(delimiter: str | None) -> dict[str, object] | None:
    """The dialect of `--delimiter`; `tab` and a backslash with a t mean a tab."""
    if delimiter is None:
        return None
    return {"delimiter": "\t" if delimiter in _TABS else delimiter}
