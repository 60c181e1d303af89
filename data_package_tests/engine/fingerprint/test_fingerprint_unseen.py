"""What a fingerprint cannot see: it is covered on the safe side, or reported."""

from pathlib import Path

import pytest

from data_package.engine.fingerprint import Fingerprinter
from data_package_tests.engine.fingerprint.test_fingerprint import Files, edited, look_at

# Probes are source code, often better read on one line.
# ruff: noqa: E501

CASES: dict[str, tuple[Files, str]] = {
    "open": ("def t(raw):\n    return open('codes.csv').read()\n", "open at probed_study/tables.py:2 opens a file by hand"),
    "read_csv with a literal": ("import polars as pl\ndef t(raw): return pl.read_csv('a.csv')\n", "make it a raw file with source_file"),
    "scan_parquet of a constant": (
        "import polars as pl\nfrom pathlib import Path\nP = Path(__file__).parent / 'a.parquet'\ndef t(raw): return pl.scan_parquet(P)\n",
        "polars.scan_parquet at probed_study/tables.py:4",
    ),
    "a compressed file whose name begins like a mode": ("import gzip\ndef t(raw): return gzip.open('a.gz')\n", "gzip.open at"),
    "read_text": ("from pathlib import Path\ndef t(raw): return Path('a').read_text()\n", "read_text at probed_study/tables.py:2"),
    "a path constant that is read at import": (
        {"tables.py": "from .codes import CODES\ndef t(raw): return CODES\n", "codes.py": "import json\nCODES = json.loads(open('x.json').read()) if False else {}\n"},
        "open at probed_study/codes.py:2",
    ),
    "a helper that opens what it is given": (
        {"tables.py": "from .io import load\ndef t(raw): return load('a.csv')\n", "io.py": "import polars as pl\ndef load(p):\n    q = p + ''\n    return pl.read_csv(q)\n"},
        "load at probed_study/tables.py:2",
    ),
    "a helper of a helper that opens what it is given": (
        {"tables.py": "from .io import get\ndef t(raw): return get('a.csv')\n", "io.py": "def load(p): return open(p)\ndef get(p): return load(p)\n"},
        "get at probed_study/tables.py:2",
    ),
    "a reader with a path of its own": (
        "class R:\n    def __init__(self): self.p = 'a'\n    def run(self): return open(self.p)\ndef t(raw): return R().run()\n",
        "open at probed_study/tables.py:3",
    ),
    "a reader that is handed on": ("import polars as pl\ndef t(raw): return list(map(pl.read_csv, ['a.csv']))\n", "polars.read_csv at"),
    "the environment": ("import os\ndef t(raw): return os.environ['LIMIT']\n", "reads the environment"),
    "another program": ("import subprocess\ndef t(raw): return subprocess.run(['ls'])\n", "runs other code"),
    "exec": ("def t(raw): exec('1')\n", "exec at probed_study/tables.py:1: the whole project is covered"),
    "a computed getattr": (
        {"tables.py": "from . import rules\ndef t(raw): return getattr(rules, raw)\n", "rules.py": "N = 1\n"},
        "getattr by a computed name at probed_study/tables.py:2: the whole module is covered",
    ),
    "a computed getattr of a class": ("class R: a = 1\ndef t(raw): return getattr(R, raw)\n", "all of R is covered"),
    "a name nobody binds": ("def t(raw): return nowhere(raw)\n", "binds nowhere"),
    "an object without a canonical form": (
        "import io\ndef make(n):\n    x = io.StringIO(n)\n    def t(raw): return x\n    return t\nt = make('secret')\n",
        "_io.StringIO held at probed_study/tables.py:4: make and the statements that call it are covered",
    ),
    "hints that are read": ("import typing\ndef t(raw): return typing.get_type_hints(raw)\n", "hints and docstrings"),
    "docstrings that are read": ("def f(x):\n    'text'\ndef t(raw): return f.__doc__\n", "hints and docstrings"),
}  # fmt: skip

NOT_SAID: dict[str, Files] = {
    "a file that arrives as a parameter": "import polars as pl\ndef t(raw): return pl.read_csv(raw)\n",
    "files in a folder that arrives": "def t(raw): return [p.read_text() for p in raw.glob('*')]\n",
    "a file opened to be written": "def t(raw):\n    with open('log.txt', 'w') as f: f.write('x')\n",
    "a compressed file that is written": "import gzip\ndef t(raw): return gzip.open('log.gz', 'w')\n",
    "a helper that is given a parameter": "import polars as pl\ndef load(p): return pl.read_csv(p)\ndef t(raw): return load(raw)\n",
    "the name of a file as text": "import rich\ndef t(raw): return raw.endswith('.csv') or rich.inspect('a csv file')\n",
    "a parser of text": "import yaml\ndef t(raw): return yaml.safe_load('a: [1]')\n",
    "a name made from an address": "import uuid\ndef t(raw): return uuid.uuid5(uuid.NAMESPACE_URL, 'http://h/x.json')\n",
    "a moment in a time zone": "from datetime import UTC, datetime\ndef t(raw): return datetime.fromtimestamp(raw, UTC)\n",
    "a file opened in a with statement": "def t(raw):\n    with open(raw) as f: return f.read()\n",
    "a loop over files": "import polars as pl\ndef t(raw):\n    for p in raw:\n        pl.read_csv(p)\n",
    "getattr by a literal": "def t(raw): return getattr(raw, 'x')\n",
    "a literal import of a library": "import importlib\ndef t(raw): return importlib.import_module('json')\n",
    "a class with super": "class A:\n    def f(self): return 1\nclass B(A):\n    def f(self): return super().f() + __class__.x\n    x = 1\ndef t(raw): return B().f()\n",
    "a class body that reads its own names": "class A:\n    x = 1\n    y = x + 1\ndef t(raw): return A.y\n",
}  # fmt: skip


@pytest.mark.parametrize("probe", CASES)
def test_what_cannot_be_seen_is_reported(probe: str, tmp_path: Path) -> None:
    study, message = CASES[probe]
    found = look_at(tmp_path, study)
    assert any(message in output for output in found.unseen), found.unseen
    assert str(tmp_path) not in repr(found)


@pytest.mark.parametrize("probe", NOT_SAID)
def test_nothing_is_reported_where_all_is_seen(probe: str, tmp_path: Path) -> None:
    assert look_at(tmp_path, NOT_SAID[probe]).unseen == ()


def test_a_value_in_a_closure_is_kept_only_as_a_digest(tmp_path: Path) -> None:
    study = """
        import re, datetime as dt, decimal, pathlib
        def make(*values):
            def t(raw): return values
            return t
        t = make("secret", {"k": "secret"}, {"secret"}, re.compile("secret"), pathlib.Path("secret"),
                 dt.date(2024, 1, 1), decimal.Decimal("1.5"), b"secret", [1, 2.0, None, True])
        """
    found = look_at(tmp_path, study)
    assert "secret" not in repr(found)
    assert found.unseen == ()
    assert "closure values" in {part.name for part in found.parts}


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}", True),
        ("{'a', 'b'}", "{'b', 'a'}", False),
        ("frozenset('ab')", "frozenset('ba')", False),
        ("[1, 2]", "[2, 1]", True),
        ("1", "1.0", True),
        ("1", "True", True),
        ("pl.Int64", "pl.Int32", True),
        ("pl.Int64", "pl.Int64()", False),
        ("pl.Schema({'a': pl.Int64})", "pl.Schema({'a': pl.Int8})", True),
        ("pl.DataFrame({'a': [1]})", "pl.DataFrame({'a': [2]})", True),
        ("Sex.M", "Sex.F", True),
        ("Point(1, 2)", "Point(1, 3)", True),
        ("len", "sum", True),
        ("Point", "Sex", True),
        ("lambda x: 1", "lambda x: 2", True),
        ("(lambda x: 1, lambda x: 2)", "(lambda x: 1, lambda x: 3)", True),
        ("functools.partial(len, 1)", "functools.partial(len, 2)", True),
        ("re.compile('a')", "re.compile('a', re.I)", True),
        ("pathlib.Path(__file__).parent / 'x'", "pathlib.Path(__file__).parent / 'y'", True),
        ("pl.col('a').map_elements(lambda x: 1)", "pl.col('a').map_elements(lambda x: 2)", True),
        ("collections.OrderedDict(a=1)", "dict(a=1)", True),
        ("itertools.count(1)", "itertools.count(2)", True),
    ],
)
def test_a_value_in_a_closure_counts(old: str, new: str, changes: bool, tmp_path: Path) -> None:
    study = f"""
        import collections, functools, itertools, pathlib, re
        from dataclasses import dataclass
        from enum import Enum
        import polars as pl
        class Sex(Enum):
            M = 1
            F = 2
        @dataclass(frozen=True)
        class Point:
            x: int
            y: int
        def make(value):
            def t(raw): return value
            return t
        t = make({old})
        """
    first = look_at(tmp_path / "1", study)
    again = look_at(tmp_path / "2", study)
    other = look_at(tmp_path / "3", edited(study, (f"make({old})", f"make({new})")))
    assert first.digest == again.digest
    assert (first.digest != other.digest) is changes


def test_a_function_without_source_is_covered_by_its_compiled_code() -> None:
    space: dict[str, object] = {"__name__": "nowhere"}
    digests = []
    for number in (1, 1, 2):
        exec(f"N = {number}\ndef helper(x): return x + N\ndef t(raw): return helper(raw)", space)
        found = Fingerprinter("no_such_package").fingerprint(space["t"])  # type: ignore[arg-type]
        assert any("source of t cannot be found" in output for output in found.unseen)
        digests.append(found.digest)
    assert digests[0] == digests[1] != digests[2]


def test_a_long_chain_of_calls_is_followed_to_its_end(tmp_path: Path) -> None:
    depth = 2_000  # more than the frames that Python allows
    lines = [f"def f{n}(x): return f{n + 1}(x)" for n in range(depth)]
    text = "\n".join([*lines, f"def f{depth}(x): return 1", "def t(raw): return f0(raw)"])
    first = look_at(tmp_path / "1", text)
    assert len(first.parts) == depth + 2
    deepest = next(part for part in first.parts if part.name == f"helper f{depth}")
    assert deepest.path[:2] == ("t", "f0")
    assert deepest.path[-1] == f"f{depth}"
    assert look_at(tmp_path / "2", edited(text, ("return 1", "return 2"))).digest != first.digest


def test_a_large_circle_of_calls_is_followed(tmp_path: Path) -> None:
    size = 500
    lines = [f"def f{n}(x): return f{(n + 1) % size}(x) + {n % 3}" for n in range(size)]
    text = "\n".join([*lines, "def t(raw): return f0(raw)\n"])
    first = look_at(tmp_path / "1", text)
    other = look_at(
        tmp_path / "2",
        edited(text, ("def f250(x): return f251(x) + 1", "def f250(x): return f251(x) + 2")),
    )
    assert first.digest != other.digest


def test_a_deep_expression_is_followed(tmp_path: Path) -> None:
    text = "def t(raw): return " + " + ".join(["raw"] * 900) + " + 1\n"
    first = look_at(tmp_path / "1", text)
    assert look_at(tmp_path / "2", edited(text, ("+ 1\n", "+ 2\n"))).digest != first.digest
    assert all(isinstance(part.code, str) for part in first.parts)


def test_a_builtin_has_a_fingerprint() -> None:
    assert Fingerprinter([]).fingerprint(len).digest != Fingerprinter([]).fingerprint(sum).digest
