"""PostgreSQL over ADBC, https://arrow.apache.org/adbc/: one query in a transaction that only reads.

The driver streams the answer as Arrow. Types that it gives exactly are taken as they are; of the
others it gives the bytes of the wire (`inet`), an integer of cents (`money`) or one flat list
(arrays of arrays): these the server itself writes as text.
"""

import importlib.util
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from data_package.engine.errors import ProjectError
from data_package.engine.fetching.answers import CellKind, SourceAnswer, check_names
from data_package.engine.fetching.refusals import not_answered, not_reached

if TYPE_CHECKING:
    import pyarrow as pa

_SECONDS_TO_CONNECT = 10
_EXACT = frozenset(
    (
        *("bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "bpchar", "name"),
        *("bytea", "date", "time", "timestamp", "timestamptz"),
    )
)
_TYPE, _MODIFIER = b"POSTGRESQL:type", b"POSTGRESQL:typmod"
_MOST_DIGITS = 38
# Notices would be printed, and may quote values. Text forms do not depend on the server's settings.
_SETTINGS = (
    "set transaction isolation level repeatable read, read only",
    "set local client_min_messages = error",
    "set local time zone 'UTC'",
    "set local datestyle = 'ISO, YMD'",
    "set local intervalstyle = 'iso_8601'",
    "set local extra_float_digits = 1",
)


def require_driver() -> None:
    """Raise ProjectError where the driver is not installed."""
    if importlib.util.find_spec("adbc_driver_postgresql") is None:
        raise ProjectError(
            "The package that reads PostgreSQL is not installed.\n"
            "Install it: pip install 'data-package[database]'"
        )


@contextmanager
def answered(address: str, sql: str) -> Iterator[SourceAnswer]:
    """Ask a PostgreSQL database, and give its answer while the block runs.

    Raises BuildError when there is no answer.
    """
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    sql = sql.strip().rstrip(";").rstrip()
    connection = answer = None
    try:
        connection = dbapi.connect(_timed(address))
    except Error as error:
        refused = not_reached(str(error), _place(address))
    if connection is None:
        raise refused
    with closing(connection):
        try:
            answer = _asked(connection, sql)
        except Error as error:
            refused = not_answered(str(error), error.sqlstate or "", sql, lines_before=1)
        if answer is None:
            raise refused
        yield answer


def _timed(address: str) -> str:
    """The address as the client takes it, with a time limit for connecting."""
    address = re.sub(r"^(postgres(?:ql)?)\+\w+://", r"\1://", address)
    if "connect_timeout" in address:
        return address
    link = "&" if "?" in address else "?"
    return f"{address}{link}connect_timeout={_SECONDS_TO_CONNECT}"


def _place(address: str) -> str:
    """The host and the port of an address."""
    try:
        found = urlsplit(address)
        if "@" in f"{found.path}{found.query}{found.fragment}":
            # A password with a character that ends the host: what is before it is of the password.
            return "the address that was given"
        host = found.hostname or parse_qs(found.query).get("host", ["this machine"])[0]
        return f"{host}:{found.port or 5432}"
    except ValueError:
        return "the address that was given"


def _asked(connection: Any, sql: str) -> SourceAnswer:
    with connection.cursor() as cursor:
        for setting in _SETTINGS:
            cursor.execute(setting)
        # The query may end with a comment.
        cursor.execute(f"select * from (\n{sql}\n) as answer limit 0")  # noqa: S608  the user's own query
        schema = cursor.fetch_record_batch().schema
    check_names(schema.names)
    places = [f"c{i}" for i in range(len(schema))]
    columns = ", ".join(
        f"{_written(place, _type_of(field))} as {place}"
        for place, field in zip(places, schema, strict=True)
    )
    cursor = connection.cursor()
    cursor.execute(f"select {columns} from (\n{sql}\n) as answer({', '.join(places)})")  # noqa: S608
    kinds = {
        each.name: CellKind.DECIMAL for each in schema if _type_of(each) in ("numeric", "money")
    }
    scales = {each.name: scale for each in schema if (scale := _scale_of(each)) is not None}
    return SourceAnswer(_batches(cursor, schema.names, sql), lambda: kinds, lambda: scales)


def _batches(cursor: Any, names: list[str], sql: str) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    reader = cursor.fetch_record_batch()
    schema = pa.schema([(name, each.type) for name, each in zip(names, reader.schema, strict=True)])
    yield pa.RecordBatch.from_arrays([pa.array([], each.type) for each in schema], schema=schema)
    while (batch := _next(reader, sql)) is not None:
        yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
    cursor.close()


def _next(reader: Any, sql: str) -> "pa.RecordBatch | None":
    """The next rows, None after the last. Raises BuildError where the server ends the answer."""
    import pyarrow as pa

    try:
        return reader.read_next_batch()
    except StopIteration:
        return None
    except (pa.ArrowException, OSError) as error:
        refused = not_answered(str(error), "", sql, lines_before=1)
    raise refused


def _type_of(field: "pa.Field") -> str:
    return str((field.metadata or {}).get(_TYPE, b""), "utf-8")


def _written(place: str, name: str) -> str:
    """An expression for a column, of a type that arrives as it is."""
    column = f"answer.{place}"
    if name in _EXACT:
        return column
    match name:
        case "numeric" | "json" | "jsonb" | "uuid" | "xml":
            return f"{column}::text"
        case "money":
            return f"{column}::numeric::text"
        case "oid":
            return f"{column}::int8"
    if name.startswith("_"):
        return f"to_json({column})::text"
    # As PostgreSQL prints it; a cast to text may differ, as that of `inet` does.
    return f"case when {column} is not null then format('%s', {column}) end"


def _scale_of(field: "pa.Field") -> tuple[int, int] | None:
    """The digits and those of the fraction, as a column of numbers is declared; None without."""
    modifier = int((field.metadata or {}).get(_MODIFIER, b"-1")) - 4
    if _type_of(field) != "numeric" or modifier < 0:
        return None
    digits, scale = (modifier >> 16) & 0xFFFF, modifier & 0x7FF
    return (digits, scale) if 0 <= scale <= digits <= _MOST_DIGITS else None
