"""Files that are taken for delimited text and plainly are not, by their first bytes.

Formats that are read are in `FORMATS` and are recognised first; of the others, this says what to do
with each. Each signature is the one that the format's own documentation or its public readers give.
"""

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

from data_package.engine.schema.dialect import Dialect, reads_utf8
from data_package.engine.schema.formats.bytes_like import BEGINNING_BYTES, matches, starts
from data_package.engine.schema.formats.other_than_text import format_like
from data_package.engine.schema.report import Hint
from data_package.engine.schema.unreadable import CheckError

_BY_LIBRARY = "take it as a Path and read it with {} in the table's function"
_NAMED_WRONGLY = "unpack it, or give it the name of such a file"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MANY_NULS = 0.3


@dataclass(frozen=True, slots=True)
class Signature:
    """How the files of a format begin, what they are called, and what to do with one.

    `test` tells it from a file's first BEGINNING_BYTES (`bytes_like`).
    """

    name: str
    advice: str
    test: Callable[[bytes], bool]

    def __str__(self) -> str:
        return f"it is {self.name}; {self.advice}"


def refuse_other_than_text(path: Path, file: IO[bytes], dialect: Dialect) -> None:
    """Raise CheckError for a file that was taken for delimited text and plainly is not.

    `file` has been opened, and unpacked; nothing is taken from it.
    """
    beginning = cast("BufferedReader", file).peek(BEGINNING_BYTES)[:BEGINNING_BYTES]
    has_header = dialect.header and not dialect.columns
    encoding = dialect.encoding
    found = signature_of(beginning)
    # A cell may hold JSON, a label does not.
    if found is None and has_header and _JSON.test(beginning):
        found = _JSON
    problem = f"{path}: the file is not text"
    if found is not None:
        raise CheckError(f"{problem}: {found}")
    is_utf8 = reads_utf8(encoding)
    if is_utf8 and beginning.startswith(_UTF16_MARKS):
        what, encoding = "it begins as UTF-16 text does", "utf-16"
    elif is_utf8 and beginning.count(0) > _MANY_NULS * len(beginning):
        what, encoding = "it is full of NUL bytes, as UTF-16 is", "utf-16-le"
    elif not is_utf8 and beginning.startswith(codecs.BOM_UTF8):
        what, encoding = f"it begins with the mark of UTF-8 and is read as {encoding}", "utf-8"
    else:
        return
    raise CheckError(problem, Hint(what, f"encoding: {encoding}", f"--encoding {encoding}"))


def signature_of(beginning: bytes) -> Signature | None:
    """Return the format, other than delimited text, whose files begin like this; None for text."""
    form = format_like(beginning)
    if form is not None and form.is_like is not None:
        return Signature(form.name, _NAMED_WRONGLY, form.is_like)
    return next((each for each in SIGNATURES if each.test(beginning)), None)


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
    matches(rb"(?:\xef\xbb\xbf)?\s*(?:\{\s*[\"}]|\[\s*[\[{\"\d\-\]])"),
)

SIGNATURES = (
    Signature(
        "a zip archive or a workbook",
        "give its name the ending .zip, or .xlsx if it is one",
        starts(b"PK\x03\x04", b"PK\x05\x06"),
    ),
    Signature("compressed with gzip", "give its name the ending .gz", starts(b"\x1f\x8b")),
    Signature("compressed with zstd", "give its name the ending .zst", starts(b"\x28\xb5\x2f\xfd")),
    Signature(
        "compressed with bzip2", "give its name the ending .bz2", matches(rb"BZh[1-9]1AY&SY")
    ),
    Signature("compressed with xz", "give its name the ending .xz", starts(b"\xfd7zXZ\x00")),
    Signature("compressed with lz4", "unpack it: unlz4 FILE", starts(b"\x04\x22\x4d\x18")),
    Signature("compressed with compress", "unpack it: gunzip FILE", starts(b"\x1f\x9d")),
    Signature("a 7z archive", "unpack it", starts(b"7z\xbc\xaf\x27\x1c")),
    Signature("a RAR archive", "unpack it", starts(b"Rar!\x1a\x07")),
    Signature(
        "a tar archive", "unpack it: tar xf FILE", starts(b"ustar\x00", b"ustar  \x00", at=257)
    ),
    Signature(
        "a Feather or Arrow file",
        _BY_LIBRARY.format("pl.scan_ipc"),
        starts(b"ARROW1\x00", b"FEA1\x00"),
    ),
    Signature("an Avro file", _BY_LIBRARY.format("pl.read_avro"), starts(b"Obj\x01")),
    Signature("an ORC file", _BY_LIBRARY.format("pyarrow.orc"), matches(rb"ORC[\x00-\x1f]")),
    Signature("an SPSS file with a password", "save it without one", starts(b"ENCRYPTEDSAV", at=8)),
    Signature("a SAS transport file (CPORT)", "export it as .xpt", starts(b"**COMPRESSED**")),
    Signature(
        "R data (.RData or .rds)",
        "write it as CSV or Parquet in R",
        matches(rb"RDX[23]\nX\n|RDA[23]\nA\n|RDB[23]\nB\n|[XB]\n\x00\x00\x00[\x02\x03]"),
    ),
    Signature(
        "an Access database",
        "export its tables as CSV",
        starts(b"\x00\x01\x00\x00Standard Jet DB", b"\x00\x01\x00\x00Standard ACE DB"),
    ),
    Signature("a dBase table (.dbf)", "save it as CSV", _is_dbase),
    Signature("an HDF5 file", _BY_LIBRARY.format("h5py"), starts(b"\x89HDF\r\n\x1a\n")),
    Signature("a MATLAB file", _BY_LIBRARY.format("scipy.io"), starts(b"MATLAB 5.0 MAT-file")),
    Signature("a PDF document", "ask for the table as CSV", starts(b"%PDF-")),
    Signature("an RTF document", "ask for the table as CSV", starts(b"{\\rtf")),
    Signature(
        "a web page (HTML)",
        "some programs name one .xls; open it in one of them and save it as CSV",
        matches(rb"(?:\xef\xbb\xbf)?\s*<(?i:!doctype html|html|table)\b"),
    ),
    Signature("XML", "ask for the table as CSV", matches(rb"(?:\xef\xbb\xbf)?\s*<\?xml\b")),
)
