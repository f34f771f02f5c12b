"""Malformed answers of a cloud over HTTP: status lines, headers, lengths, chunks, redirects and bodies (RFC 9112)."""

from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, mutations

_STATUS = "RFC 9112 clause 4, the status line"
_FIELDS = "RFC 9112 clause 5, header fields (CWE-120)"
_LENGTH = "RFC 9112 clause 6.3, the length of a body"
_CHUNKS = "RFC 9112 clause 7.1, chunks"
_REDIRECT = "RFC 9110 clause 15.4, an endless redirect (CWE-835)"
_JSON = "RFC 8259, a body that is not JSON"


def http_answers(random: Random) -> Iterator[Message]:
    """Yield the named answers. Those that are most likely to do damage come first."""
    yield Message("headers_without_end", b"HTTP/1.1 200 OK\r\n" + b"X-Pad: %s\r\n" % (b"A" * 100) * 1_100, _FIELDS)
    yield Message("header_long", _answer(b"X-Long: " + b"A" * 65_536), _FIELDS)
    yield Message("length_huge", _answer(b"Content-Length: 99999999999999999999", b"{}"), f"{_LENGTH} (CWE-190)")
    yield Message("chunk_huge", _chunked(b"FFFFFFFFFFFFFFFF\r\nabc"), f"{_CHUNKS}; CVE-2013-2028")
    yield Message("redirect_to_itself", _redirect(b"/v1/loop"), _REDIRECT)
    yield Message("json_deep", _json(b"[" * 20_000 + b"]" * 20_000), "RFC 8259 clause 9, depth (CWE-674)")
    yield Message("json_wide", _json(b'{"version": [' + b'"a",' * 20_000 + b'"a"]}'), "CWE-770")
    yield from _rest(random)


def http_answer_changes(random: Random) -> Iterator[Message]:
    """Yield valid answers that were changed, without end."""
    return mutations(
        (_json(b'{"version": "1.0.0"}'), _chunked(b"2\r\n{}\r\n0\r\n\r\n"), _redirect(b"/a")), random, 16_000
    )


def _rest(random: Random) -> Iterator[Message]:
    for name, length in (("negative", b"-1"), ("32_bit", b"4294967297"), ("hexadecimal", b"0x2"), ("empty", b"")):
        yield Message(f"length_{name}", _answer(b"Content-Length: " + length, b"{}"), _LENGTH)
    yield Message("length_twice", _answer(b"Content-Length: 2\r\nContent-Length: 20", b"{}"), _LENGTH)
    yield Message("length_short", _answer(b"Content-Length: 1", b"{}{}{}"), _LENGTH)
    yield Message("length_never_kept", _answer(b"Content-Length: 4096", b"{"), _LENGTH)
    for name, chunks in (
        ("negative", b"-1\r\nabc\r\n0\r\n\r\n"),
        ("no_number", b"zz\r\nabc\r\n0\r\n\r\n"),
        ("extension", b"1;" + b"a=b;" * 4_096 + b"\r\nx\r\n0\r\n\r\n"),
        ("cut_off", b"ffff\r\nabc"),
        ("without_end", b"1\r\nx\r\n" * 8_000),
        ("trailers", b"0\r\n" + b"X: y\r\n" * 4_000 + b"\r\n"),
    ):
        yield Message(f"chunk_{name}", _chunked(chunks), _CHUNKS)
    yield Message(
        "type_wrong", _answer(b"Content-Type: image/png\r\nContent-Length: 4", b"\x89PNG"), "RFC 9110 clause 8.3"
    )
    yield Message("redirect_elsewhere", _redirect(b"gopher://[::1:99999]:-1/%00"), _REDIRECT)
    yield Message("redirect_long", _redirect(b"/" + b"A" * 30_000), _REDIRECT)
    for name, body in (
        ("number", b"1e400"),
        ("strings", b'"' + b"A" * 60_000 + b'"'),
        ("not_utf8", b'{"version": "' + NOT_UTF8 + b'"}'),
        ("zero", b'{"version": "1\\u0000.0"}'),
        ("format", b'{"version": "' + FORMATS + b'"}'),
        ("same_names", b"{" + b'"version": 1,' * 2_000 + b'"version": null}'),
        ("cut_off", b'{"version": "9'),
        ("version_long", b'{"version": "' + b"9." * 10_000 + b'9"}'),
    ):
        yield Message(f"json_{name}", _json(body), _JSON)
    yield from _status_lines()
    yield Message("headers_many", _answer(b"\r\n".join(b"X-%d: y" % number for number in range(4_000))), "CWE-770")
    yield Message(
        "encoding_not_kept",
        _answer(b"Content-Encoding: gzip\r\nContent-Length: 8", b"\x1f\x8b\x08" + b"\xff" * 5),
        _FIELDS,
    )
    yield Message("cookie_long", _answer(b"Set-Cookie: a=" + b"A" * 30_000 + b"\r\nContent-Length: 0"), _FIELDS)
    yield Message("noise", random.randbytes(1_024), "random octets from the seed")


def _status_lines() -> Iterator[Message]:
    yield Message("status_negative", b"HTTP/1.1 -1 x\r\nContent-Length: 0\r\n\r\n", _STATUS)
    yield Message("status_overflow", b"HTTP/1.1 4294967496 x\r\nContent-Length: 0\r\n\r\n", _STATUS)
    yield Message("status_missing", b"HTTP/1.1\r\n\r\n", _STATUS)
    yield Message("version_overflow", b"HTTP/99999999999.1 200 OK\r\n\r\n", _STATUS)
    yield Message("reason_long", b"HTTP/1.1 200 " + b"A" * 60_000 + b"\r\n\r\n", _STATUS)
    yield Message("no_http", b"SSH-2.0-x\r\n", _STATUS)
    yield Message("zeros", bytes(512), _STATUS)
    yield Message("informs_without_end", b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000, "RFC 9110 clause 15.2")
    yield Message(
        "switches", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + b"\xff" * 64, "RFC 9110 clause 15.2.2"
    )
    yield Message(
        "no_content_with_content", b"HTTP/1.1 204 No Content\r\nContent-Length: 64\r\n\r\n" + b"x" * 64, _LENGTH
    )


def _answer(headers: bytes, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n%s\r\n\r\n%s" % (headers, body)


def _json(body: bytes) -> bytes:
    return _answer(b"Content-Type: application/json\r\nContent-Length: %d" % len(body), body)


def _chunked(chunks: bytes) -> bytes:
    return _answer(b"Transfer-Encoding: chunked", chunks)


def _redirect(location: bytes) -> bytes:
    return b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % location
