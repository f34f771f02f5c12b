"""Where cases stand in a run: what may break the device comes behind what disturbs it, and before updates."""

from lab_config.bench import Permission
from trustprobe.judging.case import Case


def case_that_needs(*needs: Permission) -> Case:
    return Case("a.case", ("IAC-2a",), "presence", needs, "", "", "", "")


def test_what_may_break_the_device_comes_late_and_before_updates_and_the_reset() -> None:
    order = [(), (Permission.LOCKOUT,), (Permission.POWER,), (Permission.MALFORMED,), (Permission.UPDATE,)]
    ranks = [case_that_needs(*needs).rank for needs in (*order, (Permission.RESET,))]
    assert ranks == sorted(set(ranks))


def test_a_lock_comes_before_a_restart_and_leaves_the_device_running() -> None:
    assert case_that_needs(Permission.CONFIGURE, Permission.LOCKOUT).leaves_running
    assert not case_that_needs(Permission.LOCKOUT, Permission.REBOOT).leaves_running


def test_the_gravest_permission_decides() -> None:
    assert case_that_needs(Permission.POWER, Permission.MALFORMED).rank == case_that_needs(Permission.MALFORMED).rank
    assert case_that_needs(Permission.MALFORMED, Permission.RESET).rank == case_that_needs(Permission.RESET).rank
