"""UPnP as a control point sees it (Device Architecture 1.1): SSDP search, descriptions, and calls of actions by SOAP.

Everything is fetched from the device's own address: a description that names another host is not followed.
"""

import ipaddress
import re
import select
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit
from xml.sax.saxutils import escape

from drivers.network.iot.safe_xml import Element, UnsafeXmlError, read_xml
from drivers.network.target import Target, answer_of
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from lab_config.component import Service, Transport
from trustprobe.probe import printable

SSDP = 1900
SEARCH_SECONDS = 2.5
"""A device waits up to MX, here 1 s, before it answers (clause 1.3.3)."""
SECONDS = 3.0
ANSWERS, SERVICES, ACTIONS = 64, 32, 200
LOCATIONS = 8
READ_LIMIT = 4_096
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
    """An argument of an action that goes in: its name, data type and first allowed value."""

    name: str
    kind: str
    value: str = ""

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
    """Ask the device alone what it offers, and return its answers; from another port of it too, as some send them.

    An empty list is silence. Raises BenchError when this machine cannot send.
    """
    found: list[bytes] = []
    with target.datagram(SSDP) as asked, socket.socket(asked.family, socket.SOCK_DGRAM) as beside:
        for one in (asked, beside):
            one.setblocking(False)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        beside.bind(asked.getsockname())
        deadline = time.monotonic() + SEARCH_SECONDS
        asked.send(_SEARCH)
        while (left := deadline - time.monotonic()) > 0 and len(found) < ANSWERS:
            for ready in select.select([asked, beside], [], [], left)[0]:
                try:
                    data, source = ready.recvfrom(READ_LIMIT)
                except OSError as error:
                    answer_of(error)
                    return found
                if ready is asked or _same_host(target, source[0]):
                    found.append(data)
    return found


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
    """Return where a URL leads on the device; None for another host or another scheme."""
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        return None
    if parts.scheme != "http" or not _same_host(target, parts.hostname or ""):
        return None
    return UpnpLocation(port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _client(target: Target, port: int) -> WebClient:
    service = Service(id="upnp", transport=Transport.TCP, port=port, protocol="http", purpose="UPnP")
    return WebClient(target, service)


def fetch(target: Target, place: UpnpLocation) -> Element | None:
    """Return a description; None where none comes."""
    try:
        answer = _client(target, place.port).request("GET", place.path, seconds=SECONDS)
        return read_xml(answer.body) if answer.ok else None
    except (NoAnswerError, ValueError):  # no answer, malformed XML or XML beyond the limits, or a malformed path
        return None


def actions(target: Target, place: UpnpLocation, description: Element) -> Iterator[Action]:
    """Return the actions of all services of a description."""
    base = description.value("URLBase") or f"http://[{target.address}]:{place.port}{place.path}"
    if ":" not in target.address:
        base = base.replace(f"[{target.address}]", target.address)
    count = 0
    for service in description.each("service")[:SERVICES]:
        control = _place(target, _join(base, service.value("controlURL")))
        scpd = _place(target, _join(base, service.value("SCPDURL")))
        document = fetch(target, scpd) if scpd is not None and control is not None else None
        if document is None or control is None:
            continue
        variables = {one.value("name"): one for one in document.each("stateVariable")}
        for action in document.each("action"):
            if (count := count + 1) > ACTIONS:
                return
            yield Action(service.value("serviceType"), control, action.value("name"), _arguments(action, variables))


def _join(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError:
        return ""


def _arguments(action: Element, variables: Mapping[str, Element]) -> tuple[Argument, ...]:
    found = []
    for argument in action.each("argument"):
        if argument.value("direction").lower() == "in":
            variable = variables.get(argument.value("relatedStateVariable"), Element(""))
            allowed = [value.text.strip() for value in variable.each("allowedValue")]
            found.append(Argument(argument.value("name"), variable.value("dataType"), allowed[0] if allowed else ""))
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
