"""SSH as a door to log in at, and for one command of a known account; by paramiko.

A library serves healthy sessions only: where paramiko and a device find no common algorithm, the attempt is SILENT,
never REFUSED. Which algorithms a device offers is read in `ssh_algorithms.py`.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import paramiko

from drivers.guessing.attempt import LoginAttempt
from drivers.network.kept_door import KeptDoor
from drivers.network.logins.ssh_connection import SHOWN_BYTES, SshConnection, left, obstacle
from drivers.network.logins.undeclared import Knock
from drivers.network.target import Target
from trustprobe.errors import BenchError
from trustprobe.probe import Answer, printable

ATTEMPT_SECONDS = 10.0
COMMAND_SECONDS = 20.0
OUTPUT_BYTES = 1_048_576
REFUSALS_MOST = 100
"""Attempts on one connection, where the server allows more (RFC 4252, 4 recommends that it ends after 20)."""


@dataclass
class _Limits:
    """How many refusals one connection tolerates, learned from connections that the server ended."""

    refusals: int = REFUSALS_MOST

    def lower(self, refusals: int) -> None:
        self.refusals = max(1, min(self.refusals, refusals))


@dataclass(frozen=True)
class Output:
    """What a command wrote to its standard output, and why that is not all of it, or an empty string."""

    data: bytes = b""
    gap: str = ""


@dataclass(frozen=True)
class SshDoor(KeptDoor):
    """Password logins on an SSH server; `interface` is the declared service.

    SEEN is USERAUTH_SUCCESS and a session channel, REFUSED the server's USERAUTH_FAILURE. Before an empty password the
    method `none` is tried, once for each user that it does not let in. A ban, a full server, an
    algorithm that we lack and a time-out are SILENT. `seconds` bounds one attempt from the TCP connection to the open
    channel.
    """

    target: Target
    port: int
    interface: str
    seconds: float = ATTEMPT_SECONDS
    limits: _Limits = field(default_factory=_Limits, init=False, repr=False, compare=False)
    need_passwords: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    """The users that the server refused to let in by `none`."""

    def new_way(self) -> "_SshWay":
        """Return a way without a connection."""
        return _SshWay(self)

    def knock(self) -> Knock:
        """See whether a key exchange completes here."""
        if self.host_key() is not None:
            return Knock(Answer.SEEN, "the key exchange completes")
        return Knock(Answer.SILENT, "no key exchange completes", answered=False)

    def host_key(self) -> bytes | None:
        """Return the public host key of a completed key exchange as RFC 4253, 6.6 encodes it, or None without one."""
        try:
            connection = SshConnection(self.target, self.port, time.monotonic() + self.seconds)
            with contextlib.closing(connection):
                return bytes(connection.transport.get_remote_server_key().asbytes())
        except BenchError:
            raise
        except Exception:  # noqa: BLE001 - paramiko raises what its thread met: struct.error, ValueError ...
            return None

    def run(self, user: str, password: str, command: str, seconds: float = COMMAND_SECONDS) -> bytes:
        """Run a command and return what it wrote to its standard output, cut at OUTPUT_BYTES.

        Raises BenchError if the account cannot log in, or if the command is not done within `seconds`.
        """
        deadline = time.monotonic() + seconds
        try:
            with self._connection(deadline) as connection:
                self._log_in(connection, user, password, deadline)
                return b"".join(_output(connection, command, deadline, OUTPUT_BYTES))
        except BenchError:
            raise
        except Exception as error:
            words = printable(f"{type(error).__name__}: {error}", 300)
            raise BenchError(
                f"a command over {self.interface} did not finish ({words}).",
                "Try the same login by hand. The device may be busy or may have closed the port.",
            ) from error

    def gather(
        self, user: str, password: str, command: str, seconds: float = COMMAND_SECONDS, most: int = OUTPUT_BYTES
    ) -> Output:
        """Run a command, and return its output until it ended or was ended.

        Raises BenchError only where this machine cannot send.
        """
        deadline = time.monotonic() + seconds
        data = bytearray()
        try:
            with self._connection(deadline) as connection:
                refused = _entered(connection, user, password, deadline)
                if isinstance(refused, LoginAttempt):
                    return Output(gap=f"{user} cannot log in to {self.interface}: {refused.detail}")
                for chunk in _output(connection, command, deadline, most):
                    data += chunk
        except BenchError:
            raise
        except Exception as error:  # noqa: BLE001 - paramiko raises what its thread met: struct.error, ValueError ...
            words = printable(f"{type(error).__name__}: {error}", 300)
            return Output(bytes(data), f"a command over {self.interface} did not finish within {seconds:g} s ({words})")
        return Output(
            bytes(data), f"a command over {self.interface} wrote too much output" if len(data) >= most else ""
        )

    @contextlib.contextmanager
    def _connection(self, deadline: float) -> Iterator[SshConnection]:
        """Yield a connection that ends at the deadline under those of paramiko's waits that have no bound."""
        with contextlib.closing(SshConnection(self.target, self.port, deadline)) as connection:
            with connection.ended_at(deadline):
                yield connection

    @contextlib.contextmanager
    def session(self, user: str, password: str) -> Iterator[paramiko.Channel]:
        """Yield a session channel of this account, on a connection of its own.

        Raises BenchError if the account cannot log in, else what paramiko met.
        """
        deadline = time.monotonic() + self.seconds
        with contextlib.closing(SshConnection(self.target, self.port, deadline)) as connection:
            self._log_in(connection, user, password, deadline)
            connection.allow(OUTPUT_BYTES)
            yield connection.transport.open_session(timeout=left(deadline))

    def _log_in(self, connection: SshConnection, user: str, password: str, deadline: float) -> None:
        refused = _entered(connection, user, password, deadline)
        if isinstance(refused, LoginAttempt):
            raise BenchError(f"{user} cannot log in to {self.interface}: {refused.detail}.", refused.next_step)


class _SshWay:
    """One attempt after the other: several on a connection while the user stays the same, if the server lets.

    One connection at a time: some devices serve no second one.
    """

    def __init__(self, door: SshDoor) -> None:
        self._door = door
        self._connection: SshConnection | None = None

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Try to log in once, as SshDoor.attempt does; what does not end in a refusal ends the connection.

        `none` is the first request of a connection, as SSH clients ask it: OpenSSH does not count that one as a failed
        login.
        """
        if not password and user not in self._door.need_passwords:
            self.close()
            without = self._attempt(user, lambda connection, deadline: self._by_none(connection, user, deadline))
            if without.answer is not Answer.REFUSED:
                return without
        return self._attempt(user, lambda connection, deadline: connection.login(user, password, deadline))

    def _by_none(self, connection: SshConnection, user: str, deadline: float) -> LoginAttempt | str:
        if connection.lets_in_without_a_password(user, deadline):
            return "none"
        self._door.need_passwords.add(user)
        return LoginAttempt(Answer.REFUSED, "USERAUTH_FAILURE to none")

    def _attempt(self, user: str, log_in: Callable[[SshConnection, float], LoginAttempt | str]) -> LoginAttempt:
        deadline = time.monotonic() + self._door.seconds
        reused = self._serves(user)
        try:
            connection = self._of(user, deadline)
            outcome = log_in(connection, deadline)
            if isinstance(outcome, LoginAttempt):
                if outcome.answer is not Answer.REFUSED:
                    self.close()
                return outcome
            attempt = _logged_in(connection, outcome, deadline)
        except BenchError:
            self.close()
            raise
        except Exception as error:  # noqa: BLE001 - paramiko raises what its thread met: struct.error, ValueError ...
            words = printable(f"{type(error).__name__}: {error}", 500)
            attempt = LoginAttempt(Answer.SILENT, words, stale=reused, unanswered=True)
            if reused and self._connection is not None:
                self._door.limits.lower(self._connection.refusals)
        self.close()
        return attempt

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _serves(self, user: str) -> bool:
        """Whether the present connection takes one more attempt; one that the server has ended shows its limit."""
        connection = self._connection
        if connection is None or connection.user != user:
            return False
        if not connection.is_open:
            self._door.limits.lower(connection.refusals)
            return False
        return connection.refusals < self._door.limits.refusals

    def _of(self, user: str, deadline: float) -> SshConnection:
        if self._connection is None or not self._serves(user):
            self.close()
            self._connection = SshConnection(self._door.target, self._door.port, deadline)
        return self._connection


def _entered(connection: SshConnection, user: str, password: str, deadline: float) -> LoginAttempt | str:
    """Log in, without a password where the account has none; returns what SshConnection.login does."""
    if not password and connection.lets_in_without_a_password(user, deadline):
        return "none"
    return connection.login(user, password, deadline)


def _logged_in(connection: SshConnection, method: str, deadline: float) -> LoginAttempt:
    """Open a session channel; one that opens without a password must not ask for a login in its turn."""
    channel = connection.transport.open_session(timeout=left(deadline))
    if method != "none":
        return LoginAttempt(Answer.SEEN, f"logged in by {method}, and a session channel opened")
    connection.allow(2 * SHOWN_BYTES)
    with connection.ended_at(deadline):
        if but := obstacle(channel, deadline):
            return LoginAttempt(Answer.SILENT, f"none opens a session without a password, but {but}")
    words = "logged in without a password, by none, and a session channel opened"
    return LoginAttempt(Answer.SEEN, words, passwordless=True)


def _output(connection: SshConnection, command: str, deadline: float, most: int) -> Iterator[bytes]:
    """Run a command of who is logged in, and yield what it writes, `most` octets at most."""
    connection.allow(2 * most)
    channel = connection.transport.open_session(timeout=left(deadline))
    channel.exec_command(command)
    while most > 0:
        channel.settimeout(left(deadline))
        chunk = channel.recv(min(most, 32_768))
        if not chunk and not channel.eof_received and not channel.get_transport().is_active():
            raise EOFError("the connection ended before the command did")
        if not chunk:
            return
        most -= len(chunk)
        yield chunk
