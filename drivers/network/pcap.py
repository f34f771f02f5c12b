"""Capture files of Ethernet frames, for Wireshark and tcpreplay. A sweep needs them, and must not wait for scapy."""

import struct
from collections.abc import Iterable

_HEAD = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65_535, 1)


def pcap(frames: Iterable[tuple[int, bytes, int]]) -> bytes:
    """Return a capture file of frames: the time of each in nanoseconds since 1970, its octets and its true length."""
    parts = [_HEAD]
    for when, octets, length in frames:
        parts.append(struct.pack("<IIII", *divmod(when, 1_000_000_000), len(octets), length) + octets)
    return b"".join(parts)
