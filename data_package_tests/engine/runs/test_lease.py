"""One build at a time among machines that share a file system."""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from data_package.engine import file_systems
from data_package.engine.diagnosis import Health, examine
from data_package.engine.errors import ProjectError
from data_package.engine.file_systems import is_shared, kind_of
from data_package.engine.runs.build_lock import building
from data_package.engine.runs.lease import Holder, Pace, leased
from data_package.engine.storage import is_running, this_machine
from data_package_tests.conftest import Make, Study

FAST = Pace(sign=0.02, over=0.3, look=0.01)
OTHER = Holder("token", "01234567", "node7", 12)


def left(path: Path, holder: Holder) -> None:
    path.write_text(json.dumps(asdict(holder)))


def test_a_lease_is_there_while_it_is_held_and_private(tmp_path: Path) -> None:
    path = tmp_path / "lease"
    with leased(path, pytest.fail, FAST):
        assert Holder(**json.loads(path.read_text())).machine == this_machine()
        assert path.stat().st_mode & 0o777 == 0o600
        before = path.stat().st_mtime_ns
        time.sleep(0.2)
        assert path.stat().st_mtime_ns > before
    assert not list(tmp_path.iterdir())


def test_the_second_waits_and_says_for_whom(tmp_path: Path) -> None:
    path, output, order = tmp_path / "lease", [], []
    left(path, OTHER)
    over = threading.Event()

    def other() -> None:
        while not over.wait(0.05):
            os.utime(path)
        order.append("other")
        path.unlink()

    thread = threading.Thread(target=other)
    thread.start()

    def report(text: str) -> None:
        output.append(text)
        threading.Timer(0.5, over.set).start()

    with leased(path, report, FAST):
        order.append("own")
    thread.join()
    assert order == ["other", "own"]
    (text,) = output
    assert "Another build of this project is running (process 12 on node7); waiting" in text


WITHOUT_PROCESS = json.dumps(asdict(OTHER) | {"process": "12"}).encode()


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff[", WITHOUT_PROCESS])
def test_one_without_a_sign_of_life_is_taken_over(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "lease"
    left(path, OTHER)
    if content is not None:
        # A machine was lost before it could write who it is.
        path.write_bytes(content)
    began = time.monotonic()
    with leased(path, lambda _: None, FAST):
        assert time.monotonic() - began >= FAST.over
    assert not list(tmp_path.iterdir())


def test_that_of_a_process_of_this_machine_that_has_ended_is_taken_over_at_once(
    tmp_path: Path,
) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    path = tmp_path / "lease"
    left(path, replace(OTHER, machine=this_machine(), process=gone.pid))
    with leased(path, pytest.fail, Pace(over=1000.0)):
        pass
    assert not list(tmp_path.iterdir())


def test_the_clock_of_another_host_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "lease"
    left(path, OTHER)
    for moment in (0, time.time() + 1e6):
        os.utime(path, (moment, moment))
        began = time.monotonic()
        with leased(path, lambda _: None, FAST):
            assert time.monotonic() - began >= FAST.over
        left(path, OTHER)


def test_another_boot_of_a_host_of_this_name_is_another_machine(tmp_path: Path) -> None:
    # Its process number says nothing here.
    path = tmp_path / "lease"
    left(path, replace(OTHER, host=os.uname().nodename, process=(1 << 22) - 1))
    began = time.monotonic()
    with leased(path, lambda _: None, FAST):
        assert time.monotonic() - began >= FAST.over


def test_a_process_is_there_also_where_it_is_hidden_in_proc() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert is_running(os.getpid())
    assert is_running(1)
    assert not any(map(is_running, (gone.pid, 0, -1, 1 << 40)))


def test_a_number_that_a_thread_or_an_ended_process_has_is_none_of_a_running_one() -> None:
    begun, over = threading.Event(), threading.Event()
    numbers: list[int] = []

    def work() -> None:
        numbers.append(threading.get_native_id())
        begun.set()
        over.wait()

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    assert not is_running(numbers[0])
    over.set()
    thread.join()
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert not is_running(child)
    os.waitpid(child, 0)


def test_many_never_have_it_together(tmp_path: Path) -> None:
    path, inside, most = tmp_path / "lease", [0], [0]
    left(path, OTHER)

    def one() -> None:
        with leased(path, lambda _: None, FAST):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.005)
            inside[0] -= 1

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == [1]


MOUNTS = "/dev/vda / ext4 rw 0 0\nserver:/x {place} {kind} rw 0 0\n"


def test_the_file_system_of_a_path_is_that_of_the_longest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.format(place="/home/a\\040b", kind="nfs4"))
    assert kind_of(Path("/home/a b/study"), mounts) == "nfs4"
    assert kind_of(Path("/home/a"), mounts) == "ext4"
    assert kind_of(Path("/home"), tmp_path / "missing") == ""
    assert [is_shared(kind) for kind in ("nfs4", "lustre", "fuse.sshfs", "fuse.rclone")] == [
        True
    ] * 4
    assert [is_shared(kind) for kind in ("ext4", "overlay", "fuse.gocryptfs", "")] == [False] * 4


def test_a_build_on_a_network_file_system_has_a_lease_and_refuses_a_history_there(
    study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = study({"t.py": "import dagster as dg\n\n@dg.asset\ndef t() -> None: ...\n"})
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.format(place=project.root, kind="nfs4"))
    monkeypatch.setattr(file_systems, "_MOUNTS", mounts)
    lease = project.project.places.build_lease
    with building(project.project, print):
        assert lease.exists()
    assert not lease.exists()
    stock = {"/dagster.yaml": "storage: {sqlite: {base_dir: storage/.dagster}}"}
    for files in ({}, stock):
        project.write(files)
        assert health_of_file_system(project) is Health.BAD
        with pytest.raises(ProjectError, match=r"on a network file\s+system \(nfs4\)"):
            project.build()
    local = tmp_path / "history"
    project.write(
        {
            "/dagster.yaml": f"""
            storage:
              custom:
                module: data_package.engine.history
                class: HistoryStorage
                config: {{base_dir: "{local}"}}
            """
        }
    )
    assert project.build().ok
    assert local.is_dir()
    assert health_of_file_system(project) is Health.GOOD


def health_of_file_system(project: Study) -> Health:
    found = (one.health for one in examine(project.project) if one.about == "file system")
    return next(found)


SLOW_TABLE = """
import time

import dagster as dg
import polars as pl


@dg.asset
def slow() -> pl.DataFrame:
    time.sleep(2)
    return pl.DataFrame({"n": [1]})
"""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make namespaces")
def test_two_hosts_that_build_at_once_build_one_after_the_other(study: Make) -> None:
    project = study({"t.py": SLOW_TABLE})
    alone = ["unshare", "--pid", "--uts", "--net", "--fork", "--mount-proc", "bash", "-c"]
    build = f"{sys.executable} -m data_package.engine.cli build --json"
    hosts = [
        subprocess.Popen(
            [*alone, f"hostname {name} && {build}"],
            cwd=project.root,
            env=project.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("node-a", "node-b")
    ]
    done = [(*host.communicate(timeout=300), host.returncode) for host in hosts]
    assert [code for _, _, code in done] == [0, 0], done
    # One has built it, and the other has found it fresh.
    built = [len(json.loads(out)["tables"]) for out, _, _ in done]
    assert sorted(built) == [0, 1]
    assert not list(project.storage.rglob("*.tmp"))
    assert not project.build().tables
