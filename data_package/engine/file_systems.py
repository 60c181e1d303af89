"""Kinds of file systems: which of them several machines share.

Standard library only.
"""

from contextlib import suppress
from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")
_SHARED = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "gpfs", "beegfs"),
        *("panfs", "orangefs", "pvfs2", "wekafs", "glusterfs", "gfs2", "ocfs2", "fhgfs", "dvs"),
        *(f"fuse.{name}" for name in ("glusterfs", "sshfs", "ceph", "ceph-fuse", "beegfs")),
        *(f"fuse.{name}" for name in ("fuse-nfs", "nfs", "mfs", "lizardfs", "juicefs", "quobyte")),
        *(f"fuse.{name}" for name in ("rclone", "s3fs", "gcsfuse", "blobfuse2", "daos", "davfs")),
    }
)


def kind_of(path: Path, mounts: Path | None = None) -> str:
    """The kind of the file system of a path, as the kernel names it; empty where it is unknown."""
    best, kind = "", ""
    real = path.resolve()
    with suppress(OSError):
        for line in (mounts or _MOUNTS).read_text().splitlines():
            point, found = line.split()[1:3]
            place = point.encode().decode("unicode_escape")
            if real.is_relative_to(place) and len(place) >= len(best):
                best, kind = place, found
    return kind


def is_shared(kind: str) -> bool:
    """Whether other machines may write to a file system of this kind."""
    return kind in _SHARED
