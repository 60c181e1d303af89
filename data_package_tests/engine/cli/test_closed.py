"""What a user, another program or a kill can leave behind ends in words."""

import json
import os
import subprocess
import sys

import pytest

from data_package.engine.staleness.lock import lock_of
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import HEADER, RAW_PEOPLE

pytestmark = pytest.mark.slow

FILES = {
    "raw.py": RAW_PEOPLE,
    "final/__init__.py": "",
    "final/persons.py": HEADER
    + """
@dg.asset
def persons(people: pl.LazyFrame) -> pl.LazyFrame:
    return people
""",
    "final/persons.yaml": "title: Persons\nschema:\n  fields: [{name: identity, type: string}]\n",
    "/people.csv": "identity\na\n",
}
# The notes of the engine's own that lie below `storage/.state`, and anything that JSON can be.
ODD = [b"", b"[]", b"5", b"null", b'{"persons": 5}', b'{"persons": [1]}', b"\xff\xfe", b"[" * 9999]
ODD += [b'{"basis": 1, "report": []}', b'{"made_of": 1, "files": [], "tables": 3, "summaries": 4}']


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Study:
    from data_package_tests.conftest import new_study

    study = new_study(tmp_path_factory.mktemp("closed"), FILES)
    assert study.verb("build").returncode == 0
    return study


def notes(study: Study) -> list[str]:
    state = study.storage / ".state"
    kept = (".json", ".jsonl", ".journal")
    return sorted(str(p.relative_to(state)) for p in state.rglob("*") if p.suffix in kept)


@pytest.mark.parametrize("odd", ODD, ids=[repr(text[:12]) for text in ODD])
def test_odd_notes_are_found_out_again(built: Study, odd: bytes) -> None:
    before = (built.root / "data-package.lock").read_bytes()
    names = notes(built)
    assert {"hashes.json", "failures.jsonl"} & set(names) | {"hashes.json"} <= set(names)
    for name in {*names, "failures.jsonl", "lock.journal"}:
        (built.storage / ".state" / name).write_bytes(odd)
    for verb in (["status"], ["build"], ["why", "persons"], ["check"]):
        done = built.verb(*verb)
        assert done.returncode == 0, (verb, done.stderr)
        assert "Traceback" not in done.stderr
        assert "itself failed" not in done.stderr
    assert (built.root / "data-package.lock").read_bytes() == before


def test_a_wrong_package_name_is_reported(study: Make) -> None:
    project = study(FILES)
    assert project.verb("build").returncode == 0
    settings = project.root / "pyproject.toml"
    settings.write_text(settings.read_text().replace(project.package, "elsewhere"))
    for verb in ("build", "status", "ui"):
        done = project.verb(verb)
        assert done.returncode == 2
        assert "names the package 'elsewhere', but there is no such folder" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["build", "status", "--help"])
def test_a_pipe_that_is_cut_is_not_a_failure(built: Study, verb: str) -> None:
    words = f"{sys.executable} -m data_package {verb} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", words],
        cwd=built.root,
        env=built.environment() | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0\n"
    assert done.stderr == ""


def test_a_cut_pipe_does_not_hide_a_failure(study: Make) -> None:
    project = study({**FILES, "/people.csv": "other\na\n"})
    words = f"{sys.executable} -m data_package build 2>&1 | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", words],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"


def test_a_lock_that_cannot_be_written_is_reported_before_anything_runs(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path

    project = study(FILES)
    assert project.build().ok
    (project.root / "people.csv").write_text("identity\nb\n")
    published = project.storage / "package" / "tables" / "persons.parquet"
    before = published.read_bytes()
    touch = Path.touch

    def refuse(path: Path, mode: int = 0o666, exist_ok: bool = True) -> None:
        if path.parent == project.root:
            raise PermissionError(13, "Permission denied", str(path))
        touch(path, mode, exist_ok)

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(Exception, match="could not be written after the build"):
        project.build()
    assert published.read_bytes() == before


def test_no_gate_passes_while_the_lock_lacks_a_build(study: Make) -> None:
    project = study(FILES)
    assert project.build().ok
    (project.root / "people.csv").write_text("identity\nb\n")
    old = (project.root / "data-package.lock").read_bytes()
    lock = lock_of(project.project)
    entry = lock.read().tables["persons"]
    # As a build does that is killed before it ends.
    from dataclasses import replace

    lock.put_table("persons", replace(entry, rows=7), {})
    assert (project.root / "data-package.lock").read_bytes() == old
    done = project.verb("status", "--check", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["unwritten"] == ["persons"]
    assert json.loads(done.stdout)["fresh"] is False
    for verb in (["verify"], ["release", "--without-git"]):
        done = project.verb(*verb)
        assert done.returncode != 0
        assert "data-package.lock does not record the present state of persons" in done.stderr
    assert project.build().ok
    assert json.loads(project.verb("status", "--json").stdout)["unwritten"] == []


def test_a_fault_of_the_engine_is_reported_without_its_words(study: Make) -> None:
    project = study(FILES)
    script = (
        "import sys; from data_package.engine import cli\n"
        "def fault(_): raise ValueError('Secret-47')\n"
        "cli.shortcut = fault; cli.main()"
    )
    done = project.run(sys.executable, "-c", script, "build")
    assert done.returncode == 1
    assert "data-package itself failed, with ValueError." in done.stderr
    assert "Secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_results_behave_as_people_expect(study: Make) -> None:
    result = study(FILES).build()
    assert "persons" in result
    assert "others" not in result
    assert [table.name for table in result] == ["people", "persons"]
    page = result._repr_html_()
    assert ">persons</td>" in page
    assert ">rows</th>" in page


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can build in a folder of another user")
def test_a_build_in_the_storage_of_another_user_says_so(study: Make) -> None:
    project = study(FILES)
    project.storage.mkdir()
    os.chown(project.storage, 65534, 65534)
    done = project.verb("build")
    assert done.returncode == 0
    assert "storage belongs to" in done.stderr
