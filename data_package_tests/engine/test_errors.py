"""What is shown of a message."""

import ast
import io
import json
from pathlib import Path

import dagster as dg
import pytest
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from data_package.engine import cli
from data_package.engine.errors import shown, visible
from data_package.engine.runs.terminal import Terminal
from data_package.engine.tables.loading import console_logger

HOSTILE = "a\x1b]0;x\x07\x1b[2J\x9b31m\u202egnp.exe\u2066\u2028b"
SPELLED = "a\\u001b]0;x\\u0007\\u001b[2J\\u009b31m\\u202egnp.exe\\u2066\\u2028b"


def test_a_message_neither_fills_a_terminal_nor_controls_it() -> None:
    assert shown("There is no 'x'.\n\tLine two: Ærø") == "There is no 'x'.\n\tLine two: Ærø"
    assert shown(f"no {'x' * 100_000} here") == f"no {'x' * 200}… here"
    assert shown("a\x1b[31m\rb\x9bc") == "a\\u001b[31m\\u000db\\u009bc"
    assert shown(HOSTILE) == SPELLED


def test_what_is_spelled_out_in_json_means_the_same() -> None:
    document = {f"{HOSTILE}\x7f": [HOSTILE]}
    assert json.loads(visible(json.dumps(document, ensure_ascii=False))) == document


def test_no_cell_and_no_branch_controls_the_terminal() -> None:
    grid = Table(HOSTILE, title=HOSTILE)
    grid.add_row(Text(HOSTILE, style="red"))
    tree = Tree(Text(HOSTILE))
    tree.add(HOSTILE)
    stream = io.StringIO()
    terminal = Terminal(file=stream, width=200, force_terminal=True, highlight=False)
    terminal.print(grid, tree, HOSTILE)

    output = stream.getvalue()
    # rich leaves the bell out itself.
    assert SPELLED.replace("\\u0007", "") in output
    for control in ("\x1b]", "\x1b[2J", "\x07", "\x9b", "\u202e", "\u2066", "\u2028"):
        assert control not in output


def test_no_line_of_the_log_controls_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    logger = console_logger.logger_fn(dg.build_init_logger_context())
    logger.critical("Description: %s", HOSTILE)
    assert capsys.readouterr().err.endswith(f"CRITICAL Description: {SPELLED}\n")


def test_every_verb_prints_through_what_spells_out_controls() -> None:
    """`click.echo` and `print` send what they are given."""
    allowed = {"__init__.py", "say.py"}
    direct = [
        (path.name, ast.unparse(node)[:60])
        for path in Path(cli.__path__[0]).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("click.echo", "click.secho", "print")
        and path.name not in allowed
    ]
    # The engine's own colours, and the clearing of the screen.
    assert sorted(name for name, _ in direct) == ["doctor.py", "watch.py"]
