"""The record for the registry of the Cyber Trust Mark (47 CFR 8.222): complete, and in agreement with the declaration.

Reads the record as the manufacturer drafts it; the registry itself is not asked. Field names are this project's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drivers.documents.file import MalformedError, contradicted, element, malformed, missing, read_document
from trustprobe.probe import Fact, Observation, Recorder, printable


class RegistryRecord(Observation):
    """The content of the record. There is a fact for each field that the rule requires."""

    sha256: str


@dataclass(frozen=True)
class ReadRegistryRecord:
    """Look for each field, and compare those that the declaration states as well."""

    folder: Path
    file: str
    wanted: tuple[str, ...]
    """Keys of the fields that the rule requires."""
    declared: Mapping[str, str]
    """What the declaration says of a field, by key; `true` and `false` for those that are yes or no."""

    @property
    def name(self) -> str:
        """One observation."""
        return "registry_record"

    def run(self, record: Recorder) -> RegistryRecord:
        """Read the record, and compare."""
        document = read_document(self.folder, self.file, record)
        try:
            given = document.json()
            facts: tuple[Fact, ...] = tuple(self._field(key, given.get(key)) for key in self.wanted)
        except MalformedError as error:
            facts = malformed(self.wanted, error)
        return RegistryRecord(
            question="Does the registry record contain each field of 47 CFR 8.222, as declared?",
            facts=facts,
            witness=document.witness,
            asked=document.asked,
            sha256=document.sha256,
        )

    def _field(self, key: str, value: object) -> Fact:
        if value is None or value in ("", [], {}):
            return missing(key)
        given = str(value).lower() if isinstance(value, bool) else str(value)
        declared = self.declared.get(key)
        if declared is not None and given.strip() != declared:
            return contradicted(key, f"is {printable(given, 80)}, but {declared} is declared")
        return element(key, given)
