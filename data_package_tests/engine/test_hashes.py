"""A file's hash is remembered only where a later change would show."""

import mmap
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.staleness.journal import Journal
from data_package.engine.storage import HashCache, hash_file, open_to_lock, recalled


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.csv"
    path.write_bytes(b"a" * 5000)
    time.sleep(0.06)
    return path


@contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    with path.open("r+b") as opened:
        memory = mmap.mmap(opened.fileno(), 0)
    yield memory
    memory.close()


def test_a_file_that_is_let_go_of_is_read_once(file: Path, tmp_path: Path) -> None:
    hashes = HashCache(tmp_path / "hashes.json")
    assert hashes.hash(file) == hash_file(file)
    assert hashes.stamp_of(file) is not None


def test_a_file_that_is_changed_through_memory_is_read_again(file: Path, tmp_path: Path) -> None:
    hashes = HashCache(tmp_path / "hashes.json")
    with mapped(file) as memory:
        for value in (66, 67, 68):
            memory[0] = value
            time.sleep(0.06)
            assert hashes.hash(file) == hash_file(file)
            assert hashes.stamp_of(file) is None
    assert hashes.hash(file) == hash_file(file)
    assert hashes.stamp_of(file) is not None
    with mapped(file) as memory:
        memory[1] = 69
    assert hashes.hash(file) == hash_file(file)


def test_a_file_that_is_open_for_writing_is_read_again(file: Path, tmp_path: Path) -> None:
    hashes = HashCache(tmp_path / "hashes.json")
    with file.open("r+b"):
        assert hashes.hash(file) == hash_file(file)
        assert hashes.stamp_of(file) is None


def test_reading_the_status_does_not_block_writers(file: Path, tmp_path: Path) -> None:
    hashes = HashCache(tmp_path / "hashes.json")
    hashes.hash(file)
    file.write_bytes(b"other")
    assert hashes.hash(file) == hash_file(file)


def put(path: Path, what: str) -> None:
    """Put what is no file in a place."""
    match what:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case "circle":
            path.symlink_to(path.name)
        case _:
            path.symlink_to("nowhere")


@pytest.mark.parametrize("what", ["pipe", "folder", "device", "circle", "nothing"])
def test_no_command_waits_for_a_pipe_in_the_place_of_a_file(tmp_path: Path, what: str) -> None:
    place = tmp_path / "place"
    put(place, what)

    assert recalled(place, str, "otherwise") == "otherwise"
    with pytest.raises(OSError, match=r".*"):
        hash_file(place)
    with pytest.raises(OSError, match=r".*"):
        HashCache(tmp_path / "hashes.json").hash(place)
    with pytest.raises(ProjectError, match="folder, a pipe, a device"), open_to_lock(place):
        pass
    journal = Journal(place)
    assert journal.read((1, 2, 3)) == []
    journal.remove()
    assert not os.path.lexists(place)
