"""An MQTT session that is held open: to publish, and to hear what others publish.

The packets are in `mqtt_packets.py`; one session subscribes once and publishes once.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from drivers.guessing.attempt import LoginAttempt
from drivers.network.bounded import ends_after
from drivers.network.lenient_tls import lenient_context
from drivers.network.logins.mqtt import Broker, told
from drivers.network.logins.mqtt_packets import V5, V311, acknowledged, answers, connect, messages, publish, subscribe
from drivers.network.peer_certificate import ClientCertificate
from drivers.network.target import Target, answer_of
from trustprobe.probe import Answer, printable

SECONDS = 3.0
"""How long a broker may take to answer."""
SESSION_SECONDS = 60.0
READ_LIMIT = 262_144
"""Octets that are read of one session."""
_WRONG_VERSION = {1, 0x84}


@dataclass(frozen=True)
class Who:
    """Who opens a session: a user with a password, or nobody; with a client certificate where there is one."""

    user: str | None = None
    password: str = field(default="", repr=False)
    certificate: ClientCertificate | None = None


NOBODY = Who()


class NoSessionError(Exception):
    """No session came about; `attempt` says how it ended."""

    def __init__(self, attempt: LoginAttempt) -> None:
        super().__init__(attempt.detail)
        self.attempt = attempt


@dataclass
class MqttSession:
    """A session that a broker has accepted; everything that came in it is kept, up to READ_LIMIT."""

    sock: socket.socket
    level: int
    heard: bytes = b""
    lost: OSError | None = None
    """What ended the connection: in TLS 1.3, the alert to a client certificate comes after the handshake."""
    over: bool = False
    """Whether nothing more can come: the connection has ended, or too much came."""

    def say(self, packet: bytes) -> None:
        """Send a packet; a connection that is gone is told by what is heard."""
        with suppress(OSError):
            self.sock.sendall(packet)

    def until(self, enough: Callable[[bytes], bool], seconds: float) -> bool:
        """Read until what was heard is enough; False where the time, the limit or the connection ended before."""
        deadline = time.monotonic() + seconds
        while not enough(self.heard):
            left = deadline - time.monotonic()
            self.over |= len(self.heard) > READ_LIMIT
            if left <= 0 or self.over:
                return False
            try:
                self.sock.settimeout(left)
                more = self.sock.recv(4_096)
            except OSError as error:
                self.lost = error
                self.over |= not isinstance(error, TimeoutError)
                return False
            if not more:
                self.over = True
                return False
            self.heard += more
        return True

    def subscribe(self, topic: str) -> bool | None:
        """Subscribe, and return whether the broker granted it; None where it says nothing."""
        self.say(subscribe(self.level, topic))
        self.until(lambda heard: answers(heard, self.level).subscribed is not None, SECONDS)
        return answers(self.heard, self.level).subscribed

    def publish(self, topic: str, message: bytes) -> int | None:
        """Publish, and return the code of the PUBACK; None where none comes."""
        self.say(publish(self.level, topic, message))
        self.until(lambda heard: acknowledged(heard, self.level) is not None, SECONDS)
        return acknowledged(self.heard, self.level)

    def hears(self, message: bytes, seconds: float) -> bool:
        """Whether a message with this content is delivered."""
        return self.until(lambda heard: any(message == body for _, body in messages(heard, self.level)), seconds)


@contextmanager
def session(target: Target, broker: Broker, who: Who, first: int = V5) -> Iterator[MqttSession]:
    """Open a session, in 5 and where a broker wants it in 3.1.1; NoSessionError where none comes about."""
    try:
        plain = target.connect(broker.port, SECONDS)
    except OSError as error:
        answer = answer_of(error)
        words = "connection refused" if answer is Answer.REFUSED else "no answer to connect()"
        raise NoSessionError(LoginAttempt(answer, words, connected=False)) from error
    with plain, ends_after(plain, SESSION_SECONDS):
        sock = plain
        if broker.tls:
            context = lenient_context(who.certificate)
            try:
                sock = context.wrap_socket(plain)
            except OSError as error:
                raise NoSessionError(_no_tls(error)) from error
        with sock:
            opened = MqttSession(sock, first)
            opened.say(connect(first, who.user, who.password))
            came = opened.until(lambda heard: answers(heard, first).code is not None, SECONDS)
            code = answers(opened.heard, first).code
            if code == 0:
                yield opened
                with suppress(OSError):
                    sock.sendall(b"\xe0\0")  # DISCONNECT
                return
    if isinstance(opened.lost, ssl.SSLError) and (told_why := _no_tls(opened.lost)).answer is Answer.REFUSED:
        raise NoSessionError(told_why)
    if first == V5 and (code in _WRONG_VERSION or not came):
        with session(target, broker, who, V311) as older:
            yield older
        return
    heard = printable(opened.heard, 80) or "nothing"
    raise NoSessionError(
        told(code) if code is not None else LoginAttempt(Answer.SILENT, f"no CONNACK arrived: {heard}")
    )


def _no_tls(error: OSError) -> LoginAttempt:
    words = str(getattr(error, "reason", None) or error)
    refused = isinstance(error, ssl.SSLError) and "ALERT" in words.upper()
    return LoginAttempt(Answer.REFUSED if refused else Answer.SILENT, f"TLS: {printable(words, 120)}")
