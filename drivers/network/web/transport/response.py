"""HTTP answers as browsers parse them: tolerant of what small servers send, bounded in octets.

RFC 9112 says what a message is. Devices are built for browsers, which also accept a line without a colon among the
headers, a folded line, a status line in lower case or without a reason, and a page without any head (HTTP/0.9).
"""

import http.client
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

HEAD_LIMIT = 65_536
"""Octets of a head that are read."""
STREAMS = ("multipart/x-mixed-replace", "text/event-stream")
"""Content types that have no end."""
_STREAM_OCTETS = 2_048
"""Octets of a stream that are read: enough for its first headers and the beginning of a picture."""
_LINES, _INTERIM, _BLANKS, _CODINGS = 256, 8, 4, 4
_PIECE = 8_192
_STATUS = re.compile(rb"\s*(?:HTTP|ICY)(?:/([0-9])(?:\.([0-9]))?)?[ \t]+([1-9][0-9]{2})(?:[ \t]+(.*))?\s*$", re.I)
_PAGE = re.compile(rb"\s*<(?:!doctype|!--|html|head|title|body|frameset|script|meta)\b", re.I)
_SIZE = re.compile(rb"\s*([0-9A-Fa-f]{1,8})\s*(?:;.*)?$")
_NAMES_ONCE = frozenset({"content-length", "content-type", "content-encoding", "location"})
"""Headers of which the first counts where a server repeats one."""


class Reader(Protocol):
    """What an answer is read from."""

    def readline(self, limit: int = ..., /) -> bytes:
        """Read up to a line end, the limit or the end."""

    def read1(self, size: int = ..., /) -> bytes:
        """Read what has come, at most this many octets; none only at the end."""


@dataclass(frozen=True)
class Response:
    """One answer. `fields` are the headers in their order, and `body` is without transfer and content codings."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes
    complete: bool
    """False where the connection ended within the answer, or the body went on beyond the limit."""
    keeps: bool
    """Whether the connection can carry another exchange."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers by their names in lower case; those that are repeated are joined by commas."""
        return joined(self.fields)

    @property
    def message(self) -> http.client.HTTPMessage:
        """The headers as the standard library has them, for a cookie jar."""
        message = http.client.HTTPMessage()
        for name, value in self.fields:
            message[name] = value
        return message


def joined(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return header fields by their names in lower case. Repeated ones are joined by commas (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for name, value in fields:
        known = headers.get(name.lower())
        if known is None:
            headers[name.lower()] = value
        elif name.lower() not in _NAMES_ONCE and value != known:
            headers[name.lower()] = f"{known}, {value}"
    return headers


def fields_of(lines: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Parse the lines of a head. A folded line continues the one before; a line without a colon is skipped."""
    name, value = "", ""
    for line in lines:
        text = line.decode("iso-8859-1").rstrip("\r\n\0")
        if text[:1] in {" ", "\t"} and name:
            value = f"{value} {text.strip()}".strip()
            continue
        if name:
            yield name, value
        name, found, value = text.partition(":")
        name, value = (name.strip(), value.strip()) if found else ("", "")
    if name:
        yield name, value


def read_response(reader: Reader, method: str, limit: int) -> Response:
    """Read one answer, with at most `limit` octets of its body, encoded and decoded.

    Raises http.client.HTTPException where no answer comes, or something other than HTTP.
    """
    for _ in range(_INTERIM):
        line = _first_line(reader)
        matched = _STATUS.match(line)
        if matched is None:
            return _page(line, reader, limit)
        status, fields, ended = int(matched[3]), *_fields(reader)
        if status == 101 or status >= 200:
            break
    else:
        raise http.client.HTTPException("nothing but interim answers came")
    headers = joined(fields)
    old = (matched[1] or b"1", matched[2] or b"0") < (b"1", b"1")
    connection = headers.get("connection", "").lower()
    keeps = ended and ("keep-alive" in connection if old else "close" not in connection)
    if method == "HEAD" or status in {101, 204, 304} or not ended:
        return Response(status, fields, b"", ended, keeps)
    kind = headers.get("content-type", "").lower()
    limit = min(limit, _STREAM_OCTETS) if kind.startswith(STREAMS) else limit
    raw, complete, delimited = _body(reader, headers, limit)
    body, whole = decoded(raw, headers.get("content-encoding", ""), limit)
    return Response(status, fields, body, complete and whole, keeps and delimited and complete)


def _first_line(reader: Reader) -> bytes:
    for _ in range(_BLANKS):
        line = reader.readline(HEAD_LIMIT)
        if not line:
            raise http.client.RemoteDisconnected("the device closed the connection without an answer")
        if line.strip():
            return line
    raise http.client.BadStatusLine("nothing but blank lines")


def _page(line: bytes, reader: Reader, limit: int) -> Response:
    """Read a page that comes without a head."""
    if not _PAGE.match(line):
        raise http.client.BadStatusLine(repr(line[:200]))
    rest, complete = _until_end(reader, limit)
    return Response(200, (), (line + rest)[:limit], complete, keeps=False)


def _fields(reader: Reader) -> tuple[tuple[tuple[str, str], ...], bool]:
    """Return the headers, and whether the line that ends them came."""
    lines, left = list[bytes](), HEAD_LIMIT
    while (line := reader.readline(left)).strip(b"\r\n"):
        left -= len(line)
        lines.append(line)
        if left <= 0 or len(lines) > _LINES:
            raise http.client.HTTPException(f"a head of more than {_LINES} lines or {HEAD_LIMIT} octets")
    return tuple(fields_of(lines)), bool(line)


def _body(reader: Reader, headers: dict[str, str], limit: int) -> tuple[bytes, bool, bool]:
    """Return the octets of a body, whether all of it came, and whether its end is marked."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body, complete = _chunks(reader, limit)
        return body, complete, True
    length = headers.get("content-length", "").partition(",")[0].strip()
    if not (length.isascii() and length.isdecimal()):
        return *_until_end(reader, limit), False
    size = int(length[:12])
    body = _sized(reader, min(size, limit))
    return body, len(body) == size, True


def _chunks(reader: Reader, limit: int) -> tuple[bytes, bool]:
    body = bytearray()
    try:
        while (matched := _SIZE.match(reader.readline(_PIECE))) is not None:
            if (size := int(matched[1], 16)) == 0:
                _fields(reader)
                return bytes(body), True
            piece = _sized(reader, min(size, limit - len(body)))
            body += piece
            if len(piece) < size:
                break
            reader.readline(_PIECE)
    except (OSError, ValueError, http.client.HTTPException):
        return bytes(body), False
    return bytes(body), False


def _sized(reader: Reader, size: int) -> bytes:
    """Read so many octets, fewer where the connection ends or breaks before."""
    body = bytearray()
    try:
        while len(body) < size and (piece := reader.read1(min(_PIECE, size - len(body)))):
            body += piece
    except (OSError, ValueError):
        return bytes(body)
    return bytes(body)


def _until_end(reader: Reader, most: int) -> tuple[bytes, bool]:
    """Read to the end, at most so many octets. Also return whether the end came."""
    body, ended = bytearray(), False
    try:
        while len(body) <= most and not ended:
            piece = reader.read1(_PIECE)
            body += piece
            ended = not piece
    except (OSError, ValueError):
        return bytes(body[:most]), False
    return bytes(body[:most]), len(body) <= most


def decoded(body: bytes, codings: str, limit: int) -> tuple[bytes, bool]:
    """Undo gzip and deflate (RFC 9110, 8.4), the latter with and without its zlib header, up to `limit` octets.

    Returns what came of it, and whether that is all. Data in another coding is returned as it is.
    """
    whole = True
    for coding in [one.strip().lower() for one in codings.split(",")][:_CODINGS][::-1]:
        if coding in {"gzip", "x-gzip"} and body[:2] == b"\x1f\x8b":
            body, ended = _inflated(body, 16 + zlib.MAX_WBITS, limit)
        elif coding in {"deflate", "x-deflate"}:
            plain, ended = _inflated(body, zlib.MAX_WBITS, limit)
            body, ended = (plain, ended) if plain or ended else _inflated(body, -zlib.MAX_WBITS, limit)
        else:
            continue
        whole = whole and ended
    return body, whole


def _inflated(body: bytes, window: int, limit: int) -> tuple[bytes, bool]:
    inflater, found = zlib.decompressobj(window), bytearray()
    try:
        for at in range(0, len(body), _PIECE):
            found += inflater.decompress(body[at : at + _PIECE], limit - len(found))
            if len(found) >= limit or inflater.eof:
                break
        return bytes(found), inflater.eof
    except (zlib.error, ValueError):
        return bytes(found), False
