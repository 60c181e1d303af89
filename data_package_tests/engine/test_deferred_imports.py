"""A name that is imported later is the real one as soon as it is used."""

import subprocess
import sys

CODE = """
import sys
from data_package.engine.deferred_imports import imported_later

with imported_later("wave"):
    import wave as early
    from wave import Error, open as opened
assert "wave" not in sys.modules
try:
    opened("/nonexistent", "rb")
except FileNotFoundError:
    print("called")
import wave
assert Error.__name__ == "Error"
assert early.Wave_read.getnframes is wave.Wave_read.getnframes
with imported_later("wave"):
    import wave as again
assert again is wave
print("the same")
"""

# What a build does not import for Dagster's storage and dagster-polars, and that they find it when
# they need it.
DAGSTER = """
import sys, tempfile
import dagster
import data_package.engine.runs.run

LATER = ("alembic", "dagster._daemon", "pyarrow")
assert {"dagster._core.storage.runs", "dagster_polars"} <= set(sys.modules)
assert not set(LATER) & set(sys.modules) and not hasattr(dagster, "_daemon")
import polars as pl

assert pl.DataFrame({"n": [1]}).to_arrow().num_rows == 1
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

from dagster._daemon.types import DaemonHeartbeat

stock = DagsterSqliteStorage(tempfile.mkdtemp())
assert stock.event_log_storage.alembic_version()[0] is not None
heartbeat = DaemonHeartbeat(1.0, "SENSOR", "one")
stock.run_storage.add_daemon_heartbeat(heartbeat)
print(stock.run_storage.get_daemon_heartbeats() == {"SENSOR": heartbeat})
"""


def output(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_a_name_is_imported_when_it_is_used() -> None:
    assert output(CODE) == ["called", "the same"]


def test_what_dagster_imports_later_works_when_it_is_needed() -> None:
    assert output(DAGSTER) == ["True"]
