"""The column lineage of a project's tables, derived once for each fingerprint.

The lineage of a table depends on what its function does, on the columns of its inputs and on the
engine's code that follows them. So it is kept under a digest of the three, in
`storage/.state/lineage.json`, and derived again when the digest changes. The file may be deleted.
"""

import hashlib
import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from data_package.engine.engine_edition import edition
from data_package.engine.errors import ProjectError
from data_package.engine.lineage.column_lineage import TableLineage
from data_package.engine.lineage.derive import Input, PartitionContext, derive
from data_package.engine.lineage.following import following
from data_package.engine.project import Project
from data_package.engine.schema.damaged import DAMAGED
from data_package.engine.sources.shares import Share
from data_package.engine.storage import recalled, remember
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.io_manager import columns_digest
from data_package.engine.tables.table import Table

# What a function is followed with: the partition that it makes, if any, and its inputs.
_Case = tuple[str | None, dict[str, Input]]


def lineage_of_tables(catalogue: Catalogue, tables: Iterable[Table]) -> dict[str, TableLineage]:
    """The lineage of some tables, by the table's name."""
    project = catalogue.project
    known = _read(project)
    found: dict[str, TableLineage] = {}
    derived = False
    with following(project.package):
        for table in tables:
            cases, reason = _cases(table, catalogue)
            digest = _digest(table, cases)
            kept = known.get(table.name)
            if reason is not None:
                found[table.name] = TableLineage(reason=reason)
            elif kept is not None and kept[0] == digest:
                found[table.name] = kept[1]
            else:
                found[table.name] = _derived(table, cases, project)
                known[table.name] = digest, found[table.name]
                derived = True
    if derived:
        _write(project, {name: pair for name, pair in known.items() if name in catalogue.named})
    return found


def known_lineage(table: Table, catalogue: Catalogue) -> TableLineage | None:
    """What is known of a table's columns without calling its function; None if nothing is."""
    kept = _read_once(catalogue.project).get(table.name)
    if kept is None:
        return None
    cases, reason = _cases(table, catalogue)
    return kept[1] if reason is None and kept[0] == _digest(table, cases) else None


def _derived(table: Table, cases: Sequence[_Case], project: Project) -> TableLineage:
    """The lineage that each case leads to; none where they differ."""
    assert table.function is not None
    each_partition = []
    for part, inputs in cases:
        context = (
            PartitionContext(table.partitions.given(part)) if part and table.partitions else None
        )
        each_partition.append(derive(table.function, inputs, project.package, context))
    alike = all(one == each_partition[0] for one in each_partition)
    return each_partition[0] if alike else TableLineage(reason="its partitions are not made alike")


def _cases(table: Table, catalogue: Catalogue) -> tuple[list[_Case], str | None]:
    """What its function is followed with; of partitions the first and the last that are built."""
    parts = table.parts
    if table.partitioned:
        built = [part for part in parts if table.file(part).is_file()]
        parts = tuple(dict.fromkeys((*built[:1], *built[-1:])))
        if not parts:
            return [], "none of its partitions has been built yet"
    cases = []
    for part in parts:
        inputs, reason = _inputs(table, catalogue, part)
        if reason is not None:
            return [], reason
        cases.append((part, inputs))
    return cases, None


def _inputs(
    table: Table, catalogue: Catalogue, part: str | None
) -> tuple[dict[str, Input], str | None]:
    """What its parameters receive, with the columns as built, or why it cannot be followed."""
    inputs: dict[str, Input] = {}
    if not table.is_table:
        return inputs, "it is not a table"
    if sum(other.function is table.function for other in catalogue.tables.values()) > 1:
        return inputs, "one function makes several tables"
    taken = inspect.signature(table.function).parameters if table.function else {}
    for parameter, key in table.inputs.items():
        name = key.to_user_string()
        if parameter not in taken:
            return inputs, f"it names {name} in `deps` and takes it in no parameter"
        source = catalogue.tables.get(key)
        file = catalogue.deliveries.files.get(name)
        if source is not None and not source.is_table:
            return inputs, f"it takes {name}, which is not a table"
        if source is not None:
            taken_of = catalogue.parts_taken(table, source, part)
            keys = [key for key in taken_of if source.file(key).is_file()]
            if not keys:
                return inputs, f"it takes {name}, which has not been built yet"
            try:
                schema = source.scan(keys[0]).collect_schema()
                inputs[parameter] = Input(
                    name, schema=schema, keys=tuple(key for key in keys if key is not None)
                )
            except DAMAGED:
                return inputs, f"it takes {name}, whose file is damaged"
        elif name in table.reads:
            columns = catalogue.delivered.columns(name)
            if columns is None:
                return inputs, f"it takes {name}, which has no contract"
            inputs[parameter] = Input(name, schema=columns)
        elif file is not None:
            try:
                paths = tuple(_paths(name, table, catalogue, part))
            except ProjectError:
                return inputs, f"it takes {name}, which is missing"
            # A partition of one file takes it as a path or in a list, as annotated.
            listed = "list" in str(taken[parameter].annotation)
            several = file.is_several() if part is None else listed
            inputs[parameter] = Input(name, paths=paths, several=several)
        else:
            return inputs, f"it takes {name}, which is neither a table nor a raw file"
    return inputs, None


def _paths(name: str, table: Table, catalogue: Catalogue, part: str | None) -> list[Path]:
    """The files of a raw file that a table, or a partition of it, is handed."""
    taker = table.partitions.part(part) if table.partitions and part is not None else None
    return catalogue.deliveries.paths(name, taker, table.shares.get(name, Share.WHOLE))


def _digest(table: Table, cases: Sequence[_Case]) -> str:
    """Everything that the lineage of a table depends on."""
    parts = [edition(derive.__module__).digest(), table.fingerprint.digest]
    for part, inputs in cases:
        parts += [*([] if part is None else [part]), *_seen_in(inputs)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _seen_in(inputs: Mapping[str, Input]) -> list[str]:
    parts = []
    for parameter, one in sorted(inputs.items()):
        parts += [parameter, one.name, *one.keys]
        if one.schema is not None:
            parts.append(columns_digest(one.schema))
        else:
            # The columns of a raw file are read from it, so they are read again when it changes.
            parts += [
                f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in one.paths
            ]
    return parts


def _read_once(project: Project) -> dict[str, tuple[str, TableLineage]]:
    """The kept lineage, read again only if written since: a run asks once for each table."""
    try:
        stat = _path(project).stat()
    except OSError:
        return {}
    return _read_at(project, stat.st_ino, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1)
def _read_at(project: Project, *_stamp: int) -> dict[str, tuple[str, TableLineage]]:
    return _read(project)


def _read(project: Project) -> dict[str, tuple[str, TableLineage]]:
    return recalled(
        _path(project),
        lambda document: {
            name: (str(one["of"]), TableLineage.from_dict(one)) for name, one in document.items()
        },
        {},
    )


def _write(project: Project, known: Mapping[str, tuple[str, TableLineage]]) -> None:
    document = {
        name: {"of": digest, **lineage.to_dict()}
        for name, (digest, lineage) in sorted(known.items())
    }
    remember(_path(project), json.dumps(document, ensure_ascii=False))


def _path(project: Project) -> Path:
    return project.places.lineage
