"""What declared services tell of themselves to somebody who has not logged in: banners, headers, announcements."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from drivers.network.conversation import converse, converse_tls
from drivers.network.datagram import DatagramDoor
from drivers.network.iot.upnp import SSDP, fetch, locations, search
from drivers.network.logins.mqtt import Broker
from drivers.network.logins.mqtt_packets import messages
from drivers.network.logins.mqtt_session import NOBODY, NoSessionError, session
from drivers.network.questions import ServiceQuestion, base_of, tcp_questions, udp_questions, version_questions
from drivers.network.recognise.dns_sd import PTR, SERVICE_TYPES, TXT, ResourceRecord, query, records_until_cut
from drivers.network.recognise.firmware import firmware_in
from drivers.network.recognise.headers import told_in
from drivers.network.recognise.pages import page_texts
from drivers.network.recognise.unknown import told_by_unknown
from drivers.network.sweep.udp import UdpAsking, questions_for
from drivers.network.sweep.udp_port import UdpPort, UdpReply
from drivers.network.target import Target
from drivers.network.web.transport.server import undeclared_service
from lab_config.component import Service, Transport
from trustprobe.errors import NotForwardedError
from trustprobe.probe import DETAIL_LIMIT, Answer, Fact, Observation, Recorder, printable

_SCOPES = re.compile(rb"<[^<>]{0,40}Scopes[^<>]{0,200}>([^<]{0,2000})<")
_SERVER = re.compile(rb"(?im)^(server:[^\r\n]{1,300})")
_SECONDS, _ASKS, _MOST_NAMES, _MOST_TEXTS = 0.7, 3, 16, 40
_LINE_SECONDS = 1.0
NOTHING = "shows nothing about its software"
UNKNOWN = "an unknown protocol"
"""The protocol of a service that said something that no row of the tables knows."""


def _is_whole(row: ServiceQuestion, heard: bytes) -> bool:
    """Whether a text has come to its end: of a greeting's first line, of the headers, of a line that is an answer."""
    if row.speaks_first:
        return b"\n" in heard
    return b"\r\n\r\n" in heard if row.has_headers else heard.endswith(b"\n") and row.is_answered_by(heard)


@dataclass(frozen=True)
class FoundService:
    """A service that nobody declared: `protocol` is the name of its rows, which need not be one that is declarable."""

    transport: Transport
    port: int
    protocol: str
    tls: bool = False
    heard: str = ""
    """What the sweep heard of a service of an unknown protocol."""

    @property
    def about(self) -> str:
        """The name of this port in observations: `tcp/443`."""
        return f"{self.transport}/{self.port}"


AnyService = Service | FoundService


def _telling(service: AnyService) -> list[ServiceQuestion]:
    rows = (*tcp_questions(), *version_questions()) if service.transport is Transport.TCP else udp_questions()
    return [row for row in rows if row.service == service.protocol and row.tells and not row.after]


_IN_SEVERAL_STEPS = {Transport.TCP: ("mqtt",), Transport.UDP: ("mdns", "ws_discovery", "ssdp")}
"""Services whose texts no answer to a single row of the tables holds."""


def has_banner(service: AnyService) -> bool:
    """Whether a service has something that it may tell of itself without a login."""
    return (
        service.protocol == UNKNOWN
        or bool(_telling(service))
        or service.protocol in _IN_SEVERAL_STEPS[service.transport]
    )


@dataclass(frozen=True)
class ReadBanners:
    """Ask each declared service that has a banner; a fact is SEEN when the service spoke, its detail what it told.

    Over TCP, what the rows of `tcp_services.yaml` name as `tells`: greetings, the software in SSH's identification, the
    Server header of HTTP and its like. HTTP: also page bodies and status paths. MQTT: `$SYS`, to anonymous clients.
    mDNS: the TXT records of its services. WS-Discovery: the scopes. SSDP: the SERVER header and the texts of the
    description. Otherwise over UDP, what the rows of `udp_payloads.yaml` name as `tells`: version.bind of DNS, sysDescr
    of SNMP to the community public, the Server header of SIP and its like. Of an unknown protocol, what it says
    unasked, or said in the sweep.
    """

    target: Target
    services: tuple[AnyService, ...]
    which: str = ""
    """Says which services these are, where there is more than one such question to a target."""
    firmware: str = ""
    """The declared version, which counts wherever an answer contains it."""

    @property
    def name(self) -> str:
        """One observation for each set of services of a target."""
        return f"banners.{self.which}" if self.which else "banners"

    def run(self, record: Recorder) -> Observation:
        """Ask them one after the other; BenchError when this machine cannot send."""
        facts, left_open = [], dict[str, str]()
        for service in self.services:
            if not has_banner(service):
                continue
            fact, doubt = self._ask(service)
            facts.append(fact)
            left_open |= {fact.about: doubt} if doubt else {}
            record.note(f"{fact.about} {fact.answer}: {fact.detail}{f' ({doubt})' if doubt else ''}")
        question = f"What do {len(facts)} services show about their software without a login?"
        return Observation(question=question, facts=tuple(facts), left_open=left_open)

    def _ask(self, service: AnyService) -> tuple[Fact, str]:
        """Return what a service tells, and why it may tell more than was read; empty where it does not."""
        asks = {
            "mdns": self._mdns,
            "ws_discovery": self._ws_discovery,
            "mqtt": self._statistics,
            "ssdp": self._ssdp,
            UNKNOWN: self._unknown,
        }
        of_one_answer = {Transport.TCP: self._greeting, Transport.UDP: self._datagrams}
        unread = list[str]()
        try:
            if service.protocol == "http":
                told, unread = self._web(service)
            else:
                told = asks.get(service.protocol, of_one_answer[service.transport])(service)
        except NotForwardedError as error:
            return Fact(about=service.about, answer=Answer.SILENT, detail=error.words), error.words
        if told is None:
            return Fact(about=service.about, answer=Answer.SILENT, detail="did not answer"), "; ".join(unread)
        text = b"; ".join(told)
        words, whole = printable(text), printable(text, None)
        if words != whole:
            unread = [*unread, f"it shows {len(whole)} characters, and only the first {DETAIL_LIMIT} were read"]
        return Fact(about=service.about, answer=Answer.SEEN, detail=words or NOTHING), "; ".join(unread)

    def _greeting(self, service: AnyService) -> list[bytes] | None:
        """Hear a service over TCP in its own protocol, to the end of what it tells."""
        host = f"[{self.target.address}]" if ":" in self.target.address else self.target.address
        speak = converse_tls if service.tls else converse
        for row in _telling(service):
            end = b"\r\n\r\n" if row.text else b"\n"
            if service.protocol == "telnet":  # of several lines, each as it comes
                talk = speak(self.target, service.port, b"", lambda _: False, pause=_LINE_SECONDS)
            elif row.hex:  # a message in octets, any of which may be a line feed
                talk = speak(self.target, service.port, row.payload(), lambda _: False)
            else:
                talk = speak(self.target, service.port, row.payload(host), partial(_is_whole, row))
            told = told_in(row, talk.heard.partition(end)[0] if row.text else talk.heard)
            told += firmware_in(self.firmware, talk.heard, told)
            # A greeting tells, be it too short to say which of two protocols it is of.
            if row.is_answered_by(talk.heard) or (told and row.speaks_first):
                return told
        return None

    def _unknown(self, service: AnyService) -> list[bytes]:
        """Hear what a service says unasked; of one that says nothing then, read what the sweep heard."""
        speak = converse_tls if service.tls else converse
        talk = speak(self.target, service.port, b"", lambda _: False, pause=_LINE_SECONDS)
        heard = service.heard if isinstance(service, FoundService) else ""
        text = talk.heard or heard.encode()
        told = told_by_unknown(text)
        return [*told, *firmware_in(self.firmware, text, told)]

    def _web(self, service: AnyService) -> tuple[list[bytes] | None, list[str]]:
        """Read the headers and the pages of a web server. Also say what was not read."""
        server = service if isinstance(service, Service) else undeclared_service(service.port, tls=service.tls)
        headers, pages = self._greeting(service), page_texts(self.target, server, self.firmware)
        answered = headers is not None or pages.answered
        return _without_repeats([*(headers or []), *pages.told]) if answered else None, pages.unread

    def _statistics(self, service: AnyService) -> list[bytes] | None:
        """Read what a broker tells of itself to an anonymous client; a broker that refuses one tells nothing."""
        try:
            with session(self.target, Broker(service.port, service.tls), NOBODY) as held:
                held.subscribe("$SYS/#")
                named = lambda heard: any(b"version" in topic for topic, _ in messages(heard, held.level))  # noqa: E731
                held.until(named, _LINE_SECONDS)
                return [b": ".join(one) for one in messages(held.heard, held.level) if b"version" in one[0].lower()]
        except NoSessionError as error:
            return [] if error.attempt.answer is Answer.REFUSED else None

    def _ssdp(self, service: AnyService) -> list[bytes] | None:
        """Read the SERVER headers of a search, and the texts of the descriptions that it names."""
        answers = search(self.target) if service.port == SSDP else [one.data for one in self._replies(service)]
        told = [header.strip() for data in answers for header in _SERVER.findall(data)]
        for place in locations(self.target, answers):
            document = fetch(self.target, place) if self.target.reaches(Transport.TCP, place.port) else None
            for element in document.each("device") if document is not None else ():
                told += [_labelled(one.name, one.text.strip()) for one in element.children if one.text.strip()]
        return list(dict.fromkeys(told))[:_MOST_TEXTS] if answers else None

    def _datagrams(self, service: AnyService) -> list[bytes] | None:
        """Hear a service over UDP. Each row is asked for itself, for one may answer and tell nothing."""
        asked = [UdpPort(service.port, (row,)) for row in questions_for(service, udp_questions())]
        UdpAsking(self.target, _Quiet()).ask(asked)
        heard = [(port.questions[0], reply.data) for port in asked for reply in port.replies if reply.expected]
        told = [text for row, data in heard if row.tells for text in told_in(row, data)]
        told += [text for _, data in heard for text in firmware_in(self.firmware, data, told)]
        return list(dict.fromkeys(told))[:_MOST_TEXTS] if heard else None

    def _replies(self, service: AnyService) -> list[UdpReply]:
        port = UdpPort(service.port, questions_for(service, udp_questions()))
        UdpAsking(self.target, _Quiet()).ask([port])
        return [reply for reply in port.replies if reply.expected]

    def _ws_discovery(self, service: AnyService) -> list[bytes] | None:
        questions = questions_for(service, udp_questions())
        asked = [UdpPort(service.port, questions)]
        UdpAsking(self.target, _Quiet()).ask(asked)
        if asked[0].replies and not _scopes(asked):
            # A fault is an answer, and tells nothing of the device: each kind of Probe is sent for itself.
            asked = [UdpPort(service.port, (row,)) for row in questions]
            UdpAsking(self.target, _Quiet()).ask(asked)
        return _scopes(asked) if any(reply.expected for port in asked for reply in port.replies) else None

    def _mdns(self, service: AnyService) -> list[bytes] | None:
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

    def _ask_dns(self, service: AnyService, name: tuple[bytes, ...], kind: int) -> Iterable[ResourceRecord] | None:
        with DatagramDoor(self.target, service.port) as door:
            for _ in range(_ASKS):
                for heard in door.ask(query(name, kind), _SECONDS):
                    if found := records_until_cut(heard):  # one record that is malformed hides no other
                        return found
                if door.refused:
                    return None
        return None


def _without_repeats(pieces: Iterable[bytes]) -> list[bytes]:
    """Keep the first of pieces that differ in case only: a page's headers are those of the server."""
    first = dict[bytes, bytes]()
    for piece in pieces:
        first.setdefault(piece.lower(), piece)
    return list(first.values())


def _labelled(name: str, text: str) -> bytes:
    """Return an element of a description; a number of a model is no version, unless it is written as one."""
    return f"{name}{' ' if re.search('(?i)version|firmware|software', name) else ' = '}{text}".encode()


def _scopes(ports: list[UdpPort]) -> list[bytes]:
    answers = [reply.data for port in ports for reply in port.replies if reply.expected]
    return list(dict.fromkeys(scopes.strip() for data in answers for scopes in _SCOPES.findall(data)))


_KNOWN = re.compile(r"([a-z0-9_]+)( inside TLS)?(?:[:,]| \(from udp/\d+\)| at [\d.:a-f]+, )")
"""How a fact of a sweep begins that names the service of a port."""
_NOT_KNOWN = re.compile(rf"(TLS, and inside it )?{UNKNOWN}: (.+)", re.DOTALL)
"""A fact of a sweep about a port where something was heard that no row knows."""


def services_of(found: Observation) -> tuple[FoundService, ...]:
    """Return the services that were found on ports nobody declared, as far as they have something to tell.

    Of an unknown protocol over TCP, that is a text. A service that was found on top of another, as an upgrade of HTTP
    is, is asked in the words of the other.
    """
    services = []
    for fact in found.facts:
        known = _KNOWN.match(fact.detail) if fact.answer is Answer.SEEN else None
        other = _NOT_KNOWN.fullmatch(fact.detail) if fact.answer is Answer.SEEN else None
        transport, _, port = fact.about.partition("/")
        if other and transport == Transport.TCP and port.isdigit():
            services.append(FoundService(Transport.TCP, int(port), UNKNOWN, bool(other[1]), other[2]))
        if known and transport in tuple(Transport) and port.isdigit():
            name = base_of(known[1]) if transport == Transport.TCP else known[1]
            service = FoundService(Transport(transport), int(port), name, bool(known[2]))
            services += [service] if has_banner(service) else []
    return tuple(services)


class _Quiet:
    """A recorder for questions whose outcome is noted by the one who asks."""

    def keep(self, name: str, data: bytes) -> None:
        """Keep nothing."""

    def note(self, line: str) -> None:
        """Note nothing."""

    def progress(self, done: int, total: int, what: str) -> None:
        """Show nothing."""
