"""Column lineage as OpenLineage events, for data catalogues.

Each table is one `JobEvent`, the event that describes a job without a run of it; its output carries
the column lineage facet: https://openlineage.io/docs/spec/facets/dataset-facets/column_lineage_facet
Columns that values are computed from are `DIRECT`, those that determine rows `INDIRECT`. A
table whose columns cannot be followed has its inputs, and no facet.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from data_package.engine.lineage.column_lineage import Ref, Refs, TableLineage

PRODUCER = "urn:data-package"
_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent"
_FACET = (
    "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json"
    "#/$defs/ColumnLineageDatasetFacet"
)


def events(
    tables: Mapping[str, TableLineage],
    inputs: Mapping[str, Iterable[str]],
    *,
    namespace: str,
    when: datetime,
) -> list[dict[str, object]]:
    """An event for each table.

    Args:
        tables: the lineage of the tables.
        inputs: the names of what each of them takes.
        namespace: the name of the project's package.
        when: the time of the events.
    """
    return [
        {
            "eventTime": when.isoformat(),
            "producer": PRODUCER,
            "schemaURL": _EVENT,
            "job": {"namespace": namespace, "name": name},
            "inputs": [{"namespace": namespace, "name": one} for one in sorted(set(inputs[name]))],
            "outputs": [_output(name, lineage, namespace)],
        }
        for name, lineage in tables.items()
    ]


def _output(name: str, lineage: TableLineage, namespace: str) -> dict[str, object]:
    output: dict[str, object] = {"namespace": namespace, "name": name}
    if lineage.reason is None:
        output["facets"] = {
            "columnLineage": {
                "_producer": PRODUCER,
                "_schemaURL": _FACET,
                "fields": {
                    column: {"inputFields": _fields(refs, namespace, "DIRECT")}
                    for column, refs in lineage.columns.items()
                },
                "dataset": _fields(lineage.rows, namespace, "INDIRECT"),
            }
        }
    return output


def _fields(refs: Refs, namespace: str, kind: str) -> list[dict[str, object]]:
    return [_field(ref, namespace, kind) for ref in sorted(refs)]


def _field(ref: Ref, namespace: str, kind: str) -> dict[str, object]:
    return {
        "namespace": namespace,
        "name": ref[0],
        "field": ref[1],
        "transformations": [{"type": kind}],
    }
