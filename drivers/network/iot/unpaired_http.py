"""Messages of a component over HTTP: with the token or the certificate that it was paired with, or with another one.

A status says little: many servers answer 200 to what they drop, so that only a message that shows was taken.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from drivers.guessing.attempt import LoginAttempt
from drivers.network.iot.unpaired import MessageReply, Polled, Stranger, UnreadableError, alike
from drivers.network.peer_certificate import ClientCertificate, foreign
from drivers.network.target import Target
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.session import WebSession, asks_for_login
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from lab_config.component import Service
from trustprobe.probe import Answer

_REFUSALS = frozenset({401, 403})


@dataclass(frozen=True)
class Token:
    """What a component shows of itself: a header, a client certificate, or both."""

    header: tuple[str, str] | None = field(default=None, repr=False)
    certificate: ClientCertificate | None = None

    @classmethod
    def of(cls, template: str, user: str, password: str, certificate: ClientCertificate | None = None) -> "Token":
        """Fill in a header, as `Authorization: Bearer {password}`."""
        name, _, value = template.partition(": ")
        return cls((name, value.replace("{user}", user).replace("{password}", password)), certificate)


@dataclass(frozen=True)
class HttpTalker:
    """Sends to a path. Without a password, the component shows its certificate alone."""

    target: Target
    service: Service
    method: str
    path: str
    content_type: str
    template: str
    user: str = ""
    password: str = field(default="", repr=False)
    certificate: ClientCertificate | None = None

    def paired(self, payload: bytes) -> MessageReply:
        """Send as the component."""
        return self._say(self._token(self.user, self.password, self.certificate), payload)

    def strangers(self, folder: Path) -> tuple[Stranger, ...]:
        """Return who shows nothing, a token that nobody gave out, or a foreign certificate."""
        others = {"without a credential": Token()}
        if self.password:
            others["a made-up credential"] = self._token(alike(self.user), alike(self.password), None)
        if self.password and "{user}" in self.template and self.certificate is None:
            others["the paired user with another password"] = self._token(self.user, alike(self.password), None)
        if self.certificate is not None:
            made = foreign(self.certificate, folder)
            password = alike(self.password)
            others["a certificate of another CA with the paired name"] = self._token(self.user, password, made)
        return tuple(Stranger(label, partial(self._say, one)) for label, one in others.items())

    def _token(self, user: str, password: str, certificate: ClientCertificate | None) -> Token:
        return Token.of(self.template, user, password, certificate) if self.password else Token(None, certificate)

    def _say(self, token: Token, payload: bytes) -> MessageReply:
        headers = {"Content-Type": self.content_type, **(dict([token.header]) if token.header else {})}
        client = WebClient(self.target, self.service, token.certificate)
        try:
            answer = client.request(self.method, self.path, data=payload, headers=headers)
        except NoAnswerError as error:
            return MessageReply(error.answer, f"no answer: {error.detail}")
        return MessageReply(Answer.REFUSED if answer.status in _REFUSALS else Answer.SILENT, answer.words)


@dataclass(frozen=True)
class HttpWindow:
    """A page of the web administration. One session reads it, and a new one where that has ended meanwhile."""

    web: Administration
    path: str
    _held: list[WebSession] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Its name in observations."""
        return f"GET {self.path} of {self.web.user}"

    @contextmanager
    def watch(self) -> Iterator[Polled]:
        """Look from now on."""
        yield Polled(self._read)

    def _read(self) -> bytes:
        answer = self._ask(self._held[-1]) if self._held else None
        if answer is None or asks_for_login(answer, self.path, self.web.http_login):
            answer = self._ask(self._entered())
        if not answer.ok:
            raise UnreadableError(f"{self.name} -> {answer.words}")
        return answer.body

    def _ask(self, held: WebSession) -> WebAnswer:
        try:
            return held.request("GET", self.path)
        except NoAnswerError as error:
            raise UnreadableError(f"{self.name} -> no answer: {error.detail}") from error

    def _entered(self) -> WebSession:
        self.close()
        entered = self.web.log_in()
        if isinstance(entered, LoginAttempt):
            raise UnreadableError(f"the login of {self.web.user} failed: {entered.detail}")
        self._held.append(entered)
        return entered

    def close(self) -> None:
        """Log out."""
        while self._held:
            self._held.pop().close()
