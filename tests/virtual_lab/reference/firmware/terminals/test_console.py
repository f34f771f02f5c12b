import pytest

from tests.virtual_lab.reference.firmware.camera import Camera
from tests.virtual_lab.reference.firmware.conftest import Build

PROMPT = r"service@halcyon:~\$ "


@pytest.fixture
def console(camera: Camera) -> Camera:
    """The hardened camera, at a fresh login prompt whatever came before."""
    camera.uart.type("\x04")
    camera.uart.expect("\r\n\r\nhalcyon login: ")
    return camera


def test_the_service_account_gets_a_shell(console: Camera) -> None:
    uart = console.uart
    uart.type("service\r")
    assert uart.expect("Password: ") == "service\r\nPassword: "
    uart.type(f"{console.label.service_password}\r")
    assert console.label.service_password not in uart.expect(PROMPT)
    uart.type("cat /etc/version\r\n")
    assert uart.expect(PROMPT).splitlines()[:2] == ["cat /etc/version", "1.4.0"]
    uart.type("nonsense\r")
    assert "sh: nonsense: not found" in uart.expect(PROMPT)
    uart.type("exit\r")
    uart.expect("halcyon login: ")


@pytest.mark.parametrize(("user", "password"), [("service", "wrong"), ("root", "root"), ("admin", None)])
def test_any_other_login_is_refused_with_a_new_prompt(console: Camera, user: str, password: str | None) -> None:
    console.uart.type(f"{user}\r")
    console.uart.expect("Password: ")
    console.uart.type(f"{console.label.admin_password if password is None else password}\r")

    assert console.uart.expect("halcyon login: ") == "\r\n\r\nLogin incorrect\r\n\r\nhalcyon login: "


def test_a_break_key_gives_a_new_login_prompt(console: Camera) -> None:
    for keys in ("serv\x03", "\x04", "\r"):
        console.uart.type(keys)
        console.uart.expect("\r\n\r\nhalcyon login: ")
    console.uart.type("service\r")
    console.uart.expect("Password: ")
    console.uart.type("abc\x03")
    console.uart.expect("\r\n\r\nhalcyon login: ")


def test_a_typing_error_can_be_erased(console: Camera) -> None:
    console.uart.type("roos\x7ft\r")

    assert console.uart.expect("Password: ") == "roos\b \bt\r\nPassword: "
    console.uart.type("\x03")
    console.uart.expect("login: ")


def test_root_gets_in_with_a_planted_password(build: Build) -> None:
    camera = build("serial_root_root")
    camera.start()
    camera.uart.type("root\rroot\r")
    camera.uart.expect("root@halcyon:/# ")
    camera.uart.type("id\r")
    assert "uid=0(root)" in camera.uart.expect("root@halcyon:/# ")


def test_a_planted_root_shell_asks_for_nothing(build: Build) -> None:
    camera = build("uart_root_shell", prompt="root@halcyon:/# ")

    assert "login:" not in camera.start()
    camera.uart.type("exit\r")
    assert "login:" not in camera.uart.expect("root@halcyon:/# ")
