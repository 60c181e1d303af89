"""`data-package publish`."""

import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from data_package.engine.cli.say import say

if TYPE_CHECKING:
    from data_package.engine.versions.deposit import Deposit


@click.command("publish")
@click.argument("version", required=False)
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be sent; send nothing.")
@click.option("--to", "target", metavar="zenodo|sandbox|URL", help="Where to send it.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(version: str | None, dry_run: bool, target: str | None, as_json: bool) -> None:
    """Send a release to Zenodo, as a draft that you look at and publish there.

    VERSION is a release, by default the last one. Nothing is sent without --to and a token in the
    variable ZENODO_TOKEN; the token is never stored. --to zenodo is the real one, sandbox is for
    trying it out, and a URL is another repository with the same interface.

    Example: data-package publish 1.0.0 --dry-run
    """
    if target is None and not dry_run:
        raise click.UsageError("Choose --to zenodo or --to sandbox, or preview it: --dry-run.")
    from data_package.engine.errors import ProjectError
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.versions.deposit import TOKEN, address_of, prepare, send

    address = address_of(target) if target else None
    with progress.working("preparing the deposit") as report:
        deposit = prepare(version, find_project())
        draft = None
        if target is not None and not dry_run:
            token = os.environ.get(TOKEN, "").strip()
            if not (token and token.isascii() and token.isprintable()):
                raise ProjectError(
                    f"The variable {TOKEN} holds no token. Nothing was sent.\n"
                    f"Make one at {address}/account/settings/applications (deposit:write)."
                )
            draft = send(deposit, target, token, report)
    if as_json:
        facts = {"sent": draft is not None, "to": address, "draft": draft, **deposit.to_dict()}
        say(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        say("\n".join(_lines(deposit, address, draft)))


def _lines(deposit: "Deposit", address: str | None, draft: str | None) -> Iterator[str]:
    from data_package.engine.runs.memory import size
    from data_package.engine.versions.wording import plain

    yield f"Release {deposit.version}:"
    for file in deposit.files:
        yield f"  {file.name}  {size(file.size_bytes)}  sha256 {file.sha256}"
    yield "Metadata:"
    for name, value in deposit.metadata.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield f"  {name}: {plain(' '.join(text.split()))}"
    yield ""
    if draft is None:
        yield f"Nothing was sent{f' to {address}' if address else ''}."
    else:
        yield f"The draft is at {plain(draft)}"
        yield "Review it, and publish it there: a publication cannot be undone."
