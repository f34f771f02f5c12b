"""The login form as a door for guesses: one attempt after the other, each with requests of its own."""

from dataclasses import dataclass

from drivers.guessing.attempt import LoginAttempt
from drivers.network.target import Target
from drivers.network.web.login.log_in import log_in
from drivers.network.web.transport.client import WebClient
from lab_config.component import Service
from lab_config.http_login import HttpLogin
from trustprobe.probe import Answer


def assumed_login(service: Service) -> HttpLogin:
    """Return a login of which nothing is declared. Forms are then recognised by their fields and words."""
    return HttpLogin(service=service.id, proof_path="/", refusal="(?!)")


@dataclass(frozen=True)
class WebDoor:
    """The login form as a door for guesses."""

    target: Target
    service: Service
    http_login: HttpLogin

    def client(self) -> WebClient:
        """Return a client without a session."""
        return WebClient(self.target, self.service)

    @property
    def interface(self) -> str:
        """The id of the service."""
        return self.service.id

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Send the form once; a session that comes of it is proven and closed."""
        outcome = log_in(self.client(), self.http_login, user, password)
        if isinstance(outcome, LoginAttempt):
            return outcome
        with outcome:
            words = f"{self.http_login.proof_path} answers 200 only with the session"
            return LoginAttempt(Answer.SEEN, words, outcome.picture)
