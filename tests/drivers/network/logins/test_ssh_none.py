"""The method `none` at the SSH door: accounts without a password, and sessions that ask for the login themselves."""

import threading
from dataclasses import dataclass, field

import paramiko
import pytest
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL

from drivers.guessing.attempt import Pair
from drivers.guessing.logins import Guesses, GuessLogins
from drivers.network.logins.ssh import SshDoor
from tests.drivers.network.logins.ssh_servers import Rules, ssh_server
from tests.drivers.network.tcp_servers import LOOPBACK, Recorder
from trustprobe.probe import Answer


@dataclass
class Passwordless(Rules):
    """Lets `open` users in by `none`, refuses empty passwords, and shows something in the session."""

    open: tuple[str, ...] = ("admin",)
    shows: bytes = b"BusyBox\r\n~ # "
    nones: list[str] = field(default_factory=list)
    over: bool = False
    """Whether the session ends after what it shows."""
    tries_by_none: bool = False
    """Whether the method counts as an attempt of its connection."""

    def check_auth_none(self, username: str) -> int:
        self.nones.append(username)
        if self.tries_by_none:
            self.connections[-1].append(username)
        return AUTH_SUCCESSFUL if username in self.open else AUTH_FAILED

    def check_channel_pty_request(self, *_: object) -> bool:
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        if not self.shows:
            return False
        threading.Thread(target=self._show, args=(channel,)).start()
        return True

    def _show(self, channel: paramiko.Channel) -> None:
        channel.sendall(self.shows)
        if self.over:
            channel.close()


def guess(rules: Rules, *pairs: tuple[str, str], valid: str = "right", close: bool = False) -> Guesses:
    with ssh_server(rules, close_after_refusal=close) as port:
        tried = tuple(Pair(user, password, "list") for user, password in pairs)
        return GuessLogins(SshDoor(LOOPBACK, port, "ssh"), tried, "owner", valid).run(Recorder())


@pytest.mark.parametrize("shows", [b"BusyBox\r\n~ # ", b"", b"1) Status\r\nYour choice: $ "])
def test_an_account_that_ssh_lets_in_without_a_password_is_seen_with_the_empty_one(shows: bytes) -> None:
    found = guess(Passwordless(shows=shows), ("admin", "admin"), ("admin", ""), ("root", ""))
    assert found.seen == {"admin:"}
    assert found.refused == {"admin:admin", "root:"}
    assert found.passwordless == ("admin",)
    assert not found.accepts_anything
    assert found.conclusive
    assert "without a password, by none" in found.detail("admin:")


def test_the_method_none_is_asked_once_for_each_user_before_the_empty_password_only() -> None:
    rules = Passwordless(open=())
    guess(rules, ("root", "a"), ("root", "b"), ("root", ""), ("guest", ""), ("guest", "c"))
    assert sorted(rules.nones) == ["guest", "root"]


@pytest.mark.parametrize("close", [False, True])
def test_a_server_of_one_attempt_a_connection_judges_the_empty_password_after_none(close: bool) -> None:
    rules = Passwordless(open=(), tries=2, tries_by_none=True)
    found = guess(rules, ("root", ""), ("guest", ""), ("root", "a"), close=close)
    assert found.refused == {"root:", "guest:", "root:a"}
    assert found.conclusive
    assert sorted(rules.nones) == ["guest", "root"]


@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize("shows", [b"(Switch)\r\nUser:", b"\x1b[2J\x1b[HLogin: ", b"Password: "])
def test_a_session_that_asks_for_the_login_itself_is_no_login(shows: bytes, over: bool) -> None:
    rules = Passwordless(shows=shows, over=over)
    with ssh_server(rules) as port:
        found = SshDoor(LOOPBACK, port, "ssh").attempt("admin", "")
    assert found.answer is Answer.SILENT
    assert "the session asks for a login" in found.detail
    assert found.detail.isprintable()


def test_a_server_that_does_not_answer_none_leaves_the_empty_password_open() -> None:
    class Leaving(Passwordless):
        def check_auth_none(self, username: str) -> int:
            raise EOFError

    with ssh_server(Leaving()) as port:
        found = SshDoor(LOOPBACK, port, "ssh").attempt("admin", "")
    assert (found.answer, found.unanswered) == (Answer.SILENT, True)


def test_a_declared_account_without_a_password_runs_its_command() -> None:
    with ssh_server(Passwordless()) as port:
        assert SshDoor(LOOPBACK, port, "ssh").run("admin", "", "uname") == b"uname: Linux box\n"


def test_the_valid_login_of_an_account_without_a_password_is_a_control() -> None:
    found = guess(Passwordless(open=("owner",)), ("root", "root"), valid="")
    assert found.refused == {"root:root"}
    assert found.conclusive
