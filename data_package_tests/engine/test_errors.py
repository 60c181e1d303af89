"""What is shown of a message."""

from data_package.engine.errors import shown


def test_a_message_neither_fills_a_terminal_nor_controls_it() -> None:
    assert shown("There is no 'x'.\n\tLine two: Ærø") == "There is no 'x'.\n\tLine two: Ærø"
    assert shown(f"no {'x' * 100_000} here") == f"no {'x' * 200}… here"
    assert shown("a\x1b[31m\rb\x9bc") == "a\\x1b[31m\\x0db\\x9bc"
