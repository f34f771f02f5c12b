"""Update images, and the bad ones made from a good one: each with exactly one property changed.

Bytes in, bytes out; nothing is sent here. A container format is one handler; another format is another handler.
"""

import hashlib
import io
import json
import random
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.update.swu import SignedSwu
from trustprobe.errors import ConfigurationError

SIZE_LIMIT = 64 * 1024 * 1024
"""Octets of an image that are handled."""
SIGNATURE_SIZE = 64
STRAY_MEMBER = "../../trustprobe_path_traversal.txt"
"""The name of a member that must not be unpacked; a device that does has a file of this name afterwards."""
_STRAY_CONTENT = b"written by a conformance test of the update mechanism\n"
_BLOCK = 512
_MANIFEST, _PAYLOAD, _SIGNATURE = "manifest.json", "payload.bin", "manifest.sig"


class Container(Protocol):
    """A format of update images."""

    @property
    def cannot_be(self) -> Mapping[str, str]:
        """Which bad images the format itself rules out, and why."""

    def version(self, image: bytes) -> str:
        """Return the version that an image claims; ConfigurationError where it is no image of this format."""

    def variants(
        self, base: bytes, older: bytes | None, released: Mapping[str, bytes] | None = None, largest: int | None = None
    ) -> dict[str, bytes]:
        """Make the bad images from a good one, in the order in which they are to be offered.

        `released` holds what only the vendor can sign, by name: `replayed`, `expired`, `wrong_model`. `largest` is the
        declared limit in octets.
        """


@dataclass(frozen=True)
class Member:
    """Where a member lies within the image: its headers from `header`, its `size` octets from `start`."""

    header: int
    start: int
    size: int

    @property
    def end(self) -> int:
        """Where the next member begins."""
        return self.start + (self.size + _BLOCK - 1) // _BLOCK * _BLOCK


class SignedTar:
    """POSIX tar of manifest.json, payload.bin and manifest.sig, the raw Ed25519 signature over the manifest."""

    cannot_be = MappingProxyType[str, str]({})

    def version(self, image: bytes) -> str:
        """Return the version of the manifest."""
        return str(self.manifest(image)["version"])

    def manifest(self, image: bytes) -> Mapping[str, object]:
        """Return the manifest. ConfigurationError if it is malformed."""
        member = self.members(image)[_MANIFEST]
        try:
            found = json.loads(image[member.start : member.start + member.size])
        except (ValueError, RecursionError) as error:
            raise _no_image(f"its manifest is not JSON: {error}") from error
        if not isinstance(found, dict) or not isinstance(found.get("version"), str):
            raise _no_image("its manifest names no version")
        return found

    def members(self, image: bytes) -> dict[str, Member]:
        """Return where the three members lie; ConfigurationError where one is missing."""
        if len(image) > SIZE_LIMIT:
            raise _no_image(f"it has {len(image)} octets, but the limit is {SIZE_LIMIT}")
        found = {}
        try:
            with tarfile.open(fileobj=io.BytesIO(image), mode="r:") as archive:
                for entry in archive:
                    if entry.name in {_MANIFEST, _PAYLOAD, _SIGNATURE} and entry.isreg():
                        found[entry.name] = Member(entry.offset, entry.offset_data, entry.size)
        except tarfile.TarError as error:
            raise _no_image(f"it is not a tar archive: {error}") from error
        if missing := sorted({_MANIFEST, _PAYLOAD, _SIGNATURE} - set(found)):
            raise _no_image(f"it contains no {', '.join(missing)}")
        if found[_SIGNATURE].size != SIGNATURE_SIZE or not found[_PAYLOAD].size:
            raise _no_image("its signature does not have 64 octets, or its payload is empty")
        return found

    def variants(
        self, base: bytes, older: bytes | None, released: Mapping[str, bytes] | None = None, largest: int | None = None
    ) -> dict[str, bytes]:
        """Make the bad images. What does least harm to a device that takes it comes first.

        First those with the vendor's own payload, then what could leave a device without firmware. `downgrade` and
        `wrong_model` are last: a device that took the older one still takes the base afterwards, so that the images
        before it have their witness, and firmware for another model is the likeliest to run and do harm.
        """
        members = self.members(base)
        self.manifest(base)
        released = released or {}
        for image in released.values():
            self.manifest(image)
        signature, payload, manifest = members[_SIGNATURE], members[_PAYLOAD], members[_MANIFEST]
        signed = base[manifest.start : manifest.start + manifest.size]
        foreign = Ed25519PrivateKey.generate().sign(signed)
        noise = random.Random(hashlib.sha256(base).digest())
        garbage = noise.randbytes(len(base))
        made: dict[str, bytes | None] = {
            "empty": b"",
            "unsigned": base[: signature.header] + base[signature.end :],
            "wrong_key": base[: signature.start] + foreign + base[signature.start + SIGNATURE_SIZE :],
            "bit_flip_signature": flipped(base, signature.start + SIGNATURE_SIZE // 2, 0),
            "bit_flip_manifest": flipped(base, *self._version_bit(base, manifest)),
            "appended": base + noise.randbytes(_BLOCK),
            "path_traversal": self._with_stray_member(base),
            "expired": released.get("expired"),
            "oversized": _grown(base, largest),
            "replayed": released.get("replayed"),
            "swapped_payload": None if older is None else self._swapped(base, older),
            "bit_flip_payload": flipped(base, payload.start + payload.size // 2, 0),
            "truncated": base[: payload.start + payload.size // 2],
            "garbage": garbage,
            "downgrade": older,
            "wrong_model": released.get("wrong_model"),
        }
        return {name: image for name, image in made.items() if image is not None}

    def _with_stray_member(self, base: bytes) -> bytes:
        """Append a member whose name leads out of the folder that an archive is unpacked in."""
        stray = tarfile.TarInfo(STRAY_MEMBER)
        stray.size = len(_STRAY_CONTENT)
        stray.mode = 0o600
        end = self._end(base)
        block = stray.tobuf(tarfile.USTAR_FORMAT) + _STRAY_CONTENT.ljust(_BLOCK, b"\0")
        return base[:end] + block + base[end:]

    def _swapped(self, base: bytes, older: bytes) -> bytes | None:
        """Put the payload of another release of the vendor's under the signed manifest of this one."""
        here, there = self.members(base)[_PAYLOAD], self.members(older)[_PAYLOAD]
        payload = older[there.start : there.start + there.size]
        if payload == base[here.start : here.start + here.size]:
            return None
        return base[: here.header] + older[there.header : there.end] + base[here.end :]

    def _end(self, image: bytes) -> int:
        """Return where the last member ends, and the marks of the archive's end begin."""
        with tarfile.open(fileobj=io.BytesIO(image), mode="r:") as archive:
            last = archive.getmembers()[-1]
        return last.offset_data + (last.size + _BLOCK - 1) // _BLOCK * _BLOCK

    def _version_bit(self, base: bytes, manifest: Member) -> tuple[int, int]:
        """Choose a bit of the manifest that leaves it valid and makes the version higher, so that only the signature
        is wrong; without such a digit, the lowest bit of the version's last character.
        """
        version = self.version(base).encode()
        text = base[manifest.start : manifest.start + manifest.size]
        at = text.find(b'"' + version + b'"', max(text.find(b'"version"'), 0))
        if at < 0:
            return manifest.start + manifest.size // 2, 0
        first = manifest.start + at + 1
        for position in range(first + len(version) - 1, first - 1, -1):
            for bit in range(4):
                changed = base[position] ^ (1 << bit)
                if base[position : position + 1].isdigit() and base[position] < changed <= ord("9"):
                    return position, bit
        return first + len(version) - 1, 0


def _grown(image: bytes, largest: int | None) -> bytes | None:
    """Pad an image to one block over the limit with zeros, which belong to the end of a tar archive."""
    if largest is None or len(image) > largest:
        return None
    return image.ljust(largest // _BLOCK * _BLOCK + _BLOCK, b"\0")


def flipped(image: bytes, position: int, bit: int) -> bytes:
    """Return the image with one bit turned over."""
    return image[:position] + bytes([image[position] ^ (1 << bit)]) + image[position + 1 :]


def _no_image(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"an update image is not a signed_tar: {why}.",
        "Correct `images` in the bench file, or `update.container` in the declaration.",
    )


_CONTAINERS: dict[str, Container] = {"signed_tar": SignedTar(), "signed_swu": SignedSwu()}


def container(name: str) -> Container:
    """Return the handler of a container format of the declaration."""
    try:
        return _CONTAINERS[name]
    except KeyError:
        raise ConfigurationError(
            f"{name} is not a container format.", f"Use one of {', '.join(sorted(_CONTAINERS))}."
        ) from None
