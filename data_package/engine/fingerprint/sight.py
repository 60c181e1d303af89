"""What cannot be seen in code: computed names, and files that it opens by itself."""

import ast
import functools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final

from data_package.engine.fingerprint.forms import Form, Site
from data_package.engine.fingerprint.modules import (
    Definition,
    Module,
    Modules,
    Outside,
    Target,
    WholeModule,
)
from data_package.engine.fingerprint.names import chain_of, given_to, names_in
from data_package.engine.fingerprint.scopes import FUNCTION, Scope

_WHOLE_PROJECT: Final = {
    "exec", "eval", "__import__", "__builtins__", "builtins.exec", "builtins.eval",
    "builtins.__import__", "sys.modules", "sys._getframe", "importlib.import_module",
    "importlib.__import__", "importlib.reload", "inspect.currentframe", "inspect.stack",
    "inspect.getmodule", "runpy.run_module", "runpy.run_path", "pkgutil.iter_modules",
    "pkgutil.walk_packages", "pkgutil.resolve_name", "gc.get_objects", "pydoc.locate",
}  # fmt: skip
_READ_METHODS: Final = {"read_text", "read_bytes", "iterdir", "glob", "rglob"}
_READ_FUNCTIONS: Final = {
    "open", "io.open", "codecs.open", "gzip.open", "bz2.open", "lzma.open", "zipfile.ZipFile",
    "tarfile.open", "os.listdir", "os.scandir", "os.walk", "glob.glob", "glob.iglob",
    "sqlite3.connect", "urllib.request.urlopen", "urllib.request.urlretrieve", "requests.get",
    "httpx.get", "numpy.load", "numpy.loadtxt", "numpy.genfromtxt", "numpy.fromfile",
    "pyarrow.parquet.read_table", "pyarrow.parquet.ParquetFile", "openpyxl.load_workbook",
    "duckdb.connect", "pyreadstat.read_sas7bdat", "pyreadstat.read_xport", "pyreadstat.read_sav",
    "pyreadstat.read_dta", "joblib.load", "importlib.resources.files",
    "importlib.resources.read_text", "importlib.resources.open_text", "pkgutil.get_data",
    "linecache.getline", "fileinput.input", "polars.plugins.register_plugin_function",
}  # fmt: skip
_READING_LIBRARIES: Final = {"polars", "pandas", "geopandas"}
_PROGRAMS: Final = ("subprocess.", "os.system", "os.popen", "os.exec", "os.spawn", "ctypes.")
_HINT_READERS: Final = {
    "get_type_hints", "get_annotations", "signature", "getfullargspec", "__annotations__",
    "getsource", "getdoc", "__doc__", "getcomments",
}  # fmt: skip


@dataclass(eq=False)
class Handed:
    """A call of a function of the project, and whether what it is given comes from outside."""

    callee: Definition
    place: str
    find_out: Callable[[], bool]

    @functools.cached_property
    def is_given(self) -> bool:
        """Found out only for functions that open files, and once."""
        return self.find_out()


@dataclass
class Seen:
    """What one form holds that its text does not tell."""

    messages: list[str] = field(default_factory=list)
    covered: list[Hashable] = field(default_factory=list)
    reads_given: bool = False
    handed: list[Handed] = field(default_factory=list)


def by_hand(what: str, place: str) -> str:
    """What a user is told about a file that is opened in code."""
    return (
        f"{what} at {place} opens a file by hand, whose content is not covered: make it a raw "
        "file with source_file"
    )


class Sight:
    """Looks through forms for what the syntax does not tell."""

    def __init__(self, modules: Modules) -> None:
        """`modules`: the project, to know what a name stands for."""
        self._modules = modules

    def look(
        self, module: Module, form: Form, targets: Sequence[tuple[Target, tuple[str, ...]]]
    ) -> Seen:
        """What the form holds that only happens when it runs."""
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
            # A function that is not called here is handed on, to be called elsewhere.
            if not isinstance(target, Outside) or target.dotted in called:
                continue
            if _reads(target.dotted, ""):
                seen.messages.append(by_hand(target.dotted, f"{module.place}:{hole.line}"))
        return seen

    def _outside(self, seen: Seen, module: Module, dotted: str, place: str) -> None:
        if _is_in(dotted, _WHOLE_PROJECT):
            seen.messages.append(f"{dotted} at {place}: the whole project is covered")
            seen.covered.append("project")
        elif dotted.startswith(_PROGRAMS):
            seen.messages.append(
                f"{dotted} at {place} runs other code, which is not covered: whoever changes it "
                "must build again with --force"
            )
        elif dotted == "globals":
            seen.messages.append(f"globals() at {place}: the whole module is covered")
            seen.covered.append(WholeModule(module.name))
        elif dotted.startswith(("os.environ", "os.getenv")):
            seen.messages.append(
                f"{dotted} at {place} reads the environment, whose values are not covered: make "
                "it a parameter"
            )
        elif dotted.rpartition(".")[2] in _HINT_READERS and "." in dotted:
            seen.messages.append(
                f"{dotted} at {place}: hints and docstrings it reads are not covered"
            )

    def _literal_imports(self, form: Form, line: int) -> list[Hashable] | None:
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
        """Note what a call does; gives the dotted name of a library's function."""
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
        if dotted == "getattr" and len(call.args) > 1:
            self._getattr(seen, module, site, call, place)
        elif dotted in {"vars", "dir"} and not given:
            if site.scope.at_import() or dotted == "dir":
                seen.messages.append(f"{dotted}() at {place}: the whole module is covered")
                seen.covered.append(WholeModule(module.name))
        elif _reads(dotted, site.method) and not _writes(call, site.method):
            source = given
            if site.method in _READ_METHODS | {"open"} and not isinstance(target, Outside):
                assert isinstance(call.func, ast.Attribute)
                source = [call.func.value]
            if self._any_given(site.scope, source):
                seen.reads_given = True
            else:
                seen.messages.append(by_hand(dotted or site.method, place))
        return dotted

    def _getattr(self, seen: Seen, module: Module, site: Site, call: ast.Call, place: str) -> None:
        if isinstance(call.args[1], ast.Constant):
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

    def _any_given(self, scope: Scope, nodes: Sequence[ast.expr]) -> bool:
        """Whether a value comes from a parameter, so that whoever calls it chose it."""
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


def _reads(dotted: str, method: str) -> bool:
    if dotted:
        top, _, last = dotted.partition(".")
        if top in _READING_LIBRARIES:
            return last.startswith(("read_", "scan_"))
        return dotted in _READ_FUNCTIONS
    return method in _READ_METHODS or method == "open"


def _writes(call: ast.Call, method: str) -> bool:
    """`open(path, "w")` does not read."""
    mode = call.args[0 if method == "open" else 1 :][:1]
    modes = [*mode, *[keyword.value for keyword in call.keywords if keyword.arg == "mode"]]
    return any(
        isinstance(node, ast.Constant) and str(node.value)[:1] in {"w", "a", "x"} for node in modes
    )
