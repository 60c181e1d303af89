"""Why a file or a folder cannot be used, precisely, and what helps.

The operating system gives a number. What it leaves out (the owner of the folder, which part of a
path is too long, that the inodes are used up) is looked up here. Standard library only.
"""

import errno
import os
import pwd
import resource
import stat
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
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
# What services and their clients say of a connection, and what it means.
_OF_A_CONNECTION = {
    "authentication failed": "{it} refuses the user or the password",
    "no password supplied": "{it} asks for a password",
    "no pg_hba.conf entry": "{it} refuses this user from this machine",
    "could not translate host name": "there is no host of that name",
    "Connection refused": "nothing answers {there}",
    "No route to host": "the host cannot be reached",
    "timeout expired": "the host does not answer",
}
_ANOTHER_PLACE = "set another place for `storage` in pyproject.toml"

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
    if error.errno in NO_ROOM:
        return (
            f"{lack_of_room(path or Path()) or f'The disk that holds {_shown(path)} is full.'}\n"
            "Make room on it, then go on: what was finished is kept."
        )
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
        if not may:
            mode = f"mode {stat.S_IMODE(found.st_mode):o}"
            if found.st_uid != os.geteuid():
                owner = _user(found.st_uid)
                return (
                    f"{one} belongs to {owner} ({mode}), and you are {_user(os.geteuid())}.\n"
                    f"Work as {owner}, have the permissions changed, or {_ANOTHER_PLACE}."
                )
            return f"{one} denies you, its owner, access ({mode}).\nSee `chmod u+rwX`."
    return f"{path} cannot be used: permission denied.\nHave the permissions changed."


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
