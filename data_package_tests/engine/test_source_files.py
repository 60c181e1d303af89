"""What a command writes into the user's own source is whole, or as it was."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from data_package.engine.storage import write_source


@contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """A disk that takes no larger file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_source_file_that_cannot_be_written_whole_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "table.py"
    path.write_text("kept = 1\n")
    with room_for(1000), pytest.raises(OSError, match="too large"):
        write_source(path, "x" * 5000)
    assert path.read_text() == "kept = 1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_source_file_keeps_its_permissions_and_its_link(tmp_path: Path) -> None:
    path, link = tmp_path / "table.py", tmp_path / "link.py"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_source(link, "new\r\n")
    assert link.is_symlink()
    assert path.read_bytes() == b"new\r\n"
    assert path.stat().st_mode & 0o777 == 0o640
    write_source(tmp_path / "another.py", "")
    assert (tmp_path / "another.py").stat().st_mode & 0o044
