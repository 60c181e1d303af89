"""What a file format is: a value that owns all that depends on the format of a delivered file.

Each format has a module beside this one, or shares one with its family; `FORMATS` in the package
lists them. A format is of one of two kinds. The cells of *text-celled* files are text: `records`
opens them, and they are read as delimited text is, cell by cell. The columns of *typed* files have
types of their own: `typed` opens them, and a column is converted to its field's type.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from data_package.engine.schema.dialect import Dialect, Form

if TYPE_CHECKING:
    import polars as pl

    from data_package.engine.schema.split import Block, Shape

T = TypeVar("T")


class TextRecords(Protocol):
    """The rows of a text-celled file, as `schema.records.Records` gives them.

    It has been opened, and its header is known.

    Attributes:
        labels: the labels of the columns; empty without a header row.
        first_row: the number of the first row after the header.
        blank_rows: the numbers of the empty rows above the header.
        broken_header: whether its quotes are wrong.
        is_empty: whether there is nothing in the file.
        part: which part of the file they are, such as a sheet; empty for a whole file.
    """

    labels: tuple[str, ...]
    first_row: int
    blank_rows: tuple[int, ...]
    broken_header: bool
    is_empty: bool
    part: str

    def __enter__(self) -> "TextRecords":
        """The records."""

    def __exit__(self, *_: object) -> None:
        """Close the file."""

    def blocks(self, shape: "Shape", read: "Callable[[Block], T]") -> "Iterator[tuple[Block, T]]":
        """Give the rows after the header block by block, with what `read` makes of each."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a typed file says of one of its columns, besides its type.

    Attributes:
        title: its label.
        description: how it is displayed, such as the name of its format.
        labels: what its values stand for, by the value as text.
        missing: the values, as text, that stand for a missing one.
        missing_ranges: bounds, both included, between which every value stands for a missing one.
    """

    title: str = ""
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    missing_ranges: tuple[tuple[float, float], ...] = ()


class Batches(Protocol):
    """What gives the named columns of a typed file piece by piece."""

    def __call__(
        self, names: Sequence[str], coded: Collection[str] = (), whole: Collection[str] = ()
    ) -> "Iterator[pl.DataFrame]":
        """Give them in the order of the file's rows.

        With a column of `coded` comes another one, `code_column` of its name: the code of each
        missing value, as text, where the file has one. A column of floats of `whole` may come as
        Int64, where all its values in a piece are whole.
        """


@dataclass(frozen=True, slots=True)
class TypedFile:
    """A typed file that has been opened.

    Attributes:
        columns: their types, by name, in the file's order.
        batches: gives columns piece by piece, in the order of the file's rows.
        known: what the file says of its columns.
        scan: the file as Polars reads it, where it does; a column that fits its field then keeps
            the file's type.
        notes: what of the file is not read.
    """

    columns: "Mapping[str, pl.DataType]"
    batches: Batches
    known: Mapping[str, Known] = field(default_factory=dict)
    scan: "pl.LazyFrame | None" = None
    notes: tuple[str, ...] = ()


def code_column(name: str) -> str:
    """The name of the column with the codes of another one's missing values."""
    return f"{name}\ufffecode"


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables that one file holds.

    Attributes:
        names: of those that are meant to be read.
        hidden: names of those that have rows and are not shown.
        are_named: whether one of them has to be named to be read.
    """

    names: Sequence[str]
    hidden: Sequence[str] = ()
    are_named: bool = True


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format that delivered files are read from.

    Attributes:
        name: as people call it, with an article.
        suffixes: of its files' names; the first is the usual one.
        is_like: whether a file's first bytes (`BEGINNING_BYTES`) are of this format; None where
            only the name says so.
        form: what a dialect can say of such a file.
        library: the import name of the library that reads it; None where none is needed besides
            this package's own.
        extra: the optional dependencies of this package that bring the library.
        records: opens a text-celled file, which is split into pieces of so many bytes.
        typed: opens a typed file.
        parts: gives the tables that one file holds, with the property of the dialect that names
            one; None where a file is one table.
    """

    name: str
    suffixes: tuple[str, ...]
    is_like: Callable[[bytes], bool] | None = None
    form: Form = Form.TYPED
    library: str | None = None
    extra: str | None = None
    records: Callable[[Path, Dialect, int], TextRecords] | None = None
    typed: "Callable[[Path], AbstractContextManager[TypedFile]] | None" = None
    parts: tuple[str, Callable[[Path], Tables]] | None = None

    def __str__(self) -> str:
        return self.name
