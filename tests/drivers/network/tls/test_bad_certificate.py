import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from drivers.network.servers.tls import server_context
from drivers.network.tls.bad_certificate import KINDS, Authority, Issued, issue
from trustprobe.errors import BenchError

HOST = "cloud.example"
VERIFY = {
    "self_signed": "self-signed certificate",
    "unknown_ca": "certificate signature failure|self-signed certificate in certificate chain|unable to get",
    "expired": "certificate has expired",
    "not_yet_valid": "certificate is not yet valid",
    "wrong_host": "Hostname mismatch",
    "wrong_usage": "unsuitable certificate purpose|unsupported certificate purpose",
    "no_ca_bit": "invalid CA certificate|unable to get",
}


def make_ca(folder: Path) -> tuple[Path, Path]:
    """Write the CA that a lab should have (RFC 5280, 4.2.1), and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lab CA")])
    now = datetime.now(UTC)
    ca = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=9))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "ca.key").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    return folder / "ca.pem", folder / "ca.key"


def verdict(issued: Issued, ca: Path) -> str:
    """Let OpenSSL verify a server with this certificate, strictly on each Python; empty when it is trusted."""
    client = ssl.create_default_context(cafile=str(ca))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(one, other, server_hostname=HOST)
    theirs = server_context(issued).wrap_bio(other, one, server_side=True)
    for side in (ours, theirs) * 3:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return ""


def test_a_good_certificate_is_trusted(tmp_path: Path) -> None:
    ca, key = make_ca(tmp_path)
    assert verdict(issue("good", HOST, Authority.load(ca, key), tmp_path), ca) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_each_bad_certificate_is_refused_for_what_is_wrong_with_it(kind: str, tmp_path: Path) -> None:
    ca, key = make_ca(tmp_path)
    said = verdict(issue(kind, HOST, Authority.load(ca, key), tmp_path), ca)
    assert any(said.startswith(words) for words in VERIFY[kind].split("|")), said


def test_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    issued = issue("good", HOST, Authority.load(*make_ca(tmp_path)), tmp_path)
    assert issued.key.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damaged", [0, 1])
def test_a_ca_that_can_not_be_read_is_a_bench_error(damaged: int, tmp_path: Path) -> None:
    files = make_ca(tmp_path)
    files[damaged].write_text("nothing")
    with pytest.raises(BenchError, match=r"cloud\.ca_certificate"):
        Authority.load(*files)
