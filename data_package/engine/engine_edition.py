"""Which edition of the engine made something: the code that was used, and its libraries.

Rows that are read by contract, check results, documents and lineage are kept, and are valid only
for the edition that made them. An edition is one module of the engine with all modules of the
engine that it imports, directly or through others. They are found from the import statements, so
there is no list to maintain and no number to raise. Standard library only.
"""

import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from data_package.engine.libraries import version_of

ENGINE: Final = __name__.rpartition(".")[0]
CODE: Final = (".py", ".html", ".css", ".js")
_FOLDER: Final = Path(__file__).parent
# The import statements of the engine's own style. Parsing gives the same result in ten times the
# time; a test compares the two for every module.
_IMPORTS: Final = re.compile(
    rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+([\w.]+))",
    re.MULTILINE,
)
_COMMENT: Final = re.compile(rb"#[^\n]*")
_NAME: Final = re.compile(rb"\w+")
# Dagster calls functions in order; it does not determine their arguments and results.
_NO_PART: Final = "dagster"


@dataclass(frozen=True)
class CodeEdition:
    """Some code of the engine with all that it imports.

    Attributes:
        sources: the sha256 of its files, templates included.
        modules: the names of its modules.
        libraries: the import names of the libraries that any of it uses.
    """

    sources: str
    modules: frozenset[str]
    libraries: frozenset[str]

    def digest(self) -> str:
        """A hash of the code, and of the versions of the libraries as they are installed."""
        versions = [f"{name} {version_of(name)}" for name in sorted(self.libraries)]
        return hashlib.sha256("\n".join([self.sources, *versions]).encode()).hexdigest()


@cache
def edition(name: str, folder: Path = _FOLDER) -> CodeEdition:
    """The edition of a module, or of a package with all of its modules, of the engine.

    Args:
        name: its dotted name, as in a module's `__name__` and `__package__`.
        folder: the folder of the engine.
    """
    files = _modules(folder)
    waiting = [one for one in files if one == name or one.startswith(f"{name}.")]
    found: set[str] = set()
    libraries: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in found or module not in files:
            continue
        found.add(module)
        waiting.append(module.rpartition(".")[0])
        for imported in imports(files[module].read_bytes()):
            if imported == ENGINE or imported.startswith(f"{ENGINE}."):
                waiting.append(imported)
            else:
                libraries.add(imported.partition(".")[0])
    paths = {files[module] for module in found}
    paths |= {path for path in _templates(folder) if _belongs(path, paths)}
    whole = hashlib.sha256()
    for path in sorted(paths):
        content = path.read_bytes()
        whole.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return CodeEdition(whole.hexdigest(), frozenset(found), frozenset(filter(_has_part, libraries)))


@cache
def imports(source: bytes) -> tuple[str, ...]:
    """The dotted names that a module's source imports: modules, and names in them."""
    return tuple(dict.fromkeys(_imports(source)))


def _imports(source: bytes) -> Iterator[str]:
    for module, names, plain in _IMPORTS.findall(source):
        origin = (module or plain).decode()
        yield origin
        if origin == ENGINE or origin.startswith(f"{ENGINE}."):
            for name in _NAME.findall(_COMMENT.sub(b"", names)):
                yield f"{origin}.{name.decode()}"


def _has_part(library: str) -> bool:
    own = ENGINE.partition(".")[0]
    known = library in sys.stdlib_module_names or library in (own, "_typeshed")
    return not known and not library.startswith(_NO_PART)


@cache
def _modules(folder: Path) -> dict[str, Path]:
    """Every module of the engine, by its dotted name."""
    found = {}
    for path in folder.rglob("*.py"):
        parts = [ENGINE, *path.relative_to(folder).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def _templates(folder: Path) -> tuple[Path, ...]:
    return tuple(path for path in folder.rglob("*") if path.suffix in CODE and path.suffix != ".py")


def _belongs(template: Path, modules: set[Path]) -> bool:
    """Whether the package that contains a template, at any depth, is among these."""
    for folder in template.parents:
        if (package := folder / "__init__.py").is_file():
            return package in modules
    return False
