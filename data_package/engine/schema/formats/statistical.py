"""The files of SPSS, SAS and Stata.

https://www.gnu.org/software/pspp/pspp-dev/html_node/System-File-Format.html,
https://www.loc.gov/preservation/digital/formats/fdd/fdd000464.shtml (SAS transport files) and
https://www.stata.com/help.cgi?dta describe them.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from data_package.engine.schema.formats.bytes_like import matches, starts
from data_package.engine.schema.formats.file_format import FileFormat, TypedFile

_LIBRARY = "polars_readstat"
_EXTRA = "readstat"


def _opener(suffix: str, name: str) -> Callable[[Path], AbstractContextManager[TypedFile]]:
    def opened(path: Path) -> AbstractContextManager[TypedFile]:
        from data_package.engine.schema.formats.readstat import opened

        return opened(path, suffix, name)

    return opened


def _format(
    name: str, suffix: str, is_like: Callable[[bytes], bool], *more_suffixes: str
) -> FileFormat:
    return FileFormat(
        name,
        (suffix, *more_suffixes),
        is_like,
        library=_LIBRARY,
        extra=_EXTRA,
        typed=_opener(suffix, name),
    )


def _is_portable(beginning: bytes) -> bool:
    """Tell an SPSS portable file, with or without ends of lines, by its signature."""
    return b"SPSSPORT" in beginning[440:490] or beginning[456:464] == b"SPSSPORT"


def _is_stata(beginning: bytes) -> bool:
    """Tell a Stata file: since version 13 by its tag, before that by its first four bytes.

    These are the release, the byte order, the file type and a zero.
    """
    return beginning.startswith(b"<stata_dta>") or (
        len(beginning) > 4
        and 0x69 <= beginning[0] <= 0x73
        and beginning[1] in (1, 2)
        and beginning[2:4] == b"\x01\x00"
    )


SAV = _format("an SPSS file (.sav)", ".sav", starts(b"$FL2"))
ZSAV = _format("an SPSS file (.zsav)", ".zsav", starts(b"$FL3"))
POR = _format("an SPSS portable file (.por)", ".por", _is_portable)
SAS7BDAT = _format(
    "a SAS file (.sas7bdat)",
    ".sas7bdat",
    starts(bytes(12) + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf\xbd\x92\x08\x00"),
)
XPT = _format(
    "a SAS transport file (.xpt)",
    ".xpt",
    matches(rb"HEADER RECORD\*{7}(?:LIBRARY|LIBV8  )"),
    ".xport",
    ".stx",
)
STATA = _format("a Stata file (.dta)", ".dta", _is_stata)
