"""HTTP authentication as a door to log in at: Basic (RFC 7617) and Digest (RFC 7616) on one path.

A login counts when the path answers 2xx with the credential and asks for one without it, right after; a status code
alone proves nothing. Some devices answer every request with the same page and 200 once they have locked an address.
Which challenges there are, and how they are answered, is `transport/authentication.py`.
"""

import re
import secrets
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from threading import Event

from drivers.guessing.attempt import LoginAttempt
from drivers.guessing.limit import WORDS as LIMIT_WORDS
from drivers.guessing.limit import limited_attempt
from drivers.network.kept_door import KeptDoor
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
class HttpDoor(KeptDoor):
    """Logins by HTTP authentication at one path; `interface` is the declared one. Implements `credentials.WideDoor`.

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
    required: Event = field(default_factory=Event, init=False, repr=False, compare=False)
    """Set once the path has required a credential, to whichever way."""

    challenges: deque[Challenge] = field(
        default_factory=lambda: deque(maxlen=_KEPT_NONCES), init=False, repr=False, compare=False
    )
    """Those that single attempts have left. Each is taken out by one attempt only, whatever thread it is in."""

    def new_way(self) -> "_HttpWay":
        """Return a way without a connection, with challenges of its own."""
        return _HttpWay(self, KeptClient(WebClient(self.target, self.service)), deque(maxlen=1))

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in once, each request over a connection of its own; what it comes to, the way says."""
        return _HttpWay(self, None, self.challenges).attempt(user, password)

    def knock(self) -> Knock:
        """See whether this path asks for a password."""
        try:
            answer = self._request()
        except NoAnswerError as error:
            if opens_only_websockets(WebClient(self.target, self.service), error):
                words = "the server opens WebSockets, and closes the connection after a request for a page"
                return Knock(Answer.REFUSED, words, everywhere=True)
            return Knock(error.answer, error.detail, connected=error.connected, answered=False)
        if answer.status != 401:
            return self._unguarded(answer)
        if (challenge := _challenge_of(answer)) is None:
            return Knock(*no_method(answer.headers.get("www-authenticate", "")))
        realm = f"{challenge.label} {challenge.parameters.get('realm', '')}"
        return Knock(Answer.SEEN, f"{self.path} requires {challenge.label}", realm)

    def _unguarded(self, answer: WebAnswer) -> Knock:
        """Judge a path that requires no password, unless the server turns everybody away just now."""
        words = f"{self.path} requires no password: {answer.words}"
        if self.guarded and (answer.ok or answer.status == 403):
            try:
                guarded = self._request(self.guarded)
            except NoAnswerError as error:
                return Knock(Answer.SILENT, error.detail, connected=error.connected, answered=False)
            if guarded.status != 401:
                detail = f"{words}; nor does {self.guarded}, which is declared to: {guarded.words}"
                return Knock(Answer.SILENT, detail, everywhere=True)
        return Knock(Answer.REFUSED, words, everywhere=self._streams_everywhere(answer))

    def _streams_everywhere(self, answer: WebAnswer) -> bool:
        """Whether the server gives a stream for this path and for one that cannot exist."""
        return answer.is_stream and self._request(f"/{secrets.token_hex(8)}").is_stream

    def _request(self, path: str = "") -> WebAnswer:
        """Ask once without a credential."""
        return _HttpWay(self, None, self.challenges).request(None, path)


class _HttpWay:
    """One attempt after the other, over a connection that is kept if the server keeps it."""

    def __init__(self, door: HttpDoor, kept: KeptClient | None, challenges: deque[Challenge]) -> None:
        self._door = door
        self._kept = kept
        self._challenges = challenges
        """Those that came with refusals and were not answered yet: each saves a request."""

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

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._kept is not None:
            self._kept.close()

    def _attempt(self, user: str, password: str) -> LoginAttempt:
        try:
            challenge = self._challenges.popleft()
        except IndexError:
            anonymous = self.request(None)
            if anonymous.status != 401:
                return self._unchallenged(anonymous)
            found = _challenge_of(anonymous)
            if found is None:
                return LoginAttempt(*no_method(anonymous.headers.get("www-authenticate", "")))
            challenge = found
        for _ in range(_STALE):
            answer = self.request(partial(authorization, challenge, user, password, "GET", self._door.path))
            if answer.status != 401:
                return self._judged(answer, challenge)
            found = _challenge_of(answer)
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
        if self._door.proof is not None and not _regex(self._door.proof).search(answer.body.decode("utf-8", "replace")):
            return LoginAttempt(
                Answer.SILENT, f"{answer.status}, without the text that only a login shows: {answer.words}"
            )
        without = self.request(None)
        if without.status != 401:
            return _locked(self._door.path, without)
        if answer.body == without.body and self._door.proof is None:
            return LoginAttempt(Answer.SILENT, f"{answer.status}, but with the same content as without a credential")
        return LoginAttempt(
            Answer.SEEN, f"{self._door.path} answers {answer.status} to {challenge.label}, and 401 without it"
        )

    def _unchallenged(self, anonymous: WebAnswer) -> LoginAttempt:
        """Judge a path that requires no credential: it is open if its content is not that of any other path."""
        if self._door.required.is_set():
            return _locked(self._door.path, anonymous)
        if not anonymous.ok:
            return LoginAttempt(Answer.SILENT, f"{self._door.path} requires no login: {anonymous.words}")
        words = f"{self._door.path} answers {anonymous.status} without a login"
        if self._door.proof is not None:
            if _regex(self._door.proof).search(anonymous.body.decode("utf-8", "replace")):
                return LoginAttempt(Answer.SEEN, words, without_login=True)
            return LoginAttempt(Answer.SILENT, f"{words}, but not the text that only a login shows: {anonymous.words}")
        if self._is_everywhere(anonymous):
            return LoginAttempt(Answer.SILENT, f"{words}, and so does a path that does not exist: {anonymous.words}")
        return LoginAttempt(Answer.SEEN, words, without_login=True)

    def _is_everywhere(self, answer: WebAnswer) -> bool:
        """Whether a path that cannot exist is answered in the same way."""
        other = self.request(None, f"/{secrets.token_hex(8)}")
        return other.ok and other.body == answer.body

    def request(self, credential: Credential | None, path: str = "") -> WebAnswer:
        """Send one request, to the path of the door if none is given; NoAnswerError where no answer comes."""
        door = self._door
        patient = door.patient or credential is None
        if self._kept is None:
            client = WebClient(door.target, door.service)
            client.patient = patient
            answer = client.request("GET", path or door.path, credential=credential)
        else:
            answer = self._kept.get(path or door.path, credential, patient=patient)
        if answer.status == 401 and not path:
            door.required.set()
        return answer


def _challenge_of(answer: WebAnswer) -> Challenge | None:
    return strongest(challenges(answer.headers.get("www-authenticate", "")))


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
