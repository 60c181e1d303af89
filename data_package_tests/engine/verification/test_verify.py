"""Building again proves that tables are reproducible, blames the right one, and changes nothing."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from data_package.engine.cli.verify import command
from data_package.engine.verification.rebuild_difference import ReasonKind, compare
from data_package.engine.verification.verify import Rebuilt, Verification, verify
from data_package_tests import prepared
from data_package_tests.conftest import Make, Study

pytestmark = pytest.mark.slow

HEADER = """
import random
import time
from datetime import datetime
from pathlib import Path

import dagster as dg
import polars as pl
from data_package.engine.sources import source_file

letters_file = source_file("letters_file", "letters.csv")


@dg.asset
def letters(letters_file: Path) -> pl.LazyFrame:
    return pl.scan_csv(letters_file)

"""
STEADY = (
    HEADER
    + """
@dg.asset
def pairs(letters: pl.LazyFrame) -> pl.LazyFrame:
    return letters.with_columns(pair=pl.col("x") + pl.col("x"))

@dg.asset
def triples(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.with_columns(triple=pl.col("pair") + pl.col("x"))
"""
)
UNSTEADY = (
    HEADER
    + """
def draw() -> float:
    return random.random()

def shuffled(values: list) -> list:
    return sorted(values, key=lambda _: draw())

@dg.asset
def order(letters: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame({"n": shuffled(list(range(100))), "x": [letters["x"][0]] * 100})

@dg.asset
def chance(letters: pl.DataFrame) -> pl.DataFrame:
    return letters.with_columns(number=pl.lit(draw()))

@dg.asset
def clock(letters: pl.DataFrame) -> pl.DataFrame:
    return letters.with_columns(at=pl.lit(datetime.now()))

@dg.asset
def reader(chance: pl.LazyFrame, order: pl.LazyFrame, clock: pl.LazyFrame) -> pl.LazyFrame:
    return chance.join(order, on="x").sort("n")

@dg.asset
def secret_reader(letters: pl.LazyFrame) -> pl.LazyFrame:
    return letters.with_columns(y=pl.lit((Path(__file__).parent / "by_hand.txt").read_text()))
"""
)


@pytest.fixture
def made(study: Make, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Study]:
    """Make and build a study of one module."""

    def make(tables: str) -> Study:
        new = study(
            {"tables.py": tables, "/letters.csv": "x\np\nq\n", "by_hand.txt": "one"},
        )
        monkeypatch.chdir(new.root)
        assert new.build().ok
        new.forget()
        return new

    return make


def again(study: Study, *select: str) -> Verification:
    study.forget()
    return verify(select, study.project)


def verdicts(result: Verification) -> dict[str, Rebuilt]:
    return {table.name: table.verdict for table in result.tables}


def kinds(result: Verification, name: str) -> list[ReasonKind]:
    return [r.kind for t in result.tables if t.name == name for r in t.reasons]


def words(result: Verification, name: str) -> str:
    return "\n".join(r.words for t in result.tables if t.name == name for r in t.reasons)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def everything(study: Study) -> dict[str, bytes]:
    """All that the project keeps, but for the memory of hashes and who builds."""
    return {
        path.relative_to(study.root).as_posix(): path.read_bytes()
        for path in study.root.rglob("*")
        if path.is_file() and path.name not in ("hashes.json", "build")
    }


def test_equal_tables_are_proven_and_nothing_is_changed(made: Callable[[str], Study]) -> None:
    study = made(STEADY)
    before = everything(study)
    result = again(study)
    assert result.ok
    assert verdicts(result) == dict.fromkeys(["letters", "pairs", "triples"], Rebuilt.EQUAL)
    after = everything(study)
    assert after.keys() == before.keys()
    assert [k for k in after if after[k] != before[k]] == []

    study.forget()
    partly = invoke("pairs", "--json")
    facts = json.loads(partly.stdout)
    assert partly.exit_code == 0
    assert [table["name"] for table in facts["tables"]] == ["letters", "pairs"]
    assert (partly.stderr, facts["ok"]) == ("", True)


def test_tables_that_differ_are_named_with_the_reason(made: Callable[[str], Study]) -> None:
    study = made(UNSTEADY)
    study.write({"by_hand.txt": "two"})
    result = again(study)
    assert not result.ok
    assert verdicts(result) == {
        "letters": Rebuilt.EQUAL,
        "chance": Rebuilt.DIFFERS,
        "clock": Rebuilt.DIFFERS,
        "order": Rebuilt.DIFFERS,
        "reader": Rebuilt.EQUAL,
        "secret_reader": Rebuilt.DIFFERS,
    }
    assert kinds(result, "order")[0] is ReasonKind.ORDER
    assert kinds(result, "chance") == [ReasonKind.VALUES, ReasonKind.CHANCE]
    assert "other values each time in number" in words(result, "chance")
    assert "helper draw" in words(result, "chance")
    assert "random.random()" in words(result, "chance")
    assert set(kinds(result, "clock")) == {ReasonKind.VALUES, ReasonKind.CLOCK}
    assert "times close to now are in at" in words(result, "clock")
    assert "datetime.now()" in words(result, "clock")
    assert kinds(result, "secret_reader") == [ReasonKind.VALUES, ReasonKind.OUTSIDE]

    study.forget()
    shown = invoke("chance")
    assert shown.exit_code == 1
    assert "chance differs (" in shown.stdout
    assert "1 of 2 tables match the lock; 1 differs" in shown.stdout


def test_a_fresh_checkout_is_verified_from_its_raw_files_alone(
    made: Callable[[str], Study],
) -> None:
    study = made(STEADY)
    for file in study.storage.rglob("*.parquet"):
        file.unlink()
    result = again(study)
    assert set(verdicts(result).values()) == {Rebuilt.EQUAL}
    assert list(study.storage.rglob("*.parquet")) == []


def test_a_table_that_needs_an_input_that_cannot_be_made_again_is_skipped(
    made: Callable[[str], Study],
) -> None:
    study = made(UNSTEADY)
    (study.storage / "default" / "chance.parquet").unlink()
    result = again(study, "reader")
    assert verdicts(result)["reader"] is Rebuilt.SKIPPED
    assert verdicts(result)["chance"] is Rebuilt.DIFFERS
    assert "its input chance" in next(t.words for t in result.tables if t.name == "reader")


def test_a_lock_file_that_is_wrong_about_a_table_is_reported(made: Callable[[str], Study]) -> None:
    study = made(STEADY)
    lock = study.project.lock
    lock.write_text(re.sub(r"(?m)^rows = \d+$", "rows = 99", lock.read_text(), count=1))
    result = again(study, "letters")
    assert not result.ok
    assert kinds(result, "letters") == [ReasonKind.RECORD]
    assert "wrong about its rows" in words(result, "letters")
    assert "data-package accept letters" in words(result, "letters")


def test_stale_tables_are_reported_and_skipped(made: Callable[[str], Study]) -> None:
    study = made(STEADY)
    study.write({"tables.py": STEADY.replace('pair=pl.col("x")', 'pair=pl.lit("!")')})
    result = again(study)
    assert verdicts(result) == {
        "letters": Rebuilt.EQUAL,
        "pairs": Rebuilt.SKIPPED,
        "triples": Rebuilt.SKIPPED,
    }
    # Whether the others would come out as the lock says, nobody knows.
    assert not result.ok
    study.write({"/letters.csv": "x\nz\n"})
    study.forget()
    shown = invoke()
    assert shown.exit_code == 1
    assert "– letters is skipped: letters_file has new content; build it first" in shown.stdout
    assert "Nothing could be verified" in shown.stdout


def test_a_failing_table_does_not_keep_its_readers_from_being_verified(
    made: Callable[[str], Study],
) -> None:
    flaky = STEADY.replace(
        "    return letters.with",
        '    (Path(__file__).parent / "by_hand.txt").read_text()\n    return letters.with',
    )
    study = made(flaky)
    (study.root / study.package / "by_hand.txt").unlink()
    result = again(study)
    assert verdicts(result) == {
        "letters": Rebuilt.EQUAL,
        "pairs": Rebuilt.FAILED,
        "triples": Rebuilt.EQUAL,
    }
    assert "FileNotFoundError" in next(t.words for t in result.tables if t.name == "pairs")
    assert not (study.storage / ".state" / "failures.jsonl").exists()


PARTED = """
import random
from pathlib import Path

import dagster as dg
import polars as pl
from data_package import source_file

YEARS = dg.StaticPartitionsDefinition(["2024", "2025"])
year_files = source_file("year_files", "years/{partition}.csv")


@dg.asset(partitions_def=YEARS)
def years(year_files: Path) -> pl.LazyFrame:
    return pl.scan_csv(year_files)


@dg.asset(partitions_def=YEARS)
def marked(context: dg.AssetExecutionContext, years: pl.LazyFrame) -> pl.LazyFrame:
    number = random.random() if context.partition_key == "2025" else 0.5
    return years.with_columns(number=pl.lit(number))


@dg.asset
def total(years: dict[str, pl.LazyFrame], marked: pl.LazyFrame) -> pl.LazyFrame:
    return pl.concat(years.values())
"""


@pytest.fixture
def parted(study: Make, monkeypatch: pytest.MonkeyPatch) -> Study:
    new = study(
        {"t.py": PARTED, "/years/2024.csv": "x\n1\n", "/years/2025.csv": "x\n2\n"},
    )
    monkeypatch.chdir(new.root)
    assert new.build().ok
    return new


def labels(result: Verification) -> dict[str, Rebuilt]:
    return {table.label: table.verdict for table in result.tables}


def test_partitions_are_built_again_and_compared_one_by_one(parted: Study) -> None:
    before = everything(parted)
    result = again(parted)
    assert not result.ok
    assert labels(result) == {
        "years[2024]": Rebuilt.EQUAL,
        "years[2025]": Rebuilt.EQUAL,
        "marked[2024]": Rebuilt.EQUAL,
        "marked[2025]": Rebuilt.DIFFERS,
        "total": Rebuilt.EQUAL,
    }
    assert kinds(result, "marked") == [ReasonKind.VALUES, ReasonKind.CHANCE]
    assert everything(parted) == before

    parted.forget()
    shown = invoke("marked", "--partition", "2024")
    assert shown.exit_code == 0
    assert "2 of 2 tables and partitions match the lock" in shown.stdout
    parted.forget()
    shown = invoke("marked", "--partition", "2024...2025", "--json")
    assert shown.exit_code == 1
    assert [(one["name"], one["partition"]) for one in json.loads(shown.stdout)["tables"]] == [
        *(("years", "2024"), ("years", "2025"), ("marked", "2024"), ("marked", "2025"))
    ]


def test_a_partition_that_is_lost_or_was_changed_is_verified_from_what_the_lock_says(
    parted: Study,
) -> None:
    folder = parted.storage / "default" / "years"
    (folder / "2024.parquet").unlink()
    (folder / "2025.parquet").write_bytes((parted.storage / "default/total.parquet").read_bytes())
    (parted.storage / "default" / "marked" / "2025.parquet").unlink()
    result = again(parted)
    assert labels(result) == {
        "years[2024]": Rebuilt.EQUAL,
        "years[2025]": Rebuilt.EQUAL,
        "marked[2024]": Rebuilt.EQUAL,
        "marked[2025]": Rebuilt.DIFFERS,
        # One of the partitions that it takes can no longer be had.
        "total": Rebuilt.SKIPPED,
    }
    assert "its input marked[2025] is not as in the lock" in result.tables[-1].words


def test_a_stale_partition_is_unknown_and_the_others_are_verified(parted: Study) -> None:
    parted.write({"/years/2024.csv": "x\n3\n"})
    result = again(parted)
    assert not result.ok
    assert labels(result) == {
        "years[2024]": Rebuilt.SKIPPED,
        "years[2025]": Rebuilt.EQUAL,
        "marked[2024]": Rebuilt.SKIPPED,
        "marked[2025]": Rebuilt.DIFFERS,
        "total": Rebuilt.SKIPPED,
    }
    parted.forget()
    assert invoke("years", "--partition", "2025").exit_code == 0
    parted.forget()
    assert invoke("years", "--partition", "2024").exit_code == 1


def test_what_keeps_nothing_here_does_not_keep_the_others_from_passing(
    made: Callable[[str], Study],
) -> None:
    study = made(STEADY + "\n@dg.asset\ndef told(pairs: pl.DataFrame) -> None:\n    print(3)\n")
    result = again(study)
    assert verdicts(result)["told"] is Rebuilt.NOT_KEPT
    assert result.ok


def test_the_scratch_place_is_private_and_gone_after_any_signal(
    made: Callable[[str], Study],
) -> None:
    study = made(STEADY)
    processes = {
        number: prepared.start(["verify"], study.root, study.environment(), _SLOWLY, ["polars"])
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    # Each waits for the one before it, which holds the project.
    for _ in processes:
        scratch = _wait_for_scratch(study)
        number, process = next(
            (number, process)
            for number, process in processes.items()
            if f"-{process.pid}." in scratch.name
        )
        assert scratch.stat().st_mode & 0o777 == 0o700
        os.kill(process.pid, number)
        process.communicate()
        assert process.wait() != 0
        assert not scratch.exists()
    assert list(study.storage.glob(".verify*")) == []


def _wait_for_scratch(study: Study) -> Path:
    until = time.monotonic() + 60
    while True:
        for made in study.storage.glob(".verify.*.tmp/first/default/*.parquet"):
            return made.parents[2]
        assert time.monotonic() < until
        time.sleep(0.02)


# A wait in the table's own function would make it stale.
_SLOWLY = """
import time
import polars as pl

write = pl.DataFrame.write_parquet

def slowly(*arguments, **options):
    time.sleep(60)
    return write(*arguments, **options)

pl.DataFrame.write_parquet = slowly
"""


def test_rows_are_compared_whatever_their_order_and_types(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "a": [1, 2, 2, None],
            "c": pl.Series(["u", "v", "v", None], dtype=pl.Categorical),
            "l": [[1], [], None, [2, 3]],
            "s": [{"x": 1}, {"x": 2}, None, {"x": 1}],
        }
    )

    def written(name: str, what: pl.DataFrame) -> Path:
        what.write_parquet(tmp_path / name)
        return tmp_path / name

    one = written("one", frame)
    assert compare(one, written("same", frame)).same_order
    turned = compare(one, written("turned", frame.reverse()))
    assert (turned.same_rows, turned.same_order) == (True, False)
    twice = pl.concat([frame.head(2), frame.head(2)])
    assert not compare(one, written("twice", twice)).same_rows
    assert compare(one, written("more", pl.concat([frame, frame]))).rows == (4, 8)
    assert compare(one, written("typed", frame.cast({"a": pl.Int32}))).columns == ("a",)
    other = frame.with_columns(a=pl.Series([1, 2, 3, None]))
    assert compare(one, written("other", other)).values == ("a",)
    moved = frame.with_columns(a=pl.col("a").reverse())
    assert compare(one, written("moved", moved)).values == ()
    assert not compare(one, tmp_path / "moved").same_rows
