"""Malformed lines at the login of a console: typed octet by octet, and a login that is gone is seen."""

import pytest

from drivers.network.malformed.messages.message import MessageSeries
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.round import MalformedInput
from drivers.network.target import Target
from drivers.serial import login
from drivers.serial.malformed_lines import TypeMalformedLines, typed
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.malformed.victim import Habit, Victim
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.serial.pty_device import DECLARATION, Getty, Line, Script, playing


def type_at(script: Script, count: int = 8) -> tuple[MalformedInput, MemoryRecorder]:
    record = MemoryRecorder()
    with Victim(Habit.ANSWERS) as victim, playing(script) as device:
        service = Service.model_validate(
            {"id": "web", "transport": "tcp", "port": victim.port, "protocol": "http", "purpose": "a test"}
        )
        target = Target(NetworkBench(address="127.0.0.1"))
        probe = TypeMalformedLines(
            device.bench, DECLARATION, target, service, MessageSeries("console", 1, typed(1, count)), Revival(1.0)
        )
        return probe.run(record), record


def test_a_login_that_stands_gets_them_all() -> None:
    seen, record = type_at(Getty())
    assert len(seen.refused) == 8
    assert seen.conclusive
    assert b"acme login" in record.kept["console.raw"]


def test_no_line_holds_what_stops_a_console_and_a_seed_gives_the_same() -> None:
    made = typed(7, 60)
    assert made == typed(7, 60)
    assert not any(b"\x13" in one.data for one in made if one.name != "stop_and_start")
    assert not any(octet in one.data for one in made for octet in b"\x0f\x1a\x1c")


def test_a_login_that_is_gone_behind_a_line_is_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "STEP_SECONDS", 0.1)

    def fragile(line: Line) -> None:
        while True:
            line.write("\r\nacme login: ")
            if len(line.line()) > 512:
                line.nap(60)

    seen, _ = type_at(fragile, count=1)
    assert seen.seen == {"line_of_4096"}
    assert "the console shows no login prompt" in seen.detail("line_of_4096")
