"""A table can be looked into on the user's own terminal, and nowhere else."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from data_package.engine.cli.debug import command
from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.runs.debug import open_table
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.runs.ttys import on_terminal
from data_package_tests.engine.tables.running import RAW_PEOPLE

pytestmark = pytest.mark.slow

TABLES = (
    RAW_PEOPLE
    + """
@dg.asset
def places(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select("who", place=pl.lit("x"))

@dg.asset(ins={"ps": dg.AssetIn("people")}, retry_policy=dg.RetryPolicy(max_retries=3, delay=60))
def oldest(ps: pl.DataFrame, places: pl.LazyFrame, people_file: Path) -> pl.DataFrame:
    limit = int(ps["age"].max())
    return deeper(ps, limit)

def deeper(ps: pl.DataFrame, limit: int) -> pl.DataFrame:
    return ps.filter(ps["age"] >= limit)
"""
)
BROKEN = TABLES.replace('    return ps.filter(ps["age"] >= limit)', '    return int(ps["who"][0])')
PEOPLE = "who,age\nKaren Jespersen,71\nOle Lund,35\n"


@pytest.fixture
def made(study: Make) -> Study:
    """A study all of which is built but for its last table, which is broken."""
    broken = BROKEN.replace(", retry_policy=dg.RetryPolicy(max_retries=3, delay=60)", "")
    new = study({"tables.py": broken, "/people.csv": PEOPLE})
    assert not new.build().ok
    new.forget()
    return new


def test_a_prompt_opens_on_the_real_inputs(made: Study) -> None:
    before = everything(made)
    with on_terminal(made, "debug", "oldest") as terminal:
        banner = terminal.wait_for(">>> ")
        assert "oldest (" in banner
        assert f"{made.package}/tables.py:" in banner
        assert "ps           DataFrame, 2 rows, 2 columns" in banner
        assert "places       LazyFrame, 2 columns" in banner
        assert "people_file  Path" in banner
        assert "The last attempt failed:" in banner
        assert "ValueError" in banner
        assert "Call it:  oldest(ps, places, people_file)" in banner
        assert "Karen" not in banner

        terminal.type("ps.filter(pl.col('age') > 50)['who'].to_list()\n")
        assert "['Karen Jespersen']" in terminal.wait_for("\n>>> ")
        terminal.type("oldest(ps, places, people_file)\n")
        assert "invalid literal for int() with base 10: 'Karen" in terminal.wait_for("\n>>> ")
        terminal.type("\x04")
        assert terminal.end() == 0
    assert everything(made) == before


def everything(study: Study) -> dict[str, bytes]:
    """All that the project keeps, but for the memory of hashes."""
    return {
        path.relative_to(study.root).as_posix(): path.read_bytes()
        for path in study.root.rglob("*")
        if path.is_file() and path.name != "hashes.json"
    }


def test_what_is_opened_can_be_called_as_the_banner_says(study: Make) -> None:
    new = study({"tables.py": TABLES, "/people.csv": PEOPLE})
    assert new.build("places").ok
    new.forget()
    opened = open_table("oldest", new.project)
    assert eval(opened.call, dict(opened.names)).height == 1
    assert opened.call == "oldest(ps, places, people_file)"
    assert "The last attempt" not in opened.banner
    assert list(new.storage.glob("default/oldest*")) == []

    new.forget()
    with pytest.raises(ProjectError, match="Did you mean 'oldest'"):
        open_table("odlest", new.project)
    (new.storage / "raw" / "people.parquet").unlink()
    new.forget()
    with pytest.raises(BuildError, match=r"has not been built yet(.|\n)*build \+oldest"):
        open_table("oldest", new.project)


def test_a_partition_can_be_opened(study: Make) -> None:
    new = study(
        {
            "tables.py": """
                import dagster as dg
                import polars as pl

                YEARS = dg.StaticPartitionsDefinition(["2019", "2020"])

                @dg.asset(partitions_def=YEARS)
                def visits(context) -> pl.LazyFrame:
                    return pl.LazyFrame({"year": [int(context.partition_key)]})

                @dg.asset(partitions_def=YEARS)
                def later(visits: pl.LazyFrame) -> pl.LazyFrame:
                    return visits.select(pl.col("year") + 1)
                """
        }
    )
    assert (built := new.build()).ok, built.explain()
    with pytest.raises(ProjectError, match="--partition KEY"):
        open_table("later", new.project)
    opened = open_table("later", new.project, partition="2020")
    assert eval(opened.call, dict(opened.names)).collect().item() == 2021


@pytest.mark.parametrize("words", [["people"], ["nothing"]])
def test_it_refuses_anything_but_a_terminal(words: list[str]) -> None:
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 2
    assert "needs a terminal" in result.output


def test_a_failing_table_opens_the_debugger_at_the_users_own_line(made: Study) -> None:
    made.write({"/build_with_pdb.py": _BUILD})
    with on_terminal(made, script=made.root / "build_with_pdb.py") as shown:
        opened = shown.wait_for("(Pdb) ")
        assert "oldest failed: ValueError: invalid literal" in opened
        assert '-> return int(ps["who"][0])' in opened
        shown.type("p limit, ps.height\n")
        assert "(71, 2)" in shown.wait_for("(Pdb) ")
        shown.type("up\n")
        assert "return deeper(ps, limit)" in shown.wait_for("(Pdb) ")
        shown.type("q\n")
        assert shown.end() == 1
    kept = b"".join(p.read_bytes() for p in (made.storage / ".dagster").rglob("*") if p.is_file())
    assert b"Karen" not in kept


def test_a_query_that_fails_later_has_no_line_to_open(study: Make) -> None:
    late = TABLES.replace("pl.scan_csv(people_file)", "pl.scan_csv(people_file).cast(pl.Int64)")
    made = study({"tables.py": late, "/people.csv": PEOPLE, "/build_with_pdb.py": _BUILD})
    done = subprocess.run(
        [sys.executable, made.root / "build_with_pdb.py"],
        cwd=made.root,
        env=made.environment(),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert "data-package debug people" in done.stderr
    assert "(Pdb)" not in done.stdout
    assert done.returncode == 1


# What `build --pdb` does.
_BUILD = """
import sys

from data_package.engine.runs.debug import post_mortem
from data_package.engine.staleness.plan import Request
from data_package.engine.runs.run import run_build
from data_package.engine.project import find_project
from data_package.engine.tables import failures

if __name__ == "__main__":
    project = find_project()
    failures.show_original = post_mortem(project)
    sys.exit(not run_build(Request(), project).ok)
"""
