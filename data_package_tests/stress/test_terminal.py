"""No verb lets words of others steer a terminal: names of files, labels, docstrings, packages."""

import json
import os
import re
import shutil
from collections.abc import Iterator

import click
import polars as pl
import pytest

from data_package.engine.cli.verbs import command as verbs
from data_package_tests import prepared
from data_package_tests.conftest import Study, new_study
from data_package_tests.engine.tables.running import HEADER
from data_package_tests.engine.versions.packages import write_package

# A title of the window, a cleared screen, a colour, a C1 sequence, overrides of direction, a line.
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[31;7m\x9b31m\u202egnp\u2066\u2028x"
STEERS = re.compile("\x1b\\]|\x07|\x1b\\[2J|\x1b\\[31;7m|[\x80-\x9f\u2028-\u202e\u2066-\u2069]")
QUOTED = json.dumps(HOSTILE)
FILE = f"{HOSTILE}.csv"

# Copies what the command shows on a terminal; types the end of input and then Ctrl-C to it.
ON_TERMINAL = """
import fcntl, os, pty, select, signal, sys, termios
ours, theirs = pty.openpty()
command = os.fork()
if command:
    os.close(theirs)
    seconds, typed = 6.0, 0
    while True:
        if not select.select([ours], [], [], seconds)[0]:
            if typed > 3:
                os.kill(command, signal.SIGKILL)
            else:
                os.write(ours, b"\\x04\\n" if not typed else b"\\x03")
            typed, seconds = typed + 1, 3.0
            continue
        try:
            new = os.read(ours, 65536)
        except OSError:
            break
        if not new:
            break
        os.write(1, new)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(command, 0)[1]) & 255)
os.setsid()
fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
for number in (0, 1, 2):
    os.dup2(theirs, number)
sys.stdin = open(0, closefd=False)
sys.stdout, sys.stderr = (open(number, "w", 1, closefd=False) for number in (1, 2))
os.environ["TERM"] = "xterm"
"""

FILES = {
    "raw/__init__.py": "",
    "raw/people.py": HEADER
    + f"""
from data_package import source_file

people_file = source_file("people_file", "in/*.csv", description={QUOTED})

@dg.asset(description={QUOTED}, metadata={{{QUOTED}: {QUOTED}}}, tags={{"a": "b"}})
def people(people_file: list[Path]) -> pl.LazyFrame:
    return pl.concat([pl.scan_csv(one, glob=False) for one in people_file])
""",
    "intermediate/__init__.py": "",
    "intermediate/persons.py": HEADER
    + f"""
NAME = {QUOTED}

@dg.asset
def persons(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select(id="id", name=pl.lit(NAME), **{{NAME: pl.lit(NAME)}})

@dg.asset_check(asset=persons, name="odd", description=NAME)
def odd() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=False, severity=dg.AssetCheckSeverity.WARN, description=NAME, metadata={{NAME: NAME}}
    )

@dg.asset
def broken(people: pl.LazyFrame) -> pl.DataFrame:
    raise dg.Failure(NAME, metadata={{NAME: NAME}})
""",
    f"/in/{FILE}": f"id,{HOSTILE}\n1,{HOSTILE}\n2,{HOSTILE}\n",
    "final/__init__.py": "",
    "final/tidy.py": HEADER
    + f"""
@dg.asset(description={QUOTED})
def tidy(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select(id="id")
""",
    "final/tidy.yaml": "title: Tidy\nschema: {fields: [{name: id, type: integer}]}\n",
}

# What is asked of each verb, beside the words that every verb is given.
ASKED: dict[str, list[list[str]]] = {
    "new": [["made", "in/" + FILE], ["made2", "FILE_ELSEWHERE"]],
    "add": [["FILE_ELSEWHERE"]],
    "describe": [["in/" + FILE], ["persons"]],
    "schema": [["contract"]],
    "synth": [[]],
    "build": [["--force"], ["--verbose"]],
    "fetch": [[], [HOSTILE]],
    "watch": [[]],
    "status": [["--all"], ["--json"]],
    "why": [["persons"], ["broken"], ["--json", "persons"]],
    "check": [["in/" + FILE, "--schema", "SCHEMA"], ["--rows"]],
    "todo": [[]],
    "report": [["people_file"], ["people_file", "--values"]],
    "lineage": [["persons"], ["persons." + HOSTILE]],
    "graph": [[], ["--format", "mermaid"]],
    "history": [[], ["persons"], ["broken"]],
    "ui": [["--no-browser"]],
    "debug": [["persons"]],
    "release": [["--without-git", "--undocumented"], ["--without-git", "--message", HOSTILE]],
    "diff": [["THEIRS", "OTHERS"], ["THEIRS", "OTHERS", "--rows", "3"], ["--markdown", "THEIRS"]],
    "export": [["--to", "csv", "THEIRS"], ["--to", "sqlite", "THEIRS", "--force"]],
    "publish": [["--dry-run"], []],
    "accept": [[]],
    "forget": [["persons"]],
    "verify": [[]],
    "clean": [[]],
    "merge-lock": [["in/" + FILE, "in/" + FILE, "in/" + FILE]],
    "doctor": [[]],
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    folder = tmp_path_factory.mktemp("hostile")
    study = new_study(folder, FILES)
    (folder / "elsewhere").mkdir()
    shutil.copy(study.root / "in" / FILE, folder / "elsewhere" / FILE)
    for name, value in (("theirs", HOSTILE), ("others", f"{HOSTILE}{HOSTILE}")):
        frame = pl.DataFrame({"id": [1], value: [value]})
        field = {"name": value, "type": "string", "title": value, "categories": [value]}
        schema = {"primaryKey": ["id"], "fields": [{"name": "id", "type": "integer"}, field]}
        licenses = [{"name": value, "title": value}]
        write_package(folder / name, {"t": (frame, schema)}, title=value, licenses=licenses)
    fields = [{"name": "id"}, {"name": HOSTILE, "constraints": {"enum": [HOSTILE]}}]
    (folder / "schema.json").write_text(json.dumps({"fields": fields}))
    study.verb("build")
    yield study
    study.forget()


def on_a_terminal(study: Study, words: list[str]) -> str:
    folder = study.root.parent
    named = {
        "FILE_ELSEWHERE": str(folder / "elsewhere" / FILE),
        "SCHEMA": str(folder / "schema.json"),
        "THEIRS": str(folder / "theirs"),
        "OTHERS": str(folder / "others"),
    }
    words = [named.get(word, word) for word in words]
    done = prepared.run(words, study.root, study.environment(), ON_TERMINAL, together=True)
    return done.stdout


def test_every_verb_is_tried_with_hostile_words() -> None:
    assert set(ASKED) == set(verbs.list_commands(click.Context(verbs)))


@pytest.mark.stress
@pytest.mark.parametrize("verb", ASKED)
def test_no_words_of_others_steer_the_terminal(hostile: Study, verb: str) -> None:
    for words in [*ASKED[verb], [HOSTILE], [f"--{HOSTILE}"]]:
        output = on_a_terminal(hostile, [verb, *words])
        if os.environ.get("SHOW"):
            print(f"== {verb} {words!a}\n{output!r}\n")
        assert not STEERS.search(output), (verb, words, output)
        assert "itself failed" not in output, (verb, words, output)
        assert "Traceback" not in output, (verb, words, output)
