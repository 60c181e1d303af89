"""The dictionary of an SPSS file in the code page of an old program, rewritten in UTF-8.

The library decodes the texts of such a file, but not its names and labels. So it is given the
dictionary once more, as a file without rows. What does not belong here: where the records of a
dictionary are (`spss_records`), and the texts in rows (`spss_letters`).
"""

import codecs
import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from data_package.engine.schema.formats.spss_records import (
    ENCODING,
    END,
    EXTENSION,
    HEADER_BYTES,
    LABELLED,
    LABELS,
    LABELS_OF_TEXTS,
    LONG_NAMES,
    LONG_TEXTS,
    MISSING_OF_TEXTS,
    VARIABLE,
    ByteReader,
    SpssRecord,
    byte_order,
    filled,
    records,
)

# How the library writes a letter of a label, and of a name, that it does not decode.
_NOT_DECODED = ("\ufffd", "&#65533;")
_LONGEST_LABEL = 255


def in_utf8(path: Path, metadata: Mapping[str, object], names: Iterable[str]) -> bytes | None:
    """The dictionary of a file as a file without rows, in UTF-8.

    None where the library has decoded all of it, and where it cannot be decoded.
    """
    known = " ".join((json.dumps(metadata, ensure_ascii=False, default=str), *names))
    if not any(one in known for one in _NOT_DECODED):
        return None
    with suppress(LookupError, ValueError), path.open("rb") as file:
        encoding = codecs.lookup(str(metadata.get("encoding"))).name
        return _Dictionary(file.read(int(str(metadata["data_offset"]))), encoding).rewritten()
    return None


class _Dictionary:
    """The dictionary of one file, and what its names become."""

    def __init__(self, head: bytes, encoding: str) -> None:
        self._head = head
        self._order = byte_order(head)
        self._encoding = encoding
        self._renamed: dict[bytes, bytes] = {}
        # Which of the variables are texts; a long one takes several places.
        self._is_text: list[bool] = []

    def rewritten(self) -> bytes:
        """Raises ValueError for records that are damaged."""
        header = self._head[:HEADER_BYTES]
        # Rows that are not packed, and none of them.
        none = self._packed(0)
        header = b"$FL2" + header[4:72] + none + header[76:80] + none + header[84:]
        return b"".join((header, *self._records()))

    def _records(self) -> Iterator[bytes]:
        """Each record in UTF-8, and one more at the end that names this encoding."""
        long_names: dict[bytes, bytes] = {}
        labels: list[tuple[bytes, bytes]] = []
        for record in records(self._head):
            if record.kind == VARIABLE:
                yield self._variable(record)
            elif record.kind == LABELS:
                labels = self._labels(record)
            elif record.kind == LABELLED:
                yield self._labelled(record, labels)
            elif record.subtype == LONG_NAMES:
                long_names = dict(_pairs(self._content(record), b"\t"))
            elif record.kind == EXTENSION and record.subtype != ENCODING:
                yield self._extension(record)
        names = {short: short for short in self._renamed} | long_names
        pairs = [(self._short(short), self._decoded(name)) for short, name in names.items()]
        yield self._packed_extension(LONG_NAMES, b"\t".join(b"=".join(pair) for pair in pairs))
        yield self._packed_extension(ENCODING, b"UTF-8")
        yield self._packed(END, 0)

    def _variable(self, record: SpssRecord) -> bytes:
        head = self._head[record.begin + 4 : record.content]
        width, has_label, missing = struct.unpack(f"{self._order}3i", head[:12])
        self._is_text.append(width != 0)
        name = head[20:].rstrip(b" ")
        if not name.isascii():
            self._renamed.setdefault(name, b"@_%d" % len(self._renamed))
        changed = [self._packed(VARIABLE), head[:20], self._short(name).ljust(8)]
        data = self._bytes(record)
        if has_label:
            length = data.number()
            label = self._decoded(data.take(filled(length, 4))[:length])
            changed += [self._packed(len(label)), label.ljust(filled(len(label), 4))]
        values = [data.take(8) for _ in range(abs(missing))]
        return b"".join((*changed, *(self._code(one, is_text=width > 0) for one in values)))

    def _labels(self, record: SpssRecord) -> list[tuple[bytes, bytes]]:
        """Codes, not decoded, and their labels."""
        labels, data = [], self._bytes(record)
        for _ in range(data.number()):
            code, length = data.take(8), data.take(1)[0]
            label = self._decoded(data.take(filled(length + 1, 8) - 1)[:length])
            labels.append((code, label[:_LONGEST_LABEL].decode("utf-8", "ignore").encode()))
        return labels

    def _labelled(self, record: SpssRecord, labels: list[tuple[bytes, bytes]]) -> bytes:
        """Labels of codes, and the variables that have them."""
        data = self._bytes(record)
        places = [data.number() for _ in range(data.number())]
        is_text = all(self._is_text[place - 1] for place in places)
        changed = [self._packed(LABELS, len(labels))]
        for code, label in labels:
            size = filled(len(label) + 1, 8) - 1
            changed += [self._code(code, is_text=is_text), bytes([len(label)]), label.ljust(size)]
        return b"".join((*changed, self._packed(LABELLED, len(places), *places)))

    def _extension(self, record: SpssRecord) -> bytes:
        content, subtype = self._content(record), record.subtype
        if subtype == LONG_TEXTS:
            widths = _pairs(content, b"\0\t")
            changed = [self._short(name) + b"=" + width for name, width in widths]
            return self._packed_extension(subtype, b"".join(one + b"\0\t" for one in changed))
        if subtype in (LABELS_OF_TEXTS, MISSING_OF_TEXTS):
            return self._packed_extension(subtype, self._of_texts(content, subtype))
        return self._head[record.begin : record.end]

    def _of_texts(self, content: bytes, subtype: int) -> bytes:
        """Labels of long texts, or their missing values."""
        data, changed = ByteReader(content, 0, self._order), bytearray()

        def text(change: Callable[[bytes], bytes]) -> None:
            new = change(data.take(data.number()))
            changed.extend(self._packed(len(new)) + new)

        while data.at < len(content):
            text(lambda name: self._renamed.get(name) or self._decoded(name))
            if subtype == MISSING_OF_TEXTS:
                # How many values there are, how long each is, and the values.
                count = data.take(5)
                changed.extend(count)
                for _ in range(count[0]):
                    changed.extend(self._code(data.take(8), is_text=True))
                continue
            width, labels = data.number(), data.number()
            changed.extend(self._packed(width, labels))
            for _ in range(labels):
                text(self._decoded)
                text(self._decoded)
        return bytes(changed)

    def _code(self, code: bytes, *, is_text: bool) -> bytes:
        """A code of eight bytes; a text that is longer in UTF-8 is left as it is."""
        text = self._decoded(code.rstrip(b" ")) if is_text else code
        return text.ljust(8) if len(text) <= 8 else code

    def _bytes(self, record: SpssRecord) -> ByteReader:
        return ByteReader(self._head, record.content, self._order)

    def _content(self, record: SpssRecord) -> bytes:
        return self._head[record.content : record.end]

    def _packed_extension(self, subtype: int, content: bytes) -> bytes:
        return self._packed(EXTENSION, subtype, 1, len(content)) + content

    def _short(self, name: bytes) -> bytes:
        return self._renamed.get(name, name)

    def _decoded(self, text: bytes) -> bytes:
        return text.decode(self._encoding, "replace").encode()

    def _packed(self, *numbers: int) -> bytes:
        return struct.pack(f"{self._order}{len(numbers)}i", *numbers)


def _pairs(content: bytes, between: bytes) -> Iterator[tuple[bytes, bytes]]:
    for pair in content.split(between):
        name, mark, value = pair.strip(b"\0").partition(b"=")
        if mark:
            yield name, value
