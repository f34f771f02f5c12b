"""WS-Discovery (2005/04, as ONVIF uses it) on udp/3702: answers a Probe for cameras, and nothing else."""

import threading
import uuid
from html import escape
from xml.etree import ElementTree

from virtual_lab.reference.firmware.device import Device

PORT = "udp/3702"
_DATAGRAM_OCTETS = 8192
_SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
_ADDRESSING = "{http://schemas.xmlsoap.org/ws/2004/08/addressing}"
_DISCOVERY = "{http://schemas.xmlsoap.org/ws/2005/04/discovery}"
_ACTION = "http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe"
_TYPES = {"NetworkVideoTransmitter", "Device"}
_MATCHES = """<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
 xmlns:dn="http://www.onvif.org/ver10/network/wsdl">
<s:Header><a:MessageID>urn:uuid:{message}</a:MessageID><a:RelatesTo>{relates_to}</a:RelatesTo>
<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>
<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action></s:Header>
<s:Body><d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:{endpoint}</a:Address>
</a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types>
<d:Scopes>onvif://www.onvif.org/type/video_encoder</d:Scopes><d:XAddrs>https://{address}/</d:XAddrs>
<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></s:Body>
</s:Envelope>
"""


class Discovery:
    """Answers probes on the device's own address."""

    def __init__(self, device: Device) -> None:
        self._endpoint = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:halcyon:{device.serial}")
        address = device.ports.address
        self._address = f"[{address}]" if ":" in address else address
        self._measures_depth = device.defects("discovery_dies_on_nesting")
        self._speaks_other = device.defects("declared_speaks_other")
        self._socket = device.ports.datagrams(PORT)

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self._serve, name="discovery", daemon=True).start()

    def answer(self, datagram: bytes) -> bytes | None:
        """Return the ProbeMatches for a datagram, or None for what is no Probe that this device matches."""
        probe = _message_id(datagram, self._measures_depth)
        if probe is None:
            return None
        if self._speaks_other:
            return f"HVDISC/1 {probe}\r\n".encode()
        return _MATCHES.format(
            message=uuid.uuid4(), relates_to=escape(probe), endpoint=self._endpoint, address=self._address
        ).encode()

    def _serve(self) -> None:
        while True:
            try:
                datagram, peer = self._socket.recvfrom(_DATAGRAM_OCTETS)
                if (answer := self.answer(datagram)) is not None:
                    self._socket.sendto(answer, peer)
            except OSError:
                continue  # an ICMP error to an answer, or an answer that could not be sent


def _depth(element: ElementTree.Element) -> int:
    """A planted defect: measures a document with the stack, which a deep one overruns."""
    return 1 + max(map(_depth, element), default=0)


def _message_id(datagram: bytes, measures_depth: bool = False) -> str | None:
    """Return the MessageID of a Probe for a camera, else None."""
    if b"<!" in datagram:  # no document type, hence no entities; SOAP forbids both
        return None
    try:
        envelope = ElementTree.fromstring(datagram)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
    if measures_depth:
        _depth(envelope)
    probe = envelope.find(f"{_SOAP}Body/{_DISCOVERY}Probe")
    action = envelope.findtext(f"{_SOAP}Header/{_ADDRESSING}Action", "").strip()
    message = envelope.findtext(f"{_SOAP}Header/{_ADDRESSING}MessageID", "").strip()
    if envelope.tag != f"{_SOAP}Envelope" or probe is None or action != _ACTION or not message:
        return None
    types = {name.rpartition(":")[2] for name in probe.findtext(f"{_DISCOVERY}Types", "").split()}
    return message if types <= _TYPES else None
