"""A stand-in for a network stack with flaws: reads the device's frames beside the kernel, and crashes where it would.

The TCP/IP of the reference device is the kernel's, in which nothing can be planted. So a planted flaw of the stack
lives in a thread that hears the same frames, makes the mistake that is known of stacks for small devices, and takes the
whole device along, as a fault in a driver does. A device without such a flaw has no such thread.
"""

import socket
import struct
import threading
from collections.abc import Callable

from virtual_lab.reference.firmware.device import Device

INTERFACE = "eth0"
_ALL = 0x0003
_ARP, _IPV4, _IPV6 = b"\x08\x06", b"\x08\x00", b"\x86\xdd"
_FRAME_OCTETS = 2_048
_CHAIN = 20
_EXTENSIONS = frozenset({0, 43, 60})


def start(device: Device) -> None:
    """Read frames in the background if a flaw is planted; OSError where this user, or a loopback lab, has none."""
    planted = [flaw for name, flaw in FLAWS.items() if device.defects(name)]
    if not planted:
        return
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
    sock.bind((INTERFACE, _ALL))
    threading.Thread(target=_read, args=(device, sock, planted), name="frames", daemon=True).start()


def _read(device: Device, sock: socket.socket, flaws: list[Callable[[bytes], bool]]) -> None:
    while True:
        frame, where = sock.recvfrom(_FRAME_OCTETS)
        if where[2] != socket.PACKET_OUTGOING and any(flaw(frame) for flaw in flaws):
            device.crash()


def _arp_length(frame: bytes) -> bool:
    return frame[12:14] == _ARP and len(frame) >= 20 and frame[18] > 6


def _ip_fragment_end(frame: bytes) -> bool:
    if frame[12:14] != _IPV4 or len(frame) < 34:
        return False
    length, field = struct.unpack_from("!H2xH", frame, 16)
    return bool(8 * (field & 0x1FFF) + length - 20 > 0xFFFF)


def _ip_payload(frame: bytes, protocol: int) -> bytes:
    """Return what an unfragmented IPv4 packet carries of a protocol."""
    if frame[12:14] != _IPV4 or len(frame) < 34 or frame[23] != protocol or frame[20] & 0x3F or frame[21]:
        return b""
    return frame[14 + 4 * (frame[14] & 15) :]


def _icmp_quote(frame: bytes) -> bool:
    message = _ip_payload(frame, socket.IPPROTO_ICMP)
    return len(message) > 8 and message[0] in (3, 11, 12) and message[8] & 15 < 5


def _tcp_option(frame: bytes) -> bool:
    segment = _ip_payload(frame, socket.IPPROTO_TCP)
    if len(segment) < 20:
        return False
    options, at = segment[20 : 4 * (segment[12] >> 4)], 0
    while at < len(options) and options[at]:
        if options[at] == 1:
            at += 1
            continue
        if at + 1 < len(options) and options[at + 1] == 0:
            return True
        at += max(1, options[at + 1] if at + 1 < len(options) else 1)
    return False


def _ipv6_chain(frame: bytes) -> bool:
    if frame[12:14] != _IPV6 or len(frame) < 54:
        return False
    following, at = frame[20], 54
    for _ in range(_CHAIN):
        if following not in _EXTENSIONS or at + 2 > len(frame):
            return False
        following, at = frame[at], at + 8 * (frame[at + 1] + 1)
    return True


def _discovery_option(frame: bytes) -> bool:
    if frame[12:14] != _IPV6 or len(frame) < 62 or frame[20] != socket.IPPROTO_ICMPV6 or frame[54] not in (135, 136):
        return False
    options = frame[54 + 24 : 54 + struct.unpack_from("!H", frame, 18)[0]]
    while len(options) >= 2:
        if options[1] == 0:
            return True
        options = options[8 * options[1] :]
    return False


FLAWS: dict[str, Callable[[bytes], bool]] = {
    "arp_crash_on_length": _arp_length,
    "ip_crash_on_long_fragments": _ip_fragment_end,
    "icmp_crash_on_quote": _icmp_quote,
    "tcp_crash_on_option_length": _tcp_option,
    "ipv6_crash_on_chain": _ipv6_chain,
    "nd_crash_on_option_length": _discovery_option,
}
"""Which frames each planted flaw takes badly."""
