"""Times that SPSS and SAS count in seconds, as the durations that they are.

The library gives a time of 24 hours or more as a missing value. So it reads a copy of such a file
whose header says that these columns are numbers.
https://www.gnu.org/software/pspp/pspp-dev/html_node/Variable-Record.html and
https://support.sas.com/techsup/technote/ts140.pdf describe the headers.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import IO

import polars as pl

from data_package.engine.schema.formats.spss_dictionary import HEADER_BYTES, byte_order

_HEAD = 1 << 20
_VARIABLE = 2
_TIME = 21
# F8.2, as SPSS writes it.
_NUMBER = 5 << 16 | 8 << 8 | 2
_MEMBER = 140
_FORM = 56


def durations(names: Sequence[str]) -> list[pl.Expr]:
    """Columns of seconds as durations."""
    return [
        (pl.col(name) * 1e6).round().cast(pl.Int64).cast(pl.Duration("us")).alias(name)
        for name in names
    ]


def in_numbers(file: IO[bytes], suffix: str, schema: Mapping[str, pl.DataType]) -> None:
    """Change the header of a copy so that times are numbers."""
    if suffix == ".xpt":
        _change_sas(file, [i for i, dtype in enumerate(schema.values()) if dtype == pl.Time])
    else:
        _change_spss(file)


def _change_spss(file: IO[bytes]) -> None:
    file.seek(0)
    order = byte_order(file.read(HEADER_BYTES))
    at = HEADER_BYTES
    while True:
        file.seek(at)
        kind, _, has_label, missing, shown, _ = struct.unpack(f"{order}6i", file.read(24))
        if kind != _VARIABLE:
            return
        if shown >> 16 & 0xFF == _TIME:
            file.seek(at + 16)
            file.write(struct.pack(f"{order}2i", _NUMBER, _NUMBER))
        at += 32
        if has_label:
            file.seek(at)
            (length,) = struct.unpack(f"{order}i", file.read(4))
            at += 4 + (length + 3) // 4 * 4
        at += 8 * abs(missing)


def _change_sas(file: IO[bytes], places: Sequence[int]) -> None:
    file.seek(0)
    head = file.read(_HEAD)
    begin = max(
        head.find(b"HEADER RECORD*******NAMESTR"), head.find(b"HEADER RECORD*******NAMSTV8")
    )
    for place in places:
        file.seek(begin + 80 + _MEMBER * place + _FORM)
        file.write(b" " * 8)
