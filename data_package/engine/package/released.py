"""Which version a data package is: `releases.yaml`, written by `data-package release`.

The file is beside `datapackage.yaml` and is committed. For each release, the newest first, it
holds the version, when it was created, what changed, and a digest of the whole package. While what
is built has the digest of the newest release, it is that release, on whatever
machine: it gets its version and its `created`. As soon as it differs it is `1.2.0+unreleased`, so
no two packages of different content have one version.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import yaml

from data_package.engine.errors import ProjectError
from data_package.engine.package.markdown import line
from data_package.engine.package.record import digest
from data_package.engine.project import Project
from data_package.engine.schema.yaml_document import read_document
from data_package.engine.storage import is_file, write_source

FILE_NAME = "releases.yaml"
# Properties that only a release sets.
STAMP = ("version", "created")
_HEADER = (
    "# Written by `data-package release`, the newest release first; commit it.\n"
    "# Do not edit: a changed release is no longer valid.\n"
)
_SHAPES = {
    "version": re.compile(r"\d+\.\d+\.\d+", re.ASCII),
    "created": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII),
    "content": re.compile(r"[0-9a-f]{64}"),
    "changes": re.compile(r".*", re.DOTALL),
}


@dataclass(frozen=True)
class Release:
    """A released version.

    Attributes:
        version: three numbers.
        created: when it was released, in UTC, to the second.
        content: a digest of the whole package; see `content_of`.
        changes: its entry in the changelog, Markdown.
    """

    version: str
    created: str
    content: str
    changes: str


def read_releases(project: Project) -> list[Release]:
    """The releases of a project, the newest first. Raises ProjectError for a wrong file."""
    path = project.package_folder / FILE_NAME
    if not is_file(path):
        return []
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise _unreadable(project, "it is not UTF-8") from None
    document = read_document(text)
    if document.problems:
        fault = document.problems[0]
        raise _unreadable(project, f"line {fault.place.line}: {fault.what}")
    if not isinstance(document.value, list):
        raise _unreadable(project, "it is not a list of releases")
    return [_release(project, item) for item in document.value]


def write_releases(project: Project, releases: Iterable[Release]) -> None:
    """Write the record. It is source, like the code: others may read it."""
    path = project.package_folder / FILE_NAME
    text = yaml.dump(
        [asdict(release) for release in releases],
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=10**6,
    )
    write_source(path, _HEADER + text)


def content_of(
    properties: Mapping[str, object], parts: Sequence[object], history: Iterable[Release]
) -> str:
    """A digest of the whole package.

    Args:
        properties: of the package, without those that the release sets.
        parts: what the tables, the contracts and the licence are.
        history: the releases, the one that is asked about first.
    """
    stated = {name: value for name, value in properties.items() if name not in STAMP}
    releases = [[one.version, one.created, one.changes] for one in history]
    return digest(stated, list(parts), releases)


def stamp_of(releases: Sequence[Release], content: str) -> dict[str, str]:
    """The version, and when it was created, of a package with this content."""
    if not releases:
        return {}
    newest = releases[0]
    if newest.content == content:
        return {"version": newest.version, "created": newest.created}
    return {"version": f"{newest.version}+unreleased"}


def changelog_of(title: str, releases: Sequence[Release], *, is_released: bool) -> str | None:
    """The text of `CHANGELOG.md`; None where nothing has been released."""
    if not releases:
        return None
    parts = [f"# Changes of {line(title)}\n"]
    if not is_released:
        parts.append(f"## Unreleased\n\nNot the same as {releases[0].version} any more.\n")
    parts += [f"## {one.version} ({one.created[:10]})\n\n{one.changes}" for one in releases]
    return "\n".join(parts)


def _release(project: Project, item: object) -> Release:
    if not isinstance(item, dict) or set(item) != set(_SHAPES):
        raise _unreadable(project, f"each release has {', '.join(_SHAPES)}")
    for name, shape in _SHAPES.items():
        if not isinstance(item[name], str) or not shape.fullmatch(item[name]):
            raise _unreadable(project, f"{name!r} of a release was changed")
    return Release(**item)


def _unreadable(project: Project, why: str) -> ProjectError:
    place = project.relative(project.package_folder / FILE_NAME)
    return ProjectError(
        f"{place} cannot be used: {why}.\n"
        f"It is written by `data-package release`; restore it from git: git checkout -- {place}"
    )


class _Dumper(yaml.SafeDumper):
    """Writes strings of several lines as block literals."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
