"""Recognisable values in the rows are found in the tables, and in nothing else written or sent."""

import base64
import gzip
import hashlib
import io
import json
import struct
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pytest

from data_package.engine.cli.verbs import _VERBS
from data_package_tests.browser import CHROMIUM, browser
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import HEADER
from data_package_tests.engine.ui.relay import relay
from data_package_tests.engine.ui.server import Served, served

pytestmark = pytest.mark.slow

TEXTS = ["Adelheid-Wunderlich", "SEC0101904321", "48151623", "93.4117", "1913-11-07", "04:17:09"]
SECRET_ROW = "Adelheid-Wunderlich,SEC0101904321,48151623,93.4117,1913-11-07,1987-03-21T04:17:09,c"
# Where values belong: what was delivered, and tables.
ALLOWED = {".parquet"}
PLACES = {"rejects", "exports"}
DELIVERED = "people.csv"
ROWS = "\n".join(
    f"Person{n},ID{n:011d},{1000 + n},{50 + n}.25,1990-01-{n % 28 + 1:02d},2020-05-05T10:00:00,"
    f"{'ab'[n % 2]}"
    for n in range(60)
)
RAW = (
    HEADER
    + """
from data_package import source_file

people_file = source_file("people_file", "people.csv")

@dg.asset
def people(people_file: Path) -> pl.LazyFrame:
    \"\"\"One row per person.\"\"\"
    return pl.scan_csv(people_file, try_parse_dates=True)

arms_file = source_file("arms_file", "people.csv", bad="reject")

@dg.asset
def arms(arms_file: pl.LazyFrame) -> pl.LazyFrame:
    \"\"\"The same, read by a contract that the last row breaks.\"\"\"
    return arms_file
"""
)
BY_ARM = """\
schema:
  fields:
    - {name: name, type: string}
    - {name: identity, type: string}
    - {name: income, type: integer}
    - {name: weight, type: number}
    - {name: born, type: date}
    - {name: seen, type: datetime}
    - {name: arm, type: boolean, trueValues: [a], falseValues: [b]}
"""
FINAL = (
    HEADER
    + """
@dg.asset
def persons(people: pl.LazyFrame) -> pl.LazyFrame:
    \"\"\"One row per person.\"\"\"
    if Path("prints").exists():
        print(people.collect().rows())
    return people.sort("identity")
"""
)
FILES = {
    "raw/__init__.py": "",
    "raw/people.py": RAW,
    "raw/arms_file.yaml": BY_ARM,
    "final/__init__.py": "",
    "final/persons.py": FINAL,
    f"/{DELIVERED}": f"name,identity,income,weight,born,seen,arm\n{ROWS}\n{SECRET_ROW}\n",
}
CONTRACT = """\
title: Persons
description: One row per person.
schema:
  fields:
    - {name: name, type: string, constraints: {required: true}}
    - {name: identity, type: string, constraints: {unique: true, required: true}}
    - {name: income, type: integer}
    - {name: weight, type: number}
    - {name: born, type: date}
    - {name: seen, type: datetime}
    - {name: arm, type: string}
  primaryKey: [identity]
"""
PACKAGE = """\
name: persons
title: Persons
description: Who they are.
contributors:
  - {title: The group, familyName: Group, givenName: The}
licenses:
  - {name: CC-BY-4.0}
"""
BROKEN = (
    CONTRACT.replace(
        "{name: income, type: integer}",
        "{name: income, type: integer, constraints: {maximum: 5000}}",
    )
    .replace(
        "{name: name, type: string, constraints: {required: true}}",
        "{name: name, type: string, constraints: {pattern: 'Person.*'}}",
    )
    .replace("{name: weight, type: number}", "{name: weight, type: boolean}")
)
FAILING = (
    HEADER
    + """
from data_package import source_file

whole_file = source_file("whole_file", "people.csv")

@dg.asset
def stopped(whole_file: pl.LazyFrame) -> pl.LazyFrame:
    return whole_file

def last(frame):
    return frame.lazy().collect().sort("income")["name"][-1]

@dg.asset
def cast_eager(people: pl.DataFrame) -> pl.DataFrame:
    return people.with_columns(pl.col("identity").cast(pl.Int64))

@dg.asset
def cast_lazy(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.with_columns(pl.col("name").cast(pl.Date))

@dg.asset
def narrow(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.with_columns(pl.col("income").cast(pl.Int8))

@dg.asset
def raises(people: pl.DataFrame) -> pl.DataFrame:
    raise ValueError(f"not this one: {people.rows()[-1]}")

@dg.asset(retry_policy=dg.RetryPolicy(max_retries=1))
def chained(people: pl.DataFrame) -> pl.DataFrame:
    try:
        return int(last(people))
    except ValueError as error:
        raise RuntimeError(last(people)) from error

@dg.asset
def checked(people: pl.LazyFrame) -> pl.LazyFrame:
    return people

@dg.asset_check(asset="checked")
def all_well(checked: pl.DataFrame) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=bool(int(last(checked))))
"""
)
BAD = ("cast_eager", "cast_lazy", "narrow", "raises", "chained", "stopped")

# Each verb of the command, in every way that reports. A new verb must find its place here.
WORDS: dict[str, list[list[str]]] = {
    "build": [[], ["--force", "--json"], ["--dry-run"]],
    "status": [[], ["--json"]],
    "why": [["persons"], ["people"]],
    "accept": [["persons"]],
    "check": [
        [],
        ["--json"],
        ["arms_file"],
        ["arms_file", "--json"],
        [DELIVERED, "--schema", "STUDY/final/persons.yaml"],
    ],
    "report": [["arms_file"], ["arms_file", "--json"], ["arms_file", "--output", "sent.html"]],
    "describe": [["persons"], ["arms_file"], [DELIVERED]],
    "lineage": [["persons"], ["persons.income", "--json"], ["--openlineage"]],
    "graph": [
        *(["--format", kind] for kind in ("html", "svg", "png", "mermaid", "dot")),
        ["--json"],
    ],
    "history": [[], ["--json"], ["persons"], ["persons", "--json"]],
    "ui": [["--host", "0.0.0.0"]],
    "debug": [["persons"]],
    "verify": [[], ["--json"]],
    "todo": [[], ["--json"]],
    "release": [
        ["--dry-run", "--without-git", "--with-raw-errors"],
        ["--without-git", "--undocumented", "--with-raw-errors", "--json"],
    ],
    "diff": [[], ["--json"], ["--markdown"]],
    "export": [["--to", "csv"], ["--to", "sqlite", "--json"]],
    "publish": [["--dry-run"], ["--dry-run", "--json"]],
    # Nothing is declared that could be fetched.
    "fetch": [[]],
    "synth": [["--rows", "5"], ["--rows", "5", "--deliveries", "--json"]],
    "clean": [[], ["--json"]],
    "forget": [[]],
    # There is no conflict.
    "merge-lock": [[]],
    "schema": [["contract"], ["datapackage"], ["settings"]],
    "doctor": [[], ["--json"]],
    # It never ends by itself, and builds as `build` does.
    "watch": [["--help"]],
    "new": [["made", "--from", DELIVERED], ["made-too", "--json", "--from", DELIVERED]],
    "add": [[DELIVERED, "--json"]],
}
# These are run in a process of their own too, imports included; between them they import what the
# others do. The others begin in a process that has imported Dagster and the engine.
FROM_THE_BEGINNING = ("build", "check", "new")
WHEN_WRONG = ("build", "status", "why", "check", "graph", "history", "verify")


def needles() -> dict[bytes, str]:
    """What to look for: the values as text, as numbers, and as what is easily derived from them."""
    found = {}
    for text in [*TEXTS, SECRET_ROW]:
        plain = text.encode()
        found[plain] = text
        found[text.encode("utf-16-le")] = f"{text} as UTF-16"
        found[base64.b64encode(plain).rstrip(b"=")[:-1]] = f"{text} as base64"
        found[plain.hex().encode()] = f"{text} in hex"
        for kind in ("md5", "sha1", "sha256"):
            digest = hashlib.new(kind, plain, usedforsecurity=False)
            found[digest.hexdigest().encode()] = f"{kind} of {text}"
    found[struct.pack("<q", 48151623)] = "48151623 in binary"
    found[struct.pack("<d", 93.4117)] = "93.4117 in binary"
    found[b"48,151,623"] = "48151623 with commas"
    found[b"4.8151623"] = "48151623 as a power"
    return found


NEEDLES = needles()


def traces(data: bytes) -> list[str]:
    return [words for needle, words in NEEDLES.items() if needle in data]


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file with its bytes, also inside archives, less those that are there for values."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        belongs = path.suffix in ALLOWED or path.name == DELIVERED or PLACES & set(name.parts)
        if path.is_file() and not belongs:
            yield from unpacked(str(name), path.read_bytes())


def unpacked(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    if data.startswith(b"\x1f\x8b"):
        yield from unpacked(f"{name}!", gzip.decompress(data))
    elif data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                if Path(member).suffix not in ALLOWED:
                    yield from unpacked(f"{name}!{member}", archive.read(member))
    else:
        yield name, data


def written(folder: Path) -> dict[str, list[str]]:
    return {name: found for name, data in files_below(folder) if (found := traces(data))}


def run_all(
    project: Study, home: Path, ways: dict[str, list[list[str]]]
) -> tuple[dict[str, list[str]], set[str]]:
    """Run verbs; what of the values each has reported, and which have not ended well."""
    reported, failed = {}, set()
    private = {"HOME": str(home), "TMPDIR": str(home)}
    for verb, each in ways.items():
        for words in each:
            own = [verb, *(word.replace("STUDY", project.package) for word in words)]
            if verb in FROM_THE_BEGINNING and words == each[0]:
                command = (sys.executable, "-m", "data_package.engine.cli")
                done = project.run(*command, *own, env=private)
            else:
                done = project.verb(*own, env=private)
            assert "Traceback" not in done.stderr, (verb, words, done.stderr)
            if found := traces((done.stdout + done.stderr).encode()):
                reported[" ".join([verb, *words])] = found
            if done.returncode:
                failed.add(verb)
    return reported, failed


EVERYTHING = """{
  runsOrError { ... on Runs { results { id status tags { key value } runConfigYaml
    eventConnection { events { __typename
      ... on MessageEvent { message }
      ... on ExecutionStepFailureEvent { error { message stack causes { message stack } }
        failureMetadata { label metadataEntries { __typename label
          ... on TextMetadataEntry { text } } } }
      ... on RunFailureEvent { error { message stack causes { message stack } } }
      ... on EngineEvent { error { message stack } } } } } } }
  assetNodes { id description
    assetMaterializations { metadataEntries { __typename label
      ... on TextMetadataEntry { text } ... on IntMetadataEntry { intRepr }
      ... on FloatMetadataEntry { floatValue } ... on JsonMetadataEntry { jsonString }
      ... on MarkdownMetadataEntry { mdStr }
      ... on TableMetadataEntry { table { records } } } }
    assetChecksOrError { ... on AssetChecks { checks { name executionForLatestMaterialization {
      evaluation { description metadataEntries { label
        ... on IntMetadataEntry { intRepr } ... on TextMetadataEntry { text }
        ... on TableMetadataEntry { table { records } } } } } } } } }
}"""


def look_around(project: Study, folder: Path, *, runs_of: Sequence[Sequence[str]]) -> bytes:
    """All that the pages' server sends while somebody runs tables from them and looks at them."""
    folder.mkdir()
    with served(project, "--allow-runs") as server, relay(int(server.facts["port"])) as wire:
        name = server.host.partition(":")[0]
        server.facts |= {
            "port": wire.port,
            "link": server.facts["link"].replace(server.host, f"{name}:{wire.port}"),
        }
        runs = []
        if CHROMIUM is None:
            server.log_in()
        else:
            with browser(folder) as tab:
                tab.open(server.facts["link"])
                tab.wait_for("Catalog")
                second = served_cookie(server, tab.call("Network.getCookies")["cookies"])
                server.cookie = second
                runs = launched(server, runs_of)
                for path in (
                    "/assets/persons",
                    "/assets/persons?view=checks",
                    "/data-dictionary",
                    "/assets/people?view=events",
                    *(f"/runs/{one}" for one in runs),
                ):
                    tab.open(f"http://{server.host}{path}")
                    tab.wait_for("e")
        runs = runs or launched(server, runs_of)
        answer = server.graphql(EVERYTHING)
        assert answer.status == 200, answer.body
        assert all(one.encode() in answer.body for one in runs)
        assert server.ask("GET", "/data-dictionary", None, server.owner).status in (200, 404)
        return bytes(wire.sent)


def served_cookie(server: Served, cookies: list[dict[str, str]]) -> str:
    return next(f"{one['name']}={one['value']}" for one in cookies)


def launched(server: Served, runs_of: Sequence[Sequence[str]]) -> list[str]:
    runs = []
    for tables in runs_of:
        answer = server.materialize(*tables).json["data"]["launchRun"]
        runs.append(str(answer["run"]["id"]))
        assert server.end_of_run(runs[-1]) in ("SUCCESS", "FAILURE")
    return runs


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("could not cast SEC0101904321")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("inside.json", json.dumps({"max": 93.4117}))
        archive.writestr("table.parquet", "SEC0101904321")
    (tmp_path / "b.bin").write_bytes(gzip.compress(struct.pack("<q", 48151623)))
    (tmp_path / "ok.parquet").write_text("SEC0101904321")
    assert written(tmp_path).keys() == {"log.txt", "a.zip!inside.json", "b.bin!"}


def test_every_verb_has_its_place() -> None:
    assert WORDS.keys() == _VERBS.keys()


def test_values_are_found_in_tables_and_nowhere_else(study: Make, tmp_path: Path) -> None:
    project = study(FILES | {"final/persons.yaml": CONTRACT, "datapackage.yaml": PACKAGE})
    home = tmp_path / "home"
    home.mkdir()
    # A wrong host, no terminal for a prompt, a bad row in a raw file, nothing in conflict, nothing
    # to fetch.
    failed = {"ui", "debug", "check", "merge-lock", "fetch"}
    assert run_all(project, home, WORDS) == ({}, failed)
    (left_out,) = pl.read_parquet(project.storage / "rejects" / "arms.parquet").rows(named=True)
    assert left_out["identity"] == "SEC0101904321"
    (table,) = (project.storage / "final").rglob("persons.parquet")
    assert "SEC0101904321" in pl.read_parquet(table)["identity"]
    assert (project.storage / "package" / "index.html").is_file()
    project.write({"/prints": ""})
    assert traces(look_around(project, tmp_path / "one", runs_of=[["people", "persons"]])) == []
    assert written(project.root) == {}
    assert written(home) == {}


def test_values_are_found_nowhere_else_when_all_goes_wrong(study: Make, tmp_path: Path) -> None:
    project = study(
        FILES | {"final/persons.yaml": BROKEN, "t.py": FAILING, "whole_file.yaml": BY_ARM}
    )
    home = tmp_path / "home"
    home.mkdir()
    reported, failed = run_all(project, home, {verb: WORDS[verb] for verb in WHEN_WRONG})
    assert reported == {}
    assert failed == {"build", "check", "verify"}
    sent = look_around(project, tmp_path / "one", runs_of=[["checked", *BAD[:-1]], [BAD[-1]]])
    assert traces(sent) == []
    # What failed was reported, without the values.
    assert all(table.encode() in sent for table in BAD)
    assert written(project.root) == {}
    assert written(home) == {}
