"""A login by HTTP authentication that carries other requests: each is answered to its own challenge."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from drivers.guessing.attempt import LoginAttempt
from drivers.login import Login
from drivers.network.target import Target
from drivers.network.web.login.basic_digest import HttpDoor
from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.authentication import authorization, challenges, strongest
from drivers.network.web.transport.client import SECONDS, Credential, WebAnswer, WebClient
from drivers.network.web.transport.server import WebServer
from lab_config.component import Service
from lab_config.doors import HttpApiDeclaration
from trustprobe.probe import Answer, Asked, Recorder


@dataclass
class ApiSession(WebSession):
    """Requests with a user name and a password of HTTP authentication (RFC 7617, RFC 7616) instead of a cookie."""

    password: str = field(default="", repr=False)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: bytes | Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        credential: Credential | None = None,
        seconds: float = SECONDS,
    ) -> WebAnswer:
        """Send one request, and again with the credential if it is challenged. NoAnswerError if no answer comes."""
        answer = super().request(
            method, path, json=json, data=data, headers=headers, credential=credential, seconds=seconds
        )
        challenge = strongest(challenges(answer.headers.get("www-authenticate", ""))) if answer.status == 401 else None
        if challenge is None:
            return answer
        own = partial(authorization, challenge, self.user, self.password, method, path)
        return super().request(method, path, json=json, data=data, headers=headers, credential=own, seconds=seconds)


@dataclass(frozen=True)
class ApiAccount:
    """An account that is declared for the paths of an HTTP service with HTTP authentication."""

    target: Target
    service: Service
    api: HttpApiDeclaration
    account: Login

    @property
    def user(self) -> str:
        """The name of the account."""
        return self.account.user

    def asked(self, shape: str) -> Asked:
        """Return a question of this shape at this service."""
        return WebServer(self.target, self.service).asked(shape)

    def session(self, record: Recorder) -> ApiSession | None:
        """Log in. If that fails, note how it ended, and return None."""
        result = self.log_in()
        if isinstance(result, LoginAttempt):
            record.note(f"the login of {self.user} -> {result.answer}: {result.detail}")
            return None
        return result

    def log_in(self) -> ApiSession | LoginAttempt:
        """Return requests with the credential if it is proven at the declared path. Otherwise, return the attempt."""
        door = HttpDoor(self.target, self.service, self.api.path, self.api.id, self.api.proof, patient=True)
        attempt = door.attempt(self.account.user, self.account.password)
        if attempt.answer is not Answer.SEEN:
            return attempt
        client = WebClient(self.target, self.service)
        return ApiSession(client, self.user, password=self.account.password)
