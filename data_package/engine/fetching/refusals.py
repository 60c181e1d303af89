"""Why a database did not answer, in words of ours: its own may hold addresses and values.

A name that it does not know is repeated only where the user wrote it into the query.
"""

import re

from data_package.engine.errors import BuildError
from data_package.engine.unusable import why_not_connected

# What a client says of a connection beside what other services say, and what it means.
_OF_CONNECTION = {
    "timed out": "the host does not answer",
    "No such file or directory": "nothing answers there",
    "too many clients": "it has no connection left",
    "starting up": "it is starting; try again in a moment",
    "SSL": "no encrypted connection can be made as the address asks for",
    "certificate": "its certificate is not trusted",
    "does not exist": "it has no such user or database",
    "role": "it has no such user",
    "invalid": "the address is not one that it understands",
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_OF_QUERY = {
    "42P01": "there is no such table",
    "42703": "there is no such column",
    "42883": "there is no such function, or not for these types",
    "42704": "there is no such type or object",
    "42501": "this user may not read what the query names",
    "42601": "the query is not valid SQL; it is one query, which begins with select or with",
    "42702": "a column's name is ambiguous",
    "57014": "the server ended the query, which took longer than it allows",
    "57P01": "the server was shut down",
    "25006": "the query would write, and it may only read",
    "0A000": "the database cannot do this in a query",
    "53": "the server lacks room, memory or connections",
    "08": "the connection was lost",
    "22": "a value cannot be computed, such as by a division by zero or a cast",
    "40": "the server gave up the query because of another one; fetch again",
    "42": "the query is not valid for this database",
    "54": "the query exceeds a limit of the server",
}
# Errors while rows arrive have no SQLSTATE.
_WHILE_READING = {
    "statement timeout": "57014",
    "terminating connection": "57P01",
    "server closed the connection": "08006",
    "could not receive data": "08006",
    "permission denied": "42501",
    "read-only transaction": "25006",
    "division by zero": "22012",
    "out of range": "22003",
    "invalid input": "22P02",
}
_NAMED = re.compile(r'(?:relation|column|function|type|table:|column:) "?([\w.]+)"?')
_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)


def not_reached(words: str, place: str) -> BuildError:
    """The error on a connection that was not made. `words` are the client's, `place` host:port."""
    known = why_not_connected(words, "it", "there", _OF_CONNECTION)
    return BuildError(
        f"The database at {place} cannot be reached: {known or 'it refuses the connection'}."
    )


def not_answered(words: str, state: str, sql: str, lines_before: int = 0) -> BuildError:
    """The error on a query that failed.

    Args:
        words: of the database.
        state: its SQLSTATE; empty where it has none.
        sql: the user's query.
        lines_before: how many lines were put before it.
    """
    state = state or next((ours for theirs, ours in _WHILE_READING.items() if theirs in words), "")
    known = _OF_QUERY.get(state) or _OF_QUERY.get(state[:2]) or "the database refuses the query"
    code = f" (SQLSTATE {state})" if re.fullmatch(r"[0-9A-Z]{5}", state) else ""
    named = _NAMED.search(words)
    name = ""
    if named and re.search(rf"(?<!\w){re.escape(named[1])}(?!\w)", sql):
        name = f": {named[1]}"
    found = _LINE.search(words)
    line = int(found[1]) - lines_before if found else 0
    where = f", line {line} of the query" if 0 < line <= sql.count("\n") + 1 else ""
    return BuildError(f"The query failed: {known}{name}{where}{code}.")
