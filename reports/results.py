"""The results model: the results of a run as in `results.json`, versioned, with a JSON Schema.

Every writer in this package reads this model and nothing else. It imports no driver, no bench and no pytest.
`assess.py` derives the requirements and the overall result from the cases.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, Field, model_validator

from lab_config.rules import Strength
from trustprobe.probe import Frozen, printable


def _legible(value: object) -> object:
    """Escape characters that a terminal, a page or UTF-8 cannot carry (controls, bidi overrides, lone surrogates)."""
    if not isinstance(value, str):
        return value
    return "\n".join(printable(line, limit=None) for line in value.replace("\r\n", "\n").split("\n"))


Text = Annotated[str, BeforeValidator(_legible)]
"""Text that may quote the device. It contains only printable characters and line breaks, for any input."""
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Verdict(StrEnum):
    """The verdict of a case, or of one row of it."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    MANUAL = "MANUAL"
    """A person must look."""
    NOT_RUN = "NOT_RUN"
    """Deselected or interrupted."""
    ERROR = "ERROR"
    """The bench or the harness failed. The verdict states nothing about the device."""


class Overall(StrEnum):
    """The overall result, over every requirement of the profile."""

    CONFORMING = "CONFORMING"
    NONCONFORMING = "NONCONFORMING"
    INCOMPLETE = "INCOMPLETE"

    @property
    def exit_code(self) -> int:
        """The exit code of `trustprobe run`: 0, 1, 2."""
        return {Overall.CONFORMING: 0, Overall.NONCONFORMING: 1, Overall.INCOMPLETE: 2}[self]


class RequirementVerdict(StrEnum):
    """The verdict of a requirement of the profile."""

    PASS = "PASS"
    FAIL = "FAIL"
    OPEN = "OPEN"
    """Covered, but the observations do not decide it."""
    UNCOVERED = "UNCOVERED"
    """No case of the profile covers it."""
    NOT_APPLICABLE = "NOT_APPLICABLE"
    """Its condition does not hold for this product, as declared with a reason. It counts as decided."""


class Interface(StrEnum):
    """Where an observation was made."""

    NETWORK = "network"
    SERIAL = "serial"
    DEBUG = "debug"
    POWER = "power"
    LOG = "log"
    STORAGE = "storage"
    UPDATE = "update"
    DOCUMENT = "document"
    NONE = "none"


WEIGHT = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.INCONCLUSIVE,
    Verdict.MANUAL,
    Verdict.NOT_RUN,
)
"""The first of these that any row has is the case's verdict."""


def case_verdict(rows: Iterable[Verdict]) -> Verdict:
    """Return the verdict of a case from its rows. A case without rows was not run."""
    verdicts = set(rows)
    for verdict in WEIGHT:
        if verdict in verdicts:
            return verdict
    if not verdicts:
        return Verdict.NOT_RUN
    return Verdict.PASS if Verdict.PASS in verdicts else Verdict.NOT_APPLICABLE


class ObservationSummary(Frozen):
    """The numbers of one observation, and the witness that supports its silence."""

    probe: str
    question: Text
    interface: Interface
    seen: Annotated[int, Field(ge=0)]
    refused: Annotated[int, Field(ge=0)]
    silent: Annotated[int, Field(ge=0)]
    witness: Text | None = None
    witness_holds: bool | None = None
    evidence: tuple[str, ...] = ()
    """Files, relative to the run folder."""


class Row(Frozen):
    """One parameter of a case, with its own verdict. A case without parameters has one row."""

    id: Text
    verdict: Verdict
    reason: Text = ""
    started: AwareDatetime | None = None
    seconds: Seconds = 0.0
    observations: tuple[str, ...] = ()
    """Names of the probes by which the row was judged."""


class CaseResult(Frozen):
    """One case: the clauses that it covers, its strength in the profile, and its verdict."""

    id: str
    title: Text
    capability: str
    covers: tuple[str, ...]
    strength: Strength
    clause: Text | None = None
    """The clause that requires the case with this strength."""
    reading: Text | None = None
    """Our reading and its reason, if no clause requires the case."""
    verdict: Verdict
    reason: Text = ""
    rows: tuple[Row, ...] = ()
    started: AwareDatetime | None = None
    seconds: Seconds = 0.0
    observations: tuple[ObservationSummary, ...] = ()
    recommendation: Text = ""
    procedure: Text = ""
    """The case's docstring: its published procedure."""

    @model_validator(mode="after")
    def _verdict_follows_from_rows(self) -> Self:
        if self.rows and self.verdict is not (expected := case_verdict(row.verdict for row in self.rows)):
            raise ValueError(f"{self.id}: the rows make the verdict {expected}, not {self.verdict}")
        return self


def case_reason(rows: Iterable[Row]) -> str:
    """Return why a case has its verdict: the reasons of the first three rows that decided it."""
    listed = list(rows)
    verdict = case_verdict(row.verdict for row in listed)
    deciding = [row for row in listed if row.verdict is verdict]
    if len(listed) == 1:
        return listed[0].reason
    if verdict is Verdict.PASS:
        return f"{len(deciding)} of {len(listed)} rows pass" if len(deciding) < len(listed) else ""
    shown = "; ".join(f"{row.id}: {row.reason}" if row.reason else row.id for row in deciding[:3])
    more = f"; and {len(deciding) - 3} more" if len(deciding) > 3 else ""
    return f"{len(deciding)} of {len(listed)} rows: {shown}{more}" if deciding else "no row was run"


class PortWord(StrEnum):
    """The comparison of the declaration with the observation of one port. The cases give the verdict."""

    AS_DECLARED = "as declared"
    NOT_DECLARED = "not declared"
    NOT_THERE = "declared, but closed"
    NO_ANSWER = "declared, no answer"


class PortRow(Frozen):
    """One port that is declared, or that answered."""

    port: Annotated[int, Field(ge=1, le=65535)]
    transport: Literal["tcp", "udp"]
    declared: Text = ""
    """The declared protocol and purpose. Empty if the port is not declared."""
    observed: Text
    word: PortWord
    sweep: str = ""
    """The name of the probe."""


class PartRow(Frozen):
    """One part of the declaration (console, update mechanism, log ...) and what was observed about it."""

    part: Text
    declared: Text
    """`present`, or `absent:` and the manufacturer's reason."""
    observed: Text


class RequirementResult(Frozen):
    """One requirement of the profile, and the cases that decide it."""

    id: str
    text: Text
    verdict: RequirementVerdict
    cases: tuple[str, ...] = ()
    """Ids of the cases of the profile that cover it, of any strength."""
    recommended: bool = False
    """The catalogue recommends it (R). Its verdict is reported, and does not decide the overall result."""
    reason: Text = ""


class ProfileSummary(Frozen):
    """The profile of the run, and what lies outside it."""

    id: str
    title: Text
    outside: Text
    reference: Text = ""
    """The catalogue or clause that contains the requirements."""


class ProductSummary(Frozen):
    """The declared product under test."""

    id: str
    name: Text
    manufacturer: Text = ""
    model: Text = ""
    firmware: Text = ""
    """As declared. `Results.firmware_seen` lists the versions that were seen."""


class Results(Frozen):
    """One run: `results.json`."""

    schema_version: Literal[1] = 1
    overall: Overall
    exit_code: Literal[0, 1, 2]
    reason: Text
    """One line."""
    profile: ProfileSummary
    product: ProductSummary
    sample: Text
    bench: str
    operator: Text = ""
    tools: dict[str, Text] = Field(default_factory=dict)
    """Name to version: trustprobe, Python, and the tools that were used to probe."""
    started: AwareDatetime
    finished: AwareDatetime
    requirements: tuple[RequirementResult, ...]
    cases: tuple[CaseResult, ...]
    limits: tuple[Text, ...] = ()
    """The limits of this run, in sentences for the reader."""
    firmware_seen: tuple[Text, ...] = ()
    ports: tuple[PortRow, ...] = ()
    """Declared ports and ports that answered. Empty if no sweep was made."""
    parts: tuple[PartRow, ...] = ()

    @model_validator(mode="after")
    def _exit_code_follows(self) -> Self:
        if self.exit_code != self.overall.exit_code:
            raise ValueError(f"{self.overall} has the exit code {self.overall.exit_code}, not {self.exit_code}")
        return self

    @property
    def findings(self) -> tuple[CaseResult, ...]:
        """Cases that fail below `required`: findings that change no requirement."""
        return tuple(c for c in self.cases if c.verdict is Verdict.FAIL and c.strength is not Strength.REQUIRED)

    def to_json(self) -> str:
        """Return `results.json`: indented, with the fields in the model's order."""
        return self.model_dump_json(indent=2) + "\n"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of `results.json`."""
    schema = Results.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
