"""The web logins that are open: random tokens in memory, gone with a restart."""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.logins.accounts import Account

IDLE_SECONDS = 5.0
"""Short, so that whoever waits for the end of a session does not wait long."""
_MOST = 64


@dataclass
class Session:
    """One login, and when it was last used (seconds of the monotonic clock)."""

    account: Account
    used: float


class Sessions:
    """All open logins. The one that was idle longest goes when there are too many."""

    def __init__(self, defects: Defects, clock: Callable[[], float] = time.monotonic) -> None:
        self._defects = defects
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}

    def begin(self, account: Account, brought: str | None = None) -> str:
        """Open a login and return its token, 256 random bits; what the browser `brought` is none, but by a defect."""
        token = secrets.token_urlsafe(32)
        if brought and self._defects("session_fixed"):
            token = brought
        with self._lock:
            while len(self._open) >= _MOST:
                del self._open[min(self._open, key=lambda known: self._open[known].used)]
            self._open[token] = Session(account, self._clock())
        return token

    def account(self, token: str | None) -> Account | None:
        """Return whose login a token is, unless it is unknown or was idle for too long."""
        with self._lock:
            session = self._open.get(token or "")
            if session is None:
                return None
            now = self._clock()
            if now - session.used > IDLE_SECONDS and not self._defects("session_never_ends"):
                del self._open[token or ""]
                return None
            session.used = now
            return session.account

    def end_others(self, user: str, token: str | None) -> None:
        """Close every login of a user but one."""
        if self._defects("password_change_keeps_sessions"):
            return
        with self._lock:
            self._open = {
                known: session
                for known, session in self._open.items()
                if session.account.user != user or known == token
            }

    def end(self, token: str | None) -> None:
        """Close a login; an unknown token is fine."""
        if self._defects("logout_keeps_session"):
            return
        with self._lock:
            self._open.pop(token or "", None)
