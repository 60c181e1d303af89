"""The quickest decision is taken only where everything that says so is still there."""

import subprocess
import time

from data_package.engine.staleness.memo import count_if_fresh
from data_package.engine.storage import this_machine
from data_package_tests.conftest import Make
from data_package_tests.engine.package.test_publish import STUDY_FILES


def test_a_build_looks_closer_once_results_of_checks_or_of_publishing_are_gone(study: Make) -> None:
    made = study(STUDY_FILES)
    places = made.project.places
    assert made.build().ok
    time.sleep(0.06)  # A file that was saved this very moment is never taken for unchanged.
    made.build()
    assert count_if_fresh(made.project) == 2
    for gone in (places.published, next(places.verdicts.iterdir())):
        gone.unlink()
        assert count_if_fresh(made.project) is None
        assert made.build().ok
        assert gone.is_file()
        assert count_if_fresh(made.project) == 2


def test_a_build_sweeps_what_a_killed_one_left_in_the_history(study: Make) -> None:
    made = study(STUDY_FILES)
    assert made.build().ok
    time.sleep(0.06)
    made.build()
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = made.project.places.history / "history" / "runs" / "run.db"
    left = left.with_name(f".{left.name}.{this_machine()}-{gone.pid}.0123abcd.tmp")
    left.touch()
    assert count_if_fresh(made.project) is None
    made.build()
    assert not left.exists()
    assert count_if_fresh(made.project) == 2
