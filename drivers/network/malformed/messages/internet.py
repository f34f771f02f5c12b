"""Malformed ARP, IPv4 and ICMP: lengths, options and fragments that a stack trips over (RFC 826, 791, 792)."""

import socket
import struct
from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from drivers.network.malformed.messages.frames import ARP, IPV4, Ends, Train, changed, train_of, with_sum

if TYPE_CHECKING:
    from scapy.packet import Packet

_ICMP, _ANY = socket.IPPROTO_ICMP, 253
_LENGTHS = "RFC 791 clause 3.1, lengths (CWE-130)"
_OPTIONS = "RFC 791 clause 3.1, options; RFC 7126"
_FRAGMENTS = "RFC 791 clause 3.2, reassembly; RFC 5722"
_HARDWARE = "RFC 826, lengths of addresses"
_INNER = "RFC 792, the header that an error quotes (CWE-125)"


def arp(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield the frames of ARP that are named. Where we name ourselves, it is with our own addresses."""
    for name, hardware, protocol, more in (
        ("hardware_length_0", 0, 4, b""),
        ("hardware_length_255", 255, 4, b""),
        ("hardware_length_16", 16, 4, bytes(20)),
        ("protocol_length_0", 6, 0, b""),
        ("protocol_length_255", 6, 255, b""),
        ("protocol_length_16", 6, 16, bytes(24)),
        ("both_lengths_255", 255, 255, b"\xff" * 1_000),
        ("both_lengths_0", 0, 0, b""),
    ):
        yield train_of(name, _HARDWARE, _arp(ends, lengths=(hardware, protocol)) + more)
    for octets in (0, 1, 7, 8, 20, 27):
        yield train_of(f"cut_off_at_{octets}", _HARDWARE, _arp(ends)[: 14 + octets])
    for name, operation in (("operation_0", 0), ("operation_65535", 0xFFFF), ("reverse", 3), ("inverse", 8)):
        yield train_of(name, "RFC 826, operations; RFC 903, RFC 2390", _arp(ends, operation=operation))
    for name, kind in (("hardware_0", (0, IPV4)), ("hardware_65535", (0xFFFF, IPV4)), ("protocol_ipv6", (1, 0x86DD))):
        yield train_of(name, "RFC 826, types", _arp(ends, kinds=kind))
    nobody = bytes(4)
    for name, mac in (("from_everybody", b"\xff" * 6), ("from_nobody", bytes(6)), ("from_itself", ends.mac)):
        yield train_of(
            name, "RFC 5227 clause 2.1.1, a probe with an unassigned MAC address", _arp(ends, sender=(mac, nobody))
        )
    yield train_of("long", "RFC 826, octets after the end", _arp(ends) + b"\xff" * 1_400)
    yield train_of("reply_unasked", "RFC 826, an unsolicited reply", _arp(ends, operation=2))
    yield train_of("noise", "random octets from the seed", ends.frame(type=ARP) / random.randbytes(28))


def arp_changes(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield requests that were changed, without end; who asks is nobody, so that no wrong neighbour is learnt."""
    valid = _arp(ends, sender=(ends.own_mac, bytes(4)))[14:]
    return changed((valid,), random, lambda octets: ends.frame(type=ARP) / octets, 200)


def _arp(
    ends: Ends,
    *,
    kinds: tuple[int, int] = (1, IPV4),
    lengths: tuple[int, int] = (6, 4),
    operation: int = 1,
    sender: tuple[bytes, bytes] | None = None,
) -> bytes:
    # Of scapy's ARP the addresses grow with the lengths that it claims.
    mac, address = sender or (ends.own_mac, socket.inet_aton(ends.own))
    head = struct.pack("!HHBBH", *kinds, *lengths, operation)
    return bytes(ends.frame(type=ARP)) + head + mac + address + bytes(6) + socket.inet_aton(ends.theirs)


def internet(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield the IPv4 packets that are named."""
    yield from _headers(ends)
    yield from _options(ends)
    yield from _fragments(ends)
    yield train_of("noise", "random octets from the seed", ends.frame(type=IPV4) / (b"\x45" + random.randbytes(63)))


def internet_changes(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield valid packets with options that were changed, without end; the header's sum is right."""
    valid = bytes((ends.ip(_ICMP, options=b"\x07\x0b\x04" + bytes(8)) / _echo(b"x" * 16)).payload)
    frame = ends.frame(type=IPV4)

    def wrap(octets: bytes) -> "Packet":
        words = max(5, octets[0] & 15) if octets else 5
        return frame / (with_sum(octets[: 4 * words], 10) + octets[4 * words :])

    return changed((valid,), random, wrap)


def _packet(ends: Ends, octets: bytes, protocol: int = _ICMP, **fields: Any) -> "Packet":
    return ends.ip(protocol, **fields) / octets


def _icmp(ends: Ends, octets: bytes) -> "Packet":
    return _packet(ends, with_sum(octets, 2))


def _echo(data: bytes, kind: int = 8) -> bytes:
    return with_sum(struct.pack("!BBHHH", kind, 0, 0, 0x7470, 1) + data, 2)


def _headers(ends: Ends) -> Iterator[Train]:
    echo = _echo(b"x" * 32)
    for words in (0, 4, 15):
        yield train_of(f"header_words_{words}", _LENGTHS, _packet(ends, echo, ihl=words))
    for version in (0, 5, 6, 15):
        yield train_of(f"version_{version}", "RFC 791 clause 3.1, the version", _packet(ends, echo, version=version))
    for length in (0, 19, 20, 21, 0xFFFF):
        yield train_of(f"length_{length}", _LENGTHS, _packet(ends, echo, len=length))
    for octets in (0, 1, 12, 19):
        yield train_of(f"cut_off_at_{octets}", _LENGTHS, bytes(_packet(ends, b""))[: 14 + octets])
    right = int.from_bytes(bytes(_packet(ends, echo))[24:26])
    wrong = _packet(ends, echo, chksum=right ^ 0x5555)
    yield train_of("sum_wrong", "RFC 1122 clause 3.2.1.2: to be ignored", wrong)
    yield train_of("hops_zero", "RFC 1122 clause 3.2.1.7", _packet(ends, echo, ttl=0))
    for name, source in (("from_loopback", "127.0.0.1"), ("from_group", "224.0.0.1"), ("from_itself", ends.theirs)):
        yield train_of(name, "RFC 1122 clause 3.2.1.3, impossible sources", _packet(ends, echo, src=source))
    for protocol in (0, 4, 41, 47, 50, 51, 132, 255):
        packet = _packet(ends, b"\xff" * 3, protocol)
        yield train_of(
            f"protocol_{protocol}", "RFC 1122 clause 3.2.2.1; a truncated header of another protocol", packet
        )


def _options(ends: Ends) -> Iterator[Train]:
    echo = _echo(b"x" * 32)
    for name, options in (
        ("option_length_0", b"\x07\x00" + bytes(6)),
        ("option_length_1", b"\x07\x01" + bytes(6)),
        ("option_length_255", b"\x07\xff\x04\x00"),
        ("option_without_length", b"\x01\x01\x01\x07"),
        ("route_pointer_0", b"\x07\x07\x00" + bytes(4)),
        ("route_pointer_255", b"\x07\x07\xff" + bytes(4)),
        ("route_length_3", b"\x07\x03\x04"),
        ("source_route_pointer", b"\x83\x07\x05" + bytes(4)),
        ("source_route_of_39", b"\x83\x27\x04" + b"\xff" * 36),
        ("strict_route_length_2", b"\x89\x02\x01\x01"),
        ("timestamp_length_3", b"\x44\x03\x05\x01"),
        ("timestamp_overflow", b"\x44\x0c\x0d\xf1" + bytes(8)),
        ("timestamp_pointer_4", b"\x44\x0c\x04\x03" + bytes(8)),
        ("security_length_0", b"\x82\x00" + bytes(10)),
        ("cipso_tag_length_0", b"\x86\x0a\x00\x00\x00\x01\x01\x00\x00\x00"),
        ("router_alert_length_2", b"\x94\x02\x00\x00"),
        ("no_operations", b"\x01" * 40),
        ("behind_the_end", b"\x00\x07\x00\xff" * 10),
    ):
        yield train_of(name, _OPTIONS, _packet(ends, echo, options=options))


def _fragments(ends: Ends) -> Iterator[Train]:
    echo = _echo(b"x" * 1_200)

    def part(offset: int, data: bytes, more: bool = True, number: int = 1, protocol: int = _ICMP) -> "Packet":
        return _packet(ends, data, protocol, flags="MF" if more else 0, frag=offset // 8, id=number)

    first, behind = echo[:24], echo[24:]
    overlap = "CVE-1999-0015, Teardrop; CVE-2018-5391"
    yield train_of("overlap_inside", overlap, part(0, echo[:800]), part(24, b"y" * 8, more=False))
    yield train_of("overlap_start", overlap, part(8, echo[8:400], number=2), part(0, echo[:24], number=2))
    yield train_of("overlap_end", overlap, part(24, behind[:400], False, 3), part(0, echo[:400], True, 3))
    yield train_of(
        "same_twice", overlap, part(0, first, True, 4), part(0, b"\xff" * 24, True, 4), part(24, behind, False, 4)
    )
    end = part(0xFFF8, b"z" * 1_000, False, 5)
    yield train_of("beyond_65535", "CVE-1999-0128, ping of death", part(0, echo, True, 5), end)
    many = (part(at, b"z" * 1_400, at + 1_400 < 65_500, 6) for at in range(0, 66_000, 1_400) if at < 65_528)
    yield train_of("whole_of_65535", "CVE-1999-0128, ping of death", part(0, _echo(b"z" * 1_392), True, 6), *many)
    yield train_of("last_alone", _FRAGMENTS, part(0x8000, b"z" * 8, False, 7))
    syn, unflagged = bytes(ends.segment()), bytes(ends.segment(0))
    yield train_of("first_of_8", "RFC 1858 clause 3", part(0, syn[:8], True, 8, 6), part(8, syn[8:], False, 8, 6))
    yield train_of(
        "overlap_flags", "RFC 1858 clause 4", part(0, unflagged[:16], True, 9, 6), part(8, syn[8:], False, 9, 6)
    )
    yield train_of("empty", _FRAGMENTS, part(8, b"", True, 10), part(0, b"", True, 10), part(8, b"", False, 10))
    yield train_of("odd_length", _FRAGMENTS, part(0, b"z" * 13, True, 11), part(16, b"z" * 3, False, 11))
    yield train_of(
        "of_one_octet", _FRAGMENTS, part(0, b"z", True, 12), part(8, b"z", True, 12), part(16, b"z", False, 12)
    )
    two_ends = (part(0, first, True, 13), part(24, b"z" * 8, False, 13), part(400, b"z" * 8, False, 13))
    yield train_of("two_ends", _FRAGMENTS, *two_ends)
    for name, flags in (("not_and_more", "DF+MF"), ("reserved_flag", "evil")):
        yield train_of(name, "RFC 791 clause 3.1, flags", _packet(ends, _echo(b"x"), flags=flags))
    for name, protocol in (("never_whole", _ICMP), ("never_whole_unknown", _ANY)):
        many = (part(8, b"z" * 8, True, number, protocol) for number in range(100, 164))
        yield train_of(name, "CVE-2018-5391, FragmentSmack: memory for incomplete packets", *many)


def icmp(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield the ICMP messages that are named."""
    yield from _errors(ends)
    plain = "RFC 792, messages"
    for octets in (0, 1, 3, 4, 7):
        yield train_of(f"cut_off_at_{octets}", plain, _icmp(ends, _echo(b"")[:octets]))
    wrong = with_sum(_echo(b"x"), 2, wrong=True)
    yield train_of("sum_wrong", "RFC 1122 clause 3.2.2: to be ignored", _packet(ends, wrong))
    for kind in (0, 1, 2, 6, 7, 10, 14, 15, 17, 18, 30, 37, 40, 41, 42, 43, 255):
        yield train_of(f"type_{kind}", plain, _packet(ends, _echo(b"\xff" * 3, kind)))
    yield train_of("code_255", plain, _icmp(ends, b"\x08\xff\0\0tp\0\1"))
    yield train_of("timestamp_of_9", plain, _packet(ends, _echo(b"z", 13)))
    yield train_of("mask_of_8", "RFC 950", _packet(ends, _echo(b"", 17)))
    routers = _icmp(ends, b"\x09\x00\0\0\xff\x00\x00\x00" + bytes(4))
    yield train_of("routers_of_size_0", "RFC 1256 clause 3; a lifetime of zero", routers)
    yield train_of("echo_of_odd_length", plain, _packet(ends, _echo(b"x" * 1_471)))
    yield train_of("extended_echo_length", "RFC 8335 clause 2", _packet(ends, _echo(b"\x20\0\0\0\xff\xff\x03\x03", 42)))
    yield train_of("noise", "random octets from the seed", _icmp(ends, random.randbytes(64)))


def icmp_changes(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield valid messages that were changed, without end; the sums are right."""
    asked = _packet(ends, b"\x74\x70\x74\x70\0\x08\0\0", socket.IPPROTO_UDP)
    quoted = struct.pack("!BBHI", 3, 3, 0, 0) + bytes(asked.payload)
    return changed((_echo(b"x" * 32), quoted, _echo(bytes(12), 13)), random, lambda octets: _icmp(ends, octets))


def _errors(ends: Ends) -> Iterator[Train]:
    inner = bytes(_packet(ends, bytes(ends.segment())[:8], socket.IPPROTO_TCP).payload)

    def error(kind: int, code: int, rest: bytes, quoted: bytes) -> "Packet":
        return _icmp(ends, bytes([kind, code, 0, 0]) + rest + quoted)

    none = bytes(4)
    for kind in (3, 4, 5, 11, 12):
        yield train_of(f"quotes_nothing_{kind}", _INNER, error(kind, 0, none, b""))
        yield train_of(f"quotes_ones_{kind}", _INNER, error(kind, 0, none, b"\xff" * 28))
    yield train_of("quoted_header_of_15_words", _INNER, error(3, 3, none, b"\x4f" + inner[1:]))
    yield train_of("quoted_header_of_0_words", _INNER, error(3, 3, none, b"\x40" + inner[1:]))
    yield train_of("quotes_21_octets", _INNER, error(3, 3, none, inner[:21]))
    yield train_of("quotes_an_error", _INNER, error(3, 3, none, bytes(_packet(ends, b"\x03\x03" + bytes(6)).payload)))
    for size in (0, 1, 67, 0xFFFF):
        mtu = struct.pack("!HH", 0, size)
        yield train_of(f"packet_limit_{size}", "RFC 1191 clause 3; CVE-2004-1060", error(3, 4, mtu, inner))
    yield train_of("parameter_pointer_255", "RFC 792, the pointer", error(12, 0, b"\xff\0\0\0", inner))
    yield train_of("extension_length_255", "RFC 4884 clause 4", error(3, 3, b"\0\xff\0\0", inner + bytes(100)))
    structure = inner + bytes(100) + b"\x20\0\0\0\x00\x00\x01\x01"
    yield train_of("extension_object_of_0", "RFC 4884 clause 7", error(11, 0, b"\0\x20\0\0", structure))
