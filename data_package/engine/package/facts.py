"""The facts that the package's documents are written from: plain values, gathered once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from data_package.engine.package.ancestry import Ancestor
from data_package.engine.package.origins import Origins
from data_package.engine.package.statistics import Summary
from data_package.engine.schema import Contract


@dataclass(frozen=True)
class TableFacts:
    """A published table.

    Attributes:
        path: of its Parquet file, from the package's folder.
        csv_path: of its CSV twin, None where there is none.
        resource: its Data Resource.
        origins: where its fields come from.
    """

    name: str
    contract: Contract
    path: str
    csv_path: str | None
    size_bytes: int
    resource: Mapping[str, object]
    summary: Summary
    origins: Origins = field(default_factory=Origins)

    @property
    def title(self) -> str:
        """Its title, or its name."""
        return self.contract.title or self.name


@dataclass(frozen=True)
class Facts:
    """Everything that is known of a package when its documents are written.

    `files` are its other files: their paths, each with a description.
    """

    properties: Mapping[str, object]
    tables: Sequence[TableFacts]
    lineage: Sequence[Ancestor]
    libraries: Mapping[str, str]
    k: int
    rounding: int
    files: Sequence[tuple[str, str]] = ()

    def text(self, name: str) -> str:
        """A property of the package that is text, or an empty string."""
        value = self.properties.get(name)
        return value if isinstance(value, str) else ""

    def items(self, name: str) -> list[Mapping[str, object]]:
        """A property of the package that is a list of mappings."""
        value = self.properties.get(name)
        return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

    @property
    def title(self) -> str:
        """The package's title, or its name."""
        return self.text("title") or self.text("name")

    @property
    def keywords(self) -> list[str]:
        """The package's keywords."""
        value = self.properties.get("keywords")
        return [str(word) for word in value] if isinstance(value, list) else []
