"""What of a lab's certificates a strict device would refuse: each fault is found alone, and OpenSSL is the oracle."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from drivers.network.tls.bad_certificate import Authority, issue
from drivers.network.tls.strict import (
    Objection,
    objections_to_ca,
    objections_to_server,
    refused_by_strict_client,
    refused_for,
)
from tests.drivers.network.tls.own_certificates import (
    CA,
    CA_USAGE,
    FAULTS_OF_A_CA,
    FAULTS_OF_A_SERVER,
    HOST,
    SERVER,
    Plan,
    write,
)
from trustprobe.errors import BenchError

NOT_OF_OPENSSL = {
    # OpenSSL does not look at the signature of a trust anchor, nor at the usage of a server's key.
    "is signed with SHA1",
    "has a keyUsage without digitalSignature",
    "names no host in subjectAltName (RFC 9525)",
    "is a CA certificate, not a server certificate",
}


def refused(folder: Path, ca: Plan, server: Plan) -> str:
    anchor, _ = write(folder, "ca", [ca.signed_by()], ca.key)
    certificate, key = write(folder, "server", [server.signed_by(ca)], server.key)
    return refused_by_strict_client(certificate, key, anchor, HOST)


def test_nothing_is_wrong_with_a_ca_and_a_server_that_follow_the_rules(tmp_path: Path) -> None:
    assert objections_to_ca(CA.signed_by()) == ()
    assert objections_to_server([SERVER.signed_by(CA), CA.signed_by()]) == ()
    assert refused(tmp_path, CA, SERVER) == ""


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())])
def test_other_keys_that_are_long_enough_are_right(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, tmp_path: Path
) -> None:
    ca = replace(CA, key=key)
    assert objections_to_ca(ca.signed_by()) == ()
    assert refused(tmp_path, ca, SERVER) == ""


@pytest.mark.parametrize("fault", FAULTS_OF_A_CA)
def test_each_fault_of_a_ca_is_found_alone_and_refused_by_openssl_too(fault: str, tmp_path: Path) -> None:
    ca = FAULTS_OF_A_CA[fault]
    found = objections_to_ca(ca.signed_by())
    assert [one.what[: len(fault)] for one in found] == [fault]
    assert found[0].remedy
    if fault not in NOT_OF_OPENSSL:
        assert refused(tmp_path, ca, SERVER)


@pytest.mark.parametrize("fault", FAULTS_OF_A_SERVER)
def test_each_fault_of_a_server_is_found_alone_and_refused_by_openssl_too(fault: str, tmp_path: Path) -> None:
    server = FAULTS_OF_A_SERVER[fault]
    found = objections_to_server([server.signed_by(CA)])
    assert [one.what[: len(fault)] for one in found] == [fault]
    assert found[0].remedy
    if fault not in NOT_OF_OPENSSL - {"is signed with SHA1"}:
        assert refused(tmp_path, CA, server)


def test_a_ca_that_is_sent_along_is_verified_too() -> None:
    root, middle = replace(CA, subject="Root"), replace(CA, has_aki=False)
    found = objections_to_server([SERVER.signed_by(middle), middle.signed_by(root)])
    assert [one.what for one in found] == ["is sent with CN=Lab CA, which has no authorityKeyIdentifier (4.2.1.1)"]


def test_a_server_that_the_sample_trusts_itself_may_be_its_own_ca() -> None:
    both = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    alone = replace(SERVER, constraints=CA.constraints, usage=both, has_aki=False)
    assert objections_to_server([alone.signed_by()]) == ()
    assert [one.what for one in objections_to_server([replace(alone, usage=CA_USAGE).signed_by()])] == [
        "has a keyUsage without digitalSignature"
    ]
    assert [one.what for one in objections_to_server([replace(alone, usage=None).signed_by()])] == [
        "has no keyUsage (4.2.1.3)"
    ]


def test_every_fault_of_a_certificate_is_named() -> None:
    found = objections_to_ca(replace(CA, usage=None, has_ski=False, constraints_critical=False).signed_by())
    assert len(found) == 3


def test_extensions_that_cannot_be_parsed_are_an_objection() -> None:
    bad = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.15"), b"\x04\x05a")
    made = replace(CA, usage=bad).signed_by()  # type: ignore[arg-type]
    assert "has extensions that cannot be parsed" in objections_to_ca(made)[0].what


def test_the_wrong_host_is_refused_by_the_strict_client(tmp_path: Path) -> None:
    assert "Hostname mismatch" in refused(tmp_path, CA, replace(SERVER, names=("other.example",)))


def test_a_refusal_is_said_with_every_objection() -> None:
    words = refused_for([Objection("has no keyUsage", "Add it."), Objection("expired on 2020-01-01", "Make it again.")])
    assert "it has no keyUsage, and expired on 2020-01-01: run `trustprobe bench check trust`" in words


def test_a_ca_with_a_key_identifier_of_its_own_issues_what_a_strict_client_accepts(tmp_path: Path) -> None:
    authority = _authority_with_identifier(tmp_path, b"a number of the lab")
    good = issue("good", HOST, authority, tmp_path)
    assert refused_by_strict_client(good.certificate, good.key, tmp_path / "ca.pem", HOST) == ""


def _authority_with_identifier(folder: Path, identifier: bytes) -> Authority:
    plain = CA.signed_by()
    builder = x509.CertificateBuilder(
        plain.issuer, plain.subject, plain.public_key(), 5, plain.not_valid_before_utc, plain.not_valid_after_utc
    )
    for one in plain.extensions:
        own = isinstance(one.value, x509.SubjectKeyIdentifier)
        builder = builder.add_extension(x509.SubjectKeyIdentifier(identifier) if own else one.value, one.critical)
    made = builder.sign(CA.key, plain.signature_hash_algorithm)  # type: ignore[arg-type]
    return Authority.load(*write(folder, "ca", [made], CA.key))


def test_a_key_of_another_ca_is_the_benchs_fault(tmp_path: Path) -> None:
    certificate, _ = write(tmp_path, "ca", [CA.signed_by()], CA.key)
    _, key = write(tmp_path, "other", [], SERVER.key)
    with pytest.raises(BenchError, match="the key does not belong to the certificate"):
        Authority.load(certificate, key)
