"""The end of the production line: gives a device its identity, accounts, keys, certificates and first firmware.

Makes a fresh state folder: `flash/` and the key store `secure/` for the device, `lab/` for what its lab keeps. No two
devices share a secret.
"""

import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from virtual_lab.reference import pki
from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.logins import accounts
from virtual_lab.reference.firmware.logins.accounts import Account
from virtual_lab.reference.firmware.logins.digest_secret import digest_secret
from virtual_lab.reference.firmware.sensors import COMPANION, DOOR, WINDOW
from virtual_lab.reference.firmware.storage import flash
from virtual_lab.reference.firmware.updates.updater import UPDATE_KEY
from virtual_lab.reference.firmware.web.tls import DH_PARAMETERS
from virtual_lab.reference.forgotten_secrets import leave_secrets
from virtual_lab.reference.image_factory import VALID_DAYS, firmware_payload, signed_image

MANUFACTURER, MODEL = "Halcyon Imaging", "Halcyon Vista 2"
CLEAR_PORT = 514
TIME_PORT = 123
CLOUD_HOST, CLOUD_PORT = "cloud.halcyon.example", 8443
_INSTALLED = {"a": flash.Slot("1.4.0", 4), "b": flash.Slot("1.3.0", 3)}
OTHER_MODEL = "Halcyon Vista 3"
_RELEASES = {
    "newer": flash.Slot("1.5.0", 5),
    "older": flash.Slot("1.3.0", 3),
    "current": flash.Slot("1.4.0", 4),
    "expired": flash.Slot("1.4.8", 4),
    "wrong_model": flash.Slot("1.4.9", 4),
    "spare": flash.Slot("1.6.0", 6),
}
"""All but `older` and `current` are newer than what is installed, and older than `newer`, or newer than that."""
_PASSWORD_CHARACTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Provisioned:
    """What is printed on the label of one device, and what its sensors and the app were given in its box."""

    serial: str
    admin_password: str
    viewer_password: str
    service_password: str
    sensors: Mapping[str, str] = field(default_factory=dict)


def provision(
    folder: Path,
    *,
    defects: Sequence[str],
    address: str,
    address6: str = "",
    collector: str,
    collector_port: int = 6514,
    collector_clear_port: int = CLEAR_PORT,
    cloud_port: int = CLOUD_PORT,
    time_port: int = TIME_PORT,
) -> Provisioned:
    """Make the state of a new device in `folder`; UnknownDefectError for a defect id that there is not.

    `address` is the device's own, for its certificate; `collector` the address of the log collector.
    """
    planted = Defects(defects)
    serial = f"HV2-{secrets.token_hex(4)}"
    service_password = serial if planted("password_is_serial") else _password()
    paired = {name: _password() for name in (DOOR, WINDOW, COMPANION)}
    label = Provisioned(serial, _password(), _password(), service_password, paired)
    store, lab = folder / "flash", folder / "lab"
    store.mkdir(parents=True)
    flash.key_store(store).mkdir(mode=0o700)
    (lab / "images").mkdir(parents=True)
    config = _config(label, planted)
    config["collector"] = {"address": collector, "port": collector_port, "clear_port": collector_clear_port}
    config["time_source"] = {"address": collector, "port": time_port}
    config["address6"] = address6
    # A static host entry: the lab answers for the cloud at the address of its collector.
    config["cloud"] = {"host": CLOUD_HOST, "address": collector, "port": cloud_port}
    flash.write_json(store / flash.CONFIG, config)
    passwords = {"admin": label.admin_password, "viewer": label.viewer_password}
    flash.write_json(
        flash.key_store(store) / flash.DIGESTS, {user: digest_secret(user, word) for user, word in passwords.items()}
    )
    flash.write_json(flash.key_store(store) / flash.SENSORS, paired)
    _make_certificates(store, lab, label.serial, address, collector, planted)
    _make_keys_and_firmware(store, lab)
    leave_secrets(store, planted, label.admin_password)
    flash.remember_factory_state(store)
    for private in (*store.glob("*key*"), *flash.key_store(store).iterdir(), *lab.glob("*_key.pem")):
        private.chmod(0o600)
    (store / flash.CONFIG).chmod(0o600)
    return label


def _password() -> str:
    return "".join(secrets.choice(_PASSWORD_CHARACTERS) for _ in range(16))


def _config(label: Provisioned, defects: Defects) -> dict[str, Any]:
    people = (
        Account.create("admin", accounts.ADMINISTRATOR, (accounts.HTTP, accounts.HTTP_API), label.admin_password),
        Account.create("viewer", accounts.VIEWER, (accounts.HTTP, accounts.RTSP), label.viewer_password),
        Account.create("service", accounts.MAINTENANCE, (accounts.SSH, accounts.CONSOLE), label.service_password),
    )
    config: dict[str, Any] = {
        "manufacturer": MANUFACTURER,
        "model": MODEL,
        "serial": label.serial,
        "mac": "02:" + ":".join(f"{octet:02x}" for octet in secrets.token_bytes(5)),
        "accounts": [account.stored() for account in people],
        "settings": {"device_name": "camera", "osd_text": ""},
        "defects": list(defects),
    }
    return config


def _make_certificates(store: Path, lab: Path, serial: str, address: str, collector: str, defects: Defects) -> None:
    product_ca = pki.authority("Halcyon Product CA")
    (lab / "product_ca.pem").write_bytes(product_ca.certificate_pem)
    for credential, suffix in zip(
        pki.device_credentials(product_ca, serial, address, defects), ("", "_rsa"), strict=False
    ):
        (store / f"tls_cert{suffix}.pem").write_bytes(credential.certificate_pem)
        (flash.key_store(store) / f"tls_key{suffix}.pem").write_bytes(credential.key_pem)
    if defects("tls_anon"):
        (store / DH_PARAMETERS).write_bytes(pki.dh_parameters_pem())
    collector_ca = pki.authority("Log Collector CA")
    (store / "collector_ca.pem").write_bytes(collector_ca.certificate_pem)
    credential = pki.collector_credential(collector_ca, collector)
    (lab / "collector_cert.pem").write_bytes(credential.certificate_pem)
    (lab / "collector_key.pem").write_bytes(credential.key_pem)
    cloud_ca = pki.authority("Halcyon Cloud CA")
    (store / "cloud_ca.pem").write_bytes(cloud_ca.certificate_pem)
    (lab / "cloud_ca.pem").write_bytes(cloud_ca.certificate_pem)
    (lab / "cloud_ca_key.pem").write_bytes(cloud_ca.key_pem)


def _make_keys_and_firmware(store: Path, lab: Path) -> None:
    host_key = Ed25519PrivateKey.generate()
    (flash.key_store(store) / "ssh_host_key").write_bytes(
        host_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
    )
    vendor = Ed25519PrivateKey.generate()
    (store / UPDATE_KEY).write_bytes(
        vendor.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    for name, slot in _INSTALLED.items():
        (store / f"slot_{name}.bin").write_bytes(firmware_payload(slot.version))
    slots = {name: {"version": s.version, "rollback_counter": s.rollback_counter} for name, s in _INSTALLED.items()}
    flash.write_json(store / flash.SLOTS, {"active": "a", "slots": slots})
    for name, slot in _RELEASES.items():
        payload = firmware_payload(slot.version)
        image = signed_image(
            vendor,
            model=OTHER_MODEL if name == "wrong_model" else MODEL,
            version=slot.version,
            rollback_counter=slot.rollback_counter,
            payload=payload,
            valid_days=-1 if name == "expired" else VALID_DAYS,
        )
        (lab / "images" / f"{name}.tar").write_bytes(image)
