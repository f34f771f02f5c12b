import re
import socket
from dataclasses import replace
from typing import Any

import pytest

from drivers.login import Login
from drivers.network.target import Target
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.session import WebSession
from drivers.network.web.probes.websocket_access import (
    UsualWebSockets,
    WebSocketAccess,
    foreign_origins,
    own_origin,
)
from drivers.network.web.transport.client import WebClient
from lab_config.base import Role
from lab_config.bench import NetworkBench
from lab_config.interfaces import WebSocketDeclaration
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import PASSWORDS, Device, running
from trustprobe.probe import Observation

ROWS = {"anonymous /ws", "foreign_origin /ws", "viewer /ws"}


def ask(device: Device, password: str = PASSWORDS["admin"], seconds: float = 10.0, **more: Any) -> Observation:
    """Ask. `seconds` is short for a socket that is to say nothing."""
    socket = WebSocketDeclaration(service="web", path="/ws", roles=(Role.ADMINISTRATOR,), seconds=seconds, **more)
    viewer = Login("viewer", PASSWORDS["viewer"])
    return WebSocketAccess(device.web(password=password), (socket,), viewer).run(MemoryRecorder())


@pytest.mark.parametrize("tls", [False, True])
def test_a_hardened_device_refuses_everybody_but_its_own_session(tls: bool) -> None:
    with running(tls=tls) as device:
        seen = ask(device)
    assert seen.refused == ROWS
    assert seen.conclusive
    assert "401" in seen.detail("anonymous /ws") and "403" in seen.detail("foreign_origin /ws")


@pytest.mark.parametrize(
    ("habit", "about"),
    [
        ("ws_anonymous", {"anonymous /ws", "viewer /ws"}),
        ("any_origin", {"foreign_origin /ws"}),
        ("viewer_hears", {"viewer /ws"}),
    ],
)
def test_who_hears_something_without_the_right_is_seen(habit: str, about: set[str]) -> None:
    with running(habit) as device:
        seen = ask(device)
    assert seen.seen == about


def test_a_session_that_is_known_by_a_token_is_asked_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heard.append(connection.recv(4_096))
        connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    def logged_in(web: Administration) -> WebSession:
        client = WebClient(web.target, web.service)
        return WebSession(client, web.user, headers={"Authorization": f"Bearer {web.user}"}, query={"key": web.user})

    monkeypatch.setattr(Administration, "log_in", logged_in)
    with running() as device, tcp_server(serve) as port:
        web, viewer = device.web(password=PASSWORDS["admin"]), Login("viewer", PASSWORDS["viewer"])
        service, target = web.service.model_copy(update={"port": port}), Target(NetworkBench(address="127.0.0.1"))
        socket_of = WebSocketDeclaration(service="web", path="/ws", roles=(Role.ADMINISTRATOR,))
        WebSocketAccess(replace(web, service=service, target=target), (socket_of,), viewer).run(MemoryRecorder())
    tokens = {
        (head.split(b" ")[1], re.findall(rb"Authorization: ([^\r]*)", head)[0]) for head in heard if b"Auth" in head
    }
    assert tokens == {(b"/ws?key=%b" % user, b"Bearer %b" % user) for user in (b"admin", b"viewer")}
    assert any(b"GET /ws HTTP" in head and b"Auth" not in head for head in heard), "nobody has no token"


def test_an_origin_that_only_begins_like_the_device_is_a_foreign_one() -> None:
    with running("prefix_origin") as device:
        client = WebClient(device.target, device.service)
        assert own_origin(client) not in foreign_origins(client)
        seen = ask(device)
    assert seen.seen == {"foreign_origin /ws"}
    assert ".trustprobe.invalid" in seen.detail("foreign_origin /ws")


def test_a_close_behind_the_opening_is_a_refusal_in_the_devices_own_words() -> None:
    with running("closes_instead") as device:
        seen = ask(device)
    assert "anonymous /ws" in seen.refused
    assert "1008" in seen.detail("anonymous /ws") and "\x1b" not in seen.detail("anonymous /ws")


def test_a_socket_that_says_nothing_to_authority_either_proves_nothing() -> None:
    with running("mute_ws", "ws_anonymous") as device:
        seen = ask(device, seconds=0.1)
    assert "anonymous /ws" in seen.silent
    assert not seen.conclusive


def test_an_error_of_the_server_is_no_refusal() -> None:
    with running("breaks_at_origin") as device:
        seen = ask(device)
    assert "foreign_origin /ws" in seen.silent
    assert not seen.about("foreign_origin /ws").conclusive
    assert seen.about("anonymous /ws").conclusive


def test_what_a_client_has_to_say_first_is_said() -> None:
    with running("waits_for_word") as device:
        seen = ask(device, say="subscribe", speaks="^you said subscribe$", subprotocol="events.v1")
    assert seen.refused == ROWS and seen.conclusive


def test_a_message_that_is_not_the_declared_one_is_no_access() -> None:
    with running("ws_anonymous") as device:
        seen = ask(device, seconds=0.1, speaks="temperature")
    assert seen.seen == frozenset()
    assert not seen.conclusive


def test_frames_without_content_do_not_come_for_ever() -> None:
    with running("endless_ws") as device:
        seen = ask(device, speaks="event")
    assert not seen.conclusive
    assert "did not send data" in str(seen.witness)


def test_without_the_valid_login_nothing_is_proven() -> None:
    with running() as device:
        seen = ask(device, password="wrong")
    assert seen.silent == ROWS
    assert not seen.conclusive
    assert "the login of admin failed" in seen.detail("anonymous /ws")


def test_what_everybody_receives_is_seen_if_nobody_can_log_in() -> None:
    with running("ws_anonymous") as device:
        seen = ask(device, password="wrong")
    assert seen.seen == {"anonymous /ws"}
    assert seen.silent == ROWS - {"anonymous /ws"}


def test_a_socket_that_nobody_declared_is_found_on_a_usual_path() -> None:
    with running("ws_anonymous", "any_origin") as device:
        seen = UsualWebSockets(device.target, device.service, ("/none", "/ws")).run(MemoryRecorder())
        assert seen.seen == {"web"}
        assert "/ws: it opened" in seen.detail("web")


@pytest.mark.parametrize(
    ("habit", "kind"), [("io_talks", "seen"), ("io_refuses", "refused"), ("io_opens_only", "silent")]
)
def test_socket_io_is_judged_by_what_comes_after_its_own_packets(habit: str, kind: str) -> None:
    path = "/socket.io/?EIO=4&transport=websocket"
    with running("ws_anonymous", "any_origin", "socket_io", habit) as device:
        seen = UsualWebSockets(device.target, device.service, (path,)).run(MemoryRecorder())
    assert getattr(seen, kind) == {"web"}


def test_pages_and_statuses_are_no_sockets() -> None:
    with running("same_page_everywhere") as device:
        seen = UsualWebSockets(device.target, device.service, ("/none", "/login", "/ws")).run(MemoryRecorder())
    assert seen.refused == {"web"}


@pytest.mark.parametrize("path", ["/nonsense", "/headers", "/drop"])
def test_what_answers_no_http_leaves_the_question_open(path: str) -> None:
    with running() as device:
        seen = UsualWebSockets(device.target, device.service, (path,)).run(MemoryRecorder())
    assert seen.silent == {"web"}
    assert not seen.conclusive
