"""Logins over SMTP, on aiosmtpd with its own checks of passwords, and on replies that are made up."""

import base64
import hmac
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from drivers.guessing.attempt import LoginAttempt
from drivers.network.logins import smtp
from drivers.network.logins.smtp import SmtpDoor
from tests.drivers.network.logins.login_servers import line_of, server_context, threaded
from tests.drivers.network.loopback_servers import closed_port
from tests.drivers.network.tcp_servers import LOOPBACK, endless, garbage, silent
from trustprobe.probe import Answer


def check(_server: object, _session: object, _envelope: object, _mechanism: str, given: object) -> AuthResult:
    assert isinstance(given, LoginPassword)
    return AuthResult(success=(given.login, given.password) == (b"admin", b"right"), handled=False)


@contextmanager
def mail_server(*, starttls: bool = False, clear: bool = True, only: str = "", tls: bool = False) -> Iterator[int]:
    """Serve SMTP by aiosmtpd; `clear` says whether a login is offered outside TLS, `only` the one mechanism."""
    excluded = {"PLAIN", "LOGIN"} - {only} if only else set[str]()
    options: dict[str, Any] = {
        "authenticator": check,
        "auth_require_tls": not clear,
        "auth_exclude_mechanism": excluded,
    }
    if starttls:
        options["tls_context"] = server_context()
    controller = Controller(
        object(), hostname="127.0.0.1", port=closed_port(), ssl_context=server_context() if tls else None, **options
    )
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def door(port: int, *, tls: bool = False) -> SmtpDoor:
    return SmtpDoor(LOOPBACK, port, "mail", tls)


@pytest.mark.parametrize(
    "options", [{}, {"only": "LOGIN"}, {"only": "PLAIN"}, {"starttls": True}, {"starttls": True, "clear": False}]
)
def test_a_password_is_told_from_a_wrong_one(options: dict[str, Any]) -> None:
    with mail_server(**options) as port, door(port).way() as way:
        found = [way.attempt("admin", word) for word in ("wrong", "right", "wrong again")]
    assert [one.answer for one in found] == [Answer.REFUSED, Answer.SEEN, Answer.REFUSED]
    assert "is 235" in found[1].detail and "is 535" in found[0].detail


def test_tls_may_come_first() -> None:
    with mail_server(tls=True) as port:
        assert door(port, tls=True).attempt("admin", "right").answer is Answer.SEEN
        assert door(port, tls=True).knock().answer is Answer.SEEN


def test_a_server_that_offers_no_login_refuses_in_its_own_words() -> None:
    with mail_server(clear=False) as port:
        found, knock = door(port).attempt("admin", "right"), door(port).knock()
    assert found.answer is Answer.REFUSED and "offers no login" in found.detail
    assert knock.answer is Answer.REFUSED and knock.connected


def test_a_server_with_a_login_is_a_door() -> None:
    with mail_server() as port:
        assert door(port).knock().detail in ("AUTH PLAIN LOGIN is offered",)


Talk = Callable[[socket.socket], None]


def replies(hello: bytes, *answers: bytes, greeting: bytes = b"220 mx ESMTP") -> Talk:
    """Return a server that greets, answers EHLO, and gives the same answers to the lines after it, again and again."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(greeting + b"\r\n")
        line_of(connection)
        connection.sendall(hello + b"\r\n")
        while True:
            for answer in answers:
                line_of(connection)
                connection.sendall(answer + b"\r\n")

    return serve


def attempt(handler: Talk) -> LoginAttempt:
    with threaded(handler) as port:
        return door(port).attempt("admin", "right")


@pytest.mark.parametrize(
    ("hello", "answer", "expected"),
    [
        (b"250-mx\r\n250-SIZE 1\r\n250 AUTH LOGIN PLAIN", b"235 in", Answer.SEEN),
        (b"250-mx\r\n250 AUTH=PLAIN", b"235", Answer.SEEN),
        (b"250-mx\r\n250 auth plain", b"535-5.7.8 wrong\r\n535 wrong", Answer.REFUSED),
        (b"250-mx\r\n" + b"250-X\r\n" * 20 + b"250 AUTH PLAIN", b"535", Answer.REFUSED),
        (b"250 AUTH PLAIN", b"535 too many failures, wait 60 seconds", Answer.SILENT),
        (b"250 AUTH PLAIN", b"454 temporary failure", Answer.SILENT),
        (b"250 AUTH PLAIN", b"421 closing", Answer.SILENT),
        (b"250 AUTH PLAIN", b"504 not this", Answer.SILENT),
        (b"250 AUTH GSSAPI", b"235 in", Answer.SILENT),
        (b"250 AUTH SCRAM-SHA-256 XOAUTH2", b"235 in", Answer.SILENT),
        (b"250 SIZE 1", b"235 in", Answer.REFUSED),
        (b"250 STARTTLS", b"454 not now", Answer.SILENT),
        (b"250-STARTTLS\r\n250 AUTH LOGIN PLAIN", b"535 no", Answer.REFUSED),
        (b"500 what", b"235 in", Answer.REFUSED),
        (b"502 not here", b"235 in", Answer.REFUSED),
        (b"421 too many connections", b"235 in", Answer.SILENT),
        (b"450 later", b"235 in", Answer.SILENT),
        (b"554 your address is blocked", b"235 in", Answer.SILENT),
    ],
)
def test_replies_of_many_forms_are_judged(hello: bytes, answer: bytes, expected: Answer) -> None:
    assert attempt(replies(hello, answer)).answer is expected


def test_another_mechanism_is_used_where_the_first_is_not_accepted() -> None:
    found = attempt(replies(b"250 AUTH PLAIN LOGIN", b"504 no", b"334 VXNlcm5hbWU6", b"334 UGFzc3dvcmQ6", b"235 in"))
    assert (found.answer, found.detail) == (Answer.SEEN, "the answer to AUTH LOGIN is 235 in")


def test_a_challenge_is_answered_by_its_digest() -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"220 mx\r\n")
        line_of(connection)
        connection.sendall(b"250 AUTH CRAM-MD5\r\n")
        line_of(connection)
        connection.sendall(b"334 " + base64.b64encode(b"<1@mx>") + b"\r\n")
        digest = hmac.new(b"right", b"<1@mx>", "md5").hexdigest()
        is_right = base64.b64decode(line_of(connection)).decode() == f"admin {digest}"
        connection.sendall(b"235 in\r\n" if is_right else b"535 no\r\n")

    assert attempt(serve).answer is Answer.SEEN


@pytest.mark.parametrize("handler", [silent, garbage, endless, replies(b"", greeting=b"554 go away")])
def test_what_is_no_reply_says_nothing_of_the_password(handler: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "SECONDS", 0.3)
    with threaded(handler) as port:
        assert door(port).attempt("admin", "right").answer is Answer.SILENT
        assert door(port).knock().answer is not Answer.SEEN


def test_a_closed_port_is_refused() -> None:
    found = door(closed_port()).attempt("admin", "right")
    assert (found.answer, found.unanswered, found.connected) == (Answer.REFUSED, True, False)


def test_a_guess_cannot_carry_a_command() -> None:
    asked: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"220 mx\r\n")
        while True:
            asked.append(line_of(connection))
            connection.sendall(b"250 AUTH PLAIN\r\n" if len(asked) == 1 else b"535 no\r\n")

    with threaded(serve) as port:
        door(port).attempt("admin\r\nMAIL FROM:<>", "x\r\nQUIT")
    assert len(asked) == 2
