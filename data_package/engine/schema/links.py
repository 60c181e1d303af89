"""Which fields of a table seem to hold keys of another one.

https://datapackage.org/standard/table-schema/#foreignKeys
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

# What programs call the column with the numbers of rows, which are of nothing else.
_ROW_NUMBERS = frozenset(
    {"rownames", "row.names", "row_names", "rowname", "rownum", "row", "index", "x", "unnamed: 0"}
)
# Keys of another name are recognised by so many different texts that all are found there.
_MANY_KEYS = 20


@dataclass(frozen=True, slots=True)
class Link:
    """A field whose values seem to be keys of another table.

    `orphans` of `values` distinct values are not among the keys.
    """

    field: str
    table: str
    key: str
    values: int
    orphans: int

    def foreign_key(self) -> dict[str, object]:
        """The link as a foreign key."""
        return {
            "fields": [self.field],
            "reference": {"resource": self.table, "fields": [self.key]},
        }

    @property
    def note(self) -> str:
        """What a person should know where it is not a foreign key yet."""
        share = 100 * self.orphans / self.values
        return (
            f"{self.field} could be a foreign key to {self.table}.{self.key}, but {self.orphans} "
            f"of its {self.values} values ({share:.1f} %) are not there."
        )


def link_of(name: str, column: pl.Series, keys: Mapping[str, tuple[str, pl.Series]]) -> Link | None:
    """Return the key that has most of a column's values; None where half are not there.

    `keys` are the fields that are keys of their own, with their values, by the name of their
    table. A key has the column's type and its name (`person` also stands for the field `id` of
    the table `persons`); under another name it must have every one of many texts.
    """
    if name.lower() in _ROW_NUMBERS and column.dtype.is_integer():
        return None
    held = column.alias("held").drop_nulls().unique()
    if not held.len() or not (held.dtype.is_integer() or held.dtype == pl.String):
        return None
    found = []
    for table, (key, values) in keys.items():
        alike = values.dtype.is_integer() == held.dtype.is_integer()
        if not alike or not (values.dtype.is_integer() or values.dtype == pl.String):
            continue
        link = Link(name, table, key, held.len(), _orphans(held, values))
        same = name.lower() in _names(table, key)
        many = held.dtype == pl.String and held.len() >= _MANY_KEYS and not link.orphans
        if same or many:
            found.append((not same, link.orphans, link))
    best = min(found, key=lambda one: one[:2], default=None)
    return best[2] if best and best[2].orphans * 2 <= best[2].values else None


def _orphans(held: pl.Series, values: pl.Series) -> int:
    if held.dtype != values.dtype:
        held, values = held.cast(pl.Int128), values.cast(pl.Int128)
    return held.len() - int(held.is_in(values.alias("keys").implode()).sum() or 0)


def _names(table: str, key: str) -> set[str]:
    """What a field that refers to a key may be called."""
    table, key = table.lower(), key.lower()
    one = table.removesuffix("s")
    if key.startswith(one) or key not in ("id", "key", "code", "nr", "no"):
        return {key, f"{table}_{key}", f"{one}_{key}"}
    return {key, f"{table}_{key}", f"{one}_{key}", one}
