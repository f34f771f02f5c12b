from types import SimpleNamespace

import pytest

from drivers.login import Login
from drivers.network.web.probes import session_life
from drivers.network.web.probes.session_life import WaitForEnd, lasts
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.session_device import USER, running

SOON = 60.0


class Clock:
    """The time of the probe and of the device, which passes while the probe waits and at no other time."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(session_life, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(session_life, "threading", SimpleNamespace(Event=lambda: clock))
    return clock


def test_an_idle_session_that_ends_is_refused_beside_one_that_was_kept_busy(clock: Clock) -> None:
    with running(idle=SOON, clock=clock) as device:
        seen = WaitForEnd(device.web, SOON, grace=0.1).run(MemoryRecorder())
        assert not device.sessions
    assert seen.of("idle").refused == {"idle"}
    assert seen.of("idle").conclusive
    assert seen.waited == {"idle": lasts(SOON, 0.1)}


def test_an_idle_session_that_never_ends_is_seen(clock: Clock) -> None:
    with running(clock=clock) as device:
        seen = WaitForEnd(device.web, 0.1, grace=0.05).run(MemoryRecorder())
    assert seen.seen == {"idle"}


def test_a_cookie_that_the_browser_would_drop_is_sent_all_the_same() -> None:
    with running(guards="Path=/; Max-Age=1") as device:
        seen = WaitForEnd(device.web, 1.1, grace=0.1).run(MemoryRecorder())
    assert seen.seen == {"idle"}


def test_a_busy_session_has_to_end_with_its_absolute_life(clock: Clock) -> None:
    with running(absolute=SOON, clock=clock) as device:
        seen = WaitForEnd(device.web, None, SOON, grace=0.1).run(MemoryRecorder())
    assert seen.of("absolute").refused == {"absolute"}
    assert seen.of("absolute").conclusive


def test_both_ends_are_waited_for_at_once_and_each_has_its_own_witness(clock: Clock) -> None:
    with running(idle=SOON, clock=clock) as device:
        seen = WaitForEnd(device.web, SOON, 1.5 * SOON, grace=0.1).run(MemoryRecorder())
    assert seen.of("idle").refused == {"idle"}
    assert seen.of("absolute").seen == {"absolute"}
    assert set(seen.witnesses) == {"idle", "absolute"}


def test_a_restart_that_ends_every_session_proves_no_timeout(clock: Clock) -> None:
    with running(absolute=0.3, clock=clock) as device:  # what began with the idle one ends with it, busy or not
        seen = WaitForEnd(device.web, 0.3, grace=0.1).run(MemoryRecorder())
    assert seen.refused == {"idle"}
    assert not seen.of("idle").conclusive


def test_a_device_that_holds_one_session_at_a_time_proves_no_timeout(clock: Clock) -> None:
    with running("one_session", clock=clock) as device:
        seen = WaitForEnd(device.web, 0.1, grace=0.05).run(MemoryRecorder())
    assert not seen.of("idle").conclusive


def test_without_the_login_nothing_is_waited_for_in_vain() -> None:
    with running() as device:
        seen = WaitForEnd(device.web.as_user(Login(USER, "wrong")), 900.0).run(MemoryRecorder())
    assert seen.silent == {"idle"}
    assert not seen.conclusive


@pytest.mark.parametrize(("seconds", "waited"), [(5.0, 6.0), (900.0, 945.0)])
def test_a_session_may_end_a_little_late(seconds: float, waited: float) -> None:
    assert lasts(seconds) == waited
