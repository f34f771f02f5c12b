"""A client's ClientHello, read byte by byte: which versions, suites and names a device offers when it connects itself.

The other direction of `records.py`; nothing here opens a socket or judges (RFC 5246, 7.4.1.2; RFC 8446, 4.1.2).
"""

from collections.abc import Hashable
from dataclasses import dataclass

from drivers.network.tls.records import VERSIONS, Alert, FieldReader, HandshakeMessage, TlsDecodeError, read_items

_CLIENT_HELLO = 1
_SERVER_NAME, _SUPPORTED_VERSIONS = 0, 43
SIGNALS = frozenset({0x00FF, 0x5600})
"""Suite values that are no suites: secure renegotiation (RFC 5746) and fallback (RFC 7507)."""
_OF_ONE_CONNECTION = frozenset({21, 35, 41, 42, 44, 45, 51})
"""Extensions that a client sends now and then: padding, session_ticket, pre_shared_key, early_data, cookie,
psk_key_exchange_modes and key_share."""


@dataclass(frozen=True)
class OfferedHello:
    """What a client offers. `versions` are names of `VERSIONS`, newest first; GREASE (RFC 8701) is left out."""

    versions: tuple[str, ...]
    suites: tuple[int, ...]
    server_name: str
    extensions: tuple[int, ...]
    lists_versions: bool
    """Whether `versions` is all of them: a hello without supported_versions names the newest one alone."""

    @property
    def client(self) -> Hashable:
        """What distinguishes the TLS clients of one device, and stays the same from one connection to the next."""
        lasting = frozenset(self.extensions) - _OF_ONE_CONNECTION
        return self.server_name, frozenset(self.versions), frozenset(self.suites), lasting


def offered_hello(data: bytes) -> OfferedHello | None:
    """Return the ClientHello at the front of what a client sent; None while it is not whole.

    Raises TlsDecodeError where the bytes are no ClientHello, or one with bytes left over.
    """
    if data and data[0] & 0x80:
        return _sslv2_format(data)
    for item in read_items(data):
        if isinstance(item, HandshakeMessage) and item.kind == _CLIENT_HELLO:
            return _hello(item.body)
        word = item.name if isinstance(item, Alert) else f"handshake message {item.kind}"
        raise TlsDecodeError(f"{word} instead of a ClientHello")
    return None


def _hello(body: bytes) -> OfferedHello:
    reader = FieldReader(body)
    legacy = reader.number(2)
    reader.take(32)
    reader.vector(1)
    suites = _numbers(reader.vector(2), 2)
    reader.vector(1)
    extensions = _extensions(FieldReader(b"" if reader.empty else reader.vector(2)))
    if not reader.empty:
        raise TlsDecodeError("a ClientHello with bytes left over")
    listed = _SUPPORTED_VERSIONS in extensions
    versions = _numbers(FieldReader(extensions[_SUPPORTED_VERSIONS]).vector(1), 2) if listed else (legacy,)
    return OfferedHello(
        versions=_names(versions),
        suites=tuple(suite for suite in suites if not _is_grease(suite) and suite not in SIGNALS),
        server_name=_server_name(extensions.get(_SERVER_NAME, b"")),
        extensions=tuple(number for number in extensions if not _is_grease(number)),
        lists_versions=listed,
    )


def _extensions(reader: FieldReader) -> dict[int, bytes]:
    found = {}
    while not reader.empty:
        number = reader.number(2)
        found[number] = reader.vector(2)
    return found


def _server_name(data: bytes) -> str:
    """Return the host name of the extension (RFC 6066, 3); empty without one."""
    names = FieldReader(FieldReader(data).vector(2) if data else b"")
    while not names.empty:
        kind, name = names.number(1), names.vector(2)
        if kind == 0:
            return name.decode("ascii", "backslashreplace")
    return ""


def _sslv2_format(data: bytes) -> OfferedHello | None:
    """Read a CLIENT-HELLO in the record format of SSL 2.0, which may ask for a newer version (RFC 5246, E.2)."""
    if len(data) < 2 or len(data) < 2 + (((data[0] & 0x7F) << 8) | data[1]):
        return None
    reader = FieldReader(data[2 : 2 + (((data[0] & 0x7F) << 8) | data[1])])
    if reader.number(1) != _CLIENT_HELLO:
        raise TlsDecodeError("an SSLv2 message that is not a CLIENT-HELLO")
    version = reader.number(2)
    lengths = [reader.number(2) for _ in range(3)]
    listed = _numbers(reader.take(lengths[0]), 3)
    reader.take(lengths[1])
    reader.take(lengths[2])
    suites = tuple(suite for suite in listed if suite not in SIGNALS)
    return OfferedHello(tuple(dict.fromkeys((*_names((version,)), "SSLv2"))), suites, "", (), lists_versions=False)


def _numbers(data: bytes, size: int) -> tuple[int, ...]:
    if len(data) % size:
        raise TlsDecodeError(f"a list of {len(data)} bytes in fields of {size}")
    return tuple(int.from_bytes(data[at : at + size]) for at in range(0, len(data), size))


def _names(versions: tuple[int, ...]) -> tuple[str, ...]:
    known = {number: name for name, number in VERSIONS.items()}
    return tuple(known.get(one, f"version 0x{one:04x}") for one in versions if not _is_grease(one))


def _is_grease(number: int) -> bool:
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF
