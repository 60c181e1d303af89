"""Checking one table beside every other engine: seconds, rows a second, peak memory, ratios.

    python -m data_package_tests.bench.schema_peers [--rows N] [--peers PYTHON] [--json]

Every engine runs in a process of its own on the same generated files, clean and with an error in
one row of a hundred, by the same rules: required, unique, enum, bounds, pattern, a primary key of
two columns, a foreign key to ten thousand rows. The best of three runs counts. `--peers` names a
Python that has pandera, dataframely, pointblank and patito; what is not there is left out.
frictionless reads the CSV, a tenth of it, since it has no useful reading of Parquet.
"""

import argparse
import datetime as dt
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import polars as pl

SCHEMA: dict[str, Any] = {
    "fields": [
        {"name": "site", "type": "integer", "constraints": {"required": True, "minimum": 0}},
        {"name": "subject", "type": "integer", "constraints": {"required": True}},
        {"name": "age", "type": "integer", "constraints": {"minimum": 18, "maximum": 120}},
        {"name": "weight", "type": "number", "constraints": {"minimum": 30, "maximum": 200}},
        {"name": "sex", "type": "string", "constraints": {"required": True, "enum": ["F", "M"]}},
        {"name": "code", "type": "string", "constraints": {"pattern": "C[0-9]{5}"}},
        {"name": "label", "type": "string", "constraints": {"unique": True}},
        {"name": "visit", "type": "date", "constraints": {"minimum": "2015-01-01"}},
        {"name": "measured", "type": "datetime", "constraints": {"required": True}},
        {"name": "done", "type": "boolean"},
    ],
    "primaryKey": ["site", "subject"],
    "foreignKeys": [{"fields": ["code"], "reference": {"resource": "codes", "fields": ["code"]}}],
}


def generate(rows: int, *, dirty: bool) -> pl.DataFrame:
    """Return the table; when dirty, one row of a hundred breaks one of the rules."""
    i = pl.col("subject")
    frame = pl.DataFrame({"subject": pl.int_range(rows, eager=True)}).select(
        site=i % 50,
        subject=i,
        age=18 + i % 80,
        weight=(i * 7919 % 10_000) / 100 + 30.0,
        sex=pl.when(i % 2 == 0).then(pl.lit("F")).otherwise(pl.lit("M")),
        code="C" + (i * 31 % 10_000).cast(pl.String).str.zfill(5),
        label="s" + i.cast(pl.String),
        visit=pl.date(2015, 1, 1) + pl.duration(days=i % 3000),
        measured=pl.datetime(2015, 1, 1) + pl.duration(seconds=i * 37),
        done=i % 3 == 0,
    )
    if not dirty:
        return frame
    row = pl.int_range(pl.len())
    return frame.with_columns(
        age=pl.when(row % 500 == 100).then(7).otherwise("age"),
        sex=pl.when(row % 500 == 200).then(pl.lit("X")).otherwise("sex"),
        code=pl.when(row % 500 == 300).then(pl.lit("C99999x")).otherwise("code"),
        label=pl.when(row % 500 == 400).then(pl.lit("s1")).otherwise("label"),
        visit=pl.when(row % 500 == 450).then(pl.date(1900, 1, 1)).otherwise("visit"),
    )


def codes() -> pl.DataFrame:
    """Return the table that the foreign key refers to."""
    return pl.DataFrame({"code": [f"C{i:05}" for i in range(10_000)]})


def ours(folder: Path) -> Callable[[], int]:
    from data_package.engine.schema import Contract, check

    contract = Contract.from_descriptor(SCHEMA, name="table")
    frame = pl.read_parquet(folder / "table.parquet")
    return lambda: check(frame, contract, references={"codes": codes()}).error_count


def ours_parquet(folder: Path) -> Callable[[], int]:
    from data_package.engine.schema import Contract, check

    contract = Contract.from_descriptor(SCHEMA, name="table")
    scan = pl.scan_parquet(folder / "table.parquet")
    return lambda: check(scan, contract, references={"codes": codes()}).error_count


def ours_csv(folder: Path) -> Callable[[], int]:
    from data_package.engine.schema import Contract, check_file

    contract = Contract.from_descriptor(SCHEMA, name="table")
    path = folder / "table.csv"
    return lambda: check_file(path, contract, references={"codes": codes()}).error_count


def frictionless(folder: Path) -> Callable[[], int]:
    import frictionless as judge

    csv = {"delimiter": ",", "quoteChar": '"', "skipInitialSpace": False}
    common = {"format": "csv", "type": "table", "encoding": "utf-8"}
    dialect = {"headerRows": [1], "csv": csv}
    package = judge.Package.from_descriptor(
        {
            "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
            "resources": [
                {"name": "t", "path": "tenth.csv", "schema": SCHEMA, "dialect": dialect, **common},
                {"name": "codes", "path": "codes.csv", "dialect": dialect, **common},
            ],
        }
    )
    package.basepath = str(folder)
    resource_ = package.get_resource("t")
    return lambda: len(resource_.validate(limit_errors=10**9).tasks[0].errors)


def pandera(folder: Path) -> Callable[[], int]:
    pa: Any = importlib.import_module("pandera.polars")

    known = codes()["code"].to_list()
    schema = pa.DataFrameSchema(
        {
            "site": pa.Column(pl.Int64, pa.Check.ge(0)),
            "subject": pa.Column(pl.Int64),
            "age": pa.Column(pl.Int64, pa.Check.in_range(18, 120)),
            "weight": pa.Column(pl.Float64, pa.Check.in_range(30, 200)),
            "sex": pa.Column(pl.String, pa.Check.isin(["F", "M"])),
            "code": pa.Column(
                pl.String, [pa.Check.str_matches("^(?:C[0-9]{5})$"), pa.Check.isin(known)]
            ),
            "label": pa.Column(pl.String, unique=True),
            "visit": pa.Column(pl.Date, pa.Check.ge(dt.date(2015, 1, 1))),
            "measured": pa.Column(pl.Datetime("us")),
            "done": pa.Column(pl.Boolean),
        },
        unique=["site", "subject"],
    )
    frame = pl.read_parquet(folder / "table.parquet")

    def run() -> int:
        try:
            schema.validate(frame, lazy=True)
        except pa.errors.SchemaErrors as errors:
            return len(errors.failure_cases)
        return 0

    return run


def dataframely(folder: Path) -> Callable[[], int]:
    dy: Any = importlib.import_module("dataframely")

    known = codes()

    class Table(dy.Schema):  # type: ignore[misc]
        site = dy.Int64(primary_key=True, min=0)
        subject = dy.Int64(primary_key=True)
        age = dy.Int64(nullable=True, min=18, max=120)
        weight = dy.Float64(nullable=True, min=30, max=200)
        sex = dy.String(nullable=False, check=lambda sex: sex.is_in(["F", "M"]))
        code = dy.String(nullable=True, regex="^(?:C[0-9]{5})$")
        label = dy.String(nullable=True)
        visit = dy.Date(nullable=True, min=dt.date(2015, 1, 1))
        measured = dy.Datetime(nullable=False)
        done = dy.Bool(nullable=True)

        @dy.rule()  # type: ignore[untyped-decorator]
        def label_unique(cls) -> pl.Expr:  # noqa: N805
            return pl.col("label").is_unique()

    frame = pl.read_parquet(folder / "table.parquet")

    def run() -> int:
        failure = Table.filter(frame)[1]
        dangling = frame.join(known, on="code", how="anti").height
        return int(sum(failure.counts().values()) + dangling)

    return run


def pointblank(folder: Path) -> Callable[[], int]:
    pb: Any = importlib.import_module("pointblank")

    known = codes()["code"].to_list()
    frame = pl.read_parquet(folder / "table.parquet")

    def run() -> int:
        done = (
            pb.Validate(frame)
            .col_vals_not_null(["site", "subject", "sex", "measured"])
            .col_vals_ge("site", 0)
            .col_vals_between("age", 18, 120, na_pass=True)
            .col_vals_between("weight", 30, 200, na_pass=True)
            .col_vals_in_set("sex", ["F", "M"])
            .col_vals_regex("code", "^(?:C[0-9]{5})$", na_pass=True)
            .col_vals_in_set("code", known)
            .rows_distinct("label")
            .col_vals_ge("visit", dt.date(2015, 1, 1), na_pass=True)
            .rows_distinct(["site", "subject"])
            .interrogate(get_first_n=10)
        )
        return int(sum(done.n_failed().values()))

    return run


def patito(folder: Path) -> Callable[[], int]:
    pt: Any = importlib.import_module("patito")

    class Table(pt.Model):  # type: ignore[misc]
        site: int = pt.Field(ge=0)
        subject: int
        age: int | None = pt.Field(ge=18, le=120)
        weight: float | None = pt.Field(ge=30, le=200)
        sex: Literal["F", "M"]
        code: str | None = pt.Field(pattern="^(?:C[0-9]{5})$")
        label: str = pt.Field(unique=True)
        visit: dt.date | None = pt.Field(constraints=pt.field >= dt.date(2015, 1, 1))
        measured: dt.datetime
        done: bool | None

    frame = pl.read_parquet(folder / "table.parquet")
    known = codes()

    def run() -> int:
        found = frame.select("site", "subject").is_duplicated().sum()
        found += frame.join(known, on="code", how="anti").height
        try:
            Table.validate(frame)
        except pt.exceptions.DataFrameValidationError as error:
            found += len(error.errors())
        return int(found)

    return run


ENGINES: dict[str, tuple[str, Callable[[Path], Callable[[], int]]]] = {
    "data-package, typed": ("data_package", ours),
    "data-package, Parquet": ("data_package", ours_parquet),
    "data-package, CSV": ("data_package", ours_csv),
    "dataframely": ("dataframely", dataframely),
    "pointblank": ("pointblank", pointblank),
    "patito": ("patito", patito),
    "pandera": ("pandera", pandera),
    "frictionless, CSV": ("frictionless", frictionless),
}


def measure(engine: str, folder: Path, runs: int) -> None:
    """Run one engine in this process and print what it took as JSON."""
    module, prepare = ENGINES[engine]
    if importlib.util.find_spec(module) is None:
        return
    run = prepare(folder)
    seconds = []
    found = 0
    for _ in range(runs):
        begun = time.perf_counter()
        found = run()
        seconds.append(time.perf_counter() - begun)
    print(json.dumps({"seconds": min(seconds), "errors": found, "peak_bytes": peak_bytes()}))


def peak_bytes() -> int:
    """Return this process's own peak memory; the kernel's ru_maxrss begins with the parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def compare(rows: int, peers: str) -> list[dict[str, Any]]:
    """Run every engine on clean and dirty data and return one fact sheet each."""
    results = []
    root = str(Path(__file__).parents[2])
    with tempfile.TemporaryDirectory() as name:
        for kind in ("clean", "dirty"):
            folder = Path(name) / kind
            folder.mkdir()
            frame = generate(rows, dirty=kind == "dirty")
            frame.write_parquet(folder / "table.parquet")
            moments = {"datetime_format": "%Y-%m-%dT%H:%M:%S"}
            frame.write_csv(folder / "table.csv", **moments)  # type: ignore[call-overload]
            frame.head(rows // 10).write_csv(folder / "tenth.csv", **moments)  # type: ignore[call-overload]
            codes().write_csv(folder / "codes.csv")
            for engine in ENGINES:
                is_slow = engine.startswith("frictionless")
                python = sys.executable if engine.startswith(("data-package", "frict")) else peers
                done = subprocess.run(
                    [
                        *(python, __file__, "--run", engine, "--folder", str(folder)),
                        *("--runs", "1" if is_slow else "3"),
                    ],
                    capture_output=True,
                    text=True,
                    check=False,
                    env={**os.environ, "PYTHONPATH": root, "PATITO_DISABLE": "1"},
                )
                line = done.stdout.strip().splitlines()
                if not line:
                    reason = (done.stderr.strip().splitlines() or ["not installed"])[-1]
                    results.append({"engine": engine, "data": kind, "missing": reason[:80]})
                    continue
                facts = json.loads(line[-1])
                facts["rows_per_second"] = (rows // 10 if is_slow else rows) / facts["seconds"]
                results.append({"engine": engine, "data": kind, **facts})
    return results


def table(results: list[dict[str, Any]]) -> str:
    """Return the facts as lines, each engine against ours on typed frames."""
    lines = [
        f"{'engine':24}{'data':8}{'seconds':>9}{'rows/s':>13}{'peak MB':>9}{'errors':>9}  slower"
    ]
    best = {
        result["data"]: result["rows_per_second"]
        for result in results
        if result["engine"] == "data-package, typed"
    }
    for result in results:
        if "missing" in result:
            lines.append(f"{result['engine']:24}{result['data']:8}  {result['missing']}")
            continue
        ratio = best[result["data"]] / result["rows_per_second"]
        lines.append(
            f"{result['engine']:24}{result['data']:8}{result['seconds']:9.3f}"
            f"{result['rows_per_second']:13,.0f}{result['peak_bytes'] / 1e6:9.0f}"
            f"{result['errors']:9,}  {ratio:.1f} ×"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peers", default=os.environ.get("SCHEMA_PEERS_PYTHON", sys.executable))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, default=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        measure(given.run, given.folder, given.runs)
        return
    results = compare(given.rows, given.peers)
    print(json.dumps(results, indent=2) if given.json else table(results))


if __name__ == "__main__":
    main()
