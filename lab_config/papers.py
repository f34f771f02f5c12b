"""The documents of a declaration: policies, support period, answers to questions, conditions."""

from datetime import date
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from lab_config.base import NOT_SAID, Absent, Model


def _stays_next_to_the_declaration(path: str) -> str:
    if "://" in path or any(ord(one) < 0x20 or ord(one) == 0x7F for one in path):
        raise ValueError(f"expected the path of a file, neither a URL nor a line end (found {path[:60]!r})")
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        raise ValueError("give a path relative to the declaration's file, without ..")
    return path


DocumentPath = Annotated[str, AfterValidator(_stays_next_to_the_declaration)]
"""A file next to the declaration. The path is relative to the product's YAML file and never leads above it."""


class DisclosurePolicy(Model):
    """The vulnerability disclosure policy, and the words in which it promises what EN 303 645 5.2-1 requires."""

    file: DocumentPath
    contact: str
    """The address for reports, as written in the policy."""
    acknowledgement: str
    """The words of the policy that state when a report is acknowledged, with the time."""
    status_updates: str
    """The words of the policy that state how often the reporter is informed until the report is closed."""


class Advisories(Model):
    """CSAF 2.0 or 2.1: the metadata of the provider, and the advisories of this product."""

    provider_metadata: DocumentPath
    advisories: Annotated[tuple[DocumentPath, ...], Field(min_length=1)]


class SupportPeriod(Model):
    """The period for which security updates are promised, and where customers can read this."""

    starts: date
    ends: date
    published: DocumentPath

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends <= self.starts:
            raise ValueError("the support period ends before it starts")
        return self


class Documents(Model):
    """The documents that the manufacturer submits, as files next to the declaration."""

    sbom: DocumentPath | Absent = NOT_SAID
    """CycloneDX 1.0 to 1.7 (JSON, XML), SPDX 2.0 to 2.3 (JSON, YAML, XML, tag-value, RDF) or SPDX 3.0 (JSON-LD)."""
    security_txt: DocumentPath | Absent = NOT_SAID
    """As it is served at /.well-known/security.txt (RFC 9116)."""
    disclosure_policy: DisclosurePolicy | Absent = NOT_SAID
    advisories: Advisories | Absent = NOT_SAID
    registry_record: DocumentPath | Absent = NOT_SAID
    """The record for the registry of 47 CFR 8.222, JSON. standards/fcc_cyber_trust_mark.yaml lists its fields."""
    answers: DocumentPath | Absent = NOT_SAID
    """The answers of reviewers to standards/questions.yaml, as `Answers`."""


class Review(Model):
    """A person's answer to one question, and its document. A missing field leaves the question open."""

    answer: Literal["yes", "partly", "no"]
    reviewer: str = ""
    reviewed: date | None = None
    document: DocumentPath | None = None
    """Relative to the file of the answers."""
    note: str = ""


class Answers(Model):
    """The answers of reviewers, by the item of IR 8425. Use null if nobody has looked yet."""

    schema_version: Literal[1]
    answers: dict[str, Review | None]


class Condition(Model):
    """Whether a condition or feature of a catalogue's provisions holds for this product, and why."""

    holds: bool
    because: Annotated[str, StringConstraints(min_length=8)]
