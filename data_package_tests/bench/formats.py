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
_PAIRS = 3

_BY_LIBRARY = {
    ".sav": "import polars_readstat; polars_readstat.scan_readstat(path).collect()",
    ".dta": "import polars_readstat; polars_readstat.scan_readstat(path).collect()",
    ".xpt": "import polars_readstat; polars_readstat.scan_readstat(path).collect()",
    ".xlsx": "import fastexcel; fastexcel.read_excel(path).load_sheet(0).to_polars()",
    ".ndjson": "import polars as pl; pl.scan_ndjson(path).collect()",
}
_BY_CONTRACT = """
from data_package.engine.schema import read
fields = [{"name": name, "type": kind} for name, kind in kinds.items()]
read(path, {"fields": fields}, bad="stop").frame.collect()
"""
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
        f"of the wall clock in brackets; MB at most. The best of {_PAIRS}, in turn.",
        "",
        "| format | library | by contract | processors | wall clock |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        frame = table(_ROWS // share)
        for suffix, code in _BY_LIBRARY.items():
            path = folder / f"t{suffix}"
            _write(frame.head(_SHEET_ROWS // share) if suffix == ".xlsx" else frame, path)
            pairs = [
                (_measured(code, path), _measured(_BY_CONTRACT, path))
                for _ in range(1 if quick else _PAIRS)
            ]
            path.unlink()
            alone, ours = (min(each, key=_cpu_seconds) for each in zip(*pairs, strict=True))
            lines.append(
                f"| {suffix} | {_in_words(alone)} | {_in_words(ours)} "
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
    whole = f"path, kinds = {str(path)!r}, {_KINDS!r}\n{code}"
    return measure([sys.executable, "-c", whole], path.parent)


def _in_words(one: Measured) -> str:
    return f"{one.cpu_seconds:.1f} s ({one.seconds:.1f} s), {one.peak_bytes / 1e6:,.0f} MB"
