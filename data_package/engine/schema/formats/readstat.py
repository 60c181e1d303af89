"""Files of SPSS, SAS and Stata, read by polars-readstat in a separate process."""

import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import polars as pl

from data_package.engine.schema.formats import readstat_worker
from data_package.engine.schema.formats.file_format import Known, TypedFile, code_column
from data_package.engine.schema.formats.readstat_words import known_columns, not_read, notes_of
from data_package.engine.schema.formats.separate_process import SeparateProcess
from data_package.engine.schema.formats.shared_columns import Place, is_fixed, mapped
from data_package.engine.schema.unreadable import CheckError, unreadable_file

_MEMBER = b"HEADER RECORD*******MEMB"
_LINE = 80
_BATCH_ROWS = 1 << 17


@contextmanager
def opened(path: Path, suffix: str, name: str) -> Iterator[TypedFile]:
    """Open a file of the format with this suffix and this name.

    Raises CheckError when it is damaged, and not there.
    """
    try:
        with path.open("rb") as file:
            several = suffix == ".xpt" and _has_several_members(file)
    except OSError as error:
        raise unreadable_file(path, error, "") from None
    if several:
        raise CheckError(
            f"{path}: it holds several tables, which cannot be told apart; "
            "save each to a file of its own"
        )
    first = _Reader(path, suffix, name)
    waiting = [first]
    started = [first]

    def batches(
        names: Sequence[str], coded: Collection[str] = (), whole: Collection[str] = ()
    ) -> Iterator[pl.DataFrame]:
        reader = waiting.pop() if waiting else _Reader(path, suffix, name)
        started.append(reader)
        yield from _larger(reader.rows(names, coded, whole))

    try:
        yield TypedFile(dict(first.columns), batches, known=first.known, notes=notes_of(suffix))
    finally:
        for reader in started:
            reader.close()


def _larger(batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Batches put together where their columns are alike: each query takes its time to begin."""
    held: list[pl.DataFrame] = []
    height = 0
    for batch in batches:
        if held and (height + batch.height > _BATCH_ROWS or batch.schema != held[0].schema):
            yield pl.concat(held)
            held, height = [], 0
        held.append(batch)
        height += batch.height
    if held:
        yield pl.concat(held)


def _has_several_members(file: BufferedReader) -> bool:
    """Tell whether a SAS transport file has more tables than one, which begin on a line of 80."""
    block = bytearray(_LINE * 4096)
    # Of each line the first word, which is seldom that of a header.
    words = memoryview(block).cast("Q")[:: _LINE // 8]
    found = 0
    while found < 2 and (size := file.readinto(block)):
        at, firsts = -1, words.tobytes()
        while (at := firsts.find(_MEMBER[:8], at + 1)) >= 0:
            line = block[at * 10 : min(at * 10 + _LINE, size)]
            found += at % 8 == 0 and line.startswith(_MEMBER)
    return found > 1


class _Reader:
    """A process that reads one file: what the file says of itself, and then its rows, once."""

    def __init__(self, path: Path, suffix: str, name: str) -> None:
        self._path = path
        self._suffix = suffix
        self._damaged = CheckError(
            f"{path}: it is {name} that is damaged or not whole; fetch it again"
        )
        # Here, since the process may be ended before it has removed anything.
        self._folder = TemporaryDirectory()
        self._process = SeparateProcess(readstat_worker.main, readstat_worker.__file__)
        try:
            folder = self._folder.name
            self._ask({"path": str(path.absolute()), "suffix": suffix, "folder": folder})
            metadata = cast("Mapping[str, object]", json.loads(self._answer(b"K")))
            self.columns: pl.Schema = _frame(self._answer(b"S")).schema
            if lost := not_read(metadata):
                raise CheckError(f"{path}: {lost}")
            self.known: Mapping[str, Known] = known_columns(metadata)
        except BaseException:
            self.close()
            raise

    def rows(
        self, names: Sequence[str], coded: Collection[str], whole: Collection[str]
    ) -> Iterator[pl.DataFrame]:
        """The columns of these names, piece by piece: see `Batches`."""
        parts = {"coded": coded, "whole": whole}
        listed = {key: [one for one in names if one in part] for key, part in parts.items()}
        self._ask({"columns": list(names), **listed, "ending": code_column("")})
        schema = pl.Schema()
        while True:
            kind, content = self._message()
            if kind == b"D":
                return
            if kind == b"L":
                raise CheckError(
                    f"{self._path}: column {content.decode()} has letters that cannot be decoded"
                    + (
                        ", as a transport file does not name its encoding"
                        * (self._suffix == ".xpt")
                    )
                    + "; save it in UTF-8, or as .csv with its encoding"
                )
            if kind == b"C":
                schema = _frame(content).schema
            elif kind == b"B":
                yield self._shared(schema, *json.loads(content))
            else:
                raise self._damaged

    def _shared(
        self, schema: pl.Schema, number: int, height: int, places: Sequence[Place], others: int
    ) -> pl.DataFrame:
        """The batch in a file of the process, which has its next turn then."""
        path = Path(f"/proc/{self._process.pid}/fd/{number}")
        fixed = {name: dtype for name, dtype in schema.items() if is_fixed(dtype)}
        try:
            frame = mapped(path, fixed, places, height)
            if len(fixed) < len(schema):
                with path.open("rb", buffering=0) as file:
                    file.seek(others)
                    frame = frame.hstack(pl.read_ipc_stream(file))
        except (OSError, ValueError, pl.exceptions.PolarsError):
            raise self._damaged from None
        self._ask({})
        columns = {one.name: one for one in frame}
        return pl.DataFrame([columns[name] for name in schema])

    def close(self) -> None:
        """End the process."""
        self._process.end()
        self._folder.cleanup()

    def _ask(self, request: Mapping[str, object]) -> None:
        stream = self._process.requests
        try:
            stream.write(json.dumps(request).encode() + b"\n")
            stream.flush()
        except BrokenPipeError:
            raise self._damaged from None

    def _answer(self, wanted: bytes) -> bytes:
        kind, content = self._message()
        if kind != wanted:
            raise self._damaged
        return content

    def _message(self) -> tuple[bytes, bytes]:
        """The next message of the process; raises CheckError where it has ended."""
        stream = self._process.answers
        head = stream.read(9)
        content = stream.read(int.from_bytes(head[1:], "little")) if len(head) == 9 else b""
        if len(head) < 9 or len(content) < int.from_bytes(head[1:], "little"):
            raise self._damaged
        if head[:1] == b"F":
            raise CheckError(
                f"{self._path}: {content.decode()} has no room for a copy of it; "
                "set TMPDIR to a folder that has"
            )
        if head[:1] == b"T":
            raise CheckError(
                f"{self._path}: times of 24 hours or more would be lost; save it as .xpt or .csv"
            )
        return head[:1], content


def _frame(content: bytes) -> pl.DataFrame:
    return pl.read_ipc(io.BytesIO(content))
