import socket

import pytest

from drivers.guessing.attempt import LoginAttempt
from drivers.network.logins import telnet
from drivers.network.logins.telnet import Prompts, TelnetDoor
from tests.drivers.network.logins.login_servers import Handler, Telnet, line_of, threaded
from tests.drivers.network.loopback_servers import closed_port
from tests.drivers.network.tcp_servers import LOOPBACK
from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.probe import Answer


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers in this process send each line at once."""
    monkeypatch.setattr(telnet, "_QUIET", 0.04)


def attempt(
    handler: Handler,
    password: str = "right",
    prompts: Prompts | None = None,
    seconds: float = 5.0,
    *,
    tls: bool = False,
) -> LoginAttempt:
    with threaded(handler, tls=tls) as port:
        return TelnetDoor(LOOPBACK, port, "shell", prompts or Prompts(), tls, seconds).attempt("root", password)


def test_a_prompt_that_comes_twice_is_a_login() -> None:
    found = attempt(Telnet())
    assert found.answer is Answer.SEEN
    assert "root@cam:~#" in found.detail


def test_a_wrong_password_is_refused_in_the_words_of_the_device() -> None:
    found = attempt(Telnet(), "wrong")
    assert found.answer is Answer.REFUSED
    assert found.detail.split(";")[0] == "Login incorrect", "the next prompt may have come with it"


def test_a_login_prompt_that_comes_again_without_a_word_is_a_refusal() -> None:
    found = attempt(Telnet(refusal=b""), "wrong")
    assert found.answer is Answer.REFUSED


@pytest.mark.parametrize(
    "server",
    [
        Telnet(login=b"Username: ", shell=b"router> ", motd=b""),
        Telnet(login=b"Please enter your account name: ", password=b"Enter the password for root: "),
        Telnet(greeting=b"", shell=b"[12:00:01] cam$ "),
        Telnet(login=b"login> ", password=b"password> ", shell=b"-> "),
    ],
)
def test_prompts_of_many_makers_are_recognised(server: Telnet) -> None:
    assert attempt(server).answer is Answer.SEEN
    assert attempt(server, "wrong").answer is Answer.REFUSED


def test_declared_prompts_go_before_what_is_recognised() -> None:
    server = Telnet(login=b"Kennung ", password=b"Kennwort ", shell=b"Bereit ", refusal=b"Nein\r\n")
    prompts = Prompts(r"^Kennung $", r"^Kennwort $", r"^Nein", r"^Bereit $")
    assert attempt(server, prompts=prompts).answer is Answer.SEEN
    assert attempt(server, "wrong", prompts).answer is Answer.REFUSED


def test_a_declared_prompt_that_is_no_pattern_is_a_mistake_of_the_declaration() -> None:
    with pytest.raises(ConfigurationError, match="telnet"):
        attempt(Telnet(), prompts=Prompts(login="("))


def test_inside_tls_the_login_is_the_same() -> None:
    assert attempt(Telnet(), tls=True).answer is Answer.SEEN


def test_a_shell_without_a_login_takes_every_password() -> None:
    def shell(connection: socket.socket) -> None:
        connection.sendall(b"BusyBox v1.30\r\n")
        while True:
            connection.sendall(b"# ")
            connection.sendall(line_of(connection) + b"\r\n")

    found = attempt(shell, "nonsense")
    assert found.answer is Answer.SEEN
    assert "without a login" in found.detail


def test_a_user_who_gets_in_without_a_password_is_a_login() -> None:
    def trusting(connection: socket.socket) -> None:
        connection.sendall(b"login: ")
        line_of(connection)
        while True:
            connection.sendall(b"\r\n$ ")
            line_of(connection)

    assert "without a password prompt" in attempt(trusting).detail


def test_text_that_ends_like_a_prompt_and_comes_once_is_no_login() -> None:
    def quoting(connection: socket.socket) -> None:
        connection.sendall(b"login: ")
        line_of(connection)
        connection.sendall(b"Password: ")
        line_of(connection)
        connection.sendall(b"\r\nThe account is 100%")
        line_of(connection)
        connection.sendall(b"\r\nunknown\r\nlogin: ")
        line_of(connection)

    assert attempt(quoting).answer is Answer.REFUSED


def test_a_device_that_shows_the_same_prompt_before_and_after_is_no_login() -> None:
    def menu(connection: socket.socket) -> None:
        connection.sendall(b"login: ")
        while True:
            line_of(connection)
            connection.sendall(b"\r\nlogin: ")

    assert attempt(menu).answer is Answer.REFUSED


@pytest.mark.parametrize(
    "handler",
    [
        lambda connection: connection.recv(1),
        lambda connection: connection.sendall(b"\x1b]0;" + b"x" * 200_000),
        lambda connection: connection.sendall(b"\xff\xfd\x05" * 50_000),
        lambda connection: connection.sendall(b"\r\nlogin" * 50_000),
        lambda connection: connection.sendall(b"login: "),
    ],
)
def test_a_device_that_is_silent_or_never_stops_says_nothing_of_the_password(handler: Handler) -> None:
    assert attempt(handler, seconds=0.6).answer is Answer.SILENT


def test_what_the_device_shows_cannot_reach_the_terminal() -> None:
    found = attempt(Telnet(refusal=b"Login incorrect \x1b[31m\x07 <b>\xe2\x80\xae\r\n"), "wrong")
    assert found.answer is Answer.REFUSED
    assert found.detail.isprintable()


def test_a_closed_port_is_refused_and_speaks_no_telnet() -> None:
    door = TelnetDoor(LOOPBACK, closed_port(), "shell")
    assert door.attempt("root", "right") == LoginAttempt(Answer.REFUSED, "connection refused", unanswered=True)
    assert (door.knock().answer, door.knock().connected) == (Answer.REFUSED, False)


def test_a_login_prompt_or_an_option_shows_that_telnet_speaks() -> None:
    with threaded(Telnet()) as port:
        assert TelnetDoor(LOOPBACK, port, "shell").knock().answer is Answer.SEEN
    with threaded(lambda connection: connection.sendall(b"\xff\xfb\x01")) as port:
        assert TelnetDoor(LOOPBACK, port, "shell", seconds=0.5).knock().answer is Answer.SEEN


def test_a_guess_with_control_characters_is_never_sent() -> None:
    with pytest.raises(BenchError):
        TelnetDoor(LOOPBACK, closed_port(), "shell").attempt("root\r\nreboot", "")
