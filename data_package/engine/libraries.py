"""Versions of installed libraries, by their import names.

Standard library only.
"""

import importlib.util
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importlib.metadata import Distribution

NO_VERSION: Final = "without a version"
# Libraries that functions of others call to do the work, if they are installed.
_EXCEL: Final = ("openpyxl", "xlrd", "pyxlsb", "odf", "python_calamine")
_BEHIND: Final[Mapping[str, tuple[str, ...]]] = {
    "polars.read_excel": ("fastexcel", "openpyxl", "xlsx2csv"),
    "polars.read_ods": ("fastexcel",),
    "polars.read_database": ("sqlalchemy", "adbc_driver_manager", "arrow_odbc"),
    "polars.read_database_uri": ("connectorx", "adbc_driver_manager"),
    "polars.read_delta": ("deltalake",),
    "polars.scan_delta": ("deltalake",),
    "polars.scan_iceberg": ("pyiceberg",),
    "polars.scan_pyarrow_dataset": ("pyarrow",),
    "polars.from_pandas": ("pandas", "pyarrow"),
    "pandas.read_excel": _EXCEL,
    "pandas.ExcelFile": _EXCEL,
    "pandas.read_parquet": ("pyarrow", "fastparquet"),
    "pandas.read_feather": ("pyarrow",),
    "pandas.read_orc": ("pyarrow",),
    "pandas.read_hdf": ("tables",),
    "pandas.read_spss": ("pyreadstat",),
    "pandas.read_sql": ("sqlalchemy",),
    "pandas.read_sql_query": ("sqlalchemy",),
    "pandas.read_sql_table": ("sqlalchemy",),
    "pandas.read_html": ("lxml", "bs4", "html5lib"),
    "pandas.read_xml": ("lxml",),
    "geopandas.read_file": ("pyogrio", "fiona"),
}


def behind(dotted: str) -> tuple[str, ...]:
    """The libraries behind a library's function, such as `polars.read_excel`."""
    top, _, rest = dotted.partition(".")
    return _BEHIND.get(f"{top}.{rest.rpartition('.')[2]}", ())


@cache
def version_of(library: str) -> str | None:
    """The version of a library; NO_VERSION if it has none, None if it is not installed."""
    import importlib.metadata

    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(library)
    if not _is_there(library):
        return None
    owner = _owners().get(library)
    return owner.version if owner is not None else NO_VERSION


def _is_there(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except (ImportError, ValueError):
        return False


@cache
def _owners() -> "Mapping[str, Distribution]":
    """What is installed, by import name.

    The same as `importlib.metadata.packages_distributions`, in a tenth of its time.
    """
    import importlib.metadata

    found: dict[str, Distribution] = {}
    for distribution in importlib.metadata.distributions():
        names = (distribution.read_text("top_level.txt") or "").split()
        for name in names or _modules(distribution.read_text("RECORD") or ""):
            found.setdefault(name, distribution)
    return found


def _modules(record: str) -> set[str]:
    """The import names of a distribution, by its files; a regular expression is slow."""
    paths = (line.partition(",")[0] for line in record.splitlines())
    return {
        path.replace("/", ".").partition(".")[0]
        for path in paths
        if path.endswith(".py") or (path.endswith(".so") and "/" not in path)
    }
