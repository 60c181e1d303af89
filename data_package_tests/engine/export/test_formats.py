"""Every export format is known to all that depends on it."""

import pkgutil
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from data_package.engine import export as room
from data_package.engine.cli.export import command
from data_package.engine.errors import ProjectError
from data_package.engine.export import ExportFormat, export

ROOT = Path(__file__).resolve().parents[3]


def test_each_format_has_a_module_that_writes_it_and_each_such_module_is_a_format() -> None:
    names = [module.name for module in pkgutil.iter_modules(room.__path__)]
    writers = {name for name in names if hasattr(import_module(f"{room.__name__}.{name}"), "write")}
    assert writers == {str(form) for form in ExportFormat}
    assert all(form.writer() for form in ExportFormat)


def test_what_a_format_needs_can_be_installed_with_an_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for form in ExportFormat:
        needs = extras[form.traits.extra] if form.traits.extra else []
        assert set(needs) <= {*extras["dev"], *project["dependencies"]}


def test_the_reference_has_each_format() -> None:
    reference = (ROOT / "docs" / "reference" / "commands.md").read_text()
    for form in ExportFormat:
        library = (
            f"`pip install 'data-package[{extra}]'`" if (extra := form.traits.extra) else "none"
        )
        row = f"| `{form}` | {form.traits.what} | {form.traits.lacks} | {library} |"
        assert row in reference, f"docs/reference/commands.md lacks:\n{row}"


def test_the_command_offers_each_format() -> None:
    (option,) = [each for each in command.params if "--to" in each.opts]
    assert list(option.to_info_dict()["type"]["choices"]) == list(ExportFormat)


def test_an_unknown_format_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="Did you mean 'sqlite'") as refused:
        export("sqlit", tmp_path / "out", tmp_path)
    assert "sqlite, duckdb, xlsx, csv, sav, dta, xpt, markdown, quarto" in str(refused.value)
