"""The guard before Dagster's pages: every request and every WebSocket message passes here.

Pure ASGI, so that nothing goes round it. In this order it asks: was this server meant (Host), does
a browser send it for a page of ours (Sec-Fetch-Site, Origin), is the sender logged in, is it one of
the few things that can be asked for, and is it small, in time and allowed.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from data_package.engine.package.addresses import DICTIONARY
from data_package.engine.ui.access import Access
from data_package.engine.ui.graphql_operations import NotOpen, Refused, read_message, read_request

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LOGIN = "/login"
GRAPHQL = "/graphql"
# What was built, rather than a timeline of the last hour.
_FIRST_PAGE = "/assets"
MOST_BYTES = 1 << 20
_SECONDS_FOR_A_BODY = 15.0
_POLICY_VIOLATION = 1008

_SHUT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# Scripts that run beside the page have a policy of their own: they load others, and ask us.
_WORKERS = f"{_SHUT}; script-src 'self'; connect-src 'self'"
# The dictionary brings its own policy, which names its script and its style by their hashes.
_DICTIONARY_POLICY = "frame-ancestors 'none'; form-action 'none'; base-uri 'none'"
# The code of the pages, the same for everybody, named by its content.
_CODE = ("/_next/static/", "/vendor/")
_HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>data-package</title>{head}</head>
<body><p>{words}</p></body></html>
"""
_COME_IN = (
    "Not logged in. Open the link that data-package ui printed; it works once. "
    "Press Enter in its terminal for a new one."
)


@dataclass(frozen=True)
class Address:
    """The name under which browsers know the server.

    Attributes:
        scheme: `http` or `https`.
        host: without the port, which differs where it is forwarded.
    """

    scheme: str
    host: str

    def is_meant_by(self, header: str) -> bool:
        """Whether a Host header names this server, on whichever port."""
        host, _, port = header.lower().rpartition(":") if _has_port(header) else (header, "", "0")
        return host.lower() == self.host and port.isascii() and port.isdigit()


@dataclass(frozen=True)
class _Request:
    """What the guard looks at of a request."""

    method: str
    path: str
    query: str
    headers: dict[str, list[str]] = field(repr=False)

    @classmethod
    def of(cls, scope: Message) -> "_Request":
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        method = scope.get("method", "GET")
        return cls(method, scope["path"], scope["query_string"].decode("latin-1"), headers)

    def header(self, name: str) -> str | None:
        """The header's value; None where it is missing. Raises Refused where it comes twice."""
        values = self.headers.get(name, [])
        if len(values) > 1:
            raise Refused(400, f"{name} comes twice.")
        return values[0] if values else None


class Guard:
    """Lets only the owner of a project see Dagster's pages."""

    def __init__(
        self,
        app: App,
        access: Access,
        address: Address,
        *,
        cookie: str,
        dictionary: Path | None = None,
        allowed: frozenset[str] = frozenset(),
    ) -> None:
        """`allowed`: the mutations that are let through; `dictionary`: the file that is shown."""
        self._app = app
        self._access = access
        self._address = address
        self._cookie = cookie
        self._dictionary = dictionary
        self._allowed = allowed

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer, pass on or refuse one request or one connection."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            request = _Request.of(scope)
            self._check_sender(request)
            if request.path == LOGIN:
                await self._log_in(request, send)
                return
            self._check_session(request)
            _check_path(request.path)
            if request.path == GRAPHQL:
                self._check_graphql(request)
                body = await _body(receive)
                operation = read_request(body, self._allowed)
                receive = _once(json.dumps(operation.to_json()).encode(), receive)
            elif request.method not in ("GET", "HEAD"):
                raise Refused(405, "Pages are read with GET.")
            if request.path == DICTIONARY:
                await self._show_dictionary(send)
            else:
                await self._app(scope, receive, _sealed(send, request.path))
        except NotOpen as refusal:
            await _answer_in_graphql(refusal, send)
        except Refused as refusal:
            await _refuse(refusal, send)

    async def _websocket(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            request = _Request.of(scope)
            self._check_sender(request)
            self._check_session(request)
            if request.path != GRAPHQL:
                raise Refused(404, "There is no WebSocket here.")
            self._check_origin(request)
        except Refused:
            # Before it is accepted, closing is answered with 403.
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        await self._app(scope, _listening(receive, send), send)

    def _check_sender(self, request: _Request) -> None:
        host = request.header("host")
        if host is None or not self._address.is_meant_by(host):
            raise Refused(403, "This server is known by another name. Use the link as printed.")
        if request.header("origin") is not None:
            self._check_origin(request)
        site = request.header("sec-fetch-site")
        if site in (None, "same-origin", "none"):
            return
        # Another site may lead here, as any link does; it may not fetch, embed or post.
        if request.header("sec-fetch-mode") != "navigate" or request.method != "GET":
            raise Refused(403, "Asked for by the page of another site.")
        if request.header("sec-fetch-dest") != "document":
            raise Refused(403, "Not to be shown inside the page of another site.")

    def _check_origin(self, request: _Request) -> None:
        ours = f"{self._address.scheme}://{(request.header('host') or '').lower()}"
        if (request.header("origin") or "").lower() != ours:
            raise Refused(403, "Asked for by the page of another site.")

    def _check_session(self, request: _Request) -> None:
        if not self._is_known(request):
            raise Refused(403, _COME_IN)

    def _is_known(self, request: _Request) -> bool:
        for line in request.headers.get("cookie", []):
            for part in line.split(";"):
                name, _, value = part.strip().partition("=")
                if name == self._cookie and self._access.knows(value):
                    return True
        return False

    def _check_graphql(self, request: _Request) -> None:
        if request.method != "POST":
            raise Refused(405, "GraphQL is asked with POST.")
        self._check_origin(request)
        kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refused(415, "GraphQL is asked with application/json.")
        if request.header("content-encoding") not in (None, "identity"):
            raise Refused(415, "The request is compressed.")
        length = request.header("content-length")
        if length is not None and not (length.isascii() and length.isdigit()):
            raise Refused(400, "The length is not a number.")
        if length is not None and int(length[:20]) > MOST_BYTES:
            raise Refused(413, "The request is too large.")

    async def _log_in(self, request: _Request, send: Send) -> None:
        if request.method != "GET" or request.header("sec-purpose") is not None:
            raise Refused(405, "Open the link in a browser.")
        if not self._is_known(request):
            tokens = parse_qs(request.query).get("token", [])
            session = self._access.redeem(tokens[0]) if len(tokens) == 1 else None
            if session is None:
                raise Refused(403, _COME_IN)
            secure = "; Secure" if self._address.scheme == "https" else ""
            cookie = f"{self._cookie}={session}; Path=/; HttpOnly; SameSite=Strict{secure}"
        else:
            cookie = None
        # A page of ours leads on, and not a redirect: where the link was clicked in another site's
        # page, a redirect would count as that site's, and a browser would leave the cookie out.
        head = f'<meta http-equiv="refresh" content="0;url={_FIRST_PAGE}">'
        body = _PAGE.format(head=head, words=f'<a href="{_FIRST_PAGE}">Go on</a>')
        more = {"set-cookie": cookie} if cookie else {}
        await _answer(send, 200, body, {"content-security-policy": _SHUT, **more})

    async def _show_dictionary(self, send: Send) -> None:
        try:
            text = self._dictionary.read_text(encoding="utf-8") if self._dictionary else None
        except OSError:
            text = None
        if text is None:
            raise Refused(404, "No data package has been published yet.")
        await _answer(send, 200, text, {"content-security-policy": _DICTIONARY_POLICY})


def _has_port(header: str) -> bool:
    return ":" in header.rpartition("]")[2]


def _check_path(path: str) -> None:
    if "\\" in path or "\0" in path or ".." in path.split("/") or "//" in path:
        raise Refused(400, "There is no such page.")


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(_SECONDS_FOR_A_BODY):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "The request broke off.")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > MOST_BYTES:
                    raise Refused(413, "The request is too large.")
                more = message.get("more_body", False)
    except TimeoutError:
        raise Refused(408, "The request took too long.") from None
    return b"".join(parts)


def _once(body: bytes, receive: Receive) -> Receive:
    """Hand on what was read, then whatever else comes."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again


def _listening(receive: Receive, send: Send) -> Receive:
    """Hand on the messages of a WebSocket that may pass, and end it at the first that may not."""

    async def heard() -> Message:
        message = await receive()
        if message["type"] != "websocket.receive":
            return message
        try:
            text = message.get("text")
            if text is None or len(text) > MOST_BYTES:
                raise Refused(400, "A message is a text, and small.")
            return {"type": "websocket.receive", "text": json.dumps(read_message(text))}
        except Refused:
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION}

    return heard


def _sealed(send: Send, path: str) -> Send:
    """Send with the headers that keep browsers from doing more than they are to."""

    async def sealed(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in message.get("headers", [])
            }
            given.pop("feature-policy", None)
            is_code = path.startswith(_CODE) and message["status"] == 200
            given.setdefault("content-security-policy", _WORKERS if is_code else _SHUT)
            given |= _HEADERS
            if is_code:
                given["cache-control"] = "private, max-age=86400, immutable"
            message = {**message, "headers": _raw(given)}
        await send(message)

    return sealed


async def _refuse(refusal: Refused, send: Send) -> None:
    body = _PAGE.format(head="", words=escape(refusal.words))
    # What was not read of the request must not be taken for the next one.
    headers = {"content-security-policy": _SHUT, "connection": "close"}
    await _answer(send, refusal.status, body, headers)


async def _answer_in_graphql(refusal: NotOpen, send: Send) -> None:
    """Refuse an operation so that the pages show the words, and do not wait for ever."""
    error = {"message": refusal.words, "extensions": {"code": "FORBIDDEN"}}
    body = json.dumps({"data": None, "errors": [error]})
    headers = {"content-security-policy": _SHUT, "content-type": "application/json"}
    await _answer(send, 200, body, headers)


async def _answer(send: Send, status: int, body: str, headers: dict[str, str]) -> None:
    data = body.encode()
    sent = {
        "content-type": "text/html; charset=utf-8",
        "content-length": str(len(data)),
        **_HEADERS,
        **headers,
    }
    await send({"type": "http.response.start", "status": status, "headers": _raw(sent)})
    await send({"type": "http.response.body", "body": data})


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
