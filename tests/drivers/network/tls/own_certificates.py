"""Certificates of a lab for these tests, each with what is asked for and everything else right (RFC 5280, 4.2.1)."""

import warnings
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DAY = timedelta(days=1)
CA_USAGE = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
SERVER_USAGE = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
OF_A_CA = x509.BasicConstraints(ca=True, path_length=None)
HOST = "cloud.example"


@dataclass(frozen=True)
class Plan:
    """A certificate to be made: an extension that is None is left out."""

    subject: str = "Lab CA"
    key: Key = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    constraints: x509.BasicConstraints | None = OF_A_CA
    constraints_critical: bool = True
    usage: x509.KeyUsage | None = CA_USAGE
    purposes: tuple[x509.ObjectIdentifier, ...] = ()
    names: tuple[str, ...] = ()
    has_ski: bool = True
    has_aki: bool = False
    aki_critical: bool = False
    begin: timedelta = -DAY
    end: timedelta = 9 * DAY
    sha1: bool = False

    def signed_by(self, issuer: "Plan | None" = None) -> x509.Certificate:
        """Make it; without an issuer it signs itself."""
        other = issuer or self
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(self.subject))
            .issuer_name(_name(other.subject))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + self.begin)
            .not_valid_after(now + self.end)
        )
        for value, critical in self._extensions(other.key):
            if value is not None:
                builder = builder.add_extension(value, critical=critical)
        made = builder.sign(other.key, hashes.SHA256())
        return _sha1(made, other.key) if self.sha1 else made

    def _extensions(self, signer: Key) -> list[tuple[x509.ExtensionType | None, bool]]:
        identifier = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        return [
            (self.constraints, self.constraints_critical),
            (self.usage, True),
            (x509.ExtendedKeyUsage(self.purposes) if self.purposes else None, False),
            (x509.SubjectAlternativeName(list(map(x509.DNSName, self.names))) if self.names else None, False),
            (identifier if self.has_ski else None, False),
            (signed_by if self.has_aki else None, self.aki_critical),
        ]


CA = Plan()
SERVER = Plan(
    subject=HOST,
    constraints=x509.BasicConstraints(ca=False, path_length=None),
    usage=SERVER_USAGE,
    purposes=(ExtendedKeyUsageOID.SERVER_AUTH,),
    names=(HOST,),
    has_aki=True,
)
FAULTS_OF_A_CA = {
    "has no keyUsage (4.2.1.3)": replace(CA, usage=None),
    "may not sign certificates: its keyUsage lacks keyCertSign (4.2.1.3)": replace(CA, usage=SERVER_USAGE),
    "has no basicConstraints (4.2.1.9)": replace(CA, constraints=None),
    "is not a CA: its basicConstraints are CA:FALSE (4.2.1.9)": replace(CA, constraints=SERVER.constraints),
    "has basicConstraints that are not critical (4.2.1.9)": replace(CA, constraints_critical=False),
    "has no subjectKeyIdentifier (4.2.1.2)": replace(CA, has_ski=False),
    "has a critical authorityKeyIdentifier (4.2.1.1, 4.2.1.2)": replace(CA, has_aki=True, aki_critical=True),
    "expired on ": replace(CA, begin=-9 * DAY, end=-DAY),
    "is valid only from ": replace(CA, begin=DAY),
    "is signed with SHA1": replace(CA, sha1=True),
    "has a key of 1024 bits, but needs at least 2048": replace(CA, key=rsa.generate_private_key(65537, 1024)),
    "has a key of 192 bits, but needs at least 256": replace(CA, key=ec.generate_private_key(ec.SECP192R1())),
    "has no name (4.1.2.6)": replace(CA, subject=""),
}
"""How the objection of a strict device to a CA begins, and a CA with that fault alone."""
FAULTS_OF_A_SERVER = {
    "has no authorityKeyIdentifier (4.2.1.1)": replace(SERVER, has_aki=False),
    "may sign certificates but is not a CA (4.2.1.3)": replace(
        SERVER, usage=x509.KeyUsage(True, False, False, False, False, True, False, False, False)
    ),
    "is a CA certificate, not a server certificate": replace(SERVER, constraints=CA.constraints),
    "has a keyUsage without digitalSignature": replace(
        SERVER, usage=x509.KeyUsage(False, False, True, False, False, False, False, False, False)
    ),
    "is not for servers: its extendedKeyUsage lacks serverAuth": replace(
        SERVER, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,)
    ),
    "names no host in subjectAltName (RFC 9525)": replace(SERVER, names=()),
    "expired on ": replace(SERVER, begin=-9 * DAY, end=-DAY),
    "is signed with SHA1": replace(SERVER, sha1=True),
    "has a key of 1024 bits, but needs at least 2048": replace(SERVER, key=rsa.generate_private_key(65537, 1024)),
}
"""The same for the certificate of a server."""


def write(folder: Path, name: str, certificates: list[x509.Certificate], key: Key) -> tuple[Path, Path]:
    """Write a chain and its key as PEM files."""
    pem = serialization.Encoding.PEM
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(b"".join(one.public_bytes(pem) for one in certificates))
    files[1].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return files


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])


def _sha1(certificate: x509.Certificate, signer: Key) -> x509.Certificate:
    """Sign again with SHA-1, which the cryptography library refuses to do."""
    from OpenSSL import crypto

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = crypto.X509.from_cryptography(certificate)
        again.sign(crypto.PKey.from_cryptography_key(signer), "sha1")
        return again.to_cryptography()
