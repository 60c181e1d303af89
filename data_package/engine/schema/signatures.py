"""Formats that are not delimited text, told by how their files begin.

Each signature is the one that the format's own documentation or its public readers give.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

# As many bytes as the longest of the signatures needs.
BEGINNING_BYTES = 4096

_BY_LIBRARY = "take it as a Path and read it with {} in the table's function"
_WORKBOOK = "give its name the ending that it has in Excel, such as .xlsx"
_READSTAT = _BY_LIBRARY.format("polars-readstat or pyreadstat")
_DATABASE = "give its name the ending {}"


@dataclass(frozen=True, slots=True)
class Signature:
    """How the files of a format begin, what they are called, and what to do with one.

    `test` tells it from a file's first BEGINNING_BYTES.
    """

    name: str
    advice: str
    test: Callable[[bytes], bool]

    def __str__(self) -> str:
        return f"it is {self.name}; {self.advice}"


def signature_of(beginning: bytes) -> Signature | None:
    """Return the format, other than delimited text, whose files begin like this; None for text."""
    return next((each for each in _SIGNATURES if each.test(beginning)), None)


def json_text(beginning: bytes) -> Signature | None:
    """Return JSON when the text of a file begins like it.

    It is asked for only where a header is expected: a cell may hold JSON, a label does not.
    """
    return _JSON if _JSON.test(beginning) else None


def _starts(*magic: bytes, at: int = 0) -> Callable[[bytes], bool]:
    return lambda beginning: beginning[at:].startswith(magic)


def _zip_with(*names: bytes) -> Callable[[bytes], bool]:
    return lambda beginning: (
        beginning.startswith(b"PK\x03\x04") and any(name in beginning for name in names)
    )


def _matches(pattern: bytes) -> Callable[[bytes], bool]:
    form = re.compile(pattern, re.DOTALL)
    return lambda beginning: form.match(beginning) is not None


def _is_old_stata(beginning: bytes) -> bool:
    """Tell a Stata file of versions 4 to 12: release, byte order, file type, a zero."""
    return (
        len(beginning) > 4
        and 0x69 <= beginning[0] <= 0x73
        and beginning[1] in (1, 2)
        and beginning[2:4] == b"\x01\x00"
    )


def _is_dbase(beginning: bytes) -> bool:
    """Tell a dBase or FoxPro table by its version, its date and the length of its header."""
    if len(beginning) < 32 or beginning[0] not in b"\x02\x03\x30\x31\x32\x43\x63\x83\x8b\xcb\xf5":
        return False
    header = int.from_bytes(beginning[8:10], "little")
    record = int.from_bytes(beginning[10:12], "little")
    dated = 1 <= beginning[2] <= 12 and 1 <= beginning[3] <= 31
    return dated and header > 32 and record > 1 and b"\x00" in beginning[12:32]


_JSON = Signature(
    "JSON",
    "give its name the ending .json, or .ndjson where each line is a value",
    _matches(rb"(?:\xef\xbb\xbf)?\s*(?:\{\s*[\"}]|\[\s*[\[{\"\d\-\]])"),
)

_SIGNATURES = (
    Signature("an Excel workbook", _WORKBOOK, _zip_with(b"xl/", b"[Content_Types].xml")),
    Signature(
        "an OpenDocument sheet",
        "give its name the ending .ods",
        _zip_with(b"opendocument.spreadsheet"),
    ),
    Signature(
        "a zip archive or a workbook",
        "give its name the ending .zip, or .xlsx if it is one",
        _starts(b"PK\x03\x04", b"PK\x05\x06"),
    ),
    Signature(
        "an old Excel workbook (.xls, OLE2)",
        _WORKBOOK,
        _starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x09\x08\x10\x00\x00\x06\x05\x00"),
    ),
    Signature("compressed with gzip", "give its name the ending .gz", _starts(b"\x1f\x8b")),
    Signature(
        "compressed with zstd", "give its name the ending .zst", _starts(b"\x28\xb5\x2f\xfd")
    ),
    Signature(
        "compressed with bzip2", "give its name the ending .bz2", _matches(rb"BZh[1-9]1AY&SY")
    ),
    Signature("compressed with xz", "give its name the ending .xz", _starts(b"\xfd7zXZ\x00")),
    Signature("compressed with lz4", "unpack it: unlz4 FILE", _starts(b"\x04\x22\x4d\x18")),
    Signature("compressed with compress", "unpack it: gunzip FILE", _starts(b"\x1f\x9d")),
    Signature("a 7z archive", "unpack it", _starts(b"7z\xbc\xaf\x27\x1c")),
    Signature("a RAR archive", "unpack it", _starts(b"Rar!\x1a\x07")),
    Signature(
        "a tar archive", "unpack it: tar xf FILE", _starts(b"ustar\x00", b"ustar  \x00", at=257)
    ),
    Signature(
        "a Parquet file", "give its name the ending .parquet", _matches(rb"PAR1[^ -~\r\n\t]")
    ),
    Signature(
        "a Feather or Arrow file",
        _BY_LIBRARY.format("pl.scan_ipc"),
        _starts(b"ARROW1\x00", b"FEA1\x00"),
    ),
    Signature("an Avro file", _BY_LIBRARY.format("pl.read_avro"), _starts(b"Obj\x01")),
    Signature("an ORC file", _BY_LIBRARY.format("pyarrow.orc"), _matches(rb"ORC[\x00-\x1f]")),
    Signature("an SPSS file (.sav)", _READSTAT, _starts(b"$FL2", b"$FL3")),
    Signature("an SPSS portable file (.por)", _READSTAT, _starts(b"SPSSPORT", at=456)),
    Signature("an SPSS portable file (.por)", _READSTAT, _matches(rb".{440,480}SPSSPORT")),
    Signature(
        "a SAS file (.sas7bdat)",
        _READSTAT,
        _starts(bytes(12) + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf\xbd\x92\x08\x00"),
    ),
    Signature("a SAS transport file (.xpt)", _READSTAT, _starts(b"HEADER RECORD*******")),
    Signature("a SAS transport file (CPORT)", "export it as .xpt", _starts(b"**COMPRESSED**")),
    Signature("a Stata file (.dta)", _READSTAT, _starts(b"<stata_dta>")),
    Signature("a Stata file (.dta)", _READSTAT, _is_old_stata),
    Signature(
        "R data (.RData or .rds)",
        "write it as CSV or Parquet in R",
        _matches(rb"RDX[23]\nX\n|RDA[23]\nA\n|RDB[23]\nB\n|[XB]\n\x00\x00\x00[\x02\x03]"),
    ),
    Signature("an SQLite database", _DATABASE.format(".sqlite"), _starts(b"SQLite format 3\x00")),
    Signature(
        "a DuckDB database", _DATABASE.format(".duckdb"), _matches(rb".{8}DUCK.{1,3}\x00{3}")
    ),
    Signature(
        "an Access database",
        "export its tables as CSV",
        _starts(b"\x00\x01\x00\x00Standard Jet DB", b"\x00\x01\x00\x00Standard ACE DB"),
    ),
    Signature("a dBase table (.dbf)", "save it as CSV", _is_dbase),
    Signature("an HDF5 file", _BY_LIBRARY.format("h5py"), _starts(b"\x89HDF\r\n\x1a\n")),
    Signature("a MATLAB file", _BY_LIBRARY.format("scipy.io"), _starts(b"MATLAB 5.0 MAT-file")),
    Signature("a PDF document", "ask for the table as CSV", _starts(b"%PDF-")),
    Signature("an RTF document", "ask for the table as CSV", _starts(b"{\\rtf")),
    Signature(
        "a web page (HTML)",
        "some programs name one .xls; open it in one of them and save it as CSV",
        _matches(rb"(?:\xef\xbb\xbf)?\s*<(?i:!doctype html|html|table)\b"),
    ),
    Signature("XML", "ask for the table as CSV", _matches(rb"(?:\xef\xbb\xbf)?\s*<\?xml\b")),
)
