import pytest

from drivers.guessing.attempt import LoginAttempt
from drivers.network.logins import rtsp
from drivers.network.logins.rtsp import Endpoint, RtspDoor
from drivers.network.logins.rtsp_access import AskStreams, StreamControl, common_paths
from tests.drivers.network.logins.login_servers import Handler, Rtsp, threaded
from tests.drivers.network.loopback_servers import closed_port, tcp_server
from tests.drivers.network.tcp_servers import LOOPBACK, endless, garbage, silent
from tests.drivers.recorder import MemoryRecorder
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


def test_a_server_without_a_password_method_says_so_itself() -> None:
    assert attempt(Rtsp(challenge="Bearer")) == LoginAttempt(Answer.REFUSED, "the device offers no password method")


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


def test_every_common_path_is_a_path_with_its_origin() -> None:
    assert len(set(common_paths())) == len(common_paths()) >= 12
    assert all(path.startswith("/") and path.isascii() and " " not in path for path in common_paths())
