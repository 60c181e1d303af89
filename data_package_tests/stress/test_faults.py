"""Commands that are killed, starved and interrupted end as a clean build would.

Each round takes a project that was built, changes what was delivered and the code, runs commands
that a fault ends, and then asks for the status and builds. The status says no word that is wrong,
and what is built is byte for byte what a build from nothing makes. The seed of a failing round is
in its message; `round_of(seed)` repeats it.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_package_tests import prepared
from data_package_tests.conftest import new_study
from data_package_tests.engine.tables.running import HEADER
from data_package_tests.stress import faults

ROUNDS = int(os.environ.get("DATA_PACKAGE_ROUNDS", "20"))
COMMANDS = (
    ["build"],
    ["build", "-j", "3"],
    ["build", "--force"],
    ["export", "--to", "csv", "--force"],
    ["export", "--to", "sqlite", "--force"],
    ["release", "--without-git"],
    ["verify"],
    ["accept"],
    ["clean"],
    ["forget", "persons"],
    ["check"],
    ["graph"],
    ["status"],
)
KILLS = ("kill", "kill after", "power")
ERRORS = ("ENOSPC", "EIO once", "EROFS", "EACCES", "EMFILE")
SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGSTOP")

RAW = (
    HEADER
    + """
from data_package import source_file

people_file = source_file("people_file", "in/*.csv")

@dg.asset
def people(people_file: list[Path]) -> pl.LazyFrame:
    return pl.concat([pl.scan_csv(one, glob=False) for one in people_file]).sort("id")
"""
)
FINAL = (
    HEADER
    + """
FACTOR = 1

@dg.asset
def persons(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.with_columns(pl.col("weight") * FACTOR)

@dg.asset
def heavy(persons: pl.LazyFrame) -> pl.DataFrame:
    return persons.filter(pl.col("weight") > 60).collect()
"""
)
CONTRACT = """\
title: Persons
schema:
  fields: [{name: id, type: integer}, {name: weight, type: integer}]
  primaryKey: [id]
"""
ROWS = "id,weight\n" + "".join(f"{n},{50 + n % 40}\n" for n in range(300))
FILES = {
    "raw/__init__.py": "",
    "raw/people.py": RAW,
    "final/__init__.py": "",
    "final/persons.py": FINAL,
    "final/persons.yaml": CONTRACT,
    "final/heavy.yaml": CONTRACT.replace("Persons", "Heavy"),
    "/in/a.csv": ROWS,
}


def products(root: Path) -> dict[str, str]:
    """What a project makes: tables, data package and lock, each by its hash."""
    places = [*(root / "storage").rglob("*"), root / "data-package.lock"]
    kept = (".state", ".dagster", "exports", "releases", "graph.html", "rejects")
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in places
        if path.is_file()
        and not set(path.relative_to(root).parts) & set(kept)
        # What a failing disk did not let be removed is swept away by the next build.
        and not any(part.endswith(".tmp") for part in path.relative_to(root).parts)
    }


def left_over(root: Path) -> list[str]:
    return [str(path) for path in root.rglob(".*.tmp")]


class Campaign:
    """A project as it was built, what it makes when it has changed, and how it is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.study = new_study(folder / "built", FILES)
        self.environment = self.study.environment()
        assert self.run(self.study.root, ["build"]).returncode == 0
        reference = self.copy("reference", fresh=True)
        assert self.run(reference, ["build"]).returncode == 0
        self.clean = products(reference)
        self.counts: dict[str, dict[str, int]] = {}
        self.tally: Counter[str] = Counter()

    def copy(self, name: str, *, fresh: bool = False) -> Path:
        """The project in a folder of its own, changed since it was built."""
        root = self.folder / name
        shutil.copytree(self.study.root, root)
        if fresh:
            shutil.rmtree(root / "storage")
            (root / "data-package.lock").unlink()
        (root / "in/a.csv").write_text(ROWS + "900,99\n")
        code = root / self.study.package / "final/persons.py"
        code.write_text(FINAL.replace("FACTOR = 1", "FACTOR = 2"))
        return root

    def run(
        self, root: Path, words: list[str], before: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        return prepared.run(words, root, self.environment, before)

    def faulty(
        self, root: Path, words: list[str], kind: str, nth: int, what: str
    ) -> "subprocess.CompletedProcess[str]":
        counted = "" if what else str(self.folder / "counts.json")
        here = str(Path(faults.__file__).resolve().parents[2])
        before = (
            f"sys.path.append({here!r})\nfrom data_package_tests.stress import faults\n"
            f"faults.install({str(root)!r}, {kind!r}, {nth}, {what!r}, {counted!r})\n"
        )
        return self.run(root, words, before)

    def operations(self, words: list[str]) -> dict[str, int]:
        """How many operations of each kind a command makes."""
        name = " ".join(words)
        if name not in self.counts:
            root = self.copy("counted")
            self.faulty(root, words, "", 0, "")
            counted = self.folder / "counts.json"
            self.counts[name] = json.loads(counted.read_text()) if counted.exists() else {}
            counted.unlink(missing_ok=True)
            shutil.rmtree(root)
        return self.counts[name]

    def round_of(self, seed: int) -> None:
        """Up to three faults, then the judgement."""
        chance = random.Random(seed)
        root = self.copy(f"round{seed}")
        story = []
        for _ in range(chance.randint(1, 3)):
            words = list(chance.choice(COMMANDS[:3] if chance.random() < 0.5 else COMMANDS))
            known = self.operations(words)
            if not known:
                continue
            kind = chance.choice(sorted(known))
            nth = chance.randint(1, known[kind])
            what = chance.choice(chance.choices((KILLS, ERRORS, SIGNALS), (6, 3, 1))[0])
            done = self.faulty(root, words, kind, nth, what)
            story.append(f"{' '.join(words)}: {what} at {kind} {nth} -> {done.returncode}")
            self.tally[what] += 1
            self.tally["killed" if done.returncode == -signal.SIGKILL else "ended"] += 1
            said = done.stderr.replace("lost\n", "")
            assert "Traceback" not in said, (seed, story, said)
            assert "itself failed" not in said, (seed, story, said)
            if done.returncode >= 0:
                assert done.returncode in (0, 1, 2, 129, 130, 143), (seed, story, said)
        self.judge(root, f"seed {seed}: {story}")
        shutil.rmtree(root)

    def judge(self, root: Path, story: str) -> None:
        """The status is true, and a build makes what one from nothing makes."""
        status = self.run(root, ["status", "--check"])
        assert status.returncode in (0, 1), (story, status.stderr)
        assert "Traceback" not in status.stderr, (story, status.stderr)
        if status.returncode == 0:
            assert products(root) == self.clean, (story, status.stdout)
        done = self.run(root, ["build"])
        assert done.returncode == 0, (story, done.stdout, done.stderr)
        made = products(root)
        wrong = sorted(
            k for k in made.keys() | self.clean.keys() if made.get(k) != self.clean.get(k)
        )
        assert not wrong, (story, wrong)
        assert left_over(root) == [], story
        assert self.run(root, ["status", "--check"]).returncode == 0, story


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    made = Campaign(tmp_path_factory.mktemp("campaign"))
    yield made
    print("faults:", dict(made.tally))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_few_faults_end_as_a_clean_build_would(campaign: Campaign, seed: int) -> None:
    campaign.round_of(seed)


@pytest.mark.stress
@pytest.mark.parametrize("part", range(4))
def test_faults_of_every_kind_end_as_a_clean_build_would(campaign: Campaign, part: int) -> None:
    for number in range(ROUNDS):
        campaign.round_of(1000 * (part + 1) + number)


DAMAGES = ("flip", "cut", "empty", "zeros", "odd", "gone", "folder")


def damage(path: Path, how: str, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    stamp = path.stat()
    match how:
        case "flip" if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            path.write_bytes(data)
            os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "zeros":
            path.write_bytes(bytes(len(data)))
        case "odd":
            path.write_bytes(
                chance.choice([b"[]", b"5", b"null", b'{"a": "\\ud800"}', b"\xff\xfe"])
            )
        case "gone":
            path.unlink()
        case "folder":
            path.unlink()
            path.mkdir()
        case _:
            path.write_bytes(b"")


def damage_round(campaign: Campaign, seed: int) -> None:
    """Damage one file that the engine wrote; all ends right, or in words that say which file."""
    chance = random.Random(seed)
    root = campaign.copy(f"damaged{seed}")
    assert campaign.run(root, ["build"]).returncode == 0
    files = [path for path in (root / "storage").rglob("*") if path.is_file()]
    hurt = chance.choice([*sorted(files), root / "data-package.lock"])
    how = chance.choice(DAMAGES)
    damage(hurt, how, chance)
    story = f"seed {seed}: {hurt.relative_to(root)} {how}"
    campaign.tally[f"damage {how}"] += 1
    for words in (["status"], ["build"], ["check"]):
        done = campaign.run(root, words)
        assert done.returncode in (0, 1, 2), (story, words, done.stderr)
        assert "Traceback" not in done.stderr, (story, words, done.stderr)
        assert "itself failed" not in done.stderr, (story, words, done.stderr)
    done = campaign.run(root, ["build"])
    if done.returncode == 0:
        assert products(root) == campaign.clean, story
    else:
        # The words name the file, or the folder of the history that it lies in.
        assert hurt.name in done.stderr or ".dagster" in done.stderr, (story, done.stderr)
    shutil.rmtree(root)


@pytest.mark.stress
@pytest.mark.parametrize("part", range(4))
def test_damaged_files_are_found_and_made_again(campaign: Campaign, part: int) -> None:
    for number in range(ROUNDS):
        damage_round(campaign, 1000 * (part + 1) + number)


SETTINGS = (
    "pyproject.toml",
    "dagster.yaml",
    "PACKAGE/final/persons.yaml",
    "in/a.csv",
    "PACKAGE/final/persons.py",
)
TOKENS = [
    *(b"\0", b"\xff", b"{", b"}", b"[", b"]", b":", b"- ", b"&a *a", b"\t", b"%", b'"', b"'"),
    *(b"\xe2\x80\xae", b"\\ud800", b"1e999", b"<<: *x", b"---\n", b"\r", b"\n\n", b"9" * 400),
    b"!!python/object/apply:os.system [exit] ",
]


def fuzz_round(campaign: Campaign, seed: int) -> None:
    """Put something odd into what a user writes: a build ends in words."""
    chance = random.Random(seed)
    root = campaign.copy(f"fuzzed{seed}")
    place = root / chance.choice(SETTINGS).replace("PACKAGE", campaign.study.package)
    data = place.read_bytes()
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        data = data[:at] + chance.choice(TOKENS) + data[at + chance.randint(0, 3) :]
    place.write_bytes(data)
    story = f"seed {seed}: {place.relative_to(root)} {data!r:.400}"
    campaign.tally[f"fuzz {place.name}"] += 1
    for words in (["build"], ["status"], ["check"]):
        done = campaign.run(root, words)
        assert done.returncode in (0, 1, 2), (story, words, done.stderr)
        assert "Traceback" not in done.stderr, (story, words, done.stderr)
        assert "itself failed" not in done.stderr, (story, words, done.stderr)
    shutil.rmtree(root)


@pytest.mark.stress
@pytest.mark.parametrize("part", range(4))
def test_whatever_a_user_writes_a_build_ends_in_words(campaign: Campaign, part: int) -> None:
    for number in range(ROUNDS):
        fuzz_round(campaign, 1000 * (part + 1) + number)


DISKS = [
    *("size=96k", "size=300k", "size=700k", "size=1m", "size=2m"),
    *("size=9m,nr_inodes=12", "size=9m,nr_inodes=40", "size=9m,ro"),
]


@pytest.mark.stress
@pytest.mark.parametrize("options", DISKS)
def test_a_small_disk_is_called_what_it_is(campaign: Campaign, options: str) -> None:
    """Storage on a disk of its own that fills up: nothing is lost, and no sound file is to go."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    root = campaign.copy(f"disk{DISKS.index(options)}", fresh=True)
    storage = root / "storage"
    storage.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", storage], check=True)
    try:
        done = campaign.run(root, ["build"])
        assert done.returncode in (0, 1, 2)
        assert "Traceback" not in done.stderr, done.stderr
        assert "rm -r" not in done.stderr, done.stderr
        if done.returncode:
            said = done.stderr + done.stdout
            told = ("full", "inode", "only be read", "No space left", "Read-only")
            assert any(word in said for word in told), said
        campaign.tally["disk"] += 1
    finally:
        subprocess.run(["umount", "-l", storage], check=True)
    done = campaign.run(root, ["build"])
    assert done.returncode == 0, done.stderr
    assert products(root) == campaign.clean


@pytest.mark.stress
def test_ten_builds_at_once_make_what_one_makes(campaign: Campaign) -> None:
    root = campaign.copy("together")
    words = [sys.executable, "-m", "data_package.engine.cli", "build"]
    started = [
        subprocess.Popen(
            words,
            cwd=root,
            env=campaign.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(10)
    ]
    said = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0] * 10, said
    campaign.judge(root, "ten builds at once")


@pytest.mark.stress
@pytest.mark.parametrize("words", [["build"], ["materialize"], ["release"]], ids=lambda w: w[0])
def test_real_commands_killed_at_any_time(campaign: Campaign, words: list[str]) -> None:
    """From outside, so that SQLite and Polars are hit in the middle of what they do."""
    chance = random.Random(words[0])
    dagster = str(Path(sys.executable).with_name("dagster"))
    command = [sys.executable, "-m", "data_package.engine.cli", "build"]
    if words[0] == "materialize":
        module = f"{campaign.study.package}.definitions"
        command = [dagster, "asset", "materialize", "--select", "*", "-m", module]
    elif words[0] == "release":
        command = [*command[:-1], "release", "--without-git"]
    for number in range(max(ROUNDS // 4, 1)):
        root = campaign.copy(f"killed-{words[0]}{number}")
        for _ in range(3):
            process = subprocess.Popen(
                command,
                cwd=root,
                env=campaign.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                process.wait(chance.uniform(1, 9))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                campaign.tally["killed at any time"] += 1
        campaign.judge(root, f"{words} {number}")
        shutil.rmtree(root)
