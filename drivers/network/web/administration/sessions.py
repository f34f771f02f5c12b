"""Sessions of the web administration: opened by a proven login, looked at, logged out, and given an id beforehand.

`probes/session_life.py` asks how long they last, `probes/cookie_flags.py` how their cookies are guarded.
"""

import secrets
import string
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from http.cookiejar import Cookie, CookieJar
from typing import cast

from drivers.guessing.attempt import LoginAttempt
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.cookies import MOST_COOKIES, CookieClient
from drivers.network.web.login.session import WebAsker, WebSession, asks_for_login
from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from drivers.network.web.transport.html import logout_of
from lab_config.http_login import HttpLogin
from lab_config.sessions import LogoutDeclaration
from trustprobe.probe import (
    DETAIL_LIMIT,
    Answer,
    Asked,
    Fact,
    Observation,
    Recorder,
    Witness,
    all_of,
    condition,
    printable,
)

SESSION = "the page that only a login opens"
_NO_ANSWER = "no answer: "
"""The form of the question whether a session is valid."""


@dataclass
class Entered:
    """A login that was proven, with the client that remembers how its cookies were set. Use it in a `with` block."""

    client: CookieClient
    session: WebSession
    http_login: HttpLogin

    def __enter__(self) -> "Entered":
        """Log out at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Log out."""
        self.session.close()

    @property
    def cookies(self) -> list[Cookie]:
        """The cookies of the session as it is now."""
        return list(cast(CookieJar, self.session.cookies))[:MOST_COOKIES]

    def carriers(self) -> list[Cookie]:
        """Return the cookies that the session requires, found by leaving out one after the other.

        There are none where all cookies together do not open the page: something else carries the session.
        """
        if not self.cookies or self.opens(self.cookies)[0] is not Answer.SEEN:
            return []
        if len(self.cookies) == 1:
            return self.cookies  # the proof of the login was turned away without any
        found = []
        for left_out in self.cookies:
            others = [cookie for cookie in self.cookies if cookie is not left_out]
            if self.opens(others)[0] is not Answer.SEEN:
                found.append(left_out)
        return found

    def opens(self, cookies: Iterable[Cookie]) -> tuple[Answer, str]:
        """Say whether these cookies alone open the page that only a login shows."""
        return look(self.client, self.http_login, {"Cookie": header_of(cookies)})


def enter(web: Administration, record: Recorder, brought: Iterable[Cookie] = ()) -> Entered | LoginAttempt:
    """Log in with a client of its own, which may bring cookies; the proof is that of `log_in`."""
    client = CookieClient(web.target, web.service, brought)
    outcome = client.log_in(web.http_login, web.account.user, web.account.password)
    if isinstance(outcome, LoginAttempt):
        record.note(f"the login of {web.user} -> {outcome.answer}: {outcome.detail}")
        return outcome
    return Entered(client, outcome, web.http_login)


def header_of(cookies: Iterable[Cookie]) -> str:
    """Return the Cookie header that a browser sends for these."""
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies)


def look(asker: WebAsker, http_login: HttpLogin, headers: Mapping[str, str] | None = None) -> tuple[Answer, str]:
    """Request the page that only a login shows: SEEN with a login, REFUSED if the device turns the client away.

    An answer that is identical to the answer without a session is a refusal as well.
    """
    path = http_login.proof_path
    try:
        answer = asker.request("GET", path, headers=headers)
        if asks_for_login(answer, path, http_login):
            return Answer.REFUSED, f"{path} answers {answer.status}"
        if answer.status == 200:
            return Answer.SEEN, f"{path} answers 200"
        client = asker.client if isinstance(asker, WebSession) else asker
        stranger = client.request("GET", path)
    except NoAnswerError as error:
        return Answer.SILENT, f"{_NO_ANSWER}{error.detail}"
    same = (answer.status, answer.target(path)) == (stranger.status, stranger.target(path)) and not answer.ok
    words = f"{path} answers {answer.status}"
    return (Answer.REFUSED, f"{words}, the same as without a session") if same else (Answer.SILENT, words)


def fact(about: str, answer: Answer, words: str) -> Fact:
    """Return a fact whose words may be the device's."""
    return Fact(about=about, answer=answer, detail=printable(words)[:DETAIL_LIMIT])


def looked(about: str, answer: Answer, words: str) -> Fact:
    """Return the fact of a `look`. A session that was answered is no witness for a request without an answer."""
    found = fact(about, answer, words)
    if answer is not Answer.SILENT or _NO_ANSWER not in words:
        return found
    return found.model_copy(update={"asked": Asked(door="the session", shape="a request that is not answered")})


def kept_copy(session: WebSession) -> WebSession:
    """Return the session as somebody has it who copied what carries it: it is not logged out with the original.

    Nor does it end with the cookies' own time: a browser would drop them, and that ends nothing on the device.
    """
    cookies, headers, query = session.cookies.copy(), dict(session.headers), dict(session.query)
    kept = replace(session, cookies=cookies, headers=headers, query=query)
    for cookie in cast(CookieJar, kept.cookies):
        cookie.expires = None
    return kept


def valid(what: str, answer: Answer, words: str, asked: Asked) -> Witness:
    """Return the witness that a session was valid when it was looked at."""
    holds = answer is Answer.SEEN
    words = "was valid" if holds else f"was not valid ({printable(words, 300)})"
    return Witness(what=f"{what} {words}", holds=holds, asked=asked)


def _gets_in(web: Administration, record: Recorder, when: str) -> Witness:
    """Log in once more: the device still lets this account in."""
    entered = enter(web, record)
    if isinstance(entered, LoginAttempt):
        return condition(f"{web.user} could not log in {when} ({printable(entered.detail, 300)})", holds=False)
    with entered:
        return Witness(what=f"{web.user} logged in {when}", holds=True, asked=web.asked(SESSION))


@dataclass(frozen=True)
class LogOut:
    """Log out, and use the session as before. Fact `session`: SEEN where it still opens the page of the login.

    Witness: it did so right before, a way to log out was found and answered, and a fresh login gets in afterwards.
    """

    web: Administration
    logout: LogoutDeclaration | None = None
    """The declared request; without one, the form or link of the page that proved the login."""

    @property
    def name(self) -> str:
        """One observation."""
        return "session_logout"

    def run(self, record: Recorder) -> Observation:
        """Log in, keep the cookies, log out, and show them again."""
        question = "Does a logout end the session?"
        entered = enter(self.web, record)
        if isinstance(entered, LoginAttempt):
            words = f"not tested: the login of {self.web.user} failed: {printable(entered.detail, 300)}"
            witness = condition(words, holds=False)
            return Observation(question=question, facts=(fact("session", Answer.SILENT, words),), witness=witness)
        asked = self.web.asked(SESSION)
        witnesses = [valid("the session", *look(entered.session, self.web.http_login), asked)]
        kept = kept_copy(entered.session)  # after the look: there are devices whose ids change with each request
        took_place = self._log_out(entered, record)
        answer, words = look(kept, self.web.http_login)
        record.note(f"the session after the logout -> {answer}: {words}")
        witnesses.append(_gets_in(self.web, record, "afterwards"))
        facts = (looked("session", answer, words),)
        witness = all_of([*witnesses, took_place])
        return Observation(question=question, facts=facts, witness=witness, premise=took_place, asked=asked)

    def _log_out(self, entered: Entered, record: Recorder) -> Witness:
        """Log out, and say whether that took place: what follows says nothing of a logout without it."""
        session = entered.session
        if self.logout is None:
            return self._log_out_by_page(session, record)
        about = f"{self.logout.method} {self.logout.path}"
        try:
            answer = session.request(self.logout.method, self.logout.path, data=b"")
        except NoAnswerError as error:
            return condition(f"{about} got no answer: {printable(error.detail, 300)}", holds=False)
        record.note(f"{about} -> {answer.words}")
        return condition(f"{about} answered {answer.status}", holds=_leaves(answer))

    def _log_out_by_page(self, session: WebSession, record: Recorder) -> Witness:
        found = session.home is not None and logout_of(session.home[1].body) is not None
        has_own = session.leave is not None
        session.close()
        words = f"{self.web.http_login.proof_path} shows {'a' if found else 'no'} way to log out"
        if has_own:
            words, found = "the declared login has a logout of its own", True
        elif not found:
            words = f"{words}, and none is declared: add `logout: {{path: ...}}` to `sessions`"
        else:
            answer = session.goodbye
            words = f"{words}, which {'got no answer' if answer is None else f'answered {answer.status}'}"
            found = answer is not None and _leaves(answer)
        record.note(words)
        return condition(words, holds=found)


def _leaves(answer: WebAnswer) -> bool:
    """Whether a logout may have taken place: some servers then say 401, so that a browser forgets the password."""
    return answer.status < 400 or answer.status == 401


class Fixation(Observation):
    """Whether an id of before a login is the session after it; facts `given`, `made_up`, `ended`, and the cookies."""

    cookies: tuple[str, ...]
    """The names of the cookies that carry a session; none where something else does."""


@dataclass(frozen=True)
class FixSession:
    """Log in while an id is there already, and ask whether that id opens the page of the login afterwards.

    `given` is an id that the device sets on the way to the login form, `made_up` one of the same shape that nobody
    knows, `ended` one of a session that was logged out. Witness: each of these logins got in.
    """

    web: Administration

    @property
    def name(self) -> str:
        """One observation."""
        return "session_fixation"

    def run(self, record: Recorder) -> Fixation:
        """Log in three times: with nothing, with a made-up id, with an ended one."""
        question = "Does a session id from before the login carry the session after it?"
        entered = enter(self.web, record)
        if isinstance(entered, LoginAttempt):
            words = f"not tested: the login of {self.web.user} failed: {printable(entered.detail, 300)}"
            silent = tuple(fact(about, Answer.SILENT, words) for about in ("given", "made_up", "ended"))
            witness = condition(words, holds=False)
            return Fixation(question=question, facts=silent, witness=witness, cookies=())
        with entered:
            carriers = entered.carriers()
            facts = [self._given(entered, carriers)]
        if not carriers:
            return Fixation(question=question, facts=tuple(facts), cookies=())
        asked = self.web.asked(SESSION)
        witnesses = [Witness(what=f"{self.web.user} logged in without an id", holds=True, asked=asked)]
        made_up = [_with_value(cookie, alike(cookie.value or "")) for cookie in carriers]
        for about, brought in (("made_up", made_up), ("ended", carriers)):
            found, witness = self._brought(about, brought, record)
            facts.append(found)
            witnesses.append(witness)
        for one in facts:
            record.note(f"{one.about} -> {one.answer}: {one.detail}")
        names = tuple(printable(cookie.name, 100) for cookie in carriers)
        witness = all_of(witnesses)
        return Fixation(question=question, facts=tuple(facts), witness=witness, asked=asked, cookies=names)

    def _given(self, entered: Entered, carriers: list[Cookie]) -> Fact:
        """Ask with what the login form had set."""
        first = entered.client.first
        if not carriers or not all(cookie.name in first for cookie in carriers):
            return fact("given", Answer.REFUSED, "the device sets no id before the login")
        answer, words = entered.opens([_with_value(cookie, first[cookie.name]) for cookie in carriers])
        return looked("given", answer, f"the id that was set before the login: {words}")

    def _brought(self, about: str, cookies: list[Cookie], record: Recorder) -> tuple[Fact, Witness]:
        """Log in with these cookies, which open nothing yet, and ask with them alone afterwards."""
        words, web = about.replace("_", "-"), self.web
        client = CookieClient(web.target, web.service)
        if look(client, web.http_login, {"Cookie": header_of(cookies)})[0] is Answer.SEEN:
            if about == "made_up":
                detail = "a made-up id opens the page without a login"
                return fact(about, Answer.SEEN, detail), condition(detail, holds=True)
            detail = f"the {words} id opens the page before any login, so the page proves nothing about this login"
            return fact(about, Answer.SILENT, detail), condition(f"not tested with the {words} id", holds=True)
        entered = enter(self.web, record, cookies)
        if isinstance(entered, LoginAttempt):
            detail = f"the login with the {words} id did not succeed: {printable(entered.detail, 300)}"
            return fact(about, Answer.SILENT, detail), condition(detail, holds=False)
        with entered:
            answer, seen = entered.opens(cookies)
        return (
            looked(about, answer, f"the {words} id after the login: {seen}"),
            condition(f"{self.web.user} logged in with the {words} id", holds=True),
        )


def alike(value: str) -> str:
    """Make up a value of the same shape: each letter and digit becomes another of its kind, the rest stays."""
    lowered = value.lower()
    if value and set(lowered) <= set(string.hexdigits.lower()) and value in {lowered, value.upper()}:
        made = secrets.token_hex(len(value))[: len(value)]
        return made if value == lowered else made.upper()
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
    return "".join(next((secrets.choice(kind) for kind in kinds if c in kind), c) for c in value)


def _with_value(cookie: Cookie, value: str) -> Cookie:
    changed = copy(cookie)
    changed.value = value
    return changed
