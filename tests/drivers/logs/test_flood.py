import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from drivers.logs.collector import Collector
from drivers.logs.events import ExpectedRecord, asked_of
from drivers.logs.flood import FloodLog
from lab_config.bench import CollectorBench
from tests.drivers.logs.log_device import LogDevice, running
from tests.drivers.network.loopback_servers import closed_port
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Witness

CALM = Witness(what="the event is logged", holds=True, asked=asked_of("login_success"))


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    issued = trustme.CA().issue_cert("127.0.0.1")
    certificate, key = tmp_path / "good.pem", tmp_path / "good.key"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    bench = CollectorBench(
        address="127.0.0.1", tls_port=closed_port(), clear_port=closed_port(), certificate=certificate, key=key
    )
    with Collector(bench) as running:
        yield running


def send(collector: Collector, text: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(f"<84>1 - HV2-1 camera 77 {text}".encode(), ("127.0.0.1", collector.bench.clear_port))


def flood(device: LogDevice, collector: Collector, calm: Witness = CALM, event: str = "LOGINOK admin") -> FloodLog:
    device.forward = lambda user: send(collector, f"LOGINFAIL {user}")
    pattern = "LOGINOK {subject}"
    return FloodLog(
        collector,
        device.web(),
        24,
        lambda: send(collector, event),
        ExpectedRecord("login_success", pattern, "admin", 10.0 if event.startswith("LOGINOK") else 0.05),
        calm,
    )


def test_an_event_that_follows_the_burst_is_seen(collector: Collector) -> None:
    with running() as device:
        seen = flood(device, collector).run(MemoryRecorder())
    assert seen.seen == {"event"}
    assert seen.answered == 24
    assert seen.premise and seen.premise.holds
    assert len({record["user"] for record in device.records}) == 24


def test_an_event_that_the_burst_hides_is_silence_with_a_witness(collector: Collector) -> None:
    with running() as device:
        seen = flood(device, collector, event="SOMETHING else").run(MemoryRecorder())
    assert seen.silent == {"event"}
    assert seen.conclusive


def test_an_event_that_is_not_logged_in_calm_either_proves_nothing(collector: Collector) -> None:
    with running() as device:
        calm = Witness(what="not logged", holds=False)
        seen = flood(device, collector, calm, event="SOMETHING else").run(MemoryRecorder())
    assert not seen.conclusive


@pytest.mark.parametrize("event", ["LOGINOK admin", "SOMETHING else"], ids=["logged", "not logged"])
def test_a_device_that_answers_nothing_in_the_burst_proves_nothing(collector: Collector, event: str) -> None:
    with running() as device:
        device.port = closed_port()
        seen = flood(device, collector, event=event).run(MemoryRecorder())
    assert bool(seen.seen) is (event == "LOGINOK admin")
    assert seen.premise and not seen.premise.holds
    assert "0 of 24 failed logins were answered" in seen.premise.what


@pytest.mark.parametrize(("answered", "holds"), [(11, False), (12, True)])
def test_half_of_the_burst_must_be_answered(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, answered: int, holds: bool
) -> None:
    monkeypatch.setattr(FloodLog, "_burst", lambda *_: answered)
    with running() as device:
        seen = flood(device, collector).run(MemoryRecorder())
    assert seen.premise and seen.premise.holds is holds
