"""Assets that are no tables are fresh or stale as tables are, by their code and inputs."""

import hashlib
import json
import pickle
from pathlib import Path

import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.staleness.lock import read_lock
from data_package.engine.staleness.status import explain
from data_package.engine.states import Status
from data_package.engine.tables.loading import open_project
from data_package_tests.conftest import Make, Study

HEADER = """\
from pathlib import Path
import tempfile

import dagster as dg
import polars as pl

@dg.asset
def people() -> pl.DataFrame:
    return pl.DataFrame({"age": [AGE, 50]})
"""


def source(text: str, age: int = 20) -> str:
    return HEADER.replace("AGE", str(age)) + text


def ran(project: Study) -> list[str]:
    result = project.build()
    assert result.ok, result.explain()
    return [table.name for table in result.tables if table.status is Status.BUILT]


NOTHING = [
    "def note({}): pass",
    "def note({}) -> None: pass",
    "def note({}): return dg.MaterializeResult(metadata={{'n': 3}})",
    "def note({}) -> dg.MaterializeResult: return dg.MaterializeResult(metadata={{'n': 3}})",
    "def note({}): yield dg.MaterializeResult(metadata={{'n': 3}})",
]


@pytest.mark.parametrize("function", NOTHING)
def test_a_function_that_returns_nothing_runs_when_its_code_or_its_input_has_changed(
    study: Make, function: str
) -> None:
    text = "\n@dg.asset\n" + function.format("people: pl.DataFrame") + "\n"
    project = study({"tables.py": source(text)})
    assert ran(project) == ["people", "note"]
    assert ran(project) == []
    project.write({"tables.py": source(text, age=21)})
    assert ran(project) == ["people", "note"]
    project.write({"tables.py": source(text.replace("pass", "print()").replace("3", "4"), age=21)})
    assert ran(project) == ["note"]
    assert ran(project) == []


def test_several_assets_that_one_function_makes_without_a_value_are_made_once(study: Make) -> None:
    text = """
@dg.multi_asset(specs=[dg.AssetSpec("one", deps=[people]), dg.AssetSpec("two")])
def both():
    yield dg.MaterializeResult(asset_key="one")
    yield dg.MaterializeResult(asset_key="two")

@dg.asset(deps=["two"])
def after() -> pl.DataFrame:
    return pl.DataFrame({"n": [1]})
"""
    project = study({"tables.py": source(text)})
    assert sorted(ran(project)) == ["after", "one", "people", "two"]
    assert ran(project) == []


def test_a_note_that_is_gone_counts_as_never_made_here(study: Make) -> None:
    project = study({"tables.py": source("\n@dg.asset\ndef note(people: pl.DataFrame): pass\n")})
    ran(project)
    project.project.places.made.joinpath("note.json").unlink()
    assert ran(project) == ["note"]


MODEL = """
def manager(folder):
    class Pickles(dg.ConfigurableIOManager):
        def handle_output(self, context, obj):
            import pickle
            path = Path(folder, "model.pickle")
            path.write_bytes(pickle.dumps(obj))
            context.add_output_metadata({"path": dg.MetadataValue.path(str(path))})
        def load_input(self, context):
            import pickle
            return pickle.loads(Path(folder, "model.pickle").read_bytes())
    return Pickles()

@dg.asset(ASKED)
def model(people: pl.DataFrame) -> dict:
    return {"mean": people["age"].mean()}

@dg.asset
def predicted(model: dict, people: pl.LazyFrame) -> pl.LazyFrame:
    return people.with_columns(expected=pl.lit(model["mean"]))
"""


@pytest.mark.parametrize(
    "asked",
    [
        "io_manager_def=manager({!r})",
        "io_manager_key='pick', resource_defs={{'pick': manager({!r})}}",
    ],
)
def test_a_model_that_another_io_manager_keeps_is_listed_beside_the_tables(
    study: Make, tmp_path: Path, asked: str
) -> None:
    model = MODEL.replace("ASKED", asked.format(str(tmp_path)))
    project = study({"tables.py": source(model)})
    assert ran(project) == ["people", "model", "predicted"]
    assert pickle.loads((tmp_path / "model.pickle").read_bytes()) == {"mean": 35.0}
    assert ran(project) == []
    project.write({"tables.py": source(model, age=30)})
    assert ran(project) == ["people", "model", "predicted"]
    (tmp_path / "model.pickle").unlink()
    # Its content does not change, so the table that uses it need not run.
    assert ran(project) == ["model"]


def test_a_file_that_a_function_returns_is_kept_by_the_name_of_its_asset(study: Make) -> None:
    text = """
@dg.asset(group_name="figures")
def curve(people: pl.DataFrame) -> Path:
    path = Path(tempfile.mkdtemp(), "anything.SVG")
    path.write_text(f"<svg>{people['age'].max()}</svg>")
    return path

@dg.asset
def measured(curve: Path) -> pl.DataFrame:
    return pl.DataFrame({"size": [curve.stat().st_size]})
"""
    project = study({"tables.py": source(text)})
    assert ran(project) == ["people", "measured", "curve"]
    kept = project.storage / "figures" / "curve.svg"
    assert kept.read_text() == "<svg>50</svg>"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert ran(project) == []
    kept.write_text("other")
    assert ran(project) == ["curve"]
    project.write({"tables.py": source(text.replace("anything.SVG", "anything.html"))})
    assert ran(project) == ["curve"]
    assert [path.name for path in kept.parent.iterdir()] == ["curve.html"]
    entry = read_lock(project.project).tables["curve"]
    assert (entry.kept, entry.rows) == ("file", 0)


def test_a_file_of_the_project_itself_is_copied_and_what_tempfile_made_is_taken(
    study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    text = """
@dg.asset
def terms() -> Path:
    return Path(__file__).with_name("terms.txt")

@dg.asset
def drawn() -> Path:
    path = Path(tempfile.mkdtemp(), "x.txt")
    path.write_text("drawn")
    return path
"""
    project = study({"tables.py": source(text), "terms.txt": "All rights."})
    ran(project)
    assert (project.root / project.package / "terms.txt").read_text() == "All rights."
    assert (project.storage / "default" / "drawn.txt").read_text() == "drawn"
    assert not list(tmp_path.glob("tmp*"))


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        ("def a() -> Path: return Path('no.txt')", "The file that 'a' returned is not there."),
        ("def a() -> Path: return Path(__file__).parent", "is a folder; pack it into one file."),
        ("def a() -> pl.DataFrame: return Path(__file__)", "write `-> Path`"),
        ("def a() -> pl.DataFrame: pass", "Is a `return` missing?"),
        ("def a() -> pl.LazyFrame: return None", "is annotated to return pl.LazyFrame"),
        ("def a(): return {'x': 1}", "must return a pl.LazyFrame or a pl.DataFrame, not dict."),
        ("def a() -> Path: return pl.DataFrame()", "a Path, but returned pl.DataFrame."),
    ],
)
def test_what_a_function_returns_and_should_not_is_reported_in_words(
    study: Make, function: str, wanted: str
) -> None:
    result = study({"tables.py": source("\n@dg.asset\n" + function + "\n")}).build()
    assert wanted in result.explain()
    assert "Dagster" not in result.explain()


def test_a_table_that_takes_what_returns_nothing_is_reported_with_what_to_do(study: Make) -> None:
    text = """
@dg.asset
def note(): pass

@dg.asset
def reader(note) -> pl.DataFrame:
    return pl.DataFrame()
"""
    assert '@dg.asset(deps=["note"])' in study({"tables.py": source(text)}).build().explain()


def test_why_explains_why_an_asset_without_a_table_is_stale(study: Make) -> None:
    text = "\n@dg.asset\ndef note(people: pl.DataFrame): pass\n"
    project = study({"tables.py": source(text)})
    ran(project)
    project.write({"tables.py": source(text.replace("pass", "print(1)"))})
    project.forget()
    catalogue, _ = open_project(project.project)
    words = explain("note", catalogue, read_lock(project.project))
    assert words.startswith("note is stale:\n  function changed")


MIXED = (
    MODEL.replace("ASKED", "group_name='models', io_manager_def=manager({!r})")
    + """
@dg.asset(group_name="final")
def report(predicted: pl.DataFrame) -> Path:
    '''What was found. And more.'''
    path = Path(tempfile.mkdtemp(), "x.html")
    path.write_text("<p>seen</p>")
    return path

@dg.asset(group_name="final")
def sent(report: Path) -> None:
    '''Tells somebody.'''

@dg.asset(group_name="final")
def ages(people: pl.DataFrame) -> pl.DataFrame:
    return people
"""
)


def test_the_other_verbs_know_assets_without_a_table(study: Make, tmp_path: Path) -> None:
    project = study(
        {
            "tables.py": source(MIXED.replace("{!r}", repr(str(tmp_path)))),
            "ages.yaml": "schema: {fields: [{name: age, type: integer}]}",
        }
    )
    assert "sent" in ran(project)
    # A second build remembers that all is fresh, and a third need not look.
    assert ran(project) == []
    done = project.verb("build")
    assert "Nothing to do: 6 tables are fresh" in done.stdout
    document = json.loads((project.storage / "package" / "datapackage.json").read_text())
    assert [resource["name"] for resource in document["resources"]] == ["ages", "report"]
    (file,) = [one for one in document["resources"] if one["name"] == "report"]
    assert file["path"] == "files/report.html"
    assert (file["description"], file["mediatype"]) == ("What was found.", "text/html")
    published = project.storage / "package" / file["path"]
    assert file["hash"] == "sha256:" + hashlib.sha256(published.read_bytes()).hexdigest()
    assert "files/report.html" in (project.storage / "package" / "README.md").read_text()

    wanted = json.loads(project.verb("status", "--json").stdout)
    assert {table["state"] for table in wanted["tables"]} == {"fresh"}
    verified = json.loads(project.verb("verify", "--json").stdout)
    assert {one["name"]: one["verdict"] for one in verified["tables"]} == {
        "people": "equal", "model": "not kept here", "predicted": "equal", "report": "equal",
        "sent": "not kept here", "ages": "equal",
    }  # fmt: skip
    for words in ("why sent", "graph --format mermaid", "lineage ages", "history sent"):
        done = project.verb(*words.split())
        assert done.returncode == 0, done.stdout + done.stderr
    assert "not a table" in project.verb("describe", "report").stderr

    assert project.verb("forget", "sent").returncode == 0
    assert ran(project) == ["sent"]
    published.unlink()
    assert ran(project) == []
    assert published.is_file()


def test_files_of_a_removed_asset_are_cleaned(study: Make) -> None:
    text = """
@dg.asset(group_name="figures")
def curve() -> Path:
    path = Path(tempfile.mkdtemp(), "x.svg")
    path.write_text("<svg/>")
    return path
"""
    project = study({"tables.py": source(text)})
    ran(project)
    project.write({"tables.py": source("")})
    assert project.verb("clean", "--yes").returncode == 0
    assert not (project.storage / "figures").exists()
    assert not list(project.project.places.made.glob("*"))


def test_a_published_group_holds_nothing_that_cannot_be_published(study: Make) -> None:
    text = MODEL.replace("ASKED", "group_name='final', io_manager_def=manager('x')")
    with pytest.raises(ProjectError, match="another IO manager keeps it"):
        study({"tables.py": source(text)}).definitions()
