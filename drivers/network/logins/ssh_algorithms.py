"""The algorithms that an SSH server offers, from its KEXINIT, with bytes of our own.

No library negotiates here: one that knows no group1 or DSA could not show that a device still offers them. Logging in
is in `ssh.py`, families of names in `ssh_names.py`, sizes in `ssh_sizes.py`; which families are weak is said by the
profiles.
"""

import re
import socket
import time
from dataclasses import dataclass

from drivers.network.logins.ssh_kexinit import (
    IDENTIFICATION,
    LISTS,
    MAX_LINE,
    Disconnect,
    Kexinit,
    SshDecodeError,
    decode_packets,
    encode_kexinit,
    split_identification,
)
from drivers.network.logins.ssh_sizes import group_size, host_key_size
from drivers.network.target import Target, answer_of
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, printable

ANSWER_SECONDS = 10.0
SIZE_SECONDS = 6.0
"""A small processor computes a signature of RSA before it shows its key."""
PROTOCOL_1 = "protocol-1"
"""Stands among the names where the server serves version 1 of the protocol, all of whose algorithms are weak."""
_OLD_PROTOCOL = re.compile(rb"SSH-1\.(?!99-)")


class SshKexinit(Observation):
    """What a server offers; one fact, about `kexinit`. The tuples are empty where it was not parsed whole.

    PROTOCOL_1 stands in `kex` where the server also serves version 1, and in all of them where it serves nothing else.
    `cipher` ends with the names after NO_STRICT_KEX, if the server has no strict key exchange.
    """

    banner: str = ""
    kex: tuple[str, ...] = ()
    host_key: tuple[str, ...] = ()
    cipher: tuple[str, ...] = ()
    mac: tuple[str, ...] = ()
    compression: tuple[str, ...] = ()
    rsa_bits: int | None = None
    """The size of its RSA host key, where it has one and showed it."""
    group_bits: int | None = None
    """The size of the smallest group that it gives in a group exchange, where it has that and gave one."""
    unmeasured: tuple[str, ...] = ()
    """Why a size that it should have shown is not known."""


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
        sizes = self._sizes(found, record) if isinstance(found, Kexinit) else {}
        answer = Answer.SILENT
        if found is not None:
            answer = Answer.SEEN if isinstance(found, Kexinit) else Answer.REFUSED
        return self._observed(found if isinstance(found, Kexinit) else None, answer, banner, words, sizes)

    def _sizes(self, found: Kexinit, record: Recorder) -> dict[str, object]:
        """Measure the RSA host key and the group of a group exchange, one connection each."""
        seconds = min(self.seconds, SIZE_SECONDS)
        key = host_key_size(self.target, self.port, found.lists, seconds)
        group = group_size(self.target, self.port, found.lists, seconds)
        record.note(f"RSA host key: {key or 'not offered'}; group exchange: {group or 'not offered'}")
        sizes = (("the size of the RSA host key", key), ("the size of the group", group))
        return {
            "rsa_bits": key.bits if key else None,
            "group_bits": group.bits if group else None,
            "unmeasured": tuple(
                printable(f"{what} was not read: {one.why}", 300)
                for what, one in sizes
                if one and one.bits is None and not one.absent
            ),
        }

    def _observed(
        self, found: Kexinit | None, answer: Answer, banner: str, words: str, sizes: dict[str, object]
    ) -> SshKexinit:
        whole = "was parsed completely" if found else f"was not parsed: {printable(words)}"
        both = (PROTOCOL_1,) if banner.startswith("SSH-1.99-") and found else ()
        asked = Asked(door=f"tcp/{self.port}", shape="a KEXINIT")
        known = {
            "question": f"Which algorithms does the SSH server on tcp/{self.port} offer?",
            "facts": (Fact(about="kexinit", answer=answer, detail=printable(words)),),
            "witness": Witness(what=f"the KEXINIT of tcp/{self.port} {whole}", holds=found is not None, asked=asked),
            "asked": asked,
            "banner": banner,
            "kex": found.kex + both if found else (),
            "host_key": found.host_key if found else (),
            "cipher": found.both_ways(2) + found.truncatable if found else (),
            "mac": found.both_ways(4) if found else (),
            "compression": found.both_ways(6) if found else (),
        }
        return SshKexinit.model_validate(known | sizes)


def read_kexinit(target: Target, port: int, seconds: float = ANSWER_SECONDS) -> Kexinit | None:
    """Return the KEXINIT of a server; None if it was not parsed whole."""
    try:
        with target.connect(port) as sock:
            found, _ = _Talk(bytearray()).read(sock, time.monotonic() + seconds)
    except SshDecodeError:
        return None
    except OSError as error:
        answer_of(error)
        return None
    return found if isinstance(found, Kexinit) else None


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
                    if _OLD_PROTOCOL.match(self.banner):
                        return Kexinit(((PROTOCOL_1,),) * LISTS), "the server serves version 1 of the protocol alone"
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
    return f"{sum(map(len, found.lists))} names in {LISTS} lists"
