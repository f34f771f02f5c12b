"""The manufacturer's declaration of one component: its interfaces and mechanisms (the ICS and IXIT of TS 103 701)."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from lab_config.account import Account, FirstUse, Lockouts
from lab_config.asked import AddressDeclaration, ResolverDeclaration
from lab_config.base import NOT_SAID, Absent, Expression, Identifier, Model, Port, Role, Seconds, UrlPath
from lab_config.certificate import CertificateDeclaration, browsed, require_recognised
from lab_config.components import Components, PairedComponent
from lab_config.crawl import CrawlDeclaration
from lab_config.doors import GdbDeclaration, HttpApiDeclaration, JtagDeclaration, StreamsDeclaration, TelnetDeclaration
from lab_config.egress import EgressDeclaration
from lab_config.http_login import HttpLogin
from lab_config.interfaces import Interfaces, RecordExpression, VersionExpression
from lab_config.ports import require_distinct
from lab_config.sessions import SessionDeclaration
from lab_config.shell import ShellDeclaration
from lab_config.stored_software import StoredSoftware

_Sessions = Literal["http", "ssh", "telnet", "mqtt", "redis", "vnc", "smb", "adb", "gdb"]
_Transfers = Literal["ftp", "smtp", "rtsp", "sip", "modbus", "tftp"]
_Datagrams = Literal["ws_discovery", "dns", "ntp", "mdns", "ssdp", "coap", "snmp", "bacnet", "knx"]
Protocol = Literal[_Sessions, _Transfers, _Datagrams, "other"]
"""The protocols that a declared service can speak."""
Reason = Annotated[str, StringConstraints(min_length=8)]


class Transport(StrEnum):
    """Transport protocol of a declared service."""

    TCP = "tcp"
    UDP = "udp"


class Service(Model):
    """A port that the product needs, and the `protocol` that it speaks there (inside TLS if `tls` is true)."""

    id: Identifier
    transport: Transport
    port: Port
    protocol: Protocol
    tls: bool = False
    canary: bool = False
    """Always open while the product runs. It is probed throughout a sweep, and its answers are the sweep's witness."""
    purpose: str
    certificate: CertificateDeclaration | Absent | None = None
    """Its own certificate inside TLS, if this differs from the `certificate` of the component."""

    @property
    def about(self) -> str:
        """The name of this port in observations: `tcp/443`."""
        return f"{self.transport}/{self.port}"


class HttpResource(Model):
    """A path of the web administration, and the roles that may read and change it."""

    path: UrlPath
    read: tuple[Role, ...]
    write: tuple[Role, ...] = ()
    method: Literal["PUT", "POST"] = "PUT"


class Setting(Model):
    """A harmless setting. It is changed and read back to show that configuration works."""

    path: UrlPath
    field: str
    example: str
    method: Literal["PUT", "POST"] = "PUT"
    """How it is written. If it is not declared here, the method that `http_resources` declares for this path counts."""


class Identity(Model):
    """Where the product shows its identifiers: dotted fields of a JSON resource that requires a login."""

    service: Identifier
    path: UrlPath
    model_field: str
    version_field: str
    serial_field: str
    boot_id_field: str
    """Changes at every start, so that no restart is overlooked."""
    slot_field: str | None = None
    mac_field: str | None = None


class ConsoleDeclaration(Model):
    """The serial console: its output as regular expressions, anchored at the start of a line."""

    baud: int = 115200
    boot_start: Expression
    login_prompt: Expression
    password_prompt: Expression
    refusal: Expression
    shell_prompt: Expression
    """A prompt that appears only after a login."""
    autoboot: Expression | Absent | None = None
    """The bootloader's countdown. Absent if the bootloader starts the system without one."""
    bootloader_prompt: Expression | None = None
    """The prompt of this bootloader after autoboot was stopped. Declare it even if it must never appear."""


class UpdateDeclaration(Model):
    """The update mechanism."""

    mechanism: Literal["http_upload", "swupdate"]
    """An image as the body of a POST to the web administration, or the web server of SWUpdate."""
    service: Identifier
    path: UrlPath
    status_path: UrlPath
    """A resource that reports how the last update ended. For SWUpdate it is the WebSocket `/ws`."""
    rejected: Expression
    """Regular expression that the status shows after a refused image."""
    container: Literal["signed_tar", "signed_swu"]
    seconds_to_install: Seconds
    seconds_to_write: Seconds | None = None
    """From the end of the transfer to the restart. The power is cut in this time."""
    max_octets: Annotated[int, Field(ge=1, le=64 * 2**20)] | None = None
    """The largest image that the mechanism accepts."""
    automatic: bool = False
    """Whether updates install automatically unless the customer declines."""
    not_applicable: dict[Literal["expired", "replayed"], Reason] = Field(default_factory=dict)
    """Properties that images of this mechanism cannot have, and why. An image without a date cannot expire."""


class UpdateNoticeDeclaration(Model):
    """How the product detects a newer version over the connection of `cloud`, and where it notifies the customer.

    `{version}` stands for the announced version.
    """

    request: Expression
    """Regular expression of the first line of the product's HTTP request: `^GET /firmware`."""
    announcement: Annotated[str, StringConstraints(max_length=8_000)]
    """The body of the answer that names a newer version. If there is none, the answer is 204 without a body."""
    content_type: str = "application/json"
    asks_after: Literal["connection", "start"] = "connection"
    """When the product asks automatically: after each new connection, or only after each start."""
    seconds_to_ask: Seconds
    """The longest time from a lost connection, or from a start, to the request."""
    path: UrlPath
    """The page or resource of the web administration that notifies the customer."""
    notice: VersionExpression
    """Regular expression that the page then shows."""
    seconds_to_tell: Seconds
    """The longest time from the request to the notice."""

    @model_validator(mode="after")
    def _patterns_hold_the_version(self) -> Self:
        for name in ("announcement", "notice"):
            if "{version}" not in getattr(self, name):
                raise ValueError(f"{name} does not contain the version: write {{version}} in its place")
        return self


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
    """The product's own log: a path of the web administration, and the roles that may read and clear it."""

    path: UrlPath
    """GET returns the newest records, in any form that shows user names as they were typed."""
    read: Annotated[tuple[Role, ...], Field(min_length=1)]
    clear: tuple[Role, ...] = ()
    clear_method: Literal["DELETE", "POST"] = "DELETE"


class StateReportDeclaration(Model):
    """Where the product reports its own state: dotted fields of a JSON resource of the web administration."""

    path: UrlPath
    read: Annotated[tuple[Role, ...], Field(min_length=1)]
    state_field: str
    states: Annotated[tuple[str, ...], Field(min_length=2)]
    """The values of the state field. A product that distinguishes healthy from degraded has at least two."""
    fields: tuple[str, ...] = ()
    """Further fields that the report contains."""


class TimeSourceDeclaration(Model):
    """The time source of the product, and how soon the product follows it."""

    protocol: Literal["sntp"]
    seconds_to_follow: Seconds
    """The longest time from a step of the source to a log record with the new time."""


class PasswordChange(Model):
    """How a user who is logged in to the web administration changes the user's own password, as a JSON object."""

    path: UrlPath
    method: Literal["PUT", "POST"] = "POST"
    old_field: str
    new_field: str
    least_characters: Annotated[int, Field(ge=1, le=128)]
    """A shorter password is refused."""


class LoggingDeclaration(Model):
    """Which events are logged. Each value is a regular expression; `{subject}` stands for the name made for the run."""

    transport: Literal["syslog_tls", "syslog_tcp", "syslog_udp"]
    format: Literal["rfc5424"]
    events: dict[EventKind, RecordExpression]


class CloudDeclaration(Model):
    """A TLS connection that the product opens: the host name that it requests and verifies."""

    host: str
    purpose: str
    reconnect_seconds: Seconds = 60
    """The longest time from a refused or lost connection to the next attempt."""


class UserDataDeclaration(Model):
    """Data of customers on the product: one entry that the web administration accepts, shows and deletes as JSON."""

    path: UrlPath
    """POST adds an entry. GET shows all entries, as any JSON that contains the text of `secret_field`."""
    name_field: str
    secret_field: str
    """A text of the customer, which must not be stored in clear text."""
    delete_path: UrlPath
    delete_method: Literal["DELETE", "POST"] = "DELETE"


class ResetDeclaration(Model):
    """The factory reset over the web administration. The passwords of the label are valid afterwards."""

    path: UrlPath
    method: Literal["POST", "PUT", "DELETE"] = "POST"
    seconds: Seconds = 60
    """The longest time from the request to the answer of the restarted device."""


class Component(Model):
    """A part of the product that is judged (IR 8425 judges a product: device, app, hub, backend).

    Each capability is declared, declared absent with a reason, or not said. A case that needs a capability that was not
    said is INCONCLUSIVE.
    """

    id: Identifier
    kind: Literal["device", "app", "hub", "backend"]
    services: tuple[Service, ...] | Absent
    ipv6: Literal["same_services"] | Absent = NOT_SAID
    """Whether the product supports IPv6. Its services are then those of IPv4."""
    accounts: tuple[Account, ...] | Absent = NOT_SAID
    http_login: HttpLogin | Absent = NOT_SAID
    first_use: FirstUse | Absent = NOT_SAID
    http_resources: tuple[HttpResource, ...] = ()
    http_crawl: CrawlDeclaration = CrawlDeclaration()
    http_api: HttpApiDeclaration | Absent = NOT_SAID
    streams: StreamsDeclaration | Absent = NOT_SAID
    telnet: TelnetDeclaration | Absent = NOT_SAID
    """These three are probed on their usual ports and paths in any case."""
    setting: Setting | None = None
    identity: Identity | Absent = NOT_SAID
    certificate: CertificateDeclaration | Absent = NOT_SAID
    console: ConsoleDeclaration | Absent = NOT_SAID
    jtag: JtagDeclaration | Absent = NOT_SAID
    gdb: GdbDeclaration | Absent = NOT_SAID
    """The usual ports are probed in any case. Without an address here, memory is read at the address of `jtag`."""
    update: UpdateDeclaration | Absent = NOT_SAID
    stored_software: StoredSoftware | Absent = NOT_SAID
    """Absent if nobody can write to the storage of the software."""
    update_notice: UpdateNoticeDeclaration | Absent = NOT_SAID
    logging: LoggingDeclaration | Absent = NOT_SAID
    log_store: LogStoreDeclaration | Absent = NOT_SAID
    state_report: StateReportDeclaration | Absent = NOT_SAID
    time_source: TimeSourceDeclaration | Absent = NOT_SAID
    resolver: ResolverDeclaration | Absent = NOT_SAID
    dhcp: AddressDeclaration | Absent = NOT_SAID
    lockout: Lockouts | Absent = NOT_SAID
    """A list if the product counts failed logins in several ways."""
    password_change: PasswordChange | Absent = NOT_SAID
    sessions: SessionDeclaration = SessionDeclaration()
    cloud: CloudDeclaration | Absent = NOT_SAID
    egress: EgressDeclaration = EgressDeclaration()
    interfaces: Interfaces = Interfaces()
    components: Components = ()
    user_data: UserDataDeclaration | Absent = NOT_SAID
    reset: ResetDeclaration | Absent = NOT_SAID
    shell: ShellDeclaration | Absent = NOT_SAID
    """SSH access of accounts that are not administrators is probed in any case."""
    boot_seconds: Seconds = 60
    """The longest time from power-on to the canary's answer."""

    @property
    def declared(self) -> tuple[Service, ...]:
        """The declared services. None if they are declared absent."""
        return () if isinstance(self.services, Absent) else self.services

    @property
    def users(self) -> tuple[Account, ...]:
        """The declared accounts. None if they are declared absent or were not said."""
        return () if isinstance(self.accounts, Absent) else self.accounts

    @property
    def lockouts(self) -> Lockouts:
        """The declared lockouts. None if they are declared absent or were not said."""
        return () if isinstance(self.lockout, Absent) else self.lockout

    def ports(self, transport: Transport) -> frozenset[int]:
        """Return the declared ports of one transport."""
        return frozenset(service.port for service in self.declared if service.transport is transport)

    def ports6(self, transport: Transport) -> frozenset[int]:
        """Return the declared ports of one transport over IPv6. None if IPv6 is declared absent."""
        return frozenset() if isinstance(self.ipv6, Absent) else self.ports(transport)

    def service(self, name: str) -> Service:
        """Return a service by id; KeyError if it is not declared."""
        for service in self.declared:
            if service.id == name:
                return service
        raise KeyError(name)

    def certificate_at(self, door: str) -> CertificateDeclaration | Absent:
        """Return what is declared of the certificate at a door (`tcp/443`): by its service, else by the component."""
        own = next((one.certificate for one in self.declared if one.about == door), None)
        return self.certificate if own is None else own

    def account(self, role: Role, interface: str) -> Account | None:
        """Return the account of a role that may log in on an interface, if there is one."""
        for account in self.users:
            if account.role is role and interface in account.interfaces:
                return account
        return None

    def least_account(self, interface: str) -> Account | None:
        """Return the account with the fewest rights that may log in on an interface, if there is one.

        A role describes what an account may do, not where it is used.
        """
        found = (self.account(role, interface) for role in (Role.VIEWER, Role.MAINTENANCE, Role.ADMINISTRATOR))
        return next((account for account in found if account is not None), None)

    def _require_places(self, one: PairedComponent) -> None:
        for place in (one.talks, one.talks.shown):
            try:
                service = self.service(place.service or one.talks.service)
            except KeyError as error:
                raise ValueError(f"the component {one.id}: no service has the id {error}") from None
            if objection := place.objection(service.protocol):
                raise ValueError(f"the component {one.id}: {service.id} {objection}")

    @model_validator(mode="after")
    def _references_resolve(self) -> Self:
        require_distinct(self.declared)
        crawl = self.http_crawl.public + self.http_crawl.never
        pages: dict[str, object] = {
            "http_login": self.http_login,
            "first_use": self.first_use,
            "http_api": self.http_api,
        }
        pages |= {"http_resources": self.http_resources, "http_crawl": crawl, "setting": self.setting}
        require_recognised(self.declared, self.certificate, browsed(self.declared, pages))
        names = [service.id for service in self.declared]
        doors = (self.http_api, self.streams, self.telnet)
        apis = [] if isinstance(self.http_api, Absent) else [self.http_api.id]
        if len(names) + len(apis) != len({*names, *apis}):
            raise ValueError("two services have the same id")
        known = {*names, *apis, "console"}
        used = {interface for account in self.users for interface in account.interfaces}
        used |= {name for one in self.lockouts for name in one.interfaces}
        parts = (self.http_login, self.first_use, self.identity, self.update, *doors)
        named = {part.service for part in parts if not isinstance(part, Absent)} | self.interfaces.services
        if unknown := sorted((used - known) | (named - set(names))):
            raise ValueError(f"no service has the id {', '.join(unknown)}. Declared ids: {', '.join(sorted(known))}")
        for one in self.components:
            self._require_places(one)
        if isinstance(self.cloud, Absent) and not isinstance(self.update_notice, Absent):
            raise ValueError("update_notice requires the connection of `cloud`, which is not declared")
        if not isinstance(self.shell, Absent) and (
            objection := self.shell.objection([one.id for one in self.declared if one.protocol == "ssh"], self.users)
        ):
            raise ValueError(objection)
        return self
