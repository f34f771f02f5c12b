"""SSH servers for the tests of this folder, by paramiko: what they offer and whom they let in is theirs to say."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_PARTIALLY_SUCCESSFUL,
    AUTH_SUCCESSFUL,
    MSG_CHANNEL_SUCCESS,
    MSG_USERAUTH_FAILURE,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)
from paramiko.server import InteractiveQuery

from tests.drivers.network.tcp_servers import serve


@cache
def host_key() -> paramiko.PKey:
    """The host key of these tests."""
    return paramiko.ECDSAKey.generate()


@dataclass
class Rules(paramiko.ServerInterface):
    """Whom a server lets in, by which methods, and what it does then."""

    password: str = "right"
    methods: str = "password,publickey"
    channels: bool = True
    partial: bool = False
    banner: str = ""
    output: bytes = b"Linux box\n"
    answers_exec: bool = True
    tries: int | None = None
    """With the n-th password on one connection it ends without an answer."""
    connections: list[list[str]] = field(default_factory=list)
    """Who tried on each connection."""

    def begins(self) -> None:
        """Wait here to make a new connection wait."""

    def ends(self, transport: paramiko.Transport) -> None:
        """Called after a connection."""

    def get_allowed_auths(self, username: str) -> str:
        return self.methods

    def get_banner(self) -> tuple[str | None, str | None]:
        return (self.banner, "en") if self.banner else (None, None)

    def check_auth_password(self, username: str, password: str) -> int:
        self.connections[-1].append(username)
        if len(self.connections[-1]) == self.tries:
            raise EOFError
        if "password" not in self.methods or password != self.password:
            return AUTH_FAILED
        return AUTH_PARTIALLY_SUCCESSFUL if self.partial else AUTH_SUCCESSFUL

    def check_auth_interactive(self, username: str, submethods: str) -> int | InteractiveQuery:
        if "keyboard-interactive" not in self.methods:
            return AUTH_FAILED
        return InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int | InteractiveQuery:
        return AUTH_SUCCESSFUL if responses == [self.password] else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED if self.channels else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if self.answers_exec:
            threading.Thread(target=self._answer, args=(channel, command)).start()
        else:
            channel.get_transport().join(10)
        return True

    def _answer(self, channel: paramiko.Channel, command: bytes) -> None:
        transport = channel.get_transport()
        assert isinstance(transport, _Transport)
        transport.replied.wait(10)
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            channel.sendall(command + b": " + self.output)
            channel.sendall_stderr(b"warning\n")
            channel.send_exit_status(0)
            channel.close()


class _Transport(paramiko.Transport):
    """Says when it has replied to a request or refused a login, so that neither output nor an end overtakes that."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.replied = threading.Event()
        self.refused = threading.Event()

    def _send_user_message(self, data: paramiko.Message) -> None:
        super()._send_user_message(data)  # type: ignore[misc]
        if data.asbytes()[0] == MSG_CHANNEL_SUCCESS:
            self.replied.set()

    def _send_message(self, data: paramiko.Message) -> None:
        super()._send_message(data)  # type: ignore[misc]
        if data.asbytes()[0] == MSG_USERAUTH_FAILURE:
            self.refused.set()


@contextlib.contextmanager
def ssh_server(
    rules: Rules,
    *,
    close_after_refusal: bool = False,
    key: paramiko.PKey | None = None,
    others: Sequence[paramiko.PKey] = (),
    at_once: bool = False,
) -> Iterator[int]:
    """Yield the port of an SSH server, of one connection after the other or of many `at_once`.

    With `close_after_refusal`, one refused login ends the connection.
    """

    def handle(connection: socket.socket) -> None:
        rules.begins()
        rules.connections.append([])
        transport = _Transport(connection)
        for one in (key or host_key(), *others):
            transport.add_server_key(one)
        finished = threading.Event()
        try:
            with contextlib.suppress(paramiko.SSHException, EOFError):
                transport.start_server(event=finished, server=rules)
                if close_after_refusal:
                    _close_after_refusal(transport)
            transport.join(10)
        finally:
            transport.close()
            rules.ends(transport)

    def handle_in_background(connection: socket.socket) -> None:
        threading.Thread(target=handle, args=(connection.dup(),), daemon=True).start()

    with serve(handle_in_background if at_once else handle) as port:
        yield port


def _close_after_refusal(transport: _Transport) -> None:
    while transport.is_alive() and not transport.refused.wait(0.01):
        pass
    transport.close()
