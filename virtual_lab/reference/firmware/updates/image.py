"""The update image: a POSIX tar of a manifest, its Ed25519 signature and the payload; reading one, not judging it.

Everything in an image is from a stranger: sizes are bounded, members are taken by exact name, nothing is extracted.
"""

import hashlib
import io
import json
import re
import tarfile
from dataclasses import dataclass
from datetime import date

MANIFEST, PAYLOAD, SIGNATURE = "manifest.json", "payload.bin", "manifest.sig"
IMAGE_OCTETS = 8 * 2**20
"""The largest image that is looked at."""
DIGEST_OCTETS = 32
_MANIFEST_OCTETS = 16 * 1024
_VERSION = re.compile(r"\d{1,5}\.\d{1,5}\.\d{1,5}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class MalformedImageError(Exception):
    """The octets are not an image of this format."""


@dataclass(frozen=True)
class Manifest:
    """What an image claims to be."""

    model: str
    version: str
    rollback_counter: int
    payload_sha256: str
    payload_size: int
    not_after: date
    """The last day on which the image may be installed."""


@dataclass(frozen=True)
class Image:
    """An image in its parts. `signature` is None where the member is missing; `signed` is what it is over."""

    manifest: Manifest
    signed: bytes
    signature: bytes | None
    payload: bytes


def read_image(octets: bytes, *, strangers: bool = False, appendix: bool = False) -> Image:
    """Take an image apart; MalformedImageError for anything but exactly the known members, each at most once.

    `strangers` passes over members of other names, `appendix` over octets behind the archive: two planted habits.
    """
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(octets), mode="r:") as archive:
            for entry in archive:
                if strangers and entry.name not in (MANIFEST, PAYLOAD, SIGNATURE):
                    continue
                if entry.name in members or entry.name not in (MANIFEST, PAYLOAD, SIGNATURE) or not entry.isreg():
                    raise MalformedImageError(f"unexpected member {entry.name!r}")
                content = archive.extractfile(entry)
                assert content is not None  # a regular file has content
                members[entry.name] = content.read()
                if len(members[entry.name]) != entry.size:
                    raise MalformedImageError("truncated")
            if not appendix and octets[archive.offset :].strip(b"\0"):
                raise MalformedImageError("octets behind the archive")
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise MalformedImageError(str(error)) from error
    if MANIFEST not in members or PAYLOAD not in members:
        raise MalformedImageError("a member is missing")
    signed = members[MANIFEST]
    return Image(_read_manifest(signed), signed, members.get(SIGNATURE), members[PAYLOAD])


def is_whole(payload: bytes) -> bool:
    """Whether a payload ends with the SHA-256 of what is before: it is undamaged, which says nothing of its source."""
    return hashlib.sha256(payload[:-DIGEST_OCTETS]).digest() == payload[-DIGEST_OCTETS:]


def release(version: str) -> tuple[int, ...]:
    """Return a version as numbers that compare in order."""
    return tuple(int(part) for part in version.split("."))


def _read_manifest(octets: bytes) -> Manifest:
    if len(octets) > _MANIFEST_OCTETS:
        raise MalformedImageError("manifest too large")
    try:
        fields = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise MalformedImageError("manifest is not JSON") from error
    expected = {"model": str, "version": str, "rollback_counter": int, "payload_sha256": str, "payload_size": int}
    expected["not_after"] = str
    if not isinstance(fields, dict) or fields.keys() != expected.keys():
        raise MalformedImageError("manifest fields")
    if any(type(fields[name]) is not kind for name, kind in expected.items()):
        raise MalformedImageError("manifest values")
    try:
        manifest = Manifest(**{**fields, "not_after": date.fromisoformat(fields["not_after"])})
    except ValueError as error:
        raise MalformedImageError("manifest values") from error
    if not _VERSION.fullmatch(manifest.version) or not _DIGEST.fullmatch(manifest.payload_sha256):
        raise MalformedImageError("manifest values")
    if not 0 <= manifest.rollback_counter < 2**31:
        raise MalformedImageError("manifest values")
    return manifest
