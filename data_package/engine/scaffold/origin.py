"""Where this engine was installed from, so that a project can ask for the very same."""

import importlib.metadata
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAME = "data-package"


@dataclass(frozen=True)
class Origin:
    """Where an installation came from.

    Attributes:
        requirement: what a project depends on, as pip and uv read it.
        uv_source: the entry below `[tool.uv.sources]`; None for a package index.
    """

    requirement: str
    uv_source: str | None = None


def origin() -> Origin:
    """The origin of the engine that runs: an index, a git commit or a path.

    https://packaging.python.org/en/latest/specifications/direct-url/
    """
    distribution = importlib.metadata.distribution(_NAME)
    text = distribution.read_text("direct_url.json")
    if text is None:
        return Origin(f"{_NAME}=={distribution.version}")
    facts = json.loads(text)
    url = str(facts["url"])
    if "vcs_info" in facts:
        commit = facts["vcs_info"]["commit_id"]
        # The pip that comes with Python 3.11 refuses an address without a host after `name @`.
        address = url.replace("file:///", "file://localhost/", 1)
        return Origin(
            f"{_NAME} @ git+{address}@{commit}", f"{{ git = {_toml(url)}, rev = {_toml(commit)} }}"
        )
    if url.startswith("file://") and "dir_info" in facts:
        editable = ", editable = true" if facts["dir_info"].get("editable") else ""
        path = url.removeprefix("file://")
        return Origin(f"{_NAME} @ {url}", f"{{ path = {_toml(path)}{editable} }}")
    return Origin(f"{_NAME} @ {url}")


def constraints() -> str:
    """The versions of everything that the engine is installed with, a line each, by name."""
    versions: dict[str, str] = {}
    waiting = [_NAME]
    while waiting:
        name = waiting.pop()
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key not in versions:
            versions[key] = distribution.version
            waiting += _required(distribution)
    versions.pop(_NAME, None)
    lines = [f"{name}=={version}\n" for name, version in sorted(versions.items())]
    return "# What the engine was installed with when this project was made.\n" + "".join(lines)


def _required(distribution: importlib.metadata.Distribution) -> Iterator[str]:
    for requirement in distribution.requires or ():
        needed, _, marker = requirement.partition(";")
        if "extra ==" not in marker and "extra==" not in marker:
            yield re.split(r"[\s\[<>=!~(@]", needed.strip())[0]


def _toml(text: str) -> str:
    return json.dumps(text)
