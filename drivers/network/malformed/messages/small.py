"""Malformed CoAP, SSDP and NTP datagrams, and octets for ports whose protocol has no file of its own."""

import struct
from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, mutations

_OPTIONS = "RFC 7252 clause 3.1, options"
_HEADER = "RFC 7252 clause 3, the header"
_SEARCH = "UPnP Device Architecture 1.1 clause 1.3.2, M-SEARCH"
_NTP = "RFC 5905 clause 7.3, the packet"
_ANY = "no specific protocol"


def coap(random: Random) -> Iterator[Message]:
    """Yield the CoAP datagrams that are named."""
    head = b"\x40\x01\x74\x70"
    for name, data in (
        ("one_octet", b"\x40"),
        ("header_cut_off", head[:3]),
        ("version_3", b"\xc0" + head[1:]),
        ("token_of_15", b"\x4f\x01\x74\x70" + b"t" * 15),
        ("token_beyond_end", b"\x48\x01\x74\x70t"),
        ("code_reserved", b"\x40\xff\x74\x70"),
        ("empty_with_options", b"\x40\x00\x74\x70\xb1a"),
        ("reset_unasked", b"\x70\x00\x74\x70"),
        ("zeros", b"\x00" * 512),
        ("ones", b"\xff" * 512),
    ):
        yield Message(name, data, _HEADER)
    for name, options in (
        ("delta_15", b"\xf0"),
        ("length_15", b"\xbf"),
        ("length_beyond_end", b"\xbe\xff\xffa"),
        ("length_13_cut_off", b"\xbd"),
        ("delta_14_cut_off", b"\xe0\xff"),
        ("number_overflow", b"\xe0\xff\xff" * 100),
        ("many_options", b"\x00" * 1_200),
        ("many_paths", b"\xb1a" + b"\x01a" * 600),
        ("long_path", b"\xbe\x03\xe8" + b"a" * 1_269),
        ("path_traversal", b"\xb2.." + b"\x02.." * 40),
        ("path_not_utf8", bytes([0xBD, len(NOT_UTF8) - 13 if len(NOT_UTF8) >= 13 else 0]) + NOT_UTF8),
        ("path_format", bytes([0xBD, len(FORMATS) - 13]) + FORMATS),
        ("critical_unknown", b"\xed\xff\xff\x01a"),
        ("accept_of_12", b"\xdc\x04" + b"\xff" * 12),
        ("block_number", b"\xd3\x0a\xff\xff\xff"),
        ("block_size_7", b"\xd1\x0a\x07"),
        ("observe_of_9", b"\x69" + b"\xff" * 9),
        ("host_empty", b"\x30"),
        ("port_of_8", b"\x78" + b"\xff" * 8),
        ("proxy", b"\xdd\x16\x0b" + b"coap://" + b"a" * 17),
        ("marker_without_payload", b"\xff"),
        ("markers", b"\xff" * 200),
    ):
        yield Message(name, head + options, _OPTIONS)
    yield Message("noise", head + random.randbytes(256), "random octets from the seed")


def coap_mutations(random: Random) -> Iterator[Message]:
    """Yield valid CoAP requests that were changed, without end."""
    return mutations((b"\x42\x01\x74\x70tp\xbb.well-known\x04core", b"\x40\x03\x74\x71\xb1a\x10\xffx"), random, 1_400)


def ssdp(random: Random) -> Iterator[Message]:
    """Yield the SSDP datagrams that are named."""
    for name, data, origin in (
        ("zeros", b"\x00" * 512, _SEARCH),
        ("ones", b"\xff" * 512, _SEARCH),
        ("line_alone", b"M-SEARCH * HTTP/1.1", _SEARCH),
        ("no_line_end", b"M-SEARCH " + b"*" * 8_000, _SEARCH),
        ("long_target", _search(b"A" * 30_000), "CVE-2012-5958, a search target for a buffer of 256 octets"),
        ("target_uuid_long", _search(b"uuid:" + b"A" * 8_000), "CVE-2012-5959"),
        ("target_colons", _search(b"urn:" * 1_000 + b":::"), "CVE-2012-5958"),
        ("target_schemas_long", _search(b"urn:schemas-upnp-org:device:" + b"A" * 4_000 + b":1"), "CVE-2012-5960"),
        ("target_empty", _search(b""), _SEARCH),
        ("target_format", _search(FORMATS), "CWE-134"),
        ("target_not_utf8", _search(NOT_UTF8), _SEARCH),
        ("wait_negative", _search(b"ssdp:all", b"-1"), _SEARCH),
        ("wait_overflow", _search(b"ssdp:all", b"4294967296"), _SEARCH),
        ("wait_no_number", _search(b"ssdp:all", b"x"), _SEARCH),
        ("man_not_quoted", _search(b"ssdp:all").replace(b'"', b""), _SEARCH),
        ("many_headers", _search(b"ssdp:all")[:-2] + b"X: y\r\n" * 4_000 + b"\r\n", "CWE-770"),
        ("no_colon", b"M-SEARCH * HTTP/1.1\r\nHOST\r\nST\r\n\r\n", "CVE-2013-0229"),
        ("version_overflow", b"M-SEARCH * HTTP/99999999999.9\r\nST: ssdp:all\r\n\r\n", _SEARCH),
        (
            "notify",
            b"NOTIFY * HTTP/1.1\r\nNT: " + b"A" * 8_000 + b"\r\nNTS: ssdp:alive\r\n\r\n",
            "UPnP Device Architecture 1.1 clause 1.2.2, NOTIFY",
        ),
    ):
        yield Message(name, data, origin)
    yield Message("noise", random.randbytes(512), "random octets from the seed")


def ssdp_mutations(random: Random) -> Iterator[Message]:
    """Yield valid searches that were changed, without end."""
    return mutations((_search(b"ssdp:all"), _search(b"upnp:rootdevice")), random, 8_000)


def _search(target: bytes, wait: bytes = b"1") -> bytes:
    start = b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: '
    return start + wait + b"\r\nST: " + target + b"\r\n\r\n"


def ntp(random: Random) -> Iterator[Message]:
    """Yield the NTP datagrams that are named."""
    plain = _time()
    for name, data, origin in (
        ("one_octet", b"\x23", _NTP),
        ("cut_off", plain[:47], _NTP),
        ("zeros", b"\x00" * 48, _NTP),
        ("ones", b"\xff" * 48, _NTP),
        ("version_zero", b"\x03" + plain[1:], _NTP),
        ("mode_reserved", b"\x20" + plain[1:], _NTP),
        ("broadcast", b"\x25" + plain[1:], _NTP),
        ("symmetric", b"\x21" + plain[1:], _NTP),
        ("control_length", b"\x16\x02" + b"\x00" * 8 + b"\xff\xff", "RFC 9327 clause 2; CVE-2014-9295"),
        ("control_variables", b"\x16\x02" + b"\x00" * 8 + b"\x01\xf4" + b"a=" * 250, "RFC 9327 clause 2"),
        ("control_fragment", b"\x16\xff\x00\x01\x00\x00\x00\x00\xff\xff\xff\xff" + b"x" * 100, "RFC 9327 clause 2"),
        ("private", b"\x17\x00\x03\x2a" + b"\x00" * 40, "CVE-2013-5211, mode 7"),
        ("extension_length", plain + b"\x01\x04\xff\xff" + b"\x00" * 24, "RFC 7822 clause 3"),
        ("extension_zero", plain + b"\x01\x04\x00\x00" * 16, "RFC 7822 clause 3"),
        ("extension_odd", plain + b"\x01\x04\x00\x1d" + b"\x00" * 25, "RFC 7822 clause 3"),
        ("many_extensions", plain + (b"\x01\x04\x00\x10" + b"\x00" * 12) * 80, "RFC 7822 clause 3"),
        ("nts_cookie", plain + b"\x02\x04\x04\x00" + b"\xa5" * 1_020, "RFC 8915 clause 5.4"),
        ("key_unknown", plain + b"\xff" * 20, "RFC 5905 clause 7.3, a message digest"),
        ("crypto_nak", plain + b"\x00" * 4, "CVE-2015-7871"),
        ("left_over", plain + b"\x00" * 1_000, _NTP),
    ):
        yield Message(name, data, origin)
    yield Message("noise", b"\x23" + random.randbytes(400), "random octets from the seed")


def ntp_mutations(random: Random) -> Iterator[Message]:
    """Yield valid client requests that were changed, without end."""
    return mutations((_time(),), random, 1_400)


def _time() -> bytes:
    return struct.pack("!BBBb11I", 0x23, 0, 6, -20, *(0,) * 9, 0x74727573, 0x7470726F)


def other(random: Random) -> Iterator[Message]:
    """Yield octets for a port whose protocol is not known here."""
    for name, data in (
        ("zeros", b"\x00" * 1_024),
        ("ones", b"\xff" * 1_024),
        ("one_zero", b"\x00"),
        ("long_line", b"A" * 65_000 + b"\r\n"),
        ("long_without_end", b"A" * 65_000),
        ("line_ends", b"\r\n" * 4_000),
        ("formats", FORMATS * 32 + b"\r\n"),
        ("not_utf8", NOT_UTF8 * 32 + b"\r\n"),
        ("traversal", b"GET " + b"../" * 100 + b"etc/passwd\r\n\r\n"),
        ("quotes", b"\"'`;|&$(" * 128 + b"\r\n"),
        ("nested_brackets", b"[" * 20_000 + b"\r\n"),
        ("nested_elements", b"<x>" * 10_000 + b"\r\n"),
        ("length_32_bit", b"\xff\xff\xff\xff" + b"\x00" * 64),
        ("length_negative", b"\x80\x00\x00\x00" + b"\x00" * 64),
        ("length_zero", b"\x00\x00\x00\x00" * 64),
        ("controls", bytes(range(32)) * 32),
        ("escapes", b"\x1b[2J\x1b]0;x\x07" * 64),
        ("plain_http", b"GET / HTTP/1.1\r\nHost: device\r\n\r\n"),
        ("tls_hello_cut_off", b"\x16\x03\x01\xff\xff\x01\xff\xff\xff"),
    ):
        yield Message(name, data, _ANY)
    yield Message("noise", random.randbytes(1_024), "random octets from the seed")


def other_mutations(random: Random) -> Iterator[Message]:
    """Yield octets of the seed, without end."""
    return mutations((random.randbytes(64), b"HELP\r\n", bytes(range(256))), random, 8_000)
