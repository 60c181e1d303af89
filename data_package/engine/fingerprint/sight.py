"""What cannot be seen in code: computed names, and files that it opens itself."""

import ast
import functools
import re
import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final

from data_package.engine.fingerprint.forms import CodeForm, Site
from data_package.engine.fingerprint.modules import (
    Definition,
    Module,
    Modules,
    Outside,
    Target,
    WholeModule,
)
from data_package.engine.fingerprint.scopes import FUNCTION, Scope
from data_package.engine.fingerprint.syntax_names import chain_of, given_to, names_in

_WHOLE_PROJECT: Final = {
    "exec", "eval", "__import__", "__builtins__", "builtins.exec", "builtins.eval",
    "builtins.__import__", "sys.modules", "sys._getframe", "importlib.import_module",
    "importlib.__import__", "importlib.reload", "inspect.currentframe", "inspect.stack",
    "inspect.getmodule", "runpy.run_module", "runpy.run_path", "pkgutil.iter_modules",
    "pkgutil.walk_packages", "pkgutil.resolve_name", "gc.get_objects", "pydoc.locate",
}  # fmt: skip
_READ_METHODS: Final = {
    "read_text", "read_bytes", "iterdir", "glob", "rglob", "exists", "is_file", "is_dir", "stat",
    "lstat", "is_symlink", "open_input_file", "open_input_stream",
}  # fmt: skip
_READ_FUNCTIONS: Final = {
    "open", "io.open", "io.FileIO", "codecs.open", "gzip.open", "bz2.open", "lzma.open", "os.open",
    "os.access", "os.fwalk", "os.lstat", "os.path.getatime", "os.path.getctime", "os.path.isdir",
    "os.path.isfile", "os.path.islink", "os.path.lexists", "os.path.realpath", "os.path.samefile",
    "os.readlink", "linecache.getlines", "fileinput.FileInput", "mailbox.mbox", "mailbox.Maildir",
    "netrc.netrc", "wave.open",
    "zipfile.ZipFile", "tarfile.open", "os.listdir", "os.scandir", "os.walk", "os.path.getmtime",
    "os.path.getsize", "os.path.exists", "os.stat", "glob.glob", "glob.iglob", "mmap.mmap",
    "sqlite3.connect", "shelve.open", "dbm.open", "numpy.load", "numpy.loadtxt",
    "numpy.genfromtxt", "numpy.fromfile", "numpy.memmap", "openpyxl.load_workbook", "joblib.load",
    "importlib.resources.files", "importlib.resources.read_text", "importlib.resources.read_binary",
    "importlib.resources.open_text", "importlib.resources.open_binary",
    "importlib.resources.as_file", "importlib.resources.path", "importlib.resources.contents",
    "pkgutil.get_data", "linecache.getline", "fileinput.input", "xml.etree.ElementTree.parse",
    "xml.etree.ElementTree.iterparse", "xml.dom.minidom.parse", "xml.sax.parse",
    "lxml.etree.parse", "lxml.etree.iterparse", "lxml.html.parse", "configparser.ConfigParser",
    "configparser.RawConfigParser", "dotenv.dotenv_values", "dotenv.load_dotenv",
    "jinja2.FileSystemLoader", "jinja2.PackageLoader", "pandas.ExcelFile", "pandas.HDFStore",
    "h5py.File", "netCDF4.Dataset", "xarray.open_dataset", "xarray.open_mfdataset",
    "PIL.Image.open", "pydicom.dcmread", "nibabel.load", "docx.Document", "pypdf.PdfReader",
    "polars.plugins.register_plugin_function",
}  # fmt: skip
# Whatever their modules offer for reading: functions that begin with one of these words.
_READING_LIBRARIES: Final = {
    "polars", "pandas", "geopandas", "pyarrow", "fastexcel", "pyreadstat", "polars_readstat",
    "pyreadr", "duckdb", "python_calamine", "deltalake", "pyogrio", "fiona", "skimage", "imageio",
}  # fmt: skip
_READING_WORDS: Final = ("read_", "scan_", "load_workbook", "open_", "from_parquet", "from_csv")
# Whatever the library: it reads, or asks a host, where its function has such a name.
_READING_ANYWHERE: Final = ("read_", "scan_", "open_", "loadmat", "imread", "fread")
_ASKING_ANYWHERE: Final = ("connect", "Connection", "Client", "fetch_", "download", "urlopen")
_ASKING_AT_THE_END: Final = ("Client", "_download", "load_dataset", "get_rdataset", "_account")
# Whatever its name: it reads where it is given the literal name of a file of data or code.
_FILE_NAME: Final = re.compile(
    r"[^\s:*?]+\.(?:csv|tsv|tab|txt|dat|json|jsonl|ndjson|ya?ml|toml|ini|cfg|env|xml|html?|md|sql|py"
    r"|xlsx?|xlsm|xlsb|ods|mat|parquet|arrow|feather|sav|zsav|por|sas7bdat|xpt|dta|rds|rda|rdata"
    r"|hdf5?|h5|h5ad|nc|zarr|npy|npz|pkl|pickle|joblib|db|sqlite3?|duckdb|mdb|accdb|dbf|shp|gpkg"
    r"|geojson|tiff?|png|jpe?g|dcm|nii|fasta|fa|fastq|fq|vcf|bam|bed|gff|zip|tar|t?gz|bz2|xz|zst)",
    re.IGNORECASE,
)
_READ_BY_PYTHON: Final = {
    "filecmp", "fileinput", "importlib", "linecache", "mailbox", "plistlib", "shutil", "wave",
    "zipimport",
}  # fmt: skip
# Libraries whose functions are listed by name.
_LISTED: Final = {*_READING_LIBRARIES, "dagster", "data_package", "numpy"}
_WRITING: Final = ("write", "save", "to_", "dump", "export", "sink", "plot", "join")
_WRITING_MODE: Final = re.compile(r"[wax][btU+]*")
_READING_OTHERWISE: Final = {
    "pyarrow.dataset.dataset", "pyarrow.memory_map", "pyarrow.OSFile", "pyarrow.input_stream",
    "pyarrow.parquet.ParquetFile", "pyarrow.parquet.ParquetDataset", "pyarrow.csv.open_csv",
    "python_calamine.CalamineWorkbook", "deltalake.DeltaTable", "fiona.open",
}  # fmt: skip
# Hosts and databases: like a file that is opened by hand, their answers are not covered.
_ASKING: Final = (
    "urllib.request.", "http.client.", "requests.", "httpx.", "aiohttp.", "urllib3.", "socket.",
    "ftplib.", "imaplib.", "smtplib.", "paramiko.", "fsspec.", "s3fs.", "boto3.", "pooch.",
    "redcap.", "ldap3.", "psycopg.", "psycopg2.", "pymysql.", "MySQLdb.", "oracledb.", "cx_Oracle.",
    "pyodbc.", "pymssql.", "sqlalchemy.create_engine", "sqlalchemy.create_async_engine",
    "connectorx.", "adbc_driver_manager.", "adbc_driver_postgresql.", "duckdb.connect",
    "pymongo.", "redis.", "polars.read_database", "pandas.read_sql", "ibis.",
)  # fmt: skip
_ASKS_NOTHING: Final = ("requests.exceptions", "requests.models", "urllib.parse", "socket.AF_")
_PROGRAMS: Final = (
    "subprocess.", "os.system", "os.popen", "os.exec", "os.spawn", "os.posix_spawn", "os.fork",
    "ctypes.", "cffi.", "pty.", "asyncio.create_subprocess", "rpy2.", "pexpect.", "sh.",
)  # fmt: skip
# The code that they run is followed like any other; what it reads there cannot be seen.
_PROCESSES: Final = (
    "multiprocessing.Pool", "multiprocessing.pool.Pool", "multiprocessing.Process",
    "multiprocessing.get_context", "concurrent.futures.ProcessPoolExecutor",
    "concurrent.futures.process.ProcessPoolExecutor", "joblib.Parallel", "loky.",
)  # fmt: skip
_SURROUNDINGS: Final = (
    "os.environ", "os.getenv", "pydantic_settings.", "os.path.expandvars", "os.path.expanduser",
    "pathlib.Path.home", "pathlib.Path.cwd", "os.getcwd", "socket.gethostname", "platform.",
    "getpass.", "os.getlogin", "os.uname", "sys.argv", "sys.stdin", "locale.", "os.cpu_count",
    "argparse.", "time.localtime", "time.mktime", "time.ctime", "time.tzname", "time.timezone",
    "tempfile.gettempdir", "shutil.which", "sys.platform", "sys.byteorder", "os.name",
    "multiprocessing.cpu_count", "uuid.getnode", "decouple.", "environs.",
)  # fmt: skip
# Libraries that look up the names in a text among those of the code that calls them.
_NAMES_IN_TEXT: Final = (
    "duckdb.sql", "duckdb.query", "duckdb.execute", "duckdb.from_query", "duckdb.query_df",
    "pandas.eval", "numexpr.", "patsy.", "formulaic.", "statsmodels.formula.", "pandasql.",
    "polars.SQLContext", "linearmodels.formula.",
)  # fmt: skip
# Their methods, each with a word that a project using it contains.
_METHODS_OF_TEXT: Final = {
    "sql": b"duckdb", "query": b"duckdb pandas xarray", "execute": b"duckdb",
    "from_query": b"duckdb", "executemany": b"duckdb", "query_df": b"duckdb",
    "eval": b"pandas xarray", "from_formula": b"statsmodels linearmodels",
    "register_globals": b"polars",
}  # fmt: skip
_HINT_READERS: Final = {
    "get_type_hints", "get_annotations", "signature", "getfullargspec", "__annotations__",
    "getsource", "getdoc", "__doc__", "getcomments",
}  # fmt: skip


@dataclass(eq=False)
class Handed:
    """A call of a function of the project, and whether its arguments come from outside."""

    callee: Definition
    place: str
    find_out: Callable[[], bool]

    @functools.cached_property
    def is_given(self) -> bool:
        """Determined only for functions that open files, and once."""
        return self.find_out()


@dataclass
class Seen:
    """What one form holds that its text does not show."""

    messages: list[str] = field(default_factory=list)
    covered: list[Hashable] = field(default_factory=list)
    reads_given: bool = False
    handed: list[Handed] = field(default_factory=list)


def by_hand(what: str, place: str) -> str:
    """The warning about a file that is opened in code."""
    return (
        f"{what} at {place} opens a file by hand, whose content is not covered: make it a raw "
        "file with source_file"
    )


class Sight:
    """Searches forms for what the syntax does not show."""

    def __init__(self, modules: Modules) -> None:
        """`modules`: the project, to look up what a name refers to."""
        self._modules = modules

    def look(
        self, module: Module, form: CodeForm, targets: Sequence[tuple[Target, tuple[str, ...]]]
    ) -> Seen:
        """What the form holds that is only known when it runs."""
        seen = Seen()
        for hole, (target, rest) in zip(form.holes, targets, strict=True):
            if isinstance(target, Outside):
                place = f"{module.place}:{hole.line}"
                dotted = ".".join((target.dotted, *rest)) if target.builtin else target.dotted
                imported = (
                    self._literal_imports(form, hole.line)
                    if dotted == "importlib.import_module"
                    else None
                )
                if imported is not None:
                    seen.covered += imported
                else:
                    self._outside(seen, module, dotted, place)
        if "__globals__" in form.attributes:
            seen.messages.append(
                f"__globals__ is used in {module.place}: the whole project is covered"
            )
            seen.covered.append("project")
        for name in sorted(form.attributes & _HINT_READERS):
            seen.messages.append(
                f"{name} is used in {module.place}: hints and docstrings it reads are not covered"
            )
        called = {self._call(seen, module, site) for site in form.calls}
        for hole, (target, _) in zip(form.holes, targets, strict=True):
            # A function that is not called here is passed on, to be called elsewhere.
            if not isinstance(target, Outside) or target.dotted in called:
                continue
            if _reads(target.dotted, ""):
                seen.messages.append(by_hand(target.dotted, f"{module.place}:{hole.line}"))
        return seen

    def _outside(self, seen: Seen, module: Module, dotted: str, place: str) -> None:
        if _is_in(dotted, _WHOLE_PROJECT):
            seen.messages.append(f"{dotted} at {place}: the whole project is covered")
            seen.covered.append("project")
        elif dotted.startswith(_NAMES_IN_TEXT):
            self._in_text(seen, module, dotted, place)
        elif dotted.startswith(_SURROUNDINGS):
            seen.messages.append(
                f"{dotted} at {place} reads the environment, whose values are not covered: make "
                "it a parameter"
            )
        elif dotted.startswith(_PROGRAMS):
            seen.messages.append(
                f"{dotted} at {place} runs other code, which is not covered: whoever changes it "
                "must build again with --force"
            )
        elif dotted.startswith(_PROCESSES):
            seen.messages.append(
                f"{dotted} at {place} starts processes, and what they read is not seen: take every "
                "file that they read as an input"
            )
        elif dotted == "__doc__":
            seen.messages.append(f"{dotted} at {place}: docstrings are not covered")
        elif dotted == "globals":
            seen.messages.append(f"globals() at {place}: the whole module is covered")
            seen.covered.append(WholeModule(module.name))
        elif _asks(dotted) and not dotted.startswith(_ASKS_NOTHING):
            seen.messages.append(
                f"{dotted} at {place} asks a host or a database, whose answer is not covered: "
                "write the answer to a file, and make that a raw file with source_file"
            )
        elif dotted.rpartition(".")[2] in _HINT_READERS and "." in dotted:
            seen.messages.append(
                f"{dotted} at {place}: hints and docstrings it reads are not covered"
            )

    def _literal_imports(self, form: CodeForm, line: int) -> list[Hashable] | None:
        """The modules that `import_module("...")` names on a line; None when one is computed."""
        found: list[Hashable] = []
        sites = [
            site
            for site in form.calls
            if site.line == line and site.chain and site.chain[-1] == "import_module"
        ]
        for site in sites:
            imported = self._literal_import(site)
            if imported is None:
                return None
            found += imported
        return found if sites else None

    def _literal_import(self, site: Site) -> list[Hashable] | None:
        match site.node:
            case ast.Call(args=[ast.Constant(value=str(name))], keywords=[]) if not name.startswith(
                "."
            ):
                if not self._modules.files.owns(name):
                    return []
                return [WholeModule(name)] if self._modules.get(name) else None
        return None

    def _call(self, seen: Seen, module: Module, site: Site) -> str:
        """Record what a call does; returns the dotted name of a library's function."""
        call = site.node
        assert isinstance(call, ast.Call)
        place = f"{module.place}:{site.line}"
        chain = site.chain
        target = self._modules.resolve_in(module, site.scope, chain) if chain else None
        given = given_to(call)
        if isinstance(target, Definition):
            is_given = functools.partial(self._any_given, site.scope, given)
            seen.handed.append(Handed(target, place, is_given))
            return ""
        dotted = target.dotted if isinstance(target, Outside) else ""
        if not dotted and site.method in _METHODS_OF_TEXT:
            self._method_of_text(seen, module, site, call, place)
        if dotted == "getattr" and len(call.args) > 1:
            self._getattr(seen, module, site, call, place)
        elif dotted in {"vars", "dir"} and not given:
            if site.scope.at_import() or dotted == "dir":
                seen.messages.append(f"{dotted}() at {place}: the whole module is covered")
                seen.covered.append(WholeModule(module.name))
        elif dotted.endswith(".fromtimestamp") and len(given) == 1:
            # Without a time zone it is that of the machine.
            self._outside(seen, module, "time.localtime", place)
        elif (
            _reads(dotted, site.method) or self._names_a_file(module, site.scope, dotted, given)
        ) and not _writes(call, is_method=not dotted):
            source = given
            if site.method in _READ_METHODS | {"open"} and not isinstance(target, Outside):
                assert isinstance(call.func, ast.Attribute)
                source = [call.func.value]
            if self._any_given(site.scope, source):
                seen.reads_given = True
            else:
                seen.messages.append(by_hand(dotted or site.method, place))
        return dotted

    def _in_text(self, seen: Seen, module: Module, what: str, place: str) -> None:
        seen.messages.append(
            f"{what} at {place} may look up names in a text: the whole module is covered"
        )
        seen.covered.append(WholeModule(module.name))

    def _method_of_text(
        self, seen: Seen, module: Module, site: Site, call: ast.Call, place: str
    ) -> None:
        """`connection.sql("from LOOKUP")`, `frame.query("a < @LIMIT")`."""
        method = site.method
        if not any(word in self._words for word in _METHODS_OF_TEXT[method].split()):
            return
        for inner in (name for given in call.args[:1] for name in ast.walk(given)):
            chain = chain_of(inner)
            target = self._modules.resolve_in(module, site.scope, chain) if chain else None
            if isinstance(target, Outside) and target.dotted.startswith("polars."):
                # An expression, as `list.eval` takes it.
                return
        match call.args[:1]:
            case [ast.Constant(value=str(text))] if method in ("query", "eval"):
                # Without @, the names in a text of pandas' are those of columns.
                if "@" not in text and b"duckdb" not in self._words:
                    return
        self._in_text(seen, module, method, place)

    @functools.cached_property
    def _words(self) -> frozenset[bytes]:
        """Which of the libraries that look up names the project's code mentions."""
        words = {word for words in _METHODS_OF_TEXT.values() for word in words.split()}
        return frozenset(w for w in words if any(w in m.source for m in self._modules.all()))

    def _getattr(self, seen: Seen, module: Module, site: Site, call: ast.Call, place: str) -> None:
        if isinstance(call.args[1], ast.Constant):
            name = call.args[1].value
            if name in _HINT_READERS:
                seen.messages.append(
                    f"{name} at {place}: hints and docstrings it reads are not covered"
                )
            return
        chain = chain_of(call.args[0])
        target = self._modules.resolve_in(module, site.scope, chain) if chain else None
        if isinstance(target, WholeModule):
            seen.messages.append(
                f"getattr by a computed name at {place}: the whole module is covered"
            )
        elif isinstance(target, Definition):
            seen.messages.append(
                f"getattr by a computed name at {place}: all of {target.name} is covered"
            )

    def _names_a_file(
        self, module: Module, scope: Scope, dotted: str, given: Sequence[ast.expr]
    ) -> bool:
        """Whether a library's function is given the name of a file, literal or as a constant."""
        top, last = _ends_of(dotted)
        may_read = _is_judged_by_words(top) or top in _READ_BY_PYTHON
        if top == last or not may_read or last.startswith(_WRITING):
            return False
        nodes: list[ast.AST] = list(given)
        for node in given:
            for name in names_in(node):
                target = self._modules.resolve_in(module, scope, (name.id,))
                if isinstance(target, Definition) and self._modules.is_data(target):
                    nodes += self._modules.statements(target)
        return any(
            isinstance(inner, ast.Constant)
            and isinstance(inner.value, str)
            and _FILE_NAME.fullmatch(inner.value) is not None
            for node in nodes
            for inner in ast.walk(node)
        )

    def _any_given(self, scope: Scope, nodes: Sequence[ast.expr]) -> bool:
        """Whether a value comes from a parameter, so that the caller chose it."""
        return any(
            self._is_given(scope, name.id, set()) for node in nodes for name in names_in(node)
        )

    def _is_given(self, scope: Scope, name: str, asked: set[tuple[int, str]]) -> bool:
        owner = scope.owner(name)
        if owner is None or (id(owner), name) in asked:
            return False
        asked.add((id(owner), name))
        if owner.kind == FUNCTION and name in owner.params:
            return name != owner.receiver
        return any(
            self._is_given(owner, inner.id, asked)
            for names, value in owner.aliases
            if name in names
            for inner in names_in(value)
        )


def _is_in(dotted: str, names: set[str]) -> bool:
    """Whether a name, or what it is an attribute of, is among the names."""
    while dotted:
        if dotted in names:
            return True
        dotted = dotted.rpartition(".")[0]
    return False


def _ends_of(dotted: str) -> tuple[str, str]:
    """The library of a function, and the last part of its name."""
    return dotted.partition(".")[0], dotted.rpartition(".")[2]


def _is_judged_by_words(library: str) -> bool:
    """Whether the words in a function's name and arguments tell what it does, not a list."""
    return library not in sys.stdlib_module_names and library not in _LISTED


def _asks(dotted: str) -> bool:
    top, last = _ends_of(dotted)
    if dotted.startswith(_ASKING):
        return True
    return (
        _is_judged_by_words(top)
        and top != last
        and not last.endswith("Error")
        and (last.startswith(_ASKING_ANYWHERE) or last.endswith(_ASKING_AT_THE_END))
    )


def _reads(dotted: str, method: str) -> bool:
    if dotted:
        top, last = _ends_of(dotted)
        if top in _READING_LIBRARIES and last.startswith(_READING_WORDS):
            return not dotted.startswith(_ASKING)
        if "." in dotted and _is_judged_by_words(top) and last.startswith(_READING_ANYWHERE):
            return not _asks(dotted)
        return dotted in _READ_FUNCTIONS or dotted in _READING_OTHERWISE
    return method in _READ_METHODS or method == "open"


def _writes(call: ast.Call, *, is_method: bool) -> bool:
    """`open(path, "w")` and `path.open("w")` do not read."""
    mode = call.args[0 if is_method else 1 :][:1]
    modes = [*mode, *[keyword.value for keyword in call.keywords if keyword.arg == "mode"]]
    return any(
        isinstance(node, ast.Constant) and _WRITING_MODE.fullmatch(str(node.value)) is not None
        for node in modes
    )
