"""Random studies, edited at random: what only looks different is equal, what differs is not."""

# Probes are source code, often better read on one line.
# ruff: noqa: E501

import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_package.engine.fingerprint import Fingerprinter, module_digest
from data_package_tests.engine.fingerprint.test_fingerprint import PACKAGE, look_at, purge


class Study:
    """A random study: constants and helpers in three modules, each using others, and a table.

    Every literal that the table reaches is known, so that a change to any of them must show.
    """

    def __init__(self, seed: int) -> None:
        random_ = random.Random(seed)
        self.names = [f"f{n}" for n in range(random_.randint(2, 7))]
        self.module_of = {name: random_.choice("abc") for name in self.names}
        self.uses: dict[str, list[str]] = {}
        self.literals: dict[str, int] = {}
        self.shape = {name: random_.choice(["plain", "class", "constant"]) for name in self.names}
        for position, name in enumerate(self.names):
            later = self.names[position + 1 :]
            self.uses[name] = random_.sample(later, min(len(later), random_.randint(0, 2)))
            self.literals[name] = random_.randint(0, 99)

    def reached(self) -> set[str]:
        found: set[str] = set()
        queue = [self.names[0]]
        while queue:
            name = queue.pop()
            if name not in found:
                found.add(name)
                queue += self.uses[name]
        return found

    def write(self, style: random.Random | None = None) -> dict[str, str]:
        """The files; `style` chooses how they are written, and must not matter."""
        files = {}
        modules = {"a": "a", "b": "b", "c": "c"}
        if style and style.random() < 0.5:
            modules = {"a": "alpha", "b": "beta", "c": "sub/gamma"}
        for letter, module in modules.items():
            members = [name for name in self.names if self.module_of[name] == letter]
            definitions = [self._definition(name, letter, modules, style) for name in members]
            imports = sorted({head for head, _ in definitions if head})
            bodies = [body for _, body in definitions]
            # A constant must stand below what it uses; functions may stand anywhere.
            bodies = bodies[::-1]
            if style and not any(self.shape[name] == "constant" for name in members):
                style.shuffle(bodies)
            if style:
                bodies.insert(0, f"UNRELATED = {style.randint(0, 9)}\n")
                bodies.append(f"def unrelated(x): return {style.randint(0, 9)}\n")
            text = "\n".join([*"\n".join(imports).split("\n"), *bodies])
            files[f"{module}.py"] = f'"""{style.random()}."""\n{text}' if style else text
            if "/" in module:
                files["sub/__init__.py"] = ""
        first = self.names[0]
        home = modules[self.module_of[first]].replace("/", ".")
        files["tables.py"] = (
            f"from .{home} import {first} as start\ndef t(raw): return start(raw)\n"
        )
        return files

    def _definition(
        self, name: str, letter: str, modules: dict[str, str], style: random.Random | None
    ) -> tuple[str, str]:
        heads, calls = [], []
        hint = ": int" if style and style.random() < 0.5 else ""
        doc = "    '''A docstring.'''\n" if style and style.random() < 0.5 else ""
        note = "    # a comment\n" if style and style.random() < 0.5 else ""
        for used in self.uses[name]:
            home = modules[self.module_of[used]].replace("/", ".")
            if self.module_of[used] == letter:
                calls.append(f"{used}(x)")
            elif style and style.random() < 0.5:
                calls.append(f"{used}_renamed(x)")
                heads.append(f"from {PACKAGE}.{home} import {used} as {used}_renamed")
            else:
                calls.append(f"{PACKAGE}.{home}.{used}(x)")
                heads.append(f"import {PACKAGE}.{home}")
        literal = str(self.literals[name])
        terms = " + ".join([*calls, f"({literal})" if style and hint else literal])
        # Imports run in a circle between the modules; inside the functions they do not.
        inner = "".join(f"    {head}\n" for head in heads)
        if self.shape[name] == "class":
            inner = inner.replace("    import", "        import").replace(
                "    from", "        from"
            )
            body = f"class {name}:\n{doc}    def __new__(cls, x{hint}):\n{inner}        return {terms}\n"
        elif self.shape[name] == "constant":
            body = f"{name}_value = {literal}\ndef {name}(x{hint}):\n{doc}{note}{inner}    return {terms.replace(literal, f'{name}_value') if not calls else f'{name}_value + ' + terms}\n"
        else:
            body = f"def {name}(x{hint}):\n{doc}{note}{inner}    return {terms}\n"
        return "", body


def digest_of(files: dict[str, str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return look_at(Path(folder), files).digest


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6), style=st.integers(0, 10**6))
def test_how_code_is_written_never_matters(seed: int, style: int) -> None:
    study = Study(seed)
    assert digest_of(study.write()) == digest_of(study.write(random.Random(style)))


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6), data=st.data())
def test_what_code_does_always_matters(seed: int, data: st.DataObject) -> None:
    study = Study(seed)
    before = digest_of(study.write())
    name = data.draw(st.sampled_from(study.names))
    kind = data.draw(st.sampled_from(["literal", "use"]))
    was_reached = name in study.reached()
    if kind == "literal" or not study.uses[name]:
        study.literals[name] += 100
    else:
        study.uses[name].pop()
    after = digest_of(study.write())
    assert (before != after) is was_reached


@settings(max_examples=100)
@given(seed=st.integers(0, 10**6))
def test_the_digest_of_a_module_agrees(seed: int) -> None:
    for text in Study(seed).write().values():
        spaced = text.replace("\n", "  # note\n").replace("(x)", "( x )")
        assert module_digest(text) == module_digest(spaced)


TABLE = '''
def t{n}(a: pl.LazyFrame, b: pl.LazyFrame) -> pl.LazyFrame:
    """One row per subject."""
    wide = a.join(b, on="k{n}", how="left").with_columns(
        pl.col("z").cast(pl.Int64).alias("q"),
        pl.when(pl.col("x") > {n}).then(pl.lit("a")).otherwise(pl.lit("b")).alias("w"),
    )
    total = wide.group_by("k").agg(pl.len(), pl.col("v").sum().alias("s"))
    return h{n}(wide.join(total, on="k").filter(pl.col("q") > {n}).select("a", "b", "c"))
'''


@pytest.mark.parametrize("per_module", [4, 80])
def test_similar_tables_have_different_digests(per_module: int, tmp_path: Path) -> None:
    helper = "def h{n}(x): return x.with_columns(pl.col('a').replace(CODES) + {n})\n"
    head = "import polars as pl\n"
    files = {
        "helpers.py": head + "CODES = {'a': 1}\n" + "".join(helper.format(n=n) for n in range(80))
    }
    files["tables.py"] = "def t(raw): return raw\n"
    for start in range(0, 80, per_module):
        tables = "".join(TABLE.format(n=n) for n in range(start, start + per_module))
        files[f"m{start}.py"] = f"{head}from .helpers import *\n{tables}"
    look_at(tmp_path, files)
    sys.path.insert(0, str(tmp_path))
    functions: list[Callable[..., object]] = []
    try:
        for start in range(0, 80, per_module):
            module = __import__(f"{PACKAGE}.m{start}", fromlist=["x"])
            functions += [getattr(module, f"t{n}") for n in range(start, start + per_module)]
        shared = Fingerprinter(PACKAGE)
        digests = {shared.fingerprint(function).digest for function in functions}
    finally:
        sys.path.remove(str(tmp_path))
        purge()
    assert len(digests) == 80
