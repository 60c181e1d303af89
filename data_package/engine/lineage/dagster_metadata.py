"""Column lineage as Dagster's pages get it, where it is known without any work.

Dagster notes it on a materialization, and the pages that come with it draw none of it. So a table's
definition has it as well, as a table that they show.
"""

from collections.abc import Collection, Mapping

import dagster as dg

from data_package.engine.lineage.tables import known_lineage
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table

COLUMN_LINEAGE = "dagster/column_lineage"
MADE_OF = "columns_made_of"
# Set where the pages are served: other commands have no use for it, and it takes half a second.
shown_in_pages = False
# Dagster's pages read a run's events whole; larger lineage is shown by `lineage` only.
_MOST = 20_000


def column_lineage(table: Table, catalogue: Catalogue) -> Mapping[str, dg.MetadataValue]:
    """The metadata of a table; empty where its lineage is not known yet or cannot be followed."""
    columns = _known(table, catalogue)
    if columns is None:
        return {}
    return {
        COLUMN_LINEAGE: dg.MetadataValue.column_lineage(
            dg.TableColumnLineage(
                {
                    column: [
                        dg.TableColumnDep(dg.AssetKey.from_user_string(owner), name)
                        for owner, name in sorted(refs)
                    ]
                    for column, refs in columns.items()
                }
            )
        )
    }


def with_columns_made_of(assets: dg.AssetsDefinition, catalogue: Catalogue) -> dg.AssetsDefinition:
    """The definition with what each column is made of, as it is known when it is loaded."""

    def described(spec: dg.AssetSpec) -> dg.AssetSpec:
        table = catalogue.tables.get(spec.key)
        columns = _known(table, catalogue) if table is not None else None
        if columns is None:
            return spec
        records = [
            dg.TableRecord(
                {"column": column, "made of": ", ".join(f"{owner}.{name}" for owner, name in refs)}
            )
            for column, found in columns.items()
            if (refs := sorted(found))
        ]
        metadata = {MADE_OF: dg.MetadataValue.table(records)} if records else {}
        return spec.merge_attributes(metadata=metadata)

    return assets.map_asset_specs(described) if shown_in_pages else assets


def _known(table: Table, catalogue: Catalogue) -> Mapping[str, Collection[tuple[str, str]]] | None:
    lineage = known_lineage(table, catalogue)
    if lineage is None or lineage.reason is not None:
        return None
    return lineage.columns if sum(map(len, lineage.columns.values())) <= _MOST else None
