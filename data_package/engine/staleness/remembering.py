"""What the memo has of a project whose tables are all fresh: every file that can change it.

What does not belong here: comparing it, which needs neither Dagster nor Polars (`memo`).
"""

from contextlib import suppress
from pathlib import Path

from data_package.engine.staleness import memo
from data_package.engine.tables.asset_notes import note_path
from data_package.engine.tables.catalogue import Catalogue


def remember_fresh(catalogue: Catalogue, sources: memo.Sources) -> None:
    """Note that everything is fresh, and of what: the next build compares it and ends.

    `sources` are as they were before the project was loaded. Nothing is noted where a file changes
    meanwhile.
    """
    project = catalogue.project
    globs: dict[str, list[str]] = {}
    paths: list[Path] = []
    # Notes, and files of other IO managers: their content has not been hashed yet.
    unasked: list[Path] = []
    used = {key.to_user_string() for t in catalogue.tables.values() for key in t.inputs.values()}
    for name, file in catalogue.deliveries.files.items():
        if name not in used:
            # It need not even be there.
            continue
        globs |= {pattern: memo.matches(pattern) for pattern in file.globs_at(project.root)}
        paths += file.resolve(project.root)
    for table in catalogue.tables.values():
        paths += table.files()
        for part in table.parts:
            if (note := table.note(part)) is not None:
                name = table.noted_as(part)
                unasked += [note_path(project, name), *map(Path, note.elsewhere)]
    folders = set()
    for publication in catalogue.publications:
        paths += publication.files()
        folders |= {str(path.parent) for path in publication.files()}
    for path in unasked:
        # A raw file is never hashed here: if it has changed meanwhile, its content now is not what
        # tables were made from.
        with suppress(OSError):
            catalogue.hashes.hash(path)
    stamps = {str(path): catalogue.hashes.stamp_of(path) for path in [*paths, *unasked]}
    known = {path: stamp for path, stamp in stamps.items() if stamp is not None}
    shared = {
        file: list(stamp)
        for contract in catalogue.contracts
        for file, stamp in contract.shared.items()
    }
    settled = memo.Sources(sources.taken_ns, shared, ()).are_settled()
    if len(known) < len(stamps) or not settled:
        memo.forget(project)
    else:
        memo.remember(
            project,
            sources,
            globs=globs,
            files={**known, **shared},
            folders=sorted(folders),
            tables={name: list(map(str, t.files())) for name, t in catalogue.named.items()},
            until=_next_partition(catalogue),
        )


def _next_partition(catalogue: Catalogue) -> float | None:
    """When the next partition comes into being, as `time.time`, seconds."""
    tables = catalogue.tables.values()
    moments = [t.partitions.next_change() for t in tables if t.partitions is not None]
    return min((moment for moment in moments if moment is not None), default=None)
