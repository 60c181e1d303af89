"""Putting a project's files in place: what is missing, and nothing that is there."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data_package.engine.errors import ProjectError, some
from data_package.engine.project import Project, find_project
from data_package.engine.scaffold import texts
from data_package.engine.scaffold.drafted_files import (
    AS_GUESSED,
    DraftedTable,
    drafts,
    same_columns,
)
from data_package.engine.scaffold.names import identifier
from data_package.engine.scaffold.origin import constraints, origin
from data_package.engine.schema import FileOptions
from data_package.engine.schema.codebook import Codebook, read_codebook
from data_package.engine.schema.editor import SCHEMAS, modeline
from data_package.engine.storage import PRIVATE_FILE, make_private_folder, write_source

_DELIVERIES = "deliveries"
_SHOWN = 3


@dataclass
class WrittenFiles:
    """What was put in place.

    Attributes:
        root: the project's folder.
        files: files that were written, from the root.
        kept: files that were there already, and were left as they are.
        copied: deliveries that were copied into the project, from the root.
        drafts: the tables that were drafted.
        notes: what a person should look at: what the codebook names and no table has, and tables
            with the same columns.
    """

    root: Path
    files: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)
    drafts: list[DraftedTable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def put(self, name: str, text: str) -> None:
        """Write a file, unless there is one of that name."""
        path = self.root / name
        if os.path.lexists(path):
            self.kept.append(name)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_source(path, text)
        self.files.append(name)

    def put_yaml(self, name: str, text: str, *, what: str = "contract") -> None:
        """Write a file that names its JSON Schema to editors, where the project has that."""
        self.put(name, modeline(self.root / name, self.root, what) + text)

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        tables = [{"name": draft.name, "rows": draft.rows} for draft in self.drafts]
        return {
            "root": str(self.root),
            "written": self.files,
            "kept": self.kept,
            "copied": self.copied,
            "tables": tables,
            "notes": self.notes,
        }


def new_project(
    root: Path,
    deliveries: Sequence[Path] = (),
    *,
    codebook: Path | None = None,
    options: FileOptions = AS_GUESSED,
    schemas: Mapping[str, str] | None = None,
) -> WrittenFiles:
    """Make a project in a folder, with a table for each delivered file; without any, an example.

    `options` say how the files are written. `schemas` are the JSON Schemas for editors, by what
    they are for. What the folder has already stays as it is. Raises ProjectError when a file
    cannot be described, before anything is written.
    """
    words = read_codebook(codebook) if codebook else None
    package = _package_in(root) or identifier(root.resolve().name, "study")
    name = package.replace("_", "-")
    example = not deliveries and not (root / package).exists()
    made, notes = drafts(deliveries, codebook=words, options=options)
    root.mkdir(parents=True, exist_ok=True)
    written = WrittenFiles(root.resolve(), drafts=made)
    written.notes = [*notes, *_notes(words, made, others=False)]
    for what, text in (schemas or {}).items():
        written.put(f"{SCHEMAS}/{what}.json", text)
    written.put("pyproject.toml", texts.pyproject(name, package, origin()))
    written.put("constraints.txt", constraints())
    written.put(".gitignore", texts.GITIGNORE)
    written.put(".gitattributes", texts.GITATTRIBUTES)
    written.put("README.md", texts.readme(name, package))
    written.put("workspace.yaml", texts.WORKSPACE.format(package=package))
    written.put("dagster.yaml", texts.DAGSTER)
    written.put(f"{package}/__init__.py", "")
    written.put(f"{package}/definitions.py", texts.DEFINITIONS.format(package=package))
    written.put_yaml(
        f"{package}/datapackage.yaml", texts.metadata(name, _author(root)), what="datapackage"
    )
    if example:
        sample = written.root / _DELIVERIES / "persons.csv"
        _put_example(sample)
        written.copied.append(sample.relative_to(written.root).as_posix())
        made, _ = drafts([sample], codebook=words)
        written.drafts = made
    _put_tables(written, package, made)
    return written


def add_files(
    project: Project,
    deliveries: Sequence[Path],
    *,
    codebook: Path | None = None,
    options: FileOptions = AS_GUESSED,
) -> WrittenFiles:
    """Add a table for each delivered file to a project; nothing that is there changes.

    `options` say how the files are written. Raises ProjectError when a file cannot be described,
    before anything is written.
    """
    words: Codebook | None = read_codebook(codebook) if codebook else None
    folder = project.package_folder
    taken = {path.stem.removesuffix("_file") for path in folder.rglob("*.yaml")}
    taken |= {path.stem for path in folder.rglob("*.py")}
    made, notes = drafts(deliveries, taken=sorted(taken), codebook=words, options=options)
    notes += _notes(words, made, others=True)
    written = WrittenFiles(project.root, drafts=made, notes=notes)
    _put_tables(written, project.relative(folder), made)
    return written


def _put_tables(written: WrittenFiles, package: str, made: Sequence[DraftedTable]) -> None:
    if not made:
        return
    place_of = {path: _place(path, written) for path in dict.fromkeys(d.path for d in made)}
    places = [place_of[draft.path] for draft in made]
    for group in ("raw", "final"):
        written.put(f"{package}/{group}/__init__.py", "")
    module = written.root / package / "raw" / "delivered.py"
    if module.exists():
        _append(module, texts.declarations(made, places))
        written.files.append(module.relative_to(written.root).as_posix())
    else:
        written.put(f"{package}/raw/delivered.py", texts.delivered(made, places))
    for draft in made:
        written.put_yaml(f"{package}/raw/{draft.file}.yaml", texts.raw_contract(draft))
        written.put(f"{package}/final/{draft.name}.py", texts.table(draft))
        written.put_yaml(f"{package}/final/{draft.name}.yaml", texts.contract(draft))
    name = "tests/test_tables.py"
    if (written.root / name).exists():
        name = f"tests/test_{'_'.join(draft.name for draft in made)[:60]}.py"
    written.put(name, texts.test(made, package.replace("/", ".").removeprefix("src.")))


def _notes(words: Codebook | None, made: Sequence[DraftedTable], *, others: bool) -> list[str]:
    """What was guessed of files, what a codebook names and no table has, tables that could be one.

    Of the example nothing is expected.
    """
    tables = {draft.name: draft.columns for draft in made}
    unused = words.unused(tables, others=others) if words and made else []
    alike = [
        f"the same columns: {some(names, _SHOWN)}. If these are deliveries of one table, declare "
        "one raw file with a pattern, such as deliveries/*.csv."
        for names in same_columns(made)
    ]
    return [*(f"{draft.name}: {note}" for draft in made for note in draft.notes), *unused, *alike]


def _append(module: Path, lines: str) -> None:
    text = module.read_text(encoding="utf-8")
    if "import source_file" not in text:
        lines = f"\nfrom data_package import source_file\n\n{lines}"
    gap = "" if not text or text.endswith("\n") else "\n"
    write_source(module, text + gap + lines)


def _place(path: Path, written: WrittenFiles) -> str:
    """Where a delivery is, from the project's root; one from elsewhere is copied into it."""
    path = path.resolve()
    if path.is_relative_to(written.root):
        return path.relative_to(written.root).as_posix()
    target = make_private_folder(written.root / _DELIVERIES) / path.name
    number = 2
    while target.exists():
        target = target.with_name(f"{path.stem}_{number}{path.suffix}")
        number += 1
    shutil.copyfile(path, target)
    target.chmod(PRIVATE_FILE)
    shown = target.relative_to(written.root).as_posix()
    written.copied.append(shown)
    return shown


def _package_in(root: Path) -> str | None:
    """The package that a project in this very folder names already."""
    if not (root / "pyproject.toml").is_file():
        return None
    try:
        project = find_project(root)
    except ProjectError as error:
        raise ProjectError(
            f"{error}\n`new` adds what a project lacks, but changes no pyproject.toml."
        ) from None
    return project.package if project.root == root.resolve() else None


def _author(root: Path) -> str | None:
    """The name that git knows the user by."""
    where = next((place for place in (root, *root.parents) if place.is_dir()), Path.cwd())
    try:
        answer = subprocess.run(
            ["git", "config", "user.name"],  # noqa: S607
            cwd=where,
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None


def _put_example(path: Path) -> None:
    make_private_folder(path.parent)
    rows = [
        f"P{number:02d},{1940 + number * 7 % 50},{'fm'[number % 2]},{140 + number * 13 % 45}"
        for number in range(1, 25)
    ]
    path.write_text("\n".join(["person,born,sex,height_cm", *rows]) + "\n", encoding="utf-8")
    path.chmod(PRIVATE_FILE)
