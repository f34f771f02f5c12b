import hashlib
import ssl
import warnings

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.virtual_lab.reference.firmware.camera import ADDRESS, Camera
from tests.virtual_lab.reference.firmware.conftest import Build


@pytest.fixture(scope="module")
def planted(build: Build) -> Camera:
    camera = build("tls10_enabled", "tls11_enabled", "tls_no_forward_secrecy", "tls_cbc_sha1", "tls_null", "tls_anon")
    camera.start()
    return camera


def handshake(camera: Camera, version: ssl.TLSVersion, suites: str = "ALL") -> tuple[str, str] | None:
    """Offer one version and some suites; return the version and suite that were taken, or None after an alert."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(f"{suites}:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
        context.minimum_version = version
    with camera.connect("tcp/443") as sock:
        try:
            with context.wrap_socket(sock) as stream:
                cipher = stream.cipher()
                assert cipher is not None
                return str(stream.version()), str(cipher[0])
        except ssl.SSLError as error:
            assert "ALERT" in str(error), error
            return None


_OLD = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
_WEAK = ("AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-NULL-SHA", "ADH-AES128-GCM-SHA256")


def test_a_hardened_device_speaks_tls_1_2_and_1_3(camera: Camera) -> None:
    assert handshake(camera, ssl.TLSVersion.TLSv1_3) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert handshake(camera, ssl.TLSVersion.TLSv1_2) == ("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")


@pytest.mark.parametrize("version", _OLD)
def test_older_versions_are_refused_with_an_alert_unless_planted(
    camera: Camera, planted: Camera, version: ssl.TLSVersion
) -> None:
    assert handshake(camera, version) is None
    assert handshake(planted, version) is not None


@pytest.mark.parametrize("suite", _WEAK)
def test_weak_suites_are_refused_with_an_alert_unless_planted(camera: Camera, planted: Camera, suite: str) -> None:
    assert handshake(camera, ssl.TLSVersion.TLSv1_2, suite) is None
    assert handshake(planted, ssl.TLSVersion.TLSv1_2, suite) == ("TLSv1.2", suite)


def test_planted_tls_1_1_alone_changes_neither_tls_1_0_nor_the_suites_of_1_2(build: Build) -> None:
    camera = build("tls11_enabled", "certificate_rsa1024", "certificate_sha1")
    camera.start()

    assert handshake(camera, ssl.TLSVersion.TLSv1_1) == ("TLSv1.1", "ECDHE-RSA-AES128-SHA")
    assert handshake(camera, ssl.TLSVersion.TLSv1) is None
    assert handshake(camera, ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-SHA") is None
    pem = ssl.get_server_certificate((ADDRESS, camera.ports["tcp/443"]))
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 1024


def test_the_certificate_served_is_the_one_on_the_flash(camera: Camera) -> None:
    served = ssl.get_server_certificate((ADDRESS, camera.ports["tcp/443"]))
    stored = (camera.folder / "flash" / "tls_cert.pem").read_text()

    def digest(pem: str) -> str:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    assert digest(served) == digest(stored)
