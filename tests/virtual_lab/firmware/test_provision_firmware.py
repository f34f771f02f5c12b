"""The factory of the firmware device: what is stored of a password, and that devices share nothing."""

import hashlib
import io
import shutil
import tarfile
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from trustprobe.errors import ConfigurationError
from virtual_lab.firmware import passwords
from virtual_lab.firmware.build import Firmware
from virtual_lab.firmware.image import keys
from virtual_lab.firmware.machine import board
from virtual_lab.firmware.provision import dropbear_host_key, factory_disk, provision, ssh_host_key

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in of a build: images without content, and real keys."""
    folder = tmp_path_factory.mktemp("built")
    keys.make(folder / "keys")
    for name in ("disk.img", "flash.img"):
        (folder / name).write_bytes(b"\0" * 4096 + b"end")
    return folder


def _files(disk: Path) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(disk.read_bytes())) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]


def _device(folder: Path, built: Path, *defects: str) -> tuple[object, dict[str, bytes]]:
    label = provision(folder, Firmware(built, defects), collector="192.0.2.1", cloud="192.0.2.1", address="192.0.2.10")
    return label, _files(label.factory)


def test_the_localised_key_is_that_of_rfc_3414() -> None:
    engine = bytes.fromhex("000000000000000000000002")
    assert passwords.snmp_key("maplesyrup", engine, "sha1").hex() == "6695febc9288e36282235fc7151f128497b38f3f"


def test_the_broker_reads_the_salt_and_the_key() -> None:
    kind, rounds, salt, key = passwords.mosquitto("secret").split("$")[1:]
    assert (kind, rounds) == ("7", "101")
    assert len(salt) == 16
    assert len(key) == 88


def test_a_host_key_is_an_ed25519_key_that_openssh_reads() -> None:
    key = load_ssh_private_key(ssh_host_key(bytes(32)), None)
    assert isinstance(key, Ed25519PrivateKey)
    assert key.private_bytes_raw() == bytes(32)


def test_a_host_key_of_dropbear_holds_seed_and_public_half() -> None:
    assert len(dropbear_host_key(bytes(32))) == 4 + 11 + 4 + 64


@needs_openssl
def test_a_password_is_stored_with_a_salt_and_the_rounds_of_a_slow_processor() -> None:
    first, second = (passwords.crypt("correct horse") for _ in range(2))
    assert first.startswith("$6$rounds=1000$")
    assert len(first.split("$")[3]) == 16
    assert first != second


def test_a_factory_disk_is_a_tar_of_private_files() -> None:
    with tarfile.open(fileobj=io.BytesIO(factory_disk({"shadow": b"x"}))) as archive:
        assert archive.getmember("shadow").mode == 0o600


@needs_openssl
def test_two_devices_share_no_secret_and_no_identity(tmp_path: Path, built: Path) -> None:
    _, first = _device(tmp_path / "a", built)
    _, second = _device(tmp_path / "b", built)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] == second[name]] == []


@needs_openssl
def test_the_disk_is_a_copy_with_the_same_content(tmp_path: Path, built: Path) -> None:
    label, _ = _device(tmp_path / "a", built)
    assert (tmp_path / "a" / "disk.img").read_bytes() == (built / "disk.img").read_bytes()
    assert "deadbeef" not in repr(label)


@needs_openssl
def test_a_folder_holds_one_device(tmp_path: Path, built: Path) -> None:
    _device(tmp_path / "a", built)
    with pytest.raises(ConfigurationError, match="already holds a device"):
        _device(tmp_path / "a", built)


@needs_openssl
def test_no_password_is_stored_as_it_is(tmp_path: Path, built: Path) -> None:
    label, files = _device(tmp_path / "a", built)
    everything = b"".join(files.values())
    words = [value for name, value in vars(label).items() if name.endswith("_password")]
    assert len(words) == 4
    assert [word for word in words if word.encode() in everything] == []


@needs_openssl
def test_a_shared_tls_key_is_the_same_in_every_device(tmp_path: Path, built: Path) -> None:
    _, first = _device(tmp_path / "a", built, "shared_tls_key")
    _, second = _device(tmp_path / "b", built, "shared_tls_key")
    assert hashlib.sha256(first["tls_key.pem"]).digest() == hashlib.sha256(second["tls_key.pem"]).digest()


@needs_openssl
@pytest.mark.parametrize(("flaws", "same"), [(["shared_ssh_host_key"], True), ([], False)])
def test_a_host_key_is_the_same_in_every_device_where_it_is_shared(
    tmp_path: Path, built: Path, flaws: list[str], same: bool
) -> None:
    files = [_device(tmp_path / name, built, *flaws)[1]["ssh_host_key"] for name in ("a", "b")]
    first, second = (load_ssh_private_key(file, None).public_key() for file in files)
    assert (first == second) is same


@needs_openssl
def test_the_certificate_is_of_the_product_ca_and_names_the_address(tmp_path: Path, built: Path) -> None:
    _, files = _device(tmp_path / "a", built)
    certificate = x509.load_pem_x509_certificate(files["tls_cert.pem"])
    certificate.verify_directly_issued_by(keys.load_product_ca(built / "keys").certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.10"]


@needs_openssl
def test_the_machine_reads_the_factory_disk_only(tmp_path: Path, built: Path) -> None:
    label = provision(
        tmp_path / "a", Firmware(built, ()), collector="192.0.2.1", cloud="192.0.2.1", address="192.0.2.10"
    )
    words = " ".join(board.words(Firmware(built, ()), label))
    assert f"readonly=on,file={label.factory}" in words
    assert label.mac in " ".join(board.network(label, "user"))
