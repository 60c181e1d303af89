"""Which code is the user's own: everything that is neither Python's nor a library's.

A module beside the package, a second package in the project or in `src/`, a package that is
installed to be edited, a folder on PYTHONPATH: whatever the project's code imports, directly or
through others, counts. Nothing is imported to find out. Standard library only.
"""

import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from pathlib import Path
from typing import Final

ENGINE: Final = __name__.rpartition(".")[0]
_LIBRARY_FOLDERS: Final = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
# Below a package of the user where the engine is not installed.
_ENGINE_FOLDER: Final = Path(__file__).parent
_INSTALLED: Final = {"site-packages", "dist-packages"}
# The top-level name of an import statement, and of an import by a literal name.
_IMPORTS: Final = re.compile(
    rb"(?:^|;|:)[ \t]*(?:from[ \t]+(\w+)[\w.]*[ \t]+import\b|import[ \t]+([^\n;#(]+))"
    rb"""|(?:import_module|__import__|resolve_name)\(\s*["'](\w+)""",
    re.MULTILINE,
)
_COMPILED: Final = (*EXTENSION_SUFFIXES, ".pyc")


def own_places(packages: Sequence[str]) -> dict[str, tuple[Path, ...]]:
    """Where the user's own code is: the files or folders of each top-level module.

    Args:
        packages: the import names of the project's packages; their own are not among the places.
    """
    tops = {package.partition(".")[0] for package in packages}
    waiting = [path for package in packages for path in _places_of(package)]
    asked, found = tops | {ENGINE.partition(".")[0]}, {}
    while waiting:
        for path in source_files(waiting.pop()).values():
            if path.is_relative_to(_ENGINE_FOLDER):
                continue
            for top in _imported(path) - asked:
                asked.add(top)
                if places := tuple(p for p in _places_of(top) if not is_library(str(p))):
                    found[top] = places
                    waiting += places
    return found


def source_files(place: Path) -> Mapping[str, Path]:
    """The modules of a file or a folder, by their dotted names below it; of a file, the empty one.

    Compiled modules are included where they have no source.
    """
    if not place.is_dir():
        return {"": place}
    found: dict[str, Path] = {}
    for ending in (".py", *_COMPILED):
        for path in sorted(place.rglob(f"*{ending}")):
            parts = list(path.relative_to(place).parts)
            parts[-1] = parts[-1].removesuffix(ending)
            # A pipe would be waited for; it is refused where tables are looked for.
            if not (all(part.isidentifier() for part in parts) and path.is_file()):
                continue
            if parts[-1] == "__init__":
                parts.pop()
            found.setdefault(".".join(parts), path)
    return found


def is_library(file: str) -> bool:
    """Whether a file or folder is Python's own, or is in a folder of installed libraries."""
    path = Path(file)
    return (
        file.startswith("<frozen")
        or not _INSTALLED.isdisjoint(path.parts)
        or any(path.is_relative_to(folder) for folder in _LIBRARY_FOLDERS)
        or _holds_libraries(str(_folder_of_import(path)))
    )


def _folder_of_import(path: Path) -> Path:
    """The folder on the path from which a module is imported."""
    folder = path.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


@cache
def _holds_libraries(folder: str) -> bool:
    """Whether something was installed into a folder, as `pip install --target` does."""
    try:
        return any(entry.name.endswith(".dist-info") for entry in Path(folder).iterdir())
    except OSError:
        return False


def _imported(path: Path) -> frozenset[str]:
    """The top-level names that a source file imports, and perhaps some that it does not."""
    if path.suffix != ".py":
        return frozenset()
    try:
        stamp = path.stat()
        return _imported_at(path, (stamp.st_mtime_ns, stamp.st_ctime_ns, stamp.st_size))
    except OSError:
        return frozenset()


@cache
def _imported_at(path: Path, _stamp: tuple[int, ...]) -> frozenset[str]:
    """What a file imports as it is at a moment: it is asked for several times in a command."""
    source, found = path.read_bytes(), set()
    for module, several, by_name in _IMPORTS.findall(source):
        words = several.split(b",") if several else [module or by_name]
        for word in words:
            top = word.strip().partition(b" ")[0].partition(b".")[0].decode("ascii", "ignore")
            if top.isidentifier():
                found.add(top)
    return frozenset(found)


def _places_of(name: str) -> list[Path]:
    """Where an import of the name would lead now, regardless of earlier imports."""
    spec = _find(name)
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(place) for place in spec.submodule_search_locations]
    return [Path(spec.origin)] if spec.has_location and spec.origin else []


def _find(name: str) -> ModuleSpec | None:
    path: Sequence[str] | None = None
    spec: ModuleSpec | None = None
    for end in _ends(name):
        spec = None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(end, path) if find is not None else None
            if spec is not None:
                break
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or [])
    return spec


def _ends(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[: end + 1]) for end in range(len(parts)))
