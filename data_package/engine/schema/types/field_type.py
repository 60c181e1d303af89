"""What a field type is: a value that owns all that depends on the type.

Each type has its own module beside this one; `FIELD_TYPES` in the package lists them. A
contract is read without Polars, so it is imported only where columns are read.
https://datapackage.org/standard/table-schema/#field-types
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from data_package.engine.schema.contract import Field

if TYPE_CHECKING:
    import polars as pl

Reader: TypeAlias = Callable[[str], object]
"""Reads one cell; None for text that is not of the type, and never an exception."""

COMMON_CONSTRAINTS = frozenset({"required", "unique", "enum"})
LENGTHS = frozenset({"minLength", "maxLength"})
BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
INTEGERS = frozenset(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128))
BOUNDED = COMMON_CONSTRAINTS | BOUNDS
SIZED = COMMON_CONSTRAINTS | LENGTHS


def _no_literal(_field: Field, _value: object) -> object:
    return None


def _as_it_means(_field: Field, meaning: object, _written: object) -> object:
    from data_package.engine.schema.types.json_text import plain_json

    return plain_json(meaning)


def _not_fast(_field: Field, _column: "pl.Expr") -> "pl.Expr | None":
    return None


class Conversion(NamedTuple):
    """How values are made of a column of another Polars type.

    Attributes:
        values: gives null for what is not a value, or something near to it.
        differs: which of the cells are only near to their value, and so are not of the type; None
            where none can be.
    """

    values: "pl.Expr"
    differs: "pl.Expr | None" = None


def _not_converted(_column: "pl.Expr", _dtype: "pl.DataType") -> Conversion | None:
    return None


@dataclass(frozen=True, slots=True)
class FieldType:
    """One type of the standard.

    Attributes:
        name: as contracts write it.
        dtypes: in words, which Polars types fit.
        reader: reads a cell of a field; decides what is of the type.
        holds: the names of the Polars types of columns that can hold a field; None for all.
        literal: the meaning of a value in a contract that is not text; None for none.
        json_value: a meaning, and how it is written, as JSON holds it in what is published.
        values: the name of the Polars type of logical values that are read from text.
        fast: an expression that reads the usual spellings of a column of text, and leaves null
            what it cannot judge; None where there is none.
        further: expressions for more spellings, each tried on what the ones before left.
        formats: the formats beside `default`.
        patterns: whether a strptime pattern is a format too.
        constraints: those that fit the type.
        properties: those that a field of another type has not.
        lexical: whether a String column is read as the type's text form, because Polars has no
            type for it.
        splits: whether plain cells may be split into values at once, which spares the text.
        items: whether a text's length is the number of the items in it.
        coded: whether numbers can stand for its values, as in files of SPSS, SAS and Stata.
        converted: how values are made of a column of another Polars type; None where they are not.
        family: the types with whose values its own can be equal.
    """

    name: str
    dtypes: str
    reader: Callable[[Field], Reader]
    holds: frozenset[str] | None
    literal: Callable[[Field, object], object] = _no_literal
    json_value: Callable[[Field, object, object], object] = _as_it_means
    values: str = "String"
    fast: "Callable[[Field, pl.Expr], pl.Expr | None]" = _not_fast
    further: "Callable[[Field], Sequence[Callable[[pl.Expr], pl.Expr]]]" = lambda _: ()
    formats: frozenset[str] = frozenset()
    patterns: bool = False
    constraints: frozenset[str] = COMMON_CONSTRAINTS
    properties: frozenset[str] = frozenset()
    lexical: bool = False
    splits: bool = False
    items: bool = False
    coded: bool = False
    converted: "Callable[[pl.Expr, pl.DataType], Conversion | None]" = _not_converted
    family: str = ""

    def fits(self, dtype: "pl.DataType", format_name: str = "default") -> bool:
        """Tell whether a column of a Polars type, other than Null, can hold a field of a format."""
        held = dtype.base_type().__name__
        is_bytes = held == "Binary" and format_name == "binary" and format_name in self.formats
        return self.holds is None or held in self.holds or is_bytes

    def dtype(self) -> "pl.DataType":
        """Return the Polars type of logical values that are read from text."""
        import polars as pl

        dtype: pl.DataType = getattr(pl, self.values)()
        return dtype


def as_text(text: str) -> str:
    """Read any cell."""
    return text
