"""A GDB stub that was left in the build, planted as a defect: registers and memory for whoever connects on tcp/2345."""

import re
import socket

PORT = "tcp/2345"
_FLASH = 0x0800_0000
_VECTORS = bytes.fromhex("00040020c1010008cd010008cf010008") * 16
_REGISTERS = (b"\0" * 52 + bytes.fromhex("00040020c9010008d2010008")).hex()
_LIMIT = 65_536
_READ = re.compile(rb"m([0-9a-f]{1,16}),([0-9a-f]{1,4})")
_PACKET = re.compile(rb"\$([^$#]*)#[0-9a-fA-F]{2}")


def stub(client: socket.socket) -> None:
    """Answer to packets until the client detaches, hangs up or sends too much."""
    waiting, total = b"", 0
    while total < _LIMIT and (data := client.recv(1024)):
        total += len(data)
        waiting += data
        while found := _PACKET.search(waiting):
            waiting = waiting[found.end() :]
            client.sendall(b"+" + _framed(_reply(found[1])))
            if found[1] == b"D":
                return


def _reply(packet: bytes) -> str:
    if packet.startswith(b"qSupported"):
        return "PacketSize=400"
    if found := _READ.fullmatch(packet):
        start, size = int(found[1], 16) - _FLASH, int(found[2], 16)
        return _VECTORS[start : start + size].hex() if 0 <= start < len(_VECTORS) else "E14"
    return {b"?": "S05", b"g": _REGISTERS, b"D": "OK"}.get(packet, "")


def _framed(reply: str) -> bytes:
    return f"${reply}#{sum(reply.encode()) & 0xFF:02x}".encode()
