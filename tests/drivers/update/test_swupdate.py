from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from drivers.network.target import Target
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from drivers.network.web.transport.websocket import TEXT_LIMIT, Listener
from drivers.update.http_upload import TryImages, UpdateTrials, UploadUnauthorised
from drivers.update.image import container
from drivers.update.running import Updatable
from drivers.update.swupdate import SwupdateServer
from lab_config.bench import NetworkBench
from lab_config.component import Service, Transport, UpdateDeclaration
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.update.swu_images import Swu
from tests.drivers.update.swupdate_server import Swupdate, frame, serving
from tests.drivers.web_device import IDENTITY, Device, running
from trustprobe.probe import Observation

BASE, OLDER = Swu("1.5.0").octets(), Swu("1.3.0", b"\xa5" * 2_999).octets()
SERVICE = Service(id="swupdate", transport=Transport.TCP, port=8080, protocol="http", purpose="to update")
UPDATE = UpdateDeclaration(
    mechanism="swupdate",
    service="swupdate",
    path="/upload",
    status_path="/ws",
    rejected='"status": "FAILURE"',
    container="signed_swu",
    seconds_to_install=5,
)


@dataclass
class Rig:
    """A device with an administration, and swupdate beside it."""

    device: Device
    swupdate: Swupdate
    target: Target
    transfer: SwupdateServer

    def ready(self, seconds: float) -> bool:
        return self.device.ready(seconds)

    @property
    def updatable(self) -> Updatable:
        web = replace(self.device.web(), target=self.target)
        return Updatable(web, UPDATE, IDENTITY, self.ready, self.transfer)

    def trials(self, names: tuple[str, ...]) -> UpdateTrials:
        bad = container("signed_swu").variants(BASE, OLDER)
        probe = TryImages(
            self.updatable,
            BASE,
            tuple((name, image) for name, image in bad.items() if name in names),
            None,
            0.5,
        )
        return probe.run(MemoryRecorder())

    def unauthorised(self) -> Observation:
        probe = UploadUnauthorised(
            self.updatable,
            b"no image",
            0.5,
        )
        return probe.run(MemoryRecorder())


@contextmanager
def rig(*habits: str) -> Iterator[Rig]:
    swupdate = Swupdate({BASE: "1.5.0"}, set(habits))
    with running() as device, serving(swupdate) as port:
        told = swupdate.take

        def take(image: bytes) -> None:
            before = swupdate.boots
            told(image)
            if swupdate.boots != before:
                device.version = swupdate.installed
                device.restart()

        swupdate.take = take  # type: ignore[method-assign]
        target = Target(NetworkBench(address="127.0.0.1", port_map={"tcp/443": device.port, "tcp/8080": port}))
        server = SwupdateServer(target, SERVICE, UPDATE)
        try:
            yield Rig(device, swupdate, target, server)
        finally:
            server.close()


NAMES = ("unsigned", "wrong_key", "bit_flip_payload")


def test_200_for_what_it_refuses_is_told_apart_by_the_status_and_by_what_runs() -> None:
    with rig() as lab:
        seen = lab.trials(NAMES)
        assert lab.device.version == "1.5.0"
    assert seen.refused == set(NAMES)
    assert seen.seen == {"base", *(f"{name}.transfer" for name in (*NAMES, "base"))}
    assert seen.conclusive
    assert seen.reported == NAMES


def test_a_connection_that_is_reset_in_the_midst_is_judged_by_the_status_too() -> None:
    with rig("resets") as lab:
        seen = lab.trials(NAMES)
    assert set(NAMES) | {"base"} <= seen.refused | seen.seen
    assert seen.about(*NAMES).refused == set(NAMES)
    assert seen.conclusive


def test_an_image_that_runs_all_the_same_is_seen() -> None:
    with rig("anything") as lab:
        seen = lab.trials(NAMES)
    assert "unsigned" in seen.seen


def test_without_a_status_what_runs_decides_and_no_refusal_is_reported() -> None:
    with rig("no_ws") as lab:
        seen = lab.trials(NAMES)
    assert seen.about(*NAMES).silent == set(NAMES)
    assert "base" in seen.seen
    assert seen.conclusive
    assert seen.reported == ()


def test_whoever_can_upload_needs_no_authority() -> None:
    with rig() as lab:
        taken = lab.unauthorised()
    assert taken.seen == {"POST /upload"}


def test_the_status_is_that_of_the_last_image_that_was_taken_up() -> None:
    with rig() as lab:
        client = WebClient(lab.target, SERVICE)
        assert lab.transfer.status() is None
        assert isinstance(lab.transfer.upload(client, b"x"), WebAnswer)
        first = lab.transfer.status()
        assert first and "FAILURE" in first and first.startswith("upload 1")
        lab.swupdate.habits.add("mute")
        assert isinstance(lab.transfer.upload(client, b"x"), WebAnswer)
        assert lab.transfer.status() == first
        lab.swupdate.habits.clear()
        lab.transfer.upload(client, BASE)
        last = lab.transfer.status()
        assert last and "SUCCESS" in last and "FAILURE" not in last
        assert lab.swupdate.uploads == [b"x", b"x", BASE]


def test_nobody_at_the_port_is_no_answer() -> None:
    target = Target(NetworkBench(address="127.0.0.1", port_map={"tcp/8080": 9}))
    server = SwupdateServer(target, SERVICE, UPDATE)
    answer = server.upload(WebClient(target, SERVICE), b"x")
    assert isinstance(answer, NoAnswerError) and not answer.connected
    assert server.status() is None


def listening(port: int) -> Listener | None:
    target = Target(NetworkBench(address="127.0.0.1", port_map={"tcp/8080": port}))
    return Listener.open(WebClient(target, SERVICE), "/ws")


@pytest.mark.parametrize(
    "say",
    [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: x\r\n\r\n", b"x" * 100_000],
)
def test_what_is_no_websocket_is_not_listened_to(say: bytes) -> None:
    with tcp_server(lambda client: (client.recv(4096), client.sendall(say))) as port:  # type: ignore[arg-type,func-returns-value]
        assert listening(port) is None


def test_texts_come_whole_whatever_lies_between_them() -> None:
    with serving(server := Swupdate({})) as port:
        listener = listening(port)
        assert listener is not None
        listener.wait(lambda _texts: bool(server.listeners), 0)
        while not server.listeners:
            listener.wait(lambda texts: bool(texts), 0.02)
        long = "y" * 1_000
        for data in (frame("one"), frame("ping", 0x89), frame("tw", 0x01), frame("o", 0x80), frame(long)):
            server.listeners[0].put(data)
        listener.wait(lambda texts: len(texts) == 3, 5)
        assert listener.texts() == ("one", "two", long)
        server.listeners[0].put(b"\x81\x85masked")
        listener.wait(lambda texts: len(texts) == 9, 5)
        assert len(listener.texts()) == 3
        listener.close()


def test_endless_texts_are_cut() -> None:
    with serving(server := Swupdate({})) as port:
        listener = listening(port)
        assert listener is not None
        while not server.listeners:
            listener.wait(lambda texts: bool(texts), 0.02)
        for _ in range(TEXT_LIMIT // 50_000 + 5):
            server.listeners[0].put(frame("z" * 50_000))
        listener.wait(lambda texts: len(texts) > 50, 5)
        assert sum(map(len, listener.texts())) < TEXT_LIMIT + 50_001
        listener.close()
