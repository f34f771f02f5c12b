"""One bounded request to a web server, and its answer.

requests builds what is sent and keeps the cookies; the octets go over a socket of `Target`, so that nothing can follow
a redirect or a proxy out of the bench. Certificates are not checked here: a server with a bad one is administered too.
"""

import http.client
import math
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from typing import TypeVar
from urllib.parse import urlencode

import requests
from requests.cookies import MockRequest, MockResponse, RequestsCookieJar

from drivers.guessing.limit import limit_of
from drivers.nesting import parsed
from drivers.network.bounded import ends_after
from drivers.network.lenient_tls import lenient_context
from drivers.network.pace import DoorPace
from drivers.network.peer_certificate import ClientCertificate
from drivers.network.target import Target, answer_of
from drivers.network.web.transport.html import path_within
from drivers.network.web.transport.response import STREAMS, read_response
from lab_config.component import Service
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer, printable

BODY_LIMIT = 1 << 20
"""Octets of an answer's body that are read."""
SECONDS = 5.0
"""How long one connect, send or receive may take; a whole exchange takes at most four times that."""
WORDS_LIMIT = 400
"""Characters of an answer that are quoted, escapes counted."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
Credential = Callable[[], str]
"""Makes the value of Authorization for one request."""
_Found = TypeVar("_Found", "WebAnswer", "WebAnswer | None")


class NoAnswerError(Exception):
    """No HTTP answer came: `answer` is REFUSED for an RST or a TLS alert, SILENT for a time-out or for nonsense."""

    def __init__(self, answer: Answer, detail: str, connected: bool = True) -> None:
        super().__init__(detail)
        self.answer = answer
        self.detail = detail
        self.connected = connected


class LimitedError(NoAnswerError):
    """The server limits requests, and the bench does not wait any longer. This says nothing of what was asked."""

    def __init__(self, words: str, retry_after: float | None, patience: float | None) -> None:
        super().__init__(Answer.SILENT, f"the device limits requests: {words}{_impatience(retry_after, patience)}")
        self.words = words
        self.retry_after = retry_after


def _impatience(retry_after: float | None, patience: float | None) -> str:
    """Say which line lets the bench wait until the server answers again; empty if that is not the reason."""
    if patience is None or (retry_after or 0.0) <= patience:
        return ""
    return (
        f". It says to come again after {retry_after:g} s, but this bench waits at most {patience:g} s: set "
        f"`patience_seconds: {math.ceil(retry_after or 0.0)}` in the bench file"
    )


@dataclass(frozen=True)
class WebAnswer:
    """An HTTP answer, never a redirect's target. Header names are lower case; the body ends at BODY_LIMIT."""

    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool = True
    """False where the connection ended within the body, or the body went on beyond the limit."""
    set_cookies: tuple[str, ...] = field(default=(), repr=False)
    """The values of the Set-Cookie headers as they came; `headers` joins them by commas, which dates hold too."""
    with_token: bool = False
    """Whether the request was sent again, with a token against requests of other sites."""

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def is_stream(self) -> bool:
        """Whether this answer has no end, as the pictures of a camera have none."""
        return self.headers.get("content-type", "").lower().startswith(STREAMS)

    def json(self) -> object:
        """Return the body as JSON. Return None if it is malformed, or nested too deeply."""
        return parsed(self.body)

    def target(self, path: str) -> str | None:
        """Return the path that this answer redirects a request of `path` to; None where it does not redirect."""
        location = self.headers.get("location", "")
        return path_within(path, location) if self.status in _REDIRECTS and location else None

    @property
    def words(self) -> str:
        """Status and the beginning of the body, ready to print."""
        words = f"{self.status} {printable(self.body, 200)[:WORDS_LIMIT]}".rstrip()
        return f"{words} (with the CSRF token that the server gives)" if self.with_token else words


def _carrying(credential: Credential) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Return what adds the credential to each request that is sent."""

    def carry(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        prepared.headers["Authorization"] = credential()
        return prepared

    return carry


def no_answer(error: Exception) -> NoAnswerError:
    """Say what an exchange that broke with this means: a refusal of the device, or silence."""
    detail = printable(f"{type(error).__name__}: {error}", 300)[:WORDS_LIMIT]
    if isinstance(error, ssl.SSLError):
        return NoAnswerError(Answer.REFUSED if "ALERT" in (error.reason or "") else Answer.SILENT, detail)
    if isinstance(error, http.client.HTTPException | ValueError) or not isinstance(error, OSError):
        return NoAnswerError(Answer.SILENT, detail)  # closed silently, or not HTTP
    return NoAnswerError(answer_of(error), detail)


def read_answer(
    connection: http.client.HTTPConnection, prepared: requests.PreparedRequest, jar: RequestsCookieJar
) -> tuple[WebAnswer, bool]:
    """Read the answer to a request and take its cookies. Also return whether the connection can be kept."""
    with closing(connection.sock.makefile("rb")) as reader:
        response = read_response(reader, prepared.method or "GET", BODY_LIMIT)
    message = response.message
    jar.extract_cookies(MockResponse(message), MockRequest(prepared))  # type: ignore[arg-type]
    cookies = tuple(message.get_all("Set-Cookie", ()))
    return WebAnswer(response.status, response.headers, response.body, response.complete, cookies), response.keeps


class WebClient:
    """One web server; each request has its own connection, and no session."""

    connection = "close"
    """What a request says of its connection."""

    patient = True
    """Whether a request that the server limits is sent again. One that carries a guess is not."""

    def __init__(self, target: Target, service: Service, certificate: ClientCertificate | None = None) -> None:
        self.target = target
        self.service = service
        self._certificate = certificate

    @property
    def pace(self) -> DoorPace | None:
        """The pace of this server; None if nothing slows down."""
        return self.target.pace(self.service.port)

    def paced(self, exchange: Callable[[], _Found], path: str) -> _Found:
        """Make an exchange when the pace of the server and of the path allows it, and again if the server limits it.

        Raises LimitedError if it goes on limiting requests for longer than the bench waits.
        """
        pace, refusals, until = self.pace, 0, None
        while True:
            sent = pace.turn(path) if pace is not None else 0.0
            try:
                answer = exchange()
            except NoAnswerError as error:
                refusals += 1
                if pace is None or error.connected or error.answer is not Answer.REFUSED or not pace.refused(refusals):
                    raise
                continue
            limit = None if answer is None else limit_of(answer.status, answer.headers)
            if answer is None or limit is None:
                if pace is not None:
                    pace.answered(path)
                return answer
            waits = pace is not None and pace.limited(
                sent, answer.words, limit.retry_after, path, everywhere=limit.everywhere
            )
            until = until or sent + (0.0 if pace is None else pace.patience)
            if pace is None or not waits or not self.patient or pace.clock() >= until:
                raise LimitedError(answer.words, limit.retry_after, None if pace is None else pace.patience)

    @property
    def base(self) -> str:
        """The URL that paths are appended to, with the bench's address and port."""
        host = self.target.address.split("%")[0]
        host = f"[{host}]" if ":" in host else host
        port = self.target.port(self.service.transport, self.service.port)
        return f"{'https' if self.service.tls else 'http'}://{host}:{port}"

    @property
    def origin(self) -> str:
        """The origin of its pages as a browser names it, without the usual port (RFC 6454, 6.2)."""
        return self.base.removesuffix(":443" if self.service.tls else ":80")

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: bytes | Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: RequestsCookieJar | None = None,
        credential: Credential | None = None,
        seconds: float = SECONDS,
    ) -> WebAnswer:
        """Send one request and read its answer, at the pace of the server. `cookies` are sent and updated.

        `credential` makes the value of Authorization, anew if the request is sent again.
        NoAnswerError if it gets no answer, and LimitedError if it gets only limits.
        """
        if not path.startswith("/"):
            raise ConfigurationError(f"{path!r} is not a path of a web administration.", "Begin the path with a slash.")
        jar = RequestsCookieJar() if cookies is None else cookies
        own = {"User-Agent": "trustprobe", "Accept": "*/*", "Accept-Encoding": "identity"}
        own["Connection"] = self.connection
        own["Host"] = self.origin.partition("//")[2]
        auth = None if credential is None else _carrying(credential)
        asked = requests.Request(
            method, self.base + path, {**own, **(headers or {})}, data=data, json=json, cookies=jar, auth=auth
        )
        return self.paced(lambda: self._send(asked.prepare(), jar, seconds), path)

    def _send(self, prepared: requests.PreparedRequest, jar: RequestsCookieJar, seconds: float) -> WebAnswer:
        try:
            plain = self.target.connect(self.service.port, seconds)
        except OSError as error:
            raise NoAnswerError(answer_of(error), f"no connection: {error}", connected=False) from error
        with closing(plain), ends_after(plain, 4 * seconds):
            try:
                return self._exchange(plain, prepared, jar, seconds)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise no_answer(error) from error

    def _exchange(
        self, plain: socket, prepared: requests.PreparedRequest, jar: RequestsCookieJar, seconds: float
    ) -> WebAnswer:
        plain.settimeout(seconds)
        with closing(http.client.HTTPConnection(self.target.address)) as connection:
            context = lenient_context(self._certificate) if self.service.tls else None
            connection.sock = context.wrap_socket(plain) if context else plain
            connection.auto_open = 0
            with suppress(ConnectionError):  # a server that has read enough answers, and closes while we still send
                connection.request(prepared.method or "GET", prepared.path_url, prepared.body, {**prepared.headers})
            return read_answer(connection, prepared, jar)[0]

    def hang_up(self) -> None:
        """End the connection that is kept, if there is one; the next request has another."""

    def post_forms(self, path: str, forms: Iterable[Mapping[str, str]], until: float) -> int:
        """Send forms one after the other, over one connection where the device keeps it; return how many were answered.

        Ends at `until`, in seconds of the steady clock. A form without an answer is not sent again.
        """
        answered = 0
        left = iter(forms)
        pending = next(left, None)
        while pending is not None and (seconds := until - time.monotonic()) > 0:
            try:
                plain = self.target.connect(self.service.port, min(SECONDS, seconds))
            except OSError as error:
                answer_of(error)
                pending = next(left, None)
                continue
            with closing(plain), ends_after(plain, seconds), closing(self._kept(plain)) as connection:
                with suppress(OSError, http.client.HTTPException, ValueError):
                    while pending is not None and time.monotonic() < until:
                        form, pending = pending, next(left, None)
                        answered += self._post(connection, path, form)
                        if connection.sock is None:
                            break  # the device has closed it after its answer
        return answered

    def _kept(self, plain: socket) -> http.client.HTTPConnection:
        plain.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        connection = http.client.HTTPConnection(self.target.address)
        connection.auto_open = 0
        with suppress(OSError):
            connection.sock = lenient_context().wrap_socket(plain) if self.service.tls else plain
        return connection

    def _post(self, connection: http.client.HTTPConnection, path: str, form: Mapping[str, str]) -> int:
        headers = {"User-Agent": "trustprobe", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", path, urlencode(form), headers)
        with closing(connection.sock.makefile("rb")) as reader:
            response = read_response(reader, "POST", BODY_LIMIT)
        if not response.keeps:
            connection.close()
        return int(response.complete)
