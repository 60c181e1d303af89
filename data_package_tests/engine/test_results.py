"""Results in Python are collections of named parts, and true when they are good."""

import inspect
from html import unescape
from typing import Any

import polars as pl
import pytest

import data_package
import data_package.engine.schema as of_schema
import data_package.testing as of_testing
from data_package.engine.graph.nodes import DrawnNode
from data_package.engine.graph.project_graph import ProjectGraph
from data_package.engine.notebook import NamedParts, Parts
from data_package.engine.runs.checking import Checks
from data_package.engine.runs.result import BuildResult, CheckResult, TableResult
from data_package.engine.schema import Contract, Inference, Report, check, infer
from data_package.engine.staleness.status import ProjectStatus, TableStatus
from data_package.engine.staleness.survey import TableState
from data_package.engine.states import PackageState, State, Status, Verdict
from data_package.engine.versions.difference import Difference, TableDifference
from data_package.engine.versions.rows import RowDifference

DRAWN = DrawnNode("ages", "final", "fresh")
SECRET = "P-7777"
FRAME = pl.DataFrame({"id": [SECRET, "b"], "age": [200, 30]})
FIELDS = {"fields": [{"name": "id"}, {"name": "age", "type": "integer"}]}
LIMITED = {
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "age", "type": "integer", "constraints": {"maximum": 130}},
    ]
}


def built(status: Status) -> BuildResult:
    checks = [CheckResult("contract", passed=status is Status.BUILT)]
    table = TableResult("ages", "final", status, rows=2, checks=checks, checks_planned=1)
    return BuildResult((table,), None, 1.5, None, fresh=3)


def stated(state: State) -> ProjectStatus:
    table = TableStatus(TableState("ages", "final", state), Verdict.PASSED)
    return ProjectStatus([table], PackageState.UP_TO_DATE, [])


def report(*, good: bool) -> Report:
    return check(FRAME, Contract.from_descriptor(FIELDS if good else LIMITED, name="ages"))


def difference(*, same: bool) -> Difference:
    rows = None if same else RowDifference(2, 3, added=1, removed=0, changed=0, key=("id",))
    return Difference("1.0.0", "1.1.0", (), [TableDifference("ages", rows, same, False)])


# Of each kind a good one, one that is not (if there is such), and the name of a part.
RESULTS: dict[type[Any], tuple[object, object, str]] = {
    BuildResult: (built(Status.BUILT), built(Status.FAILED), "ages"),
    Checks: (Checks((report(good=True),)), Checks((report(good=False),)), "ages"),
    Report: (report(good=True), report(good=False), "age"),
    Difference: (difference(same=False), difference(same=True), "ages"),
    ProjectGraph: (ProjectGraph("study", [DRAWN]), ProjectGraph("study", []), "ages"),
    ProjectStatus: (stated(State.FRESH), stated(State.STALE), "ages"),
    Contract: (Contract.from_descriptor(FIELDS), Contract.from_descriptor(FIELDS), "age"),
    Inference: (infer(FRAME), infer(pl.DataFrame({"age": [1]})), "age"),
}


def test_every_result_of_a_public_function_is_tried() -> None:
    modules = (data_package, of_testing, of_schema)
    returned = {
        annotation
        for module in modules
        for name in module.__all__
        if inspect.isfunction(one := getattr(module, name))
        if isinstance(annotation := inspect.signature(one).return_annotation, type)
        if annotation.__module__.startswith("data_package.")
    }
    # These have no parts: a file's form, layout and tables, a text, a table with its report.
    alone = {"FileFormat", "FileParts", "Grown", "Reading", "Writing"}
    assert {one.__name__ for one in returned} - alone <= {one.__name__ for one in RESULTS}


@pytest.mark.parametrize("kind", RESULTS, ids=lambda kind: kind.__name__)
def test_a_result_is_a_collection_of_its_parts(kind: type[Any]) -> None:
    good, bad, name = RESULTS[kind]
    filled = bad if kind is Report else good
    assert isinstance(filled, kind)
    assert isinstance(good, kind)
    parts = list(filled)
    assert len(filled) == len(parts) > 0
    assert name in filled
    assert parts[0] in filled
    assert "nobody" not in filled
    assert 7 not in filled
    if isinstance(filled, NamedParts):
        assert filled[name] in parts
        with pytest.raises(KeyError, match="nobody"):
            filled["nobody"]
    assert isinstance(filled, Parts)
    assert filled == filled
    assert bool(good) is True
    assert bool(bad) is (kind in (Contract, Inference))
    assert repr(filled) == f"<{kind.__name__} {str(filled).splitlines()[0]}>"
    assert len(repr(filled)) < 100
    as_shown: Any = filled
    shown = as_shown._repr_svg_() if isinstance(filled, ProjectGraph) else as_shown._repr_html_()
    assert name in unescape(shown)
    assert SECRET not in f"{shown}{filled}{filled!r}"


def test_equal_reports_are_equal() -> None:
    assert report(good=False) == report(good=False)
    assert hash(report(good=False)) == hash(report(good=False))
    assert report(good=False) != report(good=True)


def test_a_build_without_stale_tables_is_true_and_empty() -> None:
    nothing = BuildResult((), None, 0.1, None, fresh=4)
    assert nothing
    assert list(nothing) == []
    assert str(nothing) == "4 fresh from the start, 0.1 s"
    with pytest.raises(KeyError, match="'ages' was not part of this build"):
        nothing["ages"]
