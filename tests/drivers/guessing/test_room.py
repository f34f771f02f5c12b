"""Wrong passwords in parallel, which a measurement tries after a delay: below the lockouts that it must not trigger."""

import math
from typing import Any

import pytest

from drivers.guessing.crowd import EACH, WIDTH
from drivers.guessing.failures import FailedLogins
from drivers.guessing.rate import Guessing, MeasureGuessing
from lab_config.account import LockoutDeclaration
from tests.drivers.guessing.locking_door import LockingDoor
from tests.drivers.recorder import MemoryRecorder

ACCOUNTS = {"service": "valid"}
ALONE = 4
"""Wrong passwords in a row."""
CROWD = WIDTH * EACH


def lockout(attempts: int, per: Any = "account", **more: Any) -> LockoutDeclaration:
    return LockoutDeclaration(attempts=attempts, seconds=60, per=per, interfaces=("ssh",), **more)


def slow_door() -> LockingDoor:
    """Neither locks nor lets anybody guess fast."""
    door = LockingDoor(ACCOUNTS, None)
    door.delay = 0.8
    return door


def measure(
    door: LockingDoor, *lockouts: LockoutDeclaration, failed: FailedLogins, patience: float = math.inf
) -> Guessing:
    probe = MeasureGuessing(
        door,
        "service",
        "valid",
        ALONE,
        1.0,
        clock=door.clock,
        wait=door.wait,
        patience=patience,
        lockouts=lockouts,
        failed=failed,
    )
    return probe.run(MemoryRecorder())


def test_each_wrong_password_in_parallel_is_among_the_failed_logins_of_the_run() -> None:
    failed = FailedLogins()
    found = measure(slow_door(), failed=failed)
    assert "limit" in found.seen and found.rate_parallel is not None
    assert failed.count(-1.0, "service") == ALONE + CROWD


@pytest.mark.parametrize(
    "spared",
    [
        lockout(10),
        lockout(CROWD),
        lockout(20, "source", within=3600),
        lockout(12, reset_by_login=False),
        lockout(CROWD + ALONE, within=86_400),
    ],
)
def test_a_delay_that_may_not_be_tested_in_parallel_proves_nothing(spared: LockoutDeclaration) -> None:
    door = slow_door()
    found = measure(door, spared, failed=FailedLogins(), patience=50)
    assert len(door.tried) <= ALONE + 4
    assert found.silent == {"limit"} and not found.conclusive
    assert "no wrong passwords were tried in parallel" in found.unproven


def test_earlier_failed_logins_leave_no_room_in_parallel() -> None:
    door, failed = slow_door(), FailedLogins()
    for _ in range(50):
        failed.note("other", 0.0)
    found = measure(door, lockout(70, "source", within=3600), failed=failed, patience=60)
    assert len(door.tried) <= ALONE + 4
    assert found.silent == {"limit"} and not found.conclusive
    assert "54 logins failed within 3600 s, and 24 more would trigger the declared lockout after 70" in found.unproven
    assert "set `patience_seconds: " in found.unproven


def test_the_wrong_passwords_in_parallel_rest_until_there_is_room() -> None:
    door, failed = slow_door(), FailedLogins()
    found = measure(door, lockout(CROWD + ALONE, within=600), failed=failed)
    assert "limit" in found.seen and found.conclusive
    assert door.now > 600
    assert CROWD <= failed.count(door.now - 600) < CROWD + ALONE
