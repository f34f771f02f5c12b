"""SSH as a door to log in at, and for one command of a known account; by paramiko.

A library serves healthy sessions only: where paramiko and a device find no common algorithm, the attempt is SILENT,
never REFUSED. Which algorithms a device offers is read in `ssh_kexinit.py`.
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import paramiko
from paramiko.auth_handler import AuthHandler

from drivers.credentials import LoginAttempt
from drivers.errors import BenchError
from drivers.network.target import Target, answer_of
from drivers.probe import Answer, printable

ATTEMPT_SECONDS = 10.0
COMMAND_SECONDS = 20.0
LOGIN_BYTES = 131_072
"""What a server may send during one login attempt: a KEXINIT has at most 35,000 bytes."""
OUTPUT_BYTES = 1_048_576
_CLOSE_SECONDS = 2.0

# What the device says is in the facts; paramiko's own log would repeat it, tracebacks included, on the terminal.
logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class SshDoor:
    """Password logins on an SSH server; `interface` is the declared service. Implements `drivers.credentials.Door`.

    `seconds` bounds one attempt from the TCP connection to the open channel.
    """

    target: Target
    port: int
    interface: str
    seconds: float = ATTEMPT_SECONDS

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in once: SEEN is USERAUTH_SUCCESS and a session channel, REFUSED the server's USERAUTH_FAILURE.

        A ban, a full server, an algorithm that we lack and a time-out are SILENT. Raises BenchError only where this
        machine cannot send.
        """
        deadline = time.monotonic() + self.seconds
        try:
            with self._transport(deadline) as transport:
                login = _Login(transport, user, password, deadline)
                if not login.accepted():
                    return login.refusal()
                transport.open_session(timeout=_left(deadline))
                return LoginAttempt(Answer.SEEN, f"logged in by {login.method}, and a session channel opened")
        except BenchError:
            raise
        except Exception as error:  # noqa: BLE001 - paramiko raises what its thread met: struct.error, ValueError ...
            return LoginAttempt(Answer.SILENT, printable(f"{type(error).__name__}: {error}", 500))

    def host_key(self) -> bytes | None:
        """Return the public host key of a completed key exchange as RFC 4253, 6.6 encodes it, or None without one."""
        try:
            with self._transport(time.monotonic() + self.seconds) as transport:
                return bytes(transport.get_remote_server_key().asbytes())
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
            with self._transport(deadline, 2 * OUTPUT_BYTES) as transport:
                login = _Login(transport, user, password, deadline)
                if not login.accepted():
                    raise BenchError(
                        f"{user} cannot log in to {self.interface}: {login.refusal().detail}.",
                        "Check the credentials of the bench file.",
                    )
                channel = transport.open_session(timeout=_left(deadline))
                channel.exec_command(command)
                return _read_output(channel, deadline)
        except BenchError:
            raise
        except Exception as error:
            words = printable(f"{type(error).__name__}: {error}", 300)
            raise BenchError(
                f"a command over {self.interface} did not finish ({words}).",
                "Try the same login by hand; the device may be busy or may have closed the port.",
            ) from error

    @contextlib.contextmanager
    def session(self, user: str, password: str) -> Iterator[paramiko.Channel]:
        """Yield a session channel of this account, on a connection of its own.

        Raises BenchError if the account cannot log in, else what paramiko met.
        """
        deadline = time.monotonic() + self.seconds
        with self._transport(deadline, OUTPUT_BYTES, bounded=False) as transport:
            login = _Login(transport, user, password, deadline)
            if not login.accepted():
                raise BenchError(
                    f"{user} cannot log in to {self.interface}: {login.refusal().detail}.",
                    "Check the credentials of the bench file.",
                )
            yield transport.open_session(timeout=_left(deadline))

    @contextlib.contextmanager
    def _transport(self, deadline: float, output: int = 0, *, bounded: bool = True) -> Iterator[paramiko.Transport]:
        """Yield a transport with the key exchange done, good for so much output; leave no socket and thread behind."""
        try:
            sock = _BoundedSocket(self.target.connect(self.port), LOGIN_BYTES)
        except OSError as error:
            answer_of(error)
            raise
        with sock:
            # Some of paramiko's waits have no bound (exec_command): at the deadline the connection ends under them.
            watchdog = threading.Timer(_left(deadline), sock.end)
            transport = paramiko.Transport(sock)
            transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = _left(deadline)
            watchdog.start()
            try:
                transport.start_client(timeout=_left(deadline))
                if not transport.initial_kex_done:
                    raise TimeoutError("no key exchange in time")
                sock.budget += output
                if not bounded:
                    watchdog.cancel()
                yield transport
            finally:
                watchdog.cancel()
                watchdog.join()
                sock.end()
                if transport.ident is not None:
                    transport.join(_CLOSE_SECONDS)
                transport.packetizer.complete_handshake()  # ends a timer that a failed handshake leaves running
                transport.close()


class _Login:
    """One login on a fresh transport: `password`, else `keyboard-interactive` with the password as every answer."""

    def __init__(self, transport: paramiko.Transport, user: str, password: str, deadline: float) -> None:
        self._transport = transport
        self._user = user
        self._password = password
        self._deadline = deadline
        self._handler = _AuthHandler(transport)
        self.method = ""

    def accepted(self) -> bool:
        """Whether the server let us in. Raises what the transport met if the server said neither yes nor no."""
        if self._try("password"):
            return True
        if "password" not in self._handler.offered and "keyboard-interactive" in self._handler.offered:
            return self._try("keyboard-interactive")
        return False

    def refusal(self) -> LoginAttempt:
        """Say in the server's words how it refused."""
        offered = printable(", ".join(self._handler.offered) or "nothing", 200)
        if self._handler.partial:
            return LoginAttempt(Answer.SILENT, f"{self.method} was taken, but the server asks for more: {offered}")
        if self.method not in self._handler.offered:
            return LoginAttempt(Answer.REFUSED, f"no login by password: the server offers {offered}")
        banner = f"; it says: {printable(self._handler.banner, 200)}" if self._handler.banner else ""
        return LoginAttempt(Answer.REFUSED, f"USERAUTH_FAILURE to {self.method}; the server offers {offered}{banner}")

    def _try(self, method: str) -> bool:
        self.method = method
        self._handler = handler = _AuthHandler(self._transport)
        done = threading.Event()
        self._transport.auth_handler = handler
        if method == "password":
            handler.auth_password(self._user, self._password, done)
        else:
            handler.auth_interactive(self._user, self._answers, done)
        if not done.wait(_left(self._deadline)):
            raise TimeoutError(f"no answer to {method} in time")
        if handler.is_authenticated():
            return True
        if not handler.refused:
            raise self._transport.get_exception() or EOFError(f"the connection ended without an answer to {method}")
        return False

    def _answers(self, _title: str, _instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        return [self._password for _ in prompts]


class _AuthHandler(AuthHandler):
    """Keeps apart what paramiko reports as one AuthenticationException: the server's refusal, and its silence."""

    def __init__(self, transport: paramiko.Transport) -> None:
        super().__init__(transport)
        self.refused = False
        self.partial = False
        self.offered: tuple[str, ...] = ()

    def _parse_userauth_failure(self, m: paramiko.Message) -> None:
        copy = paramiko.Message(m.asbytes())
        self.offered = tuple(name for name in copy.get_list() if name)
        self.partial = copy.get_boolean()
        self.refused = True
        super()._parse_userauth_failure(m)  # type: ignore[misc]


class _BoundedSocket(socket.socket):
    """A socket that ends after so many received bytes: paramiko reads an endless banner into memory."""

    def __init__(self, sock: socket.socket, budget: int) -> None:
        super().__init__(sock.family, sock.type, sock.proto, sock.detach())
        self.budget = budget

    def end(self) -> None:
        """End both directions, which wakes whoever waits on this socket."""
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        self.budget -= len(data)
        if self.budget < 0:
            raise EOFError("the server sent more than one login needs")
        return data


def _read_output(channel: paramiko.Channel, deadline: float) -> bytes:
    output = b""
    while len(output) < OUTPUT_BYTES:
        channel.settimeout(_left(deadline))
        chunk = channel.recv(32_768)
        if not chunk and not channel.eof_received and not channel.get_transport().is_active():
            raise EOFError("the connection ended before the command did")
        if not chunk:
            break
        output += chunk
    return output[:OUTPUT_BYTES]


def _left(deadline: float) -> float:
    """Return the seconds that are left; raises TimeoutError when none are."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no time left")
    return left
