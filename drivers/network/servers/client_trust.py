"""The device as a TLS client: the certificates that it refuses, and the versions and suites that it offers.

The server that it connects to is in `servers/tls.py`. Data over a certificate that nobody may trust is the finding.
"""

from dataclasses import dataclass

from drivers.network.servers.tls import ContactOutcome, TlsClientServer, TlsContact
from drivers.network.tls.bad_certificate import Issued
from drivers.network.tls.client_hello import OfferedHello
from drivers.network.tls.records import VERSIONS
from drivers.network.tls.strict import Objection, refused_for
from drivers.network.tls.versions_and_suites import suites
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of

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
        both = all_of([narrow.witness, Witness(what=f"{words} ({kind})", holds=kind in self.connected)])
        return narrow.model_copy(update={"witness": both})


@dataclass(frozen=True)
class ClientTrust:
    """Show the device one bad certificate after the other, each on a connection that the device opens.

    `seconds` is the longest time until it tries again. Witness: it sent application data over the good certificate
    before and after.
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
        came: dict[str, TlsContact | None] = {}
        try:
            for number, issued in enumerate(self.bad, start=1):
                record.progress(number, len(self.bad), f"the device's own connection: {issued.kind}")
                came[issued.kind] = self._shown(issued) if before else None
        finally:
            mark = self.server.present(self.server.good)
        after = self.server.wait_for(lambda one: _spoke(one, good), self.seconds, mark) if before else None
        for contact in self.server.contacts():
            record.note(f"{contact.presented}: {contact.outcome}: {contact.detail}")
        moments = {"before": before, "after": after}
        return ClientTrustSeen(
            question=f"Which of {len(self.bad)} bad certificates does the device trust as a TLS client?",
            facts=tuple(_fact(kind, contact) for kind, contact in came.items()),
            witness=all_of([self._witness(moment, contact) for moment, contact in moments.items()]),
            connected=frozenset(kind for kind, contact in came.items() if contact is not None),
        )

    def _shown(self, issued: Issued) -> TlsContact | None:
        """Return what the device did with a certificate; None when it did not connect in time to be shown it."""
        mark = self.server.present(issued)
        return self.server.wait_for(
            lambda one: one.presented == issued.kind and one.hello is not None, self.seconds, mark
        )

    def _witness(self, moment: str, contact: TlsContact | None) -> Witness:
        if contact is not None:
            words = f"{moment} the bad certificates, the device sent data over the good one ({contact.detail})"
            return Witness(what=words, holds=True)
        words = f"{moment} the bad certificates, the device did not send data over the good one in time"
        good = [one for one in self.server.contacts() if one.presented == self.server.good.kind and one.hello]
        if good and good[-1].outcome is not ContactOutcome.SPOKE:
            words += f"; on its last connection, it {good[-1].outcome}: {good[-1].detail}"
        if self.objections:
            words += f"; {refused_for(self.objections)}"
        return Witness(what=words, holds=False)


def _spoke(contact: TlsContact, kind: str) -> bool:
    return contact.presented == kind and contact.outcome is ContactOutcome.SPOKE


def _fact(kind: str, contact: TlsContact | None) -> Fact:
    if contact is None:
        return Fact(about=kind, answer=Answer.SILENT, detail="the device did not connect in time")
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
            versions=hello.versions if hello else (),
            suites=tuple(suites().name(suite) for suite in hello.suites) if hello else (),
            server_name=hello.server_name if hello else "",
        )


def _parsed(hello: OfferedHello | None) -> Witness:
    if hello is None:
        return Witness(what="the device sent no complete ClientHello in time", holds=False)
    count = f"{len(hello.versions)} versions, {len(hello.suites)} suites, {len(hello.extensions)} extensions"
    if not hello.lists_versions:
        return Witness(
            what=f"the ClientHello has no supported_versions, so older versions are unknown ({count})", holds=False
        )
    return Witness(what=f"the ClientHello was parsed completely: {count}", holds=True)


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
