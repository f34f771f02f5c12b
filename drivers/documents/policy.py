"""The vulnerability disclosure policy: whether the words that the declaration quotes stand in it.

A machine cannot judge a policy. It can see that the promises which EN 303 645 5.2-1 asks for are there, word for word.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from drivers.documents.file import MalformedError, contradicted, element, malformed, missing, read_document
from lab_config.papers import DisclosurePolicy
from trustprobe.probe import Fact, Observation, Recorder

ELEMENTS = ("contact", "acknowledgement", "status_updates")
_TIME = re.compile(
    r"(?i)\b(\d+|one|two|three|four|five|six|seven|ten|fourteen|thirty)\s+(\w+\s+)?(hour|day|week|month)s?\b"
)


class PolicyRead(Observation):
    """What the policy promises; facts for each of ELEMENTS."""

    sha256: str


@dataclass(frozen=True)
class ReadPolicy:
    """Look for the declared words in the policy. Its own witness: it is read whole."""

    folder: Path
    declared: DisclosurePolicy

    @property
    def name(self) -> str:
        """One observation."""
        return "disclosure_policy"

    def run(self, record: Recorder) -> PolicyRead:
        """Read it, and look for the words."""
        document = read_document(self.folder, self.declared.file, record)
        try:
            words = document.words()
            facts: tuple[Fact, ...] = tuple(_promise(about, getattr(self.declared, about), words) for about in ELEMENTS)
        except MalformedError as error:
            facts = malformed(ELEMENTS, error)
        return PolicyRead(
            question="Does the disclosure policy give a contact, and the times within which a reporter gets an answer?",
            facts=facts,
            witness=document.witness,
            asked=document.asked,
            sha256=document.sha256,
        )


def _promise(about: str, quoted: str, words: str) -> Fact:
    quote = " ".join(quoted.split())
    if not quote or quote not in words:
        return missing(about, f"the policy does not contain {quote!r}")
    if about != "contact" and not _TIME.search(quote):
        return contradicted(about, f"{quote!r} names no time")
    return element(about, quote)
