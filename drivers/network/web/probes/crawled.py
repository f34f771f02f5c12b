"""Who is shown what a crawl found and the declaration does not name: somebody without a login, or a lesser role.

An open path is the device's when it holds what a login guards elsewhere, a secret, filled-in fields, or data that is no
part of drawing a page. Stylesheets, scripts, images, the login page and pages without such values are nobody's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from drivers.guessing.attempt import LoginAttempt
from drivers.login import Login
from drivers.network.web.login.form import recognise
from drivers.network.web.login.session import WebAsker, WebSession, turns_away
from drivers.network.web.probes.crawl import LINKED, Crawl, Site, all_asked, get, get_all, nowhere
from drivers.network.web.probes.likeness import shows_the_same
from drivers.network.web.probes.login_page import Entrance, entrance_of, is_login_page
from drivers.network.web.probes.shown import (
    Guarded,
    filled_in,
    is_greeting,
    is_live,
    is_page,
    is_public_document,
    is_static,
    secret_in,
    secrets_of,
    values_of,
)
from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from lab_config.base import Role
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition

AnswersByPath = Mapping[str, WebAnswer | NoAnswerError]


class Crawled(Observation):
    """What the pages lead to. A fact is `GET /path`: SEEN where somebody without the right is shown the device's."""

    requests: int = 0
    """Paths that the crawl asked for."""
    skipped: tuple[str, ...] = ()
    """Paths that were not asked for, since their name or the declaration says that they act."""


@dataclass(frozen=True)
class _View:
    """How one asker sees the site: what is beyond his right, what is offered to him, what shows for any path."""

    site: Site
    guarded: Guarded
    offered: frozenset[str]
    everywhere: bytes | None
    entrance: Entrance | None

    def fact(self, path: str, answer: WebAnswer | NoAnswerError, reference: WebAnswer) -> Fact:
        """Name what an undeclared path shows, compared with what it shows to the administrator."""
        kind, words = self._answer(path, answer, reference)
        unanswered = isinstance(answer, NoAnswerError)
        asked = self.site.web.asked("a request that is not answered") if unanswered else None
        return Fact(about=f"GET {path}", answer=kind, detail=words[:2000], asked=asked)

    def _answer(self, path: str, answer: WebAnswer | NoAnswerError, reference: WebAnswer) -> tuple[Answer, str]:
        if isinstance(answer, NoAnswerError):
            return Answer.SILENT, f"no answer: {answer.detail}"
        if turns_away(answer, path, self.site.web.http_login):
            return Answer.REFUSED, answer.words
        if is_login_page(answer, reference, path, self.site.web.http_login, self.entrance):
            return Answer.REFUSED, "the login page"
        if not answer.ok or not answer.body:
            return Answer.SILENT, f"neither shown nor refused: {answer.words}"
        if answer.body == self.everywhere:
            return Answer.SILENT, "the same page as on a path that does not exist"
        if shown := self._shown(path, answer, reference):
            return Answer.SEEN, f"{shown}: {answer.words}"
        return Answer.SILENT, self._harmless(path, answer)

    def _shown(self, path: str, answer: WebAnswer, reference: WebAnswer) -> str:
        """Say what of the device's an answer shows; empty for nothing."""
        if self.site.rules.is_public(path.partition("?")[0]):
            return secret_in(answer.body, self.guarded.secrets)
        if shown := self.guarded.shown_in(answer):
            return shown
        if path in self.offered or is_public_document(path, answer):
            return ""
        if is_static(answer):
            return "a picture that changes" if is_live(answer) and answer.body != reference.body else ""
        if is_page(answer):
            filled = filled_in(answer)
            return "filled-in fields" if filled and filled == filled_in(reference) else ""
        return "undeclared data" if shows_the_same(answer, reference) and not is_greeting(answer.body) else ""

    def _harmless(self, path: str, answer: WebAnswer) -> str:
        if self.site.rules.is_public(path.partition("?")[0]):
            return "declared as public"
        if path in self.offered:
            return "offered to every client here, and without a protected value"
        what = "a static part of the page" if is_static(answer) else "a page" if is_page(answer) else "a document"
        return f"{what}, without a value of the device"


@dataclass(frozen=True)
class CrawlAnonymous:
    """Crawl as the administrator, then ask without a login for what was found and is not declared.

    Witness: the administrator was answered each of these paths, and is still logged in at the end.
    """

    site: Site

    @property
    def name(self) -> str:
        """One observation."""
        return "http_crawl"

    def run(self, record: Recorder) -> Crawled:
        """Crawl, and ask again."""
        site, home = self.site, self.site.web.http_login.proof_path
        question = "Which paths that the web administration links to open without a login?"
        admin = site.web.log_in()
        if isinstance(admin, LoginAttempt):
            return _unasked(question, home, site.web.user, admin)
        with admin:
            crawl = Crawl(site, admin, record)
            crawl.run()
            answers = get_all(site.web.client(), _undeclared(crawl.answers, site))
            witness = all_of(
                [
                    crawl.witness,
                    all_asked(answers.values()),
                    _valid(admin, home, record, site.web.asked(LINKED)),
                ]
            )
        return Crawled(
            question=question,
            facts=_facts(self._view(crawl, answers), answers, crawl.answers, "anonymous", record),
            witness=witness,
            asked=site.web.asked(LINKED),
            requests=crawl.requests,
            skipped=tuple(sorted(crawl.skipped)),
        )

    def _view(self, crawl: Crawl, answers: AnswersByPath) -> _View:
        """Return how the site looks to a client without a login, who is offered what the login page offers."""
        site = self.site
        entrances = {
            path: get(site.web.client(), path) for path in dict.fromkeys(("/", site.web.http_login.form or "/"))
        }
        shown = [
            (path, answer)
            for path, answer in entrances.items()
            if isinstance(answer, WebAnswer) and recognise(answer.body, path, site.web.http_login) is not None
        ]
        offered = frozenset(lead for path, answer in shown for lead in site.leads(path, answer, offered=True))
        beyond = {path for path in crawl.answers if path.partition("?")[0] in site.declared}
        entrance = entrance_of(site.web.client(), site.web.http_login)
        beyond |= {
            path for path, answer in answers.items() if _is_refusal(path, answer, crawl.answers[path], site, entrance)
        }
        guarded = _guarded(site, {path: crawl.answers[path] for path in beyond}, [answer for _, answer in shown])
        return _View(site, guarded, offered, nowhere(site.web.client()), entrance)


@dataclass(frozen=True)
class CrawlRole:
    """Ask, as a lesser role, for the undeclared paths that a crawl found to be closed without a login.

    What this role's own pages link is offered to it. Witness: the administrator is answered the same paths, and both
    sessions are valid at the end.
    """

    site: Site
    account: Login
    found: tuple[str, ...]
    granted: tuple[str, ...] = ()
    """Declared paths that this role may read."""
    withheld: tuple[str, ...] = ()
    """Declared paths that only the administrator may read."""
    role: Role = Role.VIEWER

    @property
    def name(self) -> str:
        """One observation."""
        return "http_crawl_role"

    def run(self, record: Recorder) -> Crawled:
        """Ask as the administrator, then as the role."""
        site, home = self.site, self.site.web.http_login.proof_path
        question = f"Which paths that the web administration links to open to a {self.role}?"
        admin = site.web.log_in()
        if isinstance(admin, LoginAttempt):
            return _unasked(question, home, site.web.user, admin)
        with admin:
            lesser = site.web.as_user(self.account).log_in()
            if isinstance(lesser, LoginAttempt):
                return _unasked(question, home, self.account.user, lesser)
            with lesser:
                given = get_all(admin, (*self.found, *self.withheld))
                references = _shown(given)
                answers = get_all(lesser, [path for path in self.found if path in references])
                view = self._view(lesser, answers, references)
                every = all_asked([*given.values(), *answers.values()])
                asked = site.web.asked(LINKED)
                valid = (_valid(one, home, record, asked) for one in (admin, lesser))
                witness = all_of([every, *valid])
        facts = _facts(view, answers, references, self.account.user, record)
        return Crawled(question=question, facts=facts, witness=witness, asked=asked, requests=len(references))

    def _view(self, session: WebSession, answers: AnswersByPath, references: Mapping[str, WebAnswer]) -> _View:
        site = self.site
        home = site.web.http_login.proof_path
        own = _shown(get_all(session, (*self.granted, home)))
        offered, pages = {home}, dict(own)
        while pages:  # what the role's own pages link, and what those link in turn
            new = {lead for path, answer in pages.items() for lead in site.leads(path, answer, offered=True)} - offered
            offered |= new
            pages = _shown({path: answers[path] for path in new if path in answers})
        beyond = {path for path in self.withheld if path in references}
        entrance = entrance_of(site.web.client(), site.web.http_login)
        beyond |= {
            path for path, answer in answers.items() if _is_refusal(path, answer, references[path], site, entrance)
        }
        guarded = _guarded(site, {path: references[path] for path in beyond}, own.values())
        return _View(site, guarded, frozenset(offered), nowhere(session), entrance)


def _undeclared(paths: Iterable[str], site: Site) -> list[str]:
    return [path for path in paths if path.partition("?")[0] not in site.declared]


def _shown(answers: AnswersByPath) -> dict[str, WebAnswer]:
    return {path: one for path, one in answers.items() if isinstance(one, WebAnswer) and one.status == 200}


def _is_refusal(
    path: str, answer: WebAnswer | NoAnswerError, reference: WebAnswer, site: Site, entrance: Entrance | None
) -> bool:
    login = site.web.http_login
    if not isinstance(answer, WebAnswer):
        return False
    is_form = path != login.form and is_login_page(answer, reference, path, login, entrance)
    return is_form or turns_away(answer, path, login)


def _guarded(site: Site, beyond: Mapping[str, WebAnswer], allowed: Iterable[WebAnswer]) -> Guarded:
    """Return the values that only these answers show: not what is allowed, and not what the product says to anybody."""
    known = "\n".join((*site.words, *(answer.body.decode("utf-8", "replace") for answer in allowed)))
    values = {
        value: path
        for path, answer in beyond.items()
        if not site.rules.is_public(path.partition("?")[0])
        for value in values_of(answer)
        if value not in known
    }
    values |= {mark: "its label" for mark in site.marks if mark and mark not in known}
    return Guarded(values, secrets_of(site.logins))


def _facts(
    view: _View, answers: AnswersByPath, references: Mapping[str, WebAnswer], who: str, record: Recorder
) -> tuple[Fact, ...]:
    facts = []
    for number, (path, answer) in enumerate(answers.items(), start=1):
        fact = view.fact(path, answer, references[path])
        record.note(f"{who}: {fact.about} -> {fact.answer}: {fact.detail}")
        if fact.answer is Answer.SEEN and isinstance(answer, WebAnswer):
            record.keep(f"{number:03d}.body", answer.body)
        facts.append(fact)
    if not facts:
        home = f"GET {view.site.web.http_login.proof_path}"
        facts.append(Fact(about=home, answer=Answer.SILENT, detail="the administrator's pages led to no other path"))
    return tuple(facts)


def _valid(session: WebAsker, path: str, record: Recorder, asked: Asked) -> Witness:
    """Whether a session still opens what proved it."""
    answer = get(session, path)
    holds = isinstance(answer, WebAnswer) and answer.status == 200
    came = answer.words[:200] if isinstance(answer, WebAnswer) else answer.detail
    who = session.user if isinstance(session, WebSession) else "anonymous"
    record.note(f"control: {who}: GET {path} -> {came}")
    words = "is valid at the end" if holds else f"is not valid at the end ({came})"
    return Witness(what=f"the session of {who} {words}", holds=holds, asked=asked)


def _unasked(question: str, path: str, who: str, attempt: LoginAttempt) -> Crawled:
    detail = f"not tested: the login of {who} failed ({attempt.answer}: {attempt.detail})"[:2000]
    fact = Fact(about=f"GET {path}", answer=Answer.SILENT, detail=detail)
    return Crawled(question=question, facts=(fact,), witness=condition(detail, holds=False))
