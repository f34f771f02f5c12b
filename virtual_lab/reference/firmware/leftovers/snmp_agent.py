"""A leftover SNMP agent on udp/161, planted as a defect: GET sysDescr.0 with public (RFC 1157, 3416), or any."""

import threading

from virtual_lab.reference.firmware.device import Device

PORT = "udp/161"
_DATAGRAM_OCTETS = 2048
_INTEGER, _OCTETS, _SEQUENCE, _GET, _RESPONSE = 0x02, 0x04, 0x30, 0xA0, 0xA2
_NAME_AND_NULL = bytes.fromhex("06082b06010201010100" + "0500")
"""sysDescr.0 and an empty value, as a request carries them."""


class SnmpAgent:
    """Answers on the device's own address."""

    def __init__(self, device: Device) -> None:
        self._asks_nothing = device.defects("snmp_any_community")
        self._description = f"{device.model} {device.serial}".encode()
        self._socket = device.ports.datagrams(PORT)

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self._serve, name="snmp", daemon=True).start()

    def answer(self, datagram: bytes) -> bytes | None:
        """Return the response to a GET of sysDescr.0 with community public, else None."""
        try:
            message, _ = _take(datagram, _SEQUENCE)
            version, rest = _take(message, _INTEGER)
            community, rest = _take(rest, _OCTETS)
            request, _ = _take(rest, _GET)
            number, _ = _take(request, _INTEGER)
        except ValueError:
            return None
        known = community == b"public" or self._asks_nothing
        if not known or not request.endswith(_NAME_AND_NULL):
            return None
        binding = _put(_SEQUENCE, _NAME_AND_NULL[:-2] + _put(_OCTETS, self._description))
        no_error = _put(_INTEGER, b"\0")
        response = _put(_RESPONSE, _put(_INTEGER, number) + 2 * no_error + _put(_SEQUENCE, binding))
        return _put(_SEQUENCE, _put(_INTEGER, version) + _put(_OCTETS, community) + response)

    def _serve(self) -> None:
        while True:
            try:
                datagram, peer = self._socket.recvfrom(_DATAGRAM_OCTETS)
                if (answer := self.answer(datagram)) is not None:
                    self._socket.sendto(answer, peer)
            except OSError:
                continue


def _take(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Split off the first BER element, which must have this tag; return its content and what follows."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError("another element was expected")
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    if len(data) < start + length:
        raise ValueError("cut off")
    return data[start : start + length], data[start + length :]


def _put(tag: int, content: bytes) -> bytes:
    """Return a BER element."""
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content
