"""The pages in a real browser: they show what they are fed, and ask nobody but their server."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from data_package_tests.browser import CHROMIUM, Tab, browser
from data_package_tests.conftest import Make
from data_package_tests.engine.tables.running import HEADER
from data_package_tests.engine.ui.server import TABLES, Served, served
from data_package_tests.test_quiet import can_trace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

FAILING = {
    "t.py": HEADER
    + """
@dg.asset
def numbers(people: pl.LazyFrame) -> pl.LazyFrame:
    return people.select(pl.col("name").cast(pl.Int64))
"""
}


def hosts(addresses: list[str]) -> set[str]:
    """The hosts that addresses lead to; what a page holds in itself leads nowhere."""
    parts = [urlsplit(one) for one in addresses]
    return {part.netloc for part in parts if part.scheme not in ("data", "blob", "about")}


def visit(server: Served, tab: Tab) -> None:
    """What somebody does who looks at a table, its checks, its lineage and a run."""
    base = f"http://{server.host}"
    tab.open(server.facts["link"])
    tab.wait_for("Overview", "Catalog", "Lineage")
    tab.open(f"{base}/assets/grown_ups")
    tab.wait_for("One row per grown-up.", "As told.", "maximum: 120", "primary key", "Parquet")
    tab.open(f"{base}/assets/grown_ups?view=checks")
    tab.wait_for("contract", "blocking", "rows_checked")
    tab.open(f"{base}/assets/grown_ups?view=lineage")
    tab.wait_for("people", "grown_ups")
    tab.open(f"{base}/data-dictionary#grown_ups")
    tab.wait_for("Data dictionary", "Grown-ups")


def test_the_pages_show_tables_checks_lineage_and_the_dictionary(
    study: Make, tmp_path: Path
) -> None:
    project = study(TABLES)
    assert project.build().ok
    log = tmp_path / "net.json"
    with served(project) as server, browser(tmp_path, f"--log-net-log={log}") as tab:
        visit(server, tab)
        assert hosts(tab.requests) == {server.host}
        assert len(tab.requests) > 50
        assert any(one.startswith("ws://") for one in tab.requests)
        # A page that is left while it connects says so; nothing else may be amiss.
        left = "WebSocket is closed before the connection is established"
        assert [one for one in tab.complaints if left not in one] == []
        # The cookie is out of the reach of scripts, and nothing of the session is in the page.
        assert tab.ask("document.cookie") == ""
        assert server.facts["link"].split("token=")[1] not in tab.ask("location.href")
    # Its workers too, whatever else the browser itself looks up when it starts.
    asked = re.findall(r'"initiator":"([^"]*)".*?"url":"([^"]*)"', log.read_text())
    ours = [url for initiator, url in asked if server.host in initiator]
    assert len(ours) > 50
    assert hosts(ours) == {server.host}


def test_a_table_is_made_from_its_page(study: Make, tmp_path: Path) -> None:
    project = study(TABLES)
    with served(project, "--allow-runs") as server, browser(tmp_path) as tab:
        tab.open(server.facts["link"])
        tab.wait_for("Catalog")
        tab.open(f"http://{server.host}/assets/people")
        tab.wait_for("One row per person.")
        tab.click("Materialize")
        tab.wait_until((project.storage / "raw" / "people.parquet").is_file)
        tab.wait_for("Latest materialization")
        tab.open(f"http://{server.host}/assets/people")
        tab.wait_for("Row count", "peak_memory_bytes", "seconds")
        assert hosts(tab.requests) == {server.host}


def test_nothing_can_be_made_where_the_pages_are_for_reading(study: Make, tmp_path: Path) -> None:
    project = study(TABLES)
    with served(project) as server, browser(tmp_path) as tab:
        tab.open(server.facts["link"])
        tab.wait_for("Catalog")
        tab.open(f"http://{server.host}/assets/people")
        tab.wait_for("One row per person.")
        shut = """(() => { const all = [...document.querySelectorAll('button')];
          const one = all.find(e => e.innerText.trim() === 'Materialize');
          return one === undefined || one.disabled; })()"""
        tab.wait_until(lambda: bool(tab.ask(shut)))
        # From the owner's own page, past all buttons, with the cookie: the server says no.
        script = """fetch('/graphql', {method: 'POST',
          headers: {'content-type': 'application/json'},
          body: JSON.stringify({query: 'mutation { reloadWorkspace { __typename } }'})
          }).then(answer => answer.json()).then(told => told.errors[0].message)"""
        assert "data-package ui --allow-runs" in str(tab.ask(script))


def test_a_failed_run_is_shown_without_values(study: Make, tmp_path: Path) -> None:
    project = study(TABLES | FAILING)
    assert not project.build().ok
    run = json.loads(project.verb("history", "--json").stdout)[0]["run"]
    with served(project) as server, browser(tmp_path) as tab:
        tab.open(server.facts["link"])
        tab.wait_for("Catalog")
        tab.open(f"http://{server.host}/runs/{run}")
        text = tab.wait_for("numbers", "t.py")
        assert "anna" not in text
        assert "anna" not in tab.ask("document.documentElement.outerHTML")


def test_another_sites_page_can_neither_ask_nor_embed_nor_listen(
    study: Make, tmp_path: Path
) -> None:
    """What a page that another user serves on the same machine can do in the owner's browser."""
    project = study(TABLES)
    with served(project, "--allow-runs", "--host", "127.0.0.1") as server, browser(tmp_path) as tab:
        tab.open(server.facts["link"])
        tab.wait_for("Catalog")
        with neighbour(tmp_path) as address:
            tab.open(f"{address}/page.html")
            tab.wait_for("neighbour")
            mutation = "mutation { reloadWorkspace { __typename } }"
            for request in (
                "{method: 'POST', body: 'x', mode: 'no-cors', credentials: 'include'}",
                "{credentials: 'include'}",
                "{method: 'POST', credentials: 'include', body: "
                f"JSON.stringify({{query: '{mutation}'}}), "
                "headers: {'content-type': 'application/json'}}",
            ):
                script = f"""fetch('http://{server.host}/graphql', {request})
                  .then(a => a.type === 'opaque' ? 'opaque' : a.text(), () => 'refused')"""
                assert tab.ask(script) in ("refused", "opaque")
            socket = f"""new Promise(done => {{
              const one = new WebSocket('ws://{server.host}/graphql', 'graphql-ws');
              one.onopen = () => done('open'); one.onerror = () => done('refused'); }})"""
            assert tab.ask(socket) == "refused"
            frame = f"""new Promise(done => {{
              const one = document.createElement('iframe'); one.src = 'http://{server.host}/';
              one.onload = () => {{ try {{ done(one.contentDocument ? 'read' : 'shut'); }}
                catch {{ done('shut'); }} }};
              document.body.append(one); }})"""
            assert tab.ask(frame) == "shut"


def test_the_cookie_is_not_sent_to_others_on_the_machine(study: Make, tmp_path: Path) -> None:
    project = study(TABLES)
    with served(project) as server, browser(tmp_path) as tab:
        tab.open(server.facts["link"])
        tab.wait_for("Catalog")
        with neighbour(tmp_path) as address:
            for host in ("127.0.0.1", "localhost", "other.localhost"):
                tab.open(address.replace("127.0.0.1", host) + "/cookie")
                output = tab.wait_for("cookies:")
                assert output.strip() == "cookies: none"


_NEIGHBOUR = """
import http.server, socketserver, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"neighbour"
        if self.path == "/cookie":
            body = b"cookies: " + self.headers.get("Cookie", "none").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_words):
        pass
server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Page)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


class neighbour:  # noqa: N801
    """A web server of somebody else on this machine; gives its address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> str:
        import sys

        self._process = subprocess.Popen(
            [sys.executable, "-c", _NEIGHBOUR], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        return f"http://127.0.0.1:{self._process.stdout.readline().strip()}"

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.mark.skipif(not can_trace(), reason="strace is not installed, or not allowed here")
def test_the_server_opens_no_connection_while_a_browser_reads(study: Make, tmp_path: Path) -> None:
    project = study(TABLES)
    assert project.build().ok
    record = tmp_path / "strace.txt"
    strace = str(shutil.which("strace"))
    trace = (strace, "-f", "--seccomp-bpf", "-s", "200", "-o", str(record), "-e")
    calls = "trace=socket,connect,bind,listen,sendto,sendmsg,sendmmsg"
    with served(project, "--allow-runs", prefix=(*trace, calls)) as server:
        with browser(tmp_path) as tab:
            visit(server, tab)
        assert server.materialize("people").status == 403
        server.facts["link"] = ""
    lines = record.read_text().splitlines()
    talk = [
        line for line in lines if re.search(r"\b(connect|bind|sendto|sendmsg|sendmmsg)\(", line)
    ]
    places = [line for line in talk if "AF_INET" in line]
    assert places
    here = ('inet_addr("127.0.0.1")', 'inet_pton(AF_INET6, "::1"')
    assert [line for line in places if not any(one in line for one in here)] == []
    kinds = {found for line in lines for found in re.findall(r"socket\((AF_\w+)", line)}
    # By netlink the kernel is asked whose a connection is; nothing else can be reached by it.
    assert kinds <= {"AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"}
