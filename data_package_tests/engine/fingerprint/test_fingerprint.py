"""What changes a fingerprint and what does not: one probe for each thing that can be edited."""

# Probes are source code, often better read on one line.
# ruff: noqa: E501

import importlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from data_package.engine.fingerprint import Fingerprint, Fingerprinter, Ingredient, module_digest

Files = Mapping[str, str] | str
Look = Callable[..., Fingerprint]
PACKAGE = "probed_study"


def look_at(folder: Path, files: Files, attribute: str = "t", **options: object) -> Fingerprint:
    """Write a package, import it afresh, and take the fingerprint of `tables.t`."""
    texts = {"tables.py": files} if isinstance(files, str) else dict(files)
    package = folder / PACKAGE
    for name, text in {"__init__.py": "", **texts}.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    purge()
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    dont_write, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        for name in sorted(texts):
            if name.endswith(".py"):
                parts = [PACKAGE, *Path(name).with_suffix("").parts]
                importlib.import_module(".".join(parts).removesuffix(".__init__"))
        modules = [name for name in ("tables", "moved") if f"{PACKAGE}.{name}" in sys.modules]
        function = getattr(sys.modules[f"{PACKAGE}.{modules[0]}"], attribute)
        if hasattr(function, "op"):
            function = function.op.compute_fn.decorated_fn
        return Fingerprinter(PACKAGE).fingerprint(function, **options)  # type: ignore[arg-type]
    finally:
        sys.dont_write_bytecode = dont_write
        sys.path.remove(str(folder))
        purge()


def purge() -> None:
    for name in [n for n in sys.modules if n == PACKAGE or n.startswith(f"{PACKAGE}.")]:
        del sys.modules[name]


def compare(tmp_path: Path, before: Files, after: Files) -> tuple[Fingerprint, Fingerprint]:
    first = look_at(tmp_path / "before", before)
    return first, look_at(tmp_path / "after", after)


def edited(files: Files, *edits: tuple[str, str]) -> Files:
    """The same files with texts replaced; each must occur."""
    texts = {"tables.py": files} if isinstance(files, str) else dict(files)
    for old, new in edits:
        assert any(old in text for text in texts.values()), old
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    return texts


STUDY = {
    "tables.py": '''
        """The tables."""
        import dagster as dg
        import polars as pl
        from probed_study.helpers import CODES, norm_sex
        from probed_study import rules

        LIMIT = pl.col("age") > 18
        UNRELATED = {"a": 1}

        @dg.asset(description="people", group_name="raw", owners=["a@b.org"], tags={"x": "y"})
        def t(raw: pl.LazyFrame, visits: pl.DataFrame) -> pl.LazyFrame:
            """One row per subject."""
            # the comment
            total: int = 3
            return norm_sex(raw, total).filter(LIMIT).pipe(rules.apply, CODES)

        def other(x):
            return x + 1
        ''',
    "helpers.py": '''
        import polars as pl
        CODES = {"m": "M", "f": "F"}
        DEEP = 5

        def norm_sex(frame: pl.LazyFrame, limit: int = 7) -> pl.LazyFrame:
            """Doc."""
            return frame.with_columns(pl.col("sex").replace(CODES), n=deeper(limit))

        def deeper(n):
            return n * DEEP

        def unused(n):
            return n
        ''',
    "rules.py": """
        from .helpers import deeper as sink
        class Rule:
            weight = 2
            def run(self, frame):
                return frame.head(self.weight + sink(1))
        def apply(frame, codes):
            return Rule().run(frame)
        """,
}

EDITS_THAT_MATTER = {
    "the body of the function": (("total: int = 3", "total: int = 4"),),
    "the body of a helper in another module": (('pl.col("sex").replace', 'pl.col("SEX").replace'),),
    "the body of a helper of a helper": (("return n * DEEP", "return n + DEEP"),),
    "a constant in another module": (('"m": "M"', '"m": "male"'),),
    "a constant that only a helper's helper uses": (("DEEP = 5", "DEEP = 6"),),
    "a default argument of a helper": (("limit: int = 7", "limit: int = 8"),),
    "a method of a class": (("return frame.head", "return frame.tail"),),
    "an attribute of a class": (("weight = 2", "weight = 3"),),
    "a Polars expression built at import": (('pl.col("age") > 18', 'pl.col("age") > 21'),),
    "the type of a literal": (("total: int = 3", "total: int = 3.0"),),
    "the name of a column given as keyword": (("n=deeper(limit)", "m=deeper(limit)"),),
    "scanning an input instead of loading it": (("visits: pl.DataFrame", "visits: pl.LazyFrame"),),
    "the order of two parameters": (
        (
            "raw: pl.LazyFrame, visits: pl.DataFrame",
            "visits: pl.DataFrame, raw: pl.LazyFrame",
        ),
    ),
    "an import that now means another function": (
        ("helpers import deeper as sink", "helpers import unused as sink"),
    ),
    "an assignment into a constant": (('UNRELATED = {"a": 1}', 'CODES["x"] = "X"'),),
    "an update of a constant from another module": (
        (
            "class Rule:",
            "from . import helpers as h\n        h.CODES.update(x=1)\n        class Rule:",
        ),
    ),
}

EDITS_THAT_DO_NOT = {
    "a comment": (("# the comment", "# another comment, longer\n            # and more"),),
    "the docstring of the function": (("One row per subject.", "Something else."),),
    "the docstring of a helper": (('"""Doc."""\n', '"""Longer."""\n            # x\n'),),
    "a docstring that is removed": (('"""Doc."""\n', "\n"),),
    "the docstring of the module": (("The tables.", "Tables."),),
    "formatting": (
        ("norm_sex(raw, total)", "norm_sex(\n                raw,\n         total,\n         )"),
    ),
    "quotes": (('pl.col("sex")', "pl.col('sex')"),),
    "parentheses": (("return n * DEEP", "return (n) * (DEEP)"),),
    "type hints of the result": (("pl.DataFrame) -> pl.LazyFrame", "pl.DataFrame)"),),
    "type hints of a helper": (("frame: pl.LazyFrame, limit: int = 7", "frame, limit=7"),),
    "a type hint of a variable": (("total: int = 3", "total = 3"),),
    "a hint written as a string": (("raw: pl.LazyFrame", 'raw: "pl.LazyFrame"'),),
    "the description": (('description="people"', 'description="persons"'),),
    "the group, the owners and the tags": (
        (', group_name="raw", owners=["a@b.org"], tags={"x": "y"}', ""),
    ),
    "an unrelated function of the same module": (("return x + 1", "return x + 2"),),
    "an unrelated constant of the same module": (('{"a": 1}', '{"a": 2}'),),
    "an unused helper": (("def unused(n):\n            return n", "def gone(n): pass"),),
    "a new function before": (("def other(x):", "def new(): pass\n        def other(x):"),),
    "an import alias": (
        ("CODES, norm_sex\n", "CODES, norm_sex as tidy\n"),
        ("return norm_sex(", "return tidy("),
    ),
    "importing the module instead of its names": (
        ("from probed_study.helpers import CODES, norm_sex", "import probed_study.helpers as hh"),
        ("return norm_sex(", "return hh.norm_sex("),
        ("rules.apply, CODES", "rules.apply, hh.CODES"),
    ),
    "a relative import": (("from probed_study.helpers", "from .helpers"),),
    "a plain dotted import": (
        ("from probed_study import rules", "import probed_study.rules"),
        ("rules.apply, CODES", "probed_study.rules.apply, CODES"),
    ),
    "a star import": (
        ("from probed_study.helpers import CODES, norm_sex", "from .helpers import *"),
    ),
    "an import inside the function": (
        ("        from probed_study import rules\n", ""),
        ("# the comment", "from probed_study import rules"),
    ),
    "an alias of Polars": (
        ("import polars as pl\n        from probed", "import polars as P\n        from probed"),
        ('LIMIT = pl.col("age")', "LIMIT = P.col('age')"),
        (
            "raw: pl.LazyFrame, visits: pl.DataFrame) -> pl.LazyFrame",
            "raw: P.LazyFrame, visits: P.DataFrame)",
        ),
    ),
    "hints that are postponed": (
        (
            "import dagster as dg\n",
            "from __future__ import annotations\n        import dagster as dg\n",
        ),
    ),
    "a name imported from Polars": (
        ('LIMIT = pl.col("age")', "from polars import col\n        LIMIT = col('age')"),
    ),
    "an asset decorator without arguments": (
        (
            '@dg.asset(description="people", group_name="raw", owners=["a@b.org"], tags={"x": "y"})',
            "@dg.asset",
        ),
    ),
    "a metadata argument": (('description="people"', 'metadata={"a": 1}'),),
    "the order of definitions": (
        ('        CODES = {"m": "M", "f": "F"}\n        DEEP = 5\n', ""),
        (
            "        def unused(n):\n",
            '        DEEP = 5\n        CODES = {"m": "M", "f": "F"}\n\n        def unused(n):\n',
        ),
    ),
    "an import that only type checkers see": (
        (
            "import polars as pl\n        from probed",
            "import polars as pl\n        from typing import TYPE_CHECKING\n        if TYPE_CHECKING:\n            import decimal\n        from probed",
        ),
    ),
    "a script at the end": (
        (
            "def other(x):",
            "if __name__ == '__main__':\n            CODES['x'] = 1\n        def other(x):",
        ),
    ),
    "a literal that stands alone": (("# the comment", "..."),),
    "a line ending": (("DEEP = 5\n", "DEEP = 5\r\n"),),
}


@pytest.mark.parametrize("edit", EDITS_THAT_MATTER)
def test_an_edit_of_what_the_function_does_changes_it(edit: str, tmp_path: Path) -> None:
    before, after = compare(tmp_path, STUDY, edited(STUDY, *EDITS_THAT_MATTER[edit]))
    assert before.digest != after.digest


@pytest.mark.parametrize("edit", EDITS_THAT_DO_NOT)
def test_an_edit_of_anything_else_does_not_change_it(edit: str, tmp_path: Path) -> None:
    before, after = compare(tmp_path, STUDY, edited(STUDY, *EDITS_THAT_DO_NOT[edit]))
    assert {p.name: p.digest for p in before.parts} == {p.name: p.digest for p in after.parts}
    assert before.digest == after.digest


def test_nothing_of_the_example_is_unseen(tmp_path: Path) -> None:
    found = look_at(tmp_path, STUDY)
    assert found.unseen == ()
    assert found.libraries == ("polars",)


def test_a_renamed_module_does_not_change_it(tmp_path: Path) -> None:
    texts = dict(edited(STUDY, ("probed_study.helpers", "probed_study.deep.tidying")))  # type: ignore[arg-type]
    texts["rules.py"] = texts["rules.py"].replace("from .helpers", "from .deep.tidying")
    texts["deep/__init__.py"] = ""
    texts["deep/tidying.py"] = texts.pop("helpers.py")
    before, after = compare(tmp_path, STUDY, texts)
    assert before.digest == after.digest
    assert [p.digest for p in before.parts] == [p.digest for p in after.parts]


def test_a_renamed_file_of_the_function_itself_does_not_change_it(tmp_path: Path) -> None:
    texts = dict(STUDY)
    texts["moved.py"] = texts.pop("tables.py")
    before, after = compare(tmp_path, STUDY, texts)
    assert before.digest == after.digest


def test_a_moved_function_does_not_change_it(tmp_path: Path) -> None:
    texts = dict(STUDY)
    deeper = "        def deeper(n):\n            return n * DEEP\n"
    assert deeper in texts["helpers.py"]
    texts["helpers.py"] = texts["helpers.py"].replace(
        deeper, "        from .numbers import deeper\n"
    )
    texts["helpers.py"] = texts["helpers.py"].replace("        DEEP = 5\n", "")
    texts["numbers.py"] = "        DEEP = 5\n" + deeper
    before, after = compare(tmp_path, STUDY, texts)
    assert before.digest == after.digest


def test_a_re_export_does_not_change_it(tmp_path: Path) -> None:
    texts = dict(edited(STUDY, ("probed_study.helpers import", "probed_study.api import")))  # type: ignore[arg-type]
    texts["api/__init__.py"] = "from ..helpers import norm_sex, CODES"
    before, after = compare(tmp_path, STUDY, texts)
    assert before.digest == after.digest


def test_the_renamed_function_itself_keeps_its_fingerprint(tmp_path: Path) -> None:
    before = look_at(tmp_path / "before", STUDY)
    after = look_at(tmp_path / "after", edited(STUDY, ("def t(", "def people(")), "people")
    assert before.digest == after.digest


def test_the_part_that_changed_is_named_with_its_path_and_place(tmp_path: Path) -> None:
    before, after = compare(tmp_path, STUDY, edited(STUDY, ("n * DEEP", "n + DEEP")))
    old = {part.name: part for part in before.parts}
    changed = [part for part in after.parts if part.digest != old[part.name].digest]
    assert [part.name for part in changed] == ["helper deeper"]
    assert changed[0].path == ("t", "norm_sex", "deeper")
    assert changed[0].place == f"{PACKAGE}/helpers.py:10"
    assert changed[0].code == "def deeper(n):\n    return n + DEEP"


@pytest.mark.parametrize(
    ("edit", "part"),
    [
        (('"m": "M"', '"m": "x"'), "constant CODES"),
        (("weight = 2", "weight = 3"), "class Rule"),
        (("total: int = 3", "total = 4"), "function"),
        (("visits: pl.DataFrame", "visits: pl.LazyFrame"), "input visits"),
        (("limit: int = 7", "limit: int = 9"), "helper norm_sex"),
        (("> 18", "> 19"), "constant LIMIT"),
    ],
)
def test_only_the_culprit_changes_among_the_parts(
    edit: tuple[str, str], part: str, tmp_path: Path
) -> None:
    before, after = compare(tmp_path, STUDY, edited(STUDY, edit))
    old = {known.name: known.digest for known in before.parts}
    assert [p.name for p in after.parts if p.digest != old.get(p.name)] == [part]


def test_parameters_are_covered_by_value_and_kept_only_as_digests(tmp_path: Path) -> None:
    one = look_at(tmp_path / "1", STUDY, parameters={"cutoff": "secret-2024"})
    same = look_at(tmp_path / "2", STUDY, parameters={"cutoff": "secret-2024"})
    other = look_at(tmp_path / "3", STUDY, parameters={"cutoff": "secret-2025"})
    none = look_at(tmp_path / "4", STUDY)
    assert one.digest == same.digest
    assert len({one.digest, other.digest, none.digest}) == 3
    part = next(p for p in one.parts if p.name == "parameter cutoff")
    assert part.code == ""
    assert "secret" not in repr(one)


def test_the_engine_is_reached_through_nothing(tmp_path: Path) -> None:
    parts = look_at(tmp_path, "def t(raw): return raw\n", engine={"engine": "1"}).parts
    assert [part.path for part in parts if part.name == "engine"] == [("t",)]


def test_the_name_of_a_parameter_counts(tmp_path: Path) -> None:
    one = look_at(tmp_path / "1", STUDY, parameters={"a": 1})
    other = look_at(tmp_path / "2", STUDY, parameters={"b": 1})
    assert one.digest != other.digest


def test_a_fingerprint_is_the_same_in_another_process_and_place(tmp_path: Path) -> None:
    here = look_at(tmp_path / "here", STUDY)
    look_at(tmp_path / "elsewhere" / "deep", STUDY)
    script = dedent(f"""
        import sys
        sys.path.insert(0, {str(tmp_path / "elsewhere" / "deep")!r})
        from data_package.engine.fingerprint import fingerprint
        from {PACKAGE}.tables import t
        print(fingerprint(t.op.compute_fn.decorated_fn, {PACKAGE!r}).digest)
    """)
    # The order of sets is another one there.
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "1"},
    )  # fmt: skip
    assert done.stdout.strip() == here.digest


def test_a_shared_fingerprinter_gives_what_a_single_one_gives(tmp_path: Path) -> None:
    look_at(tmp_path, STUDY)
    sys.path.insert(0, str(tmp_path))
    try:
        module = importlib.import_module(f"{PACKAGE}.helpers")
        rules = importlib.import_module(f"{PACKAGE}.rules")
        functions = [module.norm_sex, rules.apply, module.deeper, module.unused]
        shared = Fingerprinter(PACKAGE)
        together = [shared.fingerprint(f).digest for f in functions]
        alone = [Fingerprinter(PACKAGE).fingerprint(f).digest for f in reversed(functions)]
        assert together == alone[::-1]
        assert together == [shared.fingerprint(f).digest for f in functions]
    finally:
        sys.path.remove(str(tmp_path))
        purge()


def test_it_imports_neither_dagster_nor_polars() -> None:
    script = (
        "import sys, data_package.engine.fingerprint;"
        "print([m for m in ('dagster', 'polars', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_digest_of_a_module_is_blind_to_how_it_is_written() -> None:
    one = 'X = 1  # one\ndef f(a):\n    """Doc."""\n    return (a + "b")\n'
    same = "'''Doc'''\nX = 1\n\n\ndef f(a):\n    # x\n    return a + 'b'\n"
    assert module_digest(one) == module_digest(same)
    assert module_digest(one) != module_digest(same.replace("'b'", "'c'"))
    assert module_digest("x = 1") != module_digest("x = 1.0")
    assert module_digest("x = '1'") != module_digest("x = 1")
    assert module_digest("def f(a: int): ...") != module_digest("def f(a: str): ...")


def test_a_part_can_be_made_by_hand() -> None:
    assert Ingredient("helper x", "0" * 64).code == ""
    assert Ingredient("helper x", "0" * 64, "def x(): ...").code == "def x(): ..."


def test_a_dagster_config_is_covered_with_its_fields(tmp_path: Path) -> None:
    study = {
        "tables.py": """
            import dagster as dg
            import polars as pl
            from .settings import Cut
            @dg.asset
            def t(context: dg.AssetExecutionContext, config: Cut, raw: pl.LazyFrame):
                return raw.head(config.rows)
            """,
        "settings.py": """
            import dagster as dg
            class Cut(dg.Config):
                rows: int = 5
                cols: int = 2
            """,
    }
    first = look_at(tmp_path / "0", study)
    assert "class Cut" in {part.name for part in first.parts}
    for number, edit in enumerate(
        [("rows: int = 5", "rows: int = 6"), ("rows: int = 5", "rows: float = 5")]
    ):
        assert look_at(tmp_path / f"x{number}", edited(study, edit)).digest != first.digest
    bare = edited(study, ("context: dg.AssetExecutionContext", "context"))
    assert look_at(tmp_path / "bare", bare).digest == first.digest


@pytest.mark.parametrize(
    ("argument", "matters"),
    [
        ('ins={"raw": dg.AssetIn("a")}', True),
        ("partitions_def=dg.StaticPartitionsDefinition(['a'])", True),
        ('key_prefix="x"', False),
        ("deps=['x']", False),
        ("kinds={'x'}", False),
        ("code_version='7'", False),
    ],
)
def test_an_argument_of_the_asset_decorator_counts_when_it_changes_what_the_function_gets(
    argument: str, matters: bool, tmp_path: Path
) -> None:
    plain = """
        import dagster as dg
        @dg.asset()
        def t(raw): return raw
        """
    before, after = compare(tmp_path, plain, edited(plain, ("asset()", f"asset({argument})")))
    assert (before.digest != after.digest) is matters


def test_what_an_asset_is_made_from_is_not_part_of_the_one_that_takes_it(tmp_path: Path) -> None:
    study = """
        import dagster as dg
        @dg.asset
        def first(): return 1
        @dg.asset(ins={"x": dg.AssetIn(key=first.key)}, deps=[first])
        def t(x): return x
        """
    before, after = compare(tmp_path, study, edited(study, ("return 1", "return 2")))
    assert before.digest == after.digest


def test_an_asset_that_is_called_as_a_function_is_covered(tmp_path: Path) -> None:
    study = """
        import dagster as dg
        @dg.asset
        def first(raw): return 1
        @dg.asset
        def t(raw): return first(raw)
        """
    before, after = compare(tmp_path, study, edited(study, ("return 1", "return 2")))
    assert before.digest != after.digest


def test_two_tables_that_share_a_name_in_python_are_distinguished(tmp_path: Path) -> None:
    study = """
        import dagster as dg
        @dg.asset(name="a")
        def _(): return 1
        t = _
        @dg.asset(name="b")
        def _(): return 2
        """
    before, after = compare(tmp_path, study, edited(study, ("return 2", "return 3")))
    assert before.digest == after.digest
    before, after = compare(tmp_path / "x", study, edited(study, ("return 1", "return 3")))
    assert before.digest != after.digest
