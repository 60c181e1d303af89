"""Names that are almost the standard's own."""

from collections.abc import Iterable, Iterator

from data_package.engine.errors import did_you_mean


def misspelt(
    written: Iterable[object], known: Iterable[str], elsewhere: Iterable[str] = ()
) -> Iterator[tuple[str, str]]:
    """Give every name that is close to a known one, or that belongs one level deeper.

    Other names are the publisher's own properties, which the standard allows.
    """
    names = sorted(known)
    deeper = set(elsewhere) - set(names)
    for name in map(str, written):
        if name in names:
            continue
        if name in deeper:
            yield name, f"{name!r} belongs one level deeper; move it under schema:"
        elif hint := did_you_mean(name, names):
            yield name, f"unknown property {name!r}.{hint}"
