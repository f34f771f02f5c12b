"""How a malformed message is delivered: over TCP, inside TLS or as a datagram, and what came back at once.

A message is written whole, its reaction is awaited for a moment, and the connection is then closed in good order: a
reset would let the device's network stack drop what its service has not read yet.
"""

import socket
import ssl
import time
from dataclasses import dataclass

from drivers.network.lenient_tls import lenient_context
from drivers.network.malformed.messages.message import DeliveryWay
from drivers.network.target import Target, answer_of
from trustprobe.probe import Answer

WRITE_SECONDS = 2.0
QUIET_SECONDS = 0.03
"""How long a reaction is awaited before our side of the connection is closed, and again after that."""
REACTION_SECONDS = 1.0
"""How long a device is heard that goes on talking."""
READ_LIMIT = 4_096


@dataclass(frozen=True)
class Reaction:
    """What the device did at once. `carried` says whether the message got as far as it was meant to."""

    carried: bool
    heard: bytes
    words: str


def deliver(target: Target, port: int, way: DeliveryWay, data: bytes) -> Reaction:
    """Send one message and hear the reaction. Raises BenchError where this machine cannot send."""
    if way is DeliveryWay.UDP:
        return _datagram(target, port, data)
    try:
        plain = target.connect(port)
    except OSError as error:
        return Reaction(False, b"", f"no connection: {answer_of(error)}")
    with plain:
        plain.settimeout(WRITE_SECONDS)
        if way is DeliveryWay.TCP:
            return _stream(plain, data)
        try:
            with lenient_context().wrap_socket(plain, do_handshake_on_connect=False, server_hostname=None) as inside:
                inside.do_handshake()
                return _stream(inside, data)
        except (OSError, ValueError) as error:
            return Reaction(False, b"", f"no TLS session: {type(error).__name__}")


def _datagram(target: Target, port: int, data: bytes) -> Reaction:
    """Send a datagram; what it is answered is heard by the next question, whose answer comes after it."""
    with target.datagram(port) as sock:
        try:
            sock.send(data[:65_507])
        except OSError as error:
            return Reaction(answer_of(error) is Answer.REFUSED, b"", f"not sent: {type(error).__name__}")
    return Reaction(True, b"", "sent")


def _stream(sock: socket.socket, data: bytes) -> Reaction:
    try:
        sock.sendall(data)
    except OSError as error:
        # It may have answered and closed before it had read all of it.
        reaction = _heard(sock)
        return Reaction(
            True,
            reaction.heard,
            f"the device closed the connection while it was sent ({type(error).__name__}); {reaction.words}",
        )
    reaction = _heard(sock)
    if reaction.words != "silent":
        return reaction
    try:
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        return reaction
    return _heard(sock)


def _heard(sock: socket.socket) -> Reaction:
    heard, end = b"", time.monotonic() + REACTION_SECONDS
    while len(heard) < READ_LIMIT and time.monotonic() < end:
        sock.settimeout(QUIET_SECONDS)
        try:
            piece = sock.recv(READ_LIMIT - len(heard))
        except (TimeoutError, ssl.SSLWantReadError):
            return Reaction(True, heard, "answered" if heard else "silent")
        except OSError as error:
            return Reaction(True, heard, f"closed: {type(error).__name__}")
        if not piece:
            return Reaction(True, heard, "answered and closed" if heard else "closed")
        heard += piece
    return Reaction(True, heard, "answered")
