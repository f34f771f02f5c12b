"""An Internet gateway of UPnP for the tests, on one TCP port and one UDP port of loopback, and its bad habits."""

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

WAN = "urn:schemas-upnp-org:service:WANIPConnection:1"
SCPD = b"""<?xml version="1.0"?><scpd xmlns="urn:schemas-upnp-org:service-1-0"><actionList>
<action><name>GetStatusInfo</name></action><action><name>SetEnable</name></action>
<action><name>GetSpecificPortMappingEntry</name><argumentList>
<argument><name>NewExternalPort</name><direction>in</direction><relatedStateVariable>P</relatedStateVariable></argument>
<argument><name>NewEnabled</name><direction>out</direction></argument></argumentList></action>
<action><name>AddPortMapping</name></action><action><name>DeletePortMapping</name></action>
<action><name>Get\xc3\xa9&lt;x/&gt;</name></action></actionList>
<serviceStateTable><stateVariable><name>P</name><dataType>ui2</dataType></stateVariable></serviceStateTable></scpd>"""


@dataclass
class Gateway:
    """Who may call what: with `asks` nobody. `habits` are words."""

    asks: str = ""
    """The error code, or HTTP status, of every call."""
    habits: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    mapped: set[str] = field(default_factory=set)
    port: int = 0
    """Of its descriptions."""
    dress: Callable[[bytes], bytes] = lambda xml: xml
    """What becomes of its description on the way."""
    scpd: bytes = b"HTTP/1.0 200 OK\r\n\r\n" + SCPD
    """The whole answer that describes the service."""

    def search(self, data: bytes, say: Callable[[bytes], object]) -> None:
        """Answer an M-SEARCH."""
        host = "192.0.2.9" if "elsewhere" in self.habits else "127.0.0.1"
        found = f"HTTP/1.1 200 OK\r\nLocation: http://{host}:{self.port}/root.xml\r\nST: upnp:rootdevice\r\n\r\n"
        for _ in range(200 if "floods" in self.habits else 1):
            say(found.encode())

    def __call__(self, client: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += client.recv(4_096)
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        while len(body) < (int(length[1]) if length else 0):
            body += client.recv(4_096)
        path = head.split(b" ")[1].decode()
        if path == "/control":
            self.control(client, head, body)
        elif path == "/root.xml":
            client.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + self.dress(self.root()))
        else:
            client.sendall(self.scpd)

    def root(self) -> bytes:
        if "entities" in self.habits:
            return b'<!DOCTYPE x [<!ENTITY a "aaaa">]><root>&a;</root>'
        if "deep" in self.habits:
            return b"<a>" * 5_000
        host = "http://192.0.2.9" if "control_elsewhere" in self.habits else ""
        service = (
            f"<service><serviceType>{WAN}</serviceType><SCPDURL>scpd.xml</SCPDURL>"
            f"<controlURL>{host}/control</controlURL></service>"
        )
        return f"<root><device><serviceList>{service}</serviceList></device></root>".encode()

    def control(self, client: socket.socket, head: bytes, body: bytes) -> None:
        called = re.search(rb'(?i)soapaction: "[^#"]+#(\w+)"', head)
        name = called[1].decode() if called else ""
        self.calls.append(name)
        port = re.search(rb"<NewExternalPort>(\d+)<", body)
        place = port[1].decode() if port else ""
        if len(self.asks) == 3 and self.asks[0] == "4":
            client.sendall(f"HTTP/1.0 {self.asks} No\r\n\r\n".encode())
            return
        kept = "701" if name == "DeletePortMapping" and "keeps" in self.habits else ""
        error = self.asks or kept or ("714" if name.startswith("GetSpecific") and place not in self.mapped else "")
        if error:
            fault = f"<UPnPError><errorCode>{error}</errorCode><errorDescription>no\x7f</errorDescription></UPnPError>"
            client.sendall(f"HTTP/1.0 500 No\r\n\r\n<Envelope><Fault>{fault}</Fault></Envelope>".encode())
            return
        if name == "AddPortMapping":
            self.mapped.add(place)
        if name == "DeletePortMapping":
            self.mapped.discard(place)
        answer = f'<u:{name}Response xmlns:u="{WAN}"><NewStatus>Connected</NewStatus></u:{name}Response>'
        client.sendall(f"HTTP/1.0 200 OK\r\n\r\n<s:Envelope xmlns:s='x'>{answer}</s:Envelope>".encode())
