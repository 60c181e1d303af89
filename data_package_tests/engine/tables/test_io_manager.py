"""Tables are written whole, privately and always the same, and nothing they hold is reported."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from data_package.engine.storage import hash_file
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import (
    HEADER,
    everything_reported,
    execute,
    failure_of,
    metadata_of,
    temporary_files,
    umask,
)

CLASSES = """
CLASSES = pl.Enum(["kategori-en", "kategori-to"])
FRAME = pl.DataFrame(
    {
        "identity": ["010190-1234", "311299-4321", None],
        "amount": [17171717, 42424242, 63636363],
        "kind": pl.Series(["kategori-en", "kategori-to", None], dtype=CLASSES),
        "word": pl.Series(["ordet", "ordet", "andet"], dtype=pl.Categorical),
        "list": [["indeni"], [], None],
        "pair": [{"a": 71717171, "b": "parret"}, None, None],
        "kinds": pl.Series([["kategori-to"], None, []], dtype=pl.List(CLASSES)),
    }
)
"""
VALUES = [
    "010190-1234",
    "311299-4321",
    "17171717",
    "42424242",
    "63636363",
    "kategori-en",
    "kategori-to",
    "ordet",
    "andet",
    "indeni",
    "71717171",
    "parret",
]

YEARS = (
    HEADER
    + """
YEARS = dg.StaticPartitionsDefinition(["2019", "2020"])

@dg.asset(partitions_def=YEARS)
def visits(context) -> pl.LazyFrame:
    return pl.LazyFrame({"year": [int(context.partition_key)] * 2})

@dg.asset(partitions_def=YEARS)
def doubled(visits: pl.LazyFrame) -> pl.DataFrame:
    assert isinstance(visits, pl.LazyFrame)
    return visits.select(pl.col("year") * 2).collect()

@dg.asset
def scanned(visits: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    assert all(isinstance(frame, pl.LazyFrame) for frame in visits.values())
    return pl.concat([visits[name] for name in sorted(visits)])

@dg.asset
def loaded(doubled: dict[str, pl.DataFrame]) -> pl.DataFrame:
    assert all(isinstance(frame, pl.DataFrame) for frame in doubled.values())
    return pl.concat([doubled[name] for name in sorted(doubled)])
"""
)


def table(study: Study, path: str) -> pl.DataFrame:
    return pl.read_parquet(study.storage / path, hive_partitioning=False)


def test_a_query_a_frame_and_a_function_without_annotation_are_written_equally(study: Make) -> None:
    project = study(
        {
            "t.py": HEADER
            + CLASSES
            + """
@dg.asset
def eager() -> pl.DataFrame:
    return FRAME

@dg.asset
def lazy() -> pl.LazyFrame:
    return FRAME.lazy()

@dg.asset
def bare():
    return FRAME.lazy()

@dg.asset
def read(eager: pl.DataFrame, lazy: pl.LazyFrame, bare) -> pl.LazyFrame:
    assert isinstance(bare, pl.LazyFrame)
    return pl.concat([eager.lazy(), lazy, bare])
"""
        }
    )
    execute(project)
    eager = table(project, "default/eager.parquet")
    for name in ("lazy", "bare"):
        assert_frame_equal(table(project, f"default/{name}.parquet"), eager)
    assert eager.schema["kind"] == pl.Enum(["kategori-en", "kategori-to"])
    assert eager.schema["word"] == pl.Categorical()
    assert eager.schema["kinds"] == pl.List(pl.Enum(["kategori-en", "kategori-to"]))
    assert table(project, "default/read.parquet").height == 9


def test_the_metadata_of_a_table_describe_it_and_hold_nothing_of_it(study: Make) -> None:
    project = study(
        {
            "t.py": HEADER
            + CLASSES
            + """
@dg.asset
def eager() -> pl.DataFrame:
    return FRAME

@dg.asset
def lazy(eager: pl.LazyFrame) -> pl.LazyFrame:
    return eager
"""
        }
    )
    result = execute(project)
    answer = everything_reported(result)
    for name in ("eager", "lazy"):
        path = project.storage / "default" / f"{name}.parquet"
        metadata = metadata_of(result, name)
        assert metadata["dagster/row_count"] == 3
        assert metadata["size_bytes"] == path.stat().st_size
        assert metadata["sha256"] == hash_file(path)
        assert metadata["path"] == str(path)
        columns = metadata["dagster/column_schema"]
        assert isinstance(columns, dg.TableSchema)
        assert {c.name: c.type for c in columns.columns} == {
            "identity": "String",
            "amount": "Int64",
            "kind": "Enum",
            "word": "Categorical",
            "list": "List(String)",
            "pair": "Struct(a: Int64, b: String)",
            "kinds": "List(Enum)",
        }
    assert [value for value in VALUES if value in answer] == []


def test_a_table_without_rows_keeps_its_columns(study: Make) -> None:
    project = study(
        {
            "t.py": HEADER
            + """
@dg.asset
def eager() -> pl.DataFrame:
    return pl.DataFrame(schema={"a": pl.Int8, "b": pl.Enum(["x"])})

@dg.asset
def lazy(eager: pl.LazyFrame) -> pl.LazyFrame:
    return eager.filter(pl.col("a") > 0)

@dg.asset
def counted(lazy: pl.DataFrame) -> pl.DataFrame:
    return lazy.select(pl.len())
"""
        }
    )
    result = execute(project)
    assert metadata_of(result, "lazy")["dagster/row_count"] == 0
    assert table(project, "default/lazy.parquet").schema == {"a": pl.Int8(), "b": pl.Enum(["x"])}


def test_a_key_prefix_is_a_folder_and_two_tables_of_one_name_are_distinguished(study: Make) -> None:
    project = study(
        {
            "t.py": HEADER
            + """
@dg.asset(key_prefix=["north", "coast"], name="people")
def first() -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})

@dg.asset(key_prefix="south", name="people")
def second() -> pl.DataFrame:
    return pl.DataFrame({"n": [1, 2]})

@dg.asset(ins={"a": dg.AssetIn(["north", "coast", "people"]), "b": dg.AssetIn(["south", "people"])})
def everybody(a: pl.LazyFrame, b: pl.DataFrame) -> pl.LazyFrame:
    return pl.concat([a, b.lazy()])
"""
        }
    )
    execute(project)
    assert table(project, "default/north/coast/people.parquet").height == 1
    assert table(project, "default/south/people.parquet").height == 2
    assert table(project, "default/everybody.parquet").height == 3


def test_a_function_that_makes_several_tables_writes_each(study: Make) -> None:
    project = study(
        {
            "t.py": HEADER
            + """
@dg.multi_asset(outs={"few": dg.AssetOut(), "many": dg.AssetOut(is_required=False)})
def both():
    yield dg.Output(pl.DataFrame({"n": [1]}), "few")
    yield dg.Output(pl.LazyFrame({"n": [1, 2]}), "many")

@dg.asset
def told() -> dg.MaterializeResult[pl.DataFrame]:
    return dg.MaterializeResult(value=pl.DataFrame({"n": [1]}), metadata={"source": "register"})

@dg.asset
def put() -> dg.Output[pl.LazyFrame]:
    return dg.Output(pl.LazyFrame({"n": [1]}), metadata={"source": "register"})
"""
        }
    )
    result = execute(project)
    assert table(project, "default/few.parquet").height == 1
    assert table(project, "default/many.parquet").height == 2
    for name in ("told", "put"):
        assert metadata_of(result, name)["source"] == "register"
        assert metadata_of(result, name)["dagster/row_count"] == 1


def test_a_partitioned_table_is_a_file_for_each_partition_and_arrives_as_a_dict(
    study: Make,
) -> None:
    project = study({"t.py": YEARS})
    for year in ("2019", "2020"):
        result = execute(project, "visits", "doubled", partition=year)
        assert metadata_of(result, "visits")["dagster/partition_row_count"] == 2
    execute(project, "scanned", "loaded")
    folder = project.storage / "default"
    assert sorted(p.name for p in (folder / "visits").iterdir()) == ["2019.parquet", "2020.parquet"]
    assert table(project, "default/scanned.parquet")["year"].to_list() == [2019] * 2 + [2020] * 2
    assert table(project, "default/loaded.parquet")["year"].to_list() == [4038] * 2 + [4040] * 2
    assert stat.S_IMODE((folder / "visits" / "2019.parquet").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "visits").stat().st_mode) == 0o700


def test_one_partition_is_materialized_from_dagsters_own_command(study: Make) -> None:
    project = study({"t.py": YEARS})
    words = "asset materialize --select visits --partition 2020 -m"
    done = project.dagster(*words.split(), f"{project.package}.definitions")
    assert done.returncode == 0, done.stderr
    assert table(project, "default/visits/2020.parquet")["year"].to_list() == [2020, 2020]


def test_a_partition_that_has_not_been_built_is_reported(study: Make) -> None:
    project = study({"t.py": YEARS})
    execute(project, "visits", partition="2019")
    output = failure_of(execute(project, "scanned", ok=False))
    assert "'visits' has not been built" in output


@pytest.mark.parametrize("value", ["'010190-1234'", "[1]", "{'a': pl.DataFrame()}", "42"])
def test_a_function_that_returns_no_table_is_reported_with_what_to_return(
    study: Make, value: str
) -> None:
    project = study({"t.py": HEADER + f"@dg.asset\ndef a():\n    return {value}\n"})
    result = execute(project, ok=False)
    output = failure_of(result)
    assert "must return a pl.LazyFrame or a pl.DataFrame, not" in output
    assert "010190-1234" not in everything_reported(result)
    assert not (project.storage / "default" / "a.parquet").exists()


def test_a_function_that_returns_nothing_does_not_pass_for_a_table(study: Make) -> None:
    forgotten = "@dg.asset\ndef a() -> pl.DataFrame:\n    pl.DataFrame({'n': [1]})\n"
    project = study({"t.py": HEADER + forgotten})
    assert "Is a `return` missing?" in failure_of(execute(project, ok=False))


LATE = """
@dg.asset
def numbers() -> pl.{frame}:
    def refuse_late(column):
        assert {last} not in column
        return column

    rows = pl.LazyFrame({{"n": range(3_000_000)}})
    return rows.with_columns(pl.col("n").map_batches(refuse_late, return_dtype=pl.Int64)){collect}
"""


@pytest.mark.parametrize(
    ("frame", "collect"), [("LazyFrame", ""), ("DataFrame", ".collect()")], ids=["lazy", "eager"]
)
def test_a_table_that_fails_midway_leaves_the_last_one(
    study: Make, frame: str, collect: str
) -> None:
    good = HEADER + LATE.format(frame=frame, collect=collect, last=3_000_000)
    project = study({"t.py": good})
    execute(project)
    before = hash_file(project.storage / "default" / "numbers.parquet")
    project.write({"t.py": good.replace("3000000 not", "2999999 not")})
    execute(project, ok=False)
    assert hash_file(project.storage / "default" / "numbers.parquet") == before
    assert temporary_files(project.storage) == []


@pytest.mark.parametrize("mask", [0o000, 0o022])
def test_nobody_else_can_read_what_is_written_whatever_the_umask(study: Make, mask: int) -> None:
    project = study(
        {
            "t.py": HEADER
            + "@dg.asset(key_prefix='deep')\ndef a() -> pl.LazyFrame:\n"
            + "    return pl.LazyFrame({'n': [1]})\n"
        }
    )
    with umask(mask):
        execute(project)
    assert_private(project.storage)


def test_nobody_else_can_read_what_the_command_writes_whatever_the_umask(study: Make) -> None:
    project = study(PUBLISHED)
    with umask(0):
        done = project.command("build")
    assert done.returncode == 0, done.stderr
    assert (project.storage / "package" / "datapackage.json").is_file()
    assert (project.storage / ".dagster").is_dir()
    assert_private(project.storage)


def assert_private(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


PUBLISHED = {
    "final/__init__.py": "",
    "final/people.py": HEADER
    + "@dg.asset\ndef people() -> pl.LazyFrame:\n    return pl.LazyFrame({'n': [1]})\n",
    "final/people.yaml": "title: People\nschema:\n  fields:\n    - {name: n, type: integer}\n",
}


def test_the_same_rows_give_the_same_bytes_however_many_threads_write_them(
    study: Make, tmp_path: Path
) -> None:
    source = (
        HEADER
        + """
rows = pl.LazyFrame({"n": range(700_000)}).with_columns(
    text=pl.col("n").cast(pl.String),
    kind=(pl.col("n") % 3).cast(pl.String).cast(pl.Enum(["0", "1", "2"])),
    word=(pl.col("n") % 5).cast(pl.String).cast(pl.Categorical),
    list=pl.concat_list(pl.col("n"), pl.col("n") + 1),
)

@dg.asset
def lazy() -> pl.LazyFrame:
    return rows

@dg.asset
def eager() -> pl.DataFrame:
    return rows.collect()
"""
    )
    program = """
import importlib, sys
import dagster as dg
sys.path.insert(0, ".")
defs = importlib.import_module(sys.argv[1] + ".definitions").defs
job = defs.resolve_implicit_global_asset_job_def()
for _ in range(2):
    job.execute_in_process(tags={"data-package/kept": "true"})
    from data_package.engine.storage import hash_file
    from pathlib import Path
    print([hash_file(Path("storage/default", f"{name}.parquet")) for name in ("eager", "lazy")])
"""
    project = study({"t.py": source})
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, project.package],
            cwd=project.root if threads == "1" else copied(project.root, tmp_path / "copy"),
            env=project.environment() | {"POLARS_MAX_THREADS": threads},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for threads in ("1", "7")
    ]
    output = [one.communicate() for one in running]
    lines = {line for out, _ in output for line in out.splitlines()}
    assert len(lines) == 1, output


def copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    return to


def test_a_table_becomes_partitioned_and_whole_again(study: Make) -> None:
    whole = (
        HEADER + "@dg.asset\ndef visits() -> pl.LazyFrame:\n    return pl.LazyFrame({'n': [1]})\n"
    )
    project = study({"t.py": whole})
    execute(project)
    project.write({"t.py": YEARS})
    execute(project, "visits", partition="2019")
    assert table(project, "default/visits/2019.parquet").height == 2
    project.write({"t.py": whole})
    execute(project)
    assert table(project, "default/visits.parquet").columns == ["n"]


def test_a_file_that_is_not_parquet_is_reported_without_its_content(study: Make) -> None:
    project = study(
        {
            "t.py": HEADER
            + """
@dg.asset
def a() -> pl.LazyFrame:
    return pl.LazyFrame({"n": [1]})

@dg.asset
def b(a: pl.DataFrame) -> pl.DataFrame:
    return a
"""
        }
    )
    execute(project, "a")
    (project.storage / "default" / "a.parquet").write_text("010190-1234" * 100)
    result = execute(project, "b", ok=False)
    assert "010190-1234" not in everything_reported(result)


def test_a_table_whose_place_is_a_link_replaces_the_link_and_not_what_it_points_to(
    study: Make, tmp_path: Path
) -> None:
    project = study(
        {
            "t.py": HEADER
            + "@dg.asset\ndef a() -> pl.LazyFrame:\n    return pl.LazyFrame({'n': [1]})\n"
        }
    )
    other = tmp_path / "precious.txt"
    other.write_text("precious")
    place = project.storage / "default" / "a.parquet"
    place.parent.mkdir(parents=True)
    place.symlink_to(other)
    execute(project)
    assert other.read_text() == "precious"
    assert not place.is_symlink()
    assert place.stat().st_size > 0
