"""HTTP authentication as a door to log in at: Basic (RFC 7617) and Digest (RFC 7616) on one path.

A login counts when the path answers 2xx with the credential and asks for one without it, right after; a status code
alone proves nothing. Which challenges there are, and how they are answered, is `transport/authentication.py`.
"""

import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from drivers.guessing.attempt import LoginAttempt
from drivers.network.logins.undeclared import Knock
from drivers.network.target import Target
from drivers.network.web.transport.authentication import Challenge, authorization, challenges, strongest
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from drivers.network.web.transport.kept import KeptClient
from lab_config.component import Service
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer, printable

_SHOWN = 200
_STALE = 2
"""How often a nonce may be too old before the attempt ends."""
_KEPT_NONCES = 8


@dataclass(frozen=True)
class HttpDoor:
    """Logins by HTTP authentication at one path; `interface` is the declared one. Implements `credentials.Door`.

    `proof` is a regular expression that only the answer to a login contains, where one is declared.
    """

    target: Target
    service: Service
    path: str
    interface: str
    proof: str | None = None
    _challenges: deque[Challenge] = field(
        default_factory=lambda: deque(maxlen=_KEPT_NONCES), init=False, repr=False, compare=False
    )
    """Challenges that came with refusals and were not answered yet: each saves a request."""
    _kept: deque[KeptClient] = field(default_factory=deque, init=False, repr=False, compare=False)
    """Connections that nobody asks over just now, while the door is held."""
    _holds: list[bool] = field(default_factory=list, init=False, repr=False, compare=False)

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in once: SEEN is a proven login, REFUSED a 401 to the credential.

        Another status, 403 and 429 among them, and a time-out are SILENT: they say nothing of this password.
        """
        try:
            return self._attempt(user, password)
        except NoAnswerError as error:
            answer = error.answer if not error.connected else Answer.SILENT
            return LoginAttempt(answer, f"no answer: {error.detail}", unanswered=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep connections for many attempts, and close them at the end."""
        self._holds.append(True)
        try:
            yield
        finally:
            self._holds.pop()
            while self._kept:
                self._kept.popleft().close()

    def knock(self) -> Knock:
        """See whether this path asks for a password."""
        try:
            answer = self._request(None)
        except NoAnswerError as error:
            return Knock(error.answer, error.detail, connected=error.connected)
        if answer.status != 401:
            return Knock(Answer.REFUSED, f"{self.path} requires no password: {answer.status}")
        if (challenge := self._challenge_of(answer)) is None:
            return Knock(Answer.REFUSED, _no_method(answer))
        realm = f"{challenge.label} {challenge.parameters.get('realm', '')}"
        return Knock(Answer.SEEN, f"{self.path} requires {challenge.label}", realm)

    def _attempt(self, user: str, password: str) -> LoginAttempt:
        try:
            challenge = self._challenges.popleft()
        except IndexError:
            anonymous = self._request(None)
            if anonymous.ok:
                return LoginAttempt(Answer.SEEN, f"{self.path} answers {anonymous.status} without a login")
            if anonymous.status != 401:
                return LoginAttempt(Answer.SILENT, f"{self.path} requires no login: {anonymous.words}")
            found = self._challenge_of(anonymous)
            if found is None:
                return LoginAttempt(Answer.REFUSED, _no_method(anonymous))
            challenge = found
        for _ in range(_STALE):
            answer = self._request(authorization(challenge, user, password, "GET", self.path))
            if answer.status != 401:
                return self._judged(answer, challenge)
            found = self._challenge_of(answer)
            if found is None or not found.stale:
                break
            challenge = found
        else:
            return LoginAttempt(Answer.SILENT, "the device rejects each nonce as stale at its first use")
        if found is not None and found.digest:
            self._challenges.append(found)
        return LoginAttempt(Answer.REFUSED, f"401 to {challenge.label}")

    def _judged(self, answer: WebAnswer, challenge: Challenge) -> LoginAttempt:
        """Compare the answer to a credential with what is answered without one."""
        if not answer.ok:
            return LoginAttempt(Answer.SILENT, f"neither accepted nor challenged again: {answer.words}")
        if self.proof is not None and not _regex(self.proof).search(answer.body.decode("utf-8", "replace")):
            return LoginAttempt(
                Answer.SILENT, f"{answer.status}, without the text that only a login shows: {answer.words}"
            )
        without = self._request(None)
        if without.status != 401:
            return LoginAttempt(Answer.SILENT, f"{self.path} also answers {without.status} without a credential")
        if answer.body == without.body and self.proof is None:
            return LoginAttempt(Answer.SILENT, f"{answer.status}, but with the same content as without a credential")
        return LoginAttempt(
            Answer.SEEN, f"{self.path} answers {answer.status} to {challenge.label}, and 401 without it"
        )

    def _challenge_of(self, answer: WebAnswer) -> Challenge | None:
        return strongest(challenges(answer.headers.get("www-authenticate", "")))

    def _request(self, credential: str | None) -> WebAnswer:
        headers = {} if credential is None else {"Authorization": credential}
        client = WebClient(self.target, self.service)
        if not self._holds:
            return client.request("GET", self.path, headers=headers)
        try:
            kept = self._kept.popleft()
        except IndexError:
            kept = KeptClient(client)
        answer = kept.get(self.path, headers)
        self._kept.append(kept)
        return answer


def _no_method(answer: WebAnswer) -> str:
    asked = answer.headers.get("www-authenticate", "")
    return f"the device offers no password method: {printable(asked, _SHOWN) or '401 without a challenge'}"


def _regex(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(
            f"{pattern!r} is not a regular expression: {error}.", "Correct `http_api.proof` in the declaration."
        ) from error
