"""Writing files into `storage/`: written beside and renamed, private, hashed once.

Standard library only: the path that decides that nothing needs building imports it.
"""

import ctypes
import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.unusable import NO_LOCKS, why, why_fixed

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
_TEMPORARY = ".tmp"
_LEFT = re.compile(r"\..*\.(?:([0-9a-f]{8})-)?([0-9]+)\.[0-9a-f]+\.tmp", re.DOTALL)
# Whether a process of another machine lives cannot be seen; none writes nothing for so long.
_ABANDONED_SECONDS = 7 * 24 * 3600.0

# File systems stamp a change with the kernel's clock tick. A file that changes again within the
# same tick looks unchanged, so a hash is only trusted when the last change is older than this.
_RACE_NS = 50_000_000
# Writing to a memory-mapped page changes the time of its file once, and not again until the kernel
# has written the page back: after 35 seconds by default; this leaves a margin.
_WRITE_BACK_NS = 60_000_000_000
_MUCH_BYTES = 1 << 26

_UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
_T = TypeVar("_T")

# The stamp and the hash of files, by their paths.
Hashes = Mapping[str, list[int | str]]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def make_private_folder(path: Path) -> Path:
    """Make a folder, and those above it that are missing, that only its owner can enter.

    Raises ProjectError when it can't be made.
    """
    for folder in reversed([path, *path.parents]):
        try:
            if not folder.is_dir():
                folder.mkdir(mode=PRIVATE_FOLDER)
                folder.chmod(PRIVATE_FOLDER)
        except OSError as error:
            if isinstance(error, FileExistsError) and folder.is_dir():
                continue
            raise ProjectError(why(error, folder)) from None
    return path


class LocksMissingError(ProjectError):
    """The file system cannot lock files."""


@contextmanager
def open_to_lock(path: Path) -> Iterator[int]:
    """Open a private file that processes hold while they change something, and close it.

    Raises ProjectError when it cannot be opened, or is something else.
    """
    make_private_folder(path.parent)
    is_file(path)
    try:
        handle = os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE_FILE)
    except OSError as error:
        raise ProjectError(why(error, path)) from None
    try:
        yield handle
    finally:
        os.close(handle)


def hold(handle: int, path: Path, *, wait: bool = True) -> bool:
    """Lock an open file until it is closed; False when another process has locked it.

    Raises LocksMissingError where the file system has no locks, and ProjectError for other reasons.
    The library filelock makes another kind of lock there, and does not name the holder.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        kind = LocksMissingError if error.errno in NO_LOCKS else ProjectError
        raise kind(why(error, path)) from None
    return True


def is_file(path: Path) -> bool:
    """Whether a file exists.

    Raises ProjectError when it is not a regular file; reading a pipe would block.
    """
    if not path.is_file() and (path.is_symlink() or path.exists()):
        raise ProjectError(
            f"{path} is a folder, a pipe, a device or a link to nothing.\n"
            "Put the file itself in its place."
        )
    return path.is_file()


@contextmanager
def replacing(path: Path, *, synced: bool = True) -> Iterator[Path]:
    """Write a file beside `path`, then put it in its place: a reader sees the old or the new.

    Yields the temporary path, an empty private file. Its content when the block ends is flushed
    to the disk before the rename; when the block raises, `path` is unchanged. The rename itself
    may be lost to a power cut: then the old file is there, and is recognised as not the new one.
    Raises ProjectError when a folder is there.
    `synced=False` is for what can be made again and is checked when it is read.
    """
    make_private_folder(path.parent)
    if path.is_dir():
        raise ProjectError(f"The folder {path} is in the way of a file.\nMove or remove it.")
    temporary = temporary_beside(path)
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
    try:
        yield temporary
        if synced:
            sync(temporary)
        temporary.replace(path)
    except BaseException as error:
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            # Writing fails without a name.
            error.filename = str(path)
        temporary.unlink(missing_ok=True)
        raise


def check_replaceable(*places: Path) -> None:
    """Raise ProjectError where a file or a folder could not be put in one of these places.

    To know that before there is anything to put.
    """
    for folder, place in {place.parent: place for place in reversed(places)}.items():
        there = next(one for one in (folder, *folder.parents) if one.exists())
        # Named after one of them, so that it is swept with its versions if this process is killed.
        temporary = temporary_beside(there / place.name)
        try:
            temporary.touch(mode=PRIVATE_FILE)
            temporary.unlink()
        except OSError as error:
            raise ProjectError(why(error, there)) from None
    for place in places:
        if fixed := why_fixed(place):
            raise ProjectError(fixed)


def followed(path: Path) -> Path:
    """Where a path leads if it is a link; one that leads to itself stays as it is."""
    return Path(os.path.realpath(path))


def write_private(path: Path, content: str | bytes, *, synced: bool = True) -> None:
    """Put a whole small file in place, as `replacing` does."""
    with replacing(path, synced=synced) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def write_source(path: Path, text: str) -> None:
    """Put a file of the user's own source in place, whole: a full disk or a kill keeps the old one.

    Others may read it, as before; a link to it stays one.
    """
    path = followed(path)
    sweep_beside(path)
    temporary = temporary_beside(path)
    try:
        temporary.write_text(text, encoding="utf-8", newline="")
        with suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        sync(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remember(path: Path, content: str) -> None:
    """Write data that can be computed again; ignored where writing is not possible."""
    try:
        write_private(path, content, synced=False)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise


def recalled(path: Path, read: Callable[[Any], _T], otherwise: _T) -> _T:
    """Read JSON that can be computed again; `otherwise` where it cannot be read.

    Another program, another version or a power cut may have left anything there.
    """
    try:
        return read(json.loads(read_file(path)))
    except _UNREADABLE:
        return otherwise


def read_file(path: Path) -> bytes:
    """The bytes of a file. Raises OSError, also for anything but a file: a pipe would never end."""
    with os.fdopen(_open_file(path), "rb") as file:
        return file.read()


def _open_file(path: Path) -> int:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(errno.ENXIO, os.strerror(errno.ENXIO), str(path))


def temporary_beside(path: Path) -> Path:
    """An unused name in the same folder, which `sweep` recognises by its machine and process."""
    process = f"{this_machine()}-{os.getpid()}"
    return path.with_name(f".{path.name}.{process}.{secrets.token_hex(4)}{_TEMPORARY}")


def this_machine() -> str:
    """Eight characters for all processes that can see each other: of a host, boot and container."""
    return _machine_of(os.uname().nodename, Path("/proc/self/ns/pid").stat().st_ino)


@cache
def _machine_of(host: str, processes: int) -> str:
    boot = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    return hashlib.sha256(f"{host} {boot} {processes}".encode()).hexdigest()[:8]


def is_running(process: int) -> bool:
    """Whether a process of this machine is there, also one of another user.

    A server may hide those in /proc. Numbers are used again, and most of them by threads: a thread
    of another process is none, and neither is one that has ended and is not waited for.
    """
    if process <= 0:
        return False
    with suppress(PermissionError):
        try:
            os.kill(process, 0)
        except (ProcessLookupError, OverflowError):
            return False
    try:
        lines = Path(f"/proc/{process}/status").read_text(errors="replace").splitlines()
    except OSError:
        return True
    facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    is_thread = facts.get("Tgid", str(process)) != str(process)
    return not is_thread and not facts.get("State", "").startswith("Z")


def sweep(folder: Path) -> None:
    """Remove half-written files of dead processes below a folder; of other machines, old ones.

    Others may write, exchange and sweep there at the same time: vanished files are ignored.
    """
    for place, folders, files in os.walk(folder):
        left = {name for name in (*folders, *files) if _is_left_behind(Path(place, name))}
        for name in left:
            with suppress(OSError):
                remove(Path(place, name))
        folders[:] = [name for name in folders if name not in left]


def sweep_beside(path: Path) -> None:
    """Remove half-written versions of a file or folder that dead processes left beside it."""
    with suppress(OSError):
        for one in list(path.parent.iterdir()):
            if one.name.startswith(f".{path.name}.") and _is_left_behind(one):
                with suppress(OSError):
                    remove(one)


def _is_left_behind(path: Path) -> bool:
    found = _LEFT.fullmatch(path.name)
    if found is None:
        return False
    machine, process = found.groups()
    if machine in (None, this_machine()):
        return not is_running(int(process))
    with suppress(OSError):
        return time.time() - path.lstat().st_mtime > _ABANDONED_SECONDS
    return False


def remove(path: Path) -> None:
    """Remove a file or a whole folder, if it exists, even without write permission."""
    if path.is_dir() and not path.is_symlink():
        with suppress(OSError):
            path.chmod(PRIVATE_FOLDER)
        for place, folders, _ in os.walk(path):
            for inner in (Path(place, name) for name in folders):
                with suppress(OSError):
                    if not inner.is_symlink():
                        inner.chmod(PRIVATE_FOLDER)
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(NotADirectoryError):
            path.unlink(missing_ok=True)


def replace_folder(new: Path, old: Path) -> None:
    """Replace the folder `old` by `new` in one step, and remove the old content.

    Linux exchanges two names atomically. Where the file system can't (some network ones), the old
    folder is moved aside first: for an instant there is none, and never a half one.
    """
    sync(new)
    if not old.exists():
        new.rename(old)
    elif _exchange(new, old):
        remove(new)
    else:
        aside = temporary_beside(old)
        old.rename(aside)
        new.rename(old)
        remove(aside)
    sync(old.parent)


def remove_folder(folder: Path) -> None:
    """Remove a whole folder in one step: a reader finds all of it or nothing."""
    aside = temporary_beside(folder)
    folder.rename(aside)
    sync(folder.parent)
    remove(aside)


def hash_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex. Raises OSError."""
    with os.fdopen(_open_file(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class HashCache:
    """SHA-256 of files, remembered by their size and change times; safe to delete.

    The stamp includes the inode and the change time, which programs cannot set, so that a file
    replaced by another with a copied time stamp is still read again.
    """

    def __init__(self, path: Path) -> None:
        """`path`: the JSON file in which the hashes are kept."""
        self._path = path
        self._lock = threading.Lock()
        self._changed = False
        self._known: dict[str, list[int | str]] = recalled(path, _hashes, {})
        # What was remembered in this process, in order.
        self._news: list[str] = []
        # How long this machine may show files as they were before another one replaced them.
        self.seconds_of_caches = 0.0

    def hash(self, path: Path) -> str:
        """The SHA-256 of a file, read only if it may have changed. Raises OSError."""
        stamp = _stamp(path)
        known = self._known.get(str(path))
        if known is not None and known[:-1] == stamp:
            return str(known[-1])
        # Checked before the file is read: writing to it from now on changes its stamp.
        unseen_ns = _RACE_NS if _is_let_go(path) else _WRITE_BACK_NS
        stamp = _stamp(path)
        digest = hash_file(path)
        if time.time_ns() - max(path.stat().st_ctime_ns, path.stat().st_mtime_ns) > unseen_ns:
            self._remember(path, stamp, digest)
        return digest

    def hash_ahead(self, paths: Iterable[Path]) -> None:
        """Hash files that may have changed, in parallel if they are large."""
        unknown = [p for p in paths if p.is_file() and self.stamp_of(p) != _stamp(p)]
        if len(unknown) == 1 or sum(path.stat().st_size for path in unknown) < _MUCH_BYTES:
            return
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
        try:
            for _ in pool.map(self.hash, unknown):
                pass
        finally:
            pool.shutdown(cancel_futures=True)

    def stamp_of(self, path: Path) -> list[int] | None:
        """Size, change times and inode under which a file's hash is known; None if it is not."""
        known = self._known.get(str(path))
        return [int(part) for part in known[:-1]] if known is not None else None

    def remember(self, path: Path, digest: str) -> None:
        """Store the hash of a file that the caller has just written."""
        self._remember(path, _stamp(path), digest)

    def since(self, seen: int) -> tuple[Hashes, int]:
        """What was remembered after the first `seen` hashes, for another process; and how many."""
        with self._lock:
            news = self._news[seen:]
            return {path: self._known[path] for path in news}, seen + len(news)

    def take_in(self, hashes: Hashes) -> None:
        """Remember what another process has hashed."""
        for path, known in hashes.items():
            if self._known.get(path) != known:
                self._remember(Path(path), [int(part) for part in known[:-1]], str(known[-1]))

    def wait_for(self, paths: Iterable[Path]) -> None:
        """Wait until files are here as their hashes are known.

        A client of a network file system may show for a while what another has replaced. Raises
        BuildError where it still does in the end.
        """
        until = time.monotonic() + self.seconds_of_caches
        for path in paths if self.seconds_of_caches else ():
            known = self._known.get(str(path))
            while known is not None and not _is_here(path, known):
                if time.monotonic() > until:
                    raise BuildError(
                        f"{os.uname().nodename} shows an older version of {path} than the machine "
                        "that wrote it.\nBuild again; if this recurs, ask the administrator how "
                        "long the file system is cached."
                    )
                time.sleep(0.1)

    def save(self) -> None:
        """Save the hashes for the next process."""
        with self._lock:
            if self._changed:
                text = json.dumps(self._known, indent=0, sort_keys=True)
                remember(self._path, text)
                self._changed = False

    def _remember(self, path: Path, stamp: list[int], digest: str) -> None:
        with self._lock:
            self._known[str(path)] = [*stamp, digest]
            self._news.append(str(path))
            self._changed = True


def _hashes(document: Mapping[str, Sequence[int | str]]) -> dict[str, list[int | str]]:
    return {
        path: [*map(int, known[:-1]), str(known[-1])]
        for path, known in document.items()
        if len(known) == len(_stamp(Path("/"))) + 1
    }


def _stamp(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _is_here(path: Path, known: Sequence[int | str]) -> bool:
    with suppress(OSError):
        if _stamp(path) == known[:-1]:
            return True
        # A client asks the server again when a folder or a file is opened.
        os.close(os.open(path.parent, os.O_RDONLY))
        return _stamp(path)[0] == known[0] and hash_file(path) == known[-1]
    return False


def _is_let_go(path: Path) -> bool:
    """Whether no process has a file open for writing, or mapped into memory for writing.

    The kernel grants a read lease only then. Where it grants none for other reasons (the file
    belongs to another user, or is on a network), the answer is no.
    """
    handle = _open_file(path)
    try:
        # A process that opens it for writing meanwhile waits; the signal to us is ignored.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError:
        return False
    else:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return True
    finally:
        os.close(handle)


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems cannot sync a folder; then nothing more can be done.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def _exchange(one: Path, other: Path) -> bool:
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    done = rename(_AT_FDCWD, bytes(one), _AT_FDCWD, bytes(other), ctypes.c_uint(_RENAME_EXCHANGE))
    return bool(done == 0)
