"""Deliveries that correct one another: which rows win, what is reported, what is never silent."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.project import Project, find_project
from data_package.engine.schema import Contract
from data_package.engine.sources.delivered import Delivered, FileRows, Misread, Received
from data_package.engine.sources.files import Bad, RawFile
from data_package.engine.sources.newest import Delivery, DeliveryReport, Rows, newest
from data_package.engine.staleness.lock import read_lock
from data_package.engine.staleness.status import status_of
from data_package.engine.tables.loading import open_project
from data_package_tests.conftest import Make

ORDER = r"visits_(?P<number>\d+)"
CONTRACT = Contract.from_descriptor(
    {
        "fields": [
            {"name": "id", "type": "integer"},
            {"name": "day", "type": "date", "format": "%d.%m.%Y"},
            {"name": "weight", "type": "number", "constraints": {"maximum": 300}},
        ],
        "primaryKey": ["id", "day"],
    },
    name="visits",
)
FILE = RawFile("visits", ("visits_*.csv",), newest_per=("id", "day"), order=ORDER)
HEAD = "id,day,weight\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("study")
    (root / "pyproject.toml").write_text('[tool.data-package]\npackage = "study"\n')
    (root / "study").mkdir()
    (root / "study" / "__init__.py").write_text("")
    return find_project(root)


def delivered(
    project: Project, files: Mapping[str, str], bad: Bad = "stop", file: RawFile = FILE
) -> tuple[Delivered, list[Path]]:
    for old in project.root.glob("visits_*"):
        old.unlink()
    for name, text in files.items():
        (project.root / name).write_text(text if text.startswith("id") else HEAD + text)
    declared = replace(file, bad=bad, worst=1)
    paths = sorted(project.root / name for name in files)
    return Delivered(project, {"visits": declared}, {"visits": CONTRACT}), paths


def received(
    project: Project, files: Mapping[str, str], bad: Bad = "stop", file: RawFile = FILE
) -> tuple[list[tuple[object, ...]], list[DeliveryReport]]:
    made, paths = delivered(project, files, bad, file)
    into = Received(project.root / "rejects.parquet", "rejects.parquet")
    rows = made.read("visits", paths, into).select("id", "weight").collect().rows()
    return rows, list(into.report.deliveries)


def examined(
    project: Project, files: Mapping[str, str], bad: Bad = "stop", file: RawFile = FILE
) -> list[FileRows]:
    made, paths = delivered(project, files, bad, file)
    return made.examine("visits", paths)


def refused(project: Project, files: Mapping[str, str], bad: Bad = "stop") -> str:
    with pytest.raises(Misread) as caught:
        received(project, files, bad)
    return str(caught.value)


DAY = "01.02.2024"


def test_the_tenth_delivery_is_newer_than_the_ninth(project: Project) -> None:
    files = {
        "visits_9.csv": f"1,{DAY},5\n2,{DAY},6\n",
        "visits_10.csv": f"1,{DAY},5.5\n2,{DAY},6\n3,{DAY},7\n",
        "visits_11.csv": f"4,{DAY},8\n1,{DAY},5.5\n",
    }
    rows, (ninth, tenth, eleventh) = received(project, files)
    assert rows == [(2, 6.0), (3, 7.0), (4, 8.0), (1, 5.5)]
    assert (ninth.file, ninth.rows, ninth.kept, ninth.new) == ("visits_9.csv", 2, 0, 2)
    assert ninth.replaced == Rows(2, (2, 3))
    assert tenth.replaces == Rows(2, (2, 3))
    assert tenth.changed == Rows(1, (2,))
    assert eleventh.vanished == Rows(2, (3, 4))
    assert eleventh.render().splitlines() == [
        "visits_11.csv: 2 rows, 2 kept, 1 new",
        "  1 in the place of an earlier row: row 3",
        "  2 of the delivery before without its key in this one: rows 3, 4",
    ]


def test_a_key_that_comes_back_is_reported(project: Project) -> None:
    files = {f"visits_{i}.csv": f"{one},{DAY},{i}\n" for i, one in enumerate((1, 2, 1))}
    rows, reports = received(project, files)
    assert sorted(rows) == [(1, 2.0), (2, 1.0)]
    assert [one.came_back.rows for one in reports] == [(), (), (2,)]


def test_a_bad_newer_row_leaves_its_key_out_and_no_older_row_wins(project: Project) -> None:
    files = {
        "visits_1.csv": f"1,{DAY},5\n2,{DAY},6\n",
        "visits_2.csv": f"1,{DAY},5*\n3,{DAY},x\n",
    }
    rows, (_, second) = received(project, files, "reject")
    assert rows == [(2, 6.0)]
    assert second.broken == Rows(1, (2,))
    assert second.left_out == Rows(1, (2,))
    # A later delivery that is right brings the key back.
    rows, (_, second, third) = received(
        project, {**files, "visits_3.csv": f"1,{DAY},5.1\n"}, "reject"
    )
    assert sorted(rows) == [(1, 5.1), (2, 6.0)]
    assert (second.left_out.count, third.left_out.count) == (0, 0)


def test_an_empty_cell_of_a_newer_row_is_reported_where_it_takes_the_place(
    project: Project,
) -> None:
    files = {"visits_1.csv": f"1,{DAY},5\n", "visits_2.csv": f"1,{DAY},x\n2,{DAY},y\n"}
    rows, (_, second) = received(project, files, "null")
    assert rows == [(1, None), (2, None)]
    assert second.broken == Rows(1, (2,))
    assert second.left_out.count == 0


@pytest.mark.parametrize("bad", ["null", "reject"])
@pytest.mark.parametrize(
    "row", [f"x,{DAY},1\n", "1,32.01.2024,1\n", f"1,{DAY}\n", f"1,{DAY},2,3\n"]
)
def test_a_row_whose_key_is_uncertain_stops_while_an_older_row_is_kept(
    project: Project, bad: Literal["null", "reject"], row: str
) -> None:
    files = {"visits_1.csv": f"1,{DAY},5\n", "visits_2.csv": row}
    output = refused(project, files, bad)
    assert "visits_2.csv" in output
    assert "(newest_per), 1 time: row 2" in output
    assert DAY not in output


def test_a_row_whose_key_is_uncertain_is_harmless_in_the_oldest_delivery(project: Project) -> None:
    files = {"visits_1.csv": f"x,{DAY},1\n", "visits_2.csv": f"1,{DAY},5\n"}
    assert received(project, files, "reject")[0] == [(1, 5.0)]


@pytest.mark.parametrize("bad", ["stop", "null", "reject"])
def test_a_key_twice_in_one_delivery_is_an_error(project: Project, bad: Bad) -> None:
    output = refused(project, {"visits_1.csv": f"1,{DAY},5\n2,{DAY},5\n1,{DAY},5\n"}, bad)
    assert "a key for the second time in one delivery (newest_per), 1 time: row 4" in output


def test_a_good_and_a_bad_row_of_one_key_in_one_delivery_are_an_error(project: Project) -> None:
    output = refused(project, {"visits_1.csv": f"1,{DAY},5\n1,{DAY},x\n"}, "reject")
    assert "for the second time" in output


@pytest.mark.parametrize("bad", ["stop", "null", "reject"])
def test_a_row_without_a_key_is_an_error(project: Project, bad: Bad) -> None:
    output = refused(project, {"visits_1.csv": f"1,{DAY},5\n,{DAY},5\n"}, bad)
    assert "a row without a key (newest_per), 1 time: row 3" in output


def test_a_newer_row_that_breaks_a_constraint_is_reported_where_it_takes_the_place(
    project: Project,
) -> None:
    files = {"visits_1.csv": f"1,{DAY},5\n", "visits_2.csv": f"1,{DAY},500\n2,{DAY},600\n"}
    rows, (_, second) = received(project, files, "reject")
    assert rows == [(1, 500.0), (2, 600.0)]
    assert (second.broken, second.left_out) == (Rows(1, (2,)), Rows())


ODD = ("place", "mark", "row", "key 0", "row number", "file", "*", "^a$")


@pytest.mark.parametrize("name", ODD)
def test_fields_may_have_any_name(project: Project, name: str) -> None:
    contract = Contract.from_descriptor(
        {"fields": [{"name": name, "type": "integer"}, {"name": "weight", "type": "number"}]},
        name="visits",
    )
    head = f"{name},weight\n"
    files = {"visits_1.csv": head + "1,1\n2,1\n", "visits_2.csv": head + "1,x\n3,1\n"}
    _, paths = delivered(project, {})
    paths = [project.root / file for file in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.write_text(text)
    for key, kept in ((name, [(2, 1.0), (3, 1.0)]), ("weight", None)):
        file = replace(FILE, bad="reject", worst=1, newest_per=(key,))
        made = Delivered(project, {"visits": file}, {"visits": contract})
        into = Received(project.root / "rejects.parquet", "rejects.parquet")
        if kept is None:
            with pytest.raises(Misread):
                made.read("visits", paths, into)
        else:
            assert made.read("visits", paths, into).collect().rows() == kept
        assert pl.read_parquet(project.root / "rejects.parquet").row(0) == (
            *("visits_2.csv", 2),
            *("1", "x"),
        )


def test_keys_of_the_contract_are_checked_over_the_rows_that_are_kept(project: Project) -> None:
    rows = {"visits_1.csv": f"1,{DAY},5\n", "visits_2.csv": f"1,{DAY},6\n"}
    assert all(one.report.ok for one in examined(project, rows))
    by_weight = replace(FILE, newest_per=("weight",))
    _, second = examined(project, rows, file=by_weight)
    assert [total.rule for total in second.report.totals] == ["primaryKey"]


def test_a_field_that_is_not_in_the_contract_is_refused(project: Project) -> None:
    with pytest.raises(BuildError, match=r"newest_per names 'days'.*Did you mean 'day'"):
        received(project, {"visits_1.csv": ""}, file=replace(FILE, newest_per=("id", "days")))


def test_files_without_a_place_in_the_order_are_refused(project: Project) -> None:
    with pytest.raises(ProjectError, match=r"is not in the name of visits_b\.csv"):
        received(project, {"visits_1.csv": "", "visits_b.csv": ""})


LINE = st.tuples(st.integers(1, 4), st.integers(0, 2) | st.just("x"))
DELIVERY = st.lists(LINE, max_size=4, unique_by=lambda line: line[0])
DELIVERIES = st.lists(DELIVERY, min_size=1, max_size=5)
Lines = Sequence[Sequence[tuple[int, int | str]]]
BAD_CELLS = st.sampled_from(["null", "reject"])


def looped(
    deliveries: Lines, bad: str, reports: Sequence[DeliveryReport]
) -> dict[int, tuple[int, object]]:
    """A second opinion on reports, by a loop over the lines: the line and value of each key."""
    kept: dict[int, tuple[int, object]] = {}
    history: dict[int, list[int]] = {}
    for at, (lines, report) in enumerate(zip(deliveries, reports, strict=True)):
        seen = {key: row for row, (key, _) in enumerate(lines, start=2)}
        broken = {k for k, value in lines if value == "x" and k in history}
        lost = {k for k, value in lines if value == "x"} if bad == "reject" else set()
        replaces = {k for k in seen if k in history and k not in lost}
        came_back = {k for k in replaces if history[k][-1] < at - 1}
        before = deliveries[at - 1] if at else []
        gone = {row for row, (k, _) in enumerate(before, start=2) if k not in seen}
        assert set(report.broken.rows) == {seen[k] for k in broken}
        assert set(report.replaces.rows) == {seen[k] for k in replaces}
        assert set(report.came_back.rows) == {seen[k] for k in came_back}
        assert set(report.vanished.rows) == gone
        assert report.new == len([k for k in seen if k not in history and k not in lost])
        for row, (key, value) in enumerate(lines, start=2):
            history.setdefault(key, []).append(at)
            kept.pop(key, None)
            if key not in lost:
                kept[key] = (row, None if value == "x" else float(value))
    assert sum(report.kept for report in reports) == len(kept)
    return kept


@given(DELIVERIES, BAD_CELLS)
def test_reports_are_those_of_a_loop_over_the_deliveries(deliveries: Lines, bad: str) -> None:
    nobody = pl.Series("row", [], dtype=pl.Int64)
    made = []
    for lines in deliveries:
        is_bad = [value == "x" for _, value in lines]
        read = pl.Series([not (one and bad == "reject") for one in is_bad], dtype=pl.Boolean)
        keys = pl.DataFrame(
            {
                "key 0": pl.Series([key // 2 for key, _ in lines], dtype=pl.Int64),
                "key 1": pl.Series([key % 2 for key, _ in lines], dtype=pl.Int64),
                "row": pl.Series(range(2, len(lines) + 2), dtype=pl.Int64),
                "place": pl.select(pl.when(read).then(read.cum_sum().cast(pl.UInt32) - 1)),
                "mark": pl.Series([hash(value) for _, value in lines], dtype=pl.Int64),
                "bad": pl.Series(is_bad, dtype=pl.Boolean),
            }
        )
        made.append(Delivery("visits", "visits.csv", keys, nobody))
    chosen = newest(made, ["id", "day"])
    kept = looped(deliveries, bad, [one.report for one in chosen])
    places = pl.concat(
        one.keys.join(what.places.alias("place").to_frame(), on="place", how="semi")
        for one, what in zip(made, chosen, strict=True)
    )
    rows = places.select(2 * pl.col("key 0") + pl.col("key 1"), "row")
    assert dict(rows.iter_rows()) == {key: row for key, (row, _) in kept.items()}


@settings(max_examples=15)
@given(DELIVERIES, BAD_CELLS, st.permutations(range(5)))
def test_rows_are_those_of_a_loop_whatever_the_files_are_called(
    project: Project, deliveries: Lines, bad: Literal["null", "reject"], numbers: Sequence[int]
) -> None:
    order = [f"visits_{number}.csv" for number in numbers[: len(deliveries)]]
    files = {
        name: "".join(f"{key},{DAY},{value}\n" for key, value in lines)
        for name, lines in zip(order, deliveries, strict=True)
    }
    listed = replace(FILE, order=tuple(order), may_be_empty=True)
    got, reports = received(project, files, bad, listed)
    kept = looped(deliveries, bad, reports)
    assert sorted(map(repr, got)) == sorted(repr((k, value)) for k, (_, value) in kept.items())


def test_deliveries_are_reported_by_build_status_and_metadata_without_values(study: Make) -> None:
    made = study(
        {
            "raw/__init__.py": "",
            "raw/visits.py": """
                import dagster as dg
                import polars as pl
                from pathlib import Path
                from data_package import source_file

                visits_files = source_file(
                    "visits_files", "visits_*.csv", file_column="delivery", bad="reject",
                    newest_per=["id", "day"], order=r"visits_(?P<number>\\d+)",
                )

                @dg.asset
                def visits(visits_files: pl.LazyFrame) -> pl.LazyFrame:
                    return visits_files

                @dg.asset
                def paths(visits_files: list[Path]) -> pl.LazyFrame:
                    return pl.LazyFrame({"n": [len(visits_files)]})
                """,
            "raw/visits_files.yaml": json.dumps(CONTRACT.descriptor),
            "/visits_9.csv": HEAD + f"1,{DAY},5\n2,{DAY},61.125\n",
            "/visits_10.csv": HEAD + f"1,{DAY},5x\n3,{DAY},7\n",
        }
    )
    result = made.build()
    assert result["paths"].error is not None
    assert "newest_per=, which needs its rows" in result["paths"].error
    table = pl.read_parquet(made.storage / "raw" / "visits.parquet")
    assert table.select("id", "delivery").rows() == [(2, "visits_9.csv"), (3, "visits_10.csv")]
    assert result.deliveries().splitlines() == [
        "visits has the newest row of each id, day:",
        "  visits_9.csv: 2 rows, 1 kept, 2 new",
        "    1 replaced by a later delivery: row 2",
        "  visits_10.csv: 2 rows, 1 kept, 1 new",
        "    1 of the delivery before without its key in this one: row 3",
        "    1 with errors, in the place of an earlier row: row 2",
        "    1 left out with its key: row 2",
    ]
    facts = json.loads(result.to_json())
    reported = next(one for one in facts["tables"] if one["name"] == "visits")["deliveries"]
    assert [one["left_out"] for one in reported] == [
        {"count": 0, "rows": []},
        {"count": 1, "rows": [2]},
    ]
    assert "61.125" not in result.to_json()
    catalogue, _ = open_project(made.project)
    status = status_of(catalogue, read_lock(made.project))
    kept = next(one for one in status.tables if one.name == "visits").to_dict()["deliveries"]
    assert json.loads(json.dumps(kept)) == reported


def test_the_order_and_the_keys_are_part_of_what_a_table_is(project: Project) -> None:
    digests = {
        Delivered(project, {"visits": file}, {"visits": CONTRACT}).digest("visits")
        for file in (
            FILE,
            replace(FILE, newest_per=("id",)),
            replace(FILE, order=("visits_1.csv",)),
            replace(FILE, newest_per=(), order=()),
        )
    }
    assert len(digests) == 4


def test_each_table_of_zipped_deliveries_has_the_newest_rows_of_its_member(
    project: Project,
) -> None:
    contents = {9: ("1,5\n2,6\n", "1,a\n"), 10: ("1,7\n", "1,b\n2,x\n")}
    for number, (visits, persons) in contents.items():
        with zipfile.ZipFile(project.root / f"all_{number}.zip", "w") as archive:
            archive.writestr(f"export_{number}/visits.csv", "id,weight\n" + visits)
            archive.writestr(f"export_{number}/persons.csv", "id,sex\n" + persons)
    paths = sorted(project.root.glob("all_*.zip"))
    for name, field, kept in (
        ("visits", "weight", [("2", "6"), ("1", "7")]),
        ("persons", "sex", [("1", "b"), ("2", "x")]),
    ):
        contract = Contract.from_descriptor(
            {
                "dialect": {"member": f"*/{name}.csv"},
                "schema": {"fields": [{"name": "id"}, {"name": field}]},
            },
            name=name,
        )
        file = RawFile(name, ("all_*.zip",), newest_per=("id",), order=r"all_(?P<number>\d+)")
        made = Delivered(project, {name: file}, {name: contract})
        into = Received(project.root / "rejects.parquet", "rejects.parquet")
        assert made.read(name, paths, into).collect().rows() == kept
        assert [one.file for one in into.report.deliveries] == ["all_9.zip", "all_10.zip"]
