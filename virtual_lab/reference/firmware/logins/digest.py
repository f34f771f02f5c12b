"""Digest authentication as the device asks for it (RFC 7616: SHA-256, qop=auth), over HTTP and RTSP alike.

What a password is compared with lies in the key store, not on the flash: whoever has it can log in with it.
"""

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable

from virtual_lab.reference.firmware.logins.accounts import Account, Accounts
from virtual_lab.reference.firmware.logins.digest_secret import DIGEST_REALM, digest_secret

_NONCE_SECONDS = 30.0
_MOST_NONCES = 512
_FIELD = re.compile(r'(\w{1,16})=(?:"([^"]{0,512})"|([^\s,"]{1,128}))')


class DigestLogin:
    """Logins on one interface; `planted` is a user and a password that a planted defect takes as well."""

    def __init__(
        self,
        accounts: Accounts,
        interface: str,
        planted: tuple[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts, self._interface = accounts, interface
        self._planted = (planted[0], digest_secret(*planted)) if planted else None
        self._clock = clock
        self._lock = threading.Lock()
        self._nonces: dict[str, float] = {}

    def challenge(self, *, stale: bool = False) -> str:
        """Return the value of WWW-Authenticate, with a fresh nonce."""
        nonce = secrets.token_urlsafe(24)
        with self._lock:
            while len(self._nonces) >= _MOST_NONCES:
                del self._nonces[next(iter(self._nonces))]
            self._nonces[nonce] = self._clock()
        tail = ", stale=true" if stale else ""
        return f'Digest realm="{DIGEST_REALM}", qop="auth", algorithm=SHA-256, nonce="{nonce}"{tail}'

    def login(self, credential: str | None, method: str, uri: str, source: str) -> Account | str:
        """Return whose login this is, or the challenge to answer instead. Each nonce serves once."""
        fields = {name.lower(): one or other for name, one, other in _FIELD.findall(credential or "")}
        if (
            not (credential or "").startswith("Digest ")
            or not {"username", "nonce", "response", "uri"} <= fields.keys()
        ):
            return self.challenge()
        with self._lock:
            made = self._nonces.pop(fields["nonce"], None)
        if made is None or self._clock() - made > _NONCE_SECONDS:
            return self.challenge(stale=True)
        right = fields["uri"] == uri and fields.get("qop") == "auth"

        def proves(secret: str) -> bool:
            return right and hmac.compare_digest(_response(secret, fields, method), fields["response"].lower())

        account = self._accounts.login_by_digest(self._interface, fields["username"], proves, self._planted, source)
        return account or self.challenge()


def _response(secret: str, fields: dict[str, str], method: str) -> str:
    request = hashlib.sha256(f"{method}:{fields['uri']}".encode()).hexdigest()
    parts = (secret, fields["nonce"], fields.get("nc", ""), fields.get("cnonce", ""), fields.get("qop", ""), request)
    return hashlib.sha256(":".join(parts).encode()).hexdigest()
