"""What is reported of a place that cannot be used is true."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.storage import check_replaceable, make_private_folder
from data_package.engine.unusable import (
    OF_THE_PLACE,
    belongs_to_another,
    lack_of_room,
    number_of,
    why,
    why_failed,
    why_fixed,
)

IS_ROOT = os.geteuid() == 0 and shutil.which("mount") is not None
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can mount a small disk")


@contextmanager
def disk(folder: Path, options: str) -> Iterator[Path]:
    """A small disk of its own."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def marked(place: Path, letter: str) -> Iterator[None]:
    """A file or folder with an attribute that only root can set."""
    if subprocess.run(["chattr", f"+{letter}", place], capture_output=True, check=False).returncode:
        pytest.skip("no attribute can be set here")
    try:
        yield
    finally:
        subprocess.run(["chattr", f"-{letter}", place], check=True)


def error(number: int, place: Path | None = None) -> OSError:
    return OSError(number, os.strerror(number), str(place) if place else None)


@needs_root
def test_a_full_disk_and_one_without_inodes_are_distinguished(tmp_path: Path) -> None:
    with disk(tmp_path / "full", "size=64k") as full:
        assert "is full" in lack_of_room(full / "not" / "there")
        assert "is full" in why(error(errno.ENOSPC, full / "x"))
    with disk(tmp_path / "inodes", "size=9m,nr_inodes=4") as few:
        for number in range(3):
            (few / str(number)).touch()
        assert "no inodes left" in why(error(errno.ENOSPC, few / "x"))
    with disk(tmp_path / "enough", "size=9m") as enough:
        assert lack_of_room(enough) == ""


@needs_root
def test_a_folder_of_another_user_is_named_with_its_owner(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    script = (
        "import os, sys; os.setegid(65534); os.seteuid(65534)\n"
        "from pathlib import Path\n"
        "from data_package.engine.unusable import why\n"
        "print(why(PermissionError(13, 'no', sys.argv[1])))"
    )
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        if not folder.stat().st_mode & 0o001:
            pytest.skip("the tests run in a folder that is the owner's alone")
    done = subprocess.run(
        [sys.executable, "-c", script, str(theirs / "x")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{theirs} belongs to root (mode 700)" in done.stdout
    assert "Make room" not in done.stdout


def test_another_owner_is_reported_only_where_it_is_another(tmp_path: Path) -> None:
    assert belongs_to_another(tmp_path) == ""
    assert belongs_to_another(tmp_path / "missing") == ""


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "storage").touch()
    with pytest.raises(ProjectError) as caught:
        make_private_folder(tmp_path / "storage" / "raw")
    assert f"{tmp_path / 'storage'} is a file, but a folder is needed." in str(caught.value)
    assert "room" not in str(caught.value)


def test_a_name_that_is_too_long_is_reported_with_its_length(tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        make_private_folder(tmp_path / ("x" * 300))
    assert "is 300 bytes long; at most 255 are allowed" in str(caught.value)
    assert "path of c is" in why(error(errno.ENAMETOOLONG, Path("/a" * 3000) / "c"))


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("(os error 28)", errno.ENOSPC),
        ("IO error: No space left on device (os error 28)", errno.ENOSPC),
        ("[('a', 'b', \"[Errno 122] Disk quota exceeded: 'b'\")]", errno.EDQUOT),
        ("database or disk is full", errno.ENOSPC),
        ("IO Error: Could not write file: Disk quota exceeded", errno.EDQUOT),
        ("attempt to write: File too large", errno.EFBIG),
        ("disk I/O error", errno.EIO),
        ("Too many open files (os error 24)", errno.EMFILE),
        ("a table t was not found", None),
        ("no column 'os error'", None),
    ],
)
def test_the_number_of_the_system_is_found_in_the_words_of_a_library(
    words: str, number: int | None, tmp_path: Path
) -> None:
    class LibraryError(Exception):
        pass

    assert number_of(LibraryError(words)) == number
    output = why_failed(LibraryError(words), tmp_path)
    assert (output == why(error(number, tmp_path))) if number is not None else (output == "")
    assert why_failed(error(errno.ENOENT), tmp_path) == ""
    assert "Your quota on the disk that holds" in why(error(errno.EDQUOT, tmp_path))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EROFS, "read-only file system"),
        (errno.EMFILE, "Too many files are open at once"),
        (errno.EFBIG, "larger than is allowed"),
        (errno.EIO, "reports an error"),
        (errno.ENOLCK, "cannot lock files"),
        (errno.ELOOP, "cannot be used"),
    ],
)
def test_each_kind_has_its_own_words(number: int, words: str, tmp_path: Path) -> None:
    assert words in why(error(number, tmp_path / "x"))
    assert number in OF_THE_PLACE


@pytest.mark.parametrize(("letter", "words"), [("i", "immutable"), ("a", "only be appended to")])
def test_what_cannot_be_replaced_is_refused(tmp_path: Path, letter: str, words: str) -> None:
    file, folder = tmp_path / "a lock", tmp_path / "folder"
    file.touch()
    folder.mkdir()
    check_replaceable(file, folder, folder / "not" / "there")
    for place in (file, folder):
        with marked(place, letter), pytest.raises(ProjectError) as caught:
            check_replaceable(place)
        assert f"{place} " in str(caught.value)
        assert words in str(caught.value)
        assert f"chattr -{letter}" in str(caught.value)
    with marked(folder, "i"), pytest.raises(ProjectError, match=r"folder is immutable"):
        check_replaceable(folder / "table.parquet")
    assert sorted(tmp_path.iterdir()) == [file, folder]


@needs_root
def test_a_mount_point_cannot_be_replaced(tmp_path: Path) -> None:
    with disk(tmp_path / "package", "size=64k") as package:
        assert f"{package} is a mount point" in why_fixed(package)
        assert why_fixed(package / "inner") == ""


@needs_root
def test_a_file_of_another_user_in_a_sticky_folder_cannot_be_replaced(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    for name in ("theirs", "mine"):
        (shared / name).touch()
    os.chown(shared, 1500, 1500)
    os.chown(shared / "theirs", 1500, 1500)
    shared.chmod(0o1777)
    assert why_fixed(shared / "theirs") == ""
    script = (
        "import ctypes, sys\n"
        "from pathlib import Path\n"
        "from data_package.engine.unusable import why_fixed\n"
        "head, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()\n"
        "ctypes.CDLL(None).capset(head, data)\n"
        "print(*map(why_fixed, map(Path, sys.argv[1:])), sep='|')"
    )
    places = [str(shared / name) for name in ("theirs", "mine")]
    done = subprocess.run(
        [sys.executable, "-c", script, *places], capture_output=True, text=True, check=True
    )
    theirs, mine = done.stdout.rstrip("\n").split("|")
    assert f"{shared / 'theirs'} belongs to user 1500" in theirs
    assert mine == ""


def test_trying_a_place_leaves_nothing_that_is_not_swept_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path) -> NoReturn:
        raise SystemExit

    monkeypatch.setattr(Path, "unlink", killed)
    with pytest.raises(SystemExit):
        check_replaceable(tmp_path / "a.lock", tmp_path / "b.yaml")
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".a.lock.")
