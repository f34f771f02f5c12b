import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from requests.cookies import RequestsCookieJar

from drivers.network.web.transport.client import BODY_LIMIT, NoAnswerError, WebAnswer, WebClient
from tests.drivers.web_device import Device, running
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer


def client(device: Device) -> WebClient:
    return WebClient(device.target, device.service)


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
        answer = client(device).request("GET", "/drip", seconds=1.5)  # 6 s in all
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
        cookies = RequestsCookieJar()
        client(device).request("GET", "/", cookies=cookies)
        thread.join()
    with pytest.raises(NoAnswerError):
        client(device).request("GET", "/", cookies=cookies)


def test_an_answer_in_words_has_no_control_characters() -> None:
    assert "\x1b" not in WebAnswer(200, {}, b"\x1b[2J" * 1000).words
