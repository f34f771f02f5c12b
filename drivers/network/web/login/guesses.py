"""The login form as a door that many guesses go through: kept connections, and no request that would tell nothing new.

`log_in.py` says what a login and a refusal are, by the same code that one attempt runs through.
"""

import hashlib
import http.client
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from socket import IPPROTO_TCP, TCP_NODELAY

import requests
from requests.cookies import RequestsCookieJar

from drivers.guessing.attempt import LoginAttempt, LoginWay
from drivers.network.bounded import TimedSocket, ends_after
from drivers.network.lenient_tls import lenient_context
from drivers.network.target import answer_of
from drivers.network.web.login.door import WebDoor
from drivers.network.web.login.log_in import LoginResult, log_in, outcome_of
from drivers.network.web.login.session import Submitted, WebSession
from drivers.network.web.transport.client import (
    SECONDS,
    Credential,
    NoAnswerError,
    WebAnswer,
    WebClient,
    no_answer,
    read_answer,
)
from lab_config.http_login import HttpLogin
from trustprobe.probe import Answer

PAGE_SECONDS = 1.0
"""How long a page on the way to the form is used before it is fetched again."""
KNOWN_LIMIT, PAGES_LIMIT = 64, 8

_Key = tuple[int, str, tuple[str, ...], bytes]
"""What two answers have to share to be the same: status, where to, the names of cookies, and the body."""


@dataclass
class _Learned:
    """What the attempts so far have shown of one form; only what was proven with every request is in here."""

    refusals: dict[_Key, LoginAttempt] = field(default_factory=dict)
    logins: set[_Key] = field(default_factory=set)
    pages: dict[str, WebAnswer] = field(default_factory=dict)
    """Pages on the way to the form, as they came twice."""
    _until: dict[str, float] = field(default_factory=dict)
    _last: dict[str, _Key] = field(default_factory=dict)

    def refusal(self, answer: WebAnswer) -> LoginAttempt | None:
        """Return how an attempt ended that was answered just so, once a login was seen to be answered otherwise."""
        return self.refusals.get(_key(answer)) if self.logins and answer.complete else None

    def note(self, answer: WebAnswer, outcome: WebSession | LoginAttempt) -> None:
        """Remember how an attempt ended that was looked into with every request."""
        key = _key(answer)
        if isinstance(outcome, WebSession):
            self.pages.clear()
            self.refusals.pop(key, None)
            if len(self.logins) < KNOWN_LIMIT:
                self.logins.add(key)
        elif outcome.answer is not Answer.REFUSED:
            self.pages.clear()
        elif key not in self.logins and len(self.refusals) < KNOWN_LIMIT:
            self.refusals[key] = outcome

    def page(self, path: str) -> WebAnswer | None:
        """Return a page on the way to the form, where it is known to be the same for everybody."""
        return self.pages.get(path) if time.monotonic() < self._until.get(path, 0.0) else None

    def note_page(self, path: str, answer: WebAnswer) -> None:
        """Compare a page with the one before: no cookie and no other octet, so it carries no token of one visit."""
        key, known = _key(answer), self._last.get(path)
        if answer.complete and not answer.set_cookies and key == known:
            self.pages[path], self._until[path] = answer, time.monotonic() + PAGE_SECONDS
        elif known is not None or len(self._last) < PAGES_LIMIT:
            self.pages.pop(path, None)
            self._last[path] = key


def _key(answer: WebAnswer) -> _Key:
    cookies = tuple(sorted({cookie.partition("=")[0] for cookie in answer.set_cookies}))
    return answer.status, answer.headers.get("location", ""), cookies, hashlib.blake2b(answer.body).digest()


@dataclass(frozen=True)
class FormDoor(WebDoor):
    """The login form, for several at once. Implements `drivers.guessing.logins.WideDoor`."""

    seconds: float = SECONDS
    """How long one connect, send or receive may take."""
    learned: _Learned = field(default_factory=_Learned, init=False, repr=False, compare=False)

    @property
    def at_once(self) -> int:
        """How many logins the bench lets be tried at once; a browser is heavy, and tried alone."""
        return 1 if self.http_login.browser else self.target.bench.logins_at_once

    @contextmanager
    def way(self) -> Iterator[LoginWay]:
        """Open a way for attempts one after the other."""
        visitor = _Visitor(self)
        try:
            yield _FormWay(self, visitor)
        finally:
            visitor.hang_up()


@dataclass
class _FormWay:
    """One attempt after the other, as WebDoor.attempt makes each."""

    door: FormDoor
    visitor: "_Visitor"

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Send the form once; a session that comes of it is proven and closed."""
        self.visitor.begin()
        outcome = log_in(self.visitor, self.door.http_login, user, password, self._judged)
        if isinstance(outcome, LoginAttempt):
            return replace(outcome, stale=outcome.answer is Answer.SILENT and self.visitor.lost)
        with outcome:
            words = f"{self.door.http_login.proof_path} answers 200 only with the session"
            return LoginAttempt(Answer.SEEN, words, outcome.picture)

    def _judged(self, session: WebSession, http_login: HttpLogin, sent: Submitted) -> LoginResult:
        """Say what a login has come to, from what the attempts before have shown where that is enough."""
        self.visitor.arrive()
        known = self.door.learned.refusal(sent.answer) if sent.sent and not http_login.browser else None
        if known is not None:
            return known
        outcome = outcome_of(session, http_login, sent)
        self.door.learned.note(sent.answer, outcome)
        return outcome


class _Visitor(WebClient):
    """A client that keeps its connection, and leaves out the pages that the attempts before have shown already."""

    connection = "keep-alive"
    patient = False

    def __init__(self, door: FormDoor) -> None:
        super().__init__(door.target, door.service)
        self._door = door
        self._timed: TimedSocket | None = None
        self._looks = True
        """Whether the form is still looked for. A recipe may ask for something that is good for one login alone."""
        self.lost = False
        """Whether a connection that had served requests before ended without an answer in this attempt."""

    def begin(self) -> None:
        """Begin an attempt."""
        self._looks, self.lost = self._door.http_login.recipe is None, False

    def arrive(self) -> None:
        """Say that the login was sent: what is asked for from now on is no page on the way to the form."""
        self._looks = False

    def hang_up(self) -> None:
        """End the connection, if there is one."""
        if self._timed is not None:
            self._timed.end()
            self._timed = None

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
        """Send one request, but for a page on the way to the form that is known already."""
        opens = self._looks and method == "GET" and not cookies and headers is None and credential is None
        if opens and (page := self._door.learned.page(path)) is not None:
            return page
        self._looks = self._looks and method == "GET"
        seconds = min(seconds, self._door.seconds)
        answer = super().request(
            method,
            path,
            json=json,
            data=data,
            headers=headers,
            cookies=cookies,
            credential=credential,
            seconds=seconds,
        )
        if opens:
            self._door.learned.note_page(path, answer)
        return answer

    def _send(self, prepared: requests.PreparedRequest, jar: RequestsCookieJar, seconds: float) -> WebAnswer:
        if self._timed is not None and (self._timed.closing or not self._timed.is_silent):
            self.hang_up()
        reused = self._timed is not None
        try:
            timed = self._timed = self._timed or self._open(seconds)
            timed.begin(seconds, 4 * seconds)
            answer = self._exchanged(timed, prepared, jar)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.hang_up()
            self.lost = self.lost or reused
            raise no_answer(error) from error
        if not answer.complete:
            self.hang_up()
        return answer

    def _open(self, seconds: float) -> TimedSocket:
        try:
            plain = self.target.connect(self.service.port, seconds)
        except OSError as error:
            raise NoAnswerError(answer_of(error), f"no connection: {error}", connected=False) from error
        try:
            # A request is sent in two pieces, head and body: the second would wait for the first one's delayed ACK.
            plain.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            with ends_after(plain, 4 * seconds):
                return TimedSocket(lenient_context().wrap_socket(plain) if self.service.tls else plain)
        except BaseException:
            plain.close()
            raise

    def _exchanged(self, timed: TimedSocket, prepared: requests.PreparedRequest, jar: RequestsCookieJar) -> WebAnswer:
        connection = http.client.HTTPConnection(self.target.address)
        connection.auto_open = 0
        connection.sock = timed
        with suppress(ConnectionError):  # a server that has read enough answers, and closes while we still send
            connection.request(prepared.method or "GET", prepared.path_url, prepared.body, {**prepared.headers})
        answer, keeps = read_answer(connection, prepared, jar)
        if not keeps:
            timed.close()
        return answer
