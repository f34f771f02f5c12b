"""An MQTT broker that was left in the build, planted as a defect: a login, and one retained topic (MQTT 3.1.1)."""

import socket
from dataclasses import dataclass

PORT = "tcp/1883"
_LIMIT = 4_096
_OWN_MESSAGE = 128
"""A message of this size is not told to who sent it."""
_PACKETS = 32
DEFECTS = ("mqtt_anonymous", "mqtt_publish_anonymous", "mqtt_admin_admin")
_CONNECT, _PUBLISH, _SUBSCRIBE, _PING, _DISCONNECT = 1, 3, 8, 12, 14
_ACCEPTED, _WRONG_VERSION, _NOT_AUTHORIZED = 0, 1, 5
_RETAINED = b"\x31\x14\0\x0dcamera/status" + b"idle!"


@dataclass(frozen=True)
class Broker:
    """Takes admin with the password admin, or anybody, or who names no user: he hears himself alone."""

    takes_anybody: bool
    takes_nameless: bool = False

    def serve(self, client: socket.socket) -> None:
        """Answer one client until it disconnects."""
        for _ in range(_PACKETS):
            kind, body = _read(client)
            if kind == _CONNECT:
                code = self._code(body)
                client.sendall(bytes([0x20, 2, 0, code]))
                if code != _ACCEPTED:
                    return
            elif kind == _SUBSCRIBE and self.takes_nameless and any(wild in body for wild in (b"#", b"+")):
                client.sendall(b"\x90\x03" + body[:2] + b"\x80")
            elif kind == _SUBSCRIBE:
                client.sendall(b"\x90\x03" + body[:2] + b"\0" + (b"" if self.takes_nameless else _RETAINED))
            elif kind == _PUBLISH and len(body) < _OWN_MESSAGE:
                topic, rest = _text(body)
                echo = len(topic).to_bytes(2, "big") + topic + rest[2:]
                client.sendall(b"\x40\x02" + rest[:2] + b"\x30" + bytes([len(echo)]) + echo)
            elif kind == _PING:
                client.sendall(b"\xd0\0")
            elif kind in (_DISCONNECT, None):
                return

    def _code(self, body: bytes) -> int:
        name, rest = _text(body)
        if name != b"MQTT" or rest[:1] != b"\x04":
            return _WRONG_VERSION
        flags = rest[1]
        _, rest = _text(rest[4:])
        user, rest = _text(rest) if flags & 0x80 else (b"", rest)
        password, _ = _text(rest) if flags & 0x40 else (b"", rest)
        known = self.takes_anybody or (user, password) == (b"admin", b"admin")
        known = not flags & 0x80 if self.takes_nameless else known
        return _ACCEPTED if known else _NOT_AUTHORIZED


def _read(client: socket.socket) -> tuple[int | None, bytes]:
    """Read one packet: its type and body; None where the client is gone or sends too much."""
    head = _exactly(client, 1)
    size, shift = 0, 0
    while head and shift < 28:
        octet = _exactly(client, 1)
        if not octet:
            return None, b""
        size |= (octet[0] & 0x7F) << shift
        shift += 7
        if not octet[0] & 0x80:
            return (head[0] >> 4, _exactly(client, size)) if size <= _LIMIT else (None, b"")
    return None, b""


def _exactly(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            return b""
        data += more
    return data


def _text(data: bytes) -> tuple[bytes, bytes]:
    end = 2 + int.from_bytes(data[:2], "big")
    return data[2:end], data[end:]
