"""https://datapackage.org/standard/table-schema/#string."""

import re
from typing import TYPE_CHECKING

from data_package.engine.schema.contract import Field
from data_package.engine.schema.types.field_type import SIZED, FieldType, Reader, as_text

if TYPE_CHECKING:
    import polars as pl

_EMAIL_LOCAL = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
_HOST_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_UUID = r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}"
_BASE64 = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_URI = (
    r"[A-Za-z][A-Za-z0-9+.-]*:"
    r"(//([^\s/?#@]*@)?(\[[0-9A-Fa-f:.]+\]|[^\s/?#:@\[\]]*)(:[0-9]*)?)?"
    r"[^\s?#]*(\?[^\s#]*)?(#\S*)?"
)
_PLAIN_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


def _email(text: str) -> str | None:
    local, at, host = text.rpartition("@")
    if not at or len(host) > 253 or not re.fullmatch(_EMAIL_LOCAL, local):
        return None
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return None
    labels = host.split(".")
    whole = len(labels) > 1 and all(re.fullmatch(_HOST_LABEL, label) for label in labels)
    return text if whole and re.fullmatch(r"[A-Za-z]{2,63}|xn--[A-Za-z0-9-]+", labels[-1]) else None


def _uuid(text: str) -> str | None:
    return text if re.fullmatch(_UUID, text) else None


def _uri(text: str) -> str | None:
    return text if re.fullmatch(_URI, text) else None


def _binary(text: str) -> str | None:
    # Nothing but padding is nothing, as every decoder reads it.
    return text if re.fullmatch(_BASE64, text) or text == "====" else None


_READERS: dict[str, Reader] = {"email": _email, "uuid": _uuid, "uri": _uri, "binary": _binary}


def _fast(field: Field, column: "pl.Expr") -> "pl.Expr | None":
    import polars as pl

    if field.format in ("default", ""):
        return column
    if field.format == "uuid":
        return pl.when(column.str.contains(_PLAIN_UUID)).then(column)
    return None


STRING = FieldType(
    "string",
    "String, Enum or Categorical",
    reader=lambda field: _READERS.get(field.format, as_text),
    holds=frozenset({"String", "Categorical", "Enum"}),
    fast=_fast,
    formats=frozenset(_READERS),
    constraints=SIZED | {"pattern"},
    properties=frozenset({"categories", "categoriesOrdered"}),
    coded=True,
)
