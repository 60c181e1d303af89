"""Code that is written so as to fool a fingerprint, knowingly or not."""

# Probes are source code, often better read on one line.
# ruff: noqa: E501

from pathlib import Path

import pytest

from data_package_tests.engine.fingerprint.test_fingerprint import Files, compare, edited, look_at

# What the edit of each study must change: the study, the old text, the new text.
REACHED: dict[str, tuple[Files, str, str]] = {
    "a registry filled by decorators in another module": (
        {
            "registry.py": """
                HANDLERS = {}
                def register(name):
                    def keep(function):
                        HANDLERS[name] = function
                        return function
                    return keep
                """,
            "handlers.py": """
                from .registry import register
                @register("a")
                def clean_a(x): return x + 1
                """,
            "tables.py": """
                from . import registry
                def t(raw): return [registry.HANDLERS[k](raw) for k in "a"]
                """,
        },
        "return x + 1",
        "return x + 2",
    ),
    "the key under which a handler is registered": (
        {
            "registry.py": """
                HANDLERS = {}
                def register(name):
                    def keep(function):
                        HANDLERS[name] = function
                        return function
                    return keep
                """,
            "handlers.py": """
                from . import registry
                @registry.register("a")
                def clean_a(x): return x + 1
                """,
            "tables.py": """
                from .registry import HANDLERS
                def t(raw): return HANDLERS
                """,
        },
        'register("a")',
        'register("b")',
    ),
    "a registry filled through an alias": (
        """
        CODES = {}
        def fill(name):
            table = CODES
            table[name] = 1
        fill("a")
        def t(raw): return CODES
        """,
        'fill("a")',
        'fill("b")',
    ),
    "a registry object with methods of its own": (
        {
            "registry.py": """
                class Registry:
                    def __init__(self): self.known = {}
                    def add(self, f):
                        self.known[f.__name__] = f
                        return f
                REGISTRY = Registry()
                """,
            "more.py": """
                from .registry import REGISTRY
                @REGISTRY.add
                def step(x): return x * 3
                """,
            "tables.py": """
                from .registry import REGISTRY
                def t(raw): return REGISTRY.known["step"](raw)
                """,
        },
        "x * 3",
        "x * 4",
    ),
    "a function applied to a constant for its effect": (
        """
        CODES = []
        def load(target): target.append(1)
        load(CODES)
        def t(raw): return CODES
        """,
        "target.append(1)",
        "target.append(2)",
    ),
    "a function that fills a global of its module": (
        """
        CODES = {}
        def fill(): CODES["a"] = 1
        fill()
        def t(raw): return CODES
        """,
        'CODES["a"] = 1',
        'CODES["a"] = 2',
    ),
    "a global that a function rebinds": (
        """
        LIMIT = None
        def configure():
            global LIMIT
            LIMIT = 5
        configure()
        def t(raw): return raw.head(LIMIT)
        """,
        "LIMIT = 5",
        "LIMIT = 6",
    ),
    "a constant that is changed under another name": (
        """
        CODES = {"a": 1}
        table = CODES
        table["b"] = 2
        def t(raw): return CODES
        """,
        '"b"] = 2',
        '"b"] = 3',
    ),
    "a loop that fills a constant": (
        """
        CODES = {}
        for k, v in [("a", 1)]:
            CODES[k] = v
        def t(raw): return CODES
        """,
        '("a", 1)',
        '("a", 2)',
    ),
    "a loop over constants that changes each": (
        """
        A = {}
        B = {}
        for table in (A, B):
            table.update(x=1)
        def t(raw): return B
        """,
        "x=1",
        "x=2",
    ),
    "a condition at the module's level": (
        """
        import sys
        if sys.maxsize > 5:
            LIMIT = 3
        else:
            LIMIT = 4
        def t(raw): return LIMIT
        """,
        "LIMIT = 3",
        "LIMIT = 5",
    ),
    "a fallback of a failed import": (
        """
        try:
            from nowhere_at_all import limit
        except ImportError:
            def limit(x): return x.head(3)
        def t(raw): return limit(raw)
        """,
        "head(3)",
        "head(4)",
    ),
    "an augmented assignment": (
        """
        COLUMNS = ["a"]
        COLUMNS += ["b"]
        def t(raw): return raw.select(COLUMNS)
        """,
        '["b"]',
        '["c"]',
    ),
    "an append inside an expression": (
        """
        COLUMNS = ["a", "b", "c"]
        LAST = COLUMNS.pop(0)
        def t(raw): return raw.select(COLUMNS)
        """,
        "pop(0)",
        "pop(1)",
    ),
    "an attribute patched on a class": (
        {
            "tables.py": """
                from .rules import Rule
                def t(raw): return Rule().limit
                """,
            "rules.py": "class Rule:\n    limit = 1\n",
            "patch.py": "from . import rules\nrules.Rule.limit = 2\n",
        },
        "Rule.limit = 2",
        "Rule.limit = 3",
    ),
    "a function patched into another module": (
        {
            "tables.py": "from . import rules\ndef t(raw): return rules.run(raw)\n",
            "rules.py": "def run(x): return x\n",
            "patch.py": "from . import rules\ndef other(x): return x + 1\nrules.run = other\n",
        },
        "return x + 1",
        "return x + 2",
    ),
    "a function patched with setattr": (
        {
            "tables.py": "from . import rules\ndef t(raw): return rules.run(raw)\n",
            "rules.py": "def run(x): return x\n",
            "patch.py": "from . import rules\nsetattr(rules, 'run', lambda x: x + 1)\n",
        },
        "x + 1",
        "x + 2",
    ),
    "a name that globals() sets": (
        """
        for n in ("a", "b"):
            globals()[f"run_{n}"] = lambda x: x + 1
        def t(raw): return run_a(raw)
        """,
        "x + 1",
        "x + 2",
    ),
    "a helper behind a computed getattr": (
        {
            "tables.py": "from . import rules\ndef t(raw): return getattr(rules, 'r' + 'un')(raw)\n",
            "rules.py": "def run(x): return x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "a helper behind a module that is handed on": (
        {
            "tables.py": (
                "from . import rules\ndef pick(m): return m.run\n"
                "def t(raw): return pick(rules)(raw)\n"
            ),
            "rules.py": "def run(x): return x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "a helper behind exec": (
        {
            "tables.py": "def t(raw):\n    exec('from probed_study.rules import run')\n",
            "rules.py": "def run(x): return x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "a helper behind eval under another name": (
        {
            "tables.py": "run = eval\nfrom . import rules as r\ndef t(raw): return run('r.run')(raw)\n",
            "rules.py": "def run(x): return x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "a helper behind import_module": (
        {
            "tables.py": (
                "import importlib\n"
                "def t(raw): return importlib.import_module('probed_study.rules').run(raw)\n"
            ),
            "rules.py": "def run(x): return x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "a helper behind a computed import_module": (
        {
            "tables.py": (
                "from importlib import import_module as im\n"
                "def t(raw, n='rules'): return im('probed_study.' + n).run(raw)\n"
            ),
            "rules.py": "def run(x): return x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "a helper behind sys.modules": (
        {
            "tables.py": (
                "import sys\ndef t(raw): return sys.modules['probed_study' + '.rules'].run(raw)\n"
            ),
            "rules.py": "def run(x): return x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "a helper behind __import__": (
        {
            "tables.py": "def t(raw): return __import__('probed_study.rules').rules.run(raw)\n",
            "rules.py": "def run(x): return x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "a module's own __getattr__": (
        {
            "tables.py": "from . import rules\ndef t(raw): return rules.anything(raw)\n",
            "rules.py": "def __getattr__(name):\n    return lambda x: x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "two helpers of one name that change places": (
        {
            "tables.py": ("from . import a, b\ndef t(raw): return a.norm(raw) - b.norm(raw)\n"),
            "a.py": "K = 1\ndef norm(x): return x * K\n",
            "b.py": "K = 2\ndef norm(x): return x * K\n",
        },
        "a.norm(raw) - b.norm(raw)",
        "b.norm(raw) - a.norm(raw)",
    ),
    "two functions that call each other": (
        """
        def even(n): return n == 0 or odd(n - 1)
        def odd(n): return n != 0 and even(n - 1)
        def t(raw): return even(raw)
        """,
        "n != 0 and",
        "n != 1 and",
    ),
    "the bases of a class": (
        {
            "tables.py": "from .rules import Child\ndef t(raw): return Child().run(raw)\n",
            "rules.py": "from .base import Base\nclass Child(Base): pass\n",
            "base.py": "class Base:\n    def run(self, x): return x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "a metaclass": (
        """
        class Meta(type):
            def __call__(cls, *a): return 1
        class Rule(metaclass=Meta): pass
        def t(raw): return Rule(raw)
        """,
        "return 1",
        "return 2",
    ),
    "subclasses that register themselves": (
        {
            "base.py": """
                class Base:
                    known = []
                    def __init_subclass__(cls): Base.known.append(cls)
                """,
            "more.py": """
                from .base import Base
                class Child(Base):
                    def run(self, x): return x + 1
                """,
            "tables.py": "from .base import Base\ndef t(raw): return [c().run(raw) for c in Base.known]\n",
        },
        "x + 1",
        "x + 2",
    ),
    "subclasses found with __subclasses__": (
        {
            "base.py": "class Base: pass\n",
            "more.py": """
                from .base import Base
                class Child(Base):
                    def run(self, x): return x + 1
                """,
            "tables.py": (
                "from .base import Base\n"
                "def t(raw): return [c().run(raw) for c in Base.__subclasses__()]\n"
            ),
        },
        "x + 1",
        "x + 2",
    ),
    "a field of a dataclass": (
        """
        from dataclasses import dataclass
        @dataclass
        class Row:
            a: int
            b: int
        def t(raw): return Row(1, 2)
        """,
        "    a: int\n            b: int",
        "    b: int\n            a: int",
    ),
    "a member of an enum": (
        """
        from enum import Enum
        class Sex(Enum):
            M = "m"
        def t(raw): return [s.value for s in Sex]
        """,
        'M = "m"',
        'M = "male"',
    ),
    "a property": (
        """
        class Rule:
            @property
            def limit(self): return 1
        def t(raw): return Rule().limit
        """,
        "return 1",
        "return 2",
    ),
    "single dispatch on hints": (
        """
        from functools import singledispatch
        @singledispatch
        def clean(x): return x
        @clean.register
        def _(x: int): return x + 1
        def t(raw): return clean(raw)
        """,
        "x: int",
        "x: str",
    ),
    "the body of a single dispatch": (
        {
            "tables.py": """
                from .clean import clean
                def t(raw): return clean(raw)
                """,
            "clean.py": "from functools import singledispatch\n@singledispatch\ndef clean(x): return x\n",
            "ints.py": "from .clean import clean\n@clean.register(int)\ndef _(x): return x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "the code of a decorator": (
        """
        import functools
        def logged(f):
            @functools.wraps(f)
            def inner(*a): return f(*a).head(1)
            return inner
        @logged
        def t(raw): return raw
        """,
        "head(1)",
        "head(2)",
    ),
    "the argument of a decorator": (
        """
        import functools
        def limited(n):
            def wrap(f):
                @functools.wraps(f)
                def inner(*a): return f(*a).head(n)
                return inner
            return wrap
        @limited(1)
        def t(raw): return raw
        """,
        "limited(1)",
        "limited(2)",
    ),
    "the body below a decorator": (
        """
        import functools
        def logged(f):
            @functools.wraps(f)
            def inner(*a): return f(*a)
            return inner
        @logged
        def t(raw): return raw.head(1)
        """,
        "head(1)",
        "head(2)",
    ),
    "the body below a decorator that hides it": (
        """
        def logged(f):
            def inner(*a): return f(*a)
            return inner
        @logged
        def t(raw): return raw.head(1)
        """,
        "head(1)",
        "head(2)",
    ),
    "a decorator made of a class": (
        """
        class logged:
            def __init__(self, f): self.f = f
            def __call__(self, *a): return self.f(*a).head(1)
        @logged
        def t(raw): return raw
        """,
        "head(1)",
        "head(2)",
    ),
    "the body below a decorator made of a class": (
        """
        class logged:
            def __init__(self, f): self.f = f
            def __call__(self, *a): return self.f(*a)
        @logged
        def t(raw): return raw.head(1)
        """,
        "head(1)",
        "head(2)",
    ),
    "the body below a cache": (
        """
        import functools
        @functools.lru_cache(None)
        def t(raw): return raw.head(1)
        """,
        "head(1)",
        "head(2)",
    ),
    "a value that a factory closes over": (
        """
        def make(n):
            def t(raw): return raw.head(n)
            return t
        t = make(1)
        """,
        "make(1)",
        "make(2)",
    ),
    "the code of a function made by a factory": (
        """
        def make(n):
            def t(raw): return raw.head(n)
            return t
        t = make(1)
        """,
        "raw.head(n)",
        "raw.tail(n)",
    ),
    "a helper that a factory is given": (
        """
        def one(x): return x + 1
        def make(f):
            def t(raw): return f(raw)
            return t
        t = make(one)
        """,
        "x + 1",
        "x + 2",
    ),
    "a default that a factory computes": (
        """
        def make(n):
            def t(raw, limit=n * 2): return raw.head(limit)
            return t
        t = make(1)
        """,
        "n * 2",
        "n * 3",
    ),
    "an expression that a factory closes over": (
        """
        import polars as pl
        def make(n):
            rule = pl.col("a") > n
            def t(raw): return raw.filter(rule)
            return t
        t = make(1)
        """,
        '"a") > n',
        '"a") < n',
    ),
    "an object without a canonical form in a closure": (
        """
        import io
        def make(n):
            text = io.StringIO("x" * n)
            def t(raw): return text.getvalue()
            return t
        t = make(3)
        """,
        "make(3)",
        "make(4)",
    ),
    "a generator in a closure": (
        """
        def make(n):
            numbers = (i * 2 for i in range(n))
            def t(raw): return list(numbers)
            return t
        t = make(3)
        """,
        "i * 2",
        "i * 3",
    ),
    "an instance in a closure": (
        """
        class Rule:
            def __init__(self, n): self.n = n
            def run(self, x): return x.head(self.n)
        def make(rule):
            def t(raw): return rule.run(raw)
            return t
        t = make(Rule(3))
        """,
        "Rule(3)",
        "Rule(4)",
    ),
    "a lambda": ("t = lambda raw: raw.head(1)\n", "head(1)", "head(2)"),
    "the second of two lambdas on a line": (
        "s, t = (lambda raw: raw.head(1)), (lambda raw: raw.head(2))\n",
        "head(2)",
        "head(3)",
    ),
    "a partial": (
        """
        from functools import partial
        def run(raw, n): return raw.head(n)
        t = partial(run, n=1)
        """,
        "n=1",
        "n=2",
    ),
    "a partial of a helper at the module's level": (
        """
        from functools import partial
        def run(raw, n): return raw.head(n)
        run_one = partial(run, n=1)
        def t(raw): return run_one(raw)
        """,
        "n=1",
        "n=2",
    ),
    "a bound method": (
        """
        class Rule:
            def __init__(self, n): self.n = n
            def run(self, x): return x.head(self.n)
        t = Rule(1).run
        """,
        "Rule(1)",
        "Rule(2)",
    ),
    "an object that can be called": (
        """
        class Rule:
            def __call__(self, x): return x.head(1)
        t = Rule()
        """,
        "head(1)",
        "head(2)",
    ),
    "a nested function": (
        """
        def t(raw):
            def inner(x): return x.head(1)
            return inner(raw)
        """,
        "head(1)",
        "head(2)",
    ),
    "a comprehension that shadows": (
        """
        x = [1]
        def t(raw): return [y for y in x], [x for x in raw]
        """,
        "x = [1]",
        "x = [2]",
    ),
    "a class body that shadows a global after reading it": (
        """
        limit = 1
        def t(raw):
            class Rule:
                limit = limit
            return Rule.limit
        """,
        "limit = 1\n",
        "limit = 2\n",
    ),
    "a walrus": (
        """
        def t(raw): return (n := 1) + n
        """,
        "n := 1",
        "n := 2",
    ),
    "an f-string": ("def t(raw): return f'{raw!r:>{3}}'\n", "{3}", "{4}"),
    "a conversion in an f-string": ("def t(raw): return f'{raw!r}'\n", "!r", "!s"),
    "a match pattern": (
        """
        LOW = 1
        class K: A = 1
        def t(raw):
            match raw:
                case K.A: return 1
                case {"a": x, **rest}: return rest
        """,
        "A = 1",
        "A = 2",
    ),
    "a star in a call": ("def t(raw): return max(*raw)\n", "*raw", "raw"),
    "async instead of plain": ("async def t(raw): return raw\n", "async def", "def"),
    "keyword only instead of positional": ("def t(raw, *, n=1): return n\n", "*, n", "n"),
    "an integer that was a boolean": ("def t(raw): return raw.head(True)\n", "True", "1"),
    "minus zero": ("def t(raw): return 0.0 * raw\n", "0.0 *", "-0.0 *"),
    "bytes that were text": ("def t(raw): return 'a'\n", "'a'", "b'a'"),
    "a tuple that was a list": ("def t(raw): return (1, 2)\n", "(1, 2)", "[1, 2]"),
    "an order of keywords": ("def t(raw): return raw.w(a=1, b=2)\n", "a=1, b=2", "b=2, a=1"),
    "an order of statements": (
        "def t(raw):\n    raw.a()\n    raw.b()\n",
        "raw.a()\n    raw.b()",
        "raw.b()\n    raw.a()",
    ),
    "a statement that moves across a rebinding": (
        "N = 1\nX = N + 1\nN = 2\ndef t(raw): return X\n",
        "X = N + 1\nN = 2\n",
        "N = 2\nX = N + 1\n",
    ),
    "a statement that moves across a change that a helper sees": (
        "N = [1]\ndef f(): return len(N)\nX = f()\nN.append(2)\ndef t(raw): return X\n",
        "X = f()\nN.append(2)\n",
        "N.append(2)\nX = f()\n",
    ),
    "a deleted element": (
        "C = {'a': 1, 'b': 2}\ndel C['a']\ndef t(raw): return C\n",
        "del C['a']",
        "del C['b']",
    ),
    "a shadowed builtin": (
        "def len(x): return 1\ndef t(raw): return len(raw)\n",
        "return 1",
        "return 2",
    ),
    "a builtin that a star import shadows": (
        {
            "tables.py": "from .mine import *\ndef t(raw): return sum(raw)\n",
            "mine.py": "def sum(x): return 1\n",
        },
        "return 1",
        "return 2",
    ),
    "a Polars namespace": (
        {
            "tables.py": "import polars as pl\ndef t(raw): return pl.col('a').tidy.up()\n",
            "names.py": """
                import polars as pl
                @pl.api.register_expr_namespace("tidy")
                class Tidy:
                    def __init__(self, e): self.e = e
                    def up(self): return self.e + 1
                """,
        },
        "self.e + 1",
        "self.e + 2",
    ),
    "a method patched into Polars": (
        {
            "tables.py": "import polars as pl\ndef t(raw): return raw.tidy_up()\n",
            "names.py": """
                import polars as pl
                def tidy_up(self): return self.head(1)
                pl.LazyFrame.tidy_up = tidy_up
                """,
        },
        "head(1)",
        "head(2)",
    ),
    "a setting of a library": (
        "import random\nrandom.seed(1)\ndef t(raw): return random.random()\n",
        "seed(1)",
        "seed(2)",
    ),
    "a chain of re-exports": (
        {
            "tables.py": "from .api import run\ndef t(raw): return run(raw)\n",
            "api/__init__.py": "from .inner import *\n",
            "api/inner.py": "from .deep import run\n__all__ = ['run']\n",
            "api/deep.py": "def run(x): return x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "a handler in a dict of functions": (
        "def a(x): return x + 1\nSTEPS = {'a': a}\ndef t(raw): return STEPS['a'](raw)\n",
        "x + 1",
        "x + 2",
    ),
    "a function that is rebound by its own wrapper": (
        """
        def wrap(f): return lambda *a: f(*a)
        def run(x): return x + 1
        run = wrap(run)
        def t(raw): return run(raw)
        """,
        "x + 1",
        "x + 2",
    ),
    "a helper that is defined twice": (
        "def run(x): return x\ndef run(x): return x + 1\ndef t(raw): return run(raw)\n",
        "x + 1",
        "x + 2",
    ),
    "a string that is evaluated later": (
        "def t(raw): return raw.sql('select 1')\n",
        "select 1",
        "select 2",
    ),
    "a constant with a type hint": (
        "N: int = 1\ndef t(raw): return N\n",
        "= 1",
        "= 2",
    ),
    "a named tuple": (
        """
        from typing import NamedTuple
        class Row(NamedTuple):
            a: int = 1
        def t(raw): return Row()
        """,
        "a: int = 1",
        "a: int = 2",
    ),
    "a context manager at the module's level": (
        "import contextlib\nwith contextlib.nullcontext(1) as N: pass\ndef t(raw): return N\n",
        "nullcontext(1)",
        "nullcontext(2)",
    ),
    "a global that a nested function rebinds": (
        """
        N = 1
        def outer():
            def inner():
                global N
                N = 2
            inner()
        outer()
        def t(raw): return N
        """,
        "N = 2",
        "N = 3",
    ),
    "a default that is changed in place": (
        "def run(x, seen=[1]): return seen\ndef t(raw): return run(raw)\n",
        "[1]",
        "[2]",
    ),
    "an attribute on a function": (
        "def run(x): return run.limit\nrun.limit = 1\ndef t(raw): return run(raw)\n",
        "run.limit = 1",
        "run.limit = 2",
    ),
    "an attribute on the function itself": (
        "def t(raw): return t.limit\nt.limit = 1\n",
        "t.limit = 1",
        "t.limit = 2",
    ),
    "the value that a getattr falls back to": (
        "def t(raw): return getattr(raw, 'x', 1)\n",
        "'x', 1",
        "'x', 2",
    ),
    "a constant that a method default uses": (
        "N = 1\nclass Rule:\n    def run(self, n=N): return n\ndef t(raw): return Rule().run()\n",
        "N = 1",
        "N = 2",
    ),
    "an import in a package's __init__ that patches": (
        {
            "__init__.py": "from . import rules\nrules.LIMIT = 2\n",
            "tables.py": "from .rules import LIMIT\ndef t(raw): return LIMIT\n",
            "rules.py": "LIMIT = 1\n",
        },
        "rules.LIMIT = 2",
        "rules.LIMIT = 3",
    ),
    "a module that is imported locally and handed on": (
        {
            "tables.py": (
                "def t(raw):\n    import probed_study.rules as r\n    return call(r, raw)\n"
                "def call(m, raw): return m.run(raw)\n"
            ),
            "rules.py": "def run(x): return x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "a name that comes from a module's dictionary": (
        {
            "tables.py": "from . import rules\ndef t(raw): return vars(rules)['run'](raw)\n",
            "rules.py": "def run(x): return x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "a function found through another's globals": (
        {
            "tables.py": ("from .rules import a\ndef t(raw): return a.__globals__['b'](raw)\n"),
            "rules.py": "def a(x): return x\ndef b(x): return x + 1\n",
        },
        "x + 1",
        "x + 2",
    ),
    "a Windows style condition on the interpreter": (
        "import os\nSEP = 'a' if os.name == 'nt' else 'b'\ndef t(raw): return SEP\n",
        "else 'b'",
        "else 'c'",
    ),
    "the order of two handlers": (
        """
        STEPS = []
        def step(f):
            STEPS.append(f)
            return f
        @step
        def a(x): return x + 1
        @step
        def b(x): return x * 2
        def t(raw):
            for s in STEPS: raw = s(raw)
            return raw
        """,
        "@step\n        def a(x): return x + 1\n        @step\n        def b(x): return x * 2",
        "@step\n        def b(x): return x * 2\n        @step\n        def a(x): return x + 1",
    ),
    "a shared object that is changed through its container": (
        """
        A = {"x": 1}
        ALL = [A]
        ALL[0]["x"] = 2
        def t(raw): return A
        """,
        '["x"] = 2',
        '["x"] = 3',
    ),
    "an object that is changed by a nested call": (
        """
        CODES = {}
        def outer(d): inner(d)
        def inner(d): d["a"] = 1
        outer(CODES)
        def t(raw): return CODES
        """,
        'd["a"] = 1',
        'd["a"] = 2',
    ),
    "a list comprehension used for its effect": (
        "C = []\n[C.append(i) for i in range(2)]\ndef t(raw): return C\n",
        "range(2)",
        "range(3)",
    ),
    "a map used for its effect": (
        "C = []\nDONE = list(map(C.append, [1]))\ndef t(raw): return C\n",
        "[1]",
        "[2]",
    ),
    "an operator function that changes": (
        "import operator\nC = {}\noperator.setitem(C, 'a', 1)\ndef t(raw): return C\n",
        "'a', 1",
        "'a', 2",
    ),
    "an unbound method that changes": (
        "C = {}\ndict.update(C, a=1)\ndef t(raw): return C\n",
        "a=1",
        "a=2",
    ),
    "a class attribute that is a mutable registry": (
        """
        class Base:
            known = {}
            @classmethod
            def register(cls, n):
                def keep(f):
                    cls.known[n] = f
                    return f
                return keep
        @Base.register("a")
        def step(x): return x + 1
        def t(raw): return Base.known["a"](raw)
        """,
        "x + 1",
        "x + 2",
    ),
    "a constant assigned by tuple unpacking": (
        "A, (B, *C) = 1, (2, 3)\ndef t(raw): return C\n",
        "(2, 3)",
        "(2, 4)",
    ),
    "a constant assigned by a walrus": (
        "print(N := 1)\ndef t(raw): return N\n",
        "N := 1",
        "N := 2",
    ),
    "a docstring that is really text": (
        "def t(raw):\n    x = 'a'\n    return x\n",
        "x = 'a'",
        "x = 'b'",
    ),
    "a return that is dropped": ("def t(raw):\n    return 1\n", "return 1", "1"),
    "a star argument that is renamed for two stars": (
        "def t(*raw): return raw\n",
        "*raw)",
        "**raw)",
    ),
}

# What the edit of each study must not change.
NOT_REACHED: dict[str, tuple[Files, str, str]] = {
    "another handler's table": (
        """
        CODES = {"a": 1}
        OTHER = {**CODES, "b": 2}
        def t(raw): return CODES
        """,
        '"b": 2',
        '"b": 3',
    ),
    "an expression that uses a constant": (
        """
        import polars as pl
        CODES = {"a": 1}
        RULE = pl.col("x").replace(CODES).alias("y")
        def t(raw): return CODES
        """,
        'alias("y")',
        'alias("z")',
    ),
    "a helper that only reads a constant at import": (
        """
        CODES = {"a": 1}
        def size(table): return len(table) + 1
        N = size(CODES)
        def t(raw): return CODES
        """,
        "+ 1",
        "+ 2",
    ),
    "a logger": (
        """
        import logging
        log = logging.getLogger("a")
        logging.basicConfig(level=10)
        def t(raw): return raw
        """,
        "level=10",
        "level=20",
    ),
    "an unused Polars namespace": (
        """
        import polars as pl
        @pl.api.register_expr_namespace("tidied")
        class Tidy:
            def __init__(self, e): self.e = e
            def up(self): return self.e + 1
        def t(raw): return raw.head()
        """,
        "self.e + 1",
        "self.e + 2",
    ),
    "another function of the same factory": (
        """
        def make(n):
            def t(raw): return raw.head(n)
            return t
        t = make(1)
        s = make(2)
        """,
        "make(2)",
        "make(3)",
    ),
    "a local variable that is called as a constant is": (
        "LIMIT = 1\ndef t(raw):\n    LIMIT = 2\n    return LIMIT\n",
        "LIMIT = 1",
        "LIMIT = 3",
    ),
    "a parameter that is called as a helper is": (
        "def run(x): return 1\ndef t(run): return run\n",
        "return 1",
        "return 2",
    ),
    "an attribute that is called as a helper is": (
        "def head(x): return 1\ndef t(raw): return raw.head(1)\n",
        "return 1",
        "return 2",
    ),
    "a variable of a comprehension": (
        "x = 1\ndef t(raw): return [x for x in raw]\n",
        "x = 1",
        "x = 2",
    ),
    "the hint of a method": (
        "class R:\n    def run(self, x: int) -> int: return x\ndef t(raw): return R().run(raw)\n",
        "x: int) -> int",
        "x: str)",
    ),
    "the hint of a function with a decorator": (
        """
        def logged(f):
            return f
        @logged
        def run(x: int): return x
        def t(raw): return run(raw)
        """,
        "x: int",
        "x: str",
    ),
    "a hint in a plain class": (
        "class R:\n    n: int = 1\ndef t(raw): return R.n\n",
        "n: int",
        "n: float",
    ),
    "a script below a main guard": (
        "N = 1\ndef t(raw): return N\nif __name__ == '__main__':\n    N = 2\n",
        "N = 2",
        "N = 3",
    ),
    "the place of a set's elements in a closure": (
        """
        def make(names):
            def t(raw): return raw.select(sorted(names))
            return t
        t = make({"a", "bb", "ccc"})
        """,
        '"a", "bb", "ccc"',
        '"ccc", "a", "bb"',
    ),
    "a module that is not used": (
        {"tables.py": "def t(raw): return raw\n", "rules.py": "N = 1\n"},
        "N = 1",
        "N = 2",
    ),
    "a check of the table": (
        """
        import dagster as dg
        @dg.asset
        def t(raw): return raw
        @dg.asset_check(asset=t)
        def fine(): return dg.AssetCheckResult(passed=True)
        """,
        "passed=True",
        "passed=False",
    ),
    "another table that calls it": (
        "def t(raw): return raw\ndef s(raw): return t(raw) + 1\n",
        "+ 1",
        "+ 2",
    ),
    "a use of pass": ("def t(raw):\n    pass\n    return raw\n", "pass", "..."),
    "an import that nothing uses": (
        "import json\ndef t(raw): return raw\n",
        "import json",
        "import os",
    ),
}


@pytest.mark.parametrize("probe", REACHED)
def test_what_is_reached_changes_it(probe: str, tmp_path: Path) -> None:
    study, old, new = REACHED[probe]
    before, after = compare(tmp_path, study, edited(study, (old, new)))
    assert before.digest != after.digest
    again = look_at(tmp_path / "again", study)
    assert again.digest == before.digest


@pytest.mark.parametrize("probe", NOT_REACHED)
def test_what_is_not_reached_does_not_change_it(probe: str, tmp_path: Path) -> None:
    study, old, new = NOT_REACHED[probe]
    before, after = compare(tmp_path, study, edited(study, (old, new)))
    assert before.digest == after.digest
