"""Tables as another version of the engine would build them, without editing its sources."""

from pathlib import Path

import pytest

from data_package.engine import engine_edition as editions
from data_package.engine.staleness import memo


def use_engine(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let what is built depend on the sources in this folder, though the engine itself runs."""
    patch.setattr(editions.edition.__wrapped__, "__defaults__", (folder,))
    patch.setattr(memo, "_ENGINE", folder)
    editions.edition.cache_clear()
