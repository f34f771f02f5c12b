import socket
from collections.abc import Callable, Mapping

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Request
from wsproto.utilities import RemoteProtocolError

from drivers.network.target import Target
from drivers.network.web.probes.logins_shown import FindLogins, ShownLogins
from drivers.network.web.transport.server import WebServer
from lab_config.bench import NetworkBench
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.pages import SERVICE, Answer, Said, html, serving, to
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Witness

FOUND = Witness(what="each open port was recognised", holds=True)
FORM = "<form method=post action=/login><input name=user><input type=password name=password></form>"
STATUS = "<h1>Temperature</h1>" + "<p>21.4 degrees Celsius in the living room</p>" * 8
CHALLENGE = Said("", 401, {"WWW-Authenticate": 'Digest realm="panel", nonce="1", qop="auth"'})


def found(answers: Mapping[str, Answer], witness: Witness = FOUND, *, forms_only: bool = False) -> ShownLogins:
    with serving(answers) as pages:
        return FindLogins((WebServer(pages.target, SERVICE),), witness, forms_only).run(MemoryRecorder())


@pytest.mark.parametrize(
    ("answers", "kind", "path"),
    [
        ({"/": html(FORM)}, "form", "/"),
        ({"/": lambda _: to("/cgi/start"), "/cgi/start": html(FORM)}, "form", "/cgi/start"),
        ({"/": html(STATUS + "<a href=/enter>Log in</a>"), "/enter": html(FORM)}, "form", "/enter"),
        ({"/": html(STATUS), "/login.html": html(FORM)}, "form", "/login.html"),
        ({"/": lambda _: CHALLENGE}, "challenge", "/"),
        ({"/": html(STATUS), "/admin/": lambda _: CHALLENGE}, "challenge", "/admin/"),
    ],
)
def test_a_login_is_found_as_a_person_finds_it(answers: Mapping[str, Answer], kind: str, path: str) -> None:
    seen = found(answers)
    assert seen.seen == {"tcp/443"}
    assert [(one.kind, one.path, one.port) for one in seen.logins] == [(kind, path, 443)]


@pytest.mark.parametrize("answers", [{"/": html(STATUS)}, {}], ids=["a page without a login", "nothing but 404"])
def test_a_server_whose_pages_lead_to_no_login_has_none(answers: Mapping[str, Answer]) -> None:
    seen = found(answers)
    assert seen.silent == {"tcp/443"}
    assert seen.conclusive


def test_a_challenge_that_is_declared_as_http_authentication_is_no_contradiction() -> None:
    seen = found({"/": lambda _: CHALLENGE}, forms_only=True)
    assert not seen.logins
    assert seen.conclusive


def test_a_page_that_a_script_draws_proves_no_absence() -> None:
    seen = found({"/": html("<div id=root></div><script src=/app.js></script>")})
    assert seen.silent == {"tcp/443"}
    assert not seen.conclusive
    assert "a script draws /" in seen.unproven


def test_a_server_that_does_not_answer_proves_no_absence() -> None:
    with serving({}) as pages:
        server = WebServer(pages.target, SERVICE)
    seen = FindLogins((server,), FOUND).run(MemoryRecorder())
    assert not seen.conclusive


def only_websockets(subprotocol: str | None, *, accepts: bool = True) -> Callable[[socket.socket], None]:
    """A server that opens WebSockets of one subprotocol, if `accepts`, and closes after any other request."""

    def serve(connection: socket.socket) -> None:
        peer = WSConnection(ConnectionType.SERVER)
        try:
            peer.receive_data(connection.recv(4_096))
            request = next(iter(peer.events()))
        except RemoteProtocolError:
            return
        assert isinstance(request, Request)
        if accepts and (subprotocol is None or subprotocol in request.subprotocols):
            connection.sendall(peer.send(AcceptConnection(subprotocol=subprotocol)))
            connection.recv(1)

    return serve


@pytest.mark.parametrize("subprotocol", [None, "mqtt"])
def test_a_server_that_opens_websockets_only_shows_no_login(subprotocol: str | None) -> None:
    with tcp_server(only_websockets(subprotocol)) as port:
        server = WebServer(Target(NetworkBench(address="127.0.0.1")), SERVICE.model_copy(update={"port": port}))
        seen = FindLogins((server,), FOUND).run(MemoryRecorder())
    assert not seen.logins
    assert seen.conclusive
    assert "it opens WebSockets" in seen.facts[0].detail


def test_a_server_that_closes_each_connection_proves_no_absence() -> None:
    with tcp_server(only_websockets(None, accepts=False)) as port:
        server = WebServer(Target(NetworkBench(address="127.0.0.1")), SERVICE.model_copy(update={"port": port}))
        seen = FindLogins((server,), FOUND).run(MemoryRecorder())
    assert not seen.conclusive


def test_a_sweep_that_left_ports_out_proves_no_absence() -> None:
    seen = found({"/": html(STATUS)}, Witness(what="only declared servers were probed", holds=False))
    assert seen.unproven == "only declared servers were probed"


def test_a_product_without_any_web_server_shows_no_login() -> None:
    assert FindLogins((), FOUND).run(MemoryRecorder()).conclusive
