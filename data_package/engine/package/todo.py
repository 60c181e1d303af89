"""What is left to write or to decide in a project, with the file and the line it belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass

from data_package.engine.package.asset import DataPackage
from data_package.engine.package.completeness import Gap, gap_of_subjects, gaps_of
from data_package.engine.package.metadata import FILE_NAME, read_metadata
from data_package.engine.package.statistics import subjects_of
from data_package.engine.project import Project
from data_package.engine.schema.document import Document
from data_package.engine.schema.yaml_document import read_document
from data_package.engine.tables.loading import open_project
from data_package.engine.tables.table import Table

SETTINGS = "pyproject.toml"
_SECTION = "[tool.data-package]"


@dataclass(frozen=True)
class Todo:
    """Something that is left for a person to write or decide.

    Attributes:
        file: where to write it, relative to the project's folder; it may not exist yet.
        line: the line to begin at.
        column: the column in it.
    """

    gap: Gap
    file: str
    line: int
    column: int

    def __str__(self) -> str:
        where = "" if self.gap.table is None else f"{self.gap.place}: "
        return f"{self.file}:{self.line}:{self.column}: {where}{self.gap.what}"

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "kind": str(self.gap.kind),
            "table": self.gap.table,
            "field": self.gap.field,
            "what": self.gap.what,
            "file": self.file,
            "line": self.line,
            "column": self.column,
        }


def todo_of(project: Project) -> list[Todo]:
    """Everything that is left, in the order of the files. Raises ProjectError."""
    catalogue, _ = open_project(project)
    packages = [one for one in catalogue.publications if isinstance(one, DataPackage)]
    tables = {table.resource: table for one in packages for table in one.published}
    contracts = {
        name: table.contract.descriptor if table.contract else None
        for name, table in tables.items()
    }
    places = {name: _document(table) for name, table in tables.items()}
    own = project.relative(project.package_folder / FILE_NAME)
    found = _of_subjects(project, tables)
    for gap in gaps_of(read_metadata(project), contracts):
        if gap.table is None:
            found.append(Todo(gap, own, 1, 1))
            continue
        place = places[gap.table].place(gap.path)
        file = project.relative(tables[gap.table].contract_path)
        found.append(Todo(gap, file, place.line, place.column))
    return found


def _of_subjects(project: Project, tables: Mapping[str, Table]) -> list[Todo]:
    contracts = {name: one.contract for name, one in tables.items() if one.contract is not None}
    undecided = subjects_of(contracts, project.packaging.subject).undecided
    if not undecided:
        return []
    lines = (project.root / SETTINGS).read_text(encoding="utf-8").splitlines()
    line = next((n for n, text in enumerate(lines, 1) if text.strip() == _SECTION), 1)
    return [Todo(gap_of_subjects(undecided), SETTINGS, line, 1)]


def _document(table: Table) -> Document:
    try:
        text = table.contract_path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        text = ""
    return read_document(text, spans=True)
