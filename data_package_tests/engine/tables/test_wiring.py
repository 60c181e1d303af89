"""Tables are found wherever they stand, and what cannot work is reported before anything runs."""

import dagster as dg
import pytest

from data_package.engine.errors import ProjectError
from data_package_tests.conftest import Make, Study

HEADER = "import dagster as dg\nimport polars as pl\nfrom pathlib import Path\n"


def refused(study: Study) -> str:
    with pytest.raises(ProjectError) as caught:
        study.definitions()
    return str(caught.value)


def test_tables_in_one_oddly_named_module_are_found_and_built(study: Make) -> None:
    project = study(
        {
            "zz9_plural.py": HEADER
            + """
@dg.asset
def numbers() -> pl.LazyFrame:
    return pl.LazyFrame({"n": [1, 2, 3]})

@dg.asset(group_name="summaries")
def total(numbers: pl.DataFrame) -> pl.DataFrame:
    return numbers.sum()
"""
        }
    )
    result = project.build()
    assert result.ok
    assert [(t.name, t.rows) for t in result.tables] == [("numbers", 3), ("total", 1)]
    assert (project.storage / "summaries" / "total.parquet").is_file()


def test_annotations_that_are_strings_decide_scan_or_load(study: Make) -> None:
    project = study(
        {
            "t.py": "from __future__ import annotations\n"
            + HEADER
            + """
from data_package import source_file
lines_file = source_file("lines_file", "lines.csv")

@dg.asset
def lines(lines_file: Path) -> pl.LazyFrame:
    assert isinstance(lines_file, Path)
    return pl.scan_csv(lines_file)

@dg.asset
def loaded(lines: pl.DataFrame) -> pl.DataFrame:
    assert isinstance(lines, pl.DataFrame)
    return lines

@dg.asset
def scanned(lines: pl.LazyFrame) -> pl.LazyFrame:
    assert isinstance(lines, pl.LazyFrame)
    return lines
""",
            "/lines.csv": "a\n1\n",
        }
    )
    assert project.build().ok


def test_several_raw_files_arrive_as_a_list_in_a_fixed_order(study: Make) -> None:
    project = study(
        {
            "t.py": HEADER
            + """
from data_package import source_file
parts_file = source_file("parts_file", "in/*.csv")

@dg.asset
def parts(parts_file: list[Path]) -> pl.LazyFrame:
    assert [p.name for p in parts_file] == ["a.csv", "b.csv"]
    return pl.scan_csv(parts_file)
""",
            "/in/b.csv": "a\n2\n",
            "/in/a.csv": "a\n1\n",
        }
    )
    assert project.build()["parts"].rows == 2


def test_the_group_comes_from_the_folder_and_the_decorator_overrides_it(study: Make) -> None:
    project = study(
        {
            "raw/deep/one.py": HEADER
            + '@dg.asset\ndef one() -> pl.LazyFrame:\n    """One row. And more words."""\n',
            "raw/__init__.py": "",
            "raw/deep/__init__.py": "",
            "raw/two.py": HEADER + "@dg.asset(group_name='x')\ndef two() -> pl.LazyFrame: ...\n",
        }
    )
    specs = {s.key.to_user_string(): s for s in project.definitions().resolve_all_asset_specs()}
    assert specs["one"].group_name == "raw"
    assert specs["two"].group_name == "x"
    assert specs["one"].description == "One row."
    assert specs["one"].kinds == {"polars", "parquet"}


def test_a_parameter_that_names_no_asset_is_reported_with_file_line_and_a_guess(
    study: Make,
) -> None:
    project = study(
        {
            "t.py": HEADER
            + """
@dg.asset
def people() -> pl.LazyFrame: ...

@dg.asset
def adults(
    people: pl.LazyFrame,
    peple: pl.LazyFrame,
) -> pl.LazyFrame: ...
"""
        }
    )
    message = refused(project)
    assert f"{project.package}/t.py:11: 'adults' takes 'peple'" in message
    assert "Did you mean 'people'?" in message


def test_a_parameter_that_dagster_would_not_see_is_reported(study: Make) -> None:
    project = study(
        {"t.py": HEADER + "@dg.asset\ndef a(): ...\n@dg.asset\ndef b(\n    *,\n    a,\n): ..."}
    )
    assert f"{project.package}/t.py:9: Dagster does not see the parameter 'a'" in refused(project)


def test_a_table_taken_by_two_parameters_is_reported(study: Make) -> None:
    project = study(
        {
            "t.py": HEADER
            + """
@dg.asset
def numbers() -> pl.LazyFrame: ...

@dg.asset(ins={"one": dg.AssetIn("numbers"), "other": dg.AssetIn("numbers")})
def pairs(one: pl.LazyFrame, other: pl.LazyFrame) -> pl.LazyFrame: ...
"""
        }
    )
    message = refused(project)
    assert message.startswith(f"{project.package}/t.py:8: two parameters of 'pairs' receive")


def test_a_cycle_is_reported_with_the_place_of_each_table_in_it(study: Make) -> None:
    project = study(
        {
            "t.py": HEADER
            + "@dg.asset\ndef a(b): ...\n@dg.asset\ndef b(c): ...\n@dg.asset\ndef c(a): ..."
        }
    )
    message = refused(project)
    assert "need each other" in message
    for pair in ("'a' takes 'b'", "'b' takes 'c'", "'c' takes 'a'"):
        assert pair in message


def test_a_name_taken_twice_is_reported_with_both_places(study: Make) -> None:
    table = HEADER + "@dg.asset\ndef same() -> pl.LazyFrame: ...\n"
    project = study({"one.py": table, "two.py": table})
    message = refused(project)
    assert f"{project.package}/one.py:4" in message
    assert f"{project.package}/two.py:4" in message


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import polarss\n", "No module named 'polarss'"),
        ("x = undefined_name\n", "NameError: name 'undefined_name' is not defined"),
        ("def broken(:\n", "SyntaxError"),
    ],
)
def test_a_module_that_fails_to_import_is_reported_with_file_and_line(
    study: Make, source: str, expected: str
) -> None:
    project = study({"t.py": "\n" + source})
    message = refused(project)
    assert f"{project.package}/t.py:2" in message
    assert expected in message


def test_a_module_that_fails_on_a_value_does_not_quote_it(study: Make) -> None:
    message = refused(
        study({"t.py": "import os\nint(os.environ.get('NONE', '010190') + '-1234')\n"})
    )
    assert "ValueError" in message
    assert "010190-1234" not in message


def test_a_list_of_paths_in_the_place_of_paths_is_reported(study: Make) -> None:
    expected = refused(
        study(
            {
                "t.py": HEADER
                + "from data_package import source_file\nfiles = source_file('files', ['a', 'b'])\n"
            }
        )
    )
    assert "t.py:5" in expected
    assert "takes its paths one after another, not as a list" in expected


def test_a_config_without_defaults_is_reported_when_it_is_needed(study: Make) -> None:
    project = study(
        {
            "t.py": HEADER
            + """
class Limits(dg.Config):
    low: float

@dg.asset
def numbers(config: Limits) -> pl.LazyFrame: ...
"""
        }
    )
    with pytest.raises(ProjectError, match="The config of numbers has a field without a default"):
        project.build()


def test_a_changed_value_of_a_resource_makes_its_tables_stale(study: Make) -> None:
    tables = (
        HEADER
        + """
class Register(dg.ConfigurableResource):
    year: int = 2026

@dg.asset(resource_defs={"register": Register()})
def numbers(register: Register) -> pl.LazyFrame:
    return pl.LazyFrame({"year": [register.year]})
"""
    )
    project = study({"t.py": tables})
    assert project.build().ok
    assert not project.build().tables
    project.write({"t.py": tables.replace("Register()}", "Register(year=2027)}")})
    assert [table.name for table in project.build().tables] == ["numbers"]


def test_the_users_own_assets_are_left_as_they_were(study: Make) -> None:
    project = study(
        {"t.py": HEADER + "@dg.asset\ndef a() -> pl.LazyFrame:\n    raise KeyError(1)\n"}
    )
    project.definitions()
    own = vars(__import__(f"{project.package}.t").t)["a"]
    assert isinstance(own, dg.AssetsDefinition)
    with pytest.raises(KeyError):
        own()


def test_a_project_without_settings_is_reported_with_what_to_write(
    tmp_path: object, study: Make
) -> None:
    project = study({"/pyproject.toml": "[tool.data-package]\npakage = 'x'\n"})
    with pytest.raises(ProjectError, match="Did you mean 'package'"):
        _ = project.project
