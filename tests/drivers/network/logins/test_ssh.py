"""The SSH door: what is a login, what is a refusal in the server's words, and what is neither."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from paramiko.common import AUTH_FAILED
from paramiko.server import InteractiveQuery

from drivers.guessing.attempt import LoginAttempt, Pair
from drivers.guessing.logins import Guesses, GuessLogins
from drivers.network.logins import ssh
from drivers.network.logins.ssh import SshDoor
from drivers.network.logins.ssh_connection import SshConnection
from drivers.network.target import Target
from tests.drivers.network import tcp_servers as tcp
from tests.drivers.network.logins.ssh_servers import Rules, ssh_server
from tests.drivers.network.tcp_servers import LOOPBACK, Recorder, serve
from tests.free_ports import free_port
from trustprobe.errors import BenchError
from trustprobe.probe import Answer


def door(port: int, seconds: float = 10.0) -> SshDoor:
    return SshDoor(LOOPBACK, port, "ssh", seconds)


def attempt(rules: Rules, password: str, *, close_after_refusal: bool = False) -> LoginAttempt:
    with ssh_server(rules, close_after_refusal=close_after_refusal) as port:
        return door(port).attempt("admin", password)


@pytest.fixture(autouse=True)
def no_thread_is_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(30)  # one that has been told to end may be on its last instruction
    assert set(threading.enumerate()) <= before


def test_the_right_password_is_a_login() -> None:
    found = attempt(Rules(), "right")
    assert found == LoginAttempt(Answer.SEEN, "logged in by password, and a session channel opened")


@pytest.mark.parametrize("close", [False, True])
def test_a_wrong_password_is_refused_in_the_servers_words(close: bool) -> None:
    found = attempt(Rules(banner="Bad\x1b[2J guess"), "wrong", close_after_refusal=close)
    assert found.answer is Answer.REFUSED
    assert found.detail.startswith("USERAUTH_FAILURE to password; the server offers password, publickey")
    assert "guess" in found.detail
    assert found.detail.isprintable()


def test_a_server_without_passwords_says_what_it_offers() -> None:
    found = attempt(Rules(methods="publickey"), "right")
    assert found == LoginAttempt(Answer.REFUSED, "no login by password, because the server offers publickey")


@pytest.mark.parametrize(("password", "answer"), [("right", Answer.SEEN), ("wrong", Answer.REFUSED)])
def test_a_server_that_asks_by_keyboard_interactive_is_answered(password: str, answer: Answer) -> None:
    found = attempt(Rules(methods="keyboard-interactive,publickey"), password)
    assert found.answer is answer
    assert "keyboard-interactive" in found.detail


def test_a_login_without_a_channel_is_no_proof() -> None:
    found = attempt(Rules(channels=False), "right")
    assert found.answer is Answer.SILENT
    assert "prohibited" in found.detail


def test_a_password_that_is_only_the_first_factor_is_neither_login_nor_refusal() -> None:
    found = attempt(Rules(partial=True), "right")
    assert found.answer is Answer.SILENT
    assert "requires more" in found.detail


class SecondFactor(Rules):
    """Asks for a code by keyboard-interactive, and for nothing else, once the password was right."""

    def __init__(self) -> None:
        super().__init__(methods="password", partial=True)
        self.passwords: list[str] = []
        self.codes: list[list[str]] = []

    def check_auth_password(self, username: str, password: str) -> int:
        self.passwords.append(password)
        self.methods = "password"
        checked = super().check_auth_password(username, password)
        self.methods = "keyboard-interactive" if password == self.password else "password"
        return checked

    def check_auth_interactive_response(self, responses: list[str]) -> int | InteractiveQuery:
        self.codes.append(responses)
        return AUTH_FAILED


def test_a_password_is_never_given_for_the_code_of_a_second_factor() -> None:
    rules = SecondFactor()
    with ssh_server(rules) as port, door(port).way() as way:
        found = [way.attempt("admin", password) for password in ("wrong", "right", "wrong", "other")]
    answers = [Answer.REFUSED, Answer.SILENT, Answer.REFUSED, Answer.REFUSED]
    assert [one.answer for one in found] == answers
    assert found[1].detail == "password was accepted, but the server requires more: keyboard-interactive"
    assert rules.passwords == ["wrong", "right", "wrong", "other"]
    assert rules.codes == []


class LateOffer(Rules):
    """Offers passwords only after a failure of keyboard-interactive."""

    def check_auth_interactive_response(self, responses: list[str]) -> int | InteractiveQuery:
        self.methods = "password,keyboard-interactive"
        return AUTH_FAILED


def test_a_refusal_by_keyboard_interactive_says_nothing_of_a_password_that_may_be_given() -> None:
    deadline = time.monotonic() + 10.0
    with ssh_server(LateOffer(methods="keyboard-interactive")) as port:
        with contextlib.closing(SshConnection(LOOPBACK, port, deadline)) as connection:
            refused = connection.login("admin", "wrong", deadline)
            then = connection.login("admin", "right", deadline)
    assert isinstance(refused, LoginAttempt)
    assert refused.answer is Answer.SILENT
    assert "the server offers password" in refused.detail
    assert then == "password"


def says(data: bytes) -> tcp.Handler:
    def handle(connection: socket.socket) -> None:
        connection.sendall(data)
        tcp.silent(connection)

    return handle


@pytest.mark.parametrize(
    "handler",
    [
        tcp.closing,
        tcp.resetting,
        tcp.silent,
        tcp.garbage,
        tcp.endless,
        says(b"SSH-2.0-x\r\n"),
        says(b"SSH-1.5-x\r\n"),
        says(b"SSH-2.0-x\r\n" + b"\xff" * 64),
        says(b"Not allowed at this time\r\n"),
        says(b"line\n" * 300),
    ],
)
def test_a_server_that_says_neither_yes_nor_no_is_silent(handler: tcp.Handler) -> None:
    with serve(handler) as port:
        found = door(port, seconds=0.5).attempt("admin", "right")
    assert found.answer is Answer.SILENT
    assert found.detail.isprintable()
    assert found.detail


def test_a_closed_port_is_silent_because_a_ban_looks_the_same() -> None:
    attempt = door(free_port()).attempt("admin", "right")
    assert (attempt.answer, attempt.unanswered) == (Answer.SILENT, True)


def test_a_connection_that_ends_in_the_middle_of_the_login_is_silent() -> None:
    class Leaving(Rules):
        def check_auth_password(self, username: str, password: str) -> int:
            raise EOFError

    assert attempt(Leaving(), "right").answer is Answer.SILENT


def test_a_login_that_is_never_answered_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    held, login = threading.Event(), SshConnection.login

    def brief(connection: SshConnection, user: str, password: str, _: float) -> LoginAttempt | str:
        return login(connection, user, password, time.monotonic() + 0.5)  # the keys are exchanged without haste

    monkeypatch.setattr(SshConnection, "login", brief)

    class Mute(Rules):
        def check_auth_password(self, username: str, password: str) -> int:
            held.wait(10)
            return 0

    with ssh_server(Mute()) as port:
        found = door(port).attempt("admin", "right")
        held.set()
    assert found.answer is Answer.SILENT
    assert "no answer to password in time" in found.detail


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with serve(tcp.garbage) as port:
        door(port, seconds=0.5).attempt("admin", "right")
    assert not [entry for entry in caplog.records if entry.name.startswith("paramiko")]


def test_the_output_of_a_command_is_returned() -> None:
    with ssh_server(Rules()) as port:
        assert door(port).run("admin", "right", "uname -a") == b"uname -a: Linux box\n"


def test_the_output_of_a_command_is_cut_at_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "OUTPUT_BYTES", 1_000)
    with ssh_server(Rules(output=b"A" * 100_000)) as port:
        assert len(door(port).run("admin", "right", "cat")) == 1_000


def test_a_command_of_an_account_that_cannot_log_in_is_an_error_of_the_bench() -> None:
    with ssh_server(Rules()) as port:
        with pytest.raises(BenchError, match="admin cannot log in to ssh: USERAUTH_FAILURE"):
            door(port).run("admin", "wrong", "uname -a")


def test_a_command_that_is_never_answered_is_an_error_in_bounded_time() -> None:
    with ssh_server(Rules(answers_exec=False)) as port:
        with pytest.raises(BenchError, match="did not finish"):
            door(port).run("admin", "right", "uname -a", seconds=1.5)


def test_the_door_serves_the_guessing_probe() -> None:
    pairs = (Pair("admin", "admin", "list"), Pair("root", "right", "list"))
    with ssh_server(Rules()) as port:
        found = GuessLogins(door(port), pairs, "admin", "right").run(Recorder())
    assert found.seen == {"root:right"}
    assert found.refused == {"admin:admin"}
    assert found.conclusive
    assert not found.accepts_anything


def guess(port: int, pairs: tuple[Pair, ...], seconds: float = 10.0, *, at_once: int = 16) -> tuple[Guesses, SshDoor]:
    bench = LOOPBACK.bench.model_copy(update={"logins_at_once": at_once})
    tried = SshDoor(Target(bench), port, "ssh", seconds)
    return GuessLogins(tried, pairs, "admin", "right").run(Recorder()), tried


def wrong(user: str, count: int) -> tuple[Pair, ...]:
    return tuple(Pair(user, f"wrong {number}", "list") for number in range(count))


def test_passwords_of_one_user_share_a_connection_and_another_user_has_his_own() -> None:
    rules = Rules()
    with ssh_server(rules) as port:
        found, _ = guess(port, (*wrong("root", 2), *wrong("guest", 2)), at_once=1)
    assert len(found.refused) == 4
    assert found.conclusive
    assert ["root"] * 2 in rules.connections
    assert ["guest"] * 2 in rules.connections
    assert all(len(set(users)) == 1 for users in rules.connections)


def test_the_last_controls_are_on_a_connection_that_has_just_refused() -> None:
    rules = Rules()
    with ssh_server(rules) as port:
        guess(port, wrong("root", 1))
    assert rules.connections[0] == ["admin"] * 2
    assert rules.connections[-1] == ["admin"] * 2


def test_a_server_that_ends_a_connection_without_an_answer_is_asked_again_and_its_limit_kept() -> None:
    rules = Rules(tries=4)
    with ssh_server(rules) as port:
        found, tried = guess(port, wrong("root", 20))
    assert len(found.refused) == 20
    assert found.conclusive
    assert tried.limits.refusals == 3
    assert [len(users) for users in rules.connections].count(4) == 1


def test_a_server_that_says_no_and_ends_the_connection_is_asked_on_the_next_one() -> None:
    rules = Rules()
    with ssh_server(rules, close_after_refusal=True) as port:
        found, _ = guess(port, wrong("root", 4))
    assert len(found.refused) == 4
    # Where each refusal ends the connection, the control that follows one has a connection of its own.
    assert found.conclusive, found.witness


def test_a_server_that_takes_any_password_is_seen_as_such() -> None:
    class Open(Rules):
        def check_auth_password(self, username: str, password: str) -> int:
            return 0

    with ssh_server(Open()) as port:
        found, _ = guess(port, wrong("root", 50))
    assert found.accepts_anything
    assert len(found.seen) == 1


def test_a_tarpit_in_the_login_is_asked_twice_and_proves_nothing() -> None:
    asked: list[socket.socket] = []
    both = threading.Event()

    def mute(connection: socket.socket) -> None:
        asked.append(connection)
        if len(asked) == 2:
            both.set()
        tcp.silent(connection)

    with serve(mute) as port:
        found, _ = guess(port, wrong("root", 500), seconds=0.3)
        assert both.wait(10), "a server that gets no processor takes the second connection late"
    assert len(asked) == 2
    assert len(found.silent) == 500
    assert not found.conclusive
