"""REDCap's API: a form that is posted, and JSON as the answer.

As each server documents it at /api/help/. The token is in the body: it is sent to one
host, over TLS that is verified, and no redirect is followed. What a server says of an error is not
repeated. By urllib, which reads no `.netrc` and can refuse redirects, as in `versions.repository`.
"""

import http.client
import json
import time
from collections.abc import Callable, Mapping
from typing import cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from data_package.engine.errors import BuildError
from data_package.engine.unusable import why_not_connected

_SECONDS = 120
_TRIES = 5
_LONGEST_PAUSE_SECONDS = 60
_BUSY = (408, 429, 500, 502, 503, 504)
# More than any batch of records needs.
_MOST_BYTES = 1 << 30
_OF_TLS = {"CERTIFICATE": "its certificate is not trusted"}
_LOST = (TimeoutError, ConnectionError, http.client.HTTPException)

Row = Mapping[str, object]


class Api:
    """The API of one project."""

    def __init__(
        self, url: str, token: str, *, pause: Callable[[float], object] = time.sleep
    ) -> None:
        """`pause` waits between tries."""
        self._url, self._token, self._pause = url, token, pause
        self._host = urlsplit(url).netloc
        self._opener = build_opener(_NoRedirects)

    def rows(self, content: str, **parameters: str) -> list[Row]:
        """A list of objects, such as records. Raises BuildError where the answer is another one."""
        found = self._asked(content, parameters)
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise self._no_redcap()
        return cast("list[Row]", found)

    def facts(self, content: str) -> Row:
        """One object. Raises BuildError where the answer is another one."""
        found = self._asked(content, {})
        if not isinstance(found, dict):
            raise self._no_redcap()
        return cast("Row", found)

    def _asked(self, content: str, parameters: Mapping[str, str]) -> object:
        form = {
            "token": self._token,
            "content": content,
            "format": "json",
            "returnFormat": "json",
            **parameters,
        }
        body = self._posted(urlencode(form).encode())
        try:
            found: object = json.loads(body)
        except (ValueError, RecursionError):
            raise self._no_redcap() from None
        if isinstance(found, dict) and "error" in found:
            raise self._refused(content)
        return found

    def _posted(self, form: bytes) -> bytes:
        for tried in range(1, _TRIES + 1):
            answer = self._tried(form)
            if isinstance(answer, bytes):
                return answer
            if tried < _TRIES:
                self._pause(min(max(answer, 2.0**tried), _LONGEST_PAUSE_SECONDS))
        raise BuildError(
            f"REDCap at {self._host} does not answer, or answers that it is too busy, at "
            f"{_TRIES} tries. Fetch again later."
        )

    def _tried(self, form: bytes) -> bytes | float:
        """The answer, or how many seconds the server asks to wait before the next try."""
        request = Request(self._url, data=form, headers={"User-Agent": "data-package"})  # noqa: S310
        problem: BuildError | None = None
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                body: bytes = answer.read(_MOST_BYTES + 1)
        except HTTPError as error:
            with error:
                if error.code in _BUSY:
                    return _seconds_to_wait(error)
                problem = self._status(error.code)
        except URLError as error:
            if isinstance(error.reason, _LOST) and not isinstance(
                error.reason, ConnectionRefusedError
            ):
                return 0.0
            known = why_not_connected(str(error.reason), "it", "there", _OF_TLS)
            why = known or "no connection can be made"
            problem = BuildError(f"REDCap at {self._host} cannot be reached: {why}.")
        except _LOST:
            return 0.0
        if problem is not None:
            raise problem
        if len(body) > _MOST_BYTES:
            raise BuildError(f"REDCap at {self._host} answers with more than can be read.")
        return body

    def _status(self, code: int) -> BuildError:
        if 300 <= code < 400:
            return BuildError(
                f"{self._host} sends the request on to another address, where the token is not "
                "sent to.\nWrite the address of the API itself; it ends with /api/"
            )
        if code in (401, 403):
            return self._refused("")
        if code == 400:
            return self._refused("the request")
        return BuildError(
            f"{self._host} answers with HTTP status {code}. Is this the address of the API? "
            "It ends with /api/"
        )

    def _refused(self, content: str) -> BuildError:
        what = f" to export {content}" if content else ""
        return BuildError(
            f"REDCap at {self._host} refuses{what}.\nIs the token right and of this project, and "
            "has its user the rights API Export and Data Export?"
        )

    def _no_redcap(self) -> BuildError:
        return BuildError(
            f"{self._host} does not answer as REDCap's API does. Is this its address? It ends "
            "with /api/"
        )


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow no redirect: the token is for one host."""


def _seconds_to_wait(error: HTTPError) -> float:
    seconds = error.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else 0.0
