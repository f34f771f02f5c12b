"""Images of swupdate: a cpio archive that begins with sw-description and its signature (CMS or RSA), and the bad ones.

Each bad image has one property changed, and right checksums of its members all the same, so that nothing but the check
of that property can refuse it.
"""

import hashlib
import random
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7Options,
    PKCS7SignatureBuilder,
    load_der_pkcs7_certificates,
)

from drivers.network.peer_certificate import lookalike
from trustprobe.errors import ConfigurationError

SIZE_LIMIT = 64 * 1024 * 1024
"""Octets of an image that are handled."""
MEMBERS = 64
_DESCRIPTION, _SIGNATURE, _TRAILER = "sw-description", "sw-description.sig", "TRAILER!!!"
_NEWC, _CRC = b"070701", b"070702"
_HEAD, _FIELDS, _BLOCK = 110, 13, 512
_ADLER_OCTETS = 256
_VERSION = re.compile(rb'(?<![\w-])"?version"?\s*[=:]\s*"([^"\n]{1,128})"')
_DIGITS = range(ord("0"), ord("9") + 1)


@dataclass(frozen=True)
class Part:
    """One member: its name, content, and the other numbers of its header (cpio(5), new ASCII format)."""

    name: str
    content: bytes
    fields: tuple[int, ...]


@dataclass(frozen=True)
class Archive:
    """An archive as it was read."""

    magic: bytes
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part:
        """Return a member. ConfigurationError if it is missing."""
        for part in self.parts:
            if part.name == name:
                return part
        raise _no_image(f"it contains no {name}")

    @property
    def payload(self) -> Part:
        """The largest member that is not of the description."""
        others = [part for part in self.parts if part.name not in (_DESCRIPTION, _SIGNATURE)]
        return max(others, key=lambda part: len(part.content))

    def without(self, name: str) -> "Archive":
        """Return the archive without a member."""
        return replace(self, parts=tuple(part for part in self.parts if part.name != name))

    def having(self, name: str, content: bytes) -> "Archive":
        """Return the archive with another content of a member."""
        parts = (replace(part, content=content) if part.name == name else part for part in self.parts)
        return replace(self, parts=tuple(parts))

    def octets(self) -> bytes:
        """Write the archive, with the checksums that its format has."""
        trailer = Part(_TRAILER, b"", (0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0))
        written = b"".join(self._written(part) for part in (*self.parts, trailer))
        return written.ljust(-(-len(written) // _BLOCK) * _BLOCK, b"\0")

    def offset(self, name: str) -> int:
        """Return where the content of a member begins in what `octets` writes."""
        before = 0
        for part in self.parts:
            if part.name == name:
                return before + _aligned(_HEAD + len(part.name.encode()) + 1)
            before += len(self._written(part))
        raise _no_image(f"it contains no {name}")

    def _written(self, part: Part) -> bytes:
        name = part.name.encode() + b"\0"
        fields = list(part.fields)
        fields[6], fields[11] = len(part.content), len(name)
        fields[12] = sum_of_octets(part.content) if self.magic == _CRC else 0
        head = self.magic + b"".join(b"%08X" % field for field in fields) + name
        return head.ljust(_aligned(len(head)), b"\0") + part.content.ljust(_aligned(len(part.content)), b"\0")


def sum_of_octets(content: bytes) -> int:
    """Return the sum that a cpio archive with checksums holds: modulo 2^32.

    The lower half of an Adler-32 is one more than the sum of so few octets, and ten times as fast as `sum`.
    """
    blocks = range(0, len(content), _ADLER_OCTETS)
    return sum((zlib.adler32(content[at : at + _ADLER_OCTETS]) & 0xFFFF) - 1 for at in blocks) & 0xFFFFFFFF


def read_archive(image: bytes) -> Archive:
    """Read an image. ConfigurationError if it is malformed, or has no payload."""
    if len(image) > SIZE_LIMIT:
        raise _no_image(f"it has {len(image)} octets, but the limit is {SIZE_LIMIT}")
    magic, parts, at = image[:6], list[Part](), 0
    while True:
        part, at = _read_part(image, at, magic)
        if part.name == _TRAILER:
            break
        parts.append(part)
        if len(parts) > MEMBERS:
            raise _no_image(f"it has more than {MEMBERS} members")
    archive = Archive(magic, tuple(parts))
    if not parts or parts[0].name != _DESCRIPTION:
        raise _no_image(f"it does not begin with {_DESCRIPTION}")
    if not any(part.content for part in parts if part.name not in (_DESCRIPTION, _SIGNATURE)):
        raise _no_image("it contains no payload")
    return archive


def _read_part(image: bytes, at: int, magic: bytes) -> tuple[Part, int]:
    head = image[at : at + _HEAD]
    try:
        fields = tuple(int(head[6 + 8 * index : 14 + 8 * index], 16) for index in range(_FIELDS))
    except ValueError:
        fields = ()
    if magic not in (_NEWC, _CRC) or head[:6] != magic or len(fields) != _FIELDS:
        raise _no_image("it is not a cpio archive of the new ASCII format")
    named = at + _HEAD + fields[11]
    start = _aligned(named)
    end = start + fields[6]
    if end > len(image):
        raise _no_image("it is truncated")
    name = image[at + _HEAD : named - 1].decode("utf-8", "replace")
    return Part(name, image[start:end], fields), _aligned(end)


class SignedSwu:
    """swupdate's container with a signed sw-description (swupdate.github.io, "Update images from verified source")."""

    cannot_be = MappingProxyType(
        {
            "appended": "swupdate reads an archive up to its trailer, so octets after the trailer are not part of the "
            "image",
            "path_traversal": "swupdate skips members that the signed sw-description does not list",
        }
    )

    def version(self, image: bytes) -> str:
        """Return the version that sw-description gives first, which is that of the whole image."""
        return self._version(read_archive(image)).group(1).decode("utf-8", "replace")

    def variants(
        self, base: bytes, older: bytes | None, released: Mapping[str, bytes] | None = None, largest: int | None = None
    ) -> dict[str, bytes]:
        """Make the bad images, in the order of `drivers.update.image.SignedTar.variants` and for the same reasons."""
        archive = read_archive(base)
        released = released or {}
        for image in released.values():
            self.version(image)
        self._version(archive)
        signature = archive.part(_SIGNATURE).content
        foreign = _signed_by_nobody(archive.part(_DESCRIPTION).content, signature)
        payload = archive.payload
        noise = random.Random(hashlib.sha256(base).digest())
        garbage = noise.randbytes(len(base))
        half = len(payload.content) // 2
        made: dict[str, bytes | None] = {
            "empty": b"",
            "unsigned": archive.without(_SIGNATURE).octets(),
            "wrong_key": archive.having(_SIGNATURE, foreign).octets(),
            "bit_flip_signature": archive.having(_SIGNATURE, _flipped(signature, len(signature) - 16)).octets(),
            "bit_flip_manifest": archive.having(_DESCRIPTION, self._newer(archive)).octets(),
            "expired": released.get("expired"),
            "oversized": None if largest is None else base.ljust(largest // _BLOCK * _BLOCK + _BLOCK, b"\0"),
            "replayed": released.get("replayed"),
            "swapped_payload": None if older is None else self._swapped(archive, read_archive(older)),
            "bit_flip_payload": archive.having(payload.name, _flipped(payload.content, half)).octets(),
            "truncated": base[: archive.offset(payload.name) + half],
            "garbage": garbage,
            "downgrade": older,
            "wrong_model": released.get("wrong_model"),
        }
        return {name: image for name, image in made.items() if image is not None}

    def _version(self, archive: Archive) -> "re.Match[bytes]":
        found = _VERSION.search(archive.part(_DESCRIPTION).content)
        if found is None:
            raise _no_image("its sw-description names no version")
        return found

    def _newer(self, archive: Archive) -> bytes:
        """Turn one bit of the version over that makes it higher, or else the lowest bit of its last character."""
        text, found = archive.part(_DESCRIPTION).content, self._version(archive)
        for position in range(found.end(1) - 1, found.start(1) - 1, -1):
            for bit in range(4):
                changed = text[position] ^ (1 << bit)
                if text[position] in _DIGITS and changed in _DIGITS and changed > text[position]:
                    return _flipped(text, position, bit)
        return _flipped(text, found.end(1) - 1)

    def _swapped(self, archive: Archive, older: Archive) -> bytes | None:
        """Put the payload of another release of the vendor's under the signed description of this one."""
        if older.payload.content == archive.payload.content:
            return None
        return archive.having(archive.payload.name, older.payload.content).octets()


def _signed_by_nobody(description: bytes, like: bytes) -> bytes:
    """Sign with a fresh key: CMS where the vendor's signature is CMS, else RSA with SHA-256 of the same length."""
    try:
        load_der_pkcs7_certificates(like)
    except ValueError:
        bits = min(max(8 * len(like), 1024), 8192)
        key = rsa.generate_private_key(65537, bits)
        return key.sign(description, padding.PKCS1v15(), hashes.SHA256())
    key = rsa.generate_private_key(65537, 2048)
    certificate = lookalike(load_der_pkcs7_certificates(like)[0], key)
    options = [PKCS7Options.DetachedSignature, PKCS7Options.Binary, PKCS7Options.NoCapabilities]
    builder = PKCS7SignatureBuilder().set_data(description).add_signer(certificate, key, hashes.SHA256())
    return builder.sign(Encoding.DER, options)


def _flipped(data: bytes, position: int, bit: int = 0) -> bytes:
    position = max(0, position)
    return data[:position] + bytes([data[position] ^ (1 << bit)]) + data[position + 1 :]


def _aligned(size: int) -> int:
    """Round up to four octets."""
    return -(-size // 4) * 4


def _no_image(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"an update image is not a signed_swu: {why}.",
        "Correct `images` in the bench file, or `update.container` in the declaration.",
    )
