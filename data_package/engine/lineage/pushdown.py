"""Sources with columns and no rows, and which columns Polars asks them for.

Polars pushes projections down to where a query begins. A source registered with
`polars.io.plugins.register_io_source` is therefore asked for just the columns that are needed.
It then stops the query, before a row is read or a user's function is called on one.
"""

import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import NoReturn

import polars as pl
from polars.io.plugins import register_io_source

from data_package.engine.lineage.column_lineage import CannotFollow

# Only projections are pushed down, so that what is asked for follows from the code alone.
_PROJECTIONS = pl.QueryOptFlags.none(projection_pushdown=True)
LOOKS = "it looks at data while the query is planned"


class _Enough(Exception):
    """Ends a query: everything needed from it is known."""


class _Stop(Iterator[pl.DataFrame]):
    def __next__(self) -> NoReturn:
        raise _Enough


class Asker:
    """Makes sources, and records what a query asks them for."""

    def __init__(self) -> None:
        """No source, and nothing asked."""
        self.looked = False
        self._asking = False
        self._asked: dict[int, set[str]] = {}
        self._made = 0
        self._lock = threading.Lock()

    def source(self, schema: Mapping[str, pl.DataType]) -> tuple[pl.LazyFrame, int]:
        """A source of these columns, and its number."""
        self._made += 1
        number = self._made
        columns = dict(schema)

        def read(
            wanted: list[str] | None,
            predicate: pl.Expr | None,
            _rows: int | None,
            _batch: int | None,
        ) -> Iterator[pl.DataFrame]:
            if not self._asking:
                self.looked = True
                raise CannotFollow(LOOKS)
            with self._lock:
                asked = self._asked.setdefault(number, set())
                asked.update(columns if wanted is None else wanted)
                asked.update(predicate.meta.root_names() if predicate is not None else ())
            return _Stop()

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return register_io_source(read, schema=columns), number

    def reaches(self, query: pl.LazyFrame) -> set[int]:
        """The sources that a query uses; none of it is run."""
        stop, number = self.source({"": pl.Null()})
        return set(self.ask(stop.join(query, how="cross"))) - {number}

    def ask(self, query: pl.LazyFrame) -> dict[int, frozenset[str]]:
        """The columns that a query needs from each source that it reads."""
        self._asked.clear()
        self._asking = True
        try:
            # The streaming engine asks every source before it runs any part of the query.
            query.collect(engine="streaming", optimizations=_PROJECTIONS)
        except (pl.exceptions.PolarsError, _Enough) as error:
            if not _is_enough(error):
                raise
        finally:
            self._asking = False
        return {number: frozenset(columns) for number, columns in self._asked.items()}


def _is_enough(error: BaseException) -> bool:
    return isinstance(error, _Enough) or _Enough.__name__ in str(error)
