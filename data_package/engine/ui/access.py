"""Who may come in: a link that works once, and the session that it opens."""

import hashlib
import secrets
import threading

_BYTES = 32


class Access:
    """Keeps hashes of what was handed out; the process forgets them when it ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._link: bytes | None = None
        self._sessions: set[bytes] = set()

    def new_link(self) -> str:
        """A token for one login. An earlier one that was not used is void."""
        token = secrets.token_urlsafe(_BYTES)
        with self._lock:
            self._link = _digest(token)
        return token

    def redeem(self, token: str) -> str | None:
        """A new session for the token that was handed out last; None for any other."""
        with self._lock:
            if self._link is None or not secrets.compare_digest(self._link, _digest(token)):
                return None
            self._link = None
            session = secrets.token_urlsafe(_BYTES)
            self._sessions.add(_digest(session))
            return session

    def knows(self, session: str) -> bool:
        """Whether a session was opened here."""
        return _digest(session) in self._sessions


def _digest(text: str) -> bytes:
    # What is compared is a hash, so that the time it takes tells nothing of the secret.
    return hashlib.sha256(text.encode(errors="replace")).digest()
