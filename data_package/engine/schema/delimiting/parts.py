"""The tables that one delivered file holds: sheets, tables of a database, files of an archive."""

from pathlib import Path

from data_package.engine.schema.dialect import Dialect, Form
from data_package.engine.schema.opening import UNREADABLE, members
from data_package.engine.schema.unreadable import unreadable_file


def parts_of(path: Path) -> list[dict[str, str]]:
    """Return a dialect for each table in a file; an empty one for a file that is one table.

    Raises CheckError for a file that cannot be opened.
    """
    form = Dialect().form_of(path)
    try:
        if form is Form.WORKBOOK:
            from data_package.engine.schema.delimiting.workbook import sheets

            name, found = "sheetName", sheets(path)
        elif form is Form.DATABASE:
            from data_package.engine.schema.delimiting.database import tables

            name, found = "table", tables(path)
        elif path.suffix == ".zip":
            name, found = "member", members(path)
        else:
            return [{}]
    except UNREADABLE as error:
        raise unreadable_file(path, error, "utf-8") from None
    return [{name: each} for each in found] if len(found) > 1 else [{}]
