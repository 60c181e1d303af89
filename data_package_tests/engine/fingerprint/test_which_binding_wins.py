"""Names that several statements may bind, and names that stand in a text."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from data_package_tests.engine.fingerprint.test_fingerprint import Files, compare, edited, look_at

# Probes are source code, often better read on one line.
# ruff: noqa: E501

LIBRARIES = [
    "lxml", "lxml.etree", "pyreadr", "dotenv", "pydantic_settings", "rpy2", "rpy2.robjects", "redcap",
    "psycopg", "patsy", "statsmodels", "statsmodels.formula", "statsmodels.formula.api", "numexpr",
    "fastexcel", "sqlalchemy", "pandas", "requests", "scipy", "scipy.io", "xlrd", "omegaconf",
    "tracks", "zeep", "asyncpg", "sklearn", "sklearn.datasets", "matplotlib", "matplotlib.pyplot",
]  # fmt: skip


class Library(ModuleType):
    """Stands for a library, which need not be installed here; any name of it is a class."""

    __path__: list[str] = []  # noqa: RUF012

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return object


@pytest.fixture(autouse=True)
def libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code at hand imports libraries, and none of it is run."""
    for real in ("pyarrow.csv", "pyarrow.dataset", "pyarrow.feather"):
        # They look at pandas once, which must not be the one below.
        importlib.import_module(real)
    for name in LIBRARIES:
        monkeypatch.setitem(sys.modules, name, Library(name))
        above, _, own = name.rpartition(".")
        if above:
            vars(sys.modules[above])[own] = sys.modules[name]


T = "def t(r): return LIM\n"
CHANGES: dict[str, tuple[Files, str, str]] = {
    "a star import after a binding": (
        {"tables.py": f"LIM = 1\nfrom .m import *\n{T}", "m.py": "LIM = 20\n"}, "20", "30"),
    "a star import after an import": (
        {"tables.py": f"from .a import LIM\nfrom .m import *\n{T}", "a.py": "LIM = 1\n", "m.py": "LIM = 20\n"}, "20", "30"),
    "a star import after a function": (
        {"tables.py": "def LIM(): return 1\nfrom .m import *\ndef t(r): return LIM()\n", "m.py": "def LIM(): return 20\n"}, "20", "30"),
    "a name is taken from __all__": (
        {"tables.py": f"from .a import *\nfrom .b import *\n{T}", "a.py": "LIM = 1\n", "b.py": "__all__ = ['LIM']\nLIM = 2\n"}, "['LIM']", "[]"),
    "a name is put into __all__": (
        {"tables.py": f"from .a import *\nfrom .b import *\n{T}", "a.py": "LIM = 1\n", "b.py": "__all__ = ['X']\nX = LIM = 2\n"}, "['X']", "['LIM', 'X']"),
    "__all__ is extended": (
        {"tables.py": f"from .a import *\nfrom .b import *\n{T}", "a.py": "LIM = 1\n", "b.py": "__all__ = []\nLIM = 2\n__all__ += ['LIM']\n"}, "+= ['LIM']", "+= ['t' * 0 + 'LIM']"),
    "__all__ is computed from elsewhere": (
        {"tables.py": f"from .a import *\nfrom .b import *\n{T}", "a.py": "LIM = 1\n", "b.py": "from .c import NAMES\n__all__ = list(NAMES)\nLIM = 2\n", "c.py": "NAMES = ('LIM',)\n"}, "('LIM',)", "()"),
    "__all__ is computed from the module": (
        {"tables.py": f"from .a import *\nfrom .b import *\n{T}", "a.py": "LIM = 1\n", "b.py": "LIM = 2\nOTHER = 1\n__all__ = [n for n in dir() if n.isupper()]\n"}, "OTHER = 1", "OTHER = 3"),
    "the first of two star imports, where the second has no such name": (
        {"tables.py": f"from .a import *\nfrom .b import *\n{T}", "a.py": "LIM = 10\n", "b.py": "X = 2\n"}, "10", "11"),
    "the second of two star imports gets the name": (
        {"tables.py": f"from .a import *\nfrom .b import *\n{T}", "a.py": "LIM = 10\n", "b.py": "X = 2\n"}, "X = 2", "LIM = 2"),
    "star imports change places": (
        {"tables.py": f"from .a import *\nfrom .b import *\n{T}", "a.py": "LIM = 10\n", "b.py": "LIM = 2\n"},
        "from .a import *\nfrom .b import *\n", "from .b import *\nfrom .a import *\n"),
    "a star import before a binding that may not happen": (
        {"tables.py": f"from .m import *\nif __debug__ is None:\n    LIM = 1\n{T}", "m.py": "LIM = 20\n"}, "20", "30"),
    "a star import before an addition": (
        {"tables.py": f"from .m import *\nLIM += 1\n{T}", "m.py": "LIM = 20\n"}, "20", "30"),
    "a star import before a binding that reads it": (
        {"tables.py": f"from .m import *\nLIM = LIM + 1\n{T}", "m.py": "LIM = 20\n"}, "20", "30"),
    "a star import through another module": (
        {"tables.py": f"LIM = 1\nfrom .n import *\n{T}", "n.py": "from .m import *\n", "m.py": "LIM = 20\n"}, "20", "30"),
    "a star import below an if": (
        {"tables.py": f"LIM = 1\nif True:\n    from .m import *\n{T}", "m.py": "LIM = 20\n"}, "20", "30"),
    "what a star import gives is changed by another module": (
        {"tables.py": f"LIM = [0]\nfrom .m import *\nfrom . import fill\n{T}", "m.py": "LIM = []\n", "fill.py": "from .m import LIM\nLIM.append(20)\n"}, "20", "30"),
    "what a star import gives is changed under its new name": (
        {"tables.py": "from . import other\nfrom .m import LIM\ndef t(r): return LIM\n", "other.py": "LIM = [0]\nfrom .m import *\nLIM.append(20)\n", "m.py": "LIM = []\n"}, "20", "30"),
    "a name of the module as a star import's attribute": (
        {"tables.py": "from . import n\ndef t(r): return n.LIM\n", "n.py": "LIM = 1\nfrom .m import *\n", "m.py": "LIM = 20\n"}, "20", "30"),
}  # fmt: skip

SAME: dict[str, tuple[Files, str, str]] = {
    "a star import that a binding hides": (
        {"tables.py": f"from .m import *\nLIM = 1\n{T}", "m.py": "LIM = 20\n"}, "20", "30"),
    "a star import that a function hides": (
        {"tables.py": "from .m import *\ndef LIM(): return 1\ndef t(r): return LIM()\n", "m.py": "def LIM(): return 20\n"}, "20", "30"),
    "another name of a starred module": (
        {"tables.py": f"LIM = 1\nfrom .m import *\n{T}", "m.py": "LIM = 2\nOTHER = 20\n"}, "20", "30"),
    "an import that a star import repeats": (
        {"tables.py": "import json\nfrom .m import *\ndef t(r): return json.dumps(r)\n", "m.py": "import json\nX = 20\n"}, "20", "30"),
}  # fmt: skip


@pytest.mark.parametrize("probe", CHANGES)
def test_the_binding_that_wins_counts(probe: str, tmp_path: Path) -> None:
    study, old, new = CHANGES[probe]
    before, after = compare(tmp_path, study, edited(study, (old, new)))
    assert before.digest != after.digest


@pytest.mark.parametrize("probe", SAME)
def test_a_binding_that_loses_does_not_count(probe: str, tmp_path: Path) -> None:
    study, old, new = SAME[probe]
    before, after = compare(tmp_path, study, edited(study, (old, new)))
    assert before.digest == after.digest


IN_TEXT = {
    "duckdb.sql": "import duckdb\nLOOKUP = [1]\ndef t(r): return duckdb.sql('select k from LOOKUP').pl()\n",
    "duckdb.query": "from duckdb import query\nLOOKUP = [1]\ndef t(r): return query('select k from LOOKUP')\n",
    "duckdb.execute": "import duckdb as d\nLOOKUP = [1]\ndef t(r): return d.execute('select k from LOOKUP')\n",
    "a connection": "import duckdb\nLOOKUP = [1]\ndef t(r):\n    with duckdb.connect() as c:\n        return c.execute('select k from LOOKUP')\n",
    "a text that is put together": "import duckdb\nLOOKUP = [1]\ndef t(r):\n    name = 'LOOK' + 'UP'\n    return duckdb.connect().sql(f'from {name}')\n",
    "DataFrame.query": "import pandas\nLOOKUP = [1]\ndef t(r): return r.query('a < @LOOKUP')\n",
    "DataFrame.query of a name": "import pandas\nLOOKUP = [1]\nQ = 'a < @LOOKUP'\ndef t(r): return r.query(Q)\n",
    "DataFrame.eval": "import pandas\nLOOKUP = [1]\ndef t(r): return r.eval('b = a + @LOOKUP')\n",
    "pandas.eval": "import pandas as pd\nLOOKUP = [1]\ndef t(r): return pd.eval('LOOKUP')\n",
    "numexpr": "import numexpr\nLOOKUP = [1]\ndef t(r): return numexpr.evaluate('LOOKUP + 1')\n",
    "patsy": "from patsy import dmatrices\nLOOKUP = [1]\ndef t(r): return dmatrices('y ~ LOOKUP', r)\n",
    "statsmodels": "import statsmodels.formula.api as smf\nLOOKUP = [1]\ndef t(r): return smf.ols('y ~ f(LOOKUP)', r)\n",
    "a SQL context": "import polars as pl\nLOOKUP = [1]\ndef t(r): return pl.SQLContext(register_globals=True).execute('from LOOKUP')\n",
    "in a helper": "from .h import ask\ndef t(r): return ask(r)\n",
}  # fmt: skip


@pytest.mark.parametrize("probe", IN_TEXT)
def test_names_in_a_text_are_covered_and_reported(probe: str, tmp_path: Path) -> None:
    study: Files = {
        "tables.py": IN_TEXT[probe],
        "h.py": "import duckdb\nLOOKUP = [1]\ndef ask(r): return duckdb.sql('from LOOKUP')\n",
    }
    before, after = compare(tmp_path, study, edited(study, ("LOOKUP = [1]", "LOOKUP = [2]")))
    assert before.digest != after.digest
    assert any("the whole module is covered" in output for output in before.unseen), before.unseen


@pytest.mark.parametrize(
    "code",
    [
        "import pandas\nX = [1]\ndef t(r): return r.query('a < 3')\n",
        "import polars as pl\nX = [1]\ndef t(r): return r.sql('select 1 from self')\n",
        "import pandas, polars as pl\nX = [1]\ndef t(r): return r.select(pl.col('a').list.eval(pl.element() + 1))\n",
        "import sqlite3\nX = [1]\ndef t(r): return sqlite3.connect(r).execute('select 1')\n",
    ],
)
def test_texts_that_name_nothing_of_the_module_do_not_cover_it(code: str, tmp_path: Path) -> None:
    before, after = compare(tmp_path, code, edited(code, ("X = [1]", "X = [2]")))
    assert before.digest == after.digest


READS = [
    "import jinja2\ndef t(r): return jinja2.FileSystemLoader('x')",
    "import xml.etree.ElementTree as ET\ndef t(r): return ET.parse('x.xml')",
    "from lxml import etree\ndef t(r): return etree.parse('x.xml')",
    "import configparser\ndef t(r): return configparser.ConfigParser().read('x.ini')",
    "import pandas as pd\ndef t(r): return pd.ExcelFile('x.xlsx')",
    "import duckdb\ndef t(r): return duckdb.read_csv('x.csv')",
    "import pyarrow.csv as pc\ndef t(r): return pc.read_csv('x.csv')",
    "import pyarrow.dataset as ds\ndef t(r): return ds.dataset('x')",
    "import pyarrow.feather as pf\ndef t(r): return pf.read_table('x')",
    "import fastexcel\ndef t(r): return fastexcel.read_excel('x.xlsx')",
    "import sqlalchemy\ndef t(r): return sqlalchemy.create_engine('sqlite:///x.db')",
    "import importlib.resources as ir\ndef t(r): return ir.read_binary('a', 'b')",
    "import shelve\ndef t(r): return shelve.open('x')",
    "import numpy as np\ndef t(r): return np.memmap('x')",
    "import os\ndef t(r): return os.open('x', 0)",
    "import pyreadr\ndef t(r): return pyreadr.read_r('x.rds')",
    "import dotenv\ndef t(r): return dotenv.dotenv_values('.env')",
    "from pathlib import Path\ndef t(r): return Path('x').exists()",
    "import os.path\ndef t(r): return os.path.getmtime('x')",
    "from pydantic_settings import BaseSettings\nclass S(BaseSettings): a: int = 1\ndef t(r): return S().a",
    "from pathlib import Path\ndef t(r): return Path.home()",
    "import socket\ndef t(r): return socket.gethostname()",
    "import getpass\ndef t(r): return getpass.getuser()",
    "import sys\ndef t(r): return sys.argv",
    "import asyncio\nasync def t(r): return await asyncio.create_subprocess_exec('ls')",
    "import pty\ndef t(r): return pty.spawn('ls')",
    "import rpy2.robjects as ro\ndef t(r): return ro.r('1')",
    "import requests\ndef t(r): return requests.post('http://h')",
    "import requests\ndef t(r): return requests.Session().get('http://h')",
    "import redcap\ndef t(r): return redcap.Project('http://h', 'k')",
    "import psycopg\ndef t(r): return psycopg.connect('db')",
    "from scipy import io\ndef t(r): return io.loadmat('x.mat')",
    "import xlrd\ndef t(r): return xlrd.open_workbook('x.xls')",
    "from omegaconf import OmegaConf\ndef t(r): return OmegaConf.load('x.yaml')",
    "import tracks\nfrom pathlib import Path\nPLACE = Path('d') / 'x.dat'\ndef t(r): return tracks.Tracks(PLACE)",
    "import tracks\ndef t(r): return tracks.parse(files=['a.fasta'])",
    "import shutil\ndef t(r): return shutil.unpack_archive('x.zip', 'y')",
    "from importlib.machinery import SourceFileLoader\ndef t(r): return SourceFileLoader('h', 'h.py').load_module()",
    "import os.path\ndef t(r): return os.path.isfile('x')",
    "import numpy as np\ndef t(r): return np.lib.npyio.DataSource().open('x.csv')",
    "import zeep\ndef t(r): return zeep.Client('http://h')",
    "import asyncpg\ndef t(r): return asyncpg.connect('db')",
    "from sklearn.datasets import fetch_openml\ndef t(r): return fetch_openml('x')",
    "from datetime import datetime\ndef t(r): return datetime.fromtimestamp(r)",
    "import time\ndef t(r): return time.localtime(r)",
    "import sys\ndef t(r): return sys.platform",
    "import polars as pl\ndef t(r): return pl.read_database_uri('select 1', 'postgresql://h')",
]  # fmt: skip


@pytest.mark.parametrize("code", READS)
def test_what_comes_from_outside_is_reported(code: str, tmp_path: Path) -> None:
    assert any("not covered" in output for output in look_at(tmp_path, f"{code}\n").unseen)


NOT_READ = {
    "a plot that is saved": "import matplotlib.pyplot as plt\ndef t(raw): plt.savefig('x.png')\n",
    "a library that opens what is given": "from scipy import io\ndef t(raw): return io.loadmat(raw / 'x.mat')\n",
    "an error of connections": "import tracks\ndef t(raw):\n    try: return raw\n    except tracks.ConnectionError: return None\n",
}


@pytest.mark.parametrize("probe", NOT_READ)
def test_what_reads_nothing_of_its_own_is_not_reported(probe: str, tmp_path: Path) -> None:
    assert look_at(tmp_path, NOT_READ[probe]).unseen == ()
