"""A project made from delivered files builds at once, and nothing that was there is replaced."""

import ast
import datetime as dt
import json
import os
import re
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from data_package.engine.cli.schema import json_schema
from data_package.engine.errors import ProjectError
from data_package.engine.project import find_project
from data_package.engine.scaffold import add_files, new_project, texts
from data_package.engine.scaffold.drafted_files import DraftedTable, drafts
from data_package.engine.scaffold.texts import declarations
from data_package.engine.schema import BadDataError, FileOptions, load_contract, read

PERSONS = "id,sex,age\n" + "".join(f"{at},{at % 2 + 1},{20 + at}\n" for at in range(1, 41))
VISITS = "id,day,result\n" + "".join(
    f"{at},2024-03-{day:02d},{'better' if at % 3 else 'worse'}\n"
    for at in range(1, 41)
    for day in (1, 9)
)


@pytest.fixture
def deliveries(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "from the clinic"
    folder.mkdir()
    paths = [folder / "TrialPersons.csv", folder / "visits.csv"]
    for path, text in zip(paths, (PERSONS, VISITS), strict=True):
        path.write_text(text)
    return paths


def contract(root: Path, name: str) -> dict[str, object]:
    found = yaml.safe_load((root / name).read_text())
    assert isinstance(found, dict)
    return found


def fields(root: Path, name: str) -> list[dict[str, str]]:
    schema = contract(root, name)["schema"]
    assert isinstance(schema, dict)
    found: list[dict[str, str]] = schema["fields"]
    return found


def key(root: Path, name: str) -> object:
    schema = contract(root, name)["schema"]
    assert isinstance(schema, dict)
    return schema.get("primaryKey")


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER", "PYTEST"))}
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=root,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_new_project_builds_and_its_tests_pass(tmp_path: Path, deliveries: list[Path]) -> None:
    root = tmp_path / "my-trial"
    new_project(root, deliveries)
    built = run(root, "data_package", "build", "--json")
    assert built.returncode == 0, built.stderr
    assert (root / "storage" / "package" / "datapackage.json").is_file()
    tested = run(root, "pytest", "-q", "-p", "no:cacheprovider")
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout


@pytest.mark.slow
def test_without_deliveries_it_has_an_example_that_builds(tmp_path: Path) -> None:
    root = tmp_path / "empty"
    new_project(root)
    built = run(root, "data_package", "build")
    assert built.returncode == 0, built.stderr
    assert "persons" in built.stdout


@pytest.mark.slow
def test_a_file_as_spreadsheets_write_it_in_europe_builds_at_once(tmp_path: Path) -> None:
    delivery = tmp_path / "Aufnahme.csv"
    rows = [
        f"{at};{at % 28 + 1:02d}.03.2024;{60 + at},5;{'männlich' if at % 2 else 'weiblich'}"
        for at in range(1, 41)
    ]
    delivery.write_bytes("\n".join(["id;Datum;Größe cm;Geschlecht", *rows]).encode("cp1252"))
    root = tmp_path / "studie"
    new_project(root, [delivery])
    built = run(root, "data_package", "build")
    assert built.returncode == 0, built.stderr
    frame = pl.read_parquet(root / "storage" / "final" / "aufnahme.parquet")
    assert frame.schema == {
        "id": pl.Int64,
        "Datum": pl.Date,
        "Größe cm": pl.Float64,
        "Geschlecht": pl.String,
    }
    assert frame.row(0) == (1, dt.date(2024, 3, 2), 61.5, "männlich")


def test_links_between_tables_are_found(tmp_path: Path, deliveries: list[Path]) -> None:
    root = tmp_path / "my-trial"
    new_project(root, deliveries)
    schema = contract(root, "my_trial/final/visits.yaml")["schema"]
    assert isinstance(schema, dict)
    assert schema["foreignKeys"] == [
        {"fields": ["id"], "reference": {"resource": "trial_persons", "fields": ["id"]}}
    ]
    assert "foreignKeys" not in (root / "my_trial/final/trial_persons.yaml").read_text()


def test_files_with_the_same_columns_may_be_one_table_and_refer_to_none_of_them(
    tmp_path: Path, deliveries: list[Path]
) -> None:
    later = deliveries[0].with_name("TrialPersons2.csv")
    later.write_text(PERSONS)
    written = new_project(tmp_path / "trial", [*deliveries, later])
    (note,) = written.notes
    assert note.startswith("the same columns: trial_persons, trial_persons2. ")
    links = {draft.name: [link.table for link in draft.links] for draft in written.drafts}
    assert links == {"trial_persons": [], "visits": ["trial_persons"], "trial_persons2": []}


def test_what_was_guessed_of_a_file_is_reported(tmp_path: Path) -> None:
    delivery = tmp_path / "seen.csv"
    rows = [f"{n},{n % 9 + 1:02}/{n % 8 + 1:02}/2024,\n" for n in range(30)]
    delivery.write_text("id,day,note\n" + "".join(rows))
    assert new_project(tmp_path / "trial", [delivery]).notes == [
        "seen: day: day or month may come first in its dates; it is left as text.",
        "seen: Without a value, and taken for text: note.",
    ]


def test_what_is_there_stays_as_it_is(tmp_path: Path, deliveries: list[Path]) -> None:
    root = tmp_path / "my-trial"
    root.mkdir()
    (root / "README.md").write_text("mine\n")
    (root / ".gitignore").symlink_to(root / "nowhere")
    written = new_project(root, deliveries)
    assert (root / "README.md").read_text() == "mine\n"
    assert not (root / "nowhere").exists()
    assert set(written.kept) == {"README.md", ".gitignore"}
    before = {path: path.read_bytes() for path in root.rglob("*.py")}
    again = new_project(root)
    assert {path: path.read_bytes() for path in root.rglob("*.py")} == before
    assert again.files == []


def test_a_file_that_cannot_be_described_leaves_nothing_behind(
    tmp_path: Path, deliveries: list[Path]
) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_bytes(b"\x00\x01\x02" * 100)
    root = tmp_path / "my-trial"
    with pytest.raises(ProjectError, match=r"broken\.csv"):
        new_project(root, [*deliveries, broken])
    assert not root.exists()


def test_copies_of_deliveries_are_private_and_cannot_be_committed(
    tmp_path: Path, deliveries: list[Path]
) -> None:
    root = tmp_path / "my-trial"
    written = new_project(root, deliveries)
    assert written.copied == ["deliveries/TrialPersons.csv", "deliveries/visits.csv"]
    for name in written.copied:
        assert stat.S_IMODE((root / name).stat().st_mode) == 0o600
    data = ("elsewhere/copy.sav", "elsewhere/lab.txt", "register.txt", "notes.xlsx", "loose.csv")
    for name in (*data, ".data-package.lock.7.ab.tmp", "my_trial/shared/icd10.csv"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("data")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "--all"], cwd=root, check=True)
    listed = subprocess.run(
        ["git", "ls-files"], cwd=root, check=True, capture_output=True, text=True
    ).stdout.split()
    endings = {Path(name).suffix for name in {*listed} - {"my_trial/shared/icd10.csv"}}
    assert endings <= {".py", ".yaml", ".toml", ".md", ".txt", ".lock", ""}
    assert [name for name in listed if name.endswith(".txt")] == ["constraints.txt"]
    assert "my_trial/shared/icd10.csv" in listed
    assert not [name for name in listed if "deliveries" in name]
    assert "my_trial/final/visits.py" in listed


def test_each_yaml_file_names_its_schema_to_editors(tmp_path: Path, deliveries: list[Path]) -> None:
    root = tmp_path / "my-trial"
    texts = {what: json_schema(what) for what in ("contract", "datapackage")}
    new_project(root, deliveries[:1], schemas=texts)
    add_files(find_project(root), deliveries[1:])
    written = sorted((root / "my_trial").rglob("*.yaml"))
    assert len(written) == 5
    for path in written:
        top, _, _ = path.read_text().partition("\n")
        place = path.parent / top.removeprefix("# yaml-language-server: $schema=")
        assert place.resolve().parent == root / ".schemas", path
        Draft7Validator(json.loads(place.read_text())).validate(yaml.safe_load(path.read_text()))
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    ignored = subprocess.run(
        ["git", "check-ignore", ".schemas/contract.json"], cwd=root, check=False
    )
    assert ignored.returncode == 1
    assert not (tmp_path / "other").exists()
    plain = new_project(tmp_path / "other", deliveries[:1]).root / "other/final/trial_persons.yaml"
    assert not plain.read_text().startswith("#")


def test_a_file_within_the_project_stays_where_it_is(tmp_path: Path) -> None:
    root = tmp_path / "my-trial"
    (root / "from").mkdir(parents=True)
    (root / "from" / "persons.csv").write_text(PERSONS)
    written = new_project(root, [root / "from" / "persons.csv"])
    assert written.copied == []
    assert '"from/persons.csv"' in (root / "my_trial/raw/delivered.py").read_text()


def test_a_table_is_added_without_touching_the_others(
    tmp_path: Path, deliveries: list[Path]
) -> None:
    root = tmp_path / "my-trial"
    new_project(root, deliveries[:1])
    before = {
        p: p.read_bytes() for p in root.rglob("*") if p.is_file() and p.name != "delivered.py"
    }
    written = add_files(find_project(root), deliveries[1:])
    assert {p: p.read_bytes() for p in before} == before
    assert "my_trial/final/visits.py" in written.files
    text = (root / "my_trial/raw/delivered.py").read_text()
    assert text.count("source_file(") == 2
    compile(text, "delivered.py", "exec")
    twice = add_files(find_project(root), deliveries[1:])
    assert [draft.name for draft in twice.drafts] == ["visits_2"]


def test_row_numbers_as_r_writes_them_are_not_a_field_of_the_table(tmp_path: Path) -> None:
    rows = "".join(f'"{at}",P{at % 40:02},{at % 7}\n' for at in range(1, 41))
    delivery = tmp_path / "r.csv"
    delivery.write_text(f'"","id","score"\n{rows}')
    root = new_project(tmp_path / "my-trial", [delivery]).root
    assert [one["name"] for one in fields(root, "my_trial/final/r.yaml")] == ["id", "score"]
    assert '"column 1"' not in (root / "my_trial/final/r.py").read_text()
    raw = contract(root, "my_trial/raw/r_file.yaml")
    assert "numbers the rows" in str(raw["description"])
    # Columns are found by their labels: those that are exchanged or renamed do not go unnoticed.
    assert "dialect" not in raw
    known = load_contract(root / "my_trial/raw/r_file.yaml")
    delivery.write_text('"","score","id"\n"1",5,P01\n')
    assert read(delivery, known).frame.collect().rows() == [("P01", 5)]
    delivery.write_text('"","id","other"\n"1",P01,5\n')
    with pytest.raises(BadDataError, match="score: a field without a column"):
        read(delivery, known).frame.collect()
    assert key(root, "my_trial/final/r.yaml") == ["id"]
    # The rows that the drafted test makes up keep the table's key.
    assert key(root, "my_trial/raw/r_file.yaml") == ["id"]
    # One that counts something else, or has a label, is kept.
    for text in ('"","id"\n9,a\n8,b\n', "n,id\n1,a\n2,b\n"):
        delivery.write_text(text)
        other = new_project(tmp_path / str(len(text)) / "trial", [delivery]).root
        assert len(fields(other, "trial/final/r.yaml")) == 2


def test_names_with_spaces_and_signs_are_whole_in_the_code_of_a_table(tmp_path: Path) -> None:
    names = [f"Length  no. {n} (mm) \\" for n in range(12)]
    delivery = tmp_path / 'my """\\ file.csv'
    delivery.write_text(",".join(names) + "\n" + ",".join("123456789012") + "\n")
    new_project(tmp_path / "trial", [delivery])
    (path,) = (tmp_path / "trial/trial/final").glob("my*.py")
    module = ast.parse(path.read_text())
    chosen = [one.value for one in ast.walk(module) if isinstance(one, ast.Constant)]
    assert [name for name in chosen if name in names] == names
    assert 'Every row of my """\\ file.csv.' in chosen
    assert all(len(line) <= 100 for line in path.read_text().splitlines())


def test_columns_that_polars_takes_for_expressions_are_selected_and_refer_to_each_other(
    tmp_path: Path,
) -> None:
    one, other = tmp_path / "a.csv", tmp_path / "b.csv"
    one.write_text("*,^v$,len\n" + "".join(f"{i},x,{i}.5\n" for i in range(9)))
    other.write_text("n,*\n" + "".join(f"{i},{i % 9}\n" for i in range(20)))
    new_project(tmp_path / "trial", [one, other])
    namespace: dict[str, Any] = {}
    exec((tmp_path / "trial/trial/final/a.py").read_text(), namespace)
    rows = pl.LazyFrame({"^v$": ["x", "y"], "*": [2, 1], "len": [0.5, 1.5]})
    built = namespace["a"](rows).collect()
    assert (built.columns, built.rows()) == (["*", "^v$", "len"], [(1, "y", 1.5), (2, "x", 0.5)])
    assert "foreignKeys" in (tmp_path / "trial/trial/final/b.yaml").read_text()


def test_a_codebook_fills_in_words_and_labels(tmp_path: Path, deliveries: list[Path]) -> None:
    book = tmp_path / "codebook.csv"
    book.write_text(
        "table,field,title,description,value,label\n"
        "trial_persons,sex,Sex,As registered,1,Female\n"
        "trial_persons,sex,,,2,Male\n"
        ",id,Person,,,\n"
    )
    root = tmp_path / "my-trial"
    new_project(root, deliveries, codebook=book)
    schema = contract(root, "my_trial/final/trial_persons.yaml")["schema"]
    assert isinstance(schema, dict)
    fields = {one["name"]: one for one in schema["fields"]}
    assert fields["sex"]["title"] == "Sex"
    assert fields["sex"]["categories"] == [
        {"value": 1, "label": "Female"},
        {"value": 2, "label": "Male"},
    ]
    visits = contract(root, "my_trial/final/visits.yaml")["schema"]
    assert isinstance(visits, dict)
    assert visits["fields"][0]["title"] == "Person"


def test_a_codebook_has_words_for_tables_and_is_found_by_the_names_of_files(
    tmp_path: Path, deliveries: list[Path]
) -> None:
    book = tmp_path / "codebook.csv"
    book.write_text(
        "dataset;variable;title;description\n"
        'TrialPersons.csv;;Persons;"One row\nper person"\n'
        "TrialPersons.csv;SEX;Sex;\n"
        "trial_persons;sexx;Sex;\n"
        "pressures;;Pressures;\n"
        ";;nothing;\n"
    )
    root = tmp_path / "my-trial"
    written = new_project(root, deliveries, codebook=book)
    made = contract(root, "my_trial/final/trial_persons.yaml")
    assert (made["title"], made["description"]) == ("Persons", "One row\nper person")
    schema = made["schema"]
    assert isinstance(schema, dict)
    assert {one["name"]: one["title"] for one in schema["fields"]}["sex"] == "Sex"
    assert contract(root, "my_trial/final/visits.yaml")["title"] == ""
    assert written.to_dict()["notes"] == [
        "codebook.csv:5: there is no field 'trial_persons.sexx'",
        "codebook.csv:6: there is no table for 'pressures'",
    ]


def test_a_codebook_without_fields_is_refused_with_its_line(tmp_path: Path) -> None:
    book = tmp_path / "codebook.csv"
    book.write_text("a,b\n1,2\n")
    with pytest.raises(ProjectError, match=r"codebook\.csv:1: a codebook needs a column 'field'"):
        new_project(tmp_path / "x", codebook=book)


def titles(root: Path, name: str) -> dict[str, str]:
    return {one["name"]: one["title"] for one in fields(root, name)}


def labels(root: Path, name: str) -> dict[str, list[str]]:
    schema: Any = contract(root, name)["schema"]
    return {
        one["name"]: [each["label"] for each in one.get("categories", [])]
        for one in schema["fields"]
    }


def test_the_descriptor_of_a_delivered_data_package_is_a_codebook(
    tmp_path: Path, deliveries: list[Path]
) -> None:
    folder = deliveries[0].parent
    sex = {"name": "sex", "title": "Sex", "categories": [{"value": 1, "label": "Female"}]}
    day = {"name": "day", "title": "Day", "description": 7}
    (folder / "schemas").mkdir()
    (folder / "schemas" / "visits.json").write_text(json.dumps({"fields": [day, 5, {}]}))
    (tmp_path / "secret.json").write_text(json.dumps({"fields": [{"name": "id", "title": "X"}]}))
    resources = [
        {"name": "p", "path": "TrialPersons.csv", "title": "Persons", "schema": {"fields": [sex]}},
        {"name": "v", "path": "visits.csv", "schema": "schemas/visits.json"},
        {"name": "o", "path": "visits.csv", "schema": "../secret.json"},
        {"name": "n", "path": "none.csv", "schema": {"fields": [sex, day]}},
        "not a resource",
    ]
    package = folder / "datapackage.json"
    package.write_text(json.dumps({"resources": resources}))
    written = new_project(tmp_path / "trial", deliveries, codebook=package)
    persons = contract(tmp_path / "trial", "trial/final/trial_persons.yaml")
    assert persons["title"] == "Persons"
    assert labels(tmp_path / "trial", "trial/final/trial_persons.yaml")["sex"] == ["Female", ""]
    visits = titles(tmp_path / "trial", "trial/final/visits.yaml")
    assert (visits["id"], visits["day"]) == ("", "Day")
    assert written.notes == ["datapackage.json:1: there is no table for 'none.csv'"]
    with pytest.raises(ProjectError, match=r"--codebook .*datapackage\.json"):
        new_project(tmp_path / "other", [package])


def test_a_table_schema_is_a_codebook_and_other_json_is_refused(
    tmp_path: Path, deliveries: list[Path]
) -> None:
    book = tmp_path / "schema.json"
    book.write_text(json.dumps({"fields": [{"name": "id", "title": "Person"}]}))
    new_project(tmp_path / "trial", deliveries, codebook=book)
    assert titles(tmp_path / "trial", "trial/final/visits.yaml")["id"] == "Person"
    for text, why in (("[1]", "describes no fields"), ("{", "not JSON"), ("{}", "no fields")):
        book.write_text(text)
        with pytest.raises(ProjectError, match=why):
            new_project(tmp_path / "x", codebook=book)


def test_redcaps_data_dictionary_is_a_codebook(tmp_path: Path) -> None:
    export = tmp_path / "export.csv"
    export.write_text(
        "record_id,sex,gym___0,gym____1,smokes,visit_complete\n"
        + "".join(f"{at},{at % 2 + 1},{at % 2},0,{at % 2},2\n" for at in range(1, 41))
    )
    book = tmp_path / "dictionary.csv"
    book.write_text(
        '"Variable / Field Name","Form Name","Field Type","Field Label",'
        '"Choices, Calculations, OR Slider Labels","Field Note"\n'
        'record_id,visit,text,"Study <b>ID</b>",,\n'
        'sex,visit,radio,Sex,"1, Female | 2, Male, or other",As registered\n'
        'gym,visit,checkbox,Gym,"0, Monday | -1, Never",\n'
        "smokes,visit,yesno,Smokes?,,\n"
        "total,visit,calc,Total,[a] + [b],\n"
        "hello,visit,descriptive,Welcome,,\n"
    )
    written = new_project(tmp_path / "trial", [export], codebook=book)
    name = "trial/final/export.yaml"
    assert titles(tmp_path / "trial", name) == {
        "record_id": "Study ID",
        "sex": "Sex",
        "gym___0": "Gym: Monday",
        "gym____1": "Gym: Never",
        "smokes": "Smokes?",
        "visit_complete": "Complete?",
    }
    found = labels(tmp_path / "trial", name)
    assert found["sex"] == ["Female", "Male, or other"]
    assert found["gym___0"] == ["Unchecked", "Checked"]
    assert found["smokes"] == ["No", "Yes"]
    assert found["visit_complete"] == ["Incomplete", "Unverified", "Complete"]
    assert written.notes == ["dictionary.csv:6: there is no field 'total'"]


def test_the_facts_are_json(tmp_path: Path, deliveries: list[Path]) -> None:
    facts = json.loads(json.dumps(new_project(tmp_path / "t", deliveries).to_dict()))
    assert [one["name"] for one in facts["tables"]] == ["trial_persons", "visits"]


def drafted(path: Path, text: str, **dialect: object) -> tuple[DraftedTable, list[str]]:
    path.write_text(text)
    (made,), notes = drafts([path], options=FileOptions(dialect))
    return made, notes


def test_names_of_rows_are_a_column_like_any_other(tmp_path: Path) -> None:
    text = ",mpg\nMazda,21.0\nValiant,18.1\n"
    for content in (text, text.replace("Mazda", "1")):
        made, _ = drafted(tmp_path / "cars.csv", content)
        assert made.columns == ["column 1", "mpg"]


def test_numbers_in_a_file_without_a_header_may_be_those_of_persons(tmp_path: Path) -> None:
    made, _ = drafted(tmp_path / "persons.csv", "1,f\n2,m\n", header=False)
    assert made.columns == ["column 1", "column 2"]
    assert "description" not in made.delivered["schema"]["fields"][0]  # type: ignore[index]


@pytest.mark.parametrize("bad", ["", ",", "7", "7,8,9"])
def test_a_few_bad_rows_are_left_out_and_counted(tmp_path: Path, bad: str) -> None:
    rows = "".join(f"{at},{at % 3}\n" for at in range(1, 30))
    made, _ = drafted(tmp_path / "visits.csv", f"id,arm\n{rows}{bad}\n")
    assert (made.rows, made.key, made.bad) == (29, ["id"], "reject")
    assert all(each["constraints"]["required"] for each in made.delivered["schema"]["fields"])  # type: ignore[index]
    assert made.notes == (
        'rows with errors: 1 of 30; bad="reject" leaves them out, and data-package check '
        "visits_file names them.",
    )
    assert 'visits.csv", bad="reject")' in declarations([made], ["visits.csv"])


def test_a_file_of_bad_rows_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"{at},{at % 3}\n\n" for at in range(1, 30))
    with pytest.raises(ProjectError, match=r"blank-row\), 29 times"):
        drafted(tmp_path / "visits.csv", f"id,arm\n{rows}")


def test_a_file_with_nothing_but_a_header_may_be_empty(tmp_path: Path) -> None:
    made, _ = drafted(tmp_path / "deaths.csv", "id,day\n")
    assert declarations([made], ["deaths.csv"]).endswith('"deaths.csv", may_be_empty=True)\n')


def test_what_is_said_of_a_file_goes_into_its_contract(tmp_path: Path) -> None:
    text = "Export of 2024;;\n\nid;v;w\n1;2,5;x\n2;3,5;y\n"
    made, _ = drafted(tmp_path / "visits.csv", text, headerRows=[3])
    assert made.delivered["dialect"] == {"headerRows": [3], "delimiter": ";"}
    assert (made.columns, made.rows) == (["id", "v", "w"], 2)


def test_a_part_without_a_table_does_not_stop_the_others(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README.pdf", b"%PDF-1.7\n")
        archive.writestr("visits.csv", VISITS)
    (made,), notes = drafts([path])
    assert made.name == "all_visits"
    assert len(notes) == 1
    assert notes[0].startswith("all.zip, README: no table, as it cannot be described.\n")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README.pdf", b"%PDF-1.7\n")
        archive.writestr("terms.pdf", b"%PDF-1.7\n")
    with pytest.raises(ProjectError, match="cannot be described"):
        drafts([path])


@pytest.mark.parametrize("first", [0, 1])
def test_a_column_that_numbers_the_rows_is_left_out(tmp_path: Path, first: int) -> None:
    rows = "".join(f"{at},P{at},{at % 2}\n" for at in range(first, first + 30))
    made, _ = drafted(tmp_path / "persons.csv", f",id,sex\n{rows}")
    assert (made.columns, made.key) == (["id", "sex"], ["id"])


def test_numbers_of_rows_refer_to_no_other_table(tmp_path: Path) -> None:
    for name in ("iris", "cars"):
        text = "".join(f"{at},{at * 7 % 5}.5\n" for at in range(1, 41))
        (tmp_path / f"{name}.csv").write_text(f"rownames,{name}\n{text}")
    made, _ = drafts([tmp_path / "iris.csv", tmp_path / "cars.csv"])
    assert [draft.links for draft in made] == [(), ()]


def test_no_table_has_a_name_that_its_test_uses(tmp_path: Path) -> None:
    made, _ = drafts([_csv(tmp_path / f"{name}.csv") for name in ("sample", "testing")])
    text = texts.test(made, "trial")
    names = [draft.name for draft in made]
    imported = re.findall(r"^from \S+ import (\w+)$", text, re.MULTILINE)
    assert (names, imported) == (["sample", "testing_table"], ["testing", *names])
    assert 'testing.sample("sample_file"' in text


def _csv(path: Path) -> Path:
    path.write_text("id,v\n1,a\n2,b\n")
    return path
