"""Whether this machine's clock can be relied on for dates: by NTP, by the device's own clock, or by what is older.

A bench whose clock is years off would call every certificate expired. The clock of the device is another one: if both
show the same day, both are right. Files of this machine that are newer than its clock prove that the clock is wrong.
"""

import ctypes
import email.utils
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from drivers.network.conversation import converse, converse_tls
from drivers.network.target import Target
from lab_config.component import Service, Transport
from trustprobe.errors import TrustprobeError
from trustprobe.probe import Answer, Fact, Observation, Recorder, condition

TOLERANCE: Final = timedelta(days=1)
"""Dates of certificates are days. A clock that is off by less decides none of them wrongly for long."""
_REQUEST: Final = b"HEAD / HTTP/1.0\r\nHost: device\r\n\r\n"
_DATE: Final = re.compile(rb"(?im)^date:[ \t]*([^\r\n]{1,64})\r?$")
_TIME_ERROR: Final = 5
_TIMEX_OCTETS: Final = 512


class BenchClock(Observation):
    """What shows that the clock of this machine is right: facts `ntp`, and `tcp/N` for the Date of each web server."""


@dataclass(frozen=True)
class CompareClock:
    """Compare this machine's clock with the kernel's NTP state, the Date of web servers, and the age of files.

    Witness: NTP or a Date on the same day. Premise: no file of `files` is newer than the clock.
    """

    target: Target | None
    services: tuple[Service, ...]
    files: tuple[Path, ...] = ()
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def name(self) -> str:
        """One observation a run."""
        return "bench_clock"

    def run(self, record: Recorder) -> BenchClock:
        """Ask; what does not answer is silent."""
        now, oldest = self.now(), newest(self.files)
        synchronised = kernel_is_synchronised()
        dates = dict(self._dates())
        facts = [_fact("ntp", "this machine is synchronised" if synchronised else "")]
        facts += [_fact(about, date.isoformat()) for about, date in dates.items()]
        same = [about for about, date in dates.items() if abs(date - now) <= TOLERANCE]
        shown = f"the clock of this machine shows {now:%Y-%m-%d}"
        for fact in facts:
            record.note(f"{fact.about}: {fact.detail or 'no answer'}")
        if synchronised:
            witness = condition(f"{shown}, and NTP has synchronised it", holds=True)
        elif same:
            witness = condition(f"{shown}, and so does the device ({', '.join(same)})", holds=True)
        else:
            others = ", ".join(f"{about} shows {date:%Y-%m-%d}" for about, date in dates.items())
            doubt = f"NTP has not synchronised it, and no clock of the device shows the same day ({others or 'none'})"
            witness = condition(f"{shown}, but {doubt}: synchronise this machine with NTP", holds=False)
        is_slow = oldest is not None and oldest - now > TOLERANCE
        words = f"{shown}, but a file of this machine is from {oldest:%Y-%m-%d}: set the clock" if oldest else shown
        return BenchClock(
            question="Is the clock of this machine right?",
            facts=tuple(facts),
            witness=witness,
            premise=condition(words, holds=False) if is_slow and not synchronised else None,
        )

    def _dates(self) -> Iterator[tuple[str, datetime]]:
        """Yield the time that each web server of the device shows (RFC 9110, 6.6.1)."""
        for service in self.services:
            if self.target is None or service.protocol != "http" or service.transport is not Transport.TCP:
                continue
            try:
                ask = converse_tls if service.tls else converse
                heard = ask(self.target, service.port, _REQUEST, lambda heard: b"\r\n\r\n" in heard).heard
            except TrustprobeError:
                continue
            if (date := date_in(heard)) is not None:
                yield service.about, date


def date_in(answer: bytes) -> datetime | None:
    """Return the Date of an HTTP answer. None if it has none that can be parsed."""
    match = _DATE.search(answer.partition(b"\r\n\r\n")[0])
    if match is None:
        return None
    try:
        date = email.utils.parsedate_to_datetime(match[1].decode("ascii", "replace"))
    except (ValueError, TypeError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date


def kernel_is_synchronised() -> bool:
    """Whether a time service of this machine keeps its clock (adjtimex(2): the state is not TIME_ERROR)."""
    try:
        state: int = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_OCTETS))
    except (OSError, AttributeError):
        return False
    return 0 <= state < _TIME_ERROR


def newest(files: Iterable[Path]) -> datetime | None:
    """Return the time of the newest of these files. None if there is none."""
    times = []
    for path in files:
        try:
            times.append(datetime.fromtimestamp(path.stat().st_mtime, UTC))
        except (OSError, ValueError, OverflowError):
            continue
    return max(times, default=None)


def _fact(about: str, detail: str) -> Fact:
    return Fact(about=about, answer=Answer.SEEN if detail else Answer.REFUSED, detail=detail or "not synchronised")
