"""Whether the device is still there: one silence does not end a run."""

from pathlib import Path

import pytest

from lab_config.bench import Permission
from tests.trustprobe.judging.made_up_run import Device, case, run
from trustprobe.errors import BenchError
from trustprobe.judging.presence import Presence

GONE = "the device does not answer: tcp/443 at 192.0.2.1 is silent"
RESTART = case("made.restart", needs=(Permission.POWER,))


class Desk:
    """A device, its power switch and a clock."""

    def __init__(self, folder: Path, *answers: str | None, switch: str = "works") -> None:
        self.run = run(folder)
        self.device = Device(*answers)
        self.now = 100.0
        self.cycles = 0
        self.broken = switch == "broken"
        cycle = None if switch == "none" else self.cycle
        self.presence = Presence(self.run, self.device, cycle, self.settle, lambda: self.now)
        self.boot = self.run.product.component.boot_seconds

    def settle(self) -> None:
        self.device.asked.append(("settled", 0.0))

    def cycle(self) -> None:
        self.cycles += 1
        if self.broken:
            raise BenchError("the power switch did not answer.", "Check it.")


def test_a_device_that_answers_is_checked_once_for_the_time_of_a_boot(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.presence.after(case()) == ""
    assert desk.presence.after(RESTART) == ""
    assert desk.device.asked == [("silent", 3.0), ("gone", 3.0)]
    assert (desk.cycles, desk.run.lost) == (0, None)


def test_a_silent_device_is_checked_again_when_no_probe_runs_in_parallel(tmp_path: Path) -> None:
    desk = Desk(tmp_path, GONE, None)
    assert desk.presence.after(case()) == ""
    assert desk.device.asked == [("silent", 3.0), ("settled", 0.0), ("silent", desk.boot)]
    assert (desk.cycles, desk.run.lost) == (0, None)


def test_a_device_that_comes_back_after_a_power_cycle_is_not_lost(tmp_path: Path) -> None:
    desk = Desk(tmp_path, GONE, GONE, None)
    effort = desk.presence.after(case())
    assert f"did not answer for {desk.boot:g} s" in effort
    assert effort.endswith("after a power cycle")
    assert (desk.cycles, desk.run.lost) == (1, None)
    assert desk.device.asked[2:] == [("silent", desk.boot), ("gone", desk.boot)]


@pytest.mark.parametrize(
    ("switch", "cycles", "reason"),
    [
        ("none", 0, f"{GONE}. It has not answered since made.one ran"),
        ("works", 1, f"{GONE}. It has not answered since made.one ran"),
        (
            "broken",
            1,
            f"{GONE}. It could not be restarted: the power switch did not answer. "
            "It has not answered since made.one ran",
        ),
    ],
)
def test_a_device_is_lost_only_after_all_that_the_bench_can_do(
    tmp_path: Path, switch: str, cycles: int, reason: str
) -> None:
    desk = Desk(tmp_path, GONE, switch=switch)
    assert desk.presence.after(case()) == ""
    assert (desk.cycles, desk.run.lost) == (cycles, reason)


def test_a_lost_device_is_left_alone_after_a_case(tmp_path: Path) -> None:
    desk = Desk(tmp_path, GONE)
    desk.run.lost = "it is gone"
    assert desk.presence.after(RESTART) == ""
    assert (desk.device.asked, desk.cycles, desk.run.lost) == ([], 0, "it is gone")


def test_a_lost_device_is_probed_again_from_time_to_time(tmp_path: Path) -> None:
    desk = Desk(tmp_path, GONE, switch="none")
    desk.presence.after(case())
    desk.device.asked.clear()
    assert desk.presence.lost() == desk.run.lost
    assert desk.device.asked == []
    desk.now += 10
    assert desk.presence.lost() == desk.run.lost
    assert desk.device.asked == [("silent", 0.5)]
    desk.now += 9.9
    assert desk.presence.lost() is not None
    assert len(desk.device.asked) == 1


def test_a_lost_device_that_answers_again_is_no_longer_lost(tmp_path: Path) -> None:
    desk = Desk(tmp_path, GONE, switch="none")
    desk.presence.after(case())
    desk.now += 10
    desk.device.answers = [None]
    assert desk.presence.lost() is None
    assert desk.run.lost is None


def test_a_device_that_was_lost_elsewhere_is_probed_at_once_at_any_time_of_the_clock(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.now = -1_000_000.0
    desk.run.lost = "it is gone"
    assert desk.presence.lost() is None
    assert desk.device.asked == [("silent", 0.5)]


def test_a_device_that_is_there_is_not_probed_before_each_case(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.presence.lost() is None
    assert desk.device.asked == []


@pytest.mark.parametrize(("needs", "check"), [((), ("silent", 3.0)), ((Permission.LOCKOUT,), None)])
def test_a_missing_device_is_noticed_while_a_case_is_judged(
    tmp_path: Path, needs: tuple[Permission, ...], check: tuple[str, float] | None
) -> None:
    desk = Desk(tmp_path, GONE)
    assert desk.presence.missing(case(needs=needs)) == GONE
    assert desk.device.asked == [check or ("gone", desk.boot)]
    assert (desk.cycles, desk.run.lost) == (0, None)


def test_a_device_that_answers_at_the_start_is_not_waited_for(tmp_path: Path) -> None:
    desk, waits = Desk(tmp_path), list[float]()
    desk.presence.at_start(waits.append)
    assert (waits, desk.device.asked, desk.run.lost) == ([], [("gone", 0.5)], None)


def test_a_device_has_the_time_of_a_boot_before_the_first_case(tmp_path: Path) -> None:
    desk, waits = Desk(tmp_path, GONE, None), list[float]()
    desk.presence.at_start(waits.append)
    assert (waits, desk.run.lost) == ([desk.boot], None)
    assert desk.device.asked == [("gone", 0.5), ("gone", desk.boot)]


def test_a_device_that_never_answers_is_lost_before_the_first_case_and_probed_again_later(tmp_path: Path) -> None:
    desk, waits = Desk(tmp_path, "not yet", GONE), list[float]()
    desk.presence.at_start(waits.append)
    assert desk.run.lost == f"{GONE}. It did not answer before the first case."
    assert desk.presence.lost() == desk.run.lost
    assert len(desk.device.asked) == 2
    desk.now += 10
    desk.device.answers = [None]
    assert desk.presence.lost() is None
