import asyncio
import socket
from collections.abc import Callable
from http import HTTPStatus

import pytest

from virtual_lab.reference.relay import PowerRelay


def ask(relay: PowerRelay, request: bytes) -> bytes:
    """Send a request to a relay on a socket, and return all that comes back."""

    async def exchange() -> bytes:
        listener = socket.create_server(("127.0.0.1", 0))
        async with await relay.serve(listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(request)
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            await writer.wait_closed()
            return answer

    return asyncio.run(exchange())


@pytest.fixture
def states() -> list[bool]:
    return []


@pytest.fixture
def relay(states: list[bool]) -> PowerRelay:
    switch: Callable[[bool], None] = states.append
    return PowerRelay(switch)


def test_the_relay_is_on_at_first_and_asking_changes_nothing(relay: PowerRelay, states: list[bool]) -> None:
    answer = ask(relay, b"GET /relay/0 HTTP/1.1\r\nHost: relay\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b'\r\n\r\n{"ison": true}')
    assert states == []


def test_turning_switches_before_the_answer_comes(relay: PowerRelay, states: list[bool]) -> None:
    assert ask(relay, b"GET /relay/0?turn=off HTTP/1.1\r\n\r\n").endswith(b'{"ison": false}')
    assert ask(relay, b"GET /relay/0?turn=on HTTP/1.1\r\n\r\n").endswith(b'{"ison": true}')
    assert states == [False, True]


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /relay/1?turn=off HTTP/1.1", HTTPStatus.NOT_FOUND),
        ("GET / HTTP/1.1", HTTPStatus.NOT_FOUND),
        ("POST /relay/0?turn=off HTTP/1.1", HTTPStatus.METHOD_NOT_ALLOWED),
        ("GET /relay/0?turn=toggle HTTP/1.1", HTTPStatus.BAD_REQUEST),
        ("GET /relay/0?turn=on&turn=off HTTP/1.1", HTTPStatus.BAD_REQUEST),
        ("GET /relay/0?turn=off", HTTPStatus.BAD_REQUEST),
        ("GET http://[/relay/0 HTTP/1.1", HTTPStatus.NOT_FOUND),
        ("", HTTPStatus.BAD_REQUEST),
    ],
)
def test_anything_else_is_refused_and_switches_nothing(
    relay: PowerRelay, states: list[bool], request_line: str, status: HTTPStatus
) -> None:
    assert relay.respond(request_line)[0] is status
    assert states == []


@pytest.mark.parametrize("request_bytes", [b"", b"GET /relay/0?turn=off HTTP/1.1\r\n", b"G" * 20_000])
def test_a_request_without_an_end_is_not_answered(relay: PowerRelay, states: list[bool], request_bytes: bytes) -> None:
    assert ask(relay, request_bytes) == b""
    assert states == []
