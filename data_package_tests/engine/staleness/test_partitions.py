"""Partitions are built, skipped, checked and refused each by itself."""

import random
import re
import shutil
from pathlib import Path

import polars as pl
import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.lineage.tables import lineage_of_tables
from data_package.engine.runs import BuildResult
from data_package.engine.runs.run import run_build
from data_package.engine.staleness.clean import find_leftovers
from data_package.engine.staleness.lock import Lock, lock_of, read_lock
from data_package.engine.staleness.plan import Request
from data_package.engine.staleness.status import explain, status_of
from data_package.engine.tables.loading import open_project
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import HEADER, execute

REGISTER = (
    HEADER
    + """
from data_package import source_file

YEARS = dg.StaticPartitionsDefinition(["2024", "2025"])
register_files = source_file("register_files", "deliveries/*.csv")

@dg.asset(partitions_def=YEARS, group_name="raw")
def raw_register(
    context: dg.AssetExecutionContext, register_files: list[Path]
) -> pl.LazyFrame:
    path = next(path for path in register_files if path.stem == context.partition_key)
    return pl.scan_csv(path)

@dg.asset(partitions_def=YEARS, group_name="intermediate")
def register(raw_register: pl.LazyFrame) -> pl.LazyFrame:
    return raw_register.with_columns(double=pl.col("value") * 2)
"""
)
TOTAL = (
    HEADER
    + """
@dg.asset(group_name="final")
def total(register: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    years = [frame.with_columns(year=pl.lit(key)) for key, frame in register.items()]
    return pl.concat(years).select("id", "value", "year")
"""
)
FIELDS = "[{name: id, type: integer}, {name: value, type: integer, constraints: {maximum: 100}}]"
STUDY = {
    "register.py": REGISTER,
    "raw_register.yaml": f"schema: {{primaryKey: [id], fields: {FIELDS}}}\n",
    "total.py": TOTAL,
    "total.yaml": "schema: {fields: [{name: id, type: integer}, {name: value, type: integer}, "
    "{name: year, type: string}]}\n",
    "/deliveries/2024.csv": "id,value\n1,10\n",
    "/deliveries/2025.csv": "id,value\n2,20\n",
}


def built(result: BuildResult) -> list[str]:
    """What was run, partitions by their keys."""
    return [
        one.name
        for table in result.tables
        for one in (table.partitions or [table])
        if one.status == "built"
    ]


def years(study: Study, *keys: str) -> None:
    """Let the register have these partitions."""
    text = (study.root / study.package / "register.py").read_text()
    listed = ", ".join(f'"{key}"' for key in keys)
    study.write({"register.py": re.sub(r"Definition\(\[.*\]\)", f"Definition([{listed}])", text)})


def rows(study: Study) -> list[tuple[object, ...]]:
    return pl.read_parquet(study.storage / "final" / "total.parquet").rows()


def published(study: Study) -> bool:
    return (study.storage / "package" / "datapackage.json").is_file()


def test_a_build_builds_partitions_and_then_has_nothing_to_do(study: Make) -> None:
    project = study(STUDY)
    result = project.build()
    assert result.ok, result.explain()
    assert built(result) == [
        *("raw_register[2024]", "raw_register[2025]"),
        *("register[2024]", "register[2025]"),
        "total",
    ]
    assert rows(project) == [(1, 10, "2024"), (2, 20, "2025")]
    assert published(project)
    # Once more: each year took its own file out of several.
    assert built(project.build()) == []


def test_a_new_year_runs_that_year_and_the_tables_that_use_it(study: Make) -> None:
    project = study(STUDY)
    project.build()
    project.write({"/deliveries/2026.csv": "id,value\n3,30\n"})
    years(project, "2024", "2025", "2026")
    assert built(project.build()) == ["raw_register[2026]", "register[2026]", "total"]
    assert len(rows(project)) == 3


def test_a_changed_file_makes_its_year_stale_and_no_other(study: Make) -> None:
    project = study(STUDY)
    project.build()
    project.write({"/deliveries/2025.csv": "id,value\n2,21\n"})
    status = look(project)
    assert not status["fresh"]
    states = {one["key"]: one["state"] for one in status["raw_register"]["partitions"]}
    assert states == {"2024": "fresh", "2025": "stale"}
    assert status["package"] == "up to date" or status["package"] == "out of date"
    assert built(project.build()) == ["raw_register[2025]", "register[2025]", "total"]
    assert rows(project)[1] == (2, 21, "2025")


def test_changed_code_makes_every_year_stale(study: Make) -> None:
    project = study(STUDY)
    project.build()
    project.write({"register.py": REGISTER.replace('pl.col("value") * 2', 'pl.col("value") * 3')})
    assert built(project.build()) == ["register[2024]", "register[2025]", "total"]


def test_a_removed_year_is_no_longer_used(study: Make) -> None:
    project = study(STUDY)
    project.build()
    years(project, "2024")
    assert not look(project)["fresh"]
    assert built(project.build()) == ["total"]
    assert rows(project) == [(1, 10, "2024")]
    assert "2025" not in (project.root / "data-package.lock").read_text()
    assert (project.storage / "raw" / "raw_register" / "2025.parquet").is_file()
    assert project.verb("clean", "--yes").returncode == 0
    assert not (project.storage / "raw" / "raw_register" / "2025.parquet").exists()


def test_a_broken_contract_in_one_year_holds_back_that_years_readers_and_the_package(
    study: Make,
) -> None:
    project = study(STUDY)
    assert project.build().ok
    before = (project.storage / "package" / "datapackage.json").read_bytes()
    project.write(
        {"/deliveries/2024.csv": "id,value\n1,11\n", "/deliveries/2025.csv": "id,value\n2,2000\n"}
    )
    result = project.build()
    assert not result.ok
    assert built(result) == ["raw_register[2024]", "raw_register[2025]", "register[2024]"]
    output = result.explain()
    assert "raw_register[2025] does not pass its check 'contract'" in output
    assert "2000" not in output
    assert "Not built because of it: register[2025], total." in output
    assert (project.storage / "package" / "datapackage.json").read_bytes() == before
    again = project.build()
    assert not again.ok
    assert built(again) == []
    assert (project.storage / "package" / "datapackage.json").read_bytes() == before
    status = look(project)
    contracts = {one["key"]: one["contract"] for one in status["raw_register"]["partitions"]}
    assert contracts == {"2024": "passed", "2025": "failed"}
    project.write({"/deliveries/2025.csv": "id,value\n2,22\n"})
    assert project.build().ok
    assert rows(project) == [(1, 11, "2024"), (2, 22, "2025")]


def test_what_dagsters_command_made_of_bad_rows_is_not_published(study: Make) -> None:
    project = study(STUDY)
    assert project.build().ok
    project.write({"/deliveries/2025.csv": "id,value\n2,2000\n"})
    execute(project, "raw_register", partition="2025", ok=False)
    # Dagster lets anybody go on by hand.
    execute(project, "register", partition="2025")
    execute(project, "total")
    result = project.build()
    assert not result.ok
    assert "Nothing is published" in result.explain()
    assert "raw_register[2025]" in result.explain()


def test_a_key_is_unique_through_all_years(study: Make) -> None:
    project = study(STUDY | {"/deliveries/2025.csv": "id,value\n1,20\n"})
    result = project.build()
    assert not result.ok
    assert "raw_register does not pass its check 'contract_keys'" in result.explain()
    assert "row 3 is row 2 of 2025" in result.explain()
    # What takes one year is not held up.
    assert "register[2025]" in built(result)
    assert not published(project)


def test_a_year_that_fails_holds_up_no_other(study: Make) -> None:
    project = study(STUDY)
    (project.root / "deliveries" / "2025.csv").unlink()
    result = project.build()
    assert not result.ok
    assert built(result) == ["raw_register[2024]", "register[2024]"]
    assert "raw_register[2025] failed" in result.explain()
    states = {one["key"]: one["state"] for one in look(project)["raw_register"]["partitions"]}
    assert states == {"2024": "fresh", "2025": "failed"}


def test_one_key_alone_works(study: Make) -> None:
    project = study(STUDY)
    years(project, "2024")
    assert project.build().ok
    assert rows(project) == [(1, 10, "2024")]


def test_some_partitions_can_be_asked_for(study: Make) -> None:
    project = study(STUDY | {"/deliveries/2026.csv": "id,value\n3,30\n"})
    years(project, "2024", "2025", "2026")
    assert built(build(project, "register", partitions=("2025",))) == [
        "raw_register[2025]",
        "register[2025]",
    ]
    assert built(build(project, "register", partitions=("2025...2026",))) == [
        "raw_register[2026]",
        "register[2026]",
    ]
    with pytest.raises(ProjectError, match="No partition is called '2027'"):
        build(project, "register", partitions=("2027",))
    with pytest.raises(ProjectError, match="None of the tables that were asked for"):
        build(project, "total", partitions=("2025",))
    assert built(build(project)) == ["raw_register[2024]", "register[2024]", "total"]


def test_dagsters_own_command_goes_through_the_same_record(study: Make) -> None:
    project = study(STUDY)
    execute(project, "raw_register", "register", partition="2024")
    assert set(read_lock(project.project).partitions["raw_register"]) == {"2024"}
    lock_of(project.project).fold()
    assert built(project.build()) == ["raw_register[2025]", "register[2025]", "total"]


def test_a_partition_is_forgotten_and_accepted_by_itself(study: Make) -> None:
    project = study(STUDY)
    assert project.build().ok
    assert project.verb("forget", "raw_register", "--partition", "2024").returncode == 0
    assert set(read_lock(project.project).partitions["raw_register"]) == {"2025"}
    output = project.verb("accept", "raw_register").stdout
    assert output == "Accepted: raw_register[2024].\n"
    project.forget()
    assert look(project)["raw_register"]["state"] == "fresh"


def test_why_names_the_partitions_and_explains_one(study: Make) -> None:
    project = study(STUDY)
    assert project.build().ok
    project.write({"/deliveries/2025.csv": "id,value\n2,21\n"})
    catalogue, lock = opened(project), read_lock(project.project)
    assert "register_files has new content (2025)" in explain("raw_register", catalogue, lock)
    assert "1 of its 2 partitions are fresh." in explain("raw_register", catalogue, lock)
    assert explain("raw_register[2024]", catalogue, lock) == "raw_register[2024] is fresh."
    assert "--partition 2025" in explain("raw_register[2025]", catalogue, lock)
    with pytest.raises(ProjectError, match="no partition '2023'"):
        explain("raw_register[2023]", catalogue, lock)


HOSTILE = ["a/b", "..", "a%2Fb", "a=2Fb", "North", "north", "ø", ".hidden", "x" * 300, "a b", "~"]


def test_no_key_leaves_its_folder_or_meets_anothers_file(study: Make, tmp_path: Path) -> None:
    project = study(
        {
            "t.py": HEADER
            + f"""
@dg.asset(partitions_def=dg.StaticPartitionsDefinition({HOSTILE!r}), group_name="raw")
def places(context: dg.AssetExecutionContext) -> pl.LazyFrame:
    return pl.LazyFrame({{"key": [context.partition_key]}})

@dg.asset(group_name="raw")
def all_places(places: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    return pl.concat(frame.with_columns(of=pl.lit(key)) for key, frame in places.items())
"""
        }
    )
    assert project.build().ok
    folder = project.storage / "raw" / "places"
    files = [path for path in project.storage.rglob("*.parquet") if path.stem != "all_places"]
    assert len(files) == len(HOSTILE)
    assert all(path.parent == folder for path in files)
    assert len({path.name.casefold() for path in files}) == len(HOSTILE)
    found = pl.read_parquet(project.storage / "raw" / "all_places.parquet")
    assert sorted(found["key"]) == sorted(HOSTILE)
    assert found["key"].equals(found["of"], check_names=False)
    assert built(project.build()) == []


def test_a_partition_takes_the_partitions_of_its_mapping(study: Make) -> None:
    project = study(
        {
            "t.py": HEADER
            + """
DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-04")
WEEKS = dg.StaticPartitionsDefinition(["first", "rest"])

@dg.asset(partitions_def=DAYS, group_name="raw")
def days(context: dg.AssetExecutionContext) -> pl.LazyFrame:
    return pl.LazyFrame({"day": [context.partition_key]})

@dg.asset(
    partitions_def=DAYS,
    group_name="raw",
    ins={
        "days": dg.AssetIn(
            partition_mapping=dg.TimeWindowPartitionMapping(
                start_offset=-1, allow_nonexistent_upstream_partitions=True
            )
        )
    },
)
def two_days(days: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    return pl.concat(days.values())

@dg.asset(group_name="raw")
def every_day(days: pl.LazyFrame) -> pl.LazyFrame:
    return days

MAPPING = dg.StaticPartitionMapping({"first": ["a"], "rest": ["b", "c"]})

@dg.asset(partitions_def=WEEKS, group_name="raw")
def weeks(context: dg.AssetExecutionContext) -> pl.LazyFrame:
    return pl.LazyFrame({"week": [context.partition_key]})

@dg.asset(
    partitions_def=dg.StaticPartitionsDefinition(["a", "b", "c"]),
    group_name="raw",
    ins={"weeks": dg.AssetIn(partition_mapping=MAPPING)},
)
def parts(weeks: pl.LazyFrame) -> pl.LazyFrame:
    return weeks
"""
        }
    )
    result = project.build()
    assert result.ok, result.explain()
    raw = project.storage / "raw"
    assert pl.read_parquet(raw / "two_days" / "2024-01-01.parquet").height == 1
    assert pl.read_parquet(raw / "two_days" / "2024-01-03.parquet")["day"].to_list() == [
        "2024-01-02",
        "2024-01-03",
    ]
    assert pl.read_parquet(raw / "every_day.parquet")["day"].to_list() == [
        *("2024-01-01", "2024-01-02", "2024-01-03")
    ]
    assert pl.read_parquet(raw / "parts" / "c.parquet")["week"].to_list() == ["rest"]
    assert built(project.build()) == []
    lock = read_lock(project.project)
    (raw / "days" / "2024-01-02.parquet").unlink()
    lock_of(project.project).forget(["nothing"], {"days": ["2024-01-02"]})
    result = project.build()
    # Its content does not change, so nothing else runs.
    assert built(result) == ["days[2024-01-02]"]
    assert read_lock(project.project) == lock


def test_keys_of_several_dimensions_are_partitions_too(study: Make) -> None:
    project = study(
        {
            "t.py": HEADER
            + """
BOTH = dg.MultiPartitionsDefinition(
    {
        "year": dg.StaticPartitionsDefinition(["2024", "2025"]),
        "region": dg.StaticPartitionsDefinition(["n", "s/x"]),
    }
)

@dg.asset(partitions_def=BOTH, group_name="raw")
def cells(context: dg.AssetExecutionContext) -> pl.LazyFrame:
    keys = context.partition_key.keys_by_dimension
    return pl.LazyFrame({"year": [keys["year"]], "region": [keys["region"]]})

@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["2024", "2025"]), group_name="raw")
def by_year(cells: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    return pl.concat(cells.values())
"""
        }
    )
    assert project.build().ok
    raw = project.storage / "raw"
    assert pl.read_parquet(raw / "by_year" / "2025.parquet").rows() == [
        ("2025", "n"),
        ("2025", "s/x"),
    ]
    assert built(project.build()) == []
    assert built(build(project, "cells", partitions=("n|2024",), force=True)) == ["cells[n|2024]"]


def test_a_final_table_in_partitions_is_published_as_one_file(study: Make) -> None:
    text = REGISTER.replace('group_name="intermediate"', 'group_name="final"')
    contract = STUDY["raw_register.yaml"].replace("]}\n", ", {name: double, type: integer}]}\n")
    files = {k: v for k, v in STUDY.items() if not k.startswith("total")}
    project = study(files | {"register.py": text, "register.yaml": contract})
    result = project.build()
    assert result.ok, result.explain()
    table = project.storage / "package" / "tables" / "register.parquet"
    assert pl.read_parquet(table)["id"].to_list() == [1, 2]
    before = table.read_bytes()
    assert built(project.build()) == []
    assert table.read_bytes() == before
    assert sorted(path.name for path in table.parent.iterdir()) == ["register.parquet"]


def test_dynamic_partitions_are_refused_in_words(study: Make) -> None:
    project = study(
        {
            "t.py": HEADER
            + """
@dg.asset(partitions_def=dg.DynamicPartitionsDefinition(name="sites"))
def visits() -> pl.LazyFrame:
    return pl.LazyFrame({"a": [1]})
"""
        }
    )
    with pytest.raises(ProjectError, match="dynamic partitions"):
        project.build()


def test_the_place_of_the_key_in_a_path_says_what_a_partition_takes(study: Make) -> None:
    text = REGISTER.replace("deliveries/*.csv", "deliveries/{partition}.csv")
    text = text.replace("register_files: list[Path]", "register_files: Path").replace(
        """    path = next(path for path in register_files if path.stem == context.partition_key)
    return pl.scan_csv(path)
""",
        "    return pl.scan_csv(register_files)\n",
    )
    project = study(STUDY | {"register.py": text})
    assert project.build().ok
    project.write({"/deliveries/2026.csv": "id,value\n3,30\n"})
    assert built(project.build()) == []
    years(project, "2024", "2025", "2026")
    assert built(project.build()) == ["raw_register[2026]", "register[2026]", "total"]


def test_a_partition_that_takes_the_whole_set_is_stale_with_any_of_it(study: Make) -> None:
    text = REGISTER.replace(
        """    path = next(path for path in register_files if path.stem == context.partition_key)
    return pl.scan_csv(path)
""",
        """    rows = pl.scan_csv(register_files, include_file_paths="file")
    return rows.filter(pl.col("file").str.contains(context.partition_key)).drop("file")
""",
    )
    project = study(STUDY | {"register.py": text})
    assert project.build().ok
    project.write({"/deliveries/2023.csv": "id,value\n0,1\n"})
    assert built(project.build()) == ["raw_register[2024]", "raw_register[2025]"]


def test_a_partition_that_takes_earlier_ones_of_its_own_table_is_refused_in_words(
    study: Make,
) -> None:
    project = study(
        {
            "t.py": HEADER
            + """
DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-04")
BEFORE = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

@dg.asset(partitions_def=DAYS, ins={"sums": dg.AssetIn(partition_mapping=BEFORE)})
def sums(sums: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    return pl.concat(sums.values())
"""
        }
    )
    with pytest.raises(ProjectError, match="earlier partitions of its own"):
        project.build()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_whatever_changes_an_incremental_build_equals_a_full_one(study: Make, seed: int) -> None:
    chance = random.Random(seed)
    project, keys = study(STUDY), ["2024", "2025"]
    assert project.build().ok
    for _ in range(3):
        match chance.choice(("add", "change", "remove", "code", "lose")):
            case "add":
                key = str(2026 + len(keys) + chance.randrange(100))
                keys.append(key)
                project.write({f"/deliveries/{key}.csv": f"id,value\n{key},1\n"})
            case "change":
                key = chance.choice(keys)
                value = chance.randrange(100)
                project.write({f"/deliveries/{key}.csv": f"id,value\n{key},{value}\n"})
            case "remove" if len(keys) > 1:
                keys.remove(chance.choice(keys))
            case "code":
                by = chance.randrange(3, 100)
                text = (project.root / project.package / "register.py").read_text()
                text = re.sub(r'col\("value"\) \* \d+', f'col("value") * {by}', text)
                project.write({"register.py": text})
            case _:
                key = chance.choice(keys)
                (project.storage / "raw" / "raw_register" / f"{key}.parquet").unlink()
        years(project, *keys)
        assert project.build().ok
        assert built(project.build()) == []
    tables = ("raw/raw_register", "intermediate/register")
    files = [f"{table}/{key}.parquet" for table in tables for key in keys]
    made = {file: (project.storage / file).read_bytes() for file in [*files, "final/total.parquet"]}
    lock = read_lock(project.project)
    shutil.rmtree(project.storage)
    (project.root / "data-package.lock").unlink()
    assert project.build().ok
    for file, content in made.items():
        assert (project.storage / file).read_bytes() == content, file
    assert _versions(read_lock(project.project)) == _versions(lock)


def _versions(lock: Lock) -> dict[str, str]:
    """What came out of each table and partition, as far as the project still has it."""
    return {name: entry.data_version for name in lock.names if (entry := lock.whole(name))}


def build(
    study: Study, *select: str, partitions: tuple[str, ...] = (), force: bool = False
) -> BuildResult:
    study.forget()
    return run_build(Request(select, force=force, partitions=partitions), study.project)


def opened(study: Study):  # type: ignore[no-untyped-def]
    study.forget()
    catalogue, _ = open_project(study.project)
    return catalogue


def look(study: Study):  # type: ignore[no-untyped-def]
    """The facts of `status --json`, and each table's by its name."""
    facts = status_of(opened(study), read_lock(study.project)).to_dict()
    return facts | {table["name"]: table for table in facts["tables"]}  # type: ignore[attr-defined]


def test_what_a_partition_is_not_given_is_kept_beside_that_of_the_others(study: Make) -> None:
    project = study(
        {
            "t.py": HEADER
            + """
from data_package import source_file

KEYS = dg.StaticPartitionsDefinition(["2024", "2025", "a/b"])
files = source_file("files", "d/{partition}.csv", bad="reject")

@dg.asset(partitions_def=KEYS, group_name="raw")
def visits(files: pl.LazyFrame) -> pl.LazyFrame:
    return files
""",
            "files.yaml": "schema: {fields: [{name: id, type: integer}]}\n",
            "/d/2024.csv": "id\n1\nx\ny\n",
            "/d/2025.csv": "id\n1\nz\n",
            "/d/a/b.csv": "id\n1\n",
        }
    )
    result = run_build(Request(threads=3), project.project)
    assert result.ok, result.explain()
    rejects = project.storage / "rejects"
    assert pl.read_parquet(rejects / "visits.2024.parquet")["id"].to_list() == ["x", "y"]
    assert pl.read_parquet(rejects / "visits.2025.parquet")["id"].to_list() == ["z"]
    assert sorted(path.name for path in rejects.iterdir()) == [
        *("visits.2024.parquet", "visits.2025.parquet")
    ]
    entries = read_lock(project.project).partitions["visits"]
    assert {key: entry.raw_errors for key, entry in entries.items()} == {
        **{"2024": 2, "2025": 1},
        "a/b": 0,
    }
    output = result.accepted()
    assert "2 rows are left out, and kept in storage/rejects/visits.2024.parquet" in output
    catalogue = opened(project)
    assert find_leftovers(catalogue, read_lock(project.project)).rejects == ()
    text = (project.root / project.package / "t.py").read_text()
    project.write({"t.py": text.replace('"2024", ', "")})
    gone = find_leftovers(opened(project), read_lock(project.project)).rejects
    assert [orphan.path.name for orphan in gone] == ["visits.2024.parquet"]


NOTHING = (
    HEADER
    + """
from data_package import source_file

YEARS = dg.StaticPartitionsDefinition(["2024", "2025"])
files = source_file("files", "d/{partition}.csv")

@dg.asset(partitions_def=YEARS, group_name="raw")
def told(files: Path) -> None:
    print(1)

@dg.asset(partitions_def=YEARS, group_name="raw")
def said(files: Path):
    return dg.MaterializeResult(metadata={"n": 3})

@dg.asset(partitions_def=YEARS, group_name="raw", deps=["told"])
def after() -> pl.LazyFrame:
    return pl.LazyFrame({"a": [1]})
"""
)


def test_a_partition_that_keeps_nothing_is_fresh_by_its_code_and_inputs(
    study: Make,
) -> None:
    project = study({"t.py": NOTHING, "/d/2024.csv": "a\n", "/d/2025.csv": "b\n"})
    assert len(built(project.build())) == 6
    assert built(project.build()) == []
    assert look(project)["fresh"]
    project.write({"/d/2025.csv": "c\n"})
    assert built(project.build()) == ["said[2025]", "told[2025]", "after[2025]"]
    project.write({"t.py": NOTHING.replace("print(1)", "print(2)")})
    assert built(project.build()) == [
        *("told[2024]", "told[2025]", "after[2024]", "after[2025]"),
    ]
    lock = read_lock(project.project)
    assert lock.partitions["told"]["2024"].kept == "nothing"
    lock_of(project.project).fold()
    assert read_lock(project.project) == lock
    # On another machine nobody knows that it was made.
    shutil.rmtree(project.storage / ".state" / "made" / "said")
    assert built(project.build()) == ["said[2024]", "said[2025]"]
    project.write({"t.py": NOTHING.replace('["2024", "2025"]', '["2025"]')})
    gone = find_leftovers(opened(project), read_lock(project.project)).verdicts
    assert sorted(path.parent.name for path in gone) == ["said", "told"]
    wanted = NOTHING.replace('deps=["told"])\ndef after()', ")\ndef after(told: pl.LazyFrame)")
    project.write({"t.py": wanted})
    with pytest.raises(ProjectError, match="its function says that it returns nothing"):
        project.build()


def test_columns_are_followed_through_partitions(study: Make) -> None:
    project = study(
        STUDY
        | {
            "more.py": HEADER
            + """
from STUDY.register import YEARS, register_files

@dg.asset(partitions_def=YEARS, group_name="raw")
def uneven(context: dg.AssetExecutionContext, register: pl.LazyFrame) -> pl.LazyFrame:
    name = "id" if context.partition_key == "2024" else "value"
    return register.select(one=name)

@dg.asset(partitions_def=YEARS, group_name="raw")
def named(context: dg.AssetExecutionContext, register: pl.LazyFrame) -> pl.LazyFrame:
    context.log.info("begins")
    return register

@dg.asset(group_name="raw")
def below(register: pl.LazyFrame) -> pl.LazyFrame:
    return register.filter(pl.col("double") > 0).select("id")
"""
        }
    )
    assert project.build().ok
    catalogue = opened(project)
    found = lineage_of_tables(catalogue, catalogue.tables.values())
    of = {name: one.columns for name, one in found.items() if one.reason is None}
    assert of["raw_register"]["value"] == {("register_files", "value")}
    assert of["register"]["double"] == {("raw_register", "value")}
    assert of["total"] == {
        "id": {("register", "id")},
        "value": {("register", "value")},
        "year": frozenset(),
    }
    assert of["below"] == {"id": {("register", "id")}}
    assert found["below"].rows == {("register", "double")}
    assert found["uneven"].reason == "its partitions are not made alike"
    assert found["named"].reason == "it asks its context for log"


CHECKED = (
    HEADER
    + """
from data_package import source_file

YEARS = dg.StaticPartitionsDefinition(["2024", "2025"])
files = source_file("files", "deliveries/{partition}.csv")

@dg.asset(partitions_def=YEARS, group_name="raw")
def register(files: Path) -> pl.LazyFrame:
    return pl.scan_csv(files)

CHECK

@dg.asset(partitions_def=YEARS, group_name="raw")
def reader(register: pl.LazyFrame) -> pl.LazyFrame:
    return register

@dg.asset(group_name="raw")
def whole(reader: pl.LazyFrame) -> pl.LazyFrame:
    return reader
"""
)
BY_YEAR = """
@dg.asset_check(asset=register, partitions_def=YEARS, blocking=True)
def small(register: pl.LazyFrame) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=register.collect()["value"].max() < 100)
"""
OF_ALL = """
@dg.asset_check(asset=register, blocking=True)
def small(register: dict[str, pl.LazyFrame]) -> dg.AssetCheckResult:
    frames = pl.collect_all(list(register.values()))
    return dg.AssetCheckResult(passed=all(frame["value"].max() < 100 for frame in frames))
"""
INLINE = """
@dg.asset(
    partitions_def=YEARS,
    group_name="raw",
    check_specs=[dg.AssetCheckSpec("small", asset="register", blocking=True)],
)
def register(files: Path):
    frame = pl.read_csv(files)
    yield dg.Output(frame)
    yield dg.AssetCheckResult(check_name="small", passed=frame["value"].max() < 100)
"""
GOOD_AND_BAD = {
    "/deliveries/2024.csv": "id,value\n1,2000\n",
    "/deliveries/2025.csv": "id,value\n2,20\n",
}


def build_checked(study: Study, *select: str, threads: int = 1) -> BuildResult:
    study.forget()
    return run_build(Request(select, threads=threads), study.project)


@pytest.mark.parametrize("threads", [1, 3])
def test_an_own_check_of_each_partition_holds_back_the_tables_that_use_its_partition(
    study: Make, threads: int
) -> None:
    project = study({"t.py": CHECKED.replace("CHECK", BY_YEAR)} | GOOD_AND_BAD)
    result = build_checked(project, threads=threads)
    assert not result.ok
    assert sorted(built(result)) == ["reader[2025]", "register[2024]", "register[2025]"]
    assert "register[2024] does not pass its check 'small'" in result.explain()
    assert "2000" not in result.explain()
    again = build_checked(project, threads=threads)
    assert (again.ok, built(again)) == (False, [])
    # Whoever asks for the reader alone does not get by.
    assert built(build(project, "reader", partitions=("2024",), force=True)) == []
    assert not look(project)["fresh"]
    project.write({"/deliveries/2024.csv": "id,value\n1,1\n"})
    result = build_checked(project, threads=threads)
    assert result.ok, result.explain()
    assert built(result) == ["register[2024]", "reader[2024]", "whole"]
    assert built(build_checked(project)) == []
    assert look(project)["fresh"]


def test_an_own_check_of_all_partitions_holds_back_every_table_that_uses_them(study: Make) -> None:
    project = study({"t.py": CHECKED.replace("CHECK", OF_ALL)} | GOOD_AND_BAD)
    for _ in range(2):
        result = build_checked(project)
        assert not result.ok
        assert not [name for name in built(result) if not name.startswith("register")]
    project.write({"/deliveries/2024.csv": "id,value\n1,1\n"})
    assert build_checked(project).ok
    project.write({"/deliveries/2024.csv": "id,value\n1,3000\n"})
    execute(project, "register", partition="2024", ok=False)
    result = build_checked(project)
    assert not result.ok
    assert built(result) == []


def test_a_check_that_a_function_makes_of_each_partition_is_kept_for_each(study: Make) -> None:
    text = CHECKED[: CHECKED.index("@dg.asset(")] + INLINE + CHECKED[CHECKED.index("CHECK\n") + 6 :]
    project = study({"t.py": text} | GOOD_AND_BAD)
    result = build_checked(project)
    assert not result.ok
    assert "register[2024] does not pass its check 'small'" in result.explain()
    assert "reader[2024]" not in built(result)
    assert not look(project)["fresh"]
    # What its function checks is checked again with the partition, and with no other.
    again = build_checked(project)
    assert (again.ok, built(again)) == (False, ["register[2024]"])
    project.write({"/deliveries/2024.csv": "id,value\n1,1\n"})
    assert build_checked(project).ok
    assert built(build_checked(project)) == []


def test_what_single_runs_are_asked_for_is_built_partition_by_partition(study: Make) -> None:
    text = CHECKED.replace("CHECK", "").replace(
        "@dg.asset(partitions_def=YEARS, ",
        "@dg.asset(partitions_def=YEARS, backfill_policy=dg.BackfillPolicy.single_run(), ",
    )
    project = study({"t.py": text} | GOOD_AND_BAD)
    assert len(built(build_checked(project))) == 5
    assert built(build_checked(project)) == []
