"""Malformed IPv6 and ICMPv6: extension headers, fragments, neighbour discovery (RFC 8200, 4443, 4861)."""

import socket
import struct
from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from drivers.network.malformed.messages.frames import IPV6, Ends, Train, changed, train_of, with_sum

if TYPE_CHECKING:
    from scapy.packet import Packet

_HOPS, _ROUTING, _FRAGMENT, _DESTINATION, _NONE, _AUTHENTICATION = 0, 43, 44, 60, 59, 51
_ICMP = socket.IPPROTO_ICMPV6
_LENGTHS = "RFC 8200 clause 3, lengths (CWE-130)"
_OPTIONS = "RFC 8200 clause 4.2, options"
_CHAIN = "RFC 8200 clause 4.1; RFC 8504 clause 5.3, chains"
_FRAGMENTS = "RFC 8200 clause 4.5; RFC 5722"
_DISCOVERY = "RFC 4861 clause 7.1.1, options of length zero (CWE-835)"
_GROUP = "ff02::1"


def internet6(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield the IPv6 packets that are named."""
    yield from _headers(ends)
    yield from _extensions(ends)
    yield from _fragments(ends)
    yield train_of("noise", "random octets from the seed", ends.frame(type=IPV6) / (b"\x60" + random.randbytes(79)))


def internet6_changes(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield valid packets with extension headers that were changed, without end."""
    options = bytes([_DESTINATION, 0, 1, 4, 0, 0, 0, 0, _ICMP, 0, 1, 4, 0, 0, 0, 0])
    valid = bytes(_packet(ends, options + _echo(ends, b"x" * 16), _HOPS).payload)
    return changed((valid,), random, lambda octets: ends.frame(type=IPV6) / octets)


def _packet(ends: Ends, octets: bytes, protocol: int = _ICMP, **fields: Any) -> "Packet":
    return ends.ip(protocol, **fields) / octets


def _message(ends: Ends, octets: bytes, **fields: Any) -> "Packet":
    headers = ends.ip(_ICMP, **fields)
    return headers / with_sum(octets, 2, headers)


def _echo(ends: Ends, data: bytes) -> bytes:
    return with_sum(struct.pack("!BBHHH", 128, 0, 0, 0x7470, 1) + data, 2, ends.ip(_ICMP))


def _headers(ends: Ends) -> Iterator[Train]:
    echo = _echo(ends, b"x" * 32)
    for version in (0, 4, 5, 15):
        yield train_of(f"version_{version}", "RFC 8200 clause 3, the version", _packet(ends, echo, version=version))
    for length in (0, 1, 7, 0xFFFF):
        yield train_of(f"length_{length}", _LENGTHS, _packet(ends, echo, plen=length))
    for octets in (0, 1, 24, 39):
        yield train_of(f"cut_off_at_{octets}", _LENGTHS, bytes(_packet(ends, b""))[: 14 + octets])
    for following in (4, 41, 47, 50, 51, 59, 132, 135, 139, 140, 255):
        yield train_of(
            f"next_header_{following}", "RFC 8200 clause 4; truncated", _packet(ends, b"\xff" * 3, following)
        )
    for name, source in (("from_loopback", "::1"), ("from_group", _GROUP), ("from_itself", ends.theirs)):
        yield train_of(name, "RFC 4291 clause 2, impossible sources", _packet(ends, echo, src=source))


def _extensions(ends: Ends) -> Iterator[Train]:
    echo = _echo(ends, b"x" * 8)

    def options(data: bytes, following: int = _ICMP, length: int | None = None) -> bytes:
        data += bytes(-(len(data) + 2) % 8)
        return bytes([following, (len(data) - 6) // 8 if length is None else length]) + data

    def hops(data: bytes, length: int | None = None) -> "Packet":
        return _packet(ends, options(data, length=length) + echo, _HOPS)

    yield train_of("options_beyond_end", _OPTIONS, hops(b"\x01\x04\0\0\0\0", 255))
    yield train_of("option_beyond_header", _OPTIONS, hops(b"\x01\xff\0\0\0\0"))
    yield train_of("option_without_length", _OPTIONS, hops(b"\x00\x00\x00\x00\x00\x01"))
    yield train_of("option_unknown", _OPTIONS, hops(b"\xfe\x00\xbe\x00\x7e\x00"))
    yield train_of("padding_of_one", "RFC 8504 clause 5.3, endless padding", hops(bytes(1_200)))
    yield train_of("padding_not_zero", _OPTIONS, hops(b"\x01\x04\xff\xff\xff\xff"))
    yield train_of("options_many", "RFC 8504 clause 5.3, endless options", hops(b"\x1e\x00" * 500))
    for size in (0, 1, 0xFFFF, 0xFFFFFFFF):
        jumbo = options(b"\xc2\x04" + struct.pack("!I", size)) + echo
        yield train_of(f"jumbo_{size}", "RFC 2675 clause 3; CVE-2008-0352", _packet(ends, jumbo, _HOPS, plen=0))
    chain = options(bytes(6), _DESTINATION) * 100
    yield train_of("chain_of_100", _CHAIN, _packet(ends, chain + options(bytes(6)) + echo, _DESTINATION))
    yield train_of("hop_by_hop_many", _CHAIN, _packet(ends, options(bytes(6), _HOPS) * 100 + echo, _HOPS))
    late = options(bytes(6), _HOPS) + options(bytes(6)) + echo
    yield train_of("hop_by_hop_late", _CHAIN, _packet(ends, late, _DESTINATION))
    yield train_of("chain_without_end", _CHAIN, _packet(ends, chain, _DESTINATION))
    yield train_of("none_with_data", "RFC 8200 clause 4.7", _packet(ends, b"\xff" * 1_000, _NONE))
    theirs = socket.inet_pton(socket.AF_INET6, ends.theirs)
    for kind, length, left in ((0, 2, 1), (0, 2, 255), (0, 255, 1), (0, 1, 1), (2, 0, 1), (3, 2, 255), (4, 2, 255)):
        routing = bytes([_ICMP, length, kind, left]) + bytes(4) + theirs
        name = f"routing_{kind}_length_{length}_left_{left}"
        yield train_of(name, "RFC 5095, routing header 0; RFC 8200 clause 4.4", _packet(ends, routing + echo, _ROUTING))
    segments = bytes([_ICMP, 2, 4, 0, 255, 0, 0, 0]) + theirs
    yield train_of("segment_last_255", "RFC 8754 clause 2, the last entry", _packet(ends, segments + echo, _ROUTING))
    compressed = bytes([_ICMP, 2, 3, 1, 0xFF, 0xF0, 0, 0]) + bytes(16)
    yield train_of("rpl_compressed", "RFC 6554 clause 3; CVE-2023-2156", _packet(ends, compressed + echo, _ROUTING))
    for words in (0, 255):
        header = bytes([_ICMP, words]) + bytes(10)
        yield train_of(f"authentication_{words}", "RFC 4302 clause 2.2", _packet(ends, header + echo, _AUTHENTICATION))


def _fragments(ends: Ends) -> Iterator[Train]:
    from scapy.layers.inet6 import IPv6ExtHdrFragment

    echo = _echo(ends, b"x" * 1_200)

    def part(offset: int, data: bytes, more: bool = True, number: int = 1, following: int = _ICMP) -> "Packet":
        return ends.ip() / IPv6ExtHdrFragment(nh=following, offset=offset // 8, m=more, id=number) / data

    overlap = "RFC 5722: to be dropped completely; CVE-2012-4444"
    yield train_of("atomic", "RFC 6946, an atomic fragment", part(0, echo, False, 2))
    yield train_of("overlap", overlap, part(0, echo[:400], True, 3), part(200, b"y" * 1_000, False, 3))
    yield train_of("overlap_start", overlap, part(8, echo[8:], False, 4), part(0, b"y" * 400, True, 4))
    yield train_of("same_twice", overlap, part(0, echo[:400], True, 5), part(0, b"\xff" * 400, True, 5))
    syn = bytes(ends.segment())
    yield train_of("first_of_8", "RFC 7112", part(0, syn[:8], True, 6, 6), part(8, syn[8:], False, 6, 6))
    hidden = bytes([_DESTINATION, 0, 1, 4, 0, 0, 0, 0])
    yield train_of(
        "first_without_header", "RFC 7112", part(0, hidden, True, 7, _DESTINATION), part(8, hidden, False, 7)
    )
    yield train_of("beyond_65535", _FRAGMENTS, part(0, echo, True, 8), part(0xFFF8, b"z" * 1_000, False, 8))
    yield train_of("odd_length", _FRAGMENTS, part(0, b"z" * 13, True, 9), part(16, b"z", False, 9))
    yield train_of("empty", _FRAGMENTS, part(0, b"", True, 10), part(0, b"", False, 10), part(8, b"", True, 10))
    yield train_of("header_cut_off", _FRAGMENTS, _packet(ends, bytes([_ICMP, 0, 0]), _FRAGMENT))
    inner = struct.pack("!BBHI", _FRAGMENT, 0, 1, 11) * 20 + echo[:100]
    yield train_of("nested", "RFC 8200 clause 4.5, a fragment of a fragment", _packet(ends, inner, _FRAGMENT))
    many = tuple(part(8, b"z" * 8, True, number) for number in range(100, 164))
    yield train_of("never_whole", "CVE-2018-5391, FragmentSmack: memory for incomplete packets", *many)


def neighbours(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield the ICMPv6 messages that are named, neighbour discovery before all."""
    yield from _discovery(ends)
    yield from _advertisements(ends)
    plain = "RFC 4443 clause 2, messages"
    for octets in (0, 1, 3, 4, 7):
        yield train_of(f"cut_off_at_{octets}", plain, _message(ends, _echo(ends, b"")[:octets]))
    wrong = with_sum(_echo(ends, b""), 2, ends.ip(_ICMP), wrong=True)
    yield train_of("sum_wrong", "RFC 4443 clause 2.3: to be ignored", _packet(ends, wrong))
    for kind in (0, 5, 100, 127, 138, 139, 140, 141, 144, 151, 160, 161, 255):
        yield train_of(f"type_{kind}", plain, _message(ends, struct.pack("!BBHI", kind, 0, 0, 0) + b"\xff" * 3))
    for kind in (1, 2, 3, 4):
        for name, quoted in (("nothing", b""), ("ones", b"\xff" * 48), ("a_part", b"\x60" + bytes(30))):
            error = struct.pack("!BBHI", kind, 0, 0, 0) + quoted
            yield train_of(f"error_{kind}_quotes_{name}", "RFC 4443 clause 3 (CWE-125)", _message(ends, error))
    inner = bytes(_packet(ends, bytes(ends.segment()), socket.IPPROTO_TCP).payload)
    for size in (0, 1, 1_279, 0xFFFFFFFF):
        limit = struct.pack("!BBHI", 2, 0, 0, size) + inner
        yield train_of(f"packet_limit_{size}", "RFC 8201 clause 4; RFC 8021", _message(ends, limit))
    query = struct.pack("!BBHHH", 130, 0, 0, 0xFFFF, 0) + bytes(16) + b"\xff\xff\xff\xff"
    yield train_of("listeners_65535_sources", "RFC 3810 clause 5.1.10", _message(ends, query, hlim=1))
    yield train_of("listeners_cut_off", "RFC 3810 clause 5.1", _message(ends, query[:9], hlim=1))
    yield train_of("noise", "random octets from the seed", _message(ends, random.randbytes(64)))


def neighbour_changes(ends: Ends, random: Random) -> Iterator[Train]:
    """Yield valid messages that were changed, without end; the sums are right."""
    from scapy.layers.inet6 import ICMPv6ND_NS

    # With a nonce (RFC 3971) and no link address: a change of that would teach the device a wrong neighbour.
    asked = bytes(ICMPv6ND_NS(tgt=ends.theirs, cksum=0)) + b"\x0e\x01" + b"nonce!"
    return changed((asked, _echo(ends, b"x" * 32)), random, lambda octets: _message(ends, octets))


def _discovery(ends: Ends) -> Iterator[Train]:
    from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_Redirect, ICMPv6ND_RS

    zero = b"\x01\x00" + bytes(6)
    local = ends.link_local
    solicit = bytes(ICMPv6ND_NS(tgt=ends.theirs, cksum=0))
    advertise = bytes(ICMPv6ND_NA(tgt=ends.own, R=0, O=0, cksum=0))
    router = bytes(ICMPv6ND_RS(cksum=0))
    redirect = bytes(ICMPv6ND_Redirect(tgt=ends.own, dst=ends.own, cksum=0))
    link = b"\x01\x01" + ends.own_mac
    for name, head in (("solicitation", solicit), ("advertisement", advertise), ("router_solicitation", router)):
        yield train_of(f"{name}_option_of_0", _DISCOVERY, _message(ends, head + zero))
        yield train_of(f"{name}_option_of_255", _DISCOVERY, _message(ends, head + b"\x01\xff" + bytes(6)))
        yield train_of(f"{name}_option_cut_off", _DISCOVERY, _message(ends, head + link[:3]))
        yield train_of(f"{name}_many_options", "RFC 4861 clause 4.6", _message(ends, head + link * 150))
    for name, option in (
        ("of_0", zero),
        ("quotes_nothing", b"\x04\x01" + bytes(6)),
        ("of_255", b"\x04\xff" + bytes(6)),
    ):
        yield train_of(f"redirect_option_{name}", _DISCOVERY, _message(ends, redirect + option, src=local))
    for octets in (4, 8, 23):
        yield train_of(f"solicitation_of_{octets}", "RFC 4861 clause 7.1.1", _message(ends, solicit[:octets]))
    group = bytes(ICMPv6ND_NS(tgt=_GROUP, cksum=0))
    yield train_of("solicitation_of_a_group", "RFC 4861 clause 7.1.1, the target", _message(ends, group))
    yield train_of(
        "solicitation_from_afar", "RFC 4861 clause 7.1.1, hop limit 255", _message(ends, solicit + link, hlim=64)
    )
    nobody = _message(ends, solicit + link, src="::")
    yield train_of("solicitation_of_nobody", "RFC 4861 clause 7.1.1, an unassigned link address", nobody)
    flagged = bytes(ICMPv6ND_NA(tgt=ends.own, S=1, res=0x1FFFFFFF, cksum=0))
    yield train_of("advertisement_flags", "RFC 4861 4.4", _message(ends, flagged + link))


def _advertisements(ends: Ends) -> Iterator[Train]:
    """Yield router advertisements with a lifetime of zero, and options whose lifetimes are zero."""
    from scapy.layers.inet6 import ICMPv6ND_RA

    head = bytes(ICMPv6ND_RA(chlim=64, prf=0, routerlifetime=0, cksum=0))
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
        yield train_of(f"advertised_{name}", origin, _message(ends, data, src=ends.link_local))
    yield train_of("advertised_cut_off", "RFC 4861 clause 6.1.2", _message(ends, head[:15], src=ends.link_local))
