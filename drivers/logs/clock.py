"""The device's clock, as its log records show it: how far it is from the true time, and whether it follows its source.

The true time is this machine's. A record was made between its cause and its arrival: a time stamp within is exact.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from drivers.logs.collector import Collected, Collector
from drivers.network.clock import kernel_is_synchronised
from drivers.network.servers.ntp import NtpServer
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, condition, printable

_STAMP = Asked(door="the log collector", shape="a record of a failed login")

SHIFT = 3600.0
"""Seconds by which the bench's time server is ahead for a moment."""
TOLERANCE = 5.0
"""Seconds within which the device has followed: the shift is large, and no matter of accuracy."""
_PATIENCE = 1.0


class ClockReading(Observation):
    """How far the time stamp of a fresh record is from the time in which it was made, in seconds; None without one."""

    offset: float | None
    true_time: Witness
    """What shows that this machine's time is the true one, or the one that the device was told."""


class ClockFollows(Observation):
    """Offsets before, during and after the shift of the time source, in seconds; facts `shifted` and `back`."""

    before: float | None
    shifted: float | None
    after: float | None
    mark: int
    """The number of the collector's first record from the shift on."""


@dataclass(frozen=True)
class Stopwatch:
    """Makes the device log something, and compares the time stamp."""

    collector: Collector
    cause: Callable[[str], None]
    """Makes the device log a failed login under a name."""
    seconds: float

    def read(self, record: Recorder) -> "RecordOffset":
        """Cause a record, and read its time stamp."""
        subject = f"tp-{secrets.token_hex(4)}"
        mark, start = self.collector.mark(), datetime.now(UTC)
        self.cause(subject)
        found = self.collector.wait_for(lambda one: subject in one.record.text, self.seconds, mark)
        if found is None:
            return RecordOffset(False, None, f"no record of {subject} within {self.seconds:g} s")
        words = printable(found.record.text, 300)
        record.note(words)
        if found.record.timestamp is None:
            return RecordOffset(True, None, f"no time stamp: {words}")
        return RecordOffset(True, outside(found, start), words)


@dataclass(frozen=True)
class RecordOffset:
    """The offset of one record in seconds, positive ahead of the true time; None without a record or a time stamp."""

    arrived: bool
    offset: float | None
    words: str


def outside(found: Collected, start: datetime) -> float:
    """Return by how many seconds a record's time stamp lies outside the time in which it was made."""
    assert found.record.timestamp is not None
    ahead = (found.record.timestamp - found.at).total_seconds()
    behind = (found.record.timestamp - start).total_seconds()
    return ahead if ahead > 0 else min(0.0, behind)


@dataclass(frozen=True)
class ReadClock:
    """Read the device's clock from a fresh record. Witness: that record arrived, with a time stamp or without."""

    stopwatch: Stopwatch
    server: NtpServer | None = None
    """The time server of the bench, which tells the device this machine's time."""
    synchronised: Callable[[], bool] = kernel_is_synchronised

    @property
    def name(self) -> str:
        """One observation."""
        return "log_clock"

    def run(self, record: Recorder) -> ClockReading:
        """Cause, wait, compare."""
        read = self.stopwatch.read(record)
        detail = read.words if read.offset is None else f"{read.offset:+.3f} s: {read.words}"
        came = "arrived" if read.arrived else "did not arrive"
        return ClockReading(
            question="How much does the time stamp of a record differ from the true time?",
            facts=(Fact(about="time", answer=Answer.SILENT if read.offset is None else Answer.SEEN, detail=detail),),
            witness=Witness(what=f"the record of a failed login {came}", holds=read.arrived, asked=_STAMP),
            asked=_STAMP,
            offset=read.offset,
            true_time=self._true_time(),
        )

    def _true_time(self) -> Witness:
        """Return what shows that a wrong time stamp is the device's fault, and not this machine's."""
        if self.synchronised():
            return condition("NTP has synchronised this machine", holds=True)
        if self.server is not None and self.server.asked.count:
            return condition("the device asked the time server of this machine for the time", holds=True)
        return condition(
            "NTP has not synchronised this machine, and the device did not ask its time server", holds=False
        )


@dataclass(frozen=True)
class FollowTimeSource:
    """Shift the time that the bench's server tells, see the device's records follow, and set it right again.

    Witness: records with time stamps arrived all the while. Whether the device asks at all is in the facts' details.
    """

    stopwatch: Stopwatch
    server: NtpServer
    seconds: float
    """How soon the device is declared to follow."""

    @property
    def name(self) -> str:
        """One observation."""
        return "log_clock_source"

    def run(self, record: Recorder) -> ClockFollows:
        """Read, shift, read until it follows, shift back, read until it follows again."""
        calm = self.stopwatch.read(record)
        before = calm.offset
        mark = self.stopwatch.collector.mark()
        try:
            self.server.shift(SHIFT)
            shifted, moved = self._await(SHIFT, before, record)
        finally:
            self.server.shift(0.0)
            after, back = self._await(0.0, before, record)
        readings = {"before": before, "shifted": shifted, "after": after}
        missing = [name for name, offset in readings.items() if offset is None]
        what = "no record with a time stamp " + ", ".join(missing) if missing else "records with time stamps arrived"
        return ClockFollows(
            question="Does the clock of the device follow the declared time source, away and back?",
            facts=(moved, back),
            witness=Witness(what=what, holds=not missing, asked=_STAMP),
            asked=_STAMP,
            before=before,
            shifted=shifted,
            after=after,
            mark=mark,
        )

    def _await(self, shift: float, before: float | None, record: Recorder) -> tuple[float | None, Fact]:
        """Read the clock after each question of the device until it has followed, or the declared time is over."""
        about = "shifted" if shift else "back"
        start = datetime.now(UTC)
        first = self.server.asked.count
        while True:
            asked = self.server.asked.count
            self.server.wait_for_question(asked, _PATIENCE)
            read = self.stopwatch.read(record)
            offset, words = read.offset, read.words
            took = (datetime.now(UTC) - start).total_seconds()
            questions = f"the device queried the server {self.server.asked.count - first} times in {took:.1f} s"
            if offset is not None and abs(offset - (before or 0.0) - shift) <= TOLERANCE:
                return offset, Fact(about=about, answer=Answer.SEEN, detail=f"{questions}; {offset:+.1f} s: {words}")
            if took >= self.seconds:
                reads = "no time stamp" if offset is None else f"{offset:+.1f} s"
                return offset, Fact(about=about, answer=Answer.SILENT, detail=f"{questions}; {reads}: {words}")
