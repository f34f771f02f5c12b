"""Malformed ARP, IPv4 and ICMP: lengths, options and fragments that a stack trips over (RFC 826, 791, 792)."""

import socket
import struct
from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.frames import (
    ARP,
    DONT_FRAGMENT,
    IPV4,
    MORE,
    SYN,
    Ends,
    Train,
    Wrap,
    changed,
    ipv4,
    tcp,
    with_sum,
)
from drivers.network.malformed.messages.message import mutations

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
        yield Train(name, (_arp(ends, lengths=(hardware, protocol)) + more,), _HARDWARE)
    for octets in (0, 1, 7, 8, 20, 27):
        yield Train(f"cut_off_at_{octets}", (_arp(ends)[: 14 + octets],), _HARDWARE)
    for name, operation in (("operation_0", 0), ("operation_65535", 0xFFFF), ("reverse", 3), ("inverse", 8)):
        yield Train(name, (_arp(ends, operation=operation),), "RFC 826, operations; RFC 903, RFC 2390")
    for name, kind in (("hardware_0", (0, IPV4)), ("hardware_65535", (0xFFFF, IPV4)), ("protocol_ipv6", (1, 0x86DD))):
        yield Train(name, (_arp(ends, kinds=kind),), "RFC 826, types")
    nobody = bytes(4)
    for name, mac in (("from_everybody", b"\xff" * 6), ("from_nobody", bytes(6)), ("from_itself", ends.mac)):
        yield Train(
            name, (_arp(ends, sender=(mac, nobody)),), "RFC 5227 clause 2.1.1, a probe with a MAC address of nobody"
        )
    yield Train("long", (_arp(ends) + b"\xff" * 1_400,), "RFC 826, octets behind the end")
    yield Train("reply_unasked", (_arp(ends, operation=2),), "RFC 826, a reply to no question")
    yield Train("noise", (ends.frame(ARP, random.randbytes(28)),), "octets of the seed")


def arp_changes(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield requests that were changed, without end; who asks is nobody, so that no wrong neighbour is learnt."""
    valid = _arp(ends, sender=(ends.own_mac, bytes(4)))[14:]
    for message in mutations((valid,), random, 200):
        yield Train(message.name, (ends.frame(ARP, message.data),), message.origin)


def _arp(
    ends: Ends,
    *,
    kinds: tuple[int, int] = (1, IPV4),
    lengths: tuple[int, int] = (6, 4),
    operation: int = 1,
    sender: tuple[bytes, bytes] | None = None,
) -> bytes:
    mac, address = sender or (ends.own_mac, ends.own)
    head = struct.pack("!HHBBH", *kinds, *lengths, operation)
    return ends.frame(ARP, head + mac + address + bytes(6) + ends.theirs)


def internet(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield the IPv4 packets that are named."""
    yield from _headers(ends)
    yield from _options(ends)
    yield from _fragments(ends)
    yield Train("noise", (ends.frame(IPV4, b"\x45" + random.randbytes(63)),), "octets of the seed")


def internet_changes(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield valid packets with options that were changed, without end; the header's sum is right."""
    valid = ipv4(ends, _ICMP, _echo(b"x" * 16), options=b"\x07\x0b\x04" + bytes(8))[14:]
    for message in mutations((valid,), random, 1_400):
        words = max(5, message.data[0] & 15) if message.data else 5
        head = with_sum(message.data[: 4 * words], 10)
        yield Train(message.name, (ends.frame(IPV4, head + message.data[4 * words :]),), message.origin)


def _echo(data: bytes, kind: int = 8) -> bytes:
    return with_sum(struct.pack("!BBHHH", kind, 0, 0, 0x7470, 1) + data, 2)


def _headers(ends: Ends) -> Iterator[Train]:
    echo = _echo(b"x" * 32)
    for words in (0, 4, 15):
        yield Train(f"header_words_{words}", (ipv4(ends, _ICMP, echo, words=words),), _LENGTHS)
    for version in (0, 5, 6, 15):
        yield Train(
            f"version_{version}", (ipv4(ends, _ICMP, echo, version=version),), "RFC 791 clause 3.1, the version"
        )
    for length in (0, 19, 20, 21, 0xFFFF):
        yield Train(f"length_{length}", (ipv4(ends, _ICMP, echo, length=length),), _LENGTHS)
    for octets in (0, 1, 12, 19):
        yield Train(f"cut_off_at_{octets}", (ipv4(ends, _ICMP, b"")[: 14 + octets],), _LENGTHS)
    yield Train("sum_wrong", (ipv4(ends, _ICMP, echo, wrong_sum=True),), "RFC 1122 clause 3.2.1.2: to be ignored")
    yield Train("hops_zero", (ipv4(ends, _ICMP, echo, hops=0),), "RFC 1122 clause 3.2.1.7")
    for name, source in (("from_loopback", b"\x7f\0\0\1"), ("from_group", b"\xe0\0\0\1"), ("from_itself", ends.theirs)):
        yield Train(name, (ipv4(ends, _ICMP, echo, source=source),), "RFC 1122 clause 3.2.1.3, impossible sources")
    for protocol in (0, 4, 41, 47, 50, 51, 132, 255):
        packet = ipv4(ends, protocol, b"\xff" * 3)
        yield Train(f"protocol_{protocol}", (packet,), "RFC 1122 clause 3.2.2.1; a header of another protocol, cut off")


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
        yield Train(name, (ipv4(ends, _ICMP, echo, options=options),), _OPTIONS)


def _fragments(ends: Ends) -> Iterator[Train]:
    echo = _echo(b"x" * 1_200)

    def part(offset: int, data: bytes, more: bool = True, identification: int = 1, protocol: int = _ICMP) -> bytes:
        field = (MORE if more else 0) | offset // 8
        return ipv4(ends, protocol, data, fragment=field, identification=identification)

    first, behind = echo[:24], echo[24:]
    overlap = "CVE-1999-0015, Teardrop; CVE-2018-5391"
    yield Train("overlap_inside", (part(0, echo[:800]), part(24, b"y" * 8, more=False)), overlap)
    yield Train(
        "overlap_start", (part(8, echo[8:400], identification=2), part(0, echo[:24], identification=2)), overlap
    )
    yield Train("overlap_end", (part(24, behind[:400], False, 3), part(0, echo[:400], True, 3)), overlap)
    yield Train(
        "same_twice", (part(0, first, True, 4), part(0, b"\xff" * 24, True, 4), part(24, behind, False, 4)), overlap
    )
    end = part(0xFFF8, b"z" * 1_000, False, 5)
    yield Train("beyond_65535", (part(0, echo, True, 5), end), "CVE-1999-0128, ping of death")
    many = (part(at, b"z" * 1_400, at + 1_400 < 65_500, 6) for at in range(0, 66_000, 1_400) if at < 65_528)
    yield Train("whole_of_65535", (part(0, _echo(b"z" * 1_392), True, 6), *many), "CVE-1999-0128, ping of death")
    yield Train("last_alone", (part(0x8000, b"z" * 8, False, 7),), _FRAGMENTS)
    yield Train(
        "first_of_8", (part(0, tcp(ends)[:8], True, 8, 6), part(8, tcp(ends)[8:], False, 8, 6)), "RFC 1858 clause 3"
    )
    flagged = (part(0, tcp(ends, 0)[:16], True, 9, 6), part(8, tcp(ends, SYN)[8:], False, 9, 6))
    yield Train("overlap_flags", flagged, "RFC 1858 clause 4")
    yield Train("empty", (part(8, b"", True, 10), part(0, b"", True, 10), part(8, b"", False, 10)), _FRAGMENTS)
    yield Train("odd_length", (part(0, b"z" * 13, True, 11), part(16, b"z" * 3, False, 11)), _FRAGMENTS)
    yield Train(
        "of_one_octet", (part(0, b"z", True, 12), part(8, b"z", True, 12), part(16, b"z", False, 12)), _FRAGMENTS
    )
    two_ends = (part(0, first, True, 13), part(24, b"z" * 8, False, 13), part(400, b"z" * 8, False, 13))
    yield Train("two_ends", two_ends, _FRAGMENTS)
    for name, field in (("not_and_more", DONT_FRAGMENT | MORE), ("reserved_flag", 0x8000)):
        yield Train(name, (ipv4(ends, _ICMP, _echo(b"x"), fragment=field),), "RFC 791 clause 3.1, flags")
    for name, protocol in (("never_whole", _ICMP), ("never_whole_unknown", _ANY)):
        many = (part(8, b"z" * 8, True, number, protocol) for number in range(100, 164))
        yield Train(name, tuple(many), "CVE-2018-5391, FragmentSmack: memory for what never gets whole")


def icmp(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield the ICMP messages that are named."""
    yield from _errors(ends)
    plain = "RFC 792, messages"
    for octets in (0, 1, 3, 4, 7):
        yield Train(f"cut_off_at_{octets}", (ipv4(ends, _ICMP, with_sum(_echo(b"")[:octets], 2)),), plain)
    wrong = with_sum(_echo(b"x"), 2, wrong=True)
    yield Train("sum_wrong", (ipv4(ends, _ICMP, wrong),), "RFC 1122 clause 3.2.2: to be ignored")
    for kind in (0, 1, 2, 6, 7, 10, 14, 15, 17, 18, 30, 37, 40, 41, 42, 43, 255):
        yield Train(f"type_{kind}", (ipv4(ends, _ICMP, _echo(b"\xff" * 3, kind)),), plain)
    yield Train("code_255", (ipv4(ends, _ICMP, with_sum(b"\x08\xff\0\0tp\0\1", 2)),), plain)
    yield Train("timestamp_of_9", (ipv4(ends, _ICMP, _echo(b"z", 13)),), plain)
    yield Train("mask_of_8", (ipv4(ends, _ICMP, _echo(b"", 17)),), "RFC 950")
    routers = with_sum(b"\x09\x00\0\0\xff\x00\x00\x00" + bytes(4), 2)
    yield Train("routers_of_size_0", (ipv4(ends, _ICMP, routers),), "RFC 1256 clause 3; a lifetime of zero")
    yield Train("echo_of_odd_length", (ipv4(ends, _ICMP, _echo(b"x" * 1_471)),), plain)
    yield Train(
        "extended_echo_length", (ipv4(ends, _ICMP, _echo(b"\x20\0\0\0\xff\xff\x03\x03", 42)),), "RFC 8335 clause 2"
    )
    yield Train("noise", (ipv4(ends, _ICMP, with_sum(random.randbytes(64), 2)),), "octets of the seed")


def icmp_changes(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield valid messages that were changed, without end; the sums are right."""
    quoted = struct.pack("!BBHI", 3, 3, 0, 0) + ipv4(ends, 17, b"\x74\x70\x74\x70\0\x08\0\0")[14:]
    return changed((_echo(b"x" * 32), quoted, _echo(bytes(12), 13)), random, Wrap(ends, _ICMP, 2))


def _errors(ends: Ends) -> Iterator[Train]:
    inner = ipv4(ends, socket.IPPROTO_TCP, tcp(ends)[:8])[14:]

    def error(kind: int, code: int, rest: bytes, quoted: bytes) -> tuple[bytes]:
        return (ipv4(ends, _ICMP, with_sum(bytes([kind, code, 0, 0]) + rest + quoted, 2)),)

    none = bytes(4)
    for kind in (3, 4, 5, 11, 12):
        yield Train(f"quotes_nothing_{kind}", error(kind, 0, none, b""), _INNER)
        yield Train(f"quotes_ones_{kind}", error(kind, 0, none, b"\xff" * 28), _INNER)
    yield Train("quoted_header_of_15_words", error(3, 3, none, b"\x4f" + inner[1:]), _INNER)
    yield Train("quoted_header_of_0_words", error(3, 3, none, b"\x40" + inner[1:]), _INNER)
    yield Train("quotes_21_octets", error(3, 3, none, inner[:21]), _INNER)
    yield Train("quotes_an_error", error(3, 3, none, ipv4(ends, _ICMP, b"\x03\x03" + bytes(6))[14:]), _INNER)
    for size in (0, 1, 67, 0xFFFF):
        mtu = struct.pack("!HH", 0, size)
        yield Train(f"packet_limit_{size}", error(3, 4, mtu, inner), "RFC 1191 clause 3; CVE-2004-1060")
    yield Train("parameter_pointer_255", error(12, 0, b"\xff\0\0\0", inner), "RFC 792, the pointer")
    yield Train("extension_length_255", error(3, 3, b"\0\xff\0\0", inner + bytes(100)), "RFC 4884 clause 4")
    structure = inner + bytes(100) + b"\x20\0\0\0\x00\x00\x01\x01"
    yield Train("extension_object_of_0", error(11, 0, b"\0\x20\0\0", structure), "RFC 4884 clause 7")
