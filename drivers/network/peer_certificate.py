"""The certificate of a peer that the device is paired with: what only that peer can present inside TLS.

And one that looks like it, which nobody gave out.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

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
                "Correct `peers` of the bench file.",
            ) from error


def foreign(paired: ClientCertificate, folder: Path) -> ClientCertificate:
    """Write a certificate of the paired peer's own name that a CA signed which nobody trusts, with a key of its own.

    Names, dates and usage are the paired one's, so that a refusal is about who vouches for it. BenchError where the
    paired one cannot be read.
    """
    known = _read(paired.certificate)
    key = ec.generate_private_key(ec.SECP256R1())
    stranger = key if known.issuer == known.subject else ec.generate_private_key(ec.SECP256R1())
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(stranger.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(known.subject)
        .issuer_name(known.issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(known.not_valid_before_utc)
        .not_valid_after(known.not_valid_after_utc)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(signed_by, critical=False)
    )
    for one in known.extensions:
        if not isinstance(one.value, x509.SubjectKeyIdentifier | x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(one.value, critical=one.critical)
    encoding, form, bare = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    made = ClientCertificate(folder / "foreign_cert.pem", folder / "foreign_key.pem")
    made.certificate.write_bytes(builder.sign(stranger, hashes.SHA256()).public_bytes(encoding))
    made.key.touch(0o600)
    made.key.write_bytes(key.private_bytes(encoding, form, bare))
    return made


def _read(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BenchError(
            f"the peer's certificate {path} cannot be used: {error}.", "Correct `peers` of the bench file."
        ) from error
