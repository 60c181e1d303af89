"""CSV: a folder with a file per table and a descriptor: a data package itself."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import polars as pl

from data_package.engine.export.content import ExportedPackage, ExportedTable, file_name
from data_package.engine.package.csvtwin import DIALECT, write_csv
from data_package.engine.package.descriptor import FILE_NAME, to_json
from data_package.engine.schema.columns import column
from data_package.engine.storage import hash_file, make_private_folder, write_private

# What spreadsheets take for the beginning of a formula:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = r"^[=+\-@\t\r]"


def write(content: ExportedPackage, folder: Path, report: Callable[[str], None]) -> dict[str, int]:
    """Write a new folder. Texts that a spreadsheet would take for formulas are noted."""
    make_private_folder(folder)
    resources = []
    taken: set[str] = set()
    for table in content.tables:
        report(f"writing {table.name}")
        path = folder / file_name(table.name, ".csv", taken)
        write_csv(table.path, path)
        resources.append(_resource(table, path))
        content.notes.extend(_formulas(table))
    document = {**content.document, "resources": resources}
    write_private(folder / FILE_NAME, to_json(document))
    return {table.name: table.rows for table in content.tables}


def _resource(table: ExportedTable, path: Path) -> dict[str, object]:
    return {
        **table.contract.descriptor,
        "path": path.name,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": path.stat().st_size,
        "hash": f"sha256:{hash_file(path)}",
        "dialect": DIALECT,
    }


def _formulas(table: ExportedTable) -> list[str]:
    texts = [name for name, dtype in table.columns.items() if dtype in (pl.String, pl.Categorical)]
    if not texts:
        return []
    begin = [column(n).cast(pl.String).str.contains(_FORMULA).sum().alias(n) for n in texts]
    counts = table.scan().select(begin).collect(engine="streaming").row(0, named=True)
    found = {name: count for name, count in cast("Mapping[str, int]", counts).items() if count}
    return [
        f"{table.name}.csv: {count:,} texts of {name} begin with =, +, -, @, a tab or a return: "
        "a spreadsheet would take them for formulas. For readers with a spreadsheet, export xlsx."
        for name, count in found.items()
    ]
