"""The keys of the maker: one that signs what boots, a CA whose signer signs updates, and the CA of the web servers.

They are made once for each base of the cache, and never leave it but for their public halves, which are in the device.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from virtual_lab.reference import pki

BOOT: Final = "boot"
UPDATE_CA, UPDATE_SIGNER, PRODUCT_CA = "update_ca", "update_signer", "product_ca"
_RSA_BITS = 2048
_DAY = timedelta(days=1)


def make(folder: Path) -> None:
    """Make `<name>.crt` and `<name>.key` (PEM) of the boot key, the update CA and signer, and the product CA."""
    folder.mkdir(mode=0o700, parents=True)
    boot = _rsa_key()
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
    _write(folder, BOOT, _certificate("Halcyon boot", boot, "Halcyon boot", boot, usage), boot)
    authority = _rsa_key()
    _write(folder, UPDATE_CA, _certificate("Halcyon Update CA", authority, "Halcyon Update CA", authority), authority)
    signer = _rsa_key()
    # swupdate verifies CMS with the purpose S/MIME, which requires this usage.
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    certificate = _certificate("Halcyon Update CA", authority, "Halcyon update signer", signer, usage)
    _write(folder, UPDATE_SIGNER, certificate, signer)
    product = pki.authority("Halcyon Hub CA")
    (folder / f"{PRODUCT_CA}.crt").write_bytes(product.certificate_pem)
    (folder / f"{PRODUCT_CA}.key").write_bytes(product.key_pem)
    for path in folder.glob("*.key"):
        path.chmod(0o600)


def load_product_ca(folder: Path) -> pki.Credential:
    """Return the CA that issues the certificates of the devices' servers."""
    key = serialization.load_pem_private_key((folder / f"{PRODUCT_CA}.key").read_bytes(), None)
    certificate = x509.load_pem_x509_certificate((folder / f"{PRODUCT_CA}.crt").read_bytes())
    assert isinstance(key, pki.PrivateKey)
    return pki.Credential(certificate, key)


def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, _RSA_BITS)


def _certificate(
    issuer: str,
    issuer_key: rsa.RSAPrivateKey,
    subject: str,
    key: rsa.RSAPrivateKey,
    usage: x509.ExtendedKeyUsage | None = None,
) -> x509.Certificate:
    """Certify a key for a usage; without one it is a CA's (RFC 5280, 4.2.1)."""
    now = datetime.now(UTC)
    ca = usage is None
    builder = (
        x509.CertificateBuilder()
        .issuer_name(_name(issuer))
        .subject_name(_name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 3650 * _DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if usage is not None:
        builder = builder.add_extension(usage, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _write(folder: Path, name: str, certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> None:
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{name}.key").write_bytes(pem)
