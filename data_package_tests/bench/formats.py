"""Reading delivered files by a contract, beside the library that reads each alone."""

import sys
import tempfile
from pathlib import Path

import polars as pl
import polars_readstat

from data_package_tests.bench.measured import Measured, measure

title = "Delivered files by contract, beside the plain library"
long = True

_ROWS = 1_000_000
# The library takes a minute for as many rows of a workbook.
_SHEET_ROWS = 100_000
_PAIRS = 5

# Both give a table in memory with the file's rows in their order, and end without tidying up, as
# the command does.
_BY_READSTAT = (
    "import polars_readstat",
    "table = polars_readstat.scan_readstat(path, preserve_order=True).collect()",
)
_BY_LIBRARY = {
    ".sav": _BY_READSTAT,
    ".dta": _BY_READSTAT,
    ".xpt": _BY_READSTAT,
    ".xlsx": ("import fastexcel", "table = fastexcel.read_excel(path).load_sheet(0).to_polars()"),
    ".ndjson": ("import polars as pl", "table = pl.scan_ndjson(path).collect()"),
}
_BY_CONTRACT = (
    "from data_package.engine.schema import read",
    'fields = [{"name": name, "type": kind} for name, kind in kinds.items()]\n'
    'table = read(path, {"fields": fields}, bad="stop").frame.collect()',
)
_KINDS = {
    "id": "integer",
    "site": "string",
    "day": "date",
    **{f"score{i}": "integer" for i in range(8)},
    **{f"value{i}": "number" for i in range(9)},
}


def table(rows: int) -> pl.DataFrame:
    """Return a table as studies have them: a key, a site, a day, scores and measured values."""
    i = pl.int_range(rows, eager=True).alias("i")
    return pl.DataFrame({"i": i}).select(
        id=pl.col("i"),
        site="S" + (pl.col("i") % 97).cast(pl.String),
        day=pl.lit(0).cast(pl.Date) + pl.duration(days=pl.col("i") % 20_000),
        **{f"score{k}": (pl.col("i") * (k + 3)) % 101 for k in range(8)},
        **{f"value{k}": (pl.col("i") * (k + 7) % 10_007) / 64 for k in range(9)},
    )


def run(quick: bool) -> str:
    """Measure each format, each reader in a process of its own, the two in turn."""
    share = 100 if quick else 1
    lines = [
        f"{_ROWS // share:,} rows of {len(_KINDS)} columns, {_SHEET_ROWS // share:,} of a "
        "workbook: seconds of the processors, with the start of each process and of its children; "
        f"of the wall clock in brackets; MB at most. The best of {_PAIRS}, in turn. `start`: what "
        "the imports alone take of the processors.",
        "",
        "| format | library | start | by contract | start | processors | wall clock |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        frame = table(_ROWS // share)
        for suffix, (start, code) in _BY_LIBRARY.items():
            path = folder / f"t{suffix}"
            _write(frame.head(_SHEET_ROWS // share) if suffix == ".xlsx" else frame, path)
            sides = (start, f"{start}\n{code}", _BY_CONTRACT[0], "\n".join(_BY_CONTRACT))
            turns = [
                [_measured(each, path) for each in sides] for _ in range(1 if quick else _PAIRS)
            ]
            path.unlink()
            begun, alone, we_begun, ours = (
                min(each, key=_cpu_seconds) for each in zip(*turns, strict=True)
            )
            lines.append(
                f"| {suffix} | {_in_words(alone)} | {begun.cpu_seconds:.2f} s "
                f"| {_in_words(ours)} | {we_begun.cpu_seconds:.2f} s "
                f"| {ours.cpu_seconds / alone.cpu_seconds:.2f} × "
                f"| {ours.seconds / alone.seconds:.2f} × |"
            )
    return "\n".join(lines)


def _cpu_seconds(one: Measured) -> float:
    return one.cpu_seconds


def _write(frame: pl.DataFrame, path: Path) -> None:
    if path.suffix == ".xlsx":
        frame.write_excel(path, autofit=False)
    elif path.suffix == ".ndjson":
        frame.write_ndjson(path)
    elif path.suffix == ".xpt":
        polars_readstat.write_xpt(frame, str(path))
    else:
        polars_readstat.write_readstat(frame, str(path))


def _measured(code: str, path: Path) -> Measured:
    whole = f"path, kinds = {str(path)!r}, {_KINDS!r}\n{code}\nimport os; os._exit(0)"
    return measure([sys.executable, "-c", whole], path.parent)


def _in_words(one: Measured) -> str:
    return f"{one.cpu_seconds:.2f} s ({one.seconds:.2f} s), {one.peak_bytes / 1e6:,.0f} MB"
