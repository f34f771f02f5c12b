"""A CoAP client that asks one thing at a time (RFC 7252): sent again where nothing comes, block by block, all bounded.

It speaks over a channel: datagrams as they are, or DTLS (`dtls.py`).
"""

import secrets
import time
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from drivers.network.datagram import DatagramDoor
from drivers.network.iot.coap_message import (
    BLOCK2,
    CONTENT,
    CONTENT_FORMAT,
    METHODS,
    OBSERVE,
    CoapMessage,
    Type,
    parse,
    path_options,
)
from drivers.network.target import Target

ROUNDS = 3
ROUND_SECONDS = 0.6
"""An answer that is lost is asked for again after this; the standard's 2 s are for networks with other traffic."""
SEPARATE_SECONDS = 10.0
"""How long a separate answer may take once the request is acknowledged (clause 5.2.2)."""
BODY_LIMIT, BLOCKS = 65_536, 128
READ_LIMIT = 65_535
_DATAGRAMS = 64
"""Datagrams that are read while one answer is waited for."""


class ClosedError(Exception):
    """The port is closed by the device's word: ICMP port unreachable, or an alert."""


class Channel(Protocol):
    """What carries messages to a CoAP service."""

    def send(self, data: bytes) -> None:
        """Send one message; ClosedError by the device's word."""

    def receive(self, seconds: float) -> bytes | None:
        """Return the next message; None where none came in so many seconds. ClosedError by the device's word."""


class Datagrams:
    """A channel without security, over UDP. Use it in a `with` block.

    If the port is closed, a GET is sent to the group of CoAP as well. A request that changes something never is: it
    would change other devices.
    """

    def __init__(self, target: Target, port: int, *, to_group: bool = True) -> None:
        self._door = DatagramDoor(target, port)
        self._group = self._door.group if to_group and self._door.has_group else None
        self._last = b""

    def __enter__(self) -> "Datagrams":
        """Hold the socket."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._door.close()

    def send(self, data: bytes) -> None:
        """Send one datagram; an ICMP error to an earlier one takes its place."""
        self._last = data
        self._door.refused = False
        self._door.send(data)
        if self._door.refused:
            self._closed()

    def receive(self, seconds: float) -> bytes | None:
        """Return the next datagram."""
        if (came := next(self._door.hear(max(seconds, 0.001)), None)) is not None:
            return came
        if not self._door.refused:
            return None
        if self._group is None or self._last[1:2] != bytes([METHODS["GET"]]):
            self._closed()
        self._door.send_to_group(self._last)
        came = next(self._door.hear(self._group.leisure), None)
        if came is None:
            self._closed(f", and no answer to the same question at {self._door.where}")
        return came

    def _closed(self, more: str = "") -> NoReturn:
        raise ClosedError(f"ICMP port unreachable{more}")


@dataclass(frozen=True)
class CoapAnswer:
    """The result of a request: a response, or the reason why there is no response."""

    message: CoapMessage | None
    body: bytes = b""
    """The payload of all blocks."""
    refused: str = ""
    """The device's own word where it sent no response: a Reset, an ICMP error, an alert."""

    @property
    def ok(self) -> bool:
        """Whether a response of class 2 came."""
        return self.message is not None and self.message.ok

    @property
    def words(self) -> str:
        """The code of the response, or the reason why there is no response."""
        return self.message.words if self.message is not None else self.refused or "no answer"


@dataclass
class CoapClient:
    """Requests over one channel."""

    channel: Channel
    heard: bytearray = field(default_factory=bytearray)
    """The first datagrams that came, for the evidence."""
    _number: int = field(default_factory=lambda: secrets.randbelow(1 << 16))

    def request(
        self, method: str, path: str, payload: bytes = b"", *, observe: int | None = None, kind: bytes | None = None
    ) -> CoapAnswer:
        """Send one request and return the whole answer. `kind` is the Content-Format of the payload."""
        options = path_options(path)
        if observe is not None:
            options = (*options, (OBSERVE, observe.to_bytes(1, "big").lstrip(b"\0")))
        if kind is not None:
            options = (*options, (CONTENT_FORMAT, kind))
        answer = self._ask(METHODS[method], options, payload)
        return self._all_blocks(path, answer) if method == "GET" and answer.ok else answer

    def _all_blocks(self, path: str, first: CoapAnswer) -> CoapAnswer:
        body, answer = first.body, first
        for number in range(1, BLOCKS):
            block = answer.message.block if answer.message is not None else None
            if block is None or not block[1] or len(body) > BODY_LIMIT:
                break
            size = min(block[2], 6)
            wanted = (number << 4 | size).to_bytes(3, "big").lstrip(b"\0")
            answer = self._ask(METHODS["GET"], (*path_options(path), (BLOCK2, wanted)), b"")
            if answer.message is None or answer.message.code != CONTENT:
                break
            if answer.message.block is None or answer.message.block[0] != number:
                break
            body += answer.body
        return CoapAnswer(first.message, body[:BODY_LIMIT])

    def _ask(self, code: int, options: tuple[tuple[int, bytes], ...], payload: bytes) -> CoapAnswer:
        self._number = (self._number + 1) & 0xFFFF
        asked = CoapMessage(Type.CON, code, self._number, secrets.token_bytes(4), options, payload)
        try:
            for _ in range(ROUNDS):
                self.channel.send(asked.octets())
                answer = self._await(asked)
                if answer is not None:
                    return answer
        except ClosedError as error:
            return CoapAnswer(None, refused=str(error))
        return CoapAnswer(None)

    def _await(self, asked: CoapMessage) -> CoapAnswer | None:
        """Wait for the answer until the round is over, or longer where it is announced; then it is not asked again."""
        deadline = time.monotonic() + ROUND_SECONDS
        announced = None
        for _ in range(_DATAGRAMS):
            left = deadline - time.monotonic()
            data = self.channel.receive(left) if left > 0 else None
            if data is None:
                return announced
            self.heard += data[: max(0, READ_LIMIT - len(self.heard))]
            came = parse(data)
            if came is None:
                continue
            own = came.number == asked.number and came.type in (Type.ACK, Type.RST)
            if own and came.type is Type.RST:
                return CoapAnswer(None, refused="Reset")
            if own and came.code == 0:
                deadline = time.monotonic() + SEPARATE_SECONDS if announced is None else deadline
                announced = CoapAnswer(None)
            elif came.token == asked.token and came.code >> 5 in (2, 4, 5) and (own or came.type is not Type.ACK):
                if came.type is Type.CON:
                    self.channel.send(CoapMessage(Type.ACK, 0, came.number).octets())
                return CoapAnswer(came, came.payload)
        return announced
