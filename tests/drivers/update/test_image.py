import io
import json
import tarfile
from pathlib import PurePosixPath

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.update.image import container
from tests.drivers.web_device import image
from trustprobe.errors import ConfigurationError

VENDOR = Ed25519PrivateKey.generate()
BASE = image(VENDOR, "1.5.0")
OLDER = image(VENDOR, "1.3.0", b"previous firmware " * 300)
HANDLER = container("signed_tar")
RELEASED = {name: image(VENDOR, "1.4.9") for name in ("replayed", "expired", "wrong_model")}
LARGEST = 20_000
BAD = HANDLER.variants(BASE, OLDER, RELEASED, LARGEST)


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
        "appended",
        "path_traversal",
        "expired",
        "oversized",
        "replayed",
        "swapped_payload",
        "bit_flip_payload",
        "truncated",
        "garbage",
        "downgrade",
        "wrong_model",
    ]


def test_what_only_the_vendor_can_make_is_left_out_where_the_vendor_made_none() -> None:
    assert set(BAD) - set(HANDLER.variants(BASE, None)) == {
        "downgrade",
        "expired",
        "oversized",
        "replayed",
        "swapped_payload",
        "wrong_model",
    }


def test_the_swapped_payload_is_another_releases_and_the_manifest_is_signed() -> None:
    bad = parts(BAD["swapped_payload"])
    assert bad == {**parts(BASE), "payload.bin": parts(OLDER)["payload.bin"]}
    assert "swapped_payload" not in HANDLER.variants(BASE, image(VENDOR, "1.3.0"))


def test_the_stray_member_leads_out_of_the_folder_and_changes_no_other() -> None:
    bad = parts(BAD["path_traversal"])
    stray = set(bad) - set(parts(BASE))
    assert {PurePosixPath(name).parts[:2] for name in stray} == {("..", "..")}
    assert {name: content for name, content in bad.items() if name not in stray} == parts(BASE)


def test_the_oversized_image_is_the_base_with_more_of_the_zeros_that_end_it() -> None:
    bad = BAD["oversized"]
    assert LARGEST < len(bad) <= LARGEST + 512
    assert bad.rstrip(b"\0") == BASE.rstrip(b"\0")
    assert parts(bad) == parts(BASE)


def test_the_appended_octets_lie_behind_the_archive() -> None:
    assert BAD["appended"].startswith(BASE)
    assert BAD["appended"][len(BASE) :].strip(b"\0")
    assert parts(BAD["appended"]) == parts(BASE)


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
    with pytest.raises(ConfigurationError, match="not a signed_tar"):
        HANDLER.variants(data, None)


def test_an_unknown_container_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigurationError, match="not a container format"):
        container("zip")
