"""A headless Chromium that asks this machine only: what it asks for, says and shows."""

import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_QUIET = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    *("--disable-default-apps", "--no-default-browser-check", "--disable-dev-shm-usage"),
    *("--disable-domain-reliability", "--disable-client-side-phishing-detection"),
    *("--metrics-recording-only", "--password-store=basic", "--window-size=1400,1000"),
    # No name but this machine's is looked up, not even by the browser for itself.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, \
EXCLUDE *.localhost",
)


@dataclass
class Tab:
    """A page. What it asked for is in `requests`, what it complained of in `complaints`."""

    channel: ClientConnection
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _number: int = 0

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self.channel.send(json.dumps(message))
        while True:
            answer = json.loads(self.channel.recv(timeout=60))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self._hear(answer)

    def _hear(self, answer: dict[str, Any]) -> None:
        parameters = answer.get("params", {})
        if answer["method"] == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif answer["method"] == "Network.webSocketCreated":
            self.requests.append(parameters["url"])
        elif answer["method"] == "Log.entryAdded":
            self.complaints.append(parameters["entry"]["text"])
        elif answer["method"] == "Runtime.exceptionThrown":
            self.complaints.append(parameters["exceptionDetails"]["text"])

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)

    def go(self, path: str) -> None:
        """Lead to another page of the same application, as its links do, without a new load."""
        self.ask(
            f"history.pushState({{}}, '', {json.dumps(path)});"
            "dispatchEvent(new PopStateEvent('popstate'))"
        )

    def ask(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    @property
    def text(self) -> str:
        return str(self.ask("document.body ? document.body.innerText : ''"))

    def wait_for(self, *words: str, seconds: float = 60) -> str:
        """The page's text, once it holds all these words."""
        for _ in range(int(seconds * 4)):
            if all(word in (text := self.text) for word in words):
                return text
            time.sleep(0.25)
        raise AssertionError(f"{words} do not appear in:\n{text}\n{self.complaints}")

    def wait_until(self, what: Callable[[], bool]) -> None:
        for _ in range(240):
            if what():
                return
            time.sleep(0.25)
        raise AssertionError(self.text)

    def click(self, words: str, *, kind: str = "*") -> None:
        """Click the innermost element that shows these words and no more."""
        script = f"""(() => {{
          const found = [...document.querySelectorAll({json.dumps(kind)})]
            .filter(e => e.innerText?.trim() === {json.dumps(words)} && e.offsetParent !== null);
          if (found.length) found[found.length - 1].click();
          return found.length; }})()"""
        for _ in range(120):
            if self.ask(script):
                return
            time.sleep(0.25)
        raise AssertionError(f"there is no {words!r} to click in:\n{self.text}")

    def hover(self, words: str) -> None:
        """Rest the pointer on the innermost element that shows these words and no more."""
        self.wait_for(words)
        place = self.ask(
            f"""(() => {{
              const found = [...document.querySelectorAll('*')]
                .filter(e => e.innerText?.trim() === {json.dumps(words)} && e.checkVisibility());
              const box = found[found.length - 1].getBoundingClientRect();
              return [box.x + box.width / 2, box.y + box.height / 2]; }})()"""
        )
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])

    def screenshot(self, path: Path) -> None:
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))


def shown(page: Path, *options: str, part: str = "") -> "subprocess.CompletedProcess[str]":
    """What a browser makes of a page, as `part` of it is asked for: the document as HTML."""
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            [
                *(str(CHROMIUM), *_QUIET, *options, f"--user-data-dir={profile}"),
                *("--virtual-time-budget=3000", "--dump-dom", f"{page.as_uri()}#{part}"),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )


@contextmanager
def browser(folder: Path, *options: str, prefix: tuple[str, ...] = ()) -> Iterator[Tab]:
    """A browser with nothing in it, and its first tab; `prefix` stands before its command."""
    assert CHROMIUM is not None
    profile = folder / "profile"
    process = subprocess.Popen(
        [
            *(*prefix, CHROMIUM, *_QUIET, *options, "--remote-debugging-port=0"),
            *(f"--user-data-dir={profile}", "about:blank"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        place = _debugger(profile, process)
        with connect(place, max_size=None, compression=None, ping_interval=None) as channel:
            root = Tab(channel)
            target = root.call("Target.getTargets")["targetInfos"]
            page = next(one["targetId"] for one in target if one["type"] == "page")
            host = place.split("/devtools")[0]
            with connect(
                f"{host}/devtools/page/{page}", max_size=None, compression=None, ping_interval=None
            ) as own:
                tab = Tab(own)
                for domain in ("Page", "Network", "Runtime", "Log"):
                    tab.call(f"{domain}.enable")
                yield tab
            with suppress(Exception):
                root.call("Browser.close")
    finally:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        process.kill()
        process.wait()


def _debugger(profile: Path, process: "subprocess.Popen[bytes]") -> str:
    """The address of the debugging channel, which the browser writes into its profile."""
    note = profile / "DevToolsActivePort"
    for _ in range(240):
        if note.is_file() and len(lines := note.read_text().split()) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        assert process.poll() is None, "the browser does not start"
        time.sleep(0.25)
    raise AssertionError("the browser does not start")
