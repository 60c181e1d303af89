"""Raw files that `data-package fetch` makes, declared as `source_file` declares others."""

import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import dagster as dg

from data_package.engine.errors import ProjectError
from data_package.engine.sources.assets import as_asset, refuse_wrong
from data_package.engine.sources.files import Bad, Declared, RawFile
from data_package.engine.sources.snapshots import Query, Redcap, Snapshot

# As REDCap makes them, for a project and for all of a user's.
_TOKEN = re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{64}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INSTRUMENT = re.compile(r"[a-z0-9_]+")
# Hosts whose connection never leaves the machine.
_HERE = ("localhost", "127.0.0.1", "::1")
_SECRETS = ("password", "passfile", "sslpassword", "token")


def source_query(
    name: str,
    sql: str,
    *,
    connection: str,
    description: str | None = None,
    group: str | None = None,
    bad: Bad = "stop",
    worst: float | None = None,
    may_be_empty: bool = False,
) -> dg.AssetsDefinition:
    """Declare a raw file that holds the answer of a database.

    `data-package fetch` asks the database, and keeps the answer as a Parquet file below
    `storage/snapshots/`. Nothing else connects: a build uses the file that `snapshots.toml` names,
    and stops where it is missing, damaged, or of another query. A table takes it as it takes a
    file of `source_file`: as `Path`, or as rows where there is a contract.

    Args:
        name: the asset's name, and the name of the parameter that receives it.
        sql: one query. Give it an `order by`: otherwise a database may answer with the rows in
            another order each time, which is another content.
        connection: the name of the environment variable, or of the entry in the system's keyring,
            that holds the address of the database, such as
            `postgresql://user:password@host:5432/database`. An address without a password can be
            given itself, such as `sqlite:///deliveries/clinic.db`, relative to the project.
        description: one sentence for people.
        group: the group in Dagster's pages; by default that of the folder of its module.
        bad: what happens to data that break the contract; see `source_file`.
        worst: the largest share of rows that may be bad; see `source_file`.
        may_be_empty: whether there may be no rows at all.

    Raises ProjectError for an address with a password, and for a value that is not one of these.
    """
    caller = sys._getframe(1)
    declared = Declared(Path(caller.f_code.co_filename), caller.f_lineno)
    call = f"{declared}: source_query({name!r}, …"
    refuse_wrong(call, bad, worst)
    if not sql.strip():
        raise ProjectError(f"{call}) has no query.")
    if "://" not in connection and not _VARIABLE.fullmatch(connection):
        raise ProjectError(
            f"{call}) has a connection that is neither an address nor the name of a variable.\n"
            'Write connection="CLINIC_DATABASE", and set that variable to the address.'
        )
    if _has_secret(connection):
        raise ProjectError(
            f"{call}) has a secret in its connection, and code is committed.\nWrite the name of an "
            'environment variable that holds the address: connection="CLINIC_DATABASE"'
        )
    snapshot = Snapshot(Query(sql, connection))
    file = RawFile(
        name, (), None, declared, bad, worst, may_be_empty=may_be_empty, snapshot=snapshot
    )
    return as_asset(file, description, group)


def source_redcap(
    name: str,
    instrument: str,
    *,
    url: str,
    token: str,
    description: str | None = None,
    group: str | None = None,
    bad: Bad = "stop",
    worst: float | None = None,
    may_be_empty: bool = False,
) -> dg.AssetsDefinition:
    """Declare a raw file that holds the records of one instrument of a REDCap project.

    `data-package fetch` asks REDCap's API, and keeps the records as `source_query` does. They are a
    row for each record, and for each event and each instance where there are any; a row in which
    nothing was entered is left out. Choices of a checkbox are columns of true and false, all others
    are text until a contract types them: `data-package describe NAME --write` makes it from the
    project's data dictionary.

    Args:
        name: the asset's name, and the name of the parameter that receives it.
        instrument: the unique name of the instrument, as in the data dictionary.
        url: of the API, such as `https://redcap.example.org/api/`.
        token: the name of the environment variable, or of the entry in the system's keyring, that
            holds the API token.
        description: one sentence for people.
        group: the group in Dagster's pages; by default that of the folder of its module.
        bad: what happens to data that break the contract; see `source_file`.
        worst: the largest share of rows that may be bad; see `source_file`.
        may_be_empty: whether there may be no rows at all.

    Raises ProjectError for an address that is not encrypted, and for a token instead of the name of
    a variable.
    """
    caller = sys._getframe(1)
    declared = Declared(Path(caller.f_code.co_filename), caller.f_lineno)
    call = f"{declared}: source_redcap({name!r}, …"
    refuse_wrong(call, bad, worst)
    if not _INSTRUMENT.fullmatch(instrument):
        raise ProjectError(
            f"{call}) needs the unique name of an instrument: small letters, digits and _."
        )
    if not _is_encrypted(url):
        raise ProjectError(
            f"{call}) needs the address of REDCap's API, over https and without a user, a query "
            'or a fragment:\nurl="https://redcap.example.org/api/"'
        )
    if not _VARIABLE.fullmatch(token) or _TOKEN.fullmatch(token):
        raise ProjectError(
            f"{call}) needs the name of the environment variable that holds the token, and not the "
            'token: token="REDCAP_TOKEN"'
        )
    snapshot = Snapshot(Redcap(url, token, instrument))
    file = RawFile(
        name, (), None, declared, bad, worst, may_be_empty=may_be_empty, snapshot=snapshot
    )
    return as_asset(file, description, group)


def _is_encrypted(url: str) -> bool:
    """Whether nobody between can read what is sent there."""
    try:
        address = urlsplit(url)
        plain = address.username is None and not address.query and not address.fragment
        known = address.scheme == "https" or address.hostname in _HERE
        return plain and known and address.scheme in ("https", "http") and bool(address.hostname)
    except ValueError:
        return False


def _has_secret(connection: str) -> bool:
    if "://" not in connection:
        return False
    try:
        address = urlsplit(connection)
        return address.password is not None or bool(parse_qs(address.query).keys() & {*_SECRETS})
    except ValueError:
        # What cannot be read may hold anything.
        return True
