"""What a strict device refuses in the certificates that the bench shows it: the lab's fault, and not the device's.

Nothing here opens a socket. Each objection names the rule of RFC 5280 and the option of openssl that follows it.
"""

import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

RSA_BITS, EC_BITS = 2048, 256
"""The shortest keys that clients of today accept by default."""
_WEAK_HASHES = (hashes.MD5, hashes.SHA1)
_STEPS = 4


@dataclass(frozen=True)
class Objection:
    """What is wrong with a certificate, as the end of a sentence that begins with its name, and what to do about it."""

    what: str
    remedy: str


def objections_to_ca(certificate: x509.Certificate) -> tuple[Objection, ...]:
    """Return what a strict device objects to in a CA that it is to trust."""
    return tuple(_objections(certificate, _ca_extensions))


def objections_to_server(chain: Iterable[x509.Certificate]) -> tuple[Objection, ...]:
    """Return what a strict device objects to in the certificate of a server, and in the CAs that it sends along."""
    first, *others = chain
    found = list(_objections(first, _server_extensions))
    for issuer in others:
        about = f"is sent with {issuer.subject.rfc4514_string() or 'a CA without a name'}, which"
        found += [Objection(f"{about} {one.what}", one.remedy) for one in objections_to_ca(issuer)]
    return tuple(found)


def refused_for(objections: Iterable[Objection]) -> str:
    """Say that the bench can be the reason of a refusal, as the end of a sentence."""
    every = ", and ".join(one.what for one in objections)
    return f"the CA of the bench may be the cause, because it {every}: run `trustprobe bench check trust`"


def refused_by_strict_client(certificate: Path, key: Path, anchor: Path, host: str | None) -> str:
    """Let OpenSSL verify a server's certificate as strictly as it can; empty where it is accepted.

    `anchor` may be the certificate itself. Raises OSError or ValueError where the files hold no certificate and key.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(anchor)
    client.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    client.check_hostname = host is not None
    client.set_ciphers("DEFAULT:@SECLEVEL=2")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.set_ciphers("ALL:@SECLEVEL=0")
    server.load_cert_chain(certificate, key, password="")  # without one, an encrypted key would be asked for
    one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = client.wrap_bio(one, other, server_hostname=host), server.wrap_bio(other, one, server_side=True)
    for side in sides * _STEPS:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
        except ssl.SSLError as error:
            return error.reason or str(error)
    return ""


_Check = Callable[[x509.Certificate, x509.Extensions], Iterator[Objection]]
_Kind = TypeVar("_Kind", bound=x509.ExtensionType)


def _objections(certificate: x509.Certificate, check: _Check) -> Iterator[Objection]:
    yield from _dates(certificate)
    yield from _strength(certificate)
    try:
        extensions = certificate.extensions
    except ValueError as error:
        yield Objection(f"has extensions that cannot be parsed: {error}", "Create it again.")
        return
    yield from check(certificate, extensions)


def _dates(certificate: x509.Certificate) -> Iterator[Objection]:
    now, begin, end = datetime.now(UTC), certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        yield Objection(f"expired on {end:%Y-%m-%d}", "Create it again with a later end: `-days`.")
    if now < begin:
        yield Objection(f"is valid only from {begin:%Y-%m-%d}", "Check the clock of this machine, or create it again.")


def _strength(certificate: x509.Certificate) -> Iterator[Objection]:
    try:
        digest, key = certificate.signature_hash_algorithm, certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        yield Objection(f"has a key or signature that cannot be parsed: {error}", "Create it again.")
        return
    if isinstance(digest, _WEAK_HASHES):
        yield Objection(f"is signed with {digest.name.upper()}", "Sign it again with `-sha256`.")
    least = EC_BITS if isinstance(key, ec.EllipticCurvePublicKey) else RSA_BITS
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey | ec.EllipticCurvePublicKey) and key.key_size < least:
        yield Objection(
            f"has a key of {key.key_size} bits, but needs at least {least}",
            "Create a new key: `-newkey rsa:2048`, or `-newkey ec -pkeyopt ec_paramgen_curve:P-256`.",
        )


def _ca_extensions(certificate: x509.Certificate, extensions: x509.Extensions) -> Iterator[Objection]:
    basic = "Add `basicConstraints=critical,CA:TRUE`."
    constraints = _find(extensions, x509.BasicConstraints)
    if constraints is None:
        yield Objection("has no basicConstraints (4.2.1.9)", basic)
    elif not constraints.value.ca:
        yield Objection("is not a CA: its basicConstraints are CA:FALSE (4.2.1.9)", basic)
    elif not constraints.critical:
        yield Objection("has basicConstraints that are not critical (4.2.1.9)", basic)
    signs = "Add `keyUsage=critical,keyCertSign,cRLSign`."
    usage = _find(extensions, x509.KeyUsage)
    if usage is None:
        yield Objection("has no keyUsage (4.2.1.3)", signs)
    elif not usage.value.key_cert_sign:
        yield Objection("may not sign certificates: its keyUsage lacks keyCertSign (4.2.1.3)", signs)
    if _find(extensions, x509.SubjectKeyIdentifier) is None:
        yield Objection("has no subjectKeyIdentifier (4.2.1.2)", "Add `subjectKeyIdentifier=hash`.")
    if not certificate.subject:
        yield Objection("has no name (4.1.2.6)", "Give it one: `-subj`.")
    yield from _identifiers(certificate, extensions)


def _server_extensions(certificate: x509.Certificate, extensions: x509.Extensions) -> Iterator[Objection]:
    constraints, usage = _find(extensions, x509.BasicConstraints), _find(extensions, x509.KeyUsage)
    alone = certificate.subject == certificate.issuer
    if constraints is not None and constraints.value.ca and alone:
        # A sample that trusts this very certificate; clients that accept no CA as a server are few.
        yield from _ca_extensions(certificate, extensions)
    elif constraints is not None and constraints.value.ca:
        yield Objection(
            "is a CA certificate, not a server certificate",
            "Let a CA issue one with `basicConstraints=critical,CA:FALSE`.",
        )
    elif usage is not None and usage.value.key_cert_sign:
        yield Objection(
            "may sign certificates but is not a CA (4.2.1.3)", "Write `keyUsage=critical,digitalSignature`."
        )
    if usage is not None and not usage.value.digital_signature:
        yield Objection("has a keyUsage without digitalSignature", "Write `keyUsage=critical,digitalSignature`.")
    purposes = _find(extensions, x509.ExtendedKeyUsage)
    allowed = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and not allowed & set(purposes.value):
        yield Objection(
            "is not for servers: its extendedKeyUsage lacks serverAuth", "Write `extendedKeyUsage=serverAuth`."
        )
    if _find(extensions, x509.SubjectAlternativeName) is None:
        yield Objection("names no host in subjectAltName (RFC 9525)", "Add `subjectAltName=IP:...` or `DNS:...`.")
    if constraints is None or not constraints.value.ca or not alone:
        yield from _identifiers(certificate, extensions)


def _identifiers(certificate: x509.Certificate, extensions: x509.Extensions) -> Iterator[Objection]:
    signed_by = _find(extensions, x509.AuthorityKeyIdentifier)
    alone = certificate.subject == certificate.issuer
    if not alone and (signed_by is None or signed_by.value.key_identifier is None):
        yield Objection("has no authorityKeyIdentifier (4.2.1.1)", "Add `authorityKeyIdentifier=keyid`.")
    own = _find(extensions, x509.SubjectKeyIdentifier)
    for name, one in (("authorityKeyIdentifier", signed_by), ("subjectKeyIdentifier", own)):
        if one is not None and one.critical:
            yield Objection(f"has a critical {name} (4.2.1.1, 4.2.1.2)", f"Write `{name}` without `critical`.")


def _find(extensions: x509.Extensions, kind: type[_Kind]) -> "x509.Extension[_Kind] | None":
    try:
        return extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None
