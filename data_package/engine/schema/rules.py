"""Constraints as Polars expressions that are true where a row breaks them.

https://datapackage.org/standard/table-schema/#field-constraints
"""

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal, cast

import polars as pl

from data_package.engine.schema.cells import over_distinct
from data_package.engine.schema.columns import TEXTS
from data_package.engine.schema.columns import column as column_of
from data_package.engine.schema.contract import ContractError, Field
from data_package.engine.schema.literals import logical, logical_categories
from data_package.engine.schema.regular_expressions import broken_by, pattern_test
from data_package.engine.schema.types import type_of
from data_package.engine.schema.types.duration import WholeDuration
from data_package.engine.schema.types.json_text import canonical_json

# The years and the time that nanoseconds can count in 64 bits.
_FIRST_YEAR, _LAST_YEAR = 1678, 2261
_LONGEST = timedelta(days=106_751)


@dataclass(frozen=True, slots=True)
class Screen:
    """A fact about a whole column that shows at once that no row breaks a rule.

    `extreme` says which: the number of nulls, the lowest or the highest physical value. With
    `strict` the bound itself breaks the rule.
    """

    extreme: Literal["nulls", "lowest", "highest"]
    bound: int | float = 0
    strict: bool = False

    def measure(self, physical: pl.Series) -> int | float | None:
        """Return the extreme of a column of physical values, None when it has no value."""
        if self.extreme == "nulls":
            return physical.null_count()
        found = physical.min() if self.extreme == "lowest" else physical.max()
        return cast("int | float | None", found)

    def clears(self, value: int | float | None) -> bool:
        """Tell whether a column with this extreme (None: no value at all) keeps the rule."""
        if self.extreme == "nulls":
            return value == 0
        if value is None:
            return True
        if self.extreme == "lowest":
            return value > self.bound if self.strict else value >= self.bound
        return value < self.bound if self.strict else value <= self.bound


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that every row must satisfy.

    `violation` gives the expression that is true, never null, where a row does not; it is asked
    for only when there is no `screen`, or the screen does not clear the column. `note` says what
    is wrong in words of the contract, never of the data.
    """

    code: str
    rule: str
    field: str
    note: str
    violation: Callable[[], pl.Expr]
    screen: Screen | None = None


def comparable_column(field: Field, dtype: pl.DataType) -> pl.Expr:
    """Return the column in a form whose equality is the equality of logical values."""
    column = column_of(field.name)
    if dtype in (pl.Categorical, pl.Enum):
        return column.cast(pl.String)
    if isinstance(dtype, pl.Datetime):
        return _utc(column, dtype)
    if dtype in (pl.List, pl.Array, pl.Struct):
        return (
            pl.struct(column.alias("value"))
            .struct.json_encode()
            .map_batches(
                lambda texts: over_distinct(texts, _unwrapped_json, pl.String()),
                return_dtype=pl.String,
            )
        )
    return column


def _unwrapped_json(text: str) -> str | None:
    value = json.loads(text)["value"]
    return None if value is None else canonical_json(value)


def required_rule(field: Field) -> Rule:
    """Return the rule that no row is null."""
    note = "empty, and a value is required"
    return Rule(
        "constraint-error",
        "required",
        field.name,
        note,
        lambda: column_of(field.name).is_null(),
        Screen("nulls"),
    )


def length_rule(field: Field, dtype: pl.DataType, name: str) -> Rule:
    """Return the rule of the shortest or the longest value. Raises ContractError."""
    limit = field.constraints[name]
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise _unusable(field, name)
    length = _length(field, dtype)
    if name == "minLength":
        note, violation = f"shorter than {limit}", length < limit
    else:
        note, violation = f"longer than {limit}", length > limit
    return Rule(
        "constraint-error", name, field.name, note, lambda: violation.fill_null(value=False)
    )


def _length(field: Field, dtype: pl.DataType) -> pl.Expr:
    column = column_of(field.name)
    if dtype == pl.List:
        return column.list.len()
    if isinstance(dtype, pl.Array):
        return pl.when(column.is_not_null()).then(pl.lit(dtype.size))
    if isinstance(dtype, pl.Struct):
        return pl.when(column.is_not_null()).then(pl.lit(len(dtype.fields)))
    if type_of(field).items:
        return column.map_batches(
            lambda texts: over_distinct(texts, lambda text: len(json.loads(text)), pl.Int64()),
            return_dtype=pl.Int64,
        )
    return column.cast(pl.String).str.len_chars()


def bound_rule(field: Field, dtype: pl.DataType, name: str, broken: str) -> Rule:
    """Return the rule of a bound; `broken` says in words what breaks it. Raises ContractError."""
    bound = logical(field, field.constraints[name])
    if bound is None:
        raise _unusable(field, name)
    note = f"{broken} {field.constraints[name]}"
    return Rule(
        "constraint-error",
        name,
        field.name,
        note,
        lambda: _bound_violation(field, dtype, name, bound).fill_null(value=False),
        _bound_screen(dtype, name, bound),
    )


def _bound_screen(dtype: pl.DataType, name: str, bound: object) -> Screen | None:
    """Return the screen of a bound, where the column's physical values order as it does."""
    extreme: Literal["lowest", "highest"] = "lowest" if name.endswith("inimum") else "highest"
    strict = name.startswith("exclusive")
    if (dtype.is_integer() or dtype.is_float()) and isinstance(bound, int | float):
        if dtype.is_float():
            bound = cast("float", pl.Series([float(bound)], dtype=dtype).item())
        return None if bound != bound else Screen(extreme, bound, strict)  # noqa: PLR0124  as NaN alone
    plain = dtype in (pl.Date, pl.Time) or dtype == pl.Datetime("us")
    if not plain:
        return None
    return Screen(extreme, pl.Series([bound], dtype=dtype).to_physical().item(), strict)


def _bound_violation(field: Field, dtype: pl.DataType, name: str, bound: object) -> pl.Expr:
    column = column_of(field.name)
    if isinstance(bound, WholeDuration):
        return _span_violation(column, dtype, name, bound)
    if dtype.is_integer() or dtype.is_decimal():
        return _exact_violation(column, dtype, name, cast("int | float", bound))
    if dtype.is_float():
        # In the column's own precision: 0.1 as a Float32 is at most 0.1.
        edge = pl.lit(float(cast("float", bound)), dtype=dtype)
        return _compare(column, edge, name) | column.is_nan()
    if isinstance(dtype, pl.Datetime):
        if not _is_held(bound, dtype):
            broken = (cast("datetime", bound).year > _LAST_YEAR) == name.endswith("inimum")
            return column.is_not_null() & pl.lit(broken)
        column = _utc(column, dtype)
    return _compare(column, pl.lit(cast("date | datetime | time", bound)), name)


def _compare(column: pl.Expr, bound: pl.Expr, name: str) -> pl.Expr:
    match name:
        case "minimum":
            return column < bound
        case "maximum":
            return column > bound
        case "exclusiveMinimum":
            return column <= bound
        case _:
            return column >= bound


def _exact_violation(column: pl.Expr, dtype: pl.DataType, name: str, bound: int | float) -> pl.Expr:
    """Compare in steps of integers or decimals: nothing is lost, and no literal overflows."""
    is_minimum = name.endswith("inimum")
    if isinstance(bound, float) and not math.isfinite(bound):
        broken = math.isnan(bound) or (bound > 0) == is_minimum
        return column.is_not_null() & pl.lit(broken)
    steps = _steps(bound, dtype)
    whole = math.ceil(steps) if name in ("minimum", "exclusiveMaximum") else math.floor(steps)
    lowest, highest = _range(dtype)
    if whole < lowest:
        return column.is_not_null() & pl.lit(not is_minimum)
    if whole > highest:
        return column.is_not_null() & pl.lit(is_minimum)
    return _compare(column, pl.lit(_of_steps(whole, dtype), dtype=dtype), name)


def _steps(value: int | float, dtype: pl.DataType) -> Fraction:
    """Return a finite number in units of the last digit that a column holds."""
    exact = Fraction(value) if isinstance(value, int) else Fraction(repr(value))
    return exact * 10**dtype.scale if isinstance(dtype, pl.Decimal) else exact


def _of_steps(steps: int, dtype: pl.DataType) -> int | Decimal:
    return Decimal(f"{steps}E-{dtype.scale}") if isinstance(dtype, pl.Decimal) else steps


def _range(dtype: pl.DataType) -> tuple[int, int]:
    """Return the least and the greatest that a column holds, in units of its last digit."""
    if isinstance(dtype, pl.Decimal):
        highest = 10 ** (dtype.precision or 38) - 1
        return -highest, highest
    return _integer_range(dtype)


def _integer_range(dtype: pl.DataType) -> tuple[int, int]:
    bits = int(str(dtype).removeprefix("U").removeprefix("Int"))
    return (
        (0, 2**bits - 1)
        if dtype.is_unsigned_integer()
        else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )


def _span_violation(
    column: pl.Expr, dtype: pl.DataType, name: str, bound: WholeDuration
) -> pl.Expr:
    """Compare durations in the partial order of XML Schema: a doubtful order breaks the bound.

    https://www.w3.org/TR/xmlschema-2/#duration-order
    """
    edges = bound.after()
    is_minimum = name.endswith("inimum")
    if dtype == pl.Duration:
        edge = max(edges) if is_minimum else min(edges)
        microseconds = int(edge * 1_000_000)
        if abs(microseconds) >= 2**63:
            return column.is_not_null() & pl.lit((microseconds > 0) == is_minimum)
        whole = column.cast(pl.Duration("us")).cast(pl.Int64)
        return _compare(whole, pl.lit(microseconds, dtype=pl.Int64), name)

    def broken(canonical: str) -> bool:
        months, _, seconds = canonical.removesuffix("S").partition("M")
        value = WholeDuration(Decimal(months), Decimal(seconds)).after()
        pairs = list(zip(value, edges, strict=True))
        match name:
            case "minimum":
                return any(mine < edge for mine, edge in pairs)
            case "maximum":
                return any(mine > edge for mine, edge in pairs)
            case "exclusiveMinimum":
                return any(mine <= edge for mine, edge in pairs)
            case _:
                return any(mine >= edge for mine, edge in pairs)

    return broken_by(column, broken)


def pattern_rule(field: Field, dtype: pl.DataType) -> Rule:
    """Return the rule of a regular expression. Raises ContractError."""
    pattern = str(field.constraints["pattern"])
    matches = pattern_test(pattern, field.name)
    if matches is None:
        raise _unusable(field, "pattern")
    column = column_of(field.name)
    if dtype != pl.String:
        column = column.cast(pl.String)
    note = "not as its pattern"
    return Rule(
        "constraint-error",
        "pattern",
        field.name,
        note,
        lambda: matches(column).fill_null(value=False),
    )


def json_schema_rule(field: Field, dtype: pl.DataType) -> Rule:
    """Return the rule of a JSON Schema. Raises ContractError."""
    from data_package.engine.schema.json_validation import fault_of, follows

    schema = field.constraints["jsonSchema"]
    if not isinstance(schema, dict) or fault_of(schema) is not None:
        raise _unusable(field, "jsonSchema")
    passes = follows(schema, field.name)
    violation = broken_by(
        comparable_column(field, dtype), lambda text: not passes(json.loads(text))
    )
    note = "not as its JSON Schema"
    return Rule("constraint-error", "jsonSchema", field.name, note, lambda: violation)


def enum_rule(field: Field, dtype: pl.DataType) -> Rule:
    """Return the rule of an enum. Raises ContractError."""
    enum = field.constraints["enum"]
    if not isinstance(enum, list):
        raise _unusable(field, "enum")
    listed = [logical(field, value) for value in enum]
    note = f"not one of the {len(listed)} values of its enum"
    if len(listed) == 1:
        note = "not the one value of its enum"
    return _membership_rule(field, dtype, "enum", listed, note)


def categories_rule(field: Field, dtype: pl.DataType) -> Rule:
    """Return the rule of a field's categories."""
    listed = logical_categories(field)
    note = f"not one of its {len(listed)} categories"
    if len(listed) == 1:
        note = "not its one category"
    return _membership_rule(field, dtype, "categories", listed, note)


def _membership_rule(
    field: Field,
    dtype: pl.DataType,
    name: str,
    values: Iterable[object],
    note: str,
) -> Rule:
    column = comparable_column(field, dtype)
    allowed = _allowed([value for value in values if value is not None], dtype)
    if isinstance(dtype, pl.Enum) and set(dtype.categories) <= set(allowed):
        violation = pl.lit(value=False)
    elif len(allowed) == 0:
        violation = column.is_not_null()
    elif len(allowed) == 1:
        violation = (column != pl.lit(allowed[0])).fill_null(value=False)
    else:
        violation = (~column.is_in(pl.lit(allowed).implode())).fill_null(value=False)
    if dtype.is_float():
        violation = violation | column.is_nan().fill_null(value=False)
    return Rule("constraint-error", name, field.name, note, lambda: violation)


def _allowed(values: list[object], dtype: pl.DataType) -> pl.Series:
    """Return the allowed values as a Series that compares with a column of `dtype`."""
    if dtype.is_integer() or dtype.is_decimal():
        lowest, highest = _range(dtype)
        finite = (v for v in values if isinstance(v, int | float) and abs(v) < math.inf)
        steps = (_steps(value, dtype) for value in finite)
        held = [int(step) for step in steps if step.denominator == 1 and lowest <= step <= highest]
        return pl.Series([_of_steps(step, dtype) for step in held], dtype=dtype)
    if dtype.is_float():
        return pl.Series([float(cast("float", value)) for value in values], dtype=dtype)
    if isinstance(dtype, pl.Datetime):
        moments = [value for value in values if _is_held(value, dtype)]
        return pl.Series(moments, dtype=pl.Datetime(dtype.time_unit))
    if isinstance(dtype, pl.Duration):
        spans = [span for value in values if (span := _timedelta(value)) is not None]
        return pl.Series([span for span in spans if _is_held(span, dtype)], dtype=dtype)
    if dtype in (*TEXTS, pl.List, pl.Array, pl.Struct):
        return pl.Series([_spelling(value) for value in values], dtype=pl.String)
    return pl.Series(values, dtype=dtype, strict=False)


def _is_held(value: object, dtype: pl.Datetime | pl.Duration) -> bool:
    """Tell whether a moment or a span is one of those that nanoseconds can count in 64 bits."""
    if dtype.time_unit != "ns":
        return True
    if isinstance(value, timedelta):
        return abs(value) <= _LONGEST
    return isinstance(value, datetime) and _FIRST_YEAR <= value.year <= _LAST_YEAR


def _spelling(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, WholeDuration):
        return value.canonical()
    if isinstance(value, tuple):
        return ",".join(repr(float(part)) for part in value)
    return canonical_json(value)


def _timedelta(value: object) -> timedelta | None:
    if not isinstance(value, WholeDuration) or value.months:
        return None
    try:
        return timedelta(microseconds=int(value.seconds * 1_000_000))
    except OverflowError:
        return None


def _utc(column: pl.Expr, dtype: pl.Datetime) -> pl.Expr:
    if dtype.time_zone is None:
        return column
    return column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _unusable(field: Field, constraint: str) -> ContractError:
    what = f"field {field.name!r}: its {constraint} cannot be used for the type {field.type}"
    return ContractError((f"{what}; correct it in the contract",))
