"""The certificate of a peer that the device is paired with: what only that peer can present inside TLS.

And one that looks like it, which nobody gave out.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from trustprobe.errors import BenchError


@dataclass(frozen=True)
class ClientCertificate:
    """The certificate and key, in PEM, of a peer that the device is paired with."""

    certificate: Path
    key: Path

    def load(self, context: ssl.SSLContext) -> None:
        """Present it in a context; BenchError where the files do not hold it."""
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ValueError) as error:
            raise BenchError(
                f"the peer's certificate {self.certificate} cannot be used: {error}.",
                "Correct `peers` in the bench file.",
            ) from error


def foreign(paired: ClientCertificate, folder: Path) -> ClientCertificate:
    """Write a certificate like the paired peer's that a CA signed which nobody trusts, with a key of its own.

    Names, dates and usage are the paired one's, so that a refusal is about who vouches for it. BenchError where the
    paired one cannot be read.
    """
    known = _read(paired.certificate)
    is_rsa = isinstance(known.public_key(), rsa.RSAPublicKey)
    key = rsa.generate_private_key(65537, 2048) if is_rsa else ec.generate_private_key(ec.SECP256R1())
    certificate = lookalike(known, key)
    encoding, form, bare = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    made = ClientCertificate(folder / "foreign_cert.pem", folder / "foreign_key.pem")
    made.certificate.write_bytes(certificate.public_bytes(encoding))
    made.key.touch(0o600)
    made.key.write_bytes(key.private_bytes(encoding, form, bare))
    return made


def lookalike(known: x509.Certificate, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> x509.Certificate:
    """Make a certificate like a known one for another key; it signs itself where the known one does.

    Else the CA of the known one stands in it as the issuer, and a key signed it that is not that CA's.
    """
    alone = known.issuer == known.subject
    signer = key if alone else ec.generate_private_key(ec.SECP256R1())
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(known.subject)
        .issuer_name(known.issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(known.not_valid_before_utc)
        .not_valid_after(known.not_valid_after_utc)
        .add_extension(own, critical=False)
    )
    for one in known.extensions:
        value = one.value
        if isinstance(value, x509.AuthorityKeyIdentifier) and alone:
            value = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
        if not isinstance(value, x509.SubjectKeyIdentifier):
            builder = builder.add_extension(value, critical=one.critical)
    return builder.sign(signer, hashes.SHA256())


def _read(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BenchError(
            f"the peer's certificate {path} cannot be used: {error}.", "Correct `peers` in the bench file."
        ) from error
