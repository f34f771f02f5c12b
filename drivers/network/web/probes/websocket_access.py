"""Who may listen at a WebSocket of the web administration (RFC 6455): no login, a foreign page, a viewer.

A page of any site can open a WebSocket with its visitor's cookies, so a server that does not look at `Origin` (clause
10.2) hands the session to that site. Whether an answer is a failure is said by the cases.
"""

import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import requests
from requests.cookies import get_cookie_header

from drivers.guessing.attempt import LoginAttempt
from drivers.login import Login
from drivers.network.target import Target
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.session import WebSession
from drivers.network.web.probes.websocket_protocols import Said, WebSocketTalk
from drivers.network.web.transport.client import WebClient
from drivers.network.web.transport.websocket import Listener, NotOpened, refused_as_an_upgrade
from lab_config.base import Role
from lab_config.component import Service
from lab_config.interfaces import WebSocketDeclaration
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition, printable

USUAL_SECONDS = 1.0
"""How long a WebSocket that nobody declared may take to say something."""
_AT_ONCE = 4
_SHOWN = 200
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}


class WebSocketAsker(StrEnum):
    """As whom a WebSocket is asked for."""

    ANONYMOUS = "anonymous"
    FOREIGN_ORIGIN = "foreign_origin"
    VIEWER = "viewer"

    def about(self, path: str) -> str:
        """Return the name of this question in observations: `anonymous /api/events`."""
        return f"{self} {path}"


def own_origin(client: WebClient) -> str:
    """Return the origin of the device's own pages, as a browser writes it (RFC 6454 clause 6.2)."""
    scheme = client.base.partition(":")[0]
    return client.base.removesuffix(_DEFAULT_PORTS[scheme])


def foreign_origins(client: WebClient) -> tuple[str, ...]:
    """Return origins that are not the device's: another site, one whose name begins like the device's, and none."""
    host = client.base.partition("//")[2].strip("[]").replace(":", "-")
    return "https://trustprobe.invalid", f"https://{host}.trustprobe.invalid", "null"


def _cookie(session: WebSession, path: str) -> dict[str, str]:
    request = requests.Request("GET", session.client.base + path).prepare()
    header = get_cookie_header(session.cookies, request)  # type: ignore[no-untyped-call]
    return {"Cookie": header} if header else {}


def _ask_as(session: WebSession, socket: WebSocketDeclaration) -> "_Outcome":
    """Ask with all that the session is known by: its cookies, and a token in a header or in the query."""
    path, fields = session.carried("GET", socket.path)
    fields.pop("Cookie", None)  # a cookie may belong to other paths
    headers = {"Origin": own_origin(session.client), **fields, **_cookie(session, socket.path)}
    return _ask(session.client, socket.model_copy(update={"path": path}), headers)


class _Outcome(NamedTuple):
    """What one request for a WebSocket came to."""

    answer: Answer
    detail: str
    opened: bool = True

    @property
    def doubt(self) -> str:
        """Why a silence proves nothing: a WebSocket that opened and spoke is no witness for one that did not open."""
        return self.detail if self.answer is Answer.SILENT and not self.opened else ""


def _ask(client: WebClient, socket: WebSocketDeclaration, headers: Mapping[str, str]) -> _Outcome:
    """Ask once: SEEN when the server speaks, REFUSED when it opens none or closes with a word, else SILENT."""
    if socket.subprotocol is not None:
        headers = {**headers, "Sec-WebSocket-Protocol": socket.subprotocol}
    listener = Listener.ask(client, socket.path, headers, socket.say)
    if isinstance(listener, NotOpened):
        refusal = refused_as_an_upgrade(client, socket.path, listener)
        return _Outcome(refusal.answer, refusal.detail, opened=False)
    try:
        return _Outcome(*_heard(listener, socket))
    finally:
        listener.close()


def _heard(listener: Listener, socket: WebSocketDeclaration) -> tuple[Answer, str]:
    """Listen until a declared message comes. Without a declared one, the protocol's own messages are not data."""
    talk, judged, end = WebSocketTalk(), 0, time.monotonic() + socket.seconds
    pattern = re.compile(socket.speaks)
    while True:
        messages = listener.messages()
        for message in messages[judged:]:
            said = Said.DATA if socket.speaks else talk.said(message)
            if said is Said.REFUSED:
                return Answer.REFUSED, f"it opened and refuses the connection: {printable(message, _SHOWN)}"
            if said is Said.DATA and pattern.search(message):
                return Answer.SEEN, f"it opened and sends {printable(message, _SHOWN)}"
        judged = len(messages)
        while talk.replies:
            listener.say(talk.replies.pop(0))
        if not listener.await_more(judged, end - time.monotonic()):
            break
    if (goodbye := listener.goodbye) is not None:
        return Answer.REFUSED, goodbye
    others = f", only {printable(messages[0], _SHOWN)}" if messages else ""
    return Answer.SILENT, f"it opened but sends no {'declared message' if socket.speaks else 'data'}{others}"


@dataclass(frozen=True)
class WebSocketAccess:
    """Open each declared WebSocket without a session, with a session from foreign pages, and as a viewer.

    Witness: with the administrator's session (or the viewer's, where only that role may listen) and the device's own
    origin the same WebSocket opens and speaks, before and after. If nobody can log in, only what everybody receives
    counts.
    """

    web: Administration
    sockets: tuple[WebSocketDeclaration, ...]
    viewer: Login | None = None
    """Asked where the declaration does not name that role."""

    @property
    def name(self) -> str:
        """One observation a service."""
        return f"websocket_access.{self.web.service.id}"

    def run(self, record: Recorder) -> Observation:
        """Ask with an authorised login, then without. BenchError if this machine cannot send."""
        session = self.web.log_in()
        if isinstance(session, LoginAttempt):
            return self._unasked(self.web.account, session, record)
        viewer = self.web.as_user(self.viewer).log_in() if self.viewer else None
        if self.viewer is not None and isinstance(viewer, LoginAttempt):
            session.close()
            return self._unasked(self.viewer, viewer, record)
        facts, witnesses, left_open = [], [], dict[str, str]()
        with session:
            for socket in self.sockets:
                witnesses.append(self._witness(session, socket, "before", record))
                lesser = viewer if isinstance(viewer, WebSession) else None
                facts += self._facts(session, lesser, socket, left_open, record)
                witnesses.append(self._witness(session, socket, "after", record))
        if isinstance(viewer, WebSession):
            viewer.close()
        witness = all_of(witnesses)
        return Observation(question=self._question, facts=tuple(facts), left_open=left_open, witness=witness)

    @property
    def _question(self) -> str:
        return (
            f"Which clients receive data over the declared WebSockets of {self.web.service.id} ({len(self.sockets)})?"
        )

    def _question_of(self, socket: WebSocketDeclaration) -> Asked:
        return self.web.asked(f"the WebSocket {socket.path}")

    def _asked(self) -> tuple[WebSocketAsker, ...]:
        return (
            WebSocketAsker.ANONYMOUS,
            WebSocketAsker.FOREIGN_ORIGIN,
            *((WebSocketAsker.VIEWER,) if self.viewer else ()),
        )

    def _facts(
        self,
        session: WebSession,
        viewer: WebSession | None,
        socket: WebSocketDeclaration,
        left_open: dict[str, str],
        record: Recorder,
    ) -> list[Fact]:
        client, own = session.client, {"Origin": own_origin(session.client)}
        answers = {
            WebSocketAsker.ANONYMOUS: _ask(client, socket, own),
            WebSocketAsker.FOREIGN_ORIGIN: self._foreign(session, socket),
        }
        if viewer is not None:
            answers[WebSocketAsker.VIEWER] = _ask_as(viewer, socket)
        facts = [
            Fact(about=asked.about(socket.path), answer=got.answer, detail=got.detail, asked=self._question_of(socket))
            for asked, got in answers.items()
        ]
        left_open |= {asked.about(socket.path): got.doubt for asked, got in answers.items() if got.doubt}
        for fact in facts:
            record.note(f"{fact.about} -> {fact.answer}: {fact.detail}")
        return facts

    def _foreign(self, session: WebSession, socket: WebSocketDeclaration) -> _Outcome:
        """Ask with the session's cookies from pages of other sites; the first that is let in decides."""
        cookie = _cookie(session, socket.path)
        outcomes = []
        for origin in foreign_origins(session.client):
            came = _ask(session.client, socket, {"Origin": origin} | cookie)
            outcomes.append(came._replace(detail=f"from {origin}: {came.detail}"))
            if came.answer is Answer.SEEN:
                return outcomes[-1]
        silent = sorted((one for one in outcomes if one.answer is Answer.SILENT), key=lambda one: one.opened)
        return (silent or outcomes)[0]

    def _witness(self, session: WebSession, socket: WebSocketDeclaration, when: str, record: Recorder) -> Witness:
        answer, detail, _ = _ask_as(session, socket)
        record.note(f"{session.user} {when}: {socket.path} -> {answer}: {detail}")
        word = "sent data" if answer is Answer.SEEN else f"did not send data ({detail})"
        what = f"{socket.path} {word} to {session.user} {when}"
        return Witness(what=what, holds=answer is Answer.SEEN, asked=self._question_of(socket))

    def _unasked(self, login: Login, attempt: LoginAttempt, record: Recorder) -> Observation:
        """Ask without a login only: what everybody receives is seen, whether or not somebody can log in."""
        detail = f"not tested: the login of {login.user} failed ({attempt.answer}: {attempt.detail})"
        client = self.web.client()
        facts = []
        for socket in self.sockets:
            answer, words, _ = _ask(client, socket, {"Origin": own_origin(client)})
            record.note(f"{WebSocketAsker.ANONYMOUS.about(socket.path)} -> {answer}: {words}")
            for asked in self._asked():
                is_open = asked is WebSocketAsker.ANONYMOUS and answer is Answer.SEEN
                found = (answer, words) if is_open else (Answer.SILENT, detail)
                facts.append(Fact(about=asked.about(socket.path), answer=found[0], detail=found[1]))
        return Observation(question=self._question, facts=tuple(facts), witness=condition(detail, holds=False))


@dataclass(frozen=True)
class UsualWebSockets:
    """Ask a web server for WebSockets on their usual paths, but for the declared ones, without a login.

    SEEN is one that speaks, REFUSED when every path was answered by another status than 101. One that opens and says
    nothing leaves the question open.
    """

    target: Target
    service: Service
    paths: tuple[str, ...]

    @property
    def name(self) -> str:
        """One observation a service."""
        return f"websocket_usual.{self.service.id}"

    def run(self, record: Recorder) -> Observation:
        """Ask each path; BenchError when this machine cannot send."""
        client = WebClient(self.target, self.service)
        origin = {"Origin": own_origin(client)}

        def ask(path: str) -> tuple[Answer, str]:
            if client.pace is not None and (why := client.pace.exhausted_at(path)):
                return Answer.SILENT, f"not requested: {why}"
            nobody = (Role.ADMINISTRATOR,)
            socket = WebSocketDeclaration(service=self.service.id, path=path, roles=nobody, seconds=USUAL_SECONDS)
            return _ask(client, socket, origin)[:2]

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = dict(zip(self.paths, pool.map(ask, self.paths), strict=True))
        for path, (answer, detail) in answers.items():
            record.note(f"{path} -> {answer}: {detail}")
        return Observation(
            question=f"Does {self.service.id} have an undeclared WebSocket that is open to anonymous clients?",
            facts=(self._fact(answers),),
        )

    def _fact(self, answers: Mapping[str, tuple[Answer, str]]) -> Fact:
        for answer in (Answer.SEEN, Answer.SILENT):
            found = [f"{path}: {detail}" for path, (kind, detail) in answers.items() if kind is answer]
            if found:
                return Fact(about=self.service.id, answer=answer, detail=printable("; ".join(found)))
        statuses = sorted({detail for _, detail in answers.values()})
        detail = printable(f"{len(answers)} paths: {', '.join(statuses)}")
        return Fact(about=self.service.id, answer=Answer.REFUSED, detail=detail)
