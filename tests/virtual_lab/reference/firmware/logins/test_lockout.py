import pytest

from tests.virtual_lab.reference.firmware.logins.test_accounts import PEOPLE
from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.logins.accounts import CONSOLE, HTTP, SSH, Accounts
from virtual_lab.reference.firmware.logins.lockout import ATTEMPTS, LOCKED_SECONDS, WINDOW_SECONDS, Lockout
from virtual_lab.reference.firmware.logs.syslog import Event, Log


class Desk:
    """Accounts, the lockout's clock, and what was logged."""

    def __init__(self, *defects: str) -> None:
        planted = Defects(defects)
        self.now = 0.0
        self.logged: list[tuple[str, str]] = []
        log = Log("test", planted)
        log.send = self._send  # type: ignore[method-assign]
        self.accounts = Accounts(PEOPLE, planted, log, lockout=Lockout(lambda: self.now))

    def _send(self, event: Event, message: str, **parameters: str) -> None:
        if event is Event.LOCKOUT:
            self.logged.append((parameters["user"], parameters["service"]))

    def gets_in(self, interface: str, user: str, password: str) -> bool:
        return self.accounts.login(interface, user, password, "127.0.0.1") is not None

    def fail(self, interface: str, user: str, times: int = ATTEMPTS) -> None:
        for _ in range(times):
            assert not self.gets_in(interface, user, "wrong")


@pytest.mark.parametrize(("interface", "user", "password"), [(HTTP, "admin", "right"), (SSH, "service", "secret")])
def test_an_account_is_refused_for_a_moment_after_ten_failed_logins(interface: str, user: str, password: str) -> None:
    desk = Desk()
    desk.fail(interface, user)
    assert not desk.gets_in(interface, user, password)
    desk.now += LOCKED_SECONDS
    assert desk.gets_in(interface, user, password)
    assert desk.logged == [(user, interface)]


def test_nine_failed_logins_lock_nobody_out_and_a_valid_one_starts_again() -> None:
    desk = Desk()
    for _ in range(3):
        desk.fail(HTTP, "admin", ATTEMPTS - 1)
        assert desk.gets_in(HTTP, "admin", "right")
    assert desk.logged == []


def test_failed_logins_that_are_too_old_do_not_count() -> None:
    desk = Desk()
    desk.fail(HTTP, "admin", ATTEMPTS - 1)
    desk.now += WINDOW_SECONDS
    desk.fail(HTTP, "admin", 1)
    assert desk.gets_in(HTTP, "admin", "right")


def test_a_lockout_ends_in_time_although_the_guesses_go_on() -> None:
    desk = Desk()
    desk.fail(HTTP, "admin", 3 * ATTEMPTS - 1)
    desk.now += LOCKED_SECONDS
    assert desk.gets_in(HTTP, "admin", "right")
    assert desk.logged == [("admin", HTTP)]


def test_a_lockout_is_about_one_account_and_one_interface() -> None:
    desk = Desk()
    desk.fail(HTTP, "admin")
    desk.fail(HTTP, "nobody", 2 * ATTEMPTS)
    desk.fail(HTTP, "service", 2 * ATTEMPTS)
    desk.fail(CONSOLE, "service", 2 * ATTEMPTS)
    assert desk.gets_in(SSH, "service", "secret")
    assert desk.gets_in(CONSOLE, "service", "secret")
    assert desk.logged == [("admin", HTTP)]


def test_planted_ways_in_are_closed_too_while_an_account_is_locked_out() -> None:
    desk = Desk("http_admin_admin")
    desk.fail(HTTP, "admin")
    assert not desk.gets_in(HTTP, "admin", "admin")


@pytest.mark.parametrize(
    ("defect", "interface", "user", "password"),
    [("no_lockout_http", HTTP, "admin", "right"), ("no_lockout_ssh", SSH, "service", "secret")],
)
def test_a_planted_interface_locks_nobody_out(defect: str, interface: str, user: str, password: str) -> None:
    desk = Desk(defect)
    desk.fail(interface, user, 3 * ATTEMPTS)
    assert desk.gets_in(interface, user, password)
    assert desk.logged == []


def test_a_planted_lockout_is_not_logged() -> None:
    desk = Desk("lockout_not_logged")
    desk.fail(HTTP, "admin")
    assert not desk.gets_in(HTTP, "admin", "right")
    assert desk.logged == []
