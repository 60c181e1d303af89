"""Times that SPSS and SAS count in seconds, as the durations that they are.

The library gives a time of 24 hours or more as a missing value. So it reads a copy of such a file
whose header says that these columns are numbers.
https://www.gnu.org/software/pspp/pspp-dev/html_node/Variable-Record.html and
https://support.sas.com/techsup/technote/ts140.pdf describe the headers.
"""

import mmap
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO

import polars as pl

from data_package.engine.schema.formats.spss_records import VARIABLE, byte_order, records

_HEAD = 1 << 20
# Where names of formats are, and how often one of them is tried: it may be part of other words.
_MOST_HEAD = 1 << 24
_MOST_TRIES = 200
# Where the record of a variable says how it is shown.
_SHOWN_AT = 16
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


def in_numbers_of_sas(
    file: IO[bytes], names: Iterable[str], schema_of: Callable[[], Mapping[str, pl.DataType]]
) -> bool:
    """Change a copy of a .sas7bdat file so that times are numbers; False where they are not all.

    `names` are those of their formats. Where the file has such a name is unknown: each place is
    tried, and stays changed if the library then has numbers for times and nothing else differs.
    """
    before = dict(schema_of())
    wanted = {name: pl.Float64 if dtype == pl.Time else dtype for name, dtype in before.items()}
    file.seek(0)
    head = file.read(_MOST_HEAD)
    for name in {name.encode() for name in names if name}:
        at, tries = head.find(name), 0
        while at >= 0 and tries < _MOST_TRIES:
            _put(file, at, b"X" * len(name))
            try:
                after = dict(schema_of())
            except Exception:  # noqa: BLE001  it was something else that the file needs
                after = {}
            if after != before and all(
                after.get(one) in (wanted[one], before[one]) for one in before
            ):
                before = after
            else:
                _put(file, at, name)
            at, tries = head.find(name, at + 1), tries + 1
    return before == wanted


def _put(file: IO[bytes], at: int, content: bytes) -> None:
    file.seek(at)
    file.write(content)
    file.flush()


def _change_spss(file: IO[bytes]) -> None:
    file.flush()
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as head:
        order = byte_order(head)
        for record in records(head):
            if record.kind != VARIABLE:
                return
            at = record.begin + _SHOWN_AT
            (shown,) = struct.unpack(f"{order}i", head[at : at + 4])
            if shown >> 16 & 0xFF == _TIME:
                file.seek(at)
                file.write(struct.pack(f"{order}2i", _NUMBER, _NUMBER))


def _change_sas(file: IO[bytes], places: Sequence[int]) -> None:
    file.seek(0)
    head = file.read(_HEAD)
    begin = max(
        head.find(b"HEADER RECORD*******NAMESTR"), head.find(b"HEADER RECORD*******NAMSTV8")
    )
    for place in places:
        file.seek(begin + 80 + _MEMBER * place + _FORM)
        file.write(b" " * 8)
