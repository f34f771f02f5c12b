"""Host keys of an SSH server, and how large its RSA key and its groups are.

Both are from key exchanges that end at the server's first answer.

Nothing is decrypted and nobody logs in: the host key (RFC 4253, 8) and the group (RFC 4419, 3) come before any
encryption. The exchange is by bytes of our own, because no library takes a key or a group of 1024 bits.
"""

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from paramiko.kex_group14 import KexGroup14SHA256
from paramiko.kex_group16 import KexGroup16SHA512

from drivers.network.logins.ssh_kexinit import IDENTIFICATION, MAX_PACKET, SshDecodeError, split_identification
from drivers.network.target import Target, answer_of

LEAST_GROUP = 1024
"""The size of a group that is asked for; a server that has none so small sends a larger one, or refuses."""
_KEXINIT, _INIT, _REPLY, _GEX_INIT, _GEX_REPLY, _GEX_REQUEST = 20, 30, 31, 32, 33, 34
_DISCONNECT, _SKIPPED = 1, (2, 3, 4)
_MAX_BYTES = 4 * MAX_PACKET
_GROUP_1 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)
_GROUPS = {
    "diffie-hellman-group14-sha256": KexGroup14SHA256.P,
    "diffie-hellman-group14-sha1": KexGroup14SHA256.P,
    "diffie-hellman-group16-sha512": KexGroup16SHA512.P,
    "diffie-hellman-group1-sha1": _GROUP_1,
}
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ecdh-sha2-nistp256": ec.SECP256R1,
    "ecdh-sha2-nistp384": ec.SECP384R1,
    "ecdh-sha2-nistp521": ec.SECP521R1,
}
_RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
_OTHER_KEYS = ("ssh-ed25519", "ssh-ed448", *(f"ecdsa-sha2-nistp{bits}" for bits in (256, 384, 521)), "ssh-dss")
_ENDED = ("the server ended the key exchange", "the server closed the connection in the key exchange")
_OTHER_KIND = "the server sent a host key of another kind than RSA"


_Shown = TypeVar("_Shown")


@dataclass(frozen=True)
class SshSize:
    """A size in bits that the server showed; None where it did not, and then `why`."""

    bits: int | None = None
    why: str = ""
    absent: bool = False
    """Whether the server names what it does not have."""


def host_key_size(target: Target, port: int, lists: Sequence[Sequence[str]], seconds: float) -> SshSize | None:
    """Return the size of the RSA host key of a server with these name-lists; None where it offers none.

    Dropbear names RSA without a key for it, and ends an exchange that chooses it. The key is absent if that happens
    twice, and the same exchange with another host key in between is answered.
    """
    names = [name for name in lists[1] if name in _RSA]
    if not names:
        return None
    for method in _exchanges(lists[0]):
        rsa = _Offer(method, names[0], lists)
        size = _measured(target, port, rsa, seconds, group=False)
        others = [name for name in lists[1] if name in _OTHER_KEYS]
        if size.why in _ENDED and others:
            other = _measured(target, port, _Offer(method, others[0], lists), seconds, group=False)
            again = _measured(target, port, rsa, seconds, group=False)
            if other.why == _OTHER_KIND and again.why in _ENDED:
                return SshSize(why=f"{size.why} with {names[0]}, and showed a key of {others[0]}", absent=True)
        return size
    return SshSize(why="it offers no key exchange that we can begin")


def host_keys(
    target: Target, port: int, lists: Sequence[Sequence[str]], seconds: float
) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """Return the host keys of a server as RFC 4253, 6.6 encodes them, and the kinds that it offers and did not show.

    One key exchange for each kind. A kind is absent as in `host_key_size`.
    """
    kinds = [*[name for name in lists[1] if name in _RSA][:1], *(name for name in _OTHER_KEYS if name in lists[1])]
    method = next(_exchanges(lists[0]), None)
    if method is None:
        return (), tuple(kinds)

    def shown(kind: str) -> bytes | str:
        offer = _Offer(method, kind, lists)
        return _talked(target, port, offer, seconds, lambda talk: talk.host_key(method))

    first = {kind: shown(kind) for kind in kinds}
    keys = {kind: key for kind, key in first.items() if isinstance(key, bytes)}
    unread = []
    for kind in kinds:
        if kind in keys:
            continue
        ended = first[kind] in _ENDED and keys and isinstance(shown(next(iter(keys))), bytes)
        if not ended or shown(kind) not in _ENDED:
            unread.append(kind)
    return tuple(keys.values()), tuple(unread)


def group_size(target: Target, port: int, lists: Sequence[Sequence[str]], seconds: float) -> SshSize | None:
    """Return the size of the smallest group that the server gives when asked; None where it has no group exchange."""
    names = [name for name in lists[0] if name.startswith("diffie-hellman-group-exchange-")]
    if not names:
        return None
    return _measured(target, port, _Offer(names[0], lists[1][0], lists), seconds, group=True)


def _exchanges(offered: Sequence[str]) -> Iterator[str]:
    """Return the methods that we can begin, the quickest first; more than one name of a method is the same to us."""
    ours = ("curve25519-sha256", "curve25519-sha256@libssh.org", *_CURVES, *_GROUPS)
    yield from (name for name in ours if name in offered)
    yield from (name for name in offered if name.startswith("diffie-hellman-group-exchange-"))


@dataclass(frozen=True)
class _Offer:
    method: str
    host_key: str
    lists: Sequence[Sequence[str]]
    """What the server offers: we offer the same of everything else, so that it agrees to all of it."""

    def encode(self) -> bytes:
        names = [self.method, self.host_key, *(",".join(one) for one in self.lists[2:8]), "", ""]
        return (
            bytes([_KEXINIT]) + os.urandom(16) + b"".join(_string(name.encode("latin-1")) for name in names) + bytes(5)
        )


def _measured(target: Target, port: int, offer: _Offer, seconds: float, *, group: bool) -> SshSize:
    found = _talked(
        target, port, offer, seconds, lambda talk: talk.group() if group else _rsa_bits(talk.host_key(offer.method))
    )
    return SshSize(why=found) if isinstance(found, str) else SshSize(found)


def _talked(
    target: Target, port: int, offer: _Offer, seconds: float, read: "Callable[[_Exchange], _Shown]"
) -> "_Shown | str":
    """Return what one connection shows, or why it shows nothing."""
    deadline = time.monotonic() + seconds
    try:
        with target.connect(port) as sock:
            talk = _Exchange(sock, deadline)
            talk.open(offer)
            return read(talk)
    except (SshDecodeError, ValueError) as error:
        return str(error)
    except OSError as error:
        return f"{answer_of(error)}: {error}"


def _rsa_bits(key: bytes) -> int:
    blob = _Fields(key)
    if blob.string() != b"ssh-rsa":
        raise SshDecodeError(_OTHER_KIND)
    blob.string()
    return int.from_bytes(blob.string()).bit_length()


class _Exchange:
    """One connection up to the server's answer in the key exchange."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock, self._deadline, self._heard = sock, deadline, b""

    def open(self, offer: _Offer) -> None:
        """Exchange identifications and KEXINITs."""
        self._send_raw(IDENTIFICATION)
        while (split := split_identification(self._heard)) is None:
            self._hear()
        self._heard = split[1]
        self._send(offer.encode())
        self._expect(_KEXINIT)

    def host_key(self, method: str) -> bytes:
        """Begin the key exchange, and return the key in the server's reply."""
        if method.startswith("diffie-hellman-group-exchange-"):
            prime, generator = self._ask_group()
            self._send(bytes([_GEX_INIT]) + _mpint(pow(generator, secrets.randbits(256), prime)))
            reply = self._expect(_GEX_REPLY)
        else:
            self._send(bytes([_INIT]) + _public(method))
            reply = self._expect(_REPLY)
        return _Fields(reply).string()

    def group(self) -> int:
        """Ask for a small group, and return the bits of the server's prime."""
        return self._ask_group()[0].bit_length()

    def _ask_group(self) -> tuple[int, int]:
        self._send(bytes([_GEX_REQUEST]) + b"".join(size.to_bytes(4) for size in (LEAST_GROUP, LEAST_GROUP, 8192)))
        fields = _Fields(self._expect(_REPLY))
        prime, generator = (int.from_bytes(fields.string()) for _ in range(2))
        if prime < 3:
            raise SshDecodeError("the server sent a group without a prime")
        return prime, generator

    def _expect(self, kind: int) -> bytes:
        """Return the body of the next message of this kind. Raises SshDecodeError for another one."""
        while True:
            payload = self._packet()
            if payload[0] == kind:
                return payload[1:]
            if payload[0] == _DISCONNECT:
                raise SshDecodeError(_ENDED[0])
            if payload[0] not in _SKIPPED:
                raise SshDecodeError(f"message {payload[0]} instead of {kind}")

    def _packet(self) -> bytes:
        while len(self._heard) < 5 or len(self._heard) < 4 + int.from_bytes(self._heard[:4]):
            if len(self._heard) >= 4 and not 2 <= int.from_bytes(self._heard[:4]) <= MAX_PACKET:
                raise SshDecodeError(f"a packet of {int.from_bytes(self._heard[:4])} bytes")
            self._hear()
        length, padding = int.from_bytes(self._heard[:4]), self._heard[4]
        payload, self._heard = self._heard[5 : 4 + length - padding], self._heard[4 + length :]
        if not payload:
            raise SshDecodeError("an empty packet")
        return payload

    def _hear(self) -> None:
        self._sock.settimeout(max(self._deadline - time.monotonic(), 0.001))
        chunk = self._sock.recv(8_192)
        if not chunk:
            raise SshDecodeError(_ENDED[1])
        self._heard += chunk
        if len(self._heard) > _MAX_BYTES:
            raise SshDecodeError("more bytes than a key exchange can hold")

    def _send(self, payload: bytes) -> None:
        padding = 8 - (5 + len(payload)) % 8 + 8
        self._send_raw((1 + len(payload) + padding).to_bytes(4) + bytes([padding]) + payload + os.urandom(padding))

    def _send_raw(self, data: bytes) -> None:
        self._sock.settimeout(max(self._deadline - time.monotonic(), 0.001))
        self._sock.sendall(data)


class _Fields:
    """Takes fields off the front of a message."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def string(self) -> bytes:
        """Return the next string or number (RFC 4251, 5)."""
        size = int.from_bytes(self._data[:4])
        if len(self._data) < 4 + size:
            raise SshDecodeError("a message ends too early")
        value, self._data = self._data[4 : 4 + size], self._data[4 + size :]
        return value


def _public(method: str) -> bytes:
    """Return our public value of a key exchange."""
    if method.startswith("curve25519"):
        return _string(x25519.X25519PrivateKey.generate().public_key().public_bytes_raw())
    if method in _GROUPS:
        return _mpint(pow(2, secrets.randbits(256), _GROUPS[method]))
    point = ec.generate_private_key(_CURVES[method]()).public_key()
    return _string(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data


def _mpint(number: int) -> bytes:
    return _string(number.to_bytes(number.bit_length() // 8 + 1))
