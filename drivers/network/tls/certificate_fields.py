"""What a certificate holds, field by field: by cryptography and OpenSSL where they read it, else by its own bytes.

Each field is read on its own, from a certificate that has nothing else in it, so that a malformed part hides no other.
"""

import base64
import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto

from drivers.network.tls.certificate_bytes import (
    CertificateBytes,
    CertificateDecodeError,
    read_certificate,
    read_key,
    read_time,
    skeleton,
    time_remark,
)
from trustprobe.probe import Frozen, printable

NAMES = 200
"""Names of one kind that are kept of a certificate."""
NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME; pyOpenSSL has no name for it
_SIGNATURE_FAILURE = 7  # X509_V_ERR_CERT_SIGNATURE_FAILURE
_KEY_TYPES = {6: "RSA", 116: "DSA", 408: "EC", 912: "RSA-PSS", 1087: "Ed25519", 1088: "Ed448"}
_HASHES = {
    "1.2.840.113549.1.1.2": "md2",
    "1.2.840.113549.1.1.3": "md4",
    "1.2.840.113549.1.1.15": "sha512-224",
    "1.2.840.113549.1.1.16": "sha512-256",
    "1.3.14.3.2.2": "md4",
    "1.3.14.3.2.3": "md5",
    "1.3.14.3.2.4": "md4",
    "1.3.14.3.2.25": "md5",
    "1.3.14.3.2.27": "sha1",
    "1.3.14.3.2.29": "sha1",
    "1.3.36.3.3.1.2": "ripemd160",
    "1.3.101.112": "sha512",
    "1.3.101.113": "shake256",
}
"""The hash of signatures that cryptography does not know, or that name none: RFC 8017, OIW, TeleTrusT, RFC 8410."""
_USAGES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.CODE_SIGNING: "codeSigning",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "emailProtection",
    ExtendedKeyUsageOID.TIME_STAMPING: "timeStamping",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSPSigning",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "anyExtendedKeyUsage",
}
Part = TypeVar("Part")


class CertificateKey(Frozen):
    """Key and signature of one certificate of a chain."""

    subject: str = ""
    key_type: str = ""
    key_bits: int = 0
    signature_hash: str = ""
    self_signed: bool = False


@dataclass
class CertificateFields:
    """The fields of one certificate as far as they can be read, why others cannot, and what is odd about it."""

    known: dict[str, object] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    public_key_sha256: str = ""
    """In base64 (RFC 7469, 2.4)."""

    def read(self, name: str, part: Callable[[], object]) -> None:
        """Read one field. An extension that is not there leaves it empty."""
        try:
            self.known[name] = part()
        except (x509.ExtensionNotFound, KeyError):
            return
        except (ValueError, TypeError, UnsupportedAlgorithm, crypto.Error, x509.DuplicateExtension) as error:
            self.unread[name] = printable(str(error), 120)


def read_fields(der: bytes, loaded: crypto.X509 | None) -> CertificateFields:
    """Read each field on its own. `loaded` is the certificate as OpenSSL reads it, None where it does not.

    Raises CertificateDecodeError where the bytes have not even the frame of a certificate.
    """
    parts = read_certificate(der)
    digest = base64.b64encode(hashlib.sha256(parts.spki).digest()).decode()
    found = CertificateFields(remarks=list(parts.remarks), public_key_sha256=digest)
    found.read("subject", lambda: _name_of(parts.subject))
    found.read("issuer", lambda: _name_of(parts.issuer))
    for name, number in (("not_before", 0), ("not_after", 1)):
        found.read(name, lambda number=number: _time(parts, number, found.remarks))  # type: ignore[misc]
    found.read("dns_names", lambda: _texts(_alternative_names(parts).get_values_for_type(x509.DNSName)))
    found.read("ip_addresses", lambda: _texts(_alternative_names(parts).get_values_for_type(x509.IPAddress)))
    found.read("key_type", lambda: _key(parts)[0])
    found.read("key_bits", lambda: _key(parts)[1])
    found.read("signature_hash", lambda: _signature_hash(parts))
    found.read("extended_key_usage", lambda: _usages(parts))
    found.read("is_ca", lambda: _is_ca(parts))
    found.read("self_signed", lambda: _self_signed(parts, loaded))
    return found


def read_chain_key(der: bytes) -> CertificateKey:
    """Return key and signature of a certificate that is not the first of its chain; empty where they cannot be read."""
    with contextlib.suppress(CertificateDecodeError):
        known = read_fields(der, load(der)).known
        return CertificateKey.model_validate(
            {name: known[name] for name in CertificateKey.model_fields if name in known}
        )
    return CertificateKey()


def load(der: bytes) -> crypto.X509 | None:
    """Return a certificate as OpenSSL reads it; None where it does not."""
    with contextlib.suppress(crypto.Error):
        return crypto.load_certificate(crypto.FILETYPE_ASN1, der)
    return None


def _name_of(name: bytes) -> str:
    return printable(x509.load_der_x509_certificate(skeleton(subject=name)).subject.rfc4514_string(), 500)


def _time(parts: CertificateBytes, number: int, remarks: list[str]) -> datetime:
    if len(parts.times) <= number:
        raise CertificateDecodeError("it is not there")
    when = read_time(*parts.times[number])
    if remark := time_remark(*parts.times[number]):
        remarks.append(remark)
    return when


def _extension(parts: CertificateBytes, number: x509.ObjectIdentifier) -> x509.Extensions:
    """Return one extension alone. KeyError where it is not there."""
    if number.dotted_string in parts.doubled:
        raise CertificateDecodeError("the extension stands in it more than once")
    alone = skeleton(extension=parts.extensions[number.dotted_string])
    return x509.load_der_x509_certificate(alone).extensions


def _alternative_names(parts: CertificateBytes) -> x509.SubjectAlternativeName:
    alone = _extension(parts, x509.SubjectAlternativeName.oid)
    return alone.get_extension_for_class(x509.SubjectAlternativeName).value


def _texts(values: list[Part]) -> tuple[str, ...]:
    return tuple(printable(str(value), 300) for value in values[:NAMES])


def _usages(parts: CertificateBytes) -> tuple[str, ...]:
    alone = _extension(parts, x509.ExtendedKeyUsage.oid)
    listed = alone.get_extension_for_class(x509.ExtendedKeyUsage).value
    return tuple(_USAGES.get(usage, usage.dotted_string) for usage in list(listed)[:NAMES])


def _is_ca(parts: CertificateBytes) -> bool:
    alone = _extension(parts, x509.BasicConstraints.oid)
    return alone.get_extension_for_class(x509.BasicConstraints).value.ca


def _key(parts: CertificateBytes) -> tuple[str, int]:
    """By OpenSSL, because cryptography refuses the keys that a weak device has; else by the bytes alone."""
    try:
        key = crypto.load_publickey(crypto.FILETYPE_ASN1, parts.spki)
        kind, bits = key.type(), key.bits()
    except (crypto.Error, ValueError):
        return read_key(parts.spki)
    return _KEY_TYPES.get(kind, f"type {kind}"), bits


def _signature_hash(parts: CertificateBytes) -> str:
    number = parts.signed_with
    try:
        used = x509.load_der_x509_certificate(skeleton(algorithm=parts.algorithm)).signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        used = None
    return used.name if used is not None else _HASHES.get(number, number)


def _self_signed(parts: CertificateBytes, loaded: crypto.X509 | None) -> bool:
    """Whether the certificate names itself as issuer and its own key made the signature."""
    if parts.issuer != parts.subject:
        return False
    if loaded is None:
        raise CertificateDecodeError("OpenSSL does not take the certificate, so its signature was not verified")
    store = crypto.X509Store()
    store.add_cert(loaded)
    store.set_flags(NO_CHECK_TIME | crypto.X509StoreFlags.CHECK_SS_SIGNATURE)
    try:
        crypto.X509StoreContext(store, loaded).verify_certificate()
    except crypto.X509StoreContextError as error:
        return bool(error.errors[0] != _SIGNATURE_FAILURE)
    return True
