"""TLS as bytes: a ClientHello that we write ourselves, and what a server's first flight says.

No library stands between, because a library that will not speak SSLv3 or RC4 says nothing about a device that does.
Nothing here opens a socket, encrypts or judges; SSLv2 to TLS 1.3 (RFC 6101, 2246, 4346, 5246, 8446).
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

VERSIONS = {"SSLv2": 0x0002, "SSLv3": 0x0300, "TLS1.0": 0x0301, "TLS1.1": 0x0302, "TLS1.2": 0x0303, "TLS1.3": 0x0304}
"""Protocol versions by the names that observations use, oldest first."""

ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""Alert descriptions of IANA's registry, and those of SSL 3.0."""

_WARNINGS = frozenset({41, 90, 100, 110, 112})
"""Alerts after whose warning a handshake may go on. Any other one refuses, whatever level the server gives it."""
RENEGOTIATION_SCSV = 0x00FF
_RETRY_RANDOM = hashlib.sha256(b"HelloRetryRequest").digest()
_MAX_RECORD = 16_384 + 2_048
_MAX_HANDSHAKE = 131_072
_MAX_ALERTS = 16
_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION_DATA = 20, 21, 22, 23
_SERVER_HELLO, _CERTIFICATE, _SERVER_KEY_EXCHANGE, _SERVER_HELLO_DONE = 2, 11, 12, 14

# Named groups: x25519, secp256r1, secp384r1, secp521r1, x448, brainpool P256 to P512, the old curves that small stacks
# still carry, and for TLS 1.3 X25519MLKEM768 and ffdhe2048/3072. The ffdhe groups stay out of older hellos: there they
# would forbid a server its own group (RFC 7919, 4) and hide its DHE suites.
_OLD_GROUPS = (29, 23, 24, 25, 30, 26, 27, 28, 22, 21, 20, 19, 18, 14, 13, 12, 11, 10, 9)
_NEW_GROUPS = (29, 23, 24, 25, 30, 0x11EC, 256, 257)
# Signature schemes: ECDSA, EdDSA, RSA-PSS, PKCS#1 with SHA-512 down to SHA-1 and MD5, DSA.
_SIGNATURES = (
    *(0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, 0x081A, 0x081B, 0x081C),
    *(0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0203, 0x0201, 0x0402, 0x0202, 0x0101),
)


class TlsDecodeError(ValueError):
    """Bytes from the device that are no TLS; a fact about the device, never an error of the bench."""


@dataclass(frozen=True)
class ServerHello:
    """The version and suite that a server chose; `retry` for a HelloRetryRequest (RFC 8446, 4.1.4).

    An SSLv2 SERVER-HELLO lists kinds instead of choosing: `suite` is its first, or None for an empty list.
    """

    version: str
    suite: int | None
    retry: bool = False


@dataclass(frozen=True)
class Alert:
    """A TLS alert by its registered name, or an SSLv2 ERROR message, which is always fatal.

    `fatal` also for a warning after which no handshake goes on, such as handshake_failure.
    """

    name: str
    fatal: bool


@dataclass(frozen=True)
class HandshakeMessage:
    """One handshake message, its body put together from as many records as it took."""

    kind: int
    body: bytes


@dataclass(frozen=True)
class ClientHello:
    """One offer: exactly this version (a name of `VERSIONS`), these suites.

    `extensions=False` leaves all extensions out, for stacks that cannot take any; SSLv3 never has them. TLS 1.3
    cannot do without. `compact` is a hello of TLS 1.3 with the least that it needs, for stacks that take no long one.
    """

    version: str
    suites: tuple[int, ...]
    server_name: str = ""
    extensions: bool = True
    compact: bool = False

    def encode(self) -> bytes:
        """Return the hello in its record, with fresh randoms and key shares."""
        if self.version == "SSLv2":
            return _sslv2_client_hello(self.suites)
        legacy = min(VERSIONS[self.version], VERSIONS["TLS1.2"])
        extended = self.extensions and self.version != "SSLv3"
        suites = self.suites if extended else (*self.suites, RENEGOTIATION_SCSV)
        compatible = self.version == "TLS1.3" and not self.compact  # with middleboxes, RFC 8446, D.4
        session = os.urandom(32) if compatible else b""
        body = legacy.to_bytes(2) + os.urandom(32) + _vector(session, 1) + _vector(_shorts(suites), 2) + b"\x01\x00"
        if extended:
            body += _vector(self._extensions(), 2)
        return _record(min(legacy, VERSIONS["TLS1.0"]), b"\x01" + _vector(body, 3))

    def _extensions(self) -> bytes:
        new = self.version == "TLS1.3"
        parts = [(10, _vector(_shorts(_NEW_GROUPS if new else _OLD_GROUPS), 2))]
        if not self.compact:
            parts += [(11, b"\x01\x00"), (0xFF01, b"\x00")]
        if self.server_name:
            parts.insert(0, (0, _vector(b"\x00" + _vector(self.server_name.encode("idna"), 2), 2)))
        if VERSIONS[self.version] >= VERSIONS["TLS1.2"]:
            parts.append((13, _vector(_shorts(_SIGNATURES[:12] if self.compact else _SIGNATURES), 2)))
        if new:
            parts.append((43, _vector(_shorts((VERSIONS["TLS1.3"],)), 1)))
            parts.append((51, _vector(_key_shares(1 if self.compact else 2), 2)))
        return b"".join(number.to_bytes(2) + _vector(data, 2) for number, data in parts)


def first_answer(data: bytes) -> ServerHello | Alert | None:
    """Return the first ServerHello or fatal alert in what a server sent so far, or None.

    Warnings are passed over: a server may warn (unrecognized_name) and go on. Raises TlsDecodeError.
    """
    if data and data[0] & 0x80:
        return _sslv2_answer(data)
    for item in read_items(data):
        if isinstance(item, HandshakeMessage):
            if item.kind != _SERVER_HELLO:
                raise TlsDecodeError(f"handshake message {item.kind} instead of a ServerHello")
            return _server_hello(item.body)
        if item.fatal:
            return item
    return None


def certificates(data: bytes) -> tuple[bytes, ...] | Alert | None:
    """Return the DER certificates of the first Certificate message up to TLS 1.2, leaf first; None if not there yet.

    Raises TlsDecodeError. In TLS 1.3 the message is encrypted, so that none is ever found.
    """
    for item in read_items(data):
        if isinstance(item, HandshakeMessage) and item.kind == _CERTIFICATE:
            reader = FieldReader(FieldReader(item.body).vector(3))
            found = []
            while not reader.empty:
                found.append(reader.vector(3))
            return tuple(found)
        if isinstance(item, Alert) and item.fatal:
            return item
    return None


def dh_prime_bits(data: bytes) -> int | Alert | None:
    """Return the size of the prime of a ServerKeyExchange of DHE, up to TLS 1.2; 0 where the flight ends without one.

    None if it is not there yet. Only for suites of DHE and DH_anon, whose message begins with the prime (RFC 5246,
    7.4.3). Raises TlsDecodeError.
    """
    for item in read_items(data):
        if isinstance(item, Alert):
            if item.fatal:
                return item
        elif item.kind == _SERVER_KEY_EXCHANGE:
            return int.from_bytes(FieldReader(item.body).vector(2)).bit_length()
        elif item.kind == _SERVER_HELLO_DONE:
            return 0
    return None


def read_items(data: bytes) -> Iterator[HandshakeMessage | Alert]:
    """Yield handshake messages and alerts in the order of their records, as far as they are complete.

    Raises TlsDecodeError at the first byte that cannot be TLS; what came before it has been yielded.
    """
    handshake = b""
    for kind, fragment in _records(data):
        if kind == _ALERT:
            if not fragment or len(fragment) % 2 or len(fragment) > _MAX_ALERTS:
                raise TlsDecodeError(f"an alert of {len(fragment)} bytes")
            for at in range(0, len(fragment), 2):  # several in one record: RFC 5246, 6.2.1
                yield _alert(fragment[at], fragment[at + 1])
        if kind == _HANDSHAKE:
            handshake += fragment
            while len(handshake) >= 4:
                end = 4 + int.from_bytes(handshake[1:4])
                if end > _MAX_HANDSHAKE:
                    raise TlsDecodeError(f"a handshake message of {end} bytes")
                if len(handshake) < end:
                    break
                yield HandshakeMessage(handshake[0], handshake[4:end])
                handshake = handshake[end:]


class FieldReader:
    """Takes fields off the front of a message; raises TlsDecodeError where the message ends too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def empty(self) -> bool:
        """Whether nothing is left."""
        return not self._data

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        if len(self._data) < count:
            raise TlsDecodeError(f"a message ends {count - len(self._data)} bytes too early")
        field, self._data = self._data[:count], self._data[count:]
        return field

    def number(self, count: int) -> int:
        """Return a big-endian number of `count` bytes."""
        return int.from_bytes(self.take(count))

    def vector(self, count: int) -> bytes:
        """Return what follows its own length of `count` bytes (RFC 5246, 4.3)."""
        return self.take(self.number(count))


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start < len(data):
        header = data[start : start + 5]
        if header[0] not in (_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION_DATA):
            raise TlsDecodeError(f"a record of type {header[0]}")
        if len(header) > 1 and header[1] != 3:
            raise TlsDecodeError(f"a record of version {header[1]}")
        if len(header) < 5:
            return
        end = start + 5 + int.from_bytes(header[3:5])
        if end - start - 5 > _MAX_RECORD:
            raise TlsDecodeError(f"a record of {end - start - 5} bytes")
        if len(data) < end:
            return
        yield header[0], data[start + 5 : end]
        start = end


def _server_hello(body: bytes) -> ServerHello:
    reader = FieldReader(body)
    version, random = reader.number(2), reader.take(32)
    if len(reader.vector(1)) > 32:
        raise TlsDecodeError("a ServerHello with a session identifier of more than 32 bytes")
    suite = reader.number(2)
    reader.take(1)
    extensions = FieldReader(b"" if reader.empty else reader.vector(2))
    while not extensions.empty:
        number, data = extensions.number(2), extensions.vector(2)
        if number == 43:
            version = FieldReader(data).number(2)
    return ServerHello(_version_name(version), suite, random == _RETRY_RANDOM)


def _sslv2_answer(data: bytes) -> ServerHello | Alert | None:
    """Read an SSLv2 SERVER-HELLO or ERROR (SSL 2.0, 1.2 and 2.7), whose record has a header of two bytes."""
    if len(data) < 2 or len(data) < 2 + (((data[0] & 0x7F) << 8) | data[1]):
        if len(data) > 2 and data[2] not in (0, 4):
            raise TlsDecodeError(f"an SSLv2 message of type {data[2]}")
        return None
    reader = FieldReader(data[2 : 2 + (((data[0] & 0x7F) << 8) | data[1])])
    kind = reader.number(1)
    if kind == 0:
        return Alert(f"SSLv2 error {reader.number(2)}", fatal=True)
    if kind != 4:
        raise TlsDecodeError(f"an SSLv2 message of type {kind}")
    reader.take(2)
    version = reader.number(2)
    certificate, kinds, connection = reader.number(2), reader.number(2), reader.number(2)
    reader.take(certificate)
    listed = reader.take(kinds)
    reader.take(connection)
    if version != VERSIONS["SSLv2"] or kinds % 3 or not reader.empty:
        raise TlsDecodeError(f"an SSLv2 SERVER-HELLO that is not well formed (version 0x{version:04x})")
    return ServerHello("SSLv2", int.from_bytes(listed[:3]) if listed else None)


def _sslv2_client_hello(kinds: Sequence[int]) -> bytes:
    listed = b"".join(kind.to_bytes(3) for kind in kinds)
    body = b"\x01\x00\x02" + len(listed).to_bytes(2) + b"\x00\x00" + b"\x00\x10" + listed + os.urandom(16)
    return (0x8000 | len(body)).to_bytes(2) + body


def _alert(level: int, description: int) -> Alert:
    name = ALERTS.get(description, f"alert {description}")
    return Alert(name, fatal=level != 1 or description not in _WARNINGS)


def _version_name(number: int) -> str:
    return next((name for name, known in VERSIONS.items() if known == number), f"version 0x{number:04x}")


def _key_shares(count: int) -> bytes:
    x = x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
    p256 = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = p256.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return b"".join(group.to_bytes(2) + _vector(share, 2) for group, share in ((29, x), (23, point))[:count])


def _vector(data: bytes, count: int) -> bytes:
    return len(data).to_bytes(count) + data


def _shorts(numbers: Sequence[int]) -> bytes:
    return b"".join(number.to_bytes(2) for number in numbers)


def _record(version: int, handshake: bytes) -> bytes:
    return bytes([_HANDSHAKE]) + version.to_bytes(2) + _vector(handshake, 2)
