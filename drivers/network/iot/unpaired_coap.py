"""Messages of a component over CoAP (RFC 7252), inside DTLS with the key that it was paired with, or another one."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from drivers.network.iot.coap import Channel, CoapClient, Datagrams
from drivers.network.iot.coap_access import outcome_of
from drivers.network.iot.dtls import Dtls, NoDtlsError, PreSharedKey
from drivers.network.iot.unpaired import MessageReply, Polled, Stranger, UnreadableError, alike
from drivers.network.target import Target

_FORMATS = {
    "text/plain": 0,
    "application/octet-stream": 42,
    "application/json": 50,
    "application/cbor": 60,
    "application/senml+json": 110,
}
"""Content-Formats of IANA's registry (RFC 7252 clause 12.3)."""
Door = Callable[[], AbstractContextManager[Channel]]


@dataclass(frozen=True)
class CoapPeer:
    """A CoAP service, and the key of somebody there; without one, datagrams without security."""

    target: Target
    port: int
    key: PreSharedKey | None

    def channel(self) -> AbstractContextManager[Channel]:
        """Return the way in."""
        return Datagrams(self.target, self.port) if self.key is None else Dtls(self.target, self.port, self.key)


@dataclass(frozen=True)
class CoapTalker:
    """Writes a resource. A key that is known and does not fit often meets silence in DTLS, an unknown one an alert."""

    peer: CoapPeer
    method: str
    path: str
    content_type: str

    def paired(self, payload: bytes) -> MessageReply:
        """Send as the component."""
        return self._say(self.peer.channel, payload)

    def strangers(self, folder: Path) -> tuple[Stranger, ...]:
        """Return who knows no key, a made-up one, or the component's name alone."""
        target, port, key = self.peer.target, self.peer.port, self.peer.key
        doors: dict[str, Door] = {"without security": partial(Datagrams, target, port)}
        if key is not None:
            made_up = PreSharedKey(alike(key.identity), secrets.token_bytes(len(key.key)))
            named = PreSharedKey(key.identity, secrets.token_bytes(len(key.key)))
            doors["DTLS without a credential"] = partial(Dtls, target, port, None)
            doors["DTLS with a made-up identity and key"] = partial(Dtls, target, port, made_up)
            doors["DTLS with the paired identity and another key"] = partial(Dtls, target, port, named)
        return tuple(Stranger(label, partial(self._say, door)) for label, door in doors.items())

    def _say(self, door: Door, payload: bytes) -> MessageReply:
        number = _FORMATS.get(self.content_type)
        kind = None if number is None else number.to_bytes(1, "big").lstrip(b"\0")
        try:
            with door() as channel:
                answer = CoapClient(channel).request(self.method, self.path, payload, kind=kind)
        except NoDtlsError as error:
            return MessageReply(error.answer, error.detail)
        return MessageReply(*outcome_of(answer))


@dataclass(frozen=True)
class CoapWindow:
    """A resource that somebody may read."""

    peer: CoapPeer
    path: str
    reader: str

    @property
    def name(self) -> str:
        """Its name in observations."""
        return f"GET {self.path} of {self.reader}"

    def close(self) -> None:
        """Hold nothing: each look has a session of its own."""

    @contextmanager
    def watch(self) -> Iterator[Polled]:
        """Look from now on."""
        yield Polled(self._read)

    def _read(self) -> bytes:
        try:
            with self.peer.channel() as channel:
                answer = CoapClient(channel).request("GET", self.path)
        except NoDtlsError as error:
            raise UnreadableError(f"{self.reader} cannot open a DTLS session: {error.detail}") from error
        if not answer.ok:
            raise UnreadableError(f"{self.name} -> {answer.words}")
        return answer.body
