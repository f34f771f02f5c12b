"""One bounded request to a web server, and its answer.

requests builds what is sent and keeps the cookies; the octets go over a socket of `Target`, so that nothing can follow
a redirect or a proxy out of the bench. Certificates are not checked here: a server with a bad one is administered too.
"""

import http.client
import ssl
import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from urllib.parse import urlencode

import requests
from requests.cookies import MockRequest, MockResponse, RequestsCookieJar

from drivers.nesting import parsed
from drivers.network.bounded import ends_after
from drivers.network.lenient_tls import lenient_context
from drivers.network.peer_certificate import ClientCertificate
from drivers.network.target import Target, answer_of
from drivers.network.web.transport.html import path_within
from lab_config.component import Service
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer, printable

BODY_LIMIT = 1 << 20
"""Octets of an answer's body that are read."""
SECONDS = 5.0
"""How long one connect, send or receive may take; a whole exchange takes at most four times that."""
WORDS_LIMIT = 400
"""Characters of an answer that are quoted, escapes counted."""
_PIECE = 8192
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class NoAnswerError(Exception):
    """No HTTP answer came: `answer` is REFUSED for an RST or a TLS alert, SILENT for a time-out or for nonsense."""

    def __init__(self, answer: Answer, detail: str, connected: bool = True) -> None:
        super().__init__(detail)
        self.answer = answer
        self.detail = detail
        self.connected = connected


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

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

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
        return f"{self.status} {printable(self.body, 200)[:WORDS_LIMIT]}".rstrip()


def no_answer(error: Exception) -> NoAnswerError:
    """Say what an exchange that broke with this means: a refusal of the device, or silence."""
    detail = printable(f"{type(error).__name__}: {error}", 300)[:WORDS_LIMIT]
    if isinstance(error, ssl.SSLError):
        return NoAnswerError(Answer.REFUSED if "ALERT" in (error.reason or "") else Answer.SILENT, detail)
    if isinstance(error, http.client.HTTPException | ValueError) or not isinstance(error, OSError):
        return NoAnswerError(Answer.SILENT, detail)  # closed silently, or not HTTP
    return NoAnswerError(answer_of(error), detail)


def _body(response: http.client.HTTPResponse) -> tuple[bytes, bool]:
    body = bytearray()
    try:
        while len(body) <= BODY_LIMIT and (piece := response.read(_PIECE)):
            body += piece
    except (OSError, http.client.HTTPException) as error:
        body += error.partial if isinstance(error, http.client.IncompleteRead) else b""
        return bytes(body[:BODY_LIMIT]), False
    return bytes(body[:BODY_LIMIT]), len(body) <= BODY_LIMIT and not response.length


def read_answer(
    response: http.client.HTTPResponse, prepared: requests.PreparedRequest, jar: RequestsCookieJar
) -> WebAnswer:
    """Read the answer to a request, and take its cookies."""
    jar.extract_cookies(MockResponse(response.msg), MockRequest(prepared))  # type: ignore[arg-type]
    body, complete = _body(response)
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    return WebAnswer(response.status, headers, body, complete, tuple(response.msg.get_all("Set-Cookie", ())))


class WebClient:
    """One web server; each request has its own connection, and no session."""

    connection = "close"
    """What a request says of its connection."""

    def __init__(self, target: Target, service: Service, certificate: ClientCertificate | None = None) -> None:
        self.target = target
        self.service = service
        self._certificate = certificate

    @property
    def base(self) -> str:
        """The URL that paths are appended to, with the bench's address and port."""
        host = self.target.address.split("%")[0]
        host = f"[{host}]" if ":" in host else host
        port = self.target.port(self.service.transport, self.service.port)
        return f"{'https' if self.service.tls else 'http'}://{host}:{port}"

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: bytes | Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: RequestsCookieJar | None = None,
        seconds: float = SECONDS,
    ) -> WebAnswer:
        """Send one request and read its answer. NoAnswerError if it gets no answer. `cookies` are sent and updated."""
        if not path.startswith("/"):
            raise ConfigurationError(f"{path!r} is not a path of a web administration.", "Begin the path with a slash.")
        jar = RequestsCookieJar() if cookies is None else cookies
        own = {"User-Agent": "trustprobe", "Accept": "*/*", "Accept-Encoding": "identity"}
        own["Connection"] = self.connection
        own["Host"] = self.base.partition("//")[2].removesuffix(":443" if self.service.tls else ":80")
        asked = requests.Request(
            method, self.base + path, {**own, **(headers or {})}, data=data, json=json, cookies=jar
        )
        return self._send(asked.prepare(), jar, seconds)

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
            with closing(connection.getresponse()) as response:
                return read_answer(response, prepared, jar)

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
        with closing(connection.getresponse()) as response:
            _, complete = _body(response)
        return int(complete)
