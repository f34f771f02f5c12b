"""Requests to servers that limit them, over each kind of client."""

import socket
import threading
from dataclasses import replace

import pytest

from drivers.network.pace import DoorPaces
from drivers.network.target import Target
from drivers.network.web.login.basic_digest import HttpDoor
from drivers.network.web.probes.crawl import NotAskedError, get_all
from drivers.network.web.transport.client import LimitedError, NoAnswerError, WebClient
from drivers.network.web.transport.kept import KeptClient
from drivers.network.web.transport.websocket import Listener, NotOpened
from lab_config.bench import NetworkBench
from lab_config.component import Service, Transport
from tests.drivers.network.logins.login_servers import threaded
from tests.free_ports import free_port
from trustprobe.probe import Answer

TOO_MANY = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow"
LATER = b"HTTP/1.1 503 x\r\nRetry-After: 0.2\r\nContent-Length: 4\r\n\r\nslow"
NEXT_WEEK = b"HTTP/1.1 429 x\r\nRetry-After: 604800\r\nContent-Length: 4\r\n\r\nslow"
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
ASKS = b"HTTP/1.1 401 x\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"


class Server:
    """Gives these answers one after the other, and then the last one for ever."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.heads = list(answers), list[bytes]()
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket) -> None:
        pending = b""
        while piece := connection.recv(4_096):
            pending += piece
            while b"\r\n\r\n" in pending:
                head, _, pending = pending.partition(b"\r\n\r\n")
                with self._lock:
                    self.heads.append(head)
                    answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                connection.sendall(answer)
                if b"Connection: close" in head:
                    return


def client(port: int, patience: float = 20.0) -> WebClient:
    target = Target(NetworkBench(address="127.0.0.1"), paces=DoorPaces(patience))
    return WebClient(target, Service(id="web", transport=Transport.TCP, port=port, protocol="http", purpose="x"))


@pytest.mark.parametrize("limit", [TOO_MANY, LATER])
def test_a_limited_request_is_sent_again_until_it_is_answered(limit: bytes) -> None:
    server = Server(limit, limit, FINE)
    with threaded(server) as port:
        assert client(port).request("GET", "/").body == b"fine"
    assert len(server.heads) == 3


def test_a_kept_connection_keeps_to_the_same_pace() -> None:
    server = Server(LATER, FINE)
    with threaded(server) as port:
        one = client(port)
        kept = KeptClient(one)
        assert kept.get("/").body == b"fine"
        kept.close()
        assert one.pace is not None and one.pace.waited > 0


def test_a_limit_that_lasts_longer_than_the_bench_waits_is_silence_and_names_the_line_to_write() -> None:
    with threaded(Server(NEXT_WEEK)) as port:
        with pytest.raises(LimitedError, match="patience_seconds: 86400") as caught:
            client(port).request("GET", "/")
    assert caught.value.answer is Answer.SILENT


def test_a_limit_without_an_end_is_silence() -> None:
    with threaded(Server(TOO_MANY)) as port:
        with pytest.raises(LimitedError):
            client(port, patience=0.3).request("GET", "/")


def test_a_503_without_a_time_is_an_answer() -> None:
    with threaded(Server(b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n")) as port:
        assert client(port).request("GET", "/").status == 503


def test_a_measurement_takes_the_first_limit_for_its_answer() -> None:
    server = Server(TOO_MANY, FINE)
    with threaded(server) as port:
        one = client(port)
        with pytest.raises(LimitedError):
            WebClient(one.target.unpaced(), one.service).request("GET", "/")
    assert len(server.heads) == 1


def test_a_limit_slows_down_the_probes_that_come_after() -> None:
    with threaded(Server(LATER, FINE)) as port:
        one = client(port)
        one.request("GET", "/")
        later = WebClient(replace(one.target), one.service)
        assert later.pace is not None
        before = later.pace.waited
        later.request("GET", "/")
        assert later.pace.waited > before


def test_connections_that_are_refused_for_a_moment_are_opened_again() -> None:
    with threaded(Server(FINE), port=free_port()) as port:  # nobody else is given it in the meantime
        one = client(port)
        one.request("GET", "/")
    timer = threading.Timer(0.4, lambda: serve_once(port))
    timer.start()
    assert one.request("GET", "/").body == b"fine"
    timer.join()


def serve_once(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.settimeout(10)
        connection, _ = listener.accept()
        with connection:
            connection.recv(4_096)
            connection.sendall(FINE)


def test_a_port_that_stays_closed_is_refused() -> None:
    with threaded(Server(FINE), port=free_port()) as port:  # nobody else is given it in the meantime
        one = client(port)
        one.request("GET", "/")
    for _ in range(2):
        with pytest.raises(NoAnswerError) as caught:
            one.request("GET", "/")
        assert caught.value.answer is Answer.REFUSED


def test_a_websocket_that_is_limited_is_neither_refused_nor_given_up() -> None:
    with threaded(Server(TOO_MANY)) as port:
        opened = Listener.ask(client(port, patience=0.3), "/ws")
    assert isinstance(opened, NotOpened)
    assert opened.answer is Answer.SILENT
    refusing = Server(TOO_MANY, ASKS)
    with threaded(refusing) as port:
        opened = Listener.ask(client(port), "/ws")
    assert isinstance(opened, NotOpened)
    assert opened.answer is Answer.REFUSED


def test_a_list_of_paths_ends_when_the_patience_of_the_bench_does() -> None:
    with threaded(Server(FINE)) as port:
        one = client(port, patience=5.0)
        assert one.pace is not None
        one.pace.wait = lambda _: None
        for _ in range(3):
            one.pace.limited(one.pace.turn(), "429", 3.0)
        found = get_all(one, ["/a", "/b"])
    assert all(isinstance(answer, NotAskedError) for answer in found.values())


def test_a_guess_that_is_limited_is_left_to_who_guesses() -> None:
    server = Server(ASKS, TOO_MANY, ASKS)
    with threaded(server) as port:
        one = client(port)
        attempt = HttpDoor(one.target, one.service, "/", "api").attempt("admin", "x")
        assert attempt.limited and attempt.answer is Answer.SILENT
        assert len(server.heads) == 2
        patient = HttpDoor(one.target, one.service, "/", "api", patient=True).attempt("admin", "x")
    assert patient.answer is Answer.REFUSED


def test_a_basic_challenge_serves_all_guesses() -> None:
    server = Server(ASKS)
    with threaded(server) as port:
        one = client(port)
        door = HttpDoor(one.target, one.service, "/", "api")
        attempts = [door.attempt("admin", str(number)) for number in range(5)]
    assert {attempt.answer for attempt in attempts} == {Answer.REFUSED}
    assert len(server.heads) == 6


class PerPath(Server):
    """Limits each second request of the paths that begin like this, and answers all others."""

    def __init__(self, *limited: str, answer: bytes = TOO_MANY) -> None:
        super().__init__(FINE)
        self.limited, self.answer, self.counts = tuple(limited), answer, dict[str, int]()

    def __call__(self, connection: socket.socket) -> None:
        head = connection.recv(4_096)
        path = head.split(b" ")[1].decode().partition("?")[0]
        with self._lock:
            self.heads.append(head)
            self.counts[path] = self.counts.get(path, 0) + 1
            limits = path in self.limited and self.counts[path] % 2
        connection.sendall(self.answer if limits else FINE)


def intervals(one: WebClient, *paths: str) -> list[bool]:
    """Whether a request of each path has to wait now."""
    assert one.pace is not None
    waits = list[float]()
    one.pace.wait = waits.append
    found = []
    for path in paths:
        waits.clear()
        one.pace.turn(path)
        found.append(bool(waits))
    return found


def test_a_limit_on_one_path_slows_down_this_path_only() -> None:
    with threaded(PerPath("/login")) as port:
        one = client(port)
        assert one.request("POST", "/login?next=1").body == b"fine"
        assert intervals(one, "/", "/status", "/login") == [False, False, True]
        assert one.pace is not None and not one.pace.waited


def test_limits_on_two_unrelated_paths_slow_down_the_server() -> None:
    with threaded(PerPath("/login", "/status")) as port:
        one = client(port)
        assert one.request("GET", "/login").body == one.request("GET", "/status").body == b"fine"
        assert intervals(one, "/other") == [True]


@pytest.mark.parametrize("answer", [TOO_MANY.replace(b"\r\n\r\n", b"\r\nRetry-After: 0\r\n\r\n"), LATER])
def test_a_limit_of_the_whole_server_slows_down_every_path(answer: bytes) -> None:
    with threaded(PerPath("/", answer=answer)) as port:
        one = client(port)
        assert one.request("GET", "/").body == b"fine"
        assert intervals(one, "/other", "/") == [True, True]


def test_a_request_of_a_limited_path_stays_unanswered_while_the_others_are_answered() -> None:
    class Always(PerPath):
        def __call__(self, connection: socket.socket) -> None:
            self.counts.clear()
            super().__call__(connection)

    with threaded(Always("/login")) as port:
        one = client(port, patience=0.3)
        found = get_all(one, ["/login", "/a", "/b"])
        later = get_all(one, ["/c", "/d"])
    assert isinstance(found["/login"], LimitedError)
    assert [answer for answer in (*found.values(), *later.values()) if isinstance(answer, NoAnswerError)] == [
        found["/login"]
    ]
