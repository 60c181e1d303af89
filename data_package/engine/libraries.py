"""Installed libraries: which version of one there is, by the name that code imports it by.

Standard library only.
"""

import importlib.util
import re
from collections.abc import Mapping
from functools import cache
from typing import Final

NO_VERSION: Final = "without a version"
# Libraries that others call to do the work, by whose function: those of them that are installed.
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
_DISTRIBUTION: Final = __name__.partition(".")[0].replace("_", "-")
_REQUIREMENT: Final = re.compile(r"[\w.-]+")
_PACKAGE: Final = re.compile(r"^(\w+)/__init__\.py,", re.MULTILINE)


def behind(dotted: str) -> tuple[str, ...]:
    """The libraries that may do the work of a library's function, such as `polars.read_excel`."""
    top, _, rest = dotted.partition(".")
    return _BEHIND.get(f"{top}.{rest.rpartition('.')[2]}", ())


@cache
def version_of(library: str) -> str | None:
    """The version of a library; NO_VERSION where it does not tell, None where it is not there."""
    for owners in (lambda: {library: library}, _required, _installed):
        owner = owners().get(library)
        if owner is not None and (version := _version(owner)) is not None:
            return version
    return NO_VERSION if _is_there(library) else None


def _version(distribution: str) -> str | None:
    import importlib.metadata

    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _is_there(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except (ImportError, ValueError):
        return False


@cache
def _required() -> Mapping[str, str]:
    """What the engine requires, by import name: asking all that is installed takes ten times it."""
    import importlib.metadata

    found = {}
    try:
        required = importlib.metadata.requires(_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    for line in required:
        name = _REQUIREMENT.match(line)
        try:
            distribution = importlib.metadata.distribution(name[0] if name else line)
        except importlib.metadata.PackageNotFoundError:
            continue
        names = (distribution.read_text("top_level.txt") or "").split()
        for top in names or _PACKAGE.findall(distribution.read_text("RECORD") or ""):
            found[top] = distribution.name
    return found


@cache
def _installed() -> Mapping[str, str]:
    import importlib.metadata

    owners: Mapping[str, list[str]] = importlib.metadata.packages_distributions()
    return {name: found[0] for name, found in owners.items()}
