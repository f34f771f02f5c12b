"""The vendor's release process: payloads, and the signed images that carry them.

The device checks what is made here in `firmware.update`; only this side has the private key.
"""

import hashlib
import io
import json
import tarfile
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from virtual_lab.reference.firmware.updates.image import DIGEST_OCTETS, MANIFEST, PAYLOAD, SIGNATURE, release

PAYLOAD_OCTETS = 96 * 1024
"""A payload is larger than the 64 KiB that the board maps into memory."""
VALID_DAYS = 730


def firmware_payload(version: str) -> bytes:
    """Return the payload of a version: a readable header, octets that are the same in each build of it, a checksum.

    No two versions have the same length.
    """
    octets = PAYLOAD_OCTETS + DIGEST_OCTETS * sum(int(part) << 4 * place for place, part in enumerate(release(version)))
    header = f"HALCYON FIRMWARE {version}\0".encode().ljust(64, b"\0")
    blocks = (hashlib.sha256(f"{version}:{block}".encode()).digest() for block in range(octets // DIGEST_OCTETS))
    content = (header + b"".join(blocks))[: octets - DIGEST_OCTETS]
    return content + hashlib.sha256(content).digest()


def signed_image(
    key: Ed25519PrivateKey,
    *,
    model: str,
    version: str,
    rollback_counter: int,
    payload: bytes,
    valid_days: int = VALID_DAYS,
) -> bytes:
    """Build a release image: manifest, payload and the vendor's signature over the octets of the manifest.

    It may be installed for `valid_days` from today; with a negative number it has expired.
    """
    not_after = datetime.now(UTC).date() + timedelta(days=valid_days)
    manifest = json.dumps(
        {
            "model": model,
            "version": version,
            "rollback_counter": rollback_counter,
            "payload_sha256": hashlib.sha256(payload).hexdigest(),
            "payload_size": len(payload),
            "not_after": not_after.isoformat(),
        },
        sort_keys=True,
    ).encode()
    return pack({MANIFEST: manifest, SIGNATURE: key.sign(manifest), PAYLOAD: payload})


def pack(members: dict[str, bytes]) -> bytes:
    """Pack members into an uncompressed POSIX tar (ustar) without times or owners, so that it is reproducible."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
