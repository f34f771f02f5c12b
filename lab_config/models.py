"""What a lab writes down: the product (a declaration), the bench (where the sample is plugged in), the profile.

All models are frozen and refuse unknown fields. A declaration travels with the product and holds no address;
a bench belongs to a lab and repeats nothing of the declaration.
"""

import ipaddress
from datetime import date
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Model(BaseModel):
    """Frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Absent(Model):
    """The manufacturer declares that the product has no such thing, and why. It is probed for all the same."""

    absent: Annotated[str, StringConstraints(min_length=8)]


# --- product: what the manufacturer declares (the ICS and IXIT of TS 103 701) ------------------------------------


class Transport(StrEnum):
    """Transport protocol of a declared service."""

    TCP = "tcp"
    UDP = "udp"


class Service(Model):
    """A port that the product needs. `protocol` is what speaks there; with `tls`, inside TLS."""

    id: Identifier
    transport: Transport
    port: Port
    protocol: Literal["http", "ssh", "ws_discovery", "dns", "ntp", "mdns", "ssdp", "coap", "snmp", "other"]
    tls: bool = False
    canary: bool = False
    """Always open while the product runs: asked all through a sweep, its answers are the sweep's witness."""
    purpose: str

    @property
    def about(self) -> str:
        """The name of this port in observations: `tcp/443`."""
        return f"{self.transport}/{self.port}"


class Role(StrEnum):
    """What a declared account may do."""

    ADMINISTRATOR = "administrator"
    VIEWER = "viewer"
    MAINTENANCE = "maintenance"


class Account(Model):
    """An account that the product ships with. Its password is a secret of the bench, under `credentials`."""

    id: Identifier
    role: Role
    interfaces: tuple[Identifier, ...]
    """Services, and `console` for the serial console, on which this account may log in."""


class HttpLogin(Model):
    """How a person logs in to the web administration, and what only a login shows."""

    service: Identifier
    form: str = "/login"
    user_field: str = "username"
    password_field: str = "password"
    proof_path: str
    """Answers 200 with a session and 401, 403 or a redirect to the form without one."""
    refusal: str
    """Regular expression that the answer to a wrong password contains."""


class HttpResource(Model):
    """A path of the web administration and the roles that may read it and change it."""

    path: str
    read: tuple[Role, ...]
    write: tuple[Role, ...] = ()
    method: Literal["PUT", "POST"] = "PUT"


class Setting(Model):
    """A harmless setting: changed and read back to see that configuration works."""

    path: str
    field: str
    example: str


class Identity(Model):
    """Where the product shows its identifiers: dotted fields of a JSON resource behind a login."""

    service: Identifier
    path: str
    model_field: str
    version_field: str
    serial_field: str
    boot_id_field: str
    """Changes at every start, so that a restart cannot be overlooked."""
    slot_field: str | None = None
    mac_field: str | None = None


class ConsoleDeclaration(Model):
    """The serial console: what it prints, as regular expressions that are anchored at the start of a line."""

    baud: int = 115200
    boot_start: str
    login_prompt: str
    password_prompt: str
    refusal: str
    shell_prompt: str
    """A prompt that only a login shows."""
    autoboot: str | None = None
    bootloader_prompt: str | None = None
    """What the bootloader of this make shows when autoboot was stopped, even where it must never show."""


class JtagDeclaration(Model):
    """The debug port as it ships: TAPs on the chain by IDCODE, from TDO to TDI, and a readable address if unlocked."""

    idcodes: tuple[int, ...]
    ir_lengths: tuple[int, ...]
    probe_address: int
    """A word here is read to learn whether memory can be read."""


class UpdateDeclaration(Model):
    """The update mechanism."""

    mechanism: Literal["http_upload"]
    service: Identifier
    path: str
    status_path: str
    rejected: str
    """Regular expression that the status shows after a refused image."""
    container: Literal["signed_tar"]
    seconds_to_install: Seconds
    seconds_to_write: Seconds | None = None
    """From the end of the transfer to the restart, so that power can be cut in between."""
    max_octets: Annotated[int, Field(ge=1, le=64 * 2**20)] | None = None
    """The largest image that is taken."""
    not_applicable: dict[Literal["expired", "replayed"], Annotated[str, StringConstraints(min_length=8)]] = {}
    """What images of this mechanism cannot be, and why: without a date none expires."""


class EventKind(StrEnum):
    """Security events of CSA-1 that the harness can cause."""

    LOGIN_FAILURE = "login_failure"
    LOGIN_SUCCESS = "login_success"
    LOCKOUT = "lockout"
    CONFIG_CHANGE = "config_change"
    LOG_CLEARED = "log_cleared"
    SERVICE_START = "service_start"
    DEBUG_ACCESS = "debug_access"
    TIME_CHANGE = "time_change"
    UPDATE_REJECTED = "update_rejected"
    UPDATE_INSTALLED = "update_installed"
    REBOOT = "reboot"
    FACTORY_RESET = "factory_reset"


class LogStoreDeclaration(Model):
    """The log that the product keeps itself: a path of the web administration, and who may do what with it."""

    path: str
    """GET returns the newest records, in any form that shows a user name as it was typed."""
    read: Annotated[tuple[Role, ...], Field(min_length=1)]
    clear: tuple[Role, ...] = ()
    clear_method: Literal["DELETE", "POST"] = "DELETE"


class StateReportDeclaration(Model):
    """Where the product reports its own state: dotted fields of a JSON resource of the web administration."""

    path: str
    read: Annotated[tuple[Role, ...], Field(min_length=1)]
    state_field: str
    states: Annotated[tuple[str, ...], Field(min_length=2)]
    """What the state field can say: a product that tells healthy from degraded has two words at least."""
    fields: tuple[str, ...] = ()
    """Further fields that the report holds."""


class TimeSourceDeclaration(Model):
    """Where the product takes its time from, and how soon it follows."""

    protocol: Literal["sntp"]
    seconds_to_follow: Seconds
    """The longest time from a step of the source to a log record that carries the new time."""


class LockoutDeclaration(Model):
    """What repeated failed logins lead to: after `attempts` in a row a login is refused for `seconds`."""

    attempts: Annotated[int, Field(ge=2, le=1000)]
    seconds: Seconds
    per: Literal["account", "source"]
    """Whether the account is refused, or the address that the attempts come from."""
    interfaces: tuple[Identifier, ...]
    """The interfaces that do so: services, and `console`."""


class PasswordChange(Model):
    """How somebody who is logged in to the web administration changes his own password, as a JSON object."""

    path: str
    method: Literal["PUT", "POST"] = "POST"
    old_field: str
    new_field: str
    least_characters: Annotated[int, Field(ge=1, le=128)]
    """A shorter password is refused."""


class LoggingDeclaration(Model):
    """Which events are logged. Each value is a regular expression; `{subject}` stands for the name made for the run."""

    transport: Literal["syslog_tls", "syslog_tcp", "syslog_udp"]
    format: Literal["rfc5424"]
    events: dict[EventKind, str]


class CertificateDeclaration(Model):
    """How the product's TLS server certificate is issued."""

    issued_by: Literal["product_ca", "public_ca", "self_signed"]
    names: tuple[str, ...]
    """DNS names; the address of the bench is accepted as well where the certificate carries it."""


class CloudDeclaration(Model):
    """A TLS connection that the product opens itself: the host name that it asks for and verifies."""

    host: str
    purpose: str
    reconnect_seconds: Seconds = 60
    """The longest time from a refused or lost connection to the next attempt."""


class UserDataDeclaration(Model):
    """What customers leave on the product: one entry that the web administration takes, shows and deletes as JSON."""

    path: str
    """POST adds an entry, GET shows all of them, as any JSON that holds the text of `secret_field`."""
    name_field: str
    secret_field: str
    """A text of the customer's, which must lie nowhere in clear."""
    delete_path: str
    delete_method: Literal["DELETE", "POST"] = "DELETE"


class ResetDeclaration(Model):
    """The factory reset over the web administration. The passwords of the label hold afterwards."""

    path: str
    method: Literal["POST", "PUT", "DELETE"] = "POST"
    seconds: Seconds = 60
    """The longest time from the request to the answer of a device that has started again."""


class Component(Model):
    """A part of the product that is judged (IR 8425 judges a product: device, app, hub, backend)."""

    id: Identifier
    kind: Literal["device", "app", "hub", "backend"]
    services: tuple[Service, ...] | Absent
    ipv6: Literal["same_services"] | Absent = Absent(absent="not declared")
    """Whether the product takes part in IPv6; its services are then those of IPv4."""
    accounts: tuple[Account, ...] = ()
    http_login: HttpLogin | Absent
    http_resources: tuple[HttpResource, ...] = ()
    setting: Setting | None = None
    identity: Identity | Absent
    certificate: CertificateDeclaration | Absent
    console: ConsoleDeclaration | Absent
    jtag: JtagDeclaration | Absent
    update: UpdateDeclaration | Absent
    logging: LoggingDeclaration | Absent
    log_store: LogStoreDeclaration | Absent = Absent(absent="not declared")
    state_report: StateReportDeclaration | Absent = Absent(absent="not declared")
    time_source: TimeSourceDeclaration | Absent = Absent(absent="not declared")
    lockout: LockoutDeclaration | Absent = Absent(absent="not declared")
    password_change: PasswordChange | Absent = Absent(absent="not declared")
    cloud: CloudDeclaration | Absent = Absent(absent="not declared")
    user_data: UserDataDeclaration | Absent = Absent(absent="not declared")
    reset: ResetDeclaration | Absent = Absent(absent="not declared")
    boot_seconds: Seconds = 60
    """The longest time from power on to the canary's answer."""

    @property
    def declared(self) -> tuple[Service, ...]:
        """The declared services; none where they are declared absent."""
        return () if isinstance(self.services, Absent) else self.services

    def ports(self, transport: Transport) -> frozenset[int]:
        """Return the declared ports of one transport."""
        return frozenset(service.port for service in self.declared if service.transport is transport)

    def service(self, name: str) -> Service:
        """Return a service by id; KeyError if it is not declared."""
        for service in self.declared:
            if service.id == name:
                return service
        raise KeyError(name)

    def account(self, role: Role, interface: str) -> Account | None:
        """Return the account of a role that may log in on an interface, if there is one."""
        for account in self.accounts:
            if account.role is role and interface in account.interfaces:
                return account
        return None

    @model_validator(mode="after")
    def _references_resolve(self) -> Self:
        names = [service.id for service in self.declared]
        if len(names) != len(set(names)):
            raise ValueError("two services have the same id")
        known = {*names, "console"}
        used = {interface for account in self.accounts for interface in account.interfaces}
        used |= set(() if isinstance(self.lockout, Absent) else self.lockout.interfaces)
        parts = (self.http_login, self.identity, self.update)
        used |= {part.service for part in parts if not isinstance(part, Absent)}
        if unknown := sorted(used - known):
            raise ValueError(f"no service has the id {', '.join(unknown)}; declared are {', '.join(sorted(known))}")
        return self


def _stays_beside_the_declaration(path: str) -> str:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        raise ValueError("give a path relative to the declaration's file, without ..")
    return path


DocumentPath = Annotated[str, AfterValidator(_stays_beside_the_declaration)]
"""A file beside the declaration: relative to the product's YAML file, never above it."""


class DisclosurePolicy(Model):
    """The vulnerability disclosure policy, and the words in which it promises what EN 303 645 5.2-1 asks for."""

    file: DocumentPath
    contact: str
    """The address for reports, as it stands in the policy."""
    acknowledgement: str
    """The words of the policy that say when a report is acknowledged, with the time."""
    status_updates: str
    """The words of the policy that say how often a reporter hears of it until it is settled."""


class Advisories(Model):
    """CSAF 2.0: the metadata of the provider, and the advisories of this product."""

    provider_metadata: DocumentPath
    advisories: Annotated[tuple[DocumentPath, ...], Field(min_length=1)]


class SupportPeriod(Model):
    """From when until when security updates are promised, and where customers can read that."""

    starts: date
    ends: date
    published: DocumentPath

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends <= self.starts:
            raise ValueError("the support period ends before it starts")
        return self


NOT_DECLARED = Absent(absent="the declaration names none")


class Documents(Model):
    """What the manufacturer hands in on paper, as files beside the declaration."""

    sbom: DocumentPath | Absent = NOT_DECLARED
    """CycloneDX 1.4 to 1.6, JSON."""
    security_txt: DocumentPath | Absent = NOT_DECLARED
    """As it is served at /.well-known/security.txt (RFC 9116)."""
    disclosure_policy: DisclosurePolicy | Absent = NOT_DECLARED
    advisories: Advisories | Absent = NOT_DECLARED
    registry_record: DocumentPath | Absent = NOT_DECLARED
    """The record for the registry of 47 CFR 8.222, JSON; its fields are those of standards/fcc_cyber_trust_mark.yaml."""
    answers: DocumentPath | Absent = NOT_DECLARED
    """What reviewers answered to standards/questions.yaml, as `Answers`."""


class Review(Model):
    """What a person answered to one question, and on what document. What is missing leaves the question open."""

    answer: Literal["yes", "partly", "no"]
    reviewer: str = ""
    reviewed: date | None = None
    document: DocumentPath | None = None
    """Relative to the file of the answers."""
    note: str = ""


class Answers(Model):
    """The answers of reviewers, by the item of IR 8425; null where nobody has looked yet."""

    schema_version: Literal[1]
    answers: dict[str, Review | None]


class Condition(Model):
    """Whether a condition or feature that a catalogue ties provisions to holds for this product, and why."""

    holds: bool
    because: Annotated[str, StringConstraints(min_length=8)]


class Product(Model):
    """A declaration: what is sold, and the component that the bench holds."""

    schema_version: Literal[1]
    id: Identifier
    name: str
    manufacturer: str
    model: str
    firmware: str
    component: Component
    elsewhere: tuple[str, ...] = ()
    """Further components of the product that this declaration does not describe; reports name them as outside."""
    documents: Documents = Documents()
    support: SupportPeriod | Absent = NOT_DECLARED
    conditions: dict[str, Condition] = {}
    """Conditions and features of EN 303 645 Table B.1, as `C:12` or `F:a`. One that is not stated holds."""


# --- bench: where this sample is plugged in ----------------------------------------------------------------------


class NetworkBench(Model):
    """The sample's address, and the interface of this machine that it is reached through."""

    address: str
    address6: str | None = None
    """The sample's IPv6 address, where it has one beside `address`."""
    interface: str | None = None
    """Needed for raw sweeps; without it ports are asked by connect()."""
    port_map: dict[str, Port] = {}
    """`tcp/443: 10443` where forwarding stands between; a full sweep is then not about the device."""
    packets_per_second: Annotated[int, Field(ge=1, le=200_000)] = 50_000

    @model_validator(mode="after")
    def _address_is_an_address(self) -> Self:
        ipaddress.ip_address(self.address)
        if self.address6:
            ipaddress.IPv6Address(self.address6)
        return self

    @property
    def forwarded(self) -> bool:
        """Whether forwarding stands between this machine and the device."""
        return bool(self.port_map)

    def port(self, transport: Transport, port: int) -> int:
        """Return the port to ask here for a port of the device."""
        return self.port_map.get(f"{transport}/{port}", port)


class ConsoleBench(Model):
    """The serial adapter: a path, or any URL that pyserial opens."""

    url: str


class JtagBench(Model):
    """The debug adapter: `remote_bitbang://host:port`, or a configuration file for OpenOCD."""

    remote_bitbang: str | None = None
    openocd_config: str | None = None
    attested_wiring: str | None = None
    """Who checked the wiring to a port that must be dead, when, and the photo's file name."""

    @model_validator(mode="after")
    def _one_adapter(self) -> Self:
        if (self.remote_bitbang is None) == (self.openocd_config is None):
            raise ValueError("name exactly one of remote_bitbang and openocd_config")
        return self


class PowerBench(Model):
    """The power switch: a command each, or an URL each that is fetched with GET."""

    on: str | tuple[str, ...]
    off: str | tuple[str, ...]
    settle_seconds: Seconds = 1.0


class CollectorBench(Model):
    """Where the device sends its log: TLS with this certificate, and the clear-text ports that must stay quiet."""

    address: str
    tls_port: Port = 6514
    clear_port: Port = 514
    certificate: Path
    key: Path


class CloudBench(Model):
    """Where the harness answers for the product's cloud: this sample trusts the CA, and reaches the host name here."""

    address: str
    port: Port = 443
    ca_certificate: Path
    ca_key: Path


class StorageBench(Model):
    """A program of the bench that writes the sample's storage image to `{file}`: a clip on the chip, rpiboot, a tool.

    It may take the device's power for that, and gives it back before it ends.
    """

    dump: str | tuple[str, ...]
    seconds: Seconds = 600
    """The longest time that one dump takes."""
    most_octets: Annotated[int, Field(ge=1)] = 32 << 30
    """What is searched of an image; the search of a longer one proves nothing."""

    @model_validator(mode="after")
    def _names_the_file(self) -> Self:
        words = (self.dump,) if isinstance(self.dump, str) else self.dump
        if not any("{file}" in word for word in words):
            raise ValueError("the command does not say where the image goes: write {file} in its place")
        return self


class TimeSourceBench(Model):
    """Where the harness is the time server that this sample is set to, in place of the maker's."""

    address: str
    port: Port = 123


class Images(Model):
    """Vendor-signed update images for this sample. What is missing leaves its rows INCONCLUSIVE."""

    newer: Path | None = None
    older: Path | None = None
    current: Path | None = None
    """The release that runs: installing it once more is a replay."""
    expired: Path | None = None
    """Newer than what runs, for this model, and valid until a day that has passed."""
    wrong_model: Path | None = None
    """Newer than what runs, and for another model of the vendor's."""
    spare: Path | None = None
    """Newer than `newer`: installed while the power is cut."""


class Credential(Model):
    """User name and password of a declared account; the password is `${ENV}` or `file:PATH`, never a value."""

    user: str
    password: Annotated[str, StringConstraints(pattern=r"^(\$\{[A-Z][A-Z0-9_]*\}|file:.+)$")]


class Permission(StrEnum):
    """What may be done to the sample."""

    REBOOT = "reboot"
    POWER = "power"
    UPDATE = "update"
    CONFIGURE = "configure"
    RESET = "reset"
    """Delete the user data, and go back to the factory state."""
    LOCKOUT = "lockout"
    """Guess at an account until the device refuses it for a while."""


class SecondSample(Model):
    """Another unit of the same product, in its factory state, to compare with: no two share keys or identifiers."""

    sample: str
    network: NetworkBench
    credentials: dict[Identifier, Credential] = {}
    """Of its label, by the declared accounts."""
    trust_anchor: Path | None = None


class Bench(Model):
    """Where one sample is plugged in, and what may be done to it."""

    schema_version: Literal[1]
    id: Identifier
    product: Identifier
    sample: str
    mac: str | None = None
    """The MAC address on the sample's label; passwords that follow from it are guessed."""
    virtual: Literal["reference"] | None = None
    """Start this device of virtual_lab/ for the run; never on a bench with a board."""
    network: NetworkBench | Absent
    console: ConsoleBench | Absent
    jtag: JtagBench | Absent
    power: PowerBench | Absent
    collector: CollectorBench | Absent
    time_source: TimeSourceBench | Absent = Absent(absent="not named by the bench file")
    cloud: CloudBench | Absent = Absent(absent="not named by the bench file")
    storage: StorageBench | Absent = Absent(absent="not declared")
    second: SecondSample | Absent = Absent(absent="not named by the bench file")
    trust_anchor: Path | None = None
    """PEM file of the CA that issues the product's certificate, where it is not a public one."""
    credentials: dict[Identifier, Credential] = {}
    images: Images = Images()
    allow: tuple[Permission, ...] = ()


# --- profile: which requirements apply, and the numbers ----------------------------------------------------------


class Strength(StrEnum):
    """What a failed case means for its requirements: `required` decides, the others are findings."""

    REQUIRED = "required"
    EXPECTED = "expected"
    ADVISORY = "advisory"


class CaseRule(Model):
    """The strength of one case, and why: the clause that asks for it, or our reading with the reason."""

    strength: Strength
    clause: str | None = None
    reading: str | None = None

    @model_validator(mode="after")
    def _has_a_reason(self) -> Self:
        if (self.clause is None) == (self.reading is None):
            raise ValueError("give exactly one of clause (what asks for it) and reading (ours, with the reason)")
        return self


class TlsNumbers(Model):
    """What the profile asks of TLS servers."""

    forbidden_versions: tuple[str, ...]
    forbidden_suites: tuple[str, ...]
    """Families of drivers/data/tls_suites.yaml."""
    rsa_bits: int
    ec_bits: int


class SshNumbers(Model):
    """Algorithms that a profile forbids, by the names of RFC 4253 and its successors."""

    kex: tuple[str, ...]
    host_key: tuple[str, ...]
    cipher: tuple[str, ...]
    mac: tuple[str, ...]


class GuessingNumbers(Model):
    """What the profile asks of an interface that is guessed at."""

    attempts: Annotated[int, Field(ge=2, le=1000)] = 20
    """Wrong passwords in a row by which the interface must have locked or slowed down."""
    seconds: Seconds = 1.0
    """How long a lock, or a slowed attempt, lasts at least."""


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
    review_months: Annotated[int, Field(ge=1, le=120)] = 36
    """An answer of a reviewer that is older than this many months has to be given again."""


class Profile(Model):
    """Which requirements apply, the cases that judge them, and the numbers."""

    schema_version: Literal[1]
    id: Identifier
    title: str
    catalogue: str
    outside: str
    """What lies outside this profile, in a sentence that every report prints."""
    requirements: tuple[str, ...]
    rules_of: Identifier | None = None
    """A profile whose numbers and cases hold here as well; what is given here goes before."""
    numbers: Numbers | None = None
    cases: dict[str, CaseRule] = {}

    @model_validator(mode="after")
    def _has_rules(self) -> Self:
        if self.rules_of is None and (self.numbers is None or not self.cases):
            raise ValueError("give numbers and cases, or name the profile that has them in rules_of")
        return self

    @property
    def limits(self) -> Numbers:
        """The numbers, once the profile is read whole."""
        assert self.numbers is not None, "read profiles with fixtures.run.load_profile"
        return self.numbers
