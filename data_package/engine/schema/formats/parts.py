"""The tables that one delivered file holds: sheets, tables of a database, files of an archive."""

from pathlib import Path

from data_package.engine.schema.dialect import Form, packing
from data_package.engine.schema.formats import format_of
from data_package.engine.schema.formats.opening import require_library
from data_package.engine.schema.unpacking import UNREADABLE, members
from data_package.engine.schema.unreadable import unreadable_file


def parts_of(path: Path) -> list[dict[str, str]]:
    """Return a dialect for each table in the file at `path`; an empty one where it is one table.

    Raises CheckError for a file that cannot be opened.
    """
    form = format_of(path)
    try:
        if form.parts is not None:
            require_library(path, form)
            name, names = form.parts
            found = names(path)
        elif form.form is Form.DELIMITED and packing(path) == ".zip":
            name, found = "member", members(path)
        else:
            return [{}]
    except UNREADABLE as error:
        raise unreadable_file(path, error, "utf-8") from None
    return [{name: each} for each in found] if len(found) > 1 else [{}]
