"""A first contract of each table or raw file that is named, or what its contract lacks."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from data_package.engine import schema
from data_package.engine.describing.foreign_keys import Keys
from data_package.engine.describing.words import KnownWords
from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.schema import CheckError, FileOptions, Inference, Report, UnsoundError
from data_package.engine.schema.codebook import Codebook
from data_package.engine.schema.contract import Descriptor
from data_package.engine.schema.editor import modeline
from data_package.engine.sources.proposed import proposed_contract
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table

Working = Callable[[str], AbstractContextManager[object]]


@dataclass(frozen=True)
class Draft:
    """A contract as it would be written.

    Attributes:
        name: the table or the raw file.
        descriptor: what was inferred, words and keys included.
        text: the file's text: a first contract, or the one that is there and what it lacks.
        place: where it belongs; None for a file outside of the project.
        notes: what a person should look at.
        reports: what is wrong with the data, whatever the contract; without a value.
    """

    name: str
    descriptor: Descriptor
    text: str
    place: Path | None = None
    notes: tuple[str, ...] = ()
    reports: tuple[Report, ...] = ()


def describe(
    names: Sequence[str],
    catalogue: Catalogue | None,
    options: FileOptions,
    *,
    small_cells: int,
    bounds: bool = False,
    codebook: Codebook | None = None,
    working: Working,
) -> tuple[list[Draft], list[CheckError]]:
    """Return a draft for each table, raw file or path, in the order given, and what has none.

    `catalogue` is None where every name is a path. A category is proposed only if `small_cells`
    rows hold it. The words of `codebook` come before all others. `working` says what is looked at
    meanwhile. Raises ProjectError for a name that is none.
    """
    infer = _Inferring(bounds, small_cells)
    tables = [_table(name, catalogue) for name in names if _is_table(name, catalogue)]
    keys = Keys(catalogue, tables) if catalogue is not None and tables else None
    words = KnownWords(catalogue) if catalogue is not None and tables else None
    found: dict[str, _Found] = {}
    refused: list[CheckError] = []
    for name in names:
        with working(f"reading {name}"):
            try:
                found[name] = _found(name, catalogue, options, infer)
            except CheckError as error:
                refused.append(error)
                continue
            if keys is not None and name in keys.described:
                keys.note_key(name, found[name].inference.descriptor)
    drafts = []
    for name, one in found.items():
        descriptor, notes = one.inference.descriptor, one.inference.notes
        if keys is not None and words is not None and name in keys.described:
            with working(f"following the columns of {name}"):
                descriptor = words.put_into(name, descriptor)
            descriptor, more = keys.put_into(name, descriptor)
            notes = (*notes, *more)
        if codebook is not None:
            descriptor = codebook.put_into(descriptor, _in_codebook(name, catalogue))
        root = catalogue.project.root if catalogue is not None else None
        text, unwritten = _completed(one.place, descriptor, root)
        drafts.append(Draft(name, descriptor, text, one.place, (*notes, *unwritten), one.reports))
    return drafts, refused


@dataclass(frozen=True)
class _Found:
    inference: Inference
    place: Path | None
    reports: tuple[Report, ...] = ()


def _in_codebook(name: str, catalogue: Catalogue | None) -> str:
    """The name that a codebook uses: of a file its own, and of a raw file without `_file`."""
    if Path(name).is_file():
        return Path(name).name
    return name if _is_table(name, catalogue) else name.removesuffix("_file")


def _is_table(name: str, catalogue: Catalogue | None) -> bool:
    return (
        catalogue is not None
        and not Path(name).is_file()
        and name not in catalogue.deliveries.files
    )


def _table(name: str, catalogue: Catalogue | None) -> Table:
    table = catalogue.named.get(name) if catalogue is not None else None
    if table is None:
        known = [*catalogue.named, *catalogue.deliveries.files] if catalogue is not None else []
        raise ProjectError(
            f"There is no table or file '{name}'.{did_you_mean(name, known)}\n"
            "`data-package status` lists the tables."
        )
    if not table.is_table:
        raise ProjectError(f"'{name}' is not a table, so there are no fields to describe.")
    return table


def _found(
    name: str, catalogue: Catalogue | None, options: FileOptions, infer: "_Inferring"
) -> _Found:
    """What the data look like, and where their contract belongs."""
    place: Path | None = None
    try:
        if Path(name).is_file():
            return _Found(infer.files([Path(name)], options.dialect, options.encoding), None)
        assert catalogue is not None
        if name in catalogue.deliveries.files:
            place = catalogue.deliveries.files[name].contract_path
            dialect, encoding = options.over(*catalogue.delivered.written(name))
            contract = catalogue.delivered.contracts.get(name)
            names = [each.name for each in contract.fields] if contract is not None else []
            paths = catalogue.deliveries.hand_out(name)
            if catalogue.deliveries.files[name].snapshot is not None and not options:
                proposed = proposed_contract(paths[0])
                if proposed is not None:
                    return _Found(Inference(proposed, ()), place)
            return _Found(infer.files(paths, dialect, encoding, names), place)
        table = _table(name, catalogue)
        if not table.files():
            raise ProjectError(f"'{name}' has not been built. Build it: data-package build {name}")
        place = table.contract_path
        return _Found(infer.files(table.files(), {}, None), place)
    except UnsoundError as unsound:
        return _Found(unsound.inference, place, unsound.reports)


@dataclass(frozen=True)
class _Inferring:
    bounds: bool
    small_cells: int

    def files(
        self,
        paths: Sequence[Path],
        dialect: Descriptor,
        encoding: str | None,
        names: Sequence[str] = (),
    ) -> Inference:
        return schema.infer_file(
            list(paths),
            dialect=dialect,
            encoding=encoding,
            names=names,
            bounds=self.bounds,
            small_cells=self.small_cells,
        )


def _completed(
    place: Path | None, descriptor: Descriptor, root: Path | None
) -> tuple[str, tuple[str, ...]]:
    """A contract's text: a first one, or the one that is there with what it lacks; and notes."""
    if place is None or not place.is_file():
        top = modeline(place, root) if place is not None and root is not None else ""
        return top + schema.contract_text(descriptor), ()
    fields = cast("dict[str, list[Descriptor]]", descriptor["schema"])["fields"]
    text = schema.add_fields(place.read_text(encoding="utf-8"), fields, name=str(place))
    how = {key: descriptor[key] for key in ("dialect", "encoding") if key in descriptor}
    notes = []
    try:
        text = schema.add_properties(text, how, name=str(place))
    except schema.ContractError as error:
        notes.append(str(error))
    more = schema.grown(text, descriptor)
    for paths, what in ((more.added, "added"), (more.left, "could be added by hand")):
        if paths:
            notes.append(f"{place.name}: {what}: {', '.join(paths)}.")
    return more.text, tuple(notes)
