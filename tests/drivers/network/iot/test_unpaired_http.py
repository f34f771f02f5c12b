import http.server
import re
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509

from drivers.login import Login
from drivers.network.iot.unpaired import MessageReply, UnreadableError
from drivers.network.iot.unpaired_http import HttpTalker, HttpWindow
from drivers.network.peer_certificate import ClientCertificate, foreign
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service, Transport
from tests.drivers.session_device import PASSWORD, USER, Device, running
from tests.drivers.web_device import serving
from trustprobe.errors import BenchError
from trustprobe.probe import Answer

BEARER = "Authorization: Bearer {password}"


class _Hub(http.server.BaseHTTPRequestHandler):
    """Takes what comes with the token, and says 200 to everybody else if it is polite."""

    taken: list[bytes]
    polite = False
    wanted = "Bearer t0ken"

    def log_message(self, *_: object) -> None:
        pass

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        paired = self.headers.get("Authorization") == self.wanted
        if paired:
            self.taken.append(body)
        self.send_response(200 if paired or self.polite else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()


def talker(port: int, template: str = BEARER, **more: Any) -> HttpTalker:
    target = Target(NetworkBench(address="127.0.0.1", port_map={"tcp/443": port}))
    service = Service(id="hub", transport=Transport.TCP, port=443, protocol="http", purpose="readings")
    return HttpTalker(target, service, "PUT", "/door", "application/json", template, **more)


@pytest.mark.parametrize(("polite", "answer"), [(False, Answer.REFUSED), (True, Answer.SILENT)])
def test_a_401_is_a_refusal_and_a_200_proves_nothing_by_itself(tmp_path: Path, polite: bool, answer: Answer) -> None:
    taken: list[bytes] = []
    with serving(type("Handler", (_Hub,), {"taken": taken, "polite": polite}), tls=False) as port:
        hub = talker(port, user="door", password="t0ken")
        assert hub.paired(b"1").answer is Answer.SILENT
        said = {one.label: one.send(b"2").answer for one in hub.strangers(tmp_path)}
    assert said == {"without a credential": answer, "a made-up credential": answer}
    assert taken == [b"1"]


def test_where_the_header_names_a_user_the_paired_one_is_tried_with_another_token(tmp_path: Path) -> None:
    hub = talker(1, "X-Peer: {user}:{password}", user="door", password="t0ken")
    assert "the paired user with another password" in {one.label for one in hub.strangers(tmp_path)}
    assert "t0ken" not in repr(hub)


def test_a_closed_port_is_told_and_no_error(tmp_path: Path) -> None:
    said = talker(1, password="t0ken").paired(b"1")
    assert isinstance(said, MessageReply) and "no connection" in said.words


@pytest.fixture
def own(tmp_path: Path) -> tuple[trustme.CA, ClientCertificate]:
    """A CA, and the certificate that it gave to a sensor."""
    ca = trustme.CA()
    ca.issue_cert("sensor.example", common_name="door").private_key_and_cert_chain_pem.write_to_path(tmp_path / "p.pem")
    return ca, ClientCertificate(tmp_path / "p.pem", tmp_path / "p.pem")


def test_a_foreign_certificate_has_the_paired_ones_name_and_neither_its_key_nor_its_ca(
    tmp_path: Path, own: tuple[trustme.CA, ClientCertificate]
) -> None:
    ca, paired = own
    made = foreign(paired, tmp_path)
    one, other = (x509.load_pem_x509_certificate(path.read_bytes()) for path in (paired.certificate, made.certificate))
    assert (one.subject, one.issuer) == (other.subject, other.issuer)
    assert one.public_key() != other.public_key()
    authority = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    one.verify_directly_issued_by(authority)
    with pytest.raises(Exception, match=r".*") as caught:
        other.verify_directly_issued_by(authority)
    assert type(caught.value).__name__ == "InvalidSignature"
    made.load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def test_a_certificate_that_cannot_be_read_is_the_benchs_fault(tmp_path: Path) -> None:
    (tmp_path / "p.pem").write_text("no certificate")
    with pytest.raises(BenchError, match="peers"):
        foreign(ClientCertificate(tmp_path / "p.pem", tmp_path / "p.pem"), tmp_path)


def window(device: Device, path: str = "/api/settings", password: str = PASSWORD) -> HttpWindow:
    return HttpWindow(device.web.as_user(Login(USER, password)), path)


def shows(device: Device, look: HttpWindow, value: str) -> bool:
    with look.watch() as watch:
        return watch.shows(re.compile(value), 0.0)


def test_a_page_is_read_with_one_login_and_with_another_where_the_session_has_ended() -> None:
    with running(name="n0nce") as device:
        look = window(device)
        assert shows(device, look, "n0nce") and not shows(device, look, "other")
        assert len(device.sessions) == 1
        device.sessions.clear()
        assert shows(device, look, "n0nce")
        look.close()
        assert not device.sessions


@pytest.mark.parametrize(("path", "password"), [("/nowhere", PASSWORD), ("/api/settings", "wrong")])
def test_a_page_that_nobody_can_read_says_so(path: str, password: str) -> None:
    with running() as device, pytest.raises(UnreadableError):
        shows(device, window(device, path, password), "x")
