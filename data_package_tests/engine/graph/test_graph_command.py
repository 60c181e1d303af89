"""`data-package graph` and `status --graph` on a project."""

import json

import pytest
from click.testing import CliRunner, Result

from data_package.engine.cli.verbs import command
from data_package.engine.errors import ProjectError
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import RAW_PEOPLE

pytestmark = pytest.mark.slow

TABLES = (
    RAW_PEOPLE
    + """
@dg.asset(group_name="intermediate")
def grown(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.filter(pl.col("age") >= 18)


@dg.asset(group_name="intermediate")
def broken(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select(pl.col("name").cast(pl.Int64))


@dg.asset(group_name="intermediate")
def late(broken: pl.LazyFrame) -> pl.LazyFrame:
    return broken
"""
)


def ask(*words: str) -> Result:
    return CliRunner().invoke(command, [*words], catch_exceptions=True)


@pytest.fixture
def people(study: Make, monkeypatch: pytest.MonkeyPatch) -> Study:
    made = study({"tables.py": TABLES, "/people.csv": "name,age\nSECRET,41\n"})
    assert not made.build().ok
    monkeypatch.chdir(made.root)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return made


def test_it_gives_the_state_of_each_table_when_it_was_made_and_no_value(people: Study) -> None:
    people.write({"tables.py": TABLES.replace(">= 18", ">= 21")})
    facts = {node["name"]: node for node in json.loads(ask("graph", "--json").output)["nodes"]}
    assert {name: node["state"] for name, node in facts.items()} == {
        "people_file": "file",
        "people": "fresh",
        "grown": "stale",
        "broken": "failed",
        "late": "missing",
    }
    assert facts["people"]["facts"]["rows"] == "1"
    assert {"last made", "run", "seconds", "fingerprint"} <= facts["people"]["facts"].keys()
    assert facts["late"]["inputs"] == ["broken"]
    assert "cannot be converted" in facts["broken"]["facts"]["error"]
    assert "SECRET" not in json.dumps(facts)


def test_the_page_is_private_and_its_path_is_reported(people: Study) -> None:
    for words in (["graph"], ["status", "--graph"]):
        path = people.storage / "graph.html"
        path.unlink(missing_ok=True)
        assert ask(*words).output.strip() == str(path)
        assert path.stat().st_mode & 0o077 == 0
        assert "SECRET" not in path.read_text()


def test_each_form_goes_where_it_is_sent(people: Study) -> None:
    assert ask("graph", "--format", "mermaid").output.startswith("flowchart LR")
    assert ask("graph", "--format", "dot").output.startswith("digraph {")
    for name, start in (("g.svg", b"<svg"), ("g.png", b"\x89PNG"), ("g.mmd", b"flowchart")):
        ask("graph", "-o", name)
        assert (people.root / name).read_bytes().startswith(start)
    problem = ask("graph", "-o", "nowhere/g.svg").exception
    assert isinstance(problem, ProjectError)
    assert "There is no folder nowhere" in str(problem)


def test_a_device_is_written_into_and_a_link_is_followed(people: Study) -> None:
    device, link, target = (people.root / name for name in ("device", "link.svg", "target.svg"))
    device.symlink_to("/dev/null")
    link.symlink_to(target)
    for path in (device, link):
        assert ask("graph", "-o", str(path)).exit_code == 0
        assert path.is_symlink()
    assert target.read_bytes().startswith(b"<svg")
    assert not device.is_file()


def test_an_ending_that_no_form_has_is_reported(people: Study) -> None:
    answer = ask("graph", "-o", "g.txt")
    assert (answer.exit_code, "No format has the ending .txt" in answer.output) == (2, True)
    assert not (people.root / "g.txt").exists()
