"""Runs git in one folder, without its environment variables, and never asks for a password.

Standard library only; the caller interprets the answer.
"""

import os
import subprocess
from pathlib import Path


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[bytes]":
    """Run git in a folder. Raises FileNotFoundError where there is no git.

    A word that the user gives goes behind `--end-of-options`, or it may be an option.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    kept |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    return subprocess.run(  # noqa: S603
        ["git", "-C", str(folder), *words],  # noqa: S607
        env=kept,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
