"""Questions to the records that have arrived already: are they complete, and does one of them hold a secret?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from drivers.logs.collector import Collector
from drivers.logs.events import all_kept
from drivers.logs.syslog import SyslogRecord
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, printable

SEARCHED = Asked(door="the log collector", shape="the records of logins")
"""The question whether a record contains what was typed at a login."""

JUDGED = 2_000
"""Records that are judged; a device that sends more is judged by its first ones."""

_QUOTED = 300
"""Characters of a faulty record that are quoted."""


class RecordsRead(Observation):
    """A fact for each record that arrived: REFUSED if it lacks something, else SEEN."""

    faults: Mapping[str, str]
    """Each kind of fault, with the first record that has it."""


def lacks(record: SyslogRecord) -> list[str]:
    """Name what a record lacks of RFC 5424: its form, a time stamp with zone, host, application, what happened.

    What happened is in the message id or in the text: programs that log by syslog(3) have no message id to give, and
    NILVALUE stands there (RFC 5424, 6.2.7).
    """
    if record.error is not None:
        return [record.error]
    parts = {
        "time": record.timestamp,
        "host": record.host,
        "application": record.app,
        "event": record.msgid or record.message,
    }
    return [f"no {name}" for name, value in parts.items() if not value]


@dataclass(frozen=True)
class ReadRecords:
    """Parse every record that arrived. A record that lacks something is REFUSED; no record at all is SILENT."""

    collector: Collector

    @property
    def name(self) -> str:
        """One observation."""
        return "log_records"

    def run(self, record: Recorder) -> RecordsRead:
        """Read the collector; the device is not asked again."""
        arrived = self.collector.records()[:JUDGED]
        facts: list[Fact] = []
        faults: dict[str, str] = {}
        for number, one in enumerate(arrived):
            missing = lacks(one.record)
            for fault in missing:
                faults.setdefault(fault, printable(one.record.text, _QUOTED))
            record.note(f"{one.channel} {one.record.text}")
            detail = f"{', '.join(missing)}: {one.record.text[:500]}" if missing else ""
            answer = Answer.REFUSED if missing else Answer.SEEN
            facts.append(Fact(about=f"record {number}", answer=answer, detail=detail))
        if not facts:
            facts.append(Fact(about="records", answer=Answer.SILENT, detail="no record arrived"))
        return RecordsRead(
            question="Do the records contain time and source (RFC 5424)?", facts=tuple(facts), faults=faults
        )


@dataclass(frozen=True)
class SearchRecords:
    """Look for secrets in everything that arrived: `needles` are pairs of a name and a value, only names are kept.

    `witnesses` say that the records which could have carried them did arrive. They must all still be kept.
    """

    collector: Collector
    needles: tuple[tuple[str, str], ...] = field(repr=False)
    witnesses: tuple[Witness, ...]

    @property
    def name(self) -> str:
        """One observation."""
        return "log_search"

    def run(self, record: Recorder) -> Observation:
        """Search each record's raw bytes; where a value is in it, the fact says in which message id."""
        arrived = self.collector.records()
        record.note(f"{len(arrived)} records were searched for {len(self.needles)} values")
        return Observation(
            question="Does a record contain a password that was typed in this run?",
            facts=tuple(self._fact(name, value, [one.record for one in arrived]) for name, value in self.needles),
            witness=all_of([*self.witnesses, all_kept(self.collector)]),
            asked=SEARCHED,
        )

    def _fact(self, name: str, value: str, records: Iterable[SyslogRecord]) -> Fact:
        holding = sorted({one.msgid or "-" for one in records if value.encode() in one.raw})
        if holding:
            return Fact(about=name, answer=Answer.SEEN, detail=f"in records {', '.join(holding)[:200]}")
        return Fact(about=name, answer=Answer.SILENT, detail="in no record")
