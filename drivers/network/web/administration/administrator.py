"""What an administrator does to the device in the course of a probe: settings and user data, and how they read then.

A restart ends a session, so that each step logs in again where it has to. Nothing here judges.
"""

import json
from dataclasses import dataclass

from drivers.guessing.attempt import LoginAttempt
from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.settings import Shown, shown_by
from drivers.network.web.login.session import WebSession, asks_for_login
from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from drivers.network.web.transport.json_names import lookup, nested
from lab_config.component import Identity, Setting, UserDataDeclaration
from trustprobe.probe import Answer, Recorder

MOST_REFUSALS = 2
"""Refused logins after which a person no longer tries."""


@dataclass
class Administrator:
    """A person with a login. Use it in a `with` block, which ends with a logout."""

    web: Administration
    record: Recorder
    refusals: int = 0
    """Logins that the device has refused in its own words."""
    _session: WebSession | None = None

    def __enter__(self) -> "Administrator":
        """Log out at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Log out."""
        if self._session is not None:
            self._session.close()

    @property
    def refused(self) -> bool:
        """Whether the device does not take this login: another attempt might lock the account, and change nothing."""
        return self.refusals >= MOST_REFUSALS

    def session(self) -> WebSession | None:
        """Return a session that is logged in, or None where that fails."""
        if self._session is None:
            if self.refused:
                return None
            outcome = self.web.log_in()
            if isinstance(outcome, LoginAttempt):
                self.record.note(f"the login of {self.web.user} -> {outcome.answer}: {outcome.detail}")
                self.refusals += outcome.answer is Answer.REFUSED
                return None
            self._session = outcome
        return self._session

    def ask(self, method: str, path: str, body: object = None) -> WebAnswer | None:
        """Send a request, after a new login where the session has ended; None where no answer comes."""
        for _ in range(2):
            session = self.session()
            if session is None:
                return None
            try:
                answer = session.request(method, path, json=body)
            except NoAnswerError as error:
                self.record.note(f"{self.web.user}: {method} {path} -> no answer: {error.detail}")
                self._session = None
                return None
            self.record.note(f"{self.web.user}: {method} {path} -> {answer.words}")
            if answer.status == 403 or not asks_for_login(answer, path, self.web.http_login):
                return answer
            self._session = None
        return None

    def forget_session(self) -> None:
        """Log in again before the next request."""
        self._session = None

    def setting(self, setting: Setting) -> str | None:
        """Read a setting."""
        answer = self.ask("GET", setting.path)
        return lookup(answer.json(), setting.field) if answer is not None and answer.ok else None

    def change(self, setting: Setting, value: str) -> bool:
        """Write a setting, and say whether it reads so afterwards."""
        answer = self.ask(setting.method, setting.path, nested(setting.field, value))
        return answer is not None and answer.ok and self.setting(setting) == value

    def add(self, user_data: UserDataDeclaration, name: str, secret: str) -> bool:
        """Add user data, and say whether it is shown afterwards."""
        entry = {**nested(user_data.name_field, name), **nested(user_data.secret_field, secret)}
        answer = self.ask("POST", user_data.path, entry)
        return answer is not None and answer.ok and self.shows(user_data, secret) is True

    def shows(self, user_data: UserDataDeclaration, text: str) -> bool | None:
        """Say whether the user data that is shown holds a text; None where nothing is shown.

        404 and 204 say that there is no user data.
        """
        answer = self.ask("GET", user_data.path)
        if answer is not None and answer.status in {204, 404}:
            return False
        if answer is None or not answer.ok or not answer.complete or answer.json() is None:
            return None
        return text in json.dumps(answer.json(), ensure_ascii=False)

    def identity(self, identity: Identity) -> Shown | None:
        """Read the identifiers; None where nothing is shown."""
        answer = self.ask("GET", identity.path)
        return shown_by(answer.json(), identity) if answer is not None and answer.status == 200 else None
