"""The certificates of the reference device and its lab: two small CAs, a server and a collector certificate.

Certificate defects are made here, each as one change of the same builder. Everything is EC P-256 unless said.
"""

import ipaddress
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dh, ec, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from virtual_lab.reference.defects import Defects

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_DAY = timedelta(days=1)
_MODP_2048 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16,
)


@dataclass(frozen=True)
class Credential:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key as unencrypted PKCS#8 PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def authority(name: str) -> Credential:
    """Make a root CA that is valid for ten years (RFC 5280 profile, as strict verifiers require).

    Its chains may have any length: a certificate that a leaf signed is then wrong in that alone.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    now = datetime.now(UTC)
    builder = (
        _builder(subject, subject, key, now - _DAY, now + 3650 * _DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
    )
    return Credential(builder.sign(key, hashes.SHA256()), key)


def collector_credential(issuer: Credential, address: str) -> Credential:
    """Issue the certificate of a log collector; `address` is its IP SAN."""
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(address))]
    builder = _builder(_name("log collector"), issuer.certificate.subject, key, now - _DAY, now + 365 * _DAY)
    return Credential(_leaf(builder, names, issuer.key).sign(issuer.key, hashes.SHA256()), key)


def device_credentials(issuer: Credential, serial: str, address: str, defects: Defects) -> list[Credential]:
    """Issue what the device's web server serves: one certificate, or one for each kind of key it needs."""
    if defects("certificate_rsa1024"):
        return [_device(issuer, rsa.generate_private_key(65537, 1024), serial, address, defects)]
    credentials = [_device(issuer, ec.generate_private_key(ec.SECP256R1()), serial, address, defects)]
    if defects("tls_no_forward_secrecy") or defects("tls_sslv3"):
        # Key transport needs an RSA key, and SSLv3 knows no elliptic curves; the EC key stays beside it.
        credentials.append(_device(issuer, rsa.generate_private_key(65537, 2048), serial, address, defects))
    return credentials


def device_credential_of(issuer: Credential, key: PrivateKey, serial: str, address: str) -> Credential:
    """Issue a server certificate for a key that there is already."""
    return _device(issuer, key, serial, address, Defects())


def dh_parameters_pem() -> bytes:
    """Return the parameters of the 2048-bit MODP group (RFC 3526, 3), for suites with anonymous Diffie-Hellman."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # a weak suite is what is planted
        parameters = dh.DHParameterNumbers(_MODP_2048, 2).parameters()
    return parameters.parameter_bytes(serialization.Encoding.PEM, serialization.ParameterFormat.PKCS3)


def _device(issuer: Credential, key: PrivateKey, serial: str, address: str, defects: Defects) -> Credential:
    now = datetime.now(UTC)
    begin, end = now - _DAY, now + 365 * _DAY
    if defects("certificate_expired"):
        begin, end = now - 400 * _DAY, now - 2 * _DAY
    subject = _name(serial)
    signer: PrivateKey = issuer.key
    issued_by = issuer.certificate.subject
    if defects("certificate_self_signed"):
        signer, issued_by = key, subject
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    if defects("certificate_client_usage"):
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
    builder = _builder(subject, issued_by, key, begin, end)
    names = _names(serial, address, defects)
    builder = _leaf(builder, names, signer, usage, key_transport=isinstance(key, rsa.RSAPrivateKey))
    certificate = builder.sign(signer, hashes.SHA256())
    if defects("certificate_sha1"):
        certificate = _resigned_with_sha1(certificate, signer)
    return Credential(certificate, key)


def _names(serial: str, address: str, defects: Defects) -> list[x509.GeneralName]:
    if defects("certificate_wrong_name"):
        return [x509.DNSName("doorbell.local")]
    return [
        x509.DNSName(f"{serial.lower()}.local"),
        x509.DNSName("camera.local"),
        x509.IPAddress(ipaddress.ip_address(address)),
    ]


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Halcyon Imaging"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _leaf(
    builder: x509.CertificateBuilder,
    names: list[x509.GeneralName],
    signer: PrivateKey,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    key_transport: bool = False,
) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(key_transport=key_transport), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )


def _usage(*, certificates: bool = False, key_transport: bool = False) -> x509.KeyUsage:
    """A CA signs certificates and CRLs; a leaf signs handshakes, and takes session keys if its key is RSA."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=key_transport,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _resigned_with_sha1(certificate: x509.Certificate, signer: PrivateKey) -> x509.Certificate:
    """Sign again with SHA-1, which the cryptography library refuses to do and OpenSSL does not."""
    from OpenSSL import crypto

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = crypto.X509.from_cryptography(certificate)
        again.sign(crypto.PKey.from_cryptography_key(signer), "sha1")
        return again.to_cryptography()
