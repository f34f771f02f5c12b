"""A Modbus client: connections over TCP or inside TLS, and sessions that outlive a connection.

What an answer means for access is said in `modbus.py`.
"""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from drivers.network.bounded import ends_after
from drivers.network.iot.modbus_message import HEADER, ModbusReply, ModbusReplyKind, reply_to, request, size_of
from drivers.network.lenient_tls import lenient_context
from drivers.network.peer_certificate import ClientCertificate
from drivers.network.target import Target, answer_of
from trustprobe.probe import Answer, printable

SECONDS = 2.0
"""How long one answer may take; small devices poll a serial line for it."""
PORT_SECONDS = 15.0
"""How long one connection is held at most."""
_MESSAGES = 8
"""Messages that are read while the answer to a request is waited for."""
_SHOWN = 200


class NoModbusError(Exception):
    """No Modbus came about: REFUSED for an RST or a TLS alert, SILENT for all that proves nothing."""

    def __init__(self, answer: Answer, detail: str, *, connected: bool = True) -> None:
        super().__init__(detail)
        self.answer, self.detail = answer, printable(detail, _SHOWN)
        self.connected = connected


@dataclass
class ModbusClient:
    """One connection to a Modbus server."""

    sock: socket.socket
    _number: int = field(default=0x7470, init=False)

    def ask(self, unit: int, pdu: bytes) -> ModbusReply:
        """Send a request and return its answer; NoModbusError where none comes."""
        self._number = (self._number + 1) & 0xFFFF
        deadline = time.monotonic() + SECONDS
        try:
            self.sock.settimeout(SECONDS)
            self.sock.sendall(request(self._number, unit, pdu))
            for _ in range(_MESSAGES):
                reply = reply_to(self._number, unit, pdu, self._message(deadline))
                if reply is not None:
                    return reply
        except OSError as error:
            raise _no_modbus(error) from error
        raise NoModbusError(Answer.SILENT, "answers arrive, but none to the request")

    def _message(self, deadline: float) -> bytes:
        head = self._take(HEADER, deadline)
        size = size_of(head)
        if size is None:
            raise NoModbusError(Answer.SILENT, f"something other than Modbus answers: {printable(head)}")
        return head + self._take(size - HEADER, deadline)

    def _take(self, size: int, deadline: float) -> bytes:
        data = b""
        while len(data) < size:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("time was up")
            self.sock.settimeout(left)
            more = self.sock.recv(size - len(data))
            if not more:
                raise NoModbusError(
                    Answer.SILENT, f"the device closed the connection {'within' if data else 'without'} an answer"
                )
            data += more
        return data


def _no_modbus(error: OSError) -> NoModbusError:
    if isinstance(error, ssl.SSLError):
        alert = "ALERT" in (error.reason or "")
        return NoModbusError(Answer.REFUSED if alert else Answer.SILENT, f"TLS: {error.reason or error}")
    if isinstance(error, TimeoutError):
        return NoModbusError(Answer.SILENT, f"no answer within {SECONDS:g} s")
    return NoModbusError(answer_of(error), f"{type(error).__name__}: {error}")


@contextmanager
def connected(target: Target, port: int, own: ClientCertificate | None = None, *, tls: bool) -> Iterator[ModbusClient]:
    """Connect, with a client certificate where there is one; NoModbusError where no connection comes about."""
    try:
        plain = target.connect(port, SECONDS)
    except OSError as error:
        answer = answer_of(error)
        word = "connection refused" if answer is Answer.REFUSED else "no answer to connect()"
        raise NoModbusError(answer, word, connected=False) from error
    with plain, ends_after(plain, PORT_SECONDS):
        if not tls:
            yield ModbusClient(plain)
            return
        context = lenient_context()
        if own is not None:
            own.load(context)
        try:
            stream = context.wrap_socket(plain)
        except OSError as error:
            raise _no_modbus(error) from error
        with stream:
            yield ModbusClient(stream)


@dataclass
class ModbusSession:
    """Requests of an anonymous client. A request that gets no answer does not decide about the next one.

    After such a request, the next one is sent over a new connection. Use it in a `with` block, which opens the first
    connection: NoModbusError if that one fails, and also if TLS refuses the client with an alert.
    """

    target: Target
    port: int
    tls: bool
    is_answered: bool = False
    """Whether any request got an answer."""
    is_timed_out: bool = False
    """Whether any request got no answer and no RST."""
    _client: ModbusClient | None = field(default=None, init=False)
    _held: ExitStack = field(default_factory=ExitStack, init=False)

    def __enter__(self) -> "ModbusSession":
        """Open the first connection."""
        self._connect()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.renew()

    def renew(self) -> None:
        """Send the next request over a new connection."""
        self._held.close()
        self._client = None

    def ask(self, unit: int, pdu: bytes) -> ModbusReply:
        """Send a request. The reply says so if there is no answer."""
        try:
            reply = (self._client or self._connect()).ask(unit, pdu)
        except NoModbusError as error:
            self.renew()
            if isinstance(error.__cause__, ssl.SSLError) and error.answer is Answer.REFUSED and not self.is_answered:
                raise  # an alert is about the client, and not about this request
            is_reset = error.connected and error.answer is Answer.REFUSED
            self.is_timed_out |= not is_reset
            return ModbusReply(ModbusReplyKind.NOTHING, reason=error.detail, is_reset=is_reset)
        self.is_answered = True
        return reply

    def _connect(self) -> ModbusClient:
        self._client = self._held.enter_context(connected(self.target, self.port, tls=self.tls))
        return self._client
