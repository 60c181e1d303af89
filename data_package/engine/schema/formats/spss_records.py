"""The records of an SPSS file's dictionary: where each is, and its numbers.

What does not belong here: what a record means, and what is changed in it.
https://www.gnu.org/software/pspp/pspp-dev/html_node/System-File-Format.html describes the records.
"""

import struct
from collections.abc import Iterator
from mmap import mmap
from typing import Literal, NamedTuple

HEADER_BYTES = 176
VARIABLE, LABELS, LABELLED, DOCUMENTS, EXTENSION, END = 2, 3, 4, 6, 7, 999
# Subtypes of extensions.
LONG_NAMES, LONG_TEXTS, ENCODING, LABELS_OF_TEXTS, MISSING_OF_TEXTS = 13, 14, 20, 21, 22
_LITTLE = (b"\x02\0\0\0", b"\x03\0\0\0")


class SpssRecord(NamedTuple):
    """A record of a dictionary.

    Attributes:
        kind: what it is, as it begins.
        subtype: of an extension; 0 for others.
        begin: its first byte.
        content: the first byte behind the numbers that each record of its kind begins with.
        end: the byte behind its last.
    """

    kind: int
    subtype: int
    begin: int
    content: int
    end: int


class ByteReader:
    """The bytes of a dictionary from a place on, read in order."""

    def __init__(self, head: bytes | mmap, at: int, order: Literal["<", ">"]) -> None:
        self._head = head
        self._order = order
        self.at = at

    def take(self, count: int) -> bytes:
        """So many bytes. Raises ValueError where there are not so many."""
        content = self._head[self.at : self.at + count] if count >= 0 else b""
        if len(content) != count:
            raise ValueError(count)
        self.at += count
        return content

    def number(self) -> int:
        """A whole number of four bytes. Raises ValueError where there is none."""
        return int(struct.unpack(f"{self._order}i", self.take(4))[0])


def byte_order(header: bytes | mmap) -> Literal["<", ">"]:
    """How the header of a file orders the bytes of its numbers, as `struct` writes it."""
    return "<" if header[64:68] in _LITTLE else ">"


def records(head: bytes | mmap) -> Iterator[SpssRecord]:
    """The records of a dictionary in order, without the one that ends it.

    Raises ValueError for records that are damaged.
    """
    data = ByteReader(head, HEADER_BYTES, byte_order(head))
    while (kind := data.number()) != END:
        begin, subtype = data.at - 4, 0
        content = data.at
        if kind == VARIABLE:
            data.number()
            has_label, missing = data.number(), data.number()
            data.take(16)
            content = data.at
            if has_label:
                data.take(filled(data.number(), 4))
            data.take(8 * abs(missing))
        elif kind == LABELS:
            for _ in range(data.number()):
                data.take(8)
                data.take(filled(data.take(1)[0] + 1, 8) - 1)
        elif kind == LABELLED:
            data.take(4 * data.number())
        elif kind == DOCUMENTS:
            data.take(80 * data.number())
        elif kind == EXTENSION:
            subtype, size, count = data.number(), data.number(), data.number()
            content = data.at
            data.take(size * count)
        else:
            raise ValueError(kind)
        yield SpssRecord(kind, subtype, begin, content, data.at)


def encoding_at(head: bytes) -> tuple[int, int] | None:
    """Where a header names its encoding, and in how many bytes; None where it does not."""
    order = byte_order(head)
    mark = struct.pack(f"{order}3i", EXTENSION, ENCODING, 1)
    at = head.rfind(mark)
    if at < 0:
        return None
    begin = at + len(mark) + 4
    (length,) = struct.unpack(f"{order}i", head[begin - 4 : begin])
    return begin, length


def named_encoding(head: bytes) -> str:
    """What a header calls its encoding; empty where it does not name one.

    The library takes an encoding that it does not know for UTF-8, and drops letters in silence.
    """
    found = encoding_at(head)
    return "" if found is None else head[found[0] : sum(found)].decode("latin-1")


def filled(length: int, unit: int) -> int:
    """A number of bytes, filled up to a multiple of `unit`."""
    return (length + unit - 1) // unit * unit
