"""What a shell completes, and the examples that a verb's help gives."""

import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from data_package.engine.cli.verbs import command as verbs
from data_package.engine.errors import ProjectError
from data_package.engine.project import find_project

LOCK = """\
version = 1

[raw.visits_file]
bytes = 1
sha256 = "0"

[table.subjects]
rows = 1

[table.visits]
rows = 1
"""
CONTRACT = "schema:\n  fields:\n    - {name: id, type: string}\n    - {name: age}\n    - nonsense\n"
RAW = "fields: [{name: id}, {name: day}]\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    final = tmp_path / "study" / "final"
    final.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.data-package]\npackage = "study"\n')
    (tmp_path / "data-package.lock").write_text(LOCK)
    (final / "subjects.yaml").write_text(CONTRACT)
    (tmp_path / "study" / "visits_file.yaml").write_text(RAW)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def completed(line: str) -> list[str]:
    """What the last, unfinished word of a command line may become; files as `file:`."""
    *words, begun = line.split(" ")
    shell = ShellComplete(verbs, {}, "data-package", "_DATA_PACKAGE_COMPLETE")
    items = shell.get_completions(words, begun)
    return [f"file:{item.value}" if item.type == "file" else item.value for item in items]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("why ", ["subjects", "visits"]),
        ("build su", ["subjects"]),
        ("build subjects vi", ["visits"]),
        ("history v", ["visits"]),
        ("check visits_", ["visits_file", "file:visits_"]),
        ("lineage v", ["visits", "visits_file"]),
        ("lineage subjects.", ["subjects.id", "subjects.age"]),
        ("lineage visits_file.d", ["visits_file.day"]),
        ("lineage nobody.", []),
        ("schema c", ["contract"]),
        ("wh", ["why"]),
    ],
)
def test_names_are_completed(project: Path, line: str, words: list[str]) -> None:
    assert project.is_dir()
    assert completed(line) == words


@pytest.mark.parametrize("lock", ["", "version = 1\n", "[table", "table = 3\n"])
def test_a_lock_that_names_nothing_completes_nothing(project: Path, lock: str) -> None:
    (project / "data-package.lock").write_text(lock)
    assert completed("why ") == []


def test_a_contract_that_cannot_be_read_completes_nothing(project: Path) -> None:
    for text in ("{", "- a", "schema: other.yaml", "schema: {fields: 3}"):
        (project / "study" / "final" / "subjects.yaml").write_text(text)
        assert completed("lineage subjects.") == []


def test_without_a_project_nothing_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError):
        find_project()
    assert completed("why ") == []


def test_completing_loads_neither_dagster_nor_polars(project: Path) -> None:
    code = (
        "import sys\n"
        "from data_package_tests.engine.cli.test_completing import completed\n"
        "assert completed('lineage subjects.a') == ['subjects.age']\n"
        "sys.exit(bool({'dagster', 'polars'} & sys.modules.keys()))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(root)}, cwd=project, check=False
    )
    assert done.returncode == 0


@pytest.mark.parametrize("name", verbs.list_commands(click.Context(verbs)))
def test_each_verbs_help_has_an_example_that_can_be_typed(name: str, project: Path) -> None:
    assert project.is_dir()
    verb = verbs.get_command(click.Context(verbs), name)
    assert verb is not None
    assert verb.help is not None
    examples = [
        line.strip().removeprefix("Example: ")
        for line in verb.help.splitlines()
        if line.strip().startswith("Example: ")
    ]
    assert len(examples) == 1
    first, second, *words = shlex.split(examples[0].partition(">")[0])
    assert (first, second) == ("data-package", name)
    # Files need not be there.
    verb.make_context(name, words, parent=click.Context(verbs), resilient_parsing=True)
    parser = verb.make_parser(click.Context(verb))
    parser.parse_args(args=list(words))
