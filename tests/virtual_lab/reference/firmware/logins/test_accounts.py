import pytest

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.logins.accounts import (
    ADMINISTRATOR,
    CONSOLE,
    HTTP,
    MAINTENANCE,
    SSH,
    Account,
    Accounts,
)
from virtual_lab.reference.firmware.logs.syslog import Log

PEOPLE = (
    Account.create("admin", ADMINISTRATOR, (HTTP,), "right"),
    Account.create("service", MAINTENANCE, (SSH, CONSOLE), "secret"),
)


def accounts(*defects: str) -> Accounts:
    planted = Defects(defects)
    return Accounts(PEOPLE, planted, Log("test", planted))


def role(device: Accounts, interface: str, user: str, password: str) -> str | None:
    account = device.login(interface, user, password, "127.0.0.1")
    return account.role if account else None


def test_an_account_gets_in_with_its_password_on_its_interfaces_only() -> None:
    device = accounts()

    assert role(device, HTTP, "admin", "right") == ADMINISTRATOR
    assert role(device, CONSOLE, "service", "secret") == MAINTENANCE
    assert role(device, SSH, "admin", "right") is None
    assert role(device, HTTP, "admin", "Right") is None
    assert role(device, HTTP, "", "") is None


@pytest.mark.parametrize(
    ("defect", "interface", "user", "password"),
    [
        ("http_admin_admin", HTTP, "admin", "admin"),
        ("http_any_password", HTTP, "nobody", "nonsense"),
        ("ssh_root_root", SSH, "root", "root"),
        ("ssh_any_password", SSH, "nobody", "nonsense"),
        ("serial_root_root", CONSOLE, "root", "root"),
    ],
)
def test_a_planted_way_in_is_open_on_its_interface_alone(defect: str, interface: str, user: str, password: str) -> None:
    device = accounts(defect)

    assert role(device, interface, user, password) is not None
    assert [role(device, other, user, password) for other in {HTTP, SSH, CONSOLE} - {interface}] == [None, None]
    assert role(accounts(), interface, user, password) is None


def test_a_stored_account_is_read_back() -> None:
    assert Account.load(PEOPLE[0].stored()) == PEOPLE[0]
    assert "right" not in str(PEOPLE[0].stored())
