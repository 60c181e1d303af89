"""A table with bytes in it: described, checked, published, exported."""

import base64
import json
import sqlite3
from typing import Any

import duckdb
import openpyxl
import polars as pl
import pytest
from click.testing import CliRunner, Result

from data_package.engine.cli.verbs import command
from data_package.engine.package.csvtwin import cell
from data_package.engine.schema import Contract, check, check_file, infer
from data_package_tests.conftest import Make, Study

BYTES = [b"\x00\xff", b"abc", None, b"\xfe" * 40]
FRAME = pl.DataFrame(
    {"id": [1, 2, 3, 4], "scan": BYTES, "pages": [[one] if one else None for one in BYTES]},
    schema={"id": pl.Int64, "scan": pl.Binary, "pages": pl.List(pl.Binary)},
).with_columns(held=pl.struct(raw="scan", all="pages"))
TABLES = """
    import dagster as dg
    import polars as pl

    @dg.asset(group_name="final")
    def scans() -> pl.DataFrame:
        bytes_ = [b"\\x00\\xff", b"abc", None, b"\\xfe" * 40]
        return pl.DataFrame(
            {"id": [1, 2, 3, 4], "scan": bytes_, "pages": [[b] if b else None for b in bytes_]},
            schema={"id": pl.Int64, "scan": pl.Binary, "pages": pl.List(pl.Binary)},
        )
"""


def judged(constraints: dict[str, Any]) -> list[tuple[str, tuple[int, ...]]]:
    field = {"name": "scan", "type": "string", "format": "binary", "constraints": constraints}
    contract = Contract.from_descriptor({"fields": [field]})
    return [(one.rule, one.rows) for one in check(FRAME.select("scan"), contract).totals]


def test_a_table_with_bytes_keeps_the_contract_inferred_from_it() -> None:
    inference = infer(FRAME)
    kinds = {f["name"]: (f["type"], f.get("format")) for f in inference.fields}
    assert kinds == {
        "id": ("integer", None),
        "scan": ("string", "binary"),
        "pages": ("array", None),
        "held": ("object", None),
    }
    assert check(FRAME, Contract.from_descriptor(inference.descriptor)).ok


@pytest.mark.parametrize(
    ("constraints", "broken"),
    [
        ({}, []),
        ({"required": True}, [("required", (4,))]),
        ({"unique": True}, []),
        ({"minLength": 4}, []),
        ({"maxLength": 4}, [("maxLength", (5,))]),
        ({"enum": ["AP8=", "YWJj"]}, [("enum", (5,))]),
        ({"pattern": "[A-Za-z0-9]*="}, [("pattern", (3, 5))]),
    ],
)
def test_rules_judge_bytes_as_the_base64_that_they_are_in_a_contract(
    constraints: dict[str, Any], broken: list[tuple[str, tuple[int, ...]]]
) -> None:
    assert judged(constraints) == broken


def test_bytes_that_repeat_or_are_not_a_key_elsewhere_are_found() -> None:
    field = {"name": "scan", "type": "string", "format": "binary", "constraints": {"unique": True}}
    key = {"fields": ["scan"], "reference": {"resource": "other", "fields": ["hash"]}}
    contract = Contract.from_descriptor({"fields": [field], "foreignKeys": [key]})
    frame = pl.DataFrame({"scan": [b"\xff", b"\xff", b"\x00"]})
    report = check(frame, contract, references={"other": pl.DataFrame({"hash": [b"\xff"]})})
    assert [(one.rule, one.rows) for one in report.totals] == [
        ("unique", (3,)),
        ("foreignKeys", (4,)),
    ]


def test_nested_bytes_can_be_compared() -> None:
    fields = [{"name": "pages", "type": "array", "constraints": {"unique": True}}]
    frame = pl.DataFrame({"pages": [[b"\xff"], [b"\xfe"], [b"\xff"]]})
    report = check(frame, Contract.from_descriptor({"fields": fields}))
    assert [one.rows for one in report.totals] == [(4,)]


def test_in_text_bytes_are_base64_at_every_depth() -> None:
    text = FRAME.select(cell(name, dtype) for name, dtype in FRAME.schema.items())
    encoded = base64.b64encode(b"\x00\xff").decode()
    assert text.row(0) == (
        1,
        encoded,
        f'["{encoded}"]',
        f'{{"raw":"{encoded}","all":["{encoded}"]}}',
    )
    assert text.row(2) == (3, None, None, '{"raw":null,"all":null}')


def call(*words: str) -> Result:
    return CliRunner().invoke(command, list(words))


def test_bytes_go_from_the_function_to_every_export(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Study = study({"tables.py": TABLES, "datapackage.yaml": "name: scans\n"})
    settings = (made.root / "pyproject.toml").read_text() + "csv = true\n"
    (made.root / "pyproject.toml").write_text(settings)
    monkeypatch.chdir(made.root)
    call("build", "scans")
    assert call("describe", "scans", "--write").exit_code == 0
    done = call("build")
    assert done.exit_code == 0, done.output
    package = made.storage / "package"
    document = json.loads((package / "datapackage.json").read_text())
    (twin,) = [one for one in document["resources"] if one["format"] == "csv"]
    report = check_file(
        package / twin["path"], Contract.from_descriptor(twin), dialect=twin["dialect"]
    )
    assert (report.ok, report.rows_checked) == (True, 4)
    for form in ("sqlite", "duckdb", "xlsx", "csv"):
        done = call("export", "--to", form, "--out", f"out.{form}")
        assert done.exit_code == 0, f"{form}: {done.output} {done.exception}"
    with sqlite3.connect("out.sqlite") as base:
        assert [row[0] for row in base.execute("select scan from scans order by id")] == BYTES
    base.close()
    with duckdb.connect("out.duckdb", read_only=True) as duck:
        assert [
            row[0] for row in duck.execute("select scan from scans order by id").fetchall()
        ] == BYTES
    book = openpyxl.load_workbook("out.xlsx")
    assert book["scans"]["B2"].value == "AP8="
    assert "AP8=" in (made.root / "out.csv" / "scans.csv").read_text()
