import socket

import pytest

from drivers.guessing.attempt import LoginAttempt
from drivers.network.logins import ftp
from drivers.network.logins.ftp import FtpDoor
from tests.drivers.network.logins.login_servers import Ftp, Handler, line_of, threaded
from tests.drivers.network.loopback_servers import closed_port
from tests.drivers.network.tcp_servers import LOOPBACK, garbage, silent
from trustprobe.errors import BenchError
from trustprobe.probe import Answer


def attempt(handler: Handler, password: str = "right", *, tls: bool = False) -> LoginAttempt:
    with threaded(handler, tls=tls) as port:
        return FtpDoor(LOOPBACK, port, "files", tls).attempt("admin", password)


def test_a_command_that_was_refused_before_it_proves_a_login() -> None:
    found = attempt(Ftp())
    assert found.answer is Answer.SEEN
    assert "answer to PWD is 257" in found.detail and "530" in found.detail


def test_a_wrong_password_is_refused_in_the_words_of_the_server() -> None:
    assert attempt(Ftp(), "wrong") == LoginAttempt(Answer.REFUSED, "the answer to the password is 530 Login incorrect.")


@pytest.mark.parametrize("reply", [b"530 Non-anonymous sessions must use encryption.\r\n", b"550 SSL/TLS required\r\n"])
def test_a_server_that_asks_for_tls_gets_it_before_the_password(reply: bytes) -> None:
    assert attempt(Ftp(tls=reply)).answer is Answer.SEEN
    assert attempt(Ftp(tls=reply), "wrong").answer is Answer.REFUSED


def test_tls_may_come_first() -> None:
    assert attempt(Ftp(), tls=True).answer is Answer.SEEN


def test_reply_230_alone_is_no_login() -> None:
    found = attempt(Ftp(liar=True), "wrong")
    assert found.answer is Answer.SILENT
    assert "still" in found.detail


def test_where_commands_are_answered_without_a_login_nothing_proves_one() -> None:
    def open_files(connection: object) -> None:
        Ftp(open_=True)(connection)  # type: ignore[arg-type]

    found = attempt(open_files, "wrong")
    assert found.answer is Answer.REFUSED  # EPSV is still refused, and the password with it


@pytest.mark.parametrize(
    "handler",
    [
        lambda connection: connection.sendall(b"421 too many\r\n"),
        lambda connection: connection.sendall(b"220-" + b"x" * 100_000),
        lambda connection: connection.sendall(b"220-a\r\n" + b"x\r\n" * 10_000),
        garbage,
        silent,
    ],
)
def test_what_is_no_reply_says_nothing_of_the_password(handler: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ftp, "SECONDS", 0.4)
    assert attempt(handler).answer is Answer.SILENT


def test_a_mail_server_and_a_web_server_are_no_ftp() -> None:
    def mail(connection: object) -> None:
        connection.sendall(b"220 mx ESMTP\r\n")  # type: ignore[attr-defined]
        connection.recv(99)  # type: ignore[attr-defined]
        connection.sendall(b"502 unknown command\r\n")  # type: ignore[attr-defined]

    with threaded(mail) as port:
        assert FtpDoor(LOOPBACK, port, "files").knock().answer is Answer.REFUSED
    with threaded(Ftp()) as port:
        assert FtpDoor(LOOPBACK, port, "files").knock().answer is Answer.SEEN


def test_a_closed_port_is_refused() -> None:
    door = FtpDoor(LOOPBACK, closed_port(), "files")
    attempt = door.attempt("admin", "right")
    assert (attempt.answer, attempt.unanswered) == (Answer.REFUSED, True)
    assert not door.knock().connected


def test_a_guess_cannot_carry_a_command() -> None:
    with pytest.raises(BenchError):
        FtpDoor(LOOPBACK, closed_port(), "files").attempt("admin", "x\r\nDELE a")


def test_several_attempts_go_over_one_connection() -> None:
    opened: list[int] = []

    def counting(connection: socket.socket) -> None:
        opened.append(1)
        Ftp()(connection)

    with threaded(counting) as port, FtpDoor(LOOPBACK, port, "files").way() as way:
        found = [way.attempt("admin", word).answer for word in ("a", "b", "c", "right")]
    assert found == [Answer.REFUSED] * 3 + [Answer.SEEN]
    assert len(opened) == 1


def test_a_server_that_ends_the_connection_after_a_few_attempts_gets_another_one() -> None:
    def impatient(connection: socket.socket) -> None:
        Ftp()(Few(connection, 8))  # type: ignore[arg-type]

    with threaded(impatient) as port, FtpDoor(LOOPBACK, port, "files").way() as way:
        found = [way.attempt("admin", word).answer for word in ("a", "b", "c", "d", "right")]
    assert found == [Answer.REFUSED] * 4 + [Answer.SEEN]


class Few:
    """A connection that ends after so many lines."""

    def __init__(self, connection: socket.socket, lines: int) -> None:
        self._connection, self._lines = connection, lines

    def recv(self, size: int) -> bytes:
        octet = self._connection.recv(size)
        self._lines -= octet == b"\n"
        return octet if self._lines > 0 else b""

    def sendall(self, data: bytes) -> None:
        self._connection.sendall(data)


@pytest.mark.parametrize(
    "words",
    [b"530 Sorry, the maximum number of clients (3) is connected\r\n", b"530 Too many failures, wait 60 seconds\r\n"],
)
def test_a_limit_says_nothing_of_the_password(words: bytes) -> None:
    def full(connection: socket.socket) -> None:
        connection.sendall(b"220 ready\r\n")
        for answer in (b"530 log in\r\n", words):
            line_of(connection)
            connection.sendall(answer)

    found = attempt(full)
    assert found.answer is Answer.SILENT and found.limited


@pytest.mark.parametrize(("answer", "open_"), [(b"213 end of status\r\n", True), (b"530 log in\r\n", False)])
def test_a_server_that_lists_its_files_without_a_login_requires_none(answer: bytes, open_: bool) -> None:
    def trusting(connection: socket.socket) -> None:
        connection.sendall(b"220 ready\r\n")
        while True:
            connection.sendall(answer if line_of(connection).startswith(b"STAT") else b"257 /\r\n")

    found = attempt(trusting)
    assert found.answer is (Answer.SEEN if open_ else Answer.SILENT)
    assert found.without_login is open_


def test_a_user_without_a_password_says_so() -> None:
    def trusting(connection: socket.socket) -> None:
        connection.sendall(b"220 ready\r\n")
        inside = False
        while True:
            inside = line_of(connection).startswith(b"USER") or inside
            connection.sendall(b"230 in\r\n" if inside else b"530 log in\r\n")

    found = attempt(trusting)
    assert found.answer is Answer.SEEN and found.passwordless
