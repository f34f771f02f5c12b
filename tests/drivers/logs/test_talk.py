"""A collector that talks: what it says arrives, inside TLS or beside it, and a log that stops sending is seen."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from drivers.logs.collector import Collector
from drivers.logs.talk import TalkingCollector
from drivers.network.malformed.messages.answers_small import RAW
from drivers.network.malformed.messages.message import Message
from tests.drivers.logs.test_collector import WAIT, Lab, lab
from trustprobe.errors import DeviceLostError

__all__ = ["lab"]


@dataclass
class Log:
    """A device that holds a connection to its collector, and sends a record whenever it is told to."""

    lab: Lab
    heard: list[bytes] = field(default_factory=list)
    told: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        context = ssl.create_default_context()
        self.lab.ca.configure_trust(context)
        while not self.over.is_set():
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.lab.bench.tls_port)) as plain,
            ):
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as stream:
                    self.serve(stream)

    def serve(self, stream: ssl.SSLSocket) -> None:
        stream.settimeout(0.02)
        while not self.over.is_set():
            if self.told.is_set():
                self.told.clear()
                stream.sendall(b"22 <13>1 - tp - - - - hello"[:25])
            with contextlib.suppress(TimeoutError):
                if not (piece := stream.recv(65_536)):
                    return
                self.heard.append(piece)


@pytest.fixture
def log(lab: Lab) -> Iterator[Log]:
    device = Log(lab)
    thread = threading.Thread(target=device.run, daemon=True)
    thread.start()
    yield device
    device.over.set()
    thread.join(WAIT)


def test_what_is_said_arrives_and_what_is_written_beside_tls_ends_the_session(lab: Lab, log: Log) -> None:
    with Collector(lab.bench) as collector:
        peer = TalkingCollector(collector, log.told.set, WAIT)
        assert peer.misses() is None, "a record comes"
        inside = Message("inside", b"nobody asked", "a test")
        assert all(one.carried for one in peer.answer([inside, Message(f"{RAW}x", b"no record", "a test")]))
        assert peer.misses() is None
        assert collector.wait_for_any(lambda: agreed(collector) == 2, WAIT), "the device has come back"
        log.over.set()
    assert b"nobody asked" in b"".join(log.heard)


def agreed(collector: Collector) -> int:
    """How often the device has connected."""
    return sum(one.outcome == "agreed" for one in collector.contacts())


def test_a_log_that_sends_no_record_of_an_event_is_missed(lab: Lab) -> None:
    with Collector(lab.bench) as collector:
        peer = TalkingCollector(collector, lambda: None, 0.05)
        assert peer.misses() == "no record arrived at the collector within 0.05 s of an event"
        (reaction,) = peer.answer([Message("inside", b"x", "a test")])
    assert not reaction.carried


def test_a_device_that_answers_no_login_any_more_is_lost_and_nothing_was_said_to_it(lab: Lab) -> None:
    def lost() -> None:
        raise DeviceLostError("the login that the device should log got no answer")

    with Collector(lab.bench) as collector:
        peer = TalkingCollector(collector, lost, 0.05)
        (reaction,) = peer.answer([Message("inside", b"x", "a test")])
        with pytest.raises(DeviceLostError):
            peer.misses()
    assert not reaction.carried
    assert reaction.words == "the log has no connection: the login that the device should log got no answer"
