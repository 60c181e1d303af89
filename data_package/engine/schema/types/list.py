"""https://datapackage.org/standard/table-schema/#list."""

from data_package.engine.schema.contract import Field
from data_package.engine.schema.types.boolean import BOOLEAN
from data_package.engine.schema.types.date import DATE
from data_package.engine.schema.types.datetime import DATETIME
from data_package.engine.schema.types.field_type import SIZED, FieldType, Reader
from data_package.engine.schema.types.integer import INTEGER
from data_package.engine.schema.types.number import NUMBER
from data_package.engine.schema.types.string import STRING
from data_package.engine.schema.types.time import TIME

_ITEMS = {kind.name: kind for kind in (STRING, INTEGER, BOOLEAN, NUMBER, DATETIME, DATE, TIME)}
LIST_ITEM_TYPES = tuple(_ITEMS)


def _item(field: Field) -> tuple[FieldType, Field]:
    """Return the type of a list's items, and a field for one of them."""
    item = Field(name=field.name, type=str(field.descriptor.get("itemType") or "string"))
    return _ITEMS.get(item.type, STRING), item


def _whole(items: list[object]) -> list[object] | None:
    return None if any(each is None for each in items) else items


def _reader(field: Field) -> Reader:
    delimiter = str(field.descriptor.get("delimiter") or ",")
    kind, item = _item(field)
    read = kind.reader(item)
    return lambda text: _whole([read(part) for part in text.split(delimiter)])


def _literal(field: Field, value: object) -> object:
    """Return a list whose items are all of its field's item type."""
    if not isinstance(value, list):
        return None
    kind, item = _item(field)
    read = kind.reader(item)
    return _whole(
        [read(each) if isinstance(each, str) else kind.literal(item, each) for each in value]
    )


LIST = FieldType(
    "list",
    "List or Array, or delimited String",
    reader=_reader,
    holds=frozenset({"String", "List", "Array"}),
    literal=_literal,
    constraints=SIZED,
    properties=frozenset({"delimiter", "itemType"}),
    lexical=True,
    items=True,
)
