"""Snapshots of databases and of REDCap: what is declared, and which fetch of it counts.

What does not belong here: connecting, which only `data-package fetch` does, in the room `fetching`.
Standard library only.
"""

import hashlib
import json
from dataclasses import dataclass
from textwrap import dedent

# In the metadata of a snapshot's Parquet file: the contract that its source proposes, as JSON.
CONTRACT_KEY = "data-package:contract"


@dataclass(frozen=True)
class Query:
    """A question to a database.

    `connection` is the address of the database, without a password, or the name of the environment
    variable that holds the address.
    """

    sql: str
    connection: str

    @property
    def digest(self) -> str:
        """A hash of what decides which rows are asked for."""
        return digest_of("query", dedent(self.sql).strip(), self.connection)

    def __str__(self) -> str:
        return "a query of a database"


@dataclass(frozen=True)
class Redcap:
    """The records of one instrument of a REDCap project.

    `url` is that of the API, and `token` the name of the environment variable that holds the token,
    which also says which project it is.
    """

    url: str
    token: str
    instrument: str

    @property
    def digest(self) -> str:
        """A hash of what decides which rows are asked for."""
        return digest_of("redcap", self.url, self.token, self.instrument)

    def __str__(self) -> str:
        return f"the instrument {self.instrument} in REDCap"


Origin = Query | Redcap


def digest_of(*parts: object) -> str:
    """The beginning of a SHA-256 over what was declared."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Pin:
    """The fetch whose rows tables are made from, as `snapshots.toml` has it.

    Attributes:
        sha256: of the file.
        rows: how many there are.
        fetched: when, in UTC, by ISO 8601.
        asked: the digest of what was asked for.
    """

    sha256: str
    rows: int
    fetched: str
    asked: str


@dataclass(frozen=True)
class Snapshot:
    """What a raw file is a snapshot of, and the fetch of it that counts; None before the first."""

    origin: Origin
    pin: Pin | None = None

    @property
    def fault(self) -> str:
        """Why there are no rows that answer what is asked for now; empty where there are."""
        if self.pin is None:
            return "it has not been fetched yet"
        if self.pin.asked != self.origin.digest:
            return "what it asks for was edited after it was fetched"
        return ""
