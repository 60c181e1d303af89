"""A release's files stay as they are, and its zip file is the same wherever it is made."""

import os
import stat
import zipfile
from pathlib import Path

import pytest

from data_package.engine.errors import BuildError
from data_package.engine.package.readme import sums
from data_package.engine.storage import hash_file, remove
from data_package.engine.versions.archive import keep_folder, keep_zip
from data_package_tests.engine.tables.running import temporary_files, umask

CREATED = "2026-01-02T03:04:06Z"
FILES = {"datapackage.json": b"{}", "tables/b.parquet": bytes(5000), "tables/a.parquet": b"PAR1"}


def package(folder: Path, names: list[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(FILES[name])
    hashes = {name: hash_file(folder / name) for name in names}
    (folder / "SHA256SUMS").write_bytes(sums(hashes).encode())
    return folder


def test_the_zip_file_is_the_same_whenever_and_wherever_it_is_made(tmp_path: Path) -> None:
    one = package(tmp_path / "one", list(FILES))
    other = package(tmp_path / "other place", list(reversed(FILES)))
    for at, path in enumerate(other.rglob("*")):
        os.utime(path, (at, at))
        path.chmod(0o700 if path.is_dir() else 0o640)
    keep_zip(one, tmp_path / "one.zip", CREATED)
    with umask(0):
        keep_zip(other, tmp_path / "other.zip", CREATED)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.testzip() is None
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted([*FILES, "SHA256SUMS"])
    assert {entry.date_time for entry in entries} == {(2026, 1, 2, 3, 4, 6)}
    assert {entry.external_attr >> 16 for entry in entries} == {stat.S_IFREG | 0o644}
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}


def test_kept_files_are_copies_that_cannot_be_written(tmp_path: Path) -> None:
    built = package(tmp_path / "package", list(FILES))
    kept = tmp_path / "releases" / "1.0.0"
    keep_folder(built, kept)
    for name in FILES:
        (built / name).write_bytes(b"overwritten in place")
    assert {name: (kept / name).read_bytes() for name in FILES} == FILES
    modes = {stat.S_IMODE(path.stat().st_mode) for path in kept.rglob("*") if path.is_file()}
    assert modes == {0o400}
    folders = {stat.S_IMODE(path.stat().st_mode) for path in (kept, kept / "tables")}
    assert folders == {0o500}
    remove(kept)
    assert not kept.exists()


def test_a_package_that_was_changed_is_not_kept(tmp_path: Path) -> None:
    built = package(tmp_path / "package", list(FILES))
    (built / "tables" / "a.parquet").write_bytes(b"changed")
    with pytest.raises(BuildError, match=r"tables/a\.parquet of the built package"):
        keep_folder(built, tmp_path / "releases" / "1.0.0")
    assert list((tmp_path / "releases").iterdir()) == []


def test_an_interrupted_zip_file_leaves_none(tmp_path: Path) -> None:
    built = package(tmp_path / "package", list(FILES))
    (built / "tables" / "b.parquet").unlink()
    (built / "tables" / "b.parquet").symlink_to("/proc/self/mem")
    with pytest.raises(OSError, match=r"."):
        keep_zip(built, tmp_path / "x.zip", CREATED)
    assert not (tmp_path / "x.zip").exists()
    assert temporary_files(tmp_path) == []
