import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from drivers.data import table
from drivers.update.image import container
from drivers.update.swu import SIZE_LIMIT, read_archive, sum_of_octets
from tests.drivers.update.swu_images import Swu, maker_certificate
from trustprobe.errors import ConfigurationError

HANDLER = container("signed_swu")
BASE, OLDER = Swu(), Swu("1.1.0", b"\xa5" * 2_999)
LARGEST = 20_000
RELEASED = {name: Swu("1.3.0").octets() for name in ("expired", "replayed", "wrong_model")}


def variants(base: Swu = BASE) -> dict[str, bytes]:
    return HANDLER.variants(base.octets(), OLDER.octets(), RELEASED, LARGEST)


def contents(image: bytes) -> dict[str, bytes]:
    return {part.name: part.content for part in read_archive(image).parts}


def changed(name: str, base: Swu = BASE) -> set[str]:
    """The members of a variant that are not those of the base."""
    before, now = contents(base.octets()), contents(variants(base)[name])
    return {member for member in before if before[member] != now.get(member)}


def test_an_archive_is_written_as_it_was_read() -> None:
    assert read_archive(BASE.octets()).octets() == BASE.octets()


@pytest.mark.skipif(shutil.which("cpio") is None, reason="cpio is not installed")
def test_an_archive_is_one_that_cpio_takes_checksums_and_all(tmp_path: Path) -> None:
    image = variants()["bit_flip_payload"]
    subprocess.run(["cpio", "-i", "--quiet", "--only-verify-crc"], input=image, cwd=tmp_path, check=True, timeout=600)


@pytest.mark.parametrize(
    "described",
    ['software = { version = "%s"; # %s %s\n}', '{"software": {"min-version": "9", "version": "%s", "x": "%s%s"}}'],
)
def test_the_version_is_read_from_libconfig_and_from_json(described: str) -> None:
    assert HANDLER.version(Swu("2.0", described=described).octets()) == "2.0"


def test_every_row_of_the_table_has_an_image_or_a_reason() -> None:
    made = variants()
    assert set(made) | set(HANDLER.cannot_be) == set(table("bad_images")["images"])
    assert not set(made) & set(HANDLER.cannot_be)


def test_images_are_offered_in_the_order_of_least_harm() -> None:
    names = list(variants())
    assert names[0] == "empty"
    assert names[-2:] == ["downgrade", "wrong_model"]
    assert names.index("unsigned") < names.index("swapped_payload") < names.index("garbage")


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("unsigned", {"sw-description.sig"}),
        ("wrong_key", {"sw-description.sig"}),
        ("bit_flip_signature", {"sw-description.sig"}),
        ("bit_flip_manifest", {"sw-description"}),
        ("swapped_payload", {"app.bin"}),
        ("bit_flip_payload", {"app.bin"}),
    ],
)
@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("magic", [b"070701", b"070702"])
def test_one_member_is_changed_and_no_other(name: str, members: set[str], raw: bool, magic: bytes) -> None:
    assert changed(name, Swu(raw=raw, magic=magic)) == members


def test_a_manifest_with_one_bit_changed_claims_a_higher_version() -> None:
    assert HANDLER.version(variants()["bit_flip_manifest"]) == "1.2.1"


def test_the_wrong_key_signs_in_the_name_and_for_the_purposes_of_the_maker() -> None:
    (signer,) = pkcs7.load_der_pkcs7_certificates(contents(variants()["wrong_key"])["sw-description.sig"])
    maker = maker_certificate()
    assert signer.subject == maker.subject
    assert signer.public_bytes(Encoding.DER) != maker.public_bytes(Encoding.DER)
    usage = [extension for extension in maker.extensions if extension.oid.dotted_string == "2.5.29.37"]
    assert [extension for extension in signer.extensions if extension.oid.dotted_string == "2.5.29.37"] == usage


def test_a_raw_signature_of_another_key_is_as_long_as_the_makers() -> None:
    base = Swu(raw=True)
    signatures = [contents(image)["sw-description.sig"] for image in (base.octets(), variants(base)["wrong_key"])]
    assert len(signatures[0]) == len(signatures[1]) == 256


def test_sizes_are_those_that_the_names_say() -> None:
    made, base = variants(), BASE.octets()
    assert made["empty"] == b""
    assert len(made["oversized"]) > LARGEST and made["oversized"].startswith(base)
    assert made["truncated"] == base[: len(made["truncated"])] and len(made["truncated"]) < len(base)
    assert len(made["garbage"]) == len(base)


def test_what_the_vendor_alone_can_sign_is_left_out_without_his_images() -> None:
    made = HANDLER.variants(BASE.octets(), None)
    assert not {"downgrade", "swapped_payload", "expired", "replayed", "wrong_model", "oversized"} & set(made)


@pytest.mark.parametrize(
    "image",
    [
        b"",
        b"070702",
        b"\0" * 4096,
        b"070701" + b"FFFFFFFF" * 13,
        BASE.octets()[:200],
        BASE.octets()[:-1024],
        BASE.archive().without("app.bin").octets(),
        BASE.archive().without("sw-description").octets(),
        BASE.archive().having("sw-description", b"software = { }").octets(),
        b"0" * (SIZE_LIMIT + 1),
    ],
)
def test_what_is_no_image_is_said_so(image: bytes) -> None:
    with pytest.raises(ConfigurationError, match="not a signed_swu"):
        HANDLER.version(image)


def test_a_base_without_a_signature_is_none_to_make_bad_images_from() -> None:
    with pytest.raises(ConfigurationError, match=r"contains no sw-description\.sig"):
        HANDLER.variants(BASE.archive().without("sw-description.sig").octets(), None)


@pytest.mark.skipif(shutil.which("swupdate") is None, reason="swupdate is not installed")
def test_swupdate_installs_the_base_and_no_bad_image(tmp_path: Path) -> None:
    trust, written = tmp_path / "maker.pem", tmp_path / "written"
    trust.write_bytes(maker_certificate().public_bytes(Encoding.PEM))
    base = Swu(destination=str(written))
    older = Swu("1.1.0", b"\xa5" * 2_999, destination=str(written))
    made = HANDLER.variants(base.octets(), older.octets())
    bad = ("unsigned", "wrong_key", "bit_flip_manifest", "bit_flip_payload", "downgrade")
    images = {**{name: made[name] for name in bad}, "base": base.octets()}
    (tmp_path / "t").mkdir()
    installed = []
    for name, image in images.items():
        written.unlink(missing_ok=True)
        (tmp_path / "image.swu").write_bytes(image)
        command = ["swupdate", "-k", str(trust), "-H", "dut:1.0", "-N", "1.1.5", "-i", str(tmp_path / "image.swu")]
        environment = {**os.environ, "TMPDIR": str(tmp_path / "t"), "RUNTIME_DIRECTORY": str(tmp_path / "t")}
        ended = subprocess.run(command, env=environment, capture_output=True, timeout=600)
        installed += [name] if ended.returncode == 0 or written.exists() else []
    assert installed == ["base"]


@pytest.mark.parametrize("octets", [0, 1, 255, 256, 257, 100_000])
def test_the_sum_of_octets_is_that_of_the_archives(octets: int) -> None:
    for content in (b"\xff" * octets, bytes(range(256)) * (octets // 256 + 1)):
        assert sum_of_octets(content) == sum(content)
