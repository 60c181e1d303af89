"""What Dagster can only run in one go runs in one go, whatever of it is stale or failed."""

from dataclasses import replace

import polars as pl

from data_package.engine.runs.progress import closing_line
from data_package.engine.runs.run import run_build
from data_package.engine.staleness.plan import Request, preview
from data_package.engine.states import Status
from data_package_tests.conftest import Make

FORCED = Request(("m1",), force=True)

HEADER = "import dagster as dg\nimport polars as pl\n"

PAIR = (
    HEADER
    + """
@dg.asset
def raw() -> pl.DataFrame:
    return pl.DataFrame({"n": [1, 2]})

@dg.multi_asset(outs={"m1": dg.AssetOut(), "m2": dg.AssetOut()})
def both(raw: pl.DataFrame):
    return raw.head(1), raw.tail(1)

@dg.asset
def last(m1: pl.DataFrame) -> pl.DataFrame:
    return m1
"""
)


def test_a_missing_table_of_several_that_one_function_makes_is_built_with_the_others(
    study: Make,
) -> None:
    project = study({"tables.py": PAIR})
    assert project.build().ok
    (project.storage / "default" / "m2.parquet").unlink()
    result = project.build()
    assert result.ok
    assert {table.name: table.status for table in result.tables} == {
        "m1": Status.BUILT,
        "m2": Status.BUILT,
    }
    assert not project.build().tables


def test_a_table_of_several_is_forced_with_the_others(study: Make) -> None:
    project = study({"tables.py": PAIR})
    assert project.build().ok
    project.forget()
    names = {key.to_user_string() for key in preview(FORCED, project.project).tables}
    assert names == {"m1", "m2"}
    result = run_build(FORCED, project.project)
    assert [table.name for table in result.tables] == ["m1", "m2"]


INLINE = (
    HEADER
    + """
from pathlib import Path

@dg.asset(check_specs=[dg.AssetCheckSpec("inline", asset="c")])
def c():
    yield dg.Output(pl.DataFrame({"a": [1]}))
    yield dg.AssetCheckResult(check_name="inline", passed=PASSED)

@dg.asset
def other() -> pl.DataFrame:
    return pl.DataFrame({"b": [1]})
"""
)


def test_a_failed_check_that_its_own_table_makes_runs_the_table_again(study: Make) -> None:
    project = study({"tables.py": INLINE.replace("PASSED", "False")})
    for _ in range(2):
        result = project.build()
        assert not result.ok
        assert "does not pass its check 'inline'" in result.explain()
    assert [table.name for table in result.tables] == ["c"]
    project.write({"tables.py": INLINE.replace("PASSED", "True")})
    assert project.build().ok
    assert not project.build().tables


def test_one_failed_check_of_several_that_one_function_makes_is_made_with_the_others(
    study: Make,
) -> None:
    checks = """
@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec("good", asset="c"), dg.AssetCheckSpec("bad", asset="other")]
)
def checks():
    yield dg.AssetCheckResult(check_name="good", asset_key="c", passed=True)
    yield dg.AssetCheckResult(check_name="bad", asset_key="other", passed=False)
"""
    plain = INLINE.replace('check_specs=[dg.AssetCheckSpec("inline", asset="c")]', "")
    plain = plain.replace('yield dg.AssetCheckResult(check_name="inline", passed=PASSED)', "pass")
    project = study({"tables.py": plain + checks})
    for status in (Status.BUILT, Status.CHECKED):
        result = project.build()
        assert not result.ok
        assert result["other"].status is status
        assert [check.name for check in result["other"].failed_checks] == ["bad"]


def test_a_check_that_warns_is_reported_and_fails_nothing_and_is_not_made_again(
    study: Make,
) -> None:
    project = study(
        {
            "tables.py": HEADER
            + """
@dg.asset
def people() -> pl.DataFrame:
    return pl.DataFrame({"age": [130]})

@dg.asset_check(asset=people, blocking=True)
def ages(people: pl.DataFrame):
    return dg.AssetCheckResult(
        passed=False, severity=dg.AssetCheckSeverity.WARN, description="1 age is unlikely"
    )

@dg.asset
def adults(people: pl.DataFrame) -> pl.DataFrame:
    return people
"""
        }
    )
    result = project.build()
    assert result.ok
    assert [table.status for table in result.tables] == [Status.BUILT] * 2
    assert result.warnings() == "people: its check 'ages' warns:\n  1 age is unlikely"
    assert not project.build().tables


def test_a_check_that_is_new_or_has_changed_is_made_of_a_fresh_table(study: Make) -> None:
    table = HEADER + "\n@dg.asset\ndef a() -> pl.DataFrame:\n    return pl.DataFrame({'n': [5]})\n"
    check = "\n@dg.asset_check(asset=a)\ndef small(a: pl.DataFrame) -> dg.AssetCheckResult:\n"
    project = study({"tables.py": table})
    assert project.build().ok
    for most, ok in ((9, True), (4, False)):
        body = f"    return dg.AssetCheckResult(passed=bool(a['n'].max() < {most}))\n"
        project.write({"tables.py": table + check + body})
        result = project.build()
        assert result["a"].status is Status.CHECKED
        assert result.ok is ok
    assert not project.build().ok


def test_a_gate_does_not_pass_while_an_own_check_fails(study: Make) -> None:
    table = HEADER + "\n@dg.asset\ndef a() -> pl.DataFrame:\n    return pl.DataFrame({'n': [5]})\n"
    check = "\n@dg.asset_check(asset=a)\ndef own():\n    return dg.AssetCheckResult(passed={})\n"
    project = study({"tables.py": table + check.format(False)})
    assert not project.build().ok
    done = project.verb("status", "--check")
    assert done.returncode == 1
    assert "its check own failed" in done.stdout
    project.write({"tables.py": table + check.format(True)})
    assert project.build().ok
    assert project.verb("status", "--check").returncode == 0


OPTIONAL = (
    HEADER
    + """
FLAG = False

@dg.multi_asset(outs={"sure": dg.AssetOut(), "perhaps": dg.AssetOut(is_required=False)})
def both():
    yield dg.Output(pl.DataFrame({"a": [1]}), "sure")
    if FLAG:
        yield dg.Output(pl.DataFrame({"a": [2]}), "perhaps")
"""
)


def test_an_optional_output_that_was_not_yielded_is_fresh_until_its_code_or_inputs_change(
    study: Make,
) -> None:
    reader = "\n@dg.asset\ndef reader(perhaps: pl.LazyFrame) -> pl.LazyFrame:\n    return perhaps\n"
    project = study({"t.py": OPTIONAL})
    first = project.build()
    assert {table.name: table.outcome for table in first} == {
        "sure": Status.BUILT,
        "perhaps": Status.NOT_YIELDED,
    }
    assert closing_line(first).startswith("1 built, 1 not yielded in ")
    published = replace(first, tables=(), package=first["sure"], fresh=1)
    assert closing_line(published).startswith("1 table is fresh in ")
    again = project.build()
    assert (again.ok, len(again.tables), again.fresh) == (True, 0, 2)
    project.write({"t.py": OPTIONAL.replace("FLAG = False", "FLAG = True") + reader})
    assert project.build().ok
    assert pl.read_parquet(project.storage / "default/reader.parquet").rows() == [(2,)]
    # What was yielded before is not handed on.
    project.write({"t.py": OPTIONAL + reader})
    result = project.build()
    assert not result.ok
    assert result.explain() == "Not yielded this time: perhaps.\n\nNot built because of it: reader."
    result = project.build()
    assert not result.ok
    assert "'perhaps' has no result to pass on" in result.explain()
    project.write({"perhaps.yaml": "schema: {fields: [{name: a, type: integer}]}\n"})
    result = project.build()
    assert not result.ok
    assert "Its function has not yielded it this time." in result.explain()


def test_a_hook_that_fails_is_reported_once_with_its_place_and_fails_no_table(
    study: Make,
) -> None:
    hook = '@dg.success_hook\ndef shout(context):\n    raise ValueError("secret")\n'
    code = f"{HEADER}\n{hook}{PAIR.partition(HEADER)[2]}".replace("@dg.multi_asset(", HOOKED)
    result = study({"tables.py": code}).build()
    assert result.ok
    assert result.warnings().count("\n") == 0
    assert "tables.py:6 ValueError: its message may quote values" in result.warnings()
    assert "secret" not in result.to_json()
    hooks = {table.name: len(table.hook_errors) for table in result}
    assert hooks == {"raw": 0, "m1": 1, "m2": 1, "last": 0}


HOOKED = "@dg.multi_asset(hooks={shout}, "
