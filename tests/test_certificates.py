"""Every certificate that trustprobe, its devices and its tests make, verified strictly on each Python (RFC 5280).

Python 3.13 verifies so by default, as strict devices do. A good certificate is accepted; a bad one has one thing wrong.
"""

import inspect
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtensionOID
from cryptography.x509.verification import PolicyBuilder, Store
from OpenSSL import crypto

from drivers.network import peer_certificate
from drivers.network.peer_certificate import ClientCertificate, foreign, lookalike
from drivers.network.tls import bad_certificate
from drivers.network.tls.bad_certificate import KINDS, OTHER_HOST, Authority, issue, unknown_ca
from drivers.network.tls.strict import objections_to_ca
from drivers.update.swu import _signed_by_nobody
from tests.drivers.network.tls import (
    own_certificates,
    test_bad_certificate,
    test_certificate,
    test_certificate_fields,
    test_strict,
    tls_servers,
)
from tests.drivers.network.tls.own_certificates import HOST
from tests.drivers.update import swu_images
from tests.test_imports import ROOMS
from virtual_lab.defects import FILES, register
from virtual_lab.firmware import provision
from virtual_lab.firmware.image import keys
from virtual_lab.reference import pki
from virtual_lab.reference.defects import Defects

ROOT = Path(__file__).parents[1]
ADDRESS = "192.0.2.10"
SIGNER, ISSUER = {"signer"}, {"issuer", "signer", "authority key identifier"}
"""In what a certificate differs that somebody else signed: under the same name, and under another."""


@dataclass(frozen=True)
class Made:
    """A certificate with what is sent along, and the one that its clients trust; `host` is that of a server."""

    leaf: x509.Certificate
    anchor: x509.Certificate
    along: list[x509.Certificate] = field(default_factory=list)
    host: str = ""


def read(pem: bytes) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(pem)


def stand_in(kind: str) -> Callable[[Path], Made]:
    """The stand-in for the cloud, with a CA of a lab."""

    def make(folder: Path) -> Made:
        authority = Authority.load(*test_bad_certificate.make_ca(folder))
        leaf, *along = read(issue(kind, HOST, authority, folder).certificate.read_bytes())
        return Made(leaf, authority.certificate, along, HOST)

    return make


def sent_along(kind: str, host: str) -> Callable[[Path], Made]:
    """What the stand-in sends behind a bad certificate."""

    def make(folder: Path) -> Made:
        whole = stand_in(kind)(folder)
        return Made(whole.along[0], whole.anchor if host else whole.along[0], [], host)

    return make


def wrong_collector(folder: Path) -> Made:
    (leaf,) = read(unknown_ca(ADDRESS, folder)[0].read_bytes())
    return Made(leaf, leaf, [], ADDRESS)


def camera(key: pki.PrivateKey, *defects: str) -> Callable[[Path], Made]:
    """The reference device."""

    def make(_: Path) -> Made:
        ca, planted = pki.authority("Halcyon Product CA"), Defects(defects)
        made = pki.device_credentials(ca, "HV2-1", ADDRESS, planted) if defects else []
        leaf = made[-1] if made else pki.device_credential_of(ca, key, "HV2-1", ADDRESS)
        return Made(leaf.certificate, ca.certificate, [], ADDRESS)

    return make


def camera_collector(_: Path) -> Made:
    ca = pki.authority("Log Collector CA")
    return Made(pki.collector_credential(ca, ADDRESS).certificate, ca.certificate, [], ADDRESS)


def hub(*flaws: str) -> Callable[[Path], Made]:
    """The firmware device."""

    def make(folder: Path) -> Made:
        keys.make(folder / "keys")
        label, firmware = SimpleNamespace(serial="HH1-1"), SimpleNamespace(keys=folder / "keys")
        files = provision._server_key(label, firmware, [ADDRESS], frozenset(flaws))  # type: ignore[arg-type]
        (leaf,) = read(files["tls_cert.pem"])
        return Made(leaf, keys.load_product_ca(folder / "keys").certificate, [], ADDRESS)

    return make


def hub_collector(_: Path) -> Made:
    ca = pki.authority("Log Collector CA")
    return Made(provision._collector(ca, ADDRESS).certificate, ca.certificate, [], ADDRESS)


def hub_notes(_: Path) -> Made:
    (leaf,) = read(provision._notes_key(SimpleNamespace(serial="HH1-1"))["notes_cert.pem"])  # type: ignore[arg-type]
    return Made(leaf, leaf)


def maker(name: str, issuer: str) -> Callable[[Path], Made]:
    """The maker of the firmware device."""

    def make(folder: Path) -> Made:
        keys.make(folder / "keys")
        leaf, anchor = (read((folder / "keys" / f"{one}.crt").read_bytes())[0] for one in (name, issuer))
        return Made(leaf, anchor)

    return make


def swu_maker(_: Path) -> Made:
    return Made(swu_images.maker_certificate(), swu_images.maker_certificate())


def swu_nobody(_: Path) -> Made:
    described = b"software = {};"
    signature = _signed_by_nobody(described, swu_images.cms(described))
    return Made(pkcs7.load_der_pkcs7_certificates(signature)[0], swu_images.maker_certificate())


@cache
def pairing(key_type: trustme.KeyType) -> tuple[trustme.CA, trustme.LeafCert]:
    ca = trustme.CA()
    return ca, ca.issue_cert("peer.example", key_type=key_type)


def peer(key_type: trustme.KeyType, is_foreign: bool) -> Callable[[Path], Made]:
    """A paired peer, and the one that looks like it."""

    def make(folder: Path) -> Made:
        ca, leaf = pairing(key_type)
        leaf.private_key_and_cert_chain_pem.write_to_path(folder / "peer")
        paired = ClientCertificate(folder / "peer", folder / "peer")
        shown = foreign(paired, folder) if is_foreign else paired
        return Made(read(shown.certificate.read_bytes())[0], read(ca.cert_pem.bytes())[0])

    return make


def self_signed_peer(is_foreign: bool) -> Callable[[Path], Made]:
    def make(_: Path) -> Made:
        known = swu_images.maker_certificate()
        made = lookalike(known, ec.generate_private_key(ec.SECP256R1())) if is_foreign else known
        return Made(made, made)

    return make


def of_trustme(ca: trustme.CA, leaf: trustme.LeafCert, host: str) -> Callable[[Path], Made]:
    certificate, *along = [read(one.bytes())[0] for one in leaf.cert_chain_pems]
    return lambda _: Made(certificate, read(ca.cert_pem.bytes())[0], along, host)


ROOT_CA = trustme.CA()
EC_KEY, RSA_KEY = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
GOOD: dict[str, Callable[[Path], Made]] = {
    "the cloud's stand-in": stand_in("good"),
    "the stranger that signs for it": sent_along("unknown_ca", ""),
    "the server that signs for it": sent_along("no_ca_bit", OTHER_HOST),
    "a collector that nobody knows": wrong_collector,
    "the camera": camera(EC_KEY),
    "the camera with RSA": camera(RSA_KEY),
    "the camera's collector": camera_collector,
    "the hub": hub(),
    "the hub's collector": hub_collector,
    "the hub's notes": hub_notes,
    "what signs the hub's boot": maker(keys.BOOT, keys.BOOT),
    "what signs the hub's updates": maker(keys.UPDATE_SIGNER, keys.UPDATE_CA),
    "the maker of swupdate's images": swu_maker,
    "a lookalike that signs itself": self_signed_peer(True),
    "a server of these tests": of_trustme(tls_servers.authority(), tls_servers.rsa_certificate(), "device.example"),
    "a server with an intermediate": of_trustme(ROOT_CA, ROOT_CA.create_child_ca().issue_cert(HOST), HOST),
    "a server with a CA and a plan": lambda _: Made(
        own_certificates.SERVER.signed_by(own_certificates.CA), own_certificates.CA.signed_by(), [], HOST
    ),
}
NO_SERVER = {
    # trustme marks the names of a server critical, which OpenSSL accepts and the web's rules forbid.
    "a server of these tests",
    "a server with an intermediate",
    "the stranger that signs for it",
    "the hub's notes",
    "what signs the hub's boot",
    "what signs the hub's updates",
    "the maker of swupdate's images",
    "a lookalike that signs itself",
}
CAMERA, CAMERA_RSA, HUB = camera(EC_KEY), camera(RSA_KEY), hub()
BAD: dict[str, tuple[Callable[[Path], Made], Callable[[Path], Made], set[str]]] = {
    "self_signed": (stand_in("good"), stand_in("self_signed"), ISSUER),
    "unknown_ca": (stand_in("good"), stand_in("unknown_ca"), SIGNER),
    "expired": (stand_in("good"), stand_in("expired"), {"dates"}),
    "not_yet_valid": (stand_in("good"), stand_in("not_yet_valid"), {"dates"}),
    "wrong_host": (stand_in("good"), stand_in("wrong_host"), {"subject", "names"}),
    "wrong_usage": (stand_in("good"), stand_in("wrong_usage"), {"usage"}),
    "no_ca_bit": (stand_in("good"), stand_in("no_ca_bit"), ISSUER),
    "camera, certificate_expired": (CAMERA, camera(EC_KEY, "certificate_expired"), {"dates"}),
    "camera, certificate_wrong_name": (CAMERA, camera(EC_KEY, "certificate_wrong_name"), {"names"}),
    "camera, certificate_self_signed": (CAMERA, camera(EC_KEY, "certificate_self_signed"), ISSUER),
    "camera, certificate_client_usage": (CAMERA, camera(EC_KEY, "certificate_client_usage"), {"usage"}),
    "camera, certificate_rsa1024": (CAMERA_RSA, camera(RSA_KEY, "certificate_rsa1024"), {"key"}),
    "camera, certificate_sha1": (CAMERA, camera(EC_KEY, "certificate_sha1"), {"hash"}),
    "hub, certificate_expired": (HUB, hub("certificate_expired"), {"dates"}),
    "hub, certificate_wrong_name": (HUB, hub("certificate_wrong_name"), {"names"}),
    "hub, certificate_self_signed": (HUB, hub("certificate_self_signed"), ISSUER),
    "a foreign peer": (peer(trustme.KeyType.ECDSA, False), peer(trustme.KeyType.ECDSA, True), SIGNER),
    "a foreign peer with RSA": (peer(trustme.KeyType.RSA, False), peer(trustme.KeyType.RSA, True), SIGNER),
    "an image signed by nobody": (swu_maker, swu_nobody, {"signer", "authority key identifier"}),
}
CAS: dict[str, Callable[[Path], x509.Certificate]] = {
    "of a lab": lambda folder: read(test_bad_certificate.make_ca(folder)[0].read_bytes())[0],
    "of the virtual devices": lambda _: pki.authority("Halcyon Product CA").certificate,
    "of the hub's updates": lambda folder: maker(keys.UPDATE_CA, keys.UPDATE_CA)(folder).leaf,
    "of a stranger": lambda folder: stand_in("unknown_ca")(folder).along[0],
    "of trustme": lambda _: read(ROOT_CA.cert_pem.bytes())[0],
    "of trustme, RSA": lambda _: read(tls_servers.authority().cert_pem.bytes())[0],
}


def refusal(made: Made) -> str:
    """Let OpenSSL verify it strictly; empty where it is accepted."""
    store = crypto.X509Store()
    store.set_flags(crypto.X509StoreFlags.X509_STRICT | crypto.X509StoreFlags.PARTIAL_CHAIN)
    store.add_cert(crypto.X509.from_cryptography(made.anchor))
    along = [crypto.X509.from_cryptography(one) for one in made.along]
    try:
        crypto.X509StoreContext(store, crypto.X509.from_cryptography(made.leaf), along).verify_certificate()
    except crypto.X509StoreContextError as error:
        return str(error)
    return ""


def differences(good: Made, bad: Made) -> set[str]:
    """In what two certificates differ that a device may look at."""
    one, other = (aspects(made) for made in (good, bad))
    return {name for name in one if one[name] != other[name]}


def aspects(made: Made) -> dict[str, Any]:
    leaf = made.leaf
    public, now = leaf.public_key(), datetime.now(UTC)
    values = {one.value.oid: (one.critical, one.value) for one in leaf.extensions}
    named = values.pop(ExtensionOID.AUTHORITY_KEY_IDENTIFIER)[1]
    values.pop(ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    return {
        "subject": leaf.subject,
        "issuer": leaf.issuer,
        "dates": leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc,
        "names": values.pop(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, None),
        "usage": values.pop(ExtensionOID.EXTENDED_KEY_USAGE, None),
        "constraints": values.pop(ExtensionOID.BASIC_CONSTRAINTS),
        "key usage": values.pop(ExtensionOID.KEY_USAGE),
        "key": (type(public), getattr(public, "key_size", 0)),
        "hash": leaf.signature_hash_algorithm and leaf.signature_hash_algorithm.name,
        "signer": is_signed_by(leaf, made.anchor),
        "authority key identifier": named
        == x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier(made.anchor)),
        "other extensions": values,
        "version": leaf.version,
    }


def is_signed_by(leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer's key made the signature, of whatever strength."""
    key, signed, digest = issuer.public_key(), leaf.tbs_certificate_bytes, leaf.signature_hash_algorithm
    assert digest is not None
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(leaf.signature, signed, ec.ECDSA(digest))
        else:
            assert isinstance(key, rsa.RSAPublicKey)
            key.verify(leaf.signature, signed, padding.PKCS1v15(), digest)
    except InvalidSignature:
        return False
    return True


def identifier(certificate: x509.Certificate) -> x509.SubjectKeyIdentifier:
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value


@pytest.mark.parametrize("name", GOOD)
def test_a_good_certificate_is_accepted_by_a_strict_client(name: str, tmp_path: Path) -> None:
    made = GOOD[name](tmp_path)
    assert refusal(made) == ""
    assert aspects(made)["dates"]


@pytest.mark.parametrize("name", [name for name in GOOD if name not in NO_SERVER])
def test_a_good_server_is_accepted_as_the_web_requires_it(name: str, tmp_path: Path) -> None:
    made = GOOD[name](tmp_path)
    try:
        host: x509.DNSName | x509.IPAddress = x509.IPAddress(ipaddress.ip_address(made.host))
    except ValueError:
        host = x509.DNSName(made.host)
    PolicyBuilder().store(Store([made.anchor])).build_server_verifier(host).verify(made.leaf, made.along)


@pytest.mark.parametrize("name", CAS)
def test_a_strict_device_objects_to_nothing_in_a_ca(name: str, tmp_path: Path) -> None:
    assert objections_to_ca(CAS[name](tmp_path)) == ()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_certificate_has_one_thing_wrong(name: str, tmp_path: Path) -> None:
    good, bad, expected = BAD[name]
    for folder in ("good", "bad"):
        (tmp_path / folder).mkdir()
    assert differences(good(tmp_path / "good"), bad(tmp_path / "bad")) == expected


def test_every_bad_certificate_is_compared_with_a_good_one() -> None:
    names = {"reference": "camera", "firmware": "hub"}
    planted = [(names[device], one) for device in FILES for one in register(device)]
    flaws = {f"{device}, {one}" for device, one in planted if one.startswith("certificate_")}
    assert set(KINDS) | flaws <= BAD.keys()


def test_every_module_that_makes_certificates_is_tested_here() -> None:
    known: list[ModuleType] = [bad_certificate, peer_certificate, keys, provision, pki]
    known += [
        own_certificates,
        test_bad_certificate,
        test_certificate,
        test_certificate_fields,
        test_strict,
        swu_images,
    ]
    files = [path for room in (*ROOMS, "tests") for path in (ROOT / room).rglob("*.py") if path != Path(__file__)]
    makers = {path for path in files if "CertificateBuilder(" in path.read_text("utf-8")}
    assert makers == {Path(inspect.getfile(one)) for one in known}
