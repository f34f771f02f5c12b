import hashlib
import re
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import pytest
import requests.auth

from drivers.guessing.attempt import LoginAttempt, Pair
from drivers.guessing.logins import GuessLogins
from drivers.network.web.login import basic_digest as http_door
from drivers.network.web.login.basic_digest import HttpDoor
from lab_config.component import Service, Transport
from tests.drivers.network.logins.login_servers import Handler, threaded
from tests.drivers.network.loopback_servers import closed_port, tcp_server
from tests.drivers.network.tcp_servers import LOOPBACK, endless
from tests.drivers.network.web.probes.test_logins_shown import only_websockets
from tests.drivers.recorder import MemoryRecorder
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer

BASIC = 'Basic realm="cam", charset="UTF-8"'
DIGEST = 'Digest realm="cam", nonce="n", qop="auth"'


@dataclass(frozen=True)
class Web:
    """One path behind HTTP authentication; `right` are the values of Authorization's first word and user to let in."""

    challenge: str = BASIC
    right: str = requests.auth._basic_auth_str("admin", "right")
    anonymous: int = 401
    denied: int = 401
    body: bytes = b"the model"
    own: tuple[str, ...] = ()
    """The paths that exist, if not all of them do."""

    keeps: bool = False
    extra: str = ""
    delay: Callable[[], None] = lambda: None
    """Called with each credential, before its answer."""

    def __call__(self, connection: socket.socket) -> None:
        self._answer(connection)
        while self.keeps:
            self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (piece := connection.recv(4096)):
                raise ConnectionError
            head += piece
        given = next((line[15:] for line in head.decode().split("\r\n") if line.startswith("Authorization: ")), None)
        if given is not None:
            self.delay()
        missing = self.own and head.decode().split(" ")[1] not in self.own
        status = 404 if missing else self.anonymous if given is None else 200 if given == self.right else self.denied
        body = self.body if status == 200 else b"no"
        extra = self.extra + (f"WWW-Authenticate: {self.challenge}\r\n" if status == 401 else "")
        connection.sendall(f"HTTP/1.1 {status} x\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def attempt(handler: Handler, password: str = "right", proof: str | None = None, *, tls: bool = False) -> LoginAttempt:
    with threaded(handler, tls=tls) as port:
        return door(port, proof, tls=tls).attempt("admin", password)


def door(port: int, proof: str | None = None, *, tls: bool = False) -> HttpDoor:
    service = Service(id="web", transport=Transport.TCP, port=port, protocol="http", tls=tls, purpose="test")
    return HttpDoor(LOOPBACK, service, "/info", "api", proof)


@pytest.mark.parametrize("tls", [False, True])
def test_content_that_is_not_given_without_the_credential_is_a_login(tls: bool) -> None:
    found = attempt(Web(), tls=tls)
    assert found == LoginAttempt(Answer.SEEN, "/info answers 200 to Basic, and 401 without it")


def test_a_wrong_password_is_refused_by_401() -> None:
    assert attempt(Web(), "wrong") == LoginAttempt(Answer.REFUSED, "401 to Basic")
    assert attempt(Web(DIGEST, "none"), "wrong") == LoginAttempt(Answer.REFUSED, "401 to Digest MD5")


@pytest.mark.parametrize("denied", [403, 404, 429, 503, 302])
def test_another_status_says_nothing_of_the_password(denied: int) -> None:
    assert attempt(Web(denied=denied), "wrong").answer is Answer.SILENT


def test_status_200_is_no_login_without_what_is_declared_to_prove_it() -> None:
    assert attempt(Web(denied=200, body=b"wrong password"), "wrong", "the model").answer is Answer.SILENT
    assert attempt(Web(), proof="the model").answer is Answer.SEEN
    with pytest.raises(ConfigurationError, match="proof"):
        attempt(Web(), proof="(")


def test_a_page_with_the_words_of_the_refusal_is_no_login() -> None:
    assert attempt(Web(denied=200, body=b"no"), "wrong").answer is Answer.SILENT


def test_a_path_that_asks_for_nothing_takes_every_password() -> None:
    found = attempt(Web(anonymous=200, own=("/info",)), "wrong")
    assert found.answer is Answer.SEEN
    assert found.without_login


def test_a_page_that_every_path_gives_does_not_show_that_no_login_is_required() -> None:
    found = attempt(Web(anonymous=200), "wrong")
    assert found.answer is Answer.SILENT
    assert "so does a path that does not exist" in found.detail


def test_a_declared_text_shows_whether_an_open_path_is_more_than_an_error() -> None:
    assert attempt(Web(anonymous=200), proof="the model").without_login
    assert attempt(Web(anonymous=200, body=b"Bad Request"), proof="the model").answer is Answer.SILENT


@pytest.mark.parametrize("challenge", ["Negotiate", "NTLM", 'Digest realm="x", nonce="n", algorithm=GOST'])
def test_a_challenge_that_is_not_parsed_is_no_refusal(challenge: str) -> None:
    found = attempt(Web(challenge))
    assert found.answer is Answer.SILENT and "not parsed" in found.detail
    with threaded(Web(challenge)) as port:
        assert door(port).knock().answer is Answer.SILENT


@pytest.mark.parametrize("challenge", ["Bearer", 'Bearer realm="api"', "DPoP algs=ES256"])
def test_an_interface_without_a_password_method_says_so_itself(challenge: str) -> None:
    found = attempt(Web(challenge))
    assert found.answer is Answer.REFUSED
    assert found.detail.startswith("the device offers no password method")
    with threaded(Web(challenge)) as port:
        assert door(port).knock().answer is Answer.REFUSED


def test_a_nonce_that_is_always_too_old_ends_the_attempt() -> None:
    assert attempt(Web(DIGEST + ", stale=true", "none")).answer is Answer.SILENT


def test_each_refusal_brings_the_nonce_of_the_next_attempt() -> None:
    asked: list[bytes] = []

    def counting(connection: socket.socket) -> None:
        asked.append(b"x")
        Web(DIGEST, "none")(connection)

    with threaded(counting) as port:
        with door(port).way() as way:
            for _ in range(3):
                assert way.attempt("admin", "wrong").answer is Answer.REFUSED
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("server", "connections"),
    [
        (Web(keeps=True), 1),
        (Web(keeps=True, extra="Transfer-Encoding: identity\r\n"), 8),
        (Web(extra="Connection: close\r\n"), 7),
        (Web(), 8),
    ],
)
def test_a_way_asks_over_one_connection_where_the_server_keeps_it(server: Web, connections: int) -> None:
    opened: list[int] = []

    def counting(connection: socket.socket) -> None:
        opened.append(1)
        server(connection)

    with threaded(counting) as port:
        with door(port).way() as way:
            found = [way.attempt("admin", password).answer for password in ("no", "right", "wrong")]
    assert found == [Answer.REFUSED, Answer.SEEN, Answer.REFUSED]
    assert len(opened) <= connections


@dataclass
class Strict:
    """Digest of one account, with one nonce for all who ask, and each count taken once: as libmicrohttpd has it."""

    body: bytes = b"the model"
    chunked: bool = False
    limits: int = 0
    """Requests with a credential that are answered 429, and are not forgotten."""
    nonce: str = field(default_factory=lambda: secrets.token_hex(8))
    used: set[str] = field(default_factory=set)
    delay: Callable[[], None] = lambda: None

    def __call__(self, connection: socket.socket) -> None:
        while True:
            head = b""
            while b"\r\n\r\n" not in head:
                if not (piece := connection.recv(4096)):
                    raise ConnectionError
                head += piece
            connection.sendall(self._answer(head.decode()))

    def _answer(self, head: str) -> bytes:
        given = dict(re.findall(r'(\w+)="?([^",\r]+)', head.partition("Authorization: ")[2]))
        if given:
            self.delay()
        if given and self.limits:
            self.limits -= 1
            self.used.add(given["nc"])
            return b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
        if not given or given["nc"] in self.used or not self._proves(given):
            self.used |= {given["nc"]} if given else set()
            challenge = f'WWW-Authenticate: Digest realm="cam", nonce="{self.nonce}", qop="auth"\r\n'
            return f"HTTP/1.1 401 x\r\n{challenge}Content-Length: 2\r\n\r\nno".encode()
        self.used.add(given["nc"])
        if self.chunked:
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(self.body), self.body)
            return b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n" + body
        return b"HTTP/1.1 200 x\r\nContent-Length: %d\r\n\r\n%b" % (len(self.body), self.body)

    def _proves(self, given: dict[str, str]) -> bool:
        def digest(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        secret, request = digest("admin:cam:right"), digest("GET:/info")
        return given["response"] == digest(
            f"{secret}:{self.nonce}:{given['nc']}:{given['cnonce']}:{given['qop']}:{request}"
        )


@pytest.mark.parametrize(
    "server", [Strict(), Strict(b"x" * 300_000), Strict(chunked=True)], ids=["small", "big", "chunks"]
)
@pytest.mark.parametrize("kept", [True, False])
def test_a_right_password_is_never_sent_as_a_replay(server: Strict, kept: bool) -> None:
    with threaded(server) as port:
        opened = door(port)
        with opened.way() if kept else nullcontext(opened) as way:
            found = [way.attempt("admin", password).answer for password in ("no", "right", "wrong", "right", "right")]
    assert found == [Answer.REFUSED, Answer.SEEN, Answer.REFUSED, Answer.SEEN, Answer.SEEN]


@pytest.mark.parametrize("kept", [True, False])
def test_a_credential_that_the_server_limits_is_answered_anew(kept: bool) -> None:
    with threaded(Strict(limits=1)) as port:
        opened = replace(door(port), patient=True)
        with opened.way() if kept else nullcontext(opened) as way:
            assert way.attempt("admin", "right").answer is Answer.SEEN


@dataclass
class Together:
    """Lets a credential wait until another one waits too, once the first ones were answered."""

    quick: int = 8
    waiting: int = 0
    met: threading.Event = field(default_factory=threading.Event)
    alone: bool = False
    """Whether one waited in vain. A client gives up after 10 s, and what it sends again would not be another one."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> None:
        with self._lock:
            self.quick -= 1
            if self.quick >= 0:
                return
            self.waiting += 1
            if self.waiting > 1:
                self.met.set()
        if not self.met.wait(8):
            self.alone = True
            raise ConnectionError
        with self._lock:
            self.waiting -= 1


@pytest.mark.parametrize(
    "server",
    [Web(keeps=True, delay=Together()), Strict(delay=Together())],
    ids=["Basic", "Digest of one nonce for all"],
)
def test_guesses_go_to_several_connections_at_once_and_find_the_password_among_them(server: Web | Strict) -> None:
    with threaded(server) as port:
        opened = door(port)
        pairs = (*(Pair("admin", f"wrong {number}", "list") for number in range(40)), Pair("admin", "right", "list"))
        found = GuessLogins(opened, pairs, "admin", "right").run(MemoryRecorder())
    assert isinstance(server.delay, Together) and not server.delay.alone
    assert opened.at_once == LOOPBACK.bench.logins_at_once
    assert found.seen == {"admin:right"}
    assert len(found.refused) == 40
    assert found.conclusive


def test_a_way_bounds_what_it_reads() -> None:
    with threaded(endless) as port:
        with door(port).way() as way:
            assert way.attempt("admin", "right").answer is Answer.SILENT


def test_a_silent_server_and_a_closed_port_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.network.web.transport.client.SECONDS", 0.3)
    assert attempt(lambda connection: None).answer is Answer.SILENT
    refused = door(closed_port()).attempt("admin", "right")
    assert (refused.answer, refused.unanswered) == (Answer.REFUSED, True)
    assert not door(closed_port()).knock().connected


def test_a_server_that_takes_any_password_is_known_by_the_nonsense_control() -> None:
    class Anything:
        def __call__(self, connection: socket.socket) -> None:
            Web(denied=200)(connection)

    with threaded(Anything()) as port:
        probe = GuessLogins(door(port), (Pair("admin", "admin", "general"),), "admin", "right")
        found = probe.run(MemoryRecorder())
    assert found.accepts_anything
    assert found.seen == {"admin:admin"}


def test_the_number_of_tries_with_a_stale_nonce_is_bounded() -> None:
    assert http_door._STALE == 2


@pytest.mark.parametrize("subprotocol", [None, "mqtt"])
def test_a_server_that_opens_websockets_only_has_no_login(subprotocol: str | None) -> None:
    with tcp_server(only_websockets(subprotocol)) as port:
        knock = HttpDoor(LOOPBACK, service(port), "/", "tcp-9001").knock()
    assert knock.answer is Answer.REFUSED and knock.everywhere


def test_a_server_that_closes_without_an_answer_and_opens_no_websocket_is_silent() -> None:
    with tcp_server(only_websockets(None, accepts=False)) as port:
        knock = HttpDoor(LOOPBACK, service(port), "/", "tcp-9001").knock()
    assert knock.answer is Answer.SILENT


def service(port: int) -> Service:
    return Service(id="web", transport=Transport.TCP, port=port, protocol="http", purpose="test")
