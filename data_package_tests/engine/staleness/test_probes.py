"""What runs after each thing that can be done to a project, by the command that users run.

Every probe starts where people do: everything is built, and the build that followed had nothing to
do, so that it is the quickest decision that must see the edit.
"""

import importlib.metadata
import os
import shutil
import signal
import sys
from collections.abc import Callable, Set
from dataclasses import dataclass
from pathlib import Path

import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.staleness.lock import parse
from data_package.engine.staleness.memo import count_if_fresh
from data_package_tests.engine.staleness.ward import (
    PARTS,
    TABLES,
    Ward,
    digest,
    finish,
    make_ward_around,
    shared_ward,
    wait_until,
    ward_around,
)

pytestmark = pytest.mark.slow

Edit = Callable[[Ward], object]

PEOPLE = {"people", "towns", "subjects"}
WEIGHTS = {"weights", "subjects"}
DAYS = {"visit_days", "stays", "subjects"}
REGISTER = {*PARTS, "sizes"}


@pytest.fixture(scope="session")
def built_ward(tmp_path_factory: pytest.TempPathFactory) -> Ward:
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    return shared_ward(shared / "built_ward")


@pytest.fixture
def ward(built_ward: Ward, tmp_path: Path) -> Ward:
    """A copy that is built, and known to be."""
    copy = built_ward.copy(tmp_path / "copy")
    copy.settle()
    return copy


@dataclass(frozen=True)
class Probe:
    """One edit, and what must come of it.

    Attributes:
        name: what is done, in words.
        edit: does it.
        ran: the tables that must run, and no others.
        publishes: whether the descriptor must change; it must not otherwise.
        checks: whether the contract must be checked again though its table did not change.
    """

    name: str
    edit: Edit
    ran: Set[str] = frozenset()
    publishes: bool = False
    checks: bool = False


def replaced(name: str, old: str, new: str) -> Edit:
    return lambda ward: ward.edit(name, old, new)


def all_of(*edits: Edit) -> Edit:
    return lambda ward: [edit(ward) for edit in edits]


def appended(name: str, text: str) -> Edit:
    def edit(ward: Ward) -> None:
        with ward.path(name).open("a") as file:
            file.write(text)

    return edit


def moved(name: str, to: str) -> Edit:
    return lambda ward: ward.path(name).rename(ward.path(to))


def overwritten(table: str, by: str) -> Edit:
    return lambda ward: shutil.copyfile(ward.table(by), ward.table(table))


def truncated(ward: Ward) -> None:
    os.truncate(ward.table("weights"), ward.table("weights").stat().st_size // 2)


def touched(ward: Ward) -> None:
    for name in ("/deliveries/people.csv", "/deliveries/visits.csv"):
        ward.path(name).touch()


def swapped(ward: Ward) -> None:
    """Another file of the same size, with the time stamps of the first, in its place."""
    path = ward.path("/deliveries/people.csv")
    other = path.with_name("other.csv")
    other.write_text(path.read_text().replace("34", "43"))
    shutil.copystat(path, other)
    assert (other.stat().st_size, other.stat().st_mtime_ns) == (
        path.stat().st_size,
        path.stat().st_mtime_ns,
    )
    other.rename(path)


def rewritten_in_place(ward: Ward) -> None:
    """The same file with other content, of the same size, its time stamps put back."""
    path = ward.path("/deliveries/people.csv")
    stat = path.stat()
    path.write_text(path.read_text().replace("34", "43"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def reformatted(ward: Ward) -> None:
    ward.edit("intermediate/people.py", ".with_columns(\n        sex=", ".with_columns(sex=")
    ward.edit("intermediate/people.py", '("sex"))\n    )', '("sex")))')
    ward.edit(
        "intermediate/codes.py", '{"m": "male", "f": "female"}', "{\n  'm':'male','f' : 'female'}"
    )


def helper_moved(ward: Ward) -> None:
    text = ward.path("intermediate/codes.py").read_text()
    start = text.index("def decode_sex")
    ward.path("intermediate/words.py").write_text(
        "from ward.intermediate.codes import SEXES\n"
        "from ward.intermediate.spelling import tidy\n\n\n" + text[start:]
    )
    ward.path("intermediate/codes.py").write_text(text[:start])
    ward.edit("intermediate/people.py", "ward.intermediate.codes", "ward.intermediate.words")


def table_moved(ward: Ward) -> None:
    text = ward.path("intermediate/towns.py").read_text()
    ward.path("intermediate/towns.py").unlink()
    appended("intermediate/people.py", "\n\n" + text[text.index("@dg.asset") :])(ward)


def library_was(version: Callable[[list[int]], list[int]], setting: str | None = None) -> Edit:
    """As if everything had been built with another Polars."""

    def edit(ward: Ward) -> None:
        now = importlib.metadata.version("polars")
        before = ".".join(map(str, version([int(part) for part in now.split(".")[:3]])))
        ward.edit(
            "/data-package.lock", f'libraries.polars = "{now}"', f'libraries.polars = "{before}"'
        )
        if setting:
            appended("/pyproject.toml", f'library-changes = "{setting}"\n')(ward)

    return edit


def other_patch(version: list[int]) -> list[int]:
    return [version[0], version[1], version[2] + 1]


def other_minor(version: list[int]) -> list[int]:
    return [version[0], version[1] + 1, version[2]]


PROBES = [
    Probe("nothing", lambda ward: None),
    Probe(
        "a comment is edited",
        all_of(
            replaced("intermediate/people.py", "as it was told", "what they said"),
            appended("intermediate/codes.py", "# The end.\n"),
        ),
    ),
    Probe(
        "docstrings are edited",
        all_of(
            replaced("intermediate/people.py", "Everybody, with their", "All people, and their"),
            replaced("intermediate/codes.py", "The word for a code.", "What it means."),
            replaced("intermediate/weights.py", '"""What people weigh."""\n', ""),
        ),
    ),
    Probe("code is formatted", reformatted),
    Probe(
        "type hints are edited",
        all_of(
            replaced("intermediate/codes.py", "sex(column)", 'sex(column: "Expr") -> "Expr"'),
            replaced("intermediate/codes.py", "SEXES =", "SEXES: dict[str, str] ="),
        ),
    ),
    Probe(
        "something unrelated is added to a module",
        appended(
            "intermediate/codes.py", "\n\nCOLOURS = [1, 2]\n\n\ndef unused():\n    return 1\n"
        ),
    ),
    Probe(
        "definitions are put in another order",
        all_of(
            replaced("intermediate/visit_days.py", 'IS_LATE = pl.col("day") > 30\n', ""),
            replaced(
                "intermediate/visit_days.py",
                "    return column + first\n",
                '    return column + first\n\n\nIS_LATE = pl.col("day") > 30\n',
            ),
        ),
    ),
    Probe(
        "a function's body is edited",
        replaced("intermediate/people.py", "> 18", "> 40"),
        PEOPLE,
        publishes=True,
    ),
    Probe(
        "a helper in another module is edited",
        replaced("intermediate/codes.py", '"unknown"', '"other"'),
        PEOPLE,
        publishes=True,
    ),
    Probe(
        "a helper of a helper is edited",
        replaced("intermediate/spelling.py", ".str.strip_chars()", ""),
        PEOPLE,
        publishes=True,
    ),
    Probe(
        "a helper is edited and makes the same",
        replaced(
            "intermediate/spelling.py",
            ".str.strip_chars().str.to_lowercase()",
            ".str.to_lowercase().str.strip_chars()",
        ),
        {"people"},
    ),
    Probe(
        "a constant is edited",
        replaced("intermediate/codes.py", '"male"', '"man"'),
        PEOPLE,
        publishes=True,
    ),
    Probe(
        "a default argument is edited",
        replaced("intermediate/visit_days.py", "first=1", "first=0"),
        DAYS,
        publishes=True,
    ),
    Probe(
        "a class method is edited",
        replaced("intermediate/units.py", "column / cls", "column * 2 / cls"),
        WEIGHTS,
        publishes=True,
    ),
    Probe(
        "a class attribute is edited",
        replaced("intermediate/units.py", "grams_in_kg = 1000", "grams_in_kg = 453.6"),
        WEIGHTS,
        publishes=True,
    ),
    Probe(
        "a decorator is edited",
        replaced("intermediate/rounding.py", "round(DIGITS)", "round(DIGITS - 1)"),
        WEIGHTS,
        publishes=True,
    ),
    Probe(
        "a module beside the package is edited",
        replaced("/ward_numbers.py", "DIGITS = 1", "DIGITS = 0"),
        WEIGHTS,
        publishes=True,
    ),
    Probe(
        "what no table uses of a module beside the package is edited",
        replaced("/ward_numbers.py", "UNUSED = 1", "UNUSED = 2"),
    ),
    Probe(
        "a module beside the package is moved into it",
        all_of(
            moved("/ward_numbers.py", "intermediate/numbers_.py"),
            replaced("intermediate/rounding.py", "ward_numbers", "ward.intermediate.numbers_"),
        ),
    ),
    Probe(
        "a decorator is removed",
        replaced("intermediate/weights.py", "@rounded\n", ""),
        WEIGHTS,
        publishes=True,
    ),
    Probe(
        "an expression of a module is edited",
        replaced("intermediate/visit_days.py", "> 30", "> 20"),
        DAYS,
        publishes=True,
    ),
    Probe("a helper is moved to another module", helper_moved),
    Probe("a table's function is moved to another module", table_moved),
    Probe(
        "a helper's module is renamed",
        all_of(
            moved("intermediate/spelling.py", "intermediate/orthography.py"),
            replaced("intermediate/codes.py", "intermediate.spelling", "intermediate.orthography"),
        ),
    ),
    Probe(
        "a table's module is renamed",
        moved("intermediate/weights.py", "intermediate/body_weights.py"),
    ),
    Probe(
        "a raw file's content changes",
        appended("/deliveries/people.csv", "6,m,70,Lund\n"),
        {"raw_people", *PEOPLE},
        publishes=True,
    ),
    Probe(
        "a raw file's content changes and none of its values",
        replaced("/deliveries/people.csv", "Turku", '"Turku"'),
        {"raw_people"},
    ),
    Probe("raw files are touched", touched),
    Probe(
        "a raw file is swapped for one of equal size and time",
        swapped,
        {"raw_people", *PEOPLE},
        publishes=True,
    ),
    Probe(
        "a raw file is rewritten and its time put back",
        rewritten_in_place,
        {"raw_people", *PEOPLE},
        publishes=True,
    ),
    Probe("an output is deleted", lambda ward: ward.table("weights").unlink(), {"weights"}),
    Probe("a final output is deleted", lambda ward: ward.table("subjects").unlink(), {"subjects"}),
    Probe(
        "all of storage is deleted",
        lambda ward: shutil.rmtree(ward.storage),
        TABLES,
        checks=True,
    ),
    Probe(
        "an output is overwritten by another table", overwritten("weights", "towns"), {"weights"}
    ),
    Probe(
        "a final output is overwritten by another table",
        overwritten("subjects", "towns"),
        {"subjects"},
    ),
    Probe("an output is truncated", truncated, {"weights"}),
    Probe(
        "a published table is removed",
        lambda ward: (ward.storage / "package" / "tables" / "subjects.parquet").unlink(),
    ),
    Probe(
        "a column is renamed and its values stay",
        replaced("intermediate/stays.py", "visits=pl.len()", "visit_count=pl.len()"),
        {"stays", "subjects"},
    ),
    Probe(
        "a contract's title is edited",
        replaced("final/subjects.yaml", "title: Subjects", "title: People"),
        publishes=True,
    ),
    Probe(
        "a contract's constraint is edited",
        replaced("final/subjects.yaml", "minimum: 18", "minimum: 21"),
        publishes=True,
        checks=True,
    ),
    Probe(
        "the package's own title is edited",
        replaced("datapackage.yaml", "A ward", "Another ward"),
        publishes=True,
    ),
    Probe("a table is removed", lambda ward: ward.path("intermediate/towns.py").unlink()),
    Probe(
        "a table is renamed",
        replaced("intermediate/towns.py", "def towns", "def cities"),
    ),
    Probe(
        "a table that others take is renamed",
        all_of(
            replaced("intermediate/stays.py", "def stays", "def sojourns"),
            replaced("final/subjects.py", "stays", "sojourns"),
        ),
        {"subjects"},
    ),
    Probe("the lock is deleted", lambda ward: ward.lock_file.unlink(), TABLES),
    Probe("Polars was another minor version", library_was(other_minor), TABLES),
    Probe("Polars was another patch version", library_was(other_patch)),
    Probe(
        "Polars was another patch version and that counts",
        library_was(other_patch, "patch"),
        TABLES,
    ),
    Probe(
        "Polars was another minor version and none counts",
        library_was(other_minor, "never"),
    ),
]


def assert_just_what_is_needed_runs(probe: Probe, ward: Ward) -> None:
    subjects = digest(ward.table("subjects"))
    descriptor, verdict = ward.descriptor, ward.verdict_stamp()
    probe.edit(ward)

    built = ward.build()

    assert built.exit_code == 0, built.output
    assert built.ran == probe.ran
    assert (ward.descriptor != descriptor) is probe.publishes
    changed = digest(ward.table("subjects")) != subjects
    assert (ward.verdict_stamp() != verdict) is (changed or probe.checks)


def assert_nothing_is_left_to_do(ward: Ward) -> None:
    """The quickest decision is that of the command; where it cannot tell, the command decides."""
    if not ward.begin and count_if_fresh(ward.project) is not None:
        return
    again = ward.build()
    assert (again.exit_code, again.ran) == (0, set()), again.output


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_only_what_is_needed_runs_when(probe: Probe, ward: Ward) -> None:
    assert_just_what_is_needed_runs(probe, ward)
    ward.assert_consistent()
    assert_nothing_is_left_to_do(ward)


@pytest.fixture(scope="session")
def built_around(tmp_path_factory: pytest.TempPathFactory) -> Ward:
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    return shared_ward(shared / "built_around", make_ward_around, ward_around)


def weeks(now: str) -> Edit:
    return replaced("intermediate/registers.py", '["0", "2", "4"]', now)


AROUND_PROBES = [
    Probe("nothing around is edited", lambda ward: None),
    Probe(
        "the engine's check of bounds is edited",
        appended("/engine/schema/constraints/bounds.py", "# Edited.\n"),
        checks=True,
    ),
    Probe("the engine's status is edited", appended("/engine/cli/status.py", "# Edited.\n")),
    Probe(
        "a package that is installed to be edited is edited",
        replaced("/edited/ward_scales.py", "TARE = 0", "TARE = 1"),
        REGISTER,
    ),
    Probe(
        "a module of such a package is moved to a folder on PYTHONPATH",
        moved("/edited/ward_scales.py", "/on_path/ward_scales.py"),
    ),
    Probe(
        "an earlier folder gets a module of the same name with another value",
        lambda ward: ward.path("/on_path/ward_scales.py").write_text("TARE = 5\n"),
        REGISTER,
    ),
    Probe(
        "a module on PYTHONPATH is edited",
        replaced("/on_path/ward_times.py", "FIRST = 0", "FIRST = 1"),
        {"sizes"},
    ),
    Probe("a partition is added", weeks('["0", "2", "4", "6"]'), {"register[6]", "sizes"}),
    Probe("a partition is removed", weeks('["0", "4"]'), {"sizes"}),
    Probe("partitions are put in another order", weeks('["4", "0", "2"]'), {"sizes"}),
    Probe(
        "a partition's output is deleted",
        lambda ward: (ward.storage / "intermediate" / "register" / "2.parquet").unlink(),
        {"register[2]"},
    ),
    Probe(
        "a raw file changes the rows of one partition",
        replaced("/deliveries/visits.csv", "2,35,60877", "2,36,60877"),
        {"raw_visits", *WEIGHTS - {"subjects"}, *DAYS, *REGISTER},
        publishes=True,
    ),
]


@pytest.mark.parametrize("probe", AROUND_PROBES, ids=lambda probe: probe.name)
def test_only_what_is_needed_runs_among_other_code_when(
    probe: Probe, built_around: Ward, tmp_path: Path
) -> None:
    ward = built_around.copy(tmp_path / "copy")
    assert ward.build().facts["tables"] == []
    assert_just_what_is_needed_runs(probe, ward)
    assert_nothing_is_left_to_do(ward)


def test_a_raw_file_that_is_gone_is_named_and_nothing_is_touched(ward: Ward) -> None:
    before = ward.products()
    ward.path("/deliveries/people.csv").unlink()

    built = ward.build()

    assert (built.exit_code, built.ran) == (2, set())
    assert "people_file" in built.output
    assert "deliveries/people.csv" in built.output
    assert "Traceback" not in built.output
    assert ward.products() == before


def test_a_contract_that_an_unchanged_table_now_breaks_stops_publication(ward: Ward) -> None:
    before = ward.products()
    ward.edit("final/subjects.yaml", "minimum: 18", "minimum: 30")

    built = ward.build()

    assert (built.exit_code, built.ran) == (1, set())
    assert "subjects" in built.output
    assert "minimum" in built.output
    assert ward.products() == before

    ward.edit("final/subjects.yaml", "minimum: 30", "minimum: 18")
    again = ward.build()
    assert (again.exit_code, again.ran) == (0, set()), again.output


def test_an_intermediate_table_that_now_breaks_its_new_contract_fails_the_build(ward: Ward) -> None:
    contract = "schema: {fields: [{name: town, type: string}, {name: len, type: integer%s}]}"
    ward.path("intermediate/towns.yaml").write_text(contract % ", constraints: {minimum: 2}")

    built = ward.build()

    assert (built.exit_code, built.ran) == (1, set())
    assert "towns" in built.output
    assert ward.build().exit_code == 1

    ward.path("intermediate/towns.yaml").write_text(contract % ", constraints: {minimum: 1}")
    again = ward.build()
    assert (again.exit_code, again.ran) == (0, set()), again.output


def test_a_module_swapped_for_one_of_equal_size_and_time_is_run_as_it_is(
    ward: Ward, tmp_path: Path
) -> None:
    ward.writes_bytecode = True
    ward.edit("intermediate/visit_days.py", "first=1", "first=2")
    assert ward.build().ran == DAYS
    path = ward.path("intermediate/visit_days.py")
    stat = path.stat()
    ward.edit("intermediate/visit_days.py", "first=2", "first=0")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    built = ward.build()

    assert (built.exit_code, built.ran) == (0, DAYS), built.output


def test_code_that_is_edited_while_it_is_loaded_does_not_count_as_built(ward: Ward) -> None:
    ward.path("zz_imported_last.py").write_text(
        "import pathlib, time\n\nroot = pathlib.Path(__file__).parents[1]\n"
        "(root / 'loading.began').touch()\n"
        "while not (root / 'go').exists():\n    time.sleep(0.01)\n"
    )
    first = ward.start()
    wait_until(lambda: ward.path("/loading.began").exists(), first)
    ward.edit("intermediate/visit_days.py", "first=1", "first=0")
    ward.release()
    finish(first)

    built = ward.build()

    assert built.exit_code == 0, built.output
    assert built.ran >= DAYS


def test_a_table_that_failed_is_tried_again(ward: Ward) -> None:
    good = "return column / cls.grams_in_kg"
    ward.edit("intermediate/units.py", good, "raise ValueError(column)")

    built = ward.build()
    assert (built.exit_code, built.ran) == (1, set())
    assert (built := ward.build()).exit_code == 1

    ward.edit("intermediate/units.py", "raise ValueError(column)", good)
    again = ward.build()
    assert (again.exit_code, again.ran) == (0, set()), again.output


def test_a_lock_from_another_branch_makes_only_differing_tables_stale(ward: Ward) -> None:
    ours = ward.lock_file.read_bytes()
    ward.edit("intermediate/codes.py", '"male"', '"man"')
    assert ward.build().ran == PEOPLE
    theirs = ward.lock_file.read_bytes()
    ward.edit("intermediate/codes.py", '"man"', '"male"')
    assert ward.build().ran == PEOPLE
    assert ward.lock_file.read_bytes() == ours

    ward.lock_file.write_bytes(theirs)
    built = ward.build()

    assert (built.exit_code, built.ran) == (0, PEOPLE), built.output
    assert ward.lock_file.read_bytes() == ours
    ward.assert_consistent()


def test_a_branch_with_its_own_code_and_lock_is_built_though_its_outputs_are_not_there(
    ward: Ward,
) -> None:
    ward.edit("intermediate/codes.py", '"male"', '"man"')
    assert ward.build().ran == PEOPLE
    theirs = ward.lock_file.read_bytes()
    ward.edit("intermediate/codes.py", '"man"', '"male"')
    assert ward.build().ran == PEOPLE

    ward.edit("intermediate/codes.py", '"male"', '"man"')
    ward.lock_file.write_bytes(theirs)
    built = ward.build()

    # The towns came out the same on both branches, so their file is right.
    assert (built.exit_code, built.ran) == (0, {"people", "subjects"}), built.output
    assert ward.lock_file.read_bytes() == theirs
    ward.assert_consistent()


def conflict(text: str) -> str:
    first, rest = text.split("\n", 1)
    return f"{first}\n<<<<<<< HEAD\n{rest}=======\n{rest}>>>>>>> theirs\n"


BROKEN_LOCKS: dict[str, tuple[Callable[[str], str], str]] = {
    "with conflict markers": (conflict, "conflict"),
    "cut in half": (lambda text: text[: text.index('"', len(text) // 2)], "cannot be read"),
    "of a newer version": (lambda text: text.replace("version = 1\n", "version = 2\n"), "newer"),
}


@pytest.mark.parametrize("name", BROKEN_LOCKS)
def test_nothing_is_done_with_a_lock(name: str, ward: Ward) -> None:
    spoil, answer = BROKEN_LOCKS[name]
    ward.lock_file.write_text(spoil(ward.lock_file.read_text()))
    before = ward.products()

    built = ward.build()

    assert (built.exit_code, built.ran) == (2, set()), built.output
    assert "data-package.lock" in built.output
    assert answer in built.output
    assert "Traceback" not in built.output
    assert ward.products() == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello = 1\n",
        "version = 1\n[table.",
        "version = 0\n",
        "version = 1\ntable = 3\n",
        "version = 1\n[table.t]\nrows = 1\n",
        'version = 1\n[raw.r]\nbytes = "1"\nsha256 = "0"\n',
    ],
)
def test_a_lock_that_is_none_is_reported_as_unreadable(text: str) -> None:
    with pytest.raises(ProjectError, match="cannot be read") as answer:
        parse(text)
    assert "git checkout" in str(answer.value)


@pytest.mark.parametrize(
    ("ended_by", "codes", "words"),
    [
        pytest.param(signal.SIGINT, {130}, (), id="Ctrl-C"),
        pytest.param(signal.SIGINT, {130}, ("-j", "2"), id="Ctrl-C beside other tables"),
        pytest.param(signal.SIGTERM, {130, 143, -signal.SIGTERM}, (), id="SIGTERM"),
        pytest.param(signal.SIGKILL, {-signal.SIGKILL}, (), id="kill -9"),
    ],
)
def test_an_interrupted_build_is_taken_up_and_ends_as_a_clean_one(
    ended_by: signal.Signals, codes: set[int], words: tuple[str, ...], ward: Ward, tmp_path: Path
) -> None:
    ward.edit("intermediate/codes.py", '"male"', '"man"')
    ward.edit("intermediate/visit_days.py", "first=1", "first=0")
    ward.hold("final/subjects.py", "subjects", "joined =")
    package = ward.descriptor
    with ward.build_interrupted_in("subjects", *words) as process:
        process.send_signal(ended_by)
        built = finish(process)
    assert built.exit_code in codes
    assert "Traceback" not in built.output
    assert ward.descriptor == package
    ward.release()

    again = ward.build()

    assert (again.exit_code, again.ran) == (0, {"subjects"}), again.output
    assert ward.products() == ward.clean_build(tmp_path / "clean").products()


def test_a_build_killed_while_a_file_is_written_leaves_nothing_behind(
    ward: Ward, tmp_path: Path
) -> None:
    ward.edit(
        "intermediate/stays.py",
        '.sort("person")',
        '.sort("person").map_batches(slowly)',
    )
    ward.edit(
        "intermediate/stays.py",
        "@dg.asset",
        "def slowly(frame):\n    waited(frame)\n    return frame\n\n\n"
        "def waited(frame):\n    pass\n\n\n@dg.asset",
    )
    ward.hold("intermediate/stays.py", "stays", "pass")
    with ward.build_interrupted_in("stays") as process:
        assert list(ward.storage.glob("intermediate/.stays.parquet.*"))
        process.send_signal(signal.SIGKILL)
        assert finish(process).exit_code == -signal.SIGKILL
    ward.release()

    again = ward.build()

    assert (again.exit_code, again.ran) == (0, {"stays"}), again.output
    assert not list(ward.storage.rglob(".*.tmp"))
    assert ward.products() == ward.clean_build(tmp_path / "clean").products()


def test_of_two_builds_at_once_the_second_waits_and_finds_nothing_to_do(ward: Ward) -> None:
    ward.edit("intermediate/units.py", "column / cls", "column * 2 / cls")
    ward.hold("intermediate/weights.py", "weights", "visits =")
    first = ward.start()
    wait_until(lambda: ward.path("/weights.began").exists(), first)
    second = ward.start()
    assert second.stderr is not None
    answer = second.stderr.readline()
    assert str(first.pid) in answer
    assert "waiting" in answer
    ward.release()

    done, waited = finish(first), finish(second)

    assert (done.exit_code, done.ran) == (0, WEIGHTS), done.output
    assert (waited.exit_code, waited.ran) == (0, set()), waited.output
    ward.assert_consistent()


def test_what_dagster_itself_materialized_is_fresh_afterwards(ward: Ward) -> None:
    ward.edit("intermediate/codes.py", '"male"', '"man"')
    words = "asset materialize --select people -m ward.definitions"
    done = ward.dagster(*words.split())
    assert done.returncode == 0, done.stderr

    built = ward.build()

    assert (built.exit_code, built.ran) == (0, {"towns", "subjects"}), built.output
    ward.assert_consistent()


def test_a_table_that_dagster_made_of_stale_inputs_is_made_again(ward: Ward) -> None:
    ward.edit("intermediate/codes.py", '"male"', '"man"')
    words = "asset materialize --select subjects -m ward.definitions"
    done = ward.dagster(*words.split())
    assert done.returncode == 0, done.stderr

    built = ward.build()

    assert (built.exit_code, built.ran) == (0, PEOPLE), built.output
    ward.assert_consistent()


def test_a_selection_builds_what_it_needs_and_leaves_the_rest_stale(ward: Ward) -> None:
    ward.edit("intermediate/codes.py", '"male"', '"man"')
    ward.edit("intermediate/units.py", "column / cls", "column * 2 / cls")

    assert ward.build("towns").ran == {"people", "towns"}
    assert ward.build("towns").ran == set()
    assert ward.build().ran == WEIGHTS
    ward.assert_consistent()


def test_a_raw_file_that_changes_while_it_is_read_makes_its_tables_stale(ward: Ward) -> None:
    ward.edit("raw/deliveries.py", "pl.scan_csv(people_file)", "read(people_file)")
    ward.edit(
        "raw/deliveries.py",
        "@dg.asset\ndef raw_people",
        "def read(path):\n    frame = pl.read_csv(path)\n    return frame.lazy()\n\n\n"
        "@dg.asset\ndef raw_people",
    )
    ward.hold("raw/deliveries.py", "raw_people", "return frame.lazy()")
    first = ward.start()
    wait_until(lambda: ward.path("/raw_people.began").exists(), first)
    appended("/deliveries/people.csv", "6,m,70,Lund\n")(ward)
    ward.release()
    assert finish(first).exit_code == 0

    built = ward.build()

    assert (built.exit_code, built.ran) == (0, {"raw_people", *PEOPLE}), built.output
    ward.assert_consistent()


def test_a_build_with_nothing_to_do_imports_neither_dagster_nor_polars(ward: Ward) -> None:
    words = ("-X", "importtime", "-m", "data_package.engine.cli", "build")
    done = ward.run(sys.executable, *words)

    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert done.returncode == 0
    assert "data_package" in imported
    assert not imported & {"dagster", "polars", "ward"}
