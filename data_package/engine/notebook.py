"""Results as values in Python, and as HTML for notebooks.

In HTML everything is escaped, and nothing in it can run or call out.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Generic, TypeVar

Part = TypeVar("Part")


class Parts(Generic[Part]):
    """A result that is made of parts, which have names.

    It can be iterated and counted; `in` finds a part, or its name. It is true when it is good, also
    without parts. `str` gives all of it as text, and what Python shows is the first line.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def parts(self) -> Sequence[Part]:
        """The parts, in the order in which they are shown."""

    def __iter__(self) -> Iterator[Part]:
        """The parts, one after another."""
        return iter(self.parts)

    def __len__(self) -> int:
        """How many parts there are."""
        return len(self.parts)

    def __contains__(self, one: object) -> bool:
        """Whether a part is there, by itself or by its name."""
        return any(one == part or one == self.name_of(part) for part in self.parts)

    @abstractmethod
    def __bool__(self) -> bool:
        """Whether the result is good."""

    @abstractmethod
    def __str__(self) -> str:
        """All of it as text, without a value of any row."""

    def __repr__(self) -> str:
        """The first line, for whoever looks at it in Python."""
        first = next(iter(str(self).splitlines()), "")
        return f"<{type(self).__name__} {first}>"

    @classmethod
    def name_of(cls, part: Part) -> object:
        """The name of a part."""
        return getattr(part, "name", None)


class NamedParts(Parts[Part]):
    """The same, with names that are unique: `[]` gives the part of a name."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Part:
        """The part of this name. Raises KeyError where there is none."""
        for part in self.parts:
            if self.name_of(part) == name:
                return part
        raise KeyError(self.without(name))

    def without(self, name: object) -> str:
        """The message for a name that no part has."""
        return f"there is no {name!r} among the {len(self.parts)} of this {type(self).__name__}"


def html_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts; empty for one without rows."""
    body = "".join(_row("td", row) for row in rows)
    head = _row("th", heads)
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>" if body else ""


def _row(kind: str, cells: Sequence[str]) -> str:
    # Notebooks align cells to the right, as in tables of numbers.
    inner = "".join(f'<{kind} style="text-align:left">{escape(cell)}</{kind}>' for cell in cells)
    return f"<tr>{inner}</tr>"


def html_line(text: str) -> str:
    """A line of text; empty for an empty one."""
    return f"<p>{escape(text)}</p>" if text else ""


def html_text(text: str) -> str:
    """A text of several lines, as it is; empty for an empty one."""
    return f"<pre>{escape(text)}</pre>" if text else ""
