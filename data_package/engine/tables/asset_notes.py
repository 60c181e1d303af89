"""Notes on assets that are not tables: files of other formats, or things kept elsewhere.

A table's file shows that it was made. A file asset's too, but only its function knows the ending;
what another IO manager keeps, or what a function did elsewhere, leaves no file here. So each gets a
note on this machine: without it, the asset counts as never made here.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from data_package.engine.project import Project
from data_package.engine.storage import HashCache, recalled, write_private

# The description of an asset with `is_required=False` that its function has not yielded.
LEFT_OUT = "Its function has not yielded it this time."


class Kept(StrEnum):
    """How the result of an asset's function is kept.

    A table and a file are kept in `storage/`, the first as Parquet, the second as it came. What
    another IO manager keeps is elsewhere. Where the function has no return annotation, the
    result decides.
    """

    TABLE = "table"
    FILE = "file"
    ELSEWHERE = "elsewhere"
    NOTHING = "nothing"
    BY_RESULT = "as the result says"


@dataclass(frozen=True)
class Note:
    """The note on an asset that is not a table.

    Attributes:
        version: of its content, as the lock has it.
        file: the path of its file, relative to `storage/`; None where none is kept.
        elsewhere: the hashes of files that another IO manager reported, by their paths.
    """

    version: str
    file: str | None = None
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    def holds(self, hashes: HashCache) -> bool:
        """Whether the files that others wrote are unchanged."""
        return all(
            Path(path).is_file() and hashes.hash(Path(path)) == digest
            for path, digest in self.elsewhere.items()
        )


def note_path(project: Project, name: str) -> Path:
    """Where the note of a name, `Table.noted_as`, is or would be."""
    return project.places.made / f"{name}.json"


def note_of(project: Project, name: str) -> Note | None:
    """The note of a name; None where there is none that can be read."""
    return recalled(note_path(project, name), _note, None)


def _note(document: Mapping[str, Any]) -> Note | None:
    note = Note(**document)
    inside = note.file is None or not (
        Path(note.file).is_absolute() or ".." in Path(note.file).parts
    )
    return note if inside else None


def put_note(project: Project, name: str, note: Note) -> None:
    """Keep a note on an asset that has just been made; remove its old file under another name."""
    before = note_of(project, name)
    if before is not None and before.file not in (None, note.file):
        (project.storage / str(before.file)).unlink(missing_ok=True)
    write_private(note_path(project, name), json.dumps(asdict(note), indent=1))


def drop_note(project: Project, name: str) -> None:
    """The asset is a table now, which needs no note: remove the note and its old file."""
    note = note_of(project, name)
    if note is not None and note.file is not None:
        (project.storage / note.file).unlink(missing_ok=True)
    note_path(project, name).unlink(missing_ok=True)
