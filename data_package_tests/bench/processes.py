"""Many tables that take no time and do not wait for each other: in two processes, beside pytask."""

import statistics
import sys
from collections.abc import Callable, Mapping

from data_package_tests.bench import Unavailable, overhead, same_tables
from data_package_tests.bench.measured import Measured
from data_package_tests.bench.overhead import Tool

title = "Processes: many tables at once, from nothing"
long = True

_SIZES, _FEW = (100, 500), (10,)
_TIMES = 3
_OURS, _MEASURE = "data-package", "pytask"
_USUAL = {tool.name: tool.command for tool in overhead.TOOLS}


def _tool(name: str, write: Callable[..., Mapping[str, str]], of: str, *words: str) -> Tool:
    return Tool(name, lambda count: write(count, wide=True), lambda: [*_USUAL[of](), *words])


TOOLS = (
    _tool("data-package, two processes", same_tables.data_package, _OURS, "--processes", "-j2"),
    _tool(_OURS, same_tables.data_package, _OURS),
    _tool("pytask, two processes", same_tables.pytask, _MEASURE, "-n", "2"),
    _tool(_MEASURE, same_tables.pytask, _MEASURE),
    _tool("Hamilton", same_tables.hamilton, "Hamilton"),
    _tool("Python and Polars", same_tables.plain, "Python and Polars"),
)


def run(quick: bool) -> str:
    """Cold builds in turns; ratios are those of one turn, so that a busy moment hits all alike."""
    lines = ["| | | seconds | of pytask's | processor seconds | of pytask's |"]
    lines.append("|---|---|---:|---:|---:|---:|")
    for size in _FEW if quick else _SIZES:
        found = _measured(size, 1 if quick else _TIMES)
        if not found[_MEASURE]:
            raise Unavailable("pytask cannot be run, beside which all others are measured")
        lines += [
            f"| {size} tables | {name} | {_cells(taken, found[_MEASURE])} |"
            for name, taken in found.items()
            if taken
        ]
    return "\n".join(lines)


def _measured(size: int, turns: int) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {tool.name: [] for tool in TOOLS}
    for _ in range(turns):
        for tool in TOOLS:
            try:
                taken = same_tables.measured(tool.write(size), tool.command())
            except Unavailable as error:
                print(f"  {tool.name} is not measured: {error}", file=sys.stderr)
                continue
            print(f"  {size} tables, {tool.name}: {taken}", file=sys.stderr)
            found[tool.name].append(taken)
    return found


def _cells(taken: list[Measured], measure: list[Measured]) -> str:
    clocks = [[(one.seconds, one.cpu_seconds) for one in found] for found in (taken, measure)]
    cells = []
    for own, others in zip(zip(*clocks[0], strict=True), zip(*clocks[1], strict=True), strict=True):
        ratios = [one / other for one, other in zip(own, others, strict=False)]
        cells += [f"{statistics.median(own):.2f}", f"{statistics.median(ratios):.2f}"]
    return " | ".join(cells)
