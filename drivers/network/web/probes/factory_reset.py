"""The factory reset over the web administration: requested with and without authorisation, and what it leaves.

Something is changed and added before, so that the reset has something to take away. Whether what is left is a failure
is said by the cases.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from drivers.guessing.attempt import LoginAttempt
from drivers.login import Login
from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.administrator import Administrator
from drivers.network.web.administration.settings import Shown
from drivers.network.web.login.session import WebAsker, WebSession, asks_for_login
from drivers.network.web.probes.denial import denies, denies_in_words
from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from lab_config.component import Identity, ResetDeclaration, Setting, UserDataDeclaration
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition

_LOGIN = "a login after the reset"
_SETTING = "a setting that is read after the reset"
_DATA = "user data that is read after the reset"
_SERIAL = Asked(door="the web administration", shape="the serial number")


def _seen(what: str, *, holds: bool) -> str:
    return what if holds else f"not seen: {what}"


PAUSE = 0.1
"""Seconds between two looks at a device that starts again; it gives no event to wait for."""
_NO_SUCH = frozenset({404, 405, 501})
"""Statuses that refuse a request to everybody (RFC 9110, 15.5.5, 15.5.6 and 15.6.2)."""


@dataclass(frozen=True)
class Resettable:
    """The device as the reset probes need it. `ready` waits, at most so many seconds, until it answers."""

    web: Administration
    reset: ResetDeclaration
    identity: Identity
    setting: Setting
    ready: Callable[[float], object]

    def administrator(self, record: Recorder) -> Administrator:
        """Return the administrator, who is not logged in yet."""
        return Administrator(self.web, record)

    def started_again(self, admin: Administrator, before: Shown) -> Shown | None:
        """Wait until the device shows another start than before, as long as is declared; what it shows then."""
        until = time.monotonic() + self.reset.seconds
        while True:
            self.ready(max(0.0, until - time.monotonic()))
            now = admin.identity(self.identity)
            if now is not None and None not in {now.boot_id, before.boot_id} and now.boot_id != before.boot_id:
                return now
            if time.monotonic() + PAUSE >= until or admin.refused:
                return None
            Event().wait(PAUSE)


class ResetSeen(Observation):
    """What a factory reset left: facts `setting`, `user data` and `default password`, SEEN for what is still there."""

    shown_before: Shown | None = None
    shown_after: Shown | None = None
    restarted: bool
    """The device has started again since the reset was asked for."""


@dataclass(frozen=True)
class FactoryReset:
    """Change a setting, add user data, ask for the factory reset as administrator, and look what is left.

    `defaults` are passwords that must not hold afterwards. Witness: both were there before, the device started again,
    and the administrator's password of the label gets in.
    """

    device: Resettable
    user_data: UserDataDeclaration | None
    defaults: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """One observation."""
        return "factory_reset"

    def run(self, record: Recorder) -> ResetSeen:
        """Plant, reset, wait, look."""
        device, value, text = self.device, f"tp{secrets.token_hex(8)}", f"tp{secrets.token_hex(8)}"
        with device.administrator(record) as admin:
            changed = admin.change(device.setting, value)
            added = self.user_data is None or admin.add(self.user_data, text, text)
            before = admin.identity(device.identity)
            answer = admin.ask(device.reset.method, device.reset.path)
            words = "no answer" if answer is None else answer.words
            record.note(f"the answer to the reset is {words}")
            after = None
            if answer is None or not 400 <= answer.status < 500:  # some hang up, or lead elsewhere, when they reset
                admin.forget_session()
                after = device.started_again(admin, before or Shown())
            restarted = after is not None
            admin.forget_session()
            facts = [self._setting(admin, value)]
            if self.user_data is not None:
                facts.append(self._data(admin, self.user_data, text))
            allowed = admin.session() is not None
        facts += [self._default(user, password, record) for user, password in self.defaults]
        parts = {
            "a setting was changed before": changed,
            "user data was added before": added,
            f"the reset was accepted ({words})": restarted or (answer is not None and answer.ok),
            "the device started again": restarted,
        }
        conditions = [condition(_seen(what, holds=holds), holds=holds) for what, holds in parts.items()]
        asked = device.web.asked(_LOGIN)
        again = f"{device.web.user} logs in with the password of the label afterwards"
        back = Witness(what=_seen(again, holds=allowed), holds=allowed, asked=asked)
        return ResetSeen(
            question="Which data does a factory reset leave?",
            facts=tuple(facts),
            witness=all_of([back, *conditions]),
            asked=asked,
            shown_before=before,
            shown_after=after,
            restarted=restarted,
        )

    def _setting(self, admin: Administrator, value: str) -> Fact:
        now = admin.setting(self.device.setting)
        if now is None:
            words, asked = "the setting could not be read afterwards", self.device.web.asked(_SETTING)
            return Fact(about="setting", answer=Answer.SILENT, detail=words, asked=asked)
        kept = now == value
        words = "still has the value from before" if kept else f"reads {now[:100]!r}"
        detail = f"{self.device.setting.field} {words}"
        return Fact(about="setting", answer=Answer.SEEN if kept else Answer.REFUSED, detail=detail)

    def _data(self, admin: Administrator, user_data: UserDataDeclaration, text: str) -> Fact:
        still = admin.shows(user_data, text)
        if still is None:
            words, asked = f"{user_data.path} could not be read afterwards", self.device.web.asked(_DATA)
            return Fact(about="user data", answer=Answer.SILENT, detail=words, asked=asked)
        words = "still shows the data from before" if still else "no longer shows it"
        answer = Answer.SEEN if still else Answer.REFUSED
        return Fact(about="user data", answer=answer, detail=f"{user_data.path} {words}")

    def _default(self, user: str, password: str, record: Recorder) -> Fact:
        about = f"default password {user}:{password}"
        session = self.device.web.as_user(Login(user, password)).log_in()
        if isinstance(session, LoginAttempt):
            record.note(f"{about} -> {session.answer}: {session.detail}")
            return Fact(about=about, answer=session.answer, detail=session.detail)
        session.close()
        return Fact(about=about, answer=Answer.SEEN, detail="logs in after the reset")


class IdentityKept(Observation):
    """The serial number before and after a restart and a factory reset: facts `restart` and `factory reset`.

    SEEN is the number that was there before, REFUSED another one, SILENT none or no start in between.
    """

    before: str | None


@dataclass(frozen=True)
class CompareIdentity:
    """Compare the serial number over a restart and a factory reset, from what was read before. Asks nothing itself.

    Witness: a number was shown before, and the device is seen to have started in between, each time.
    """

    first: Shown
    restarted: Shown
    reset: ResetSeen | None
    """None if the product has no factory reset."""

    @property
    def name(self) -> str:
        """One observation."""
        return "identity_kept"

    def run(self, record: Recorder) -> IdentityKept:
        """Compare."""
        stages = {"restart": (self.first, self.restarted)}
        if self.reset is not None:
            stages["factory reset"] = (self.reset.shown_before or Shown(), self.reset.shown_after or Shown())
        facts, witnesses = [], []
        for about, (before, now) in stages.items():
            record.note(f"{about}: serial {before.serial} -> {now.serial}, boot id {before.boot_id} -> {now.boot_id}")
            started = None not in {before.boot_id, now.boot_id} and before.boot_id != now.boot_id
            start = "a new start" if started else "no new start"
            witnesses.append(condition(f"{start} was seen after the {about}", holds=started))
            read = before.serial is not None
            shown = f"a serial number {'was' if read else 'was not'} shown before the {about}"
            witnesses.append(Witness(what=shown, holds=read, asked=_SERIAL))
            if not started or None in {before.serial, now.serial}:
                answer = Answer.SILENT
            else:
                answer = Answer.SEEN if before.serial == now.serial else Answer.REFUSED
            detail = f"the serial number was {before.serial or 'none'} before and {now.serial or 'none'} after"
            facts.append(Fact(about=about, answer=answer, detail=detail, asked=_SERIAL))
        return IdentityKept(
            question="Does the serial number stay the same?",
            facts=tuple(facts),
            witness=all_of(witnesses),
            before=self.first.serial,
        )


@dataclass(frozen=True)
class ResetUnauthorised:
    """Ask for the factory reset without a login, and as a viewer. SEEN is a reset that was taken, or that happened.

    Unless the answer is a plain refusal, the device has the declared time to start again: some say "Please log in
    again", lead to the start page, or hang up when they reset.
    Witness: the administrator's session, and the viewer's, are valid at the time.
    """

    device: Resettable
    viewer: Login | None
    """None if the product has no viewer."""

    @property
    def name(self) -> str:
        """One observation."""
        return "reset_unauthorised"

    def run(self, record: Recorder) -> Observation:
        """Ask as nobody, then as the viewer."""
        facts, witnesses = [], []
        for who, login in {"anonymous": None, "viewer": self.viewer}.items():
            if login is None and who == "viewer":
                continue
            fact, witness = self._asked(who, login, record)
            facts.append(fact)
            witnesses.append(witness)
        return Observation(
            question="Who other than the administrator can reset the device to its factory state?",
            facts=tuple(facts),
            witness=all_of(witnesses),
        )

    def _asked(self, who: str, login: Login | None, record: Recorder) -> tuple[Fact, Witness]:
        device = self.device
        asker: WebAsker | LoginAttempt = device.web.client()
        if login is not None:
            asker = device.web.as_user(login).log_in()
        if isinstance(asker, LoginAttempt):
            detail = f"not tested: the login of {who} did not succeed ({asker.detail})"
            return Fact(about=who, answer=Answer.SILENT, detail=detail), condition(detail, holds=False)
        with device.administrator(record) as admin:
            before = admin.identity(device.identity)
            session = admin.session()
            answer = self._request(asker)
            words = answer.words if isinstance(answer, WebAnswer) else f"no answer: {answer.detail}"
            record.note(f"{who}: {device.reset.method} {device.reset.path} -> {words}")
            taken = self._taken(answer)
            plain = isinstance(answer, WebAnswer) and self._plainly_refused(answer)
            happened = not plain and device.started_again(admin, before or Shown()) is not None
            now = admin.identity(device.identity)
            happened = happened or (before is not None and now is not None and before.boot_id != now.boot_id)
            valid = before is not None and now is not None and (taken or happened or admin.session() is session)
        if isinstance(asker, WebSession):
            asker.close()
        if taken or happened:
            kind, more = Answer.SEEN, "; the device started again" if happened else "; it has not started again yet"
        else:
            refused = isinstance(answer, WebAnswer) and (plain or self._refused(answer))
            kind, more = Answer.REFUSED if refused else Answer.SILENT, ""
        asked = device.web.asked("the start after a request for a reset")
        state = "is valid at the same time" if valid else "is not valid at the same time"
        return (
            Fact(about=who, answer=kind, detail=f"{words}{more}", asked=asked),
            Witness(what=f"the session of {device.web.user} {state}", holds=valid, asked=asked),
        )

    def _request(self, asker: WebAsker) -> WebAnswer | NoAnswerError:
        try:
            return asker.request(self.device.reset.method, self.device.reset.path)
        except NoAnswerError as error:
            return error

    def _refused(self, answer: WebAnswer) -> bool:
        return asks_for_login(answer, self.device.reset.path, self.device.web.http_login) or denies(answer)

    def _plainly_refused(self, answer: WebAnswer) -> bool:
        """Whether an answer leaves no doubt: a status, the login form or the way to it, or a document that denies."""
        if (target := answer.target(self.device.reset.path)) is not None and target.split("?")[0] == "/":
            return False
        document = answer.json()
        in_words = isinstance(document, dict | list) and denies_in_words(document)
        form = asks_for_login(answer, self.device.reset.path, self.device.web.http_login)
        return form or in_words or answer.status in _NO_SUCH

    def _taken(self, answer: WebAnswer | NoAnswerError) -> bool:
        return isinstance(answer, WebAnswer) and answer.ok and not self._refused(answer)
