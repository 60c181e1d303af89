"""Reads a file of SPSS, SAS or Stata in a separate process; run as a script.

The library is fast and is not hardened: a damaged file can make it ask for more memory than there
is, which ends its process, and its errors quote what it has read. So it is run here, without a core
file and without a word on standard error, and only rows leave this process.

A request comes as one line of JSON on standard input, and is answered by messages on standard
output: a letter, the length of what follows as eight bytes, and that. `K` is what the file says of
itself as JSON, `S` its columns as an Arrow file without rows; a second line asks for rows: `B` is
the number of an open file with a batch of them, which any other line answers once it has been read.
`D` ends them, and `E` says in JSON what kind of error ended them. `L` is the name of a column with
letters that are not decoded, and `F` the folder that has no room for a copy of the file. `T` says
that times cannot be read for certain.
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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# It is started without the environment's own places for libraries, which are given instead.
sys.path.extend(place for place in sys.argv[1:] if place not in sys.path)

import polars as pl

BATCH_ROWS = 1 << 17
# Wide files come in batches of fewer rows: the library decodes several at once.
_BATCH_CELLS = 1 << 22
_FEWEST_ROWS = 1 << 10
_PIECE = 1 << 20
# The part of the machine's memory that a file may claim before it counts as damaged.
_SHARE = 0.75


def main() -> None:
    """Answer the requests on standard input."""
    confine()
    answers = os.fdopen(os.dup(1), "wb")
    request = json.loads(sys.stdin.readline())
    try:
        folder = Path(request["folder"])
        answer(named(Path(request["path"]), folder / f"table{request['suffix']}"), answers)
    except BaseException as error:  # noqa: BLE001  a panic of the library is one, too
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            send(answers, b"F", tempfile.gettempdir().encode())
            return
        send(answers, b"E", json.dumps({"error": type(error).__name__}).encode())
        if not isinstance(error, Exception):
            os._exit(1)


def confine() -> None:
    """Leave no core file, say nothing, and be the first to go where memory ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (int(_SHARE * memory),) * 2)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)


def named(path: Path, link: Path) -> str:
    """A name for the file that says its format and nothing else: the library goes by names."""
    link.symlink_to(path.absolute())
    return str(link)


def answer(name: str, answers: io.BufferedIOBase) -> None:
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
    send(answers, b"K", json.dumps(metadata, default=str).encode())
    is_spss = name.endswith((".sav", ".zsav"))
    is_sas = name.endswith(".sas7bdat")
    clocks = pl.Time() in schema.values() and (is_spss or is_sas or name.endswith(".xpt"))
    claims = not metadata.get("named_encoding") or is_utf8(metadata["named_encoding"])
    texts = is_spss and pl.String() in schema.values() and is_utf8(metadata["encoding"]) and claims
    if texts:
        with Path(name).open("rb") as file:
            texts = not is_ascii(file, int(metadata["data_offset"]))
    if not clocks and not texts:
        answer_rows(name, metadata, schema, names, counting, answers)
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
                send(answers, b"T", b"")
                return
        if texts:
            shown = [names[one] for one in schema]
            schema = dict(zip(ScanReadstat(changed).schema, schema.values(), strict=True))
            names = dict(zip(schema, shown, strict=True))
        answer_rows(changed, metadata, schema, names, counting, answers, in_bytes=texts)


def answer_rows(
    name: str,
    metadata: Mapping[str, Any],
    schema: dict[str, pl.DataType],
    names: Mapping[str, str],
    counting: list[str],
    answers: io.BufferedIOBase,
    *,
    in_bytes: bool = False,
) -> None:
    """Send the columns, and their rows if they are asked for.

    `names` are what the columns are called, by what the library calls them. `in_bytes` tells that
    each letter of a text is one of its bytes.
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
    send(answers, b"S", as_arrow(pl.DataFrame(schema=schema).rename(names)))
    line = sys.stdin.readline()
    if not line:
        return
    request = json.loads(line)
    called = {there: here for here, there in names.items()}
    request |= {key: [called[one] for one in request[key]] for key in ("columns", "coded")}
    batches = rows(name, request, counting, clocks, max(1, len(schema)))
    if name.endswith(".dta"):
        from data_package.engine.schema.formats.stata_columns import with_whole_texts

        batches = with_whole_texts(batches, Path(name), metadata)
    # In a file of an old Stata each byte is a letter.
    is_old = name.endswith(".dta") and not is_utf8(metadata.get("encoding"))
    codes = {here + request["ending"]: there + request["ending"] for here, there in names.items()}
    for batch in batches:
        whole = batch.rename({**names, **codes}, strict=False)
        if in_bytes:
            try:
                whole = decoded(whole)
            except UndecodedError as error:
                send(answers, b"L", str(error).encode())
                return
        elif not is_old and (lost := undecoded(whole)):
            send(answers, b"L", lost.encode())
            return
        if is_spss:
            whole = without_missing(whole, metadata["variables"], request["ending"])
        share(answers, whole)
    send(answers, b"D", b"")


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
    height = max(_FEWEST_ROWS, min(BATCH_ROWS, _BATCH_CELLS // columns))
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
        yield batch.select(pl.col(names)).with_columns(counted)


def undecoded(batch: pl.DataFrame) -> str:
    """The first column with letters that are not UTF-8, which the library replaces in silence."""
    texts = pl.col(pl.String)
    found = batch.select(texts.str.contains("\ufffd", literal=True).any())
    return next((one.name for one in found if one[0]), "")


def share(answers: io.BufferedIOBase, frame: pl.DataFrame) -> None:
    """Send the number of a file in memory that has a batch, and keep it until it has been read."""
    with os.fdopen(os.memfd_create("batch"), "wb") as file:
        frame.write_ipc(file, compression="uncompressed")
        file.flush()
        send(answers, b"B", str(file.fileno()).encode())
        sys.stdin.readline()


def as_arrow(frame: pl.DataFrame) -> bytes:
    """A frame as an Arrow file."""
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="uncompressed")
    return buffer.getvalue()


def send(answers: io.BufferedIOBase, kind: bytes, content: bytes) -> None:
    """Send a message."""
    answers.write(kind + len(content).to_bytes(8, "little"))
    answers.write(content)
    answers.flush()


if __name__ == "__main__":
    main()
    # To take the interpreter down tidily takes a tenth of the time that it takes to begin.
    os._exit(0)
