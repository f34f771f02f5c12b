"""A Modbus server for the tests: which units and registers it has, and what it says of all else."""

import socket
import struct
from dataclasses import dataclass, field


@dataclass
class Server:
    """Serves one client after another. `registers` are the holding registers; other functions are illegal."""

    registers: dict[int, int] = field(default_factory=dict)
    units: tuple[int, ...] = (255, 1)
    other_unit: int | None = None
    """The exception of a unit that is not there; None: it says nothing."""
    exception: int | None = None
    """Every read is answered with it."""
    written: dict[int, int] = field(default_factory=dict)
    read_only: bool = False
    mangle: str = ""
    """`number`, `unit`, `short`, `long` or `close`: what is wrong with the answers to reads."""
    dropped: set[int] = field(default_factory=set)
    """Functions that are never answered."""
    reset: set[int] = field(default_factory=set)
    """Functions that are answered by an RST."""

    def __call__(self, client: socket.socket) -> None:
        client.settimeout(20)
        while len(head := exactly(client, 7)) == 7:
            pdu = exactly(client, int.from_bytes(head[4:6], "big") - 1)
            if head[6] not in self.units:
                if self.other_unit is not None:
                    self.say(client, head, bytes([pdu[0] | 0x80, self.other_unit]))
                continue
            if pdu[0] in self.dropped:
                continue
            answer = self.answer(pdu)
            if pdu[0] in self.reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            if pdu[0] == 0x2B or not self.mangle:
                self.say(client, head, answer)
            elif self.mangle == "close":
                return
            elif self.mangle == "short":
                self.say(client, head, answer[:-1])
            elif self.mangle == "long":
                client.sendall(head[:4] + b"\xff\xff" + head[6:] + answer)
            else:
                wrong = head[:6] + b"\x07" if self.mangle == "unit" else b"\xff\xff" + head[2:]
                self.say(client, wrong, answer)

    def say(self, client: socket.socket, head: bytes, pdu: bytes) -> None:
        client.sendall(head[:4] + (1 + len(pdu)).to_bytes(2, "big") + head[6:] + pdu)

    def answer(self, pdu: bytes) -> bytes:
        function = pdu[0]
        if function == 0x2B:
            return b"\x2b\x0e\x01\x01\0\0\x02\0\x04Acme\x01\x05PLC\x1b1"
        if self.exception is not None:
            return bytes([function | 0x80, self.exception])
        first, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
        places = range(first, first + count)
        if function not in (3, 16) or (function == 16 and self.read_only):
            return bytes([function | 0x80, 1])
        if not count:
            return bytes([function | 0x80, 3])
        if any(place not in self.registers for place in places):
            return bytes([function | 0x80, 2])
        if function == 16:
            for index, place in enumerate(places):
                self.written[place] = int.from_bytes(pdu[6 + 2 * index : 8 + 2 * index], "big")
            return pdu[:5]
        return bytes([3, 2 * count]) + b"".join(self.registers[place].to_bytes(2, "big") for place in places)


def exactly(client: socket.socket, size: int) -> bytes:
    """Read so many octets, or what came before the client closed."""
    data = b""
    while len(data) < size and (more := client.recv(size - len(data))):
        data += more
    return data
