"""The partitions of a table: their keys, and where each is kept."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import PurePosixPath

import dagster as dg

from data_package.engine.sources.shares import Part


@dataclass(frozen=True)
class Partitions:
    """The partitions of a table as they are when the project is loaded.

    The keys of `definition` follow from the code and the clock: there are no dynamic ones.
    """

    definition: dg.PartitionsDefinition

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The keys, in the definition's order."""
        return tuple(map(str, self.definition.get_partition_keys()))

    @cached_property
    def files(self) -> dict[str, PurePosixPath]:
        """The file of each key, below the table's folder; no two share one, whatever the keys.

        Keys of several dimensions are in nested folders, as Dagster keeps them.
        """
        plain = {key: self.part(key).place for key in self.keys}
        alike = Counter(_folded(str(path)) for path in plain.values())
        return {
            key: _file(path, key if alike[_folded(str(path))] > 1 else None)
            for key, path in plain.items()
        }

    def file(self, key: str) -> PurePosixPath:
        """The file of a key, including one that has come into being since."""
        found = self.files.get(key)
        return found or _file(self.part(key).place, None)

    @cached_property
    def known(self) -> frozenset[str]:
        """The keys as a set, for lookups."""
        return frozenset(self.keys)

    def in_order(self, keys: Iterable[str]) -> list[str]:
        """Those of some keys that there are, in the definition's order."""
        return sorted(self.known.intersection(keys), key=self.places.__getitem__)

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each key in the definition's order."""
        return {key: place for place, key in enumerate(self.keys)}

    def dimensions(self, key: str) -> dict[str, str]:
        """The key of each dimension; of a single one, under `partition`."""
        if isinstance(self.definition, dg.MultiPartitionsDefinition):
            return dict(self.definition.get_partition_key_from_str(key).keys_by_dimension)
        return {"partition": key}

    @property
    def each(self) -> list[Part]:
        """The partitions, in the definition's order."""
        return [self.part(key) for key in self.keys]

    def given(self, key: str) -> str:
        """The key as Dagster gives it to a function: of several dimensions, one that has them."""
        if isinstance(self.definition, dg.MultiPartitionsDefinition):
            return self.definition.get_partition_key_from_str(key)
        return key

    def part(self, key: str) -> Part:
        """The partition as it takes its share of a raw file."""
        return Part(key, self.dimensions(key))

    def tags(self, key: str) -> dict[str, str]:
        """The tags of a run that makes this partition alone."""
        tags = {"dagster/partition": key}
        if isinstance(self.definition, dg.MultiPartitionsDefinition):
            tags |= {f"dagster/partition/{n}": one for n, one in self.dimensions(key).items()}
        return tags

    def next_change(self) -> float | None:
        """When a new key comes into being by itself, as `time.time`; None where none does."""
        moments = [
            moment
            for one in dimensions_of(self.definition)
            if isinstance(one, dg.TimeWindowPartitionsDefinition)
            and (moment := _next_key(one)) is not None
        ]
        return min(moments, default=None)


def _file(path: PurePosixPath, key: str | None) -> PurePosixPath:
    """The file; with a digest of the key where another key differs in case only."""
    mark = f"=={hashlib.sha256(key.encode()).hexdigest()[:8]}" if key is not None else ""
    return path.with_name(f"{path.name}{mark}.parquet")


def _folded(name: str) -> str:
    """Equal for names that some file systems do not distinguish."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def dimensions_of(definition: dg.PartitionsDefinition) -> list[dg.PartitionsDefinition]:
    """The definitions of the single dimensions; one that has no dimensions is its own."""
    if not isinstance(definition, dg.MultiPartitionsDefinition):
        return [definition]
    return [dimension.partitions_def for dimension in definition.partitions_defs]


def windows_of(definition: dg.PartitionsDefinition) -> str:
    """What determines the time window of a key; empty where keys are not windows.

    The first and the last key do not belong to it: a new key changes no other.
    """
    return "\n".join(
        f"{one.cron_schedule} {one.timezone} {one.fmt}"
        for one in dimensions_of(definition)
        if isinstance(one, dg.TimeWindowPartitionsDefinition)
    )


def _next_key(definition: dg.TimeWindowPartitionsDefinition) -> float | None:
    """The next boundary of windows; None when there will be no further key."""
    now = datetime.now(UTC)
    if definition.end is not None and definition.end <= now:
        return None
    following = definition.get_next_partition_window(now, respect_bounds=False)
    return now.timestamp() if following is None else following.start.timestamp()
