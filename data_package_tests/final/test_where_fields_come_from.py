"""What the engine finds out about the origin of every published field is what the contracts say."""

import re

import pytest

from data_package.engine.lineage.column_lineage import Ref
from data_package.engine.lineage.derive import Input, derive
from data_package.engine.lineage.trace import Tracer
from data_package.engine.tables.internals import function_of
from data_package_tests.final.trial import FINAL_TABLES, contract, delivered_file, functions, scan

SOURCE = re.compile(r"\b([A-Z]{2,6})\.([A-Z0-9]{2,8})\b")
# The laboratory's three panels are one domain in the words of the contract.
PANELS = ("LBCH", "LBHE", "LBUR")
# Named in the description, and not what the value is made of: it repeats it, or chooses the rows.
ONLY_NAMED = {
    ("adverse_events", "body_system"): {("ae_file", "AESOC")},
    ("subjects", "years_of_education"): {("sc_file", "SCTESTCD")},
}
# What a value is made of beside what the description names: the dose that began last is taken.
UNNAMED = {("subjects", "last_dose_date"): {("ex_file", "EXSTDTC")}}


@pytest.fixture(scope="module")
def tracer() -> Tracer:
    found, inputs = {}, {}
    for name, asset in functions().items():
        function = function_of(asset)
        assert function is not None
        taken = {
            one: Input(one, paths=(delivered_file(one),))
            if one.endswith("_file")
            else Input(one, schema=scan(one).collect_schema())
            for one in asset.keys_by_input_name
        }
        found[name] = derive(function, taken, "data_package")
        inputs[name] = list(taken)
    assert [lineage.reason for lineage in found.values()] == [None] * len(found)
    return Tracer(found, inputs)


@pytest.mark.parametrize("table", FINAL_TABLES)
def test_every_field_goes_back_to_the_columns_that_its_description_names(
    table: str, tracer: Tracer
) -> None:
    for field in contract(table)["schema"]["fields"]:
        output = _sources(field["description"])
        if output:
            place = table, field["name"]
            expected = (output - ONLY_NAMED.get(place, set())) | UNNAMED.get(place, set())
            assert set(tracer.origins(place)) == expected, field["name"]


def _sources(description: str) -> set[Ref]:
    return {
        (f"{domain.lower()}_file", column)
        for named, column in SOURCE.findall(description)
        for domain in (PANELS if named == "LB" else (named,))
    }
