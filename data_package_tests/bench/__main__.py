"""`make bench`: what time and memory the work takes, as Markdown.

    python -m data_package_tests.bench [--quick] [--list] [NAME...]

A benchmark is a module of this package that has `title: str`, its heading, and
`run(quick: bool) -> str`, which measures and returns Markdown: all of it, or with `quick` just
enough to see that it works. One with `long = True` is left out of a quick run unless it is named.
It is found by that, and named by the module's name; other modules here are what benchmarks are made
of. One that cannot be run raises `Unavailable` with a sentence on why.
"""

import argparse
import compileall
import importlib
import os
import pkgutil
import sys
import time
from pathlib import Path
from types import ModuleType

import data_package
from data_package_tests import bench
from data_package_tests.bench import Unavailable


def main() -> int:
    """Run what is asked for; 1 when something could not be run, 2 when there is no such name."""
    parser = argparse.ArgumentParser(prog="python -m data_package_tests.bench")
    parser.add_argument("names", nargs="*", help="benchmarks to run; all by default")
    parser.add_argument("--quick", action="store_true", help="the shorter ones, once")
    parser.add_argument("--list", action="store_true", help="name the benchmarks and run none")
    asked = parser.parse_args()
    known = benchmarks()
    if unknown := [name for name in asked.names if name not in known]:
        print(f"There is no benchmark {unknown[0]!r}: {', '.join(known)}.", file=sys.stderr)
        return 2
    if asked.list:
        print("\n".join(f"{name}: {module.title}" for name, module in known.items()))
        return 0
    lacking = False
    _compile_the_engine()
    usual = [n for n, m in known.items() if not (asked.quick and getattr(m, "long", False))]
    for name in asked.names or usual:
        began = time.perf_counter()
        print(f"## {known[name].title}\n", flush=True)
        try:
            text = known[name].run(asked.quick)
        except Unavailable as error:
            lacking, text = True, f"Not measured: {error}"
        print(f"{text.strip()}\n", flush=True)
        print(f"{name} took {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return int(lacking)


def _compile_the_engine() -> None:
    """Have the engine's bytecode on disk, as that of the libraries beside it is."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir(Path(data_package.__file__).parent, quiet=2)


def benchmarks() -> dict[str, ModuleType]:
    """The modules of this package that measure something, by name."""
    names = sorted(info.name for info in pkgutil.iter_modules(bench.__path__))
    modules = {
        name: importlib.import_module(f"{bench.__name__}.{name}")
        for name in names
        if not name.startswith("_")
    }
    return {n: m for n, m in modules.items() if hasattr(m, "title") and hasattr(m, "run")}


if __name__ == "__main__":
    sys.exit(main())
