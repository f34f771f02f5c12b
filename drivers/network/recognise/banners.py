"""What declared services tell of themselves to somebody who has not logged in: banners, headers, announcements."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from drivers.network.conversation import converse, converse_tls
from drivers.network.questions import ServiceQuestion, tcp_questions, udp_questions
from drivers.network.recognise.dns_sd import PTR, SERVICE_TYPES, TXT, DnsDecodeError, ResourceRecord, query, records
from drivers.network.sweep.udp import READ_LIMIT, UdpAsking, UdpPort, questions_for
from drivers.network.target import Target, answer_of
from lab_config.component import Service, Transport
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Fact, Observation, Recorder, printable

_SCOPES = re.compile(rb"<[^<>]{0,40}Scopes[^<>]{0,200}>([^<]{0,2000})<")
_SECONDS, _ASKS, _MOST_NAMES = 0.7, 3, 16
_LINE_SECONDS = 1.0
NOTHING = "shows nothing about its software"


def _holds(end: bytes, heard: bytes) -> bool:
    return end in heard


def _telling(service: Service) -> list[ServiceQuestion]:
    return [row for row in tcp_questions() if row.service == service.protocol and row.tells and not row.after]


def has_banner(service: Service) -> bool:
    """Whether a declared service has something that it may tell of itself without a login."""
    if service.transport is Transport.TCP:
        return bool(_telling(service))
    return service.protocol in ("mdns", "ws_discovery")


@dataclass(frozen=True)
class ReadBanners:
    """Ask each declared service that has a banner; a fact is SEEN when the service spoke, its detail what it told.

    Over TCP, what the rows of `tcp_services.yaml` name as `tells`: greetings, the software in SSH's identification, the
    Server header of HTTP and its like. mDNS: the TXT records of its services. WS-Discovery: the scopes.
    """

    target: Target
    services: tuple[Service, ...]

    @property
    def name(self) -> str:
        """One observation a target."""
        return "banners"

    def run(self, record: Recorder) -> Observation:
        """Ask them one after the other; BenchError when this machine cannot send."""
        asks = {"mdns": self._mdns, "ws_discovery": self._ws_discovery}
        facts, left_open = [], dict[str, str]()
        for service in self.services:
            if not has_banner(service):
                continue
            ask = asks.get(service.protocol, self._greeting)
            try:
                told = ask(service)
            except NotForwardedError as error:
                left_open[service.about] = error.words
                facts.append(Fact(about=service.about, answer=Answer.SILENT, detail=error.words))
                continue
            if told is None:
                facts.append(Fact(about=service.about, answer=Answer.SILENT, detail="did not answer"))
            else:
                words = printable(b"; ".join(told)) or NOTHING
                facts.append(Fact(about=service.about, answer=Answer.SEEN, detail=words))
            record.note(f"{facts[-1].about} {facts[-1].answer}: {facts[-1].detail}")
        question = f"What do {len(facts)} services show about their software without a login?"
        return Observation(question=question, facts=tuple(facts), left_open=left_open)

    def _greeting(self, service: Service) -> list[bytes] | None:
        """Hear a service over TCP in its own protocol, to the end of what it tells."""
        host = f"[{self.target.address}]" if ":" in self.target.address else self.target.address
        speak = converse_tls if service.tls else converse
        for row in _telling(service):
            end = b"\r\n\r\n" if row.text else b"\n"
            if service.protocol == "telnet":  # of several lines, each as it comes
                talk = speak(self.target, service.port, b"", lambda _: False, pause=_LINE_SECONDS)
            else:
                talk = speak(self.target, service.port, row.payload(host), partial(_holds, end))
            told = re.findall(row.tells.encode("latin-1"), talk.heard.partition(end)[0] if row.text else talk.heard)
            # A greeting tells, be it too short to say which of two protocols it is of.
            if row.is_answered_by(talk.heard) or (told and row.speaks_first):
                return told
        return None

    def _ws_discovery(self, service: Service) -> list[bytes] | None:
        port = UdpPort(service.port, questions_for(service, udp_questions()))
        UdpAsking(self.target, _Quiet()).ask([port])
        answers = [reply.data for reply in port.replies if reply.expected]
        return [scopes.strip() for data in answers for scopes in _SCOPES.findall(data)] if answers else None

    def _mdns(self, service: Service) -> list[bytes] | None:
        """Ask for the types, then for the instances of each, then for their TXT records."""
        names = [tuple(label.encode() for label in SERVICE_TYPES.split("."))]
        answered = False
        texts: list[bytes] = []
        for kind in (PTR, PTR, TXT):
            found = [record for name in names[:_MOST_NAMES] for record in self._ask_dns(service, name, kind) or ()]
            answered |= bool(found)
            texts += [string for record in found for string in record.strings]
            names = [record.target for record in found if record.kind == PTR]
        return list(dict.fromkeys(texts)) if answered else None

    def _ask_dns(self, service: Service, name: tuple[bytes, ...], kind: int) -> Iterable[ResourceRecord] | None:
        with self.target.datagram(service.port, _SECONDS) as sock:
            for _ in range(_ASKS):
                try:
                    sock.send(query(name, kind))
                    return records(sock.recv(READ_LIMIT))
                except DnsDecodeError:
                    continue
                except OSError as error:
                    if answer_of(error) is Answer.REFUSED:
                        return None
        return None


class _Quiet:
    """A recorder for questions whose outcome is noted by the one who asks."""

    def keep(self, name: str, data: bytes) -> None:
        """Keep nothing."""

    def note(self, line: str) -> None:
        """Note nothing."""

    def progress(self, done: int, total: int, what: str) -> None:
        """Show nothing."""
