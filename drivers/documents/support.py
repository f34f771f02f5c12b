"""The support period: what the declaration promises, and what customers can read of it elsewhere.

A published end of support is an ISO date (2031-06-30) in a sentence that speaks of support.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from drivers.documents.file import MalformedError, contradicted, element, missing, read_document, text_of
from lab_config.papers import SupportPeriod
from trustprobe.probe import Fact, Observation, Recorder, Witness, all_of

REGISTRY_FIELD = "minimum_support_period_end_date"
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n\s*\n|\n(?=[#|*-])")
_ISO_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")


class SupportRead(Observation):
    """The declared period, and what is published of its end.

    Facts: `published`, an end of support stands in the published document; `in_force`, the period holds now;
    `published_date` and `registry_date`, that document and the registry's record give the declared end.
    """

    starts: date
    ends: date


@dataclass(frozen=True)
class ReadSupport:
    """Compare the declared support period with now and with what is published. Its own witness: all is read whole."""

    folder: Path
    declared: SupportPeriod
    registry_record: str | None
    now: Callable[[], datetime]

    @property
    def name(self) -> str:
        """One observation."""
        return "support_period"

    def run(self, record: Recorder) -> SupportRead:
        """Read what is published, and compare."""
        document = read_document(self.folder, self.declared.published, record)
        witnesses = [document.witness]
        try:
            dates = published_ends(document.text())
            published = self._published(dates)
        except MalformedError as error:
            dates, published = [], contradicted("published", f"{self.declared.published}: {error}")
        facts = [published, self._in_force()]
        if dates:
            facts.append(self._same("published_date", [one.isoformat() for one in dates]))
        if self.registry_record is not None:
            given, witness = self._registered(record)
            witnesses.append(witness)
            if given:
                facts.append(self._same("registry_date", [given]))
        return SupportRead(
            question="Is the end of support published, is support still active, and do the documents agree?",
            facts=tuple(facts),
            witness=all_of(witnesses),
            asked=document.asked,
            starts=self.declared.starts,
            ends=self.declared.ends,
        )

    def _published(self, dates: list[date]) -> Fact:
        if not dates:
            return missing("published", f"{self.declared.published} gives no end of support as a date")
        return element("published", f"{self.declared.published} contains {', '.join(map(str, dates[:5]))}")

    def _in_force(self) -> Fact:
        today = self.now().date()
        if today < self.declared.starts:
            return contradicted("in_force", f"support starts on {self.declared.starts}, but today is {today}")
        if today > self.declared.ends:
            return contradicted("in_force", f"support ended on {self.declared.ends}, and today is {today}")
        return element("in_force", f"from {self.declared.starts} to {self.declared.ends}")

    def _same(self, about: str, given: list[str]) -> Fact:
        if others := [one for one in given if one != self.declared.ends.isoformat()]:
            return contradicted(about, f"contains {', '.join(others[:5])}, but {self.declared.ends} is declared")
        return element(about, given[0])

    def _registered(self, record: Recorder) -> tuple[str, Witness]:
        assert self.registry_record is not None
        document = read_document(self.folder, self.registry_record, record)
        try:
            return text_of(document.json().get(REGISTRY_FIELD)), document.witness
        except MalformedError:
            return "", document.witness


def published_ends(text: str) -> list[date]:
    """Return the dates of the sentences that speak of the end of support."""
    found = []
    for sentence in _SENTENCE.split(text):
        words = sentence.lower()
        if "support" in words and ("until" in words or "end" in words):
            for match in _ISO_DATE.finditer(sentence):
                try:
                    found.append(date(int(match[1]), int(match[2]), int(match[3])))
                except ValueError:
                    continue
    return list(dict.fromkeys(found))
