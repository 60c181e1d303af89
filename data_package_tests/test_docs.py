"""The documentation does what it says: its commands are run, its files are made, its links lead on.

A block of code says behind its language how it is meant: `title="path"` is a file, `sh` is run,
`python run` too, `exit=1` is the expected exit code, `no-run` is left alone; `text` below a command
is what it prints. After a change of a verb's options, write the reference's help texts anew:

    .venv/bin/python -m data_package_tests.test_docs
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from data_package.engine.cli.verbs import command as verbs
from data_package.engine.errors import ProjectError
from data_package.engine.places import LOCK
from data_package.engine.project import find_project
from data_package.engine.scaffold import texts
from data_package.engine.staleness.lock import parse, render
from data_package_tests import prepared

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
COMMANDS = DOCS / "reference" / "commands.md"
# The pages whose commands are run, in one project: later ones use the files of earlier ones.
HOW_TO = (
    *("raw-files", "tables", "contracts", "tests", "building", "when-a-table-fails"),
    *("reading-tables", "git", "releases", "servers", "dagster", "partitions"),
)
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

_FENCE = re.compile(
    r"^```(?P<language>\w+)?(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# What differs between machines and moments: seconds, sizes and memory.
_MEASURED = re.compile(r"\(?\d+\.\d+")
_AFTER_VERBS = "## Dagster's own commands"
_OF_THE_SHELL = set("*?$|&;<>\\`~{")
_UNITS = {"B", "kB", "MB", "GB"}


@dataclass(frozen=True)
class Block:
    """A block of code in a document."""

    language: str
    info: str
    text: str
    place: str

    @property
    def title(self) -> str | None:
        found = re.search(r'title="([^"]+)"', self.info)
        return found.group(1) if found else None

    @property
    def exit_code(self) -> int:
        found = re.search(r"exit=(\d+)", self.info)
        return int(found.group(1)) if found else 0

    @property
    def command(self) -> list[str] | None:
        words = self.info.split()
        if "no-run" in words:
            return None
        if self.language == "sh":
            return ["bash", "-euo", "pipefail", "-c", self.text]
        if self.language == "python" and "run" in words:
            return [sys.executable, "-c", self.text]
        return None


def blocks_of(document: Path) -> list[Block]:
    text = document.read_text()
    return [
        Block(
            language=found["language"] or "",
            info=found["info"],
            text=found["text"],
            place=f"{document.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}",
        )
        for found in _FENCE.finditer(text)
    ]


def play(document: Path, folder: Path) -> None:
    """Make every file of a document and run every command, in order, and compare the output."""
    output = ""
    for block in blocks_of(document):
        if block.language == "json":
            continue
        if block.title:
            path = folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.command:
            code, output = run_quickly(block, folder)
            assert code == block.exit_code, f"{block.place}: exit code {code}\n{output}"
        elif block.language == "text":
            compare(block, output)


def run_quickly(block: Block, folder: Path) -> tuple[int, str]:
    """As `run`, but the project's own verbs run in a process that has imported what they need."""
    lines = block.text.splitlines()
    if block.language != "sh" or not any(map(_verb, lines)):
        assert block.command
        return run(block.command, folder)
    code, output = 0, ""
    for line in lines:
        if verb := _verb(line):
            done = prepared.run(verb, folder, environment(), together=True)
            code, text = done.returncode, done.stdout.replace(f"{folder}/", "")
        else:
            code, text = run(["bash", "-euo", "pipefail", "-c", line], folder)
        output += text
        if code:
            break
    return code, output


def _verb(line: str) -> list[str]:
    """The words of `data-package` in a line that holds nothing else for the shell to do."""
    name, *words = shlex.split(line) or [""]
    plain = name in ("data-package", ".venv/bin/data-package") and not set(line) & _OF_THE_SHELL
    return words if plain else []


def run(words: list[str], folder: Path, **more: str) -> tuple[int, str]:
    """Run a command as a new user would, and return its exit code and all that it prints."""
    done = subprocess.run(
        words,
        cwd=folder,
        env=environment() | more,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout.replace(f"{folder}/", "")


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER", "PYTEST", "GIT_"))}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "200",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        **{f"GIT_{who}_NAME": "Nobody" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "nobody@example.org" for who in ("AUTHOR", "COMMITTER")},
    }


def compare(block: Block, output: str) -> None:
    """Each line of the document was reported, in this order; `…` stands for lines left out."""
    rest = iter(output.splitlines())
    for line in block.text.splitlines():
        if line.strip() and line.strip() != "…":
            assert any(_plain(line) == _plain(other) for other in rest), (
                f"{block.place}: this line is not printed, or not here:\n{line}\n\nbut:\n{output}"
            )


def _plain(line: str) -> list[str]:
    words = [_MEASURED.sub("0.0", word) for word in line.split()]
    return ["B" if word in _UNITS else word for word in words]


def test_the_comparison_sees_a_difference() -> None:
    block = Block("text", "", "a  built 1.2 kB in 0.3 s\n…\nrows 5\n", "here")
    compare(block, "a built 7.9 MB in 3.3 s\nmore\nrows 5\n")
    for wrong in ("a built 7.9 MB in 3.3 s\nrows 6\n", "rows 5\na built 7.9 MB in 3.3 s\n"):
        with pytest.raises(AssertionError, match="not printed"):
            compare(block, wrong)


def test_the_commands_of_the_readme_run_and_change_only_what_is_built() -> None:
    before = _changes()
    for block in blocks_of(ROOT / "README.md"):
        if block.language == "sh":
            # Whoever runs the tests has made the build, and runs the tests.
            if block.text.strip() not in ("make build", "make test"):
                code, output = run_quickly(block, ROOT)
                assert code == 0, f"{block.place}:\n{output}"
        elif block.language == "python":
            compile(block.text, block.place, "exec")
            if block.text.startswith(("import ", "from ")):
                code, output = run([sys.executable, "-c", block.text], ROOT)
                assert code == 0, f"{block.place}:\n{output}"
    assert _changes() == before


def _changes() -> set[str]:
    done = subprocess.run(
        [
            "git",
            "status",
            "--porcelain",
            "--untracked-files=all",
            "--",
            ".",
            ":!storage",
            f":!{LOCK}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines())


def test_the_tutorial_leads_to_a_data_package_and_the_json_is_as_documented(
    tmp_path: Path,
) -> None:
    study = tmp_path / "my-study"
    study.mkdir()
    play(DOCS / "tutorial.md", study)
    assert json.loads((study / "storage/package/datapackage.json").read_text())["title"]
    assert shutil.which("git") is None or not run(["git", "status", "--short"], study)[1]
    for block in blocks_of(COMMANDS):
        if block.language == "json" and block.title:
            name, *words = shlex.split(block.title)
            assert name == "data-package"
            done = prepared.run(words, study, environment())
            assert done.returncode == block.exit_code, f"{block.place}: {done.stderr}"
            documented, real = json.loads(block.text), json.loads(done.stdout)
            assert not list(_differences(documented, real)), block.place


def _differences(documented: object, real: object, at: str = "") -> Iterator[str]:
    """Where two documents of JSON have other names or types; null may stand for anything."""
    if documented is None or real is None:
        return
    if type(documented) is not type(real):
        yield f"{at}: {type(documented).__name__}, but {type(real).__name__}"
    elif isinstance(documented, dict) and isinstance(real, dict):
        for name in documented.keys() ^ real.keys():
            yield f"{at}.{name}: only {'documented' if name in documented else 'real'}"
        for name in documented.keys() & real.keys():
            yield from _differences(documented[name], real[name], f"{at}.{name}")
    elif isinstance(documented, list) and isinstance(real, list) and documented and real:
        yield from _differences(documented[0], real[0], f"{at}[]")


def test_every_answer_of_the_how_to_works(tmp_path: Path) -> None:
    study = tmp_path / "my-study"
    (study / "my_study").mkdir(parents=True)
    (study / "pyproject.toml").write_text(
        '[project]\nname = "my-study"\nversion = "0.1.0"\n'
        '[tool.data-package]\npackage = "my_study"\n'
    )
    (study / "workspace.yaml").write_text(texts.WORKSPACE.format(package="my_study"))
    (study / "my_study/definitions.py").write_text(texts.DEFINITIONS.format(package="my_study"))
    shutil.copy(ROOT / "dagster.yaml", study)
    for folder in ("", "raw", "intermediate", "final"):
        package = study / "my_study" / folder
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
    for page in HOW_TO:
        play(DOCS / f"how-to/{page}.md", study)


def _titled(document: Path, title: str) -> str:
    return next(block.text for block in blocks_of(document) if block.title == title)


def test_the_reference_shows_the_help_of_every_verb() -> None:
    shown = {b.title: b.text for b in blocks_of(COMMANDS) if b.title and b.language == "text"}
    assert shown == helps(), (
        "docs/reference/commands.md is not up to date; write its help texts anew:\n"
        "  .venv/bin/python -m data_package_tests.test_docs"
    )


def helps() -> dict[str, str]:
    """What `--help` prints, by the command."""
    width: dict[str, Any] = {**verbs.context_settings, "terminal_width": 80}
    top = click.Context(verbs, info_name="data-package", **width)
    made = {"data-package --help": verbs.get_help(top) + "\n"}
    for name in verbs.list_commands(top):
        verb = verbs.get_command(top, name)
        assert verb is not None
        # click keeps the help option of whoever asked first, be it another test.
        verb._help_option = None
        context = click.Context(verb, info_name=name, parent=top, terminal_width=80)
        made[f"data-package {name} --help"] = verb.get_help(context) + "\n"
    return made


def write_helps() -> None:
    """Put the help texts into the reference; a verb that has no place there gets one."""
    text = COMMANDS.read_text()
    for title, words in helps().items():
        block = f'```text title="{title}"\n{words}```'
        place = re.compile(rf'^```text title="{title}"\n.*?^```$', re.MULTILINE | re.DOTALL)
        if place.search(text):
            text = place.sub(lambda _, block=block: block, text)  # type: ignore[misc]
        else:
            section = f"## {title.split()[1]}\n\n{block}\n\n"
            text = text.replace(_AFTER_VERBS, section + _AFTER_VERBS)
    COMMANDS.write_text(text)


def test_each_message_of_the_troubleshooting_is_one_of_ours() -> None:
    text = (DOCS / "troubleshooting.md").read_text()
    messages = re.findall(r"^### `(.+)`$", text, re.MULTILINE)
    assert len(messages) > 10
    source = "".join(path.read_text() for path in (ROOT / "data_package/engine").rglob("*.py"))
    assert [message for message in messages if message not in source] == []


@pytest.mark.parametrize("page", sorted(DOCS.glob("how-to/*.md")), ids=lambda page: page.stem)
def test_the_code_of_a_how_to_page_can_be_read(page: Path) -> None:
    for block in blocks_of(page):
        if block.language == "python":
            compile(block.text, block.place, "exec")
        elif block.language == "yaml":
            assert yaml.safe_load(block.text), block.place


def test_every_verb_has_a_heading_in_the_reference() -> None:
    headings = re.findall(r"^## (.+)$", COMMANDS.read_text(), re.MULTILINE)
    names = verbs.list_commands(click.Context(verbs))
    assert set(names) <= set(headings)


def test_the_settings_in_the_reference_are_those_that_there_are(tmp_path: Path) -> None:
    text = _titled(DOCS / "reference/settings.md", "pyproject.toml")
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    find_project(tmp_path)
    path.write_text('[tool.data-package]\nnone = ""\n')
    with pytest.raises(ProjectError, match="Known settings") as wrong:
        find_project(tmp_path)
    known = str(wrong.value).partition("Known settings: ")[2].rstrip(".").split(", ")
    assert list(tomllib.loads(text)["tool"]["data-package"]) == known


def test_the_lock_file_in_the_reference_is_one() -> None:
    text = _titled(DOCS / "reference/lock-file.md", LOCK)
    assert render(parse(text)) == text


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    for target in _LINK.findall(_FENCE.sub("", document.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        if document.name == "index.md" and name.startswith("example/"):
            # `docs/site.py` puts the example there, and `make docs` fails without it.
            continue
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), f"{document}: {target}"
        if anchor:
            assert anchor in _anchors(path), f"{document}: {target}"


def _anchors(document: Path) -> set[str]:
    """The names that the headings of a document get on GitHub."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_document_names_a_path_of_this_machine(document: Path) -> None:
    text = document.read_text()
    for place in {ROOT, ROOT.parent, Path.home(), Path(sys.prefix)} - {Path("/")}:
        assert not re.search(rf"(?<![\w.]){re.escape(str(place))}(?![\w-])", text), place


def test_the_web_pages_start_from_the_workspace_and_leave_no_process(tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [str(Path(sys.executable).parent / "dagster-webserver"), "-w", "workspace.yaml"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [*words, "-h", "127.0.0.1", "-p", str(port)],
            cwd=ROOT,
            env=environment() | {"DATA_PACKAGE_TEST": mark},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        names = _assets(port, server)
        assert {"subjects", "data_package"} <= names, (tmp_path / "log").read_text()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        left = _wait_for_end(mark, server)
    assert not left


def _assets(port: int, server: "subprocess.Popen[bytes]") -> set[str]:
    query = json.dumps({"query": "{assetNodes {assetKey {path}}}"}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", query, {"Content-Type": "application/json"}
    )
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                found: Mapping[str, dict[str, list[dict[str, dict[str, list[str]]]]]] = json.load(
                    answer
                )
                return {"/".join(node["assetKey"]["path"]) for node in found["data"]["assetNodes"]}
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return set()


def _wait_for_end(mark: str, server: "subprocess.Popen[bytes]") -> list[str]:
    """The processes that a signal to the group did not end; they are killed."""
    end = time.monotonic() + 30
    while (left := _marked(mark)) and time.monotonic() < end:
        server.poll()
        time.sleep(0.1)
    for process in left:
        os.kill(int(process.name), signal.SIGKILL)
    server.wait()
    return [process.name for process in left]


def _marked(mark: str) -> list[Path]:
    """The processes that were started with this mark in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append(process)
        except OSError:
            continue
    return found


if __name__ == "__main__":
    write_helps()
