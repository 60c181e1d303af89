"""A list of categories in a separate file, so that many fields can refer to it.

https://datapackage.org/standard/table-schema/#categories
"""

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from data_package.engine.schema.document import MAX_BYTES, Document, Place, Problem

_VALUE = "value"
_LABEL = "label"


class Vocabulary(list[object]):
    """The categories in a file: plain values, or mappings with `value`, `label` and more.

    A list like any other, and one that knows its name and its digest, so that what is worked out
    of it is worked out once for all fields that use it.
    """

    def __init__(
        self, entries: Iterable[object], *, name: str, file: Path | None = None, pointer: str = ""
    ) -> None:
        super().__init__(entries)
        self.name = name
        self._file = file
        self._pointer = pointer

    def named_from(self, folder: Path) -> object:
        """Return what names it in a contract in `folder`; a list where it has no file.

        The path leads upwards where it must, as paths in a contract may.
        """
        if self._file is None:
            return list(self)
        path = Path(os.path.relpath(self._file, folder.resolve())).as_posix()
        return {"$ref": quote(path) + (f"#{self._pointer}" if self._pointer else "")}

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other or list.__eq__(self, other)

    @cached_property
    def values(self) -> tuple[object, ...]:
        """The value of each category."""
        return tuple(entry.get(_VALUE) if isinstance(entry, dict) else entry for entry in self)

    @cached_property
    def labels(self) -> tuple[str | None, ...]:
        """The label of each category, None where it has none; an empty one is not written yet."""
        found = (entry.get(_LABEL) if isinstance(entry, dict) else None for entry in self)
        return tuple(label if isinstance(label, str) and label else None for label in found)

    @cached_property
    def digest(self) -> str:
        """A sha256 over the values, which are all that a check goes by."""
        text = json.dumps(self.values, ensure_ascii=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def columns(self) -> tuple[str, ...]:
        """The properties of its categories, in order: `value` first, then `label` and others."""
        given = dict.fromkeys(
            [_VALUE, _LABEL]
            + [str(key) for entry in self if isinstance(entry, dict) for key in entry]
        )
        has_label = any(label is not None for label in self.labels)
        return tuple(name for name in given if name != _LABEL or has_label)


def read_codes(text: str) -> Document:
    """Return the categories in CSV text: a column `value`, and others such as `label`.

    The delimiter is a comma, or the semicolon or tab that the header has instead. Empty cells say
    nothing.
    """
    if len(text) > MAX_BYTES:
        limit = f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB"
        return Document(None, (Problem(Place(1, 1), limit),))
    first = text.partition("\n")[0]
    delimiter = next((mark for mark in (",", ";", "\t") if mark in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    entries: list[object] = []
    problems: list[Problem] = []
    try:
        header = next(reader, [])
        if _VALUE not in header or len(set(header)) < len(header) or "" in header:
            what = "a list of codes needs a header with the column value, and others such as label"
            return Document(None, (Problem(Place(1, 1), what),))
        line = reader.line_num
        for cells in reader:
            if len(cells) != len(header):
                what = f"this row has {len(cells)} cells, and the header has {len(header)}"
                problems.append(Problem(Place(line + 1, 1), what))
            elif header == [_VALUE]:
                entries.append(cells[0])
            else:
                given = zip(header, cells, strict=True)
                entries.append({key: cell for key, cell in given if cell or key == _VALUE})
            line = reader.line_num
    except csv.Error:
        problems.append(Problem(Place(reader.line_num, 1), "this is not CSV: look at its quotes"))
    return Document(None if problems else entries, tuple(problems))


def code_lines(text: str) -> list[int]:
    """Return on which line each category of CSV text begins."""
    reader = csv.reader(io.StringIO(text, newline=""))
    ends = [reader.line_num for _ in reader]
    return [end + 1 for end in ends]
