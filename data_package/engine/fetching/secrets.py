"""Addresses and tokens: from the environment or the system's keyring, and never written."""

import os
from contextlib import suppress

from data_package.engine.errors import ProjectError

_SERVICE = "data-package"


def secret(variable: str, example: str) -> str:
    """What an environment variable, or else an entry of the keyring, holds.

    Raises ProjectError where neither has it. `example` is what it may look like.
    """
    if found := os.environ.get(variable) or _of_keyring(variable):
        return found
    raise ProjectError(
        f"{variable} is not set.\nSet it where you fetch, without writing it into a file that is "
        f"committed:\n  export {variable}='{example}'\n"
        f"or put it into the system's keyring: keyring set {_SERVICE} {variable}"
    )


def _of_keyring(variable: str) -> str | None:
    try:
        import keyring
    except ImportError:
        return None
    # A machine without a desktop often has no keyring that can be opened.
    with suppress(Exception):
        found: str | None = keyring.get_password(_SERVICE, variable)
        return found
    return None
