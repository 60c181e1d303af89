"""A contract that is inferred from a file passes on that file, or the file is refused."""

from pathlib import Path

import pytest

from data_package.engine.schema import CheckError, check_file, contract_text, infer_file
from data_package.engine.schema.contract_file import load_contract
from data_package_tests.campaigns import cases
from data_package_tests.engine.schema.delivered_like import delivered_like


def described(path: Path, seed: int) -> str:
    """The outcome of describing and checking a file: `passed`, or the reason of the refusal."""
    data, dialect, encoding = delivered_like(seed)
    path.write_bytes(data)
    try:
        inference = infer_file(path, dialect=dialect, encoding=encoding, bounds=seed % 2 == 0)
    except CheckError as refused:
        return str(refused)
    contract = path.with_suffix(".yaml")
    contract.write_text(contract_text(inference.descriptor), encoding="utf-8")
    report = check_file(path, load_contract(contract))
    assert report.ok, f"seed {seed}: {report.render()}"
    return "passed"


@pytest.mark.parametrize("part", range(8))
def test_what_is_described_passes_its_own_contract_or_is_refused(tmp_path: Path, part: int) -> None:
    outcomes = [described(tmp_path / "t.csv", seed) for seed in range(part, 240, 8)]
    assert outcomes.count("passed") > len(outcomes) / 3


@pytest.mark.stress
@pytest.mark.parametrize("start", range(0, cases(20_000), 1000))
def test_thousands_of_files_pass_the_contract_that_was_inferred_from_them(
    tmp_path: Path, start: int
) -> None:
    for seed in range(start, start + 1000):
        described(tmp_path / "t.csv", seed)
