"""A TLS port, asked in ClientHellos of our own: one connection a hello, up to the first ServerHello or refusal.

A hello that met silence is asked again in smaller parts: some stacks ignore a hello that is too long for them. What the
server answers in its own bytes (an alert, a closed connection, an error of HTTP) is its refusal; silence never is.
"""

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

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
from drivers.network.tls.suite_table import SUITES_PER_HELLO, batches, suites
from trustprobe.probe import Answer, Asked, Recorder, Witness, all_of, condition, printable

ANSWER_SECONDS = 6.0
"""A small device may compute an RSA or DH signature before its first flight leaves."""
LEAST_SECONDS = 3.0
"""The shortest patience with a server that has shown to be quick."""
ANSWER_BYTES = 65_536
MOST_SILENCES = 12
"""After so many hellos that met silence, no other is sent: each of them costs the whole patience."""
SIZES = (SUITES_PER_HELLO, 40, 20, 8, 1)
"""Suites in one hello, from the most that are offered down to one. With 40, a hello has less than 256 bytes."""
TRANSCRIPT_BYTES = 2_048
NEWEST_FIRST = tuple(reversed(VERSIONS))
_CALIBRATED = ("TLS1.2", "TLS1.1", "TLS1.0", "SSLv3")
_PRIVATE_SUITES = 0xFF10
"""The first of the code points that are reserved for private use (RFC 8446, 11), and that no server serves."""
_LINE_ENDS = b"\r\n\r\n"
_HTTP_ERROR = re.compile(rb"HTTP/\d(?:\.\d)? ([45]\d\d)")


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


@dataclass(frozen=True)
class Shape:
    """The hellos that a server is known to answer: so many suites at most, with extensions or without."""

    suites: int = SUITES_PER_HELLO
    extensions: bool = True

    @property
    def words(self) -> str:
        """Say it, ready to print."""
        return f"{self.suites} suites with{'' if self.extensions else 'out'} extensions"


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
    """Say what an exchange came to, by the first ServerHello or refusal in it."""
    if talk.end is HelloEnd.UNCONNECTED:
        return HelloReply(Answer.SILENT, f"not tested: the port {talk.end} ({talk.words})", asked=False)
    if talk.end is HelloEnd.NO_TLS:
        return _in_clear(talk.received, talk.words)
    if talk.end in (HelloEnd.TIMEOUT, HelloEnd.TOO_MUCH):
        return HelloReply(Answer.SILENT, f"{talk.end}{_after(talk.received)}")
    try:
        found = first_answer(talk.received)
    except TlsDecodeError as error:
        return _in_clear(talk.received, str(error))
    if isinstance(found, ServerHello):
        kind = "HelloRetryRequest" if found.retry else "ServerHello"
        return HelloReply(Answer.SEEN, f"{kind} of {found.version} with {suites().name(found.suite)}", found)
    if isinstance(found, Alert):
        return HelloReply(Answer.REFUSED, f"alert {found.name}", alert=found.name)
    return HelloReply(Answer.REFUSED, f"{talk.end} without an alert{_after(talk.received)}")


def _in_clear(received: bytes, why: str) -> HelloReply:
    """Judge bytes that are no TLS: an error status of HTTP is the server's own refusal of the hello."""
    if error := _HTTP_ERROR.match(received):
        return HelloReply(Answer.REFUSED, f"answered in clear with HTTP {error[1].decode()}")
    return HelloReply(Answer.SILENT, f"{HelloEnd.NO_TLS} ({why}): {printable(received, 120)}")


def _after(received: bytes) -> str:
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
    shape: Shape = Shape()
    silences: int = 0
    _slowest: float = 0.0
    _answered: dict[str, tuple[ClientHello, HelloReply]] = field(default_factory=dict)
    """The hello of each version that was answered with a ServerHello of it."""
    _lines: list[str] = field(default_factory=list)

    def ask(self, hello: ClientHello) -> HelloReply:
        """Send one hello on a connection of its own, and read the answer to it."""
        return self.flight(hello, first_answer)[0]

    def flight(self, hello: ClientHello, complete: Callable[[bytes], object]) -> tuple[HelloReply, bytes]:
        """Send one hello, and read until `complete(received)` is something; the answer, and all that came."""
        if self.silences >= MOST_SILENCES:
            return HelloReply(Answer.SILENT, f"not tested: {self.silences} hellos before it met silence"), b""
        start = time.monotonic()
        talk = exchange(self.target, self.port, hello.encode(), complete, self._patience)
        if hello.version == "SSLv2" and talk.end is HelloEnd.TIMEOUT and not talk.received:
            # No TLS record begins like this hello. A server that speaks HTTP in clear on this port as well, to redirect
            # to HTTPS, waits for the rest of a request, and answers only once it has come. A closed connection is no
            # such answer: it may refuse the octets that follow the hello.
            again = exchange(self.target, self.port, hello.encode() + _LINE_ENDS, complete, self._patience)
            if _HTTP_ERROR.match(again.received) or read_reply(again).hello is not None:
                self._keep_talk(talk, read_reply(talk).detail)
                talk = again
            else:
                self._keep_talk(again, f"not counted: {read_reply(again).detail}")
        reply = read_reply(talk)
        self.unasked += not reply.asked
        self.silences += reply.answer is Answer.SILENT
        if reply.hello is not None:
            self._slowest = max(self._slowest, time.monotonic() - start)
            if reply.hello.version == hello.version:
                self._answered.setdefault(hello.version, (hello, reply))
        self.record.note(f"{hello.version}, {len(hello.suites)} suites -> {reply.answer}: {reply.detail}")
        self._keep_talk(talk, reply.detail)
        return reply, talk.received

    def _keep_talk(self, talk: Exchange, words: str) -> None:
        self._lines += [f"> {talk.sent.hex()}", f"< {talk.received[:TRANSCRIPT_BYTES].hex()}", f"# {words}"]

    @property
    def _patience(self) -> float:
        """Seconds for an answer: a server whose ServerHello came quickly is not waited for as long."""
        return min(self.seconds, max(LEAST_SECONDS, 20 * self._slowest)) if self._slowest else self.seconds

    def version(self, version: str) -> HelloReply:
        """Offer one version with every suite we know, a batch a connection; SEEN only for a ServerHello of it."""
        replies: list[HelloReply] = []
        for hello in self._offers(version):
            if replies and replies[-1].answer is Answer.SILENT and hello.extensions and not hello.compact:
                continue  # a device that was mute to a long hello is asked a short one, not five more
            reply = self.ask(hello)
            if reply.hello is not None:
                return _in_version(reply, version)
            replies.append(reply)
            if reply.alert == "protocol_version" or not reply.asked:
                break
        if version == "TLS1.3" and replies[-1].answer is Answer.REFUSED:
            return replies[-1]  # which has answered a hello with every suite of it
        return next((reply for reply in replies if reply.answer is Answer.SILENT), replies[0])

    def first_accepted(self) -> tuple[str, dict[str, HelloReply]]:
        """Ask from the newest version on until one is accepted; return it ("" if none is) and the replies so far.

        Where none is, the likeliest suites are offered again in small hellos.
        """
        replies: dict[str, HelloReply] = {}
        for version in NEWEST_FIRST:
            replies[version] = self.version(version)
            if replies[version].answer is Answer.SEEN:
                return version, replies
        if any(not reply.asked for reply in replies.values()):
            return "", replies
        for version in ("TLS1.2", "TLS1.0"):
            reply = self._in_small_hellos(version)
            if reply is not None:
                return version, {version: reply}
        return "", replies

    def _in_small_hellos(self, version: str) -> HelloReply | None:
        """Offer the common suites a few at a time; None where none of them is accepted, or these meet silence too."""
        silences = self.silences
        for batch in batches(suites().common, SIZES[-2]):
            reply = self.ask(ClientHello(version, batch, self.server_name))
            if reply.hello is not None and reply.hello.version == version:
                self.shape = Shape(SIZES[-2])
                return reply
            if self.silences > silences + 1:
                break
        return None

    def calibrate(self) -> Witness | None:
        """Find the longest hello up to TLS 1.2 that is answered, by a suite that is known to be accepted in it.

        The suite stands last, after code points that nobody serves. From then on no hello is longer, so that what the
        server refuses is the suites and not the length. None where no such version is known to be accepted.
        """
        version = next((one for one in _CALIBRATED if one in self._answered), None)
        if version is None:
            return None
        suite, self.silences = self._chosen(version), 0
        forms = [True] if version == "SSLv3" else [True, False]  # SSLv3 never has extensions
        for extensions in forms:
            for size in SIZES:
                if self._serves(version, suite, Shape(size, extensions)):
                    self.shape = Shape(size, extensions)
                    what = f"a hello of {version} with {self.shape.words}, the accepted one last, was answered"
                    return Witness(what=what, holds=True, asked=self._asked)
                if size == SIZES[0] and extensions and not self._serves(version, suite, Shape(1)):
                    break  # extensions are what it does not take
        return condition(f"no hello of {version} with the accepted suite alone was answered again", holds=False)

    def _chosen(self, version: str) -> int:
        hello = self._answered[version][1].hello
        assert hello is not None and hello.suite is not None
        return hello.suite

    def _serves(self, version: str, suite: int, shape: Shape) -> bool:
        filler = tuple(range(_PRIVATE_SUITES, _PRIVATE_SUITES + shape.suites - 1))
        reply = self.ask(ClientHello(version, (*filler, suite), self.server_name, shape.extensions))
        return reply.hello is not None

    @property
    def _asked(self) -> Asked:
        return Asked(door=f"tcp/{self.port}", shape=f"a ClientHello with {self.shape.words}")

    def witness(self, version: str) -> Witness:
        """Send the hello that was accepted before the questions once more, after them."""
        if not version:
            return condition(f"tcp/{self.port} did not answer any of our ClientHellos with a ServerHello", holds=False)
        self.silences = 0
        after = self.ask(self._answered[version][0])
        same = f"tcp/{self.port} answered the same codec with a ServerHello for {version} before"
        if after.hello is None or after.hello.version != version:
            return condition(f"{same}, but not after ({after.detail})", holds=False)
        delivered = condition(f"{self.unasked} ClientHellos could not be sent", holds=not self.unasked)
        both = Witness(what=f"{same} and after", holds=True, asked=self._asked)
        return all_of([both, delivered]) if self.unasked else both

    def offer(self, version: str, codes: Sequence[int]) -> HelloReply:
        """Offer suites in one version; SEEN where one of them is chosen, SILENT where a part of them met silence."""
        new = version == "TLS1.3"
        parts = [tuple(codes)] if new else list(batches(codes, self.size(version)))
        replies: list[HelloReply] = []
        while parts:
            batch = parts.pop(0)
            reply = self.ask(ClientHello(version, batch, self.server_name, self.shape.extensions or new))
            if reply.hello is not None and reply.hello.suite in batch:
                return reply
            if reply.hello is not None:
                words = f"chose {suites().name(reply.hello.suite)}, which was not offered"
                reply = HelloReply(Answer.REFUSED, words, reply.hello)
            if reply.answer is Answer.SILENT and reply.asked and len(batch) > 1 and self.silences < MOST_SILENCES:
                half = len(batch) // 2
                parts[:0] = [batch[:half], batch[half:]]
            else:
                replies.append(reply)
        return next((reply for reply in replies if reply.answer is Answer.SILENT), replies[0])

    def keep(self) -> None:
        """Leave the exchanges in the evidence: `>` sent, `<` received, `#` what it was read as."""
        self.record.keep("exchanges.txt", "\n".join(self._lines).encode() + b"\n")

    def size(self, version: str) -> int:
        """Suites that a hello of this version may offer; one of SSLv3 has the signal of RFC 5746 among them."""
        return max(self.shape.suites - (version == "SSLv3" and self.shape.extensions), 1)

    def _offers(self, version: str) -> Iterator[ClientHello]:
        known, size = suites(), self.size(version)
        if version == "SSLv2":
            yield ClientHello(version, known.sslv2)
            return
        if version == "TLS1.3":
            # The older suites let a server that ignores supported_versions say so by an older ServerHello.
            yield ClientHello(version, known.tls13 + known.common, self.server_name)
            yield ClientHello(version, known.tls13, compact=True)
            return
        if self.shape.extensions or version == "SSLv3":
            for batch in (*batches(known.common, size), *batches(known.rare, size)):
                yield ClientHello(version, batch, self.server_name)
        if version != "SSLv3":  # whose hellos have no extensions anyway
            for batch in batches(known.common, size):
                yield ClientHello(version, batch, extensions=False)


def _in_version(reply: HelloReply, version: str) -> HelloReply:
    if reply.hello is None or reply.hello.version == version:
        return reply
    return HelloReply(Answer.REFUSED, f"answered with {reply.hello.version} instead", reply.hello)
