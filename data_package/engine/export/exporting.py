"""Exporting: the call and its result."""

import errno
import json
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from data_package.engine.errors import BuildError, DataPackageError, ProjectError
from data_package.engine.export.content import ExportedPackage
from data_package.engine.export.documents import pages_listed
from data_package.engine.export.formats import ExportFormat, Reporter
from data_package.engine.package.descriptor import FILE_NAME
from data_package.engine.project import Project, find_project
from data_package.engine.schema.damaged import DAMAGED
from data_package.engine.storage import (
    PRIVATE_FOLDER,
    make_private_folder,
    remove,
    replace_folder,
    sweep_beside,
    sync,
    temporary_beside,
)
from data_package.engine.unusable import number_of, why_failed
from data_package.engine.versions.edition import Edition, open_built, open_edition

_MOST_LETTERS = 60


@dataclass(frozen=True)
class Exported:
    """The result of an export.

    Attributes:
        path: the file or the folder.
        tables: the number of rows of each table, by name.
        notes: what could not be exported, and what to be aware of.
    """

    path: Path
    tables: dict[str, int]
    notes: list[str]

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {"path": str(self.path), "tables": self.tables, "notes": self.notes}


def export(
    to: ExportFormat | str,
    out: Path | None = None,
    source: str | Path | None = None,
    *,
    project: Path | None = None,
    replace: bool = False,
    report: Reporter = lambda _: None,
) -> Exported:
    """Export a data package to one file, or to one folder of files.

    Args:
        to: the format.
        out: the target; by default in `storage/exports`, where an older export is replaced.
        source: a folder, a zip file or the version of a release; by default the built package.
        project: a folder of the project; by default the working directory.
        replace: whether to replace an existing `out`.
        report: is called with what is being written.

    Raises:
        ProjectError: the format or the source does not exist, `out` does, or a library is missing.
        BuildError: a table cannot be exported to this format; nothing is left behind.
    """
    form = ExportFormat.named(to)
    here = None if source is not None and out is not None else find_project(project)
    with _opened(source, here, project) as edition:
        content = ExportedPackage.of(edition)
        if out is None:
            assert here is not None
            target = here.places.exports / f"{_stem(edition)}{form.traits.ending}"
            make_private_folder(target.parent)
        else:
            target = out
            _look(target, form, replace=replace)
        sweep_beside(target.absolute())
        # All temporary files are in one folder beside the target, so that one name is swept.
        aside = temporary_beside(target.absolute())
        try:
            aside.mkdir(PRIVATE_FOLDER)
            rows = form.writer()(content, aside / "new", report)
            _put(aside / "new", target)
        except DataPackageError:
            raise
        except (Exception, *DAMAGED) as error:
            # Asked while what was written is still there, so that a full disk is seen.
            words = _in_words(error, target, edition, form)
            if words is None:
                raise
            raise BuildError(words) from None
        finally:
            remove(aside)
    return Exported(target, rows, content.notes)


def _in_words(
    error: BaseException, target: Path, edition: Edition, form: ExportFormat
) -> str | None:
    """Turn a library's error about the disk or a damaged file into one that quotes no value."""
    from pyarrow import ArrowException

    if why := why_failed(error, target.absolute().parent, Path(gettempdir())):
        said = os.strerror(number_of(error) or errno.ENOSPC)
        return f"{target} cannot be written: {said}.\n{why}"
    if isinstance(error, OSError):
        return f"{target} cannot be written: {error.strerror or type(error).__name__}."
    if isinstance(error, (*DAMAGED, ArrowException)):
        return (
            f"A table of {edition.label} cannot be read to its end: {type(error).__name__}.\n"
            "Find the damaged file: sha256sum --check SHA256SUMS"
        )
    if type(error).__module__.partition(".")[0] in form.traits.libraries:
        return (
            f"{target} cannot be written, or a table of {edition.label} cannot be read: "
            f"{type(error).__name__}."
        )
    return None


def _opened(
    source: str | Path | None, here: Project | None, start: Path | None
) -> AbstractContextManager[Edition]:
    if source is not None:
        try:
            return open_edition(source, here or find_project(start))
        except ProjectError:
            return open_edition(source, None)
    assert here is not None
    return open_built(here)


def _stem(edition: Edition) -> str:
    """The default name of an export, which is safe as a file name."""
    name = _safe(edition.text("name"), "-_") or "data-package"
    version = _safe(edition.text("version"), "-_.+")
    return f"{name}-{version}" if version else name


def _safe(text: str, signs: str) -> str:
    return "".join(c if c.isalnum() or c in signs else "-" for c in text)[:_MOST_LETTERS]


def _look(target: Path, form: ExportFormat, *, replace: bool) -> None:
    if target.exists() and not target.is_file() and not target.is_dir():
        raise ProjectError(f"{target} is a device or a pipe. Name a file.")
    if target.is_dir() and not form.traits.index:
        raise ProjectError(f"{target} is a folder. Name a file.")
    if target.is_file() and form.traits.index:
        raise ProjectError(f"{target} is a file, and {form} is a folder. Name another place.")
    if target.is_dir() and not _is_exported(target, form.traits.index):
        raise ProjectError(
            f"{target} is a folder with other files than an export. Name a new folder in it."
        )
    if target.exists() and not replace:
        raise ProjectError(f"{target} exists already. Name another place, or replace it: --force.")
    if not target.absolute().parent.is_dir():
        raise ProjectError(f"There is no folder {target.absolute().parent} to write into.")


def _is_exported(folder: Path, index: str) -> bool:
    """Whether a folder is empty, or holds only the files that its index lists."""
    names = {path.name for path in folder.iterdir()}
    try:
        return not names or names <= {index, *_listed(folder / index)}
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _listed(index: Path) -> set[str]:
    if index.name != FILE_NAME:
        return pages_listed(index.read_text(encoding="utf-8"))
    return {resource["path"] for resource in json.loads(index.read_bytes())["resources"]}


def _put(new: Path, target: Path) -> None:
    """Put the export in place in one step; until then the old one stays complete."""
    for path in [new, *new.rglob("*")]:
        sync(path)
    if new.is_dir():
        replace_folder(new, target.absolute())
    else:
        new.rename(target)
        sync(target.absolute().parent)
