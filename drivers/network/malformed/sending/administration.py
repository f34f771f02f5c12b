"""The probe that sends malformed bodies to a resource of the web administration, with the administrator's session.

Many requests share a connection, as the device lets them; what they changed is read, restored and read again.
"""

import contextlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException, HTTPResponse
from socket import IPPROTO_TCP, TCP_NODELAY, TCP_QUICKACK, socket

from drivers.guessing.attempt import LoginAttempt
from drivers.network.lenient_tls import lenient_context
from drivers.network.malformed.messages.json_bodies import Resource, messages
from drivers.network.malformed.messages.message import DeliveryWay, Message, MessageSeries
from drivers.network.malformed.sending.carrier import HALF, HEALTHY, Carrier, HealthyControl
from drivers.network.malformed.sending.delivery import Reaction
from drivers.network.malformed.sending.evidence import keep_all, keep_culprit
from drivers.network.malformed.sending.liveness import Liveness
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.round import MalformedInput, Round
from drivers.network.malformed.sending.watch import Watch
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from drivers.network.web.transport.csrf import asks_for_token
from drivers.network.web.transport.json_names import is_writable, lookup, nested
from trustprobe.errors import BenchError
from trustprobe.probe import Recorder, Witness, condition, printable

BATCH = 15
"""Bodies between two healthy requests."""
ANSWER_SECONDS = 2.0
CUT_OFF_SECONDS = 0.1
"""How long an answer to a body that was announced longer is awaited before our side is closed."""
_BODY_LIMIT = 1 << 16
_LOST = (401, 302, 303, 307)
"""What a request without a session is answered: a refusal, or the way to the form."""
_RESTARTS = re.compile(r"(?i)reboot|restart|reset|shutdown|power|halt|erase|factory|wipe|format")


def may_be_written(path: str) -> bool:
    """Whether a body to this path cannot restart or erase the device, as far as its name tells."""
    return _RESTARTS.search(path) is None


@dataclass(frozen=True)
class SendMalformedBodies:
    """Send one resource malformed bodies as the administrator, with a healthy request after every few.

    Witness: the service answered before and after them, the session stayed valid, and the resource reads as before,
    where it can be read.
    """

    web: Administration
    resource: Resource
    reads: bool
    """Whether a GET of the resource shows what was written, so that a change is seen and taken back."""
    count: int
    seed: int
    revival: Revival

    @property
    def name(self) -> str:
        """One observation a resource."""
        return f"malformed.bodies-{self.resource.method}-{self.resource.path.strip('/').replace('/', '-')}"

    def run(self, record: Recorder) -> MalformedInput:
        """Send them all, or until damage is proved; BenchError where the administrator does not get in."""
        way = DeliveryWay.TLS if self.web.service.tls else DeliveryWay.TCP
        with (
            Requests(self.web) as requests,
            Watch(Liveness(self.web.target, self.web.service), self.revival, record.note) as watch,
        ):
            bodies = messages(self._with_content(requests), self.seed, self.count)
            keep_all(record, self.web.service, way, bodies)
            before = requests.read(self.resource.path) if self.reads else None
            about, series = f"{self.resource.method} {self.resource.path}", MessageSeries("json", self.seed, bodies)
            carrier = Carrier(
                requests.deliver,
                BATCH,
                shaped=lambda batch: requests.controls(self.resource.path, len(batch)),
                release=requests.hang_up,
                reached=lambda: self._restored(requests, before, record),
            )
            keep = partial(keep_culprit, record, self.web.service, way)
            return Round(about, series, carrier, keep, watch, record).run()

    def _with_content(self, requests: "Requests") -> Resource:
        """Return the resource with what a PUT without a declared setting would replace, as far as it is shown whole."""
        if self.resource.method != "PUT" or self.resource.field:
            return self.resource
        shown = requests.read(self.resource.path)
        content = json.dumps(shown) if isinstance(shown, dict) and shown and is_writable(shown) else ""
        return replace(self.resource, content=content.encode() if len(content) <= _BODY_LIMIT else b"")

    def _restored(self, requests: "Requests", before: object, record: Recorder) -> Witness:
        taken = f"{requests.taken} bodies were accepted, {requests.refused} refused with 4xx"
        if not self.reads:
            return condition(taken, holds=True)
        path, after = self.resource.path, requests.read(self.resource.path)
        if after != before and self.resource.field:
            old = lookup(before, self.resource.field)
            record.note(f"{path} reads differently than before: {self.resource.field} is restored")
            requests.write(self.resource, nested(self.resource.field, old or ""))
            after = requests.read(path)
        same = after is not None and after == before
        words = "reads as before" if same else "does not read as before and could not be restored"
        return condition(f"{taken}; GET {path} {words}", holds=same)


@dataclass
class Requests:
    """Requests of one session over a connection that is kept while the device keeps it; a context manager."""

    web: Administration
    taken: int = 0
    refused: int = 0
    _session: WebSession | None = None
    _sock: socket | None = None

    def __enter__(self) -> "Requests":
        outcome = self.web.log_in()
        if isinstance(outcome, LoginAttempt):
            words = f"{self.web.user} cannot log in to {self.web.service.id}: {outcome.detail}."
            raise BenchError(words, outcome.next_step)
        self._session = outcome
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        if self._session is not None:
            self._session.close()

    def read(self, path: str) -> object:
        """Return what a resource shows, or None."""
        session = self._logged_in()
        with contextlib.suppress(NoAnswerError):
            if session is not None and (answer := session.request("GET", path)).ok:
                return answer.json()
        return None

    def write(self, resource: Resource, value: object) -> None:
        """Write a resource as a browser does; what comes of it is read afterwards."""
        session = self._logged_in()
        with contextlib.suppress(NoAnswerError):
            if session is not None:
                session.request(resource.method, resource.path, json=value)

    def deliver(self, message: Message) -> Reaction:
        """Send one request and hear its status; after a lost session, once more in a new one, or with a CSRF token."""
        reaction, status = self._sent(message)
        session = self._session
        lacks_token = session is not None and asks_for_token(WebAnswer(status, {}, reaction.heard))
        if session is not None and lacks_token and session.take_tokens(session.tokens):
            reaction, status = self._sent(message)
        if status in _LOST or not reaction.carried:
            self.hang_up()
            self._session = None
            if self._logged_in() is not None:
                reaction, status = self._sent(message)
        self.taken += 200 <= status < 300
        self.refused += 400 <= status < 500
        lost = Reaction(False, reaction.heard, f"the session was lost: {reaction.words}")
        return lost if status in _LOST else reaction

    def controls(self, path: str, count: int) -> tuple[HealthyControl, ...]:
        """Return GET requests of the same session, whole and without their end. They change nothing."""
        request = f"GET {path} HTTP/1.1\r\nHost: device\r\n\r\n".encode()

        def sending(octets: bytes) -> Callable[[], list[Reaction]]:
            return lambda: [self._sent(Message("control", octets, "a control"))[0] for _ in range(count)]

        half = sending(request.removesuffix(b"\r\n"))
        return HealthyControl(HEALTHY, sending(request)), HealthyControl(HALF, half, "half-sent request", cut_off=True)

    def _logged_in(self) -> WebSession | None:
        if self._session is None:
            session = self.web.log_in()
            self._session = None if isinstance(session, LoginAttempt) else session
        return self._session

    def _sent(self, message: Message) -> tuple[Reaction, int]:
        if self._session is None:
            return Reaction(False, b"", "no session"), 0
        octets = _of_session(self._session, message.data)
        for fresh in (self._sock is None, True):
            try:
                if self._sock is None:
                    self._sock = self._connected()
                self._sock.sendall(octets)
                # A device that sends head and body apart waits for our acknowledgement between them, and so would we.
                self._sock.setsockopt(IPPROTO_TCP, TCP_QUICKACK, 1)
                return self._heard(self._sock, cut_off="than_said" in message.name)
            except (OSError, HTTPException, ValueError) as error:
                self.hang_up()
                if fresh:
                    return Reaction(True, b"", f"closed without an answer ({type(error).__name__})"), 0
        raise AssertionError("a new connection is tried last")

    def _connected(self) -> socket:
        target, service = self.web.target, self.web.service
        plain = target.connect(service.port)
        plain.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        plain.settimeout(ANSWER_SECONDS)
        try:
            return lenient_context().wrap_socket(plain) if service.tls else plain
        except OSError:
            plain.close()
            raise

    def _heard(self, sock: socket, *, cut_off: bool) -> tuple[Reaction, int]:
        """Read an answer. After a body that is shorter than announced, close our side, and with it the connection."""
        began = time.monotonic()
        if cut_off:
            sock.settimeout(CUT_OFF_SECONDS)
        try:
            with contextlib.closing(HTTPResponse(sock)) as response:
                response.begin()
                body = response.read(_BODY_LIMIT)
                keeps = not response.will_close and not response.length and not cut_off
        except TimeoutError:
            self.hang_up()
            return Reaction(True, b"", f"silent for {time.monotonic() - began:.1f} s"), 0
        if not keeps:
            self.hang_up()
        words = f"{response.status} {printable(body, 80)}".rstrip()
        return Reaction(True, body, words), response.status

    def hang_up(self) -> bool:
        """Close the connection. True if one was open."""
        sock, self._sock = self._sock, None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()
        return sock is not None


def _of_session(session: WebSession, octets: bytes) -> bytes:
    """Add to a request what the session carries: cookies, a token in a header or the query, the page it comes from."""
    line, _, rest = octets.partition(b"\r\n")
    method, path, version = line.decode("latin-1").split(" ", 2)
    path, fields = session.carried(method, path)
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} {version}\r\n{head}".encode("latin-1", "replace") + rest
