"""Malformed bodies in the administrator's session: what is sent, what is restored, what proves nothing."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.nesting import parsed
from drivers.network.malformed.messages.json_bodies import Resource, messages
from drivers.network.malformed.sending.administration import Requests, SendMalformedBodies, may_be_written
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.round import MalformedInput
from drivers.network.target import Target
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.client import WebClient
from lab_config.bench import NetworkBench
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import Device, running
from trustprobe.errors import BenchError

RESOURCE = Resource("PUT", "/api/settings", "device_name", "Door")


@given(st.integers(0, 2**63 - 1), st.integers(1, 120))
@settings(max_examples=20, deadline=None)
def test_a_seed_gives_so_many_bodies_and_none_names_a_session(seed: int, count: int) -> None:
    made = messages(RESOURCE, seed, count)
    assert made == messages(RESOURCE, seed, count)
    assert len({one.name for one in made}) == count
    assert all(b"ookie:" not in one.data for one in made)


def test_each_body_is_as_long_as_its_header_says_but_two() -> None:
    for one in messages(RESOURCE, 1, 60):
        head, _, body = one.data.partition(b"\r\n\r\n")
        (said,) = (line for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
        assert (int(said.split()[1]) == len(body)) is ("than_said" not in one.name), one.name


def test_without_a_field_that_can_be_restored_no_declared_name_is_written() -> None:
    made = messages(Resource("POST", "/api/password"), 1, 60)
    assert not any(b"device_name" in one.data or b'"old"' in one.data for one in made)


def test_a_put_that_replaces_everything_is_malformed_in_a_value_of_its_own(device: Device) -> None:
    device.habits.add("put_replaces")
    before = dict(device.settings)
    resource = Resource("PUT", "/api/settings")
    record = MemoryRecorder()
    seen = SendMalformedBodies(device.web(password="correct horse"), resource, False, 60, 1, Revival(2.0)).run(record)
    assert seen.conclusive
    assert {name: device.settings[name] for name in before} == before


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), "", "********a", "<hidden>", "xxxxxxxx"])
def test_no_body_holds_a_value_of_the_device_that_cannot_be_written_back(device: Device, value: str | float) -> None:
    device.settings["admin_password"] = value  # type: ignore[assignment]
    assert not content_of(device)


def test_each_body_holds_what_the_device_shows_whole(device: Device) -> None:
    assert parsed(content_of(device)) == device.settings


def content_of(device: Device) -> bytes:
    """Return what each body to a resource of this device would hold beside its own value."""
    probe = SendMalformedBodies(
        device.web(password="correct horse"), Resource("PUT", "/api/settings"), False, 3, 1, Revival(2.0)
    )
    with Requests(probe.web) as requests:
        return probe._with_content(requests).content


@pytest.mark.parametrize("content", [b'{"port": 8384}', b'{"gui": {"port": 8384}, "folders": []}\n'])
@pytest.mark.parametrize("count", [60, 200])
def test_no_body_that_could_be_accepted_lacks_what_is_there(content: bytes, count: int) -> None:
    for one in messages(Resource("PUT", "/config", content=content), 1, count):
        head, _, body = one.data.partition(b"\r\n\r\n")
        assert body.startswith(content.rstrip()[:-1])
        assert "than_said" in one.name or b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"


@pytest.mark.parametrize("path", ["/api/reboot", "/api/reset", "/cgi/FactoryDefault", "/shutdown", "/disk/format"])
def test_what_could_end_the_device_by_its_name_is_left_out(path: str) -> None:
    assert not may_be_written(path)
    assert may_be_written("/api/settings")


@pytest.fixture
def device() -> Iterator[Device]:
    with running() as started:
        yield started


def send(device: Device, count: int = 30, password: str = "correct horse") -> MalformedInput:
    probe = SendMalformedBodies(device.web(password=password), RESOURCE, True, count, 1, Revival(2.0))
    return probe.run(MemoryRecorder())


def test_a_setting_that_a_malformed_body_changed_is_written_back(device: Device) -> None:
    before = dict(device.settings)
    seen = send(device)
    assert sum(request == "PUT /api/settings" for request in device.requests) > 30, "one more puts the value back"
    assert device.settings == before
    assert seen.conclusive
    assert seen.witness is not None
    assert "reads as before" in seen.witness.what


def test_an_administrator_who_does_not_get_in_is_the_benchs_error(device: Device) -> None:
    with pytest.raises(BenchError, match=r"cannot log in to \w+: .*Login incorrect.*Check the credentials"):
        send(device, password="wrong")


def test_a_login_that_is_not_proven_does_not_blame_the_credentials_of_the_bench(device: Device) -> None:
    own = device.web()
    web = replace(own, http_login=own.http_login.model_copy(update={"proof": "words of another page"}))
    with pytest.raises(BenchError, match=r"does not contain `proof` \(words of another page\)") as raised:
        SendMalformedBodies(web, RESOURCE, True, 30, 1, Revival(2.0)).run(MemoryRecorder())
    assert "Check the credentials" not in str(raised.value)


def test_the_session_is_not_left_open(device: Device) -> None:
    send(device, count=3)
    assert not device.sessions


def test_the_controls_are_healthy_requests_of_the_session_that_change_nothing(device: Device) -> None:
    before = dict(device.settings)
    with Requests(device.web(password="correct horse")) as requests:
        whole, half = requests.controls("/api/settings", 2)
        assert [one.words[:3] for one in whole.send()] == ["200", "200"]
        requests.hang_up()
        assert not any(one.words.startswith("2") for one in half.send())
        assert not requests.taken
    assert device.settings == before


@pytest.mark.parametrize(
    ("headers", "query", "wanted"),
    [
        ({"Authorization": "Bearer t0k3n"}, {}, b"\r\nAuthorization: Bearer t0k3n\r\n"),
        ({}, {"key": "t0k3n"}, b"PUT /api/settings?key=t0k3n HTTP/1.1\r\n"),
        ({}, {}, b"\r\nReferer: http://127.0.0.1:"),
    ],
    ids=["header", "query", "page"],
)
def test_each_body_carries_what_the_session_is_known_by(
    headers: dict[str, str], query: dict[str, str], wanted: bytes, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heard.append(connection.recv(65_536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")

    with tcp_server(serve) as port:
        web = device.web(password="correct horse")
        service = web.service.model_copy(update={"port": port, "tls": False})
        web = replace(web, target=Target(NetworkBench(address="127.0.0.1")), service=service)
        session = WebSession(WebClient(web.target, service), "admin", headers=headers, query=query)
        monkeypatch.setattr(Administration, "log_in", lambda _: session)
        with Requests(web) as requests:
            (body,) = messages(RESOURCE, 1, 1)
            assert requests.deliver(body).carried
    assert wanted in heard[0]
