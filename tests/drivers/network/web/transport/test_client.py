import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from drivers.guessing.attempt import LoginAttempt, Pair
from drivers.guessing.logins import GuessLogins
from drivers.network.web.transport.client import BODY_LIMIT, NoAnswerError, WebAnswer, WebClient, WebDoor, WebSession
from drivers.network.web.transport.html import form_with, logout_of, path_within
from drivers.network.web.transport.json_names import lookup, nested
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import LOGIN, PAGE, PASSWORDS, Device, running
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer


def client(device: Device) -> WebClient:
    return WebClient(device.target, device.service)


@pytest.mark.parametrize("tls", [False, True])
def test_the_valid_login_opens_a_session_and_closing_it_logs_out(tls: bool) -> None:
    with running(tls=tls) as device:
        session = client(device).login(LOGIN, "admin", PASSWORDS["admin"])
        assert isinstance(session, WebSession)
        assert session.request("GET", "/api/settings").json() == device.settings
        session.close()
        assert not device.sessions
        assert device.requests[-1] == "POST /logout"


def test_a_wrong_password_is_refused_in_the_devices_own_words() -> None:
    with running() as device:
        attempt = WebDoor(device.target, device.service, LOGIN).attempt("admin", "wrong")
    assert attempt.answer is Answer.REFUSED
    assert "Login incorrect" in attempt.detail


def test_a_door_leaves_no_session_behind() -> None:
    with running() as device:
        attempt = WebDoor(device.target, device.service, LOGIN).attempt("admin", PASSWORDS["admin"])
        assert attempt.answer is Answer.SEEN
        assert not device.sessions


def test_a_redirect_and_a_cookie_are_no_login() -> None:
    with running("always_303") as device:
        attempt = WebDoor(device.target, device.service, LOGIN).attempt("admin", "wrong")
    assert attempt.answer is Answer.SILENT


def test_a_refusal_on_the_page_behind_a_redirect_is_read() -> None:
    with running("always_303") as device:
        declared = LOGIN.model_copy(update={"refusal": "name=.username"})
        attempt = WebDoor(device.target, device.service, declared).attempt("admin", "wrong")
    assert attempt.answer is Answer.REFUSED


def test_an_answer_without_words_is_neither_login_nor_refusal() -> None:
    with running("silent_refusal") as device:
        attempt = WebDoor(device.target, device.service, LOGIN).attempt("admin", "wrong")
    assert attempt.answer is Answer.SILENT


def test_a_proof_page_that_shows_to_anybody_proves_no_login() -> None:
    with running("open_home") as device:
        attempt = client(device).login(LOGIN, "admin", PASSWORDS["admin"])
    assert isinstance(attempt, LoginAttempt)
    assert attempt.answer is Answer.SILENT


def test_a_device_that_takes_any_password_is_found_by_the_guesses() -> None:
    with running("any_password") as device:
        door = WebDoor(device.target, device.service, LOGIN)
        guesses = GuessLogins(door, (Pair("root", "root", "list"),), "admin", PASSWORDS["admin"]).run(MemoryRecorder())
    assert guesses.seen == {"root:root"}
    assert guesses.accepts_anything


def test_a_redirect_is_not_followed() -> None:
    with running() as device:
        answer = client(device).request("GET", "/around")
        assert answer.status == 302
        assert answer.target("/around") == "/around"
        assert device.requests == ["GET /around"]


def test_an_endless_body_is_cut() -> None:
    with running() as device:
        answer = client(device).request("GET", "/endless")
    assert len(answer.body) == BODY_LIMIT
    assert not answer.complete


def test_a_dripping_body_ends_with_the_time_for_the_whole_exchange() -> None:
    with running() as device:
        answer = client(device).request("GET", "/drip", seconds=0.2)
    assert 0 < len(answer.body) < BODY_LIMIT


def test_a_body_that_breaks_off_is_incomplete() -> None:
    with running() as device:
        answer = client(device).request("GET", "/short")
    assert (answer.body, answer.complete) == (b"half", False)


@pytest.mark.parametrize("path", ["/drop", "/nonsense", "/headers"])
@pytest.mark.parametrize("tls", [False, True])
def test_what_is_no_http_answer_is_silence(path: str, tls: bool) -> None:
    with running(tls=tls) as device:
        with pytest.raises(NoAnswerError) as caught:
            client(device).request("GET", path)
    assert caught.value.answer is Answer.SILENT


def test_a_time_out_is_silence() -> None:
    with running() as device:
        with pytest.raises(NoAnswerError) as caught:
            client(device).request("GET", "/mute", seconds=0.2)
    assert caught.value.answer is Answer.SILENT


def test_a_closed_port_is_refused() -> None:
    with running() as device:
        pass
    with pytest.raises(NoAnswerError) as caught:
        client(device).request("GET", "/")
    assert caught.value.answer is Answer.REFUSED
    assert not caught.value.connected


def _serve_once(reply: Callable[[socket.socket], None]) -> tuple[socket.socket, threading.Thread]:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            reply(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    return listener, thread


@pytest.mark.parametrize(
    ("hello", "answer"),
    [(b"\x15\x03\x01\x00\x02\x02\x28", Answer.REFUSED), (b"HTTP/1.1 400 Bad Request\r\n\r\n", Answer.SILENT)],
)
def test_a_tls_alert_is_refused_and_clear_text_is_silence(hello: bytes, answer: Answer) -> None:
    def reply(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(hello)
        with suppress(ConnectionError):
            connection.recv(4096)

    device = Device(tls=True)
    listener, thread = _serve_once(reply)
    with listener:
        device.port = listener.getsockname()[1]
        with pytest.raises(NoAnswerError) as caught:
            client(device).request("GET", "/", seconds=2)
        thread.join()
    assert caught.value.answer is answer


def test_an_early_answer_to_an_upload_is_read_although_the_device_hung_up() -> None:
    def reply(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    device = Device()
    listener, thread = _serve_once(reply)
    with listener:
        device.port = listener.getsockname()[1]
        assert client(device).request("POST", "/api/update", data=b"x" * 300_000).status == 413
        thread.join()


def test_only_paths_are_asked_for() -> None:
    with pytest.raises(ConfigurationError):
        client(Device()).request("GET", "@192.0.2.9/")


def test_json_that_nests_without_end_is_no_json() -> None:
    with running() as device:
        assert client(device).request("GET", "/deep").json() is None


def test_a_cookie_that_cannot_be_sent_is_not_an_exception_of_its_own_kind() -> None:
    def reply(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=\xff\x0b\x01; Path=/\r\nContent-Length: 0\r\n\r\n")

    device = Device()
    listener, thread = _serve_once(reply)
    with listener:
        device.port = listener.getsockname()[1]
        session = WebSession(client(device), "admin")
        session.request("GET", "/")
        thread.join()
    with pytest.raises(NoAnswerError):
        session.request("GET", "/")


def test_dotted_names_find_scalars_only() -> None:
    document = {"firmware": {"version": "1.4.0", "slots": [{"id": "a"}]}, "count": 3}
    assert lookup(document, "firmware.version") == "1.4.0"
    assert lookup(document, "firmware.slots.0.id") == "a"
    assert lookup(document, "count") == "3"
    assert lookup(document, "firmware") is None
    assert lookup(document, "firmware.version.deeper") is None
    assert lookup(None, "a") is None
    assert nested("a.b", "c") == {"a": {"b": "c"}}


def test_the_form_with_the_password_is_filled_in_and_not_another() -> None:
    form = form_with(PAGE, "password")
    assert form is not None
    assert (form.action, form.hidden) == ("login", {"token": "a&b"})
    assert form_with(b"<![broken <form <input name=password", "password") is None
    assert form_with(b"\xff" * 1000, "password") is None


def test_a_link_that_logs_out_is_found() -> None:
    form = logout_of(b'<a href="/help">?</a><a href="/sign_out?x=1">bye</a>')
    assert form is not None
    assert form.action == "/sign_out?x=1"


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("login", "/sub/login"),
        ("http://192.0.2.99/x?y=1", "/x?y=1"),
        ("//evil.example//x", "/x"),
        ("javascript:alert(1)", None),
        ("http://[", None),
    ],
)
def test_a_link_never_leads_off_the_device(link: str, path: str | None) -> None:
    assert path_within("/sub/page", link) == path


def test_an_answer_in_words_has_no_control_characters() -> None:
    assert "\x1b" not in WebAnswer(200, {}, b"\x1b[2J" * 1000).words
