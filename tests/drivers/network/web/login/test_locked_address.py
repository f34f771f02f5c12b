"""Devices that answer every request in the same way once they have locked an address."""

import re
import socket
import threading
from dataclasses import dataclass, field, replace

import pytest
from requests.auth import _basic_auth_str

from drivers.guessing.attempt import Pair
from drivers.guessing.logins import Guesses, GuessLogins
from drivers.network.logins.undeclared import Corridor, GuessUndeclared
from drivers.network.pace import DoorPaces
from drivers.network.web.login.basic_digest import HttpDoor
from lab_config.component import Service, Transport
from tests.drivers.network.logins.login_servers import threaded
from tests.drivers.network.tcp_servers import LOOPBACK
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer

ERROR = b"<h1>Bad Request</h1>The server did not understand your request."
START = b"<title>Camera</title><a href=/live>live</a>"
PAIRS = tuple(Pair("root", f"guess {number}", "general") for number in range(30))


@dataclass
class LockingServer:
    """HTTP Basic on /info and /settings, until `attempts` wrong passwords in a row have come."""

    attempts: int = 3
    status: int = 200
    page: bytes = ERROR
    challenges: bool = False
    """Whether a request without a credential is challenged while the address is locked."""
    right: tuple[str, ...] = (_basic_auth_str("admin", "right"),)
    wrong: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (piece := connection.recv(4096)):
                return
            head += piece
        given = re.search(r"^Authorization: ([^\r\n]+)", head.decode(), re.M)
        path = head.decode().split(" ")[1]
        with self._lock:
            status, body = self._answer(path, given[1] if given else None)
        asked = "WWW-Authenticate: Basic realm=x\r\n" if status == 401 else ""
        connection.sendall(f"HTTP/1.1 {status} x\r\n{asked}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def _answer(self, path: str, given: str | None) -> tuple[int, bytes]:
        if self.wrong >= self.attempts and (given is not None or not self.challenges):
            return self.status, self.page
        if path not in {"/info", "/settings"}:
            return 404, b"no such page"
        if given in self.right:
            self.wrong = 0
            return 200, b"the model"
        self.wrong += given is not None
        return 401, b"no"


def door(port: int, path: str = "/info", guarded: str = "") -> HttpDoor:
    service = Service(id="web", transport=Transport.TCP, port=port, protocol="http", purpose="test")
    return HttpDoor(LOOPBACK, service, path, "api", guarded=guarded)


def guessed(server: LockingServer, pairs: tuple[Pair, ...] = PAIRS, password: str = "right") -> Guesses:
    with threaded(server) as port:
        return GuessLogins(door(port), pairs, "admin", password).run(MemoryRecorder())


LOCKS = [
    LockingServer(),
    LockingServer(page=START),
    LockingServer(page=b""),
    LockingServer(status=403, page=b"forbidden"),
    LockingServer(status=404),
    LockingServer(status=302),
    LockingServer(challenges=True),
    LockingServer(challenges=True, page=START),
]


@pytest.mark.parametrize("server", LOCKS, ids=lambda one: f"{one.status} {one.page[:9].decode()} {one.challenges}")
def test_a_lock_is_no_login_and_leaves_the_guesses_open(server: LockingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.guessing.plan.RETRY_SECONDS", (0.0, 0.0))
    monkeypatch.setattr("drivers.guessing.logins.RETRY_SECONDS", (0.0, 0.0))
    found = guessed(replace(server))
    assert not found.seen
    assert not found.accepts_anything
    assert found.silent
    assert not found.conclusive


def test_the_reason_quotes_what_a_locked_device_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.guessing.plan.RETRY_SECONDS", (0.0, 0.0))
    monkeypatch.setattr("drivers.guessing.logins.RETRY_SECONDS", (0.0, 0.0))
    found = guessed(LockingServer())
    assert found.witness is not None
    assert "required a credential before and now answers 200 without one" in found.witness.what
    assert "Bad Request" in found.witness.what


def test_a_default_password_of_a_device_that_locks_is_found_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.guessing.plan.RETRY_SECONDS", (0.0, 0.0))
    monkeypatch.setattr("drivers.guessing.logins.RETRY_SECONDS", (0.0, 0.0))
    server = LockingServer(right=(_basic_auth_str("admin", "admin"),))
    found = guessed(server, (*PAIRS, Pair("admin", "admin", "general")), "admin")
    assert found.seen == {"admin:admin"}


def test_a_default_password_of_another_account_is_still_found() -> None:
    server = LockingServer(attempts=100, right=(_basic_auth_str("admin", "right"), _basic_auth_str("root", "guess 7")))
    found = guessed(server)
    assert found.seen == {"root:guess 7"}
    assert found.conclusive


def test_a_path_that_opened_after_it_required_a_login_lets_nobody_in() -> None:
    server = LockingServer(attempts=1)
    with threaded(server) as port:
        opened = door(port)
        assert opened.attempt("admin", "wrong").answer is Answer.REFUSED
        locked = opened.attempt("admin", "right")
    assert (locked.answer, locked.without_login) == (Answer.SILENT, False)
    assert "may have locked this address" in locked.detail


def test_words_of_a_lock_make_the_guesses_wait() -> None:
    server = LockingServer(attempts=1, page=b"Too many wrong passwords, try again later")
    with threaded(server) as port:
        opened = door(port)
        opened.attempt("admin", "wrong")
        assert opened.attempt("admin", "right").limited


@pytest.mark.parametrize(("page", "status"), [(ERROR, 200), (START, 200), (b"forbidden", 403)])
def test_a_locked_server_refuses_no_guess_at_its_other_paths(page: bytes, status: int) -> None:
    server = LockingServer(page=page, status=status, wrong=3)
    with threaded(server) as port:
        assert door(port, "/other", "/info").knock().answer is Answer.SILENT
        server.wrong = 0
        assert door(port, "/other", "/info").knock().answer is Answer.REFUSED


def test_a_server_that_limits_requests_refuses_no_guess() -> None:
    with threaded(LockingServer(wrong=3, status=429)) as port:
        limited = door(port)
        limited = replace(limited, target=replace(LOOPBACK, paces=DoorPaces(patience=1.0)))
        assert limited.knock().answer is Answer.SILENT


@pytest.mark.parametrize("server", LOCKS, ids=lambda one: f"{one.status} {one.page[:9].decode()} {one.challenges}")
def test_a_lock_at_an_undeclared_path_is_no_login(server: LockingServer) -> None:
    with threaded(replace(server)) as port:
        corridor = Corridor("tcp-80", (door(port),))
        found = GuessUndeclared("http_basic", LOOPBACK, (corridor,), PAIRS, port).run(MemoryRecorder())
    assert not found.seen
    assert not found.conclusive


def test_a_default_password_at_an_undeclared_path_is_found() -> None:
    server = LockingServer(attempts=100, right=(_basic_auth_str("root", "guess 7"),))
    with threaded(server) as port:
        corridor = Corridor("tcp-80", (door(port),))
        found = GuessUndeclared("http_basic", LOOPBACK, (corridor,), PAIRS, port).run(MemoryRecorder())
    assert found.seen == {"root:guess 7"}
