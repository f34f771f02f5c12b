"""Private keys that a library publishes with its own tests, and whether the device uses one of them as its own.

Each product with such a library contains them, and they protect nothing. If a device presents the public half of one as
the key of a certificate or as an SSH host key, everybody has its private key.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_public_key,
)
from OpenSSL import crypto

from drivers.data import table
from drivers.network.logins.ssh_algorithms import SIZE_SECONDS, read_kexinit
from drivers.network.logins.ssh_sizes import host_keys
from drivers.network.target import Target
from drivers.network.tls.certificate import ReadCertificate
from drivers.titled_recorder import TitledRecorder
from lab_config.component import Service, Transport
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Recorder

MOST_OF_A_KEY = 8192
"""Octets in which a key ends, in any notation."""
_COMPARED = 120
"""Characters of the base64 of a key that its digest in the table is of."""
_PUBLISHED = frozenset(digest for digests in table("public_test_keys").values() for digest in digests)


def published(octets: bytes) -> bytes | None:
    """Return the PEM key that begins here, if it is published. It is brought into the form of RFC 7468."""
    text = octets[:MOST_OF_A_KEY].replace(b"\\n", b"\n").replace(b"\r", b"")
    label, _, body = text.partition(b"\n")
    key = body.partition(b"-")[0].replace(b"\n", b"")
    if sha256(key[:_COMPARED]).hexdigest() not in _PUBLISHED:
        return None
    lines = [key[at : at + 64] for at in range(0, len(key), 64)]
    return b"\n".join([label, *lines, label.replace(b"BEGIN", b"END"), b""])


def public_half(pem: bytes) -> str:
    """Return the SHA-256 of the public half of a key as SubjectPublicKeyInfo (RFC 5280, 4.1); "" where it has none."""
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return ""
    return _digest(key.public_key())


def _digest(key: PublicKeyTypes) -> str:
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


@dataclass(frozen=True)
class Presented:
    """The public keys that services present, and the services whose key was not read."""

    keys: Mapping[str, str] = field(default_factory=dict)
    """The port that presents it, in words, to the SHA-256 of each key as SubjectPublicKeyInfo."""
    unread: tuple[str, ...] = ()
    """The ports, in words."""


@dataclass(frozen=True)
class PresentedKeys:
    """The public keys that the declared services of a device present: of TLS over TCP, and of SSH."""

    target: Target
    services: Iterable[Service]

    def read(self, record: Recorder) -> Presented:
        """Read the key of each service that has one. TLS over UDP is not read."""
        keys: dict[str, str] = {}
        unread = []
        for service in self.services:
            if not (service.tls or service.protocol == "ssh"):
                continue
            digests, whole = self._read(service, record)
            shown = f"the key {', '.join(digests)}" if digests else "no key that could be read"
            record.note(f"{service.about} presents {shown}{'' if whole or not digests else ', and another one'}")
            for digest in digests:
                keys.setdefault(digest, service.about)
            if not whole:
                unread.append(service.about)
        return Presented(keys, tuple(unread))

    def _read(self, service: Service, record: Recorder) -> tuple[tuple[str, ...], bool]:
        """Return the digests of the keys, and whether each was read that the service offers."""
        if service.transport is not Transport.TCP:
            return (), False
        try:
            return self._of_tls(service, record) if service.tls else self._of_ssh(service)
        except NotForwardedError as error:
            record.note(f"{service.about}: {error.words}")
            return (), False

    def _of_tls(self, service: Service, record: Recorder) -> tuple[tuple[str, ...], bool]:
        evidence = TitledRecorder(record, service.id)
        pem = ReadCertificate(self.target, service.port, None, ()).run(evidence).pem
        try:
            key = crypto.load_certificate(crypto.FILETYPE_PEM, pem.encode()).get_pubkey()
            return (sha256(crypto.dump_publickey(crypto.FILETYPE_ASN1, key)).hexdigest(),), True
        except crypto.Error:
            return (), False

    def _of_ssh(self, service: Service) -> tuple[tuple[str, ...], bool]:
        found = read_kexinit(self.target, service.port)
        keys, unread = host_keys(self.target, service.port, found.lists, SIZE_SECONDS) if found else ((), ())
        digests = tuple(digest for key in keys if (digest := _of_host_key(key)))
        return digests, bool(digests) and len(digests) == len(keys) and not unread


def _of_host_key(octets: bytes) -> str:
    kind = octets[4 : 4 + int.from_bytes(octets[:4], "big")]
    try:
        return _digest(load_ssh_public_key(kind + b" " + base64.b64encode(octets)))
    except (ValueError, UnsupportedAlgorithm):
        return ""
