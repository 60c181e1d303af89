"""What is answered before anything heavy is imported, and what is looked at more closely."""

import sys

import pytest

from data_package.engine.cli.shortcut import shortcut


@pytest.fixture(autouse=True)
def all_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[shortcut.__module__]
    monkeypatch.setattr(module, "find_project", lambda: None)
    monkeypatch.setattr(module, "count_if_fresh", lambda _: 3)


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--processes -j2",
        "--threads -j 64",
        "-j 1 --fail-fast --processes",
        "--json --processes",
    ],
)
def test_where_and_how_many_at_once_makes_no_difference_when_all_is_fresh(options: str) -> None:
    answer = shortcut(["build", *options.split()])
    assert answer is not None
    assert "3" in answer


@pytest.mark.parametrize(
    "options",
    [
        "-j",
        "-j 0",
        "-j65",
        "-j -j2",
        "-j two",
        "-j999999",
        "--slurm",
        "--force",
        "subjects",
        "-jj2",
    ],
)
def test_a_wrong_option_and_one_that_matters_are_looked_at(options: str) -> None:
    assert shortcut(["build", *options.split()]) is None
