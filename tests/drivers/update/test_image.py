import io
import json
import tarfile

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.errors import ConfigurationError
from drivers.update.image import container
from tests.drivers.web_device import image

VENDOR = Ed25519PrivateKey.generate()
BASE = image(VENDOR, "1.5.0")
OLDER = image(VENDOR, "1.3.0")
HANDLER = container("signed_tar")
BAD = HANDLER.variants(BASE, OLDER)


def parts(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]


def bits_apart(one: bytes, other: bytes) -> int:
    assert len(one) == len(other)
    return sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))


def test_the_images_come_in_the_order_of_the_harm_they_can_do() -> None:
    assert list(BAD) == [
        "empty",
        "unsigned",
        "wrong_key",
        "bit_flip_signature",
        "bit_flip_manifest",
        "bit_flip_payload",
        "truncated",
        "garbage",
        "downgrade",
    ]
    assert "downgrade" not in HANDLER.variants(BASE, None)


def test_the_unsigned_image_lacks_the_signature_and_nothing_else() -> None:
    good = parts(BASE)
    del good["manifest.sig"]
    assert parts(BAD["unsigned"]) == good


def test_the_wrong_key_signs_correctly() -> None:
    bad, good = parts(BAD["wrong_key"]), parts(BASE)
    assert len(bad["manifest.sig"]) == 64
    assert {**bad, "manifest.sig": b""} == {**good, "manifest.sig": b""}
    with pytest.raises(InvalidSignature):
        VENDOR.public_key().verify(bad["manifest.sig"], bad["manifest.json"])


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("bit_flip_signature", "manifest.sig"),
        ("bit_flip_manifest", "manifest.json"),
        ("bit_flip_payload", "payload.bin"),
    ],
)
def test_a_bit_flip_is_one_bit_of_one_member(name: str, member: str) -> None:
    assert bits_apart(BAD[name], BASE) == 1
    bad, good = parts(BAD[name]), parts(BASE)
    assert [part for part in good if bad[part] != good[part]] == [member]


@pytest.mark.parametrize("version", ["1.5.0", "1.5.9", "9.9.9", "2026-a"])
def test_the_flipped_manifest_is_valid_json_with_another_version(version: str) -> None:
    base = image(VENDOR, version)
    manifest = json.loads(parts(HANDLER.variants(base, None)["bit_flip_manifest"])["manifest.json"])
    assert manifest["version"] != version


def test_the_flipped_manifest_claims_to_be_newer_where_it_can() -> None:
    assert HANDLER.version(BAD["bit_flip_manifest"]) == "1.5.1"


def test_the_plain_variants_are_what_their_names_say() -> None:
    assert BAD["empty"] == b""
    assert BASE.startswith(BAD["truncated"])
    assert len(BAD["truncated"]) < len(BASE)
    assert len(BAD["garbage"]) == len(BASE)
    assert BAD["garbage"] == HANDLER.variants(BASE, None)["garbage"]
    assert BAD["downgrade"] == OLDER


@pytest.mark.parametrize("data", [b"", b"no tar", BAD["unsigned"], BAD["garbage"], BAD["truncated"]])
def test_a_base_that_is_no_image_is_a_mistake_of_the_configuration(data: bytes) -> None:
    with pytest.raises(ConfigurationError, match="no signed_tar"):
        HANDLER.variants(data, None)


def test_an_unknown_container_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigurationError, match="no container format"):
        container("zip")
