"""What declared services tell of themselves to somebody who has not logged in: banners, headers, announcements."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from drivers.network.conversation import converse, converse_tls
from drivers.network.dns_sd import PTR, SERVICE_TYPES, TXT, DnsDecodeError, Record, query, records
from drivers.network.questions import declared_services, udp_questions
from drivers.network.target import Target, answer_of
from drivers.network.udp import READ_LIMIT, UdpAsking, UdpPort, questions_for
from drivers.probe import Answer, Fact, Observation, Recorder, printable
from lab_config.models import Service

_HEADERS = re.compile(rb"^((?:Server|X-Powered-By|X-AspNet-Version|X-Generator|Via): *[^\r\n]{1,500})\r?$", re.M | re.I)
_IDENTIFICATION = re.compile(rb"^SSH-[^-\r\n]{1,8}-([^\r\n]{1,253})", re.M)
_SCOPES = re.compile(rb"<[^<>]{0,40}Scopes[^<>]{0,200}>([^<]{0,2000})<")
_SECONDS, _ASKS, _MOST_NAMES = 0.7, 3, 16
NOTHING = "tells nothing of its software"


@dataclass(frozen=True)
class ReadBanners:
    """Ask each declared service that has a banner; a fact is SEEN when the service spoke, its detail what it told.

    SSH: the software in the identification (RFC 4253, 4.2). HTTP: Server and its like. mDNS: the TXT records of its
    services. WS-Discovery: the scopes. Other protocols are not asked.
    """

    target: Target
    services: tuple[Service, ...]

    @property
    def name(self) -> str:
        """One observation a target."""
        return "banners"

    def run(self, record: Recorder) -> Observation:
        """Ask them one after the other; BenchError when this machine cannot send."""
        asks = {"ssh": self._ssh, "http": self._http, "mdns": self._mdns, "ws_discovery": self._ws_discovery}
        facts = []
        for service in self.services:
            if service.protocol not in asks:
                continue
            told = asks[service.protocol](service)
            if told is None:
                facts.append(Fact(about=service.about, answer=Answer.SILENT, detail="did not speak"))
            else:
                words = printable(b"; ".join(told)) or NOTHING
                facts.append(Fact(about=service.about, answer=Answer.SEEN, detail=words))
            record.note(f"{facts[-1].about} {facts[-1].answer}: {facts[-1].detail}")
        question = f"What do {len(facts)} services tell of themselves without a login?"
        return Observation(question=question, facts=tuple(facts))

    def _ssh(self, service: Service) -> list[bytes] | None:
        talk = converse(self.target, service.port, b"", lambda heard: b"\n" in heard)
        return _IDENTIFICATION.findall(talk.heard)[:1] or None

    def _http(self, service: Service) -> list[bytes] | None:
        row = next(row for row in declared_services() if row.service == "http")
        host = f"[{self.target.address}]" if ":" in self.target.address else self.target.address
        speak = converse_tls if service.tls else converse
        talk = speak(self.target, service.port, row.payload(host), lambda heard: b"\r\n\r\n" in heard)
        if not row.is_answered_by(talk.heard):
            return None
        return _HEADERS.findall(talk.heard.partition(b"\r\n\r\n")[0])

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

    def _ask_dns(self, service: Service, name: tuple[bytes, ...], kind: int) -> Iterable[Record] | None:
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
