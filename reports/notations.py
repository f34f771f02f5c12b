"""The notations in which a secret may appear: what to look for, and how escapes are decoded before looking again.

Escapes of single characters (percent, HTML, JSON, backslashes, quoted-printable) may be mixed and nested, so texts are
decoded, with a map back to the original octets. Notations of the whole value (base64, base32, hexadecimal digits,
UTF-16) are looked for as they are.
"""

import base64
import html
import json
import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html.entities import html5
from urllib.parse import quote, quote_plus

from trustprobe.probe import printable

SHORTEST_BASE64 = 8
"""Characters of base64 or base32 that are treated as a secret."""
FREE_OF_CASE = 8
"""Characters. A shorter value in other case, or from its end, occurs in ordinary text."""
SPACED = 6
"""Octets. Fewer hexadecimal numbers next to each other are anything."""
LEVELS = 3
"""How often escapes are decoded: JSON in JSON in an HTML attribute."""
_NAMED = {
    name.rstrip(";").encode(): value.encode()
    for name, value in html5.items()
    if name.endswith(";") and len(value.encode()) <= 4
}
_CHARACTERS = {
    "n": b"\n",
    "r": b"\r",
    "t": b"\t",
    "b": b"\b",
    "f": b"\f",
    "v": b"\v",
    "a": b"\a",
    "e": b"\x1b",
    "0": b"\0",
}
_ESCAPE = re.compile(
    rb"%u(?P<iis>[0-9A-Fa-f]{4})|%(?P<url>[0-9A-Fa-f]{2})"
    rb"|&#[xX]0{0,8}(?P<hex>[0-9A-Fa-f]{1,6});?|&#0{0,8}(?P<decimal>[0-9]{1,7});?|&(?P<name>[A-Za-z][A-Za-z0-9]{1,31});"
    rb"|\\u(?P<high>[dD][89abAB][0-9A-Fa-f]{2})\\u(?P<low>[dD][c-fC-F][0-9A-Fa-f]{2})"
    rb"|\\u\{(?P<braced>[0-9A-Fa-f]{1,6})\}|\\u(?P<four>[0-9A-Fa-f]{4})|\\U(?P<eight>[0-9A-Fa-f]{8})"
    rb"|\\x(?P<two>[0-9A-Fa-f]{2})|\\(?P<octal>[0-3][0-7]{2})|\\(?P<one>[^\r\n])"
)
_QUOTED = re.compile(rb"=(?P<url>[0-9A-Fa-f]{2})|=(?P<soft>\r?\n)")
_FOLDED = re.compile(rb"(?P<soft>=?(?:\r?\n|\\r\\n|\\n)[ \t]{0,8})")
_LONG_LINE = re.compile(rb"[\r\n\\](?<=[A-Za-z0-9+/_-]{24}[\r\n\\])(?:(?<!\\)|[rn])")
"""A line end, as an octet or an escape, after 24 characters of base64. It looks back: long lines then cost little."""
_DOUBLED = re.compile(rb"''(?P<single>)|\"\"(?P<double>)|(?P<plus>\+)")


@dataclass(frozen=True)
class Decoded:
    """A text and the place of its octets in the original one: at each of `starts`, the original is at `origins`."""

    data: bytes
    starts: "array[int]" = field(default_factory=lambda: array("q", (0,)))
    origins: "array[int]" = field(default_factory=lambda: array("q", (0,)))

    def origin(self, at: int) -> int:
        """Return the place of an octet in the original text."""
        index = bisect_right(self.starts, at) - 1
        return self.origins[index] + at - self.starts[index]

    def decoded(self, escape: re.Pattern[bytes]) -> "Decoded":
        """Return the text with its escapes decoded. The same object if there is none."""
        parts: list[bytes] = []
        starts, origins = array("q", (0,)), array("q", (self.origin(0),))
        done = length = 0
        for match in escape.finditer(self.data):
            value = _value(match)
            if value is None:
                continue
            plain = self.data[done : match.start()]
            parts += (plain, value)
            self._map(done, match.start(), length, starts, origins)
            length += len(plain)
            starts.append(length)
            origins.append(self.origin(match.start()))
            length += len(value)
            done = match.end()
        if not done:
            return self
        parts.append(self.data[done:])
        self._map(done, len(self.data), length, starts, origins)
        starts.append(length + len(self.data) - done)
        origins.append(self.origin(len(self.data)))
        return Decoded(b"".join(parts), starts, origins)

    def _map(self, begin: int, end: int, length: int, starts: "array[int]", origins: "array[int]") -> None:
        """Enter the plain part from `begin` to `end`, which stands at `length`."""
        starts.append(length)
        origins.append(self.origin(begin))
        for index in range(bisect_right(self.starts, begin), len(self.starts)):
            if self.starts[index] >= end:
                return
            starts.append(length + self.starts[index] - begin)
            origins.append(self.origins[index])


def readings(data: bytes) -> Iterator[Decoded]:
    """Yield a text as it is, and with its escapes decoded once and more often."""
    level = Decoded(data)
    for number in range(LEVELS + 1):
        yield level
        for escape in (_QUOTED, _DOUBLED):
            if (other := level.decoded(escape)) is not level:
                yield other
        deeper = level.decoded(_ESCAPE) if number < LEVELS else level
        if deeper is level:
            return
        level = deeper


def is_folded(data: bytes) -> bool:
    """Whether a text has a line that may be one of several of base64."""
    return _LONG_LINE.search(data) is not None


def unfolded(data: bytes) -> bytes:
    """Return a text without line ends, which base64 has after 64 or 76 characters (RFC 2045, 6.8)."""
    return _FOLDED.sub(b"", data)


def unfolded_places(data: bytes) -> Decoded:
    """Return the same text with the places of its octets."""
    return Decoded(data).decoded(_FOLDED)


def _value(match: re.Match[bytes]) -> bytes | None:
    """Return what an escape stands for; None if it stands for nothing."""
    groups = {name: value for name, value in match.groupdict().items() if value is not None}
    name, text = next(iter(groups.items()))
    if name in {"url", "two"}:
        return bytes.fromhex(text.decode())
    if name == "name":
        return _NAMED.get(text)
    if name == "one":
        return _CHARACTERS.get(text.decode("latin-1"), text)
    if name in {"soft", "single", "double", "plus"}:
        return {"soft": b"", "single": b"'", "double": b'"', "plus": b" "}[name]
    if name == "octal":
        return bytes((int(text, 8),))
    if name == "high":
        number = 0x10000 + ((int(text, 16) - 0xD800) << 10) + int(groups["low"], 16) - 0xDC00
    else:
        number = int(text, 10 if name == "decimal" else 16)
    return chr(number).encode("utf-8", "surrogatepass") if number < 0x110000 else None


def plain(value: str) -> frozenset[bytes]:
    """Return the texts of a value as programs usually write it: plain, JSON, HTML, URL, Python, and from its end."""
    texts = {value, printable(value, limit=None), repr(value)[1:-1]}
    for text in tuple(texts):
        for ascii_only in (True, False):
            once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            texts |= {once, json.dumps(once, ensure_ascii=ascii_only)[1:-1], once.replace("/", "\\/")}
    for text in tuple(texts):
        escaped = html.escape(text, quote=False)
        texts |= {escaped, html.escape(text), escaped.replace('"', "&quot;")}
        texts |= {escaped.replace('"', "&#34;").replace("'", "&#39;"), html.escape(text).replace("&#x27;", "&#39;")}
    for safe in ("", "/", "/:@!$&'()*+,;=~"):
        url = quote(value, safe=safe, errors="surrogatepass")
        texts |= {url, re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), url)}
    texts |= {quote_plus(value, errors="surrogatepass"), value.replace("'", "''"), value.replace('"', '""')}
    if len(value) >= FREE_OF_CASE:
        texts.add(value[::-1])
    return frozenset(text.encode("utf-8", "surrogatepass") for text in texts)


def escaped(values: Iterable[str]) -> re.Pattern[bytes] | None:
    """Return a pattern of escapes that `plain` does not cover: one of a letter or digit, or in another escape.

    Only around these, texts are decoded. None if there is no value.
    """
    characters = sorted({character for value in values for character in value})
    if not characters:
        return None
    octets = sorted({octet for one in characters for octet in one.encode("utf-8", "surrogatepass")})
    points = "|".join(f"0*{ord(one):x}" for one in characters)
    decimals = "|".join(str(ord(one)) for one in characters)
    hexadecimal = "|".join(f"{octet:02x}" for octet in octets)
    octal = "|".join(f"{octet:03o}" for octet in octets)
    letters = "".join(re.escape(one) for one in characters if one.isascii() and one.isalnum())
    of_letters = "|".join(f"{ord(one):02x}" for one in characters if one.isascii() and one.isalnum()) or "(?!)"
    named = "|".join(re.escape(name.decode()) for name, one in _NAMED.items() if one.decode() in characters) or "(?!)"
    text = (
        rf"\\(?:x(?:{hexadecimal})|u\{{?(?:{points})|u[0-9a-f]{{4}}|{octal})|%(?:25)+(?:{hexadecimal})"
        rf"|%(?:{of_letters})|%u(?:{points})|&(?:amp;)*#(?:0*(?:{decimals})|x(?:{points}))(?![0-9a-f])"
        rf"|&amp;(?:amp;)*(?:{named});|&(?!(?:amp|lt|gt|quot|apos);)(?:{named});|=(?:{of_letters}|\r?\n)"
    )
    return re.compile((text + (rf"|\\[{letters}]" if letters else "")).encode(), re.IGNORECASE)


def whole(value: str) -> frozenset[bytes]:
    """Return the notations of a value as a whole, in which the case of letters counts: base64 and base64 of base64.

    Each is there at every offset, as in `Authorization: Basic`, without the characters that depend on neighbours.
    """
    raw = value.encode("utf-8", "surrogatepass")
    wide = (value.encode("utf-16-le", "surrogatepass"), value.encode("utf-16-be", "surrogatepass"))
    found: set[bytes] = set()
    for data in (raw, *wide):
        once = _cores(data, base64.b64encode, 3, 6)
        found |= once
        for core in once:
            found |= _cores(core, base64.b64encode, 3, 6)
    return frozenset(found | {core.translate(_URL_SAFE) for core in found})


def free_of_case(value: str) -> frozenset[bytes]:
    """Return the notations of a value, in small letters, in which the case does not count: base32, hex and UTF-16."""
    raw = value.encode("utf-8", "surrogatepass")
    found = {core.lower() for core in _cores(raw, base64.b32encode, 5, 5) | _cores(raw, base64.b32hexencode, 5, 5)}
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        wide = value.encode(encoding, "surrogatepass")
        found |= {wide.lower(), wide.hex().encode()}
    return frozenset(found | {raw.hex().encode()})


@dataclass(frozen=True)
class SpelledNumbers:
    """A value as numbers with anything between them, one for each octet."""

    pattern: re.Pattern[bytes]
    """What finds them in small letters."""
    beginnings: frozenset[bytes]
    """One of these is in the `squeezed` text wherever the pattern finds something."""


def numbers(value: str) -> tuple[SpelledNumbers, ...]:
    """Return a value as hexadecimal and as decimal numbers. None for a value of less than SPACED octets."""
    raw = value.encode("utf-8", "surrogatepass")
    if len(raw) < SPACED:
        return ()
    between_hex = rb"(?:[-:., \t\r\n_;\"']{0,3}(?:\\{1,4}x|0x|%|\\{1,4}u00)?)"
    between = rb"[, \t\r\n;:_\[\]-]{1,4}0?"
    hexadecimal, decimal = [b"%02x" % octet for octet in raw], [b"%d" % octet for octet in raw]
    return (
        SpelledNumbers(re.compile(between_hex.join(hexadecimal)), _beginnings(hexadecimal, (b"", b"0", b"00"))),
        SpelledNumbers(
            re.compile(rb"(?<![0-9])" + between.join(decimal) + rb"(?![0-9])"), _beginnings(decimal, (b"", b"0"))
        ),
    )


def squeezed(small: bytes) -> bytes:
    """Return a text in small letters without what may be between the numbers, except zeros."""
    return small.translate(None, delete=_BETWEEN)


def _beginnings(spelled: Sequence[bytes], zeros: Sequence[bytes]) -> frozenset[bytes]:
    """Return the first four numbers with these zeros between them."""
    found = spelled[:1]
    for number in spelled[1:4]:
        found = [begin + zero + number for begin in found for zero in zeros]
    return frozenset(found)


_BETWEEN = b"-:., \t\r\n_;\"'\\%xu[]"
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _cores(raw: bytes, encode: Callable[[bytes], bytes], group: int, bits: int) -> set[bytes]:
    """Return an encoding of these octets at each offset in a group, without what depends on the octets around them."""
    cores = {encode(raw).rstrip(b"=")}
    for offset in range(group):
        encoded = encode(bytes(offset) + raw).rstrip(b"=")
        cores.add(encoded[-(-offset * 8 // bits) : (offset + len(raw)) * 8 // bits])
    return {core for core in cores if len(core) >= SHORTEST_BASE64}
