import socket
import threading

import pytest

from drivers.guessing.attempt import LoginAttempt
from drivers.network.logins import telnet_login
from drivers.network.logins.telnet import Prompts, TelnetDoor
from tests.drivers.network.logins.login_servers import Handler, Telnet, line_of, threaded
from tests.drivers.network.loopback_servers import closed_port
from tests.drivers.network.tcp_servers import LOOPBACK
from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.probe import Answer


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers in this process send each line at once."""
    monkeypatch.setattr(telnet_login, "QUIET", 0.04)
    monkeypatch.setattr(telnet_login, "UNKNOWN_QUIET", 0.1)
    monkeypatch.setattr(telnet_login, "REFUSED_QUIET", 5.0)  # a prompt or the end follows, and ends the wait


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
    found = door.attempt("root", "right")
    assert found == LoginAttempt(Answer.REFUSED, "connection refused", unanswered=True, connected=False)
    assert (door.knock().answer, door.knock().connected) == (Answer.REFUSED, False)


def test_a_login_prompt_or_an_option_shows_that_telnet_speaks() -> None:
    with threaded(Telnet()) as port:
        assert TelnetDoor(LOOPBACK, port, "shell").knock().answer is Answer.SEEN
    with threaded(lambda connection: connection.sendall(b"\xff\xfb\x01")) as port:
        assert TelnetDoor(LOOPBACK, port, "shell", seconds=10.0).knock().answer is Answer.SEEN


def test_a_guess_with_control_characters_is_never_sent() -> None:
    with pytest.raises(BenchError):
        TelnetDoor(LOOPBACK, closed_port(), "shell").attempt("root\r\nreboot", "")


@pytest.mark.parametrize(
    "news",
    [
        "Login failures since then: 4",
        "Last failed login: Mon Nov 30 08:00:00 UTC 2026 from 10.0.0.7 on pts/0",
        "There were 3 failed login attempts since the last successful login.",
        "Login failed attempts: 2",
        "Login incorrect: 3 times since Monday",
        "Invalid login attempts since last login: 2",
        "Access denied attempts in the log: 0",
        "Authentication failures: 3",
        "Unauthorized access denied and prosecuted by law",
        "Access denied to unauthorised persons",
        "Password expires in 12 days",
        "Too many messages in the mailbox",
        "Account admin was locked 2 days ago",
    ],
)
def test_words_between_the_login_and_the_prompt_do_not_decide(news: str) -> None:
    server = Telnet(motd=news.encode() + b"\r\n")
    assert attempt(server).answer is Answer.SEEN
    assert attempt(server, "wrong").answer is Answer.REFUSED


def test_a_prompt_that_comes_later_than_the_words_is_waited_for() -> None:
    def slow(connection: socket.socket) -> None:
        Telnet(motd=b"Login failures since then: 4\r\n", shell=b"").take_anything(connection)
        threading.Event().wait(0.3)
        while True:
            connection.sendall(b"\r\n# ")
            line_of(connection)

    assert attempt(slow).answer is Answer.SEEN


@pytest.mark.parametrize(
    "words",
    [
        b"Bad secrets",
        b"Bledne haslo",
        b"Zugang verweigert: falsch",
        "密码错误".encode(),
        b"Login incorrect",
        b"!",
    ],
)
def test_words_with_which_the_device_closes_are_a_refusal(words: bytes) -> None:
    def closing(connection: socket.socket) -> None:
        Telnet(motd=b"", shell=b"").take_anything(connection, b"")
        connection.sendall(b"\r\n" + words + b"\r\n")

    assert attempt(closing, "wrong").answer is Answer.REFUSED


@pytest.mark.parametrize(
    "words",
    [
        b"Too many sessions, goodbye",
        b"Maximum number of tries exceeded (5)",
        b"Account temporarily locked",
        b"Please try again later.",
        b"All lines are busy",
        b"admin is already logged in",
        b"Login timed out after 60 seconds",
        b"",
    ],
)
def test_a_limit_or_a_close_without_a_word_says_nothing_of_the_password(words: bytes) -> None:
    def closing(connection: socket.socket) -> None:
        Telnet(motd=b"", shell=b"").take_anything(connection, b"")
        connection.sendall(b"\r\n" + words + b"\r\n")

    found = attempt(closing)
    assert found.answer is Answer.SILENT
    assert found.limited is bool(words)


@pytest.mark.parametrize(
    ("login", "password", "refusal"),
    [
        ("Uzytkownik: ", "Haslo: ", "Bledne haslo"),
        ("ログイン: ", "パスワード: ", "失敗"),
        ("Имя> ", "Пароль> ", "Отказано"),
        ("gw login (attempt 1): ", "Password: ", ""),
        ("LOGIN:", "PASSWORD:", "ERR"),
        ("Username=", "Password=", "no"),
    ],
)
def test_prompts_of_other_languages_are_recognised_by_what_follows(login: str, password: str, refusal: str) -> None:
    server = Telnet(login=login.encode(), password=password.encode(), refusal=refusal.encode() + b"\r\n")
    assert attempt(server).answer is Answer.SEEN
    assert attempt(server, "wrong").answer is Answer.REFUSED


def test_a_password_prompt_of_another_language_is_not_mistaken_for_a_refusal_of_the_user() -> None:
    def one_secret(connection: socket.socket) -> None:
        connection.sendall(b"Haslo: ")
        while line_of(connection) != b"right":
            connection.sendall(b"\r\nHaslo: ")

    assert attempt(one_secret).answer is Answer.SILENT


@pytest.mark.parametrize("asked", [b"New password: ", b"Verification code: ", b"Enter OTP token: ", b"Old password: "])
def test_a_further_secret_is_neither_a_login_nor_a_refusal(asked: bytes) -> None:
    def further(connection: socket.socket) -> None:
        Telnet(motd=b"", shell=b"").take_anything(connection, b"")
        while True:
            connection.sendall(b"\r\n" + asked)
            line_of(connection)

    assert attempt(further).answer is Answer.SILENT


def test_a_menu_after_the_login_is_a_login() -> None:
    menu = Telnet(motd=b"1. Status\r\n2. Reboot\r\n", shell=b"Select an option: ")
    assert attempt(menu).answer is Answer.SEEN
    assert attempt(menu, "wrong").answer is Answer.REFUSED


@pytest.mark.parametrize("ending", [b"\r", b"\r\n", b"\0", b" \x1b[K"])
def test_a_prompt_may_end_in_a_line_end(ending: bytes) -> None:
    server = Telnet(login=b"cam login:" + ending)
    assert attempt(server, seconds=10).answer is Answer.SEEN


@pytest.mark.parametrize(
    ("query", "answer"), [(b"\x1b[6n", b"R"), (b"\x1b[c", b"c"), (b"\x1bZ", b"c"), (b"\x1b[5n", b"n")]
)
def test_a_device_that_asks_the_terminal_is_answered(query: bytes, answer: bytes) -> None:
    def asking(connection: socket.socket) -> None:
        connection.sendall(query)
        while connection.recv(1) != answer:
            pass
        Telnet()(connection)

    assert attempt(asking).answer is Answer.SEEN


def test_text_that_arrives_in_single_octets_is_read_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telnet_login, "UNKNOWN_QUIET", 5.0)  # the next octet ends the wait

    class Dripping:
        """Sends each octet alone."""

        def __init__(self, connection: socket.socket) -> None:
            self.recv = connection.recv
            self._send = connection.sendall

        def sendall(self, data: bytes) -> None:
            for octet in data:
                self._send(bytes([octet]))

    assert attempt(lambda connection: Telnet()(Dripping(connection))).answer is Answer.SEEN  # type: ignore[arg-type]


def test_several_attempts_go_over_one_connection_as_long_as_the_device_lets_them() -> None:
    opened: list[int] = []

    def counting(connection: socket.socket) -> None:
        opened.append(1)
        Telnet()(connection)

    with threaded(counting) as port:
        door = TelnetDoor(LOOPBACK, port, "shell", seconds=5.0)
        with door.way() as way:
            found = [way.attempt("root", word).answer for word in ("a", "b", "c", "d", "right")]
    assert found == [Answer.REFUSED] * 4 + [Answer.SEEN]
    assert len(opened) == 2


def test_a_login_that_needs_nothing_says_what_it_did_not_ask_for() -> None:
    def shell(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"/ # ")
            line_of(connection)

    def trusting(connection: socket.socket) -> None:
        connection.sendall(b"login: ")
        line_of(connection)
        shell(connection)

    assert attempt(shell).without_login
    assert attempt(trusting).passwordless
    plain = attempt(Telnet())
    assert not plain.without_login and not plain.passwordless
