"""Changing a password over the web administration: does it take effect, and which passwords are refused.

Every probe puts the password of the bench back before it ends, over a session that is open first: a device that limits
logins would not let a fresh one in. Passwords are in no fact and in no note.
"""

import math
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TypeVar

from drivers.guessing.attempt import LoginAttempt
from drivers.guessing.limit import LIMIT_MOST
from drivers.guessing.rate import RESTART_SPARE
from drivers.login import Login
from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.sessions import look, looked
from drivers.network.web.login.log_in import LoginResult
from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.client import NoAnswerError
from lab_config.account import LockoutDeclaration
from lab_config.component import PasswordChange
from trustprobe.errors import DeviceLostError
from trustprobe.probe import DETAIL_LIMIT, Answer, Fact, Observation, Recorder, Witness, all_of, condition, printable

PREFIX = "Tq7-"
"""Before the password of the bench, this makes the strong one that is set for a moment: known if it has to stay."""
_LOGIN = TypeVar("_LOGIN", LoginResult, LoginAttempt)
_NOT_TESTED = LoginAttempt(Answer.SILENT, "not tested: the valid login did not succeed")


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


@dataclass
class Change:
    """One change of the password that was asked for, and the sessions that may take it back."""

    password: str = field(repr=False)
    """The new one."""
    sessions: list[WebSession]
    """Proven ones of this account, the likeliest to be valid first."""
    asked: LoginAttempt = _NOT_TESTED
    """How the device answered."""
    new: LoginAttempt = _NOT_TESTED
    """How a login with the new password ended."""
    old: LoginAttempt | None = None
    """The same for the password of the bench, if it was tried after the change."""


@dataclass(frozen=True)
class WebAccount:
    """An account of the web administration, and how its owner changes its password."""

    web: Administration
    change: PasswordChange
    lockouts: tuple[LockoutDeclaration, ...] = ()
    """Those that are declared for this interface."""
    patience: float = math.inf
    """The longest time in seconds that a limit of the device is waited for."""
    pause: Callable[[float], None] = field(default=_pause, repr=False, compare=False)
    left: list[str] = field(default_factory=list, init=False, repr=False, compare=False)
    """Why the sample has another password than the bench, once it has: nothing more is asked then."""

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

    def check(self) -> None:
        """Raise DeviceLostError if an earlier probe left the sample with another password."""
        if self.left:
            raise DeviceLostError(f"not tested: {self.left[0]}.", "Set the password of the bench by hand.")

    def login(self, password: str) -> LoginAttempt:
        """Try a password, and leave no open session."""
        return self.web.door.attempt(self.user, password)

    def enter(self, password: str) -> LoginResult:
        """Log in with a password, and stay logged in."""
        return self.web.as_user(Login(self.user, password)).log_in()

    def opens(self, session: WebSession) -> LoginAttempt:
        """Say whether a session opens the page that only a login shows."""
        return LoginAttempt(*look(session, self.web.http_login))

    def patiently(self, log_in: Callable[[], _LOGIN], record: Recorder, *, valid: bool = False) -> _LOGIN:
        """Log in, and again after the rest that the device asks for, or after that of each declared lockout in turn.

        If the password is known to be `valid`, a refusal may be the lockout as well.
        """
        outcome, waited = log_in(), 0.0
        rests = self._rests(outcome, valid=valid) if isinstance(outcome, LoginAttempt) else []
        for rest in rests:
            if not isinstance(outcome, LoginAttempt) or outcome.answer is Answer.SEEN or rest > self.patience:
                break
            record.note(f"{outcome.detail}: tried again after {rest:g} s")
            self.pause(rest + RESTART_SPARE if self._is_restarted else rest - waited)
            outcome, waited = log_in(), rest
        return outcome

    @property
    def _is_restarted(self) -> bool:
        """Whether each attempt during a lock makes it last as long again, so that earlier rests do not count."""
        return any(lockout.restarted_by_attempts for lockout in self.lockouts)

    def _rests(self, outcome: LoginAttempt, *, valid: bool) -> list[float]:
        """Return after how many seconds a login that ended like this is worth another try, the shortest time first."""
        declared = sorted({lockout.seconds for lockout in self.lockouts})
        if outcome.limited:
            return (declared or [LIMIT_MOST]) if outcome.retry_after is None else [outcome.retry_after]
        return declared if valid else []

    def set(self, session: WebSession, old: str, new: str) -> LoginAttempt:
        """Ask for the new password in a session: SEEN is 2xx, REFUSED another answer below 500."""
        fields = {self.change.old_field: old, self.change.new_field: new}
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

    def restore(self, change: Change, record: Recorder) -> Witness:
        """Put the password of the bench back, if it was changed: over an open session, else over a fresh login.

        DeviceLostError if the device may have another password afterwards.
        """
        back, taken = change.old, False
        if change.new.answer is not Answer.SEEN and back is None:
            back = self._own(record, changed=change.asked.answer is not Answer.REFUSED)
        if change.new.answer is Answer.SEEN or back is None or back.answer is not Answer.SEEN:
            taken = any(self._put_back(session, change.password, record) for session in change.sessions)
            back = self._own(record, changed=taken)
        if back.answer is not Answer.SEEN:
            entered = self.patiently(lambda: self.enter(change.password), record)
            if isinstance(entered, WebSession):
                with entered:
                    taken = self._put_back(entered, change.password, record) or taken
                back = self._own(record, changed=taken)
        if back.answer is Answer.SEEN:
            return condition(f"the password of {self.user} was restored and works", holds=True)
        if change.asked.answer is Answer.REFUSED and change.new.answer is not Answer.SEEN:
            words = f"the device refused the change, but the password of {self.user} did not get in afterwards"
            return condition(f"{words} ({printable(back.detail, 300)})", holds=False)
        raise self._lost(back, taken=taken)

    def _put_back(self, session: WebSession, new: str, record: Recorder) -> bool:
        answer = self.set(session, new, self.password)
        record.note(f"the password of the bench is restored -> {answer.answer}: {answer.detail}")
        return answer.answer is Answer.SEEN

    def _own(self, record: Recorder, *, changed: bool) -> LoginAttempt:
        """Log in with the password of the bench."""
        back = self.patiently(lambda: self.login(self.password), record, valid=changed)
        record.note(f"the password of the bench -> {back.answer}: {back.detail}")
        return back

    def _lost(self, back: LoginAttempt, *, taken: bool) -> DeviceLostError:
        other = f"It is {PREFIX!r} followed by the bench's password, or one of drivers/data/weak_passwords.yaml."
        if taken:
            words = f"the device accepted the old password of {self.user} again, but no login with it succeeded"
            step = f"Log in by hand. If the bench's password does not get in, set it. {other}"
        else:
            words, step = f"the password of {self.user} could not be restored", f"Set it by hand. {other}"
        self.left.append(f"{words} ({back.detail})")
        return DeviceLostError(f"{self.left[0]}.", step)


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
        account.check()
        elsewhere = account.patiently(lambda: account.enter(account.password), record)
        before = elsewhere if isinstance(elsewhere, LoginAttempt) else account.opens(elsewhere)
        words = "worked" if before.answer is Answer.SEEN else f"did not work ({before.detail})"
        worked, asked = before.answer is Answer.SEEN, account.web.asked("a login")
        witnesses = [Witness(what=f"the password of {account.user} {words} before", holds=worked, asked=asked)]
        nonsense = account.patiently(lambda: account.login(secrets.token_urlsafe(12)), record)
        anything = nonsense.answer is Answer.SEEN
        witnesses.append(
            condition(f"a nonsense password {'was' if anything else 'was not'} accepted", holds=not anything)
        )
        change, session = Change(account.strong, []), _NOT_TESTED
        if nonsense.limited:  # the logins after the change would not be judged, the one that restores among them
            why = LoginAttempt(Answer.SILENT, f"not tested: the password was not changed, because {nonsense.detail}")
            change, session = replace(change, asked=why, new=why, old=why), why
        if isinstance(elsewhere, WebSession):
            with elsewhere:
                if worked and not nonsense.limited:
                    session = self._change(change, elsewhere, witnesses, record)
        changed, new, old = change.asked, change.new, change.old or _NOT_TESTED
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

    def _change(
        self, change: Change, elsewhere: WebSession, witnesses: list[Witness], record: Recorder
    ) -> LoginAttempt:
        """Change the password and restore it; return how a session that was open elsewhere ended."""
        account = self.account
        entered = account.patiently(lambda: account.enter(account.password), record)
        if isinstance(entered, LoginAttempt):
            change.asked = _not_in(entered)
            return change.asked
        with ExitStack() as stack:
            change.sessions.append(stack.enter_context(entered))
            try:
                change.asked = account.set(entered, account.password, account.strong)
                session = account.opens(elsewhere)
                change.new = _kept_open(account, change, stack, record)
                change.old = account.patiently(lambda: account.login(account.password), record)
            finally:
                witnesses.append(account.restore(change, record))
        return session


def _not_in(attempt: LoginAttempt) -> LoginAttempt:
    words = f"not tested: the login did not succeed: {attempt.detail}"
    return LoginAttempt(Answer.SILENT, words, limited=attempt.limited)


def _kept_open(account: WebAccount, change: Change, stack: ExitStack, record: Recorder) -> LoginAttempt:
    """Log in with the new password, and keep the session: it takes the change back where no login is let in."""
    entered = account.patiently(lambda: account.enter(change.password), record)
    if isinstance(entered, LoginAttempt):
        return entered
    change.sessions.insert(0, stack.enter_context(entered))
    return LoginAttempt(Answer.SEEN, f"{account.web.http_login.proof_path} answers 200 only with the session")


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
        account.check()
        limit: LoginAttempt | None = None
        for number, (row, password) in enumerate(self.weak.items(), start=1):
            record.progress(number, len(self.weak), row)
            attempt = limit or self._asked(password, record)
            limit = attempt if attempt.limited else None  # it was waited for: the next login would meet it as well
            facts.append(_fact(row, attempt))
            record.note(f"{row} -> {facts[-1].answer}: {facts[-1].detail}")
        strong = limit or self._asked(account.strong, record)
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
        entered = account.patiently(lambda: account.enter(account.password), record)
        if isinstance(entered, LoginAttempt):
            return _not_in(entered)
        with ExitStack() as stack:
            change = Change(password, [stack.enter_context(entered)])
            try:
                change.asked = account.set(entered, account.password, password)
                if change.asked.answer is not Answer.SEEN:
                    return change.asked
                change.new = _kept_open(account, change, stack, record)
            finally:
                account.restore(change, record)
        words = "works" if change.new.answer is Answer.SEEN else f"does not work ({change.new.detail})"
        return LoginAttempt(change.new.answer, f"the answer is {change.asked.detail}, and the password {words}")
