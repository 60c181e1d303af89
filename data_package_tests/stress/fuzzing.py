"""Files made wrong at random, byte by byte or part by part: each is read, or ends in words.

`python -m data_package_tests.stress.fuzzing KIND FIRST SECONDS` tries one case after another in one
process, from the seed FIRST on, and prints a line of JSON for each: a case that ends the process
or hangs is the one after the last line. No message holds a planted value.
"""

import io
import json
import os
import random
import resource
import sqlite3
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyreadstat
import yaml

from data_package.engine.errors import DataPackageError, shown
from data_package.engine.export import ExportFormat, export
from data_package.engine.package.metadata import read_metadata
from data_package.engine.package.released import Release, read_releases, write_releases
from data_package.engine.project import find_project
from data_package.engine.schema import check_file, infer_file, load_contract, offending_rows
from data_package.engine.schema.codebook import read_codebook
from data_package.engine.staleness.lock import read_lock
from data_package.engine.staleness.merge import merge_texts
from data_package.engine.staleness.status import status_of
from data_package.engine.tables.loading import open_project
from data_package.engine.versions import diff
from data_package_tests.conftest import new_study
from data_package_tests.engine.tables.running import HEADER
from data_package_tests.engine.versions.packages import write_package
from data_package_tests.engine.versions.test_strangers import TABLES, spoilt

# Values that a message must not hold: as text, and as a number.
WORD, NUMBER = "Zqxvkjwpl", 73915846
PLANTED = (WORD[1:8], str(NUMBER)[1:7])

FIELDS = [
    {"name": "id", "type": "integer"},
    {"name": "word", "type": "string", "constraints": {"maxLength": 20, "pattern": ".*p.*"}},
    {"name": "day", "type": "date"},
    {"name": "amount", "type": "number", "constraints": {"minimum": 0}},
]
SCHEMA: dict[str, Any] = {"fields": FIELDS, "primaryKey": ["id"]}
# The first rows hold nothing planted: a row that is taken for the header gives the columns names.
ROWS: list[dict[str, Any]] = [
    {"id": n, "word": f"p{n}", "day": f"2020-01-{n + 1:02}", "amount": 0.5 + n} for n in range(3)
] + [
    {
        "id": NUMBER + n,
        "word": f"{WORD}{n}",
        "day": f"2020-01-{n + 1:02}",
        "amount": NUMBER * 10 + n,
    }
    for n in range(3, 8)
]
FRAME = pl.DataFrame(ROWS)
TYPED = FRAME.with_columns(pl.col("day").str.to_date())

TOKENS = [
    *(b"\0", b"\xff", b"\xfe\xff", b'"', b"'", b",", b";", b"\r", b"\n", b"\r\n", b"\t", b"\\"),
    *(b"\xe2\x80\xae", b"\xef\xbb\xbf", b"\x80\x81", b"\xed\xa0\x80", b"\x1b[2J", b"\xe2\x80\xa8"),
    *(b"9" * 400, b"1e999", b"-", b"NaN", b"{", b"}", b"[", b"]", b":", b"- ", b"&a *a", b"<<: *x"),
    *(b"---\n", b"%", b"#", b"|", b"!!python/object/apply:os.system [exit] ", b"<!DOCTYPE a>"),
    *(b"&lt;", b"&x;", b"]]>", b"<c>", b"</", b"0x", b"null", b"~", b"\\ud800", b"$ref"),
]
NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 1 << 62, -1)


def hurt(data: bytes, draw: random.Random) -> bytes:
    """Bytes with one to six faults."""
    hurting = bytearray(data)
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(len(hurting) + 1)
        other = draw.randrange(len(hurting) + 1)
        match draw.randrange(8):
            case 0 if hurting:
                hurting[at % len(hurting)] ^= 1 << draw.randrange(8)
            case 1 if hurting:
                hurting[at % len(hurting)] = draw.randrange(256)
            case 2:
                hurting[at : at + draw.randint(0, 3)] = draw.choice(TOKENS)
            case 3:
                size = draw.choice("BHIQ")
                number = draw.choice(NUMBERS) & ((1 << 8 * struct.calcsize(size)) - 1)
                packed = struct.pack(draw.choice("<>") + size, number)
                hurting[at : at + len(packed)] = packed
            case 4:
                del hurting[at : at + draw.choice((1, 2, 9, 100))]
            case 5:
                hurting[at:at] = hurting[other : other + draw.choice((1, 9, 100))]
            case 6:
                size_of = draw.choice((1, 9, 50))
                hurting[at : at + size_of], hurting[other : other + size_of] = (
                    hurting[other : other + size_of],
                    hurting[at : at + size_of],
                )
            case _ if draw.random() < 0.2:
                del hurting[at:]
    return bytes(hurting)


def look_at(path: Path, contract: Any = SCHEMA, dialect: Any = None) -> None:
    """Check a file, infer its contract, and find the rows that break it."""
    refused: DataPackageError | None = None
    try:
        report = check_file(path, contract, dialect=dialect)
        refuse_values(report.render())
        if not report.ok:
            with suppress(DataPackageError):
                offending_rows(path, report)
    except DataPackageError as error:
        refused = error
    try:
        infer_file(path)
    except DataPackageError as error:
        refuse_values(str(error))
    if refused is not None:
        raise refused


def refuse_values(message: str) -> None:
    """A message is of one screen, as a terminal shows it, and holds no planted value."""
    message = shown(message)
    assert not any(planted in message for planted in PLANTED), f"a value is quoted: {message}"
    assert len(message.splitlines()) < 60, f"too long: {message}"
    assert len(message) < 20_000, f"too long: {message[:2000]}"


# What each kind is made of.


def csv_bytes() -> bytes:
    return FRAME.write_csv().encode()


def hurt_text(data: bytes, draw: random.Random) -> bytes:
    """Text whose header and rows are hurt apart, so that no value comes to be a column's name."""
    header, end, rows = data.partition(b"\n")
    return (hurt(header, draw) if draw.random() < 0.4 else header) + end + hurt(rows, draw)


def table_of(draw: random.Random) -> pl.DataFrame:
    """The table with columns of other types, names and order."""
    odd: list[Callable[[], pl.Series]] = [
        lambda: pl.Series([[NUMBER, None]] * 8),
        lambda: pl.Series([{"a": WORD}] * 8),
        lambda: pl.Series([WORD] * 8, dtype=pl.Categorical),
        lambda: pl.Series([b"\xff\0" + WORD.encode()] * 8),
        lambda: pl.Series([NUMBER] * 8).cast(pl.Decimal(38, 4)),
        lambda: pl.Series([NUMBER] * 8).cast(pl.Duration("ns")),
        lambda: pl.Series([NUMBER] * 8).cast(pl.Datetime("ms", "Europe/Oslo")),
        lambda: pl.Series([float("nan"), float("inf"), -0.0, None] * 2),
        lambda: pl.Series([None] * 8),
        lambda: pl.Series([(1 << 64) - 1] * 8, dtype=pl.UInt64),
        lambda: pl.Series([True, None] * 4),
        lambda: pl.Series(["", " ", "\0", "\u202e", WORD * 9, "1e5", "0x1", "2020-02-30"]),
    ]
    frame = TYPED
    for _ in range(draw.randint(1, 4)):
        name = draw.choice([*frame.columns, "", " id", "ID", "^.*$", "*", "a" * 300, "\u202ex"])
        at = draw.randrange(frame.width)
        if name not in frame.columns or frame.columns[at] == name:
            frame = frame.replace_column(at, draw.choice(odd)().alias(name))
    if draw.random() < 0.3:
        # Polars takes a column `*` for all of them.
        frame = pl.DataFrame(frame.get_columns()[1:])
    return pl.DataFrame(draw.sample(frame.get_columns(), frame.width))


def records(draw: random.Random) -> Any:
    return spoilt(ROWS, draw)


def zip_again(data: bytes, draw: random.Random) -> bytes:
    """An archive of which a member is wrong, or named otherwise, or there twice."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(members))
        name, content = members[at]
        match draw.randrange(5):
            case 0:
                members.pop(at)
            case 1:
                members[at] = (
                    draw.choice(["../x", "xl/", "a" * 300, "/etc/x", name.upper()]),
                    content,
                )
            case 2:
                members.append((name, hurt(content, draw)))
            case _:
                members[at] = (name, hurt(content, draw))
        if not members:
            break
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return made.getvalue()


def workbook() -> bytes:
    made = io.BytesIO()
    TYPED.write_excel(made)
    return made.getvalue()


def sqlite_of(frame: pl.DataFrame, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        columns = ", ".join(
            f'"{"id2" if name == "ID" else name or "empty"}"' for name in frame.columns
        )
        connection.execute(f"CREATE TABLE t ({columns})")
        marks = ", ".join("?" * frame.width)
        connection.executemany(
            f"INSERT INTO t VALUES ({marks})",
            [[cell if held_by_sqlite(cell) else None for cell in row] for row in frame.rows()],
        )
    connection.close()


def held_by_sqlite(cell: object) -> bool:
    return isinstance(cell, str | float | bytes) or (isinstance(cell, int) and cell < 1 << 62)


def duckdb_bytes(folder: Path) -> bytes:
    place = folder / "made.duckdb"
    with duckdb.connect(str(place)) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT 73915846 AS id, 'Zqxvkjwpl' AS word FROM range(8)"
        )
    return place.read_bytes()


def statistical(folder: Path, suffix: str) -> bytes:
    frame = pd.DataFrame(ROWS).rename(columns=str.upper if suffix == ".por" else str)
    place = folder / f"made{suffix}"
    write: dict[str, Any] = {
        ".sav": pyreadstat.write_sav,
        ".zsav": lambda frame, place: pyreadstat.write_sav(frame, place, compress=True),
        ".por": pyreadstat.write_por,
        ".dta": pyreadstat.write_dta,
        ".xpt": pyreadstat.write_xport,
    }
    write[suffix](frame, str(place))
    return place.read_bytes()


@dataclass
class Bench:
    """A folder to work in, and what is made once."""

    folder: Path

    def __post_init__(self) -> None:
        self.made: dict[str, Any] = {}

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    def place(self, name: str) -> Path:
        return self.folder / name

    def put(self, name: str, content: bytes) -> Path:
        path = self.place(name)
        path.write_bytes(content)
        return path


# The kinds: each makes one case and looks at it.


def text(bench: Bench, draw: random.Random) -> None:
    data = csv_bytes()
    if draw.random() < 0.3:
        data = (
            data.decode()
            .replace(",", draw.choice(";\t|"))
            .encode(draw.choice(["utf-16", "utf-8-sig", "latin-1", "utf-16-be"]))
        )
    look_at(bench.put("t.csv", hurt_text(data, draw)))


def dialects(bench: Bench, draw: random.Random) -> None:
    dialect = {
        "delimiter": ";",
        "quoteChar": '"',
        "header": True,
        "headerRows": [1],
        "headerJoin": " ",
        "commentChar": "#",
        "commentRows": [2],
        "doubleQuote": True,
        "escapeChar": "\\",
        "lineTerminator": "\n",
        "nullSequence": "N",
        "skipInitialSpace": False,
        "property": "x",
        "itemType": "object",
        "itemKeys": ["a"],
        "sheetNumber": 1,
        "sheetName": "s",
        "table": "t",
    }
    chosen = {key: dialect[key] for key in draw.sample(sorted(dialect), 4)}
    look_at(bench.put("t.csv", hurt_text(csv_bytes(), draw)), SCHEMA, spoilt(chosen, draw))


def packed(bench: Bench, draw: random.Random) -> None:
    import bz2
    import gzip
    import lzma

    data = csv_bytes()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writing:
        writing.writestr("t.csv", data)
    suffix, whole = draw.choice(
        [
            (".gz", gzip.compress(data, mtime=0)),
            (".bz2", bz2.compress(data)),
            (".xz", lzma.compress(data)),
            (".zip", archive.getvalue()),
            (".zip", zip_again(archive.getvalue(), draw)),
        ]
    )
    look_at(bench.put(f"t.csv{suffix}", hurt(whole, draw)))


def json_rows(bench: Bench, draw: random.Random) -> None:
    if draw.random() < 0.5:
        data = json.dumps(records(draw)).encode()
    else:
        data = hurt(json.dumps(ROWS).encode(), draw)
    if draw.random() < 0.3:
        data = b"\n".join(hurt(json.dumps(row).encode(), draw) for row in ROWS)
        look_at(bench.put("t.ndjson", data))
    else:
        look_at(bench.put("t.json", data))


def workbooks(bench: Bench, draw: random.Random) -> None:
    whole = bench.once("workbook", workbook)
    data = hurt(whole, draw) if draw.random() < 0.3 else zip_again(whole, draw)
    look_at(bench.put("t.xlsx", data))


def parquet_bytes(bench: Bench, draw: random.Random) -> None:
    made = io.BytesIO()
    TYPED.write_parquet(made, compression=draw.choice(["zstd", "uncompressed", "snappy"]))
    look_at(bench.put("t.parquet", hurt(made.getvalue(), draw)))


def parquet_types(bench: Bench, draw: random.Random) -> None:
    path = bench.place("t.parquet")
    table_of(draw).write_parquet(path)
    look_at(path)


def databases(bench: Bench, draw: random.Random) -> None:
    path = bench.place("t.sqlite")
    sqlite_of(table_of(draw), path)
    if draw.random() < 0.7:
        path.write_bytes(hurt(path.read_bytes(), draw))
    look_at(path)


def duckdbs(bench: Bench, draw: random.Random) -> None:
    whole = bench.once("duckdb", lambda: duckdb_bytes(bench.folder))
    look_at(bench.put("t.duckdb", hurt(whole, draw)))


def statistics(bench: Bench, draw: random.Random) -> None:
    suffix = draw.choice([".sav", ".zsav", ".por", ".dta", ".xpt"])
    whole = bench.once(suffix, lambda: statistical(bench.folder, suffix))
    look_at(bench.put(f"t{suffix}", hurt(whole, draw)))


WORDY: dict[str, Any] = SCHEMA | {
    "title": "T", "description": "D", "missingValues": ["", {"value": "9", "label": "x"}],
    "uniqueKeys": [["id", "day"]], "fieldsMatch": "subset",
    "foreignKeys": [{"fields": ["id"], "reference": {"resource": "", "fields": ["id"]}}],
}  # fmt: skip


def contracts(bench: Bench, draw: random.Random) -> None:
    """YAML that a user writes: whole, of wrong bytes or of wrong parts."""
    whole = {"title": "T", "schema": WORDY, "dialect": {"delimiter": ","}, "encoding": "utf-8"}
    if draw.random() < 0.5:
        data = hurt(yaml.safe_dump(whole).encode(), draw)
    else:
        data = yaml.safe_dump(spoilt(whole, draw), allow_unicode=True).encode("utf-8", "replace")
    contract = load_contract(bench.put("t.yaml", data))
    look_at(bench.put("t.csv", csv_bytes()), contract)


def schemas(bench: Bench, draw: random.Random) -> None:
    look_at(bench.put("t.csv", csv_bytes()), spoilt(WORDY, draw))


def codebooks(bench: Bench, draw: random.Random) -> None:
    data = b"field,title,value,label,categories\nid,Number,1,one,1 = yes; 2 = no\nword,Word,,,\n"
    read_codebook(bench.put("codebook.csv", hurt(data, draw)))


def ends_in_words(source: Path, other: Path, out: Path) -> None:
    refused = None
    for form in (ExportFormat.CSV, ExportFormat.SQLITE, ExportFormat.XLSX, ExportFormat.DUCKDB):
        try:
            export(form, out / f"out-{form}", source, replace=True)
        except DataPackageError as error:
            refused = error
            refuse_values(str(error))
    assert not list(out.glob(".*")), "something half-written is left"
    for pair in ((source, other), (other, source)):
        with suppress(DataPackageError):
            diff(*pair, rows=3).to_dict()
    if refused is not None:
        raise refused


def descriptors(bench: Bench, draw: random.Random) -> None:
    good = write_package(bench.place("good"), TABLES, title="Small", version="1.0.0")
    bad = write_package(bench.place("bad"), TABLES)
    data = (good / "datapackage.json").read_bytes()
    document = json.loads(data)
    changed = (
        json.dumps(spoilt(document, draw)).encode() if draw.random() < 0.7 else hurt(data, draw)
    )
    (bad / "datapackage.json").write_bytes(changed)
    ends_in_words(bad, good, bench.folder)


def packages(bench: Bench, draw: random.Random) -> None:
    good = write_package(bench.place("good"), TABLES)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(good.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(good))
    whole = made.getvalue()
    data = hurt(whole, draw) if draw.random() < 0.5 else zip_again(whole, draw)
    ends_in_words(bench.put("bad.zip", data), good, bench.folder)


_STUDY = {
    "raw.py": HEADER
    + f"""
@dg.asset
def people() -> pl.DataFrame:
    return pl.DataFrame({{"id": [{NUMBER}, 2]}})

@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
def yearly(people: pl.DataFrame) -> pl.DataFrame:
    return people
""",
    "final/__init__.py": "",
    "final/persons.py": HEADER
    + """
@dg.asset
def persons(people: pl.LazyFrame) -> pl.LazyFrame:
    return people
""",
    "final/persons.yaml": "schema: {fields: [{name: id, type: integer}], primaryKey: [id]}\n",
    "datapackage.yaml": """\
title: Small
description: A package.
licenses: [{name: CC0-1.0}]
contributors: [{title: Somebody, roles: [author]}]
sources: [{title: There, path: "https://example.org"}]
keywords: [a, b]
""",
}


def built(bench: Bench) -> Any:
    study = new_study(bench.folder.parent, _STUDY)
    result = study.build()
    assert result.ok, result.explain()
    return study


def settings(bench: Bench, draw: random.Random) -> None:
    """What a user writes about the project and the package, and what a release notes."""
    study = bench.once("study", lambda: built(bench))
    root = bench.place("project")
    copytree(study.root, root, ignore=lambda _, names: [n for n in names if n == "storage"])
    release = Release("1.0.0", "2026-01-01T00:00:00Z", "a" * 64, "First.\n")
    write_releases(find_project(root), [release])
    name = draw.choice(["pyproject.toml", "datapackage.yaml", "releases.yaml"])
    path = root / name if name == "pyproject.toml" else root / study.package / name
    document = yaml.safe_load(path.read_text()) if path.suffix == ".yaml" else None
    if document is not None and draw.random() < 0.5:
        text = yaml.safe_dump(spoilt(document, draw), allow_unicode=True)
        path.write_bytes(text.encode("utf-8", "replace"))
    else:
        path.write_bytes(hurt(path.read_bytes(), draw))
    project = find_project(root)
    read_metadata(project)
    read_releases(project)


def notes(bench: Bench, draw: random.Random) -> None:
    """What the engine writes for itself: a wrong note is computed anew, a wrong table not fresh."""
    study = bench.once("study", lambda: built(bench))
    files = bench.once("files", lambda: noted(study.root))
    path = draw.choice(files)
    whole = path.read_bytes()
    if path.suffix == ".json" and draw.random() < 0.5:
        changed = json.dumps(spoilt(json.loads(whole), draw)).encode()
    else:
        changed = hurt(whole, draw)
    path.write_bytes(changed)
    try:
        project = find_project(study.root)
        study.forget()
        status = status_of(open_project(project)[0], read_lock(project), None)
        wrong = path.suffix == ".parquet" and changed != whole
        assert not (wrong and status.is_fresh), "a table that was changed is fresh"
    finally:
        path.write_bytes(whole)


def noted(root: Path) -> list[Path]:
    written = (".json", ".jsonl", ".parquet", ".lock", "")
    places = [path for path in sorted((root / "storage").rglob("*")) if path.suffix in written]
    files = [path for path in places if path.is_file() and ".dagster" not in path.parts]
    return [root / "data-package.lock", *files]


def locks(bench: Bench, draw: random.Random) -> None:
    """The lock file, and three of it in a merge."""
    study = bench.once("study", lambda: built(bench))
    whole = bench.once("lock", (study.root / "data-package.lock").read_bytes)
    texts = [hurt(whole, draw).decode("utf-8", "replace") for _ in range(2)]
    merge_texts(whole.decode(), *texts)


KINDS: Mapping[str, Callable[[Bench, random.Random], None]] = {
    "CSV": text,
    "CSV with odd dialects": dialects,
    "packed CSV": packed,
    "JSON rows": json_rows,
    "workbooks": workbooks,
    "Parquet, bytes": parquet_bytes,
    "Parquet, types": parquet_types,
    "SQLite": databases,
    "DuckDB": duckdbs,
    "SPSS, Stata, SAS": statistics,
    "contracts in YAML": contracts,
    "schemas": schemas,
    "codebooks": codebooks,
    "descriptors": descriptors,
    "packages as zip": packages,
    "settings": settings,
    "engine's notes": notes,
    "lock files": locks,
}


def one(kind: str, bench: Bench, seed: int) -> str:
    """Try a case: "read", "refused", or a traceback."""
    draw = random.Random(f"{kind} {seed}")
    try:
        KINDS[kind](bench, draw)
    except DataPackageError as error:
        try:
            refuse_values(str(error))
        except AssertionError as fault:
            return f"{fault}\n{traceback.format_exc()}"
        if "SHOW" in os.environ:
            print(shown(str(error)), file=sys.stderr)
        return "refused"
    except BaseException:  # noqa: BLE001  a panic of a library is not an Exception
        return traceback.format_exc()
    return "read"


def main(kind: str, first: int, seconds: float) -> None:
    """Try one case after another for so many seconds, and print the outcome of each."""
    warnings.simplefilter("ignore")
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        # Not in a project, whose storage a command would use.
        os.chdir(folder)
        bench = Bench(Path(folder, "case"))
        seed = first
        while time.monotonic() < end:
            bench.folder.mkdir()
            outcome = one(kind, bench, seed)
            used = [
                resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            ]
            line = {
                "seed": seed,
                "outcome": outcome,
                "seconds": sum(each.ru_utime + each.ru_stime for each in used),
                "megabytes": used[0].ru_maxrss // 1024,
            }
            print(json.dumps(line), flush=True)
            rmtree(bench.folder, ignore_errors=True)
            seed += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
