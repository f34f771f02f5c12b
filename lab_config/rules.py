"""A profile: which requirements apply, the cases that judge them, and the numbers."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lab_config.base import Identifier, Model, Seconds
from lab_config.sessions import SessionNumbers


class Strength(StrEnum):
    """The effect of a failed case on its requirements: `required` decides, the others are findings."""

    REQUIRED = "required"
    EXPECTED = "expected"
    ADVISORY = "advisory"


class CaseRule(Model):
    """The strength of one case, and why: the clause that requires it, or our reading with the reason."""

    strength: Strength
    clause: str | None = None
    reading: str | None = None

    @model_validator(mode="after")
    def _has_a_reason(self) -> Self:
        if (self.clause is None) == (self.reading is None):
            raise ValueError(
                "give exactly one of clause (the clause that requires it) and reading (ours, with the reason)"
            )
        return self


class TlsNumbers(Model):
    """The requirements of the profile on TLS servers."""

    forbidden_versions: tuple[str, ...]
    forbidden_suites: tuple[str, ...]
    """Families of drivers/data/tls_suites.yaml, and `DH_below_2048` for small groups of ephemeral Diffie-Hellman."""
    key_bits: dict[str, int]
    """The least size of a certificate's key, for each type that is accepted (RSA, RSA-PSS, EC, Ed25519 ...)."""
    forbidden_keys: tuple[str, ...]
    """Types of keys that no size makes good enough. A type that stands in neither list leaves the case open."""
    hashes: tuple[str, ...]
    """Hashes that a certificate's signature may use."""
    forbidden_hashes: tuple[str, ...]
    """Hashes that it must not use. A hash that stands in neither list leaves the case open."""


class SshNumbers(Model):
    """Families of drivers/data/ssh_algorithms.yaml that a profile forbids, and the least size of a group."""

    kex: tuple[str, ...]
    host_key: tuple[str, ...]
    cipher: tuple[str, ...]
    mac: tuple[str, ...]
    compression: tuple[str, ...] = ()
    group_bits: Annotated[int, Field(ge=512, le=16_384)] = 2048
    """The least size of a group in a group exchange. RSA host keys must have `key_bits` of the TLS numbers."""


GuessedAt = Literal["ssh", "telnet", "http_form", "http_basic", "ftp", "mqtt", "rtsp", "sip", "smtp", "serial"]
"""The interfaces on which well-known credentials are tried. `http_basic` is HTTP authentication, including Digest."""


class GuessedPairs(Model):
    """The well-known pairs that are tried on an interface, in addition to those derived from the sample."""

    lists: tuple[Literal["vendor", "general", "mirai"], ...] = ("vendor", "general")
    """Lists of drivers/data/credentials*.yaml. `vendor` is the list of the declared manufacturer and model."""
    most: Annotated[int, Field(ge=1, le=2_000)] = 200
    """The largest number of pairs that are tried, in the order of the lists above."""


class GuessingNumbers(Model):
    """The requirements of the profile on an interface that is tested by guessing."""

    attempts: Annotated[int, Field(ge=2, le=1000)] = 20
    """Wrong passwords in a row after which the interface must have locked or slowed down."""
    seconds: Seconds = 1.0
    """The shortest time that a lock, or a slowed attempt, must last."""
    pairs: dict[GuessedAt, GuessedPairs] = Field(default_factory=dict)

    def asked(self, interface: GuessedAt) -> GuessedPairs:
        """Return which pairs are tried on an interface."""
        return self.pairs.get(interface, GuessedPairs())


class MalformedNumbers(Model):
    """The amount of malformed input that the profile sends."""

    messages: Annotated[int, Field(ge=1, le=2_000)] = 60
    """Messages for each layer of each service: the named ones first, then altered valid ones."""
    frames: Annotated[int, Field(ge=1, le=2_000)] = 100
    """Messages for each layer of the link. Each is one packet, or a few packets that belong together."""
    answers: Annotated[int, Field(ge=1, le=500)] = 12
    """Malformed answers of its cloud and of its log collector. Each costs the device one connection."""
    questions: Annotated[int, Field(ge=1, le=100)] = 2
    """Requests in datagrams, such as for the time. Malformed answers precede the good one, another first each time."""
    session: Annotated[int, Field(ge=1, le=500)] = 16
    """Messages after a login of MQTT or SSH. Many of them cost a login."""
    lines: Annotated[int, Field(ge=1, le=500)] = 24
    """Lines typed at the login of the serial console. Each has a few thousand octets, at the speed of the line."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    """The messages follow from this seed, so that a run can be repeated octet by octet."""


class Numbers(Model):
    """The numbers of a profile."""

    tls: TlsNumbers
    ssh: SshNumbers
    log_seconds: Seconds
    """An event must reach the collector within this time."""
    log_clock_seconds: Seconds = 2
    """Time stamps of records may be this far from the true time."""
    log_flood_events: Annotated[int, Field(ge=10, le=10_000)] = 200
    """Failed logins of the burst that must not hide the event after it."""
    guessing: GuessingNumbers = GuessingNumbers()
    malformed: MalformedNumbers = MalformedNumbers()
    sessions: SessionNumbers = SessionNumbers()
    review_months: Annotated[int, Field(ge=1, le=120)] = 36
    """If a reviewer's answer is older than this many months, it must be given again."""


class Profile(Model):
    """Which requirements apply, the cases that judge them, and the numbers."""

    schema_version: Literal[1]
    id: Identifier
    title: str
    catalogue: str
    outside: str
    """What lies outside this profile. Every report prints this text."""
    requirements: tuple[str, ...]
    rules_of: Identifier | None = None
    """A profile whose numbers and cases also apply here. Values given here take precedence."""
    numbers: Numbers | None = None
    cases: dict[str, CaseRule] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_rules(self) -> Self:
        if self.rules_of is None and (self.numbers is None or not self.cases):
            raise ValueError("give numbers and cases, or name the profile that has them in rules_of")
        return self

    @property
    def limits(self) -> Numbers:
        """The numbers, after the whole profile was read."""
        assert self.numbers is not None, "read profiles with trustprobe.judging.run.load_profile"
        return self.numbers
