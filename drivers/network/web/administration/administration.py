"""The web administration of a sample, and the account that a question is asked with."""

from dataclasses import dataclass, replace

from drivers.guessing.attempt import LoginAttempt
from drivers.login import Login
from drivers.network.target import Target
from drivers.network.web.login.door import WebDoor
from drivers.network.web.login.log_in import LoginResult, log_in
from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.client import WebClient
from lab_config.component import Service
from lab_config.http_login import HttpLogin
from trustprobe.probe import Recorder


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
