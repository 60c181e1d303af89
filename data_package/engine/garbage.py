"""When the command looks for garbage: not while it imports and loads what it needs to its end.

Half a million objects come into being meanwhile, none of them is ever garbage, and each look at
them takes time. A program that uses the Python API is left as it is.
"""

import gc

_is_put_off = False


def put_off() -> None:
    """Look for none until what is needed is loaded; for a command that loads the project."""
    global _is_put_off
    _is_put_off = True
    gc.disable()


def begin_again() -> None:
    """What is there by now stays; from now on, look for garbage, if that was put off."""
    global _is_put_off
    if _is_put_off:
        _is_put_off = False
        gc.freeze()
        gc.enable()
