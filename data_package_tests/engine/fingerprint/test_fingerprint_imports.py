"""What importing the project changes, and names that are hard to follow to their definition."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_package_tests.engine.fingerprint.test_fingerprint import Files, compare, edited

# Probes are source code, often better read on one line.
# ruff: noqa: E501

PROBES: dict[str, tuple[Files, str, str, bool]] = {
    "a method under another name": (
        "CODES={}\nFILL=CODES.update\nFILL(a=1)\ndef t(r): return CODES\n",
        "a=1",
        "a=2",
        True,
    ),
    "a registry that is called": (
        "class R:\n    def __init__(s): s.k={}\n    def __call__(s,f): s.k[f.__name__]=f; return f\nreg=R()\n@reg\ndef a(x): return 1\ndef t(r): return reg.k\n",
        "return 1",
        "return 2",
        True,
    ),
    "a decorator in a class that registers": (
        "K={}\ndef reg(f): K[f.__name__]=f; return f\nclass A:\n    @reg\n    def m(self): return 1\ndef t(r): return K\n",
        "return 1",
        "return 2",
        True,
    ),
    "a class body that fills a constant": (
        "K=[]\nclass A:\n    K.append(1)\ndef t(r): return K\n",
        "append(1)",
        "append(2)",
        True,
    ),
    "a counter that closes over a number": (
        "def make():\n    n=0\n    def bump():\n        nonlocal n\n        n+=1\n        return n\n    return bump\nb=make()\ndef t(r): return b()\n",
        "n+=1",
        "n+=2",
        True,
    ),
    "a setter": (
        "class A:\n    @property\n    def x(self): return 1\n    @x.setter\n    def x(self,v): self.y=v\ndef t(r): return A()\n",
        "self.y=v",
        "self.y=v+1",
        True,
    ),
    "a private name that __all__ gives out": (
        {
            "tables.py": "from .h import *\ndef t(r): return _x(r)\n",
            "h.py": "__all__=['_x']\ndef _x(r): return 1\n",
        },
        "return 1",
        "return 2",
        True,
    ),
    "a submodule under another name": (
        {
            "tables.py": "import probed_study.sub.h as q\ndef t(r): return q.f(r)\n",
            "sub/__init__.py": "",
            "sub/h.py": "def f(r): return 1\n",
        },
        "return 1",
        "return 2",
        True,
    ),
    "an import from the folder above": (
        {
            "tables.py": "from .sub.h import f\ndef t(r): return f(r)\n",
            "sub/__init__.py": "",
            "sub/h.py": "from ..k import g\ndef f(r): return g(r)\n",
            "k.py": "def g(r): return 1\n",
        },
        "return 1",
        "return 2",
        True,
    ),
    "a module from the folder above": (
        {
            "tables.py": "from .sub.h import f\ndef t(r): return f(r)\n",
            "sub/__init__.py": "",
            "sub/h.py": "from .. import k\ndef f(r): return k.g(r)\n",
            "k.py": "def g(r): return 1\n",
        },
        "return 1",
        "return 2",
        True,
    ),
    "a folder without __init__": (
        {
            "tables.py": "from .ns.h import f\ndef t(r): return f(r)\n",
            "ns/h.py": "def f(r): return 1\n",
        },
        "return 1",
        "return 2",
        True,
    ),
    "a function called as its module": (
        {
            "tables.py": "from .norm import norm\ndef t(r): return norm(r)\n",
            "norm/__init__.py": "from .norm import norm\n",
            "norm/norm.py": "def norm(r): return 1\n",
        },
        "return 1",
        "return 2",
        True,
    ),
    "modules that import each other": (
        {
            "tables.py": "from . import a\ndef t(r): return a.f(r)\n",
            "a.py": "from . import b\ndef f(r): return b.g(r)\n",
            "b.py": "from . import a\ndef g(r): return 1 if r else a.f(r)\n",
        },
        "return 1",
        "return 2",
        True,
    ),
    "star imports in a circle": (
        {
            "tables.py": "from .a import g\ndef t(r): return g(r)\n",
            "a.py": "from .b import *\n",
            "b.py": "from .a import *\ndef g(r): return 1\n",
        },
        "return 1",
        "return 2",
        True,
    ),
    "another table below the same if": (
        "import dagster as dg\nif True:\n    @dg.asset\n    def t(r): return 1\n    @dg.asset\n    def s(r): return 5\n",
        "return 5",
        "return 6",
        False,
    ),
    "a table below an if": (
        "import dagster as dg\nif True:\n    @dg.asset\n    def t(r): return 1\n    @dg.asset\n    def s(r): return 5\n",
        "return 1",
        "return 6",
        True,
    ),
    "the values of a loop that makes tables": (
        "fs=[]\nfor n in (1,2):\n    def t(r, n=n): return r.head(n)\n",
        "(1,2)",
        "(1,3)",
        True,
    ),
    "the body of a table made in a loop": (
        "fs=[]\nfor n in (1,2):\n    def t(r, n=n): return r.head(n)\n",
        "r.head",
        "r.tail",
        True,
    ),
    "exec at module level defines": (
        "exec('def g(r): return 1')\ndef t(r): return g(r)\n",
        "return 1",
        "return 2",
        True,
    ),
    "a name given to builtins that is not used": (
        {
            "tables.py": "from . import p\ndef t(r): return len(r)\n",
            "p.py": "import builtins\n_o=len\nbuiltins.lenx = lambda x: 1\n",
        },
        "x: 1",
        "x: 2",
        False,
    ),
    "a name given to builtins": (
        {
            "tables.py": "from . import p\ndef t(r): return lenx(r)\n",
            "p.py": "import builtins\nbuiltins.lenx = lambda x: 1\n",
        },
        "x: 1",
        "x: 2",
        True,
    ),
    "a patched function of the standard library": (
        {
            "tables.py": "from . import p\nfrom json import dumps\ndef t(r): return dumps(r)\n",
            "p.py": "import json\njson.dumps = lambda x: 1\n",
        },
        "x: 1",
        "x: 2",
        True,
    ),
    "conditional expression constants": (
        "D={}\nX = D.setdefault('a',1) if True else 2\ndef t(r): return D\n",
        "'a',1",
        "'a',2",
        True,
    ),
    "walrus in comprehension at module": (
        "[y := x for x in (1,2)]\ndef t(r): return y\n",
        "(1,2)",
        "(1,3)",
        True,
    ),
    "lambda default": ("f = lambda x, k=3: k\ndef t(r): return f(r)\n", "k=3", "k=4", True),
    "type() made class": (
        "A = type('A',(),{'m': lambda s: 1})\ndef t(r): return A().m()\n",
        "s: 1",
        "s: 2",
        True,
    ),
    "namedtuple functional": (
        "from collections import namedtuple\nA = namedtuple('A','x y')\ndef t(r): return A(1,2)\n",
        "'x y'",
        "'y x'",
        True,
    ),
    "enum functional": (
        "from enum import Enum\nA = Enum('A','x y')\ndef t(r): return list(A)\n",
        "'x y'",
        "'y x'",
        True,
    ),
    "dataclass replaced default factory": (
        "from dataclasses import dataclass, field\ndef mk(): return [1]\n@dataclass\nclass A:\n    x: list = field(default_factory=mk)\ndef t(r): return A()\n",
        "[1]",
        "[2]",
        True,
    ),
    "contextvar-like object passed": (
        "import contextvars\nC=contextvars.ContextVar('c')\nC.set(1)\ndef t(r): return C.get()\n",
        "set(1)",
        "set(2)",
        True,
    ),
    "pl.Config": (
        "import polars as pl\npl.Config.set_fmt_str_lengths(3)\ndef t(r): return pl.len()\n",
        "(3)",
        "(4)",
        True,
    ),
    "async gen": (
        "async def g():\n    yield 1\ndef t(r): return g()\n",
        "yield 1",
        "yield 2",
        True,
    ),
    "try finally": ("def t(r):\n    try: return 1\n    finally: r.x()\n", "r.x()", "r.y()", True),
    "except name vs global": (
        "e = 1\ndef t(r):\n    try: r()\n    except ValueError as e: return e\n",
        "e = 1",
        "e = 2",
        False,
    ),
    "global read after local func def": (
        "def a(r): return 1\ndef t(r):\n    def a2(r): return a(r)\n    return a2(r)\n",
        "return 1",
        "return 2",
        True,
    ),
    "method calls other method via class attr dict": (
        "def f(x): return 1\nclass A:\n    T={'f':f}\n    def run(s): return s.T['f'](s)\ndef t(r): return A().run()\n",
        "return 1",
        "return 2",
        True,
    ),
    "descriptor": (
        "class D:\n    def __get__(s,i,o): return 1\nclass A:\n    x=D()\ndef t(r): return A().x\n",
        "return 1",
        "return 2",
        True,
    ),
    "__set_name__ patch": (
        "class D:\n    def __set_name__(s,o,n): o.z = 1\nclass A:\n    x=D()\ndef t(r): return A().z\n",
        "o.z = 1",
        "o.z = 2",
        True,
    ),
    "sub of generic": (
        "from typing import Generic, TypeVar\nT=TypeVar('T')\nclass A(Generic[T]):\n    def m(s): return 1\ndef t(r): return A[int]().m()\n",
        "return 1",
        "return 2",
        True,
    ),
    "str format of global via f-string": (
        "N=1\ndef t(r): return f'{N:>{N}}'\n",
        "N=1",
        "N=2",
        True,
    ),
    "dict(**CODES) mutated later via values": (
        "A={'x':[]}\nB=dict(A)\nB['x'].append(1)\ndef t(r): return A\n",
        "append(1)",
        "append(2)",
        True,
    ),
    "mutated through getter": (
        "A=[]\ndef get(): return A\nget().append(1)\ndef t(r): return A\n",
        "append(1)",
        "append(2)",
        True,
    ),
    "mutated through getter subscript": (
        "A={}\ndef get(): return A\nget()['k']=1\ndef t(r): return A\n",
        "=1",
        "=2",
        True,
    ),
    "mutated via method getter": (
        "class S:\n    def __init__(s): s.d={}\n    def get(s): return s.d\nS1=S()\nS1.get()['k']=1\ndef t(r): return S1.d\n",
        "=1",
        "=2",
        True,
    ),
    "heapq push": (
        "import heapq\nA=[]\nheapq.heappush(A,1)\ndef t(r): return A\n",
        "A,1",
        "A,2",
        True,
    ),
    "with global mutated in with": (
        "import contextlib\nA=[]\nwith contextlib.suppress(ValueError):\n    A.append(1)\ndef t(r): return A\n",
        "append(1)",
        "append(2)",
        True,
    ),
    "assign result of mutating function": (
        "A=[]\ndef fill(x):\n    x.append(1)\n    return x\nB=fill(A)\ndef t(r): return A\n",
        "append(1)",
        "append(2)",
        True,
    ),
    "assign result of mutating function arg at call": (
        "A=[]\ndef fill(x,n):\n    x.append(n)\n    return x\nB=fill(A,1)\ndef t(r): return A\n",
        "A,1",
        "A,2",
        True,
    ),
    "kwarg fill": (
        "A=[]\ndef fill(*, to, n):\n    to.append(n)\n    return to\nB=fill(to=A,n=1)\ndef t(r): return A\n",
        "n=1",
        "n=2",
        True,
    ),
    "class constructor registers self": (
        "ALL=[]\nclass R:\n    def __init__(s,n): ALL.append(n)\nr1=R(1)\ndef t(r): return ALL\n",
        "R(1)",
        "R(2)",
        True,
    ),
    "constructor in list": (
        "ALL=[]\nclass R:\n    def __init__(s,n): ALL.append(n)\nrs=[R(n) for n in (1,2)]\ndef t(r): return ALL\n",
        "(1,2)",
        "(1,3)",
        True,
    ),
    "import-time fill in other module via from import": (
        {
            "tables.py": "from .codes import CODES\nfrom . import extra\ndef t(r): return CODES\n",
            "codes.py": "CODES={}\n",
            "extra.py": "from .codes import CODES as C\nC['a']=1\n",
        },
        "=1",
        "=2",
        True,
    ),
    "reload-ish: function attribute registry": (
        {
            "tables.py": "from .codes import step\nfrom . import extra\ndef t(r): return step.all\n",
            "codes.py": "def step(f):\n    step.all.append(f)\n    return f\nstep.all=[]\n",
            "extra.py": "from .codes import step\n@step\ndef a(x): return 1\n",
        },
        "return 1",
        "return 2",
        True,
    ),
    "decorated class registers": (
        "K=[]\ndef reg(c): K.append(c); return c\n@reg\nclass A:\n    x=1\ndef t(r): return K\n",
        "x=1",
        "x=2",
        True,
    ),
    "operator |= on dict": ("A={}\nA |= {'x':1}\ndef t(r): return A\n", "'x':1", "'x':2", True),
    "slice assign": ("A=[1,2]\nA[:]=[3]\ndef t(r): return A\n", "[3]", "[4]", True),
    "nested attr aug": ("class C: n=1\nC.n += 1\ndef t(r): return C.n\n", "+= 1", "+= 2", True),
    "for target attr": (
        "class C: n=1\nfor C.n in (1,2): pass\ndef t(r): return C.n\n",
        "(1,2)",
        "(1,3)",
        True,
    ),
    "with target subscript": (
        "import contextlib\nA={}\nwith contextlib.nullcontext(1) as A['x']: pass\ndef t(r): return A\n",
        "(1)",
        "(2)",
        True,
    ),
    "match at module level": (
        "A={}\nmatch 1:\n    case 1: A['x']=1\ndef t(r): return A\n",
        "]=1",
        "]=2",
        True,
    ),
    "while loop": ("i=0\nwhile i<3: i+=1\ndef t(r): return i\n", "i<3", "i<4", True),
    "assert at module": ("N=1\nassert N\ndef t(r): return N\n", "N=1", "N=2", True),
    "vars(mod) update": (
        {
            "tables.py": "from . import h,e\ndef t(r): return h.N\n",
            "h.py": "N=1\n",
            "e.py": "from . import h\nvars(h)['N']=2\n",
        },
        "]=2",
        "]=3",
        True,
    ),
    "mod.__dict__ update": (
        {
            "tables.py": "from . import h,e\ndef t(r): return h.N\n",
            "h.py": "N=1\n",
            "e.py": "from . import h\nh.__dict__['N']=2\n",
        },
        "]=2",
        "]=3",
        True,
    ),
    "mod.__dict__.update": (
        {
            "tables.py": "from . import h,e\ndef t(r): return h.N\n",
            "h.py": "N=1\n",
            "e.py": "from . import h\nh.__dict__.update(N=2)\n",
        },
        "N=2",
        "N=3",
        True,
    ),
    "sys.modules patch": (
        {
            "tables.py": "from . import h,e\ndef t(r): return h.N\n",
            "h.py": "N=1\n",
            "e.py": "import sys\nfrom . import h\nsys.modules['probed_study.h'].N=2\n",
        },
        ".N=2",
        ".N=3",
        True,
    ),
    "setattr computed": (
        {
            "tables.py": "from . import h,e\ndef t(r): return h.N\n",
            "h.py": "N=1\n",
            "e.py": "from . import h\nfor k in ['N']: setattr(h,k,2)\n",
        },
        "k,2",
        "k,3",
        True,
    ),
    "sys.modules[__name__] setattr": (
        "import sys\nN=1\nsetattr(sys.modules[__name__],'N',2)\ndef t(r): return N\n",
        "'N',2",
        "'N',3",
        True,
    ),
    "exec changes a bound name": ("N=1\nexec('N=2')\ndef t(r): return N\n", "'N=2'", "'N=3'", True),
    "import_module patched": (
        {
            "tables.py": "from . import h,e\ndef t(r): return h.N\n",
            "h.py": "N=1\n",
            "e.py": "import importlib\nm=importlib.import_module('probed_study.h')\nm.N=2\n",
        },
        ".N=2",
        ".N=3",
        True,
    ),
    "local function import patch": (
        {
            "tables.py": "from . import h,e\ndef t(r): return h.N\n",
            "h.py": "N=1\n",
            "e.py": "def go():\n    from . import h\n    h.N=2\ngo()\n",
        },
        ".N=2",
        ".N=3",
        True,
    ),
    "annotation alias": (
        "import polars as pl\nF=pl.LazyFrame\ndef t(x: F): return x\n",
        "pl.LazyFrame",
        "pl.DataFrame",
        True,
    ),
    "union annotation": (
        "import polars as pl\ndef t(x: pl.LazyFrame | None): return x\n",
        "pl.LazyFrame",
        "pl.DataFrame",
        True,
    ),
    "list path": (
        "from pathlib import Path\ndef t(x: list[Path]): return x\n",
        "list[Path]",
        "Path",
        True,
    ),
    "wrapped input kind": (
        "import functools\nimport polars as pl\ndef d(f):\n    @functools.wraps(f)\n    def i(*a): return f(*a)\n    return i\n@d\ndef t(x: pl.LazyFrame): return x\n",
        "pl.LazyFrame",
        "pl.DataFrame",
        True,
    ),
    "typing-only import annotation": (
        "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import polars as pl\ndef t(x: pl.LazyFrame): return x\n",
        "pl.LazyFrame",
        "pl.DataFrame",
        True,
    ),
    "registry via returned closure": (
        "def mk():\n    k={}\n    def reg(f): k[f.__name__]=f; return f\n    def get(n): return k[n]\n    return reg,get\nreg,get=mk()\n@reg\ndef a(x): return 1\ndef t(r): return get('a')(r)\n",
        "return 1",
        "return 2",
        True,
    ),
    "registry closure via factory dec no unpack": (
        "def mk():\n    k={}\n    def reg(f): k[f.__name__]=f; return f\n    reg.all=k\n    return reg\nreg=mk()\n@reg\ndef a(x): return 1\ndef t(r): return reg.all['a'](r)\n",
        "return 1",
        "return 2",
        True,
    ),
    "list shared via function result": (
        "def wrap(x): return {'k':x}\nA=[]\nB=wrap(A)\nB['k'].append(1)\ndef t(r): return A\n",
        "append(1)",
        "append(2)",
        True,
    ),
    "iterate dict values mutated": (
        "A={'x':[]}\nfor v in A.values(): v.append(1)\ndef t(r): return A\n",
        "append(1)",
        "append(2)",
        True,
    ),
    "chain map": (
        "from collections import ChainMap\nA={}\nB=ChainMap(A)\nB['x']=1\ndef t(r): return A\n",
        "]=1",
        "]=2",
        True,
    ),
    "unrelated lib call on const": (
        "import polars as pl\nA=['x']\nE=pl.col(A).sum()\ndef t(r): return A\n",
        "sum()",
        "min()",
        False,
    ),
    "thread start fills": (
        "import threading\nA=[]\ndef w(): A.append(1)\nth=threading.Thread(target=w)\nth.start(); th.join()\ndef t(r): return A\n",
        "append(1)",
        "append(2)",
        True,
    ),
    "atexit-like callback exec": (
        "A=[]\ndef w(n): A.append(n)\nlist(map(w,[1]))\ndef t(r): return A\n",
        "[1]",
        "[2]",
        True,
    ),
    "async run": (
        "import asyncio\nA=[]\nasync def w(n): A.append(n)\nasyncio.run(w(1))\ndef t(r): return A\n",
        "w(1)",
        "w(2)",
        True,
    ),
    "lambda fills": (
        "A=[]\nf=lambda n: A.append(n)\nf(1)\ndef t(r): return A\n",
        "f(1)",
        "f(2)",
        True,
    ),
    "iife lambda": ("A=[]\n(lambda n: A.append(n))(1)\ndef t(r): return A\n", ")(1)", ")(2)", True),
    "dict of fns called": (
        "A=[]\ndef w(n): A.append(n)\nD={'w':w}\nD['w'](1)\ndef t(r): return A\n",
        "(1)",
        "(2)",
        True,
    ),
    "method on class fill": (
        "A=[]\nclass W:\n    @staticmethod\n    def go(n): A.append(n)\nW.go(1)\ndef t(r): return A\n",
        "go(1)",
        "go(2)",
        True,
    ),
    "instance made inline": (
        "A=[]\nclass W:\n    def go(s,n): A.append(n)\nx = W().go(1)\ndef t(r): return A\n",
        "go(1)",
        "go(2)",
        True,
    ),
    "with project ctx manager": (
        "import contextlib\nA=[]\n@contextlib.contextmanager\ndef c(n):\n    A.append(n)\n    yield\nwith c(1): pass\ndef t(r): return A\n",
        "c(1)",
        "c(2)",
        True,
    ),
    "operator overload": (
        "A=[]\nclass W:\n    def __rshift__(s,n): A.append(n)\nw=W()\nw >> 1\ndef t(r): return A\n",
        ">> 1",
        ">> 2",
        True,
    ),
}


@pytest.fixture(autouse=True)
def json_as_it_was() -> Iterator[None]:
    """A probe puts a function of its own into a library, which the other tests use too."""
    dumps = json.dumps
    yield
    json.dumps = dumps


@pytest.mark.parametrize("probe", PROBES)
def test_a_change_counts_when_the_function_can_reach_it(probe: str, tmp_path: Path) -> None:
    study, old, new, changes = PROBES[probe]
    before, after = compare(tmp_path, study, edited(study, (old, new)))
    assert (before.digest != after.digest) is changes
