"""The HTTP client of a repository: the only module of the engine that sends anything.

The token goes into a header, to the target's own host, and nowhere else: redirects are not
followed; proxies of the environment are used. Imported only when something is sent. By
urllib, which sends a file as a stream and can refuse redirects; requests also reads `.netrc`.
"""

import json
import ssl
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from data_package.engine.errors import BuildError

_SECONDS = 120
_MOST_BYTES = 10_000_000
_WORDS_SHOWN = 400


class Repository:
    """A repository with Zenodo's interface."""

    def __init__(self, address: str, token: str) -> None:
        """`address`: https, or http on this machine."""
        self._address = address
        self._token = token
        handlers = [_NoRedirects(), HTTPSHandler(context=ssl.create_default_context())]
        # Servers on this machine are reached without proxies.
        is_here = urlsplit(address).scheme == "http"
        self._opener = build_opener(*handlers, *([ProxyHandler({})] if is_here else []))

    def ask(self, method: str, path: str, body: Mapping[str, object]) -> dict[str, object]:
        """Send JSON and return the JSON that comes back. Raises BuildError."""
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        return self._send(method, f"{self._address}{path}", content, headers)

    def put_file(self, bucket: str, name: str, path: Path) -> dict[str, object]:
        """Stream a file into a bucket, which must be on the same host. Raises BuildError."""
        if urlsplit(bucket)[:2] != urlsplit(self._address)[:2]:
            raise BuildError(
                f"{self._address} asks to send the files to another host. Nothing was sent there."
            )
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(path.stat().st_size),
        }
        with path.open("rb") as file:
            return self._send("PUT", f"{bucket}/{quote(name)}", file, headers)

    def forget(self, path: str) -> None:
        """Remove a draft, if possible."""
        with suppress(BuildError):
            self._send("DELETE", f"{self._address}{path}", None, {})

    def _send(
        self,
        method: str,
        address: str,
        content: bytes | IO[bytes] | None,
        headers: Mapping[str, str],
    ) -> dict[str, object]:
        request = Request(  # noqa: S310
            address,
            data=content,
            method=method,
            headers={**headers, "Authorization": f"Bearer {self._token}"},
        )
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                answered = answer.read(_MOST_BYTES)
        except HTTPError as error:
            raise BuildError(self._refused(error)) from None
        except (URLError, HTTPException, OSError) as error:
            reason = error.reason if isinstance(error, URLError) else type(error).__name__
            raise BuildError(f"{self._address} cannot be reached: {reason}.") from None
        with suppress(ValueError):
            found = json.loads(answered or b"{}")
            if isinstance(found, dict):
                return found
        raise BuildError(f"{self._address} answered with something that is not JSON.")

    def _refused(self, error: HTTPError) -> str:
        """The repository's message, without control characters and without the token."""
        answered = ""
        with suppress(OSError, ValueError, AttributeError):
            found = json.loads(error.read(_MOST_BYTES))
            parts = [str(found.get("message") or "")]
            parts += [
                f"{one.get('field')}: {one.get('message')}" for one in found.get("errors") or ()
            ]
            answered = "; ".join(filter(None, parts))[:_WORDS_SHOWN].replace(self._token, "…")
        plain = "".join(char if char.isprintable() else " " for char in answered)
        hint = (
            "\nIs the token right, and may it write deposits?" if error.code in (401, 403) else ""
        )
        return f"{self._address} refused with {error.code}{f': {plain}' if plain else ''}.{hint}"


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow no redirect: the token is for one host."""
