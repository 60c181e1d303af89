"""A contract as it is written: in a file, with its parts in other files, or made by Python code.

Belongs here: reading, linting, and the places of faults. Does not belong here: what a contract
says (`contract`), and which faults there are (`linting`).
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from data_package.engine.schema.contract import Contract, ContractError, Descriptor
from data_package.engine.schema.document import Path as Steps
from data_package.engine.schema.document import Place

if TYPE_CHECKING:
    from data_package.engine.schema.contract_cache import ContractCache

# More would fill more than a screen, and are seldom more than one thing.
_MOST_ISSUES = 40


def linted(descriptor: Descriptor, *, name: str) -> Contract:
    """Return the contract in a descriptor that Python code made.

    Raises ContractError with one line per fault, `name.place.in.the.descriptor: what`.
    """
    from data_package.engine.schema.linting import lint

    if issues := lint(descriptor):
        raise ContractError(
            tuple(
                f"{'.'.join(map(str, (name, *issue.path)))}: {issue}"
                for issue in issues[:_MOST_ISSUES]
            )
        )
    return Contract.from_descriptor(descriptor, name=name)


def load_contract(path: Path | str, cache: "ContractCache | None" = None) -> Contract:
    """Return the contract in the YAML or JSON file at `path`, with its parts in other files.

    What `cache` knows of files with this content is neither read nor judged again.

    Raises ContractError with one line per fault, `file:line:column: what; what to do next`, when
    the file cannot be read or its descriptor does not lint.
    """
    from data_package.engine.schema.linting import lint
    from data_package.engine.schema.shared import places_in, with_shared_parts
    from data_package.engine.schema.yaml_document import read_document

    path = Path(path)
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path}:1:1: byte {error.start} is not UTF-8; save the file as UTF-8"
        raise ContractError((message,)) from None
    except OSError as error:
        message = f"{path}: the contract cannot be read: {error.strerror}"
        raise ContractError((message,)) from None
    digest = hashlib.sha256(content).hexdigest()
    document = cache.document(path.suffix, digest) if cache is not None else None
    if document is None:
        document = read_document(text)
        if cache is not None:
            cache.put_document(path.suffix, digest, document)
    if document.problems:
        raise _refused(path, [(path, fault.place, fault.what) for fault in document.problems])
    whole = with_shared_parts(document, path, cache)
    if whole.faults:
        faults = [(fault.file, fault.place, fault.what) for fault in whole.faults]
        raise _refused(path, faults)
    parts = {"": digest, **whole.named, **whole.digests}
    if cache is None or not cache.is_sound(parts):
        issues = lint(whole.value)
        if issues:
            found: dict[Path, Callable[[Steps], Place]] = {
                path: read_document(text, spans=True).place
            }
            lines = []
            for issue in issues[:_MOST_ISSUES]:
                file, at = whole.origin(issue.path) or (path, issue.path)
                if file not in found:
                    found[file] = places_in(file)
                lines.append((file, found[file](at), str(issue)))
            raise _refused(path, lines, more=len(issues) - len(lines))
        if cache is not None:
            cache.put_sound(parts)
    descriptor = cast("Descriptor", whole.value)
    made = Contract.from_descriptor(descriptor, name=path.stem, path=path)
    return replace(made, shared=whole.stamps) if whole.stamps else made


def _refused(
    path: Path, faults: Sequence[tuple[Path, Place, str]], *, more: int = 0
) -> ContractError:
    """Return the error that lists faults: the contract's own first, then those of other files."""
    own, name = path.resolve(), shown_path(path)
    lines = {
        ("" if file in (path, own) else shown_path(file), place.line, place.column, what)
        for file, place, what in faults
    }
    messages = [
        f"{file or name}:{line}:{column}: {what}" for file, line, column, what in sorted(lines)
    ]
    if more:
        messages.append(f"{name}: and {more:,} more faults")
    return ContractError(tuple(messages))


def shown_path(path: Path) -> str:
    """Return a path as people read it: from the working directory, if it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
