"""Changing a password over the web administration: does it take effect, and which passwords are refused.

Every probe puts the password of the bench back before it ends. Passwords are in no fact and in no note.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.guessing.attempt import LoginAttempt
from drivers.login import Login
from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.sessions import look, looked
from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.client import NoAnswerError
from lab_config.component import PasswordChange
from trustprobe.errors import DeviceLostError
from trustprobe.probe import DETAIL_LIMIT, Answer, Fact, Observation, Recorder, Witness, all_of, condition, printable

PREFIX = "Tq7-"
"""Before the password of the bench, this makes the strong one that is set for a moment: known if it has to stay."""


@dataclass(frozen=True)
class WebAccount:
    """An account of the web administration, and how its owner changes its password."""

    web: Administration
    change: PasswordChange

    @property
    def user(self) -> str:
        """The name of the account."""
        return self.web.user

    @property
    def password(self) -> str:
        """The password of the bench."""
        return self.web.account.password

    @property
    def strong(self) -> str:
        """Another password, as strong as the one of the bench."""
        return PREFIX + self.password

    def login(self, password: str) -> LoginAttempt:
        """Try a password, and leave no open session."""
        return self.web.door.attempt(self.user, password)

    def open(self) -> WebSession | LoginAttempt:
        """Log in with the password of the bench, and stay logged in."""
        return self.web.log_in()

    def opens(self, session: WebSession) -> LoginAttempt:
        """Say whether a session opens the page that only a login shows."""
        return LoginAttempt(*look(session, self.web.http_login))

    def set(self, old: str, new: str) -> LoginAttempt:
        """Log in with the old password and ask for the new one: SEEN is 2xx, REFUSED another answer below 500."""
        session = self.web.as_user(Login(self.user, old)).log_in()
        if not isinstance(session, WebSession):
            return LoginAttempt(Answer.SILENT, f"not tested: the login did not succeed: {session.detail}")
        fields = {self.change.old_field: old, self.change.new_field: new}
        with session:
            try:
                answer = session.request(self.change.method, self.change.path, json=fields)
            except NoAnswerError as error:
                return LoginAttempt(Answer.SILENT, f"no answer: {error.detail}", unanswered=True)
        words = answer.words
        for secret in sorted(filter(None, (self.password, old, new)), key=len, reverse=True):
            words = words.replace(secret, "[password]") if len(secret) > 1 else words
        if answer.ok:
            return LoginAttempt(Answer.SEEN, words)
        return LoginAttempt(Answer.REFUSED if 400 <= answer.status < 500 else Answer.SILENT, words)

    def restore(self, candidates: list[str], record: Recorder) -> Witness:
        """Put the password of the bench back, whichever of the candidates is in force; DeviceLostError if it stays."""
        for candidate in candidates:
            if self.login(candidate).answer is Answer.SEEN:
                answer = self.set(candidate, self.password)
                record.note(f"the password of the bench is restored -> {answer.answer}: {answer.detail}")
        back = self.login(self.password)
        record.note(f"the password of the bench -> {back.answer}: {back.detail}")
        if back.answer is not Answer.SEEN:
            raise DeviceLostError(
                f"the password of {self.user} could not be restored ({back.detail}).",
                f"Set it by hand. It is {PREFIX!r} followed by the bench's password, or one of "
                "drivers/data/weak_passwords.yaml.",
            )
        return condition(f"the password of {self.user} was restored and works", holds=True)


def _fact(about: str, attempt: LoginAttempt) -> Fact:
    return Fact(about=about, answer=attempt.answer, detail=printable(attempt.detail)[:DETAIL_LIMIT])


@dataclass(frozen=True)
class ChangePassword:
    """Change a password, log in with the new and with the old one, and put the old one back.

    Facts `changed`, `new`, `old`, and `session`: one of this account that was open elsewhere. Witness: the old password
    got in before, answered after the change, and is back; a password that nobody can know does not get in; the session
    was valid before.
    """

    account: WebAccount

    @property
    def name(self) -> str:
        """One observation."""
        return "password_change"

    def run(self, record: Recorder) -> Observation:
        """Log in, change, look at the session, log in twice, restore."""
        account = self.account
        elsewhere = account.open()
        before = elsewhere if isinstance(elsewhere, LoginAttempt) else account.opens(elsewhere)
        words = "worked" if before.answer is Answer.SEEN else f"did not work ({before.detail})"
        worked, asked = before.answer is Answer.SEEN, account.web.asked("a login")
        witnesses = [Witness(what=f"the password of {account.user} {words} before", holds=worked, asked=asked)]
        anything = account.login(secrets.token_urlsafe(12)).answer is Answer.SEEN
        witnesses.append(
            condition(f"a nonsense password {'was' if anything else 'was not'} accepted", holds=not anything)
        )
        changed = new = old = session = LoginAttempt(Answer.SILENT, "not tested: the valid login did not succeed")
        if isinstance(elsewhere, WebSession) and before.answer is Answer.SEEN:
            try:
                changed = account.set(account.password, account.strong)
                session = account.opens(elsewhere)
                new, old = account.login(account.strong), account.login(account.password)
            finally:
                witnesses.append(account.restore([account.strong], record))
                elsewhere.close()
        kept = looked("session", session.answer, session.detail)
        if changed.answer is Answer.SILENT and (new.answer, old.answer) == (Answer.SEEN, Answer.REFUSED):
            changed = LoginAttempt(Answer.SEEN, f"{changed.detail}, but the new password replaced the old one")
        asked_for = _fact("changed", changed)
        if changed.unanswered:  # that logins are answered says nothing of it
            asked_for = asked_for.model_copy(update={"asked": account.web.asked("a change of the password")})
        facts = (asked_for, _fact("new", new), _fact("old", old), kept)
        for one in facts:
            record.note(f"{one.about} -> {one.answer}: {one.detail}")
        answered = "answered" if old.answer is not Answer.SILENT else "got no answer"
        witnesses.append(
            condition(f"the old password {answered} after the change", holds=old.answer is not Answer.SILENT)
        )
        return Observation(
            question=f"Does a change of the password of {account.user} take effect?",
            facts=facts,
            witness=all_of(witnesses),
            asked=asked,
        )


@dataclass(frozen=True)
class TryWeakPasswords:
    """Ask for each weak password, then for a strong one, and put the old one back. SEEN is one that gets in.

    Witness: the strong password was accepted and got in, so that the refusals were about the passwords.
    """

    account: WebAccount
    weak: Mapping[str, str] = field(repr=False)
    """The passwords, by the row of the table."""

    @property
    def name(self) -> str:
        """One observation."""
        return "weak_passwords"

    def run(self, record: Recorder) -> Observation:
        """Try them all; after each that gets in, the password of the bench is put back."""
        account, facts = self.account, []
        for number, (row, password) in enumerate(self.weak.items(), start=1):
            record.progress(number, len(self.weak), row)
            facts.append(_fact(row, self._asked(password, record)))
            record.note(f"{row} -> {facts[-1].answer}: {facts[-1].detail}")
        strong = self._asked(account.strong, record)
        words = "was accepted" if strong.answer is Answer.SEEN else f"was not accepted ({strong.detail})"
        asked = account.web.asked("a new password")
        return Observation(
            question="Which weak passwords can be set?",
            facts=tuple(facts),
            left_open={fact.about: fact.detail for fact in facts if fact.answer is Answer.SILENT},
            witness=Witness(what=f"a strong password {words}", holds=strong.answer is Answer.SEEN, asked=asked),
            asked=asked,
        )

    def _asked(self, password: str, record: Recorder) -> LoginAttempt:
        """Ask for a password; where the answer is 2xx, only a login shows whether it was set."""
        account = self.account
        try:
            answer = account.set(account.password, password)
            if answer.answer is not Answer.SEEN:
                return answer
            login = account.login(password)
            words = "works" if login.answer is Answer.SEEN else f"does not work ({login.detail})"
            return LoginAttempt(login.answer, f"the answer is {answer.detail}, and the password {words}")
        finally:
            account.restore([password], record)
