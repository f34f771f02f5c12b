"""The TLS side of the web server: the contexts it serves with, and which of them a client gets.

A hardened device has one context: TLS 1.2 and 1.3 with ECDHE and AEAD. Older versions, where planted, live in a
context of their own, so that they change nothing for a client that speaks TLS 1.2.
"""

import socket
import ssl
import warnings
from pathlib import Path

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.storage.flash import key_store

DH_PARAMETERS = "dh_params.pem"
_SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
_OLD_SUITES = ("ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA")
_PLANTED_SUITES = {
    "tls_no_forward_secrecy": ("AES128-GCM-SHA256",),
    "tls_cbc_sha1": ("ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA"),
    "tls_null": ("ECDHE-ECDSA-NULL-SHA", "ECDHE-RSA-NULL-SHA"),
    "tls_anon": ("ADH-AES128-GCM-SHA256",),
}
_WEAK = ("certificate_rsa1024", "certificate_sha1", "tls_null", "tls_anon")
"""Defects that OpenSSL serves at security level 0 only."""
_RECORD_TO_VERSION = 11
"""Octets from the start of a ClientHello record to the end of its client_version (RFC 5246, 6.2.1 and 7.4.1.2)."""


class UnsupportedByOpensslError(Exception):
    """The OpenSSL of this Python cannot do what a defect asks for."""


class Contexts:
    """The contexts of one device, from the certificates on its flash and the keys in its key store.

    Raises UnsupportedByOpensslError rather than leave a planted defect out in silence.
    """

    def __init__(self, folder: Path, defects: Defects) -> None:
        planted = [suite for defect, suites in _PLANTED_SUITES.items() if defects(defect) for suite in suites]
        level = 0 if any(defects(defect) for defect in _WEAK) else None
        self._modern = _context(folder, (*_SUITES, *planted), level)
        self._modern.minimum_version = ssl.TLSVersion.TLSv1_2
        self._old = _old_context(folder, defects)

    def choose(self, sock: socket.socket) -> ssl.SSLContext:
        """Return the context for a client, by the version in its ClientHello, which stays unread."""
        if self._old is None:
            return self._modern
        hello = sock.recv(_RECORD_TO_VERSION, socket.MSG_PEEK)
        is_old = len(hello) == _RECORD_TO_VERSION and hello[0] == 22 and hello[9:11] < b"\x03\x03"
        return self._old if is_old else self._modern


def _context(folder: Path, suites: tuple[str, ...], level: int | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    suffix = [] if level is None else [f"@SECLEVEL={level}"]
    try:
        context.set_ciphers(":".join((*suites, *suffix)))
        for certificate in sorted(folder.glob("tls_cert*.pem")):
            context.load_cert_chain(certificate, key_store(folder) / certificate.name.replace("cert", "key"))
        if (folder / DH_PARAMETERS).exists():
            context.load_dh_params(str(folder / DH_PARAMETERS))
    except ssl.SSLError as error:
        raise UnsupportedByOpensslError(f"{ssl.OPENSSL_VERSION} refuses: {error}") from error
    if missing := set(suites) - {str(cipher["name"]) for cipher in context.get_ciphers()}:
        raise UnsupportedByOpensslError(f"{ssl.OPENSSL_VERSION} has no {', '.join(sorted(missing))}")
    return context


def _old_context(folder: Path, defects: Defects) -> ssl.SSLContext | None:
    versions = []
    if defects("tls10_enabled"):
        versions.append(ssl.TLSVersion.TLSv1)
    if defects("tls11_enabled"):
        versions.append(ssl.TLSVersion.TLSv1_1)
    if not versions:
        return None
    context = _context(folder, _OLD_SUITES, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # the range is never empty on the way
        context.minimum_version = versions[0]
        context.maximum_version = versions[-1]
    return context
