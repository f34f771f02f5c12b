"""Where the door's sensor sends its readings: CoAP inside DTLS 1.2 with the key of its pairing (RFC 7252 clause 9).

Who asks without DTLS gets no answer, but from a planted device. What the messages look like is in `coap`.
"""

import threading
from collections import OrderedDict
from contextlib import suppress
from typing import Any

from OpenSSL import SSL, _util

from virtual_lab.reference.firmware.device import Device
from virtual_lab.reference.firmware.network import coap
from virtual_lab.reference.firmware.sensors import DOOR, MalformedReadingError

PORT = "udp/5684"
PATH = "sensors/door"
_DATAGRAM_OCTETS = 2_048
_MTU = 1_200
_SESSIONS = 16
"""Sessions that are held at once; a new one ends the one that was silent for the longest time."""
_PUT, _CHANGED, _BAD_REQUEST, _FORBIDDEN = 0x03, 0x44, 0x80, 0x83
_SUITES = b"PSK-AES128-CCM8:PSK-AES128-GCM-SHA256:@SECLEVEL=0"
_CLEAR = range(0x40, 0x80)
"""The first octets of a CoAP message; those of DTLS records are others (RFC 7983)."""
Peer = tuple[Any, ...]


class _Session:
    """One peer's session, and the name that it has shown to know the key of."""

    def __init__(self, context: SSL.Context) -> None:
        self.name = ""
        self.connection = SSL.Connection(context, None)
        self.connection.set_accept_state()
        self.connection.set_ciphertext_mtu(_MTU)


class SensorService:
    """Serves the device's own address, a session each peer."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._socket = device.ports.datagrams(PORT)
        self._sessions: OrderedDict[Peer, _Session] = OrderedDict()
        self._named = ""
        self._context, self._held = self._keyed()

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self._serve, name="sensors", daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                datagram, peer = self._socket.recvfrom(_DATAGRAM_OCTETS)
                if datagram[:1] and datagram[0] in _CLEAR:
                    self._in_clear(datagram, peer)
                else:
                    self._take(datagram, peer)
            except OSError:
                continue

    def _in_clear(self, datagram: bytes, peer: Peer) -> None:
        """A planted habit: a reading is taken outside DTLS as well."""
        if self._device.defects("unpaired_sensor_taken") and (answer := self.answer(datagram, DOOR)) is not None:
            self._socket.sendto(answer, peer)

    def _take(self, datagram: bytes, peer: Peer) -> None:
        session = self._sessions.get(peer) or self._new(peer)
        self._sessions.move_to_end(peer)
        connection, self._named = session.connection, session.name
        try:
            connection.bio_write(datagram)
            connection.do_handshake()
            session.name = self._named
            while True:
                if (answer := self.answer(connection.recv(_DATAGRAM_OCTETS), session.name)) is not None:
                    connection.send(answer)
        except SSL.WantReadError:
            session.name = self._named
            self._flush(connection, peer)
        except (SSL.Error, ValueError):
            self._flush(connection, peer)
            del self._sessions[peer]

    def _new(self, peer: Peer) -> _Session:
        while len(self._sessions) >= _SESSIONS:
            self._sessions.popitem(last=False)
        return self._sessions.setdefault(peer, _Session(self._context))

    def _flush(self, connection: SSL.Connection, peer: Peer) -> None:
        with suppress(SSL.Error):
            while True:
                self._socket.sendto(connection.bio_read(_DATAGRAM_OCTETS), peer)

    def answer(self, message: bytes, name: str) -> bytes | None:
        """Return the answer to a confirmable request of somebody; None to all else."""
        request = coap.Request.parse(message)
        if request is None:
            return None
        if name != DOOR or (request.code, request.path) != (_PUT, PATH):
            return request.answer(_FORBIDDEN)
        try:
            self._device.sensors.take(DOOR, request.payload)
        except MalformedReadingError:
            return request.answer(_BAD_REQUEST)
        return request.answer(_CHANGED)

    def _keyed(self) -> tuple[SSL.Context, object]:
        """Return a server's context, and the callback that has to live as long as it."""
        context = SSL.Context(SSL.DTLS_SERVER_METHOD)
        context.set_cipher_list(_SUITES)
        ffi: Any = _util.ffi

        @ffi.callback("unsigned int (*)(SSL *, const char *, unsigned char *, unsigned int)")  # type: ignore[untyped-decorator]
        def find(_ssl: Any, identity: Any, to: Any, room: int) -> int:
            self._named = ffi.string(identity).decode("latin-1")
            key = self._device.sensors.secret(self._named)
            if key is None or len(key) > room:
                return 0  # OpenSSL answers with an alert
            ffi.memmove(to, key, len(key))
            return len(key)

        # pyOpenSSL has no name of its own for this function of OpenSSL.
        _util.lib.SSL_CTX_set_psk_server_callback(context._context, find)
        return context, find
