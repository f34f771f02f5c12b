"""The beginning of SSH as bytes: the identification, binary packets and the KEXINIT (RFC 4253, 4.2, 6 and 7.1).

No socket is opened here, and nothing is judged.
"""

import os
import re
from dataclasses import dataclass

from trustprobe.probe import printable

MAX_LINE = 2_048
"""Bytes of an identification; RFC 4253 allows 255."""
MAX_NOTICE = 65_536
"""Bytes that may come before it: RFC 4253, 4.2 limits neither the lines nor their length."""
MAX_PACKET = 35_000
MAX_PACKETS = 8
"""Packets that may come before the KEXINIT (SSH_MSG_IGNORE, SSH_MSG_DEBUG)."""
IDENTIFICATION = b"SSH-2.0-trustprobe\r\n"
_DISCONNECT, _IGNORE, _UNIMPLEMENTED, _DEBUG, _KEXINIT = 1, 2, 3, 4, 20
LISTS = 10
_SSH = b"SSH-"
NO_STRICT_KEX = "no-strict-kex:"
"""Stands before the name of a cipher that is weak because the server has no strict key exchange."""
_STRICT = re.compile(r"^kex-strict-s(?:-|$)")
_CHACHA20, _CBC = re.compile(r"^chacha20-poly1305(?:@|$)", re.I), re.compile(r"[-_]cbc(?:@|$)", re.I)
_ENCRYPT_THEN_MAC = re.compile(r"-etm(?:@|$)", re.I)

# What we say we can do: enough, old and new, that no server ends the talk before its own KEXINIT.
_OFFER = (
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
    "diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group14-sha256,"
    "diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1,diffie-hellman-group1-sha1",
    "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256,ssh-rsa,ssh-dss",
    *2
    * (
        "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,"
        "aes128-ctr,aes256-cbc,aes192-cbc,aes128-cbc,3des-cbc,blowfish-cbc,arcfour",
    ),
    *2
    * (
        "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1,"
        "hmac-sha1-96,hmac-md5,hmac-md5-96",
    ),
    *2 * ("none,zlib@openssh.com,zlib",),
    *2 * ("",),
)


class SshDecodeError(ValueError):
    """Bytes from the device that are no SSH; a fact about the device, never an error of the bench."""


@dataclass(frozen=True)
class Kexinit:
    """The name-lists of a KEXINIT in the order of RFC 4253, 7.1, unchanged."""

    lists: tuple[tuple[str, ...], ...]

    @property
    def kex(self) -> tuple[str, ...]:
        """Key exchange methods, with the markers of extensions (ext-info-s, kex-strict-s-v00@openssh.com)."""
        return self.lists[0]

    @property
    def host_key(self) -> tuple[str, ...]:
        """Server host key algorithms."""
        return self.lists[1]

    def both_ways(self, first: int) -> tuple[str, ...]:
        """Unite a list from client to server with its twin for the other direction; each name once, in order."""
        return tuple(dict.fromkeys(self.lists[first] + self.lists[first + 1]))

    @property
    def truncatable(self) -> tuple[str, ...]:
        """Ciphers under which packets can be removed unnoticed from the beginning of a session, after NO_STRICT_KEX.

        These are ChaCha20-Poly1305, and CBC with a MAC over the encrypted packet, unless the server offers strict key
        exchange (CVE-2023-48795, draft-ietf-sshm-strict-kex).
        """
        if any(_STRICT.search(name) for name in self.kex):
            return ()
        names = []
        for ciphers, macs in ((self.lists[2], self.lists[4]), (self.lists[3], self.lists[5])):
            cbc = any(_ENCRYPT_THEN_MAC.search(name) for name in macs)
            names += [name for name in ciphers if _CHACHA20.search(name) or (cbc and _CBC.search(name))]
        return tuple(NO_STRICT_KEX + name for name in dict.fromkeys(names))


@dataclass(frozen=True)
class Disconnect:
    """SSH_MSG_DISCONNECT: the server's reason code (RFC 4253, 11.1) and words."""

    reason: int
    words: str


def encode_kexinit() -> bytes:
    """Return our KEXINIT as an unencrypted binary packet (RFC 4253, 6)."""
    lists = b"".join(len(names).to_bytes(4) + names.encode() for names in _OFFER)
    payload = bytes([_KEXINIT]) + os.urandom(16) + lists + bytes(5)
    padding = 8 - (5 + len(payload)) % 8 + 8
    return (1 + len(payload) + padding).to_bytes(4) + bytes([padding]) + payload + os.urandom(padding)


def split_identification(data: bytes) -> tuple[bytes, bytes] | None:
    """Return the server's identification line and what follows it; None if it has not come whole.

    Lines of any number and length may come before it (RFC 4253, 4.2), up to MAX_NOTICE bytes; it may end without CR.
    Raises SshDecodeError.
    """
    start = 0 if data.startswith(_SSH) else data.find(b"\n" + _SSH) + 1
    if start or data.startswith(_SSH):
        line, end, rest = data[start:].partition(b"\n")
        if len(line) > MAX_LINE:
            raise SshDecodeError(f"an identification of more than {MAX_LINE} bytes")
        return (line.rstrip(b"\r"), rest) if end else None
    if len(data) > MAX_NOTICE:
        raise SshDecodeError(f"more than {MAX_NOTICE} bytes before the identification")
    return None


def decode_packets(data: bytes) -> Kexinit | Disconnect | None:
    """Return the first KEXINIT or DISCONNECT in a server's unencrypted packets; None if it is not there yet.

    Raises SshDecodeError.
    """
    for _ in range(MAX_PACKETS + 1):
        if len(data) < 4:
            return None
        length = int.from_bytes(data[:4])
        if not 2 <= length <= MAX_PACKET:
            raise SshDecodeError(f"a packet of {length} bytes")
        if len(data) < 4 + length:
            return None
        padding = data[4]
        if padding > length - 2:
            raise SshDecodeError(f"a packet of {length} bytes with {padding} bytes of padding")
        payload, data = data[5 : 4 + length - padding], data[4 + length :]
        if payload[0] == _KEXINIT:
            return decode_kexinit(payload)
        if payload[0] == _DISCONNECT:
            reason, words = payload[1:5], payload[9 : 9 + int.from_bytes(payload[5:9])]
            return Disconnect(int.from_bytes(reason), printable(words, 300))
        if payload[0] not in (_IGNORE, _UNIMPLEMENTED, _DEBUG):
            raise SshDecodeError(f"message {payload[0]} instead of a KEXINIT")
    raise SshDecodeError(f"more than {MAX_PACKETS} packets before the KEXINIT")


def decode_kexinit(payload: bytes) -> Kexinit:
    """Parse a KEXINIT to its last byte, or raise SshDecodeError."""
    lists = []
    rest = payload[17:]
    for number in range(LISTS):
        size = int.from_bytes(rest[:4])
        if len(rest) < 4 + size:
            raise SshDecodeError(f"a KEXINIT that ends within its name-list {number + 1}")
        names = printable(rest[4 : 4 + size].decode("latin-1"), MAX_PACKET * 6)
        lists.append(tuple(name for name in names.split(",") if name))
        rest = rest[4 + size :]
    if len(rest) != 5:
        raise SshDecodeError(f"a KEXINIT with {len(rest)} bytes after its lists")
    if not all(lists[:4]):
        raise SshDecodeError("a KEXINIT that offers no key exchange, host key or cipher")
    return Kexinit(tuple(lists))
