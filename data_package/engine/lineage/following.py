"""Following a function: while it runs, the methods of lazy frames record what they do.

The methods of `pl.LazyFrame` are replaced by ones that do the same to the columns, record what
these are computed from, and continue from a new source. This holds for the following thread only,
and only while it follows; other threads get Polars unchanged. A method without a rule ends it: what
is not understood is not reported.
"""

import functools
import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl

from data_package.engine.lineage import grouping, joining, operations
from data_package.engine.lineage.attention import current, paused
from data_package.engine.lineage.column_lineage import CannotFollow
from data_package.engine.lineage.followed_frames import held
from data_package.engine.lineage.pushdown import LOOKS
from data_package.engine.lineage.watched_files import plain

_RULES: Mapping[str, Callable[..., Any]] = {
    **operations.RULES,
    "group_by": grouping.group_by,
    "group_by_dynamic": grouping.windows,
    "rolling": grouping.windows,
}
# These describe a frame without changing it, or are composed of methods with a rule.
_HARMLESS = {"collect_schema", "columns", "dtypes", "explain", "lazy", "pipe", "schema", "width"}
_LOOKING = ("collect", "describe", "execute", "fetch", "profile", "remote", "show", "sink_")
_lock = threading.RLock()
_nested = False


@contextmanager
def following(package: str) -> Iterator[None]:
    """Let threads that follow frames see what the modules of a package do with them.

    Putting the methods in place takes some milliseconds: for many functions, do it once around all.
    """
    global _nested
    with _lock:
        if _nested:
            yield
            return
        _nested = True
        places = _places(package)
        try:
            for owner, name, _, telling in places:
                setattr(owner, name, telling)
            yield
        finally:
            for owner, name, real, _ in places:
                setattr(owner, name, real)
            _nested = False


def _places(package: str) -> list[tuple[object, str, object, object]]:
    """What is replaced: its owner, its name there, what it is, and what takes its place."""
    functions: dict[int, object] = {id(pl.concat): _concat(pl.concat)}
    for name in dir(pl):
        if name.startswith(("scan_", "read_")):
            kind = _scan if name.startswith("scan_") else _read
            functions[id(getattr(pl, name))] = kind(getattr(pl, name))
    top = package.partition(".")[0]
    modules = [m for n, m in list(sys.modules.items()) if n.partition(".")[0] == top]
    places: list[tuple[object, str, object, object]] = [
        (module, name, value, functions[id(value)])
        for module in (pl, *modules)
        for name, value in list(vars(module).items())
        if id(value) in functions
    ]
    for name, method in list(vars(pl.LazyFrame).items()):
        if not name.startswith("_") and name not in _HARMLESS and inspect.isfunction(method):
            places.append((pl.LazyFrame, name, method, _method(name, method)))
    return places


def _method(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """A method of lazy frames that records, where its thread is following."""

    @functools.wraps(real)
    def method(self: pl.LazyFrame, *args: Any, **kwargs: Any) -> Any:
        frames = current()
        if frames is None or not frames.follows:
            return real(self, *args, **kwargs)
        if name in _RULES:
            args, kwargs = _held(args, kwargs)
        with paused():
            given = [one for one in (*args, *kwargs.values()) if isinstance(one, pl.LazyFrame)]
            if all(frames.known(one).number is None for one in (self, *given)):
                # Made of constants alone: it may be anything, and may be looked at.
                return real(self, *args, **kwargs)
            if name in _RULES:
                return _RULES[name](frames, real, self, *args, **kwargs)
            raise CannotFollow(LOOKS if name.startswith(_LOOKING) else f"it uses LazyFrame.{name}")

    return method


def _held(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call, each of which can be iterated repeatedly."""
    return tuple(map(held, args)), {name: held(one) for name, one in kwargs.items()}


def _concat(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def concat(items: Any, **kwargs: Any) -> Any:
        frames = current()
        if frames is None or not frames.follows:
            return real(items, **kwargs)
        items = held(items)
        with paused():
            return joining.concat(frames, real, items, **kwargs)

    return concat


def _scan(real: Callable[..., Any]) -> Callable[..., Any]:
    """A scan of a raw file gives a source with the file's columns."""

    @functools.wraps(real)
    def scan(source: Any, *args: Any, **kwargs: Any) -> Any:
        frames = current()
        owner = frames.files.owner_of(source) if frames is not None else None
        if frames is None or owner is None:
            return real(source, *args, **kwargs)
        args, kwargs = _held(args, kwargs)
        with paused():
            files, path = frames.files, plain(source)
            words = repr((real.__name__, path, args, kwargs))
            if words not in files.schemas:
                files.schemas[words] = real(path, *args, **kwargs).collect_schema()
            files.scanned.add(owner)
            added = {kwargs.get("row_index_name"), kwargs.get("include_file_paths")}
            return frames.source(owner, files.schemas[words], without=added)

    return scan


def _read(real: Callable[..., Any]) -> Callable[..., Any]:
    """Reading a raw file eagerly looks at its data, so it is not followed."""

    @functools.wraps(real)
    def read(source: Any = None, *args: Any, **kwargs: Any) -> Any:
        frames = current()
        if frames is not None and (owner := frames.files.owner_of(source)) is not None:
            frames.files.opened.add(owner)
        return real(source, *args, **kwargs)

    return read
