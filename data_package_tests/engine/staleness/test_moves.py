"""What is only at another place, or has another name, is moved and not run."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_package.engine.runs import BuildResult
from data_package.engine.staleness.lock import lock_of, read_lock
from data_package.engine.staleness.moves import carry_out, find_moves
from data_package.engine.tables.loading import open_project
from data_package_tests.campaigns import cases
from data_package_tests.conftest import Make, Study, new_study

pytestmark = pytest.mark.slow

HEAD = "import dagster as dg\nimport polars as pl\n\n"
PEOPLE = """
@dg.asset
def people() -> pl.LazyFrame:
    return pl.LazyFrame({"id": [1, 2, 3], "age": [30, 40, 50]})
"""
OLD = """
@dg.asset
def old(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.filter(pl.col("age") > 35)
"""
COUNT = """
@dg.asset(deps=["old"])
def count() -> pl.LazyFrame:
    return pl.LazyFrame({"n": [2]})
"""
FILES = {
    "linked/__init__.py": "",
    "linked/tables.py": HEAD + PEOPLE + OLD,
    "final/__init__.py": "",
    "final/tables.py": HEAD + COUNT,
    "final/count.yaml": "schema: {fields: [{name: n, type: integer}]}\n",
    "datapackage.yaml": "name: counts\n",
}


def ran(result: BuildResult) -> set[str]:
    assert result.ok, result.explain()
    return {table.name for table in result.tables if table.status == "built"}


def moved(result: BuildResult) -> set[str]:
    return {f"{one['before']} > {one['table']}" for one in result.moved}


def files(study: Study) -> dict[str, bytes]:
    return {
        path.relative_to(study.storage).as_posix(): path.read_bytes()
        for path in study.storage.rglob("*.parquet")
        if "/.state/" not in str(path)
    }


def assert_as_anew(study: Study) -> None:
    """A clean build makes the same bytes of each table, and the same lock."""
    made, lock = files(study), read_lock(study.project)
    study.storage.rename(study.root / "aside")
    (study.root / "data-package.lock").unlink()
    assert study.build().ok
    assert files(study).items() <= made.items()
    assert read_lock(study.project) == lock


def test_a_renamed_folder_moves_its_tables(built_study: Make) -> None:
    project = built_study(FILES)
    (project.root / project.package / "linked").rename(project.root / project.package / "joined")
    output = project.verb("build", "--dry-run").stdout
    assert "would move people: its file is in storage/linked" in output

    result = project.build()

    assert ran(result) == set()
    assert moved(result) == {"people > people", "old > old"}
    assert not (project.storage / "linked").exists()
    assert project.verb("status", "--check").returncode == 0
    assert_as_anew(project)


def test_a_renamed_table_is_moved_and_what_only_depends_on_it_is_left_alone(
    built_study: Make,
) -> None:
    project = built_study(FILES)
    project.write(
        {
            "linked/tables.py": HEAD + PEOPLE + OLD.replace("def old", "def elderly"),
            "final/tables.py": HEAD + COUNT.replace('"old"', '"elderly"'),
        }
    )

    result = project.build()

    assert (ran(result), moved(result)) == (set(), {"old > elderly"})
    assert read_lock(project.project).tables.keys() == {"people", "elderly", "count"}
    assert project.verb("verify").returncode == 0
    assert_as_anew(project)


def test_a_reader_whose_parameter_has_another_name_runs(study: Make) -> None:
    reader = "\n@dg.asset\ndef half(old: pl.LazyFrame) -> pl.LazyFrame:\n    return old.head(1)\n"
    project = study({"tables.py": HEAD + PEOPLE + OLD + reader})
    project.build()
    renamed = OLD.replace("def old", "def aged") + reader.replace("old", "aged")
    project.write({"tables.py": HEAD + PEOPLE + renamed})

    result = project.build()

    assert (ran(result), moved(result)) == ({"half"}, {"old > aged"})


def test_a_renamed_final_table_is_published_under_its_new_name(built_study: Make) -> None:
    project = built_study(FILES)
    project.write({"final/tables.py": HEAD + COUNT.replace("def count", "def number")})
    folder = project.root / project.package / "final"
    (folder / "count.yaml").rename(folder / "number.yaml")

    result = project.build()

    assert (ran(result), moved(result)) == (set(), {"count > number"})
    assert [path.name for path in (project.storage / "package/tables").iterdir()] == [
        "number.parquet"
    ]


def test_what_was_renamed_and_edited_runs(built_study: Make) -> None:
    project = built_study({"tables.py": HEAD + PEOPLE + OLD})
    project.write(
        {"tables.py": HEAD + PEOPLE + OLD.replace("def old", "def aged").replace("35", "45")}
    )
    result = project.build()
    assert (ran(result), moved(result)) == ({"aged"}, set())


def test_two_that_exchange_their_names_run(study: Make) -> None:
    one = "\n@dg.asset\ndef one() -> pl.LazyFrame:\n    return pl.LazyFrame({'a': [1]})\n"
    two = "\n@dg.asset\ndef two() -> pl.LazyFrame:\n    return pl.LazyFrame({'a': [2]})\n"
    project = study({"tables.py": HEAD + one + two})
    project.build()
    swapped = one.replace("def one", "def two") + two.replace("def two", "def one")
    project.write({"tables.py": HEAD + swapped})
    result = project.build()
    assert (ran(result), moved(result)) == ({"one", "two"}, set())
    assert_as_anew(project)


def test_a_table_under_the_name_of_one_that_was_there_runs(study: Make) -> None:
    one = "\n@dg.asset\ndef one() -> pl.LazyFrame:\n    return pl.LazyFrame({'a': [1]})\n"
    two = "\n@dg.asset\ndef two() -> pl.LazyFrame:\n    return pl.LazyFrame({'a': [2]})\n"
    project = study({"tables.py": HEAD + one + two})
    project.build()
    project.write({"tables.py": HEAD + two.replace("def two", "def one")})
    result = project.build()
    assert (ran(result), moved(result)) == ({"one"}, set())
    assert pl.read_parquet(project.storage / "default/one.parquet")["a"].to_list() == [2]


@pytest.mark.parametrize(
    ("body", "is_moved"),
    [
        ("context.log.info('hello')\n    return pl.LazyFrame({'a': [1]})", True),
        ("return pl.LazyFrame({'a': [context.asset_key.to_user_string()]})", False),
        ("return made(context)", False),
        ("return pl.LazyFrame({'a': [dg.AssetExecutionContext.get().asset_key.path[0]]})", False),
    ],
)
def test_a_function_that_may_learn_its_name_runs(study: Make, body: str, is_moved: bool) -> None:
    text = f"""
def made(run):
    return pl.LazyFrame({{"a": [run.asset_key.to_user_string()]}})

@dg.asset
def named(context: dg.AssetExecutionContext) -> pl.LazyFrame:
    {body}
"""
    project = study({"tables.py": HEAD + text})
    project.build()
    project.write({"tables.py": HEAD + text.replace("def named", "def called")})
    result = project.build()
    assert (bool(result.moved), ran(result) == {"called"}) == (is_moved, not is_moved)
    assert_as_anew(project)


def test_tables_of_one_function_are_not_taken_for_each_other(study: Make) -> None:
    text = """
@dg.multi_asset(outs={"one": dg.AssetOut(), "two": dg.AssetOut()})
def frames() -> tuple[pl.DataFrame, pl.DataFrame]:
    return pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2]})
"""
    project = study({"tables.py": HEAD + text})
    project.build()
    project.write(
        {
            "tables.py": HEAD
            + text.replace('"one"', '"two"', 1).replace(
                '"two": dg.AssetOut()}', '"three": dg.AssetOut()}'
            )
        }
    )
    result = project.build()
    assert (ran(result), result.moved) == ({"two", "three"}, ())


PARTITIONED = """
YEARS = dg.StaticPartitionsDefinition(["2020", "2021", "a/b"])

@dg.asset(partitions_def=YEARS)
def visits(context: dg.AssetExecutionContext) -> pl.DataFrame:
    return pl.DataFrame({"year": [context.partition_key]})
"""


def test_partitions_are_moved_with_their_table(study: Make) -> None:
    project = study({"linked/__init__.py": "", "linked/tables.py": HEAD + PARTITIONED})
    project.build()
    (project.root / project.package / "linked").rename(project.root / project.package / "joined")
    result = project.build()
    assert (ran(result), len(result.moved)) == (set(), 3)

    renamed = PARTITIONED.replace("def visits", "def stays").replace('"a/b"', '"a/b", "2022"')
    project.write({"joined/tables.py": HEAD + renamed})
    result = project.build()
    assert (ran(result), moved(result)) == ({"stays"}, {"visits > stays"})
    assert [part.name for part in result["stays"].partitions] == ["stays[2022]"]
    assert_as_anew(project)


def test_a_file_that_was_changed_is_built_and_not_moved(built_study: Make) -> None:
    project = built_study(FILES)
    pl.DataFrame({"id": [9], "age": [99]}).write_parquet(project.storage / "linked/old.parquet")
    (project.root / project.package / "linked").rename(project.root / project.package / "joined")
    result = project.build()
    assert (ran(result), moved(result)) == ({"old"}, {"people > people"})


def test_a_file_that_changes_while_it_is_moved_is_put_back(built_study: Make) -> None:
    project = built_study(FILES)
    (project.root / project.package / "linked").rename(project.root / project.package / "joined")
    project.forget()
    catalogue, _ = open_project(project.project)
    lock = lock_of(project.project)
    before = lock.read()
    found = find_moves(catalogue, before)
    path = project.storage / "linked/old.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    done = carry_out(found, catalogue, lock)

    assert [move.table.name for move in done] == ["people"]
    assert path.is_file()
    assert not (project.storage / "joined/old.parquet").exists()
    assert lock.read() == before


def test_a_move_that_was_broken_off_is_finished(built_study: Make) -> None:
    project = built_study({"tables.py": HEAD + PEOPLE + OLD})
    folder = project.storage / "default"
    (folder / "old.parquet").rename(folder / "aged.parquet")
    project.write({"tables.py": HEAD + PEOPLE + OLD.replace("def old", "def aged")})
    result = project.build()
    assert (ran(result), moved(result)) == (set(), {"old > aged"})


def test_a_lock_file_of_a_colleague_who_renamed_moves_here_too(built_study: Make) -> None:
    project = built_study({"tables.py": HEAD + PEOPLE + OLD})
    folder = project.storage / "default"
    renamed = {"tables.py": HEAD + PEOPLE + OLD.replace("def old", "def aged")}
    project.write(renamed).build()
    (folder / "aged.parquet").rename(folder / "old.parquet")
    result = project.build()
    assert (ran(result), moved(result)) == (set(), {"aged > aged"})


def test_a_hostile_name_in_the_lock_leads_nowhere(built_study: Make, tmp_path: Path) -> None:
    project = built_study({"tables.py": HEAD + PEOPLE + OLD})
    bytes_of = (project.storage / "default/old.parquet").read_bytes()
    outside = tmp_path / "outside.parquet"
    (project.storage / "default/old.parquet").rename(outside)
    lock = project.root / "data-package.lock"
    lock.write_text(lock.read_text().replace("[table.old]", '[table."../../../outside"]'))
    project.write({"tables.py": HEAD + PEOPLE + OLD.replace("def old", "def aged")})
    result = project.build()
    assert (ran(result), result.moved) == ({"aged"}, ())
    assert outside.read_bytes() == bytes_of


CASES = (
    st.lists(
        st.fixed_dictionaries(
            {
                "name": st.sampled_from("abcde"),
                "value": st.sampled_from([1, 1, 2]),
                "folder": st.sampled_from(["left", "right"]),
            }
        ),
        min_size=2,
        max_size=4,
        unique_by=lambda one: one["name"],
    ),
    st.permutations("abcde"),
    st.booleans(),
)


@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(*CASES)
def test_after_moves_a_clean_build_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    tables: list[Mapping[str, object]],
    names: list[str],
    turned: bool,
) -> None:
    check_moves(tmp_path_factory.mktemp("moves"), tables, names, turned)


@pytest.mark.stress
@settings(max_examples=cases(200), derandomize=False, suppress_health_check=list(HealthCheck))
@given(*CASES)
def test_after_any_moves_a_clean_build_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    tables: list[Mapping[str, object]],
    names: list[str],
    turned: bool,
) -> None:
    check_moves(tmp_path_factory.mktemp("moves"), tables, names, turned)


def check_moves(
    folder: Path, tables: list[Mapping[str, object]], names: list[str], turned: bool
) -> None:
    def written(rename: Mapping[str, str], turn: bool) -> dict[str, str]:
        parts = {"left": HEAD, "right": HEAD}
        for one in tables:
            folder = str(one["folder"])
            if turn:
                folder = {"left": "right", "right": "left"}[folder]
            name = rename[str(one["name"])]
            parts[folder] += (
                f"\n@dg.asset\ndef {name}() -> pl.LazyFrame:\n"
                f"    return pl.LazyFrame({{'v': [{one['value']}]}})\n"
            )
        return {
            **{f"{folder}/tables.py": text for folder, text in parts.items()},
            **{f"{folder}/__init__.py": "" for folder in parts},
        }

    study = new_study(folder, written({n: n for n in "abcde"}, False))
    assert study.build().ok
    study.write(written(dict(zip("abcde", names, strict=True)), turned))
    assert study.build().ok
    assert_as_anew(study)
    study.forget()
