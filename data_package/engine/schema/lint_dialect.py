"""What is wrong with the dialect and the encoding of a contract.

https://datapackage.org/standard/table-dialect/
"""

from collections.abc import Iterator
from typing import TypeAlias

from data_package.engine.schema.dialect import Dialect, DialectError, property_fault, two_forms
from data_package.engine.schema.document import Path

Fault: TypeAlias = tuple[Path, str]


def lint_dialect(value: object) -> Iterator[Fault]:
    """Give every fault of a Table Dialect descriptor with its path in it."""
    if not isinstance(value, dict):
        yield (), 'dialect: must be a mapping, such as {delimiter: ";"}, or a file\'s path'
        return
    good = True
    for name, given in value.items():
        if (what := property_fault(name, given)) is not None:
            good = False
            yield (name,), what
    if not good:
        return
    if (stranger := two_forms(value)) is not None:
        yield (stranger[0],), stranger[1]
        return
    try:
        Dialect.from_descriptor(value)
    except DialectError as error:
        yield (), str(error).removeprefix("dialect: ")


def lint_encoding(value: object) -> Iterator[str]:
    """Give what is wrong with the name of an encoding."""
    if not isinstance(value, str):
        yield "encoding must be text, such as utf-8 or cp1252; put it in quotes"
        return
    try:
        Dialect.from_descriptor(None, encoding=value)
    except DialectError:
        yield f"the encoding {value!r} is not known; write for example utf-8 or cp1252"
