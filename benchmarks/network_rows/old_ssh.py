"""A stand-in for an SSH server of an old device: the key exchange up to the server's reply, and nothing after it.

No server of today can be configured so: without strict key exchange, with a group of 1024 bits, RC4 and Blowfish.
"""

import contextlib
import os
import socket
import threading

from drivers.network.logins.ssh_kexinit import SshDecodeError, split_identification

PORT = 2_222
_BITS = 1_024
_LISTS = (
    "curve25519-sha256,diffie-hellman-group-exchange-sha256,diffie-hellman-group-exchange-sha1,"
    "diffie-hellman-group14-sha1,diffie-hellman-group1-sha1",
    "ssh-rsa,ssh-dss",
    *2 * ("chacha20-poly1305@openssh.com,aes256-ctr,aes128-cbc,blowfish-cbc,cast128-cbc,arcfour,arcfour256,3des-cbc",),
    *2 * ("hmac-sha2-256-etm@openssh.com,hmac-sha1,hmac-md5,hmac-ripemd160,hmac-sha1-96",),
    *2 * ("none,zlib",),
    *2 * ("",),
)
_KEXINIT, _REPLY, _GEX_INIT, _GEX_REPLY, _GEX_REQUEST, _GEX_OLD = 20, 31, 32, 33, 34, 30
_LIMIT = 65_536


def serve_old_ssh() -> None:
    """Listen in this network namespace, and serve each connection in a thread, until this process ends."""
    listening = socket.create_server(("", PORT), backlog=64)
    threading.Thread(target=_accept, args=(listening,), daemon=True).start()


def _accept(listening: socket.socket) -> None:
    while True:
        threading.Thread(target=_serve, args=(listening.accept()[0],), daemon=True).start()


def _serve(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError, SshDecodeError, IndexError):
        connection.settimeout(10)
        names = b"".join(_string(one.encode()) for one in _LISTS)
        connection.sendall(b"SSH-2.0-OldSSH_1.0\r\n" + _packet(bytes([_KEXINIT]) + os.urandom(16) + names + bytes(5)))
        heard = b""
        while (split := split_identification(heard)) is None:
            heard += _chunk(connection)
        heard, groups = split[1], False
        while True:
            while len(heard) < 5 or len(heard) < 4 + int.from_bytes(heard[:4]):
                heard += _chunk(connection)
            size, padding = int.from_bytes(heard[:4]), heard[4]
            payload, heard = heard[5 : 4 + size - padding], heard[4 + size :]
            groups |= payload[0] == _GEX_REQUEST or (payload[0] == _GEX_OLD and len(payload) == 5)
            if reply := _answer(payload, groups=groups):
                connection.sendall(_packet(reply))


def _answer(payload: bytes, *, groups: bool) -> bytes | None:
    """Give a group to who asks for one, and else show the host key; a KEXINIT has its answer already."""
    if payload[0] == _KEXINIT:
        return None
    if payload[0] == _GEX_REQUEST or (payload[0] == _GEX_OLD and groups and len(payload) == 5):
        return bytes([_REPLY]) + _number((1 << _BITS) - 105) + _number(2)
    kind = _GEX_REPLY if payload[0] == _GEX_INIT else _REPLY
    key = _string(b"ssh-rsa") + _number(65_537) + _number((1 << _BITS) - 1)
    return bytes([kind]) + _string(key) + _number(7) + _string(_string(b"ssh-rsa") + _string(bytes(_BITS // 8)))


def _chunk(connection: socket.socket) -> bytes:
    chunk = connection.recv(8_192)
    if not chunk:
        raise ConnectionError
    return chunk


def _packet(payload: bytes) -> bytes:
    padding = 8 - (5 + len(payload)) % 8 + 8
    return (1 + len(payload) + padding).to_bytes(4) + bytes([padding]) + payload + bytes(padding)


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data


def _number(number: int) -> bytes:
    return _string(number.to_bytes(number.bit_length() // 8 + 1))
