"""What a function uses besides its inputs is seen while it runs, and reported without a value."""

from pathlib import Path

import pytest

# Probes are source code, often better read on one line.
# ruff: noqa: E501
from data_package.engine.runs.run import run_build
from data_package.engine.staleness.lock import read_lock
from data_package.engine.staleness.plan import Request
from data_package.engine.staleness.status import explain
from data_package.engine.tables.catalogue import catalogue_of
from data_package_tests.conftest import Make, Study

HEAD = """\
import asyncio, multiprocessing, os, sqlite3, socket, subprocess, tempfile, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import polars as pl
from data_package.engine.sources import source_file

HERE = Path(__file__).parent
given = source_file("given", "d/given.csv")
FRAME = pl.DataFrame({"a": [1]})


"""


def reported(study: Study, *, threads: int = 1) -> list[str]:
    """Build, and give what the build says."""
    output: list[str] = []
    study.forget()
    result = run_build(Request(threads=threads), study.project, report=output.append)
    assert result.ok, result.explain()
    uses = [f"{table.name}: {use}" for table in result for use in table.uses]
    assert uses == [line for line in output if line in uses]
    assert all(line in uses for line in output if "that is not an input" in line)
    return output


def table(body: str, name: str = "t", parameters: str = "", head: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"{head}@dg.asset\ndef {name}({parameters}):\n{lines}\n\n"


def make(study: Make, code: str) -> Study:
    return study(
        {
            "tables.py": HEAD + code,
            "/d/given.csv": "a\n1\n",
            "/d/codes.csv": "a\n1\n",
            "/x.db": "",
            "/d/person-010190-1234.txt": "x",
        }
    )


SEEN = {
    "a file": ("text = (HERE.parent / 'd/codes.csv').read_text()\nreturn FRAME", "opens a file that is not an input (codes.csv)"),
    "a file by its descriptor": ("os.close(os.open(HERE.parent / 'd/codes.csv', os.O_RDONLY))\nreturn FRAME", "opens a file"),
    "a folder": ("names = os.listdir(HERE.parent / 'd')\nreturn FRAME", "lists a folder"),
    "a pattern": ("names = list((HERE.parent / 'd').glob('*.txt'))\nreturn FRAME", "lists a folder"),
    "a database": ("sqlite3.connect(HERE.parent / 'x.db').close()\nreturn FRAME", "queries a database that is not an input (x.db)"),
    "a database that is asked twice": ("db = HERE.parent / 'x.db'\nfor _ in range(2):\n    sqlite3.connect(db).execute('create table if not exists t (a)')\nreturn FRAME", "queries a database"),
    "a host": ("with socket.socket() as s:\n    s.connect_ex(('127.0.0.1', 9))\nreturn FRAME", "connects to a host or a database server (127.0.0.1)"),
    "a program": ("subprocess.run(['true'], check=True)\nreturn FRAME", "runs another program (true)"),
    "a shell": ("os.system('true')\nreturn FRAME", "runs another program"),
    "a file in a thread": ("with ThreadPoolExecutor(1) as pool:\n    pool.submit((HERE.parent / 'd/codes.csv').read_bytes).result()\n    pool.submit(lambda: open(HERE.parent / 'd/codes.csv').close()).result()\nreturn FRAME", "opens a file"),
    "a file when the query is run": ("def look(frame):\n    (HERE.parent / 'd/codes.csv').read_text()\n    return frame\nreturn FRAME.lazy().map_batches(look)", "opens a file"),
    "a scan": ("return pl.scan_csv(HERE.parent / 'd/codes.csv')", "scans a file that is not an input"),
    "a scan among others": ("codes = pl.scan_csv(HERE.parent / 'd/codes.csv')\nreturn FRAME.lazy().join(codes, on='a')", "scans a file"),
    "a process": ("with multiprocessing.get_context('fork').Pool(1) as pool:\n    pool.apply(len, [[]])\nreturn FRAME", "starts a process, and what it reads is not seen"),
    "a process of a server": ("with multiprocessing.get_context('forkserver').Pool(1) as pool:\n    pool.apply(len, [[]])\nreturn FRAME", "starts a process"),
}  # fmt: skip


@pytest.mark.parametrize("case", SEEN)
def test_what_is_used_besides_the_inputs_is_reported_by_the_build_and_by_why(
    case: str, study: Make
) -> None:
    body, words = SEEN[case]
    made = make(study, table(body))
    output = reported(made)
    assert any(line.startswith("t: ") and words in line for line in output), output
    assert all(f"{made.package}/tables.py:" in line for line in output)
    why = explain("t", catalogue_of(made.project), read_lock(made.project))
    assert words in why
    assert str(made.root) not in why
    # Only the build that ran the function reports it.
    assert reported(made) == []


ASYNC = {
    "itself": "    (HERE.parent / 'd/codes.csv').read_text()\n    return FRAME\n",
    "after a pause": "    await asyncio.sleep(0)\n    (HERE.parent / 'd/codes.csv').read_text()\n    return FRAME\n",
    "in a task": "    async def look():\n        await asyncio.sleep(0)\n        open(HERE.parent / 'd/codes.csv').close()\n    await asyncio.gather(look(), look())\n    return FRAME\n",
    "in a thread": "    await asyncio.to_thread((HERE.parent / 'd/codes.csv').read_bytes)\n    await asyncio.to_thread(lambda: open(HERE.parent / 'd/codes.csv').close())\n    return FRAME\n",
    "when the query is run": "    def look(frame):\n        (HERE.parent / 'd/codes.csv').read_text()\n        return frame\n    return FRAME.lazy().map_batches(look)\n",
    "in a scan": "    return pl.scan_csv(HERE.parent / 'd/codes.csv')\n",
    "one after another": "    yield dg.Output(FRAME)\n    open(HERE.parent / 'd/codes.csv').close()\n",
}  # fmt: skip


def test_what_asynchronous_functions_use_is_seen_too(study: Make) -> None:
    code = "".join(
        f"@dg.asset\nasync def t{number}():\n{body}\n\n"
        for number, body in enumerate(ASYNC.values())
    )
    code += table("return FRAME", "quiet")
    for threads in (1, 3):
        made = make(study, code)
        output = reported(made, threads=threads)
        for number, case in enumerate(ASYNC):
            assert any(line.startswith(f"t{number}: ") for line in output), (case, output)
        assert not any(line.startswith("quiet") for line in output)
        seconds = [one.seconds for one in run_build(Request(force=True), made.project)]
        assert all(each is not None and each > 0 for each in seconds)


def test_what_one_partition_uses_is_reported_though_another_does_not(study: Make) -> None:
    body = "if context.partition_key == 'a':\n    open(HERE.parent / 'd/codes.csv').close()\nreturn FRAME"
    made = make(study, table(body, parameters="context"))
    text = (made.root / made.package / "tables.py").read_text()
    keys = "dg.StaticPartitionsDefinition(['a', 'b'])"
    made.write({"tables.py": text.replace("@dg.asset", f"@dg.asset(partitions_def={keys})")})
    assert [line.startswith("t: ") for line in reported(made)] == [True]


UNSAID = {
    "an input that is opened": table("given.read_text()\nreturn FRAME", parameters="given: Path"),
    "an input that is scanned": table("return pl.scan_csv(given)", parameters="given: Path"),
    "a file made on the way": table(
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    path = Path(folder, 'x')\n    path.write_text('1')\n    path.read_text()\nreturn FRAME"
    ),
    "a module imported on the way": table("import decimal, wave, colorsys\nreturn FRAME"),
    "a table that is taken": table("return FRAME.lazy()", "u") + table("return u", parameters="u: pl.LazyFrame"),
    "what Dagster writes down": table("context.log.info('x')\nreturn FRAME", parameters="context"),
    "a database in memory": table("sqlite3.connect(':memory:').close()\nreturn FRAME"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNSAID)
def test_inputs_and_what_the_function_makes_itself_are_not_reported(case: str, study: Make) -> None:
    assert reported(make(study, UNSAID[case])) == []


def test_a_name_that_is_not_in_the_code_is_not_shown(study: Make) -> None:
    body = "for path in sorted((HERE.parent / 'd').iterdir()):\n    path.read_text()\nreturn FRAME"
    made = make(study, table(body))
    output = reported(made)
    assert output
    kept = "".join(path.read_text() for path in (made.storage / ".state/outside").iterdir())
    assert "010190" not in "".join(output) + kept
    assert "outside" not in (made.root / "data-package.lock").read_text()


def test_uses_of_tables_that_run_at_once_are_distinguished(study: Make) -> None:
    wait = "import time\ntime.sleep(0.2)\n"
    code = "".join(
        table(f"{wait}(HERE.parent / 'd/codes.csv').read_text()\nreturn FRAME", f"reads_{n}")
        + table(f"{wait}return FRAME", f"plain_{n}")
        for n in range(2)
    )
    output = reported(make(study, code), threads=4)
    assert {line.partition(":")[0] for line in output} == {"reads_0", "reads_1"}


def test_a_use_that_was_removed_is_no_longer_reported(study: Make) -> None:
    made = make(study, table("(HERE.parent / 'd/codes.csv').read_text()\nreturn FRAME"))
    assert reported(made)
    path = Path(made.root, made.package, "tables.py")
    path.write_text(path.read_text().replace(".read_text()", ""))
    assert reported(made) == []
    assert "no input" not in explain("t", catalogue_of(made.project), read_lock(made.project))
