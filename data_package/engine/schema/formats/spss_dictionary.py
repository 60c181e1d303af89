"""Names and labels of SPSS files in the code pages of old programs.

The library decodes the texts of such a file, but not its names and labels. So it is given the
dictionary of the file once more, rewritten in UTF-8.
https://www.gnu.org/software/pspp/pspp-dev/html_node/System-File-Format.html describes the records.
"""

import codecs
import json
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import product
from mmap import mmap
from pathlib import Path
from typing import IO, Literal

# How the library writes a letter of a label, and of a name, that it does not decode.
_NOT_DECODED = ("\ufffd", "&#65533;")
HEADER_BYTES = 176
_LITTLE = (b"\x02\0\0\0", b"\x03\0\0\0")
VARIABLE, _LABELS, _OF_VARIABLES, _DOCUMENTS, EXTENSION, _END = 2, 3, 4, 6, 7, 999
_LONG_NAMES, _LONG_TEXTS, ENCODING, _LABELS_OF_TEXTS, _MISSING_OF_TEXTS = 13, 14, 20, 21, 22
_LONGEST_LABEL = 255
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$#."


def in_utf8(path: Path, metadata: Mapping[str, object], names: Iterable[str]) -> bytes | None:
    """The dictionary of a file as a file without rows, in UTF-8.

    None where the library has decoded all of it, and where it cannot be decoded.
    """
    known = " ".join((json.dumps(metadata, ensure_ascii=False, default=str), *names))
    if not any(one in known for one in _NOT_DECODED):
        return None
    with suppress(LookupError, ValueError, struct.error), path.open("rb") as file:
        return _Dictionary(file, codecs.lookup(str(metadata.get("encoding"))).name).rewritten()
    return None


def named_encoding(path: Path, metadata: Mapping[str, object]) -> str:
    """What a file calls its encoding; empty where it does not say.

    The library takes an encoding that it does not know for UTF-8, and drops letters in silence.
    """
    with path.open("rb") as file:
        head = file.read(int(str(metadata["data_offset"])))
    found = encoding_at(head)
    return "" if found is None else head[found[0] : sum(found)].decode("latin-1")


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


def is_utf8(encoding: object) -> bool:
    """Whether this is a name of UTF-8."""
    return re.sub(r"[\W_]", "", str(encoding)).lower() == "utf8"


def byte_order(header: bytes | mmap) -> Literal["<", ">"]:
    """How the header of a file orders the bytes of its numbers, as `struct` writes it."""
    return "<" if header[64:68] in _LITTLE else ">"


def places_of(head: bytes | mmap) -> Iterator[tuple[int, int, int]]:
    """Where the records of a dictionary begin that have names, and where each ends.

    The first number is 2 for a variable, and the subtype of another record. Raises ValueError and
    struct.error for records that are damaged.
    """
    order = byte_order(head)

    def numbers(at: int, count: int) -> tuple[int, ...]:
        return struct.unpack(f"{order}{count}i", head[at : at + 4 * count])

    at = HEADER_BYTES
    while (kind := numbers(at, 1)[0]) != _END:
        begin = at
        if kind == VARIABLE:
            has_label, missing = numbers(at + 8, 2)
            at += 32
            if has_label:
                at += 4 + _filled(numbers(at, 1)[0], 4)
            at += 8 * abs(missing)
            yield VARIABLE, begin, at
        elif kind == _LABELS:
            at += 8
            for _ in range(numbers(begin + 4, 1)[0]):
                at += 8 + _filled(head[at + 8] + 1, 8)
        elif kind == _OF_VARIABLES:
            at += 8 + 4 * numbers(at + 4, 1)[0]
        elif kind == _DOCUMENTS:
            at += 8 + 80 * numbers(at + 4, 1)[0]
        elif kind == EXTENSION:
            subtype, size, count = numbers(at + 4, 3)
            at += 16 + size * count
            yield subtype, begin, at
        else:
            raise ValueError(kind)
        if at <= begin:
            raise ValueError(at)


def with_plain_names(head: bytes) -> bytes:
    """A dictionary with ASCII names, each as long as before.

    The library does not decode the names of variables, and so does not find again those that have
    other letters. Raises ValueError and struct.error for a dictionary that is damaged.
    """
    order, changed = byte_order(head), bytearray(head)
    places = list(places_of(head))
    fields = [begin + 24 for kind, begin, _ in places if kind == VARIABLE]
    names = dict.fromkeys(head[at : at + 8].rstrip(b" ") for at in fields)
    plain: dict[bytes, bytes] = {}
    for name in names:
        if not name.isascii():
            free = (one for one in _names_of(len(name)) if one not in names)
            plain[name] = next(one for one in free if one not in plain.values())
    for at in fields:
        name = head[at : at + 8].rstrip(b" ")
        changed[at : at + 8] = plain.get(name, name).ljust(8)
    for kind, begin, end in places:
        content = bytes(changed[begin + 16 : end])
        for short in sorted(plain, key=len, reverse=True):
            new = plain[short]
            if kind in (_LONG_NAMES, _LONG_TEXTS):
                content = re.sub(rb"(^|\t)" + re.escape(short) + b"=", rb"\1" + new + b"=", content)
            elif kind in (_LABELS_OF_TEXTS, _MISSING_OF_TEXTS):
                length = struct.pack(f"{order}i", len(short))
                content = content.replace(length + short, length + new)
        if kind != VARIABLE:
            changed[begin + 16 : end] = content
    return bytes(changed)


def _names_of(length: int) -> Iterator[bytes]:
    """Names of so many bytes; the shortest that need one have two."""
    return map(bytes, product(_LETTERS, repeat=length))


class _Dictionary:
    """The records of one file, read in order."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._renamed: dict[bytes, bytes] = {}
        # Which of the variables are texts; a long one takes several places.
        self._is_text: list[bool] = []

    def rewritten(self) -> bytes:
        """Raises ValueError, LookupError and struct.error for records that are damaged."""
        header = self._take(HEADER_BYTES)
        self._order = byte_order(header)
        # Rows that are not packed, and none of them.
        none = self._packed(0)
        header = b"$FL2" + header[4:72] + none + header[76:80] + none + header[84:]
        return b"".join((header, *self._records()))

    def _records(self) -> Iterator[bytes]:
        """Each record anew, and one more at the end that says the encoding."""
        long_names: dict[bytes, bytes] = {}
        while (kind := self._number()) != _END:
            if kind == VARIABLE:
                yield self._variable()
            elif kind == _LABELS:
                yield self._labels()
            elif kind == _DOCUMENTS:
                self._take(80 * self._number())
            elif kind == EXTENSION:
                subtype, size, count = self._number(), self._number(), self._number()
                content = self._take(size * count)
                if subtype == _LONG_NAMES:
                    long_names = dict(_pairs(content, b"\t"))
                elif subtype == _LONG_TEXTS:
                    widths = _pairs(content, b"\0\t")
                    changed = [self._short(name) + b"=" + width for name, width in widths]
                    yield self._extension(subtype, b"".join(one + b"\0\t" for one in changed))
                elif subtype in (_LABELS_OF_TEXTS, _MISSING_OF_TEXTS):
                    yield self._extension(subtype, self._of_texts(content, subtype))
                elif subtype != ENCODING:
                    yield self._packed(kind, subtype, size, count) + content
            else:
                raise ValueError(kind)
        names = {short: short for short in self._renamed} | long_names
        pairs = [(self._short(short), self._decoded(name)) for short, name in names.items()]
        yield self._extension(_LONG_NAMES, b"\t".join(b"=".join(pair) for pair in pairs))
        yield self._extension(ENCODING, b"UTF-8")
        yield self._packed(_END, 0)

    def _variable(self) -> bytes:
        head = self._take(28)
        width, has_label, missing = struct.unpack(f"{self._order}3i", head[:12])
        self._is_text.append(width != 0)
        name = head[20:].rstrip(b" ")
        if not name.isascii():
            self._renamed.setdefault(name, b"@_%d" % len(self._renamed))
        changed = [self._packed(VARIABLE), head[:20], self._short(name).ljust(8)]
        if has_label:
            length = self._number()
            label = self._decoded(self._take(_filled(length, 4))[:length])
            changed += [self._packed(len(label)), label.ljust(_filled(len(label), 4))]
        values = [self._take(8) for _ in range(abs(missing))]
        return b"".join((*changed, *(self._code(one, is_text=width > 0) for one in values)))

    def _labels(self) -> bytes:
        """Labels of codes, and the variables that have them."""
        labels = []
        for _ in range(self._number()):
            code, length = self._take(8), self._take(1)[0]
            label = self._decoded(self._take(_filled(length + 1, 8) - 1)[:length])
            labels.append((code, label[:_LONGEST_LABEL].decode("utf-8", "ignore").encode()))
        if self._number() != _OF_VARIABLES:
            raise ValueError(_OF_VARIABLES)
        places = [self._number() for _ in range(self._number())]
        is_text = all(self._is_text[place - 1] for place in places)
        changed = [self._packed(_LABELS, len(labels))]
        for code, label in labels:
            size = _filled(len(label) + 1, 8) - 1
            changed += [self._code(code, is_text=is_text), bytes([len(label)]), label.ljust(size)]
        return b"".join((*changed, self._packed(_OF_VARIABLES, len(places), *places)))

    def _code(self, code: bytes, *, is_text: bool) -> bytes:
        """A code of eight bytes; a text that is longer in UTF-8 is left as it is."""
        text = self._decoded(code.rstrip(b" ")) if is_text else code
        return text.ljust(8) if len(text) <= 8 else code

    def _of_texts(self, content: bytes, subtype: int) -> bytes:
        """Labels of long texts, or their missing values."""
        at, changed = 0, bytearray()

        def number() -> int:
            nonlocal at
            at += 4
            (found,) = struct.unpack(f"{self._order}i", content[at - 4 : at])
            return int(found)

        def text(change: Callable[[bytes], bytes]) -> None:
            nonlocal at
            length = number()
            at += length
            new = change(content[at - length : at])
            changed.extend(self._packed(len(new)) + new)

        while at < len(content):
            text(lambda name: self._renamed.get(name) or self._decoded(name))
            if subtype == _MISSING_OF_TEXTS:
                # How many values there are, how long each is, and the values.
                begin, end = at + 5, at + 5 + 8 * content[at]
                changed.extend(content[at:begin])
                for place in range(begin, end, 8):
                    changed.extend(self._code(content[place : place + 8], is_text=True))
                at = end
                continue
            width, count = number(), number()
            changed.extend(self._packed(width, count))
            for _ in range(count):
                text(self._decoded)
                text(self._decoded)
        return bytes(changed)

    def _extension(self, subtype: int, content: bytes) -> bytes:
        return self._packed(EXTENSION, subtype, 1, len(content)) + content

    def _short(self, name: bytes) -> bytes:
        return self._renamed.get(name, name)

    def _decoded(self, text: bytes) -> bytes:
        return text.decode(self._encoding, "replace").encode()

    def _number(self) -> int:
        (found,) = struct.unpack(f"{self._order}i", self._take(4))
        return int(found)

    def _packed(self, *numbers: int) -> bytes:
        return struct.pack(f"{self._order}{len(numbers)}i", *numbers)

    def _take(self, count: int) -> bytes:
        content = self._file.read(count) if count >= 0 else b""
        if len(content) != count:
            raise ValueError
        return content


def _filled(length: int, unit: int) -> int:
    return (length + unit - 1) // unit * unit


def _pairs(content: bytes, between: bytes) -> Iterator[tuple[bytes, bytes]]:
    for pair in content.split(between):
        name, mark, value = pair.strip(b"\0").partition(b"=")
        if mark:
            yield name, value
