"""UPnP as a control point sees it (Device Architecture 1.1): SSDP search, descriptions, and calls of actions by SOAP.

Everything is fetched from the device's own address: a description that names another host is not followed.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urljoin, urlsplit
from xml.sax.saxutils import escape

from drivers.network.datagram import DatagramDoor
from drivers.network.iot.safe_xml import Element, UnsafeXmlError, read_xml
from drivers.network.target import Target
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from lab_config.component import Service, Transport
from trustprobe.errors import NotForwardedError
from trustprobe.probe import printable

SSDP = 1900
SEARCH_SECONDS = 2.5
"""A device waits up to MX, here 1 s, before it answers (clause 1.3.3)."""
SECONDS = 3.0
ANSWERS, SERVICES, ACTIONS = 64, 32, 200
LOCATIONS = 8
_SEARCH = (
    b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n'
    b"USER-AGENT: trustprobe\r\n\r\n"
)
_LOCATION = re.compile(rb"(?im)^location[ \t]*:[ \t]*(\S{1,512})")
NOT_AUTHORIZED = "606"
"""The error of an action that asks for authority (clause 3.2.6, and DeviceProtection)."""


@dataclass(frozen=True)
class UpnpLocation:
    """A path on a TCP port of the device."""

    port: int
    path: str


@dataclass(frozen=True)
class Argument:
    """An argument of an action: its name, data type, first allowed value, and the state variable that it belongs to."""

    name: str
    kind: str
    value: str = ""
    variable: str = ""

    @property
    def harmless(self) -> str:
        """A value that the type allows: the first of a list, else 0 or nothing."""
        return self.value or ("0" if re.match(r"u?i[1248]$|int|boolean|fixed|r[48]|number|float", self.kind) else "")


@dataclass(frozen=True)
class Action:
    """One action of one service."""

    service: str
    """The service's type, a URN."""
    control: UpnpLocation
    name: str
    arguments: tuple[Argument, ...]
    """Those that go in."""
    results: tuple[Argument, ...] = ()
    """Those that come out."""

    @property
    def about(self) -> str:
        """The action as a declaration names it: `WANIPConnection#GetStatusInfo`."""
        parts = self.service.split(":")
        return f"{parts[-2] if len(parts) > 1 else self.service}#{self.name}"


@dataclass(frozen=True)
class UpnpReply:
    """What a call came to: `ok` with its values, or the error's code and words."""

    ok: bool
    words: str
    code: str = ""
    values: Mapping[str, str] | None = None

    @property
    def is_refusal(self) -> bool:
        """Whether the device says that authority is missing."""
        return self.code in (NOT_AUTHORIZED, "HTTP 401", "HTTP 403")


def search(target: Target) -> list[bytes]:
    """Ask the device what it offers, at its group too if it does not answer otherwise, and return its answers.

    An empty list is silence. Raises BenchError when this machine cannot send.
    """
    with DatagramDoor(target, SSDP) as door:
        return list(islice(door.ask(_SEARCH, SEARCH_SECONDS), ANSWERS))


def _same_host(target: Target, host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]").split("%")[0]) == ipaddress.ip_address(
            target.address.split("%")[0]
        )
    except ValueError:
        return False


def locations(target: Target, answers: list[bytes]) -> list[UpnpLocation]:
    """Return the descriptions that these answers name on the device itself."""
    named = (match[1].decode("latin-1") for data in answers if (match := _LOCATION.search(data)))
    places = [place for url in named if (place := _place(target, url)) is not None]
    return list(dict.fromkeys(places))[:LOCATIONS]


def _place(target: Target, url: str) -> UpnpLocation | None:
    """Return where a URL leads on the device; None for another host or another scheme.

    A name, and an address that means the machine itself, are taken for the device, which wrote them.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port or 80
        host = parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme.lower() != "http" or not (_same_host(target, host) or _is_itself(host)):
        return None
    return UpnpLocation(port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _is_itself(host: str) -> bool:
    """Whether a host is a name, or an address that says nothing of where its machine is."""
    try:
        address = ipaddress.ip_address(host.strip("[]").split("%")[0])
    except ValueError:
        return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}", host) is not None and not host[-1].isdigit()
    return address.is_loopback or address.is_unspecified or address.is_link_local


def _client(target: Target, port: int) -> WebClient:
    service = Service(id="upnp", transport=Transport.TCP, port=port, protocol="http", purpose="UPnP")
    return WebClient(target, service)


def fetch(target: Target, place: UpnpLocation) -> Element | None:
    """Return a description; None where none comes that can be parsed."""
    return read_description(target, place)[0]


def read_description(target: Target, place: UpnpLocation) -> tuple[Element | None, str]:
    """Return a description, or None and why there is none."""
    try:
        answer = _client(target, place.port).request("GET", place.path, seconds=SECONDS)
        if not answer.ok:
            return None, answer.words
        return read_xml(answer.body), ""
    except UnsafeXmlError as error:
        return None, f"its XML was not parsed: {printable(str(error), 120)}"
    except (NoAnswerError, ValueError) as error:  # no answer, or a malformed path
        return None, f"no answer: {printable(str(error), 120)}"


@dataclass(frozen=True)
class Offer:
    """The actions of a description, and those services whose actions are unknown."""

    actions: tuple[Action, ...]
    unread: tuple[str, ...]
    """Why actions may be missing, one sentence for each service, and for each limit that was reached."""


def offer(target: Target, place: UpnpLocation, description: Element) -> Offer:
    """Return the actions of all services of a description, and the reasons why some of them are unknown."""
    base = _base(target, place, description)
    found: list[Action] = []
    unread: list[str] = []
    services = description.each("service")
    for service in services[:SERVICES]:
        control = _place(target, _join(base, service.value("controlURL")))
        document, why = _service_description(target, base, service, control)
        if document is None or control is None:
            unread.append(f"the actions of {printable(service.value('serviceType'), 120)} were not read: {why}")
            continue
        found += _actions(service.value("serviceType"), control, document)
    if len(services) > SERVICES:
        unread.append(f"only {SERVICES} of {len(services)} services were read")
    if len(found) > ACTIONS:
        unread.append(f"only {ACTIONS} of {len(found)} actions were tested")
    return Offer(tuple(found[:ACTIONS]), tuple(unread))


def _base(target: Target, place: UpnpLocation, description: Element) -> str:
    """Return the URL that the addresses of a description are relative to."""
    own = f"http://{f'[{target.address}]' if ':' in target.address else target.address}:{place.port}{place.path}"
    stated = next((one.text.strip() for one in description.each("URLBase")), "")
    base = _join(own, stated) if stated else own
    # a base that leads elsewhere was left over from another network
    return base if _place(target, base) is not None else own


def _service_description(
    target: Target, base: str, service: Element, control: UpnpLocation | None
) -> tuple[Element | None, str]:
    """Return the description of a service (SCPD), or None and why its actions are unknown or cannot be called."""
    scpd = _place(target, _join(base, service.value("SCPDURL")))
    for name, place in (("controlURL", control), ("SCPDURL", scpd)):
        if place is None:
            return None, f"{name} is not an HTTP address of the device: {printable(service.value(name), 200)}"
        if not target.reaches(Transport.TCP, place.port):
            return None, NotForwardedError("tcp", place.port).words
    assert scpd is not None
    document, why = read_description(target, scpd)
    if document is not None and not document.each("scpd") and not document.each("action"):
        return None, f"tcp/{scpd.port} {scpd.path} is not the description of a service"
    return document, f"tcp/{scpd.port} {scpd.path}: {why}"


def _actions(kind: str, control: UpnpLocation, document: Element) -> Iterator[Action]:
    variables = {one.value("name"): one for one in document.each("stateVariable")}
    for action in document.each("action"):
        inward, outward = (_arguments(action, variables, direction) for direction in ("in", "out"))
        yield Action(kind, control, action.value("name"), inward, outward)


def _join(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError:
        return ""


def _arguments(action: Element, variables: Mapping[str, Element], direction: str) -> tuple[Argument, ...]:
    found = []
    for argument in action.each("argument"):
        if argument.value("direction").lower() == direction:
            related = argument.value("relatedStateVariable")
            variable = variables.get(related, Element(""))
            allowed = [value.text.strip() for value in variable.each("allowedValue")]
            first = allowed[0] if allowed else ""
            found.append(Argument(argument.value("name"), variable.value("dataType"), first, related))
    return tuple(found)


def call(target: Target, action: Action, arguments: Mapping[str, str]) -> UpnpReply:
    """Call an action (clause 3.2) and return what it came to."""
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in arguments.items())
    body = (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
        ' s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:{action.name} xmlns:u="{escape(action.service)}">{inner}</u:{action.name}></s:Body></s:Envelope>'
    )
    headers = {
        "Content-Type": 'text/xml; charset="utf-8"',
        "SOAPACTION": f'"{action.service}#{action.name}"',
    }
    client = _client(target, action.control.port)
    try:
        answer = client.request("POST", action.control.path, data=body.encode(), headers=headers, seconds=SECONDS)
    except (NoAnswerError, ValueError) as error:
        return UpnpReply(False, f"no answer: {printable(str(error), 120)}")
    return _reply(action, answer)


def _reply(action: Action, answer: WebAnswer) -> UpnpReply:
    try:
        document = read_xml(answer.body)
    except UnsafeXmlError:
        document = Element("")
    responses = document.each(f"{action.name}Response")
    if answer.ok and responses:
        values = {child.name: child.text.strip() for child in responses[0].children}
        shown = ", ".join(f"{name} {value}" for name, value in values.items() if value)
        return UpnpReply(True, printable(shown, 120) or "done", values=values)
    code = next((error.value("errorCode") for error in document.each("UPnPError")), "")
    if code:
        words = next(error.value("errorDescription") for error in document.each("UPnPError"))
        return UpnpReply(False, f"error {printable(code, 8)} {printable(words, 80)}".rstrip(), code)
    return UpnpReply(False, answer.words, f"HTTP {answer.status}")


def is_name(text: str) -> bool:
    """Whether a name of a device's description may stand in a request: a device can send anything."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", text) is not None


def is_type(text: str) -> bool:
    """Whether a service type may stand in a request's header."""
    return re.fullmatch(r"[A-Za-z0-9:._-]{1,256}", text) is not None
