"""Reads a file of SPSS, SAS or Stata in a separate process: a fork, or run as a script.

The library is fast and is not hardened: a damaged file can make it ask for more memory than there
is, which ends its process, and its errors quote what it has read. So it is run here, without a core
file and without a word on standard error, and only rows leave this process.

A request comes as one line of JSON, and is answered by messages: a letter, the length of what
follows as eight bytes, and that. `K` is what the file says of itself as JSON, `S` its columns as an
Arrow file without rows; a second line asks for rows: `B` says where a batch of them is, which any
other line answers once it has been read: the number of an open file, how many rows, the places of
the columns of numbers, and where the others begin, which are an Arrow stream. `C` comes before it
where its columns have changed, likewise without rows. `D` ends them, and `E` says in JSON what kind
of error ended them. `L` is the name of a column with letters that are not decoded, and `F` the
folder that has no room for a copy of the file. `T` says that times cannot be read for certain.
"""

import contextlib
import errno
import io
import json
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

if __name__ == "__main__":
    # It is started without the environment's own places for libraries, which are given instead.
    sys.path.extend(place for place in sys.argv[1:] if place not in sys.path)

import polars as pl

from data_package.engine.schema.formats.shared_columns import is_fixed, put

# So few that a batch stays in the processor's caches; wide files come in batches of fewer rows.
_BATCH_ROWS = 1 << 16
_BATCH_CELLS = 1 << 22
_FEWEST_ROWS = 1 << 10
_PIECE = 1 << 20
# How many batches are made before the first of them has been read.
_AHEAD = 2
_LARGEST = 2**63 - 1
# The part of the machine's memory that a file may claim before it counts as damaged.
_SHARE = 0.75
_DATA = 5


def main(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer the requests."""
    confine()
    channel = RowChannel(requests, answers)
    request = json.loads(requests.readline())
    try:
        folder = Path(request["folder"])
        name = named(Path(request["path"]), folder / f"table{request['suffix']}")
        answer(name, channel)
    except BaseException as error:  # noqa: BLE001  a panic of the library is one, too
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            channel.send(b"F", tempfile.gettempdir().encode())
            return
        channel.send(b"E", json.dumps({"error": type(error).__name__}).encode())
        if not isinstance(error, Exception):
            os._exit(1)


def confine() -> None:
    """Leave no core file, say nothing, and be the first to go where memory ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pages = os.sysconf("SC_PHYS_PAGES") * _SHARE
    with contextlib.suppress(OSError, ValueError):
        # A fork has what it came from, too.
        held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[_DATA])
        most = int(pages + held) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)


def named(path: Path, link: Path) -> str:
    """A name for the file that says its format and nothing else: the library goes by names."""
    link.symlink_to(path.absolute())
    return str(link)


def answer(name: str, channel: "RowChannel") -> None:
    """Send what a file says of itself, and its rows if they are asked for."""
    from polars_readstat import ScanReadstat

    from data_package.engine.schema.formats.clock_columns import in_numbers, in_numbers_of_sas
    from data_package.engine.schema.formats.readstat_words import is_utf8
    from data_package.engine.schema.formats.spss_dictionary import in_utf8
    from data_package.engine.schema.formats.spss_letters import copy_in_bytes, is_ascii
    from data_package.engine.schema.formats.spss_records import named_encoding

    reader = ScanReadstat(name)
    metadata = dict(reader.metadata)
    schema = dict(reader.schema)
    counting: list[str] = []
    if name.endswith(".dta"):
        from data_package.engine.schema.formats.stata_columns import periods

        counting = periods(metadata, schema)
    names = dict(zip(schema, schema, strict=True))
    if name.endswith((".sav", ".zsav")):
        with Path(name).open("rb") as file:
            metadata["named_encoding"] = named_encoding(file.read(int(metadata["data_offset"])))
        if dictionary := in_utf8(Path(name), metadata, schema):
            decoded = ScanReadstat(name, data=dictionary)
            names = dict(zip(schema, decoded.schema, strict=True))
            metadata["variables"] = decoded.metadata["variables"]
    channel.send(b"K", json.dumps(metadata, default=str).encode())
    is_spss = name.endswith((".sav", ".zsav"))
    is_sas = name.endswith(".sas7bdat")
    clocks = pl.Time() in schema.values() and (is_spss or is_sas or name.endswith(".xpt"))
    claims = not metadata.get("named_encoding") or is_utf8(metadata["named_encoding"])
    texts = is_spss and pl.String() in schema.values() and is_utf8(metadata["encoding"]) and claims
    is_plain = False
    if texts:
        with Path(name).open("rb") as file:
            is_plain = is_ascii(file, int(metadata["data_offset"]))
            texts = not is_plain
    if not clocks and not texts:
        answer_rows(name, metadata, schema, names, counting, channel, is_plain=is_plain)
        return
    with tempfile.TemporaryFile() as copy, Path(name).open("rb") as file:
        if texts:
            texts = copy_in_bytes(file, copy, int(metadata["data_offset"]))
        else:
            shutil.copyfileobj(file, copy, _PIECE)
        if clocks and not is_sas:
            in_numbers(copy, Path(name).suffix, schema)
        copy.flush()
        place = Path(f"/proc/self/fd/{copy.fileno()}")
        changed = named(place, Path(name).with_stem("changed"))
        if clocks and is_sas:
            columns = metadata.get("variables") or metadata.get("columns") or []
            formats = [one["format"] for one in columns if schema.get(one["name"]) == pl.Time]
            if not in_numbers_of_sas(copy, formats, lambda: ScanReadstat(changed).schema):
                channel.send(b"T", b"")
                return
        if texts:
            shown = [names[one] for one in schema]
            schema = dict(zip(ScanReadstat(changed).schema, schema.values(), strict=True))
            names = dict(zip(schema, shown, strict=True))
        answer_rows(
            changed, metadata, schema, names, counting, channel, in_bytes=texts, is_plain=is_plain
        )


def answer_rows(
    name: str,
    metadata: Mapping[str, Any],
    schema: dict[str, pl.DataType],
    names: Mapping[str, str],
    counting: list[str],
    channel: "RowChannel",
    *,
    in_bytes: bool = False,
    is_plain: bool = False,
) -> None:
    """Send the columns, and their rows if they are asked for.

    `names` are what the columns are called, by what the library calls them. `in_bytes` tells that
    each letter of a text is one of its bytes, `is_plain` that all letters are in ASCII.
    """
    from data_package.engine.schema.formats.readstat_words import is_utf8
    from data_package.engine.schema.formats.spss_letters import (
        UndecodedError,
        decoded,
        without_missing,
    )

    is_spss = name.endswith((".sav", ".zsav"))
    clocks: list[str] = []
    if is_spss or name.endswith((".xpt", ".sas7bdat")):
        clocks = [one for one, dtype in schema.items() if dtype == pl.Time]
    schema.update(dict.fromkeys(counting, pl.Int64()))
    schema.update(dict.fromkeys(clocks, pl.Duration("us")))
    channel.send(b"S", as_arrow(pl.DataFrame(schema=schema).rename(names)))
    line = channel.asked()
    if not line:
        return
    request = json.loads(line)
    called = {there: here for here, there in names.items()}
    parts = ("columns", "coded", "whole")
    request |= {key: [called[one] for one in request[key]] for key in parts}
    batches = rows(name, request, counting, clocks, max(1, len(schema)))
    if name.endswith(".dta"):
        from data_package.engine.schema.formats.stata_columns import with_whole_texts

        batches = with_whole_texts(batches, Path(name), metadata)
    # In a file of an old Stata each byte is a letter.
    is_sure = is_plain or (name.endswith(".dta") and not is_utf8(metadata.get("encoding")))
    ending = request["ending"]
    codes = {here + ending: there + ending for here, there in names.items()}
    shown = {here: there for here, there in {**names, **codes}.items() if here != there}
    for batch in batches:
        whole = batch.rename(shown, strict=False) if shown else batch
        if in_bytes:
            try:
                whole = decoded(whole)
            except UndecodedError as error:
                channel.send(b"L", str(error).encode())
                return
        elif not is_sure and (lost := undecoded(whole)):
            channel.send(b"L", lost.encode())
            return
        if is_spss:
            whole = without_missing(whole, metadata["variables"], ending)
        channel.share(whole)
    channel.end()


def rows(
    name: str, request: Mapping[str, Any], counting: list[str], clocks: list[str], columns: int
) -> Iterator[pl.DataFrame]:
    """Give the columns that are asked for, in the order of the file.

    `columns`: how many the file has.
    """
    from polars_readstat import scan_readstat

    coded: list[str] = [one for one in request["coded"] if one not in counting]
    ending: str = request["ending"]
    nulls = {"columns": coded, "suffix": ending, "use_value_labels": False} if coded else None
    height = max(_FEWEST_ROWS, min(_BATCH_ROWS, _BATCH_CELLS // columns))
    scan = scan_readstat(name, preserve_order=True, informative_nulls=nulls, batch_size=height)
    held = scan.collect_schema()
    names = [*request["columns"], *(one + ending for one in coded if one + ending in held)]
    if name.endswith(".por"):
        # Empty text is a blank there, and text is filled up with blanks.
        scan = scan.with_columns(pl.col(pl.String).str.strip_chars_end(" "))
    if not coded:
        # The library cannot give some of the columns of codes alone.
        scan = scan.select(pl.col(names))
    counted: list[pl.Expr] = []
    if counting:
        from data_package.engine.schema.formats.stata_columns import counted as numbers

        counted = numbers([one for one in counting if one in names])
    if clocks:
        from data_package.engine.schema.formats.clock_columns import durations

        counted = durations([one for one in clocks if one in names])
    batches = scan.collect_batches(chunk_size=height, maintain_order=True, engine="streaming")
    for batch in batches:
        asked = batch.select(pl.col(names)) if coded else batch
        asked = asked.with_columns(counted) if counted else asked
        yield in_integers(asked, request["whole"]) if request["whole"] else asked


def in_integers(batch: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """A batch with columns of floats as integers, those of these names that hold nothing else."""
    whole: list[pl.Series] = []
    for column in map(batch.get_column, names):
        if column.dtype.is_float():
            made = column.cast(pl.Int64, wrap_numerical=True)
            # No float is the largest integer, but a larger one may become it.
            if (made.cast(column.dtype) == column).all() and made.max() != _LARGEST:
                whole.append(made)
    return batch.with_columns(whole) if whole else batch


def undecoded(batch: pl.DataFrame) -> str:
    """The first column with letters that are not UTF-8, which the library replaces in silence."""
    texts = pl.col(pl.String)
    beyond_ascii = batch.select((texts.str.len_bytes() != texts.str.len_chars()).any())
    found = batch.select(
        pl.col(one.name).str.contains("\ufffd", literal=True).any()
        for one in beyond_ascii
        if one[0]
    )
    return next((one.name for one in found if one[0]), "")


def as_arrow(frame: pl.DataFrame) -> bytes:
    """A frame as an Arrow file."""
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="uncompressed")
    return buffer.getvalue()


class RowChannel:
    """The requests and the answers of this process, and the batches that it shares."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self._requests = requests
        self._answers = answers
        self._unread: list[IO[bytes]] = []
        self._schema: pl.Schema | None = None

    def asked(self) -> bytes:
        """The next request, a line; empty when there will be none."""
        return self._requests.readline()

    def send(self, kind: bytes, content: bytes) -> None:
        """Send a message."""
        self._answers.write(kind + len(content).to_bytes(8, "little"))
        self._answers.write(content)
        self._answers.flush()

    def share(self, frame: pl.DataFrame) -> None:
        """Send where a batch is in a file in memory: numbers, and then the other columns."""
        if not frame.height:
            return
        if frame.schema != self._schema:
            self._schema = frame.schema
            self.send(b"C", as_arrow(frame.clear()))
        if len(self._unread) == _AHEAD:
            self._read()
        number = os.memfd_create("batch", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        file = os.fdopen(number, "wb")
        places = put(pl.DataFrame([one for one in frame if is_fixed(one.dtype)]), file)
        others = file.tell()
        rest = pl.DataFrame([one for one in frame if not is_fixed(one.dtype)])
        rest.write_ipc_stream(file, compression="uncompressed")
        file.flush()
        self._unread.append(file)
        self.send(b"B", json.dumps([number, frame.height, places, others]).encode())

    def end(self) -> None:
        """Send that there is nothing more, once all has been read."""
        while self._unread:
            self._read()
        self.send(b"D", b"")

    def _read(self) -> None:
        """Wait until the first batch that is unread has been read."""
        self.asked()
        self._unread.pop(0).close()


if __name__ == "__main__":
    main(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    # To take the interpreter down tidily takes a tenth of the time that it takes to begin.
    os._exit(0)
