"""One SSH connection by paramiko: the key exchange, logins one after the other, and its end. Bounded in time and bytes.

What an attempt means for a guess is said in `ssh.py`. A connection serves the logins of one user: OpenSSH and dropbear
end it where another name comes (RFC 4252, 5).
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator

import paramiko
from paramiko.auth_handler import AuthHandler

from drivers.guessing.attempt import LoginAttempt
from drivers.network.bounded import acknowledge
from drivers.network.logins.telnet_login import ESCAPE
from drivers.network.target import Target, answer_of
from drivers.prompts import prompt_in
from trustprobe.probe import Answer, printable

LOGIN_BYTES = 131_072
"""What a server may send for one login: a KEXINIT has at most 35,000 bytes."""
SHOWN_BYTES = 65_536
"""How much of a session is read that opened without a password."""
QUIET = 0.5
"""Seconds without a further octet, after which the last line of a session counts as a prompt."""
_CLOSE_SECONDS = 2.0
_SHOWN = 160

# What the device says is in the facts; paramiko's own log would repeat it, tracebacks included, on the terminal.
logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)


class SshConnection:
    """An SSH connection after its key exchange. Raises what paramiko met: struct.error, ValueError, EOFError ..."""

    def __init__(self, target: Target, port: int, deadline: float) -> None:
        """Connect, and exchange keys until `deadline`. BenchError where this machine cannot send."""
        try:
            self._sock = _BoundedSocket(target.connect(port), LOGIN_BYTES)
        except OSError as error:
            answer_of(error)
            raise
        self.refusals = 0
        """How often this connection was refused, the method `none` included."""
        self.user: str | None = None
        self._method = "password"
        self._banner = ""
        try:
            # NEWKEYS and the first request are two small packets: the second would wait for the delayed ACK of one.
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.transport = _Transport(self._sock)
            self._exchange_keys(deadline)
        except BaseException:
            self.close()
            raise

    def _exchange_keys(self, deadline: float) -> None:
        transport = self.transport
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = left(deadline)
        transport.start_client(timeout=left(deadline))
        if not transport.initial_kex_done:
            raise TimeoutError("no key exchange in time")

    @property
    def is_open(self) -> bool:
        """Whether the server has not ended the connection, as far as is known here."""
        return self.transport.is_active()

    @contextlib.contextmanager
    def ended_at(self, deadline: float) -> Iterator[None]:
        """End the connection at the deadline under those of paramiko's waits that have no bound."""
        watchdog = threading.Timer(left(deadline), self._sock.end)
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()
            watchdog.join()

    def allow(self, octets: int) -> None:
        """Let the server send so much more."""
        self._sock.budget += octets

    def lets_in_without_a_password(self, user: str, deadline: float) -> bool:
        """Ask for the method `none` (RFC 4252, 5.2): whether this user needs no password at all.

        Servers with accounts without a password let them in so, and may refuse the empty password. Raises where the
        server said neither.
        """
        self.user = user
        return not self._try(user, "", "none", deadline).refused

    def login(self, user: str, password: str, deadline: float) -> LoginAttempt | str:
        """Try `password`, else `keyboard-interactive` with the password as every answer.

        Returns the method that let us in, or how the server refused; raises where it said neither.
        """
        self.user = user
        handler = self._try(user, password, self._method, deadline)
        # After a partial success keyboard-interactive asks for something else: the password was right.
        is_refused = handler.refused and not handler.partial
        asks = is_refused and "password" not in handler.offered and "keyboard-interactive" in handler.offered
        if asks and self._method == "password":
            self._method = "keyboard-interactive"
            handler = self._try(user, password, self._method, deadline)
        return self._refusal(handler) if handler.refused else self._method

    def _try(self, user: str, password: str, method: str, deadline: float) -> "_AuthHandler":
        self._sock.budget = max(self._sock.budget, LOGIN_BYTES)
        handler, done = _AuthHandler(self.transport, service_accepted=self.refusals > 0), threading.Event()
        self.transport.auth_handler = handler
        if method == "none":
            handler.auth_none(user, done)
        elif method == "password":
            handler.auth_password(user, password, done)
        else:
            handler.auth_interactive(user, lambda title, words, prompts: [password for _ in prompts], done)
        # Where the connection ended before it knew of this handler, nobody sets the event.
        if self.transport.is_active() and not done.wait(left(deadline)):
            raise TimeoutError(f"no answer to {method} in time")
        if handler.refused:
            self.refusals += 1
            self._banner = printable(handler.banner, 200) if handler.banner else self._banner
        elif not handler.is_authenticated():
            raise self.transport.get_exception() or EOFError(f"the connection ended without an answer to {method}")
        return handler

    def _refusal(self, handler: "_AuthHandler") -> LoginAttempt:
        """Say in the server's words how it refused."""
        offered = printable(", ".join(handler.offered) or "nothing", 200)
        if handler.partial:
            return LoginAttempt(Answer.SILENT, f"{self._method} was accepted, but the server requires more: {offered}")
        if self._method == "keyboard-interactive" and "password" in handler.offered:
            self._method = "password"
            return LoginAttempt(
                Answer.SILENT, f"keyboard-interactive was refused, but the server offers password: {offered}"
            )
        if self._method not in handler.offered:
            return LoginAttempt(Answer.REFUSED, f"no login by password, because the server offers {offered}")
        banner = f". Its banner is: {self._banner}" if self._banner else ""
        return LoginAttempt(Answer.REFUSED, f"USERAUTH_FAILURE to {self._method}; the server offers {offered}{banner}")

    def close(self) -> None:
        """End it, with its socket and thread."""
        self._sock.end()
        transport = getattr(self, "transport", None)
        if transport is not None:
            if transport.ident is not None:
                transport.join(_CLOSE_SECONDS)
            transport.packetizer.complete_handshake()  # ends a timer that a failed handshake leaves running
            transport.close()
        self._sock.close()


class _Transport(paramiko.Transport):
    """Prefers the key exchange that costs both ends least: no secret but a guess is in its keeping."""

    _preferred_kex = tuple(
        sorted(paramiko.Transport._preferred_kex, key=lambda name: not name.startswith("curve25519"))  # type: ignore[attr-defined]
    )


class _AuthHandler(AuthHandler):
    """Keeps apart what paramiko reports as one AuthenticationException: the server's refusal, and its silence."""

    def __init__(self, transport: paramiko.Transport, *, service_accepted: bool) -> None:
        super().__init__(transport)
        self._service_accepted = service_accepted
        self.refused = False
        self.partial = False
        self.offered: tuple[str, ...] = ()

    def _request_auth(self) -> None:
        """Ask for the service of logins once a connection, not before each of them."""
        if not self._service_accepted:
            super()._request_auth()  # type: ignore[misc]
            return
        accepted = paramiko.Message()
        accepted.add_string("ssh-userauth")
        accepted.rewind()
        self._parse_service_accept(accepted)  # type: ignore[attr-defined]

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
        """End both directions, which wakes the thread that waits on this socket."""
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        acknowledge(self)
        self.budget -= len(data)
        if self.budget < 0:
            raise EOFError("the server sent more data than a login needs")
        return data


def left(deadline: float) -> float:
    """Return the seconds that are left; raises TimeoutError when none are."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("no time left")
    return seconds


def obstacle(channel: paramiko.Channel, deadline: float) -> str:
    """Ask for a shell, and return why the session is no login: a prompt for one, or nothing at all. Else empty.

    Switches and controllers let everybody in by `none`, and then show `User:` as Telnet does.
    A session without a shell is one: the server let the user in, and some accounts have none.
    """
    try:
        channel.get_pty()
        channel.invoke_shell()
    except paramiko.SSHException:
        if not channel.get_transport().is_active():
            raise EOFError("the connection ended when a shell was asked for") from None
        # the channel is closed, and what it showed before is still to be read
    text, read, silent = "", 0, False
    while read < SHOWN_BYTES:
        left = deadline - time.monotonic()
        channel.settimeout(max(0.01, min(left, QUIET) if prompt_in(text) else left))
        try:
            data = channel.recv(4_096)
        except TimeoutError:
            data, silent = b"", True
        if not data:
            break
        read += len(data)
        text = ESCAPE.sub("", text + data.decode("utf-8", "replace"))[-8 * _SHOWN :]
    found = prompt_in(text)
    if found is not None and not found.opens:
        return f"the session asks for a login: {printable(found.text, _SHOWN)}"
    return "the session shows nothing" if silent and not text.strip() else ""
