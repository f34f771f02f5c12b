import socket
import threading
from dataclasses import dataclass

import pytest

from drivers.guessing.attempt import LoginAttempt
from drivers.network.logins import rtsp
from drivers.network.logins.rtsp import Endpoint, RtspDoor
from drivers.network.logins.rtsp_access import AskStreams, StreamControl, common_paths
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from tests.drivers.network.logins.login_servers import SDP, Handler, Rtsp, threaded
from tests.drivers.network.logins.login_servers import answer as rtsp_answer
from tests.drivers.network.loopback_servers import closed_port, tcp_server
from tests.drivers.network.tcp_servers import LOOPBACK, endless, garbage, silent
from tests.drivers.recorder import MemoryRecorder
from tests.free_ports import free_port
from trustprobe.probe import Answer, Observation


def attempt(handler: Handler, password: str = "right", *, tls: bool = False) -> LoginAttempt:
    with threaded(handler, tls=tls) as port:
        return RtspDoor(LOOPBACK, Endpoint(port, tls), "/live", "stream").attempt("viewer", password)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("tls", [False, True])
def test_an_sdp_that_is_not_given_without_the_credential_is_a_login(algorithm: str, tls: bool) -> None:
    found = attempt(Rtsp(algorithm=algorithm), tls=tls)
    assert found == LoginAttempt(Answer.SEEN, f"/live gives an SDP to Digest {algorithm}, and answers 401 without it")


def test_a_wrong_password_is_refused_by_401() -> None:
    assert attempt(Rtsp(), "wrong") == LoginAttempt(Answer.REFUSED, "401 to Digest SHA-256")


def test_a_nonce_that_is_too_old_is_taken_anew() -> None:
    assert attempt(Rtsp(stale=True)).answer is Answer.SEEN


def test_a_stream_that_asks_for_nothing_takes_every_password() -> None:
    assert "without a login" in attempt(Rtsp(open_methods=("DESCRIBE",)), "wrong").detail


def test_a_stream_that_opened_after_it_required_a_login_lets_nobody_in() -> None:
    servers = [Rtsp(), Rtsp(open_methods=("DESCRIBE",))]
    with threaded(lambda connection: servers.pop(0)(connection)) as port:
        door = RtspDoor(LOOPBACK, Endpoint(port, tls=False), "/live", "stream")
        assert door.attempt("viewer", "wrong").answer is Answer.REFUSED
        opened = door.attempt("viewer", "right")
    assert (opened.answer, opened.without_login) == (Answer.SILENT, False)
    assert "may have locked this address" in opened.detail


def test_a_server_without_a_password_method_says_so_itself() -> None:
    found = attempt(Rtsp(challenge="Bearer"))
    assert found == LoginAttempt(Answer.REFUSED, "the device offers no password method: Bearer")


@pytest.mark.parametrize(
    "challenge",
    [
        'Digest realm="cam" nonce="n" qop="auth" algorithm=SHA-256 stale="FALSE"',
        "Digest realm=cam,nonce=n,qop=auth,algorithm=SHA-256",
        "digest realm=cam nonce=n qop=auth,auth-int algorithm=SHA256",
        'Digest realm="cam"; nonce="n"; qop="auth"; algorithm=SHA-256',
        'Bearer realm="x", Digest realm="cam", nonce="n", qop="auth", algorithm=SHA-256',
        'Digest realm="cam",\r\n nonce="n",\r\n\tqop="auth", algorithm=SHA-256',
        'Digest realm="cam", nonce="n", qop="auth", algorithm=SHA-256\r\nno colon here',
        'Digest realm="cam", nonce="n", algorithm=GOST\r\nWWW-Authenticate: Digest realm="cam", nonce="n", '
        'qop="auth", algorithm=SHA-256',
    ],
)
def test_challenges_of_many_forms_are_answered(challenge: str) -> None:
    assert attempt(Rtsp(challenge=challenge)).answer is Answer.SEEN
    assert attempt(Rtsp(challenge=challenge), "wrong").answer is Answer.REFUSED


@pytest.mark.parametrize("challenge", ["NTLM", 'Digest realm="cam"', 'Digest realm="cam", nonce="n", algorithm=GOST'])
def test_a_challenge_that_is_not_parsed_is_no_refusal(challenge: str) -> None:
    found = attempt(Rtsp(challenge=challenge))
    assert found.answer is Answer.SILENT and "not parsed" in found.detail
    with threaded(Rtsp(challenge=challenge)) as port:
        knock = RtspDoor(LOOPBACK, Endpoint(port, tls=False), "/live", "stream").knock()
    assert knock.answer is Answer.SILENT and knock.answered


@pytest.mark.parametrize("status", [b"rtsp/1.0 401", b"RTSP/1.0  401  Unauthorized ", b"\r\nRTSP/1.0 401"])
def test_status_lines_of_many_forms_are_parsed(status: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(status + b"\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm=x\r\n\r\n")
        connection.recv(4096)
        connection.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: %d\r\n\r\n" % len(SDP) + SDP)

    assert attempt(serve).answer is Answer.SEEN


@pytest.mark.parametrize("closes", [False, True])
def test_a_held_door_is_quick_where_the_server_keeps_the_connection(closes: bool) -> None:
    opened: list[int] = []

    def counting(connection: object) -> None:
        opened.append(1)
        Rtsp(closes=closes)(connection)  # type: ignore[arg-type]

    with threaded(counting) as port:
        door = RtspDoor(LOOPBACK, Endpoint(port, tls=False), "/live", "stream")
        with door.held():
            found = [door.attempt("viewer", "wrong").answer for _ in range(3)]
            found.append(door.attempt("viewer", "right").answer)
    if closes:
        assert Answer.SEEN not in found
    else:
        assert found == [Answer.REFUSED] * 3 + [Answer.SEEN]
        assert len(opened) == 1


@pytest.mark.parametrize("handler", [silent, garbage, endless, lambda connection: connection.sendall(b"RTSP/1.0 x")])
def test_what_is_no_answer_says_nothing_of_the_password(handler: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtsp, "SECONDS", 0.3)
    with threaded(handler) as port:
        door = RtspDoor(LOOPBACK, Endpoint(port, tls=False), "/live", "stream")
        monkeypatch.setattr(rtsp.RtspConnection.__init__, "__defaults__", (0.3,))
        assert door.attempt("viewer", "right").answer is Answer.SILENT
        assert door.knock().answer is not Answer.SEEN


def test_a_closed_port_is_refused() -> None:
    door = RtspDoor(LOOPBACK, Endpoint(closed_port(), tls=False), "/live", "stream")
    refused = door.attempt("viewer", "right")
    assert (refused.answer, refused.unanswered) == (Answer.REFUSED, True)
    assert not door.knock().connected


def ask(handler: Handler, password: str = "right", *, declared: bool = True) -> Observation:
    with threaded(handler) as port, tcp_server(lambda client: None) as canary:
        endpoint = Endpoint(port, tls=False)
        control = StreamControl(endpoint, ("/live",), "viewer", password) if declared else None
        return AskStreams(LOOPBACK, (endpoint,), canary, control, ("/", "/other")).run(MemoryRecorder())


def test_a_server_that_asks_for_a_login_everywhere_refuses_in_its_own_bytes() -> None:
    found = ask(Rtsp())
    assert found.refused and found.conclusive
    assert "3 x DESCRIBE: 401" in found.facts[0].detail and "SETUP: 401" in found.facts[0].detail


def test_an_sdp_without_a_login_is_an_open_stream() -> None:
    found = ask(Rtsp(open_methods=("DESCRIBE",)), declared=False)
    assert found.seen
    assert "/other gives an SDP" in found.facts[0].detail


def test_a_stream_is_asked_for_over_ipv6() -> None:
    with threaded(Rtsp(open_methods=("DESCRIBE",)), host="::1") as port:
        six = Target(NetworkBench(address="::1"))
        found = AskStreams(six, (Endpoint(port, tls=False),), port, which="found").run(MemoryRecorder())
    assert found.seen == {f"tcp/{port}"}


def test_a_stream_that_plays_without_a_login_is_open_where_describe_is_not() -> None:
    found = ask(Rtsp(open_methods=("SETUP", "PLAY", "TEARDOWN")))
    assert found.seen
    assert found.facts[0].detail == "/live plays"


def test_without_a_valid_login_the_refusals_of_a_declared_stream_prove_nothing() -> None:
    found = ask(Rtsp(), "wrong")
    assert not found.seen and not found.conclusive


@pytest.mark.parametrize("handler", [garbage, Rtsp(closes=True)])
def test_what_speaks_something_else_and_what_closes_after_each_answer_is_asked_in_bounds(handler: Handler) -> None:
    found = ask(handler, declared=False)
    assert found.refused and found.conclusive


def test_paths_that_were_not_tested_before_the_port_closed_are_no_refusal() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as listener, tcp_server(lambda client: None) as canary:

        def serve() -> None:
            connection, _ = listener.accept()
            listener.close()
            with connection:
                for _ in range(2):
                    received = connection.recv(4096).decode()
                    sequence = received.partition("CSeq: ")[2].partition("\r")[0]
                    connection.sendall(rtsp_answer("401 Unauthorized", sequence, "WWW-Authenticate: Basic\r\n\r\n"))

        served = threading.Thread(target=serve)
        served.start()
        endpoint = Endpoint(listener.getsockname()[1], tls=False)
        paths = ("/a", "/b", "/c", "/live")
        found = AskStreams(LOOPBACK, (endpoint,), canary, paths=paths).run(MemoryRecorder())
        served.join(10)
    assert found.silent == {endpoint.about}
    assert not found.conclusive
    assert found.left_open[endpoint.about] == "2 of 4 paths were not tested: connection refused"


def test_a_refused_connection_after_one_that_got_no_answer_is_no_refusal() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as listener, tcp_server(lambda client: None) as canary:

        def serve() -> None:
            connection, _ = listener.accept()
            listener.close()
            connection.recv(4096)
            connection.close()

        served = threading.Thread(target=serve)
        served.start()
        endpoint = Endpoint(listener.getsockname()[1], tls=False)
        found = AskStreams(LOOPBACK, (endpoint,), canary, paths=("/a", "/live")).run(MemoryRecorder())
        served.join(10)
    assert found.silent == {endpoint.about}
    assert not found.conclusive


def says(status: str) -> Handler:
    """Give each request this status."""

    def serve(connection: socket.socket) -> None:
        while received := connection.recv(4096).decode():
            sequence = received.partition("CSeq: ")[2].partition("\r")[0]
            connection.sendall(rtsp_answer(status, sequence, "\r\n"))

    return serve


@pytest.mark.parametrize("status", ["503 No", "453 Not Enough Bandwidth", "500 No", "302 Found", "400 No", "200 OK"])
def test_an_answer_that_is_no_refusal_leaves_the_port_open(status: str) -> None:
    found = ask(says(status), declared=False)
    assert found.silent and not found.conclusive
    assert f"answers that refuse no stream: 2 x DESCRIBE: {status}" in found.unproven


@pytest.mark.parametrize(("status", "conclusive"), [("400 Bad Request", True), ("503 No", False)])
def test_a_bad_request_is_a_path_without_a_stream_where_a_declared_stream_is_served(
    status: str, conclusive: bool
) -> None:
    found = ask(Rtsp(elsewhere=status))
    assert not found.seen
    assert found.conclusive is conclusive


@pytest.mark.parametrize("status", [401, 403, 404, 405, 407, 451, 454, 455])
def test_an_answer_that_refuses_a_stream_closes_the_port(status: int) -> None:
    found = ask(says(f"{status} No"), declared=False)
    assert found.refused and found.conclusive


@pytest.mark.parametrize(("status", "conclusive"), [("454 Session Not Found", True), ("500 No", False)])
def test_a_stream_that_may_be_set_up_is_judged_by_its_answer_to_play(status: str, conclusive: bool) -> None:
    def serve(connection: socket.socket) -> None:
        protected = Rtsp(open_methods=("SETUP", "TEARDOWN"))
        protected(_Playing(connection, status))  # type: ignore[arg-type]

    found = ask(serve)
    assert not found.seen
    assert found.conclusive is conclusive


@dataclass
class _Playing:
    """A connection on which PLAY is answered by this status."""

    connection: socket.socket
    status: str
    _play: bool = False

    def recv(self, size: int) -> bytes:
        received = self.connection.recv(size)
        self._play = received.startswith(b"PLAY ")
        return received

    def sendall(self, data: bytes) -> None:
        self.connection.sendall(data.replace(b"401 Unauthorized", self.status.encode()) if self._play else data)


def test_every_common_path_is_a_path_with_its_origin() -> None:
    assert len(set(common_paths())) == len(common_paths()) >= 12
    assert all(path.startswith("/") and path.isascii() and " " not in path for path in common_paths())
