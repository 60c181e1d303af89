"""The tables that one delivered file holds: sheets, tables of a database, files of an archive."""

from dataclasses import dataclass
from pathlib import Path

from data_package.engine.schema.dialect import Form, packing
from data_package.engine.schema.formats import format_of
from data_package.engine.schema.formats.file_format import Tables
from data_package.engine.schema.formats.opening import require_library
from data_package.engine.schema.unpacking import UNREADABLE, members
from data_package.engine.schema.unreadable import CheckError, unreadable_file


@dataclass(frozen=True, slots=True)
class FileParts:
    """The tables of one file: a dialect for each, empty where it needs none, and hidden ones."""

    dialects: tuple[dict[str, str], ...]
    hidden: tuple[str, ...] = ()


def parts_of(path: Path) -> FileParts:
    """Return the tables that the file at `path` holds.

    Raises CheckError for a file that cannot be opened.
    """
    form = format_of(path)
    try:
        if form.parts is not None:
            require_library(path, form)
            name, tables = form.parts
            found = tables(path)
        elif form.form is Form.DELIMITED and packing(path) == ".zip":
            name, names = "member", members(path)
            found = Tables(names, are_named=len(names) > 1)
        else:
            return FileParts(({},))
    except UNREADABLE as error:
        raise unreadable_file(path, error, "utf-8") from None
    if not found.names and found.are_named and not found.hidden:
        raise CheckError(f"{path}: the file is empty")
    if not found.names or not found.are_named:
        return FileParts(({},), tuple(found.hidden))
    return FileParts(tuple({name: each} for each in found.names), tuple(found.hidden))
