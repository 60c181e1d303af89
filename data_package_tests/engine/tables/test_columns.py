"""What Dagster's pages are fed of a table: columns with their rules, places in the code, links."""

import dagster as dg

from data_package.engine.runs.instance import project_instance
from data_package_tests.conftest import Make
from data_package_tests.engine.ui.server import TABLES

KEY = dg.AssetKey("grown_ups")


def rules_of(schema: dg.TableSchema) -> dict[str, tuple[str, bool, bool, list[str]]]:
    return {
        c.name: (
            c.description or "",
            c.constraints.nullable,
            c.constraints.unique,
            list(c.constraints.other),
        )
        for c in schema.columns
    }


RULES = {
    "name": ("As told.", False, True, []),
    "age": ("", True, False, ["maximum: 120"]),
}


def test_a_tables_page_shows_the_contracts_rules_before_and_after_it_is_built(study: Make) -> None:
    project = study(TABLES)
    declared = project.definitions().resolve_asset_graph().get(KEY).metadata
    schema = declared["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchemaMetadataValue | dg.TableSchema)
    schema = schema.schema if isinstance(schema, dg.TableSchemaMetadataValue) else schema
    assert rules_of(schema) == RULES
    assert project.build().ok
    with project_instance(project.project) as instance:
        event = instance.get_latest_materialization_event(KEY)
    assert event is not None
    assert event.asset_materialization is not None
    written = event.asset_materialization.metadata["dagster/column_schema"].value
    assert isinstance(written, dg.TableSchema)
    assert rules_of(written) == RULES
    assert [column.type for column in written.columns] == ["String", "Int64"]
    assert written.constraints.other == ["primary key: name"]


def test_a_tables_page_leads_to_its_code_its_contract_and_the_dictionary(study: Make) -> None:
    project = study(TABLES)
    graph = project.definitions().resolve_asset_graph()
    metadata = graph.get(KEY).metadata
    references = metadata["dagster/code_references"]
    assert isinstance(references, dg.CodeReferencesMetadataValue)
    places = [
        (one.file_path, one.line_number, one.label)
        for one in references.code_references
        if isinstance(one, dg.LocalFileCodeReference)
    ]
    final = project.root / project.package / "final"
    assert places == [
        (str(final / "grown_ups.py"), 6, "grown_ups.py:6"),
        (str(final / "grown_ups.yaml"), 1, "grown_ups.yaml"),
    ]
    link = metadata["data_dictionary"]
    assert isinstance(link, dg.UrlMetadataValue)
    assert link.url == "/data-dictionary#grown_ups"
    people = graph.get(dg.AssetKey("people"))
    assert "data_dictionary" not in people.metadata
    assert people.owners == ["team:data"]
    assert people.kinds == {"polars", "parquet"}
