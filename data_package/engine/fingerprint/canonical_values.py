"""The canonical form of values at run time: closures, partial arguments, parameters.

Only digests of them are ever kept: a value may come from data. A value without canonical form is
marked as opaque, and the caller covers the code that made it instead.
"""

import datetime as dt
import decimal
import enum
import functools
import re
import sys
import types
import uuid
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, fields, is_dataclass
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Final

from data_package.engine.fingerprint.canon import constant

_DEEPEST: Final = 60
_EXACT: Final = (dt.date, dt.datetime, dt.time, dt.timedelta, decimal.Decimal, Fraction, complex,
                 uuid.UUID, range, slice, dt.timezone)  # fmt: skip


@dataclass
class Text:
    """Canonical text with references in between: `texts[i]` comes before `refs[i]`."""

    texts: list[str] = field(default_factory=lambda: [""])
    refs: list[tuple[Hashable, str]] = field(default_factory=list)

    def write(self, text: str) -> None:
        """Append plain text."""
        self.texts[-1] += text + "\n"

    def refer(self, key: Hashable, label: str) -> None:
        """Append a reference to another node, shown as `label`."""
        self.refs.append((key, label))
        self.texts.append("")

    def extend(self, other: "Text") -> None:
        """Append another text with its references."""
        self.texts[-1] += other.texts[0]
        self.texts += other.texts[1:]
        self.refs += other.refs

    def flat(self) -> str:
        """The text with each reference replaced by its label."""
        labels = [f"<{label}>" for _, label in self.refs] + [""]
        return "".join(text + label for text, label in zip(self.texts, labels, strict=True))


Refer = Callable[[object], tuple[Hashable, str] | None]
"""The node of a function, class or module of the project; None for a library's."""


def describe(value: object, refer: Refer, root: Path | None) -> tuple[Text, list[str]]:
    """The canonical text of a value, and the types in it that have none.

    `root`: the project's folder; paths inside it are written relative to it, so that they are the
    same on every machine.
    """
    describer = _Describer(refer, root)
    text = Text()
    try:
        describer.describe(value, text, 0)
    except RecursionError:
        describer.opaque.append(type(value).__name__)
    return text, describer.opaque


class _Describer:
    def __init__(self, refer: Refer, root: Path | None) -> None:
        self._refer = refer
        self._root = root
        self._inside: list[int] = []
        self.opaque: list[str] = []

    def describe(self, value: object, text: Text, depth: int) -> None:
        kind = type(value)
        if value is None or kind in (bool, int, float, bytes) or value is Ellipsis:
            text.write(constant(value))
        elif kind is str:
            text.write(constant(self._portable(str(value))))
        elif depth > _DEEPEST or id(value) in self._inside:
            text.write("again" if id(value) in self._inside else "deep")
            if depth > _DEEPEST:
                self.opaque.append(kind.__name__)
        else:
            self._inside.append(id(value))
            self._compound(value, text, depth + 1)
            self._inside.pop()

    def _compound(self, value: object, text: Text, depth: int) -> None:  # noqa: C901
        kind = type(value)
        if isinstance(value, enum.Enum):
            text.write(f"member {value.name}")
            self.describe(kind, text, depth)
        elif isinstance(value, PurePath):
            text.write(f"path {constant(self._portable(value.as_posix()))}")
        elif kind in _EXACT:
            text.write(f"{kind.__name__} {value!r}")
        elif kind in (list, tuple):
            self._sequence(kind.__name__, list(value), text, depth)  # type: ignore[call-overload]
        elif kind in (set, frozenset):
            members = []
            for member in value:  # type: ignore[attr-defined]
                inner = Text()
                self.describe(member, inner, depth)
                members.append(inner)
            text.write(f"{kind.__name__} {len(members)}")
            for inner in sorted(members, key=Text.flat):
                text.extend(inner)
        elif isinstance(value, dict | types.MappingProxyType):
            text.write(f"dict {len(value)}")
            if kind not in (dict, types.MappingProxyType):
                self.describe(kind, text, depth)
            for key, inner_value in value.items():
                self.describe(key, text, depth)
                self.describe(inner_value, text, depth)
        elif isinstance(value, re.Pattern):
            text.write(f"pattern {value.flags}")
            self.describe(value.pattern, text, depth)
        elif isinstance(value, functools.partial):
            self._sequence("partial", [value.func, value.args, value.keywords], text, depth)
        elif isinstance(value, property):
            self._sequence("property", [value.fget, value.fset, value.fdel], text, depth)
        elif isinstance(value, types.MethodType):
            self._sequence("method", [value.__func__, value.__self__], text, depth)
        elif not self._polars(value, text, depth):
            self._other(value, text, depth)

    def _sequence(self, name: str, values: list[object], text: Text, depth: int) -> None:
        text.write(f"{name} {len(values)}")
        for value in values:
            self.describe(value, text, depth)

    def _other(self, value: object, text: Text, depth: int) -> None:
        kind = type(value)
        known = self._refer(value)
        if known is not None:
            text.refer(*known)
            return
        if isinstance(value, types.ModuleType):
            text.write(f"module {value.__name__}")
            return
        if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
            qualname = str(getattr(value, "__qualname__", ""))
            if "<locals>" in qualname or "<lambda>" in qualname:
                self.opaque.append(qualname)
            text.write(f"library {getattr(value, '__module__', '')}.{qualname}")
            return
        of_project = self._refer(kind)
        if of_project is not None:
            text.write("instance")
            text.refer(*of_project)
        if isinstance(value, tuple):
            self._sequence(kind.__qualname__, list(value), text, depth)
        elif is_dataclass(value) and (of_project or kind.__dataclass_params__.frozen):  # type: ignore[attr-defined]
            text.write(f"dataclass {kind.__qualname__}")
            for entry in fields(value):
                text.write(entry.name)
                self.describe(getattr(value, entry.name, None), text, depth)
        elif of_project is not None:
            state = dict(getattr(value, "__dict__", {}))
            for slot in _slots(kind):
                if hasattr(value, slot):
                    state[slot] = getattr(value, slot)
            for name in sorted(state):
                text.write(name)
                self.describe(state[name], text, depth)
        else:
            self.opaque.append(f"{kind.__module__}.{kind.__qualname__}")
            text.write(f"opaque {kind.__module__}.{kind.__qualname__}")

    def _polars(self, value: object, text: Text, depth: int) -> bool:
        pl = sys.modules.get("polars")
        if pl is None:
            return False
        if isinstance(value, pl.Expr):
            try:
                serialized = str(value.meta.serialize(format="json"))
            except Exception:  # noqa: BLE001  Polars raises a different error for each cause
                serialized = "Python"
            if "Python" in serialized or "Anonymous" in serialized:
                # It holds a Python function as pickled bytes, which differ from run to run.
                return False
            text.write(f"expression {constant(serialized)}")
            return True
        if isinstance(value, pl.DataType) or (
            isinstance(value, type) and issubclass(value, pl.DataType)
        ):
            text.write(f"dtype {value!r}")
            return True
        if isinstance(value, pl.Series | pl.DataFrame):
            frame = value.to_frame() if isinstance(value, pl.Series) else value
            text.write(f"frame {frame.schema!r}")
            self.describe(frame.to_dict(as_series=False), text, depth)
            return True
        return False

    def _portable(self, text: str) -> str:
        root = self._root.as_posix() if self._root is not None else ""
        if root and (text == root or text.startswith(f"{root}/")):
            return f"<project>{text[len(root) :]}"
        return text


def _slots(kind: type) -> list[str]:
    slots: list[str] = []
    for base in kind.__mro__:
        own = base.__dict__.get("__slots__", ())
        slots += [own] if isinstance(own, str) else list(own)
    return slots
