"""The types that every driver uses: Probe, Observation, Fact, Witness.

A probe asks the device one question and returns an observation: immutable facts, with the raw bytes
kept. Nothing here judges; what an observation means is said by the cases in `suites/`.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

DETAIL_LIMIT = 2_000
"""Characters of a fact's detail that are kept; the raw bytes are in the evidence."""


class Answer(StrEnum):
    """What came back. A time-out is SILENT, never REFUSED."""

    SEEN = "seen"
    """The device showed the thing: a SYN-ACK, a ServerHello, a shell, a record."""
    REFUSED = "refused"
    """The device said no in its own bytes: an RST, a TLS alert, "Login incorrect", an error status."""
    SILENT = "silent"
    """Nothing came, or nothing that proves anything."""


class Frozen(BaseModel):
    """An immutable record that rejects unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def printable(data: bytes | str, limit: int | None = DETAIL_LIMIT) -> str:
    """Return what a device sent as text that no terminal or page can interpret.

    Control characters, escape sequences, bidirectional overrides and undecodable bytes become `\\xNN` or `\\uNNNN`;
    the result is cut at `limit` characters (None: not at all), and then says how many were given.
    """
    text = data if isinstance(data, str) else data.decode("utf-8", "backslashreplace")
    safe = text[:limit]
    if not safe.isprintable():
        safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in safe)
    if limit is None or (len(safe) <= limit and len(text) <= limit):
        return safe
    return f"{safe[:limit]}... [cut, {len(text)} characters in all]"


class Asked(Frozen):
    """Where and in which form a question was asked. A witness proves the silence of the same door and shape only."""

    door: str
    """Where it was asked: a port (`tcp/23`, `udp/161`), the console, an adapter, or the ports that a sweep probes."""
    shape: str
    """The form of the question, as a noun: a login, a ClientHello with 128 cipher suites, a connection."""

    def __str__(self) -> str:
        return f"{self.shape} at {self.door}"


class Fact(Frozen):
    """One answer to one part of the question: `about` names that part (`tcp/23`, `TLS1.0`, `root:root`).

    `asked` is None if the part was asked as the whole observation is. Silence that names no question is never proven.
    """

    about: str
    answer: Answer
    detail: str = Field(default="", max_length=DETAIL_LIMIT + 64)
    asked: Asked | None = None


class Witness(Frozen):
    """What was seen in the same run, by the same code path, that proves the probe would have seen the thing.

    `holds` is False when it was looked for and not seen: silence then proves nothing. `asked` names the question that
    it answered; without one it is a condition, and proves no silence. `parts` are the joined witnesses.
    """

    what: str
    holds: bool
    asked: Asked | None = None
    parts: tuple["Witness", ...] = ()

    def proves(self, asked: Asked | None) -> bool:
        """Whether this witness, or one that was joined into it, answered a question of this door and shape."""
        if not self.holds or asked is None:
            return False
        return any(part.proves(asked) for part in self.parts) if self.parts else self.asked == asked


class Observation(Frozen):
    """Facts that answer one question, and the witness that its silence rests on.

    Subclasses add typed fields for what a case compares. The fields from `probe` on are filled in by `observe`.
    """

    question: str
    facts: tuple[Fact, ...]
    witness: Witness | None = None
    asked: Asked | None = None
    """Where and in which form every fact was asked that does not name its own question."""
    left_open: Mapping[str, str] = {}
    """Why a fact gives no answer that counts, by what it is about. A failed witness concerns all facts."""
    premise: Witness | None = None
    """What must have happened for any answer to count, such as the restart itself. It decides in both directions."""
    probe: str = ""
    interface: str = ""
    """Where it was made: network, serial, debug, power, logs, storage or update."""
    started: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    firmware: str = ""
    evidence: tuple[str, ...] = ()

    def about(self, *parts: str) -> Self:
        """Narrow to the facts of these parts, in their order. An unknown part is a KeyError.

        The witness stays. Where one of the parts is left open, it does not hold.
        """
        known = {fact.about for fact in self.facts}
        if missing := [part for part in parts if part not in known]:
            raise KeyError(f"{self.probe or type(self).__name__} contains no fact about {', '.join(missing)}")
        narrowed = self.model_copy(update={"facts": tuple(fact for fact in self.facts if fact.about in parts)})
        if not narrowed.doubts:
            return narrowed
        witnesses = [Witness(what=doubt, holds=False) for doubt in narrowed.doubts]
        witnesses = witnesses if self.witness is None else [self.witness, *witnesses]
        return narrowed.model_copy(update={"witness": all_of(witnesses)})

    @property
    def each_asked(self) -> tuple[Fact, ...]:
        """The facts, each with the question that it was asked. Join observations of several doors by these."""
        return tuple(fact if fact.asked else fact.model_copy(update={"asked": self.asked}) for fact in self.facts)

    def named(self, answer: Answer) -> frozenset[str]:
        """Return the parts that were answered in this way."""
        return frozenset(fact.about for fact in self.facts if fact.answer is answer)

    @property
    def seen(self) -> frozenset[str]:
        """Parts that the device showed."""
        return self.named(Answer.SEEN)

    @property
    def refused(self) -> frozenset[str]:
        """Parts that the device refused in its own bytes."""
        return self.named(Answer.REFUSED)

    @property
    def silent(self) -> frozenset[str]:
        """Parts on which nothing came."""
        return self.named(Answer.SILENT)

    def detail(self, about: str) -> str:
        """Return what was seen of one part, ready to print."""
        return "; ".join(fact.detail for fact in self.facts if fact.about == about and fact.detail)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why facts of this observation give no answer that counts. Each reason names the facts that share it."""
        reasons: dict[str, list[str]] = {}
        for fact in self.facts:
            if fact.about in self.left_open:
                reasons.setdefault(self.left_open[fact.about], []).append(fact.about)
        return tuple(f"{', '.join(abouts)}: {reason}" for reason, abouts in reasons.items())

    @property
    def conclusive(self) -> bool:
        """Whether an absence in these facts proves anything.

        No fact is left open, and no witness failed. The silence of each fact has a witness of the same door and shape.
        Facts in the device's own bytes need no witness.
        """
        if self.doubts or (self.witness is not None and not self.witness.holds):
            return False
        return not self._unwitnessed

    @property
    def _unwitnessed(self) -> tuple[Fact, ...]:
        """The silent facts that no witness of the same question covers."""
        silent = (fact for fact in self.facts if fact.answer is Answer.SILENT)
        return tuple(
            fact for fact in silent if self.witness is None or not self.witness.proves(fact.asked or self.asked)
        )

    @property
    def unproven(self) -> str:
        """Why an absence in these facts proves nothing; empty where it does."""
        if self.conclusive:
            return ""
        if self.witness is not None and not self.witness.holds:
            return self.witness.what
        if self.doubts:
            return "; ".join(self.doubts)
        unwitnessed = self._unwitnessed
        nothing = f"{self.probe}: no answer on {', '.join(sorted(fact.about for fact in unwitnessed)[:5])}"
        asked = unwitnessed[0].asked or self.asked
        if self.witness is None or asked is None:
            return nothing
        return f"{nothing}. No witness answered {asked}; this one did not: {self.witness.what}"


def condition(what: str, *, holds: bool) -> Witness:
    """State what else must hold for an answer to count. It answers no question, so it proves no silence itself."""
    return Witness(what=what, holds=holds)


def all_of(witnesses: Iterable[Witness]) -> Witness:
    """Join witnesses: the result holds when each does, and names those that do not."""
    joined = tuple(witnesses)
    failed = [witness.what for witness in joined if not witness.holds]
    what = "; ".join(failed or [witness.what for witness in joined])
    parts = tuple(witness for witness in joined if witness.asked is not None or witness.parts)
    return Witness(what=what, holds=bool(joined) and not failed, parts=parts)


class Recorder(Protocol):
    """Where a running probe stores its raw evidence and reports its progress."""

    def keep(self, name: str, data: bytes) -> None:
        """Store raw bytes under a file name of the probe's evidence folder; secrets are redacted on the way."""

    def note(self, line: str) -> None:
        """Append a line to the probe's transcript, with the time; the line is made printable."""

    def progress(self, done: int, total: int, what: str) -> None:
        """Say how far the probe is; may be called as often as is convenient."""


Observed = TypeVar("Observed", bound=Observation, covariant=True)


class Probe(Protocol[Observed]):
    """A question to the device.

    `name` is unique for the question (`tcp_sweep`, `tls_versions.443`): the observation is kept and cached under it.
    """

    @property
    def name(self) -> str:
        """The question's name, a valid file name."""

    def run(self, record: Recorder) -> Observed:
        """Ask, and return what was observed.

        Raises BenchError when the bench does not allow the question; what the device does is a fact, not an error.
        """
