"""How git is asked: about one folder, with nothing of its surroundings, and never for a password.

Standard library only; what an answer means is known to who asks.
"""

import os
import subprocess
from pathlib import Path


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[bytes]":
    """Run git in a folder. Raises FileNotFoundError where there is no git.

    A word that comes from elsewhere goes behind `--end-of-options`, or it may be an option.
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
