"""Whether a service answers a healthy request as before: probed before the first message and after each.

A connection that is taken and closed shows that a process is alive and turns us away: throttling is no crash.
"""

import socket
from dataclasses import dataclass, replace
from enum import StrEnum

from drivers.network.conversation import Conversation, ConversationEnd, converse, converse_tls
from drivers.network.datagram import DatagramDoor
from drivers.network.logins.ssh_kexinit import (
    IDENTIFICATION,
    Kexinit,
    SshDecodeError,
    decode_packets,
    encode_kexinit,
    split_identification,
)
from drivers.network.questions import ServiceQuestion, declared_services, udp_questions
from drivers.network.sweep.udp import questions_for
from drivers.network.target import Target, answer_of
from lab_config.component import Service, Transport
from trustprobe.probe import Answer, printable

UDP_SECONDS = 0.5
_READ_LIMIT = 4_096
_SHOWN = 80
_BUSY = (b"429", b"503")
_STARTING = (b"502", b"504")
"""A front end without its back end (RFC 9110 clauses 15.6.3, 15.6.5): no answer to compare later ones with."""


class Life(StrEnum):
    """What a healthy request led to."""

    ANSWERED = "answered"
    OTHERWISE = "answered differently than before"
    TURNED_AWAY = "turned away"
    """Taken and closed, or told to come later: a process is there, and does not want us now."""
    NOBODY = "not listening"
    """RST or ICMP port unreachable: the network stack is alive, and no process has the port."""
    SILENT = "silent"


@dataclass(frozen=True)
class Sign:
    """One healthy request: what came of it, and what is compared with the next one's."""

    life: Life
    shape: bytes = b""
    words: str = ""


class Liveness:
    """Asks one declared service in its own protocol; `before` is what it answered first."""

    def __init__(self, target: Target, service: Service) -> None:
        self.target, self.service = target, service
        self.before: Sign | None = None
        self._mute = False
        """Whether a service whose protocol is not known says nothing unasked: then connections are all there is."""
        self.at_group = False
        """Whether the port itself is closed, and the service answered at its multicast group."""
        self._udp = questions_for(service, udp_questions()) if service.transport is Transport.UDP else ()
        self._tcp = next((row for row in declared_services() if row.service == service.protocol), None)

    def ask(self) -> Sign:
        """Ask once, within some seconds. Raises BenchError where this machine cannot send."""
        sign = self._ask_udp() if self.service.transport is Transport.UDP else self._ask_tcp()
        if sign.life is not Life.ANSWERED:
            return sign
        if self.before is None:
            well = not any(word in sign.shape for word in (*_BUSY, *_STARTING))
            return sign if well else replace(sign, life=Life.TURNED_AWAY)
        if sign.shape == self.before.shape:
            return sign
        busy = any(word in sign.shape for word in _BUSY)
        return Sign(Life.TURNED_AWAY if busy else Life.OTHERWISE, sign.shape, sign.words)

    @property
    def healthy(self) -> bytes:
        """The octets of a healthy request. They are empty for a service of which only a connection is known."""
        rows = self._udp if self.service.transport is Transport.UDP else (self._tcp,) if self._tcp else ()
        if self.service.protocol == "ssh":
            return IDENTIFICATION + encode_kexinit()
        return next((row.payload(_host(self.target)) for row in rows), b"")

    def is_answer(self, data: bytes) -> bool:
        """Whether a datagram is an answer of this service."""
        return any(row.is_answered_by(data) for row in self._udp)

    def hold(self) -> socket.socket | None:
        """Open a connection that says nothing, and is closed by the device's end of the process that has it."""
        if self.service.transport is Transport.UDP:
            return None
        try:
            return self.target.connect(self.service.port)
        except OSError as error:
            answer_of(error)
            return None

    def _ask_tcp(self) -> Sign:
        question, service = self._tcp, self.service
        if service.protocol == "ssh" and not service.tls:
            return self._ask_ssh()
        speak = converse_tls if service.tls else converse
        say = question.payload(_host(self.target)) if question else b""
        known = question.is_answered_by if question else (lambda heard: service.tls or self._mute or bool(heard))
        talk = speak(self.target, service.port, say, known)
        self._mute = question is None and talk.connected is Answer.SEEN and not talk.heard
        return tcp_sign(talk, service, question)

    def _ask_ssh(self) -> Sign:
        """Ask for the KEXINIT: some servers say their identification whatever has become of the rest."""
        talk = converse(self.target, self.service.port, IDENTIFICATION + encode_kexinit(), _has_kexinit)
        if _has_kexinit(talk.heard):
            return Sign(Life.ANSWERED, b"", printable(talk.heard, _SHOWN))
        sign = tcp_sign(talk, self.service, self._tcp)
        return (
            replace(sign, life=Life.TURNED_AWAY if talk.end is ConversationEnd.CLOSED else Life.SILENT)
            if talk.heard
            else sign
        )

    def _ask_udp(self) -> Sign:
        refused = False
        for row in self._udp:
            with DatagramDoor(self.target, self.service.port, row.multicast) as door:
                heard = next(filter(row.is_answered_by, door.ask(row.payload(_host(self.target)), UDP_SECONDS)), None)
            refused |= door.refused
            if heard is not None:
                self.at_group = door.refused
                self._udp = (row,)  # of several versions, the one that this device speaks
                return Sign(Life.ANSWERED, b"", printable(heard, _SHOWN))
        return Sign(Life.NOBODY) if refused else Sign(Life.SILENT)


def _has_kexinit(heard: bytes) -> bool:
    try:
        split = split_identification(heard)
        return split is not None and isinstance(decode_packets(split[1]), Kexinit)
    except SshDecodeError:
        return False


def _host(target: Target) -> str:
    return f"[{target.address}]" if ":" in target.address else target.address


def tcp_sign(talk: Conversation, service: Service, question: ServiceQuestion | None) -> Sign:
    """Say what a healthy conversation shows. The shape is the status code where the protocol is HTTP.

    Its version is none of it: a product may answer by a server of its own while the real one starts.
    """
    words = printable(talk.heard or talk.raw, _SHOWN)
    if talk.connected is not Answer.SEEN:
        return Sign(Life.NOBODY if talk.connected is Answer.REFUSED else Life.SILENT)
    if question is not None and question.is_answered_by(talk.heard):
        return Sign(Life.ANSWERED, talk.heard[9:12] if service.protocol == "http" else b"", words)
    if question is None and not (service.tls and talk.problem):
        return Sign(Life.ANSWERED, b"", words)
    if talk.end in (ConversationEnd.CLOSED, ConversationEnd.TLS, ConversationEnd.LIMIT) or talk.heard:
        return Sign(Life.TURNED_AWAY, b"", words or str(talk.end))
    return Sign(Life.SILENT, b"", words)


def is_closed(held: socket.socket) -> bool:
    """Whether the device has closed a held connection; what it says meanwhile is read away."""
    held.setblocking(False)
    try:
        while True:
            if not held.recv(_READ_LIMIT):
                return True
    except (BlockingIOError, InterruptedError):
        return False
    except OSError:
        return True
