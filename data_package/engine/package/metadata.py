"""The package's own properties, `datapackage.yaml`: title, contributors, licences, sources."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.package.released import FILE_NAME as RELEASES
from data_package.engine.package.released import STAMP
from data_package.engine.project import Project
from data_package.engine.schema.document import Document
from data_package.engine.schema.document import Path as Steps
from data_package.engine.schema.published import (
    address_fault,
    email_fault,
    web_fault,
    word_faults,
)
from data_package.engine.schema.yaml_document import read_document
from data_package.engine.storage import is_file

FILE_NAME = "datapackage.yaml"

# https://datapackage.org/standard/data-package/#properties, less what the build writes itself.
_TEXTS = ("name", "id", "title", "description", "homepage", "version", "created", "image")
_LISTS = ("licenses", "contributors", "sources", "keywords")
_PROPERTIES = (*_TEXTS, *_LISTS)
_WRITTEN_BY_THE_BUILD = ("$schema", "resources")
_NESTED = {
    "licenses": ("name", "path", "title"),
    "contributors": (
        *("title", "givenName", "familyName", "path", "email", "roles", "organization"),
    ),
    "sources": ("title", "path", "email", "version"),
}
_OLD_NAMES = {"role": "roles", "licence": "licenses", "license": "licenses"}
_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

Fault = tuple[Steps, str]


def read_metadata(project: Project) -> dict[str, object]:
    """The properties in `datapackage.yaml`, checked; only the name where there is no such file.

    Raises ProjectError with a line for each fault, `file:line:column: what`.
    """
    path = project.package_folder / FILE_NAME
    name = {"name": project.package.replace("_", "-")}
    if not is_file(path):
        if is_file(other := path.with_suffix(".yml")):
            shown = project.relative(other)
            raise ProjectError(f"{shown}: this file must be named {FILE_NAME}.\nRename it.")
        return dict[str, object](name)
    document = _load(path, project)
    properties = document.value
    assert isinstance(properties, dict)
    faults = [*_faults(properties), *((at, f"{what}.") for at, what in word_faults(properties))]
    if (project.package_folder / RELEASES).is_file():
        faults += [
            ((name,), f"'{name}' is set by the release (in {RELEASES}). Remove it here.")
            for name in STAMP
            if name in properties
        ]
    if faults:
        located = read_document(path.read_bytes().decode("utf-8-sig"), spans=True)
        lines = [(located.place(steps), what) for steps, what in faults]
        lines.sort(key=lambda line: (line[0].line, line[0].column))
        shown = project.relative(path)
        raise ProjectError(
            "\n".join(f"{shown}:{place.line}:{place.column}: {what}" for place, what in lines)
        )
    return {**name, **properties}


def metadata_schema() -> dict[str, object]:
    """The JSON Schema of `datapackage.yaml`, for editors; what it refuses, the build refuses."""
    text: dict[str, object] = {"type": "string", "minLength": 1}
    own: dict[str, object] = dict.fromkeys(_TEXTS, text)
    own["version"] = {"type": "string", "pattern": f"^({_VERSION.pattern})$"}
    own["keywords"] = {"type": "array", "items": text}
    for name, known in _NESTED.items():
        item: dict[str, object] = {
            "type": "object",
            "properties": dict.fromkeys(known, text),
            "additionalProperties": False,
            "minProperties": 1,
        }
        if name == "licenses":
            item["anyOf"] = [{"required": ["name"]}, {"required": ["path"]}]
        if "roles" in known:
            item["properties"] = {**dict.fromkeys(known, text), "roles": own["keywords"]}
        own[name] = {"type": "array", "items": item}
    return {
        "title": "The data package's own properties",
        "type": "object",
        "properties": own,
        "additionalProperties": False,
    }


def _load(path: Path, project: Project) -> Document:
    shown = project.relative(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProjectError(
            f"{shown}:1:1: byte {error.start} is not UTF-8. Save the file as UTF-8."
        ) from None
    document = read_document(text)
    if document.problems:
        raise ProjectError(
            "\n".join(
                f"{shown}:{fault.place.line}:{fault.place.column}: {fault.what}."
                for fault in document.problems
            )
        )
    if not isinstance(document.value, dict):
        raise ProjectError(f"{shown}: must be a mapping of properties.")
    return document


def _faults(properties: Mapping[str, object]) -> Iterator[Fault]:
    for name, value in properties.items():
        if name in _WRITTEN_BY_THE_BUILD:
            yield (name,), f"'{name}' is written by the build. Remove it here."
        elif name not in _PROPERTIES:
            what = f"there is no property '{name}' of a data package."
            yield (name,), what + _meant(name, _PROPERTIES)
        elif name in _TEXTS:
            yield from _text_faults(name, value)
        elif not isinstance(value, list):
            yield (name,), f"'{name}' must be a list: write each item on its own line after `- `."
        elif name == "keywords":
            yield from (
                (("keywords", at), "a keyword must be text. Put it in quotes.")
                for at, word in enumerate(value)
                if not isinstance(word, str) or not word
            )
        else:
            for at, item in enumerate(value):
                yield from _item_faults(name, at, item)


def _text_faults(name: str, value: object) -> Iterator[Fault]:
    if not isinstance(value, str) or not value:
        yield (name,), f"'{name}' must be text. Put it in quotes."
    elif name == "version" and not _VERSION.fullmatch(value):
        yield (name,), "'version' must be three numbers, such as 1.0.0 (https://semver.org)."
    elif name == "created" and not _MOMENT.fullmatch(value):
        yield (name,), "'created' must be a date and time such as 2024-05-17T09:30:00Z."
    elif name == "homepage" and (fault := web_fault(value)):
        yield (name,), f"'homepage' {fault}."
    elif name == "image" and (fault := address_fault(value)):
        yield (name,), f"'image' {fault}."


def _item_faults(name: str, at: int, item: object) -> Iterator[Fault]:
    one = name[:-1]
    known = _NESTED[name]
    if not isinstance(item, dict):
        yield (name, at), f"each of '{name}' must be a mapping, such as `- title: …`."
        return
    for key, value in item.items():
        steps: Steps = (name, at, key)
        if key not in known:
            yield steps, f"there is no property '{key}' of a {one}.{_meant(key, known)}"
        elif key == "roles":
            yield from _role_faults(steps, value)
        elif not isinstance(value, str) or not value:
            yield steps, f"'{key}' of a {one} must be text. Put it in quotes."
        elif key == "email" and (fault := email_fault(value)):
            yield steps, f"'email' of a {one} {fault}."
        elif key == "path" and (fault := address_fault(value)):
            yield steps, f"'path' of a {one} {fault}."
    if not item:
        yield (name, at), f"a {one} must have at least one property, such as its title."
    if name == "licenses" and not ("name" in item or "path" in item):
        yield (name, at), "a license needs a name (such as CC-BY-4.0) or a path to its text."


def _role_faults(steps: Steps, value: object) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield steps, "'roles' must be a list, such as [DataCollector]."
        return
    for at, role in enumerate(value):
        if not isinstance(role, str) or not role:
            yield (*steps, at), "a role must be text."


def _meant(name: str, known: tuple[str, ...]) -> str:
    old = _OLD_NAMES.get(name)
    return f" Did you mean {old!r}?" if old in known else did_you_mean(name, known)
