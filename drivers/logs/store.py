"""The local log of the device, in its web administration: who can read, clear and write it, and whether it persists.

A record is known by a user name made for the run: a login under that name fails, and the name is looked for in the log.
Whether an answer is a failure is said by the cases.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from drivers.login import Login
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.session import WebAsker, WebSession, asks_for_login
from drivers.network.web.probes.access import WebRequest
from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from lab_config.component import LogStoreDeclaration
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition

_READ = Asked(door="the local log", shape="a record that is read")
_CLEAR = Asked(door="the local log", shape="a request to clear it")

_TURNED_AWAY = frozenset({401, 403, 404, 405, 501})
_SHARED = 24
"""Characters of a line of the log from which on it is no accident that another answer shows it too."""


@dataclass(frozen=True)
class LogStore:
    """The local log, and the logins that ask for it: one with the right, and maybe one without."""

    web: Administration
    declaration: LogStoreDeclaration
    lesser: Login | None = None

    @contextmanager
    def opened(self, record: Recorder) -> Iterator["_Desk"]:
        """Log everybody in, and out again."""
        with ExitStack() as stack:

            def entered(web: Administration) -> WebSession | None:
                session = web.session(record)
                return stack.enter_context(session) if session is not None else None

            admin = entered(self.web)
            askers: dict[str, WebAsker | None] = {"anonymous": self.web.client()}
            if self.lesser is not None:
                askers[self.lesser.user] = entered(self.web.as_user(self.lesser))
            yield _Desk(self, admin, askers, record)


@dataclass(frozen=True)
class _Desk:
    """Somebody with the right to the log, and those without it."""

    store: LogStore
    admin: WebSession | None
    askers: dict[str, WebAsker | None]
    record: Recorder

    def ask(self, who: str, asker: WebAsker | None, ask: WebRequest) -> WebAnswer | NoAnswerError:
        """Send a request for somebody, and note how it went."""
        if asker is None:
            return NoAnswerError(Answer.SILENT, f"not tested: the login of {who} failed", connected=False)
        answer = ask.sent_by(asker)
        self.record.note(f"{who}: {ask.about} -> {_words(answer)}")
        return answer

    def read(self, name: str) -> bytes | None:
        """Read the log with an authorised login. Return None if this fails."""
        answer = self.ask(self.store.web.user, self.admin, WebRequest("GET", self.store.declaration.path))
        if not isinstance(answer, WebAnswer) or not answer.ok:
            return None
        self.record.keep(f"{name}.json", answer.body)
        return answer.body

    def refuses(self, answer: WebAnswer | NoAnswerError) -> bool:
        """Whether the device turns the asker away in its own bytes."""
        if isinstance(answer, NoAnswerError):
            return False
        path = self.store.declaration.path
        return answer.status in _TURNED_AWAY or asks_for_login(answer, path, self.store.web.http_login)


def _words(answer: WebAnswer | NoAnswerError) -> str:
    return f"no answer: {answer.detail}" if isinstance(answer, NoAnswerError) else answer.words


def _readable(subject: str, shown: bytes | None) -> Witness:
    holds = shown is not None and subject.encode() in shown
    words = "shows" if holds else "does not show"
    return Witness(what=f"the log {words} the record of {subject} to an authorised reader", holds=holds, asked=_READ)


def _untested(answer: WebAnswer | NoAnswerError) -> str:
    """Say why a request did not end as the authorised one did. It is empty where an answer came."""
    return _words(answer) if isinstance(answer, NoAnswerError) else ""


def _lines(body: bytes) -> set[bytes]:
    """Cut a log into pieces that are long enough to be told from chance."""
    pieces = body.replace(b"}", b"\n").splitlines()
    return {piece for piece in pieces if len(piece) >= _SHARED}


@dataclass(frozen=True)
class ReadLog:
    """Ask for the log without a login and with a lesser one. SEEN is a record; witness: authority sees that record."""

    store: LogStore
    cause: Callable[[str], None]
    """Makes the device log a failed login under a name."""

    @property
    def name(self) -> str:
        """One observation."""
        return "log_read_access"

    def run(self, record: Recorder) -> Observation:
        """Cause a record, and read it with an authorised login, then without."""
        subject = f"tp-{secrets.token_hex(4)}"
        self.cause(subject)
        with self.store.opened(record) as desk:
            shown = desk.read("authority")
            ask = WebRequest("GET", self.store.declaration.path)
            answers = {who: desk.ask(who, asker, ask) for who, asker in desk.askers.items()}
            facts = tuple(self._fact(desk, who, answer, subject, shown or b"") for who, answer in answers.items())
        return Observation(
            question="Who can read the local log of the device?",
            facts=facts,
            left_open={who: words for who, answer in answers.items() if (words := _untested(answer))},
            witness=_readable(subject, shown),
            asked=_READ,
        )

    def _fact(self, desk: _Desk, who: str, answer: WebAnswer | NoAnswerError, subject: str, shown: bytes) -> Fact:
        if desk.refuses(answer):
            return Fact(about=who, answer=Answer.REFUSED, detail=_words(answer))
        if isinstance(answer, WebAnswer) and (subject.encode() in answer.body or _lines(answer.body) & _lines(shown)):
            return Fact(about=who, answer=Answer.SEEN, detail=f"shows records: {answer.words}")
        return Fact(about=who, answer=Answer.SILENT, detail=f"shows no record: {_words(answer)}")


@dataclass(frozen=True)
class ClearLog:
    """Request to clear the log without a login and with a lesser one; then with an authorised login, the witness.

    SEEN is a record that is gone. This clears the log of the device.
    """

    store: LogStore
    cause: Callable[[str], None]

    @property
    def name(self) -> str:
        """One observation."""
        return "log_clear_access"

    def run(self, record: Recorder) -> Observation:
        """Cause a record, and see who makes it go."""
        with self.store.opened(record) as desk:
            facts, witnesses, left_open = [], [], dict[str, str]()
            for who, asker in desk.askers.items():
                fact, witness, doubt = self._attempt(desk, who, asker)
                facts.append(fact)
                witnesses.append(witness)
                left_open |= {who: doubt} if doubt else {}
            if self.store.declaration.clear:
                fact, witness, _ = self._attempt(desk, self.store.web.user, desk.admin)
                cleared = fact.answer is Answer.SEEN
                words = "clears" if cleared else "does not clear"
                witnesses += [
                    witness,
                    Witness(
                        what=f"the same request with an authorised login {words} the log", holds=cleared, asked=_CLEAR
                    ),
                ]
        return Observation(
            question="Who can clear the local log of the device?",
            facts=tuple(facts),
            left_open=left_open,
            witness=all_of(witnesses),
            asked=_CLEAR if self.store.declaration.clear else _READ,
        )

    def _attempt(self, desk: _Desk, who: str, asker: WebAsker | None) -> tuple[Fact, Witness, str]:
        """Request to clear the log. Also return what shows it, and why the fact is left open."""
        subject = f"tp-{secrets.token_hex(4)}"
        self.cause(subject)
        before = desk.read(f"before-{who}")
        declaration = self.store.declaration
        data = b"" if declaration.clear_method == "POST" else None
        answer = desk.ask(who, asker, WebRequest(declaration.clear_method, declaration.path, data=data))
        after = desk.read(f"after-{who}")
        witness, doubt = _readable(subject, before), _untested(answer)
        if after is None:
            doubt = doubt or "the log could not be read after the request"
            fact = Fact(about=who, answer=Answer.SILENT, detail=f"{doubt}: {_words(answer)}")
        elif witness.holds and subject.encode() not in after:
            doubt = ""
            fact = Fact(about=who, answer=Answer.SEEN, detail=f"the record is gone: {_words(answer)}")
        elif desk.refuses(answer):
            fact = Fact(about=who, answer=Answer.REFUSED, detail=_words(answer))
        else:
            fact = Fact(about=who, answer=Answer.SILENT, detail=f"the record is still there: {_words(answer)}")
        return fact, witness, doubt


@dataclass(frozen=True)
class WriteLog:
    """Send records to the log, without a login and with a lesser one. SEEN is one that the log then shows.

    Witness: the log shows the record that the device made itself, at the end.
    """

    store: LogStore
    cause: Callable[[str], None]
    methods: tuple[str, ...] = ("POST", "PUT", "PATCH")

    @property
    def name(self) -> str:
        """One observation."""
        return "log_write_access"

    def run(self, record: Recorder) -> Observation:
        """Send a record of a kind to each method, then read."""
        subject = f"tp-{secrets.token_hex(4)}"
        self.cause(subject)
        answers: dict[str, tuple[str, WebAnswer | NoAnswerError, bool]] = {}
        with self.store.opened(record) as desk:
            for who, asker in desk.askers.items():
                for method in self.methods:
                    marker = f"tp-{secrets.token_hex(4)}"
                    forged = {"event": "LOGINOK", "user": marker, "message": marker}
                    answer = desk.ask(who, asker, WebRequest(method, self.store.declaration.path, forged))
                    answers[f"{method} {who}"] = (marker, answer, desk.refuses(answer))
            shown = desk.read("after")
        return Observation(
            question="Who can write to the local log of the device?",
            facts=tuple(_written(about, *came, shown or b"") for about, came in answers.items()),
            left_open={about: words for about, (_, answer, _) in answers.items() if (words := _untested(answer))},
            witness=_readable(subject, shown),
            asked=_READ,
        )


def _written(about: str, marker: str, answer: WebAnswer | NoAnswerError, refused: bool, shown: bytes) -> Fact:
    if marker.encode() in shown:
        return Fact(about=about, answer=Answer.SEEN, detail=f"the log shows the sent record: {_words(answer)}")
    kind = Answer.REFUSED if refused else Answer.SILENT
    return Fact(about=about, answer=kind, detail=f"the log does not show the sent record: {_words(answer)}")


@dataclass(frozen=True)
class KeepLog:
    """Cause a record, restart the device, and look for it again.

    Witness: it was there before, the log was readable afterwards, and `boot_id` has changed.
    """

    store: LogStore
    cause: Callable[[str], None]
    restart: Callable[[], None]
    """Restarts the device, and returns when it answers again."""
    boot_id: Callable[[], str | None]

    @property
    def name(self) -> str:
        """One observation."""
        return "log_kept"

    def run(self, record: Recorder) -> Observation:
        """Cause, read, restart, read."""
        subject = f"tp-{secrets.token_hex(4)}"
        self.cause(subject)
        with self.store.opened(record) as desk:
            before = desk.read("before")
        boot = self.boot_id()
        self.restart()
        again = self.boot_id()
        with self.store.opened(record) as desk:
            after = desk.read("after")
        restarted = boot is not None and again is not None and boot != again
        kept = subject.encode() in (after or b"")
        words = "was seen: the boot id changed" if restarted else f"was not seen: the boot id was {boot} and is {again}"
        readable = "could be read" if after else "could not be read"
        witnesses = (
            _readable(subject, before),
            condition(f"the restart {words}", holds=restarted),
            condition(f"the log {readable} after it", holds=bool(after)),
        )
        fact = Fact(
            about="record",
            answer=Answer.SEEN if kept else Answer.SILENT,
            detail=f"the log had {len(before or b'')} octets before the restart and {len(after or b'')} after it",
        )
        question = "Does the log survive a restart?"
        return Observation(question=question, facts=(fact,), witness=all_of(witnesses), asked=_READ)
