"""Columns of text as columns of values, at the speed of Polars where its readers agree with ours.

A column is read twice over: first with vectorised expressions that accept nothing wrong, then the
distinct cells those left over with the readers in `lexical`, which have the last word.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from data_package.engine.schema.columns import column as column_of
from data_package.engine.schema.contract import Field
from data_package.engine.schema.lexical import (
    Reader,
    Span,
    affixes_of,
    boolean_words,
    canonical_json,
    reader,
)

LEXICAL_DTYPES: Mapping[str, pl.DataType] = {
    "yearmonth": pl.Int64(),
    "duration": pl.String(),
    "geopoint": pl.String(),
    "geojson": pl.String(),
    "object": pl.String(),
    "array": pl.String(),
    "list": pl.String(),
}
"""The types that Polars holds as text, and the type in which their values are compared."""

_DTYPES: Mapping[str, pl.DataType] = {
    "string": pl.String(),
    "any": pl.String(),
    "integer": pl.Int64(),
    "year": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "datetime": pl.Datetime("us"),
    "time": pl.Time(),
    **LEXICAL_DTYPES,
}

_DIRECTIVES = {
    # The year 0 is none.
    "%Y": "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])",
    "%m": "[0-9]{2}",
    "%d": "[0-9]{2}",
    "%H": "[0-9]{2}",
    "%M": "[0-9]{2}",
    # Polars reads a 60th second as the next minute; Python does not.
    "%S": "[0-5][0-9]",
}
_CLOCK = "[0-9]{2}:[0-9]{2}:[0-5][0-9]"
_DAY = f"{_DIRECTIVES['%Y']}-[0-9]{{2}}-[0-9]{{2}}"
_ISO_DATETIMES = (
    (f"^{_DAY}T{_CLOCK}$", "%Y-%m-%dT%H:%M:%S"),
    (f"^{_DAY} {_CLOCK}$", "%Y-%m-%d %H:%M:%S"),
    (rf"^{_DAY}T{_CLOCK}\.[0-9]{{1,6}}$", "%Y-%m-%dT%H:%M:%S%.f"),
    (
        rf"^{_DAY}T{_CLOCK}(?:\.[0-9]{{1,6}})?(?:Z|[+-][01][0-9]:[0-5][0-9])$",
        "%Y-%m-%dT%H:%M:%S%.f%#z",
    ),
)


@dataclass(frozen=True, slots=True)
class Cells:
    """A column that was text: its logical values, and which cells are not of its type.

    `bad` is None when every cell is. A bad cell's value is null.
    """

    values: pl.Series
    bad: pl.Series | None


def logical_dtype(field: Field) -> pl.DataType:
    """Return the Polars type of a field's logical values when they are read from text."""
    return _DTYPES.get(field.type, pl.String())


def number_dtype(field: Field) -> pl.DataType | None:
    """Return the type of a field whose cells may be split into numbers at once, else None.

    They may when they are written plainly, and no missing value reads like a number.
    """
    properties = field.descriptor
    plain = properties.get("decimalChar", ".") == "." and properties.get("bareNumber") is not False
    if field.type not in ("integer", "number") or not plain or properties.get("groupChar"):
        return None
    read = reader(field)
    told_apart = all(not word or read(word) is None for word in field.missing_values)
    return _DTYPES[field.type] if told_apart else None


def read_columns(
    texts: pl.DataFrame, fields: Sequence[Field], empty_is_null: bool
) -> dict[str, Cells]:
    """Return the values of columns of text, named by field; numbers stay as they are.

    `empty_is_null` tells that empty cells are nulls already.
    """
    dtypes = texts.schema
    left = [each for each in fields if dtypes[each.name] == pl.String]
    texts = texts.with_columns(_without_missing(each, empty_is_null) for each in left)
    fast = texts.with_columns(_fast(each).alias(each.name) for each in left)
    return {
        each.name: _named(_completed(each, texts[each.name], fast[each.name]), each.name)
        for each in fields
    }


def read_column(field: Field, text: pl.Series) -> Cells:
    """Return the values of one column of text whose missing values are nulls already."""
    name = text.name
    fast = text.to_frame(field.name).select(_fast(field)).to_series()
    return _named(_completed(field, text, fast), name)


def _named(cells: Cells, name: str) -> Cells:
    return Cells(cells.values.alias(name), cells.bad)


def over_distinct(
    text: pl.Series, function: Callable[[str], object], dtype: pl.DataType
) -> pl.Series:
    """Return `function` of every cell, called once per distinct value; nulls stay null."""
    name, text = text.name, text.alias("cell")
    distinct = text.drop_nulls().unique()
    results = pl.Series([function(value) for value in distinct], dtype=dtype)
    found = text.replace_strict(distinct, results, default=None, return_dtype=dtype)
    return found.alias(name)


def _without_missing(field: Field, empty_is_null: bool) -> pl.Expr:
    """Return the column with its missing values as nulls, compared exactly and before all else.

    https://datapackage.org/standard/table-schema/#missingValues
    """
    column = column_of(field.name)
    words = [word for word in field.missing_values if word or not empty_is_null]
    if not words:
        return column
    test = column == words[0] if len(words) == 1 else column.is_in(words)
    return pl.when(~test).then(column).alias(field.name)


def _fast(field: Field) -> pl.Expr:
    """Return an expression that reads the usual spellings and leaves null what it cannot judge."""
    column = column_of(field.name)
    match field.type:
        case "string" | "any":
            if field.format in ("default", "") or field.type == "any":
                return column
            if field.format == "uuid":
                form = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
                return pl.when(column.str.contains(form)).then(column)
        case "integer":
            return _plain_number(field, column).cast(pl.Int64, strict=False)
        case "number":
            return _finite(_plain_number(field, column))
        case "boolean":
            words = boolean_words(field)
            return column.replace_strict(
                list(words), list(words.values()), default=None, return_dtype=pl.Boolean
            )
        case "year":
            return (
                pl.when(column.str.len_bytes() == 4)
                .then(column.cast(pl.Int64, strict=False))
                .pipe(lambda year: pl.when(year >= 0).then(year))
            )
        case "date":
            guard = _guard("%Y-%m-%d" if field.format == "default" else field.format)
            if guard is not None:
                return _fast_date(column, *guard)
        case "datetime":
            if field.format == "default":
                return _fast_datetime(column, *_ISO_DATETIMES[0])
            guard = _guard(field.format)
            if guard is not None:
                return _fast_datetime(column, *guard)
        case "time":
            guard = _guard("%H:%M:%S" if field.format == "default" else field.format)
            if guard is not None and "%Y" not in guard[1]:
                held = pl.when(column.str.contains(guard[0])).then(column)
                return held.str.to_time(guard[1], strict=False)
    return _nothing(column, logical_dtype(field))


def _nothing(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return nulls, as many as the column is long."""
    return pl.when(column.is_null() & column.is_not_null()).then(pl.lit(None, dtype=dtype))


def _plain_number(field: Field, column: pl.Expr) -> pl.Expr:
    """Return the column without group marks and with a full stop as its decimal mark."""
    properties = field.descriptor
    if properties.get("bareNumber") is False:
        affixes = affixes_of(field)
        column = column.str.replace(affixes.before, "${1}").str.replace(affixes.after, "")
        if affixes.doubtful is not None:
            # Letters, not those of `\w`: what is passed over here is judged by the slow reader.
            doubtful = column_of(field.name).str.contains(affixes.doubtful)
            column = pl.when(~doubtful).then(column)
    group = properties.get("groupChar")
    if isinstance(group, str) and group:
        column = column.str.replace_all(group, "", literal=True)
    decimal = properties.get("decimalChar")
    if field.type == "number" and isinstance(decimal, str) and decimal not in ("", "."):
        column = pl.when(~column.str.contains(".", literal=True)).then(
            column.str.replace_all(decimal, ".", literal=True)
        )
    return column


def _finite(text: pl.Expr) -> pl.Expr:
    """Return texts as floats, without those that only became 0 or infinite by being read."""
    number = text.cast(pl.Float64, strict=False)
    exact = (number.is_finite() & (number != 0)) | ~text.str.contains("[1-9]")
    return pl.when(exact).then(number)


def _guard(pattern: str) -> tuple[str, str] | None:
    """Return a regular expression for the padded form of a strptime pattern, and the pattern.

    None when it has directives that Polars and Python may read differently.
    """
    parts = re.split(r"(%.)", pattern)
    directives = parts[1::2]
    if not all(each in _DIRECTIVES for each in directives) or len(set(directives)) < len(
        directives
    ):
        return None
    form = "".join(_DIRECTIVES.get(part) or re.escape(part) for part in parts)
    return f"^{form}$", pattern


def _fast_date(column: pl.Expr, form: str, pattern: str) -> pl.Expr:
    if not all(directive in pattern for directive in ("%Y", "%m", "%d")) or "%H" in pattern:
        return _nothing(column, pl.Date())
    word = pl.col("word")
    held = pl.when(word.str.contains(form)).then(word)
    read = held.str.to_date(pattern, strict=False, cache=False)
    return column.map_batches(lambda texts: _by_word(texts, read), return_dtype=pl.Date)


def _by_word(texts: pl.Series, read: pl.Expr) -> pl.Series:
    """Return what an expression makes of the column `word`, evaluated once per distinct text.

    Days repeat: reading each once and giving every cell its own takes a quarter of the time.
    """
    name, texts = texts.name, texts.alias("word")
    # Categories of their own, so that no word of the data outlives this call.
    codes = texts.cast(pl.Categorical(pl.Categories.random()))
    words = codes.drop_nulls().unique()
    words = words.gather(words.to_physical().arg_sort()).cast(pl.String)
    values = words.to_frame("word").select(read.alias("value")).to_series()
    return values.gather(codes.to_physical()).alias(name)


def _fast_datetime(column: pl.Expr, form: str, pattern: str) -> pl.Expr:
    if not all(directive in pattern for directive in ("%Y", "%m", "%d", "%H", "%M")):
        return _nothing(column, pl.Datetime("us"))
    value = column.str.to_datetime(pattern, time_unit="us", strict=False, cache=False)
    return pl.when(column.str.contains(form)).then(value)


def _completed(field: Field, text: pl.Series, fast: pl.Series) -> Cells:
    """Return the values, with what the fast reading left over read cell by distinct cell."""
    # Operations on a series read its name as `pl.col` does.
    text, fast = text.alias("cell"), fast.alias("cell")
    if fast.null_count() == text.null_count():
        return Cells(fast, None)
    left = text.is_not_null() & fast.is_null()
    values = fast
    if field.type == "datetime" and field.format == "default":
        for form, pattern in _ISO_DATETIMES[1:]:
            values = _filled(text, values, form, pattern)
            left = text.is_not_null() & values.is_null()
            if not left.any():
                return Cells(values, None)
    read = reader(field)
    dtype = logical_dtype(field)
    slow = over_distinct(text.filter(left), lambda cell: _value(read, cell, dtype), dtype)
    if slow.null_count() < len(slow):
        values = _placed(values, left, slow)
    bad = text.is_not_null() & values.is_null()
    return Cells(values, bad if bad.any() else None)


def _filled(text: pl.Series, values: pl.Series, form: str, pattern: str) -> pl.Series:
    frame = pl.DataFrame({"text": text, "value": values})
    left = pl.when(pl.col("value").is_null()).then(pl.col("text"))
    read = _fast_datetime(left, form, pattern)
    if "z" in pattern:
        held = pl.when(left.str.contains(form)).then(left)
        read = held.str.to_datetime(
            pattern, time_unit="us", strict=False, cache=False
        ).dt.replace_time_zone(None)
        # Near the first and the last year an offset leads out of them: the slow reader knows.
        within = read.is_between(pl.datetime(1, 1, 2), pl.datetime(9999, 12, 30))
        read = pl.when(within).then(read)
    return frame.select(pl.coalesce("value", read).alias(values.name)).to_series()


def _placed(values: pl.Series, where: pl.Series, found: pl.Series) -> pl.Series:
    """Return `values` with the ones that `where` marks replaced by `found`, in order."""
    if len(found) == len(values):
        return found.alias(values.name)
    return values.scatter(where.arg_true(), found)


def _value(read: Reader, cell: str, dtype: pl.DataType) -> object:
    try:
        return _comparable(read(cell), dtype)
    except Exception:  # noqa: BLE001  such as JSON of a thousand levels; its text could quote it
        return None


def _comparable(value: object, dtype: pl.DataType) -> object:
    if isinstance(value, Span):
        return value.canonical()
    if isinstance(value, tuple):
        return ",".join(repr(float(part)) for part in value)
    if isinstance(value, dict | list):
        return canonical_json(value)
    if dtype == pl.Int64 and isinstance(value, int) and not -(2**63) <= value < 2**63:
        return None
    return value
