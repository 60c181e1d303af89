"""A contract that says how a file is written, and not yet what is in it."""

from pathlib import Path
from typing import cast

from data_package.engine.schema.contract import Descriptor
from data_package.engine.schema.shared import with_shared_parts
from data_package.engine.schema.yaml_document import read_document

_HOW = ("dialect", "encoding")


def begun_contract(path: Path) -> Descriptor | None:
    """Return the descriptor of a contract that has a dialect or an encoding and no fields yet.

    `path` is that of the contract. None for every other file: whether it is a contract, others
    decide.
    """
    try:
        document = read_document(path.read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        return None
    whole = with_shared_parts(document, path)
    value = whole.value
    if (
        document.problems
        or whole.faults
        or not isinstance(value, dict)
        or not any(key in value for key in _HOW)
    ):
        return None
    schema = value.get("schema")
    fields = schema.get("fields") if isinstance(schema, dict) else None
    has_none = schema is None or (isinstance(schema, dict) and not fields)
    return cast("Descriptor", value) if has_none and "fields" not in value else None
