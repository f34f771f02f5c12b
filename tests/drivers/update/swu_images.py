"""Images of swupdate for the tests: a maker's certificate, and archives that he signs."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from drivers.update.swu import Archive, Part


@cache
def maker_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def maker_certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "maker")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(maker_key().public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(maker_key().public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(maker_key().public_key()), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .sign(maker_key(), hashes.SHA256())
    )


@cache
def cms(described: bytes) -> bytes:
    """Sign once: the time of the signature is part of it, and two of them would differ by the second."""
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities]
    builder = pkcs7.PKCS7SignatureBuilder().set_data(described)
    return builder.add_signer(maker_certificate(), maker_key(), hashes.SHA256()).sign(Encoding.DER, options)


def raw_rsa(described: bytes) -> bytes:
    return maker_key().sign(described, padding.PKCS1v15(), hashes.SHA256())


@dataclass(frozen=True)
class Swu:
    """An image before it is put together."""

    version: str = "1.2.0"
    payload: bytes = b"\x5a" * 3_001
    destination: str = "/dev/null"
    magic: bytes = b"070702"
    raw: bool = False
    described: str = field(
        default='software = { version = "%s"; min-version = "9"; hardware-compatibility: [ "1.0" ];\n'
        ' files: ( { filename = "app.bin"; path = "%s"; sha256 = "%s"; } ); }\n'
    )

    def archive(self) -> Archive:
        digest = hashlib.sha256(self.payload).hexdigest()
        described = (self.described % (self.version, self.destination, digest)).encode()
        signature = raw_rsa(described) if self.raw else cms(described)
        members = (("sw-description", described), ("sw-description.sig", signature), ("app.bin", self.payload))
        fields = (0, 0o100644, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)
        return Archive(self.magic, tuple(Part(name, content, fields) for name, content in members))

    def octets(self) -> bytes:
        return self.archive().octets()
