"""The data package as an asset, which depends on all final tables and their checks."""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from data_package.engine.errors import ProjectError
from data_package.engine.package.addresses import DICTIONARY
from data_package.engine.package.codes import Codes, CodeTable, Published
from data_package.engine.package.contents import (
    Contents,
    is_as_published,
    is_made_of,
    own_licence,
    said_of,
    version_of,
)
from data_package.engine.package.documents import require_libraries
from data_package.engine.package.metadata import read_metadata
from data_package.engine.package.released import (
    Release,
    changelog_of,
    content_of,
    read_releases,
    stamp_of,
)
from data_package.engine.project import Project
from data_package.engine.schema import Contract
from data_package.engine.schema.row_rules import with_words
from data_package.engine.staleness.plan import with_inputs
from data_package.engine.states import InPlace
from data_package.engine.tables.asset_notes import Kept
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.checks import TableCheck
from data_package.engine.tables.failures import value_free
from data_package.engine.tables.table import PACKAGE, Table
from data_package.engine.tables.trial import catalogue_aside, is_trial

GROUP = "package"


@dataclass(frozen=True)
class DataPackage:
    """The data package of a project: what is published, and whether it is up to date."""

    catalogue: Catalogue
    tables: Sequence[Table]

    @property
    def published(self) -> list[Table]:
        """The tables among them."""
        return [table for table in self.tables if table.is_table]

    @property
    def plain_files(self) -> list[Table]:
        """The files among them; an asset that is neither table nor file has nothing to publish."""
        return [table for table in self.tables if not table.is_table and table.files()]

    def is_current(self) -> bool:
        """Whether publishing now would change nothing."""
        verdicts = self.catalogue.verdicts
        good = all(verdicts.is_good(item, part) for item, part in self._gates())
        return good and self.in_place() is InPlace.SAME

    def in_place(self) -> InPlace:
        """What is in place, against what publishing the tables as they were built would make."""
        catalogue = self.catalogue
        whole = is_as_published(catalogue.project, catalogue.hashes)
        if whole is None:
            return InPlace.NOTHING
        if not whole:
            return InPlace.CHANGED_OUTSIDE
        try:
            return InPlace.SAME if is_made_of(self._contents()) else InPlace.OTHER
        except (dg.Failure, ProjectError, OSError):
            return InPlace.OTHER

    def faults(self) -> list[str]:
        """What is known to keep it from being published, whatever the tables hold."""
        lacking = [t for t in self.tables if t.contract is None and _is_surely_a_table(t)]
        faults = [_without_contract(lacking)] if lacking else []
        for look in (
            lambda: read_metadata(self.catalogue.project),
            lambda: read_releases(self.catalogue.project),
            lambda: require_libraries(self.catalogue.project.packaging),
            *((self._published,) if all(table.contract for table in self.published) else ()),
        ):
            try:
                look()
            except dg.Failure as fault:
                faults.append(fault.description or "")
            except ProjectError as fault:
                faults.append(str(fault))
        return list(dict.fromkeys(faults))

    def files(self) -> list[Path]:
        """The files that are in place."""
        return [path for path in self.catalogue.project.published.rglob("*") if path.is_file()]

    def publish(self) -> dict[str, object]:
        """Put the data package in place, and return its descriptor.

        Raises dg.Failure when a table has no contract, or breaks it, or one that it is made from
        does: nothing is touched then.
        """
        # Projects without final tables, and builds that do not publish, need none of these modules.
        from data_package.engine.package.publish import publish

        for table in self.published:
            _contract(table)
        self._refuse_failing()
        document = publish(self._contents(), still_good=self._refuse_failing)
        self.catalogue.hashes.save()
        return document

    def write(self, folder: Path, history: Sequence[Release]) -> None:
        """Write the data package into a new folder, as the newest of some releases.

        Raises dg.Failure when a table breaks its contract.
        """
        from data_package.engine.package.publish import write

        self._refuse_failing()
        write(self._contents(history), folder)

    def content(self, history: Sequence[Release]) -> str:
        """A digest of the whole package, as the newest of some releases."""
        hashes = self.catalogue.hashes
        project = self.catalogue.project
        own, codes = self._published()
        every: list[tuple[Published, Contract]] = [*own, *codes]
        tables = [
            [table.resource, contract.descriptor, version_of(table, self.catalogue)]
            for table, contract in every
        ]
        files = [
            [f.resource, f.path.suffix, said_of(f), hashes.hash(f.path)] for f in self.plain_files
        ]
        made_of = [tables, own_licence(project), *([files] if files else [])]
        return content_of(read_metadata(project), made_of, history)

    def _published(self) -> tuple[list[tuple[Table, Contract]], list[tuple[CodeTable, Contract]]]:
        """The tables with the published form of their contracts, and the separate vocabularies."""
        codes = Codes(self.catalogue.project, frozenset(one.resource for one in self.tables))
        tables = [
            (
                table,
                with_words(
                    codes.apart(_contract(table)), {rule.name: rule.says for rule in table.rules}
                ),
            )
            for table in self.published
        ]
        return tables, codes.tables()

    def _contents(self, history: Sequence[Release] | None = None) -> Contents:
        project = self.catalogue.project
        properties = read_metadata(project)
        releases = read_releases(project) if history is None else history
        if releases:
            properties |= stamp_of(releases, self.content(releases))
        title = str(properties.get("title") or properties["name"])
        tables, codes = self._published()
        return Contents(
            catalogue=self.catalogue,
            tables=tables,
            codes=codes,
            files=self.plain_files,
            properties=properties,
            changelog=changelog_of(title, releases, is_released="created" in properties),
        )

    def _gates(self) -> Iterator[tuple[TableCheck, str | None]]:
        """The checks that must pass: all of published tables, and blocking ones of their sources.

        Of the source tables, only the partitions that are used count.
        """
        wanted = {table.key: table.parts for table in self.tables}
        for key, parts in with_inputs(wanted, self.catalogue).items():
            for item in self.catalogue.checks_of(self.catalogue.tables[key]):
                if item.blocking or key in wanted:
                    yield from ((item, p) for p in (parts if item.by_partition else (None,)))

    def _refuse_failing(self) -> None:
        verdicts = self.catalogue.verdicts
        published = {table.key for table in self.tables}
        failing = []
        for item, part in self._gates():
            if not (report := verdicts.of(item, part)).ok:
                name = item.table.labelled(part)
                if item.table.key in published:
                    failing.append(f"'{name}' breaks its contract:\n{report.render()}")
                else:
                    failing.append(f"'{name}', which it is made from, breaks its contract.")
        if failing:
            raise dg.Failure("Nothing is published.\n" + "\n".join(failing))


def data_package_asset(package: DataPackage) -> dg.AssetsDefinition:
    """The asset that publishes."""
    whole, project = package, package.catalogue.project

    def run(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from data_package.engine.package import descriptor as d

        package, project = _as_of(context, whole)
        document = package.publish()
        text = d.to_json(document)
        size = sum(int(str(r["bytes"])) for r in _resources(document))
        return dg.MaterializeResult(
            data_version=dg.DataVersion(hashlib.sha256(text.encode()).hexdigest()),
            metadata={
                "tables": dg.MetadataValue.int(len(package.published)),
                "size_bytes": dg.MetadataValue.int(size),
                "path": dg.MetadataValue.path(str(project.published)),
                "descriptor": dg.MetadataValue.path(str(project.published / d.FILE_NAME)),
            },
        )

    @dg.asset(
        key=PACKAGE,
        group_name=GROUP,
        deps=[table.key for table in package.tables],
        kinds={"datapackage"},
        metadata={"data_dictionary": dg.MetadataValue.url(DICTIONARY)},
        description="The data package, published when every final table satisfies its contract.",
    )
    def data_package(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        guarded = value_free(run, name=PACKAGE.to_user_string(), project=project)
        result = guarded(context)
        assert isinstance(result, dg.MaterializeResult)
        return result

    return data_package


def _as_of(context: dg.AssetExecutionContext, package: DataPackage) -> tuple[DataPackage, Project]:
    """The data package of a run: a trial run publishes its own tables, in its own storage."""
    catalogue = package.catalogue
    if is_trial(context.instance, context.run.tags):
        catalogue = catalogue_aside(catalogue, context.instance)
        tables = [catalogue.tables[table.key] for table in package.tables]
        package = dataclasses.replace(package, catalogue=catalogue, tables=tables)
    return package, catalogue.project


def _contract(table: Table) -> Contract:
    if table.contract is None:
        raise dg.Failure(_without_contract([table]))
    return table.contract


def _is_surely_a_table(table: Table) -> bool:
    """Whether that is known before it is built: its function may not say what it returns."""
    return table.kept is Kept.TABLE or (table.is_table and table.path.exists())


def _without_contract(tables: Sequence[Table]) -> str:
    lines = [f"  '{t.name}' has no contract: {t.project.relative(t.contract_path)}" for t in tables]
    count = f"{len(tables)} final tables" if len(tables) > 1 else "A final table"
    names = " ".join(table.name for table in tables)
    return "\n".join(
        [
            f"{count} cannot be published:",
            *lines,
            f"Write the Table Schema of each there. To begin: data-package build {names}, which "
            f"publishes\nnothing, then data-package describe {tables[0].name} --write",
        ]
    )


def _resources(document: Mapping[str, object]) -> list[Mapping[str, object]]:
    resources = document["resources"]
    assert isinstance(resources, list)
    return resources
