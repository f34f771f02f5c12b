"""What OpenSSL has forgotten and a planted defect needs: SSLv3, RC4 and 3DES, by tlslite-ng.

Only a client that offers nothing else gets here; every other one is served by the contexts of `tls`.
"""

import io
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.storage.flash import key_store
from virtual_lab.reference.firmware.web.tls import UnsupportedByOpensslError

_CIPHERS = {"tls_rc4": "rc4", "tls_3des": "3des"}
_SSL3, _TLS10, _TLS12 = (3, 0), (3, 1), (3, 3)
_HELLO_OCTETS = 4096
_SIGNALS = frozenset({0x00FF, 0x5600})
"""Suites that are none: renegotiation (RFC 5746, 3.3) and fallback (RFC 7507)."""
_FIXED_OCTETS = 43
"""From the start of a ClientHello record to its session id (RFC 5246, 7.4.1.2)."""


class OldTls:
    """The old protocols of one device; none where none is planted. UnsupportedByOpensslError without tlslite-ng."""

    def __init__(self, folder: Path, defects: Defects) -> None:
        self._ssl3 = defects("tls_sslv3")
        self._ciphers = [cipher for defect, cipher in _CIPHERS.items() if defects(defect)]
        if not self._ssl3 and not self._ciphers:
            return
        self._folder = folder
        self._names = _suite_names()

    def wants(self, sock: socket.socket) -> bool:
        """Whether a client offers nothing but what is old here; its ClientHello stays unread."""
        if not self._ssl3 and not self._ciphers:
            return False
        version, suites = offered(sock.recv(_HELLO_OCTETS, socket.MSG_PEEK))
        if version == _SSL3:
            return self._ssl3
        names = [self._names[suite] for suite in suites if suite in self._names and suite not in _SIGNALS]
        return bool(names) and all(any(cipher in name for cipher in self._ciphers) for name in names)

    @contextmanager
    def serve(self, sock: socket.socket) -> Iterator[Any]:
        """Do the handshake; yields a stream that is used like a socket. OSError where the handshake fails."""
        with _quiet():
            from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
            from tlslite.errors import TLSError

        version, _ = offered(sock.recv(_HELLO_OCTETS, socket.MSG_PEEK))
        suffix = "_rsa" if version == _SSL3 else ""  # suites with elliptic curves came after SSLv3
        settings = HandshakeSettings()
        settings.minVersion, settings.maxVersion = (_SSL3, _SSL3) if version == _SSL3 else (_TLS10, _TLS12)
        settings.versions = [_SSL3] if version == _SSL3 else [_TLS12, (3, 2), _TLS10]
        settings.cipherNames = ["aes128"] if version == _SSL3 else self._ciphers
        settings.keyExchangeNames = ["dhe_rsa"] if version == _SSL3 else ["ecdhe_ecdsa"]
        chain = X509CertChain()
        chain.parsePemList((self._folder / f"tls_cert{suffix}.pem").read_text())
        key = parsePEMKey((key_store(self._folder) / f"tls_key{suffix}.pem").read_text(), private=True)
        stream = TLSConnection(sock)
        try:
            stream.handshakeServer(certChain=chain, privateKey=key, settings=settings)
            yield _Stream(stream)
            stream.close()
        except TLSError as error:
            raise ConnectionError(f"TLS: {error}") from error


class _Stream:
    """As much of a socket as the HTTP server uses, on a connection of tlslite's."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.sendall = connection.sendall
        self.settimeout = connection.settimeout

    def makefile(self, _mode: str, _size: int = -1) -> io.BufferedReader:
        """Return what is received, to be read in lines."""
        return io.BufferedReader(_Received(self._connection))


class _Received(io.RawIOBase):
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        octets = self._connection.read(max=len(buffer), min=1)
        buffer[: len(octets)] = octets
        return len(octets)


def offered(hello: bytes) -> tuple[tuple[int, int], list[int]]:
    """Return the version and the suites of a ClientHello in one record; no suites where it is none."""
    if len(hello) < _FIXED_OCTETS + 3 or hello[0] != 22 or hello[5] != 1:
        return (0, 0), []
    at = _FIXED_OCTETS + 1 + hello[_FIXED_OCTETS]
    octets = int.from_bytes(hello[at : at + 2])
    listed = hello[at + 2 : at + 2 + octets]
    whole = len(listed) == octets
    suites = [int.from_bytes(listed[start : start + 2]) for start in range(0, octets, 2)] if whole else []
    return (hello[9], hello[10]), suites


def _suite_names() -> dict[int, str]:
    """Return tlslite's names of suites in lower case: `tls_ecdhe_ecdsa_with_rc4_128_sha`."""
    try:
        with _quiet():
            from tlslite.constants import CipherSuite
    except ImportError as error:
        raise UnsupportedByOpensslError(
            "this defect needs tlslite-ng: install it (in a checkout: `uv sync`)"
        ) from error
    return {int(number): str(name).lower() for number, name in CipherSuite.ietfNames.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """tlslite imports asyncore, which Python deprecates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
