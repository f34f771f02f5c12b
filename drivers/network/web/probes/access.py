"""Who may read and change what over the web administration: asked without a login, and with a lesser role's.

Each request is also sent with an authorised login, as witness that the request is valid. Whether an answer is a
failure is said by the cases; settings and identifiers are in `administration/settings.py`.
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from drivers.guessing.attempt import LoginAttempt
from drivers.login import Login
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.session import WebAsker, WebSession, asks_for_login
from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from drivers.network.web.transport.json_names import lookup, nested
from lab_config.base import Role
from lab_config.component import HttpResource, Setting
from lab_config.http_login import HttpLogin
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of

LEAF_LIMIT = 2_000
"""Values of a JSON document that are compared."""


@dataclass(frozen=True)
class WebRequest:
    """One request of an access probe. Only a harmless request is `repeatable` with an authorised login."""

    method: str
    path: str
    json: object = None
    data: bytes | None = None
    repeatable: bool = True

    @property
    def about(self) -> str:
        """The name of this request in observations: `GET /api/settings`."""
        return f"{self.method} {self.path}"

    def sent_by(self, asker: WebAsker) -> WebAnswer | NoAnswerError:
        """Send it, and return the answer or the reason why there is no answer."""
        try:
            return asker.request(self.method, self.path, json=self.json, data=self.data)
        except NoAnswerError as error:
            return error


def _asks(
    resources: Iterable[HttpResource],
    wanted: Callable[[tuple[Role, ...]], bool],
    setting: Setting | None,
    value: str | None,
) -> list[WebRequest]:
    """List the requests, harmless ones first: reads, the setting written as it is, then empty bodies elsewhere."""
    reads, settings, others = [], [], []
    for resource in resources:
        if wanted(resource.read):
            reads.append(WebRequest("GET", resource.path, repeatable=Role.ADMINISTRATOR in resource.read))
        if not wanted(resource.write):
            continue
        if setting is not None and setting.path == resource.path and value is not None:
            may = Role.ADMINISTRATOR in resource.write
            settings.append(WebRequest(resource.method, resource.path, nested(setting.field, value), repeatable=may))
        elif resource.method == "PUT":
            others.append(WebRequest("PUT", resource.path, {}, repeatable=False))
        else:
            others.append(WebRequest("POST", resource.path, data=b"", repeatable=False))
    return [*reads, *settings, *others]


def _leaves(document: object, name: str = "", depth: int = 0) -> set[tuple[str, str]]:
    """Return the values of a JSON document with their dotted names."""
    if depth > 20:
        return set()
    if isinstance(document, dict):
        parts = list(document.items())[:LEAF_LIMIT]
    elif isinstance(document, list):
        parts = list(enumerate(document[:LEAF_LIMIT]))
    else:
        return {(name, str(document))}
    found: set[tuple[str, str]] = set()
    for key, value in parts:
        found |= _leaves(value, f"{name}.{key}", depth + 1)
        if len(found) > LEAF_LIMIT:
            break
    return found


def shows_the_same(answer: WebAnswer, reference: WebAnswer) -> bool:
    """Whether an answer shows something of what authority is shown.

    Of two JSON documents one value must be the same: many servers refuse with 200 and an error document.
    """
    shown, known = answer.json(), reference.json()
    if not isinstance(known, dict | list) or not known:
        return True
    return isinstance(shown, dict | list) and bool(_leaves(shown) & _leaves(known))


@dataclass(frozen=True)
class _Comparison:
    """Compares the answer to a client without the right with the answer to one who has it."""

    http_login: HttpLogin
    nowhere: WebAnswer | NoAnswerError
    """The answer to a path that does not exist: a page that answers everything shows nothing."""

    def fact(
        self, ask: WebRequest, answer: WebAnswer | NoAnswerError, reference: WebAnswer | NoAnswerError | None
    ) -> Fact:
        """Name the answer: 2xx content is SEEN, a way to the login REFUSED, all else SILENT."""
        if isinstance(answer, NoAnswerError):
            return Fact(about=ask.about, answer=Answer.SILENT, detail=f"no answer: {answer.detail}")
        if asks_for_login(answer, ask.path, self.http_login):
            kind, words = Answer.REFUSED, answer.words
        elif not answer.ok:
            kind, words = Answer.SILENT, f"neither granted nor refused: {answer.words}"
        elif isinstance(reference, WebAnswer) and not shows_the_same(answer, reference):
            kind, words = Answer.SILENT, f"not the content that the authorised login gets: {answer.words}"
        elif isinstance(self.nowhere, WebAnswer) and self.nowhere.ok and answer.body == self.nowhere.body != b"":
            kind, words = Answer.SILENT, f"the same page as on a path that does not exist: {answer.words}"
        else:
            kind, words = Answer.SEEN, answer.words
        return Fact(about=ask.about, answer=kind, detail=words)


def _outcome(answer: WebAnswer | NoAnswerError) -> str:
    return answer.words if isinstance(answer, WebAnswer) else f"no answer: {answer.detail}"


def _authority(
    asks: Iterable[WebRequest], admin: WebSession, record: Recorder
) -> tuple[dict[str, WebAnswer], list[Witness]]:
    """Send the harmless requests with an authorised login. The other answers are compared with these answers."""
    answers: dict[str, WebAnswer] = {}
    witnesses = []
    for ask in asks:
        if not ask.repeatable:
            continue
        answer = ask.sent_by(admin)
        record.note(f"{admin.user}: {ask.about} -> {_outcome(answer)}")
        holds = isinstance(answer, WebAnswer) and answer.ok
        if isinstance(answer, WebAnswer) and holds:
            answers[ask.about] = answer
        words = "was granted" if holds else f"was not granted ({_outcome(answer)})"
        witnesses.append(Witness(what=f"{ask.about} {words} to {admin.user}", holds=holds))
    return answers, witnesses


def _still_valid(session: WebSession, path: str, record: Recorder) -> Witness:
    answer = WebRequest("GET", path).sent_by(session)
    holds = isinstance(answer, WebAnswer) and answer.status == 200
    record.note(f"control: {session.user}: GET {path} -> {_outcome(answer)}")
    words = "is valid at the end" if holds else f"is not valid at the end ({_outcome(answer)})"
    return Witness(what=f"the session of {session.user} {words}", holds=holds)


class _AccessProbe(Protocol):
    """What both access probes hold."""

    @property
    def web(self) -> Administration: ...
    @property
    def resources(self) -> tuple[HttpResource, ...]: ...
    @property
    def setting(self) -> Setting | None: ...


def _setting_value(probe: _AccessProbe, admin: WebSession) -> str | None:
    """Return the setting as it is, so that writing it changes nothing."""
    if probe.setting is None:
        return None
    answer = WebRequest("GET", probe.setting.path).sent_by(admin)
    return lookup(answer.json(), probe.setting.field) if isinstance(answer, WebAnswer) and answer.ok else None


def _compare(
    probe: _AccessProbe, asks: list[WebRequest], asker: WebAsker, who: str, admin: WebSession, record: Recorder
) -> tuple[list[Fact], list[Witness]]:
    """Send every request with an authorised login, then as a client without it."""
    references, witnesses = _authority(asks, admin, record)
    comparison = _Comparison(probe.web.http_login, WebRequest("GET", f"/{secrets.token_hex(8)}").sent_by(asker))
    facts = []
    for number, ask in enumerate(asks, start=1):
        record.progress(number, len(asks), f"{who}: {ask.about}")
        answer = ask.sent_by(asker)
        fact = comparison.fact(ask, answer, references.get(ask.about))
        record.note(f"{who}: {ask.about} -> {fact.answer}: {fact.detail}")
        if isinstance(answer, WebAnswer):
            record.keep(f"{number:02d}-{ask.method}.body", answer.body)
        facts.append(fact)
    return facts, [*witnesses, _still_valid(admin, probe.web.http_login.proof_path, record)]


def _not_asked(asks: list[WebRequest], who: str, attempt: LoginAttempt) -> tuple[list[Fact], Witness]:
    detail = f"not tested: the login of {who} failed ({attempt.answer}: {attempt.detail})"
    facts = [Fact(about=ask.about, answer=Answer.SILENT, detail=detail[:2000]) for ask in asks]
    return facts, Witness(what=detail[:2000], holds=False)


@dataclass(frozen=True)
class AnonymousAccess:
    """Ask for each protected resource without a login. SEEN is its content, or a change that was accepted.

    Witness: the administrator is granted the same requests, those that are harmless, and is still logged in at the end.
    """

    web: Administration
    resources: tuple[HttpResource, ...]
    setting: Setting | None = None

    @property
    def name(self) -> str:
        """One observation."""
        return "http_anonymous"

    def run(self, record: Recorder) -> Observation:
        """Ask with an authorised login, then without a login."""
        admin = self.web.log_in()
        question = "What does the web administration grant to a client without a login?"
        if isinstance(admin, LoginAttempt):
            asks = _asks(self.resources, bool, self.setting, None)
            facts, witness = _not_asked(asks, self.web.user, admin)
            return Observation(question=question, facts=tuple(facts), witness=witness)
        with admin:
            asks = _asks(self.resources, bool, self.setting, _setting_value(self, admin))
            facts, witnesses = _compare(self, asks, self.web.client(), "anonymous", admin, record)
        return Observation(question=question, facts=tuple(facts), witness=all_of(witnesses))


@dataclass(frozen=True)
class RoleAccess:
    """Ask, with the session of a lesser role, for what the declaration does not grant it.

    Witness: the administrator's session, and this role's own, are granted what they may read, also at the end.
    """

    web: Administration
    resources: tuple[HttpResource, ...]
    viewer: Login
    setting: Setting | None = None
    role: Role = Role.VIEWER

    @property
    def name(self) -> str:
        """One observation."""
        return "http_roles"

    def run(self, record: Recorder) -> Observation:
        """Ask with an authorised login, then as the lesser role."""
        question = f"What does the web administration grant to a {self.role} beyond the declaration?"
        admin = self.web.log_in()
        if isinstance(admin, LoginAttempt):
            return self._unasked(question, self.web.user, admin)
        with admin:
            viewer = self.web.as_user(self.viewer).log_in()
            if isinstance(viewer, LoginAttempt):
                return self._unasked(question, self.viewer.user, viewer)
            with viewer:
                asks = _asks(self.resources, self._beyond, self.setting, _setting_value(self, admin))
                facts, witnesses = _compare(self, asks, viewer, self.viewer.user, admin, record)
                own = next((r.path for r in self.resources if self.role in r.read), self.web.http_login.proof_path)
                witnesses.append(_still_valid(viewer, own, record))
        return Observation(question=question, facts=tuple(facts), witness=all_of(witnesses))

    def _beyond(self, roles: tuple[Role, ...]) -> bool:
        return bool(roles) and self.role not in roles

    def _unasked(self, question: str, who: str, attempt: LoginAttempt) -> Observation:
        facts, witness = _not_asked(_asks(self.resources, self._beyond, self.setting, None), who, attempt)
        return Observation(question=question, facts=tuple(facts), witness=witness)
