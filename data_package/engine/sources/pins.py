"""`snapshots.toml`: the fetch of each snapshot that tables are made from. Standard library only."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from data_package.engine.errors import ProjectError
from data_package.engine.project import Project
from data_package.engine.sources.files import RawFile
from data_package.engine.sources.snapshots import Pin
from data_package.engine.storage import replacing
from data_package.engine.unusable import why

_HEAD = "# The snapshots that tables are made from, written by `data-package fetch`. Commit it.\n"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_pins(path: Path) -> dict[str, Pin]:
    """The pins by the name of the raw file; none where the file does not exist.

    Raises ProjectError when the file cannot be read.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ProjectError(why(error, path)) from None
    except (ValueError, RecursionError):
        raise _unreadable(path) from None
    return {name: _pin(found, path) for name, found in document.items()}


def _pin(found: object, path: Path) -> Pin:
    if not isinstance(found, dict) or found.keys() != {each.name for each in fields(Pin)}:
        raise _unreadable(path)
    typed: dict[str, Any] = {str(key): value for key, value in found.items()}
    pin = Pin(**typed)
    rows_known = isinstance(pin.rows, int) and not isinstance(pin.rows, bool)
    texts_known = all(isinstance(each, str) for each in (pin.sha256, pin.fetched, pin.asked))
    if not (rows_known and texts_known and _SHA256.fullmatch(pin.sha256)):
        raise _unreadable(path)
    return pin


def _unreadable(path: Path) -> ProjectError:
    return ProjectError(
        f"{path} is not what `data-package fetch` writes.\nResolve its conflict, restore it from "
        "git, or remove it and fetch again: data-package fetch"
    )


def write_pins(path: Path, pins: Mapping[str, Pin]) -> None:
    """Replace the file, with a table of each pin, by name."""
    text = _HEAD
    for name, pin in sorted(pins.items()):
        text += f"\n[{json.dumps(name)}]\n" + "".join(
            f"{each.name} = {json.dumps(getattr(pin, each.name))}\n" for each in fields(pin)
        )
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def pinned(files: Mapping[str, RawFile], project: Project) -> dict[str, RawFile]:
    """The raw files, each snapshot at the place of the fetch that counts.

    Raises ProjectError when `snapshots.toml` cannot be read.
    """
    if all(file.snapshot is None for file in files.values()):
        return dict(files)
    pins = read_pins(project.snapshots)
    return {name: _pinned(file, pins.get(name), project) for name, file in files.items()}


def _pinned(file: RawFile, pin: Pin | None, project: Project) -> RawFile:
    if file.snapshot is None:
        return file
    place = project.places.snapshot(file.name, pin.sha256) if pin is not None else None
    return replace(
        file,
        patterns=(project.relative(place),) if place is not None else (),
        snapshot=replace(file.snapshot, pin=pin),
    )
