"""A release becomes a draft of a deposit: nothing is sent that nobody asked to send."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import Any

import pytest
from click.testing import CliRunner, Result

from data_package.engine.cli.publish import command
from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.project import Project
from data_package.engine.versions.deposit import TOKEN, address_of, prepare, send

METADATA = {"title": "T", "description": "D", "creators": [{"name": "Talt, Ærlig"}]}
SECRET = "a-secret-token"


@dataclass
class Zenodo:
    """What a repository on this machine was asked, and how it answers."""

    address: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    fault: str = ""


@pytest.fixture
def zenodo() -> Iterator[Zenodo]:
    state = Zenodo()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            state.asked.append((self.command, self.path))
            state.tokens.add(self.headers.get("Authorization"))
            code, reported = self._decide(body)
            self.send_response(code)
            if code == 302:
                self.send_header("Location", f"{state.address}/elsewhere")
            self.end_headers()
            self.wfile.write(json.dumps(reported).encode())

        def _decide(self, body: bytes) -> tuple[int, object]:
            if state.fault == "refuses":
                return 401, {"message": f"Bad {SECRET}\x1b[2J", "errors": [{"field": "x"}]}
            if state.fault == "redirects":
                return 302, {}
            if self.command == "POST":
                bucket = "http://127.0.0.2/x" if state.fault == "elsewhere" else state.address
                links = {"bucket": f"{bucket}/files/b", "html": "https://example.org/draft/7"}
                return 201, {"id": 7, "links": links}
            if self.command == "PUT" and self.path.startswith("/files/b/"):
                state.files[self.path.rpartition("/")[2]] = body
                lost = b"lost" if state.fault == "loses" else b""
                md5 = hashlib.md5(body + lost, usedforsecurity=False).hexdigest()
                return 201, {"checksum": f"md5:{md5}"}
            if self.command == "PUT":
                state.metadata = json.loads(body)["metadata"]
                return 200, {}
            return 204, {}

        do_POST = do_PUT = do_DELETE = do_GET = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = TCPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a release that was made by hand."""
    (tmp_path / "pyproject.toml").write_text('[tool.data-package]\npackage = "study"\n')
    for version in ("0.9.0", "1.0.0"):
        folder = tmp_path / "storage" / "releases" / version
        folder.mkdir(parents=True)
        (folder / "zenodo.json").write_text(json.dumps({**METADATA, "version": version}))
        (folder / "README.md").write_text("read")
        (folder / "index.html").write_text("page")
        (folder.parent / f"my-study-{version}.zip").write_bytes(bytes(3_000_000))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(TOKEN, raising=False)
    return Project(tmp_path, "study", tmp_path / "storage")


def run(*words: str) -> Result:
    return CliRunner().invoke(command, list(words))


def test_a_dry_run_shows_the_files_and_the_words_and_sends_nothing(
    project: Project, zenodo: Zenodo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, SECRET)
    expected = json.loads(run("--dry-run", "--to", zenodo.address, "--json").output)
    assert (expected["sent"], expected["draft"], expected["version"]) == (False, None, "1.0.0")
    assert [file["name"] for file in expected["files"]] == [
        *("my-study-1.0.0.zip", "README.md", "index.html")
    ]
    assert expected["files"][1]["sha256"] == hashlib.sha256(b"read").hexdigest()
    assert expected["metadata"]["creators"] == METADATA["creators"]
    assert "Nothing was sent." in run("0.9.0", "--dry-run").output
    assert zenodo.asked == []


def test_nothing_is_sent_without_a_target_and_a_token(
    project: Project, zenodo: Zenodo, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run().exit_code == 2
    for token in ("", "  ", "broken\nheader", "ø"):
        monkeypatch.setenv(TOKEN, token)
        refused = run("--to", zenodo.address)
        assert isinstance(refused.exception, ProjectError)
        assert "ZENODO_TOKEN holds no token" in str(refused.exception)
    assert zenodo.asked == []


def test_a_release_becomes_a_draft_and_is_not_published(
    project: Project, zenodo: Zenodo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, SECRET)
    done = run("--to", zenodo.address)
    assert done.exit_code == 0, done.exception
    assert "https://example.org/draft/7" in done.output
    assert SECRET not in done.output
    assert zenodo.metadata == {**METADATA, "version": "1.0.0"}
    sizes = {name: len(content) for name, content in zenodo.files.items()}
    assert sizes == {"my-study-1.0.0.zip": 3_000_000, "README.md": 4, "index.html": 4}
    assert zenodo.tokens == {f"Bearer {SECRET}"}
    assert not any("publish" in path for _, path in zenodo.asked)
    assert all(SECRET not in path for _, path in zenodo.asked)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("refuses", "refused with 401: Bad …"),
        ("redirects", "refused with 302"),
        ("elsewhere", "asks to send the files to another host"),
        ("loses", "did not arrive as it was sent"),
    ],
)
def test_a_repository_that_misbehaves_gets_no_further(
    project: Project, zenodo: Zenodo, fault: str, expected: str
) -> None:
    zenodo.fault = fault
    with pytest.raises(BuildError) as caught:
        send(prepare(None, project), zenodo.address, SECRET, lambda _: None)
    reported = str(caught.value)
    assert expected in reported
    assert SECRET not in reported
    assert "\x1b" not in reported
    assert ("GET", "/elsewhere") not in zenodo.asked
    begun = zenodo.asked[-1] == ("DELETE", "/api/deposit/depositions/7")
    assert begun == (fault in ("elsewhere", "loses"))


def test_a_repository_that_is_not_there_is_reported(project: Project) -> None:
    with pytest.raises(BuildError, match="cannot be reached"):
        send(prepare(None, project), "http://127.0.0.1:9", SECRET, lambda _: None)


def test_only_protected_addresses_are_targets() -> None:
    assert address_of("sandbox") == "https://sandbox.zenodo.org"
    assert address_of("https://example.org/") == "https://example.org"
    assert address_of("http://localhost:5000") == "http://localhost:5000"
    for target in (
        *("http://example.org", "ftp://example.org", "example.org", "https://", "zenod"),
        *("https://user:secret@example.org", "https://example.org?token=x", "http://[::1"),
        *("http://localhost.example.org", "http://127.0.0.1.example.org"),
    ):
        with pytest.raises(ProjectError):
            address_of(target)


def test_what_cannot_be_published_is_reported_with_what_to_do(project: Project) -> None:
    with pytest.raises(ProjectError, match=r"There is no release '2\.0\.0' .*: 0\.9\.0, 1\.0\.0"):
        prepare("2.0.0", project)
    releases = project.storage / "releases"
    (releases / "1.0.0" / "zenodo.json").write_text('{"title": "T"}')
    with pytest.raises(ProjectError, match="A deposit needs creators and description"):
        prepare(None, project)
    (releases / "my-study-1.0.0.zip").unlink()
    with pytest.raises(ProjectError, match="Make it again"):
        prepare("1.0.0", project)
