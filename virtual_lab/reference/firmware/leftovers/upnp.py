"""An Internet gateway of UPnP that was left in the build, planted as a defect: SSDP, a description, port mappings."""

import re
import socket
import threading

from virtual_lab.reference.firmware.device import Device

SSDP, PORT = "udp/1900", "tcp/49152"
_OCTETS = 16_384
_TYPE = "urn:schemas-upnp-org:service:WANIPConnection:1"
_ROOT = f"""<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion>
<device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType>
<friendlyName>Halcyon</friendlyName><serviceList><service><serviceType>{_TYPE}</serviceType>
<serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId><SCPDURL>/wanip.xml</SCPDURL>
<controlURL>/control</controlURL><eventSubURL>/event</eventSubURL></service></serviceList></device></root>
"""
_MAPPING = (
    ("NewRemoteHost", "string"),
    ("NewExternalPort", "ui2"),
    ("NewProtocol", "string"),
    ("NewInternalPort", "ui2"),
    ("NewInternalClient", "string"),
    ("NewEnabled", "boolean"),
    ("NewPortMappingDescription", "string"),
    ("NewLeaseDuration", "ui4"),
)
_ACTIONS = {
    "GetExternalIPAddress": (),
    "AddPortMapping": _MAPPING,
    "DeletePortMapping": _MAPPING[:3],
    "GetSpecificPortMappingEntry": _MAPPING[:3],
}


class Gateway:
    """Tells of itself over SSDP on the device's own address, and serves its description and control."""

    def __init__(self, device: Device) -> None:
        self._address = device.ports.address
        self._socket = device.ports.datagrams(SSDP)
        self._mapped: set[str] = set()

    def start(self) -> None:
        """Answer searches in the background."""
        threading.Thread(target=self._answer_searches, name="ssdp", daemon=True).start()

    def _answer_searches(self) -> None:
        location = f"http://{self._address}:{PORT.partition('/')[2]}/rootDesc.xml"
        found = f"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: upnp:rootdevice\r\nLOCATION: {location}\r\n\r\n"
        while True:
            try:
                datagram, peer = self._socket.recvfrom(_OCTETS)
                if datagram.startswith(b"M-SEARCH "):
                    self._socket.sendto(found.encode(), peer)
            except OSError:
                continue

    def serve(self, client: socket.socket) -> None:
        """Answer one request."""
        head, body = _request(client)
        method, _, rest = head.partition(" ")
        path = rest.partition(" ")[0]
        documents = {"/rootDesc.xml": _ROOT, "/wanip.xml": _scpd()}
        if method == "GET" and path in documents:
            status, answer = "200 OK", documents[path]
        elif method == "POST" and path == "/control":
            status, answer = self._control(head, body)
        else:
            status, answer = "404 Not Found", ""
        data = answer.encode()
        client.sendall(
            f"HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data
        )

    def _control(self, head: str, body: str) -> tuple[str, str]:
        asked = re.search(r'(?im)^soapaction: *"?[^"#\r]+#(\w+)', head)
        name = asked[1] if asked else ""
        port = re.search(r"<NewExternalPort>(\d+)<", body)
        place = port[1] if port else ""
        if name not in _ACTIONS:
            return _fault(401, "Invalid Action")
        if name == "GetSpecificPortMappingEntry" and place not in self._mapped:
            return _fault(714, "NoSuchEntryInArray")
        if name == "AddPortMapping":
            self._mapped.add(place)
        elif name == "DeletePortMapping":
            self._mapped.discard(place)
        value = "<NewExternalIPAddress>203.0.113.7</NewExternalIPAddress>" if name == "GetExternalIPAddress" else ""
        return "200 OK", _envelope(f'<u:{name}Response xmlns:u="{_TYPE}">{value}</u:{name}Response>')


def _request(client: socket.socket) -> tuple[str, str]:
    """Read one request, bounded: its head and its body."""
    data = b""
    while len(data) < _OCTETS:
        head, end, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^content-length: *(\d{1,5})", head)
        if end and len(body) >= (int(length[1]) if length else 0):
            return head.decode("latin-1"), body.decode("utf-8", "replace")
        more = client.recv(4_096)
        if not more:
            break
        data += more
    return "", ""


def _scpd() -> str:
    actions = "".join(
        f"<action><name>{name}</name><argumentList>{''.join(map(_argument, arguments))}</argumentList></action>"
        for name, arguments in _ACTIONS.items()
    )
    variables = "".join(
        f"<stateVariable><name>{name[3:]}</name><dataType>{kind}</dataType></stateVariable>" for name, kind in _MAPPING
    )
    return (
        '<?xml version="1.0"?><scpd xmlns="urn:schemas-upnp-org:service-1-0">'
        f"<actionList>{actions}</actionList><serviceStateTable>{variables}</serviceStateTable></scpd>"
    )


def _argument(argument: tuple[str, str]) -> str:
    name, _ = argument
    return (
        f"<argument><name>{name}</name><direction>in</direction>"
        f"<relatedStateVariable>{name[3:]}</relatedStateVariable></argument>"
    )


def _fault(code: int, words: str) -> tuple[str, str]:
    error = f"<UPnPError><errorCode>{code}</errorCode><errorDescription>{words}</errorDescription></UPnPError>"
    return "500 Internal Server Error", _envelope(f"<s:Fault><detail>{error}</detail></s:Fault>")


def _envelope(body: str) -> str:
    return (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    )
