"""The resources of a project: found at the top of its modules or given, known by their names.

A function asks for a resource by the name of its parameter, as in any Dagster project. The
resource's configuration is part of what the function does.
"""

from collections.abc import Callable, Iterable, Mapping

import dagster as dg

from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.fingerprint import Fingerprinter
from data_package.engine.project import Project
from data_package.engine.tables import internals
from data_package.engine.tables.table import place_of

Definition = dg.AssetsDefinition | dg.AssetChecksDefinition


def resources_by_name(
    found: Iterable[tuple[str, object, str]],
    given: Mapping[str, object],
    wanted: Iterable[str],
    taken: Iterable[str],
) -> dict[str, object]:
    """The resources of a project by name; given ones take precedence over found ones.

    Args:
        found: name, resource and module of each that a module defines.
        given: those that `load_definitions` was given.
        wanted: the names that functions ask for.
        taken: the names of the engine's own resources.

    Raises ProjectError for a name that is taken, or wanted and ambiguous.
    """
    named: dict[str, tuple[object, str]] = {}
    asked = set(wanted)
    for name, resource, module in found:
        before, place = named.setdefault(name, (resource, module))
        if before is not resource and name in asked and name not in given:
            raise ProjectError(
                f"Two resources are called '{name}', in {place} and in {module}, and a function "
                "asks for it.\nGive one of them another name."
            )
    made = {name: resource for name, (resource, _) in named.items()} | dict(given)
    for name in taken:
        if name in given:
            raise ProjectError(
                f"load_definitions is given a resource '{name}', which is the IO manager of the "
                "tables.\n"
                'Give it another name, and let an asset choose it: @dg.asset(io_manager_key="…").'
            )
        made.pop(name, None)
    return made


def check_resources(
    definitions: Iterable[Definition], known: Iterable[str], project: Project
) -> None:
    """Raise ProjectError when a function asks for a resource that does not exist."""
    there = set(known)
    for one in definitions:
        missing = sorted(one.required_resource_keys - one.resource_defs.keys() - there)
        if missing:
            function = internals.function_of(one)
            name = missing[0]
            keys = one.check_keys if isinstance(one, dg.AssetChecksDefinition) else one.keys
            who = ", ".join(sorted(key.to_user_string() for key in keys))
            raise ProjectError(
                f"{place_of(function, project) or who}: '{who}' asks for the resource '{name}', "
                f"which does not exist.{did_you_mean(name, there)}\n"
                f"Define it at the top of a module, {name} = …, or give it in definitions.py: "
                f'load_definitions({project.package}, resources={{"{name}": …}})'
            )


def digest_of(resource: object, fingerprinter: Fingerprinter) -> str:
    """A hash of what a resource does and of its configuration."""
    return fingerprinter.fingerprint(_holding(resource)).digest


def _holding(resource: object) -> Callable[[], object]:
    def held() -> object:
        return resource

    return held
