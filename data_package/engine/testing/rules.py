"""Row rules by the name of their table, for rows that are made up.

Of a project's modules only those are imported in which `row_rule` is written.
"""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from data_package.engine.errors import ProjectError
from data_package.engine.project import Project, find_project
from data_package.engine.schema import Contract
from data_package.engine.schema.row_rules import AppliedRule, Join, Joined, RowRule

_WORD = b"row_rule"
_ENGINE = Path(__file__).parents[1]


def rules_of(contract: Contract, project: Project | Path | None = None) -> list[AppliedRule]:
    """The rules of the table of a contract, in the order of their names.

    Raises ProjectError where a table that a rule takes cannot be joined.
    """
    here = project if isinstance(project, Project) else find_project(project)
    found = {
        rule.name: rule
        for module in _modules(here)
        for rule in vars(module).values()
        if isinstance(rule, RowRule) and rule.table.replace("/", "__") == contract.name
    }
    return [applicable(found[name], contract) for name in sorted(found)]


def applicable(rule: RowRule, contract: Contract) -> AppliedRule:
    """A rule with its expression, as it is applied to the rows of a contract."""
    names = list(inspect.signature(rule.function).parameters)
    joins = tuple(_join(rule, name, contract) for name in names)
    return AppliedRule(rule.name, rule.says, rule(**{name: Joined(name) for name in names}), joins)


def _join(rule: RowRule, table: str, contract: Contract) -> Join:
    if rule.on:
        return Join(table, rule.on, rule.on)
    keys = [key for key in contract.foreign_keys if key.resource == table]
    if len(keys) != 1:
        raise ProjectError(
            f"The rule '{rule.name}' takes '{table}', which one foreign key of the contract of "
            f"'{contract.name}' must point to.\nName the fields to join on: on=[…]"
        )
    return Join(table, keys[0].fields, keys[0].reference_fields)


def _modules(project: Project) -> Iterator[ModuleType]:
    """The modules of a project in which rules may be declared."""
    project.make_importable()
    for path in sorted(project.package_folder.rglob("*.py")):
        if not path.is_relative_to(_ENGINE) and _WORD in path.read_bytes():
            parts = path.relative_to(project.import_root).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            yield importlib.import_module(".".join(parts))
