"""Malformed HTTP/1.1 requests: request lines, headers, lengths and chunks that a parser trips over (RFC 9112)."""

import struct
from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, mutations

_SMUGGLING = "RFC 9112 clause 6.3, two lengths that differ (CWE-444)"
_OVERLONG = "RFC 9110 clause 5.4: a server refuses what is too long with 4xx (CWE-120)"


def http(random: Random) -> Iterator[Message]:
    """Yield the requests that are named."""
    yield from _request_lines()
    yield from _headers()
    yield from _bodies(random)


def http_mutations(random: Random) -> Iterator[Message]:
    """Yield valid requests that were changed, without end."""
    form = b"username=a&password=b"
    valid = (
        _get(),
        b"POST /login HTTP/1.1\r\nHost: device\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(form), form),
        _get(b"Cookie: a=b; c=d\r\nAuthorization: Basic YTpi\r\nRange: bytes=0-1\r\nAccept-Language: en;q=0.5\r\n"),
    )
    return mutations(valid, random)


def _get(headers: bytes = b"", target: bytes = b"/") -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: device\r\n%sConnection: close\r\n\r\n" % (target, headers)


def _post(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST /login HTTP/1.1\r\nHost: device\r\n%s\r\n%s" % (headers, body)


def _request_lines() -> Iterator[Message]:
    line = "RFC 9112 clause 3, the request line"
    yield Message("zeros", b"\x00" * 512, line)
    yield Message("ones", b"\xff" * 512, line)
    yield Message("no_line_end", b"GET " + b"A" * 16_384, "RFC 9112 clause 3, a request line without an end")
    yield Message("long_target", _get(target=b"/" + b"A" * 65_536), _OVERLONG)
    yield Message("long_method", b"A" * 16_384 + b" / HTTP/1.1\r\nHost: device\r\n\r\n", _OVERLONG)
    yield Message("long_version", b"GET / HTTP/1.1" + b"1" * 4_096 + b"\r\nHost: device\r\n\r\n", line)
    yield Message("version_negative", b"GET / HTTP/-1.-1\r\nHost: device\r\n\r\n", line)
    yield Message("version_overflow", b"GET / HTTP/4294967297.4294967296\r\nHost: device\r\n\r\n", line)
    yield Message("no_version", b"GET /\r\n\r\n", "RFC 1945 clause 4.1, a simple request")
    yield Message("one_word", b"GET\r\n\r\n", line)
    yield Message("only_spaces", b" " * 1_024 + b"\r\n\r\n", line)
    yield Message("empty_lines", b"\r\n" * 2_048, "RFC 9112 clause 2.2, empty lines before a request")
    yield Message("target_format", _get(target=b"/" + FORMATS), "CWE-134, a target as a format")
    yield Message("target_not_utf8", _get(target=b"/%c0%af%ff%fe" + NOT_UTF8), "RFC 3986 clause 2.1; RFC 3629 clause 3")
    yield Message("target_bad_escape", _get(target=b"/%zz%%%2"), "RFC 3986 clause 2.1, truncated escapes")
    yield Message("target_zero", _get(target=b"/index%00.html\x00"), "CWE-158, a zero within a path")
    yield Message("target_traversal", _get(target=b"/" + b"../" * 64 + b"etc/passwd"), "CWE-22")
    yield Message(
        "target_authority", _get(target=b"http://[::1:99999999]:-1//"), "RFC 3986 clause 3.2, a malformed authority"
    )
    yield Message("options_star", b"OPTIONS *" + b"*" * 512 + b" HTTP/1.1\r\nHost: device\r\n\r\n", line)
    yield Message(
        "http2_preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64, "RFC 9113 clause 3.4, unsolicited"
    )


def _headers() -> Iterator[Message]:
    field = "RFC 9112 clause 5, header fields"
    yield Message("long_header_value", _get(b"X-Long: " + b"A" * 32_768 + b"\r\n"), _OVERLONG)
    yield Message("long_header_name", _get(b"A" * 32_768 + b": x\r\n"), _OVERLONG)
    yield Message("many_headers", _get(b"".join(b"X-%d: x\r\n" % number for number in range(4_000))), "CWE-770")
    yield Message("same_header", _get(b"Host: device\r\n" * 1_000), "RFC 9112 clause 3.2, more than one Host")
    yield Message("no_colon", _get(b"Nothing\r\n" * 8), field)
    yield Message("only_colons", _get(b":\r\n::\r\n: :\r\n"), field)
    yield Message("folded", _get(b"X-Folded: a\r\n" + b"\t" * 8_192 + b"b\r\n \r\n"), "RFC 9112 clause 5.2, obs-fold")
    yield Message("header_zero", _get(b"X-\x00Zero: \x00\x01\x02\x7f\r\n"), field)
    yield Message("header_format", _get(b"User-Agent: " + FORMATS * 8 + b"\r\n"), "CWE-134")
    yield Message("header_not_utf8", _get(b"User-Agent: " + NOT_UTF8 * 8 + b"\r\n"), "RFC 3629 clause 3")
    yield Message("long_cookie", _get(b"Cookie: " + b"session=" + b"A" * 16_384 + b"\r\n"), _OVERLONG)
    yield Message("cookie_syntax", _get(b'Cookie: ;;;=;="\\"; session="\\377\\0;\r\n'), "RFC 6265 clause 4.2.1")
    yield Message(
        "authorization", _get(b"Authorization: Basic " + b"=" * 512 + b"!\r\n"), "RFC 7617 clause 2, not base64"
    )
    digest = b'Authorization: Digest username="' + b"A" * 8_192 + b'", nonce=, uri="\r\n'
    yield Message("authorization_digest", _get(digest), "RFC 7616 clause 3.4, an unclosed quote")
    ranges = b"Range: bytes=" + b",".join(b"%d-" % number for number in range(1_300)) + b"\r\n"
    yield Message("many_ranges", _get(ranges), "RFC 9110 clause 14.2; CVE-2011-3192")
    yield Message("range_overflow", _get(b"Range: bytes=0-18446744073709551615\r\n"), "CVE-2015-1635")
    yield Message("upgrade", _get(b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: =\r\n"), "RFC 6455")
    yield Message("expect", _post(b"Expect: 100-continue\r\nContent-Length: 9\r\n"), "RFC 9110 clause 10.1.1, no body")


def _bodies(random: Random) -> Iterator[Message]:
    length = "RFC 9112 clause 6.2, Content-Length"
    for name, value in (
        ("negative", b"-1"),
        ("sign", b"+5"),
        ("32_bit", b"4294967296"),
        ("64_bit", b"18446744073709551616"),
        ("digits", b"9" * 4_096),
        ("hexadecimal", b"0x10"),
        ("empty", b""),
    ):
        yield Message(f"length_{name}", _post(b"Content-Length: " + value + b"\r\n", b"a=b"), length)
    yield Message("length_twice", _post(b"Content-Length: 3\r\nContent-Length: 30\r\n", b"a=b"), _SMUGGLING)
    both = b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"
    yield Message("length_and_chunks", _post(both, b"0\r\n\r\n"), _SMUGGLING)
    chunked, chunks = b"Transfer-Encoding: chunked\r\n", "RFC 9112 clause 7.1, chunks"
    yield Message("chunk_overflow", _post(chunked, b"FFFFFFFFFFFFFFFFF\r\nabc"), f"{chunks}; CVE-2013-2028")
    yield Message("chunk_negative", _post(chunked, b"-1\r\nabc\r\n0\r\n\r\n"), chunks)
    yield Message("chunk_no_number", _post(chunked, b"zz\r\nabc\r\n0\r\n\r\n"), chunks)
    yield Message("chunk_extension", _post(chunked, b"1;" + b"a=b;" * 4_096 + b"\r\nx\r\n0\r\n\r\n"), chunks)
    yield Message("chunk_cut_off", _post(chunked, b"ffff\r\nabc"), chunks)
    yield Message("encoding_unknown", _post(b"Transfer-Encoding: \x0bchunked, identity, x\r\n", b"0\r\n\r\n"), chunks)
    form = b"&".join(b"a%d=%%" % number for number in range(8_000))
    yield Message("form_fields", _sized(b"application/x-www-form-urlencoded", form), "CWE-770, as CVE-2011-4885")
    nested = b"[" * 30_000
    yield Message("nested_json", _sized(b"application/json", nested), "RFC 8259 clause 9; CWE-674")
    yield Message("form_long", _sized(b"application/x-www-form-urlencoded", b"username=" + b"A" * 65_536), _OVERLONG)
    yield Message("multipart", _sized(b"multipart/form-data; boundary=", b"--\r\n" * 64), "RFC 2046 clause 5.1.1")
    yield Message(
        "noise", struct.pack("!256H", *(random.randrange(65_536) for _ in range(256))), "random octets from the seed"
    )


def _sized(kind: bytes, body: bytes) -> bytes:
    return _post(b"Content-Type: %s\r\nContent-Length: %d\r\n" % (kind, len(body)), body)
