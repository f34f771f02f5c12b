"""TLS servers, asked with a ClientHello of our own: which versions, which families of suites they accept.

Each question is a connection of its own that ends at the first ServerHello or fatal alert. The bytes are in
`records.py`, the suites in `drivers/data/tls_suites.yaml`, certificates in `certificate.py`.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from drivers.data import table
from drivers.network.target import Target, answer_of
from drivers.network.tls.records import (
    VERSIONS,
    Alert,
    ClientHello,
    ServerHello,
    TlsDecodeError,
    first_answer,
    read_items,
)
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of, printable

ANSWER_SECONDS = 6.0
"""A small device may compute an RSA or DH signature before its first flight leaves."""
ANSWER_BYTES = 65_536
SUITES_PER_HELLO = 80
"""Stacks for small devices hold the offered suites in a fixed table: wolfSSL's has 150 places."""
TRANSCRIPT_BYTES = 2_048
NEWEST_FIRST = tuple(reversed(VERSIONS))


@dataclass(frozen=True)
class Suites:
    """The table of cipher suites; code points by name."""

    common: tuple[int, ...]
    tls13: tuple[int, ...]
    sslv2: tuple[int, ...]
    families: dict[str, tuple[int, ...]]
    names: dict[int, str]

    @property
    def rare(self) -> tuple[int, ...]:
        """Every suite up to TLS 1.2 that is not among the common ones."""
        return tuple(sorted(self.names.keys() - {*self.common, *self.tls13, *self.sslv2}))

    def name(self, suite: int | None) -> str:
        """Return the registered name of a suite."""
        return "no suite" if suite is None else self.names.get(suite, f"suite 0x{suite:04X}")


@cache
def suites() -> Suites:
    """Return the table of `drivers/data/tls_suites.yaml`."""
    data = table("tls_suites")
    by_name: dict[str, int] = {**data["TLS1.3"], **data["SSLv2"], **data["others"]}
    for members in data["families"].values():
        by_name |= members
    return Suites(
        common=tuple(by_name[name] for name in data["common"]),
        tls13=tuple(data["TLS1.3"].values()),
        sslv2=tuple(data["SSLv2"].values()),
        families={family: tuple(members.values()) for family, members in data["families"].items()},
        names={code: name for name, code in by_name.items()},
    )


class HelloEnd(StrEnum):
    """Why nothing more was read of a connection."""

    ANSWERED = "answered"
    CLOSED = "closed the connection"
    RESET = "reset the connection"
    TIMEOUT = "sent no more data in time"
    TOO_MUCH = "sent more than a first flight can hold"
    NO_TLS = "sent data that is not TLS"
    UNCONNECTED = "did not accept the TCP connection"


@dataclass(frozen=True)
class Exchange:
    """What was sent and received over one connection, and how it ended."""

    sent: bytes
    received: bytes
    end: HelloEnd
    words: str = ""


@dataclass(frozen=True)
class HelloReply:
    """One ClientHello's answer: SEEN is any ServerHello, REFUSED an alert or a closed connection."""

    answer: Answer
    detail: str
    hello: ServerHello | None = None
    alert: str = ""
    asked: bool = True


def exchange(
    target: Target, port: int, hello: bytes, complete: Callable[[bytes], object], seconds: float = ANSWER_SECONDS
) -> Exchange:
    """Send bytes to a port and read until `complete(received)` is something, within ANSWER_BYTES and `seconds`.

    `complete` may raise TlsDecodeError. Raises BenchError where this machine cannot send.
    """
    try:
        sock = target.connect(port)
    except OSError as error:
        return Exchange(hello, b"", HelloEnd.UNCONNECTED, f"{answer_of(error)}: {error}")
    received = b""
    deadline = time.monotonic() + seconds
    with sock:
        try:
            sock.settimeout(seconds)
            sock.sendall(hello)
            while len(received) <= ANSWER_BYTES:
                sock.settimeout(max(deadline - time.monotonic(), 0.001))
                chunk = sock.recv(8_192)
                received += chunk
                if complete(received) is not None:
                    return Exchange(hello, received, HelloEnd.ANSWERED)
                if not chunk:
                    return Exchange(hello, received, HelloEnd.CLOSED)
        except TlsDecodeError as error:
            return Exchange(hello, received, HelloEnd.NO_TLS, str(error))
        except OSError as error:
            end = HelloEnd.RESET if answer_of(error) is Answer.REFUSED else HelloEnd.TIMEOUT
            return Exchange(hello, received, end)
    return Exchange(hello, received, HelloEnd.TOO_MUCH)


def read_reply(talk: Exchange) -> HelloReply:
    """Say what an exchange came to, by the first ServerHello or fatal alert in it."""
    if talk.end is HelloEnd.UNCONNECTED:
        return HelloReply(Answer.SILENT, f"not tested: the port {talk.end} ({talk.words})", asked=False)
    if talk.end is HelloEnd.NO_TLS:
        return HelloReply(Answer.SILENT, f"{talk.end} ({talk.words}): {printable(talk.received, 120)}")
    if talk.end in (HelloEnd.TIMEOUT, HelloEnd.TOO_MUCH):
        return HelloReply(Answer.SILENT, f"{talk.end}{_warnings(talk.received)}")
    try:
        found = first_answer(talk.received)
    except TlsDecodeError as error:
        return HelloReply(Answer.SILENT, f"{HelloEnd.NO_TLS} ({error}): {printable(talk.received, 120)}")
    if isinstance(found, ServerHello):
        kind = "HelloRetryRequest" if found.retry else "ServerHello"
        return HelloReply(Answer.SEEN, f"{kind} of {found.version} with {suites().name(found.suite)}", found)
    if isinstance(found, Alert):
        return HelloReply(Answer.REFUSED, f"alert {found.name}", alert=found.name)
    return HelloReply(Answer.REFUSED, f"{talk.end} without an alert{_warnings(talk.received)}")


def _warnings(received: bytes) -> str:
    names: list[str] = []
    with contextlib.suppress(TlsDecodeError):
        names.extend(item.name for item in read_items(received) if isinstance(item, Alert))
    return f", after the warning {', '.join(names[:8])}" if names else ""


@dataclass
class Questioner:
    """Asks one port in ClientHellos, and keeps every exchange in hexadecimal for the evidence."""

    target: Target
    port: int
    seconds: float
    record: Recorder
    server_name: str = ""
    unasked: int = 0
    _lines: list[str] = field(default_factory=list)

    def ask(self, hello: ClientHello) -> HelloReply:
        """Send one hello on a connection of its own, and read the answer to it."""
        talk = exchange(self.target, self.port, hello.encode(), first_answer, self.seconds)
        reply = read_reply(talk)
        self.unasked += not reply.asked
        self.record.note(f"{hello.version}, {len(hello.suites)} suites -> {reply.answer}: {reply.detail}")
        self._lines += [f"> {talk.sent.hex()}", f"< {talk.received[:TRANSCRIPT_BYTES].hex()}", f"# {reply.detail}"]
        return reply

    def version(self, version: str) -> HelloReply:
        """Offer one version with every suite we know, a batch a connection; SEEN only for a ServerHello of it."""
        replies: list[HelloReply] = []
        for hello in self._offers(version):
            if replies and replies[-1].answer is Answer.SILENT and hello.extensions:
                continue  # a device that was mute to a long hello is asked a short one, not five more
            reply = self.ask(hello)
            if reply.hello is not None:
                return _in_version(reply, version)
            replies.append(reply)
            if reply.alert == "protocol_version" or not reply.asked:
                break
        return next((reply for reply in replies if reply.answer is Answer.SILENT), replies[0])

    def first_accepted(self) -> tuple[str, dict[str, HelloReply]]:
        """Ask from the newest version on until one is accepted; return it ("" if none is) and the replies so far."""
        replies: dict[str, HelloReply] = {}
        for version in NEWEST_FIRST:
            replies[version] = self.version(version)
            if replies[version].answer is Answer.SEEN:
                return version, replies
        return "", replies

    def witness(self, version: str) -> Witness:
        """Ask for the version that was accepted before the questions once more, after them."""
        if not version:
            return Witness(
                what=f"tcp/{self.port} did not answer any of our ClientHellos with a ServerHello", holds=False
            )
        after = self.version(version)
        same = f"tcp/{self.port} answered the same codec with a ServerHello for {version} before"
        if after.answer is not Answer.SEEN:
            return Witness(what=f"{same}, but not after ({after.detail})", holds=False)
        delivered = Witness(what=f"{self.unasked} ClientHellos could not be sent", holds=not self.unasked)
        both = Witness(what=f"{same} and after", holds=True)
        return all_of([both, delivered]) if self.unasked else both

    def keep(self) -> None:
        """Leave the exchanges in the evidence: `>` sent, `<` received, `#` what it was read as."""
        self.record.keep("exchanges.txt", "\n".join(self._lines).encode() + b"\n")

    def _offers(self, version: str) -> Iterator[ClientHello]:
        known = suites()
        if version == "SSLv2":
            yield ClientHello(version, known.sslv2)
            return
        if version == "TLS1.3":
            # The older suites let a server that ignores supported_versions say so by an older ServerHello.
            yield ClientHello(version, known.tls13 + known.common, self.server_name)
            return
        for batch in (known.common, *batches(known.rare)):
            yield ClientHello(version, batch, self.server_name)
        if version != "SSLv3":  # whose hellos have no extensions anyway
            yield ClientHello(version, known.common, extensions=False)


def batches(codes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Cut a list of suites into parts that one hello can offer to a small device."""
    for start in range(0, len(codes), SUITES_PER_HELLO):
        yield tuple(codes[start : start + SUITES_PER_HELLO])


def _in_version(reply: HelloReply, version: str) -> HelloReply:
    if reply.hello is None or reply.hello.version == version:
        return reply
    return HelloReply(Answer.REFUSED, f"answered with {reply.hello.version} instead", reply.hello)


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
            facts = []
            for number, version in enumerate(VERSIONS, start=1):
                record.progress(number, len(VERSIONS), version)
                reply = asker.version(version) if accepted else replies[version]
                facts.append(Fact(about=version, answer=reply.answer, detail=reply.detail))
            witness = asker.witness(accepted)
        finally:
            asker.keep()
        return Observation(
            question=f"Which TLS versions does tcp/{self.port} accept?", facts=tuple(facts), witness=witness
        )


@dataclass(frozen=True)
class TlsSuites:
    """Which weak families of suites a TLS server accepts when it is offered nothing else.

    Facts are about the families of `drivers/data/tls_suites.yaml`; the detail of a SEEN one names the suite.
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
        """Offer each family alone, between two hellos that are known to be answered."""
        asker = Questioner(self.target, self.port, self.seconds, record, self.server_name)
        families = suites().families
        try:
            accepted, _ = asker.first_accepted()
            facts = []
            for number, (family, members) in enumerate(families.items(), start=1):
                record.progress(number, len(families), family)
                reply = (
                    self._offer(asker, members)
                    if accepted
                    else HelloReply(Answer.SILENT, "the server answers no version")
                )
                facts.append(Fact(about=family, answer=reply.answer, detail=reply.detail))
            witness = asker.witness(accepted)
        finally:
            asker.keep()
        return Observation(
            question=f"Which weak families of suites does tcp/{self.port} accept?", facts=tuple(facts), witness=witness
        )

    def _offer(self, asker: Questioner, members: tuple[int, ...]) -> HelloReply:
        """Offer a family in a hello of each version from TLS 1.2 down to SSLv3, until the server takes one."""
        new = tuple(code for code in members if code in suites().tls13)
        old = tuple(code for code in members if code not in new)
        offers = [ClientHello("TLS1.3", new, self.server_name)] if new else []
        for version in ("TLS1.2", "TLS1.1", "TLS1.0", "SSLv3"):
            offers += [ClientHello(version, batch, self.server_name) for batch in batches(old)]
        replies = []
        for hello in offers:
            reply = asker.ask(hello)
            if reply.hello is not None and reply.hello.suite in members:
                return reply
            if reply.hello is not None:
                words = f"chose {suites().name(reply.hello.suite)}, which was not offered"
                reply = HelloReply(Answer.REFUSED, words, reply.hello)
            replies.append(reply)
        return next((reply for reply in replies if reply.answer is Answer.SILENT), replies[0])
