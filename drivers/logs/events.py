"""The questions asked of a collector: did the event arrive, over which transport, and was the collector's name checked.

The collector listens; these probes cause something and wait for what the device says of it.
"""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from pydantic import AwareDatetime

from drivers.logs.collector import Channel, Collected, Collector, CollectorContact
from trustprobe.errors import ConfigurationError
from trustprobe.probe import (
    DETAIL_LIMIT,
    Answer,
    Asked,
    Fact,
    Observation,
    Recorder,
    Witness,
    all_of,
    condition,
    printable,
)

_RECORD = Asked(door="the log collector", shape="a record of the device")
_OVER_TLS = Asked(door="the log collector", shape="a record over TLS")
_HANDSHAKE = Asked(door="the log collector", shape="a handshake with the bad certificate")
"""A device that connects but does not end the handshake has not judged the certificate, whatever it sends later."""


def asked_of(kind: str) -> Asked:
    """Return the question whether the record of one kind of event arrives."""
    return Asked(door="the log collector", shape=f"the record of a {kind}")


KEPT_RECORDS = 200
"""Records that one probe keeps as evidence."""


class LoggedEvent(Observation):
    """Whether an event was logged, and the record: as text, when the device says it was, and how late it arrived."""

    kind: str
    subject: str
    raw: str = ""
    channel: Channel | None = None
    timestamp: AwareDatetime | None = None
    error: str | None = None
    """What is wrong with the record as RFC 5424."""
    delay: float | None = None
    """Seconds from before the cause to the arrival, by this machine's clock."""
    clock_offset: float | None = None
    """Seconds by which the device's time stamp is ahead of the arrival."""
    shows_secret: bool = False
    """Whether a record since the cause holds one of the secrets that the probe was given."""


@dataclass(frozen=True)
class ExpectedRecord:
    """The record of one event: its declared pattern, the subject made for the run, and how long it may take."""

    kind: str
    pattern: str
    subject: str
    seconds: float

    def expression(self) -> re.Pattern[str]:
        """Return the declared pattern with the subject; ConfigurationError if it is no regular expression."""
        try:
            return re.compile(self.pattern.replace("{subject}", re.escape(self.subject)))
        except re.error as error:
            raise ConfigurationError(
                f"{self.pattern!r} is not a regular expression: {error}.",
                f"Correct `logging.events.{self.kind}` in the declaration.",
            ) from error


def _keep(record: Recorder, name: str, collected: Iterable[Collected]) -> None:
    lines = [one.record.raw for one in collected][:KEPT_RECORDS]
    record.keep(name, b"".join(line + b"\n" for line in lines))


def all_kept(collector: Collector) -> Witness:
    """State whether every record that arrived can still be searched. Call it after the search."""
    dropped = collector.dropped
    words = f"{dropped} records are no longer kept" if dropped else "every record is kept"
    return condition(words, holds=not dropped)


@dataclass(frozen=True)
class AwaitEvent:
    """Cause an event under a subject made for the run, and wait for its record.

    Witness: a record that is not this one; where none is there and silence followed, `control` causes one more.
    `secrets` are looked for in what arrives, and only the result is kept.
    """

    collector: Collector
    expected: ExpectedRecord
    cause: Callable[[], None]
    control: Callable[[], None] | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    since: int | None = None
    """The mark from which records count, for an event that was caused before; by default from now."""

    @property
    def name(self) -> str:
        """One observation a kind of event."""
        return f"log_event.{self.expected.kind}"

    def run(self, record: Recorder) -> LoggedEvent:
        """Mark, cause, wait."""
        expected, pattern = self.expected, self.expected.expression()
        mark = self.collector.mark() if self.since is None else self.since
        start = time.monotonic()
        self.cause()
        found = self.collector.wait_for(lambda one: bool(pattern.search(one.record.text)), expected.seconds, mark)
        witness = self._witness(pattern, found is None)
        since = self.collector.records(mark)
        _keep(record, "records.log", since)
        if found is None:
            detail = f"no record matched within {expected.seconds:g} s, and {len(since)} others arrived"
        else:
            detail = self._open(found.record.text)
        record.note(f"{expected.kind} of {expected.subject}: {detail}")
        answer = Answer.SILENT if found is None else Answer.SEEN
        sent = found.record.timestamp if found else None
        return LoggedEvent(
            question=f"Does the device log {expected.kind} within {expected.seconds:g} s?",
            facts=(Fact(about=expected.kind, answer=answer, detail=detail),),
            witness=witness,
            asked=_RECORD,
            kind=expected.kind,
            subject=expected.subject,
            raw=detail if found else "",
            channel=found.channel if found else None,
            timestamp=sent,
            error=found.record.error if found else None,
            delay=found.monotonic - start if found else None,
            clock_offset=(sent - found.at).total_seconds() if found and sent else None,
            shows_secret=any(secret in one.record.text for one in since for secret in self.secrets if secret),
        )

    def _open(self, text: str) -> str:
        """Return the record ready to print, without the secrets."""
        for secret in filter(None, self.secrets):
            text = text.replace(secret, "[secret]")
        return printable(text)[:DETAIL_LIMIT]

    def _witness(self, pattern: re.Pattern[str], silent: bool) -> Witness:
        if silent and self.control is not None:
            mark = self.collector.mark()
            self.control()
            seconds = self.expected.seconds
            other = self.collector.wait_for(lambda one: not pattern.search(one.record.text), seconds, mark)
        else:
            others = [one for one in self.collector.records() if not pattern.search(one.record.text)]
            other = others[-1] if others else None
        if other is None:
            words = f"no other record of the device arrived at the collector{self.collector.instead}"
            return condition(words, holds=False)
        age = time.monotonic() - other.monotonic
        what = f"another record arrived over {other.channel} {age:.1f} s before the end"
        return Witness(what=what, holds=True, asked=_RECORD)


@dataclass(frozen=True)
class CollectorTrust:
    """Present a certificate that the device cannot trust, and see whether it sends its records all the same.

    Witness: records arrive again once the good certificate is back. `cause` makes the device log something.
    """

    collector: Collector
    wrong_certificate: Path
    wrong_key: Path
    cause: Callable[[], None]
    seconds: float

    @property
    def name(self) -> str:
        """One observation."""
        return "log_collector_trust"

    def run(self, record: Recorder) -> Observation:
        """Switch, cause, wait; switch back, cause, wait."""
        good = self.collector.bench
        mark, contact_mark = self.collector.present(self.wrong_certificate, self.wrong_key)
        try:
            self.cause()
            self.collector.wait_for_any(lambda: self._decided(mark, contact_mark), self.seconds)
            arrived = [one for one in self.collector.records(mark) if one.channel == "tls"]
            contacts = self.collector.contacts(contact_mark)
        finally:
            back, _ = self.collector.present(good.certificate, good.key)
        for contact in contacts:
            record.note(f"{contact.channel} from {contact.peer}: {contact.outcome} {contact.detail}")
        _keep(record, "records-over-the-wrong-certificate.log", arrived)
        self.cause()
        again = self.collector.wait_for(lambda one: one.channel == "tls", self.seconds, back)
        words = "arrived again" if again else f"did not arrive within {self.seconds:g} s"
        return Observation(
            question="Does the device send its log to a collector whose certificate it cannot trust?",
            facts=(self._fact(arrived, contacts),),
            witness=Witness(
                what=f"after the good certificate was restored, records {words}",
                holds=again is not None,
                asked=_OVER_TLS,
            ),
            asked=_OVER_TLS,
        )

    def _decided(self, mark: int, contact_mark: int) -> bool:
        sent = any(one.channel == "tls" for one in self.collector.records(mark))
        return sent or any(one.outcome == "refused" for one in self.collector.contacts(contact_mark))

    def _fact(self, arrived: list[Collected], contacts: tuple[CollectorContact, ...]) -> Fact:
        """Say what the device did: only a record, or an end by the device itself, answers what the witness answers."""
        tls = [one for one in contacts if one.channel == "tls"]
        ended = [one for one in tls if one.outcome == "refused"] or [one for one in tls if one.outcome == "broken"]
        agreed = any(one.outcome == "agreed" for one in tls)
        asked = _HANDSHAKE
        if arrived:
            answer, asked = Answer.SEEN, _OVER_TLS
            detail = f"{len(arrived)} records arrived. The first is: {arrived[0].record.text[:500]}"
        elif agreed:  # it may trust the certificate and have had nothing to send, or lose the connection
            answer, detail = Answer.SILENT, "the device completed the handshake, but no record arrived"
        elif ended:
            answer, asked = Answer.REFUSED, _OVER_TLS
            detail = f"the device ended the handshake: {ended[0].detail}"
        elif tls:
            answer, detail = Answer.SILENT, "the device connected, but did not complete or refuse the handshake"
        else:
            answer, detail = Answer.SILENT, "the device did not connect"
        return Fact(about="untrusted collector", answer=answer, detail=printable(detail)[:DETAIL_LIMIT], asked=asked)


@dataclass(frozen=True)
class LogTransport:
    """Look over which channels records have arrived so far. Witness: some record arrived, and none was dropped."""

    collector: Collector

    @property
    def name(self) -> str:
        """One observation."""
        return "log_transport"

    def run(self, record: Recorder) -> Observation:
        """Count the records of each channel."""
        arrived = self.collector.records()
        facts = []
        for channel in get_args(Channel):
            own = [one for one in arrived if one.channel == channel]
            _keep(record, f"{channel}.log", own)
            first = f". The first is: {printable(own[0].record.text, 500)[:500]}" if own else ""
            answer = Answer.SEEN if own else Answer.SILENT
            facts.append(Fact(about=channel, answer=answer, detail=f"{len(own)} records{first}"))
        words = f"{len(arrived)} records arrived in all" if arrived else "no record arrived on any channel"
        return Observation(
            question="Over which transports does the device send its log?",
            facts=tuple(facts),
            witness=all_of([Witness(what=words, holds=bool(arrived), asked=_RECORD), all_kept(self.collector)]),
            asked=_RECORD,
        )
