"""The texts of a project's files, from what is known when it is made."""

import json
from collections.abc import Iterable, Sequence

from data_package.engine import schema
from data_package.engine.scaffold.drafted_files import DraftedTable
from data_package.engine.scaffold.origin import Origin
from data_package.engine.schema.plain_names import is_expression

_WIDTH = 100

GITIGNORE = """\
# Code, contracts and documents are committed. Everything else is not: data cannot be by accident.
*
!*/
!.gitignore
!.gitattributes
!*.py
!*.yaml
!*.yml
!*.toml
!*.md
!*.cff
!/constraints.txt
!/requirements*.txt
!/.schemas/*.json
# Vocabularies that contracts share.
!/*/shared/*.csv
!/src/*/shared/*.csv
!/data-package.lock
/storage/
/deliveries/
.venv/
__pycache__/
.*.tmp
"""

GITATTRIBUTES = """\
# Let git merge the lock file entry by entry; once in each clone:
#   git config merge.data-package-lock.driver "data-package merge-lock %O %A %B"
/data-package.lock merge=data-package-lock
"""

WORKSPACE = """\
load_from:
  - python_module:
      module_name: {package}.definitions
      working_directory: .
"""

DEFINITIONS = '''\
"""What Dagster's own commands load; `data-package` does without."""

import {package}
from data_package.engine.definitions import load_definitions

defs = load_definitions({package})
'''

DAGSTER = """\
# Read by Dagster's own commands when they are started in this folder.
telemetry:
  enabled: false
nux:
  enabled: false
storage:
  custom:
    module: data_package.engine.history
    class: HistoryStorage
    config:
      base_dir: storage/.dagster
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""

_METADATA = """\
# What the data package says of itself. Remove the # in front of what you fill in.
# https://datapackage.org/standard/data-package/
name: {name}
# title: {title}
# description: What the data are, whom they are about, how they were collected.
# homepage: https://example.org/{name}
# keywords: [trial, cohort]
# licenses:
#   - name: CC-BY-4.0
#     title: Creative Commons Attribution 4.0
#     path: https://creativecommons.org/licenses/by/4.0/
{contributors}
# sources:
#   - title: Where the deliveries come from
#     path: https://example.org
"""


def pyproject(name: str, package: str, engine: Origin) -> str:
    """`pyproject.toml`."""
    source = f"\n[tool.uv.sources]\ndata-package = {engine.uv_source}\n" if engine.uv_source else ""
    return f"""\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = {json.dumps(name)}
version = "0.1.0"
requires-python = ">=3.11"
dependencies = [{json.dumps(engine.requirement)}]

[project.optional-dependencies]
test = ["data-package[testing]", "pytest>=8"]

[tool.hatch.metadata]
allow-direct-references = true

[tool.hatch.build.targets.wheel]
packages = [{json.dumps(package)}]
{source}
[tool.data-package]
package = {json.dumps(package)}

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]
"""


def readme(name: str, package: str) -> str:
    """`README.md`."""
    return f"""\
# {name}

The tables are the functions in `{package}/`. Everything is built, checked and published by

```sh
pip install --constraint constraints.txt --editable '.[test]'
data-package build
data-package todo      # what is left to write or to decide
python -m pytest
```

The data package is in `storage/package/`; open `storage/package/index.html`.
"""


def metadata(name: str, author: str | None) -> str:
    """`datapackage.yaml`, with every property as a comment."""
    if author:
        contributors = f"contributors:\n  - title: {_quoted(author)}\n    roles: [creator]"
    else:
        contributors = "# contributors:\n#   - title: Your name\n#     roles: [creator]"
    title = name.replace("-", " ").replace("_", " ").capitalize()
    return _METADATA.format(name=name, title=title, contributors=contributors)


def declarations(drafts: Sequence[DraftedTable], places: Sequence[str]) -> str:
    """The lines that declare raw files."""
    return "".join(
        f"{draft.file} = source_file({_quoted(draft.file)}, {_quoted(place)}"
        + (f", bad={_quoted(draft.bad)}" if draft.bad else "")
        + ("" if draft.rows else ", may_be_empty=True")
        + ")\n"
        for draft, place in zip(drafts, places, strict=True)
    )


def delivered(drafts: Sequence[DraftedTable], places: Sequence[str]) -> str:
    """`raw/delivered.py`: the raw files; each is read by the contract of its name beside it."""
    return (
        '"""The deliveries; each is read by the contract beside this module."""\n\n'
        "from data_package import source_file\n\n" + declarations(drafts, places)
    )


def table(draft: DraftedTable) -> str:
    """The module of a final table: every column, sorted by its key."""
    columns = [_selected(name) for name in draft.columns]
    selected = ", ".join(columns)
    if len(selected) > _WIDTH - 30:
        lines = "".join(f"        {line}\n" for line in _in_lines(columns, _WIDTH - 10))
        selected = f"\n{lines}    "
    key = ", ".join(map(_selected, draft.key))
    ordered = f".sort({key})" if key else ""
    selectors = "import polars.selectors as cs\n" if any(map(is_expression, draft.columns)) else ""
    return f'''\
import dagster as dg
import polars as pl
{selectors}

@dg.asset
def {draft.name}({draft.file}: pl.LazyFrame) -> pl.LazyFrame:
    """Every row of {_quoted(draft.path.name)[1:-1]}."""
    return {draft.file}.select({selected}){ordered}
'''


def _selected(name: str) -> str:
    """A column in an argument of `select`, which takes some names for expressions."""
    return f"cs.by_name({_quoted(name)})" if is_expression(name) else _quoted(name)


def _in_lines(literals: Iterable[str], width: int) -> list[str]:
    """Literals with a comma behind each, as many in a line as fit; none is broken."""
    lines: list[str] = []
    for one in literals:
        if lines and len(lines[-1]) + len(one) + 2 <= width:
            lines[-1] += f" {one},"
        else:
            lines.append(f"{one},")
    return lines


def contract(draft: DraftedTable) -> str:
    """The final table's contract, with what could be a foreign key but has orphans as comments."""
    notes = [link.note for link in draft.links if link.orphans]
    return "".join(f"# {note}\n" for note in notes) + schema.contract_text(draft.final)


def raw_contract(draft: DraftedTable) -> str:
    """The raw file's contract."""
    return schema.contract_text(draft.delivered)


def test(drafts: Sequence[DraftedTable], package: str) -> str:
    """`tests/test_tables.py`: each final table on made-up rows, checked against its contract."""
    imports = "".join(
        f"from {package}.final.{draft.name} import {draft.name}\n"
        for draft in sorted(drafts, key=lambda draft: draft.name)
    )
    tests = "".join(
        f"\n\ndef test_{draft.name}() -> None:\n"
        f'    rows = testing.sample("{draft.file}", rows=20).lazy()\n'
        f'    testing.assert_keeps_contract({draft.name}(rows), "{draft.name}")\n'
        for draft in drafts
    )
    return (
        '"""The tables on made-up rows: no test needs the deliveries."""\n\n'
        f"from data_package import testing\n{imports}{tests}"
    )


def _quoted(text: str) -> str:
    """A text as a literal of Python, TOML and YAML."""
    return json.dumps(text, ensure_ascii=False)
