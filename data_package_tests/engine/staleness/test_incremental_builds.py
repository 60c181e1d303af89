"""Projects edited at random: an incremental build ends with what a full build makes."""

import importlib
import os
import random
import shutil
import site
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent, indent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_package.engine import engine_edition as editions
from data_package.engine.runs import BuildResult
from data_package.engine.runs.run import run_build
from data_package.engine.staleness.memo import count_if_fresh
from data_package.engine.staleness.plan import Request
from data_package.engine.storage import hash_file
from data_package_tests.conftest import Study
from data_package_tests.engine.changed_engine import use_engine

pytestmark = pytest.mark.slow

PACKAGE = "random_study"
RAW_FILE = """\
from data_package.engine.sources import source_file

raw_file = source_file("raw_file", "raw.csv")
"""
RAW_CONTRACT = """\
schema:
  fields:
    - {name: k, type: integer}
    - {name: v, type: integer}
"""
GROUPS = ("intermediate", "final")
# The folder that the package is imported from, one on PYTHONPATH, and one of a package that is
# installed to be edited, in the order in which Python looks into them.
BASES = ("", "src")
BASE, ON_PATH, EDITED = "base", "on_path", "edited"
FOLDERS = (BASE, ON_PATH, EDITED)
# Where the helpers may lie, and where the module is looked for. Where several folders hold a module
# of one name, the first one counts.
HOMES = (
    (f"{PACKAGE}.helpers", BASE),
    ("random_beside", BASE),
    ("random_common.helpers", BASE),
    ("random_shared.helpers", ON_PATH),
    ("random_installed.helpers", EDITED),
    ("random_wandering", BASE),
    ("random_wandering", ON_PATH),
    ("random_wandering", EDITED),
)
# Files of the engine: what reads by contract, checks, follows columns, writes the package, or none.
ROOMS = (
    "schema/types/numbers.py",
    "sources/delivered.py",
    "tables/checks.py",
    "lineage/operations.py",
    "package/readme.py",
    "cli/status.py",
)
_ENGINE = Path(editions.__file__).parent
# What is left of a value: with 1 nothing, so that edits further up change no content.
MODULI = (1, 2, 1000)
# The share of tables that are made in partitions.
_PARTED = 0.3
# The share of projects whose raw file is read by a contract.
_BY_CONTRACT = 0.5


@dataclass
class Helper:
    """A function that adds a constant and may call an earlier helper."""

    constant: int
    factor: int
    calls: int | None


@dataclass
class Node:
    """A table, as a whole or in partitions: made of the raw file, or of the tables it takes."""

    inputs: list[str]
    helper: int
    factor: int
    modulus: int
    column: int
    group: str
    parted: bool = False
    title: int = 0
    broken: bool = False


@dataclass
class Model:
    """A project as it is meant to be; `write` makes its files so."""

    random_: random.Random
    helpers: list[Helper] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)
    keys: list[str] = field(default_factory=lambda: ["0", "1"])
    home: tuple[str, str] = HOMES[0]
    base: str = BASES[0]
    by_contract: bool = False
    engine: dict[str, int] = field(default_factory=dict)
    style: int = 0
    made: int = 0

    @classmethod
    def at_random(cls, random_: random.Random) -> "Model":
        model = cls(
            random_,
            rows=[random_.randint(0, 99) for _ in range(5)],
            home=random_.choice(HOMES),
            base=random_.choice(BASES),
            by_contract=random_.random() < _BY_CONTRACT,
        )
        for position in range(random_.randint(1, 3)):
            calls = random_.choice([None, *range(position)])
            model.helpers.append(Helper(random_.randint(0, 9), random_.randint(1, 3), calls))
        for _ in range(random_.randint(3, 8)):
            model.add_table()
        return model

    def add_table(self) -> None:
        names = list(self.nodes)
        taken = self.random_.sample(names, min(len(names), self.random_.randint(1, 3)))
        self.nodes[f"t{self.made}"] = Node(
            inputs=sorted(taken),
            helper=self.random_.randrange(len(self.helpers)),
            factor=self.random_.randint(1, 3),
            modulus=self.random_.choice(MODULI),
            column=0,
            group=self.random_.choice(GROUPS),
            parted=self.random_.random() < _PARTED,
        )
        self.made += 1

    def remove_table(self) -> None:
        if len(self.nodes) > 1:
            name = self.random_.choice(list(self.nodes)[1:])
            gone = self.nodes.pop(name)
            for node in self.nodes.values():
                if name in node.inputs:
                    node.inputs = sorted({*node.inputs, *gone.inputs} - {name})

    def files(self) -> dict[str, str]:
        """Every file of the project, by its name under the root."""
        style = random.Random(self.style)
        note = f"# {style.random()}\n" if self.style else ""
        helpers = [self._helper(number) for number in range(len(self.helpers))]
        if self.style:
            style.shuffle(helpers)
        package = _path(self.base, PACKAGE)
        files = {
            f"{package}/__init__.py": "",
            f"{package}/raw/__init__.py": "",
            f"{package}/raw/files.py": RAW_FILE,
            f"{package}/intermediate/__init__.py": "",
            f"{package}/final/__init__.py": "",
            "raw.csv": "k,v\n" + "".join(f"{k},{v}\n" for k, v in enumerate(self.rows)),
        }
        files[self._place(*self.home)] = f'"""Helpers."""\n{note}\n' + "\n\n".join(helpers)
        if self.by_contract:
            files[f"{package}/raw/raw_file.yaml"] = RAW_CONTRACT
        for name, node in self.nodes.items():
            files[f"{package}/{node.group}/{name}.py"] = note + self._table(name, node)
            if node.group == "final":
                files[f"{package}/final/{name}.yaml"] = dedent(
                    f"""\
                    title: Number {node.title}
                    schema:
                      fields:
                        - {{name: k, type: integer}}
                        - {{name: v, type: integer}}
                        - {{name: c{node.column}, type: integer}}
                      primaryKey: [k]
                    """
                )
        return files

    def write(self, place: "Place") -> None:
        """Make the files as they are meant to be, and touch no other.

        Modules that the one in use hides are left as they were; where there is none, one is made
        that cannot be imported.
        """
        wanted, hidden = self.files(), self._hidden()
        made = [path for path in place.package_folder.rglob("*.*") if path.name[0] == "t"]
        made += [place.package_folder / "raw" / "raw_file.yaml"]
        made += [place.root / self._place(*home) for home in HOMES]
        for path in made:
            if path.relative_to(place.root).as_posix() not in {*wanted, *hidden}:
                path.unlink(missing_ok=True)
        for name, text in wanted.items():
            _write(place.root / name, text)
        for name in hidden:
            if not (place.root / name).exists():
                _write(place.root / name, "raise ImportError('another module hides this one')\n")
        for name in ROOMS:
            edits = f"# {self.engine[name]}\n" if name in self.engine else ""
            _write(place.engine / name, (_ENGINE / name).read_text() + edits)

    def _hidden(self) -> list[str]:
        """The files of modules that have the name of the helpers' and are found after it."""
        module, folder = self.home
        after = FOLDERS[FOLDERS.index(folder) + 1 :]
        return [self._place(*one) for one in HOMES if one[0] == module and one[1] in after]

    def _place(self, module: str, folder: str) -> str:
        return _path(self.base if folder == BASE else folder, f"{module.replace('.', '/')}.py")

    def _helper(self, number: int) -> str:
        helper = self.helpers[number]
        inner = f"h{helper.calls}(column)" if helper.calls is not None else "column"
        doc = f'    """{self.style}."""\n' if self.style else ""
        return (
            f"C{number} = {helper.constant}\n\n\ndef h{number}(column):\n{doc}"
            f"    return {inner} * {helper.factor} + C{number}\n"
        )

    def _table(self, name: str, node: Node) -> str:
        raw = "raw_file: pl.LazyFrame" if self.by_contract else "raw_file: Path"
        taken = ", ".join(f"{one}: pl.LazyFrame" for one in node.inputs) or raw
        keys = f"partitions_def=dg.StaticPartitionsDefinition({self.keys})" if node.parted else ""
        read = "raw_file" if self.by_contract else "pl.scan_csv(raw_file)"
        frame = node.inputs[0] if node.inputs else read
        lines = [f'frame = {frame}.select("k", "v")']
        lines += ["raise ValueError('broken')"] if node.broken else []
        if node.parted:
            taken = f"context, {taken}"
            lines.append('frame = frame.filter(pl.col("k") // 3 == int(context.partition_key))')
        for other in node.inputs[1:]:
            joined = f'frame.join({other}.select("k", w="v"), on="k", how="left")'
            lines.append(f'frame = {joined}.select("k", v=pl.col("v") + pl.col("w"))')
        value = f'h{node.helper}(pl.col("v")) * {node.factor} % {node.modulus}'
        made = [f"({value}).alias('v')", f"pl.col('k').alias('c{node.column}')"]
        given = f"one for one in [{', '.join(made)}]" if node.column % 2 else ", ".join(made)
        lines.append(f'return frame.with_columns({given}).sort("k")')
        return (
            "from pathlib import Path\n\nimport dagster as dg\nimport polars as pl\n\n"
            f"from {self.home[0]} import h{node.helper}\n\n\n"
            f"@dg.asset({keys})\ndef {name}({taken}) -> pl.LazyFrame:\n"
            f"{indent(chr(10).join(lines), '    ')}\n"
        )


def _path(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


@dataclass
class Place(Study):
    """A folder that the model is written to and built in."""

    package: str = PACKAGE
    base: str = ""

    @property
    def package_folder(self) -> Path:
        return self.root / self.base / PACKAGE

    @property
    def engine(self) -> Path:
        """The sources of the engine that builds here."""
        return self.root.parent / "engine"

    @contextmanager
    def imported(self) -> Iterator[None]:
        """The package is this folder's while the block runs, and so are all that it imports."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "dont_write_bytecode", True)
            patch.setattr(sys, "path", [*sys.path, str(self.root / ON_PATH)])
            patch.setenv("PYTHONPATH", str(self.root / ON_PATH))
            site.addsitedir(str(self.root / "site-packages"))
            use_engine(patch, self.engine)
            self.forget()
            try:
                yield
            finally:
                self.forget()

    def forget(self) -> None:
        importlib.invalidate_caches()
        for name in [n for n in sys.modules if n.startswith("random_")]:
            del sys.modules[name]

    def is_known_to_be_fresh(self) -> bool:
        """Whether the quickest decision is that there is nothing to do."""
        with self.imported():
            return count_if_fresh(self.project) is not None

    def run_build(self, request: Request) -> BuildResult:
        with self.imported():
            return run_build(request, self.project)

    def products(self, model: Model) -> dict[str, str]:
        """Hashes of the tables, of the package and of the lock."""
        tables = [
            self.storage / node.group / name / f"{key}.parquet"
            if node.parted
            else self.storage / node.group / f"{name}.parquet"
            for name, node in model.nodes.items()
            for key in (model.keys if node.parted else [""])
        ]
        package = (self.storage / "package").rglob("*")
        files = [*tables, *(p for p in package if p.is_file()), self.root / "data-package.lock"]
        return {path.relative_to(self.root).as_posix(): hash_file(path) for path in files}

    def outputs(self) -> list[Path]:
        return sorted(
            path for group in GROUPS for path in (self.storage / group).rglob("*.parquet")
        )


def new_place(root: Path, base: str) -> Place:
    yaml = (Path(__file__).parents[3] / "dagster.yaml").read_text()
    definitions = """\
        import STUDY
        from data_package.engine.definitions import load_definitions

        defs = load_definitions(STUDY)
        """
    place = Place(root, base=base)
    place.write(
        {
            "/pyproject.toml": '[tool.data-package]\npackage = "STUDY"\n',
            "/dagster.yaml": yaml,
            f"/{_path(base, PACKAGE)}/definitions.py": definitions,
            "/site-packages/edited.pth": f"{root / EDITED}\n",
        }
    )
    for folder in (ON_PATH, EDITED):
        (root / folder).mkdir()
    return place


Edit = Callable[[Model, Place], object]


def edit_constant(model: Model, place: Place) -> None:
    model.random_.choice(model.helpers).constant = model.random_.randint(0, 9)


def edit_helper(model: Model, place: Place) -> None:
    model.random_.choice(model.helpers).factor = model.random_.randint(1, 3)


def move_helpers(model: Model, place: Place) -> None:
    model.home = model.random_.choice(HOMES)


def edit_engine(model: Model, place: Place) -> None:
    model.engine[model.random_.choice(ROOMS)] = model.random_.randint(0, 9)


def read_by_contract_or_not(model: Model, place: Place) -> None:
    model.by_contract = not model.by_contract


def edit_body(model: Model, place: Place) -> None:
    some(model).factor = model.random_.randint(1, 3)


def edit_content(model: Model, place: Place) -> None:
    some(model).modulus = model.random_.choice(MODULI)


def edit_raw_data(model: Model, place: Place) -> None:
    model.rows[model.random_.randrange(len(model.rows))] = model.random_.randint(0, 99)


def add_raw_row(model: Model, place: Place) -> None:
    model.rows.append(model.random_.randint(0, 99))


def touch_raw_file(model: Model, place: Place) -> None:
    (place.root / "raw.csv").touch()


def edit_style(model: Model, place: Place) -> None:
    """Comments and docstrings, and the order of definitions."""
    model.style = model.random_.randint(0, 99)


def add_partition(model: Model, place: Place) -> None:
    model.keys.append(str(max(map(int, model.keys)) + 1))


def remove_partition(model: Model, place: Place) -> None:
    if len(model.keys) > 1:
        model.keys.remove(model.random_.choice(model.keys))


def make_in_partitions_or_as_a_whole(model: Model, place: Place) -> None:
    node = some(model)
    node.parted = not node.parted


def rename_column(model: Model, place: Place) -> None:
    some(model).column += 1


def edit_title(model: Model, place: Place) -> None:
    some(model).title += 1


def move_to_other_group(model: Model, place: Place) -> None:
    some(model).group = model.random_.choice(GROUPS)


def break_table(model: Model, place: Place) -> None:
    some(model).broken = True


def mend_tables(model: Model, place: Place) -> None:
    for node in model.nodes.values():
        node.broken = False


def delete_output(model: Model, place: Place) -> None:
    for path in model.random_.sample(place.outputs(), min(1, len(place.outputs()))):
        path.unlink()


def truncate_output(model: Model, place: Place) -> None:
    for path in model.random_.sample(place.outputs(), min(1, len(place.outputs()))):
        os.truncate(path, path.stat().st_size // 2)


def overwrite_output(model: Model, place: Place) -> None:
    if len(place.outputs()) > 1:
        origin, target = model.random_.sample(place.outputs(), 2)
        shutil.copyfile(origin, target)


def delete_lock(model: Model, place: Place) -> None:
    (place.root / "data-package.lock").unlink(missing_ok=True)


def delete_state(model: Model, place: Place) -> None:
    shutil.rmtree(place.storage / ".state", ignore_errors=True)


def delete_package(model: Model, place: Place) -> None:
    shutil.rmtree(place.storage / "package", ignore_errors=True)


def build_some(model: Model, place: Place) -> None:
    """Build a part of what is there, with what has been edited so far."""
    model.write(place)
    place.run_build(Request((model.random_.choice(list(model.nodes)),)))


EDITS: tuple[Edit, ...] = (
    edit_constant,
    edit_helper,
    move_helpers,
    edit_engine,
    read_by_contract_or_not,
    edit_body,
    edit_content,
    edit_raw_data,
    add_raw_row,
    touch_raw_file,
    edit_style,
    rename_column,
    edit_title,
    add_partition,
    remove_partition,
    make_in_partitions_or_as_a_whole,
    move_to_other_group,
    break_table,
    mend_tables,
    delete_output,
    truncate_output,
    overwrite_output,
    delete_lock,
    delete_state,
    delete_package,
    build_some,
    lambda model, place: model.add_table(),
    lambda model, place: model.remove_table(),
)


def some(model: Model) -> Node:
    return model.random_.choice(list(model.nodes.values()))


def check_equals_clean_builds(seed: int, rounds: list[list[int]], threads: int) -> None:
    """Build a project, edit it round by round, and hold each build against a clean one."""
    model = Model.at_random(random.Random(seed))
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(
            _ENGINE, Path(folder, "engine"), ignore=shutil.ignore_patterns("__pycache__")
        )
        place = new_place(Path(folder, "edited"), model.base)
        model.write(place)
        assert place.run_build(Request(threads=threads)).ok
        for number, edits in enumerate(rounds):
            for edit in edits:
                EDITS[edit](model, place)
            model.write(place)
            nothing_to_do = place.is_known_to_be_fresh()

            result = place.run_build(Request(threads=threads))

            broken = any(node.broken for node in model.nodes.values())
            assert result.ok is not broken
            if nothing_to_do:
                assert not result.tables
                assert result.package is None
            if not broken:
                clean = new_place(Path(folder, f"clean{number}"), model.base)
                model.write(clean)
                assert clean.run_build(Request()).ok
                assert place.products(model) == clean.products(model)
                again = place.run_build(Request())
                assert not again.tables
                assert again.package is None


def rounds_of_edits(most: int) -> st.SearchStrategy[list[list[int]]]:
    edits = st.lists(st.integers(0, len(EDITS) - 1), min_size=1, max_size=4)
    return st.lists(edits, min_size=1, max_size=most)


@settings(max_examples=5, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**6), rounds_of_edits(3), st.sampled_from([1, 3]))
def test_an_incremental_build_always_equals_a_clean_one(
    seed: int, rounds: list[list[int]], threads: int
) -> None:
    check_equals_clean_builds(seed, rounds, threads)


@pytest.mark.stress
@pytest.mark.parametrize("part", range(8))
def test_an_incremental_build_equals_a_clean_one_through_a_long_campaign(part: int) -> None:
    random_ = random.Random()
    for _ in range(60):
        seed = random_.randrange(10**6)
        rounds = [
            [random_.randrange(len(EDITS)) for _ in range(random_.randint(1, 4))]
            for _ in range(random_.randint(1, 6))
        ]
        threads = random_.choice([1, 3])
        try:
            check_equals_clean_builds(seed, rounds, threads)
        except Exception as error:
            error.add_note(f"check_equals_clean_builds({seed}, {rounds}, {threads})")
            raise
