"""A certificate read from its bytes, part by part, so that one malformed part hides no other (RFC 5280, 4.1).

Encodings are taken as BER (ITU-T X.690): lengths that are longer than needed or not stated, strings in pieces. What
RFC 5280 does not allow is listed in `remarks` and read all the same. Nothing here verifies or judges.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

DEPTH = 24
"""Elements within elements. A certificate has about ten."""
_INTEGER, _BITS, _OCTETS, _OID, _UTC_TIME, _TIME, _SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x17, 0x18, 0x30
_CONSTRUCTED = 0x20
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_STRICT = {_UTC_TIME: re.compile(rb"\d{12}Z"), _TIME: re.compile(rb"\d{14}Z")}
_REST = rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(Z|[+-]\d{4})?"
_LENIENT = {_UTC_TIME: re.compile(rb"(\d{2})" + _REST), _TIME: re.compile(rb"(\d{4})" + _REST)}


class CertificateDecodeError(ValueError):
    """Bytes that are no certificate, or a part of one that cannot be read; a fact about the device."""


@dataclass(frozen=True)
class BerElement:
    """One element: its tag of one octet, its content in minimal encoding, and what it holds if it is constructed."""

    tag: int
    content: bytes
    children: tuple["BerElement", ...] = ()

    @property
    def der(self) -> bytes:
        """The element with a length that is as short as possible."""
        size = len(self.content)
        length = bytes([size]) if size < 0x80 else b""
        if not length:
            octets = size.to_bytes((size.bit_length() + 7) // 8)
            length = bytes([0x80 | len(octets)]) + octets
        return bytes([self.tag]) + length + self.content


@dataclass(frozen=True)
class CertificateBytes:
    """The parts of a certificate. Names and SubjectPublicKeyInfo are in DER; times as written, with their tag."""

    version: int
    issuer: bytes
    subject: bytes
    times: tuple[tuple[int, bytes], ...]
    spki: bytes
    algorithm: bytes
    """The AlgorithmIdentifier of the signature, as the signature itself states it."""
    signed_with: str
    """Its number."""
    extensions: dict[str, bytes] = field(default_factory=dict)
    """In DER: the whole Extension, by its number."""
    doubled: frozenset[str] = frozenset()
    """Numbers of extensions that stand in it more than once, so that nobody can say which counts."""
    remarks: tuple[str, ...] = ()
    """What RFC 5280 does not allow, ready to print."""


def read_certificate(data: bytes) -> CertificateBytes:
    """Read the parts of a certificate. Raises CertificateDecodeError where its frame is not that of one."""
    reader = _BerReader()
    whole = reader.one(data)
    try:
        tbs, algorithm = whole.children[:2]
        parts = list(tbs.children)
        version = parts.pop(0) if parts[0].tag == _VERSION else None
        serial, inner, issuer, validity, subject, key = parts[:6]
    except (ValueError, IndexError) as error:
        raise CertificateDecodeError("its elements are not those of a certificate") from error
    number = int.from_bytes(version.children[0].content) if version is not None and version.children else 0
    remarks = list(reader.remarks)
    remarks += _remarks(number, serial, algorithm.der == inner.der, version is not None)
    extensions, doubled = _extensions(parts[6:], remarks)
    if extensions and number != 2:
        remarks.append(f"extensions in a certificate of version {number + 1} (RFC 5280, 4.1.2.9)")
    return CertificateBytes(
        version=number + 1,
        issuer=issuer.der,
        subject=subject.der,
        times=tuple((one.tag, one.content) for one in validity.children),
        spki=key.der,
        algorithm=algorithm.der,
        signed_with=_number_of(algorithm.children[0]) if algorithm.children else "",
        extensions=extensions,
        doubled=frozenset(doubled),
        remarks=tuple(dict.fromkeys(remarks)),
    )


def _remarks(version: int, serial: BerElement, same: bool, stated: bool) -> Iterator[str]:
    if version > 2 or (stated and version == 0):
        yield f"the version is {version} where 0 to 2 are defined (RFC 5280, 4.1.2.1)"
    if serial.content[:1] >= b"\x80":
        yield "the serial number is negative (RFC 5280, 4.1.2.2)"
    elif not serial.content.strip(b"\0"):
        yield "the serial number is zero (RFC 5280, 4.1.2.2)"
    elif len(serial.content.lstrip(b"\0")) > 20:
        yield f"the serial number has {len(serial.content)} bytes, more than 20 (RFC 5280, 4.1.2.2)"
    if not same:
        yield "the signature's algorithm is not the one inside of the certificate (RFC 5280, 4.1.1.2)"


def _extensions(parts: list[BerElement], remarks: list[str]) -> tuple[dict[str, bytes], set[str]]:
    found, doubled = dict[str, bytes](), set[str]()
    block = next((part for part in parts if part.tag == _EXTENSIONS and part.children), None)
    for one in block.children[0].children if block is not None else ():
        if not one.children or one.children[0].tag != _OID:
            remarks.append("an extension without a number")
            continue
        number = _number_of(one.children[0])
        if number in found:
            doubled.add(number)
            remarks.append(f"the extension {number} twice (RFC 5280, 4.2)")
        found.setdefault(number, _normal(one).der)
    return found, doubled


def _normal(extension: BerElement) -> BerElement:
    """Return an extension whose inner value is in minimal encoding too, where that can be read as BER."""
    *head, value = extension.children
    try:
        inner = _BerReader().one(value.content).der
    except CertificateDecodeError:
        return extension
    return BerElement(_SEQUENCE, b"".join(one.der for one in (*head, BerElement(_OCTETS, inner))))


def read_time(tag: int, text: bytes) -> datetime:
    """Return the time of a UTCTime or GeneralizedTime. Raises CertificateDecodeError where no one can say which it is.

    Without seconds, or with an offset, it is understood; with a fraction or another form it is not (RFC 5280, 4.1.2.5).
    """
    shown = text.decode("ascii", "backslashreplace")
    found = _LENIENT[tag].fullmatch(text) if tag in _LENIENT else None
    if found is None:
        raise CertificateDecodeError(f"{shown!r} is no time of RFC 5280, 4.1.2.5")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    if tag == _UTC_TIME:
        year += 1900 if year >= 50 else 2000
    zone: timezone = UTC
    if found[7] and found[7] != b"Z":
        zone = timezone(
            (-1 if found[7][:1] == b"-" else 1) * timedelta(hours=int(found[7][1:3]), minutes=int(found[7][3:]))
        )
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError as error:
        raise CertificateDecodeError(f"{shown!r} is no time: {error}") from error


def time_remark(tag: int, text: bytes) -> str:
    """Return what is wrong with how a time is written, though it can be read; empty where nothing is."""
    shown = text.decode("ascii", "backslashreplace")
    if not _STRICT[tag].fullmatch(text):
        return f"the time {shown!r} is not written as RFC 5280, 4.1.2.5 says"
    if tag == _TIME and text[:4] < b"2050":
        return f"the time {shown!r} before 2050 is a GeneralizedTime (RFC 5280, 4.1.2.5)"
    return ""


def read_key(key: bytes) -> tuple[str, int]:
    """Return type and size in bits of a SubjectPublicKeyInfo by its own bytes, for keys that no library takes.

    The size of an EC key is that of its point's coordinates. Raises CertificateDecodeError.
    """
    whole = _BerReader().one(key)
    try:
        algorithm, bits = whole.children
        number, value = _number_of(algorithm.children[0]), bits.content[1:]
        if number in _RSA_KEYS:
            return _RSA_KEYS[number], _bits(_BerReader().one(value).children[0])
        if number == "1.2.840.10040.4.1":
            return "DSA", _bits(algorithm.children[1].children[0])
    except (ValueError, IndexError) as error:
        raise CertificateDecodeError("the key is not encoded as its algorithm says") from error
    if number == "1.2.840.10045.2.1" and value:
        return "EC", 8 * (len(value) - 1) // (1 if value[0] in (2, 3) else 2)
    raise CertificateDecodeError(f"the key's algorithm {number} is unknown")


_RSA_KEYS = {"1.2.840.113549.1.1.1": "RSA", "1.2.840.113549.1.1.10": "RSA-PSS", "2.5.8.1.1": "RSA"}


def _bits(number: BerElement) -> int:
    if number.tag != _INTEGER:
        raise ValueError("not a number")
    return int.from_bytes(number.content).bit_length()


def _number_of(element: BerElement) -> str:
    """Return an OBJECT IDENTIFIER with dots."""
    numbers, value = [], 0
    for octet in element.content[:64]:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(value)
            value = 0
    if element.tag != _OID or not numbers:
        raise CertificateDecodeError("no number where one is due")
    first = min(numbers[0] // 40, 2)
    return ".".join(str(number) for number in (first, numbers[0] - 40 * first, *numbers[1:]))


def skeleton(algorithm: bytes = b"", issuer: bytes = b"", subject: bytes = b"", extension: bytes = b"") -> bytes:
    """Return a certificate with these parts and nothing else in it that a library could refuse."""
    algorithm = algorithm or bytes.fromhex("300506032b6570")
    times = BerElement(_SEQUENCE, BerElement(_UTC_TIME, b"240101000000Z").der * 2).der
    key = BerElement(_SEQUENCE, bytes.fromhex("300506032b6570032100") + bytes(32)).der
    nameless = BerElement(_SEQUENCE, b"").der
    parts = [bytes.fromhex("a003020102020101"), algorithm, issuer or nameless, times, subject or nameless, key]
    if extension:
        parts.append(BerElement(_EXTENSIONS, BerElement(_SEQUENCE, extension).der).der)
    tbs = BerElement(_SEQUENCE, b"".join(parts)).der
    return BerElement(_SEQUENCE, tbs + algorithm + BerElement(_BITS, bytes(2)).der).der


class _BerReader:
    """Reads elements and remembers what was not encoded in DER."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def one(self, data: bytes) -> BerElement:
        """Return the element at the front; what follows it is remarked on."""
        found, rest = self._first(data, 0)
        if rest:
            self._remark(f"{len(rest)} bytes after its end")
        return found

    def _first(self, data: bytes, depth: int) -> tuple[BerElement, bytes]:
        if len(data) < 2 or depth > DEPTH or data[0] & 0x1F == 0x1F:
            raise CertificateDecodeError("it ends too early or is too deep")
        tag, length, start = data[0], data[1], 2
        if length == 0x80 and tag & _CONSTRUCTED:
            self._remark("a length that is not stated (BER)")
            children, rest = self._until_end(data[2:], depth)
            return self._built(tag, children), rest
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(data[2:start]) if start > 2 else len(data)
            if length < 0x80 or (start > 3 and data[2] == 0):
                self._remark("a length that is longer than needed (BER)")
        if len(data) < start + length:
            raise CertificateDecodeError("it ends too early")
        content, rest = data[start : start + length], data[start + length :]
        if not tag & _CONSTRUCTED:
            return BerElement(tag, content), rest
        try:
            return self._built(tag, list(self._all(content, depth))), rest
        except CertificateDecodeError:  # what holds it can be read all the same
            self._remark("an element whose content is no BER")
            return BerElement(tag, content), rest

    def _all(self, content: bytes, depth: int) -> Iterator[BerElement]:
        while content:
            child, content = self._first(content, depth + 1)
            yield child

    def _until_end(self, data: bytes, depth: int) -> tuple[list[BerElement], bytes]:
        children = []
        while data[:2] != b"\0\0":
            child, data = self._first(data, depth + 1)
            children.append(child)
        return children, data[2:]

    def _built(self, tag: int, children: list[BerElement]) -> BerElement:
        if tag in (_BITS | _CONSTRUCTED, _OCTETS | _CONSTRUCTED):
            self._remark("a string in pieces (BER)")
            skip = 1 if tag & 0x1F == _BITS else 0
            joined = b"".join(child.content[skip:] for child in children)
            return BerElement(tag & ~_CONSTRUCTED, b"\0" * skip + joined)
        return BerElement(tag, b"".join(child.der for child in children), tuple(children))

    def _remark(self, words: str) -> None:
        self.remarks.append(words)
