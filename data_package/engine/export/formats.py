"""What a data package can be exported to: all that is known of each format, in one place.

The command, its help and the reference read it here. How a format is written is a module of this
package by its name, which alone imports the format's library. What does not belong here: Polars,
and anything else that takes time to import, since `--help` and completions show the names.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Self

from data_package.engine.errors import ProjectError, did_you_mean

if TYPE_CHECKING:
    from data_package.engine.export.content import ExportedPackage

Reporter = Callable[[str], None]
# Takes the package and the new file or folder; gives the number of rows of each table.
Writer = Callable[["ExportedPackage", Path, Reporter], dict[str, int]]


@dataclass(frozen=True)
class Traits:
    """What is known of a format besides its name.

    Attributes:
        brief: what an export is, in a few words for the help.
        what: what it holds, and in which form, for the reference.
        lacks: what it cannot hold, for the reference.
        ending: the end of its name.
        index: of a folder of files, the file that lists them all; empty for a single file.
        libraries: modules whose errors may quote values, so that only their kind is reported.
        extra: the extra of this distribution that installs its library; empty if it needs none.
    """

    brief: str
    what: str
    lacks: str
    ending: str
    index: str = ""
    libraries: tuple[str, ...] = ()
    extra: str = ""


class ExportFormat(StrEnum):
    """A format that a data package can be exported to."""

    traits: Traits

    SQLITE = (
        "sqlite",
        Traits(
            brief="an SQLite database",
            what="one file; strict types, dates and times as ISO 8601, booleans 0 and 1, lists and "
            "structs as JSON",
            lacks="NaN, more than 2,000 fields of a table, names that differ in case only",
            ending=".sqlite",
            libraries=("sqlite3",),
        ),
    )
    DUCKDB = (
        "duckdb",
        Traits(
            brief="a DuckDB database",
            what="one file; the types of the Parquet files, durations as `INTERVAL`",
            lacks="names that differ in case only; keys that point to their own table or in a "
            "cycle are not declared",
            ending=".duckdb",
            libraries=("duckdb", "_duckdb"),
            extra="duckdb",
        ),
    )
    XLSX = (
        "xlsx",
        Traits(
            brief="an Excel workbook",
            what="one workbook, a sheet per table, and sheets of fields and codes",
            lacks="more than 1,048,575 rows, 16,384 fields or 32,767 characters in a cell; numbers "
            "beyond 2^53, days before March 1900, NaN and infinities are text",
            ending=".xlsx",
            libraries=("xlsxwriter",),
            extra="xlsx",
        ),
    )
    CSV = (
        "csv",
        Traits(
            brief="a folder of CSV files",
            what="a folder, which is a data package itself",
            lacks="nothing; a text that begins with `=`, `+`, `-` or `@` is a formula to a "
            "spreadsheet",
            ending="-csv",
            index="datapackage.json",
        ),
    )
    SAV = (
        "sav",
        Traits(
            brief="SPSS files",
            what="a folder with a `.sav` file per table and `datapackage.json`; titles and labels "
            "of values, booleans 0 and 1 with labels",
            lacks="names that SPSS does not allow or differ in case only, texts of more than "
            "32,767 bytes; empty texts, NaN and infinities are missing, days before October 1582, "
            "times with a zone, lists, structs and integers beyond 2^53 are text",
            ending="-sav",
            index="datapackage.json",
            libraries=("pyreadstat",),
            extra="readstat",
        ),
    )
    DTA = (
        "dta",
        Traits(
            brief="Stata files",
            what="the same as `.dta` files of Stata 14 and later",
            lacks="the same with names that Stata does not allow; labels of texts are in "
            "`datapackage.json` only",
            ending="-dta",
            index="datapackage.json",
            libraries=("pyreadstat",),
            extra="readstat",
        ),
    )
    XPT = (
        "xpt",
        Traits(
            brief="SAS transport files",
            what="the same as `.xpt` files, of version 5 where names have 8 letters, titles 40 and "
            "texts 200 bytes at most, else of version 8",
            lacks="the same with names that SAS does not allow, rows of empty texts at the end; "
            "labels of values are in `datapackage.json` only",
            ending="-xpt",
            index="datapackage.json",
            libraries=("pyreadstat",),
            extra="readstat",
        ),
    )
    MARKDOWN = (
        "markdown",
        Traits(
            brief="Markdown pages",
            what="a folder with `index.md` and a page per table: titles, descriptions, rules and "
            "codes, for your own site",
            lacks="rows, and counts of them",
            ending="-markdown",
            index="index.md",
        ),
    )
    QUARTO = (
        "quarto",
        Traits(
            brief="Quarto pages",
            what="the same as `.qmd`, in which no code runs",
            lacks="rows, and counts of them",
            ending="-quarto",
            index="index.qmd",
        ),
    )

    def __new__(cls, name: str, traits: Traits) -> Self:
        """A format by its name, which is its value."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.traits = traits
        return member

    @classmethod
    def named(cls, name: str) -> Self:
        """The format of a name. Raises ProjectError for any other name."""
        for each in cls:
            if each == name:
                return each
        names = [str(each) for each in cls]
        raise ProjectError(
            f"There is no export format '{name}'.{did_you_mean(name, names)}\n"
            f"There are: {', '.join(names)}."
        )

    def writer(self) -> Writer:
        """What writes it. Raises ProjectError where its library is not installed."""
        try:
            write: Writer = import_module(f"{__package__}.{self}").write
        except ModuleNotFoundError as error:
            raise ProjectError(
                f"--to {self} needs the package '{error.name}', which is not installed.\n"
                f"Install it: pip install 'data-package[{self.traits.extra}]'"
            ) from None
        return write
