"""What the engine knows of a table before it is built."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path

import dagster as dg
import polars as pl

from data_package.engine.errors import ProjectError
from data_package.engine.fingerprint import Fingerprint
from data_package.engine.needs import Needs
from data_package.engine.project import Project
from data_package.engine.schema import Contract, load_contract
from data_package.engine.schema.contract_cache import ContractCache
from data_package.engine.schema.contract_file import shown_path
from data_package.engine.schema.row_rules import Join
from data_package.engine.sources.shares import Share
from data_package.engine.storage import is_file
from data_package.engine.tables.asset_notes import Kept, Note, note_of
from data_package.engine.tables.partitions import Partitions

FINAL = "final"
_BEFORE_OTHERS = ("raw", "intermediate")
PACKAGE = dg.AssetKey("data_package")


@dataclass(frozen=True)
class TableRule:
    """A rule that every row of a table must satisfy.

    Attributes:
        says: what it says, in a sentence.
        function: the user's own, which gives the expression.
        joins: the other tables that the function takes.
        fingerprint: the digest of what the function does.
    """

    name: str
    says: str
    function: Callable[..., pl.Expr]
    joins: tuple[Join, ...]
    fingerprint: str


@dataclass(frozen=True)
class Table:
    """An asset of the project: most are tables, kept as one Parquet file or one per partition.

    Attributes:
        inputs: the assets it takes, by the name of the parameter that receives each.
        module: the dotted name of the module that defines it.
        function: the user's own function, None where Dagster does not give it.
        fingerprint: of what the function does.
        contract: what its columns and rows must satisfy, None without a contract.
        partitions: None for a table that is made as a whole.
        mapping_of: which partitions of an input it takes, as declared or by Dagster's rule.
        shares: which files of each raw file a partition takes.
        reads: the raw files whose rows, not paths, it takes.
        op: the name of the function in Dagster.
        kept: how its function's result is kept; almost always as a table.
        wanted: the type that its function asks for each input in.
        returns: the type that its function says it returns.
        needs: the most memory and time that making it may take.
        rules: what each row must satisfy beside the contract.
    """

    key: dg.AssetKey
    group: str
    inputs: Mapping[str, dg.AssetKey]
    project: Project
    module: str
    function: Callable[..., object] | None
    contract: Contract | None
    fingerprint: Fingerprint
    mapping_of: Callable[[dg.AssetKey, dg.PartitionsDefinition], dg.PartitionMapping]
    partitions: Partitions | None = None
    shares: Mapping[str, Share] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()
    op: str = ""
    kept: Kept = Kept.TABLE
    wanted: Mapping[dg.AssetKey, object] = field(default_factory=dict)
    returns: object = None
    needs: Needs = field(default_factory=Needs)
    rules: tuple[TableRule, ...] = ()

    @property
    def partitioned(self) -> bool:
        """Whether it is made, and kept, partition by partition."""
        return self.partitions is not None

    @property
    def parts(self) -> tuple[str | None, ...]:
        """What is made as a unit: the key of each partition, or None for the table as a whole."""
        return (None,) if self.partitions is None else self.partitions.keys

    @property
    def name(self) -> str:
        """The table's name, as in Dagster's selections."""
        return self.key.to_user_string()

    @property
    def resource(self) -> str:
        """Its name in the data package, in foreign keys and of its contract's file."""
        return "__".join(self.key.path)

    @property
    def path(self) -> Path:
        """Its file; for a partitioned table, the folder with one file for each partition."""
        if (note := self.note()) is not None and note.file is not None:
            return self.project.storage / note.file
        return self.project.storage.joinpath(self.group, *self.key.path).with_suffix(".parquet")

    @property
    def contract_path(self) -> Path:
        """Where its contract is or would be: beside its function."""
        return contract_path(self.key, self.function, self.project)

    def file(self, partition: str | None) -> Path:
        """The file of a partition, or of the whole table."""
        if partition is None or self.partitions is None:
            return self.path
        return self.path.with_suffix("") / self.partitions.file(partition)

    def files(self) -> list[Path]:
        """The files it is kept in: one, or one for each partition."""
        return [
            path
            for part in self.parts
            if ((note := self.note(part)) is None or note.file is not None)
            and (path := self.file(part)).is_file()
        ]

    def scan(self, partition: str | None = None) -> pl.LazyFrame:
        """The rows of a partition, or of the whole table, partitions in the order of their keys."""
        if partition is None and self.partitioned:
            frames = [self.scan(part) for part in self.parts if self.file(part).is_file()]
            return pl.concat(frames, how="vertical_relaxed") if frames else pl.LazyFrame()
        return pl.scan_parquet(self.file(partition), glob=False, hive_partitioning=False)

    def labelled(self, partition: str | None) -> str:
        """The label of a partition: `visits[2024]`."""
        return self.name if partition is None else f"{self.name}[{partition}]"

    def noted_as(self, partition: str | None) -> str:
        """The name of the note on it, or on a partition, where it is not a table."""
        if partition is None or self.partitions is None:
            return self.resource
        return f"{self.resource}/{self.partitions.file(partition).with_suffix('')}"

    def reading(self, partition: str | None = None) -> Path:
        """Where it is kept what deliveries brought to it, or to a partition."""
        return self.project.places.readings / f"{self.noted_as(partition)}.json"

    def note(self, partition: str | None = None) -> Note | None:
        """What was noted when it, or a partition, was last made, if that was no table."""
        if self.kept is Kept.TABLE or (partition is None and self.partitioned):
            return None
        return note_of(self.project, self.noted_as(partition))

    @property
    def noted(self) -> bool:
        """Whether it, or a partition of it, was made and is not a table."""
        return any(self.note(part) is not None for part in self.parts)

    @property
    def is_table(self) -> bool:
        """Whether it has rows: its function returns a frame, or has no return annotation."""
        if self.kept is Kept.BY_RESULT:
            return not self.noted
        return self.kept is Kept.TABLE

    @property
    def place(self) -> str:
        """The place of its function: `data_package/final/subjects.py:12`."""
        return place_of(self.function, self.project) or self.module


def in_lists(tables: Mapping[dg.AssetKey, Table]) -> list[Table]:
    """All tables of a project in the one order that every list has.

    Raw, intermediate, other groups, final; within a group those that take fewer steps from the raw
    files first; then by name. So groups stay together, a list reads as the data flow, and two lists
    can be compared line by line.
    """
    inputs = {key: [k for k in t.inputs.values() if k in tables] for key, t in tables.items()}
    depth: dict[dg.AssetKey, int] = {}
    for key in TopologicalSorter(inputs).static_order():
        depth[key] = max((depth[other] + 1 for other in inputs[key]), default=0)
    return sorted(tables.values(), key=lambda t: (*group_place(t.group), depth[t.key], t.name))


def group_place(group: str) -> tuple[int, str]:
    """The place of a group in every list."""
    if group in _BEFORE_OTHERS:
        return _BEFORE_OTHERS.index(group), group
    return len(_BEFORE_OTHERS) + (group == FINAL), group


def contract_path(
    key: dg.AssetKey, function: Callable[..., object] | None, project: Project
) -> Path:
    """The YAML file beside a function that holds the contract of a table it makes."""
    folder = (
        Path(inspect.getfile(inspect.unwrap(function))).parent
        if function is not None
        else project.package_folder
    )
    return folder / f"{'__'.join(key.path)}.yaml"


def contract_at(path: Path, cache: ContractCache) -> Contract | None:
    """The contract at a path, None where there is no file.

    Raises ContractError for a wrong one, ProjectError for anything but a file, or another ending.
    """
    if is_file(path):
        return load_contract(path, cache)
    if is_file(other := path.with_suffix(".yml")):
        raise ProjectError(
            f"{shown_path(other)}: this contract must be named {path.name}.\nRename the file."
        )
    return None


def place_of(function: Callable[..., object] | None, project: Project) -> str | None:
    """The file and line of a function, from the project's root."""
    if function is None:
        return None
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{project.relative(code.co_filename)}:{code.co_firstlineno}" if code else None
