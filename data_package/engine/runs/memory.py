"""The memory of the machine and of processes, as Linux reports them."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
# What version 1 of control groups says where nothing is limited.
_UNLIMITED = 1 << 60


def memory_of_machine(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int:
    """The memory that processes started here may use, in bytes: of the machine, or less."""
    total = _amounts(proc / "meminfo").get("MemTotal", _UNLIMITED)
    return min([total, *_limits(proc, cgroups)])


def used_by(process: int) -> int:
    """The memory that a process has for itself now, in bytes; 0 when it is gone.

    Without pages of files, which the system takes back when it needs them.
    """
    found = _amounts(_PROC / str(process) / "status")
    return found.get("RssAnon", 0) + found.get("RssShmem", 0)


def times_memory_ran_out() -> int:
    """How often the system has ended a process because the memory ran out, since it started."""
    with suppress(OSError, ValueError, LookupError):
        lines = (_PROC / "vmstat").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("oom_kill ")).split()[1])
    return 0


def size(count: int | None) -> str:
    """`1.4 MB`, in powers of a thousand; empty where nothing is known."""
    if count is None:
        return ""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < (1000 if unit == "B" else 999.95) or unit == "TB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return ""


def _amounts(path: Path) -> dict[str, int]:
    found = {}
    with suppress(OSError):
        for line in path.read_text().splitlines():
            name, _, rest = line.partition(":")
            amount = rest.split()
            if len(amount) == 2 and amount[1] == "kB":
                found[name] = int(amount[0]) * 1024
    return found


def _limits(proc: Path, cgroups: Path) -> Iterator[int]:
    """The limits of the control groups that this process is in, and of those above them."""
    with suppress(OSError):
        for line in (proc / "self" / "cgroup").read_text().splitlines():
            _, controllers, place = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            top = cgroups / "memory" if controllers else cgroups
            name = "memory.limit_in_bytes" if controllers else "memory.max"
            group = top / place.lstrip("/")
            for folder in (group, *group.parents):
                with suppress(OSError, ValueError):
                    limit = int((folder / name).read_text())
                    if limit < _UNLIMITED:
                        yield limit
                if folder == top:
                    break
