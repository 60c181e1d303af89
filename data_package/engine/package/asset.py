"""The data package as an asset: what all final tables and their checks lead to."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import dagster as dg

from data_package.engine.package import descriptor as d
from data_package.engine.package.metadata import read_metadata
from data_package.engine.package.publish import publish
from data_package.engine.project import Project
from data_package.engine.schema import Contract
from data_package.engine.tables.attach import CONTRACT_SUFFIX
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.failures import value_free
from data_package.engine.tables.table import PACKAGE, Table

GROUP = "package"


def data_package_asset(catalogue: Catalogue, tables: Sequence[Table]) -> dg.AssetsDefinition:
    """The asset that publishes `tables`."""
    project = catalogue.project

    def run() -> dg.MaterializeResult[None]:
        with_contracts = [(table, _contract(table, project)) for table in tables]
        properties = read_metadata(project)

        def still_good() -> None:
            _refuse_failing(tables, catalogue)

        still_good()
        document = publish(
            project, with_contracts, properties, catalogue.hashes, still_good=still_good
        )
        catalogue.hashes.save()
        text = d.to_json(document)
        size = sum(int(str(r["bytes"])) for r in _resources(document))
        return dg.MaterializeResult(
            data_version=dg.DataVersion(hashlib.sha256(text.encode()).hexdigest()),
            metadata={
                "tables": dg.MetadataValue.int(len(tables)),
                "size_bytes": dg.MetadataValue.int(size),
                "path": dg.MetadataValue.path(str(project.published)),
                "descriptor": dg.MetadataValue.path(str(project.published / d.FILE_NAME)),
            },
        )

    @dg.asset(
        key=PACKAGE,
        group_name=GROUP,
        deps=[table.key for table in tables],
        kinds={"datapackage"},
        description="The data package, published when every final table satisfies its contract.",
    )
    def data_package() -> dg.MaterializeResult[None]:
        guarded: Callable[..., object] = value_free(
            run, name=PACKAGE.to_user_string(), project=project
        )
        result = guarded()
        assert isinstance(result, dg.MaterializeResult)
        return result

    return data_package


def _contract(table: Table, project: Project) -> Contract:
    if table.contract is None:
        file = Path(table.place.rpartition(":")[0]).parent / f"{table.resource}{CONTRACT_SUFFIX}"
        raise dg.Failure(
            f"The final table '{table.name}' has no contract, so it cannot be published.\n"
            f"Write its Table Schema into {project.relative(file)}."
        )
    return table.contract


def _refuse_failing(tables: Sequence[Table], catalogue: Catalogue) -> None:
    failing = [
        f"'{table.name}' breaks its contract:\n{report.render()}"
        for table in tables
        for item in catalogue.checks_of(table)
        if not (report := catalogue.verdicts.of(item)).ok
    ]
    if failing:
        raise dg.Failure("Nothing is published.\n" + "\n".join(failing))


def _resources(document: Mapping[str, object]) -> list[Mapping[str, object]]:
    resources = document["resources"]
    assert isinstance(resources, list)
    return resources
