"""The end of the production line: gives one device its disk, identity, accounts, keys and certificates.

What is the device's own lies on a factory disk, a tar that the guest unpacks at each start and never writes; `lab/`
holds what its lab keeps. No two devices share a secret.
"""

import io
import ipaddress
import secrets
import string
import struct
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trustprobe.errors import ConfigurationError
from virtual_lab.firmware import passwords, planted
from virtual_lab.firmware.build import Firmware
from virtual_lab.firmware.image import keys
from virtual_lab.reference import pki

MANUFACTURER, MODEL = "Halcyon Imaging", "Halcyon Hub"
CLOUD_HOST, CLOUD_PORT = "cloud.halcyon.example", 8443
COLLECTOR_PORT: Final = 6514
TIME_PORT: Final = 123
COLLECTOR_NAME: Final = "collector.halcyon.example"
"""The name in the collector's certificate that rsyslog asks for."""
FACTORY_OCTETS: Final = 1 << 20
_PASSWORD_CHARACTERS = string.ascii_letters + string.digits
_ENGINE = b"\x80\x00\x7e\xd9\x03"
"""An SNMP engine id of the documentation's enterprise number (RFC 3411, 5), by MAC address."""
_SHARED = b"the same in every device".ljust(32, b".")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Provisioned:
    """What is printed on the label of one device, and its files in the folder that it was provisioned into."""

    folder: Path
    serial: str
    mac: str
    admin_password: str
    viewer_password: str
    service_password: str
    monitor_password: str

    @property
    def disk(self) -> Path:
        """The disk: two slots and the data."""
        return self.folder / "disk.img"

    @property
    def factory(self) -> Path:
        """The factory disk, which stands for a store in the chip: no one can read it out."""
        return self.folder / "factory.img"

    @property
    def flash(self) -> Path:
        """The flash with U-Boot's environment."""
        return self.folder / "flash.img"

    @property
    def lab(self) -> Path:
        """What the lab keeps: product_ca.pem, collector_cert.pem and its key, cloud_ca.pem and its key."""
        return self.folder / "lab"


def provision(
    folder: Path,
    firmware: Firmware,
    *,
    collector: str,
    cloud: str,
    address: str,
    address6: str = "",
    gateway: str = "",
    certificate_address: str = "",
    collector_port: int = COLLECTOR_PORT,
    cloud_port: int = CLOUD_PORT,
    time_port: int = TIME_PORT,
) -> Provisioned:
    """Make a new device in `folder`; its flaws are those that `firmware` was built with.

    `address` is the device's own (/24), `certificate_address` the one that its lab reaches it at where that is another.
    The time server is at the collector's address. Raises ConfigurationError where the folder holds a device already.
    """
    lab = _new_lab(folder)
    flaws = planted.labels(firmware.defects)
    label = _label(folder, flaws)
    _copy_sparse(firmware.disk, label.disk)
    _copy_sparse(firmware.flash, label.flash)
    files = _accounts(label, flaws)
    addresses = [address, certificate_address or address, *([address6] if address6 else [])]
    files |= _server_key(label, firmware, sorted(set(addresses)), flaws)
    files |= _notes_key(label)
    files |= _lab_files(lab, firmware, collector)
    settings = {
        "SERIAL": label.serial,
        "MAC": label.mac,
        "ADDRESS": address,
        "ADDRESS6": address6,
        "GATEWAY": gateway,
        "COLLECTOR": collector,
        "COLLECTOR_PORT": str(collector_port),
        "COLLECTOR_NAME": COLLECTOR_NAME,
        "TIME_SERVER": collector,
        "TIME_PORT": str(time_port),
        "CLOUD": cloud,
        "CLOUD_HOST": CLOUD_HOST,
        "CLOUD_PORT": str(cloud_port),
    }
    files["factory.conf"] = "".join(f"{name}='{value}'\n" for name, value in settings.items()).encode()
    label.factory.write_bytes(factory_disk(files))
    for private in (label.factory, *lab.glob("*_key.pem")):
        private.chmod(0o600)
    return label


def _new_lab(folder: Path) -> Path:
    lab = folder / "lab"
    try:
        lab.mkdir(parents=True)
    except FileExistsError as error:
        raise ConfigurationError(f"{folder} already holds a device.", "Name a new folder.") from error
    return lab


def factory_disk(files: dict[str, bytes]) -> bytes:
    """Return a factory disk: a tar of private files, as large as the disk is."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    return written.getvalue().ljust(FACTORY_OCTETS, b"\0")


def ssh_host_key(seed: bytes) -> bytes:
    """Return an Ed25519 host key of a 32-octet seed as OpenSSH stores it."""
    return Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )


def dropbear_host_key(seed: bytes) -> bytes:
    """Return an Ed25519 host key of a 32-octet seed as dropbear stores it."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    pair = seed + public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    kind = b"ssh-ed25519"
    return struct.pack(">I", len(kind)) + kind + struct.pack(">I", len(pair)) + pair


def _label(folder: Path, flaws: frozenset[str]) -> Provisioned:
    serial = f"HH1-{secrets.token_hex(4)}"
    service = "service" if "service_password" in flaws else serial if "service_is_serial" in flaws else _password()
    mac = "02:" + ":".join(f"{octet:02x}" for octet in secrets.token_bytes(5))
    admin = "admin" if "admin_admin" in flaws else _password()
    return Provisioned(
        folder,
        serial,
        mac,
        admin_password=admin,
        viewer_password=_password(),
        service_password=service,
        monitor_password=_password(),
    )


def _password() -> str:
    return "".join(secrets.choice(_PASSWORD_CHARACTERS) for _ in range(16))


def _accounts(label: Provisioned, flaws: frozenset[str]) -> dict[str, bytes]:
    """Return the stored passwords, each in the form of the program that reads it, and the SSH host key."""
    root = passwords.crypt("root") if "root_password" in flaws else "!"
    locked = "".join(
        f"{user}:!:19000::::::\n" for user in ("www-data", "mosquitto", "snmp", "avahi", "chrony", "sshd", "nobody")
    )
    shadow = f"root:{root}:19000::::::\nservice:{passwords.crypt(label.service_password)}:19000::::::\n{locked}"
    people = {"admin": ("administrator", label.admin_password), "viewer": ("viewer", label.viewer_password)}
    web = "".join(f"{user}:{role}:{passwords.crypt(password)}\n" for user, (role, password) in people.items())
    broker = "".join(f"{user}:{passwords.mosquitto(password)}\n" for user, (_, password) in people.items())
    engine = _ENGINE + bytes.fromhex(label.mac.replace(":", ""))
    seed = _SHARED if "shared_ssh_host_key" in flaws else secrets.token_bytes(32)
    return {
        "shadow": shadow.encode(),
        "web_users": web.encode(),
        "broker_users": broker.encode(),
        "snmp_engine": f"exactEngineID 0x{engine.hex()}\n".encode(),
        "snmp_users": passwords.snmp_user("monitor", label.monitor_password, engine).encode(),
        "ssh_host_key": dropbear_host_key(seed) if "dropbear_host_key" in flaws else ssh_host_key(seed),
    }


def _server_key(
    label: Provisioned, firmware: Firmware, addresses: list[str], flaws: frozenset[str]
) -> dict[str, bytes]:
    """Return the key of the device's TLS servers and its certificate from the CA of the product."""
    shared = "shared_tls_key" in flaws
    key = ec.derive_private_key(int.from_bytes(_SHARED, "big") >> 8, ec.SECP256R1()) if shared else _new_key()
    issuer = keys.load_product_ca(firmware.keys)
    subject = _name(label.serial)
    self_signed = "certificate_self_signed" in flaws
    now = datetime.now(UTC)
    begin, end = (
        (now - 400 * _DAY, now - 2 * _DAY) if "certificate_expired" in flaws else (now - _DAY, now + 365 * _DAY)
    )
    names = _names(label.serial, addresses)
    if "certificate_wrong_name" in flaws:
        names = [x509.DNSName("bell.local")]
    certificate = _server_certificate(
        subject if self_signed else issuer.certificate.subject,
        key if self_signed else issuer.key,
        subject,
        key,
        names,
        begin=begin,
        end=end,
    )
    credential = pki.Credential(certificate, key)
    return {"tls_cert.pem": credential.certificate_pem, "tls_key.pem": credential.key_pem}


def _notes_key(label: Provisioned) -> dict[str, bytes]:
    """Return the key that the device keeps its customer's notes under, and the certificate that openssl asks for."""
    key, now, name = _new_key(), datetime.now(UTC), _name(f"{label.serial} notes")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 3650 * _DAY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_only("key_agreement"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    credential = pki.Credential(certificate, key)
    return {"notes_cert.pem": credential.certificate_pem, "notes_key.pem": credential.key_pem}


def _server_certificate(
    issuer: x509.Name,
    issuer_key: pki.PrivateKey,
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    names: list[x509.GeneralName],
    begin: datetime,
    end: datetime,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_only("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _collector(issuer: pki.Credential, address: str) -> pki.Credential:
    """Issue the certificate of the log collector, by name as rsyslog asks for it, and by address."""
    key, now = _new_key(), datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName(COLLECTOR_NAME), x509.IPAddress(ipaddress.ip_address(address))]
    subject, issued_by = _name(COLLECTOR_NAME), issuer.certificate.subject
    begin, end = now - _DAY, now + 365 * _DAY
    certificate = _server_certificate(issued_by, issuer.key, subject, key, names, begin=begin, end=end)
    return pki.Credential(certificate, key)


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _names(serial: str, addresses: list[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(f"{serial.lower()}.local"), x509.DNSName("hub.local")]
    return names + [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, MANUFACTURER),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


_USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def _only(use: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name == use for name in _USES})


def _lab_files(lab: Path, firmware: Firmware, collector: str) -> dict[str, bytes]:
    """Make the collector's certificate and the cloud's CA; return the CA certificates that the device is given."""
    (lab / "product_ca.pem").write_bytes((firmware.keys / f"{keys.PRODUCT_CA}.crt").read_bytes())
    collector_ca, cloud_ca = pki.authority("Log Collector CA"), pki.authority("Halcyon Cloud CA")
    credential = _collector(collector_ca, collector)
    (lab / "collector_cert.pem").write_bytes(credential.certificate_pem)
    (lab / "collector_key.pem").write_bytes(credential.key_pem)
    (lab / "cloud_ca.pem").write_bytes(cloud_ca.certificate_pem)
    (lab / "cloud_ca_key.pem").write_bytes(cloud_ca.key_pem)
    return {"collector_ca.pem": collector_ca.certificate_pem, "cloud_ca.pem": cloud_ca.certificate_pem}


def _copy_sparse(source: Path, target: Path) -> None:
    """Copy an image and leave its holes."""
    with source.open("rb") as read, target.open("wb") as written:
        while chunk := read.read(1 << 20):
            if chunk.strip(b"\0"):
                written.write(chunk)
            else:
                written.seek(len(chunk), io.SEEK_CUR)
        written.truncate(source.stat().st_size)
