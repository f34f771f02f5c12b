"""A device that asks its cloud for newer versions, in all its habits, and the page that tells its customer."""

import contextlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drivers.network.servers.tls import Announcement, TlsClientServer
from drivers.network.tls.bad_certificate import Authority, issue
from drivers.update import notice
from drivers.update.notice import ASKED, QUIET, TOLD, AnnounceUpdate, newer_than
from lab_config.bench import CloudBench
from lab_config.component import UpdateNoticeDeclaration
from tests.drivers.network.tls.test_bad_certificate import HOST, make_ca
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import IDENTITY, PASSWORDS, Device, running
from tests.free_ports import free_port
from trustprobe.errors import DeviceLostError
from trustprobe.probe import Observation, Witness, condition

SECONDS = 30.0
SOON = 0.2
A_WHILE = 3.0
"""Long enough for a device to come and not to ask."""
BEAT = b"POST /beat HTTP/1.1\r\nHost: cloud.example\r\nContent-Length: 4\r\n\r\nbeat"
ASK = b"GET /newest?version=1.4.0 HTTP/1.1\r\nHost: cloud.example\r\n\r\n"


@dataclass
class Client:
    """The device's own connection, opened again whenever it is lost. Its habits are those of the device."""

    device: Device
    bench: CloudBench
    ended: threading.Event = field(default_factory=threading.Event)
    visited: int = 0
    asked_in: int = 0

    def run(self) -> None:
        while not self.ended.wait(0.01):
            with contextlib.suppress(OSError):
                self.visit()

    def visit(self) -> None:
        boot = self.device.boot  # before it connects: the connection belongs to this start
        context = ssl.create_default_context(cafile=str(self.bench.ca_certificate))
        with socket.create_connection((self.bench.address, self.bench.port), SECONDS) as sock:
            with context.wrap_socket(sock, server_hostname=HOST) as stream:
                stream.sendall(BEAT)
                stream.recv(1000)
                if self.due(boot):
                    stream.sendall(ASK)
                    self.learn(stream.recv(10_000))
                self.wait_for_the_end(stream, boot)

    def wait_for_the_end(self, stream: ssl.SSLSocket, boot: int) -> None:
        """Keep the connection until the server or the test ends it, or the device restarts: a restart keeps none."""
        stream.settimeout(SOON)
        while not self.ended.is_set() and self.device.boot == boot:
            with contextlib.suppress(TimeoutError):
                stream.recv(1)
                return

    def due(self, boot: int) -> bool:
        habits, device = self.device.habits, self.device
        visited, last = device.requests.count("GET /home"), self.visited
        self.visited = visited
        if "asks_by_hand" in habits:
            return visited > last
        if "asks_at_start" in habits:
            started, self.asked_in = boot > self.asked_in, boot
            return started
        return "never_asks" not in habits

    def learn(self, answer: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        if b" 200 " in head and "tells_nobody" not in self.device.habits:
            self.device.notice = f"<b>New: {json.loads(body)['newest']}</b>"


@dataclass
class Lab:
    device: Device
    server: TlsClientServer


@pytest.fixture
def bench(tmp_path: Path) -> CloudBench:
    ca, key = make_ca(tmp_path)
    return CloudBench(address="127.0.0.1", port=free_port(), ca_certificate=ca, ca_key=key)


@pytest.fixture
def lab(bench: CloudBench, tmp_path: Path) -> Callable[..., contextlib.AbstractContextManager[Lab]]:
    """Run a device with some habits, and the server that it asks."""
    good = issue("good", HOST, Authority.load(bench.ca_certificate, bench.ca_key), tmp_path)

    @contextmanager
    def start(*habits: str) -> Iterator[Lab]:
        with running(*habits) as device, TlsClientServer(bench, good, "127.0.0.1") as server:
            client = Client(device, bench)
            thread = threading.Thread(target=client.run)
            if "never_comes" not in habits:
                thread.start()
            try:
                yield Lab(device, server)
            finally:
                client.ended.set()
                if thread.ident is not None:
                    thread.join(SECONDS * 2)
                    assert not thread.is_alive()

    return start


Start = Callable[..., contextlib.AbstractContextManager[Lab]]


def asked_at_start(lab: Lab) -> None:
    """Wait for the only question of a start, which must not fall into an announcement."""
    assert lab.server.wait_for_request("^GET /newest", SECONDS)


def declaration(asks: float, tells: float, path: str) -> UpdateNoticeDeclaration:
    return UpdateNoticeDeclaration(
        request=r"^GET /newest\?",
        announcement='{"newest": "{version}"}',
        seconds_to_ask=asks,
        path=path,
        notice="New: {version}",
        seconds_to_tell=tells,
    )


def announce(
    lab: Lab,
    *,
    asks: float = SECONDS,
    tells: float = SECONDS,
    path: str = "/home",
    password: str = PASSWORDS["admin"],
    restart: Callable[[], Witness] | None = None,
    record: MemoryRecorder | None = None,
) -> Observation:
    web, declared = lab.device.web(password=password), declaration(asks, tells, path)
    return AnnounceUpdate(lab.server, web, IDENTITY, declared, restart).run(record or MemoryRecorder())


def test_a_device_that_asks_and_tells_is_seen_to(lab: Start) -> None:
    record = MemoryRecorder()
    with lab() as here:
        seen = announce(here, record=record)
    assert seen.seen == {ASKED, QUIET, TOLD}
    assert seen.detail(ASKED) == "GET /newest?version=1.4.0 HTTP/1.1"
    assert re.search(r"/home shows version 1\.5\.\d{2,3}$", seen.detail(TOLD))
    assert seen.conclusive
    assert b"New: 1.5." in record.kept["page_after.body"]
    assert b"New" not in record.kept["page_before.body"]


def test_a_device_that_learns_of_it_and_tells_nobody_is_found(lab: Start) -> None:
    with lab("tells_nobody") as here:
        seen = announce(here, tells=SOON)
    assert seen.seen == {ASKED, QUIET}
    assert seen.silent == {TOLD}
    assert seen.conclusive


@pytest.mark.parametrize("habit", ["never_asks", "asks_by_hand"])
def test_a_device_that_does_not_ask_by_itself_is_found(habit: str, lab: Start) -> None:
    with lab(habit) as here:
        seen = announce(here, asks=A_WHILE)
    assert seen.silent == {ASKED, TOLD}
    assert seen.conclusive


def test_a_device_that_asks_after_a_start_only_is_started(lab: Start) -> None:
    with lab("asks_at_start") as here:
        asked_at_start(here)
        assert announce(here, asks=SOON).silent == {ASKED, TOLD}
        seen = announce(here, restart=restarting(here))
        assert here.device.boot == 2
    assert seen.seen == {ASKED, QUIET, TOLD}
    assert seen.conclusive
    assert seen.premise == OFF


OFF = condition("the device was silent while its power was off", holds=True)
STILL_ON = condition("the device still answered while its power was switched off", holds=False)


def restarting(lab: Lab, sign: Witness = OFF) -> Callable[[], Witness]:
    """Restart the device, and say what showed it."""

    def restart() -> Witness:
        lab.device.restart()
        return sign

    return restart


def test_a_restart_that_did_not_happen_leaves_a_device_that_asks_after_a_start_open(lab: Start) -> None:
    with lab("asks_at_start") as here:
        asked_at_start(here)
        assert announce(here, asks=SOON).silent == {ASKED, TOLD}
        seen = announce(here, asks=A_WHILE, restart=lambda: STILL_ON)
        assert here.device.boot == 1
    assert ASKED in seen.silent
    assert seen.conclusive  # the device connected again, so that without the premise this would count
    assert seen.premise == STILL_ON


def test_a_new_boot_id_shows_a_restart_that_the_network_does_not_show(lab: Start) -> None:
    with lab("asks_at_start") as here:
        seen = announce(here, restart=restarting(here, STILL_ON))
    assert seen.seen == {ASKED, QUIET, TOLD}
    assert seen.premise and seen.premise.holds
    assert "new boot id" in seen.premise.what


def test_a_device_that_asks_without_a_restart_rests_on_none(lab: Start) -> None:
    with lab() as here:
        assert announce(here).premise is None


def test_a_device_that_never_connects_proves_nothing(lab: Start) -> None:
    with lab("never_comes") as here:
        seen = announce(here, asks=SOON)
    assert seen.silent == {ASKED, TOLD}
    assert not seen.conclusive
    assert seen.witness is not None
    assert "did not send data" in seen.witness.what


def test_a_page_that_showed_the_version_before_tells_of_nothing(lab: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice, "newer_than", lambda _version: "1.5.77")
    with lab() as here:
        here.device.notice = "New: 1.5.77"
        seen = announce(here)
    assert seen.silent == {QUIET}
    assert seen.conclusive


def test_a_page_that_is_not_there_is_found(lab: Start) -> None:
    with lab() as here:
        seen = announce(here, tells=SOON, path="/nowhere")
    assert seen.silent == {TOLD}
    assert seen.conclusive


def test_a_page_that_does_not_answer_proves_nothing(lab: Start) -> None:
    with lab() as here:
        seen = announce(here, tells=SOON, path="/drop")
    assert seen.silent == {QUIET, TOLD}
    assert not seen.conclusive


@pytest.mark.parametrize("version", ["1.4.0", "current"])
def test_without_a_version_to_raise_nothing_is_announced(version: str, lab: Start) -> None:
    with lab() as here:
        here.device.version = version
        seen = announce(here, password="wrong" if version == "1.4.0" else PASSWORDS["admin"])
    assert seen.silent == {ASKED}
    assert not seen.conclusive


def test_the_announcement_ends_with_the_probe_even_where_the_device_is_lost(lab: Start) -> None:
    def lost() -> Witness:
        raise DeviceLostError("it does not come back.")

    with lab() as here:
        with pytest.raises(DeviceLostError):
            announce(here, restart=lost)
        mark = here.server.present(here.server.good)
        assert here.server.wait_for_request("^GET /newest", SECONDS, mark)
        here.device.notice = ""  # it may have asked, and learnt, before the device was lost
        mark = here.server.present(here.server.good)
        assert here.server.wait_for_request("^GET /newest", SECONDS, mark)
        assert here.server.wait_for_request("^POST /beat", SECONDS, here.server.present(here.server.good))
        assert here.device.notice == ""


def test_an_announcement_answers_its_own_requests_alone(lab: Start) -> None:
    with lab("never_comes") as here:
        here.server.announce(Announcement("^GET /newest", "text/plain", b"2.0"))
        context = ssl.create_default_context(cafile=str(here.server.bench.ca_certificate))
        address = (here.server.bench.address, here.server.bench.port)
        with socket.create_connection(address, SECONDS) as sock:
            with context.wrap_socket(sock, server_hostname=HOST) as stream:
                answers = []
                for request in (BEAT, ASK):
                    stream.sendall(request)
                    answers.append(stream.recv(1000))
        assert here.server.wait_for_request("nothing", SOON) is None
    assert answers[0] == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert answers[1] == b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\n2.0"


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.4.0", r"1\.5\.\d{2,3}"),
        ("v2.9.255-b7", r"v2\.9\.256-b\d{2,3}"),
        ("7.1", r"8\.\d{2,3}"),
        ("R17", r"R\d{2,3}"),
    ],
)
def test_a_newer_version_is_like_the_old_one_and_made_for_the_run(version: str, expected: str) -> None:
    made = {newer_than(version) for _ in range(30)}
    assert len(made) > 1
    assert all(one and re.fullmatch(expected, one) for one in made)


@pytest.mark.parametrize("version", ["", "current", "1.4\n0", '1.4"0', "٣.٤", "1" * 65])
def test_what_is_no_version_is_not_raised(version: str) -> None:
    assert newer_than(version) is None
