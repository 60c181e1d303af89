"""What the site needs of pages that are written to be read, and tested, as they are."""

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_MARKED = re.compile(r"^(```\w+) (?:no-run|output)\b", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\((\.\./[^)#]*)(?:#[^)]*)?\)")

_EXAMPLE = "cdisc-pilot"
_NOT_BUILT = "<!doctype html><title>Not built</title><p>The example is not built: make build"


def on_page_markdown(markdown: str, *, page: Any, **_facts: object) -> str:
    """Without the marks for the tests, and without links to what is not a page of the site."""
    folder = posixpath.dirname(page.file.src_uri)

    def kept(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[2]))
        return link[1] if target.startswith("..") else link[0]

    return _LINK.sub(kept, _MARKED.sub(r"\1", markdown))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """With the example's data package and its graph, as `make docs` has built them."""
    storage = Path(config.docs_dir).parent / "storage"
    package = storage / "package"
    pages = {str(each.relative_to(package)): each for each in _files_of_the_example(package)}
    if pages and (graph := storage / "graph.html").is_file():
        pages[graph.name] = graph
    for name in ("index.html", "graph.html"):
        place = f"example/{name}"
        made = {"abs_src_path": str(pages.pop(name))} if name in pages else {"content": _NOT_BUILT}
        files.append(File.generated(config, place, **made))
    for name, path in sorted(pages.items()):
        files.append(File.generated(config, f"example/{name}", abs_src_path=str(path)))
    return files


def _files_of_the_example(package: Path) -> list[Path]:
    """The files of the package, if it is the example's: another's are not for a site."""
    try:
        name = json.loads((package / "datapackage.json").read_text(encoding="utf-8"))["name"]
    except (OSError, ValueError, KeyError):
        return []
    if name != _EXAMPLE:
        return []
    return [each for each in package.rglob("*") if each.is_file() and each.suffix != ".md"]
