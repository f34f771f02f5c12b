"""Where one sample is connected, and what may be done to it."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from lab_config.asked import AddressBench, ResolverBench
from lab_config.base import Absent, Identifier, LongSeconds, Model, Port, Seconds
from lab_config.certificate import Pin
from lab_config.component import Transport
from lab_config.ports import HostAddress, HostAddress6, OwnAddress, PortMap, SourceAddress


class NetworkBench(Model):
    """The sample's address, and the interface of this machine through which it is reached."""

    address: HostAddress
    address6: HostAddress6 | None = None
    """The sample's IPv6 address, if it has one in addition to `address`."""
    interface: str | None = None
    """Required for raw sweeps. Without it, ports are probed with connect()."""
    port_map: PortMap = Field(default_factory=dict)
    """`tcp/443: 10443` if traffic to the device is forwarded. A full sweep then does not describe the device."""
    sends_from: SourceAddress | None = None
    """The source address of the sample's own connections, if forwarding replaces it (NAT). All other traffic from this
    address counts as the sample's."""
    other_source: SourceAddress | None = None
    """A further address of this machine that reaches the sample. It shows whether a lock applies to the account or to
    the address."""
    packets_per_second: Annotated[int, Field(ge=1, le=200_000)] = 50_000
    logins_at_once: Annotated[int, Field(ge=1, le=64)] = 16
    """The largest number of logins that are tried at the same time. Fewer are tried if the device does not keep up."""

    @property
    def forwarded(self) -> bool:
        """Whether traffic from this machine to the device is forwarded."""
        return bool(self.port_map)

    @property
    def sender(self) -> str:
        """The source address of the sample's own connections, as this machine sees it."""
        return self.sends_from or self.address

    def port(self, transport: Transport, port: int) -> int | None:
        """Return the port that leads to a port of the device; None where ports are forwarded, and this one is not."""
        return self.port_map.get(f"{transport}/{port}") if self.forwarded else port


class ConsoleBench(Model):
    """The serial adapter: a path, or any URL that pyserial opens."""

    url: str


class JtagBench(Model):
    """The debug adapter: `remote_bitbang://host:port`, or a configuration file for OpenOCD."""

    remote_bitbang: str | None = None
    openocd_config: str | None = None
    attested_wiring: str | None = None
    """Who checked the wiring to a port that must be dead, when, and the file name of the photo."""

    @model_validator(mode="after")
    def _one_adapter(self) -> Self:
        if (self.remote_bitbang is None) == (self.openocd_config is None):
            raise ValueError("name exactly one of remote_bitbang and openocd_config")
        return self


class GdbBench(Model):
    """The GDB server that debugs this sample (of OpenOCD, J-Link or QEMU), as `host:port`."""

    server: Annotated[str, StringConstraints(pattern=r"^(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):[0-9]{1,5}$")]
    attested_wiring: str | None = None
    """Who checked the connection to a port that must be dead, when, and the file name of the photo."""

    @model_validator(mode="after")
    def _port_is_one(self) -> Self:
        if not 1 <= self.port <= 65535:
            raise ValueError(f"{self.port} is not a TCP port")
        return self

    @property
    def host(self) -> str:
        """The host's name or address, without brackets."""
        return self.server.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self.server.rpartition(":")[2])


QMP_ADDRESS = r"unix:(?P<path>/.+)|(?P<host>[^:/\[\]\s]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})"
"""The address at which QEMU serves its machine protocol, in the form of its option -qmp."""


class PowerBench(Model):
    """The power switch: a command or a URL (fetched with GET) for on and for off, or the QEMU that runs the board."""

    on: str | tuple[str, ...] | None = None
    off: str | tuple[str, ...] | None = None
    qmp: Annotated[str, StringConstraints(max_length=200)] | None = None
    """`unix:/path` or `host:port` of QEMU's machine protocol, instead of `on` and `off`."""
    settle_seconds: Seconds = 1.0

    @model_validator(mode="after")
    def _one_switch(self) -> Self:
        given = (self.on is not None, self.off is not None)
        if not (given == (False, False) if self.qmp is not None else all(given)):
            raise ValueError("give both on and off, or only qmp")
        if self.qmp is not None and not re.fullmatch(QMP_ADDRESS, self.qmp):
            raise ValueError(f"{self.qmp!r} is neither unix:/path nor host:port")
        return self


class CollectorBench(Model):
    """Where the device sends its log: TLS with this certificate, and clear-text ports that must receive nothing."""

    address: OwnAddress
    tls_port: Port = 6514
    clear_port: Port = 514
    certificate: Path
    key: Path


class CloudBench(Model):
    """Where the harness acts as the product's cloud. This sample trusts the CA, and reaches the host name here."""

    address: OwnAddress
    port: Port = 443
    ca_certificate: Path
    ca_key: Path


class StorageBench(Model):
    """A program of the bench that writes the sample's storage image to `{file}`: a clip on the chip, rpiboot, a tool.

    The program may switch off the device's power. It restores the power before it ends.
    """

    dump: str | tuple[str, ...]
    write: str | tuple[str, ...] | None = None
    """A program that writes the image `{file}` to the sample's storage. The harness switches off its power first."""
    seconds: Seconds = 600
    """The longest time that one dump, or one write, takes."""
    most_octets: Annotated[int, Field(ge=1)] = 32 << 30
    """The number of octets of an image that are searched. The search of a longer image proves nothing."""

    @model_validator(mode="after")
    def _names_the_file(self) -> Self:
        for name, command in (("dump", self.dump), ("write", self.write)):
            words = (command,) if isinstance(command, str) else command
            if words is not None and not any("{file}" in word for word in words):
                raise ValueError(f"{name} does not name the image: write {{file}} in its place")
        return self


class TimeSourceBench(Model):
    """The address at which the harness acts as the sample's time server, in place of the manufacturer's server."""

    address: OwnAddress
    port: Port = 123


class Images(Model):
    """Vendor-signed update images for this sample. If an image is missing, its rows are INCONCLUSIVE."""

    newer: Path | None = None
    older: Path | None = None
    current: Path | None = None
    """The running release. Installing it once more is a replay."""
    expired: Path | None = None
    """Newer than the running release, for this model, and valid until a day that has passed."""
    wrong_model: Path | None = None
    """Newer than the running release, and for another model of the vendor."""
    spare: Path | None = None
    """Newer than `newer`. The power is cut during its installation."""


class Credential(Model):
    """User name and password of an account or component. The password is `${ENV}` or `file:PATH`, never a value."""

    user: str
    password: Annotated[str, StringConstraints(pattern=r"^(\$\{[A-Z][A-Z0-9_]*\}|file:.+)$")]


class Permission(StrEnum):
    """An action that the bench may allow on the sample."""

    REBOOT = "reboot"
    POWER = "power"
    UPDATE = "update"
    CONFIGURE = "configure"
    RESET = "reset"
    """Delete the user data, and return to the factory state."""
    LOCKOUT = "lockout"
    """Try wrong passwords of an account until the device refuses it for a while."""
    MALFORMED = "malformed"
    """Send its services messages that break the rules of their protocols. This may stop them or damage the device."""


class PeerCertificate(Model):
    """The certificate and key that a paired peer presents inside TLS, as PEM files."""

    certificate: Path
    key: Path


class SecondSample(Model):
    """Another unit of the same product in its factory state, for comparison. No two units share keys or identifiers."""

    sample: str
    network: NetworkBench
    credentials: dict[Identifier, Credential] = Field(default_factory=dict)
    """The credentials of its label, by declared account."""
    trust_anchor: Path | None = None


class Bench(Model):
    """Where one sample is connected, and what may be done to it."""

    schema_version: Literal[1]
    id: Identifier
    product: Identifier
    sample: str
    mac: str | None = None
    """The MAC address on the sample's label. Passwords derived from it are tried."""
    virtual: Literal["reference", "firmware"] | None = None
    """Start this device of virtual_lab/ for the run. Never use this on a bench with a board."""
    network: NetworkBench | Absent
    console: ConsoleBench | Absent
    jtag: JtagBench | Absent
    gdb: GdbBench | Absent = Absent(absent="not named by the bench file")
    power: PowerBench | Absent
    collector: CollectorBench | Absent
    time_source: TimeSourceBench | Absent = Absent(absent="not named by the bench file")
    cloud: CloudBench | Absent = Absent(absent="not named by the bench file")
    resolver: ResolverBench | Absent = Absent(absent="not named by the bench file")
    dhcp: AddressBench | Absent = Absent(absent="not named by the bench file")
    storage: StorageBench | Absent = Absent(absent="not declared")
    second: SecondSample | Absent = Absent(absent="not named by the bench file")
    trust_anchor: Path | None = None
    """PEM file of the CA that issues the product's certificate, if the CA is not public."""
    credentials: dict[Identifier, Credential] = Field(default_factory=dict)
    peers: dict[Identifier, PeerCertificate] = Field(default_factory=dict)
    """By the id of the service that requires a client certificate, or of the component that has its own certificate."""
    pins: dict[Identifier, Pin] = Field(default_factory=dict)
    """By the id of a service whose certificate is pinned at pairing: the pin that a paired peer shows."""
    images: Images = Images()
    patience_seconds: LongSeconds = 60
    """The longest wait for something that only takes time, such as the end of a session."""
    allow: tuple[Permission, ...] = ()
