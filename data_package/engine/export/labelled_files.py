"""Files of a statistical program, one a table, and a descriptor with what those cannot hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from data_package.engine.export.content import (
    ExportedPackage,
    ExportedTable,
    file_name,
    refuse,
    same_but_for_case,
    values,
)
from data_package.engine.export.labelled_columns import (
    LabelledColumns,
    Limits,
    columns_of,
    faults_of_names,
    labels_for,
    narrowed,
    shortened,
)
from data_package.engine.package.descriptor import FILE_NAME, to_json
from data_package.engine.storage import PRIVATE_FILE, hash_file, make_private_folder, write_private


@dataclass(frozen=True)
class Labelled:
    """A table as a program holds it.

    Attributes:
        frame: its rows.
        title: its label.
        titles: the labels of its fields, by name.
        labels: the labels of values, by name.
        missing: what stands for a missing number that has a reason, by name.
    """

    table: ExportedTable
    frame: pl.DataFrame
    title: str
    titles: Mapping[str, str]
    labels: Mapping[str, Mapping[object, str]]
    missing: Mapping[str, Sequence[int | str]]


def write_files(
    content: ExportedPackage,
    folder: Path,
    report: Callable[[str], None],
    *,
    ending: str,
    mediatype: str,
    limits_of: Callable[[ExportedTable], Limits],
    write_file: Callable[[Labelled, Limits, Path], None],
) -> dict[str, int]:
    """Write a new folder with a file for each table.

    Raises BuildError before anything is written where the program cannot hold a table.
    """
    limits = {table.name: limits_of(table) for table in content.tables}
    found = _looked_through(content, limits)
    make_private_folder(folder)
    taken: set[str] = set()
    resources = []
    for table in content.tables:
        report(f"writing {table.name}")
        path = folder / file_name(table.name, ending, taken)
        path.touch(PRIVATE_FILE, exist_ok=False)
        own = limits[table.name]
        write_file(_labelled(content, table, found[table.name], own), own, path)
        resources.append(_resource(table, path, mediatype))
    write_private(folder / FILE_NAME, to_json({**content.document, "resources": resources}))
    return {table.name: table.rows for table in content.tables}


def _looked_through(
    content: ExportedPackage, limits: Mapping[str, Limits]
) -> Mapping[str, LabelledColumns]:
    """What becomes of each table's columns; raises BuildError with all that cannot be held."""
    found: dict[str, LabelledColumns] = {}
    faults: list[str] = []
    for table in content.tables:
        own = limits[table.name]
        faults.extend(faults_of_names(table, own))
        if own.folds_case:
            faults.extend(
                f"the fields {a!r} and {b!r} of {table.name!r}: their names differ in case only"
                for a, b in same_but_for_case(table.columns)
            )
        if len(table.columns) > own.most_columns:
            # A fault already; what becomes of so many is not looked at.
            continue
        columns = found[table.name] = columns_of(table, own)
        faults.extend(columns.faults)
    if content.tables:
        refuse(limits[content.tables[0].name].program, faults)
    for table in content.tables:
        columns = found[table.name]
        content.notes.extend(columns.notes)
        if columns.as_text:
            listed = ", ".join(columns.as_text)
            content.notes.append(f"{table.name}: written as text: {listed}.")
    return found


def _labelled(
    content: ExportedPackage, table: ExportedTable, columns: LabelledColumns, limits: Limits
) -> Labelled:
    frame = narrowed(table.scan().select(columns.select).collect(engine="streaming"))
    missing = {name: tuple(codes.values()) for name, codes in columns.missing.items() if codes}
    fields = {each.name: each for each in reversed(table.contract.fields)}
    titles = {name: fields[name].title for name in frame.columns if name in fields}
    cut = {
        name: shortened(title, limits.title_length, limits.length_of)
        for name, title in titles.items()
        if title.strip()
    }
    shorter = sum(cut[name] != " ".join(titles[name].split()) for name in cut)
    if shorter:
        content.notes.append(
            f"{table.name}: {values(shorter, 'title')} cut to the {limits.title_length} that "
            f"{limits.program} holds."
        )
    labels = labels_for(columns, frame, limits)
    if lost := [name for name in columns.labels if name not in labels]:
        content.notes.append(
            f"{table.name}: labels of values are in {FILE_NAME} only: {', '.join(lost)}."
        )
    return Labelled(table, frame, table.contract.title, cut, labels, missing)


def _resource(table: ExportedTable, path: Path, mediatype: str) -> dict[str, object]:
    return {
        **table.contract.descriptor,
        "path": path.name,
        "format": path.suffix.removeprefix("."),
        "mediatype": mediatype,
        "bytes": path.stat().st_size,
        "hash": f"sha256:{hash_file(path)}",
    }
