"""A Modbus server that was left in the build, planted as a defect: sixteen holding registers and the device's name."""

import socket

PORT = "tcp/502"
_REQUESTS = 256
_HEADER, _LONGEST = 7, 254
_READ, _IDENTIFY = 3, 0x2B
_REGISTERS = 16
_OBJECTS = (b"Halcyon Imaging", b"Vista 2", b"1.4")
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS = 1, 2


def serve(client: socket.socket) -> None:
    """Answer one client until it closes or breaks the rules (MODBUS Messaging on TCP/IP 1.0b)."""
    for _ in range(_REQUESTS):
        head = _exactly(client, _HEADER)
        length = int.from_bytes(head[4:6], "big")
        if len(head) < _HEADER or head[2:4] != b"\0\0" or not 2 <= length <= _LONGEST:
            return
        answer = _answer(_exactly(client, length - 1))
        client.sendall(head[:4] + (1 + len(answer)).to_bytes(2, "big") + head[6:] + answer)


def _answer(pdu: bytes) -> bytes:
    function = pdu[0] if pdu else 0
    if pdu[:2] == bytes([_IDENTIFY, 0x0E]):
        objects = b"".join(bytes([number, len(text)]) + text for number, text in enumerate(_OBJECTS))
        return bytes([_IDENTIFY, 0x0E, 1, 1, 0, 0, len(_OBJECTS)]) + objects
    if function != _READ or len(pdu) != 5:
        return bytes([function | 0x80, _ILLEGAL_FUNCTION])
    address, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
    if count < 1 or address + count > _REGISTERS:
        return bytes([function | 0x80, _ILLEGAL_ADDRESS])
    return bytes([_READ, 2 * count]) + b"".join(
        (100 + one).to_bytes(2, "big") for one in range(address, address + count)
    )


def _exactly(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := client.recv(size - len(data))):
        data += more
    return data
