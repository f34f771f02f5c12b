"""Settings and identifiers that the web administration shows: changed, read back, read.

Both need a login, which is made here; what a value should be is said by the cases.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields

from drivers.guessing.attempt import LoginAttempt
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.api_session import ApiAccount
from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from drivers.network.web.transport.json_names import lookup, nested
from lab_config.component import Identity, Setting
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, printable

VALUE_LIMIT = 256
"""Characters of a value of the device that are kept."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0
"""Seconds between two tries to read a setting of a product that may still be starting. They double."""
MOST_REFUSALS = 2
"""Refused logins after which a setting is not read again: further ones could lock the account, or the address."""
_NOT_LET_IN = (401, 403)


@dataclass(frozen=True)
class Shown:
    """The identifiers that a product shows; None for what is missing."""

    model: str | None = None
    version: str | None = None
    serial: str | None = None
    boot_id: str | None = None
    slot: str | None = None


class IdentityRead(Observation):
    """The identifiers; a fact for each declared one."""

    model: str | None
    version: str | None
    serial: str | None
    boot_id: str | None
    slot: str | None


class SettingChange(Observation):
    """A setting changed and read back in a new session; facts `written`, `read_back`, and `kept` over a restart."""

    path: str
    field: str
    old: str | None
    new: str
    restored: bool


def shown_by(document: object, identity: Identity) -> Shown:
    """Pick the identifiers out of the declared resource."""

    def value(name: str | None) -> str | None:
        found = lookup(document, name) if name else None
        return None if found is None else printable(found, VALUE_LIMIT)[:VALUE_LIMIT]

    return Shown(
        value(identity.model_field),
        value(identity.version_field),
        value(identity.serial_field),
        value(identity.boot_id_field),
        value(identity.slot_field),
    )


@dataclass(frozen=True)
class _Reading:
    """How one try to read a setting ended: the value, or what another try costs."""

    value: str | None = None
    refused: bool = False
    """The login was refused, or the session was."""
    missing: bool = False
    """The document came, and the setting is not in it."""
    rest: float = 0.0
    """Seconds after which the device permits another try, in its own words."""


@dataclass(frozen=True)
class ReadIdentity:
    """Read the identifiers. Witness for a missing one: the same answer holds another."""

    web: Administration | ApiAccount
    identity: Identity

    @property
    def name(self) -> str:
        """One observation."""
        return "identity"

    def run(self, record: Recorder) -> IdentityRead:
        """Log in, and read."""
        answer = self._answer(record)
        good = answer is not None and answer.status == 200
        shown = shown_by(answer.json(), self.identity) if answer is not None and good else Shown()
        declared = [part.name for part in fields(Shown) if part.name != "slot" or self.identity.slot_field]
        facts = []
        for part in declared:
            found = getattr(shown, part)
            detail = found if found is not None else f"not in the answer of {self.identity.path}"
            facts.append(Fact(about=part, answer=Answer.SILENT if found is None else Answer.SEEN, detail=detail))
        holds = any(fact.answer is Answer.SEEN for fact in facts)
        words = "shows an identifier" if holds else "shows no identifier"
        asked = self.web.asked(f"GET {self.identity.path}")
        return IdentityRead(
            question="Which model, version, serial number and boot id does the product show?",
            facts=tuple(facts),
            witness=Witness(what=f"GET {self.identity.path} {words}", holds=holds, asked=asked),
            asked=asked,
            **{part.name: getattr(shown, part.name) for part in fields(Shown)},
        )

    def _answer(self, record: Recorder) -> WebAnswer | None:
        if (session := self.web.session(record)) is None:
            return None
        with session:
            answer = _get(session, self.identity.path, record)
        if answer is not None:
            record.keep("identity.json", answer.body)
        return answer


def _get(session: WebSession, path: str, record: Recorder) -> WebAnswer | None:
    try:
        answer = session.request("GET", path)
    except NoAnswerError as error:
        record.note(f"{session.user}: GET {path} -> no answer: {error.detail}")
        return None
    record.note(f"{session.user}: GET {path} -> {answer.words}")
    return answer


@dataclass(frozen=True)
class ChangeSetting:
    """Write a harmless setting, read it back in a new session, after a restart too if one is given, and restore it.

    Witness: the setting could be read before. `restart` restarts the device and returns when it answers again.
    """

    web: Administration | ApiAccount
    setting: Setting
    new_value: str
    restart: Callable[[], None] | None = None
    start_seconds: float = 0.0
    """How long after the restart a setting that cannot be read is read again: logins may come after the first page."""
    wait: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait)

    @property
    def name(self) -> str:
        """One observation; the restart makes it another question."""
        return "setting_change" if self.restart is None else "setting_kept"

    def run(self, record: Recorder) -> SettingChange:
        """Read, write, read again, restore."""
        old = self._read(record)
        facts = [self._written(record) if old is not None else self._fact("written", None, "")]
        restored = old is not None
        try:
            facts.append(self._compared("read_back", old, record))
            if facts[0].answer is Answer.SILENT and facts[1].answer is Answer.SEEN:  # the effect counts, not the status
                words = f"{facts[0].detail}, but the new value reads back"
                facts[0] = facts[0].model_copy(update={"answer": Answer.SEEN, "detail": words})
            if self.restart is not None and old is not None:
                self.restart()
                facts.append(self._fact("kept", old, self._read_once_started(record)))
            elif self.restart is not None:
                facts.append(self._fact("kept", None, ""))
        finally:
            if old is not None:
                restored = self._write(old, record)[0] is Answer.SEEN or self._read(record) == old
        words = "could be read before" if old is not None else "could not be read"
        asked = self.web.asked(f"GET {self.setting.path}")
        what = f"{self.setting.field} of {self.setting.path} {words}"
        return SettingChange(
            question=f"Does a change of {self.setting.field} take effect?",
            facts=tuple(facts),
            witness=Witness(what=what, holds=old is not None, asked=asked),
            asked=asked,
            path=self.setting.path,
            field=self.setting.field,
            old=None if old is None else printable(old, VALUE_LIMIT)[:VALUE_LIMIT],
            new=self.new_value,
            restored=restored,
        )

    def _read(self, record: Recorder) -> str | None:
        return self._reading(record).value

    def _reading(self, record: Recorder) -> _Reading:
        """Read the setting in a session of its own."""
        session = self.web.log_in()
        if isinstance(session, LoginAttempt):
            record.note(f"the login of {self.web.user} -> {session.answer}: {session.detail}")
            is_refused = session.judged is Answer.REFUSED and not session.limited
            return _Reading(refused=is_refused, rest=session.retry_after or 0.0)
        with session:
            answer = _get(session, self.setting.path, record)
        if answer is None or answer.status != 200:
            return _Reading(refused=answer is not None and answer.status in _NOT_LET_IN)
        document = answer.json()
        value = lookup(document, self.setting.field)
        return _Reading(value, missing=value is None and document is not None)

    def _read_once_started(self, record: Recorder) -> str | None:
        """Read the setting, and again until the product has had the time to start.

        A refused login is repeated once, after the longest pause: the accounts may come later than the page.
        """
        until, pause, refusals = time.monotonic() + self.start_seconds, FIRST_PAUSE, 0
        while (found := self._reading(record)).value is None and not found.missing:
            refusals += found.refused
            left = until - time.monotonic()
            if left <= 0 or found.rest > left or refusals >= MOST_REFUSALS:
                break
            self.wait(min(max(LONGEST_PAUSE if found.refused else pause, found.rest), left))
            pause = min(2 * pause, LONGEST_PAUSE)
        return found.value

    def _write(self, value: str, record: Recorder) -> tuple[Answer, str]:
        if (session := self.web.session(record)) is None:
            return Answer.SILENT, "there is no session to write with"
        method = self.setting.method
        with session:
            try:
                answer = session.request(method, self.setting.path, json=nested(self.setting.field, value))
            except NoAnswerError as error:
                return Answer.SILENT, f"no answer: {error.detail}"
        record.note(f"{self.web.user}: {method} {self.setting.path} {self.setting.field}={value} -> {answer.words}")
        if answer.ok:
            return Answer.SEEN, answer.words
        return (Answer.REFUSED if 400 <= answer.status < 500 else Answer.SILENT), answer.words

    def _written(self, record: Recorder) -> Fact:
        answer, words = self._write(self.new_value, record)
        asked = self.web.asked(
            f"{self.setting.method} {self.setting.path}"
        )  # that the setting can be read says nothing of it
        return Fact(about="written", answer=answer, detail=words, asked=asked)

    def _compared(self, about: str, old: str | None, record: Recorder) -> Fact:
        return self._fact(about, old, self._read(record) if old is not None else "")

    def _fact(self, about: str, old: str | None, now: str | None) -> Fact:
        if old is None:
            return Fact(about=about, answer=Answer.SILENT, detail="not tested: the setting could not be read before")
        if now is None:  # that it could be read before says nothing of this
            asked = self.web.asked(f"GET {self.setting.path} ({about})")
            return Fact(about=about, answer=Answer.SILENT, detail="the setting could not be read", asked=asked)
        answer = {self.new_value: Answer.SEEN, old: Answer.REFUSED}.get(now, Answer.SILENT)
        return Fact(about=about, answer=answer, detail=f"reads {printable(now, VALUE_LIMIT)[:VALUE_LIMIT]}")
