"""What a lab writes down: the product (a declaration), the bench (where the sample is plugged in), the profile.

All models are frozen and refuse unknown fields. A declaration travels with the product and holds no address;
a bench belongs to a lab and repeats nothing of the declaration.
"""

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

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


class EventKind(StrEnum):
    """Security events of CSA-1 that the harness can cause."""

    LOGIN_FAILURE = "login_failure"
    LOGIN_SUCCESS = "login_success"
    CONFIG_CHANGE = "config_change"
    UPDATE_REJECTED = "update_rejected"
    UPDATE_INSTALLED = "update_installed"
    REBOOT = "reboot"


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


class Component(Model):
    """A part of the product that is judged (IR 8425 judges a product: device, app, hub, backend)."""

    id: Identifier
    kind: Literal["device", "app", "hub", "backend"]
    services: tuple[Service, ...] | Absent
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
        parts = (self.http_login, self.identity, self.update)
        used |= {part.service for part in parts if not isinstance(part, Absent)}
        if unknown := sorted(used - known):
            raise ValueError(f"no service has the id {', '.join(unknown)}; declared are {', '.join(sorted(known))}")
        return self


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


# --- bench: where this sample is plugged in ----------------------------------------------------------------------


class NetworkBench(Model):
    """The sample's address, and the interface of this machine that it is reached through."""

    address: str
    interface: str | None = None
    """Needed for raw sweeps; without it ports are asked by connect()."""
    port_map: dict[str, Port] = {}
    """`tcp/443: 10443` where forwarding stands between; a full sweep is then not about the device."""
    packets_per_second: Annotated[int, Field(ge=1, le=200_000)] = 50_000

    @model_validator(mode="after")
    def _address_is_an_address(self) -> Self:
        ipaddress.ip_address(self.address)
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


class Images(Model):
    """Vendor-signed update images for this sample. What is missing leaves its rows INCONCLUSIVE."""

    newer: Path | None = None
    older: Path | None = None


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


class Bench(Model):
    """Where one sample is plugged in, and what may be done to it."""

    schema_version: Literal[1]
    id: Identifier
    product: Identifier
    sample: str
    virtual: Literal["reference"] | None = None
    """Start this device of virtual_lab/ for the run; never on a bench with a board."""
    network: NetworkBench | Absent
    console: ConsoleBench | Absent
    jtag: JtagBench | Absent
    power: PowerBench | Absent
    collector: CollectorBench | Absent
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


class Numbers(Model):
    """The numbers of a profile."""

    tls: TlsNumbers
    ssh: SshNumbers
    log_seconds: Seconds
    """An event must reach the collector within this time."""


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
