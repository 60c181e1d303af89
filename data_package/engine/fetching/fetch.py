"""One fetch: ask, keep the answer, and put it and its pin in their places.

The file is in its place before `snapshots.toml` names it: a process that ends in between leaves a
file that `clean` removes, and never a pin without a file.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from data_package.engine.errors import BuildError, ProjectError, did_you_mean
from data_package.engine.fetching import postgres, redcap, sqlite
from data_package.engine.fetching.answers import SourceAnswer
from data_package.engine.fetching.keeping import KeptAnswer, kept
from data_package.engine.fetching.secrets import secret
from data_package.engine.project import Project
from data_package.engine.sources.files import RawFile
from data_package.engine.sources.pins import read_pins, write_pins
from data_package.engine.sources.snapshots import Pin, Query, Redcap, Snapshot
from data_package.engine.storage import (
    hash_file,
    hold,
    make_private_folder,
    open_to_lock,
    sweep,
    sync,
)

_KEY_EXAMPLE = "0123456789ABCDEF0123456789ABCDEF"
_EXAMPLE = "postgresql://user:password@host:5432/database"


class Came(StrEnum):
    """What a fetch came to."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True)
class Fetched:
    """What was fetched for one raw file, or why nothing was."""

    name: str
    came: Came
    rows: int | None = None
    rows_before: int | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    seconds: float = 0.0
    error: str | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return asdict(self)


# Gives the answer of one database or service, whose secret is known.
Ask = Callable[[], AbstractContextManager[SourceAnswer]]


def wanted(files: Mapping[str, RawFile], names: Sequence[str]) -> dict[str, RawFile]:
    """The snapshots of these names, or all. Raises ProjectError for a name of no snapshot."""
    known = {name: file for name, file in files.items() if file.snapshot is not None}
    for name in names:
        if name in files and name not in known:
            raise ProjectError(f"'{name}' is a raw file that is delivered, and not fetched.")
        if name not in known:
            raise ProjectError(f"There is no snapshot '{name}'.{did_you_mean(name, known)}")
    if not known:
        raise ProjectError(
            "This project has no snapshot to fetch.\n"
            'Declare one: source_query("visits_file", "select …", connection="CLINIC_DATABASE")'
        )
    return {name: known[name] for name in (names or sorted(known))}


def fetch(
    files: Mapping[str, RawFile],
    project: Project,
    working: Callable[[str], AbstractContextManager[object]],
) -> Iterator[Fetched]:
    """Fetch snapshots, one after another.

    `working` shows what is being fetched. Raises ProjectError before anything is asked when an
    address or a library is missing.
    """
    asks = {name: _ask(file, project) for name, file in files.items()}
    for name, ask in asks.items():
        snapshot = files[name].snapshot
        assert snapshot is not None
        begun = time.monotonic()
        with working(f"fetching {name}"):
            try:
                yield _fetch(name, snapshot, ask, project, begun)
            except BuildError as error:
                yield Fetched(name, Came.FAILED, seconds=time.monotonic() - begun, error=str(error))


def _ask(file: RawFile, project: Project) -> Ask:
    """How a snapshot is asked for, with all that is needed for it."""
    assert file.snapshot is not None
    origin = file.snapshot.origin
    if isinstance(origin, Redcap):
        token = secret(origin.token, _KEY_EXAMPLE)
        return lambda: redcap.answered(origin, token)
    address = origin.connection
    if "://" not in address:
        address = secret(address, _EXAMPLE)
    return _ask_of_database(origin, address, file, project.root)


def _ask_of_database(query: Query, address: str, file: RawFile, root: Path) -> Ask:
    try:
        scheme = urlsplit(address).scheme.partition("+")[0]
    except ValueError:
        scheme = ""
    match scheme:
        case "postgresql" | "postgres":
            postgres.require_driver()
            return lambda: postgres.answered(address, query.sql)
        case "sqlite":
            return lambda: sqlite.answered(address, query.sql, root)
    raise ProjectError(
        f"The connection of '{file.name}' is not the address of a database that is known.\n"
        f"It is written as {_EXAMPLE} or sqlite:///path/from/the/project.db"
    )


def _fetch(name: str, snapshot: Snapshot, ask: Ask, project: Project, begun: float) -> Fetched:
    folder = make_private_folder(project.places.snapshot(name, "").parent)
    sweep(folder)
    with ask() as answer, kept(answer, folder) as new, _held(project):
        pins = read_pins(project.snapshots)
        before = pins.get(name)
        place = project.places.snapshot(name, new.sha256)
        _put(new, place)
        pin = Pin(
            new.sha256,
            new.rows,
            datetime.now(UTC).isoformat(timespec="seconds"),
            snapshot.origin.digest,
        )
        same = before is not None and before.sha256 == pin.sha256
        if before is None or not same or before.asked != pin.asked:
            write_pins(project.snapshots, {**pins, name: pin})
        came = Came.NEW if before is None else Came.UNCHANGED if same else Came.CHANGED
        return Fetched(
            name,
            came,
            rows=new.rows,
            rows_before=before.rows if before is not None else None,
            size_bytes=new.size_bytes,
            sha256=new.sha256,
            seconds=time.monotonic() - begun,
            notes=new.notes,
        )


def _put(new: KeptAnswer, place: Path) -> None:
    if place.is_file() and hash_file(place) == new.sha256:
        return
    new.path.replace(place)
    sync(place.parent)


@contextmanager
def _held(project: Project) -> Iterator[None]:
    """Others that fetch wait meanwhile, since all write to one file of pins."""
    guard = project.places.fetch_guard
    with open_to_lock(guard) as handle:
        hold(handle, guard)
        yield
