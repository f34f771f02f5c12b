"""The algorithms that an SSH server offers, from its KEXINIT (RFC 4253, 4.2 and 7.1), with bytes of our own.

No library negotiates here: one that knows no group1 or DSA could not show that a device still offers them. Logging in
is in `ssh.py`; which algorithms are weak is said by the profiles.
"""

import os
import socket
import time
from dataclasses import dataclass

from drivers.network.target import Target, answer_of
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, printable

ANSWER_SECONDS = 10.0
MAX_LINE = 255
MAX_LINES = 50
MAX_PACKET = 35_000
MAX_PACKETS = 8
"""Packets that may come before the KEXINIT (SSH_MSG_IGNORE, SSH_MSG_DEBUG)."""
IDENTIFICATION = b"SSH-2.0-trustprobe\r\n"
_DISCONNECT, _IGNORE, _UNIMPLEMENTED, _DEBUG, _KEXINIT = 1, 2, 3, 4, 20
_LISTS = 10

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


@dataclass(frozen=True)
class Disconnect:
    """SSH_MSG_DISCONNECT: the server's reason code (RFC 4253, 11.1) and words."""

    reason: int
    words: str


class SshKexinit(Observation):
    """What a server offers; one fact, about `kexinit`. The tuples are empty where it was not parsed whole."""

    banner: str = ""
    kex: tuple[str, ...] = ()
    host_key: tuple[str, ...] = ()
    cipher: tuple[str, ...] = ()
    mac: tuple[str, ...] = ()
    compression: tuple[str, ...] = ()


def encode_kexinit() -> bytes:
    """Return our KEXINIT as an unencrypted binary packet (RFC 4253, 6)."""
    lists = b"".join(len(names).to_bytes(4) + names.encode() for names in _OFFER)
    payload = bytes([_KEXINIT]) + os.urandom(16) + lists + bytes(5)
    padding = 8 - (5 + len(payload)) % 8 + 8
    return (1 + len(payload) + padding).to_bytes(4) + bytes([padding]) + payload + os.urandom(padding)


def split_identification(data: bytes) -> tuple[bytes, bytes] | None:
    """Return the server's identification line and what follows it; None if it has not come whole.

    At most MAX_LINES lines of MAX_LINE bytes may come before it (RFC 4253, 4.2). Raises SshDecodeError.
    """
    rest = data
    for _ in range(MAX_LINES + 1):
        line, end, rest = rest.partition(b"\n")
        if len(line) > MAX_LINE:
            raise SshDecodeError(f"a line of more than {MAX_LINE} bytes instead of the identification")
        if not end:
            return None
        if line.startswith(b"SSH-"):
            return line.rstrip(b"\r"), rest
    raise SshDecodeError(f"more than {MAX_LINES} lines before the identification")


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
    for number in range(_LISTS):
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


@dataclass(frozen=True)
class SshAlgorithms:
    """Read which algorithms an SSH server offers. `seconds` bounds the whole talk.

    SEEN is a KEXINIT parsed to its last byte; REFUSED the server's DISCONNECT; SILENT all else. The witness says
    whether the lists can be judged at all.
    """

    target: Target
    port: int
    seconds: float = ANSWER_SECONDS

    @property
    def name(self) -> str:
        """One observation a port."""
        return f"ssh_algorithms.{self.port}"

    def run(self, record: Recorder) -> SshKexinit:
        """Send our identification and KEXINIT, and read the server's."""
        talk = _Talk(bytearray())
        try:
            with self.target.connect(self.port) as sock:
                found, words = talk.read(sock, time.monotonic() + self.seconds)
        except SshDecodeError as error:
            found, words = None, f"the server sent data that is not SSH: {error}"
        except OSError as error:
            answer_of(error)
            found, words = None, f"no KEXINIT: {error}"
        record.keep("received.bin", bytes(talk.received))
        banner = printable(talk.banner, MAX_LINE)
        record.note(f"{banner}: {words}")
        answer = Answer.SILENT
        if found is not None:
            answer = Answer.SEEN if isinstance(found, Kexinit) else Answer.REFUSED
        return self._observed(found if isinstance(found, Kexinit) else None, answer, banner, words)

    def _observed(self, found: Kexinit | None, answer: Answer, banner: str, words: str) -> SshKexinit:
        whole = "was parsed completely" if found else f"was not parsed: {printable(words)}"
        return SshKexinit(
            question=f"Which algorithms does the SSH server on tcp/{self.port} offer?",
            facts=(Fact(about="kexinit", answer=answer, detail=printable(words)),),
            witness=Witness(what=f"the KEXINIT of tcp/{self.port} {whole}", holds=found is not None),
            banner=banner,
            kex=found.kex if found else (),
            host_key=found.host_key if found else (),
            cipher=found.both_ways(2) if found else (),
            mac=found.both_ways(4) if found else (),
            compression=found.both_ways(6) if found else (),
        )


@dataclass
class _Talk:
    """One connection's bytes, kept however it ends."""

    received: bytearray
    banner: bytes = b""

    def read(self, sock: socket.socket, deadline: float) -> tuple[Kexinit | Disconnect | None, str]:
        """Read up to the server's KEXINIT or DISCONNECT. Raises SshDecodeError and OSError."""
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        sock.sendall(IDENTIFICATION)
        while True:
            split = split_identification(bytes(self.received))
            if split is not None:
                if not self.banner:
                    self.banner = split[0]
                    sock.sendall(encode_kexinit())
                found = decode_packets(split[1])
                if found is not None:
                    return found, _words(found)
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            chunk = sock.recv(8_192)
            if not chunk:
                said = printable(bytes(self.received[:300]))
                return None, f"the server closed the connection without a KEXINIT, after it sent: {said}"
            self.received += chunk


def _words(found: Kexinit | Disconnect) -> str:
    if isinstance(found, Disconnect):
        return f"the server disconnected: {found.words} (reason {found.reason})"
    return f"{sum(map(len, found.lists))} names in {_LISTS} lists"
