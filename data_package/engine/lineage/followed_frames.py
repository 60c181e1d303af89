"""Lazy frames whose columns are followed: each begins at its own source.

Between two operations a frame is cut off from what came before: it is a source that knows its
columns and what these are computed from. So each operation is looked at alone, and columns that
determine rows are distinguished from columns that values are computed from.
"""

from collections.abc import Collection, Iterable, Mapping, Sized
from dataclasses import dataclass

import polars as pl

from data_package.engine.lineage.column_lineage import COMPUTED, NOTHING, CannotFollow, Refs
from data_package.engine.lineage.decoding import needs
from data_package.engine.lineage.pushdown import Asker
from data_package.engine.lineage.watched_files import RawFiles


@dataclass(frozen=True)
class KnownFrame:
    """What is known of a frame.

    Attributes:
        schema: its columns.
        values: what each of them is made of, `COMPUTED` included.
        rows: what decides which rows there are.
        number: of the source that it begins at; None for a frame that uses no input.
    """

    schema: Mapping[str, pl.DataType]
    values: Mapping[str, Refs]
    rows: Refs
    number: int | None

    def all_of(self, names: Iterable[str]) -> Refs:
        """What some of its columns are computed from, together."""
        return NOTHING.union(*(self.values[name] for name in names))


class Frames:
    """The frames of one call of a function."""

    def __init__(self, asker: Asker, files: RawFiles, *, follows: bool = True) -> None:
        """Begin with no frames.

        Args:
            asker: makes the sources.
            files: the raw files that the function is given.
            follows: whether operations are followed, or only what they ask sources for counts.

        `reads_more` is set by operations for which Polars reads columns that do not matter, and
        `may_shape` holds what expressions read that may have changed the number of rows.
        """
        self.asker = asker
        self.files = files
        self.follows = follows
        self.reads_more = False
        self.may_shape: Refs = NOTHING
        self.obstacle: str | None = None
        self.inputs: dict[int, str] = {}
        self._known: dict[int, tuple[pl.LazyFrame, KnownFrame]] = {}
        self._numbers: set[int] = set()

    def stop(self, reason: str) -> None:
        """Remember why following stopped."""
        self.obstacle = self.obstacle or reason

    def source(
        self,
        owner: str,
        schema: Mapping[str, pl.DataType],
        *,
        without: Collection[object] = (),
    ) -> pl.LazyFrame:
        """A frame that represents an input; the columns `without` do not come from the input."""
        values = {
            name: NOTHING if name in without else frozenset({(owner, name)}) for name in schema
        }
        frame = self.make(schema, values, NOTHING)
        number = self.known(frame).number
        assert number is not None
        self.inputs[number] = owner
        return frame

    def make(
        self, schema: Mapping[str, pl.DataType], values: Mapping[str, Refs], rows: Refs
    ) -> pl.LazyFrame:
        """A frame of these columns. Raises CannotFollow where its columns and `values` disagree."""
        if set(schema) != set(values):
            raise CannotFollow("an operation gives other columns than expected")
        frame, number = self.asker.source(schema)
        self._numbers.add(number)
        self._known[id(frame)] = frame, KnownFrame(dict(schema), dict(values), rows, number)
        return frame

    def known(self, frame: pl.LazyFrame) -> KnownFrame:
        """What is known of a frame; one made from no input has only constant columns."""
        if id(frame) in self._known:
            return self._known[id(frame)][1]
        schema = frame.collect_schema()
        if self._numbers & self.asker.reaches(frame):
            raise CannotFollow("it uses an operation that cannot be followed")
        known = KnownFrame(dict(schema), dict.fromkeys(schema, NOTHING), NOTHING, None)
        self._known[id(frame)] = frame, known
        return known

    def outputs(self, frame: pl.LazyFrame, expressions: Iterable[pl.Expr]) -> dict[str, Refs]:
        """What each column that expressions compute from a frame is computed from."""
        known = self.known(frame)
        found: dict[str, Refs] = {}
        for one in expressions:
            made = {name: known.all_of(read) for name, read in self.reads(frame, [one]).items()}
            found |= made if _only_selects(one, frame) else as_computed(made)
        return found

    def reads(
        self, frame: pl.LazyFrame, expressions: Iterable[pl.Expr]
    ) -> dict[str, Collection[str]]:
        """The columns of a frame that each output of some expressions reads."""
        known = self.known(frame)
        found: dict[str, Collection[str]] = {}
        for expression in expressions:
            roots = set(expression.meta.root_names())
            if not expression.meta.has_multiple_outputs():
                found[expression.meta.output_name()] = _of(roots, known)
            elif known.number is None:
                found |= dict.fromkeys(frame.select(expression).collect_schema(), frozenset())
            else:
                found |= self._expanded(frame.select(expression), roots, known)
        return found

    def refs(self, frame: pl.LazyFrame, expressions: Iterable[pl.Expr]) -> Refs:
        """What some expressions read of a frame, together."""
        return NOTHING.union(
            *(refs for each in expressions for refs in self.outputs(frame, [each]).values())
        )

    def _expanded(
        self, query: pl.LazyFrame, named: set[str], known: KnownFrame
    ) -> dict[str, Collection[str]]:
        """The same for an expression that expands to many, such as one on a selector.

        Columns that it names itself count for each of them; Polars is asked for the others.
        """
        number = known.number
        assert number is not None

        def ask(outputs: Collection[str]) -> set[str]:
            asked = self.asker.ask(query.select(outputs))
            return set(asked.get(number, frozenset())) - named

        outputs = query.collect_schema().names()
        common = _of(named, known)
        return {name: common | found for name, found in needs(outputs, ask).items()}


def expressions_of(
    given: Iterable[object], named: Mapping[str, object] | None = None
) -> list[pl.Expr]:
    """Expressions as Polars' methods take them: names, lists of them, values, and by keyword."""
    found = [expression(one) for one in _flat(given)]
    return found + [expression(one).alias(name) for name, one in (named or {}).items()]


def as_computed(values: Mapping[str, Refs]) -> dict[str, Refs]:
    """The same, where the values are made of those of the columns, and are not the same."""
    return {name: refs | {COMPUTED} if refs else refs for name, refs in values.items()}


def either(*sides: Refs) -> Refs:
    """What values of one column or of another are made of; constants among them are not a copy."""
    refs = NOTHING.union(*sides)
    return refs | {COMPUTED} if refs and not all(sides) else refs


def held(given: object) -> object:
    """An iterator, which can be consumed only once, as a list; anything else unchanged.

    An argument is looked at here and then passed to Polars. A generator runs the user's code, which
    may use frames that are followed: call this before frames are released.
    """
    if isinstance(given, Iterable) and not isinstance(given, Sized | pl.Expr | pl.DataType):
        return list(given)
    return given


def expression(given: object) -> pl.Expr:
    """One expression: a string names a column, any other value is a literal."""
    if isinstance(given, pl.Expr):
        return given
    return pl.col(given) if isinstance(given, str) else pl.lit(given)


def _only_selects(one: pl.Expr, frame: pl.LazyFrame) -> bool:
    """Whether an expression gives columns as they are, at most under another name or type."""
    if one.meta.is_column_selection(allow_aliasing=True):
        return True
    bare, roots = one.meta.undo_aliases(), one.meta.root_names()
    if bare.meta.has_multiple_outputs() or len(roots) != 1:
        return False
    dtype = frame.select(one).collect_schema().dtypes()[0]
    casts = (pl.col(roots[0]).cast(dtype, strict=strict) for strict in (True, False))
    return any(bare.meta.eq(cast) for cast in casts)


def _flat(given: Iterable[object]) -> Iterable[object]:
    for one in given:
        if isinstance(one, Iterable) and not isinstance(one, str | bytes | pl.Expr | pl.Series):
            yield from one
        else:
            yield one


def _of(names: set[str], known: KnownFrame) -> frozenset[str]:
    if names - known.schema.keys():
        raise CannotFollow("it names a column that does not exist")
    return frozenset(names)
