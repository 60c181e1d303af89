"""Made-up data that satisfy a project's contracts: a data package, or what is delivered for one.

They come from the contracts and a seed alone: no row is read, of raw files or of tables. What does
not belong here: how rows are made up (`testing`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.package import descriptor as d
from data_package.engine.package.markdown import line
from data_package.engine.package.metadata import read_metadata
from data_package.engine.package.parquet import copy_with_words
from data_package.engine.project import Project
from data_package.engine.schema import Contract, ForeignKey
from data_package.engine.schema.row_rules import AppliedRule, Joined
from data_package.engine.sources.files import RawFile
from data_package.engine.sources.shares import has_place
from data_package.engine.storage import (
    PRIVATE_FOLDER,
    hash_file,
    make_private_folder,
    remove,
    replace_folder,
    sweep_beside,
    temporary_beside,
    write_private,
)
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import FINAL, Table
from data_package.engine.testing.sampling import Sampler
from data_package.engine.testing.written import MADE_UP, delivery, is_text

Reporter = Callable[[str], None]

NOTE = "MADE-UP.md"
# A made-up package has neither the real one's identifier nor its authors and licence.
_KEPT = ("keywords",)


@dataclass(frozen=True)
class MadeUp:
    """What was made up.

    Attributes:
        path: the folder.
        rows: the number of rows of each table, or of each file, by name.
        notes: what could not be made up, and why.
    """

    path: Path
    rows: Mapping[str, int]
    notes: Sequence[str]

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "path": str(self.path),
            "made_up": True,
            "rows": dict(self.rows),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class _Table:
    """A made-up table, to be described like a published one."""

    resource: str
    path: Path


def made_up_package(
    catalogue: Catalogue,
    rows: int,
    seed: int,
    out: Path | None = None,
    *,
    force: bool = False,
    report: Reporter = lambda _: None,
) -> MadeUp:
    """Make up a data package with a table for each final one that has a contract.

    Args:
        catalogue: of the loaded project.
        rows: of each table.
        seed: the same one gives the same rows.
        out: a new folder; by default below `storage/synthetic`, where an older one is replaced.
        force: replace a made-up package at `out`.
        report: is called with what is being made.

    Raises:
        ProjectError: there is no final table with a contract, or something is at `out`.
        BuildError: no rows satisfy a contract; nothing is written.
    """
    tables = _final(catalogue)
    if not tables:
        raise ProjectError("No final table has a contract, so nothing can be made up.")
    contracts = {table.resource: contract for table, contract in tables}
    rules, notes = _rules(tables, contracts)
    sampler = Sampler(
        rows, seed, catalogue.project, contracts, rules=lambda each: rules.get(each.name, ())
    )
    made = _sampled(contracts, sampler, report)
    target = out or make_private_folder(catalogue.project.places.synthetic) / "package"
    with _new_folder(target, replace=force or out is None) as folder:
        _write_package(folder, catalogue.project, contracts, made, seed)
    return MadeUp(target, {name: frame.height for name, frame in made.items()}, notes)


def made_up_deliveries(
    catalogue: Catalogue,
    rows: int,
    seed: int,
    out: Path | None = None,
    *,
    report: Reporter = lambda _: None,
) -> MadeUp:
    """Make up a file for each raw file that has a contract, at its place below a folder.

    Foreign keys of final tables hold between raw files that have their fields. An existing file is
    never replaced, except in the default folder. The rest is as for `made_up_package`.
    """
    files, notes = _deliverable(catalogue)
    if not files:
        raise ProjectError("\n".join(["No raw file can be made up.", *notes]))
    contracts = _linked(catalogue, files)
    made = _sampled(contracts, Sampler(rows, seed, catalogue.project, contracts), report)
    written = {
        place: _content(frame, contracts[name], place)
        for name, whole in made.items()
        for place, frame in _parts(files[name], whole)
    }
    counts = {place: frame.height for n, w in made.items() for place, frame in _parts(files[n], w)}
    if out is None:
        out = make_private_folder(catalogue.project.places.synthetic) / "deliveries"
        with _new_folder(out, replace=True) as folder:
            _write_deliveries(folder, written, seed)
    else:
        if there := [place for place in [*written, NOTE] if (out / place).exists()]:
            raise ProjectError(
                f"{out / there[0]} exists already, and a file there is never replaced.\n"
                "Name an empty folder with --out."
            )
        _write_deliveries(out, written, seed)
    return MadeUp(out, counts, notes)


def _final(catalogue: Catalogue) -> list[tuple[Table, Contract]]:
    found = sorted(catalogue.tables.values(), key=lambda table: table.name)
    return [(t, t.contract) for t in found if t.group == FINAL and t.contract is not None]


def _rules(
    tables: Sequence[tuple[Table, Contract]], contracts: Mapping[str, Contract]
) -> tuple[dict[str, list[AppliedRule]], list[str]]:
    """The row rules of each table, by the name of its contract, and why others do not count."""
    rules: dict[str, list[AppliedRule]] = {}
    notes = []
    for table, contract in tables:
        for rule in table.rules:
            unknown = [join.table for join in rule.joins if join.table not in contracts]
            if unknown:
                notes.append(
                    f"{table.name}: rows may break the rule '{rule.name}', which needs "
                    f"{unknown[0]}: no such table is made up."
                )
                continue
            try:
                given = rule.function(**{join.table: Joined(join.table) for join in rule.joins})
            except Exception as error:  # noqa: BLE001 (a user's function may raise anything)
                raise BuildError(
                    f"The rule '{rule.name}' of {table.name} cannot be applied: "
                    f"{type(error).__name__}.\nCorrect it, and build {table.name}."
                ) from None
            made = AppliedRule(rule.name, rule.says, given, rule.joins)
            rules.setdefault(contract.name, []).append(made)
    return rules, notes


def _sampled(
    contracts: Mapping[str, Contract], sampler: Sampler, report: Reporter
) -> dict[str, pl.DataFrame]:
    made: dict[str, pl.DataFrame] = {}
    refused: list[str] = []
    for name, contract in contracts.items():
        report(f"making up {name}")
        try:
            made[name] = sampler.table(contract)
        except ProjectError as error:
            message = str(error)
            refused.append(message if message.startswith(f"{name}:") else f"{name}: {message}")
    if refused:
        raise BuildError("\n".join(dict.fromkeys(refused)))
    return made


def _write_package(
    folder: Path,
    project: Project,
    contracts: Mapping[str, Contract],
    made: Mapping[str, pl.DataFrame],
    seed: int,
) -> None:
    make_private_folder(folder / "tables")
    resources = []
    for name, frame in made.items():
        table = _Table(name, folder / "tables" / f"{name}.parquet")
        contract = _said_to_be_made_up(contracts[name])
        plain = table.path.with_suffix(".plain")
        frame.write_parquet(plain)
        copy_with_words(plain, table.path, d.words(table, contract))
        plain.unlink()
        file = d.PublishedFile(
            table.path.relative_to(folder).as_posix(),
            table.path.stat().st_size,
            hash_file(table.path),
        )
        resources.append(d.resource(table, contract, file))
    own = read_metadata(project)
    title = str(own.get("title") or own["name"])
    properties = {
        "name": f"{own['name']}-synthetic",
        "title": f"{MADE_UP}: {title}",
        "description": _words(seed),
        **{name: own[name] for name in _KEPT if name in own},
    }
    write_private(folder / d.FILE_NAME, d.to_json(d.descriptor(properties, resources)))
    rows = "".join(f"- `{name}`: {frame.height:,} rows\n" for name, frame in made.items())
    write_private(folder / NOTE, f"# {MADE_UP}: {line(title)}\n\n{_words(seed)}\n\n{rows}")


def _said_to_be_made_up(contract: Contract) -> Contract:
    title = f"{MADE_UP}: {contract.title or contract.name}"
    return replace(contract, descriptor={**contract.descriptor, "title": title})


def _words(seed: int) -> str:
    return (
        "These rows are made up from the contracts of the tables and describe nobody; they say "
        f"nothing about the real data, of which no row was read. Seed {seed}."
    )


def _deliverable(catalogue: Catalogue) -> tuple[dict[str, RawFile], list[str]]:
    """The raw files that can be made up, and why others cannot."""
    files: dict[str, RawFile] = {}
    notes = []
    for name, file in sorted(catalogue.deliveries.files.items()):
        if name not in catalogue.delivered.contracts:
            notes.append(f"{name} is left out: it has no contract.")
        elif file.snapshot is not None:
            notes.append(f"{name} is left out: it is a snapshot of {file.snapshot.origin}.")
        elif file.package is not None:
            notes.append(f"{name} is left out: it comes with the Python package {file.package}.")
        elif any(map(has_place, file.patterns)):
            notes.append(f"{name} is left out: its files are named by partitions.")
        elif outside := [
            p for p in file.patterns if Path(p).is_absolute() or ".." in Path(p).parts
        ]:
            notes.append(f"{name} is left out: {outside[0]} is outside the project.")
        elif other := [p for p in file.patterns if not _is_written(_place(p))]:
            notes.append(f"{name} is left out: {other[0]} is neither delimited text nor Parquet.")
        else:
            files[name] = file
    return files, notes


def _is_written(place: str) -> bool:
    return place.endswith(".parquet") or is_text(Path(place).name)


def _place(pattern: str) -> str:
    """The place of one file that a pattern finds."""
    parts = [part for part in Path(pattern).parts if part != "**"]
    return str(Path(*(part.replace("*", "1").replace("?", "1") for part in parts)))


def _parts(file: RawFile, frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The place of each file with its share of the rows."""
    places = list(dict.fromkeys(map(_place, file.patterns)))
    size = -(-frame.height // len(places))
    for at, place in enumerate(places):
        yield place, frame.slice(at * size, size)


def _content(frame: pl.DataFrame, contract: Contract, place: str) -> bytes | pl.DataFrame:
    return frame if place.endswith(".parquet") else delivery(frame, contract, Path(place).name)


def _write_deliveries(folder: Path, written: Mapping[str, bytes | pl.DataFrame], seed: int) -> None:
    for place, content in written.items():
        path = folder / place
        make_private_folder(path.parent)
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path, metadata={"made up": "true"})
            path.chmod(0o600)
        else:
            write_private(path, content)
    listed = "".join(f"- `{place}`\n" for place in written)
    write_private(folder / NOTE, f"# {MADE_UP}\n\n{_words(seed)}\n\n{listed}")


def _linked(catalogue: Catalogue, files: Mapping[str, RawFile]) -> dict[str, Contract]:
    """The contracts of raw files, with foreign keys between those that final tables have.

    Where a final table's key and the key that it points to are fields of the raw files that both
    are made from, the raw files must agree too.
    """
    found = {name: catalogue.delivered.contracts[name] for name in files}
    tables = {table.resource: table for table, _ in _final(catalogue)}
    for table, contract in _final(catalogue):
        for key in contract.foreign_keys:
            target = tables.get(key.resource or "")
            if target is None:
                continue
            source = _holding(key.fields, table, catalogue, found)
            origin = _holding(key.reference_fields, target, catalogue, found)
            if source and origin and not _leads(origin, source, found):
                old = found[source]
                new = ForeignKey(key.fields, origin, key.reference_fields)
                if new not in old.foreign_keys:
                    found[source] = replace(old, foreign_keys=(*old.foreign_keys, new))
    return found


def _holding(
    fields: Sequence[str], table: Table, catalogue: Catalogue, contracts: Mapping[str, Contract]
) -> str | None:
    """The raw file with these fields that a table is made from; the nearest one."""
    waiting, seen = [table], {table.key}
    while waiting:
        made = waiting.pop(0)
        for key in made.inputs.values():
            name = key.to_user_string()
            contract = contracts.get(name)
            if contract and set(fields) <= {each.name for each in contract.fields}:
                return name
            if key in catalogue.tables and key not in seen:
                seen.add(key)
                waiting.append(catalogue.tables[key])
    return None


def _leads(start: str, end: str, contracts: Mapping[str, Contract]) -> bool:
    """Whether foreign keys lead from one raw file to another, or they are the same."""
    waiting, seen = [start], set[str]()
    while waiting:
        name = waiting.pop()
        if name == end:
            return True
        if name not in seen and name in contracts:
            seen.add(name)
            waiting += contracts[name].references
    return False


@contextmanager
def _new_folder(target: Path, *, replace: bool) -> Iterator[Path]:
    """A folder that is put in place as a whole, if nothing fails."""
    target = target.absolute()
    if target.exists():
        if not replace:
            raise ProjectError(
                f"{target} exists already. Name another place, or replace it: --force."
            )
        if not (target / NOTE).is_file():
            raise ProjectError(f"{target} is not made up, and is never replaced.")
    if not target.parent.is_dir():
        raise ProjectError(f"There is no folder {target.parent} to write into.")
    sweep_beside(target)
    new = temporary_beside(target)
    new.mkdir(PRIVATE_FOLDER)
    try:
        yield new
        replace_folder(new, target)
    finally:
        remove(new)
