"""TLS servers, asked with a ClientHello of our own: which versions, which families of suites they accept.

How a port is asked is in `asking.py`, the bytes in `records.py`, the suites in `suite_table.py`, certificates in
`certificate.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivers.network.target import Target
from drivers.network.tls.asking import ANSWER_SECONDS, HelloReply, Questioner
from drivers.network.tls.dh_groups import DH_BELOW_2048, small_group
from drivers.network.tls.records import VERSIONS
from drivers.network.tls.suite_table import suites
from trustprobe.probe import Answer, Fact, Observation, Recorder, all_of


@dataclass(frozen=True)
class TlsVersions:
    """Which protocol versions a TLS server accepts: facts about SSLv2, SSLv3, TLS1.0 to TLS1.3.

    SEEN is a ServerHello that chose the version (or asks for a retry in it); REFUSED an alert, another version, or a
    connection closed without an alert; SILENT a time-out or bytes that are no TLS. `seconds` bounds each answer.
    """

    target: Target
    port: int
    server_name: str = ""
    """Sent as SNI (RFC 6066, 3); never an IP address."""
    seconds: float = ANSWER_SECONDS

    @property
    def name(self) -> str:
        """One observation a port."""
        return f"tls_versions.{self.port}"

    def run(self, record: Recorder) -> Observation:
        """Find a version that is accepted, ask for every version, and ask for the accepted one again."""
        asker = Questioner(self.target, self.port, self.seconds, record, self.server_name)
        try:
            accepted, replies = asker.first_accepted()
            if accepted:
                asker.calibrate()
            facts = []
            for number, version in enumerate(VERSIONS, start=1):
                record.progress(number, len(VERSIONS), version)
                reply = asker.version(version) if accepted else replies[version]
                facts.append(Fact(about=version, answer=reply.answer, detail=reply.detail))
            witness = asker.witness(accepted)
        finally:
            asker.keep()
        return Observation(
            question=f"Which TLS versions does tcp/{self.port} accept?",
            facts=tuple(facts),
            witness=witness,
            left_open=_unanswered(facts),
        )


@dataclass(frozen=True)
class TlsSuites:
    """Which weak families of suites a TLS server accepts when it is offered nothing else.

    Facts are about the families of `drivers/data/tls_suites.yaml`; the detail of a SEEN one names the suite. One more
    is about the size of the group of ephemeral Diffie-Hellman (DH_BELOW_2048).
    """

    target: Target
    port: int
    server_name: str = ""
    seconds: float = ANSWER_SECONDS

    @property
    def name(self) -> str:
        """One observation a port."""
        return f"tls_suites.{self.port}"

    def run(self, record: Recorder) -> Observation:
        """Find the longest hello that is answered, and offer each family alone in hellos that are no longer."""
        asker = Questioner(self.target, self.port, self.seconds, record, self.server_name)
        families = suites().families
        try:
            accepted, replies = asker.first_accepted()
            calibrated = asker.calibrate() if accepted else None
            spoken = {version: _known(asker, replies, version) for version in _SPOKEN} if accepted else {}
            facts = []
            for number, (family, members) in enumerate(families.items(), start=1):
                record.progress(number, len(families), family)
                reply = (
                    self._offer(asker, spoken, members)
                    if accepted
                    else HelloReply(Answer.SILENT, "the server answers no version")
                )
                facts.append(Fact(about=family, answer=reply.answer, detail=reply.detail))
            facts.append(
                small_group(asker, spoken)
                if accepted
                else Fact(about=DH_BELOW_2048, answer=Answer.SILENT, detail="the server answers no version")
            )
            witness = asker.witness(accepted)
        finally:
            asker.keep()
        return Observation(
            question=f"Which weak families of suites does tcp/{self.port} accept?",
            facts=tuple(facts),
            witness=witness if calibrated is None else all_of([witness, calibrated]),
            left_open=_unanswered(facts),
        )

    def _offer(self, asker: Questioner, spoken: Mapping[str, HelloReply], members: tuple[int, ...]) -> HelloReply:
        """Offer a family in each version that a ServerHello has answered, until the server takes one.

        A version that was refused with every suite there is was refused with this family as well.
        """
        new = tuple(code for code in members if code in suites().tls13)
        old = tuple(code for code in members if code not in new)
        replies: list[HelloReply] = []
        for version, known in spoken.items():
            offered = new if version == "TLS1.3" else old
            if offered:
                replies.append(asker.offer(version, offered) if known.hello is not None else known)
            if replies and replies[-1].answer is Answer.SEEN:
                break
        by_answer = {reply.answer: reply for reply in reversed(replies)}
        return by_answer.get(Answer.SEEN) or by_answer.get(Answer.SILENT) or replies[0]


_SPOKEN = ("TLS1.3", "TLS1.2", "TLS1.1", "TLS1.0", "SSLv3")


def _known(asker: Questioner, replies: Mapping[str, HelloReply], version: str) -> HelloReply:
    """Return what a version was answered with; asked again where silence or a long hello may have hidden it."""
    known = replies.get(version)
    return known if known is not None and known.hello is not None else asker.version(version)


def _unanswered(facts: Sequence[Fact]) -> dict[str, str]:
    """Return why facts that are silent prove nothing: the hello they rest on has no answered twin."""
    return {
        fact.about: f"silence is no refusal: the server {fact.detail}" for fact in facts if fact.answer is Answer.SILENT
    }
