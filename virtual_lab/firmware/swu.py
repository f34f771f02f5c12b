"""Update images for swupdate: a cpio archive of sw-description, its CMS signature, and the FIT for the other slot."""

import hashlib
from pathlib import Path
from typing import Final

from drivers.update.swu import sum_of_octets
from virtual_lab.firmware.host import run
from virtual_lab.firmware.keys import UPDATE_SIGNER

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
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), sum_of_octets(content))
    head = b"070702" + b"".join(b"%08X" % field for field in fields) + encoded
    head += b"\0" * (-len(head) % 4)
    return head + content + b"\0" * (-len(content) % 4)
