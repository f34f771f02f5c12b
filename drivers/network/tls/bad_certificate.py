"""Certificates that no device may trust, made fresh for a run; each has one thing wrong, and only that."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    CertificatePublicKeyTypes,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trustprobe.errors import BenchError

_DAY = timedelta(days=1)
OTHER_HOST = "another-host.invalid"
"""The name in a certificate that is for somebody else (RFC 6761, 6.4: nobody has it)."""


@dataclass(frozen=True)
class Issued:
    """A certificate with its chain, and its key, as two PEM files; `kind` says what is wrong with it."""

    kind: str
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """A CA that signs for the harness; the device under test trusts it."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes

    @classmethod
    def load(cls, certificate: Path, key: Path) -> "Authority":
        """Read both PEM files; BenchError where they cannot be used."""
        try:
            private = serialization.load_pem_private_key(key.read_bytes(), None)
            read = cls(x509.load_pem_x509_certificate(certificate.read_bytes()), private)  # type: ignore[arg-type]
            if read.certificate.public_key() != read.key.public_key():
                raise ValueError("the key does not belong to the certificate")
        except (OSError, ValueError, TypeError) as error:
            raise BenchError(
                f"the CA {certificate.name} with the key {key.name} cannot be used: {error}.",
                "Correct `cloud.ca_certificate` and `cloud.ca_key` in the bench file. Both are PEM files.",
            ) from error
        return read

    @property
    def issuer(self) -> "_Issuer":
        """What the certificates that it signs say of it; its key goes by the identifier that its certificate gives."""
        try:
            own = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        except (x509.ExtensionNotFound, ValueError):
            own = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        return _Issuer(self.certificate.subject, self.key, own)


@dataclass(frozen=True)
class _Issuer:
    """Who signs: a name, a key, and the identifier of the key."""

    name: x509.Name
    key: CertificateIssuerPrivateKeyTypes
    identifier: x509.SubjectKeyIdentifier

    @classmethod
    def of(cls, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> "_Issuer":
        """A key whose identifier is computed (RFC 5280, 4.2.1.2)."""
        return cls(name, key, x509.SubjectKeyIdentifier.from_public_key(key.public_key()))


@dataclass(frozen=True)
class _Wish:
    """What one kind of certificate differs in."""

    host: str
    begin: datetime
    end: datetime
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH


def issue(kind: str, host: str, authority: Authority, folder: Path) -> Issued:
    """Write a server certificate for a host name of one of the `KINDS`, or a `good` one, with its key.

    Everything but what the kind names is right, so that a refusal is about that alone. KeyError for another kind.
    """
    now = datetime.now(UTC)
    sign, change = _KINDS[kind]
    key = ec.generate_private_key(ec.SECP256R1())
    chain = sign(change(_Wish(host, now - _DAY, now + 30 * _DAY), now), key, authority)
    return _write(kind, chain, key, folder)


def _write(kind: str, chain: list[x509.Certificate], key: ec.EllipticCurvePrivateKey, folder: Path) -> Issued:
    files = Issued(kind, folder / f"{kind}_cert.pem", folder / f"{kind}_key.pem")
    files.certificate.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    files.key.touch(0o600)
    files.key.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return files


def unknown_ca(address: str, folder: Path) -> tuple[Path, Path]:
    """Write a certificate for an IP address that only itself vouches for, and its key; return both PEM files.

    Everything but the issuer is right (name, dates, usage), so that a refusal is about the trust anchor alone.
    """
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _leaf(_Wish(address, now - _DAY, now + 30 * _DAY), key, _Issuer.of(_name(address), key))
    issued = _write("unknown_ca", [certificate], key, folder)
    return issued.certificate, issued.key


Chain = list[x509.Certificate]
Signer = Callable[[_Wish, ec.EllipticCurvePrivateKey, Authority], Chain]


def _by_authority(wish: _Wish, key: ec.EllipticCurvePrivateKey, authority: Authority) -> Chain:
    return [_leaf(wish, key, authority.issuer)]


def _by_itself(wish: _Wish, key: ec.EllipticCurvePrivateKey, _authority: Authority) -> Chain:
    return [_leaf(wish, key, _Issuer.of(_name(wish.host), key))]


def _by_stranger(wish: _Wish, key: ec.EllipticCurvePrivateKey, authority: Authority) -> Chain:
    """Sign with a CA of the trusted one's name and key identifier, and send that CA along: its key alone is another."""
    stranger = replace(authority.issuer, key=ec.generate_private_key(ec.SECP256R1()))
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    root = (
        _builder(stranger.name, stranger, stranger.key.public_key(), (wish.begin, wish.end))
        .add_extension(stranger.identifier, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(stranger.key, hashes.SHA256())
    )
    return [_leaf(wish, key, stranger), root]


def _by_leaf(wish: _Wish, key: ec.EllipticCurvePrivateKey, authority: Authority) -> Chain:
    """Sign with a good server certificate of another host, which is no CA (RFC 5280, 4.2.1.9)."""
    middle = ec.generate_private_key(ec.SECP256R1())
    other = _leaf(replace(wish, host=OTHER_HOST), middle, authority.issuer)
    return [_leaf(wish, key, _Issuer.of(other.subject, middle)), other]


_KINDS: dict[str, tuple[Signer, Callable[[_Wish, datetime], _Wish]]] = {
    "good": (_by_authority, lambda wish, _: wish),
    "self_signed": (_by_itself, lambda wish, _: wish),
    "unknown_ca": (_by_stranger, lambda wish, _: wish),
    "expired": (_by_authority, lambda wish, now: replace(wish, begin=now - 30 * _DAY, end=now - _DAY)),
    "not_yet_valid": (_by_authority, lambda wish, now: replace(wish, begin=now + _DAY, end=now + 30 * _DAY)),
    "wrong_host": (_by_authority, lambda wish, _: replace(wish, host=OTHER_HOST)),
    "wrong_usage": (_by_authority, lambda wish, _: replace(wish, usage=ExtendedKeyUsageOID.CLIENT_AUTH)),
    "no_ca_bit": (_by_leaf, lambda wish, _: wish),
}
KINDS = tuple(kind for kind in _KINDS if kind != "good")
"""What can be wrong with a certificate."""


def _leaf(wish: _Wish, key: ec.EllipticCurvePrivateKey, issuer: _Issuer) -> x509.Certificate:
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    own_hash = isinstance(issuer.key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return (
        _builder(_name(wish.host), issuer, key.public_key(), (wish.begin, wish.end))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(wish.host)]), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([wish.usage]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(issuer.key, None if own_hash else hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: _Issuer, key: CertificatePublicKeyTypes, dates: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer.identifier)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(dates[0])
        .not_valid_after(dates[1])
        .add_extension(signed_by, critical=False)
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])
