"""What is watched while malformed messages are sent: healthy answers, a held connection, and the id of the start."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import Self

from drivers.network.malformed.sending.liveness import Life, Liveness, Sign, is_closed
from drivers.network.malformed.sending.revival import Revival
from lab_config.component import Transport
from trustprobe.errors import DeviceLostError

PAUSE = 0.1
"""Seconds between two healthy requests to a service that does not answer; a board that boots gives no event."""
MOMENT = 1.0
"""Silence that ends within so many seconds is a slow moment; nothing is made of it."""
AGAIN = 5.0
"""Seconds of silence that confirm an earlier and longer one."""
SHORT_GAP = 10.0
"""The longest time that a service is waited for before the first message."""


class DamageKind(StrEnum):
    """What happened to a service after a message."""

    ENDED = "ended"
    """No process listened for a while, or the device has started again: this is proof on its own."""
    CLOSED = "closed"
    """A held connection was closed at once: proof when it happens again."""
    HUNG = "hung"
    """Silent, and back with the same start: proof if it happens again."""
    GONE = "gone"
    """It does not come back: proof if the bench is seen to work."""
    TURNED_AWAY = "turned away"
    """It accepts connections and closes them: protection or damage, which only the manufacturer can distinguish."""


@dataclass(frozen=True)
class Damage:
    """What was seen after a message."""

    kind: DamageKind
    words: str


class Watch:
    """Watches one service, and its device. Used as a context manager."""

    def __init__(
        self,
        liveness: Liveness,
        revival: Revival,
        note: Callable[[str], None],
        also: Callable[[], str | None] | None = None,
    ) -> None:
        """`also` returns what is wrong apart from the service, for example with a client of the device, or None."""
        self.liveness, self._revival, self._note, self._also = liveness, revival, note, also
        self._others = revival.services(liveness.target)
        streams = (one for one in (liveness, *self._others) if one.service.transport is Transport.TCP)
        self._holder = next(streams, None)
        self._held: socket.socket | None = None
        self._since = self._lasted = 0.0
        """When a connection was held, and how long the last one stayed open."""
        self._start: str | None = None
        self.missing = ""
        """What was not well before the first message."""
        self.gone = False
        """Whether the service does not answer any more."""
        self.bench_lives = False
        """Whether something showed that a lasting silence was the device's and not the bench's."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._drop()
        if kind is not None or self.gone:
            self._revival.forget_start()  # what was damaged here must not be laid at the door of the next messages

    @property
    def about(self) -> str:
        """The service whose healthy answers are watched."""
        return f"{self.liveness.service.about} ({self.liveness.service.protocol})"

    def begin(self) -> bool:
        """Whether the service answers now; learns what its answer looks like, and whether a connection can be held."""
        first = self._until_answered(min(self._revival.comes_back, SHORT_GAP))[-1]
        if first.life is not Life.ANSWERED:
            self.missing = f"{self.about} did not answer a healthy request before the first message"
            return False
        if self._also is not None:
            if missing := self._also():
                self.missing = f"before the first message: {missing}"
                return False
            self._revival.forget_start()  # some clients ask only where the device is started again
        self.liveness.before = first
        self._start = self._revival.known_start()
        self._hold()
        if self._held is None or self.liveness.ask().life is not Life.ANSWERED or is_closed(self._held):
            self._drop()
            self._holder = None  # it serves one connection at a time, and would be busy with ours
        return True

    @property
    def holds(self) -> bool:
        """Whether the service answers while another connection is open."""
        return self._holder is not None

    @property
    def words(self) -> str:
        """What was watched in addition to the healthy answers."""
        held = f"a connection to {self._holder.service.about} was held" if self._holder else "no connection was held"
        start = "the id of the start was compared" if self._start else "no id of the start could be read"
        return f"{held}; {start}"

    def look(self, *, again: bool = False) -> Damage | None:
        """Send a healthy request after a message, repeatedly if it is not answered. None if all is well.

        A silence that is there again need not last as long as the first one.
        """
        about, began = self.liveness.service.about, time.monotonic()
        signs = self._until_answered(min(self._revival.comes_back, AGAIN) if again else self._revival.comes_back)
        took = time.monotonic() - began
        lives = {sign.life for sign in signs}
        if signs[-1].life is not Life.ANSWERED:
            return self._lost(signs[-1], took, lives)
        if Life.NOBODY in lives:
            words = f"no process listened on {about} for {took:.1f} s"
            if self._held is not None and self._holder is self.liveness and not is_closed(self._held):
                return Damage(
                    DamageKind.HUNG, f"{words}, while a held connection stayed open"
                )  # a firewall may say that
            return Damage(DamageKind.ENDED, words)
        if Life.SILENT in lives and took > MOMENT:
            return Damage(DamageKind.HUNG, f"{about} was silent for {took:.1f} s")
        if self._held is not None and self._holder is not None and is_closed(self._held):
            self._lasted = time.monotonic() - self._since
            return Damage(DamageKind.CLOSED, f"the device closed a held connection to {self._holder.service.about}")
        return self._look_beside()

    def look_after_release(self, damage: Damage) -> Damage:
        """Look again at a service that was given up, after the connections that messages had left open were ended."""
        if self._until_answered(min(self._revival.comes_back, AGAIN))[-1].life is not Life.ANSWERED:
            return damage
        self.gone = False
        kind = DamageKind.HUNG if damage.kind is DamageKind.GONE else damage.kind
        return Damage(kind, f"{damage.words}, and answered again when the connection of the message was ended")

    def _look_beside(self) -> Damage | None:
        try:
            wrong = self._also() if self._also is not None else None
        except DeviceLostError as error:
            return Damage(
                DamageKind.HUNG, error.what
            )  # it has just answered: is that so again, or is the start another?
        if wrong is None:
            return None
        self.gone = self.bench_lives = True  # the service has just answered
        return Damage(DamageKind.GONE, wrong)

    def restarted(self) -> Damage | None:
        """Compare the id of the start with the one before. None also if there is no id."""
        before, now = self._start, self._revival.current_start()
        if before is None or now is None or now == before:
            return None
        self._start = now
        self._note(f"the id of the start was {before} and is {now}")
        return Damage(DamageKind.ENDED, "the device has started again")

    def settle(self, damage: Damage) -> Damage:
        """Bring the service back where it is gone, and say in the damage whether the device has started again."""
        if self.gone and damage.kind is DamageKind.GONE and self._revival.revive is not None:
            self._note("the service does not come back, so the power is switched off and on")
            self._revival.revive()
            self.gone = self._until_answered(self._revival.comes_back)[-1].life is not Life.ANSWERED
            self.bench_lives |= not self.gone
            if not self.gone:
                damage = replace(damage, words=f"{damage.words}, and was back after a power cycle")
                self._start = self._revival.current_start()
        elif not self.gone and (restart := self.restarted()) is not None:
            damage = Damage(DamageKind.ENDED, f"{damage.words}; {restart.words}")
        if not self.gone:
            self._hold()
        return damage

    def closes_anyway(self) -> bool:
        """Whether a held connection is closed without a message too: then none is held again."""
        self._hold()
        end = self._since + self._lasted + MOMENT  # it may be an idle time-out, seen as late as that
        while time.monotonic() < end and self._held is not None and not is_closed(self._held):
            self.liveness.ask()
            time.sleep(PAUSE)
        if closes := self._held is None or is_closed(self._held):
            self._note("a held connection is also closed without a message, so none is held from now on")
            self._holder = None
        self._hold()
        return closes

    def _lost(self, last: Sign, took: float, lives: set[Life]) -> Damage:
        about, self.gone = self.liveness.service.about, True
        if last.life is Life.TURNED_AWAY:
            return Damage(DamageKind.TURNED_AWAY, f"{about} has turned away healthy requests for {took:.1f} s")
        if last.life is Life.OTHERWISE:
            self.bench_lives = True
            words = f"{about} has answered a healthy request differently than before for {took:.1f} s: {last.words}"
            return Damage(DamageKind.GONE, words)
        self.bench_lives = self._alive_beside(lives)
        return Damage(DamageKind.GONE, f"{about} has not answered a healthy request for {took:.1f} s ({last.life})")

    def _alive_beside(self, lives: set[Life]) -> bool:
        """Whether another service of the device or its network stack answers. A link proves neither cable nor power."""
        alive = [other.service.about for other in self._others if other.ask().life is not Life.SILENT]
        if Life.NOBODY in lives:
            alive.append("the network stack")
        self._note(f"other parts that still answer: {', '.join(alive) or 'none'}")
        return bool(alive)

    def _until_answered(self, seconds: float) -> list[Sign]:
        """Ask until there is an answer or the time is up; what came, the last at the end."""
        end = time.monotonic() + seconds
        signs = [self.liveness.ask()]
        while signs[-1].life is not Life.ANSWERED and time.monotonic() < end:
            time.sleep(PAUSE)
            signs.append(self.liveness.ask())
        return signs

    def _hold(self) -> None:
        self._drop()
        if self._holder is not None:
            self._held, self._since = self._holder.hold(), time.monotonic()

    def _drop(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None
