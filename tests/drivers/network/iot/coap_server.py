"""A CoAP service for the tests, over datagrams or inside DTLS with a pre-shared key; its habits are fields."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from OpenSSL import SSL, _util

from drivers.network.iot.coap import Datagrams
from drivers.network.iot.coap_message import BLOCK2, OBSERVE, URI_PATH, CoapMessage, Type, parse

Say = Callable[[bytes], object]
BRIEF = 0.04
"""Seconds that are enough where no answer is to come."""


class BriefDatagrams(Datagrams):
    """A channel without security to a port that answers inside DTLS alone: nothing is to come, however long."""

    def receive(self, seconds: float) -> bytes | None:
        return super().receive(min(seconds, BRIEF))


def brief_where(mute: Callable[[CoapMessage], bool]) -> type[Datagrams]:
    """Return a channel to a service that is `mute` to some requests: only to those is nothing to come."""

    class BriefWhereMute(Datagrams):
        def receive(self, seconds: float) -> bytes | None:
            asked = parse(self._last)
            assert asked is not None
            return super().receive(min(seconds, BRIEF) if mute(asked) else seconds)

    return BriefWhereMute


@dataclass
class Service:
    """Its resources by path, those among them that are closed, and what it does otherwise than it should."""

    resources: dict[str, bytes] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    refusal: int = 0x81
    core: bytes | None = None
    """The listing; by default that of all resources."""
    separate: bool = False
    """Answers come after an acknowledgement, as messages of their own."""
    mute: bool = False
    lost: int = 0
    """Requests that get no answer before others do."""
    resets: bool = False
    block: int | None = None
    """Size exponent of the blocks that long answers come in."""
    endless: bool = False
    """Every block says that another one follows."""
    written: dict[str, bytes] = field(default_factory=dict)
    observers: int = 0
    identity: str = ""
    """Who asks, inside DTLS."""
    only_for: dict[str, str] = field(default_factory=dict)
    """The identity that a resource is for."""

    def __call__(self, data: bytes, say: Say) -> None:
        request = parse(data)
        if request is None or self.mute or request.code == 0:
            return
        if self.lost:
            self.lost -= 1
            return
        if self.resets:
            say(CoapMessage(Type.RST, 0, request.number).octets())
            return
        code, options, payload = self.answer(request)
        if self.separate:
            say(CoapMessage(Type.ACK, 0, request.number).octets())
            say(CoapMessage(Type.CON, code, 7, request.token, options, payload).octets())
        else:
            say(CoapMessage(Type.ACK, code, request.number, request.token, options, payload).octets())

    def answer(self, request: CoapMessage) -> tuple[int, tuple[tuple[int, bytes], ...], bytes]:
        path = "/" + "/".join(value.decode() for number, value in request.options if number == URI_PATH)
        if path == "/.well-known/core":
            listing = ",".join(f'<{name}>;rt="x,y";if="<z>"' for name in self.resources).encode()
            return self.blocks(request, listing if self.core is None else self.core)
        if path not in self.resources:
            return 0x84, (), b""
        if path in self.closed or self.only_for.get(path, self.identity) != self.identity:
            return self.refusal, (), b""
        if request.code != 1:
            self.written[path] = request.payload
            return 0x44, (), b""
        if (observe := request.option(OBSERVE)) is not None:
            self.observers += 1 if observe == b"" else -1
        return self.blocks(request, self.resources[path])

    def blocks(self, request: CoapMessage, body: bytes) -> tuple[int, tuple[tuple[int, bytes], ...], bytes]:
        if self.block is None:
            return 0x45, (), body
        size = 16 << self.block
        number = request.block[0] if request.block else 0
        more = self.endless or len(body) > size * (number + 1)
        value = (number << 4 | more << 3 | self.block).to_bytes(3, "big").lstrip(b"\0")
        start = 0 if self.endless else size * number
        return 0x45, ((BLOCK2, value),), body[start : start + size]


@contextlib.contextmanager
def dtls_server(service: Service, keys: dict[str, bytes]) -> Iterator[int]:
    """Serve one client after another inside DTLS 1.2 with pre-shared keys; yields the port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    stop = b"stop the test server"
    thread = threading.Thread(target=_serve, args=(sock, service, keys, stop), daemon=True)
    thread.start()
    yield sock.getsockname()[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopper:
        stopper.sendto(stop, sock.getsockname())
    thread.join(10)
    sock.close()


def _serve(sock: socket.socket, service: Service, keys: dict[str, bytes], stop: bytes) -> None:
    sessions: dict[Any, SSL.Connection] = {}
    ffi: Any = _util.ffi
    named: dict[Any, str] = {}
    current: list[Any] = [None]

    @ffi.callback("unsigned int (*)(SSL *, const char *, unsigned char *, unsigned int)")  # type: ignore[untyped-decorator]
    def find(_ssl: Any, identity: Any, to: Any, room: int) -> int:
        name = ffi.string(identity).decode()
        key = keys.get(name, b"")
        ffi.memmove(to, key, len(key))
        named[current[0]] = name
        return len(key)

    context = SSL.Context(SSL.DTLS_SERVER_METHOD)
    context.set_cipher_list(b"PSK-AES128-CCM8:@SECLEVEL=0")
    _util.lib.SSL_CTX_set_psk_server_callback(context._context, find)
    while True:
        data, peer = sock.recvfrom(65_535)
        if data == stop:
            return
        current[0] = peer
        if peer not in sessions:
            sessions[peer] = SSL.Connection(context, None)
            sessions[peer].set_accept_state()
            sessions[peer].set_ciphertext_mtu(1_200)
        _take(sock, peer, sessions[peer], data, service, named)


def _take(
    sock: socket.socket, peer: Any, session: SSL.Connection, data: bytes, service: Service, named: dict[Any, str]
) -> None:
    session.bio_write(data)
    with contextlib.suppress(SSL.Error):
        session.do_handshake()
        while True:
            request = session.recv(65_535)
            service.identity = named.get(peer, "")
            service(request, session.send)
    with contextlib.suppress(SSL.Error):
        while True:
            sock.sendto(session.bio_read(65_535), peer)
