"""Recorded judgements of frictionless 5.21 on small files, one behaviour each."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data_package.engine.schema import Contract, check_file, read

CASES = [
    json.loads(line)
    for line in Path(__file__).with_name("cases.jsonl").read_text().splitlines()
    if line
]

# Where the standard says otherwise: what we find in place of what frictionless finds. Each is
# explained, with its clause, in docs/reference/table-schema.md.
BY_THE_STANDARD: dict[str, list[tuple[int | None, str | None, str]]] = {
    "int-groupChar": [],
    "pattern-alternation": [
        (4, "v", "constraint-error"),
        (5, "v", "constraint-error"),
        (6, "v", "constraint-error"),
        (7, "v", "constraint-error"),
    ],
    "pattern-newline": [(2, "v", "constraint-error")],
}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_case_is_judged_as_recorded_or_as_the_standard_says(
    case: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "data.csv"
    path.write_text(case["csv"], newline="")
    references = {}
    if case["ref"]:
        other = tmp_path / "ref.csv"
        other.write_text(case["ref"]["csv"], newline="")
        references[case["ref"]["name"]] = read(other, case["ref"]["schema"]).frame
    contract = Contract.from_descriptor(case["schema"], name="data")

    report = check_file(path, contract, references=references)

    names = [field.name for field in contract.fields]
    expected = Counter(
        BY_THE_STANDARD.get(case["id"])
        if case["id"] in BY_THE_STANDARD
        else [
            (row, names[number - 1] if number and number <= len(names) else None, code)
            for row, number, code, _ in case["frictionless"]["errors"]
        ]
    )
    found = Counter(
        (
            error["row"],
            None if error["code"] in ("primary-key", "foreign-key") else error["field"],
            error["code"],
        )
        for error in report.errors.iter_rows(named=True)
    )
    assert found == expected


def test_all_recorded_cases_are_there() -> None:
    assert len(CASES) == 54
    assert set(BY_THE_STANDARD) <= {case["id"] for case in CASES}
