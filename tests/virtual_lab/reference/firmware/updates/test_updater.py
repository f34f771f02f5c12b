import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.virtual_lab.reference.firmware.camera import ADDRESS, COLLECTOR
from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.logs.syslog import Log
from virtual_lab.reference.firmware.storage.flash import Flash
from virtual_lab.reference.firmware.updates.image import MANIFEST, PAYLOAD, SIGNATURE, read_image
from virtual_lab.reference.firmware.updates.updater import UPDATE_KEY, RejectedImageError, Updater, Uploader
from virtual_lab.reference.image_factory import firmware_payload, pack, signed_image
from virtual_lab.reference.provision import MODEL, provision

VENDOR = Ed25519PrivateKey.generate()
NOBODY = Uploader("-", "127.0.0.1")
Make = Callable[..., Updater]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make the update mechanism of a device with these defects, whose vendor is VENDOR."""

    def make(*defects: str) -> Updater:
        provision(tmp_path, defects=(), address=ADDRESS, collector=COLLECTOR)
        flash = Flash(tmp_path / "flash")
        flash.path(UPDATE_KEY).write_bytes(
            VENDOR.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        planted = Defects(defects)
        return Updater(flash, planted, Log("test", planted), lambda: None)

    return make


def release(version: str = "1.5.0", counter: int = 5, model: str = MODEL) -> dict[str, bytes]:
    """Build a signed image and return its members."""
    image = read_image(signed_image(VENDOR, model=model, version=version, rollback_counter=counter, payload=b"payload"))
    assert image.signature is not None
    return {MANIFEST: image.signed, SIGNATURE: image.signature, PAYLOAD: image.payload}


def without(member: str) -> bytes:
    return pack({name: content for name, content in release().items() if name != member})


def with_(**members: bytes) -> bytes:
    names = {"manifest": MANIFEST, "signature": SIGNATURE, "payload": PAYLOAD}
    return pack({**release(), **{names[name]: content for name, content in members.items()}})


def resigned(manifest: bytes) -> bytes:
    return with_(manifest=manifest, signature=VENDOR.sign(manifest))


UNSIGNED = without(SIGNATURE)
WRONG_KEY = with_(signature=Ed25519PrivateKey.generate().sign(release()[MANIFEST]))
TAMPERED_MANIFEST = with_(manifest=release()[MANIFEST].replace(b"1.5.0", b"1.6.0"))
TAMPERED_PAYLOAD = with_(payload=b"pay10ad")
EXPIRED = re.sub(rb"\d{4}-\d\d-\d\d", b"2020-02-29", release()[MANIFEST])
SWAPPED = with_(payload=firmware_payload("1.3.0"))
STRANGER = pack({**release(), "../../config.json": b"{}"})
OLDER = pack(release("1.3.0", 3))
REFUSED = [
    pytest.param(UNSIGNED, "signature missing", "update_unsigned_accepted", id="unsigned"),
    pytest.param(UNSIGNED, "signature missing", "update_signature_not_checked", id="unsigned, unchecked"),
    pytest.param(WRONG_KEY, "signature wrong", "update_signature_not_checked", id="wrong key"),
    pytest.param(WRONG_KEY, "signature wrong", "update_wrong_key_accepted", id="wrong key, any key taken"),
    pytest.param(TAMPERED_MANIFEST, "signature wrong", "update_signature_not_checked", id="tampered manifest"),
    pytest.param(with_(signature=b""), "signature wrong", "update_signature_not_checked", id="empty signature"),
    pytest.param(TAMPERED_PAYLOAD, "payload digest wrong", "update_payload_not_checked", id="tampered payload"),
    pytest.param(with_(payload=b"payload" * 2), "payload digest wrong", None, id="longer"),
    pytest.param(OLDER, "not newer", "downgrade_allowed", id="older"),
    pytest.param(pack(release("1.4.0", 4)), "not newer", "downgrade_allowed", id="the same"),
    pytest.param(pack(release("1.5.0", 3)), "rollback counter too low", "downgrade_allowed", id="counter"),
    pytest.param(pack(release(model="Halcyon Vista 1")), "wrong model", "update_wrong_model_accepted", id="model"),
    pytest.param(resigned(EXPIRED), "expired", "update_expired_accepted", id="expired"),
    pytest.param(SWAPPED, "payload digest wrong", "update_swapped_payload", id="another release's payload"),
    pytest.param(STRANGER, "malformed image", "update_path_traversal", id="a stranger's member"),
    pytest.param(pack(release()) + b"more", "malformed image", "update_appended_accepted", id="appended"),
    pytest.param(pack(release("1.4.0", 4)), "not newer", "update_replay_accepted", id="replayed"),
]
MALFORMED = {
    "empty": b"",
    "noise": b"\xa5" * 4096,
    "truncated": pack(release())[:1500],
    "no manifest": without(MANIFEST),
    "no payload": without(PAYLOAD),
    "stranger": pack({**release(), "../config.json": b"{}"}),
    "twice": pack(release())[:3072] + pack(release()),
    "no JSON": resigned(b"manifest"),
    "deep JSON": resigned(b"[" * 10_000),
    "missing field": resigned(b'{"model": "Halcyon Vista 2"}'),
    "strange version": resigned(release()[MANIFEST].replace(b"1.5.0", b"latest")),
    "negative counter": resigned(release()[MANIFEST].replace(b'rollback_counter": 5', b'rollback_counter": -5')),
}


def refusal(updater: Updater, image: bytes) -> str:
    with pytest.raises(RejectedImageError) as rejection:
        updater.offer(image, NOBODY)
    return str(rejection.value)


def test_a_newer_signed_image_is_installed_in_the_other_slot(make: Make, tmp_path: Path) -> None:
    updater = make()

    updater.install(updater.offer(pack(release()), NOBODY))

    flash = Flash(tmp_path / "flash")
    assert (flash.active, flash.slot("b").version, flash.payload("b")) == ("b", "1.5.0", b"payload")
    assert flash.update_outcome.state == "installed"


@pytest.mark.parametrize(("image", "reason", "defect"), REFUSED)
def test_a_bad_image_is_refused_for_its_reason_unless_that_check_is_planted_away(
    make: Make, tmp_path: Path, image: bytes, reason: str, defect: str | None
) -> None:
    updater = make()
    assert refusal(updater, image) == reason
    assert (updater.outcome.state, updater.outcome.reason) == ("rejected", reason)
    assert Flash(tmp_path / "flash").active == "a"
    if defect is not None:
        for folder in list(tmp_path.iterdir()):
            folder.rename(folder.with_name(f"hardened_{folder.name}"))
        make(defect).offer(image, NOBODY)


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_image_is_refused_whatever_is_planted(make: Make, octets: bytes) -> None:
    lax = make("update_signature_not_checked", "update_payload_not_checked", "downgrade_allowed")

    assert refusal(lax, octets) == "malformed image"


def test_planted_acceptance_of_unsigned_images_still_refuses_a_wrong_signature(make: Make) -> None:
    assert refusal(make("update_unsigned_accepted"), WRONG_KEY) == "signature wrong"


def test_planted_acceptance_of_any_key_still_refuses_an_unsigned_image(make: Make) -> None:
    assert refusal(make("update_wrong_key_accepted"), UNSIGNED) == "signature missing"


def test_a_second_image_is_refused_while_one_is_being_installed(make: Make) -> None:
    updater = make()
    updater.offer(pack(release()), NOBODY)

    assert refusal(updater, pack(release("1.6.0", 6))) == "another update is being installed"
    assert updater.outcome.state == "installing"


def test_an_update_that_is_planted_to_be_dropped_changes_nothing(make: Make, tmp_path: Path) -> None:
    updater = make("update_never_installs")

    updater.install(updater.offer(pack(release()), NOBODY))

    assert Flash(tmp_path / "flash").active == "a"
    assert updater.outcome.state == "idle"
