"""The web administration of a sample, and the account that a question is asked with."""

import secrets
from dataclasses import dataclass, replace

from drivers.guessing.attempt import LoginAttempt
from drivers.login import Login
from drivers.network.target import Target
from drivers.network.web.login.door import WebDoor
from drivers.network.web.login.log_in import LoginResult, log_in, proves
from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.client import NoAnswerError, WebClient
from drivers.network.web.transport.server import WebServer
from lab_config.component import Service
from lab_config.http_login import HttpLogin
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder


@dataclass(frozen=True)
class Administration:
    """The web administration as declared, and somebody who may log in to it."""

    target: Target
    service: Service
    http_login: HttpLogin
    account: Login

    @property
    def user(self) -> str:
        """The name of the account."""
        return self.account.user

    @property
    def door(self) -> WebDoor:
        """The login form, for attempts with any password."""
        return WebDoor(self.target, self.service, self.http_login)

    def asked(self, shape: str) -> Asked:
        """Return a question of this shape at this service."""
        return WebServer(self.target, self.service).asked(shape)

    def client(self) -> WebClient:
        """Return a client without a session."""
        return WebClient(self.target, self.service)

    def log_in(self) -> LoginResult:
        """Log in: a session that was proven, or how the attempt ended without one."""
        return log_in(self.client(), self.http_login, self.account.user, self.account.password)

    def session(self, record: Recorder) -> WebSession | None:
        """Log in; where that fails, note how it ended, and return None."""
        result = self.log_in()
        if isinstance(result, LoginAttempt):
            record.note(f"the login of {self.user} -> {result.answer}: {result.detail}")
            return None
        return result

    def as_user(self, account: Login) -> "Administration":
        """Return the same administration as another account sees it."""
        return replace(self, account=account)


@dataclass(frozen=True)
class TryLogin:
    """Log in once with a valid credential. If it does not get in, request the page that proves a login without one.

    SEEN is a login, or the page, if a path that does not exist is answered otherwise.
    """

    web: Administration

    @property
    def name(self) -> str:
        """One observation for each service."""
        return f"web_login.{self.web.service.id}"

    @property
    def proof(self) -> str:
        """The name of the page in the observation."""
        return f"GET {self.web.http_login.proof_path}"

    def run(self, record: Recorder) -> Observation:
        """Log in, and log out."""
        result = self.web.log_in()
        if isinstance(result, LoginAttempt):
            facts = [Fact(about=self.web.user, answer=result.judged, detail=result.detail[:2000]), self._page()]
        else:
            with result:
                facts = [Fact(about=self.web.user, answer=Answer.SEEN, detail="a session opened")]
        for fact in facts:
            record.note(f"{fact.about} -> {fact.answer}: {fact.detail}")
        return Observation(question="Can the account of the bench log in?", facts=tuple(facts))

    def _page(self) -> Fact:
        client, path = self.web.client(), self.web.http_login.proof_path
        try:
            page, nowhere = client.request("GET", path), client.request("GET", f"/{secrets.token_hex(8)}")
        except NoAnswerError as error:
            return Fact(about=self.proof, answer=Answer.SILENT, detail=f"no answer: {error.detail}"[:2000])
        opens = proves(page, self.web.http_login) and page.body != nowhere.body
        return Fact(about=self.proof, answer=Answer.SEEN if opens else Answer.SILENT, detail=page.words[:2000])
