"""What benchmarks are made of."""

import sys
from pathlib import Path

import pytest

from data_package_tests.bench import Unavailable
from data_package_tests.bench.measured import measure


def test_the_peak_of_a_process_is_its_own_and_not_of_the_one_that_measures(tmp_path: Path) -> None:
    held = b"1" * 200_000_000

    found = measure([sys.executable, "-c", "held = b'1' * 50_000_000"], tmp_path)

    assert 50_000_000 < found.peak_bytes < 100_000_000 < len(held)
    assert found.seconds > 0
    assert found.cpu_seconds > 0


def test_what_is_measured_starts_under_what_was_set_before(tmp_path: Path) -> None:
    def before() -> None:
        Path("set").write_text("yes")

    measure([sys.executable, "-c", "open('set').read()"], tmp_path, before=before)


def test_a_command_that_fails_is_not_measured_and_its_words_are_reported(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"ended with 3: … out of paper$"):
        measure([sys.executable, "-c", "import sys; print('out of paper'); sys.exit(3)"], tmp_path)
