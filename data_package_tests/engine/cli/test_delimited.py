"""What `--dialect PROPERTY=VALUE` and its like make of words on the command line."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from data_package.engine.cli import check, describe
from data_package.engine.cli.delimited import dialect_of


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *(("2024", "2024"), ("true", "true"), ("#1", "#1"), ("{a}", "{a}"), ("it's", "it's")),
        *(("*/visits.csv", "*/visits.csv"), ("Labs #2", "Labs #2"), ("a: b", "a: b")),
        *(("'2024'", "2024"), ('"a\\tb"', "a\tb")),
    ],
)
def test_a_property_that_is_a_text_is_taken_as_it_is_written(written: str, value: str) -> None:
    for name in ("sheetName", "member", "table", "query", "property"):
        assert dialect_of(None, [f"{name}={written}"]) == {name: value}


def test_others_are_read_as_yaml() -> None:
    written = ("widths=[8, 3]", "quoteChar=null", "header=false", "footerRows=2", "escapeChar='\\'")
    assert dialect_of("tab", written) == {
        "widths": [8, 3],
        "quoteChar": None,
        "header": False,
        "footerRows": 2,
        "escapeChar": "\\",
        "delimiter": "\t",
    }


@pytest.mark.parametrize("verb", [check.command, describe.command])
@pytest.mark.parametrize("word", ["visits.csv", "deliveries/visits"])
def test_a_file_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: click.Command, word: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(verb, [word])
    assert result.exit_code == 2
    assert f"There is no file {word}." in result.stderr
