"""Commands that are killed, starved and interrupted end as a clean build would.

Each round takes a project that was built, changes what was delivered and the code, runs commands
that a fault ends, and then asks for the status and builds. The status says no word that is wrong,
and what is built is byte for byte what a build from nothing makes. The seed of a failing round is
in its message; `round_of(seed)` repeats it.
"""

import errno
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from data_package_tests.conftest import new_study
from data_package_tests.engine.tables.running import HEADER
from data_package_tests.stress.replay import states
from data_package_tests.stress.warm import Fault, Warm

ROUNDS = int(os.environ.get("DATA_PACKAGE_ROUNDS", "20"))
BUILDS = (
    ["build"],
    ["build", "-j", "3"],
    ["build", "-j", "2", "--processes"],
    ["build", "--force"],
    ["build", "--partition", "2025"],
    ["dagster", "asset", "materialize", "--select", "persons,heavy", "-m", "PACKAGE.definitions"],
)
RELEASE = ["release", "--without-git", "--undocumented"]
OTHERS = (
    ["export", "--to", "csv", "--force"],
    ["export", "--to", "sqlite", "--force"],
    ["export", "--to", "duckdb", "--force"],
    ["export", "--to", "xlsx", "--force"],
    RELEASE,
    ["verify"],
    ["accept"],
    ["accept", "--partition", "2024"],
    ["clean", "--yes"],
    ["forget", "persons"],
    ["forget", "yearly", "--partition", "2024"],
    ["check"],
    ["graph"],
    ["status"],
)
# Each as likely as the others, where all is killed; and then releases.
KILLED = (
    *BUILDS,
    ["export", "--to", "csv", "--force"],
    ["export", "--to", "sqlite", "--force"],
    ["verify"],
    ["accept"],
    ["clean", "--yes"],
)
# Reading and looking changes nothing, so that a kill there is one between two changes.
CHANGES = (
    "open",
    "write",
    "fsync",
    "rename",
    "unlink",
    "mkdir",
    "rmdir",
    "truncate",
    "chmod",
    "link",
)
ERRORS = ("ENOSPC", "EIO", "EIO once", "EROFS", "EACCES", "EMFILE", "ENOTSUP", "EDQUOT")
SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGSTOP")

RAW = (
    HEADER
    + """
from data_package import source_file

people_file = source_file("people_file", "in/*.csv")

@dg.asset
def people(people_file: list[Path]) -> pl.LazyFrame:
    return pl.concat([pl.scan_csv(one, glob=False) for one in people_file]).sort("id")

@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["2024", "2025"]))
def yearly(context: dg.AssetExecutionContext, people: pl.LazyFrame) -> pl.LazyFrame:
    return people.filter(pl.col("id") % 2 == int(context.partition_key) % 2)
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
# What a project is changed to, in turn; both as many digits as the other.
CHANGED = (2, 3)
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

    def __init__(
        self, folder: Path, library: str = "", environment: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder.resolve()
        self.warm = Warm(self.folder, library, environment)
        self.study = new_study(self.folder / "built", FILES)
        self.environment = self.study.environment()
        assert self.run(self.study.root, ["build"]).returncode == 0
        self.now = CHANGED[0]
        self.cleans: dict[int, dict[str, str]] = {}
        self.counts: dict[str, dict[str, int]] = {}
        self.seconds: dict[str, float] = {}
        self.tally: Counter[str] = Counter()

    def copy(self, name: str, *, fresh: bool = False) -> Path:
        """The project in a folder of its own, changed since it was built."""
        root = self.folder / name
        shutil.copytree(self.study.root, root)
        if fresh:
            shutil.rmtree(root / "storage")
            (root / "data-package.lock").unlink()
        self.change(root, CHANGED[0])
        return root

    def change(self, root: Path, factor: int) -> None:
        """Change what was delivered and the code, and thereby what is right."""
        (root / "in/a.csv").write_text(ROWS + f"900,{factor}\n")
        code = root / self.study.package / "final/persons.py"
        code.write_text(FINAL.replace("FACTOR = 1", f"FACTOR = {factor}"))
        self.now = factor

    @property
    def clean(self) -> dict[str, str]:
        """What a build from nothing makes of the project as it was changed last."""
        if self.now not in self.cleans:
            wanted = self.now
            reference = self.copy("reference", fresh=True)
            self.change(reference, wanted)
            assert self.run(reference, ["build"]).returncode == 0
            self.cleans[wanted] = products(reference)
            shutil.rmtree(reference)
        return self.cleans[self.now]

    def run(
        self,
        root: Path,
        words: list[str],
        fault: Fault | None = None,
        meanwhile: Callable[[int], None] | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        words = [word.replace("PACKAGE", self.study.package) for word in words]
        return self.warm.run(words, root, self.environment, fault, meanwhile=meanwhile)

    def calls(self, words: list[str]) -> dict[str, int]:
        """How many system calls of each kind a command makes."""
        name = " ".join(words)
        if name not in self.counts:
            now = self.now
            root = self.copy("counted")
            if words not in BUILDS:
                self.run(root, ["build"])
            self.run(root, words, Fault(), meanwhile=lambda child: self.watch(name, child))
            self.counts[name] = self.warm.counts()
            shutil.rmtree(root)
            self.now = now
        return self.counts[name]

    def watch(self, name: str, child: int) -> None:
        """Note the processor time of a command's first thread, whatever else the machine does."""
        while (seconds := processor_seconds(child)) is not None:
            self.seconds[name] = seconds
            time.sleep(0.005)

    def fault(self, chance: random.Random, words: list[str]) -> Fault:
        known = self.calls(words)
        kinds = [kind for kind in CHANGES if kind in known] or sorted(known)
        what = chance.choices("kaes", (40, 40, 16, 4))[0]
        if what == "e":
            name, _, once = chance.choice(ERRORS).partition(" ")
            kinds = ["flock"] if name == "ENOTSUP" and "flock" in known else sorted(known)
            kind = chance.choice(kinds)
            nth = chance.randint(1, known[kind])
            return Fault(kind, nth, what, getattr(errno, name), once=bool(once))
        kind = chance.choice(kinds)
        number = signal.Signals[chance.choice(SIGNALS)] if what == "s" else 0
        return Fault(kind, chance.randint(1, known[kind]), what, number)

    def round_of(self, seed: int) -> None:
        """Six faults, then the judgement."""
        chance = random.Random(seed)
        root = self.copy(f"round{seed}")
        story = []
        if chance.random() < 0.4:
            self.run(root, ["build"])
        for _ in range(6):
            words = list(chance.choice(BUILDS if chance.random() < 0.6 else OTHERS))
            fault = self.fault(chance, words)
            done = self.run(root, words, fault)
            story.append(f"{' '.join(words)}: {fault} -> {done.returncode}")
            self.tally[f"{named(words)} {fault.what}"] += 1
            self.tally["killed" if done.returncode == -signal.SIGKILL else "ended"] += 1
            judge_words(done, f"seed {seed}: {story}", dagsters=words[0] == "dagster")
            if words[0] == "accept":
                self.run(root, ["forget", "people", "yearly", "persons", "heavy"])
        self.judge(root, f"seed {seed}: {story}")
        shutil.rmtree(root)

    def kill_round(self, seed: int) -> None:
        """Twenty kills of a project that changes, a true status after each, and judgements."""
        chance = random.Random(seed)
        root = self.copy(f"killed{seed}")
        story: list[str] = []
        for number in range(17):
            words = list(chance.choice(KILLED))
            self.kill_one(root, words, chance, story)
            judged = chance.random() < 0.4 or number == 16
            if judged:
                self.judge_build(root, f"seed {seed}: {story}")
            if judged or story[-1].endswith(" 0"):
                # There is something to do for the next command.
                self.change(root, CHANGED[0] if self.now == CHANGED[1] else CHANGED[1])
        self.run(root, ["build"])
        for _ in range(3):
            self.kill_one(root, RELEASE, chance, story)
        self.judge(root, f"seed {seed}: {story}")
        shutil.rmtree(root)
        self.now = CHANGED[0]

    def kill_one(
        self, root: Path, words: list[str], chance: random.Random, story: list[str]
    ) -> None:
        """Kill a command and ask for the status, which is true."""
        if words == ["verify"]:
            # Only what is fresh is built once more.
            self.run(root, ["build"])
        done, how = self.killed(root, words, chance)
        story.append(f"{' '.join(words)}: {how} -> {done.returncode}")
        judge_words(done, str(story), dagsters=words[0] == "dagster")
        # In `--processes` it may be a process of the build that is killed: the build says so.
        was_killed = done.returncode == -signal.SIGKILL or "was killed" in done.stderr
        self.tally[named(words) if was_killed else f"{named(words)} ended before"] += 1
        status = self.run(root, ["status", "--check"])
        assert status.returncode in (0, 1), (story, status.stderr)
        judge_words(status, str(story))
        if words == ["accept"]:
            # What is accepted is fresh, whatever the function would make: that is what it is for.
            self.run(root, ["forget", "people", "yearly", "persons", "heavy"])
        elif status.returncode == 0 and not (root / self.study.package / "releases.yaml").exists():
            wrong = different(products(root), self.clean)
            assert wrong == [], (story, wrong, status.stdout)

    def signal_round(self, seed: int) -> None:
        """Six commands that get a signal at a system call, each followed by a true status."""
        chance = random.Random(seed)
        root = self.copy(f"signalled{seed}")
        story: list[str] = []
        for _ in range(6):
            words = list(chance.choice(KILLED))
            known = self.calls(words)
            kind = chance.choice([kind for kind in CHANGES if kind in known] or sorted(known))
            name = chance.choice(SIGNALS)
            fault = Fault(kind, chance.randint(1, known[kind]), "s", signal.Signals[name])
            done = self.run(root, words, fault)
            story.append(f"{' '.join(words)}: {name} {fault} -> {done.returncode}")
            ended = done.returncode < 0 or done.returncode > 2
            self.tally[f"{name}, {'ended' if ended else 'went on'}"] += 1
            judge_words(done, str(story), dagsters=words[0] == "dagster")
            if words == ["accept"]:
                self.run(root, ["forget", "people", "yearly", "persons", "heavy"])
            status = self.run(root, ["status", "--check"])
            assert status.returncode in (0, 1), (story, status.stderr)
            if status.returncode == 0:
                assert different(products(root), self.clean) == [], story
        self.judge(root, str(story))
        shutil.rmtree(root)

    def killed(
        self, root: Path, words: list[str], chance: random.Random
    ) -> tuple["subprocess.CompletedProcess[str]", str]:
        """Run a command that is killed at a system call or, one in four, at any time."""
        known = self.calls(words)
        if chance.random() < 0.25:
            seconds = chance.uniform(0, 0.9 * self.seconds[" ".join(words)])

            def kill(child: int) -> None:
                while (used := processor_seconds(child)) is not None and used < seconds:
                    time.sleep(0.001)
                # It may have ended.
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)

            return self.run(root, words, meanwhile=kill), f"after {seconds:.3f} s"
        kind = chance.choice([kind for kind in CHANGES if kind in known] or sorted(known))
        # A command that was killed before leaves the next one less to do: early calls are likelier.
        nth = 1 + int(known[kind] * chance.random() ** 1.5)
        fault = Fault(kind, nth, chance.choice("ka"))
        return self.run(root, words, fault), str(fault)

    def judge(self, root: Path, story: str) -> None:
        """The status is true, and a build makes what one from nothing makes."""
        status = self.run(root, ["status", "--check"])
        assert status.returncode in (0, 1), (story, status.stderr)
        judge_words(status, story)
        found = products(root)
        clean = self.judge_build(root, story)
        if status.returncode == 0:
            assert different(found, clean) == [], (story, status.stdout)
        assert self.run(root, ["status", "--check"]).returncode == 0, story

    def judge_build(self, root: Path, story: str) -> dict[str, str]:
        """A build makes what one from nothing makes: that is returned."""
        done = self.run(root, ["build"])
        assert done.returncode == 0, (story, done.stdout, done.stderr)
        made, clean = products(root), self.clean
        if (root / self.study.package / "releases.yaml").exists():
            clean = self.from_nothing(root)
            self.judge_releases(root, story)
        assert different(made, clean) == [], (story, different(made, clean))
        assert left_over(root) == [], (story, left_over(root))
        for export in (root / "storage/exports").glob("*/*.csv"):
            assert len(export.read_bytes().splitlines()) > 1, story
        return clean

    def from_nothing(self, root: Path) -> dict[str, str]:
        """What a build from nothing makes of the present files."""
        fresh = self.folder / "fresh"
        shutil.copytree(root, fresh, ignore=shutil.ignore_patterns("storage", "*.lock", ".*.tmp"))
        done = self.run(fresh, ["build"])
        assert done.returncode == 0, (done.stdout, done.stderr)
        made = products(fresh)
        shutil.rmtree(fresh)
        return made

    def judge_releases(self, root: Path, story: str) -> None:
        """Every version that is named has its files, and no other version has."""
        releases = root / "storage/releases"
        text = (root / self.study.package / "releases.yaml").read_text()
        # What a kill left is swept by the next release.
        self.run(root, RELEASE)
        text = (root / self.study.package / "releases.yaml").read_text()
        named = sorted(re.findall(r"version: [\"']?([\d.]+)", text))
        folders = sorted(path.name for path in releases.iterdir() if path.is_dir())
        zips = sorted(
            match[1]
            for path in releases.iterdir()
            if (match := re.search(r"-([\d.]+)\.zip$", path.name))
        )
        assert named == folders == zips, (story, named, folders, zips)


def different(made: dict[str, str], clean: dict[str, str]) -> list[str]:
    return sorted(k for k in made.keys() | clean.keys() if made.get(k) != clean.get(k))


def processor_seconds(child: int) -> float | None:
    """Seconds that a process's first thread has run; None when the process has ended."""
    try:
        state = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
        nanoseconds = Path(f"/proc/{child}/schedstat").read_text().split()[0]
    except (OSError, IndexError):
        return None
    return None if state == "Z" else int(nanoseconds) / 1e9


def named(words: list[str]) -> str:
    """What a command counts as: a way of building, or a verb."""
    if words[0] == "dagster":
        return words[2]
    return " ".join(words[:4] if words[0] == "build" else words[:1])


def judge_words(
    done: "subprocess.CompletedProcess[str]", story: str, *, dagsters: bool = False
) -> None:
    """One screen of words, an exit code that is known, and no traceback."""
    if dagsters:
        # Dagster's own command ends in its own words.
        return
    output = done.stderr + done.stdout
    for never in ("Traceback", "itself failed", "Exception in thread", "Exception ignored"):
        assert never not in output, (story, output)
    assert len(done.stderr.splitlines()) < 25, (story, output)
    assert done.returncode < 0 or done.returncode in (0, 1, 2, 129, 130, 143), (story, output)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    made = Campaign(tmp_path_factory.mktemp("campaign"))
    yield made
    made.warm.close()
    print("faults:", dict(made.tally))


@pytest.mark.slow
def test_a_few_faults_end_as_a_clean_build_would(campaign: Campaign) -> None:
    campaign.round_of(1)


@pytest.mark.stress
@pytest.mark.parametrize("part", range(4))
def test_faults_of_every_kind_end_as_a_clean_build_would(campaign: Campaign, part: int) -> None:
    for number in range(ROUNDS):
        campaign.round_of(1000 * (part + 1) + number)


@pytest.mark.stress
@pytest.mark.parametrize("part", range(4))
def test_kills_at_any_moment_lose_nothing(campaign: Campaign, part: int) -> None:
    for number in range(ROUNDS):
        campaign.kill_round(1000 * (part + 1) + number)


TRACED = (BUILDS[0], BUILDS[1], BUILDS[3], RELEASE, ["accept"], ["forget", "persons"])


@pytest.mark.stress
@pytest.mark.parametrize("words", TRACED, ids=" ".join)
def test_a_power_cut_ends_as_a_clean_build_would(campaign: Campaign, words: list[str]) -> None:
    chance = random.Random(" ".join(words))
    root = campaign.copy("traced")
    if words not in (BUILDS[0], BUILDS[1]):
        campaign.run(root, ["build"])
    before = campaign.folder / "before"
    shutil.copytree(root, before)
    trace = campaign.folder / "trace"
    trace.unlink(missing_ok=True)
    campaign.warm.run(words, root, campaign.environment, Fault(), trace=trace)
    # The trace is whole when it ends with what is there; SQLite writes to memory as well.
    disk = list(states(before, trace, str(root)))[-1]
    for place, file in disk.names.items():
        if file is not None and ".dagster" not in place:
            assert bytes(file.seen) == (root / place).read_bytes(), place
    moments = sum(1 for _ in states(before, trace, str(root)))
    chosen = set(chance.sample(range(moments), min(ROUNDS, moments)))
    for at, disk in enumerate(states(before, trace, str(root))):
        if at in chosen:
            cut = campaign.folder / "cut"
            disk.write(cut, undone=chance.random() < 0.4)
            campaign.judge(cut, f"{words}, {at} of {moments}")
            campaign.tally["power cut"] += 1
    for folder in (root, before):
        shutil.rmtree(folder)


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
def test_whatever_a_user_writes_a_build_ends_with_a_message(campaign: Campaign, part: int) -> None:
    for number in range(ROUNDS):
        fuzz_round(campaign, 1000 * (part + 1) + number)


DISKS = [
    *("size=96k", "size=300k", "size=700k", "size=1m", "size=2m"),
    *("size=9m,nr_inodes=12", "size=9m,nr_inodes=40", "size=9m,ro"),
]


@pytest.mark.stress
@pytest.mark.parametrize("options", DISKS)
def test_a_small_disk_is_reported_as_full(campaign: Campaign, options: str) -> None:
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
            output = done.stderr + done.stdout
            answer = ("full", "inode", "read-only file system", "No space left", "Read-only")
            assert any(word in output for word in answer), output
        campaign.tally["disk"] += 1
    finally:
        subprocess.run(["umount", "-l", storage], check=True)
    done = campaign.run(root, ["build"])
    assert done.returncode == 0, done.stderr
    assert products(root) == campaign.clean


@pytest.mark.stress
@pytest.mark.parametrize("options", [[], ["-j", "3"], ["--force"]], ids=" ".join)
def test_ten_builds_at_once_make_what_one_makes(campaign: Campaign, options: list[str]) -> None:
    root = campaign.copy("together")
    words = ["build", *options]
    done = campaign.warm.together(words, root, campaign.environment, 10)
    assert [one.returncode for one in done] == [0] * 10, [one.stderr for one in done]
    for one in done:
        judge_words(one, "ten builds at once")
    campaign.tally["ten at once"] += 1
    campaign.judge(root, "ten builds at once")
    shutil.rmtree(root)


@pytest.mark.stress
@pytest.mark.parametrize("part", range(4))
def test_signals_at_any_system_call_lose_nothing(campaign: Campaign, part: int) -> None:
    for number in range(max(ROUNDS // 4, 1)):
        campaign.signal_round(1000 * (part + 1) + number)


# Ubuntu and Debian have it in the package `faketime`.
FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)
CLOCKS = [
    *("@1970-01-02 00:00:00", "@1999-12-31 23:59:58", "@2038-01-19 03:14:06"),
    *("@2100-01-01 00:00:00", "leaps"),
]
RIGHT = "+0"


@pytest.fixture(scope="module")
def clocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """A campaign whose commands read the time of a file, `clock`, whenever they ask for it."""
    if FAKETIME is None:
        pytest.skip("libfaketime is not installed")
    folder = tmp_path_factory.mktemp("clocked")
    (folder / "clock").write_text(RIGHT)
    settings = {
        "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    made = Campaign(folder, str(FAKETIME), settings)
    yield made
    made.warm.close()


@pytest.mark.stress
@pytest.mark.parametrize("clock", CLOCKS)
def test_a_wrong_clock_changes_no_table(clocked: Campaign, clock: str) -> None:
    """Whatever the clock says while a table is made, and back again afterwards."""
    place = clocked.folder / "clock"
    root = clocked.copy("wrong")
    chance = random.Random(clock)

    def leap(child: int) -> None:
        """Move the clock by up to three years to either side until the command ends."""
        while processor_seconds(child) is not None:
            beside = place.with_name("clock.new")
            beside.write_text(f"{chance.uniform(-1000, 1000):+.3f}d")
            beside.replace(place)
            time.sleep(0.01)

    try:
        for words in (["build"], ["build", "--force", "-j", "3"]):
            place.write_text(RIGHT if clock == "leaps" else clock)
            done = clocked.run(root, words, meanwhile=leap if clock == "leaps" else None)
            assert done.returncode == 0, done.stderr
            judge_words(done, clock)
            assert clocked.run(root, ["status", "--check"]).returncode == 0
            place.write_text(RIGHT)
            assert clocked.run(root, ["status", "--check"]).returncode == 0
            assert different(products(root), clocked.clean) == []
            judge_words(clocked.run(root, ["history"]), clock)
    finally:
        place.write_text(RIGHT)
        shutil.rmtree(root)


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """A file system of its own in a file of 64 MB."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("only root can mount a file system")
    image, place = folder / "image", folder / "mounted"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    place.mkdir()
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.stress
@pytest.mark.parametrize("how", ["mounted", "link", "link to a mounted one"])
def test_storage_elsewhere_loses_nothing(campaign: Campaign, tmp_path: Path, how: str) -> None:
    """`storage/` is a file system of its own, or a link to one: ten kills, and judgements."""
    root = campaign.copy("elsewhere")
    chance, story = random.Random(how), [how]
    with mounted(tmp_path) as place:
        own = place / "storage"
        own.mkdir()
        if how == "link":
            own = tmp_path / "own"
            own.mkdir()
        shutil.copytree(root / "storage", own, dirs_exist_ok=True)
        shutil.rmtree(root / "storage")
        if how == "mounted":
            (root / "storage").mkdir()
            subprocess.run(["mount", "--bind", own, root / "storage"], check=True)
        else:
            (root / "storage").symlink_to(own)
        try:
            for number in range(10):
                campaign.kill_one(root, list(chance.choice(KILLED)), chance, story)
                if number % 3 == 2:
                    campaign.judge_build(root, str(story))
                    campaign.change(root, CHANGED[campaign.now == CHANGED[0]])
            campaign.judge(root, str(story))
        finally:
            if how == "mounted":
                subprocess.run(["umount", "-l", root / "storage"], check=True)
    shutil.rmtree(root)
    campaign.now = CHANGED[0]


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
