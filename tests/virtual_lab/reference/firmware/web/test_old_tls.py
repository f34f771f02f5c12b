import sys
import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # tlslite still imports asyncore
    from tlslite.api import HandshakeSettings, TLSConnection
    from tlslite.errors import TLSError

from tests.virtual_lab.reference.firmware.camera import Camera
from tests.virtual_lab.reference.firmware.conftest import Build
from trustprobe.errors import ConfigurationError
from virtual_lab import defects as register
from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.web import old_tls
from virtual_lab.reference.firmware.web.old_tls import OldTls, offered
from virtual_lab.reference.firmware.web.tls import UnsupportedByOpensslError

SSL3, TLS12 = (3, 0), (3, 3)
OFFERS = [(SSL3, ["aes128"]), (TLS12, ["rc4"]), (TLS12, ["3des"])]


@pytest.fixture(scope="module")
def planted(build: Build) -> Camera:
    camera = build("tls_sslv3", "tls_rc4", "tls_3des")
    camera.start()
    return camera


def page(camera: Camera, version: tuple[int, int], ciphers: list[str]) -> bytes:
    """Ask for the login page with one version and some ciphers; nothing where the handshake is refused."""
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = version
    settings.versions = [version]
    settings.cipherNames = ciphers
    with camera.connect("tcp/443") as sock:
        stream = TLSConnection(sock)
        try:
            stream.handshakeClientCert(settings=settings)
        except (TLSError, OSError):
            return b""
        stream.sendall(b"GET /login HTTP/1.1\r\nHost: camera\r\nConnection: close\r\n\r\n")
        return bytes(stream.read(max=12, min=12))


@pytest.mark.parametrize(("version", "ciphers"), OFFERS)
def test_what_is_old_is_served_where_it_is_planted_and_nowhere_else(
    camera: Camera, planted: Camera, version: tuple[int, int], ciphers: list[str]
) -> None:
    assert page(planted, version, ciphers) == b"HTTP/1.1 200"
    assert page(camera, version, ciphers) == b""


def test_a_client_that_offers_something_better_is_served_as_by_a_hardened_device(planted: Camera) -> None:
    assert page(planted, TLS12, ["rc4", "3des", "aes128gcm"]) == b"HTTP/1.1 200"


@pytest.mark.parametrize("octets", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n" * 10, b"\x16" + b"\xff" * 100])
def test_octets_that_are_no_client_hello_offer_nothing(octets: bytes) -> None:
    assert offered(octets)[1] == []


def test_without_the_library_the_defect_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tlslite.constants", None)
    assert OldTls(tmp_path, Defects(["tls10_enabled"]))
    with pytest.raises(UnsupportedByOpensslError, match="uv sync"):
        old_tls.OldTls(tmp_path, Defects(["tls_rc4"]))


def test_without_the_library_the_command_says_so_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "find_spec", lambda _name: None)
    register.require_defects(["telnet_open"])
    with pytest.raises(ConfigurationError, match="uv sync"):
        register.require_defects(["tls_3des"])
