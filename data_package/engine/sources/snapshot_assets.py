"""Raw files that `data-package fetch` makes, declared as `source_file` declares others."""

import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import dagster as dg

from data_package.engine.errors import ProjectError
from data_package.engine.sources.assets import as_asset, refuse_wrong
from data_package.engine.sources.files import Bad, Declared, RawFile
from data_package.engine.sources.snapshots import Query, Snapshot

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
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
    file = RawFile(
        name,
        (),
        declared=declared,
        bad=bad,
        worst=worst,
        may_be_empty=may_be_empty,
        snapshot=Snapshot(Query(sql, connection)),
    )
    return as_asset(file, description, group)


def _has_secret(connection: str) -> bool:
    if "://" not in connection:
        return False
    try:
        address = urlsplit(connection)
        return address.password is not None or bool(parse_qs(address.query).keys() & {*_SECRETS})
    except ValueError:
        # What cannot be read may hold anything.
        return True
