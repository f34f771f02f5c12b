"""Whether the device takes a message of a component from somebody whom it was never paired with.

The message is a reading made for this run, and what counts is its effect: whether it shows where somebody reads who has
authority. How it is sent, by whom, and how it is read is said for each protocol in `unpaired_coap`, `_mqtt`, `_http`.
"""

import re
import secrets
import string
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition, printable

POLL_SECONDS = 0.05
"""How long until a page is read once more: what a page shows gives no event."""
_ATTEMPTS = 5
_SHOWN = 300
_CLASSES = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
_HEXADECIMAL = ("0123456789abcdef", "0123456789ABCDEF")


@dataclass(frozen=True)
class MessageReply:
    """What the device said to a message: SEEN where its protocol's own word is that it was taken, else SILENT."""

    answer: Answer
    words: str


Send = Callable[[bytes], MessageReply]


@dataclass(frozen=True)
class Stranger:
    """Somebody who was never paired; `label` says what he shows of himself."""

    label: str
    send: Send


class Talker(Protocol):
    """Sends a message as the paired component, or as somebody else."""

    def paired(self, payload: bytes) -> MessageReply:
        """Send it as the component."""

    def strangers(self, folder: Path) -> tuple[Stranger, ...]:
        """Return who else sends it; certificates that are made up are written to the folder."""


class UnreadableError(Exception):
    """Nobody could look whether a message shows; the text says why."""


class WindowWatch(Protocol):
    """A look at where messages show, from before one is sent."""

    def shows(self, reading: re.Pattern[str], seconds: float) -> bool:
        """Whether it shows within so many seconds; UnreadableError where nobody can tell."""


class Window(Protocol):
    """Where messages show."""

    @property
    def name(self) -> str:
        """Its name in observations: `GET /api/status of administrator`."""

    def watch(self) -> AbstractContextManager[WindowWatch]:
        """Look from now on; UnreadableError where nobody can."""

    def close(self) -> None:
        """End what was held open between two looks."""


@dataclass(frozen=True)
class Polled:
    """A page that is read again and again."""

    read: Callable[[], bytes]

    def shows(self, reading: re.Pattern[str], seconds: float) -> bool:
        """Whether it shows; the last look is taken when the time is over, and has to be one."""
        deadline = time.monotonic() + seconds
        while True:
            last = time.monotonic() >= deadline
            try:
                if reading.search(self.read().decode("utf-8", "replace")):
                    return True
            except UnreadableError:
                if last:
                    raise
            if last:
                return False
            time.sleep(POLL_SECONDS)


@dataclass(frozen=True)
class ComponentReading:
    """A message with a value that no other message has."""

    value: str
    payload: bytes

    @classmethod
    def of(cls, message: str) -> "ComponentReading":
        """Make one: `{nonce}` is a new word, `{number}` a new number."""
        value = secrets.token_hex(8) if "{nonce}" in message else str(10_000 + secrets.randbelow(90_000))
        return cls(value, message.replace("{nonce}", value).replace("{number}", value).encode())

    @property
    def pattern(self) -> re.Pattern[str]:
        """Find the value, and not within a longer word or number."""
        return re.compile(rf"(?<![0-9A-Za-z]){re.escape(self.value)}(?![0-9A-Za-z])")


def alike(secret: str) -> str:
    """Return a credential of the same form that nobody gave out: as long, of the same kinds of characters."""
    whole = next((known for known in _HEXADECIMAL if secret and set(secret) <= set(known)), None)

    def other(character: str) -> str:
        kind = whole or next((known for known in _CLASSES if character in known), character)
        return secrets.choice(kind)

    made = "".join(map(other, secret))
    return made if made != secret else f"{made}{secrets.token_hex(2)}"


@dataclass(frozen=True)
class AskUnpaired:
    """Send a component's message as several strangers; SEEN is one that shows, or that the device says it took.

    REFUSED is in the device's own bytes. Witness: the paired component's message showed, before and after, and
    the window could be read after each stranger's message.
    """

    component: str
    message: str
    talker: Talker
    window: Window
    seconds: float

    @property
    def name(self) -> str:
        """One observation a component."""
        return f"unpaired.{self.component}"

    def run(self, record: Recorder) -> Observation:
        """Ask; BenchError when this machine cannot send."""
        with TemporaryDirectory() as folder, closing(self.window):
            strangers = self.talker.strangers(Path(folder))
            before, usual = self._paired("before", record)
            facts, missed = [], list[Witness]()
            for done, one in enumerate(strangers):
                record.progress(done, len(strangers), f"{self.component}: {one.label}")
                facts.append(self._stranger(one, 2 * usual, record, missed))
            after, _ = self._paired("after", record)
        question = f"Does the device accept a message of {self.component} from a sender that it was never paired with?"
        witness = all_of((before, *missed, after))
        return Observation(question=question, facts=tuple(facts), witness=witness, asked=self._asked)

    @property
    def _asked(self) -> Asked:
        return Asked(door=self.component, shape="a message that shows its effect")

    def _paired(self, when: str, record: Recorder) -> tuple[Witness, float]:
        """Send as the component; return whether it showed, and after how many seconds."""
        begun = time.monotonic()
        try:
            said, shown = self._deliver(self.talker.paired, self.seconds)
            words = f"{said.words}; {'shows' if shown else 'does not show'} at {self.window.name}"
        except UnreadableError as error:
            shown, words = False, str(error)
        record.note(f"paired, {when}: {words}")
        what = f"the message of the paired {self.component} {when}: {printable(words, _SHOWN)}"
        return Witness(what=what, holds=shown, asked=self._asked), time.monotonic() - begun

    def _stranger(self, one: Stranger, usual: float, record: Recorder, missed: list[Witness]) -> Fact:
        """Send as somebody else; `missed` gets a witness that does not hold where nobody could look."""
        try:
            said, shown = self._deliver(one.send, usual)
            answer = Answer.SEEN if shown else said.answer
            words = f"{said.words}; {'shows' if shown else 'does not show'} at {self.window.name}"
        except UnreadableError as error:
            answer, words = Answer.SILENT, f"the effect could not be read: {error}"
            missed.append(condition(printable(f"{one.label}: {words}", _SHOWN), holds=False))
        record.note(f"{one.label} -> {answer}: {words}")
        return Fact(about=f"{self.component}: {one.label}", answer=answer, detail=printable(words, _SHOWN))

    def _deliver(self, send: Send, usual: float) -> tuple[MessageReply, bool]:
        """Send a new message and look whether it shows; where it was refused, for as long as messages usually take."""
        with self.window.watch() as watch:
            reading = self._new(watch)
            said = send(reading.payload)
            patience = min(self.seconds, usual) if said.answer is Answer.REFUSED else self.seconds
            try:
                return said, watch.shows(reading.pattern, patience)
            except UnreadableError:
                if said.answer is Answer.SEEN:
                    return said, False
                raise

    def _new(self, watch: WindowWatch) -> ComponentReading:
        """Make a message whose value does not show yet."""
        for _ in range(_ATTEMPTS):
            reading = ComponentReading.of(self.message)
            if not watch.shows(reading.pattern, 0.0):
                return reading
        raise UnreadableError(f"{self.window.name} showed every new value before it was sent")
