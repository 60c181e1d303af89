"""Which dialect a delivered file has: as it is given, or as its contract says, or by its name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from data_package.engine.schema.contract import Contract, Descriptor
from data_package.engine.schema.dialect import (
    FORMS_OF,
    TEXT,
    Dialect,
    DialectError,
    Form,
    listed,
    unpacked_name,
)
from data_package.engine.schema.formats.file_format import FileFormat


@dataclass(frozen=True)
class FileOptions:
    """What a person says of how a delivered file is written, over what its contract says."""

    dialect: Mapping[str, object] = field(default_factory=dict)
    encoding: str | None = None

    def __bool__(self) -> bool:
        return bool(self.dialect or self.encoding)

    def over(
        self, dialect: Descriptor | None, encoding: str | None
    ) -> tuple[dict[str, object], str | None]:
        """The dialect and the encoding to read with."""
        stated = dict(dialect or {})
        if {"header", "headerRows"} & set(self.dialect):
            stated.pop("header", None)
            stated.pop("headerRows", None)
        return {**stated, **self.dialect}, self.encoding or encoding


def dialect_of_file(
    path: Path,
    form: FileFormat,
    contract: Contract | None,
    dialect: Mapping[str, object] | None,
    encoding: str | None,
) -> Dialect:
    """Return how a file is written: as it is given, or as its contract says, or by its name.

    Raises DialectError as `dialect_for` does.
    """
    properties = contract.descriptor if contract is not None else {}
    written, stated = properties.get("dialect"), properties.get("encoding")
    if dialect is None and isinstance(written, dict):
        dialect = written
    encoding = encoding or (stated if isinstance(stated, str) else None)
    return dialect_for(path, form, dialect, encoding=encoding, contract=contract)


def dialect_for(
    path: Path,
    form: FileFormat,
    dialect: Mapping[str, object] | None,
    *,
    encoding: str | None,
    contract: Contract | None = None,
) -> Dialect:
    """Return the dialect of a file of a format, completed by the file's name.

    Raises DialectError for a property that files of its format do not have, with its place in the
    contract.
    """
    if not dialect and unpacked_name(path).endswith((".tsv", ".tab")):
        dialect = {"delimiter": "\t"}
    settled = Dialect.from_descriptor(dialect, encoding=encoding)
    is_fixed = settled.columns and form.form is Form.DELIMITED
    own, called = (Form.FIXED, Form.FIXED.value) if is_fixed else (form.form, str(form))
    # Some programs write an encoding beside every file.
    stated = ["encoding"] if encoding is not None and not settled.is_utf8 else []
    for name in (*(dialect or {}), *stated):
        forms = FORMS_OF.get(name, frozenset(Form))
        # One contract may serve a table that is delivered as text and as Parquet.
        if own not in forms and not (own is Form.TYPED and forms & TEXT):
            what = f"{name} is for {listed(forms)}, and {path.name} is {called}; remove it"
            raise DialectError(f"{_place_of(name, contract)}dialect: {what}")
    return settled


def _place_of(name: str, contract: Contract | None) -> str:
    """Return the file, line and column of a dialect's property, where it is in a contract."""
    if contract is None or contract.path is None:
        return ""
    written = contract.descriptor.get("dialect")
    if not isinstance(written, dict) or name not in written:
        return ""
    from data_package.engine.schema.yaml_document import read_document

    try:
        document = read_document(contract.path.read_text(encoding="utf-8-sig"), spans=True)
    except (OSError, UnicodeDecodeError):
        return ""
    place = document.place(("dialect", name))
    return f"{contract.path}:{place.line}:{place.column}: "
