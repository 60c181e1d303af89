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
    **{f"score{i}": "integer" for i in range(4)},
    **{f"value{i}": "number" for i in range(4)},
}


def table(rows: int) -> pl.DataFrame:
    """Return a table as studies have them: a key, a site, a day, scores and measured values."""
    i = pl.int_range(rows, eager=True).alias("i")
    return pl.DataFrame({"i": i}).select(
        id=pl.col("i"),
        site="S" + (pl.col("i") % 97).cast(pl.String),
        day=pl.lit(0).cast(pl.Date) + pl.duration(days=pl.col("i") % 20_000),
        **{f"score{k}": (pl.col("i") * (k + 3)) % 101 for k in range(4)},
        **{f"value{k}": (pl.col("i") * (k + 7) % 10_007) / 64 for k in range(4)},
    )


def run(quick: bool) -> str:
    """Measure each format, each reader in a process of its own."""
    rows = _ROWS // 100 if quick else _ROWS
    lines = [
        f"{rows:,} rows of {len(_KINDS)} columns: seconds of the processors, of the wall clock in "
        "brackets, and MB at most.",
        "",
        "| format | library | by contract | processors | wall clock |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        frame = table(rows)
        for suffix, code in _BY_LIBRARY.items():
            path = folder / f"t{suffix}"
            _write(frame, path)
            alone = _measured(code, path)
            ours = _measured(_BY_CONTRACT, path)
            path.unlink()
            lines.append(
                f"| {suffix} | {_said(alone)} | {_said(ours)} "
                f"| {ours.cpu_seconds / alone.cpu_seconds:.2f} × "
                f"| {ours.seconds / alone.seconds:.2f} × |"
            )
    return "\n".join(lines)


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


def _said(one: Measured) -> str:
    return f"{one.cpu_seconds:.1f} s ({one.seconds:.1f} s), {one.peak_bytes / 1e6:,.0f} MB"
