"""DTLS 1.2 as a channel for CoAP (RFC 7252 clause 9): with a pre-shared key, or without a credential of our own.

pyOpenSSL does the handshake in memory; the datagrams go over a socket of `Target`. How a handshake ends is told in the
device's own bytes if there are any: an alert is a refusal, and silence is not.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from OpenSSL import SSL, _util

from drivers.network.iot.coap import ClosedError, Datagrams
from drivers.network.target import Target
from trustprobe.probe import Answer, printable

HANDSHAKE_SECONDS = 3.0
_RECORD = 13
_DATAGRAM = 1_200
_PIECE = 65_535
_FLIGHTS = 200
"""Datagrams that are read in one handshake."""
_KEY_SUITES = (
    b"PSK-AES128-CCM8:PSK-AES128-GCM-SHA256:PSK-AES128-CCM:PSK-AES256-GCM-SHA384:PSK-AES128-CBC-SHA256:@SECLEVEL=0"
)
_OTHER_SUITES = b"ALL:!PSK:!SRP:@SECLEVEL=0"


@dataclass(frozen=True)
class PreSharedKey:
    """The identity that a peer names and the key that it knows (RFC 4279)."""

    identity: str
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, identity: str, secret: str) -> "PreSharedKey":
        """Parse the key of a bench file: text, or hexadecimal digits after `hex:`. ValueError if they are malformed."""
        if secret.startswith("hex:"):
            return cls(identity, bytes.fromhex(secret.removeprefix("hex:")))
        return cls(identity, secret.encode())


class NoDtlsError(Exception):
    """No session came about: REFUSED for an alert or an ICMP error, SILENT for all that proves nothing."""

    def __init__(self, answer: Answer, detail: str, spoke: bool = True) -> None:
        super().__init__(detail)
        self.answer, self.detail, self.spoke = answer, printable(detail, 200), spoke


def _context(key: PreSharedKey | None) -> tuple[SSL.Context, object]:
    """Return a client's context, and the callback that has to live as long as it."""
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE)
    context.set_cipher_list(_OTHER_SUITES if key is None else _KEY_SUITES)
    if key is None:
        return context, None
    identity, secret = key.identity.encode() + b"\0", key.key
    ffi: Any = _util.ffi

    @ffi.callback("unsigned int (*)(SSL *, const char *, char *, unsigned int, unsigned char *, unsigned int)")  # type: ignore[untyped-decorator]
    def give(_ssl: Any, _hint: Any, to_identity: Any, room: int, to_key: Any, key_room: int) -> int:
        if len(identity) > room or len(secret) > key_room:
            return 0
        ffi.memmove(to_identity, identity, len(identity))
        ffi.memmove(to_key, secret, len(secret))
        return len(secret)

    # pyOpenSSL has no name of its own for this function of OpenSSL.
    _util.lib.SSL_CTX_set_psk_client_callback(context._context, give)
    return context, give


class Dtls:
    """A session with a service; it comes about at the entry of a `with` block, or NoDtlsError is raised."""

    def __init__(self, target: Target, port: int, key: PreSharedKey | None) -> None:
        self._datagrams = Datagrams(target, port)
        self._held = _context(key)
        self._connection = SSL.Connection(self._held[0], None)
        self._connection.set_connect_state()
        self._connection.set_ciphertext_mtu(_DATAGRAM)

    def __enter__(self) -> "Dtls":
        """Do the handshake; NoDtlsError where none comes about."""
        try:
            self._handshake()
        except BaseException:
            self._datagrams.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Say goodbye, and close the socket."""
        try:
            self._connection.shutdown()
            self._flush()
        except (SSL.Error, ClosedError):
            pass  # it is over already
        finally:
            self._datagrams.__exit__()

    def send(self, data: bytes) -> None:
        """Send one message; ClosedError by the device's word."""
        try:
            self._connection.send(data)
        except SSL.Error as error:
            raise ClosedError(_words(error)) from error
        self._flush()

    def receive(self, seconds: float) -> bytes | None:
        """Return the next message."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self._connection.recv(_PIECE)
            except SSL.WantReadError:
                left = deadline - time.monotonic()
                data = self._datagrams.receive(left) if left > 0 else None
                if data is None:
                    return None
                if data:  # an empty datagram is none of DTLS
                    self._connection.bio_write(data)
            except (SSL.Error, SSL.ZeroReturnError) as error:
                raise ClosedError(_words(error)) from error

    def _handshake(self) -> None:
        deadline = time.monotonic() + HANDSHAKE_SECONDS
        came = False
        for _ in range(_FLIGHTS):
            finished = False
            try:
                self._connection.do_handshake()
                finished = True
            except SSL.WantReadError:
                pass
            except SSL.Error as error:
                self._last_words()
                alert = "alert" in _words(error).lower()
                raise NoDtlsError(Answer.REFUSED if alert else Answer.SILENT, _words(error)) from error
            try:
                self._flush()
                if finished:
                    return
                came |= self._take(deadline)
            except ClosedError as error:
                raise NoDtlsError(Answer.REFUSED, str(error)) from error
            if time.monotonic() > deadline:
                break
        detail = "the handshake did not complete" if came else "no answer to a ClientHello"
        raise NoDtlsError(Answer.SILENT, f"{detail} within {HANDSHAKE_SECONDS:g} s", spoke=came)

    def _take(self, deadline: float) -> bool:
        """Hand over the next datagram, or send again what got no answer."""
        again = self._connection.DTLSv1_get_timeout()
        left = max(0.0, deadline - time.monotonic())
        data = self._datagrams.receive(left if again is None else min(left, again))
        if data is not None:
            if data:
                self._connection.bio_write(data)
            return True
        self._connection.DTLSv1_handle_timeout()
        return False

    def _last_words(self) -> None:
        """Send the alert that our side has for a failed handshake, if it has one."""
        try:
            self._flush()
        except ClosedError:
            return

    def _flush(self) -> None:
        for datagram in _datagrams(self._waiting()):
            self._datagrams.send(datagram)

    def _waiting(self) -> bytes:
        data = b""
        while True:
            try:
                data += self._connection.bio_read(_PIECE)
            except SSL.WantReadError:
                return data


def _datagrams(records: bytes) -> Iterator[bytes]:
    """Put records (RFC 6347 clause 4.1) into datagrams, as many as fit."""
    datagram = b""
    while records:
        size = _RECORD + int.from_bytes(records[11:13], "big")
        if datagram and len(datagram) + size > _DATAGRAM:
            yield datagram
            datagram = b""
        datagram += records[:size]
        records = records[size:]
    if datagram:
        yield datagram


def _words(error: Exception) -> str:
    """Return what OpenSSL says of an error: `tlsv1 alert decrypt error`."""
    errors = error.args[0] if error.args and isinstance(error.args[0], list) else []
    reasons = [str(one[2]) for one in errors if len(one) > 2]
    return "; ".join(reasons) or type(error).__name__
