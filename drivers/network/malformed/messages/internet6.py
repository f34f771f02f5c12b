"""Malformed IPv6 and ICMPv6: extension headers, fragments, neighbour discovery (RFC 8200, 4443, 4861)."""

import socket
import struct
from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.frames import (
    FRAGMENT6,
    IPV6,
    Ends,
    Train,
    Wrap,
    changed,
    ipv6,
    pseudo,
    tcp,
    with_sum,
)
from drivers.network.malformed.messages.message import mutations

_HOPS, _ROUTING, _DESTINATION, _NONE, _AUTHENTICATION = 0, 43, 60, 59, 51
_ICMP = socket.IPPROTO_ICMPV6
_LENGTHS = "RFC 8200 clause 3, lengths (CWE-130)"
_OPTIONS = "RFC 8200 clause 4.2, options"
_CHAIN = "RFC 8200 clause 4.1; RFC 8504 clause 5.3, chains"
_FRAGMENTS = "RFC 8200 clause 4.5; RFC 5722"
_DISCOVERY = "RFC 4861 clause 7.1.1, options of length zero (CWE-835)"
_GROUP = bytes.fromhex("ff020000000000000000000000000001")


def internet6(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield the IPv6 packets that are named."""
    yield from _headers(ends)
    yield from _extensions(ends)
    yield from _fragments(ends)
    yield Train("noise", (ends.frame(IPV6, b"\x60" + random.randbytes(79)),), "octets of the seed")


def internet6_changes(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield valid packets with extension headers that were changed, without end."""
    echo = _echo(ends, b"x" * 16)
    valid = ipv6(ends, _HOPS, bytes([_DESTINATION, 0, 1, 4, 0, 0, 0, 0, _ICMP, 0, 1, 4, 0, 0, 0, 0]) + echo)[14:]
    for message in mutations((valid,), random, 1_400):
        yield Train(message.name, (ends.frame(IPV6, message.data),), message.origin)


def _summed(ends: Ends, data: bytes, source: bytes | None = None, *, wrong: bool = False) -> bytes:
    return with_sum(data, 2, pseudo(source or ends.own, ends.theirs, _ICMP, len(data)), wrong=wrong)


def _echo(ends: Ends, data: bytes, kind: int = 128) -> bytes:
    return _summed(ends, struct.pack("!BBHHH", kind, 0, 0, 0x7470, 1) + data)


def _headers(ends: Ends) -> Iterator[Train]:
    echo = _echo(ends, b"x" * 32)
    for version in (0, 4, 5, 15):
        yield Train(f"version_{version}", (ipv6(ends, _ICMP, echo, version=version),), "RFC 8200 clause 3, the version")
    for length in (0, 1, 7, 0xFFFF):
        yield Train(f"length_{length}", (ipv6(ends, _ICMP, echo, length=length),), _LENGTHS)
    for octets in (0, 1, 24, 39):
        yield Train(f"cut_off_at_{octets}", (ipv6(ends, _ICMP, b"")[: 14 + octets],), _LENGTHS)
    for following in (4, 41, 47, 50, 51, 59, 132, 135, 139, 140, 255):
        yield Train(f"next_header_{following}", (ipv6(ends, following, b"\xff" * 3),), "RFC 8200 clause 4; cut off")
    for name, source in (("from_loopback", bytes(15) + b"\1"), ("from_group", _GROUP), ("from_itself", ends.theirs)):
        yield Train(name, (ipv6(ends, _ICMP, echo, source=source),), "RFC 4291 clause 2, impossible sources")


def _extensions(ends: Ends) -> Iterator[Train]:
    echo = _echo(ends, b"x" * 8)

    def options(data: bytes, following: int = _ICMP, length: int | None = None) -> bytes:
        data += bytes(-(len(data) + 2) % 8)
        return bytes([following, (len(data) - 6) // 8 if length is None else length]) + data

    def hops(data: bytes, length: int | None = None) -> tuple[bytes]:
        return (ipv6(ends, _HOPS, options(data, length=length) + echo),)

    yield Train("options_beyond_end", hops(b"\x01\x04\0\0\0\0", 255), _OPTIONS)
    yield Train("option_beyond_header", hops(b"\x01\xff\0\0\0\0"), _OPTIONS)
    yield Train("option_without_length", hops(b"\x00\x00\x00\x00\x00\x01"), _OPTIONS)
    yield Train("option_unknown", hops(b"\xfe\x00\xbe\x00\x7e\x00"), _OPTIONS)
    yield Train("padding_of_one", hops(bytes(1_200)), "RFC 8504 clause 5.3, padding without end")
    yield Train("padding_not_zero", hops(b"\x01\x04\xff\xff\xff\xff"), _OPTIONS)
    yield Train("options_many", hops(b"\x1e\x00" * 500), "RFC 8504 clause 5.3, options without end")
    for size in (0, 1, 0xFFFF, 0xFFFFFFFF):
        jumbo = options(b"\xc2\x04" + struct.pack("!I", size)) + echo
        yield Train(f"jumbo_{size}", (ipv6(ends, _HOPS, jumbo, length=0),), "RFC 2675 clause 3; CVE-2008-0352")
    chain = options(bytes(6), _DESTINATION) * 100
    yield Train("chain_of_100", (ipv6(ends, _DESTINATION, chain + options(bytes(6)) + echo),), _CHAIN)
    yield Train("hop_by_hop_many", (ipv6(ends, _HOPS, options(bytes(6), _HOPS) * 100 + echo),), _CHAIN)
    late = options(bytes(6), _HOPS) + options(bytes(6)) + echo
    yield Train("hop_by_hop_late", (ipv6(ends, _DESTINATION, late),), _CHAIN)
    yield Train("chain_without_end", (ipv6(ends, _DESTINATION, chain),), _CHAIN)
    yield Train("none_with_data", (ipv6(ends, _NONE, b"\xff" * 1_000),), "RFC 8200 clause 4.7")
    for kind, length, left in ((0, 2, 1), (0, 2, 255), (0, 255, 1), (0, 1, 1), (2, 0, 1), (3, 2, 255), (4, 2, 255)):
        routing = bytes([_ICMP, length, kind, left]) + bytes(4) + ends.theirs
        name = f"routing_{kind}_length_{length}_left_{left}"
        yield Train(name, (ipv6(ends, _ROUTING, routing + echo),), "RFC 5095, routing header 0; RFC 8200 clause 4.4")
    segments = bytes([_ICMP, 2, 4, 0, 255, 0, 0, 0]) + ends.theirs
    yield Train("segment_last_255", (ipv6(ends, _ROUTING, segments + echo),), "RFC 8754 clause 2, the last entry")
    compressed = bytes([_ICMP, 2, 3, 1, 0xFF, 0xF0, 0, 0]) + bytes(16)
    yield Train("rpl_compressed", (ipv6(ends, _ROUTING, compressed + echo),), "RFC 6554 clause 3; CVE-2023-2156")
    for words in (0, 255):
        header = bytes([_ICMP, words]) + bytes(10)
        yield Train(f"authentication_{words}", (ipv6(ends, _AUTHENTICATION, header + echo),), "RFC 4302 clause 2.2")


def _fragments(ends: Ends) -> Iterator[Train]:
    echo = _echo(ends, b"x" * 1_200)

    def part(offset: int, data: bytes, more: bool = True, number: int = 1, following: int = _ICMP) -> bytes:
        head = struct.pack("!BBHI", following, 0, offset & 0xFFF8 | more, number)
        return ipv6(ends, FRAGMENT6, head + data)

    overlap = "RFC 5722: to be dropped whole; CVE-2012-4444"
    yield Train("atomic", (part(0, echo, False, 2),), "RFC 6946, a fragment that is whole")
    yield Train("overlap", (part(0, echo[:400], True, 3), part(200, b"y" * 1_000, False, 3)), overlap)
    yield Train("overlap_start", (part(8, echo[8:], False, 4), part(0, b"y" * 400, True, 4)), overlap)
    yield Train("same_twice", (part(0, echo[:400], True, 5), part(0, b"\xff" * 400, True, 5)), overlap)
    yield Train("first_of_8", (part(0, tcp(ends)[:8], True, 6, 6), part(8, tcp(ends)[8:], False, 6, 6)), "RFC 7112")
    hidden = bytes([_DESTINATION, 0, 1, 4, 0, 0, 0, 0])
    yield Train("first_without_header", (part(0, hidden, True, 7, _DESTINATION), part(8, hidden, False, 7)), "RFC 7112")
    yield Train("beyond_65535", (part(0, echo, True, 8), part(0xFFF8, b"z" * 1_000, False, 8)), _FRAGMENTS)
    yield Train("odd_length", (part(0, b"z" * 13, True, 9), part(16, b"z", False, 9)), _FRAGMENTS)
    yield Train("empty", (part(0, b"", True, 10), part(0, b"", False, 10), part(8, b"", True, 10)), _FRAGMENTS)
    yield Train("header_cut_off", (ipv6(ends, FRAGMENT6, bytes([_ICMP, 0, 0])),), _FRAGMENTS)
    inner = struct.pack("!BBHI", FRAGMENT6, 0, 1, 11) * 20 + echo[:100]
    yield Train("nested", (ipv6(ends, FRAGMENT6, inner),), "RFC 8200 clause 4.5, a fragment of a fragment")
    many = tuple(part(8, b"z" * 8, True, number) for number in range(100, 164))
    yield Train("never_whole", many, "CVE-2018-5391, FragmentSmack: memory for what never gets whole")


def neighbours(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield the ICMPv6 messages that are named, neighbour discovery before all."""
    yield from _discovery(ends)
    yield from _advertisements(ends)
    plain = "RFC 4443 clause 2, messages"
    for octets in (0, 1, 3, 4, 7):
        yield Train(f"cut_off_at_{octets}", (_message(ends, _echo(ends, b"")[:octets]),), plain)
    wrong = _summed(ends, struct.pack("!BBHHH", 128, 0, 0, 0x7470, 1), wrong=True)
    yield Train("sum_wrong", (ipv6(ends, _ICMP, wrong),), "RFC 4443 clause 2.3: to be ignored")
    for kind in (0, 5, 100, 127, 138, 139, 140, 141, 144, 151, 160, 161, 255):
        yield Train(f"type_{kind}", (_message(ends, struct.pack("!BBHI", kind, 0, 0, 0) + b"\xff" * 3),), plain)
    for kind in (1, 2, 3, 4):
        for name, quoted in (("nothing", b""), ("ones", b"\xff" * 48), ("a_part", b"\x60" + bytes(30))):
            error = struct.pack("!BBHI", kind, 0, 0, 0) + quoted
            yield Train(f"error_{kind}_quotes_{name}", (_message(ends, error),), "RFC 4443 clause 3 (CWE-125)")
    inner = ipv6(ends, socket.IPPROTO_TCP, tcp(ends))[14:]
    for size in (0, 1, 1_279, 0xFFFFFFFF):
        limit = struct.pack("!BBHI", 2, 0, 0, size) + inner
        yield Train(f"packet_limit_{size}", (_message(ends, limit),), "RFC 8201 clause 4; RFC 8021")
    query = struct.pack("!BBHHH", 130, 0, 0, 0xFFFF, 0) + bytes(16) + b"\xff\xff\xff\xff"
    yield Train("listeners_65535_sources", (_message(ends, query, hops=1),), "RFC 3810 clause 5.1.10")
    yield Train("listeners_cut_off", (_message(ends, query[:9], hops=1),), "RFC 3810 clause 5.1")
    yield Train("noise", (_message(ends, random.randbytes(64)),), "octets of the seed")


def neighbour_changes(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield valid messages that were changed, without end; the sums are right."""
    # With a nonce (RFC 3971) and no link address: a change of that would teach the device a wrong neighbour.
    asked = struct.pack("!BBHI", 135, 0, 0, 0) + ends.theirs + b"\x0e\x01" + b"nonce!"
    return changed((asked, _echo(ends, b"x" * 32)), random, Wrap(ends, _ICMP, 2))


def _message(ends: Ends, data: bytes, hops: int = 255, source: bytes | None = None) -> bytes:
    return ipv6(ends, _ICMP, _summed(ends, data, source), hops=hops, source=source)


def _discovery(ends: Ends) -> Iterator[Train]:
    zero = b"\x01\x00" + bytes(6)
    local = ends.link_local
    solicit = struct.pack("!BBHI", 135, 0, 0, 0) + ends.theirs
    advertise = struct.pack("!BBHI", 136, 0, 0, 0) + ends.own
    router = struct.pack("!BBHI", 133, 0, 0, 0)
    redirect = struct.pack("!BBHI", 137, 0, 0, 0) + ends.own + ends.own
    link = b"\x01\x01" + ends.own_mac
    for name, head in (("solicitation", solicit), ("advertisement", advertise), ("router_solicitation", router)):
        yield Train(f"{name}_option_of_0", (_message(ends, head + zero),), _DISCOVERY)
        yield Train(f"{name}_option_of_255", (_message(ends, head + b"\x01\xff" + bytes(6)),), _DISCOVERY)
        yield Train(f"{name}_option_cut_off", (_message(ends, head + link[:3]),), _DISCOVERY)
        yield Train(f"{name}_many_options", (_message(ends, head + link * 150),), "RFC 4861 clause 4.6")
    for name, option in (
        ("of_0", zero),
        ("quotes_nothing", b"\x04\x01" + bytes(6)),
        ("of_255", b"\x04\xff" + bytes(6)),
    ):
        yield Train(f"redirect_option_{name}", (_message(ends, redirect + option, source=local),), _DISCOVERY)
    for octets in (4, 8, 23):
        yield Train(f"solicitation_of_{octets}", (_message(ends, solicit[:octets]),), "RFC 4861 clause 7.1.1")
    group = struct.pack("!BBHI", 135, 0, 0, 0) + _GROUP
    yield Train("solicitation_of_a_group", (_message(ends, group),), "RFC 4861 clause 7.1.1, the target")
    yield Train(
        "solicitation_from_afar", (_message(ends, solicit + link, hops=64),), "RFC 4861 clause 7.1.1, hop limit 255"
    )
    nobody = _message(ends, solicit + link, source=bytes(16))
    yield Train("solicitation_of_nobody", (nobody,), "RFC 4861 clause 7.1.1, a link address of nobody")
    yield Train(
        "advertisement_flags", (_message(ends, b"\x88\0\0\0\xff\xff\xff\xff" + ends.own + link),), "RFC 4861 4.4"
    )


def _advertisements(ends: Ends) -> Iterator[Train]:
    """Yield router advertisements with a lifetime of zero, and options whose lifetimes are zero."""
    head = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 0, 0, 0)
    for name, option in (
        ("option_of_0", b"\x01\x00" + bytes(6)),
        ("option_cut_off", b"\x03"),
        ("prefix_of_8_octets", b"\x03\x01\xff\x00" + bytes(4)),
        ("prefix_length_255", b"\x03\x04\xff\x00" + bytes(28)),
        ("servers_of_16_octets", b"\x19\x02\0\0" + bytes(12)),
        ("servers_of_even_length", b"\x19\x04\0\0" + bytes(28)),
        ("names_without_end", b"\x1f\x02\0\0\0\0\0\0\x3fabcdefg"),
        ("names_that_point", b"\x1f\x02\0\0\0\0\0\0\xc0\x08\xc0\x08\xc0\x08\xc0\x08"),
        ("route_of_8_octets", b"\x18\x01\x80\x00" + bytes(4)),
        ("limit_of_0", b"\x05\x01" + bytes(6)),
    ):
        data = head + option + bytes(-len(option) % 8)
        origin = "RFC 4861 clause 6.1.2; CVE-2020-16898 (Bad Neighbor)"
        yield Train(f"advertised_{name}", (_message(ends, data, source=ends.link_local),), origin)
    yield Train("advertised_cut_off", (_message(ends, head[:15], source=ends.link_local),), "RFC 4861 clause 6.1.2")
