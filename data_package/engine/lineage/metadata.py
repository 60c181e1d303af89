"""Column lineage as Dagster's metadata of a materialization, where it is known already."""

from collections.abc import Mapping

import dagster as dg

from data_package.engine.lineage.tables import known_lineage
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import Table

COLUMN_LINEAGE = "dagster/column_lineage"
# Dagster's pages read a run's events whole; larger lineage is shown by `lineage` only.
_MOST = 20_000


def column_lineage(table: Table, catalogue: Catalogue) -> Mapping[str, dg.MetadataValue]:
    """The metadata of a table; empty where its lineage is not known yet or cannot be followed."""
    lineage = known_lineage(table, catalogue)
    if lineage is None or lineage.reason is not None:
        return {}
    if sum(map(len, lineage.columns.values())) > _MOST:
        return {}
    return {
        COLUMN_LINEAGE: dg.MetadataValue.column_lineage(
            dg.TableColumnLineage(
                {
                    column: [
                        dg.TableColumnDep(dg.AssetKey.from_user_string(owner), name)
                        for owner, name in sorted(refs)
                    ]
                    for column, refs in lineage.columns.items()
                }
            )
        )
    }
