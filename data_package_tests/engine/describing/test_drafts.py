"""First contracts of a project's tables and raw files."""

import json
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from data_package.engine.cli.verbs import command
from data_package.engine.describing.foreign_keys import Keys
from data_package.engine.tables.loading import open_project
from data_package_tests.conftest import Make, Study

TABLES = """
    import dagster as dg
    import polars as pl

    from data_package import source_file

    admissions_file = source_file("admissions_file", "admissions_*.csv")
    visits_file = source_file("visits_file", "visits.csv")

    @dg.asset(group_name="final")
    def persons(admissions_file: pl.LazyFrame) -> pl.LazyFrame:
        \"\"\"One row per person,
        as admitted.

        More than that.
        \"\"\"
        return admissions_file.select("id", arm=pl.col("a122"), ward="ward")

    @dg.asset(group_name="final")
    def visits(visits_file: pl.LazyFrame) -> pl.LazyFrame:
        return visits_file.select("id", "day", "score", "nurse")

    @dg.asset(group_name="intermediate")
    def arms(admissions_file: pl.LazyFrame) -> pl.LazyFrame:
        by_arm = admissions_file.group_by(arm=pl.col("a122").cast(pl.Int16))
        return by_arm.agg(first=pl.col("a122").min(), persons=pl.col("id").count())
"""
RAW = """\
schema:
  fields:
    - {name: id, title: Person, description: The study's number., type: string}
    - name: a122
      title: Arm
      type: integer
      categories: [{value: 1, label: placebo}, {value: 2, label: active}]
    - {name: ward, type: string}
  primaryKey: [id]
"""
DIALECT = "# as the clinic writes it\ndialect: {delimiter: ';', headerRows: [2]}\n"


@pytest.fixture
def built(study: Make, monkeypatch: pytest.MonkeyPatch) -> Study:
    first = "".join(f"P{i:02},{i % 2 + 1},{'north' if i % 3 else 'south'}\n" for i in range(30))
    visits = "".join(f"P{i % 30:02};{i % 28 + 1:02}.01.2024;{i},5;Ann Bo\n" for i in range(90))
    made = study(
        {
            "tables.py": TABLES,
            "admissions_file.yaml": RAW,
            "visits_file.yaml": DIALECT,
            "/admissions_1.csv": f"id,a122,ward\n{first}",
            "/admissions_2.csv": "id,a122,ward\nP90,1,north\n",
            "/visits.csv": f"Export\nid;day;score;nurse\n{visits}",
        }
    )
    monkeypatch.chdir(made.root)
    assert call("describe", "visits_file", "--write").exit_code == 0
    assert call("build", "persons", "visits", "arms").exit_code == 0
    return made


def call(*words: str) -> Result:
    return CliRunner().invoke(command, list(words))


def contract(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)  # type: ignore[no-any-return]


def fields(text: str) -> dict[str, dict[str, Any]]:
    return {field["name"]: field for field in contract(text)["schema"]["fields"]}


def test_a_contract_of_nothing_but_a_dialect_is_obeyed_and_given_its_fields(built: Study) -> None:
    text = (built.root / built.package / "visits_file.yaml").read_text()
    assert text.startswith(DIALECT)
    assert [(n, f["type"], f.get("format")) for n, f in fields(text).items()] == [
        ("id", "string", None),
        ("day", "date", "%d.%m.%Y"),
        ("score", "number", None),
        ("nurse", "string", None),
    ]
    assert call("check", "visits_file").exit_code == 0


def test_words_come_from_the_docstring_and_along_the_lineage(built: Study) -> None:
    text = call("describe", "persons").stdout
    assert contract(text)["description"] == "One row per person, as admitted."
    described = fields(text)
    assert described["id"]["title"] == "Person"
    assert described["id"]["description"] == "The study's number."
    assert described["arm"]["title"] == "Arm"
    assert described["arm"]["categories"] == [
        {"value": 1, "label": "placebo"},
        {"value": 2, "label": "active"},
    ]
    assert described["ward"]["title"] == ""


def test_a_column_computed_from_another_does_not_take_its_title(built: Study) -> None:
    described = fields(call("describe", "arms").stdout)
    assert described["arm"]["title"] == "Arm"
    assert [each["label"] for each in described["arm"]["categories"]] == ["placebo", "active"]
    for name in ("first", "persons"):
        assert (described[name]["title"], described[name]["description"]) == ("", "")
        assert "categories" not in described[name]


def test_the_words_of_a_codebook_come_before_all_others(built: Study) -> None:
    (built.root / "book.csv").write_text(
        "table,field,title,description,value,label\n"
        "persons,,People,Who took part.,,\npersons,arm,,,1,Placebo\nvisits,day,Day,,,\n"
    )
    text = call("describe", "persons", "--codebook", "book.csv").stdout
    assert (contract(text)["title"], contract(text)["description"]) == ("People", "Who took part.")
    assert fields(text)["arm"]["title"] == "Arm"
    assert [one["label"] for one in fields(text)["arm"]["categories"]] == ["Placebo", ""]
    assert fields(call("describe", "visits_file", "--codebook", "book.csv").stdout)["day"]["title"]


def test_several_tables_are_described_at_once_with_the_keys_between_them(built: Study) -> None:
    (built.root / ".schemas").mkdir()
    (built.root / ".schemas" / "contract.json").write_text("{}")
    done = call("describe", "visits", "persons", "--write")
    assert done.exit_code == 0, done.output
    place = built.root / built.package
    top = "# yaml-language-server: $schema=../.schemas/contract.json\n"
    assert (place / "persons.yaml").read_text().startswith(top)
    assert contract((place / "persons.yaml").read_text())["schema"]["primaryKey"] == ["id"]
    assert contract((place / "visits.yaml").read_text())["schema"]["foreignKeys"] == [
        {"fields": ["id"], "reference": {"resource": "persons", "fields": ["id"]}}
    ]
    assert call("build").exit_code == 0
    assert call("check").exit_code == 0


def test_orphans_are_counted_and_no_key_is_proposed(built: Study) -> None:
    (built.root / "admissions_1.csv").write_text(
        "id,a122,ward\nP00,1,north\nP01,2,south\n"
        + "".join(f"P{i:02},1,north\n" for i in range(5, 30))
    )
    call("build", "persons")
    done = call("describe", "persons", "visits", "--json")
    _, second = json.loads(done.stdout)
    assert "foreignKeys" not in second["contract"]["schema"]
    assert "but 3 of its 30 values (10.0 %) are not there" in second["notes"][-1]
    assert "P02" not in done.output


def test_all_files_of_a_set_are_looked_at(built: Study) -> None:
    (built.root / built.package / "admissions_file.yaml").unlink()
    (built.root / "admissions_2.csv").write_text("id,a122,ward\nP90,NA,north\n")
    described = fields(call("describe", "admissions_file").stdout)
    assert described["a122"]["type"] == "integer"
    assert described["a122"]["missingValues"] == ["", "NA"]


def test_a_name_that_is_none_is_guessed(built: Study) -> None:
    done = call("describe", "person")
    assert "Did you mean 'persons'?" in str(done.exception)


def test_a_contract_that_is_there_is_given_the_words_and_keys_that_it_lacks(built: Study) -> None:
    place = built.root / built.package
    mine = "# mine\nschema:\n  fields:\n    - {name: id, type: string}  # the key\n"
    (place / "persons.yaml").write_text(
        mine
        + "    - {name: arm, type: integer, title: Treatment}\n    - {name: ward, type: string}\n"
        "  primaryKey: [id]\n"
    )
    days = "".join(f"    - name: {name}\n" for name in ("day", "score", "nurse"))
    (place / "visits.yaml").write_text(
        f"schema:\n  fields:\n    - {{name: id, type: string}}\n{days}"
    )
    done = call("describe", "visits", "persons", "--write")
    assert done.exit_code == 0, done.output
    assert "persons.yaml: added: the description, the title of id, " in done.output
    text = (place / "persons.yaml").read_text()
    assert text.startswith(
        mine.replace("string}", 'string, title: Person, description: "The st')[:60]
    )
    assert fields(text)["arm"]["title"] == "Treatment"
    assert [each["label"] for each in fields(text)["arm"]["categories"]] == ["placebo", "active"]
    assert fields(text)["ward"] == {"name": "ward", "type": "string"}
    assert contract((place / "visits.yaml").read_text())["schema"]["foreignKeys"] == [
        {"fields": ["id"], "reference": {"resource": "persons", "fields": ["id"]}}
    ]
    assert call("describe", "visits", "persons", "--write").output.count("added") == 0


def test_tables_of_one_kind_share_keys_and_do_not_refer_to_each_other(study: Make) -> None:
    code = """
    import dagster as dg
    import polars as pl

    @dg.asset
    def north() -> pl.DataFrame:
        return pl.DataFrame({"id": ["a", "b", "c"], "age": [1, 2, 3]})

    @dg.asset
    def south() -> pl.DataFrame:
        return pl.DataFrame({"id": ["a", "b"], "age": [1, 2]})

    @dg.asset
    def visits() -> pl.DataFrame:
        return pl.DataFrame({"id": ["a", "b"], "day": [1, 2]})
    """
    made = study({"tables.py": code})
    assert made.build().ok
    catalogue, _ = open_project(made.project)
    keys = Keys(catalogue, list(catalogue.tables.values()))
    keys.note_key("north", {"schema": {"primaryKey": ["id"]}})
    described = {"schema": {"fields": [{"name": "id", "type": "string"}]}}
    (south, _), (visits, _) = (keys.put_into(name, described) for name in ("south", "visits"))
    assert "foreignKeys" not in str(south)
    assert "'resource': 'north'" in str(visits)
