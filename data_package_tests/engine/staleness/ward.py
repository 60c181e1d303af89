"""A small real project, built once, and copies of it to edit and build again.

Raw files, helpers in modules of their own, a helper of a helper, a constant, a default argument, a
class method, a decorator, an expression made at import, and a final table with a contract.
"""

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from data_package.engine import engine_edition as editions
from data_package.engine.staleness.memo import count_if_fresh
from data_package_tests import prepared
from data_package_tests.conftest import Study

PACKAGE = "ward"
TABLES = frozenset(
    {"raw_people", "raw_visits", "people", "towns", "weights", "visit_days", "stays", "subjects"}
)
_TRIES = 6000
_DAGSTER_YAML = (Path(__file__).parents[3] / "dagster.yaml").read_text()
_NO_BYTECODE = shutil.ignore_patterns("__pycache__")
# A file that has only just been written might change again within the same tick of the clock.
_SETTLED_SECONDS = 0.1

FILES = {
    "/pyproject.toml": '[tool.data-package]\npackage = "ward"\n',
    "/deliveries/people.csv": """\
        id,sex,age,town
        1,m ,34,Lund
        2, F,52,Oslo
        3,f,47,Lund
        4,x,61,Turku
        5,M,29,Oslo
        """,
    "/deliveries/visits.csv": """\
        person,day,grams
        1,0,70250
        1,14,70950
        2,0,61333
        2,35,60877
        3,0,82111
        3,28,82049
        4,3,91500
        5,0,55777
        5,25,56123
        """,
    "__init__.py": "",
    "raw/__init__.py": "",
    "intermediate/__init__.py": "",
    "final/__init__.py": "",
    "definitions.py": """\
        import ward
        from data_package.engine.definitions import load_definitions

        defs = load_definitions(ward)
        """,
    "datapackage.yaml": "title: A ward\n",
    "/ward_numbers.py": "DIGITS = 1\nUNUSED = 1\n",
    "raw/deliveries.py": '''\
        """The tables as delivered."""

        from pathlib import Path

        import dagster as dg
        import polars as pl

        from data_package.engine.sources import source_file

        people_file = source_file("people_file", "deliveries/people.csv")
        visits_file = source_file("visits_file", "deliveries/visits.csv")


        @dg.asset
        def raw_people(people_file: Path) -> pl.LazyFrame:
            """Everybody who was admitted."""
            return pl.scan_csv(people_file)


        @dg.asset
        def raw_visits(visits_file: Path) -> pl.LazyFrame:
            """Every time somebody was weighed."""
            return pl.scan_csv(visits_file)
        ''',
    "intermediate/spelling.py": '''\
        """How codes are spelled."""


        def tidy(column):
            return column.str.strip_chars().str.to_lowercase()
        ''',
    "intermediate/codes.py": '''\
        """What codes mean."""

        from ward.intermediate.spelling import tidy

        SEXES = {"m": "male", "f": "female"}


        def decode_sex(column):
            """The word for a code."""
            return tidy(column).replace_strict(SEXES, default="unknown")
        ''',
    "intermediate/people.py": '''\
        """Who is on the ward, and where they come from."""

        import dagster as dg
        import polars as pl

        from ward.intermediate.codes import decode_sex


        @dg.asset
        def people(raw_people: pl.LazyFrame) -> pl.LazyFrame:
            """Everybody, with their sex in words."""
            # The age is as it was told.
            return raw_people.filter(pl.col("age") > 18).with_columns(
                sex=decode_sex(pl.col("sex"))
            )
        ''',
    "intermediate/towns.py": """\
        import dagster as dg
        import polars as pl


        @dg.asset
        def towns(people: pl.LazyFrame) -> pl.LazyFrame:
            return people.group_by("town").len().sort("town")
        """,
    "intermediate/rounding.py": '''\
        """Numbers as people write them."""

        import functools

        from ward_numbers import DIGITS


        def rounded(function):
            @functools.wraps(function)
            def call(*columns):
                return function(*columns).round(DIGITS)

            return call
        ''',
    "intermediate/units.py": '''\
        """Units of measurement."""


        class Mass:
            grams_in_kg = 1000

            @classmethod
            def in_kg(cls, column):
                return column / cls.grams_in_kg
        ''',
    "intermediate/weights.py": '''\
        """What people weigh."""

        import dagster as dg
        import polars as pl

        from ward.intermediate.rounding import rounded
        from ward.intermediate.units import Mass


        @rounded
        def kilograms(column):
            return Mass.in_kg(column)


        @dg.asset
        def weights(raw_visits: pl.LazyFrame) -> pl.LazyFrame:
            """The first weight of everybody."""
            visits = raw_visits.sort("person", "day").group_by("person")
            return visits.agg(kg=kilograms(pl.col("grams")).first()).sort("person")
        ''',
    "intermediate/visit_days.py": '''\
        """When people were seen."""

        import dagster as dg
        import polars as pl

        IS_LATE = pl.col("day") > 30


        def since_start(column, first=1):
            return column + first


        @dg.asset
        def visit_days(raw_visits: pl.LazyFrame) -> pl.LazyFrame:
            """Every visit, by its day."""
            return raw_visits.select(
                "person", late=IS_LATE, study_day=since_start(pl.col("day"))
            ).sort("person", "study_day")
        ''',
    "intermediate/stays.py": '''\
        """How long people stay."""

        import dagster as dg
        import polars as pl


        @dg.asset
        def stays(visit_days: pl.LazyFrame) -> pl.LazyFrame:
            """One row for each person."""
            return (
                visit_days.group_by("person")
                .agg(visits=pl.len(), late=pl.col("late").any(), last=pl.col("study_day").max())
                .sort("person")
            )
        ''',
    "final/subjects.py": '''\
        """What is published."""

        import dagster as dg
        import polars as pl


        @dg.asset
        def subjects(
            people: pl.LazyFrame, weights: pl.LazyFrame, stays: pl.LazyFrame
        ) -> pl.LazyFrame:
            """One row for each person."""
            joined = people.join(weights, left_on="id", right_on="person", how="left").join(
                stays.select("person", "late", "last"), left_on="id", right_on="person", how="left"
            )
            return joined.select("id", "sex", "age", "kg", "late", "last").sort("id")
        ''',
    "final/subjects.yaml": """\
        title: Subjects
        schema:
          fields:
            - {name: id, type: integer, constraints: {required: true, unique: true}}
            - {name: sex, type: string}
            - {name: age, type: integer, constraints: {minimum: 18}}
            - {name: kg, type: number}
            - {name: late, type: boolean}
            - {name: last, type: integer}
          primaryKey: [id]
        """,
}


# The same project among what projects are made of: an engine, a package that is installed to be
# edited, a folder on PYTHONPATH, and a table in partitions with a table that takes all of them.
AROUND = {
    "/site-packages/edited.pth": "../edited\n",
    "/edited/ward_scales.py": "TARE = 0\n",
    "/on_path/ward_times.py": "FIRST = 0\n",
    "intermediate/registers.py": """\
        import dagster as dg
        import polars as pl
        from ward_scales import TARE
        from ward_times import FIRST

        WEEKS = ["0", "2", "4"]


        @dg.asset(partitions_def=dg.StaticPartitionsDefinition(WEEKS))
        def register(context, raw_visits: pl.LazyFrame) -> pl.LazyFrame:
            in_week = pl.col("day") // 14 == int(context.partition_key) // 2
            return raw_visits.filter(in_week).with_columns(pl.col("grams") - TARE)


        @dg.asset
        def sizes(register: pl.LazyFrame) -> pl.LazyFrame:
            return register.select(pl.len(), pl.col("day").min() + FIRST)
        """,
}
PARTS = frozenset({"register[0]", "register[2]", "register[4]"})
# Python looks into the folders as it does where a project has been installed, and the engine counts
# as the one whose sources are in the project's folder.
_BEGUN_AROUND = """
import site, sys
from pathlib import Path
sys.path.append(str(Path("on_path").resolve()))
site.addsitedir(str(Path("site-packages").resolve()))
from data_package.engine import engine_edition as editions
from data_package.engine.staleness import memo
folder = Path("engine").resolve()
editions.edition.__wrapped__.__defaults__ = (folder,)
editions.edition.cache_clear()
memo._ENGINE = folder
"""


@dataclass(frozen=True)
class Built:
    """The answer of a build: its exit code, the tables that ran, and the facts that it printed."""

    exit_code: int
    ran: Set[str]
    facts: dict[str, object]
    output: str


@dataclass
class Ward(Study):
    """A copy of the project that may be edited, built and looked at.

    `begin` is what a process runs before the command.
    """

    package: str = field(default=PACKAGE)
    writes_bytecode: bool = False
    begin: str = ""

    def environment(self) -> dict[str, str]:
        """As users have it, where that is asked for: Python keeps its bytecode."""
        without = {"PYTHONDONTWRITEBYTECODE"} if self.writes_bytecode else set()
        found = {k: v for k, v in super().environment().items() if k not in without}
        return found | ({"PYTHONPATH": str(self.root / "on_path")} if self.begin else {})

    def build(self, *words: str) -> Built:  # type: ignore[override]
        """Run `data-package build --json` to its end."""
        command = ("build", "--json", *words)
        return _read(prepared.run(command, self.root, self.environment(), self.begin))

    def settle(self) -> None:
        """Build in this process, which is quick, where nothing is left to do."""
        time.sleep(_SETTLED_SECONDS)
        dont_write, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            result = Study.build(self)
        finally:
            self.forget()
            sys.path.remove(str(self.root))
            sys.dont_write_bytecode = dont_write
        assert (result.ok, result.tables, result.package) == (True, (), None)
        assert count_if_fresh(self.project) == len(TABLES)

    def start(self, *words: str) -> prepared.Lasting:
        """Begin a build and return at once; `finish` waits for it."""
        whole = ("build", "--json", *words)
        return prepared.start(whole, self.root, self.environment(), self.begin)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that occurs in a file of the package or, with `/` first, of the root."""
        path = self.path(name)
        text = path.read_text()
        assert old in text, f"{name} does not hold {old!r}"
        path.write_text(text.replace(old, new))

    def path(self, name: str) -> Path:
        """A file of the package or, with `/` first, of the root."""
        return self.root / name[1:] if name[0] == "/" else self.root / self.package / name

    def table(self, name: str) -> Path:
        """The file of a table."""
        (path,) = self.storage.glob(f"*/{name}.parquet")
        return path

    @property
    def lock_file(self) -> Path:
        return self.root / "data-package.lock"

    @property
    def locked(self) -> dict[str, dict[str, object]]:
        """The tables in the lock."""
        tables: dict[str, dict[str, object]] = tomllib.loads(self.lock_file.read_text())["table"]
        return tables

    @property
    def descriptor(self) -> str:
        return (self.storage / "package" / "datapackage.json").read_text()

    def verdict_stamp(self) -> int:
        """Changes when the contract of `subjects` is checked again."""
        return (self.storage / ".state" / "checks" / "subjects.contract.json").stat().st_mtime_ns

    def products(self) -> dict[str, str]:
        """Hashes of all that a build makes and people rely on: tables, package and lock."""
        folders = ("raw", "intermediate", "final", "package")
        files = [p for f in folders for p in (self.storage / f).rglob("*") if p.is_file()]
        if self.lock_file.exists():
            files.append(self.lock_file)
        return {p.relative_to(self.root).as_posix(): digest(p) for p in sorted(files)}

    def clean_build(self, place: Path) -> "Ward":
        """The same sources, built in another place from nothing."""
        kept = shutil.ignore_patterns("storage", "data-package.lock")
        other = Ward(Path(shutil.copytree(self.root, place, ignore=kept)))
        built = other.build()
        assert built.exit_code == 0, built.output
        return other

    def copy(self, place: Path) -> "Ward":
        """A copy of everything, built tables included, where a build knows there is no work."""
        return replace(self, root=Path(shutil.copytree(self.root, place, symlinks=True)))

    def assert_consistent(self) -> None:
        """What the lock says, what the tables are and what is published agree."""
        for name, entry in self.locked.items():
            assert entry["data_version"] == digest(self.table(name)), name
        (resource,) = json.loads(self.descriptor)["resources"]
        published = self.storage / "package" / resource["path"]
        assert resource["hash"] == f"sha256:{digest(published)}"
        assert pl.read_parquet(published).equals(pl.read_parquet(self.table("subjects")))

    @contextmanager
    def build_interrupted_in(self, table: str, *words: str) -> Iterator[prepared.Lasting]:
        """A build that has come to the middle of a table and goes on when `release` is called."""
        process = self.start(*words)
        try:
            wait_until(lambda: self.path(f"/{table}.began").exists(), process)
            yield process
        finally:
            process.kill()
            process.wait()

    def hold(self, name: str, table: str, before: str) -> None:
        """Let a table's function wait, once it runs, until `release` is called."""
        waiting = (
            f"import pathlib, time\n"
            f"    root = pathlib.Path(__file__).parents[2]\n"
            f"    (root / '{table}.began').touch()\n"
            f"    while not (root / 'go').exists():\n"
            f"        time.sleep(0.01)\n"
            f"    {before}"
        )
        self.edit(name, before, waiting)

    def release(self) -> None:
        """Let held tables go on."""
        self.path("/go").touch()


def make_ward(place: Path) -> Ward:
    """The project, built."""
    ward = Ward(place)
    ward.write(FILES | {"/dagster.yaml": _DAGSTER_YAML})
    built = ward.build()
    assert built.exit_code == 0, built.output
    assert built.ran == TABLES
    return ward


def make_ward_around(place: Path) -> Ward:
    """The project among what it is made of, built."""
    shutil.copytree(Path(editions.__file__).parent, place / "engine", ignore=_NO_BYTECODE)
    ward = ward_around(place)
    ward.write(FILES | AROUND | {"/dagster.yaml": _DAGSTER_YAML})
    built = ward.build()
    assert built.exit_code == 0, built.output
    assert built.ran == {*TABLES, *PARTS, "sizes"}
    return ward


def ward_around(place: Path) -> Ward:
    return Ward(place, begin=_BEGUN_AROUND)


def shared_ward(
    place: Path,
    make: Callable[[Path], Ward] = make_ward,
    known: Callable[[Path], Ward] = Ward,
) -> Ward:
    """The project at a place that several test processes share: the first one builds it."""
    with (place.parent / f"{place.name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        return known(place) if place.exists() else make(place)


def finish(process: subprocess.Popen[str] | prepared.Lasting) -> Built:
    """The answer of a build that was started, when it ended."""
    out, err = process.communicate(timeout=120)
    return _read(subprocess.CompletedProcess((), process.wait(), out, err))


def wait_until(
    happened: Callable[[], bool], process: subprocess.Popen[str] | prepared.Lasting | None = None
) -> None:
    """Wait for something that another process does. Fails when it ends without, or takes long."""
    for _ in range(_TRIES):
        if happened():
            return
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)
    raise AssertionError("It never happened.")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(process: subprocess.CompletedProcess[str]) -> Built:
    facts = json.loads(process.stdout) if process.stdout.startswith("{") else {}
    tables = facts.get("tables", [])
    parts = [part for table in tables for part in table.get("partitions", [])]
    whole = [table for table in tables if not table.get("partitions")]
    ran = frozenset(one["name"] for one in (*whole, *parts) if one["status"] == "built")
    return Built(process.returncode, ran, facts, process.stdout + process.stderr)
