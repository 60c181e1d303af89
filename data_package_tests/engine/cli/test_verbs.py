"""Every verb is known to all that lists verbs; `test_docs` compares the reference with them."""

import pkgutil
from importlib import import_module

import click

from data_package.engine import cli as room
from data_package.engine.cli.verbs import command as verbs


def test_each_module_with_a_command_is_a_verb_and_each_verb_has_one() -> None:
    names = {module.name for module in pkgutil.iter_modules(room.__path__)} - {"__main__", "verbs"}
    modules = {name: import_module(f"{room.__name__}.{name}") for name in names}
    commands = {name for name, module in modules.items() if hasattr(module, "command")}
    listed = verbs.list_commands(click.Context(verbs))
    assert commands == {name.replace("-", "_") for name in listed}
