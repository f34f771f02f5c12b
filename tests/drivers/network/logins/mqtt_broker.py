"""An MQTT broker for the tests: who may log in with which version, and what a subscription comes to."""

import socket
from dataclasses import dataclass, field

from drivers.network.logins.mqtt_packets import V5, V311


@dataclass
class Broker:
    """Serves one client after another. `level` is the version that it speaks, and the only one."""

    accounts: dict[str, str] = field(default_factory=dict)
    anonymous: bool = False
    anybody: bool = False
    """Every user gets in with every password."""
    level: int = V311
    refusal: int | None = None
    grant: int | None = 0
    """The code of SUBACK; None: the connection is closed instead."""
    retained: bool = False
    logins: list[str | None] = field(default_factory=list)

    def __call__(self, client: socket.socket) -> None:
        kind, body = read(client)
        if kind != 0x10:
            return
        level, flags = body[6], body[7]
        if level != self.level:
            client.sendall(b"\x20\x02\0\1" if self.level == V311 else b"\x20\x03\0\x84\0")
            return
        rest = body[10 + (level == V5) :]
        _, rest = text(rest)
        user = password = None
        if flags & 0x80:
            user, rest = text(rest)
        if flags & 0x40:
            password, rest = text(rest)
        self.logins.append(user)
        known = self.anonymous if user is None else self.anybody or self.accounts.get(user) == password
        code = 0 if known else self.refusal or (5 if level == V311 else 0x87)
        client.sendall(bytes([0x20, 2, 0, code]) if level == V311 else bytes([0x20, 3, 0, code, 0]))
        if code:
            return
        kind, body = read(client)
        if kind != 0x82:
            return
        if self.retained:
            client.sendall(b"\x31\x06\0\x03a/bx" if level == V311 else b"\x31\x07\0\x03a/b\0x")
        if self.grant is None:
            return
        properties = b"" if level == V311 else b"\0"
        packet = body[:2] + properties + bytes([self.grant])
        client.sendall(bytes([0x90, len(packet)]) + packet)
        client.settimeout(5)
        client.recv(1)


def read(client: socket.socket) -> tuple[int, bytes]:
    head = client.recv(2, socket.MSG_WAITALL)
    if len(head) < 2:
        return 0, b""
    assert head[1] < 0x80
    return head[0], client.recv(head[1], socket.MSG_WAITALL)


def text(data: bytes) -> tuple[str, bytes]:
    end = 2 + int.from_bytes(data[:2], "big")
    return data[2:end].decode(), data[end:]
