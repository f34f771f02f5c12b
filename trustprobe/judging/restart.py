"""One restart that several probes see: the power is switched off once, and each of them takes part.

A board may take a minute to boot. Each probe does its work before the restart and then waits here. When all of them
wait, the power is cycled, and each continues as if the restart had been its own.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from drivers.power.evidence import RestartEvidence
from trustprobe.errors import HarnessError
from trustprobe.probe import Observation, Probe, Recorder, Witness

Observed = TypeVar("Observed", bound=Observation, covariant=True)
PATIENCE_SECONDS = 120.0
"""How long the waiting probes wait for one that is not ready. Then they restart without it."""


class SharedRestart:
    """The one restart. `cycle` switches the power off and on; a probe takes part as a `Participant`."""

    def __init__(
        self,
        cycle: Callable[[], None],
        patience: float = PATIENCE_SECONDS,
        evidence: RestartEvidence | None = None,
    ) -> None:
        self.evidence = evidence
        """What shows that the restart happened. Without it, the restart is believed."""
        self.session = threading.Lock()
        """Held by the probe that is logged in: a device may support one session at a time."""
        self._cycle = cycle
        self._patience = patience
        self._changed = threading.Condition()
        self._expected: set[object] = set()
        self._waiting: set[object] = set()
        self._done: Future[None] = Future()
        self._going = False

    def expect(self, participant: object) -> None:
        """Wait for this one, until it arrives or leaves. HarnessError when the restart has begun."""
        with self._changed:
            if self._going:
                raise HarnessError("a probe requested a restart that is already over.", "Report this fault.")
            self._expected.add(participant)

    def arrive(self, participant: object) -> None:
        """Wait for the others, and return when the power is back; the last one switches. Raises what the switch raised.

        HarnessError for one who comes after the restart.
        """
        with self._changed:
            if self._going:
                raise HarnessError(
                    "a probe was too late for its restart.", "Report this fault with the evidence folder."
                )
            self._waiting.add(participant)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._going or self._expected <= self._waiting, self._patience)
            first, self._going = not self._going, True
            self._changed.notify_all()
        if first:
            self._restart()
        self._done.result()

    def leave(self, participant: object) -> None:
        """Say that this one needs no restart any more."""
        with self._changed:
            self._expected.discard(participant)
            self._changed.notify_all()

    def await_others(self, participant: object) -> None:
        """Return when every other participant waits: what comes next is as close to the restart as can be."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._going or self._expected - {participant} <= self._waiting, self._patience / 2
            )

    def _restart(self) -> None:
        try:
            self._cycle()
        except BaseException as error:  # noqa: BLE001 - every participant has to hear of it
            self._done.set_exception(error)
        else:
            self._done.set_result(None)


class Participant:
    """One probe's part in the restart. With `logs_in`, only one such probe at a time is at work before and after it.

    One that comes `last` begins when all others wait: a console that is read for minutes may show anything.
    """

    def __init__(self, shared: SharedRestart, *, logs_in: bool = False, last: bool = False) -> None:
        self._shared = shared
        self._logs_in = logs_in
        self._last = last

    def restart(self) -> None:
        """Wait for the others and for the power. Other probes can log in meanwhile."""
        if self._logs_in:
            self._shared.session.release()
        try:
            self._shared.arrive(self)
        finally:
            if self._logs_in:
                self._shared.session.acquire()

    @property
    def premise(self) -> Witness | None:
        """The restart itself, on which the probe's answers rest."""
        return None if self._shared.evidence is None else self._shared.evidence.witness

    def confirm(self, sign: str) -> None:
        """Add a sign of the restart for all participants."""
        if self._shared.evidence is not None:
            self._shared.evidence.confirm(sign)

    def expect(self) -> None:
        """Have the others wait for this one."""
        self._shared.expect(self)

    def leave(self) -> None:
        """Take no part any more."""
        self._shared.leave(self)

    @contextmanager
    def taking_part(self) -> Iterator[None]:
        """Bracket the probe's work."""
        if self._last:
            self._shared.await_others(self)
        if self._logs_in:
            self._shared.session.acquire()
        try:
            yield
        finally:
            if self._logs_in:
                self._shared.session.release()
            self.leave()


@dataclass(frozen=True)
class RestartQuestion(Generic[Observed]):
    """A probe that takes part in the restart, under its own name."""

    probe: Probe[Observed]
    participant: Participant
    shows_itself: bool = False
    """The probe reads the start itself, so that its answers need no other sign of the restart."""

    @property
    def name(self) -> str:
        """The probe's."""
        return self.probe.name

    @property
    def door(self) -> object:
        """What the probe asks through, for the name of its interface."""
        return getattr(self.probe, "door", self.probe)

    def run(self, record: Recorder) -> Observed:
        """Run the probe. However it ends, no other probe waits for it afterwards."""
        with self.participant.taking_part():
            observed = self.probe.run(record)
        premise = self.participant.premise
        if self.shows_itself or premise is None:
            return observed
        record.note(premise.what)
        return observed.model_copy(update={"premise": premise})
