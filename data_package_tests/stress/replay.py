"""What a disk may hold after a power cut, from the trace of all that a command wrote.

The state behind each system call: names are kept in the order of the calls, as a journalling file
system keeps them, and of a file's bytes those that were forced to the disk. What was not forced is
gone (`lost`), or the names since the last forcing are (`undone`).
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class _File:
    """A file's bytes as processes see them, and as they are on the disk."""

    seen: bytearray = field(default_factory=bytearray)
    kept: bytes = b""
    is_kept: bool = False


class Disk:
    """The files below one folder, as a trace goes on."""

    def __init__(self, root: Path) -> None:
        """`root`: the folder as it was before, which is on the disk."""
        self._root = root
        self.names: dict[str, _File | None] = {}
        for path in root.rglob("*"):
            place = str(path.relative_to(root))
            if path.is_dir() and not path.is_symlink():
                self.names[place] = None
            elif path.is_file():
                data = path.read_bytes()
                self.names[place] = _File(bytearray(data), data, is_kept=True)
        self._inodes: dict[str, _File] = {}
        self._settled = dict(self.names)

    def apply(self, line: str, at: str) -> None:
        """Carry out a call; `at` is where the folder lay while the trace was taken."""
        kind, inode, one, other = line.rstrip("\n").split("\t")
        if kind not in "WT":
            one, other = (path.removeprefix(at).lstrip("/") for path in (one, other))
        match kind:
            case "O" | "o":
                file = self.names.get(one) or _File()
                self.names[one] = self._inodes[inode] = file
                if kind == "O":
                    file.seen.clear()
            case "W":
                file = self._inodes.get(inode) or _File()
                start, data = int(one), bytes.fromhex(other)
                file.seen.extend(bytes(max(0, start - len(file.seen))))
                file.seen[start : start + len(data)] = data
            case "T":
                file = self._inodes.get(inode) or _File()
                file.seen[:] = file.seen[: int(one)].ljust(int(one), b"\0")
            case "S":
                if (synced := self.names.get(one)) is not None:
                    synced.kept, synced.is_kept = bytes(synced.seen), True
                # A journal is written as a whole: all names before it are on the disk with it.
                self._settled = dict(self.names)
            case "M":
                self.names[one] = None
            case "U" | "D":
                self.names.pop(one, None)
            case "L":
                self.names[other] = self.names.get(one)
            case "R" | "X":
                moved = self._taken(one)
                back = self._taken(other) if kind == "X" else {}
                self._taken(other)
                self.names |= {other + rest: file for rest, file in moved.items()}
                self.names |= {one + rest: file for rest, file in back.items()}

    def _taken(self, place: str) -> dict[str, _File | None]:
        """Take a name, and all below it, away."""
        found = [name for name in self.names if name == place or name.startswith(f"{place}/")]
        return {name.removeprefix(place): self.names.pop(name) for name in found}

    def write(self, folder: Path, *, undone: bool) -> None:
        """Make a folder of what the disk holds now."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for place, file in sorted((self._settled if undone else self.names).items()):
            path = folder / place
            if file is None:
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.kept)


def states(before: Path, trace: Path, at: str) -> Iterator[Disk]:
    """The disk behind each call that changes what a power cut would leave."""
    disk = Disk(before)
    for line in trace.read_text(errors="surrogateescape").splitlines():
        disk.apply(line, at)
        if line[0] in "SRXULMD":
            yield disk
