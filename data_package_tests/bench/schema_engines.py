"""One validator on one table, in this process: seconds, processor time, errors, peak memory.

Run by `schema_peers` in the environment of the validator; prints the facts as JSON. Each validator
is a function that prepares what can be prepared and returns what is timed: a call that gives the
number of errors it finds. Whatever a validator has no words for is written beside it in Polars.
"""

import argparse
import datetime as dt
import importlib
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import polars as pl

from data_package_tests.bench.schema_table import SCHEMA, codes

Prepare = Callable[[Path], Callable[[], int]]


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


def fairspec(folder: Path, name: str = "table.csv") -> Callable[[], int]:
    judge: Any = importlib.import_module("fairspec")

    def maybe(kind: str, **more: object) -> dict[str, object]:
        return {"type": [kind, "null"], **more}

    columns: dict[str, object] = {
        "site": {"type": "integer", "minimum": 0},
        "subject": {"type": "integer"},
        "age": maybe("integer", minimum=18, maximum=120),
        "weight": maybe("number", minimum=30, maximum=200),
        "sex": {"type": "string", "enum": ["F", "M"]},
        "code": maybe("string", pattern="^(?:C[0-9]{5})$"),
        "label": maybe("string"),
        "visit": maybe("string", format="date"),
        "measured": {"type": "string", "format": "date-time"},
        "done": maybe("boolean"),
    }
    table = judge.Resource.model_validate(
        {
            "data": str(folder / name),
            "fileDialect": {"format": name.rpartition(".")[2]},
            "tableSchema": {
                "properties": columns,
                "allRequired": True,
                "primaryKey": ["site", "subject"],
                "uniqueKeys": [["label"]],
            },
        }
    )
    scan = pl.scan_csv if name.endswith(".csv") else pl.scan_parquet
    known = codes().lazy()

    def run() -> int:
        found = len(judge.validate_table(table, maxErrors=10**9).errors)
        # It has no bounds of dates, and looks up foreign keys in whole data sets only.
        text = scan(folder / name).select("code", pl.col("visit").cast(pl.String))
        found += text.join(known, on="code", how="anti").select(pl.len()).collect().item()
        early = text.filter(pl.col("visit") < "2015-01-01")
        return int(found + early.select(pl.len()).collect().item())

    return run


def fairspec_parquet(folder: Path) -> Callable[[], int]:
    return fairspec(folder, "table.parquet")


def by_hand(folder: Path) -> Callable[[], int]:
    frame = pl.read_parquet(folder / "table.parquet")
    return lambda: _counted_by_hand(frame.lazy(), [])


def by_hand_csv(folder: Path) -> Callable[[], int]:
    path = folder / "table.csv"
    names = [str(each["name"]) for each in SCHEMA["fields"]]

    def run() -> int:
        text = pl.scan_csv(path, schema=dict.fromkeys(names, pl.String()))
        typed = text.with_columns(
            pl.col("site", "subject", "age").cast(pl.Int64, strict=False),
            pl.col("weight").cast(pl.Float64, strict=False),
            pl.col("visit").str.to_date("%Y-%m-%d", strict=False),
            pl.col("measured").str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False),
            pl.col("done").replace_strict(
                ["true", "false"], [True, False], default=None, return_dtype=pl.Boolean
            ),
            *(pl.col(name).is_null().alias(f"{name} empty") for name in names),
        )
        # What was written and is no value of its type.
        flags = [pl.col(name).is_null() & ~pl.col(f"{name} empty") for name in names]
        return _counted_by_hand(typed, flags)

    return run


def _counted_by_hand(table: pl.LazyFrame, flags: list[pl.Expr]) -> int:
    """Count what breaks the rules; which rows do, it does not tell."""
    broken = [
        pl.col("site").is_null(),
        pl.col("subject").is_null(),
        pl.col("sex").is_null(),
        pl.col("measured").is_null(),
        pl.col("site") < 0,
        ~pl.col("age").is_between(18, 120),
        ~pl.col("weight").is_between(30, 200),
        ~pl.col("sex").is_in(["F", "M"]),
        ~pl.col("code").str.contains("^(?:C[0-9]{5})$"),
        ~pl.col("code").is_in(codes()["code"].implode()),
        pl.col("visit") < dt.date(2015, 1, 1),
        ~pl.col("label").is_first_distinct() & pl.col("label").is_not_null(),
        ~pl.struct("site", "subject").is_first_distinct(),
        *flags,
    ]
    counts = table.select(each.sum().alias(str(i)) for i, each in enumerate(broken))
    return sum(counts.collect().row(0))


ENGINES: dict[str, Prepare] = {
    "typed": ours,
    "parquet": ours_parquet,
    "csv": ours_csv,
    "by-hand": by_hand,
    "by-hand-csv": by_hand_csv,
    "dataframely": dataframely,
    "pointblank": pointblank,
    "patito": patito,
    "pandera": pandera,
    "frictionless": frictionless,
    "fairspec": fairspec,
    "fairspec-parquet": fairspec_parquet,
}


def measure(run: Callable[[], int], times: int) -> dict[str, float]:
    """Return the best of several runs, and the peak memory of all of them."""
    seconds, processor, found = [], [], 0
    for _ in range(times):
        begun, used = time.perf_counter(), _processor_seconds()
        found = run()
        seconds.append(time.perf_counter() - begun)
        processor.append(_processor_seconds() - used)
    return {
        "seconds": min(seconds),
        "processor": min(processor),
        "errors": found,
        "peak_bytes": peak_bytes(),
    }


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_bytes() -> int:
    """Return this process's own peak memory; the kernel's ru_maxrss begins with the parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("times", type=int)
    asked = parser.parse_args()
    print(json.dumps(measure(ENGINES[asked.engine](asked.folder), asked.times)))
