"""What is in `pyproject.toml`, `dagster.yaml` and the lock is used, or refused in words."""

import contextlib
import logging
import os
import resource
from pathlib import Path

import pytest
from dagster._core.instance.types import _EventListenerLogHandler

from data_package.engine.errors import ProjectError
from data_package.engine.project import find_project
from data_package.engine.runs.instance import _read
from data_package.engine.staleness.lock import parse

SETTINGS = '[tool.data-package]\npackage = "study"\n'


def project(folder: Path, text: str) -> Path:
    root = folder / "project"
    (root / "study").mkdir(parents=True)
    (root / "pyproject.toml").write_text(text)
    return root


@pytest.mark.parametrize("storage", ["", ".", "/", "..", "study", "study/a", "src/study", "x/.."])
def test_storage_is_not_a_folder_that_holds_files_of_the_user(tmp_path: Path, storage: str) -> None:
    root = project(tmp_path, f'{SETTINGS}storage = "{storage}"\n')
    with pytest.raises(ProjectError, match=r"storage is .*, where files of yours lie"):
        find_project(root)


@pytest.mark.parametrize("storage", ["built", "a/b", "../beside", "/nowhere/else", "study_built"])
def test_storage_is_any_other_folder(tmp_path: Path, storage: str) -> None:
    root = project(tmp_path, f'{SETTINGS}storage = "{storage}"\n')
    assert find_project(root).storage == (root / storage).resolve()


def test_a_link_that_leads_to_itself_is_left_to_whoever_writes_there(tmp_path: Path) -> None:
    root = project(tmp_path, SETTINGS)
    (root / "storage").symlink_to("storage")
    assert find_project(root).storage == root / "storage"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SETTINGS + 'storage = "a\\u0000b"\n', "cannot be seen"),
        (SETTINGS + 'storage = "a\\u202Eb"\n', "cannot be seen"),
        (SETTINGS + 'storage = "~/built"\n', "begins with ~"),
        (SETTINGS + 'storage = "s3://bucket/study"\n', "is an address"),
        ('[tool.data-package]\npackage = ""\n', "is a name that Python can import"),
        ('[tool.data-package]\npackage = "my-study"\n', "is a name that Python can import"),
        (f"a = {'[' * 5000}{']' * 5000}\n", "nested too deeply"),
        (f"a = {'9' * 5000}\n", "4300 digits"),
    ],
)
def test_odd_settings_are_refused_in_words(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ProjectError, match=expected):
        find_project(project(tmp_path, text))


@pytest.mark.parametrize("value", [f"{'[' * 5000}{']' * 5000}", "9" * 5000, "1979-99-99"])
def test_a_lock_of_another_shape_is_refused_in_words(value: str) -> None:
    with pytest.raises(ProjectError, match=r"data-package\.lock cannot be read"):
        parse(f"version = {value}\n")


@pytest.mark.parametrize(
    "value", ["[" * 5000, "9" * 5000, "1979-99-99", "\0", "&a [*a]", "!!int x"]
)
def test_an_odd_dagster_yaml_is_refused_in_words(tmp_path: Path, value: str) -> None:
    path = tmp_path / "dagster.yaml"
    path.write_text(f"telemetry: {value}\n")
    if value == "&a [*a]":
        assert _read(path)
    else:
        with pytest.raises(ProjectError, match=r"dagster\.yaml.*not valid YAML"):
            _read(path)


def test_a_dagster_yaml_that_cannot_be_read_is_not_called_wrong(tmp_path: Path) -> None:
    path = tmp_path / "dagster.yaml"
    path.touch()
    opened = []
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limits[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                opened.append(os.open("/dev/null", os.O_RDONLY))
        with pytest.raises(ProjectError, match="Too many files are open"):
            _read(path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for handle in opened:
            os.close(handle)


def test_dagster_prints_nothing_of_an_event_that_it_cannot_write(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Full:
        def handle_new_event(self, *_: object, **_more: object) -> None:
            raise RuntimeError("disk is full, a value")

    handler = _EventListenerLogHandler(Full())  # type: ignore[arg-type]
    record = logging.LogRecord("x", logging.INFO, "", 1, "a value", (), None)
    record.dagster_meta = {"dagster_event_batch_metadata": None}
    with contextlib.suppress(Exception):
        handler.emit(record)
    output = capsys.readouterr()
    assert "Exception while writing" not in output.out + output.err
