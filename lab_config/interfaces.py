"""Declared interfaces other than the web administration, and the roles that may use them.

Interfaces that are not named here are probed on their usual ports in any case.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from lab_config.base import Expression, Identifier, Model, Port, Role, Seconds, UrlPath, require_expression


def _with_a_subject(text: str) -> str:
    require_expression(text.replace("{subject}", "subject"))
    return text


def _with_a_version(text: str) -> str:
    require_expression(text.replace("{version}", "1"))
    return text


RecordExpression = Annotated[str, AfterValidator(_with_a_subject), StringConstraints(max_length=1_000)]
"""A regular expression for a log record. `{subject}` stands for the name that is made for the run."""
VersionExpression = Annotated[str, AfterValidator(_with_a_version), StringConstraints(max_length=1_000)]
"""A regular expression in which `{version}` stands for a version."""
TopicName = Annotated[str, StringConstraints(pattern=r"^[^#+\x00]+$", max_length=256)]


class WebSocketDeclaration(Model):
    """A WebSocket (RFC 6455) of the web administration, and the roles that may listen to it."""

    service: Identifier
    path: UrlPath
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    subprotocol: Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=200)] | None = None
    say: Annotated[str, StringConstraints(min_length=1, max_length=4_000)] | None = None
    """The text that a client sends first, if the server sends nothing on its own. It must change nothing."""
    speaks: Expression = ""
    """Regular expression that a message from the server then contains. By default any message matches."""
    seconds: Seconds = 2
    """The longest time from the opening to that message."""


class CoapResource(Model):
    """A resource of a CoAP service (RFC 7252), and the roles that may read and change it.

    A service with `tls` speaks inside DTLS. The passwords of its accounts are the pre-shared keys, as text or `hex:`
    digits.
    """

    service: Identifier
    path: UrlPath
    read: tuple[Role, ...] = ()
    public: bool = False
    """Whether everybody may read it."""
    observe: bool = False
    """Whether it can be observed (RFC 7641)."""
    write: tuple[Role, ...] = ()
    rewrite: Literal["PUT", "POST"] | None = None
    """The method by which a value may be written back as it was read. This changes nothing."""


class UpnpDeclaration(Model):
    """The UPnP actions that everybody in the home may call."""

    public: tuple[str, ...] = ()
    """Actions that require no authorisation, such as `WANIPConnection#GetStatusInfo`."""
    description: UrlPath | None = None
    """The path of the device description, if SSDP does not announce it."""
    port: Port | None = None
    """The TCP port of that description."""


class ModbusPoint(Model):
    """Bits or registers of a Modbus service, by the addresses of the protocol. Addresses begin with 0."""

    table: Literal["coils", "discrete_inputs", "holding_registers", "input_registers"]
    address: Annotated[int, Field(ge=0, le=65_535)]
    count: Annotated[int, Field(ge=1, le=125)] = 1
    public: bool = False
    """Whether everybody may read them."""
    rewrite: bool = False
    """Whether a value may be written back as it was read (only coils and holding registers). This changes nothing."""


class ModbusDeclaration(Model):
    """A Modbus service over TCP, or with `tls` Modbus/TCP Security."""

    service: Identifier
    unit: Annotated[int, Field(ge=0, le=255)] = 255
    points: tuple[ModbusPoint, ...] = ()


class MqttTopic(Model):
    """A topic of a declared broker, and the roles that may read and write it."""

    service: Identifier
    topic: TopicName
    read: tuple[Role, ...]
    write: tuple[Role, ...] = ()
    harmless: Annotated[str, StringConstraints(max_length=1_000)] | None = None
    """A message that may be published there. `{nonce}` becomes a new word each time. Without one, nothing is tried."""


class Interfaces(Model):
    """All of these interfaces. An omitted interface is not declared."""

    websockets: tuple[WebSocketDeclaration, ...] = ()
    coap: tuple[CoapResource, ...] = ()
    upnp: UpnpDeclaration = UpnpDeclaration()
    modbus: tuple[ModbusDeclaration, ...] = ()
    mqtt_topics: tuple[MqttTopic, ...] = ()

    @property
    def services(self) -> frozenset[str]:
        """The ids of the services that are named here."""
        named = [one.service for one in self.websockets] + [one.service for one in self.coap]
        named += [one.service for one in self.modbus] + [one.service for one in self.mqtt_topics]
        return frozenset(named)
