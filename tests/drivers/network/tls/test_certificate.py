"""What is read of a server's certificate, from servers that OpenSSL can follow and from one that it cannot."""

import base64
import datetime
import hashlib
import ipaddress
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from drivers.network.tls.certificate import ReadCertificate, ServerCertificate
from lab_config.certificate import Pin
from tests.drivers.network import tcp_servers as tcp
from tests.drivers.network.tcp_servers import LOOPBACK, Recorder, serve
from tests.drivers.network.tls import tls_servers as tls
from tests.free_ports import free_port
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def read(
    port: int, anchor: Path | None, seconds: float = 6.0, names: tuple[str, ...] = ("device.example",)
) -> ServerCertificate:
    return ReadCertificate(LOOPBACK, port, anchor, names, seconds).run(Recorder())


@pytest.fixture
def anchor(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    tls.authority().cert_pem.write_to_path(path)
    return path


def self_signed(key: Key, *, names: list[x509.GeneralName] | None = None, common_name: str = "box") -> trustme.LeafCert:
    """A certificate that signs itself, as the default of many a device."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    start = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA384())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return trustme.LeafCert(private, certificate.public_bytes(serialization.Encoding.PEM), [])


def read_der(der: bytes, anchor: Path) -> ServerCertificate:
    """What is read of a certificate that no library would serve: our own server sends it in clear."""

    def answer(hello: bytes) -> bytes:
        entry = len(der).to_bytes(3) + der
        body = len(entry).to_bytes(3) + entry
        message = b"\x0b" + len(body).to_bytes(3) + body
        return tls.choose("TLS1.2", 0x002F) + b"\x16\x03\x03" + len(message).to_bytes(2) + message

    with tls.scripted_server(answer) as port:
        return read(port, anchor, seconds=1.0)


def altered(old: str, new: str) -> bytes:
    """A self-signed RSA certificate in which octets were exchanged."""
    key = rsa.generate_private_key(65537, 2048)
    pem = self_signed(key).cert_chain_pems[0].bytes()
    der = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
    assert bytes.fromhex(old) in der
    return der.replace(bytes.fromhex(old), bytes.fromhex(new))


@pytest.mark.parametrize("version", ["TLS1.0", "TLS1.2", "TLS1.3"])
def test_a_good_certificate_is_read_and_trusted(version: str, anchor: Path) -> None:
    with tls.openssl_server(version, version) as port:
        found = read(port, anchor)
    assert found.seen == {"certificate"}
    assert found.conclusive
    assert found.dns_names == ("device.example",)
    assert found.ip_addresses == ("127.0.0.1",)
    assert (found.key_type, found.key_bits, found.signature_hash) == ("RSA", 2048, "sha256")
    assert (found.is_ca, found.self_signed) == (False, False)
    assert (found.chain_trusted, found.chain_error) == (True, "")
    assert found.not_before is not None
    assert found.not_after is not None
    assert found.not_before < found.not_after
    assert "serverAuth" in found.extended_key_usage
    assert found.subject != found.issuer
    assert found.pem.encode() == tls.rsa_certificate().cert_chain_pems[0].bytes()


@pytest.mark.parametrize(("versions", "cipher"), [(["SSLv3"], "aes128"), (["TLS1.0"], "rc4"), (["TLS1.2"], "null")])
def test_a_certificate_is_read_where_no_session_can_follow(versions: list[str], cipher: str, anchor: Path) -> None:
    with tls.tlslite_server(versions, [cipher]) as port:
        found = read(port, anchor)
    assert found.seen == {"certificate"}
    assert found.detail("certificate").startswith("shown in clear to a ClientHello of")
    assert found.chain_trusted
    assert found.dns_names == ("device.example",)


def test_a_chain_to_another_authority_is_not_trusted(tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    with tls.openssl_server("TLS1.2", "TLS1.3") as port:
        found = read(port, other)
    assert not found.chain_trusted
    assert "unable to get" in found.chain_error
    assert found.conclusive


def test_without_an_anchor_the_authorities_of_this_machine_decide() -> None:
    with tls.openssl_server("TLS1.2", "TLS1.3") as port:
        assert not read(port, None).chain_trusted


def test_an_intermediate_that_is_sent_along_is_used(tmp_path: Path) -> None:
    root = trustme.CA()
    leaf = root.create_child_ca().issue_cert("device.example")
    path = tmp_path / "root.pem"
    root.cert_pem.write_to_path(path)
    with tls.openssl_server("TLS1.2", "TLS1.3", certificate=leaf) as port:
        record = Recorder()
        found = ReadCertificate(LOOPBACK, port, path, ()).run(record)
    assert found.chain_trusted
    assert record.kept["chain.pem"].count(b"BEGIN CERTIFICATE") == 2


def test_the_issuing_authority_alone_is_anchor_enough(tmp_path: Path) -> None:
    issuer = trustme.CA().create_child_ca()
    path = tmp_path / "issuer.pem"
    issuer.cert_pem.write_to_path(path)
    with tls.openssl_server("TLS1.2", "TLS1.3", certificate=issuer.issue_cert("device.example")) as port:
        assert read(port, path).chain_trusted


@pytest.mark.parametrize(
    ("key", "key_type", "bits", "hash_name"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "EC", 256, "sha384"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519", 256, "sha512"),
        (rsa.generate_private_key(65537, 1024), "RSA", 1024, "sha384"),
    ],
)
def test_the_kind_of_key_is_read(key: Key, key_type: str, bits: int, hash_name: str, anchor: Path) -> None:
    with tls.openssl_server("TLS1.2", "TLS1.3", certificate=self_signed(key)) as port:
        found = read(port, anchor)
    assert (found.key_type, found.signature_hash) == (key_type, hash_name)
    assert found.key_bits in (bits, 253)  # OpenSSL counts the bits of Curve25519's order


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
)
def test_the_digests_of_certificate_and_public_key_are_read(key: Key, anchor: Path) -> None:
    leaf = self_signed(key)
    with tls.openssl_server("TLS1.2", "TLS1.3", certificate=leaf) as port:
        found = read(port, anchor)
    der = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()).public_bytes(serialization.Encoding.DER)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert found.digest_for(Pin(certificate="0" * 64)) == hashlib.sha256(der).hexdigest()
    of_key = base64.b64encode(hashlib.sha256(public).digest()).decode()
    assert found.digest_for(Pin(public_key=of_key)) == of_key


def test_a_self_signed_certificate_is_known_and_dates_do_not_touch_its_chain(tmp_path: Path) -> None:
    leaf = self_signed(ec.generate_private_key(ec.SECP256R1()))
    path = tmp_path / "self.pem"
    leaf.cert_chain_pems[0].write_to_path(path)
    with tls.openssl_server("TLS1.2", "TLS1.3", certificate=leaf) as port:
        found = read(port, path)
    assert found.self_signed
    assert found.is_ca
    assert found.chain_trusted
    assert found.not_after is not None
    assert found.not_after.year == 2002


def test_a_self_signed_certificate_is_not_trusted_by_itself(anchor: Path) -> None:
    with tls.openssl_server("TLS1.2", "TLS1.3", certificate=self_signed(ec.generate_private_key(ec.SECP256R1()))) as p:
        found = read(p, anchor)
    assert not found.chain_trusted
    assert found.self_signed


def test_text_from_the_certificate_is_made_printable(anchor: Path) -> None:
    leaf = self_signed(ec.generate_private_key(ec.SECP256R1()), common_name="\x1b[2Jbox\u202e")
    with tls.openssl_server("TLS1.2", "TLS1.3", certificate=leaf) as port:
        found = read(port, anchor)
    assert found.subject.isprintable()
    assert "box" in found.subject


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("device.example", True),
        ("DEVICE.example.", True),
        ("a.wild.example", True),
        ("a.b.wild.example", False),
        ("wild.example", False),
        ("other.example", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("2001:db8:0::1", True),
    ],
)
def test_a_name_is_covered_as_rfc_6125_says(name: str, covered: bool, anchor: Path) -> None:
    found = ServerCertificate(
        question="", facts=(), dns_names=("device.example", "*.wild.example"), ip_addresses=("192.0.2.7", "2001:db8::1")
    )
    assert found.covers(name) is covered


def test_addresses_are_read_as_they_are_written(anchor: Path) -> None:
    names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("2001:db8::1")), x509.DNSName("*.box.example")]
    leaf = self_signed(ec.generate_private_key(ec.SECP256R1()), names=names)
    with tls.openssl_server("TLS1.2", "TLS1.3", certificate=leaf) as port:
        found = read(port, anchor)
    assert found.covers("2001:db8::1")
    assert found.covers("a.box.example")


@pytest.mark.parametrize(
    ("handler", "answer"),
    [
        (tcp.closing, Answer.REFUSED),
        (tcp.resetting, Answer.REFUSED),
        (tcp.silent, Answer.SILENT),
        (tcp.garbage, Answer.REFUSED),
        (tcp.endless, Answer.SILENT),
        (tls.scripted(lambda _: tls.refuse(40)), Answer.REFUSED),
        (tls.scripted(lambda _: tls.choose("TLS1.2", 0xC02F)), Answer.SILENT),
    ],
)
def test_without_a_certificate_there_are_no_fields_and_no_witness(
    handler: tcp.Handler, answer: Answer, anchor: Path
) -> None:
    with serve(handler) as port:
        found = read(port, anchor, seconds=0.3 if answer is Answer.SILENT else 6.0)  # a refusal ends the wait
    assert found.named(answer) == {"certificate"}
    assert not found.conclusive
    assert (found.subject, found.not_after, found.pem, found.chain_trusted) == ("", None, "", False)
    assert found.detail("certificate").isprintable()


def test_a_closed_port_is_silent(anchor: Path) -> None:
    found = read(free_port(), anchor)
    assert found.silent == {"certificate"}
    assert not found.conclusive


def test_a_certificate_that_cannot_be_parsed_is_said_to_be_so(anchor: Path) -> None:
    def answer(hello: bytes) -> bytes:
        entry = b"\x00\x00\x06" + b"\x30\x04nope"
        body = len(entry).to_bytes(3) + entry
        message = b"\x0b" + len(body).to_bytes(3) + body
        return tls.choose("TLS1.2", 0x002F) + b"\x16\x03\x03" + len(message).to_bytes(2) + message

    with tls.scripted_server(answer) as port:
        found = read(port, anchor, seconds=1.0)
    assert found.silent == {"certificate"}
    assert "cannot be parsed" in found.detail("certificate")


def test_an_anchor_that_holds_no_certificate_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing here")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(ConfigurationError, match="contains no certificate"):
            read(1, path)


def test_the_first_host_name_goes_into_sni(anchor: Path) -> None:
    hellos: list[bytes] = []
    with tls.scripted_server(lambda hello: hellos.append(hello) or tls.refuse()) as port:  # type: ignore[func-returns-value]
        read(port, anchor, names=("127.0.0.1", "device.example", "other.example"))
        read(port, anchor, names=("127.0.0.1",))
    assert b"device.example" in hellos[0]
    assert not any(b"other.example" in hello for hello in hellos)
    assert not any(b"127.0.0.1" in hello for hello in hellos)


def test_a_field_that_cannot_be_parsed_hides_no_other(anchor: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    bad = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30\x03\x82\x05a")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "box")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), 9, start, start + datetime.timedelta(days=9))
        .add_extension(bad, critical=False)
        .sign(key, hashes.SHA256())
    )
    found = read_der(built.public_bytes(serialization.Encoding.DER), anchor)
    assert found.seen == {"certificate"}
    assert "dns_names (" in found.detail("certificate")
    assert "dns_names" in found.unread
    assert not {"subject", "key_type", "not_after"} & found.unread
    assert found.subject == "CN=box"
    assert found.dns_names == ()
    assert (found.key_type, found.key_bits) == ("EC", 256)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("2a864886f70d010102", "md2"),
        ("2a864886f70d010103", "md4"),
        ("2a864886f70d010104", "md5"),
        ("2a864886f70d010105", "sha1"),
        ("2a864886f70d01010e", "sha224"),
        ("2a864886f70d01010f", "sha512-224"),
        ("2a864886f70d01017f", "1.2.840.113549.1.1.127"),
    ],
)
def test_the_hash_of_a_signature_is_named_also_where_no_library_knows_it(number: str, name: str, anchor: Path) -> None:
    sha384 = "2a864886f70d01010c"
    assert read_der(altered(sha384, number), anchor).signature_hash == name


def test_a_key_that_cannot_be_parsed_is_unread_and_has_no_type(anchor: Path) -> None:
    rsa_encryption, unknown = "2a864886f70d010101", "2a864886f70d01017e"
    found = read_der(altered(rsa_encryption, unknown), anchor)
    assert found.seen == {"certificate"}
    assert {"key_type", "key_bits"} <= found.unread
    assert (found.key_type, found.key_bits) == ("", 0)
