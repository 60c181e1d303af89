"""A descriptor that came with the data as rows of a codebook.

It is a Data Package, a Data Resource or a Table Schema. https://datapackage.org/standard/
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from data_package.engine.errors import ProjectError
from data_package.engine.schema.document import MAX_BYTES, Document
from data_package.engine.schema.json_document import read_json

Steps = tuple[str | int, ...]
Row = tuple[int, dict[str, str]]


def descriptor_rows(path: Path) -> list[Row]:
    """What the descriptor at `path` says of tables and fields, each with its line.

    Raises ProjectError when it is not a descriptor.
    """
    document = _document(path)
    found = [*_of_anything(path, document)]
    if not found:
        raise ProjectError(
            f"{path} describes no fields. A codebook in JSON is a Data Package, a Data Resource or "
            "a Table Schema."
        )
    return found


def _document(path: Path) -> Document:
    try:
        with path.open("rb") as file:
            read = file.read(MAX_BYTES + 1)
        text = read.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ProjectError(f"{path} is not UTF-8. Save the codebook as UTF-8.") from None
    except OSError as error:
        raise ProjectError(f"{path} cannot be read: {error.strerror}.") from None
    document = read_json(text, spans=True) if len(read) <= MAX_BYTES else None
    if document is None or document.problems:
        raise ProjectError(f"{path} is not JSON that can be read.")
    return document


def _of_anything(path: Path, document: Document) -> Iterator[Row]:
    top = document.value
    if not isinstance(top, dict):
        return
    resources = top.get("resources")
    if isinstance(resources, list):
        for at, resource in enumerate(resources):
            yield from _of_resource(path, document, ("resources", at), resource)
    elif "schema" in top:
        yield from _of_resource(path, document, (), top)
    else:
        yield from _of_schema(document, (), top, "")


def _of_resource(path: Path, document: Document, steps: Steps, resource: object) -> Iterator[Row]:
    if not isinstance(resource, dict):
        return
    table, line = _table(resource), document.place(steps).line
    if table:
        yield line, {"table": table, **_words(resource)}
    schema = resource.get("schema")
    if isinstance(schema, str):
        beside = _beside(path, schema)
        if beside is not None:
            apart = _document(beside)
            yield from ((line, row) for _, row in _of_schema(apart, (), apart.value, table))
    else:
        yield from _of_schema(document, (*steps, "schema"), schema, table)


def _of_schema(document: Document, steps: Steps, schema: object, table: str) -> Iterator[Row]:
    fields = schema.get("fields") if isinstance(schema, dict) else None
    for at, field in enumerate(fields if isinstance(fields, list) else []):
        name = _text(field.get("name")) if isinstance(field, dict) else ""
        if not name:
            continue
        line = document.place((*steps, "fields", at)).line
        named = {"table": table, "field": name}
        yield line, {**named, **_words(field)}
        listed = field.get("categories")
        for one in listed if isinstance(listed, list) else []:
            if isinstance(one, dict) and (label := _text(one.get("label"))):
                yield line, {**named, "value": _text(str(one.get("value"))), "label": label}


def _table(resource: Mapping[str, object]) -> str:
    """The file of a resource, by which its table is called; of several, the resource's name."""
    return _text(resource.get("path")).rpartition("/")[2] or _text(resource.get("name"))


def _words(descriptor: Mapping[str, object]) -> dict[str, str]:
    return {key: _text(descriptor.get(key)) for key in ("title", "description")}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _beside(path: Path, name: str) -> Path | None:
    """A schema in a separate file; None where it is not in the folder of the descriptor."""
    folder = path.resolve().parent
    try:
        beside = (folder / name).resolve()
        return beside if beside.is_relative_to(folder) and beside.is_file() else None
    except (OSError, ValueError):
        return None
