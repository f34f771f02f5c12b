"""One UDP port of the device while it is asked: what came back, and what that shows."""

from dataclasses import dataclass, field

from drivers.network.questions import ServiceQuestion
from trustprobe.probe import Answer, Fact, printable

SHOWN = 200
"""Characters of an answer that a fact shows."""


@dataclass(frozen=True)
class UdpReply:
    """One datagram that came back."""

    service: str
    data: bytes
    source_port: int
    expected: bool
    """Whether it is an answer of the service that was asked."""
    clear: str = ""
    """The row of `services.forbidden` that the answer is a finding for."""

    @property
    def kind(self) -> tuple[str, bool, str]:
        """What it is an answer of."""
        return self.service, self.expected, self.clear


@dataclass
class UdpPort:
    """One port of the device while it is asked, with one connected socket for each question."""

    port: int
    questions: tuple[ServiceQuestion, ...]
    replies: list[UdpReply] = field(default_factory=list)
    refused: bool = False
    barred: bool = False
    """Whether ICMP said that it cannot be reached."""
    due_asks: int = 0
    """How often it was asked when a closed port would have been heard."""
    at_group: bool = False
    """Whether questions to a multicast group are still to be sent, or to be answered."""
    group: str = ""
    """The multicast group at which the service was asked as well."""
    group_asked: float = 0.0
    """The time of the last question to it, on the monotonic clock."""

    @property
    def is_closed(self) -> bool:
        """Whether ICMP said that nobody listens, or that it cannot be reached."""
        return self.refused or self.barred

    @property
    def is_settled(self) -> bool:
        """Whether there is an answer of the service, or the device's word that nobody listens."""
        return (self.is_closed and not self.at_group) or any(reply.expected for reply in self.replies)

    @property
    def has_group(self) -> bool:
        """Whether the service may listen at a multicast group only, so that ICMP does not show that it is not there."""
        return any(question.multicast for question in self.questions)

    @property
    def answer(self) -> Answer:
        """What the port as a whole answered: any datagram shows that it is open."""
        if self.replies:
            return Answer.SEEN
        return Answer.REFUSED if self.refused else Answer.SILENT

    def fact(self) -> Fact:
        """Say what came from this port."""
        silent = (
            "filtered: an ICMP error reports that it cannot be reached"
            if self.barred
            else "no answer: open or filtered"
        )
        also = f"; no answer to the same question at {self.group}" if self.group else ""
        detail = {Answer.REFUSED: "ICMP port unreachable", Answer.SILENT: silent}.get(self.answer, "") + also
        if self.replies:
            reply = max(self.replies, key=lambda reply: reply.expected)
            word = reply.service if reply.expected else f"something other than {reply.service}"
            moved = "" if reply.source_port == 0 else f" (from udp/{reply.source_port})"
            asked = f" at {self.group}, for the port itself is closed" if self.group and self.refused else ""
            detail = f"{word}{moved}{asked}: {printable(reply.data, SHOWN)}"
        return Fact(about=f"udp/{self.port}", answer=self.answer, detail=detail)
