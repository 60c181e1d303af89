"""What importing a project changes indirectly: through a class, a function's result, a library."""

# Probes are source code, often better read on one line.
# ruff: noqa: E501

from pathlib import Path

import pytest

from data_package_tests.engine.fingerprint.test_fingerprint import compare, edited

# `codes.py` defines, `fill.py` changes, the table uses what the first line imports.
CHANGED: dict[str, tuple[str, str, str, str, str]] = {
    "what a function returns": ("D", "D = {}\ndef get(): return D\n", "from .codes import get\nx = get()\nx['a'] = 1\n", "= 1", "= 2"),
    "what a function of a function returns": ("D", "D = {}\ndef get(): return D\ndef ask(): return get()\n", "from .codes import ask\nask()['a'] = 1\n", "= 1", "= 2"),
    "an attribute of a class": ("D", "D = {}\nclass K:\n    d = D\n", "from .codes import K\nK.d['a'] = 1\n", "= 1", "= 2"),
    "a property": ("D", "D = {}\nclass K:\n    @property\n    def d(self): return D\n", "from .codes import K\nk = K()\nk.d['a'] = 1\n", "= 1", "= 2"),
    "a default of a class": ("D", "D = {}\nclass K:\n    def __init__(self, d=D): self.d = d\n", "from .codes import K\nk = K()\nk.d['a'] = 1\n", "= 1", "= 2"),
    "an object that holds it": ("D", "D = {}\nclass K:\n    def __init__(self): self.d = D\n    def put(self, k): self.d[k] = 1\nk = K()\n", "from .codes import k\nk.put('a')\n", "'a'", "'b'"),
    "one of two under a condition": ("D", "D = {}\nif True: E = D\nelse: E = {}\n", "from .codes import E\nE['a'] = 1\n", "= 1", "= 2"),
    "a list of a class, by its instances": ("K", "class K:\n    known = []\n    def __init__(self, n): self.known.append(n)\n", "from .codes import K\nX = K('a')\n", "'a'", "'b'"),
    "a list of a base class": ("K", "class K:\n    known = []\nclass L(K):\n    def __init__(self, n): self.known.append(n)\n", "from .codes import L\nX = L('a')\n", "'a'", "'b'"),
    "a counter of a class": ("K", "class K:\n    n = 0\n    def __init__(self): type(self).n += 1\n", "from .codes import K\nX = [K(), K()]\n", "[K(), K()]", "[K()]"),
    "a list of a class, by __class__": ("K", "class K:\n    known = []\n    def __init__(self, n): self.__class__.known.append(n)\n", "from .codes import K\nX = K('a')\n", "'a'", "'b'"),
    "a list of a class, by a subclass": ("K", "class K:\n    known = []\n    @classmethod\n    def add(cls, n):\n        cls.known.append(n)\n        return n\n", "from .codes import K\nclass L(K): pass\nX = L.add('a')\n", "'a'", "'b'"),
    "a list of a class, by an object": ("K", "class K:\n    known = {}\n    def put(self, k): self.known[k] = 1\nk = K()\n", "from .codes import k\nk.put('a')\n", "'a'", "'b'"),
    "a method kept in a dict": ("D", "D = []\nP = {'a': D.append}\n", "from .codes import P\nX = P['a'](1)\n", "(1)", "(2)"),
    "a method found by name": ("D", "D = []\n", "from .codes import D\nX = getattr(D, 'append')(1)\n", "(1)", "(2)"),
    "a method called by name": ("D", "D = []\n", "from operator import methodcaller\nfrom .codes import D\nX = methodcaller('append', 1)(D)\n", "1)(D)", "2)(D)"),
    "a method of a builtin class": ("D", "D = {}\n", "from .codes import D\nX = dict.update(D, {'a': 1})\n", "1}", "2}"),
    "an operator": ("D", "D = {}\n", "import operator\nfrom .codes import D\nE = operator.ior(D, {'a': 1})\n", "1}", "2}"),
    "a heap": ("Q", "Q = [1, 2]\n", "import heapq\nfrom .codes import Q\nX = heapq.heappop(Q)\n", "heapq.heappop(Q)", "1"),
    "a function that is passed on": ("D", "D = [[1]]\ndef f(v):\n    v.append(2)\n    return v\n", "from .codes import D, f\nX = list(map(f, D))\n", "list(map(f, D))", "1"),
    "a default that is computed": ("D", "D = [1]\ndef f(v):\n    v.append(2)\n    return v\n", "from .codes import D, f\ndef g(x=f(D)): return x\n", "x=f(D)", "x=1"),
    "a queue": ("Q", "import queue\nQ = queue.Queue()\nQ.put(1)\n", "from .codes import Q\nX = Q.get()\n", "Q.get()", "1"),
    "a text that is written": ("B", "import csv, io\nB = io.StringIO()\nW = csv.writer(B)\n", "from .codes import W\nX = W.writerow(['a'])\n", "'a'", "'b'"),
    "a frame by a method that also returns it": ("F", "import polars as pl\nF = pl.DataFrame({'a': [1]})\n", "import polars as pl\nfrom .codes import F\nX = F.insert_column(0, pl.Series('b', [1]))\n", "'b'", "'c'"),
    "a frame in place": ("F", "import pandas as pd\nF = pd.DataFrame({'a': [1, 2]})\n", "from .codes import F\nX = F.drop(index=0, inplace=True)\n", "index=0", "index=1"),
    "an array as the place of a result": ("A", "import numpy as np\nA = np.zeros(2)\n", "import numpy as np\nfrom .codes import A\nX = np.add(A, 1, out=A)\n", "(A, 1", "(A, 2"),
    "an iterator": ("I", "I = iter([1, 2])\n", "from .codes import I\nFIRST = next(I)\n", "next(I)", "1"),
    "a random generator": ("R", "import random\nR = random.Random(1)\n", "from .codes import R\nX = R.random()\n", "R.random()", "1"),
    "a random generator that is passed on": ("R", "import random\nR = random.Random(1)\ndef draw(r): return r.random()\n", "from .codes import R, draw\nX = draw(R)\n", "draw(R)", "1"),
    "a context variable": ("V", "from contextvars import ContextVar\nV = ContextVar('v')\n", "from .codes import V\nold = V.set(5)\n", "5", "6"),
    "a default that calls share": ("f", "def f(x, seen=[]):\n    seen.append(x)\n    return seen\n", "from .codes import f\nf(1)\n", "f(1)", "f(2)"),
    # What these change belongs to a library, so all code of the project may notice it.
    "a library by a function of its own": ("D", "D = 1\n", "from random import seed\nseed(1)\n", "(1)", "(2)"),
    "a setting whose former value is kept": ("D", "D = 1\n", "import numpy as np\nOLD = np.seterr(all='warn')\n", "'warn'", "'ignore'"),
    "the process's random numbers": ("D", "D = 1\n", "import random\nX = random.random()\n", "random.random()", "1"),
    "the environment under another name": ("D", "D = 1\n", "import os\nENV = os.environ\nENV['A'] = '1'\n", "'1'", "'2'"),
    "a context of decimals": ("D", "D = 1\n", "import decimal\nC = decimal.getcontext()\nC.prec = 28\n", "28", "29"),
    "an option": ("D", "D = 1\n", "import pandas as pd\npd.options.display.max_rows = 5\n", "5", "6"),
    "options made as an object": ("D", "D = 1\n", "import polars as pl\nC = pl.Config(tbl_rows=5)\n", "=5", "=6"),
}  # fmt: skip

# What belongs to one of two names has no part in the other.
NOT_CHANGED: dict[str, tuple[str, str, str, str, str]] = {
    "a first key": ("D", "D = {'a': 1}\n", "from .codes import D\nX = next(iter(D))\n", "next(iter(D))", "1"),
    "another random generator": ("R", "import random\nR = random.Random(1)\nS = random.Random(2)\n", "from .codes import S\nX = S.random()\n", "S.random()", "1"),
    "a number that a registry uses": ("LIMIT", "LIMIT = 5\nclass K:\n    def __init__(self): self.known = {}\n    def add(self, f): self.known[f] = LIMIT\nk = K()\n", "from .codes import k\nk.add(1)\n", "add(1)", "add(2)"),
    "a class whose instances hold their own": ("K", "class K:\n    NAME = 'x'\n    def __init__(self): self.known = []\n    def add(self, f): self.known.append(f)\nk = K()\n", "from .codes import k\nk.add(1)\n", "add(1)", "add(2)"),
    "an instance of a class with a constant": ("K", "class K:\n    CODES = {'a': 1}\n    def __init__(self, n): self.n = n\n", "from .codes import K\nX = K(1)\n", "K(1)", "K(2)"),
    "an expression made from it": ("E", "import polars as pl\nE = pl.col('a')\n", "from .codes import E\nF = E.alias('b')\n", "'b'", "'c'"),
}  # fmt: skip


def study(used: str, codes: str, fill: str) -> dict[str, str]:
    return {
        "codes.py": codes,
        "fill.py": fill,
        "tables.py": f"from .codes import {used}\ndef t(raw): return {used}\n",
    }


@pytest.mark.parametrize("probe", CHANGED)
def test_what_is_changed_through_something_else_counts(probe: str, tmp_path: Path) -> None:
    *parts, old, new = CHANGED[probe]
    before, after = compare(tmp_path, study(*parts), edited(study(*parts), (old, new)))
    assert before.digest != after.digest


@pytest.mark.parametrize("probe", NOT_CHANGED)
def test_what_something_else_only_uses_does_not_count(probe: str, tmp_path: Path) -> None:
    *parts, old, new = NOT_CHANGED[probe]
    before, after = compare(tmp_path, study(*parts), edited(study(*parts), (old, new)))
    assert before.digest == after.digest


STEPS = {
    "steps/__init__.py": "ALL = []\n",
    "steps/one.py": "from . import ALL\nALL.append(1)\n",
    "steps/two.py": "from . import ALL\nALL.append(2)\n",
    "steps/more.py": "import math\n",
    "tables.py": "from .steps import ALL\ndef t(raw): return ALL\n",
}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("", "from . import one, two\n", True),
        ("from . import one, two\n", "from . import two, one\n", False),
        ("", "from . import two\n", False),
        ("from .one import ALL as A\nfrom .two import ALL as B\n", "from . import two, one\n", False),
        ("if 1:\n    from . import two\n", "import probed_study.steps.two\n", True),
        ("", "def later():\n    from . import two\n", True),
        ("from . import more\n", "from . import more, one\n", True),
    ],
)  # fmt: skip
def test_the_order_in_which_modules_add_to_a_constant_counts(
    one: str, other: str, same: bool, tmp_path: Path
) -> None:
    first = "steps/__init__.py"
    before, after = compare(
        tmp_path,
        {**STEPS, first: f"{STEPS[first]}{one}"},
        {**STEPS, first: f"{STEPS[first]}{other}"},
    )
    assert (before.digest == after.digest) == same


@pytest.mark.parametrize("code", ["return __doc__", "return getattr(t, '__doc__')"])
def test_docstrings_that_are_read_are_reported(code: str, tmp_path: Path) -> None:
    text = f"'''One.'''\ndef t(raw): {code}\n"
    before, _ = compare(tmp_path, text, text)
    assert any("docstrings" in message for message in before.unseen)
