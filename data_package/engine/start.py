"""The entry of the command: until it can handle Ctrl-C, that ends it silently."""

import signal


def main() -> None:
    """Run the command."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from data_package.engine.cli import main as run

    run()
