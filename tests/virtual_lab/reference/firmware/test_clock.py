import struct
import time
from collections.abc import Callable
from datetime import datetime

import pytest

from tests.drivers.network.loopback_servers import udp_server
from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.clock import Clock, ask

HERE = "127.0.0.1"
EPOCH = 2_208_988_800


def no_step(old: datetime, new: datetime) -> None:
    raise AssertionError(f"a step from {old} to {new}")


def test_a_step_is_told_with_the_old_and_the_new_time_and_a_drift_is_not() -> None:
    steps: list[float] = []
    clock = Clock(Defects(), lambda: 1_000_000.0)
    clock.correct(0.4, no_step)
    clock.correct(3600.0, lambda old, new: steps.append((new - old).total_seconds()))
    clock.correct(3600.5, no_step)
    clock.correct(0.0, lambda old, new: steps.append((new - old).total_seconds()))
    assert steps == [pytest.approx(3599.6), pytest.approx(-3600.5)]
    assert clock.now().timestamp() == 1_000_000.0


def test_a_clock_that_never_heard_its_source_is_not_synchronised() -> None:
    clock = Clock(Defects())
    assert not clock.synchronised
    clock.correct(0.0, no_step)
    assert clock.synchronised


def test_planted_clocks_are_wrong_or_do_not_follow() -> None:
    assert Clock(Defects(["clock_wrong"]), lambda: 0.0).now().timestamp() == 7200
    deaf = Clock(Defects(["time_source_ignored"]), lambda: 0.0)
    deaf.correct(3600.0, no_step)
    assert deaf.now().timestamp() == 0
    assert not deaf.synchronised


def answer(question: bytes, flags: int = 0x24, stratum: int = 1, cookie: bytes | None = None) -> bytes:
    stamp = struct.pack("!II", int(time.time()) + EPOCH + 60, 0)
    return bytes([flags, stratum]) + bytes(22) + (cookie or question[40:48]) + stamp + stamp


def test_the_offset_of_the_source_is_worked_out_from_its_answer() -> None:
    with udp_server(lambda data, reply: reply(answer(data))) as port:
        assert ask((HERE, port), HERE) == pytest.approx(60, abs=1.5)


@pytest.mark.parametrize(
    "bad",
    [
        lambda data: answer(data, cookie=b"forged!!"),
        lambda data: answer(data, flags=0xE4),
        lambda data: answer(data, flags=0x23),
        lambda data: answer(data, stratum=0),
        lambda data: answer(data)[:47],
        lambda data: b"",
    ],
    ids=["another_question", "not_synchronised", "no_server", "kiss_of_death", "too_short", "empty"],
)
def test_an_answer_that_is_none_is_refused(bad: Callable[[bytes], bytes]) -> None:
    with udp_server(lambda data, reply: reply(bad(data))) as port, pytest.raises(ValueError):
        ask((HERE, port), HERE)
