"""A release as a deposit in Zenodo, or in another repository with its interface.

Preparing it only reads the release. Sending it needs a target and a token; what is sent is a draft,
which a person reviews and publishes, because a publication cannot be undone.
https://developers.zenodo.org/#depositions
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.project import Project
from data_package.engine.storage import hash_file
from data_package.engine.versions.edition import release_folder, release_zip, released_versions
from data_package.engine.versions.level import Version

TOKEN = "ZENODO_TOKEN"  # noqa: S105
TARGETS = {"zenodo": "https://zenodo.org", "sandbox": "https://sandbox.zenodo.org"}
_METADATA = "zenodo.json"
# Besides the zip file, which holds everything: what a visitor of the deposit looks at first.
_IN_VIEW = ("README.md", "index.html")


@dataclass(frozen=True)
class DepositFile:
    """A file to send.

    Attributes:
        name: its name in the deposit.
        md5: the checksum that the repository returns.
    """

    name: str
    path: Path
    size_bytes: int
    sha256: str
    md5: str

    @classmethod
    def of(cls, path: Path) -> "DepositFile":
        """A file as it is now. Raises OSError."""
        with path.open("rb") as file:
            md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        return cls(path.name, path, path.stat().st_size, hash_file(path), md5)

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "name": self.name,
            "bytes": self.size_bytes,
            "sha256": self.sha256,
            "md5": self.md5,
        }


@dataclass(frozen=True)
class Deposit:
    """What is sent: files and metadata."""

    version: str
    files: tuple[DepositFile, ...]
    metadata: Mapping[str, object]

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "version": self.version,
            "files": [file.to_dict() for file in self.files],
            "metadata": self.metadata,
        }


def prepare(version: str | None, project: Project) -> Deposit:
    """The deposit of a release, by default the last one.

    Raises ProjectError when it is not on this machine, or lacks metadata that a deposit needs.
    """
    known = [v for v in released_versions(project) if release_folder(project, v).is_dir()]
    chosen = Version.parse(version) if version else (known[-1] if known else None)
    if chosen is None or chosen not in known:
        asked = f"no release {version!r}" if version else "no release"
        raise ProjectError(
            f"There is {asked} on this machine: {', '.join(map(str, known)) or 'none'}.\n"
            "Only a release can be published. Make one: data-package release"
        )
    folder, archive = release_folder(project, chosen), release_zip(project, chosen)
    if archive is None:
        raise ProjectError(
            f"The zip file of {chosen} is not in {project.relative(folder.parent)}.\n"
            "Make it again at the release's commit: data-package release"
        )
    try:
        metadata = json.loads((folder / _METADATA).read_bytes())
        paths = [archive, *(folder / name for name in _IN_VIEW)]
        files = tuple(DepositFile.of(path) for path in paths)
    except (OSError, ValueError) as error:
        raise ProjectError(f"The release {chosen} is not complete: {error}.") from None
    lacking = [name for name in ("title", "creators", "description") if not metadata.get(name)]
    if lacking:
        raise ProjectError(
            f"A deposit needs {' and '.join(lacking)}: write contributors into datapackage.yaml "
            "and release again."
        )
    return Deposit(str(chosen), files, metadata)


def address_of(target: str) -> str:
    """The address of a target: `zenodo`, `sandbox`, or one that is given in full.

    Raises ProjectError for an address to which the token would be sent unprotected.
    """
    from urllib.parse import urlsplit

    if target in TARGETS:
        return TARGETS[target]
    try:
        parts = urlsplit(target)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.username or parts.query or parts.fragment:
        raise ProjectError(f"{target!r} is not a target: use zenodo, sandbox, or https://…")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(host)):
        raise ProjectError(f"{target} is not protected: use https://…")
    return target.rstrip("/")


def send(deposit: Deposit, target: str, token: str, report: Callable[[str], None]) -> str:
    """Make a draft of the deposit, and return its address.

    Raises BuildError with the repository's message; the unfinished draft is then removed.
    """
    from data_package.engine.versions.repository import Repository

    repository = Repository(address_of(target), token)
    report("beginning a draft")
    draft = repository.ask("POST", "/api/deposit/depositions", {})
    links = draft.get("links")
    bucket = links.get("bucket") if isinstance(links, dict) else None
    if not isinstance(bucket, str) or not isinstance(draft.get("id"), int | str):
        raise BuildError(f"{target} answered with something that is not a draft of a deposit.")
    place = f"/api/deposit/depositions/{draft['id']}"
    try:
        for file in deposit.files:
            report(f"sending {file.name}")
            answer = repository.put_file(bucket, file.name, file.path)
            if answer.get("checksum") not in (file.md5, f"md5:{file.md5}"):
                raise BuildError(f"{file.name} did not arrive as it was sent. Try again.")
        report("sending the metadata")
        repository.ask("PUT", place, {"metadata": {**deposit.metadata}})
    except BaseException:
        repository.forget(place)
        raise
    html = links.get("html") if isinstance(links, dict) else None
    return html if isinstance(html, str) else f"{address_of(target)}{place}"


def _is_this_machine(host: str) -> bool:
    return host in ("localhost", "127.0.0.1", "::1")
