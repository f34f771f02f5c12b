"""What a web server grants to a client without a login, whether or not somebody can log in.

An administrator's session shows that a request is valid, and what an authorised client gets for it. It is the witness
of silence and refusals, and the reference of the comparison. What an anonymous client is shown needs neither.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from drivers.guessing.attempt import LoginAttempt
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.api_session import ApiAccount
from drivers.network.web.login.door import WebDoor
from drivers.network.web.login.log_in import proves
from drivers.network.web.login.session import WebSession
from drivers.network.web.probes.access import (
    ANSWERED,
    Comparison,
    Grants,
    WebRequest,
    ask_all,
    asks_of,
    authority_of,
    comparison_of,
    keeping_content,
    setting_value,
    still_valid,
)
from drivers.network.web.probes.denial import alike
from drivers.network.web.probes.shown import is_page
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from drivers.network.web.transport.json_names import is_writable
from drivers.network.web.transport.server import WebServer
from lab_config.component import HttpResource, Setting
from trustprobe.probe import Answer, Fact, Observation, Recorder, all_of, condition


@dataclass(frozen=True)
class AnonymousAccess:
    """Ask for each protected resource without a login. SEEN is its content, or a change that was accepted.

    The page that proves a login is requested as well. A resource that is declared for no role is public, but its
    content is written back as it is: SEEN if that is accepted. So is content that turns out to be open to everybody.
    Witness of each request: the administrator is granted the same one, if it is harmless, and is logged in at the end.
    If nobody can log in (`no_authority` says why), only what is seen counts.
    """

    door: WebDoor
    resources: tuple[HttpResource, ...]
    setting: Setting | None = None
    authority: Administration | ApiAccount | None = None
    no_authority: str = ""
    """Why no authorised request can be sent. Empty if the product has no login at all."""
    proof: str = ""
    """The path that opens only with a session. Empty if none is declared."""
    name: str = "http_anonymous"

    def run(self, record: Recorder) -> Observation:
        """Ask with an authorised login if there is one, then without a login."""
        client, asked = self.door.client(), WebServer(self.door.target, self.door.service).asked(ANSWERED)
        with self._logged_in() as (admin, problem):
            record.note(f"authorised login: {admin.user if admin else problem or 'the product has none'}")
            value = setting_value(self.setting, admin or client)
            asks = keeping_content(asks_of(self.resources, bool, self.setting, value), admin or client)
            authority = authority_of(asks, admin, record, asked) if admin else Grants()
            witnesses, references = [*authority.witnesses], authority.answers
            comparison = comparison_of(self.door.http_login, client, client)
            facts = ask_all(
                asks, client, "anonymous", record, lambda ask, got: comparison.fact(ask, got, references.get(ask.about))
            )
            facts = self._with_content(facts, client, comparison, record)
            if self.proof and f"GET {self.proof}" not in {fact.about for fact in facts}:
                facts.append(self._proof_page(client, comparison, record))
            facts += self._public(client, comparison, record)
            if admin:
                witnesses.append(still_valid(admin, self._proof_path, record, asked))
            elif problem:
                witnesses.append(condition(problem, holds=False))
        question = "What does the web server grant to a client without a login?"
        witness = all_of(witnesses) if witnesses else None
        return Observation(
            question=question,
            facts=tuple(facts),
            witness=witness,
            asked=asked,
            left_open=authority.left_open(asks, facts),
        )

    @property
    def _proof_path(self) -> str:
        return self.authority.api.path if isinstance(self.authority, ApiAccount) else self.door.http_login.proof_path

    @contextmanager
    def _logged_in(self) -> Iterator[tuple[WebSession | None, str]]:
        """Log in. Give the session, or None and the reason why there is none."""
        if self.authority is None:
            yield None, self.no_authority
            return
        session = self.authority.log_in()
        if isinstance(session, LoginAttempt):
            yield None, f"the login of {self.authority.user} failed ({session.answer}: {session.detail})"[:2000]
            return
        with session:
            yield session, ""

    def _proof_page(self, client: WebClient, comparison: Comparison, record: Recorder) -> Fact:
        """Request the page that proves a login, without one."""

        def named(ask: WebRequest, answer: WebAnswer | NoAnswerError) -> Fact:
            fact = comparison.fact(ask, answer, None)
            if fact.answer is not Answer.SEEN or not isinstance(answer, WebAnswer):
                return fact
            if not proves(answer, self.door.http_login):
                words = f"without the text that only a login shows: {answer.words}"
            elif is_page(answer) and {"etag", "last-modified"} & answer.headers.keys():
                words = f"a file of the server, which is the same for every client: {answer.words}"
            else:
                return fact
            return fact.model_copy(update={"answer": Answer.SILENT, "detail": words})

        return ask_all([WebRequest("GET", self.proof)], client, "anonymous", record, named)[0]

    def _with_content(
        self, facts: list[Fact], client: WebClient, comparison: Comparison, record: Recorder
    ) -> list[Fact]:
        """Repeat a change without content that was not answered clearly, with the content that is open to everybody."""
        unclear = {fact.about for fact in facts if fact.answer is Answer.SILENT}
        open_to_all = {fact.about for fact in facts if fact.answer is Answer.SEEN}
        repeated = {}
        for resource in self.resources:
            about = f"{resource.method} {resource.path}"
            if about in unclear and f"GET {resource.path}" in open_to_all:
                repeated[about] = self._written_back(resource, client, comparison, record)
        again = {about: fact for about, fact in repeated.items() if fact.answer is Answer.SEEN}
        return [again.get(fact.about, fact) for fact in facts]

    def _public(self, client: WebClient, comparison: Comparison, record: Recorder) -> list[Fact]:
        """Write the content of public resources back as it is."""
        return [
            self._written_back(resource, client, comparison, record)
            for resource in self.resources
            if is_public(resource)
        ]

    def _written_back(
        self, resource: HttpResource, client: WebClient, comparison: Comparison, record: Recorder
    ) -> Fact:
        shown = WebRequest("GET", resource.path).sent_by(client)
        content = shown.json() if isinstance(shown, WebAnswer) and shown.ok else None
        written = content if isinstance(content, dict | list) and content and is_writable(content) else None
        if written is not None:
            ask = WebRequest(resource.method, resource.path, written, repeatable=False)
        else:
            ask = _empty(resource)

        def named(ask: WebRequest, answer: WebAnswer | NoAnswerError) -> Fact:
            fact = comparison.fact(ask, answer, None)
            same = isinstance(answer, WebAnswer) and isinstance(shown, WebAnswer) and alike(answer, shown)
            if fact.answer is Answer.SEEN and same and written is None:
                return fact.model_copy(update={"answer": Answer.SILENT, "detail": f"what GET shows: {fact.detail}"})
            if isinstance(answer, WebAnswer) and answer.status == 404 and written is not None:
                words = f"the path accepts no {ask.method}: {answer.words}"  # what GET shows is there
                return fact.model_copy(update={"answer": Answer.REFUSED, "detail": words, "asked": None})
            return fact

        return ask_all([ask], client, "anonymous", record, named)[0]


def _empty(resource: HttpResource) -> WebRequest:
    """Return the request that changes a resource by nothing."""
    if resource.method == "PUT":
        return WebRequest("PUT", resource.path, {}, repeatable=False)
    return WebRequest("POST", resource.path, data=b"", repeatable=False)


def is_public(resource: HttpResource) -> bool:
    """Whether a resource is declared for no role, so that it is open to everybody."""
    return not resource.read and not resource.write
