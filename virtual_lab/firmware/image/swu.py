"""Update images for swupdate: a cpio archive of sw-description, its CMS signature, and the FIT for the other slot."""

import hashlib
import zlib
from pathlib import Path
from typing import Final

from virtual_lab.firmware.image.host import run
from virtual_lab.firmware.image.keys import UPDATE_SIGNER

_BLOCK: Final = 256
"""Octets whose sum stays below the modulus of Adler-32, 65521."""

HARDWARE: Final = "1.0"
DESCRIPTION, SIGNATURE, IMAGE = "sw-description", "sw-description.sig", "fit.itb"
_FILE = 0o100644
_DESCRIPTION = """\
software = {{
    version = "{version}";
    hardware-compatibility: [ "{hardware}" ];
    hub = {{
        slot_a: {{
            images: ( {{ filename = "{image}"; device = "/dev/slot_a"; type = "raw"; sha256 = "{digest}"; }} );
            bootenv: ( {{ name = "slot"; value = "a"; }} );
        }};
        slot_b: {{
            images: ( {{ filename = "{image}"; device = "/dev/slot_b"; type = "raw"; sha256 = "{digest}"; }} );
            bootenv: ( {{ name = "slot"; value = "b"; }} );
        }};
    }};
}};
"""


def description(version: str, fit: bytes, hardware: str = HARDWARE) -> bytes:
    """Return the sw-description of an image for hardware of this revision."""
    digest = hashlib.sha256(fit).hexdigest()
    return _DESCRIPTION.format(version=version, hardware=hardware, image=IMAGE, digest=digest).encode()


def sign(described: bytes, keys: Path) -> bytes:
    """Return the CMS signature (DER) of a sw-description by the maker's update signer."""
    certificate, key = keys / f"{UPDATE_SIGNER}.crt", keys / f"{UPDATE_SIGNER}.key"
    options = ["-signer", str(certificate), "-inkey", str(key), "-outform", "DER", "-nosmimecap", "-binary"]
    return run(["openssl", "cms", "-sign", *options], stdin=described)


def container(parts: list[tuple[str, bytes]]) -> bytes:
    """Return parts as a cpio archive with checksums (crc format), the one that swupdate reads."""
    written = b"".join(_part(number, name, content) for number, (name, content) in enumerate(parts, 1))
    written += _part(0, "TRAILER!!!", b"", 0)
    return written + b"\0" * (-len(written) % 512)


def signed_image(version: str, fit: bytes, keys: Path, hardware: str = HARDWARE) -> bytes:
    """Return an update image as the maker releases it."""
    described = description(version, fit, hardware)
    return container([(DESCRIPTION, described), (SIGNATURE, sign(described, keys)), (IMAGE, fit)])


def _part(number: int, name: str, content: bytes, mode: int = _FILE) -> bytes:
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), _sum(content))
    head = b"070702" + b"".join(b"%08X" % field for field in fields) + encoded
    head += b"\0" * (-len(head) % 4)
    return head + content + b"\0" * (-len(content) % 4)


def _sum(content: bytes) -> int:
    """Return the sum of the octets modulo 2^32, out of the lower halves of Adler-32, which are ten times as fast."""
    blocks = (content[at : at + _BLOCK] for at in range(0, len(content), _BLOCK))
    return sum((zlib.adler32(block) & 0xFFFF) - 1 for block in blocks) & 0xFFFFFFFF
