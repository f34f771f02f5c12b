"""The device as a TLS client: the certificates that it refuses, and the versions and suites that it offers.

The server that it connects to is in `servers/tls.py`. Data over a certificate that nobody may trust is the finding.
"""

import time
from collections.abc import Hashable
from dataclasses import dataclass, field

from drivers.network.servers.tls import ContactOutcome, TlsClientServer, TlsContact
from drivers.network.tls.bad_certificate import Issued
from drivers.network.tls.client_hello import OfferedHello
from drivers.network.tls.records import VERSIONS
from drivers.network.tls.strict import Objection, refused_for
from drivers.network.tls.suite_table import suites
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition

_SHOWN = Asked(door="the device's own connections", shape="a certificate that it is shown")
_NO_CONTACT = Asked(door="the device's own connections", shape="a certificate that it did not fetch")
_HELLO = Asked(door="the device's own connections", shape="a ClientHello")

_ACCEPTED = "a client completed the handshake over the certificate and then sent nothing in time"

_ANSWERS = {
    ContactOutcome.SPOKE: Answer.SEEN,
    ContactOutcome.ALERT: Answer.REFUSED,
    ContactOutcome.CLOSED: Answer.REFUSED,
    ContactOutcome.MUTE: Answer.SILENT,
    ContactOutcome.BROKEN: Answer.SILENT,
}


class ClientTrustSeen(Observation):
    """What became of each certificate; SEEN is application data, REFUSED an alert or a close."""

    connected: frozenset[str]
    """Kinds of certificates that the device was shown, because it connected and sent a ClientHello."""

    def row(self, kind: str) -> "ClientTrustSeen":
        """Narrow to one kind; the witness then says as well that the device was shown that certificate."""
        narrow = self.about(kind)
        assert narrow.witness is not None
        words = f"the device was {'' if kind in self.connected else 'not '}shown the certificate"
        both = all_of([narrow.witness, condition(f"{words} ({kind})", holds=kind in self.connected)])
        return narrow.model_copy(update={"witness": both})


@dataclass(frozen=True)
class ClientTrust:
    """Show the device one bad certificate after the other, each on connections that the device opens.

    A device may have several TLS clients, which differ in their ClientHello. Each of those that sent application data
    must be shown each certificate, and the gravest outcome counts. `seconds` is the longest time until it tries again.
    Witness: it sent application data over the good certificate before and after.
    """

    server: TlsClientServer
    bad: tuple[Issued, ...]
    seconds: float
    objections: tuple[Objection, ...] = ()
    """What strict devices object to in the CA of the good certificate: the bench's fault where it is refused."""

    @property
    def name(self) -> str:
        """One observation."""
        return "tls_client_trust"

    def run(self, record: Recorder) -> ClientTrustSeen:
        """Present, wait, present the next; BenchError when the server cannot listen."""
        good = self.server.good.kind
        before = self.server.wait_for(lambda one: _spoke(one, good), self.seconds)
        clients = {_client(one) for one in self.server.contacts() if one.outcome is ContactOutcome.SPOKE}
        shown = {issued.kind: _Shown() for issued in self.bad}
        after = self._present_all(shown, clients, record) if before else None
        if any(not one.is_over for one in shown.values()):  # a client that spoke for the first time meanwhile
            after = self._present_all(shown, clients, record) if after else None
        for contact in self.server.contacts():
            record.note(f"{contact.presented}: {contact.outcome}: {contact.detail}")
        moments = {"before": before, "after": after}
        return ClientTrustSeen(
            question=f"Which of {len(self.bad)} bad certificates does the device trust as a TLS client?",
            facts=tuple(_fact(kind, one, clients) for kind, one in shown.items()),
            witness=all_of([self._witness(moment, contact) for moment, contact in moments.items()]),
            asked=_SHOWN,
            left_open={kind: _ACCEPTED for kind, one in shown.items() if _is_accepted(one.gravest)},
            connected=frozenset(kind for kind, one in shown.items() if one.spoke or not one.missing(clients)),
        )

    def _present_all(self, shown: dict[str, "_Shown"], clients: set[Hashable], record: Recorder) -> TlsContact | None:
        """Present each certificate that was not shown to each client. Return the first data over the good one after."""
        try:
            for number, issued in enumerate(self.bad, start=1):
                record.progress(number, len(self.bad), f"the device's own connection: {issued.kind}")
                if not shown[issued.kind].is_over:
                    self._present(issued, shown[issued.kind], clients)
        finally:
            mark = self.server.present(self.server.good)
        good = self.server.good.kind
        after = self.server.wait_for(lambda one: _spoke(one, good), self.seconds, mark)
        clients |= {_client(one) for one in self.server.contacts(mark) if one.outcome is ContactOutcome.SPOKE}
        for one in shown.values():
            one.is_over = one.is_over or one.spoke or not one.missing(clients)
        return after

    def _present(self, issued: Issued, shown: "_Shown", clients: set[Hashable]) -> None:
        """Present a certificate until each client was shown it, one of them spoke over it, or the time is over."""
        since = self.server.present(issued)
        until = time.monotonic() + self.seconds
        while not shown.spoke and shown.missing(clients):
            contact = self.server.wait_for(
                lambda one: one.presented == issued.kind and one.hello is not None, until - time.monotonic(), since
            )
            if contact is not None:
                since = contact.number + 1
                shown.add(contact)
            if contact is None or time.monotonic() > until:  # one client may connect again and again
                shown.is_over = True
                break
        if shown.spoke:
            clients.add(_client(shown.gravest))

    def _witness(self, moment: str, contact: TlsContact | None) -> Witness:
        if contact is not None:
            words = f"{moment} the bad certificates, the device sent data over the good one ({contact.detail})"
            return Witness(what=words, holds=True, asked=_SHOWN)
        words = f"{moment} the bad certificates, the device did not send data over the good one in time"
        good = [one for one in self.server.contacts() if one.presented == self.server.good.kind and one.hello]
        if good and good[-1].outcome is not ContactOutcome.SPOKE:
            words += f"; on its last connection, it {good[-1].outcome}: {good[-1].detail}"
        if self.objections:
            words += f"; {refused_for(self.objections)}"
        return condition(words, holds=False)


def _spoke(contact: TlsContact, kind: str) -> bool:
    return contact.presented == kind and contact.outcome is ContactOutcome.SPOKE


def _client(contact: TlsContact | None) -> Hashable:
    """Return what distinguishes the client of a contact."""
    return contact.hello.client if contact and contact.hello else None


def _is_accepted(contact: TlsContact | None) -> bool:
    """Whether a handshake was complete over a bad certificate, and no data followed."""
    return contact is not None and contact.outcome is ContactOutcome.MUTE and contact.agreed


@dataclass
class _Shown:
    """To which clients one certificate was shown, and what became of it."""

    by_client: dict[Hashable, TlsContact] = field(default_factory=dict)
    """The gravest contact of each client."""
    is_over: bool = False
    """Whether no further connection is awaited: all came, or the time was over."""

    def add(self, contact: TlsContact) -> None:
        """Keep a contact if it is graver than the others of its client."""
        client = _client(contact)
        known = self.by_client.get(client)
        if known is None or _gravity(contact) < _gravity(known):
            self.by_client[client] = contact

    @property
    def gravest(self) -> TlsContact | None:
        """The contact that counts."""
        return min(self.by_client.values(), key=_gravity, default=None)

    @property
    def spoke(self) -> bool:
        """Whether a client sent data."""
        return self.gravest is not None and self.gravest.outcome is ContactOutcome.SPOKE

    def missing(self, clients: set[Hashable]) -> int:
        """Return how many clients were not shown the certificate; one if none is known."""
        return len(clients - self.by_client.keys()) if clients else int(not self.by_client)


def _gravity(contact: TlsContact) -> int:
    """Return the place of a contact among all outcomes, the gravest first."""
    if _is_accepted(contact):
        return 1
    return {Answer.SEEN: 0, Answer.SILENT: 2, Answer.REFUSED: 3}[_ANSWERS[contact.outcome]]


def _fact(kind: str, shown: _Shown, clients: set[Hashable]) -> Fact:
    contact, missing = shown.gravest, shown.missing(clients)
    if contact is None or (missing and not shown.spoke):
        words = "the device did not connect in time"
        if contact is not None:
            words += f" with {missing} of its {len(clients)} TLS clients; another one {contact.outcome}"
        return Fact(about=kind, answer=Answer.SILENT, detail=words, asked=_NO_CONTACT)
    return Fact(about=kind, answer=_ANSWERS[contact.outcome], detail=f"{contact.outcome}: {contact.detail}")


class ClientOffersSeen(Observation):
    """What the device offers; facts are about versions (names of `VERSIONS`) and weak families of suites."""

    versions: tuple[str, ...]
    suites: tuple[str, ...]
    server_name: str
    """The name that it asked for (SNI)."""


@dataclass(frozen=True)
class ClientOffers:
    """Read a ClientHello of the device. Witness: our own codec parsed it completely.

    A hello without supported_versions tells the newest version alone: the older ones are then SILENT, and a silence
    that proves nothing.
    """

    server: TlsClientServer
    seconds: float

    @property
    def name(self) -> str:
        """One observation."""
        return "tls_client_offers"

    def run(self, record: Recorder) -> ClientOffersSeen:
        """Take the first hello of the device that was whole."""
        contact = self.server.wait_for(lambda one: one.hello is not None, self.seconds)
        hello = contact.hello if contact else None
        if contact:
            record.keep("client_hello.bin", contact.raw_hello)
        facts = [_version_fact(version, hello) for version in VERSIONS]
        facts += [_family_fact(family, members, hello) for family, members in suites().families.items()]
        for fact in facts:
            record.note(f"{fact.about} {fact.answer}: {fact.detail}")
        return ClientOffersSeen(
            question="Which TLS versions and suites does the device offer as a TLS client?",
            facts=tuple(facts),
            witness=_parsed(hello),
            asked=_HELLO,
            versions=hello.versions if hello else (),
            suites=tuple(suites().name(suite) for suite in hello.suites) if hello else (),
            server_name=hello.server_name if hello else "",
        )


def _parsed(hello: OfferedHello | None) -> Witness:
    if hello is None:
        return condition("the device sent no complete ClientHello in time", holds=False)
    count = f"{len(hello.versions)} versions, {len(hello.suites)} suites, {len(hello.extensions)} extensions"
    if not hello.lists_versions:
        return condition(
            f"the ClientHello has no supported_versions, so older versions are unknown ({count})", holds=False
        )
    return Witness(what=f"the ClientHello was parsed completely: {count}", holds=True, asked=_HELLO)


def _version_fact(version: str, hello: OfferedHello | None) -> Fact:
    if hello is None:
        return Fact(about=version, answer=Answer.SILENT, detail="no ClientHello arrived")
    if version in hello.versions:
        return Fact(about=version, answer=Answer.SEEN, detail="offered in the ClientHello")
    known = {name: place for place, name in enumerate(VERSIONS)}
    newest = max((known.get(name, 0) for name in hello.versions), default=0)
    if hello.lists_versions or known[version] > newest:
        return Fact(about=version, answer=Answer.REFUSED, detail=f"not among {', '.join(hello.versions)}")
    return Fact(
        about=version,
        answer=Answer.SILENT,
        detail=f"the ClientHello names only {hello.versions[0]}, as its newest version",
    )


def _family_fact(family: str, members: tuple[int, ...], hello: OfferedHello | None) -> Fact:
    if hello is None:
        return Fact(about=family, answer=Answer.SILENT, detail="no ClientHello arrived")
    offered = [suites().name(suite) for suite in hello.suites if suite in members]
    if offered:
        return Fact(about=family, answer=Answer.SEEN, detail=", ".join(offered)[:500])
    return Fact(about=family, answer=Answer.REFUSED, detail=f"none of {len(hello.suites)} offered suites")
