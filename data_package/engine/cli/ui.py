"""`data-package ui`."""

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_package.engine.cli.say import say

if TYPE_CHECKING:
    from data_package.engine.ui.serving import Open

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("ui")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    metavar="N",
    help="The port; by default 3000, or the next free one.",
)
@click.option("--socket", is_flag=True, help="Listen on a Unix socket in a private folder instead.")
@click.option(
    "--allow-runs", is_flag=True, help="Allow runs to be started and ended from the pages."
)
@click.option(
    "--daemon",
    is_flag=True,
    help="Run schedules, sensors and automation conditions meanwhile; implies --allow-runs.",
)
@click.option(
    "--host",
    metavar="NAME",
    help="Listen under this name or address. One that other machines can reach needs TLS.",
)
@click.option("--tls-cert", type=_FILE, metavar="FILE", help="Certificate chain, as PEM.")
@click.option("--tls-key", type=_FILE, metavar="FILE", help="Its private key, as PEM.")
@click.option("--json", "as_json", is_flag=True, help="Print the link and its place as JSON.")
def command(
    port: int | None,
    socket: bool,
    allow_runs: bool,
    daemon: bool,
    host: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    as_json: bool,
) -> None:
    """Serve Dagster's web pages on this project, for you alone.

    Prints a link that works once; the browser that opens it stays logged in until you end the
    command with Ctrl-C. Press Enter for another link. Other users of the machine are disconnected;
    with --socket, recommended on a shared machine, they cannot connect at all.

    Example: data-package ui
    """
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress

    allow_runs = allow_runs or daemon
    project = find_project()
    with ExitStack() as waiting:
        waiting.enter_context(progress.loading())
        from data_package.engine.ui.listening import ListeningPlace
        from data_package.engine.ui.serving import serve

        def ready(opened: "Open") -> None:
            waiting.close()
            say(_json(opened) if as_json else _words(opened, allow_runs=allow_runs))

        place = ListeningPlace(host, port, socket, tls_cert, tls_key)
        serve(project, place, allow_runs=allow_runs, automation=daemon, ready=ready)
    if not as_json:
        say("Stopped.")


def _words(opened: "Open", *, allow_runs: bool) -> str:
    may = "runs can be started" if allow_runs else "read-only; --allow-runs to start runs"
    place = opened.listening
    lines = [
        f"Dagster's pages ({may}). Open this link; it works once:",
        "",
        f"    {opened.link()}",
        "",
    ]
    first = "First, on your own machine:" if place.path else "From another machine, first:"
    lines += [f"{first}  {place.ssh_line}", "Enter: another link.  Ctrl-C: stop."]
    return "\n".join(lines)


def _json(opened: "Open") -> str:
    place = opened.listening
    facts = {
        "link": opened.link(),
        "port": place.port,
        "socket": str(place.path) if place.path else None,
        "ssh": place.ssh_line,
        "process": os.getpid(),
    }
    return json.dumps(facts)
