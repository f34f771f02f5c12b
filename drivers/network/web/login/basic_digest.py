"""HTTP authentication as a door to log in at: Basic (RFC 7617) and Digest (RFC 7616) on one path.

A login counts when the path answers 2xx with the credential and asks for one without it, right after; a status code
alone proves nothing. Some devices answer every request with the same page and 200 once they have locked an address.
Which challenges there are, and how they are answered, is `transport/authentication.py`.
"""

import re
import secrets
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from drivers.guessing.attempt import LoginAttempt
from drivers.guessing.limit import WORDS as LIMIT_WORDS
from drivers.guessing.limit import limited_attempt
from drivers.network.logins.undeclared import Knock
from drivers.network.target import Target
from drivers.network.web.transport.authentication import Challenge, authorization, challenges, no_method, strongest
from drivers.network.web.transport.client import Credential, LimitedError, NoAnswerError, WebAnswer, WebClient
from drivers.network.web.transport.kept import KeptClient
from drivers.network.web.transport.websocket import opens_only_websockets
from lab_config.component import Service
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer

_STALE = 2
"""How often a nonce may be too old before the attempt ends."""
_KEPT_NONCES = 8


@dataclass(frozen=True)
class HttpDoor:
    """Logins by HTTP authentication at one path; `interface` is the declared one. Implements `credentials.Door`.

    `proof` is a regular expression that only the answer to a login contains, where one is declared. `guarded` is a path
    of the same server that is declared to require a login.
    """

    target: Target
    service: Service
    path: str
    interface: str
    proof: str | None = None
    guarded: str = ""
    patient: bool = False
    """Whether a credential that the server limits is sent again. A guess is not, and who guesses decides."""
    _required: list[bool] = field(default_factory=list, init=False, repr=False, compare=False)
    """Not empty once the path has required a credential."""
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
        except LimitedError as error:
            return limited_attempt(error.words, error.retry_after)
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
            if opens_only_websockets(WebClient(self.target, self.service), error):
                words = "the server opens WebSockets, and closes the connection after a request for a page"
                return Knock(Answer.REFUSED, words, everywhere=True)
            return Knock(error.answer, error.detail, connected=error.connected, answered=False)
        if answer.status != 401:
            return self._unguarded(answer)
        if (challenge := self._challenge_of(answer)) is None:
            return Knock(*no_method(answer.headers.get("www-authenticate", "")))
        realm = f"{challenge.label} {challenge.parameters.get('realm', '')}"
        return Knock(Answer.SEEN, f"{self.path} requires {challenge.label}", realm)

    def _attempt(self, user: str, password: str) -> LoginAttempt:
        try:
            challenge = self._challenges.popleft()
        except IndexError:
            anonymous = self._request(None)
            if anonymous.status != 401:
                return self._unchallenged(anonymous)
            found = self._challenge_of(anonymous)
            if found is None:
                return LoginAttempt(*no_method(anonymous.headers.get("www-authenticate", "")))
            challenge = found
        for _ in range(_STALE):
            answer = self._request(partial(authorization, challenge, user, password, "GET", self.path))
            if answer.status != 401:
                return self._judged(answer, challenge)
            found = self._challenge_of(answer)
            if found is None or not found.stale:
                break
            challenge = found
        else:
            return LoginAttempt(Answer.SILENT, "the device rejects each nonce as stale at its first use")
        if found is not None:
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
            return _locked(self.path, without)
        if answer.body == without.body and self.proof is None:
            return LoginAttempt(Answer.SILENT, f"{answer.status}, but with the same content as without a credential")
        return LoginAttempt(
            Answer.SEEN, f"{self.path} answers {answer.status} to {challenge.label}, and 401 without it"
        )

    def _unchallenged(self, anonymous: WebAnswer) -> LoginAttempt:
        """Judge a path that requires no credential: it is open if its content is not that of any other path."""
        if self._required:
            return _locked(self.path, anonymous)
        if not anonymous.ok:
            return LoginAttempt(Answer.SILENT, f"{self.path} requires no login: {anonymous.words}")
        words = f"{self.path} answers {anonymous.status} without a login"
        if self.proof is not None:
            if _regex(self.proof).search(anonymous.body.decode("utf-8", "replace")):
                return LoginAttempt(Answer.SEEN, words, without_login=True)
            return LoginAttempt(Answer.SILENT, f"{words}, but not the text that only a login shows: {anonymous.words}")
        if self._is_everywhere(anonymous):
            return LoginAttempt(Answer.SILENT, f"{words}, and so does a path that does not exist: {anonymous.words}")
        return LoginAttempt(Answer.SEEN, words, without_login=True)

    def _unguarded(self, answer: WebAnswer) -> Knock:
        """Judge a path that requires no password, unless the server turns everybody away just now."""
        words = f"{self.path} requires no password: {answer.words}"
        if self.guarded and (answer.ok or answer.status == 403):
            try:
                guarded = self._request(None, self.guarded)
            except NoAnswerError as error:
                return Knock(Answer.SILENT, error.detail, connected=error.connected, answered=False)
            if guarded.status != 401:
                detail = f"{words}; nor does {self.guarded}, which is declared to: {guarded.words}"
                return Knock(Answer.SILENT, detail, everywhere=True)
        return Knock(Answer.REFUSED, words, everywhere=self._streams_everywhere(answer))

    def _streams_everywhere(self, answer: WebAnswer) -> bool:
        """Whether the server gives a stream for this path and for one that cannot exist."""
        return answer.is_stream and self._request(None, f"/{secrets.token_hex(8)}").is_stream

    def _is_everywhere(self, answer: WebAnswer) -> bool:
        """Whether a path that cannot exist is answered in the same way."""
        other = self._request(None, f"/{secrets.token_hex(8)}")
        return other.ok and other.body == answer.body

    def _challenge_of(self, answer: WebAnswer) -> Challenge | None:
        return strongest(challenges(answer.headers.get("www-authenticate", "")))

    def _request(self, credential: Credential | None, path: str = "") -> WebAnswer:
        answer = self._sent(credential, path or self.path)
        if answer.status == 401 and not path and not self._required:
            self._required.append(True)
        return answer

    def _sent(self, credential: Credential | None, path: str) -> WebAnswer:
        client = WebClient(self.target, self.service)
        client.patient = self.patient or credential is None
        if not self._holds:
            return client.request("GET", path, credential=credential)
        try:
            kept = self._kept.popleft()
        except IndexError:
            kept = KeptClient(client)
        answer = kept.get(path, credential, patient=client.patient)
        self._kept.append(kept)
        return answer


def _locked(path: str, answer: WebAnswer) -> LoginAttempt:
    """Say that a path required a credential before, and requires none now: its answer says nothing of a password."""
    words = f"{path} required a credential before and now answers {answer.status} without one: {answer.words}"
    detail = f"{words}. The device may have locked this address"
    return LoginAttempt(Answer.SILENT, detail, limited=LIMIT_WORDS.search(answer.words) is not None)


def _regex(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(
            f"{pattern!r} is not a regular expression: {error}.", "Correct `http_api.proof` in the declaration."
        ) from error
