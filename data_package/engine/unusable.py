"""Why a file or a folder cannot be used, precisely, and what helps.

The operating system gives a number. What it leaves out (the owner of the folder, which part of a
path is too long, that the inodes are used up) is looked up here. Standard library only.
"""

import errno
import os
import pwd
import re
import resource
import shlex
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

# SQLite cannot open a database on a disk with less.
_NEXT_TO_NOTHING_BYTES = 1 << 18
_LONGEST_NAME = 255
_LONGEST_PATH = 4095
# Of those that were there, what failed has let go of some.
_NEXT_TO_NO_INODES = 4
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM)
# Why a process or a thread cannot be started.
OF_PROCESSES = (errno.EAGAIN, errno.ENOMEM)
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
# What services and their clients say of a connection, and what it means.
_OF_A_CONNECTION = {
    "authentication failed": "{it} refuses the user or the password",
    "no password supplied": "{it} asks for a password",
    "no pg_hba.conf entry": "{it} refuses this user from this machine",
    "could not translate host name": "no host has that name",
    "Name or service not known": "no host has that name",
    "name resolution": "no host has that name",
    "Connection refused": "nothing answers {there}",
    "No route to host": "the host cannot be reached",
    "timeout expired": "the host does not answer",
}
_MAKE_ROOM = "Make room on it, then go on: what was finished is kept."
_NUMBER = re.compile(r"\[Errno (\d{1,4})\]|\bos error (\d{1,4})\b")
_IN_WORDS = {
    "no space left on device": errno.ENOSPC,
    "database or disk is full": errno.ENOSPC,
    "quota exceeded": errno.EDQUOT,
    "file too large": errno.EFBIG,
    "read-only file system": errno.EROFS,
    "too many open files": errno.EMFILE,
    "input/output error": errno.EIO,
    "resource temporarily unavailable": errno.EAGAIN,
    "disk i/o error": errno.EIO,
}
_ANOTHER_PLACE = "set another place for `storage` in pyproject.toml"

# https://man7.org/linux/man-pages/man2/statx.2.html
_AT_FDCWD = -100
_AT_SYMLINK_NOFOLLOW = 0x100
_FIXED = (0x10, "is immutable", "i"), (0x20, "can only be appended to", "a")
_MOUNT = 0x2000
_CAP_FOWNER = 1 << 3

# Errors that come from the place and the owner of files, not from a program or a row.
OF_THE_PLACE = frozenset(
    {
        *NO_ROOM,
        *_FORBIDDEN,
        *NO_LOCKS,
        errno.EROFS,
        errno.EEXIST,
        errno.EISDIR,
        errno.ENOTDIR,
        errno.ENXIO,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.EFBIG,
        errno.EMFILE,
        errno.ENFILE,
        errno.EIO,
        errno.ESTALE,
        errno.ETXTBSY,
        errno.EBUSY,
    }
)


def why(error: OSError, place: Path | str | None = None) -> str:
    """A sentence on why a place cannot be used, and one on what helps."""
    named = place if place is not None else error.filename
    path = Path(os.fsdecode(named)) if isinstance(named, str | bytes | os.PathLike) else None
    if error.errno == errno.EDQUOT:
        return f"Your quota on the disk that holds {_shown(path)} is used up.\n{_MAKE_ROOM}"
    if error.errno in NO_ROOM:
        full = lack_of_room(path or Path()) or f"The disk that holds {_shown(path)} is full."
        return f"{full}\n{_MAKE_ROOM}"
    if path is not None and error.errno in _FORBIDDEN:
        return _forbidden(path)
    what = _shown(path)
    match error.errno:
        case errno.EROFS:
            return (
                f"{what} is on a read-only file system.\nMount it for writing, or {_ANOTHER_PLACE}."
            )
        case errno.ENOTDIR | errno.EEXIST if path is not None and (file := _file_above(path)):
            return f"{file} is a file, but a folder is needed.\nMove it, or {_ANOTHER_PLACE}."
        case errno.ENXIO:
            return f"{what} is a pipe, a socket or a device, and not a file.\nMove or remove it."
        case errno.ENAMETOOLONG if path is not None:
            return _too_long(path)
        case errno.EMFILE | errno.ENFILE:
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            return (
                f"Too many files are open at once; {most} are allowed.\nAllow more: ulimit -n 1024"
            )
        case errno.EAGAIN:
            return (
                "You have as many processes and threads as you are allowed.\n"
                "End others, or allow more: see ulimit -u."
            )
        case errno.ENOMEM:
            return (
                "There is not enough memory for it.\nEnd other programs, or allow more: see "
                "ulimit -v."
            )
        case errno.EFBIG:
            return f"{what} would be larger than is allowed here.\nSee `ulimit -f`."
        case errno.EIO | errno.ESTALE:
            return (
                f"The disk that holds {what} reports an error: "
                f"{os.strerror(error.errno)}.\nAsk the administrator of the machine."
            )
        case number if number in NO_LOCKS:
            return (
                f"The file system that holds {what} cannot lock files, so two builds at the same "
                f"time would collide.\nMount it with locks, or {_ANOTHER_PLACE}."
            )
    return f"{what} cannot be used: {error.strerror or 'no reason is given'}."


def why_failed(error: BaseException, *places: Path) -> str:
    """Say what a library's error means for the places that it wrote to; empty if it is of no disk.

    Libraries put the number of the system's error into their words, or the system's words, or they
    say only that they failed: then a full disk is the reason. Nothing of their words is shown.
    """
    number = number_of(error)
    full = next(filter(None, map(lack_of_room, places)), "")
    if full and (number is None or number in (*NO_ROOM, errno.EIO)):
        return f"{full}\n{_MAKE_ROOM}"
    return why(OSError(number, os.strerror(number)), places[0]) if number in OF_THE_PLACE else ""


def number_of(error: BaseException) -> int | None:
    """Find the number of the system's error in one of a library; None if there is none."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    said = str(error)
    if found := _NUMBER.search(said):
        return int(found[1] or found[2])
    return next((number for words, number in _IN_WORDS.items() if words in said.lower()), None)


def lack_of_room(place: Path) -> str:
    """A sentence that names the full disk; empty while there is room."""
    there = _nearest(place)
    try:
        disk = os.statvfs(there)
    except OSError:
        return ""
    if disk.f_bavail * disk.f_frsize < _NEXT_TO_NOTHING_BYTES:
        return f"The disk that holds {there} is full."
    if disk.f_files and disk.f_favail < _NEXT_TO_NO_INODES:
        return f"The disk that holds {there} has no inodes left: it cannot hold another file."
    return ""


def why_fixed(path: Path) -> str:
    """Say why a file or folder cannot be replaced though its folder can be written to, if so."""
    if immutable := _immutable(path):
        return immutable
    if _attributes(path) & _MOUNT:
        return (
            f"{path} is a mount point, which cannot be replaced.\n"
            f"Mount {path.parent} instead of it."
        )
    try:
        own, above = path.lstat(), path.parent.stat()
    except OSError:
        return ""
    is_sticky = above.st_mode & stat.S_ISVTX and os.geteuid() not in (own.st_uid, above.st_uid)
    if is_sticky and not _may_replace_any():
        owner = _user(own.st_uid)
        return (
            f"{path} belongs to {owner}, and {path.parent} lets nobody else replace it "
            f"(mode {stat.S_IMODE(above.st_mode):o}).\nWork as {owner}, or in a folder of your own."
        )
    return ""


def _immutable(path: Path) -> str:
    """Say what keeps even its owner from changing a file or folder, if anything does."""
    attributes = _attributes(path)
    for attribute, what, letter in _FIXED:
        if attributes & attribute:
            return f"{path} {what}.\nLet it be changed: chattr -{letter} {shlex.quote(str(path))}"
    return ""


def _attributes(path: Path) -> int:
    """The attributes of statx(2), such as whether a file is immutable; 0 where they are unknown."""
    import ctypes

    found = ctypes.create_string_buffer(256)
    try:
        called = ctypes.CDLL(None).statx(
            _AT_FDCWD, os.fsencode(path), _AT_SYMLINK_NOFOLLOW, 0, ctypes.byref(found)
        )
    except (AttributeError, ValueError):
        return 0
    return int.from_bytes(found.raw[8:16], sys.byteorder) if called == 0 else 0


def _may_replace_any() -> bool:
    """Whether this process may replace files of others in a folder that protects them."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) & _CAP_FOWNER)
    return os.geteuid() == 0


def belongs_to_another(place: Path) -> str:
    """The owner of a folder that belongs to another user; empty for one's own."""
    try:
        owner = place.stat().st_uid
    except OSError:
        return ""
    return _user(owner) if owner != os.geteuid() else ""


def _forbidden(path: Path) -> str:
    """Find the part of the path that belongs to another user, or denies access."""
    for one in reversed([path, *path.parents]):
        try:
            found = one.stat()
        except OSError:
            break
        is_last = one in (path, path.parent)
        may = os.access(one, os.R_OK | os.X_OK if stat.S_ISDIR(found.st_mode) else os.R_OK)
        if may and is_last:
            may = os.access(one, os.W_OK)
        if not may and (immutable := _immutable(one)):
            return immutable
        if not may:
            mode = f"mode {stat.S_IMODE(found.st_mode):o}"
            if found.st_uid != os.geteuid():
                owner = _user(found.st_uid)
                return (
                    f"{one} belongs to {owner} ({mode}), and you are {_user(os.geteuid())}.\n"
                    f"Work as {owner}, have the permissions changed, or {_ANOTHER_PLACE}."
                )
            return f"{one} denies you, its owner, access ({mode}).\nSee `chmod u+rwX`."
    fixed = why_fixed(path) or _immutable(path.parent)
    return fixed or f"{path} cannot be used: permission denied.\nHave the permissions changed."


def _too_long(path: Path) -> str:
    name = max(path.parts, key=lambda part: len(os.fsencode(part)))
    length = len(os.fsencode(name))
    if length > _LONGEST_NAME:
        return (
            f"The name {name[:40]}… is {length} bytes long; at most {_LONGEST_NAME} are allowed.\n"
            "Give it a shorter one."
        )
    whole = len(os.fsencode(path.absolute()))
    return (
        f"The path of {path.name} is {whole} bytes long; at most {_LONGEST_PATH} are allowed.\n"
        "Move the project to a folder with a shorter path."
    )


def _file_above(path: Path) -> Path | None:
    with suppress(OSError):
        return next(
            (one for one in (path, *path.parents) if one.exists() and not one.is_dir()), None
        )
    return None


def _nearest(place: Path) -> Path:
    """The place, or the nearest folder above it that exists."""
    for one in (place, *place.parents):
        with suppress(OSError):
            if one.exists():
                return one
    return place


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _shown(path: Path | None) -> str:
    return str(path) if path is not None else "a file"


def why_not_connected(words: str, it: str, there: str, more: Mapping[str, str]) -> str:
    """Say why a service was not reached, without its own words; nothing where they are not known.

    `it` and `there` name the service and its address; `more` has meanings of further words.
    """
    for theirs, ours in {**_OF_A_CONNECTION, **more}.items():
        if theirs in words:
            return ours.format(it=it, there=there)
    return ""
