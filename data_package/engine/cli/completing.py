"""Names that a shell completes: of tables, raw files and fields, without Dagster or Polars.

Tables and raw files are those of the lock file, fields those of contracts: what has not been built
yet is not offered. No message is ever printed: a shell that completes has no place for one.
"""

import tomllib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from data_package.engine.errors import DataPackageError
from data_package.engine.project import Project, find_project


def tables(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The names of tables."""
    return _items(_names(_project(), "table"), begun)


def tables_or_files(
    _ctx: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The names of tables and raw files, and files of the folder."""
    project = _project()
    names = _items([*_names(project, "table"), *_names(project, "raw")], begun)
    return [*names, CompletionItem(begun, type="file")]


def raw_files(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The names of raw files."""
    return _items(_names(_project(), "raw"), begun)


def snapshots(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The names of raw files that have been fetched."""
    project = _project()
    return _items(sorted(_document(project.snapshots)) if project is not None else (), begun)


def fields(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The names of tables and raw files, and behind a dot those of their fields."""
    project = _project()
    names = [*_names(project, "table"), *_names(project, "raw")]
    table, dot, _ = begun.rpartition(".")
    if dot and table in names and project is not None:
        return _items((f"{table}.{field}" for field in _fields(project, table)), begun)
    return _items(names, begun)


def _items(names: Iterable[str], begun: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(begun)]


def _project() -> Project | None:
    try:
        return find_project()
    except (DataPackageError, OSError):
        return None


def _names(project: Project | None, kind: str) -> list[str]:
    found = _document(project.lock).get(kind) if project is not None else None
    return sorted(found) if isinstance(found, dict) else []


def _document(path: Path) -> dict[str, object]:
    """What a file in TOML holds; nothing where it cannot be read."""
    with suppress(OSError, ValueError, RecursionError):
        return tomllib.loads(path.read_text(encoding="utf-8"))
    return {}


def _fields(project: Project, table: str) -> list[str]:
    """The fields in the contract of this name, wherever it is in the package."""
    from data_package.engine.schema.yaml_document import read_document

    with suppress(DataPackageError, OSError, ValueError, RecursionError):
        for path in sorted(project.package_folder.rglob("*.yaml")):
            if path.stem == table:
                return _names_in(read_document(path.read_text(encoding="utf-8")).value)
    return []


def _names_in(contract: object) -> list[str]:
    schema = contract.get("schema", contract) if isinstance(contract, dict) else None
    listed = schema.get("fields") if isinstance(schema, dict) else None
    fields = listed if isinstance(listed, list) else []
    named = (one.get("name") for one in fields if isinstance(one, dict))
    return [name for name in named if isinstance(name, str)]
