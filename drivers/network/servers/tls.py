"""A TLS server that the device connects to: it presents the current certificate, and notes what arrived.

Over the good certificate it answers HTTP requests: 204, or what is announced.

One connection at a time, everything bounded. It takes whatever TLS a device speaks; what the device offers is read from
its own ClientHello. The questions asked of it are in `client_trust.py`.
"""

import contextlib
import re
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from drivers.network.servers.wrong_answer import MOST_ANSWERS, WrongAnswer, say
from drivers.network.tls.bad_certificate import Issued
from drivers.network.tls.client_hello import OfferedHello, offered_hello
from drivers.network.tls.records import TlsDecodeError
from lab_config.bench import CloudBench
from trustprobe.errors import BenchError, HarnessError
from trustprobe.probe import printable

SPEAK_SECONDS = 10.0
"""How long a device may take from its connection to its first application data."""
HELLO_BYTES = 16_384
REQUEST_BYTES = 65_536
LINE_CHARACTERS = 500
CONTACT_LIMIT = 1_000
_STOP_SECONDS = 5.0
_PIECE = 8_192
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
_REQUEST = re.compile(rb"\A[A-Z]{3,8} \S{1,2000} HTTP/1\.[01]\r\n(?:[^\r\n]{1,4000}\r\n){0,64}\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,6}) *\r\n", re.IGNORECASE)


class ContactOutcome(StrEnum):
    """How one connection of the device came out."""

    SPOKE = "sent application data"
    ALERT = "refused with an alert"
    CLOSED = "closed the connection silently"
    MUTE = "sent no application data in time"
    BROKEN = "ended without a TLS handshake"


@dataclass(frozen=True)
class TlsContact:
    """One connection of the device: the certificate that it was shown, what it offered, and what it did."""

    presented: str
    peer: str
    outcome: ContactOutcome
    detail: str
    hello: OfferedHello | None
    raw_hello: bytes
    number: int
    agreed: bool = False
    """Whether the handshake was complete, so that the device accepted what it was shown up to there."""


@dataclass(frozen=True)
class Request:
    """An HTTP request that came whole over the good certificate: its first line, and the number of its contact."""

    line: str
    contact: int


@dataclass(frozen=True)
class Announcement:
    """What requests are answered with whose first line this regular expression finds; all others get 204."""

    request: str
    content_type: str
    body: bytes

    @property
    def answer(self) -> bytes:
        """The whole HTTP response."""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {self.content_type}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        return head.encode() + self.body


class TlsClientServer:
    """Listen while the `with` block runs. With `device`, an address, what others send is counted and dropped."""

    def __init__(self, bench: CloudBench, good: Issued, device: str | None = None) -> None:
        self.bench = bench
        self.good = good
        self.device = device
        self.strangers = 0
        self._presented, self._context = good, server_context(good)
        self._news = threading.Condition()
        self._contacts: deque[TlsContact] = deque(maxlen=CONTACT_LIMIT)
        self._requests: deque[Request] = deque(maxlen=CONTACT_LIMIT)
        self._announced: Announcement | None = None
        self._wrong: WrongAnswer | None = None
        self._counted = 0
        self._commands: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._failure: Exception | None = None

    # --- for the caller's thread -----------------------------------------------------------------------------------

    def __enter__(self) -> "TlsClientServer":
        """Take the port and start; BenchError where it cannot be had."""
        family = socket.AF_INET6 if ":" in self.bench.address else socket.AF_INET
        try:
            self._listener = socket.create_server((self.bench.address, self.bench.port), family=family, backlog=4)
        except OSError as error:
            raise BenchError(
                f"the stand-in for the cloud cannot listen on tcp/{self.bench.port} of {self.bench.address}: "
                f"{error.strerror}.",
                "Stop the program that uses it (`ss -lntp` names it), or correct `cloud` in the bench file.",
            ) from error
        self._listener.setblocking(False)
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="tls-client-server", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and give the port back."""
        self._stopping = True
        self._wake.send(b"x")
        self._thread.join(_STOP_SECONDS)
        for sock in (self._listener, self._wake, self._woken):
            sock.close()

    def present(self, issued: Issued) -> int:
        """Show this certificate from now on, and drop the connection that is open; the number of the next contact."""
        context = server_context(issued)
        done = threading.Event()
        mark = [0]

        def switch() -> None:
            self._presented, self._context = issued, context
            mark[0] = self._counted
            done.set()

        self._commands.append(switch)
        self._wake.send(b"x")
        if not done.wait(_STOP_SECONDS):
            raise HarnessError("the TLS server no longer answers.") from self._failure
        return mark[0]

    def contacts(self, since: int = 0) -> tuple[TlsContact, ...]:
        """Return how connections went, from a number on."""
        if self._failure is not None:
            raise HarnessError(f"the thread of the TLS server failed: {self._failure!r}.") from self._failure
        with self._news:
            return tuple(one for one in self._contacts if one.number >= since)

    def wait_for(self, predicate: Callable[[TlsContact], bool], seconds: float, since: int = 0) -> TlsContact | None:
        """Return the first contact from a number on that the predicate holds for; None when none came in this time."""
        until = time.monotonic() + seconds
        while True:
            for one in self.contacts(since):
                since = one.number + 1
                if predicate(one):
                    return one
            with self._news:
                if not self._news.wait_for(lambda mark=since: self._counted > mark, until - time.monotonic()):  # type: ignore[misc]
                    return None

    def answer_once(self, wrong: WrongAnswer, seconds: float) -> bool:
        """Drop the connection that is open, and answer the next question so; False where nobody asked in time."""
        self._wrong = wrong
        self._commands.append(lambda: None)
        self._wake.send(b"x")
        with self._news:
            answered = self._news.wait_for(lambda: self._wrong is None or self._failure is not None, seconds)
            self._wrong = None
        self.contacts()  # raises where the server's thread has failed
        return answered

    def announce(self, announcement: Announcement | None) -> None:
        """Answer the requests that it is for with it from now on; None ends that."""
        self._announced = announcement

    def wait_for_request(self, pattern: str, seconds: float, since: int = 0) -> Request | None:
        """Return the first request of the contacts from a number on whose first line the regular expression finds.

        None when none came in this time.
        """

        def found() -> Request | None:
            asked = (one for one in self._requests if one.contact >= since)
            return next((one for one in asked if re.search(pattern, one.line)), None)

        with self._news:
            self._news.wait_for(lambda: found() is not None or self._failure is not None, seconds)
            request = found()
        self.contacts()  # raises where the server's thread has failed
        return request

    # --- the server's own thread -----------------------------------------------------------------------------------

    def _serve(self) -> None:
        try:
            while not self._stopping:
                ready = select.select([self._listener, self._woken], [], [])[0]
                if self._woken in ready:
                    self._woken.recv(_PIECE)
                    while self._commands:
                        self._commands.popleft()()
                elif self._listener in ready:
                    self._welcome()
        except Exception as error:  # noqa: BLE001 - whatever it is, a dead server must not look like a quiet device
            self._failure = error
            with self._news:
                self._counted += 1
                self._news.notify_all()

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):  # it went away before it was accepted
            sock, address = self._listener.accept()
            with sock:
                if self.device is not None and address[0] != self.device:
                    self.strangers += 1
                    return
                if self._wrong is not None and self._wrong.in_place_of_tls:
                    say(sock, self._taken(self._wrong))
                    return
                sock.setblocking(False)
                reply = self._reply if self._presented.kind == "good" else None
                _Visit(sock, self._context, self._woken, self._notice(str(address[0])), reply).run()

    def _taken(self, wrong: WrongAnswer) -> WrongAnswer:
        """Take a wrong answer, which one connection gets."""
        with self._news:
            self._wrong = None
            self._news.notify_all()
        return wrong

    def _reply(self, head: bytes) -> bytes | WrongAnswer:
        """Note a request by its head, and return its answer; a wrong one ends the connection."""
        line = printable(head.split(b"\r\n", 1)[0], LINE_CHARACTERS)
        with self._news:
            # The contact that it came in was counted when it spoke, and there is one at a time.
            self._requests.append(Request(line, self._counted - 1))
            self._news.notify_all()
        if self._wrong is not None:
            return self._taken(self._wrong)
        announced = self._announced
        return announced.answer if announced and re.search(announced.request, line) else _ANSWER

    def _notice(self, peer: str) -> Callable[["_Visit", ContactOutcome, str], None]:
        presented = self._presented.kind

        def notice(visit: "_Visit", outcome: ContactOutcome, detail: str) -> None:
            with self._news:
                words, offered = printable(detail, 200), visit.hello
                number, raw = self._counted, visit.raw_hello
                contact = TlsContact(
                    presented, peer, outcome, words, offered, raw_hello=raw, number=number, agreed=visit.agreed
                )
                self._contacts.append(contact)
                self._counted += 1
                self._news.notify_all()

        return notice


class _Visit:
    """One connection from accept to its end; `notice` is told its outcome once, `reply` answers where it may."""

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext,
        woken: socket.socket,
        notice: Callable[["_Visit", ContactOutcome, str], None],
        reply: Callable[[bytes], bytes | WrongAnswer] | None,
    ) -> None:
        self._sock, self._woken, self._notice, self._reply = sock, woken, notice, reply
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.agreed = False
        self._spoke = False
        self._request = b""
        self._last: WrongAnswer | None = None
        """The wrong answer that ends this connection. A client that asks again at once gets it again."""
        self._answers = 0
        self.hello: OfferedHello | None = None
        self.raw_hello = b""

    def run(self) -> None:
        """Shake hands and read. A good certificate keeps the connection; over a bad one the first data ends it."""
        deadline = time.monotonic() + SPEAK_SECONDS
        while True:
            waiting = None if self._spoke else max(0.0, deadline - time.monotonic())
            ready = select.select([self._sock, self._woken], [], [], self._last.seconds if self._last else waiting)[0]
            if self._last and (not ready or self._answers > MOST_ANSWERS):
                return
            if self._woken in ready:
                return
            if not ready:
                words = "the handshake was complete" if self.agreed else "no handshake"
                self._end(ContactOutcome.MUTE, f"{words}, then silence")
                return
            if self._over() or (self._spoke and self._reply is None):
                return

    def _over(self) -> bool:
        """Take in what came; whether the connection has ended."""
        try:
            data = self._sock.recv(_PIECE)
        except OSError as error:
            self._end(ContactOutcome.CLOSED, f"{type(error).__name__}")
            return True
        if not data:
            # OpenSSL is not asked: which exception an early end raises depends on the versions of Python and OpenSSL.
            self._end(ContactOutcome.CLOSED, f"the connection was closed{'' if self.agreed else ' in the handshake'}")
            return True
        self._read_hello(data)
        self._incoming.write(data)
        ended = True
        try:
            self._proceed()
            self._end(ContactOutcome.CLOSED, "close_notify after the handshake")
        except ssl.SSLWantReadError:
            ended = False
        except ssl.SSLZeroReturnError:
            self._end(ContactOutcome.CLOSED, "close_notify in the handshake")
        except ssl.SSLError as error:
            reason = error.reason or str(error)
            self._end(ContactOutcome.ALERT if "ALERT" in reason else ContactOutcome.BROKEN, reason)
        self._flush()
        return ended

    def _proceed(self) -> None:
        """Shake hands and read until OpenSSL wants more, which raises; it returns after a close_notify."""
        if not self.agreed:
            self._tls.do_handshake()
            self.agreed = True
        while data := self._tls.read(_PIECE):
            if not self._spoke:
                self._spoke = True
                suite = (self._tls.cipher() or ("",))[0]
                first = printable(data.split(b"\r\n", 1)[0], 80)
                self._notice(self, ContactOutcome.SPOKE, f"{self._tls.version()} {suite}, {len(data)} bytes: {first}")
            if self._reply is not None:
                self._answer(data, self._reply)

    def _answer(self, data: bytes, reply: Callable[[bytes], bytes | WrongAnswer]) -> None:
        """Answer each HTTP request that came whole, so that a device finds its cloud in order."""
        self._request = (self._request + data)[-REQUEST_BYTES:]
        if head := _REQUEST.match(self._request):
            length = _LENGTH.search(head[0])
            end = head.end() + int(length[1] if length else 0)
            if len(self._request) >= end:
                self._request = self._request[end:]
                answer = self._last or reply(head[0])
                self._last = answer if isinstance(answer, WrongAnswer) else None
                self._answers += 1
                self._tls.write(answer.octets if isinstance(answer, WrongAnswer) else answer)

    def _read_hello(self, data: bytes) -> None:
        if self.hello is None and len(self.raw_hello) < HELLO_BYTES:
            self.raw_hello += data
            with contextlib.suppress(TlsDecodeError):
                self.hello = offered_hello(self.raw_hello)

    def _flush(self) -> None:
        """Send what is due; what does not fit the socket's buffer at once is a device that reads nothing."""
        with contextlib.suppress(OSError):
            if not self._last:
                self._sock.send(self._outgoing.read())
                return
            self._sock.settimeout(1.0)
            self._sock.sendall(self._outgoing.read())
            self._sock.setblocking(False)

    def _end(self, outcome: ContactOutcome, detail: str) -> None:
        """Report how it ended. An end before a whole ClientHello says nothing about the certificate: none was shown."""
        if self.hello is None and outcome is not ContactOutcome.MUTE:
            outcome = ContactOutcome.BROKEN
        if not self._spoke:
            self._notice(self, outcome, detail)


def server_context(issued: Issued) -> ssl.SSLContext:
    """Return a context that presents this certificate to whatever version and suite a device speaks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= ssl.OP_NO_TICKET  # a resumed session would not look at the certificate again
    context.num_tickets = 0
    context.load_cert_chain(issued.certificate, issued.key)
    return context
