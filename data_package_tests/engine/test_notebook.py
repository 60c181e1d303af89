"""What a notebook shows of builds, checks, differences and the graph."""

import shutil
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest

import data_package
from data_package.engine.errors import ProjectError
from data_package_tests.conftest import Make, Study

_FIELD = "<b>age</b>"


@pytest.fixture
def patients(study: Make) -> Study:
    return study(
        {
            "tables.py": """\
                import dagster as dg
                import polars as pl
                from data_package import source_file

                ages_file = source_file("ages_file", "ages.csv")

                @dg.asset(group_name="final")
                def ages(ages_file: pl.LazyFrame) -> pl.LazyFrame:
                    return ages_file.filter(pl.col("id") != "X")
                """,
            "ages_file.yaml": "schema:\n  fields: [{name: id}, "
            f"{{name: {_FIELD}, type: integer}}]\n",
            "ages.yaml": f"title: <script>alert(1)</script>\nschema:\n  fields: [{{name: id}}, "
            f"{{name: {_FIELD}, type: integer, constraints: {{maximum: 130}}}}]\n"
            "  primaryKey: [id]\n",
            "/ages.csv": f"id,{_FIELD}\nP1,61\nP2,62\nX,7777\n",
        }
    )


def elements(html: str) -> list[str]:
    """The names of the elements of HTML that is well-formed."""
    names = [
        element.tag.rpartition("}")[2]
        for element in ElementTree.fromstring(f"<div>{html}</div>").iter()
    ]
    assert not {"script", "b", "img"} & set(names)
    return names


def test_a_notebook_shows_build_check_difference_and_graph(patients: Study, tmp_path: Path) -> None:
    root = patients.root
    built = data_package.build(project=root)
    assert elements(built._repr_html_()).count("tr") == 2

    checked = data_package.check(project=root)
    assert checked.ok
    assert "ages: 2 rows checked, no errors" in checked._repr_html_()
    assert [r.name for r in data_package.check("ages_file", project=root)] == ["ages.csv"]

    drawn = data_package.graph(root)._repr_svg_()
    assert "ages_file" in drawn
    assert "svg" in elements(drawn)

    shutil.copytree(root / "storage/package", tmp_path / "old")
    patients.write({"/ages.csv": f"id,{_FIELD}\nP1,61\nP2,5555\nX,7777\n"})
    with pytest.raises(data_package.engine.runs.BuildFailed) as failed:
        data_package.build(project=root)
    output = failed.value.result._repr_html_()
    assert "&lt;b&gt;age&lt;/b&gt;" in output
    elements(output)
    wrong = data_package.check("ages", project=root)
    assert not wrong.ok
    output = wrong._repr_html_()
    assert "above the maximum 130" in output
    assert elements(output).count("tr") == 2
    assert not any(value in output + str(wrong) for value in ("5555", "7777", "P2"))

    patients.write({"/ages.csv": f"id,{_FIELD}\nP1,61\nP2,99\n"})
    data_package.build(project=root)
    difference = data_package.diff(tmp_path / "old", project=root, rows=5)
    output = difference._repr_html_()
    assert "values changed: &lt;b&gt;age&lt;/b&gt; 1" in output
    assert elements(output).count("tr") >= 2
    assert not any(value in output for value in ("62", "99"))


def test_a_table_that_is_not_built_does_not_pass(patients: Study) -> None:
    checked = data_package.check(project=patients.root)
    assert not checked.ok
    assert str(checked) == (
        "ages: not checked\n  'ages' has not been built (table)\n  next: data-package build"
    )
    assert "'ages' has not been built" in unescape(checked._repr_html_())
    (report,) = checked
    assert report.to_dict()["ok"] is False


def test_what_cannot_be_checked_is_named(patients: Study) -> None:
    with pytest.raises(ProjectError, match="nothing"):
        data_package.check("nothing", project=patients.root)
    (patients.root / patients.package / "ages.yaml").unlink()
    with pytest.raises(ProjectError, match="'ages' has no contract"):
        data_package.check("ages", project=patients.root)
