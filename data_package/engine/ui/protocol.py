"""How long the owner of the pages may take to ask, and how much at once."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_SECONDS_FOR_HEADERS = 15.0


class PromptProtocol(H11Protocol):
    """HTTP/1.1 for clients that send their request within some seconds."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the time from the first moment."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Count the time from the first byte of a request to the end of its headers."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and self.transport.get_protocol() is self:
            self._wait()
        else:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(_SECONDS_FOR_HEADERS, self.transport.abort)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def settings() -> dict[str, Any]:
    """The settings of uvicorn: small, silent, and with nothing of a request in any log."""
    return {
        "http": PromptProtocol,
        "ws": "websockets-sansio",
        "loop": "asyncio",
        "lifespan": "off",
        "log_config": None,
        "log_level": "critical",
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "date_header": False,
        "limit_concurrency": 200,
        "timeout_keep_alive": 30,
        "timeout_graceful_shutdown": 2,
        "ws_max_size": 1 << 20,
        "h11_max_incomplete_event_size": 1 << 15,
    }
