"""The process that reads files of SPSS, SAS and Stata, and the shortcuts that it takes."""

import inspect
import io
import json
import math
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pandas as pd
import polars as pl
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.schema import CheckError, read
from data_package.engine.schema.contract import Contract
from data_package.engine.schema.formats import separate_process, spss_letters
from data_package.engine.schema.formats.file_format import TypedFile
from data_package.engine.schema.formats.readstat_worker import in_integers, undecoded
from data_package.engine.schema.formats.separate_process import SeparateProcess
from data_package.engine.schema.formats.spss_letters import is_ascii
from data_package.engine.schema.typed_file import converted, open_typed

FIELDS = {"id": "integer", "part": "integer", "kg": "number", "town": "string"}
SCHEMA = {"fields": [{"name": name, "type": kind} for name, kind in FIELDS.items()]}


def outcome(path: str) -> str:
    try:
        reading = read(path, SCHEMA)
    except CheckError as error:
        return str(error)
    return reading.report.render() + reading.frame.collect().write_csv()


# Each file in a process of its own that has run no query: only such a one can be forked.
READ_EACH = f"""
import json, os, sys
from data_package.engine.schema import CheckError, read
SCHEMA = {SCHEMA!r}
{inspect.getsource(outcome)}
forks = []
sys.addaudithook(lambda event, _: forks.append(event) if event == "os.fork" else None)
for path in sys.argv[1:]:
    if not os.fork():
        forks.clear()
        found = outcome(path)
        os.write(1, json.dumps([path, len(forks), found]).encode() + b"\\n")
        os._exit(0)
    os.wait()
"""


def test_a_fork_reads_what_a_new_process_reads(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "id": [float(i) for i in range(35_000)],
            "part": [i / 2 for i in range(35_000)],
            "kg": [None, *([70.5] * 34_999)],
            "town": ["Bern", "Genève"] * 17_500,
        }
    )
    pyreadstat.write_sav(frame, tmp_path / "t.sav")
    pyreadstat.write_dta(frame, tmp_path / "t.dta")
    pyreadstat.write_xport(frame.head(9).assign(town="x"), tmp_path / "t.xpt")
    whole = (tmp_path / "t.sav").read_bytes()
    (tmp_path / "half.sav").write_bytes(whole[:9000])
    (tmp_path / "head.sav").write_bytes(whole[:200] + b"\xff" * 2000)
    paths = sorted(map(str, tmp_path.iterdir()))

    # Python warns of forks beside threads since 3.12.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", READ_EACH, *paths]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)

    assert not printed.stderr
    lines = [json.loads(line) for line in printed.stdout.splitlines()]
    assert lines == [[path, 1, outcome(path)] for path in paths]


@pytest.mark.parametrize("forks", [True, False])
def test_a_process_ends_with_the_one_that_started_it_at_the_latest(
    forks: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "echo.py"
    script.write_text("import sys; sys.stdout.buffer.write(sys.stdin.buffer.readline())\n")
    monkeypatch.setattr(separate_process, "may_fork", lambda: forks)

    def work(requests: IO[bytes], answers: IO[bytes]) -> None:
        answers.write(requests.readline())
        answers.flush()
        requests.readline()

    one = SeparateProcess(work, str(script))
    one.requests.write(b"word\n")
    one.requests.flush()
    assert one.answers.readline() == b"word\n"
    one.end()
    one.end()
    with pytest.raises(ProcessLookupError):
        os.kill(one.pid, 0)


def test_a_process_that_somebody_else_has_waited_for_is_ended() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(separate_process, "may_fork", lambda: True)
        one = SeparateProcess(lambda *_: None, "")
    os.waitpid(one.pid, 0)
    one.end()


NUMBERS = st.one_of(
    st.none(),
    st.integers(-5, 5).map(float),
    st.floats(),
    st.sampled_from([2.0**53, 2.0**62, 2.0**63, -(2.0**63), -(2.0**63) - 2**12, 1e300, -0.0]),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=6))
def test_floats_that_come_as_integers_are_what_they_would_become(
    rows: list[tuple[float | None, float | None]],
) -> None:
    raw = pl.DataFrame(rows, schema={"a": pl.Float64, "b": pl.Float64}, orient="row")
    fields = Contract.from_descriptor(
        {"fields": [{"name": name, "type": "integer"} for name in "ab"]}
    ).fields

    made = in_integers(raw, ["a", "b"])

    wanted, bad = converted(raw, fields)
    table, left = converted(made, fields)
    assert table.equals(wanted)
    assert {name: one.to_list() for name, one in left.items()} == {
        name: one.to_list() for name, one in bad.items()
    }
    for name in "ab":
        values = [one for one in raw[name].to_list() if one is not None]
        whole = all(math.isfinite(one) and one.is_integer() for one in values)
        held = whole and all(-(2.0**63) <= one < 2.0**63 for one in values)
        assert made[name].dtype == (pl.Int64 if held else pl.Float64)


@settings(max_examples=60)
@given(
    widths=st.lists(st.sampled_from([0, 8, -1]), min_size=1, max_size=5),
    rows=st.integers(1, 9),
    odd=st.lists(st.integers(0, 400), max_size=3),
    block=st.sampled_from([1, 64, 1 << 19]),
    rest=st.sampled_from([b"", b"abc", b"\xc3"]),
)
def test_letters_beyond_ascii_are_found_where_texts_are(
    widths: list[int], rows: int, odd: list[int], block: int, rest: bytes
) -> None:
    head = b"$FL2".ljust(64) + struct.pack("<ii", 2, len(widths)) + bytes(104)
    head += b"".join(struct.pack("<iiiiii8s", 2, one, 0, 0, 0, 0, b"V") for one in widths)
    head += struct.pack("<ii", 999, 0)
    data = bytearray(8 * len(widths) * rows)
    places = [at for at in odd if at < len(data)]
    for at in places:
        data[at] = 0xC3

    file: Any = io.BufferedReader(io.BytesIO(head + data + rest))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spss_letters, "_BLOCK", block)
        found = is_ascii(file, len(head))

    beyond = [at for at in places if widths[at // 8 % len(widths)]]
    assert found == (not beyond and rest.isascii())


def test_only_letters_that_were_replaced_are_undecoded() -> None:
    frame = pl.DataFrame({"a": ["x", None], "b": ["é", "日本"], "c": ["x\ufffd", "é"]})
    assert undecoded(frame) == "c"
    assert not undecoded(frame.drop("c"))
    assert not undecoded(frame.select("a"))


def test_a_wide_file_takes_no_longer_for_each_column(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"v{i}" for i in range(200)]
    raw = pl.DataFrame({name: [1.0, None, 2.5] for name in names})
    kinds = ("integer", "number")
    listed = [{"name": name, "type": kinds[i % 2]} for i, name in enumerate(names)]
    contract = Contract.from_descriptor({"missingValues": ["", "-99"], "fields": listed})
    real, asked = pl.DataFrame.schema, []

    def schema(frame: pl.DataFrame) -> pl.Schema:
        asked.append(frame.width)
        found: pl.Schema = real.fget(frame)  # type: ignore[attr-defined]
        return found

    monkeypatch.setattr(pl.DataFrame, "schema", property(schema))
    columns = {name: pl.Float64() for name in names}
    file = TypedFile(columns, lambda *_: iter([raw]))
    (piece,) = open_typed(file, contract).pieces()
    assert piece.typed().width == len(names)
    assert piece.wrong is not None
    assert piece.wrong.to_list() == [False, False, True]
    # What the columns are is found out for all of them at once.
    assert len(asked) < 20
