import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from virtual_lab.reference.defects import UnknownDefectError
from virtual_lab.reference.firmware.updates.image import read_image
from virtual_lab.reference.provision import Provisioned, provision

ADDRESS, COLLECTOR = "192.0.2.10", "192.0.2.1"


def make(folder: Path, *defects: str) -> Provisioned:
    return provision(folder, defects=defects, address=ADDRESS, collector=COLLECTOR)


def certificate(folder: Path, name: str = "flash/tls_cert.pem") -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / name).read_bytes())


def issued(folder: Path) -> bool:
    """Whether the product CA has signed the device's certificate."""
    try:
        certificate(folder).verify_directly_issued_by(certificate(folder, "lab/product_ca.pem"))
    except (InvalidSignature, ValueError):
        return False
    return True


def names(certificate: x509.Certificate) -> set[str]:
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in san}


def test_a_hardened_certificate_is_issued_for_the_device_and_its_address(tmp_path: Path) -> None:
    label = make(tmp_path)

    served = certificate(tmp_path)

    assert issued(tmp_path)
    assert names(served) == {f"{label.serial.lower()}.local", "camera.local", ADDRESS}
    assert served.not_valid_before_utc < datetime.now(UTC) < served.not_valid_after_utc
    assert served.not_valid_after_utc - served.not_valid_before_utc <= timedelta(days=397)
    assert isinstance(served.public_key(), ec.EllipticCurvePublicKey)
    usage = served.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert names(certificate(tmp_path, "lab/collector_cert.pem")) == {COLLECTOR}


def test_each_certificate_defect_changes_the_certificate(tmp_path: Path) -> None:
    for defect in ("expired", "wrong_name", "self_signed", "client_usage", "sha1"):
        make(tmp_path / defect, f"certificate_{defect}")

    assert certificate(tmp_path / "expired").not_valid_after_utc < datetime.now(UTC)
    assert names(certificate(tmp_path / "wrong_name")) == {"doorbell.local"}
    assert {name: issued(tmp_path / name) for name in ("expired", "wrong_name", "self_signed")} == {
        "expired": True,
        "wrong_name": True,
        "self_signed": False,
    }
    usage = certificate(tmp_path / "client_usage").extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    weak = certificate(tmp_path / "sha1").signature_hash_algorithm
    assert weak is not None
    assert weak.name == "sha1"


def test_no_two_devices_share_a_secret_and_none_is_on_the_flash(tmp_path: Path) -> None:
    one, other = make(tmp_path / "one"), make(tmp_path / "other")

    passwords = {one.admin_password, one.viewer_password, one.service_password}
    assert len(passwords | {other.admin_password, other.viewer_password, other.service_password}) == 6
    assert one.serial != other.serial
    for name in ("secure/tls_key.pem", "secure/ssh_host_key", "flash/update_key.pub"):
        assert (tmp_path / "one" / name).read_bytes() != (tmp_path / "other" / name).read_bytes()
    stored = "".join(path.read_text(errors="replace") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert not any(password in stored for password in passwords)


def test_the_images_are_the_next_and_the_previous_release(tmp_path: Path) -> None:
    label = make(tmp_path)

    newer, older = (
        read_image((tmp_path / "lab/images" / f"{name}.tar").read_bytes()).manifest for name in ("newer", "older")
    )

    assert (newer.version, newer.rollback_counter, older.version, older.rollback_counter) == ("1.5.0", 5, "1.3.0", 3)
    config = json.loads((tmp_path / "flash/config.json").read_text())
    assert newer.model == older.model == config["model"]
    assert config["serial"] == label.serial


def test_a_device_with_an_unknown_defect_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(UnknownDefectError):
        make(tmp_path / "device", "no_such_defect")

    assert not (tmp_path / "device").exists()
