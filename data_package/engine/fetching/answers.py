"""What a database or a service answered, before it is kept."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from data_package.engine.errors import BuildError

if TYPE_CHECKING:
    import pyarrow as pa


class CellKind(Enum):
    """What a column of text is converted to."""

    WHOLE = auto()
    FLOAT = auto()
    DECIMAL = auto()
    BYTES = auto()
    BOOLEAN = auto()


@dataclass(frozen=True)
class SourceAnswer:
    """Columns and rows.

    Attributes:
        batches: the rows, each batch with the same columns, in the order of the answer.
        kinds: which columns of text hold something else; known when all batches have been given.
        contract: what the source says of its columns, as a contract's descriptor.
        notes: what of it is not in the rows.
        scales: the digits and the fraction's digits of those columns of decimals that have them.
    """

    batches: "Iterator[pa.RecordBatch]"
    kinds: Callable[[], Mapping[str, CellKind]]
    scales: Callable[[], Mapping[str, tuple[int, int]]] = dict
    contract: Callable[[], Mapping[str, object] | None] = lambda: None
    notes: Callable[[], tuple[str, ...]] = tuple


def check_names(names: Sequence[str]) -> None:
    """Raise BuildError for columns that a table cannot have."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names:
        raise BuildError("The query gives no column.")
    if twice:
        raise BuildError(
            f"The query gives two columns with the name {twice[0]!r}.\n"
            'Name each of them: select a.id as id, b.id as "other id"'
        )
    if "" in names:
        raise BuildError("The query gives a column without a name. Name it: … as name")
