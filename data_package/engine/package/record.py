"""What was published last, and what each part of it was made of. Safe to delete.

`made_of` is a digest of everything that decides what a publication holds. While it is equal, and
every file is unchanged, publishing again would write the same. Summaries are kept as they are
shown: suppressed, so that no value can be read from them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from data_package.engine.project import Project
from data_package.engine.storage import recalled, write_private


@dataclass(frozen=True)
class PublicationRecord:
    """The last publication.

    Attributes:
        made_of: a digest of all it was made of.
        files: the hash of every file, by its path in the package.
        tables: a digest of what each table's file was made of, by its path.
        summaries: a digest and the summary made of it, by the table's name.
    """

    made_of: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    summaries: Mapping[str, tuple[str, dict[str, object]]] = field(default_factory=dict)


def read_record(project: Project) -> PublicationRecord:
    """The record of the last publication; an empty one where there is none."""
    return recalled(_path(project), _record, PublicationRecord())


def write_record(project: Project, record: PublicationRecord) -> None:
    """Write the record of a publication."""
    write_private(_path(project), json.dumps(asdict(record), ensure_ascii=False))


def digest(*parts: object) -> str:
    """One hash for values of JSON's types."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _record(found: Mapping[str, Any]) -> PublicationRecord:
    return PublicationRecord(
        made_of=str(found["made_of"]),
        files={name: str(one) for name, one in found["files"].items()},
        tables={name: str(one) for name, one in found["tables"].items()},
        summaries={name: (str(one[0]), dict(one[1])) for name, one in found["summaries"].items()},
    )


def _path(project: Project) -> Path:
    return project.places.published
