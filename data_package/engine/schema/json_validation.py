"""JSON Schemas that the values of a field must keep, without a look at the network.

https://datapackage.org/standard/table-schema/#jsonSchema
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import regex

from data_package.engine.schema.document import Path
from data_package.engine.schema.time_limit import SECONDS, ending

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def fault_of(schema: Mapping[str, object]) -> tuple[Path, str] | None:
    """Return what keeps a JSON Schema from being used, and where in it; None when it is good."""
    from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]
    from jsonschema.validators import validator_for  # type: ignore[import-untyped]

    if not isinstance(schema.get("$schema", ""), str):
        return ("$schema",), "$schema must be text; put it in quotes"
    kind = validator_for(schema)
    try:
        kind.check_schema(schema, format_checker=kind.FORMAT_CHECKER)
    except SchemaError as error:
        return tuple(error.absolute_path), "this is not JSON Schema; correct it"
    except RecursionError:
        return (), "jsonSchema is nested too deeply"
    return next(_loose_references(schema), None)


def follows(schema: Mapping[str, object], field: str = "") -> Callable[[object], bool]:
    """Return the test of a schema that has no fault; it never fetches another schema.

    A value that cannot be judged (the schema refers to itself without end) does not pass. A
    regular expression that takes too long ends with a ContractError that names `field`.
    """
    from jsonschema.validators import extend, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = extend(validator_for(schema), _IN_TIME)
    validator = kind(schema, registry=Registry())

    def test(value: object) -> bool:
        try:
            with ending(field, "jsonSchema"):
                return bool(validator.is_valid(value))
        except (RecursionError, Unresolvable):
            return False

    return test


def _found(pattern: str, text: str) -> bool:
    return regex.search(pattern, text, timeout=SECONDS) is not None


def _pattern(_: Any, pattern: str, value: object, __: object) -> Iterator[Exception]:
    from jsonschema.exceptions import ValidationError

    if isinstance(value, str) and not _found(pattern, value):
        yield ValidationError("pattern")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, object], value: object, _: object
) -> Iterator[Exception]:
    for pattern, part in patterns.items() if isinstance(value, dict) else ():
        for name, item in value.items() if isinstance(value, dict) else ():
            if _found(pattern, name):
                yield from validator.descend(item, part, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: object, value: object, schema: Mapping[str, Any]
) -> Iterator[Exception]:
    from jsonschema.exceptions import ValidationError

    known = schema.get("properties", {})
    for name, item in value.items() if isinstance(value, dict) else ():
        if name in known or any(_found(each, name) for each in schema.get("patternProperties", {})):
            continue
        if allowed is False:
            yield ValidationError("additionalProperties")
        elif isinstance(allowed, dict):
            yield from validator.descend(item, allowed, path=name)


# The words of JSON Schema that run regular expressions; the library runs them without an end.
_IN_TIME = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
}


def _loose_references(schema: Mapping[str, object]) -> Iterator[tuple[Path, str]]:
    """Give the references that lead nowhere in the schema itself."""
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012, specification_with

    try:
        written = specification_with(str(schema.get("$schema") or ""), default=DRAFT202012)
        resource = written.create_resource(schema)
        address = str(schema.get("$id") or "urn:contract")
        resolver = Registry().with_resource(address, resource).resolver(address)
    except Exception:  # noqa: BLE001  whatever an odd `$schema` or `$id` makes of it
        yield (), "its $schema or $id is not one that can be used; leave it out"
        return
    for path, reference in _references(schema, ()):
        try:
            resolver.lookup(reference)
        except (Unresolvable, ValueError, TypeError):
            what = f"{json.dumps(reference)} is not in this JSON Schema; write it under $defs"
            yield path, what


def _references(value: object, at: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _REFERENCES and isinstance(item, str):
                yield (*at, key), item
            elif key not in ("enum", "const", "default", "examples"):
                yield from _references(item, (*at, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _references(item, (*at, i))
