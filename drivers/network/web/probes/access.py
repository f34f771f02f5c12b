"""Who may read and change what over the web administration: requests, their comparison, and those of a lesser role.

Each request is also sent with an authorised login, as witness that the request is valid. Requests without a login are
in `anonymous.py`. Whether an answer is a failure is said by the cases.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from drivers.guessing.attempt import LoginAttempt
from drivers.login import Login
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.session import (
    WebAsker,
    WebSession,
    ask_with_token,
    turns_away,
    turns_change_away,
)
from drivers.network.web.probes.denial import alike, denies, names_login
from drivers.network.web.probes.likeness import Likeness, likeness
from drivers.network.web.probes.login_page import Entrance, entrance_of, is_login_page
from drivers.network.web.probes.shown import filled_in, is_page
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from drivers.network.web.transport.csrf import asks_for_token
from drivers.network.web.transport.json_names import is_writable, lookup, nested
from lab_config.base import Role
from lab_config.component import HttpResource, Setting
from lab_config.http_login import HttpLogin
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition

ANSWERED = "a request that is answered"
"""The form of the question what a client is granted, for an exchange that ends with an answer."""

_LOGIN_WORDS = re.compile(rb"log[ -]?in|sign[ -]?in|unauthori[sz]ed|authenticat", re.IGNORECASE)
_NO_METHOD = frozenset({405, 501})
"""The statuses that refuse a method on a path for everybody (RFC 9110, 15.5.6 and 15.6.2)."""


@dataclass(frozen=True)
class WebRequest:
    """One request of an access probe. Only a harmless request is `repeatable` with an authorised login."""

    method: str
    path: str
    json: object = None
    data: bytes | None = None
    repeatable: bool = True

    @property
    def is_read(self) -> bool:
        """Whether it only reads."""
        return self.method == "GET"

    @property
    def about(self) -> str:
        """The name of this request in observations: `GET /api/settings`."""
        return f"{self.method} {self.path}"

    def sent_by(self, asker: WebAsker) -> WebAnswer | NoAnswerError:
        """Send it, and return the answer or the reason why there is no answer."""
        try:
            return ask_with_token(asker, self.method, self.path, json=self.json, data=self.data)
        except NoAnswerError as error:
            return error


def asks_of(
    resources: Iterable[HttpResource],
    wanted: Callable[[tuple[Role, ...]], bool],
    setting: Setting | None,
    value: str | None,
) -> list[WebRequest]:
    """List the requests, harmless ones first: reads, the setting written as it is, then changes without content."""
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


@dataclass(frozen=True)
class Comparison:
    """Compares the answer to a client without the right with the answer to one who has it, if there is one."""

    http_login: HttpLogin
    nowhere: WebAnswer | NoAnswerError
    """The answer to a path that does not exist: a page that answers everything shows nothing."""
    entrance: Entrance | None = None
    """The page that shows the login, which content with a form in it is told from."""
    hidden: set[str] = field(default_factory=set)
    """Paths that this client is told not to exist, and whose content the authorised login gets."""

    def fact(
        self, ask: WebRequest, answer: WebAnswer | NoAnswerError, reference: WebAnswer | NoAnswerError | None
    ) -> Fact:
        """Name the answer: 2xx content is SEEN, a way to the login REFUSED, all else SILENT.

        A change that is neither granted nor refused is a question of its own: no answer to a read proves it.
        """
        if isinstance(answer, NoAnswerError):
            asked = Asked(door=self.http_login.service, shape="a request that is not answered")
            return Fact(about=ask.about, answer=Answer.SILENT, detail=f"no answer: {answer.detail}", asked=asked)
        kind, words = self._answer(ask, answer, reference)
        if ask.is_read and answer.status == 404 and isinstance(reference, WebAnswer):
            self.hidden.add(ask.path)
        is_open = kind is Answer.SILENT and not self._says_enough(ask, answer, reference)
        own = Asked(door=self.http_login.service, shape=ask.about) if is_open else None
        return Fact(about=ask.about, answer=kind, detail=words, asked=own)

    def _says_enough(self, ask: WebRequest, answer: WebAnswer, reference: WebAnswer | NoAnswerError | None) -> bool:
        """Whether an unclear answer shows that the request is not granted, so that the witness of others is its own.

        To a read, what is not the content does. To a change, it does if the same change was granted to the authorised
        login, if the answer names the login, or if the server hides the path from this client.
        """
        if _only_lacks_token(answer, reference):
            return False
        if isinstance(reference, WebAnswer):
            return not answer.ok or likeness(answer, reference) is not Likeness.PART or denies(answer)
        names = answer.status < 500 and names_login(answer)
        return ask.is_read or names or (answer.status == 404 and ask.path in self.hidden)

    def _answer(
        self, ask: WebRequest, answer: WebAnswer, reference: WebAnswer | NoAnswerError | None
    ) -> tuple[Answer, str]:
        if _only_lacks_token(answer, reference):
            return Answer.SILENT, f"refused for want of a CSRF token, which says nothing of a login: {answer.words}"
        turned = turns_away if ask.is_read else turns_change_away
        is_form = ask.path == self.http_login.form
        if turned(answer, ask.path, self.http_login) or (not is_form and self._is_login(ask, answer, reference)):
            return Answer.REFUSED, answer.words
        if not ask.is_read and answer.status in _NO_METHOD:
            return Answer.REFUSED, f"the path accepts no {ask.method}: {answer.words}"
        if not answer.ok:
            return Answer.SILENT, f"neither granted nor refused: {answer.words}"
        if ask.is_read and not answer.body:
            return Answer.SILENT, f"an answer without content: {answer.words}"
        like = likeness(answer, reference) if isinstance(reference, WebAnswer) else Likeness.SAME
        if like is Likeness.OTHER:
            return Answer.SILENT, f"not the content that the authorised login gets: {answer.words}"
        if self._is_nowhere(ask, answer, reference):
            return Answer.SILENT, f"the same page as on a path that does not exist: {answer.words}"
        if self._denies(answer, reference):
            return Answer.SILENT, f"an answer that denies the request: {answer.words}"
        if like is Likeness.PART:
            return Answer.SILENT, f"only names of what the authorised login gets: {answer.words}"
        return Answer.SEEN, answer.words

    def _is_login(self, ask: WebRequest, answer: WebAnswer, reference: WebAnswer | NoAnswerError | None) -> bool:
        return is_login_page(answer, reference, ask.path, self.http_login, self.entrance)

    def _is_nowhere(self, ask: WebRequest, answer: WebAnswer, reference: WebAnswer | NoAnswerError | None) -> bool:
        """Whether the server answers so on a path that does not exist. A change may end as it does with authority."""
        if not (
            isinstance(self.nowhere, WebAnswer) and self.nowhere.ok and answer.body and alike(answer, self.nowhere)
        ):
            return False
        is_as_granted = isinstance(reference, WebAnswer) and answer.body == reference.body
        return ask.is_read or not is_as_granted or is_page(answer)

    def _denies(self, answer: WebAnswer, reference: WebAnswer | NoAnswerError | None) -> bool:
        """Whether an answer denies in its own words, and an authorised one does not use the same words."""
        if not denies(answer) or filled_in(answer):
            return False
        return not (isinstance(reference, WebAnswer) and denies(reference))


def _only_lacks_token(answer: WebAnswer, reference: WebAnswer | NoAnswerError | None) -> bool:
    """Whether an answer asks for a token that was not found, and nobody else was granted the request without one."""
    lacks = not isinstance(reference, WebAnswer) and asks_for_token(answer)
    return lacks and _LOGIN_WORDS.search(answer.body) is None


def keeping_content(asks: Iterable[WebRequest], asker: WebAsker) -> list[WebRequest]:
    """Give each PUT without content what this asker reads there: a PUT replaces all of a resource (RFC 9110, 9.3.4).

    A device that accepts an empty object has lost its configuration. What is no JSON, or hides a part of itself, as an
    empty password or one of asterisks does, stays out: written back, it would change what it hides.
    """
    return [replace(ask, json=_content(ask.path, asker)) if ask.json == {} else ask for ask in asks]


def _content(path: str, asker: WebAsker) -> object:
    """Return what writing it back to a path does not change. Return an empty object if this is not known."""
    answer = WebRequest("GET", path).sent_by(asker)
    content = answer.json() if isinstance(answer, WebAnswer) and answer.ok and answer.complete else None
    if not isinstance(content, dict | list) or not isinstance(answer, WebAnswer) or denies(answer):
        return {}
    return content if is_writable(content) else {}


def _outcome(answer: WebAnswer | NoAnswerError) -> str:
    return answer.words if isinstance(answer, WebAnswer) else f"no answer: {answer.detail}"


@dataclass(frozen=True)
class Grants:
    """What an authorised login was granted: the witness of each request is the same request with the login."""

    answers: dict[str, WebAnswer] = field(default_factory=dict)
    """What was granted, by the name of the request. The other answers are compared with these answers."""
    not_granted: dict[str, str] = field(default_factory=dict)
    """Why a request is no witness, by its name."""
    witnesses: tuple[Witness, ...] = ()

    def left_open(self, asks: Sequence[WebRequest], facts: Iterable[Fact]) -> dict[str, str]:
        """Return the facts whose own request was not granted to the authorised login, and why.

        A change that is not sent with the login rests on the other requests to its path.
        """
        paths = {ask.about: ask.path for ask in asks}
        granted = {paths[about] for about in self.answers}
        by_path = {paths[about]: words for about, words in self.not_granted.items() if paths[about] not in granted}
        own = {ask.about: self.not_granted.get(ask.about) or by_path.get(ask.path) for ask in asks}
        reasons = {fact.about: own.get(fact.about) for fact in facts if fact.answer is not Answer.SEEN}
        return {about: words for about, words in reasons.items() if words and about not in self.answers}


def authority_of(asks: Iterable[WebRequest], admin: WebSession, record: Recorder, asked: Asked) -> Grants:
    """Send the harmless requests with an authorised login."""
    answers, not_granted, witnesses = {}, {}, []
    for ask in asks:
        if not ask.repeatable:
            continue
        answer = ask.sent_by(admin)
        record.note(f"{admin.user}: {ask.about} -> {_outcome(answer)}")
        if isinstance(answer, WebAnswer) and answer.ok:
            answers[ask.about] = answer
            witnesses.append(Witness(what=f"{ask.about} was granted to {admin.user}", holds=True, asked=asked))
        else:
            not_granted[ask.about] = f"{ask.about} was not granted to {admin.user} ({_outcome(answer)})"
    return Grants(answers, not_granted, tuple(witnesses))


def still_valid(session: WebSession, path: str, record: Recorder, asked: Asked) -> Witness:
    """Whether a session still opens a path that proves it."""
    answer = WebRequest("GET", path).sent_by(session)
    holds = isinstance(answer, WebAnswer) and answer.status == 200
    record.note(f"control: {session.user}: GET {path} -> {_outcome(answer)}")
    words = "is valid at the end" if holds else f"is not valid at the end ({_outcome(answer)})"
    return Witness(what=f"the session of {session.user} {words}", holds=holds, asked=asked)


def setting_value(setting: Setting | None, asker: WebAsker) -> str | None:
    """Return the setting as it is, so that writing it changes nothing."""
    if setting is None:
        return None
    answer = WebRequest("GET", setting.path).sent_by(asker)
    return lookup(answer.json(), setting.field) if isinstance(answer, WebAnswer) and answer.ok else None


def comparison_of(http_login: HttpLogin, asker: WebAsker, client: WebClient) -> Comparison:
    """Return what the answers to an asker are compared with; `client` has no session."""
    nowhere = WebRequest("GET", f"/{secrets.token_hex(8)}").sent_by(asker)
    return Comparison(http_login, nowhere, entrance_of(client, http_login))


def ask_all(
    asks: Sequence[WebRequest],
    asker: WebAsker,
    who: str,
    record: Recorder,
    named: Callable[[WebRequest, WebAnswer | NoAnswerError], Fact],
) -> list[Fact]:
    """Send every request as a client without the right, and name the answers."""
    facts = []
    for number, ask in enumerate(asks, start=1):
        record.progress(number, len(asks), f"{who}: {ask.about}")
        answer = ask.sent_by(asker)
        fact = named(ask, answer)
        record.note(f"{who}: {ask.about} -> {fact.answer}: {fact.detail}")
        if isinstance(answer, WebAnswer):
            record.keep(f"{number:02d}-{ask.method}.body", answer.body)
        facts.append(fact)
    return facts


def _not_asked(asks: list[WebRequest], who: str, attempt: LoginAttempt) -> tuple[list[Fact], Witness]:
    detail = f"not tested: the login of {who} failed ({attempt.answer}: {attempt.detail})"
    facts = [Fact(about=ask.about, answer=Answer.SILENT, detail=detail[:2000]) for ask in asks]
    return facts, condition(detail[:2000], holds=False)


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
        admin, asked = self.web.log_in(), self.web.asked(ANSWERED)
        if isinstance(admin, LoginAttempt):
            return self._unasked(question, self.web.user, admin)
        with admin:
            viewer = self.web.as_user(self.viewer).log_in()
            if isinstance(viewer, LoginAttempt):
                return self._unasked(question, self.viewer.user, viewer)
            with viewer:
                asks = asks_of(self.resources, self._beyond, self.setting, setting_value(self.setting, admin))
                asks = keeping_content(asks, admin)
                authority = authority_of(asks, admin, record, asked)
                comparison = comparison_of(self.web.http_login, viewer, self.web.client())
                facts = ask_all(
                    asks,
                    viewer,
                    self.viewer.user,
                    record,
                    lambda ask, answer: comparison.fact(ask, answer, authority.answers.get(ask.about)),
                )
                own = next((r.path for r in self.resources if self.role in r.read), self.web.http_login.proof_path)
                valid = [(admin, self.web.http_login.proof_path), (viewer, own)]
                witnesses = [*authority.witnesses, *(still_valid(one, path, record, asked) for one, path in valid)]
        return Observation(
            question=question,
            facts=tuple(facts),
            witness=all_of(witnesses),
            asked=asked,
            left_open=authority.left_open(asks, facts),
        )

    def _beyond(self, roles: tuple[Role, ...]) -> bool:
        return bool(roles) and self.role not in roles

    def _unasked(self, question: str, who: str, attempt: LoginAttempt) -> Observation:
        facts, witness = _not_asked(asks_of(self.resources, self._beyond, self.setting, None), who, attempt)
        return Observation(question=question, facts=tuple(facts), witness=witness)
